"""MARC 043, 050-084, 600-662: subject headings with their subdivisions, keywords and classification numbers."""

from harvester.crosswalk.fields import dates, licences, subjects, types
from harvester.crosswalk.fields.vocabulary import folded, terms
from harvester.crosswalk.formats.marc_identifiers import authority, bracketed
from harvester.crosswalk.formats.marc_punctuation import heading, trimmed
from harvester.crosswalk.formats.marc_record import Field, Record, readers
from harvester.crosswalk.formats.marc_titles import genre
from harvester.entry import Date, Geo, Subject

_SUBDIVISIONS = "vxyz"
_MAIN = {
    "600": "abcdfghklmnopqrst", "610": "abcdfghklmnoprst", "611": "acdefghklnpqst", "630": "adfghklmnoprst",
    "651": "a", "662": "abcdfgh",
}  # fmt: skip
_AREAS = "http://id.loc.gov/vocabulary/geographicAreas/"


def _heading(record: Record, field: Field) -> None:
    """600-662: the heading, then its subdivisions, separated as in catalogues."""
    scheme = _scheme(field)
    if field.tag == "650" and terms("marc-subjects", "licences").get(folded(scheme or "")):
        _licence(record, field)
        return
    own = _MAIN.get(field.tag, "abcd")
    parts: list[str] = []
    main: list[str] = []
    for code, text in field.pairs(own + _SUBDIVISIONS):
        if code in _SUBDIVISIONS:
            parts.append(trimmed(text))
        else:
            main.append(text)
    text = " -- ".join(part for part in (heading(main), *parts) if part)
    uri, number = _authority(field, scheme)
    draft = record.draft
    kind = (types.read(text, []) or genre(text)) if field.tag == "655" and text else None
    draft.weigh(kind)
    if text and not (kind and scheme is None):  # OJS: Article
        draft.subjects.append(Subject(text, scheme, uri, number))
    for said in field.every("j"):  # NUSL: the heading in English
        draft.subjects.append(Subject(said, scheme, uri, number))
    if field.tag == "651" and main:
        _place(record, heading(main))
    elif field.tag == "648" and main and (period := dates.edtf(heading(main))):
        draft.dates.append(Date("Coverage", period.value, period.start, period.end, heading(main)))


def _scheme(field: Field) -> str | None:
    """$2 wins: NUSL writes the 7 that points to it into the wrong indicator."""
    source = field.first("2")
    if source:
        return terms("marc-subjects", "sources").get(folded(source), source)
    return terms("marc-subjects", "second_indicator").get(field.ind2)


def _authority(field: Field, scheme: str | None) -> tuple[str | None, str | None]:
    """(uri, code) of the first $0; else $1, the URI of the thing itself."""
    for code in "01":
        said = field.first(code)
        if not said:
            continue
        prefix, number = bracketed(said)
        if number.startswith(("http://", "https://")):
            return number, None
        system = authority(prefix)
        if number.startswith("fst") and number[3:].isdecimal():
            return terms("marc-identifiers", "uris")["fast"] + number[3:].lstrip("0"), number
        base = terms("marc-identifiers", "uris").get(system if system == "gnd" else (scheme or "").lower())
        if base and system in ("gnd", "lcnaf") and " " not in number:
            return base + number, number
        return None, number
    return None, None


def _licence(record: Record, field: Field) -> None:
    """Invenio repeats the licence of 540 as a heading: cc-by-4.0 of opendefinition.org."""
    for said in field.every("a"):
        statement = licences.read(said, record.draft.notes)
        if statement.rights.spdx is None or all(
            rights.spdx != statement.rights.spdx for rights in record.draft.rights[:20]
        ):
            record.draft.rights.append(statement.rights)


def _keywords(record: Record, field: Field) -> None:
    """653, uncontrolled."""
    for said in field.every("a"):
        record.draft.add("subjects", subjects.read(said))


def _classification(record: Record, field: Field) -> None:
    """050-084: the number; $b is the item's place on the shelf."""
    scheme = terms("marc-subjects", "classifications").get(field.tag)
    if field.tag in ("072", "084"):
        scheme = _scheme(field)
    for said in field.every("a"):
        record.draft.subjects.append(Subject(None, scheme, None, said))


def _area(record: Record, field: Field) -> None:
    """043: geographic area codes, n-us---."""
    for said in field.every("a"):
        code = said.rstrip("-")
        record.draft.subjects.append(
            Subject(None, "marcgac", _AREAS + code if code.isascii() and " " not in code else None, code)
        )


def _hierarchy(record: Record, field: Field) -> None:
    """662, 752: a place, from the country down."""
    parts = [trimmed(text) for text in field.every("abcdfgh")]
    _place(record, " -- ".join(part for part in parts if part))


def _place(record: Record, name: str) -> None:
    if name and name not in record.places:
        record.places.add(name)
        record.draft.geo.append(Geo(name))


READERS = readers("subjects", {
    "043": _area, "050": _classification, "055": _classification, "060": _classification, "070": _classification,
    "072": _classification, "080": _classification, "082": _classification, "083": _classification, "084": _classification,
    "600": _heading, "610": _heading, "611": _heading, "630": _heading, "648": _heading, "650": _heading, "651": _heading,
    "653": _keywords, "654": _heading, "655": _heading, "656": _heading, "657": _heading, "658": _heading,
}) | readers("geo", {"662": _hierarchy, "752": _hierarchy})  # fmt: skip
