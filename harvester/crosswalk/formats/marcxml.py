"""marcxml: MARC 21 bibliographic records, as MARCXML, MARCXchange or oai_marc.

Read are the fields of the standard, and of Invenio's and NUSL's own ones those whose meaning is certain; the others
are left as "datafield 909 $a". Authority and holdings records describe no work: their heading alone is read.
"""

from lxml import etree

from harvester.crosswalk.draft import Draft
from harvester.crosswalk.fields import types
from harvester.crosswalk.fields.vocabulary import terms
from harvester.crosswalk.formats import (
    marc_agents,
    marc_identifiers,
    marc_imprint,
    marc_links,
    marc_notes,
    marc_places,
    marc_rights,
    marc_subjects,
    marc_titles,
)
from harvester.crosswalk.formats.marc_punctuation import trimmed
from harvester.crosswalk.formats.marc_record import Field, Reader, Readers, Record, fields, opened, tag_of
from harvester.crosswalk.reading import Crosswalk
from harvester.crosswalk.tree import children, local_name
from harvester.entry import Title

NAMESPACES = (
    "http://www.loc.gov/MARC21/slim",
    "info:lc/xmlns/marcxchange-v1",
    "info:lc/xmlns/marcxchange-v2",
)
_FIELDS = frozenset(("leader", "controlfield", "datafield", "fixfield", "varfield"))


def _linked(record: Record, field: Field) -> None:
    """880: a field in its original script; $6 names the field that it repeats. Names have no such place in the entry."""
    tag = field.first("6")[:3]
    reader = _ORIGINAL.get(tag)
    if reader is None:
        field.untake("6")
        return
    alias = Field(tag, (field.ind1, field.ind2), list(zip(field.codes, field.texts, strict=True)))
    reader.read(record, alias)
    field.left = alias.left
    field.untake("6")


TABLE: Readers = (
    marc_identifiers.READERS
    | marc_agents.READERS
    | marc_titles.READERS
    | marc_imprint.READERS
    | marc_places.READERS
    | marc_notes.READERS
    | marc_rights.READERS
    | marc_subjects.READERS
    | marc_links.READERS
    | {"880": Reader(_linked, "titles")}
)
_ORIGINAL = (
    {tag: Reader(marc_titles.original_script, "titles") for tag in ("130", "240", "245", "246")}
    | {tag: reader for tag, reader in TABLE.items() if tag[0] in "56" and reader.field in ("descriptions", "subjects")}
)  # fmt: skip
_OF_WORKS = frozenset(
    ("210", "222", "240", "245", "246", "260", "264", "300", "490", "520", "700", "720", "773", "880")
)
_HEADINGS = ("100", "110", "111", "130", "148", "150", "151", "155")


def read(metadata: etree._Element, draft: Draft) -> None:
    """Fill the draft from a MARC record, or the first in a collection."""
    held = _bibliographic(metadata)
    element = held[0] if held else metadata
    for other in metadata if element is not metadata else ():
        if other is not element:
            draft.leave(other)
    if len(held) > 1:
        draft.note("entry", "further_records", str(len(held) - 1))
    if _is_unimarc(element):
        draft.note("entry", "marc_dialect_unknown", "UNIMARC")
        draft.leave(element)
        return
    record, data = opened(element, draft)
    marc_identifiers.control_number(record)
    kind = _no_work(record)
    if kind:
        draft.note("entry", "not_a_work", kind)
        _read_heading(record, data)
        return
    _weigh(record)
    for reader, field in fields(record, data, TABLE):
        reader.read(record, field)
        _count(record, field)
    marc_imprint.fixed(record)
    draft.creators[:0] = record.main
    draft.found.extend(record.further)


def _is_unimarc(element: etree._Element) -> bool:
    """UNIMARC numbers its fields otherwise (200 is the title, 101 the language); servers hardly ever say it."""
    if str(element.get("format", "")).upper().startswith("UNIMARC"):
        return True
    tags = {tag_of(child) for child in element}
    return "200" in tags and "245" not in tags and not tags.isdisjoint(("101", "210", "214", "801"))


def fits(metadata: etree._Element) -> bool:
    """Whether this is a MARC record or a collection of them: `record` is also the name of OAI's own element."""
    if local_name(metadata) in ("record", "oai_marc"):
        return any(local_name(child).lower() in _FIELDS for child in metadata)
    held = _bibliographic(metadata)
    return bool(held) and fits(held[0])


def _bibliographic(metadata: etree._Element) -> list[etree._Element]:
    """The records of a collection but for holdings, which some catalogues send along."""
    if local_name(metadata) != "collection":
        return []
    return [each for each in children(metadata, "record") if _letter(each) not in ("u", "v", "x", "y")]


def _letter(element: etree._Element) -> str:
    leaders = children(element, "leader")
    return (leaders[0].text or "").strip("\r\n")[6:7] if leaders else ""


def _no_work(record: Record) -> str | None:
    """What a record without a work describes: leader/06 says so, or a name stands where a title would."""
    kind = None if record.is_from_template else terms("marc-types", "not_works").get(record.leader[6:7])
    if kind:
        return kind
    # INSPIRE keeps conferences, institutions and people as bibliographic records: 111 and no 245
    return "heading" if not record.tags.isdisjoint(_HEADINGS) and record.tags.isdisjoint(_OF_WORKS) else None


def _read_heading(record: Record, data: list[etree._Element]) -> None:
    known = {tag: Reader(_heading, "titles") for tag in _HEADINGS} | {
        tag: marc_identifiers.READERS[tag] for tag in ("010", "016", "024", "035")
    }
    for reader, field in fields(record, data, known):
        reader.read(record, field)
        _count(record, field)
    if "111" in record.tags:
        record.draft.weigh(types.Weighed(types.VAGUE, "Event"))


def _heading(record: Record, field: Field) -> None:
    # Of a meeting, what else is said is its date and place
    name = trimmed(field.first("a") if field.tag == "111" else " ".join(field.every("abcdgknpqt")))
    if name:
        record.draft.titles.append(Title(name, None if record.draft.titles else "main"))


def _count(record: Record, field: Field) -> None:
    for at, unread in enumerate(field.left):
        if unread:
            record.draft.pass_over(f"datafield {field.tag} ${field.codes[at]}")


def _weigh(record: Record) -> None:
    """The type of the leader, which gives way to any that is said in words."""
    if record.is_from_template:
        return
    kind, fixed = record.leader[6:8], record.fixed
    general = terms("marc-types", "leader").get(kind) or terms("marc-types", "leader").get(kind[:1])
    if kind == "as":
        general = terms("marc-types", "serials").get(fixed[21:22], general)
    elif kind[:1] == "m":
        general = terms("marc-types", "computer_files").get(fixed[26:27]) or general
    if general:
        record.draft.weigh(types.Weighed(types.VAGUE, general))


CROSSWALK = Crosswalk(
    "marcxml",
    1,
    read,
    roots=tuple(f"{{{namespace}}}record" for namespace in NAMESPACES),
    local_names=("record", "collection", "oai_marc"),
    fits=fits,
    most_elements=250_000,
)
