"""originInfo of MODS: dates, publisher and edition of the item, kept apart from those of its digitisation.

Digitised books have two originInfo, one of the print and one of the scan (DFG, MODS-Anwendungsprofil); a library that
scanned a book of 1780 in 2019 did not publish it then.
"""

import re

from lxml import etree

from harvester.crosswalk.draft import Draft
from harvester.crosswalk.fields import dates
from harvester.crosswalk.fields.dates import Edtf
from harvester.crosswalk.tree import children, line, local_name
from harvester.entry import Date

_DATES = {
    "dateissued": "Issued", "datecreated": "Created", "datecaptured": "Collected", "datevalid": "Valid",
    "datemodified": "Updated", "copyrightdate": "Copyrighted", "dateother": "Other", "displaydate": "Issued",
}  # fmt: skip
_OTHER = {
    "availablefrom": "Available", "available": "Available", "dateavailable": "Available", "accepted": "Accepted",
    "dateaccepted": "Accepted", "submitted": "Submitted", "datesubmitted": "Submitted", "issued": "Issued",
    "published": "Issued", "created": "Created", "modified": "Updated", "updated": "Updated", "valid": "Valid",
    "copyright": "Copyrighted",
}  # fmt: skip
_SIGNS = {"approximate": "~", "questionable": "?"}
_MARC_YEAR = re.compile(r"[0-9]{1,4}u{0,3}")
_DIGITAL = ("electronic ed", "elektronische", "online ausg", "online ed", "digital ed")
# What cataloguers write where a book does not name its publisher
_NOBODY = frozenset((
    "s.n", "s. n", "n. pub", "n.pub", "publisher not identified", "sine nomine", "verlag nicht ermittelbar",
    "éditeur inconnu",
))  # fmt: skip
_SEPARATORS = " ,/;:="


def read(draft: Draft, element: etree._Element, *, alone: bool) -> None:
    """Dates, publisher and edition of the item; who digitised it is not its publisher. `alone`: it is the only one."""
    digital = _is_digitisation(element, alone=alone)
    _dates(draft, element, digital=digital)
    for child in element:
        match local_name(child).lower():
            case "publisher":
                _publisher(draft, line(draft, child, "publisher"), digital=digital)
            case "edition" if not digital:
                _edition(draft, line(draft, child, "version").rstrip(_SEPARATORS))
            case "agent" if any(children(child, "namePart")):
                _agent(draft, child)
            case "":
                pass
            case name if name not in _DATES:
                draft.leave(child)  # place, issuance, frequency: the model has no room for them


def _is_digitisation(element: etree._Element, *, alone: bool) -> bool:
    """By its event; older records only say that the edition is electronic, which an electronic book's own is too."""
    event = (element.get("eventType") or "").strip().lower()
    if event or alone:
        return event.startswith(("digiti", "digitali"))
    editions = (child.text or "" for child in element if local_name(child).lower() == "edition")
    return any(edition.strip(" [").lower().replace("-", " ").startswith(_DIGITAL) for edition in editions)


def _publisher(draft: Draft, said: str, *, digital: bool) -> None:
    said = said.rstrip(_SEPARATORS)
    if said.strip("[]. ").lower() in _NOBODY:
        draft.note("publisher", "publisher_unknown", said)
    elif said and digital:
        draft.note("publisher", "digitised_by", said)
    elif said and draft.publisher is None:
        draft.publisher = said
    elif said and said != draft.publisher:
        draft.note("publisher", "further_value", said)


def _agent(draft: Draft, element: etree._Element) -> None:
    """MODS 3.8 names the publisher as an agent with a role."""
    roles = {(term.text or "").strip().lower() for term in element.iter("{*}roleTerm")}
    for child in element:
        if local_name(child) == "namePart" and (not roles or roles & {"pbl", "publisher"}):
            _publisher(draft, line(draft, child, "publisher"), digital=False)
        else:
            draft.leave(child)


def _edition(draft: Draft, said: str) -> None:
    if draft.version is None:
        draft.version = said or None
    elif said and said != draft.version:
        draft.note("version", "further_value", said)


def _dates(draft: Draft, element: etree._Element, *, digital: bool) -> None:
    """The dates of one originInfo; a start and an end of the same kind are one interval."""
    held: dict[str, dict[str, etree._Element]] = {}
    for child in element:
        name = local_name(child).lower()
        if name not in _DATES:
            continue
        kind, point = _kind(child, name, digital=digital), child.get("point") or ""
        if point not in ("start", "end"):
            _single(draft, child, kind)
            continue
        ends = held.setdefault(f"{name} {child.get('type') or ''}", {})
        if point in ends:
            _single(draft, ends[point], kind)
        ends[point] = child
        if len(ends) == 2:
            _interval(draft, ends["start"], ends["end"], kind)
            ends.clear()
    for name, ends in held.items():
        for child in ends.values():
            _single(draft, child, _kind(child, name.partition(" ")[0], digital=digital))


def _kind(element: etree._Element, name: str, *, digital: bool) -> str:
    kind = _DATES[name]
    if name == "dateother":
        kind = _OTHER.get("".join((element.get("type") or "").lower().split()), "Other")
    # a date of the scan is not the item's own
    return "Other" if digital and kind in ("Issued", "Created", "Available", "Copyrighted") else kind


def _single(draft: Draft, element: etree._Element, kind: str) -> None:
    said = line(draft, element, "dates").rstrip(" ,;")
    if not said:
        return
    date = dates.read(_spelt(said), draft.notes, type=kind, latest=draft.latest)
    sign = _SIGNS.get(element.get("qualifier") or "")
    value = _marked(date.value, sign) if sign and date.value else date.value
    if element.get("point") == "end" and value and "/" not in value:
        _add(draft, Date(kind, f"../{value}", None, date.end, said), element)
    else:
        _add(draft, Date(kind, value, date.start, date.end, said), element)


def _interval(draft: Draft, start: etree._Element, end: etree._Element, kind: str) -> None:
    first, last = (line(draft, element, "dates").rstrip(" ,;") for element in (start, end))
    left, right = _edtf(first, start), _edtf(last, end)
    open_end = last in ("9999", "uuuu")
    whole = left if left and left == right else dates.interval(left, None if open_end else right)
    year = max((dates.year_of(part) or 0 for part in whole.value.split("/")), default=0) if whole else 0
    if whole is None or not left or not (right or open_end) or year > draft.latest:
        _single(draft, start, kind)
        _single(draft, end, kind)
        return
    _add(draft, Date(kind, whole.value, whole.start, whole.end, f"{first}/{last}"), start)


def _edtf(said: str, element: etree._Element) -> Edtf | None:
    found = dates.edtf(_spelt(said)) if said else None
    sign = _SIGNS.get(element.get("qualifier") or "")
    return found._replace(value=_marked(found.value, sign)) if found and sign else found


def _spelt(said: str) -> str:
    """MARC writes u for a digit that nobody knows: `18uu` is 18XX."""
    return said.replace("u", "X") if len(said) == 4 and "u" in said and _MARC_YEAR.fullmatch(said) else said


def _marked(value: str, sign: str) -> str:
    """The value with EDTF's sign for a date that is approximate or uncertain; % is both."""
    if "/" in value or "T" in value or value[-1] in (sign, "%"):
        return value
    return value[:-1] + "%" if value[-1] in "~?" else value + sign


def _add(draft: Draft, date: Date, element: etree._Element) -> None:
    """The same date in several encodings counts once; the key date, if it is one of issue, is that of publication."""
    if date.value and any(
        known.type == date.type and known.value == date.value for known in draft.dates[:50]
    ):
        return
    draft.dates.append(date)
    if element.get("keyDate") == "yes" and date.type == "Issued" and date.value and draft.published is None:
        draft.published = date
