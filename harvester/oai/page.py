"""One element tree to one Page, or to the error the repository told us (OAI-PMH 2.0, sections 3.5 and 3.6)."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from lxml import etree
from lxml.etree import _Element as Element

from harvester.errors import Refused, RepositoryError, Retriable, TokenExpired
from harvester.oai.canonical import canonical
from harvester.oai.datestamps import Datestamp, Granularity, parse
from harvester.oai.parsing import OAI
from harvester.oai.records import SHORTEST_LIFE, Broken, Header, Page, Record, ResumptionToken

LONGEST_IDENTIFIER = (
    2048  # characters; Postgres refuses btree keys over 2,704 bytes, and no real identifier comes near
)
# Some write year 9999 for "never": half a token's life later, no calendar has a name for the day.
LONGEST_LIFE = timedelta(days=366)
# No clock tells this; it is what software writes that has no date (0001-01-01 in .NET).
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BLANK = " \t\r\n"  # XML's white space only: a token is opaque, other spaces belong to it

_RECORD, _HEADER = (OAI + name for name in ("record", "header"))
_HEADERS = {OAI + name: name.lower() for name in ("identifier", "datestamp", "setSpec")}
_PARTS = {OAI + name: name for name in ("header", "metadata", "about")}
_NUMBER = re.compile(r"\d{1,15}", re.ASCII)

# What a person should do about each code of section 3.6 that stops a harvest.
_REFUSALS = {
    "badArgument": "it does not accept one of the arguments (date, set or format)",
    "badVerb": "it does not know the request; is the base URL right?",
    "cannotDisseminateFormat": "it does not have this metadata format",
    "idDoesNotExist": "it has no such identifier",
    "noMetadataFormats": "the item has no metadata formats",
    "noSetHierarchy": "it has no sets; harvest it without --set",
}
_CODES = {code.lower(): code for code in (*_REFUSALS, "badResumptionToken", "noRecordsMatch")}


def local_name(element: Element) -> str:
    """The tag without its namespace; "" for comments and processing instructions."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def read_page(
    root: Element,
    verb: str,
    received_at: datetime,
    server_date: datetime | None = None,
    *,
    broken: tuple[Broken, ...] = (),
) -> Page:
    """Read the answer to `verb` (ListRecords, ListIdentifiers or GetRecord).

    `received_at` is our clock; `server_date` (the HTTP Date header) stands in where responseDate cannot be read.
    `broken` are records that were cut out so that the answer could be parsed: the page's first broken ones.
    Raises TokenExpired, Refused or Retriable for an OAI-PMH error, also for one inside the list, Retriable (`no_list`)
    for an answer without a list.
    """
    stamp = parse(root.findtext(f"{OAI}responseDate") or "")
    date = stamp.value if stamp is not None and stamp.value >= _EPOCH else server_date or received_at
    container = _container(root, verb)
    if container is None:
        return Page((), (), None, date, "no_records_match", received_at)
    guess = Datestamp(date, "", Granularity.SECONDS, guessed=True)
    records: list[Record] = []
    unread = [*broken]
    for item in _items(container):
        read = read_record(item, guess, headers_only=verb == "ListIdentifiers")
        if isinstance(read, Broken):
            unread.append(read)
        else:
            records.append(read)
    token, ending, size = _token(_token_element(root, container), date, received_at)
    return Page(tuple(records), tuple(unread), token, date, ending, received_at, size)


def _container(root: Element, verb: str) -> Element | None:
    """The list that answers `verb`; None for noRecordsMatch."""
    raise_errors(root)
    container = next((child for child in root if local_name(child) == verb), None)
    if container is not None:
        raise_errors(container)  # an error in the midst of the list: it may not be whole
    elif not any(local_name(child) == "error" for child in root):
        raise Retriable(f"the answer holds neither {verb} nor an error", reason="no_list")
    return container


def raise_errors(root: Element) -> None:
    """Raise the most severe <error>; noRecordsMatch alone is no error but an empty list."""
    found: list[RepositoryError] = []
    for element in root:
        if local_name(element) != "error":
            continue
        said = (element.get("code") or "").strip()
        code = _CODES.get(said.lower(), said)
        if code != "noRecordsMatch":
            found.append(_error(code, " ".join((element.text or "").split())[:500]))
    order = (Refused, TokenExpired, Retriable)
    if found:
        raise min(found, key=lambda error: order.index(type(error)))


def _error(code: str, message: str) -> RepositoryError:
    said = f': "{message}"' if message else ""
    if code == "badResumptionToken":
        return TokenExpired(f"the repository no longer takes the resumption token{said}", reason=code)
    if code in _REFUSALS:
        return Refused(f"the repository answers {code}: {_REFUSALS[code]}{said}", reason=code)
    # Codes outside the specification, or none (OpenSKOS#9 sends code="" with "Read timed out"): a broken server.
    return Retriable(f"the repository answers with the error '{code or 'no code'}'{said}", reason="oai_error")


def _items(container: Element) -> Iterator[Element]:
    for child in container:
        tag = child.tag
        if tag in (_RECORD, _HEADER) or local_name(child).lower() in ("record", "header"):
            yield child


def read_record(item: Element, guess: Datestamp, *, headers_only: bool) -> Record | Broken:
    header_element: Element | None = (
        item if item.tag != _RECORD and local_name(item).lower() == "header" else None
    )
    metadata: Element | None = None
    about: list[bytes] = []
    if header_element is None:
        for child in item:
            tag = child.tag
            name = _PARTS.get(tag) or local_name(child)
            if name == "metadata":
                metadata = child
            elif name == "header":
                header_element = child
            elif name == "about":
                about.extend(etree.tostring(each, encoding="utf-8", with_tail=False) for each in child)
    if header_element is None:
        return Broken("no_header", canonical(item))
    header = _header(header_element, guess)
    if isinstance(header, str):
        return Broken(header, canonical(item))
    if headers_only or header.deleted:
        return Record(header, None, tuple(about))
    inner = _only_child(metadata)
    if inner is None:
        return Broken("empty_metadata", canonical(item), header.identifier)
    return Record(header, inner, tuple(about))


def _only_child(metadata: Element | None) -> Element | None:
    """The document inside <metadata>; <metadata> itself where elements stand in it without a common root."""
    if metadata is None or len(metadata) == 0:
        return None
    return metadata[0] if len(metadata) == 1 else metadata


def _header(element: Element, guess: Datestamp) -> Header | str:
    identifier = ""
    datestamp: Datestamp | None = None
    sets: list[str] = []
    for child in element:
        text = (child.text or "").strip()
        # Some write <dateStamp> (pycsw#899): the exact name first, any case after it.
        name = _HEADERS.get(child.tag) or local_name(child).lower()
        if name == "setspec":
            if text:
                sets.append(text)
        elif name == "identifier":
            identifier = identifier or text
        elif name == "datestamp":
            datestamp = parse(text) or datestamp
    if not identifier:
        return "no_identifier"
    if len(identifier) > LONGEST_IDENTIFIER:
        return "identifier_too_long"
    deleted = (element.get("status") or "").strip().lower() == "deleted"
    return Header(identifier, datestamp or guess, tuple(dict.fromkeys(sets)), deleted)


def _token_element(root: Element, container: Element) -> Element | None:
    """The first that has text, else the first; beside the list where it is not in it: to overlook it would end the list."""
    found = [each for each in (*container, *root) if local_name(each) == "resumptionToken"]
    return next((each for each in found if (each.text or "").strip()), found[0] if found else None)


def _token(
    element: Element | None, date: datetime, received_at: datetime
) -> tuple[ResumptionToken | None, str | None, int | None]:
    if element is None:
        return None, "no_token", None
    size = _number(element.get("completeListSize"))
    text = (element.text or "").strip(_BLANK)
    if not text.strip():
        return None, "empty_token", size
    expires = parse(element.get("expirationDate") or "")
    life = expires.value - date if expires is not None else None
    if life is not None:
        life = None if life < SHORTEST_LIFE else min(life, LONGEST_LIFE)
    return ResumptionToken(text, received_at, life, size, _number(element.get("cursor"))), None, size


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and _NUMBER.fullmatch(text.strip()) else None
