"""MARC 034, 255, 522: coordinates and places of maps.

Degrees, minutes and seconds become decimal degrees; what is no coordinate stays text.
"""

import re

from harvester.crosswalk.fields import places
from harvester.crosswalk.formats.marc_punctuation import trimmed, unsigned
from harvester.crosswalk.formats.marc_record import Field, Record, readers
from harvester.entry import Box, Description, Geo, Point

# hdddmmss, hddd.dddddd, hdddmm.mmmm, hdddmmss.sss, +-ddd.dddddd (MARC 21, 034)
_CODED = re.compile(r"([NSEW+-]?)([0-9]{1,7})(\.[0-9]{1,10})?", re.IGNORECASE)
_WRITTEN = re.compile(
    r"([NSEW]) ?\.? ?([0-9]{1,3})(?:\.([0-9]{1,8}))? ?[°º⁰]? ?(?:([0-9]{1,2}) ?['’′´ʹ] ?)?(?:([0-9]{1,2}(?:\.[0-9]{1,4})?) ?(?:[\"”″ʺ]|''|´´))?",
    re.IGNORECASE,
)


def _coded(record: Record, field: Field) -> None:
    """034: west, east, north, south in $d-$g; a polygon in $s (latitudes) and $t (longitudes)."""
    sides = [degrees(field.peek(code)) for code in "defg"]
    if None not in sides:
        field.every("defg")
        west, east, north, south = (side for side in sides if side is not None)
        _place(record, (west, east, north, south), " ".join(field.every("defg")))
    ring = [
        (degrees(lat), degrees(lon)) for lat, lon in zip(field.every("s"), field.every("t"), strict=False)
    ]
    points = [
        Point(lat, lon)
        for lat, lon in ring
        if lat is not None and lon is not None and abs(lat) <= 90 and abs(lon) <= 180
    ]
    if len(points) == len(ring) and len(points) > 2:
        record.draft.geo.append(Geo(polygon=(tuple(points),)))
    else:
        field.untake("s")
        field.untake("t")


def _place(record: Record, sides: tuple[float, float, float, float], raw: str) -> None:
    west, east, north, south = sides
    notes = record.draft.notes
    if west == east and north == south:
        point = places.point(north, west, notes, raw)
        record.draft.add("geo", Geo(point=point) if point else None)
        return
    found: Box | None = places.box({"west": west, "east": east, "north": north, "south": south}, notes, raw)
    if found and all(geo.box != found for geo in record.draft.geo[:50]):
        record.draft.geo.append(Geo(box=found))


def degrees(text: str) -> float | None:
    """Decimal degrees of one coordinate of 034, south and west negative; None where it is none."""
    match = _CODED.fullmatch(text.strip().replace(" ", ""))
    if not match:
        return None
    side, whole, fraction = match.groups()
    part = float(fraction or 0)
    if side in "+-" or len(whole) <= 3:
        value = int(whole) + part
    elif len(whole) <= 5:
        value = int(whole[:3]) + (int(whole[3:]) + part) / 60
    else:
        digits = whole.zfill(7)
        value = int(digits[:3]) + int(digits[3:5]) / 60 + (int(digits[5:]) + part) / 3600
    return round(-value if side.upper() in ("S", "W", "-") else value, 6)


def _mathematical(record: Record, field: Field) -> None:
    """255: scale and projection are said in words; $c are the coordinates, as the map has them."""
    said = unsigned(" ".join(field.every("ab")))
    if said:
        record.draft.descriptions.append(Description(said, "technical"))
    for text in field.every("c"):
        sides = written(text)
        if sides:
            _place(record, sides, text)
        elif place := trimmed(text).strip("()"):
            record.draft.geo.append(Geo(place))


def written(text: str) -> tuple[float, float, float, float] | None:
    """West, east, north, south of `(W 148°40´--W 148°20´/N 70°20´--N 70°10´)`; None where it says less or more."""
    found = _WRITTEN.findall(text) if len(text) <= 300 else []
    if len(found) not in (2, 4) or _WRITTEN.sub("", text).strip(" ()[]/-–—.,;"):
        return None
    values: dict[bool, list[float]] = {False: [], True: []}
    for side, whole, fraction, minutes, seconds in found:
        value = float(f"{whole}.{fraction or 0}") + int(minutes or 0) / 60 + float(seconds or 0) / 3600
        upright = side.upper() in ("N", "S")
        values[upright].append(round(-value if side.upper() in ("S", "W") else value, 6))
    longitudes, latitudes = values[False], values[True]
    if len(longitudes) != len(latitudes):
        return None
    return longitudes[0], longitudes[-1], max(latitudes), min(latitudes)


def _coverage(record: Record, field: Field) -> None:
    """522."""
    for text in field.every("a"):
        if place := trimmed(text):
            record.draft.geo.append(Geo(place))


READERS = readers("geo", {"034": _coded, "255": _mathematical, "522": _coverage})
