"""Files that hold metadata: OAI-PMH responses, loose records, and bare metadata documents, also in collections."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from lxml.etree import _Element as Element

from harvester.errors import Retriable
from harvester.oai.datestamps import Datestamp, Granularity, parse
from harvester.oai.page import local_name, read_page, read_record
from harvester.oai.parsing import OAI
from harvester.oai.records import Broken, Record
from harvester.oai.salvage import parse as parse_xml

_LISTS = ("ListRecords", "GetRecord", "ListIdentifiers")
_COLLECTIONS = {
    "collection": "record",
    "modsCollection": "mods",
}  # MARCXML's, MARCXchange's and MODS's schemas
MOST_MEMBERS = 250_000  # a larger collection stays one document, which no crosswalk takes


@dataclass(frozen=True, slots=True)
class Document:
    """What a file holds: records with their headers, or bare metadata documents (several where it is a collection).

    `format` is the metadataPrefix where the response's request element tells it. `date` is the response's, or the one given.
    """

    records: tuple[Record | Broken, ...] = ()
    bare: tuple[Element, ...] = ()
    format: str | None = None
    date: datetime | None = None
    repairs: dict[str, int] = field(default_factory=dict)


def read_document(body: bytes, now: datetime) -> Document:
    """Read a file. Raises RepositoryError where it is not well-formed and nothing helped, or holds an OAI-PMH error."""
    parsed = parse_xml(body)
    root = parsed.root
    repairs = parsed.repaired.changes if parsed.repaired is not None else {}
    if local_name(root) != "OAI-PMH":
        loose = tuple(_loose(root, now))
        return Document(loose, () if loose else _members(root), date=now, repairs=repairs)
    request = root.find(f"{OAI}request")
    verb = next((local_name(child) for child in root if local_name(child) in _LISTS), None)
    if verb is None:
        loose = tuple(_loose(root, now))
        if loose:  # records straight below the root: seen in hand-made files
            return Document(loose, format=_prefix(request), date=now, repairs=repairs)
        verb = next(
            (
                local_name(child)
                for child in root
                if local_name(child) not in ("responseDate", "request", "error")
            ),
            "ListRecords",
        )
        if verb not in _LISTS and not any(local_name(child) == "error" for child in root):
            raise Retriable(f"the file answers {verb or 'nothing'}: it holds no records", reason="no_list")
    page = read_page(root, verb, now, broken=parsed.broken)
    stamp = parse(root.findtext(f"{OAI}responseDate") or "")
    date = stamp.value if stamp is not None else None
    return Document((*page.records, *page.broken), format=_prefix(request), date=date, repairs=repairs)


def _prefix(request: Element | None) -> str | None:
    return (request.get("metadataPrefix") or None) if request is not None else None


def _members(root: Element) -> tuple[Element, ...]:
    """The records of a MARC or MODS collection of at least two, else the root itself."""
    member = _COLLECTIONS.get(local_name(root))
    if member is None or not 2 <= len(root) <= MOST_MEMBERS:
        return (root,)
    tag = root.tag[: root.tag.rfind("}") + 1] + member
    members = tuple(child for child in root if isinstance(child.tag, str))
    return members if len(members) > 1 and all(child.tag == tag for child in members) else (root,)


def _loose(root: Element, now: datetime) -> Iterator[Record | Broken]:
    """Records that stand alone, or below a wrapper; only those with an OAI-PMH header are taken for such."""
    guess = Datestamp(now, "", Granularity.SECONDS, guessed=True)
    for element in _below(root, 2):
        yield read_record(element, guess, headers_only=False)


def _below(element: Element, depth: int) -> Iterator[Element]:
    """Records at most so deep; what is inside a record is its metadata."""
    if local_name(element).lower() == "record" and any(local_name(child) == "header" for child in element):
        yield element
    elif depth:
        for child in element:
            yield from _below(child, depth - 1)
