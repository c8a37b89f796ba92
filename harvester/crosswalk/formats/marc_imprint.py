"""MARC 008, 041, 045, 046, 250, 26X: dates, languages, publisher and edition."""

import re
from functools import lru_cache

from harvester.crosswalk.fields import dates, languages
from harvester.crosswalk.fields.dates import Edtf
from harvester.crosswalk.formats import oai_dc
from harvester.crosswalk.formats.marc_punctuation import heading, trimmed, unbracketed
from harvester.crosswalk.formats.marc_record import Field, Record, readers
from harvester.entry import Agent, Date

_COPYRIGHT = re.compile(r"(?:c|©|℗|p|cop\.?|copyright) ?([0-9]{4})\b", re.IGNORECASE)
_BRACKETED = re.compile(r"\[(?:i\. ?e\.,? ?)?(?:c|©)?([0-9]{4})\??\]|i\. ?e\.,? ?([0-9]{4})", re.IGNORECASE)
_ONGOING = re.compile(r"(?:c|©)?([0-9]{4})\]?[-–] ?")
_DATE_ONE = re.compile(r"[0-9]{1,4}u{0,3}")
_CODED = re.compile(r"([e-y])([0-9-])([e-y])([0-9-])")
_FORMATTED = re.compile(r"d?([0-9]{4})([0-9]{2})?([0-9]{2})?[0-9]{0,2}")
_NOBODY = frozenset((
    "s.n", "s.n.", "s. n", "s. n.", "n. pub", "n. pub.", "n.pub", "publisher not identified", "sine nomine",
    "[s.n.", "[s.n", "s.n.]", "producer not identified",
))  # fmt: skip
_EMBARGO = "info:eu-repo/date/embargoEnd/"
_INTERVALS = "dcumqik"  # 008/06: date 1 and date 2 are the ends; of i and k those of what a collection holds


def fixed(record: Record) -> None:
    """008: the dates where no field says the date of publication, the language where no field says it."""
    text = record.fixed
    _make_certain(record, text)
    stated = any(date.type == "Issued" and date.value for date in record.draft.dates)
    for date in _fixed_dates(text, record.draft.latest):
        known = any((date.type, date.value) == (own.type, own.value) for own in record.draft.dates[:50])
        if not known and not (
            stated and date.type == "Issued"
        ):  # what stands on the item, in 26X, counts more
            record.draft.dates.append(date)
    code = text[35:38]
    if not record.draft.languages and code.isalpha() and (tag := languages.tag(code)):
        record.draft.languages.append(tag)


def _make_certain(record: Record, text: str) -> None:
    """`c.1993` may be about 1993 or its copyright; a single date that 008 knows says which."""
    if text[6:7] not in ("s", "t", "e"):
        return
    for at, date in enumerate(record.draft.dates[:50]):
        if date.type == "Issued" and date.value == f"{text[7:11]}~":
            record.draft.dates[at] = Date("Issued", text[7:11], date.start, date.end, date.raw)


def _fixed_dates(text: str, latest: int) -> list[Date]:
    """008/06 says what the dates in 07-10 and 11-14 are; u is an unknown digit, 9999 goes on."""
    kind, first, second, raw = text[6:7], text[7:11].strip(), text[11:15].strip(), text[6:15]
    if not _DATE_ONE.fullmatch(first) or kind in ("b", "n"):
        return []
    begin, end = _digits(first, latest), _digits(second, latest)
    if begin is None:
        return []
    if kind == "e" and second.isdecimal():
        whole = dates.edtf(f"{first}-{second[:2]}" + (f"-{second[2:]}" if second[2:] else ""))
        return [_dated("Issued", whole or begin, raw)]
    if kind in _INTERVALS and kind:
        ended = None if kind in "cu" and end is None else end
        ongoing = kind in "cu" or second in ("9999", "uuuu")
        whole = dates.interval(begin, ended) if (ended and ended.value != begin.value) or ongoing else begin
        return [_dated("Created" if kind in "ik" else "Issued", whole or begin, raw)]
    found = [_dated("Issued", begin, raw)]
    other = {"t": "Copyrighted", "r": "Other", "p": "Created"}.get(kind)
    if other and end:
        found.append(_dated(other, end, raw))
    return found


def _digits(text: str, latest: int) -> Edtf | None:
    """`197u` is 197X; a year that cannot be is none."""
    if not _DATE_ONE.fullmatch(text) or text == "9999" or len(text) != 4:
        return None
    first, last = text.replace("u", "0"), text.replace("u", "9")
    if not 1 < int(first) <= latest:
        return None
    return Edtf(text.replace("u", "X"), f"{first}-01-01", f"{last}-12-31")


def _dated(kind: str, found: Edtf, raw: str) -> Date:
    return Date(kind, found.value, found.start, found.end, raw)


def _published(record: Record, field: Field) -> None:
    """260; 264, whose second indicator says whose imprint it is: 0 producer, 1 publisher, 2 distributor, 4 copyright."""
    part = field.ind2 if field.tag == "264" else "1"
    if part == "3":  # manufacture
        return
    kind = {"0": "Created", "2": "Available", "4": "Copyrighted"}.get(part, "Issued")
    for said in field.every("c"):
        _date(record, said, kind)
    if part == "2":
        for said in field.every("b"):
            record.draft.contributors.append(Agent(_body(said), kind="organisation", role="Distributor"))
    elif part in ("1", " "):
        _publisher(record, field)


def _publisher(record: Record, field: Field) -> None:
    draft = record.draft
    for said in field.every("b"):
        name = _body(said)
        if name.lower() in _NOBODY:
            continue
        if draft.publisher is None:
            draft.publisher = name
        elif name != draft.publisher:
            draft.note("publisher", "further_value", name)


def _body(said: str) -> str:
    return unbracketed(trimmed(said)) or said


def _date(record: Record, said: str, kind: str | None) -> None:
    """One $c. `1998, c1997` is a date of issue and one of copyright; `c1998` alone stands for the date of issue."""
    draft = record.draft
    if said.startswith(_EMBARGO):
        oai_dc.date(draft, said, draft.metadata)  # Invenio
        return
    text = trimmed(said).strip("<> ").rstrip(".")
    protected = _COPYRIGHT.search(text)
    if protected and protected.start() > 3:
        draft.dates.append(_read(record, text[: protected.start()].rstrip(" ,;[("), said, kind))
        draft.dates.append(_read(record, protected[1], protected[0], "Copyrighted"))
    else:
        bare = text.strip("[]().")
        whole = protected if protected and protected[0] == bare else None
        draft.dates.append(_read(record, whole[1] if whole else text, said, kind))


def _read(record: Record, text: str, raw: str, kind: str | None) -> Date:
    found = _understood(text)
    if found is None and (given := _BRACKETED.search(text)):  # 5767 [2007], 1998 [i.e. 1999]
        text = given[1] or given[2]
        found = _understood(text)
    year = dates.year_of(found.value) if found else None
    if found is None or found.doubt or (year is not None and not 1 < year <= record.draft.latest):
        said = dates.read(text, record.draft.notes, latest=record.draft.latest)
        return Date(kind, said.value, said.start, said.end, raw)
    return Date(kind, found.value, found.start, found.end, raw)


@lru_cache(maxsize=4096)
def _understood(text: str) -> Edtf | None:
    """`1964-` goes on; else any date. Catalogues hold the same years again and again, and some are slow to read."""
    match = _ONGOING.fullmatch(text.lstrip("["))
    return dates.interval(dates.edtf(match[1]), None) if match else dates.edtf(text)


def _preprint(record: Record, field: Field) -> None:
    """269 of CDS and INSPIRE: place, body and day of the preprint. The kind of its date is not said."""
    if "773" not in record.tags:  # the publisher of an article is the journal's
        _publisher(record, field)
    for said in field.every("c"):
        _date(record, said, None)


def _coded(record: Record, field: Field) -> None:
    """046: $j modified, $k-$l created, $m-$n valid. The dates of $b-$e are those of 008, written longer."""
    draft = record.draft
    for code, said in field.pairs("jkm"):
        last = field.first({"k": "l", "m": "n"}.get(code, ""))
        kind = {"j": "Updated", "k": "Created"}.get(code, "Valid")
        whole = f"{said}/{last}" if last else said
        draft.dates.append(dates.read(whole, draft.notes, type=kind, latest=draft.latest))


def _period(record: Record, field: Field) -> None:
    """045: the time that the work is about; $b formatted (d1914), $a in letters for centuries and digits for decades."""
    found = [match for said in field.every("b") if (match := _FORMATTED.fullmatch(said))]
    values = ["-".join(part for part in match.groups() if part) for match in found]
    if field.ind1 == "2" and len(values) == 2:
        values = ["/".join(values)]
    if len(found) < len([code for code in field.codes if code == "b"]):
        field.untake("b")  # a date before Christ
        values = []
    coded = [_CODED.fullmatch(said) for said in field.every("a")]
    values += [_centuries(match) for match in coded if match]
    if not all(coded):
        field.untake("a")
    for value in values:
        record.draft.dates.append(dates.read(value, record.draft.notes, type="Coverage"))


def _centuries(match: re.Match[str]) -> str:
    """w8x1 is 1880-1919: e is the first century, a hyphen the whole of one."""
    first, decade, last, until = match.groups()
    start = (ord(first) - ord("e")) * 100 + (int(decade) * 10 if decade != "-" else 0)
    end = (ord(last) - ord("e")) * 100 + (int(until) * 10 + 9 if until != "-" else 99)
    return f"{start:04}/{end:04}"


def _language(record: Record, field: Field) -> None:
    """041: $a, and $d of what is sung or spoken. Before 2001 several codes stood in one subfield: engfre."""
    for said in field.every("ad"):
        pieces = [said[at : at + 3] for at in range(0, len(said), 3)] if len(said) <= 30 else []
        tags = [languages.tag(piece) for piece in pieces]
        if len(said) > 3 and len(said) % 3 == 0 and said.isalpha() and all(tags):
            record.draft.languages.extend(tag for tag in tags if tag)
        else:
            record.draft.languages.extend(languages.read(said, record.draft.notes))


def _edition(record: Record, field: Field) -> None:
    """250."""
    text = heading(field.every("ab"))
    if record.draft.version is None:
        record.draft.version = text or None
    elif text and text != record.draft.version:
        record.draft.note("version", "further_value", text)


READERS = (
    readers("dates", {"045": _period, "046": _coded})
    | readers("languages", {"041": _language})
    | readers("publisher", {"260": _published, "264": _published, "269": _preprint})
    | readers("version", {"250": _edition})
)
