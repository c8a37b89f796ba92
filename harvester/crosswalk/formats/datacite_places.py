"""DataCite's places: kernel 4 has an element for each coordinate, kernel 3 one text, "lat lon" or "lat lon lat lon"."""

import re

from lxml import etree

from harvester.crosswalk.draft import Draft
from harvester.crosswalk.fields import places
from harvester.crosswalk.tree import line, local_name
from harvester.entry import Box, Geo, Point

_NUMBER = re.compile(r"[+-]?[0-9]{1,3}(?:[.,][0-9]{0,30})?|[+-]?[.,][0-9]{1,30}")
_POINT = ("pointLatitude", "pointLongitude")
_BOX = ("westBoundLongitude", "southBoundLatitude", "eastBoundLongitude", "northBoundLatitude")

Polygon = tuple[tuple[Point, ...], ...]


def geo_location(draft: Draft, element: etree._Element) -> None:
    """One <geoLocation>: what it says of a place, a point, a box and polygons is one place."""
    place: str | None = None
    point: Point | None = None
    box: Box | None = None
    rings: list[tuple[Point, ...]] = []
    if element.text and not element.text.isspace():
        draft.pass_over(element.tag)
    for child in element:
        name = local_name(child)
        if name == "geoLocationPlace" and place is None:
            place = line(draft, child, "geo") or None
        elif name == "geoLocationPoint" and point is None:
            point = _point(draft, child)
        elif name == "geoLocationBox" and box is None:
            box = _box(draft, child)
        elif name == "geoLocationPolygon":
            ring = _ring(draft, child)
            if ring:
                rings.append(ring)
        elif name:
            draft.leave(child)
    if place or point or box or rings:
        draft.geo.append(Geo(place, point, box, tuple(rings)))


def _point(draft: Draft, element: etree._Element) -> Point | None:
    raw, numbers = _numbers(draft, element, _POINT)
    if len(numbers) == 2:
        return places.point(numbers[0], numbers[1], draft.notes, raw)
    if raw:
        draft.note("geo", "coordinates_not_understood", raw)
    return None


def _box(draft: Draft, element: etree._Element) -> Box | None:
    raw, numbers = _numbers(draft, element, _BOX)
    if len(numbers) != 4:
        if raw:
            draft.note("geo", "coordinates_not_understood", raw)
        return None
    if len(element):
        west, south, east, north = numbers
    else:  # lower corner, upper corner (kernel 3.1, geoLocationBox)
        south, west, north, east = numbers
    if south > north:
        draft.note("geo", "coordinates_swapped", raw)
        south, north = north, south
    return places.box({"west": west, "south": south, "east": east, "north": north}, draft.notes, raw)


def _ring(draft: Draft, element: etree._Element) -> tuple[Point, ...]:
    points: list[Point] = []
    for child in element:
        name = local_name(child)
        point = _point(draft, child) if name == "polygonPoint" else None
        if point is not None:
            points.append(point)
        elif name and name != "polygonPoint":
            draft.leave(child)
    if element.text and not element.text.isspace():
        draft.pass_over(element.tag)
    return tuple(points)


def _numbers(draft: Draft, element: etree._Element, names: tuple[str, ...]) -> tuple[str, list[float]]:
    """(what was written, the numbers in the order of `names`); a side that is missing leaves fewer of them."""
    if not len(element):
        raw = line(draft, element, "geo")
        parts = raw.split(maxsplit=10)
        if len(parts) not in (2, 4):
            parts = raw.replace(",", " ").replace(";", " ").split(maxsplit=10)
        found = [_number(part.rstrip(",;")) for part in parts]
        return raw, [each for each in found if each is not None] if None not in found else []
    sides: dict[str, str] = {}
    for child in element:
        name = local_name(child)
        if name in names and name not in sides:
            sides[name] = line(draft, child, "geo")
        elif name:
            draft.leave(child)
    read = [_number(sides.get(name, "")) for name in names]
    return " ".join(sides[name] for name in names if sides.get(name)), [
        each for each in read if each is not None
    ]


def _number(text: str) -> float | None:
    # "westlimit=19.216667" is what DataverseNO makes of DCMI Box (10.18710/41U4VL)
    text = text.rpartition("=")[2].strip()
    if not _NUMBER.fullmatch(text):
        return None
    return float(text.replace(",", "."))
