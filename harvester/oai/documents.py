"""Files that hold metadata: OAI-PMH responses, loose records, and bare metadata documents."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from lxml.etree import _Element as Element

from harvester.errors import Retriable
from harvester.oai.datestamps import Datestamp, Granularity, parse
from harvester.oai.page import local_name, read_page, read_record
from harvester.oai.parsing import OAI
from harvester.oai.parsing import parse as parse_xml
from harvester.oai.records import Broken, Record

_LISTS = ("ListRecords", "GetRecord", "ListIdentifiers")


@dataclass(frozen=True, slots=True)
class Document:
    """What a file holds: records with their headers, or one bare metadata document.

    `format` is the metadataPrefix where the response's request element tells it. `date` is the response's, or the one given.
    """

    records: tuple[Record | Broken, ...] = ()
    bare: Element | None = None
    format: str | None = None
    date: datetime | None = None
    repairs: dict[str, int] = field(default_factory=dict)


def read_document(body: bytes, now: datetime) -> Document:
    """Read a file. Raises RepositoryError where it is not well-formed and repair did not help, or holds an OAI-PMH error."""
    root, repaired = parse_xml(body)
    repairs = repaired.changes if repaired is not None else {}
    if local_name(root) != "OAI-PMH":
        loose = tuple(_loose(root, now))
        return Document(loose, None if loose else root, date=now, repairs=repairs)
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
    page = read_page(root, verb, now)
    stamp = parse(root.findtext(f"{OAI}responseDate") or "")
    date = stamp.value if stamp is not None else None
    return Document((*page.records, *page.broken), format=_prefix(request), date=date, repairs=repairs)


def _prefix(request: Element | None) -> str | None:
    return (request.get("metadataPrefix") or None) if request is not None else None


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
