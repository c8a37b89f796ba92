"""subject and classification of MODS: headings put together as catalogues write them, places, periods, coordinates."""

import re

from lxml import etree

from harvester.crosswalk.draft import Draft
from harvester.crosswalk.fields import dates, places, subjects
from harvester.crosswalk.fields import text as texts
from harvester.crosswalk.fields.vocabulary import terms
from harvester.crosswalk.formats import mods_names, mods_titles
from harvester.crosswalk.formats.marc_places import written
from harvester.crosswalk.tree import attribute, line, local_name
from harvester.entry import Date, Geo, Subject

Part = tuple[str, str, etree._Element]  # name of the element, its text, itself

SEPARATOR = " -- "
_URI = ("http://", "https://")
_AREAS = (
    "extraterrestrialarea", "continent", "country", "province", "region", "state", "territory", "county", "city",
    "citysection", "island", "area",
)  # fmt: skip
_PLAIN = frozenset(("topic", "geographic", "temporal", "genre", "occupation"))
_PLACES = frozenset(("geographic", "hierarchicalgeographic"))
_DECIMALS = re.compile(
    r"\(?(-?[0-9]{1,3}(?:\.[0-9]{1,15})?)[°º]? ?[,; ] ?(-?[0-9]{1,3}(?:\.[0-9]{1,15})?)[°º]?\)?"
)


def read(draft: Draft, element: etree._Element) -> None:
    """One heading; where the parts have authorities of their own, they are headings of their own."""
    parts: list[Part] = []
    maps: list[etree._Element] = []
    if element.text and not element.text.isspace():
        parts.append(("topic", texts.line(element.text, draft.notes, "subjects"), element))
    for child in element:
        name = local_name(child).lower()
        if name == "cartographics":
            maps.append(child)
        elif name == "geographiccode":
            _code(draft, child)
        elif name and (said := _text(draft, child, name)):
            parts.append((name, said, child))
    apart = any(child.get("valueURI") for _, _, child in parts if child is not element)
    if apart and not element.get("valueURI"):
        for part in parts:
            _heading(draft, element, [part])
    elif parts:
        _heading(draft, element, parts)
    _coordinates(draft, maps, [said for name, said, _ in parts if name in _PLACES])


def classification(draft: Draft, element: etree._Element) -> None:
    """A notation is a code; some schemes have words instead."""
    said = line(draft, element, "subjects")
    link = attribute(draft, element, "valueURI", "subjects")
    if said or link:
        coded = any(sign.isdecimal() for sign in said) or (0 < len(said) < 4 and said.isupper())
        uri = link if link.startswith(_URI) else None
        scheme = _scheme(element)
        draft.subjects.append(
            Subject(None, scheme, uri, said) if coded else Subject(said or None, scheme, uri, None)
        )


def _text(draft: Draft, element: etree._Element, name: str) -> str:
    if name in _PLAIN:
        return line(draft, element, "subjects").rstrip(" ,;")
    if name == "name":
        return mods_names.heading(draft, element, "subjects")
    if name == "titleinfo":
        return mods_titles.heading(draft, element, "subjects").whole
    if name == "hierarchicalgeographic":
        return _hierarchy(draft, element)
    draft.leave(element)
    return ""


def _hierarchy(draft: Draft, element: etree._Element) -> str:
    """From the continent to the street, in whatever order they stand."""
    found: list[tuple[int, str]] = []
    for child in element:
        name = local_name(child).lower()
        if name in _AREAS and (said := line(draft, child, "subjects")):
            found.append((_AREAS.index(name), said))
        elif name:
            draft.leave(child)
    return SEPARATOR.join(said for _, said in sorted(found, key=lambda pair: pair[0]))


def _heading(draft: Draft, subject: etree._Element, parts: list[Part]) -> None:
    names = {name for name, _, _ in parts}
    said = SEPARATOR.join(text for _, text, _ in parts)
    bearer = parts[0][2] if len(parts) == 1 and parts[0][2].attrib else subject
    scheme = _scheme(bearer) or _scheme(subject)
    uri, code = _concept(draft, bearer)
    if bearer is not subject and uri is None and code is None:
        uri, code = _concept(draft, subject)
    if names == {"temporal"} and _period(draft, parts):
        return
    if len(parts) == 1 and not (scheme or uri or code):
        draft.add("subjects", subjects.read(said))  # keywords may be joined, and say their scheme in front
    else:
        draft.subjects.append(Subject(said, scheme, uri, code))
    if names <= _PLACES and not _has_map(subject):
        draft.geo.append(places.read(said, draft.notes))


def _has_map(subject: etree._Element) -> bool:
    return any(local_name(child) == "cartographics" for child in subject)


def _period(draft: Draft, parts: list[Part]) -> bool:
    """What the item is about in time, where it is a date and not a name of a period; a start and an end are one."""
    found = [dates.edtf(text) for _, text, _ in parts]
    if not all(found):
        return False
    if len(parts) == 2 and [child.get("point") for _, _, child in parts] == ["start", "end"]:
        whole = dates.interval(found[0], found[1])
        if whole:
            raw = f"{parts[0][1]}/{parts[1][1]}"
            draft.dates.append(Date("Coverage", whole.value, whole.start, whole.end, raw))
            return True
    for (_, text, _), period in zip(parts, found, strict=True):
        if period:
            draft.dates.append(Date("Coverage", period.value, period.start, period.end, text))
    return True


def _scheme(element: etree._Element) -> str | None:
    authority = (element.get("authority") or "").strip()
    if not authority.isprintable() or not authority:
        return None
    return terms("subject-schemes", "prefixes").get(authority.lower(), authority)


def _concept(draft: Draft, element: etree._Element) -> tuple[str | None, str | None]:
    """(uri, code): valueURI, which may hold a bare number, or the link that DiVA writes its codes into."""
    for name in ("valueURI", "href"):
        link = attribute(draft, element, name, "subjects")
        if link:
            return (link, None) if link.startswith(_URI) else (None, link)
    return None, None


def _code(draft: Draft, element: etree._Element) -> None:
    if said := line(draft, element, "subjects"):
        draft.subjects.append(Subject(None, _scheme(element), None, said))


def _coordinates(draft: Draft, maps: list[etree._Element], named: list[str]) -> None:
    place = SEPARATOR.join(named) or None
    for element in maps:
        for child in element:
            if local_name(child) == "coordinates" and (said := line(draft, child, "geo")):
                draft.geo.append(_geo(draft, said, place))
                place = None
            elif local_name(child):
                draft.leave(child)  # scale and projection
    if maps and place:
        draft.geo.append(Geo(place))


def _geo(draft: Draft, said: str, place: str | None) -> Geo:
    """`42.1,-72.5833`, latitude first; `W 97°--W 96°/N 41°--N 40°`, as maps have it; else words."""
    if match := _DECIMALS.fullmatch(said):
        point = places.point(float(match[1]), float(match[2]), draft.notes, said)
        return Geo(place or (None if point else said), point)
    if sides := written(said):
        west, east, north, south = sides
        if (west, south) == (east, north):
            point = places.point(north, west, draft.notes, said)
            return Geo(place or (None if point else said), point)
        box = places.box({"west": west, "east": east, "north": north, "south": south}, draft.notes, said)
        return Geo(place or (None if box else said), None, box)
    read = places.read(said, draft.notes)
    if read.box is None and read.point is None:
        draft.note("geo", "coordinates_not_understood", said)
    return Geo(place or read.place, read.point, read.box)
