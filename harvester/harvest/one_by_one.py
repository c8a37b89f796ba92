"""A list read identifier by identifier: ListIdentifiers tells which, GetRecord brings each that is not held as listed.

The last resort where a list cannot be read and cannot be halved any more: what cannot be had costs itself alone.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from sqlalchemy import Connection

from harvester.catalogue import headers
from harvester.catalogue.ledger import Stream
from harvester.catalogue.windows import Window
from harvester.errors import RepositoryError
from harvester.harvest.page_rows import Changes
from harvester.harvest.pages import Arrival, Committed
from harvester.oai.records import Broken, Page, Record
from harvester.oai.repository import OF_A_RECORD, PageIterator, Repository

# What GetRecord says of an item that the list has just named: the list is stale, or the item went meanwhile.
ID_UNKNOWN = "idDoesNotExist"
_NOT_IN_FORMAT = "cannotDisseminateFormat"
_BATCH = 50  # records that are kept before the others have come: a cut costs no more


class Writer(Protocol):
    """What takes pages: the catalogue's records, or a census of identifiers."""

    connection: Connection
    stream: Stream

    def commit(self, window: Window, page: Page, arrival: Arrival) -> Committed: ...
    def keep(self, page: Page, requests: int) -> Changes: ...


@dataclass(slots=True)
class OneByOne:
    """Gives pages as a list of records would. `pause` is called before each record: it may end the walk by an error.

    `on_kept` hears of what was committed before its page was whole.
    """

    repository: Repository
    committer: Writer
    headers: PageIterator
    pause: Callable[[], None]
    on_kept: Callable[[Changes], None]
    _first: bool = True

    @property
    def reread(self) -> bool:
        """As of `PageIterator`."""
        return self.headers.reread

    def next(self) -> Page:
        """The next page, with its records. Raises StopIteration, and RepositoryError where the list itself fails."""
        listed = self.headers.next()
        # Of a list in one page each is asked for: an edit may have moved no datestamp. Of more, what is held is passed over,
        # most of it brought by pages of this very list; then the harvest does not call itself complete.
        brief = self._first and listed.token is None
        self._first = False
        held = (
            dict.fromkeys((each.header.identifier for each in listed.records), False)
            if brief
            else self._held(listed)
        )
        wanted = [each for each in listed.records if each.header.deleted or not held[each.header.identifier]]
        skipped = len(listed.records) - len(wanted)
        kept = 0
        records: list[Record] = []
        broken = list(listed.broken)
        for each in wanted:
            if each.header.deleted:
                records.append(each)
                continue
            got = self.ask(each.header.identifier)
            if isinstance(got, Record):
                records.append(got)
            elif got is not None:
                broken.append(got)
            else:
                skipped += 1
            if len(records) + len(broken) >= _BATCH and each is not wanted[-1]:
                some = replace(listed, records=tuple(records), broken=tuple(broken))
                self.on_kept(self.committer.keep(some, requests=0))
                kept += len(records) + len(broken)
                records, broken = [], []
        return replace(listed, records=tuple(records), broken=tuple(broken), skipped=skipped, kept=kept)

    def ask(self, identifier: str) -> Record | Broken | None:
        """As `get_record`."""
        self.pause()
        got = get_record(self.repository, identifier, self.committer.stream.format)
        # The list has just named it in this format: that GetRecord denies it is no reason to forget it.
        return got or Broken(_NOT_IN_FORMAT, b"", identifier)

    def _held(self, page: Page) -> dict[str, bool]:
        connection = self.committer.connection
        with connection.begin():
            found = headers.held(
                connection, self.committer.stream, [each.header.identifier for each in page.records]
            )
        return {each.header.identifier: _as_listed(each, found) for each in page.records}


def get_record(repository: Repository, identifier: str, prefix: str) -> Record | Broken | None:
    """One record; Broken with what was answered where it cannot be had; None where it is not in this format.

    Raises RepositoryError where that says nothing of the record.
    """
    try:
        page = repository.record(identifier, prefix)
    except RepositoryError as error:
        if error.reason == _NOT_IN_FORMAT:
            return None
        if error.reason not in OF_A_RECORD and error.reason != ID_UNKNOWN:
            raise
        return Broken(error.reason, said(error), identifier, evidence=error.evidence)
    # Some answer with several records (findsorguk#1177): the one that was asked for.
    for each in page.records:
        if each.header.identifier == identifier:
            return each
    if page.broken:
        return replace(page.broken[0], identifier=identifier)
    return Broken("another_record", b"", identifier)


def said(error: RepositoryError) -> bytes:
    """What a repository answered in place of a record, for quarantine."""
    seen = error.evidence
    return (seen.excerpt if seen is not None and seen.excerpt else str(error)).encode()


def _as_listed(record: Record, found: dict[str, headers.HeldHeader]) -> bool:
    held = found.get(record.header.identifier)
    header = record.header
    return (
        held is not None
        and not held.deleted
        and not header.datestamp.guessed
        and held.datestamp_raw == header.datestamp.raw
        and held.set_specs >= frozenset(header.set_specs)
    )
