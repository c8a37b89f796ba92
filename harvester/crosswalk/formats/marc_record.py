"""A MARC record as its fields and subfields, from all the ways in which servers write it in XML.

MARCXML and MARCXchange (ISO 25577) have `datafield@tag@ind1@ind2/subfield@code`, oai_marc has
`varfield@id@i1@i2/subfield@label`, and OJS mixes them, `dataField` included. Subfields that no reader takes are left.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from lxml import etree

from harvester.crosswalk.draft import Draft
from harvester.crosswalk.fields import text as texts
from harvester.crosswalk.fields.identifiers import Known
from harvester.crosswalk.fields.vocabulary import vocabulary
from harvester.crosswalk.table import whole_text
from harvester.crosswalk.tree import local_name
from harvester.entry import Agent

LEADER_LENGTH = 24
FIXED_LENGTH = 40  # of field 008

_CONTROL = frozenset(("controlfield", "fixfield"))
_DATA = frozenset(("datafield", "varfield"))
_LEADER = frozenset(("LDR", "000", "leader"))
_UNDEFINED = frozenset(("", "#", "\\", "|", "^", "_"))  # what is written for a blank indicator
_NON_SORTING = dict.fromkeys((0x98, 0x9C))  # around an article, in records of the German National Library


class Field:
    """One data field; its texts are clean and never empty. What a reader does not take is counted as unread."""

    __slots__ = ("codes", "ind1", "ind2", "left", "tag", "texts")

    def __init__(self, tag: str, indicators: tuple[str, str], subfields: list[tuple[str, str]]) -> None:
        self.tag = tag
        self.ind1, self.ind2 = indicators
        self.codes = [code for code, _ in subfields]
        self.texts = [text for _, text in subfields]
        self.left = bytearray(b"\x01" * len(subfields))

    def first(self, code: str) -> str:
        """Take the first subfield of that code; "" where there is none."""
        if code not in self.codes:
            return ""
        at = self.codes.index(code)
        self.left[at] = 0
        return self.texts[at]

    def every(self, codes: str) -> list[str]:
        """Take all subfields of these codes, in the order of the field."""
        return [text for _, text in self.pairs(codes)]

    def pairs(self, codes: str) -> list[tuple[str, str]]:
        """Take all subfields of these codes, as (code, text)."""
        found = []
        for at, code in enumerate(self.codes):
            if code in codes:
                self.left[at] = 0
                found.append((code, self.texts[at]))
        return found

    def has(self, code: str) -> bool:
        return code in self.codes

    def peek(self, code: str) -> str:
        """The first subfield of that code, not taken."""
        return self.texts[self.codes.index(code)] if code in self.codes else ""

    def untake(self, code: str) -> None:
        """Leave what was taken of that code: it says nothing that the entry holds."""
        for at, own in enumerate(self.codes):
            if own == code:
                self.left[at] = 1


@dataclass(slots=True)
class Record:
    """What the readers of fields share: the draft, and what the fixed fields say."""

    draft: Draft
    leader: str = ""
    control: dict[str, str] = field(default_factory=dict)
    tags: frozenset[str] = frozenset()
    is_invenio: bool = False  # Invenio-RDM and Zenodo, told by the access right in 542 $l
    main: list[Agent] = field(default_factory=list)  # main entries, who come first wherever they stand
    further: list[tuple[Known, str]] = field(default_factory=list)  # identifiers that stand behind the others
    places: set[str] = field(default_factory=set)

    @property
    def is_from_template(self) -> bool:
        """Whether the leader is one that a server writes for every item."""
        return " ".join(self.leader.split()) in vocabulary("marc-types")["constant_leaders"]

    @property
    def fixed(self) -> str:
        """Field 008. OJS writes it within quotation marks, mnemonic MARC blanks as backslashes."""
        return self.control.get("008", "").strip('"').replace("\\", " ")


class Reader(NamedTuple):
    """`field` of the Entry, for problems; `paragraphs` where the text may have several."""

    read: Callable[[Record, Field], None]
    field: str
    paragraphs: bool = False


Readers = Mapping[str, Reader]


def readers(
    field_: str, by_tag: Mapping[str, Callable[[Record, Field], None]], **mode: bool
) -> dict[str, Reader]:
    """Readers that fill one field of the Entry, by the tags they read."""
    return {tag: Reader(read, field_, **mode) for tag, read in by_tag.items()}


def opened(element: etree._Element, draft: Draft) -> tuple[Record, list[etree._Element]]:
    """The record with its fixed fields read, and the elements of its data fields; everything else is left."""
    record, data = Record(draft), []
    for child in element:
        name = local_name(child).lower()
        if name in _DATA:
            data.append(child)
        elif name == "leader" or (name in _CONTROL and tag_of(child) in _LEADER):
            record.leader = (child.text or "").strip("\r\n")
            if len(record.leader) == LEADER_LENGTH - 5:
                record.leader = " " * 5 + record.leader  # its first five blanks were taken for layout
            if record.leader.strip() and len(record.leader) != LEADER_LENGTH and not record.is_from_template:
                draft.note("type", "leader_length", record.leader)
        elif name in _CONTROL:
            _control(record, child)
        elif name:
            draft.leave(child)
    record.tags = frozenset(map(tag_of, data))
    record.is_invenio = any(
        _code(part) == "l"
        for each in data
        if tag_of(each) == "542"
        for part in each
        if isinstance(part.tag, str)
    )
    return record, data


def _control(record: Record, element: etree._Element) -> None:
    tag, text = tag_of(element), (element.text or "").strip("\r\n\t")
    if tag not in ("001", "003", "008") or tag in record.control:
        record.draft.leave(element, f"controlfield {tag}")
    elif text:
        record.control[tag] = text if tag == "008" else texts.line(text, record.draft.notes, "identifiers")
    if tag == "008" and text and len(text.strip('"')) != FIXED_LENGTH:
        record.draft.note("dates", "fixed_field_length", text)


def tag_of(element: etree._Element) -> str:
    return str(element.get("tag") or element.get("id") or "")


def fields(record: Record, data: list[etree._Element], known: Readers) -> Iterator[tuple[Reader, Field]]:
    """The fields that have a reader, in the order of the document; the others are left."""
    for element in data:
        tag = tag_of(element)
        reader = known.get(tag)
        if reader is None:
            leave(record.draft, element, tag)
            continue
        if element.text and not element.text.isspace():
            record.draft.pass_over(f"datafield {tag}")
        indicators = _indicator(element, "1"), _indicator(element, "2")
        yield reader, Field(tag, indicators, list(_subfields(record.draft, element, reader)))


def leave(draft: Draft, element: etree._Element, tag: str) -> None:
    """Count a field's subfields as unread."""
    if element.text and not element.text.isspace():
        draft.pass_over(f"datafield {tag}")
    for child in element:
        if isinstance(child.tag, str):
            draft.leave(child, f"datafield {tag} ${_code(child)}")


def _subfields(draft: Draft, element: etree._Element, reader: Reader) -> Iterator[tuple[str, str]]:
    for child in element:
        if not isinstance(child.tag, str):
            continue
        raw = whole_text(child) if len(child) else child.text
        if not raw or not (text := raw.strip()):
            continue
        if "\x98" in text or "\x9c" in text:
            text = text.translate(_NON_SORTING)
        if len(child):
            text = texts.line(text, draft.notes, reader.field)
        elif reader.paragraphs:
            text = draft.paragraphs(_unfolded(text) if "\n" in text else text, reader.field)
        else:
            text = draft.line(text, reader.field)
        if text:
            yield _code(child), text


def _unfolded(text: str) -> str:
    """Lines that an XML printer broke and indented are one paragraph."""
    rows = text.split("\n")
    return "".join(
        row if at == 0 else (" " + row.lstrip() if row[:1] in (" ", "\t") and row.strip() else "\n" + row)
        for at, row in enumerate(rows)
    )


def _code(element: etree._Element) -> str:
    """OJS has written `$a` for `a`."""
    return str(element.get("code") or element.get("label") or "").strip().lstrip("$") or "?"


def _indicator(element: etree._Element, number: str) -> str:
    value = str(element.get(f"ind{number}") or element.get(f"i{number}") or "").strip()
    return " " if value in _UNDEFINED else value
