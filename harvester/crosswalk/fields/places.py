"""Places: names, and the points and boxes that are written into dc:coverage.

Pure. Coordinates are checked for their range; latitude and longitude the wrong way round are put right, and said.
"""

import re

from harvester.crosswalk.fields.text import excerpt
from harvester.entry import Box, Geo, Point, Problem

# DCMI Point and Box (name=value;) and tDAR's "MaxY: …, MinY: …"
_PAIR = re.compile(r"([A-Za-z -]{3,25}?) ?[=:] ?(-?[0-9]{1,3}(?:\.[0-9]{1,20})?)(?![0-9.])")
_NAME = re.compile(r"name ?= ?([^;]{1,200})")
_SIDES = {
    "northlimit": "north", "southlimit": "south", "eastlimit": "east", "westlimit": "west", "maxy": "north",
    "miny": "south", "maxx": "east", "minx": "west", "northboundlatitude": "north", "southboundlatitude": "south",
    "eastboundlongitude": "east", "westboundlongitude": "west", "north": "lat", "east": "lon",
}  # fmt: skip


def read(text: str, notes: list[Problem]) -> Geo:
    """A place from a text (one line): at least its words."""
    if ("=" in text or ":" in text) and len(text) <= 1000:
        return _coordinates(text, notes) or Geo(text)
    return Geo(text)


def point(lat: float, lon: float, notes: list[Problem], raw: str) -> Point | None:
    """A point within the range of degrees, or None and a problem."""
    if abs(lat) <= 90 and abs(lon) <= 180:
        return Point(lat, lon)
    if abs(lat) <= 180 and abs(lon) <= 90:
        notes.append(Problem("geo", "coordinates_swapped", excerpt(raw)))
        return Point(lon, lat)
    notes.append(Problem("geo", "coordinates_impossible", excerpt(raw)))  # so are NaN and the infinities
    return None


def box(sides: dict[str, float], notes: list[Problem], raw: str) -> Box | None:
    """A box from west, south, east and north, or None and a problem."""
    west, south, east, north = (sides[side] for side in ("west", "south", "east", "north"))
    if abs(south) <= 90 and abs(north) <= 90 and abs(west) <= 180 and abs(east) <= 180:
        return Box(west, south, east, north)
    if abs(west) <= 90 and abs(east) <= 90 and abs(south) <= 180 and abs(north) <= 180:
        notes.append(Problem("geo", "coordinates_swapped", excerpt(raw)))
        return Box(south, west, north, east)
    notes.append(Problem("geo", "coordinates_impossible", excerpt(raw)))
    return None


def _coordinates(text: str, notes: list[Problem]) -> Geo | None:
    sides: dict[str, float] = {}
    for name, number in _PAIR.findall(text):
        side = _SIDES.get("".join(sign for sign in name.lower() if sign.isalpha()))
        if side:
            sides[side] = float(number)
    named = _NAME.search(text)
    place = named[1].strip() if named else text
    if {"west", "south", "east", "north"} <= sides.keys():
        return Geo(place, None, box(sides, notes, text))
    if {"lat", "lon"} <= sides.keys():
        return Geo(place, point(sides["lat"], sides["lon"], notes, text))
    return None
