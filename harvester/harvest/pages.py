"""Commits one page: records, counters, quarantine, window and change feed in one transaction."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from harvester.catalogue import audit, hosts, page_marks, quarantine, runs, sets, stored_entry, writer
from harvester.catalogue.kept_xml import Compressor
from harvester.catalogue.ledger import Stream, Window
from harvester.catalogue.runs import Counts
from harvester.crosswalk import Context, normalise
from harvester.harvest.page_rows import Changes, Regrouped, Setting, changes, columns, latest_by_key
from harvester.oai.records import Page, Record


@dataclass(slots=True)
class Committer:
    """Writes the pages of one stream's run over one connection; remembers set numbers and the compressor's dictionary."""

    connection: Connection
    stream: Stream
    run_id: int
    host: str
    preference: tuple[str, ...]
    compressor: Compressor
    set_numbers: dict[str, int]
    set_specs: dict[int, str]
    quarantined: bool  # whether anything of this stream may have to leave quarantine

    @classmethod
    def open(
        cls, connection: Connection, stream: Stream, run_id: int, host: str, *, preference: tuple[str, ...]
    ) -> "Committer":
        """Prepare for a run; `preference` is the repository's order of formats."""
        waiting = quarantine.has_quarantine(connection, stream)
        connection.rollback()
        compressor = Compressor(stream.repository_id, stream.format)
        return cls(connection, stream, run_id, host, preference, compressor, {}, {}, waiting)

    def commit(self, window: Window, page: Page, arrival: "Arrival") -> "Committed":
        """All of the page or nothing of it.

        Raises Fenced where another process has claimed the window, sqlalchemy's DBAPIError where the database fails:
        nothing of the page is written then.
        """
        self._number_sets(page)
        try:
            return self._transaction(window, page, arrival, copying=True)
        except IntegrityError:
            # Somebody wrote the same record between our look and our COPY (two names for one host): upsert waits for him.
            return self._transaction(window, page, arrival, copying=False)

    def _transaction(self, window: Window, page: Page, arrival: "Arrival", *, copying: bool) -> "Committed":
        latest = latest_by_key(self.stream, page)
        try:
            with self.connection.begin():
                mark = _mark(page, len(latest) + len(page.broken), arrival)
                place = page_marks.move_window(self.connection, window, mark)
                made = self._write(page, latest, place[0], copying=copying)
                made.counts.pages = 1
                made.counts.requests = arrival.requests
                made.counts.restarts = int(arrival.restarts)
                runs.add_counts(self.connection, self.run_id, made.counts)
                waited = hosts.asked(self.connection, self.host, arrival.pause)
                totals = (made.counts.received, len(made.keys))
                page_marks.publish(self.connection, window, self.run_id, place, totals)
        except BaseException:
            self.compressor.forget()
            raise
        self.quarantined = self.quarantined or bool(made.broken)
        return Committed(_moved(window, page, mark), made, waited)

    def _number_sets(self, page: Page) -> None:
        specs = {
            spec for record in page.records for spec in record.header.set_specs
        } - self.set_numbers.keys()
        if specs:
            # On their own, before the page: a number that a rolled-back page had drawn would be remembered wrongly.
            with self.connection.begin():
                numbers = sets.set_ids(self.connection, self.stream.repository_id, sorted(specs))
            self.set_numbers |= numbers
            self.set_specs |= {number: spec for spec, number in numbers.items()}

    def _write(self, page: Page, latest: dict[bytes, Record], page_id: int, *, copying: bool) -> Changes:
        connection, stream = self.connection, self.stream
        self.compressor.prepare(connection)
        known, elsewhere = writer.known_records(connection, stream, list(latest))
        self._name_sets(known)
        setting = Setting(stream, page, page_id, self.set_numbers, self.set_specs, self.compressor)
        fresh: list[writer.Row] = []
        if copying and len(known) < len(latest):
            with writer.inserting(connection) as send:
                made = changes(latest, known, setting, send)
        else:
            made = changes(latest, known, setting, fresh.append)
        writer.replace_records(connection, sorted([*fresh, *made.replaced], key=lambda row: row[0].item_key))
        writer.touch_records(connection, made.touched)
        self._read_again(page, made.regrouped)
        writer.prefer(connection, stream.repository_id, elsewhere.intersection(made.keys), self.preference)
        audit.count(connection, stream.repository_id, stream.format, made.unread)
        writer.add_tallies(connection, stream, made.live, made.deleted)
        if self.quarantined:
            quarantine.release(connection, stream, [record.header.identifier for record in page.records])
        quarantine.put_aside(connection, stream, self.run_id, made.broken)
        return made

    def _name_sets(self, known: Mapping[bytes, writer.Known]) -> None:
        """The setSpecs of sets that records are proven to be in, though no header of this run has named them."""
        numbers = {number for each in known.values() for number in each.proven_sets}
        missing = (numbers | ({self.stream.set_id} - {0})) - self.set_specs.keys()
        if missing:
            self.set_specs |= sets.set_specs(self.connection, missing)

    def _read_again(self, page: Page, regrouped: list[Regrouped]) -> None:
        """An entry holds what sets say too (figshare's item type): the same metadata in other sets may read otherwise."""
        if not regrouped:
            return
        stored = writer.entries(self.connection, self.stream, [each.key for each in regrouped])
        rows = []
        for key, specs, header, metadata in regrouped:
            fresh = columns(normalise(metadata, Context(specs, header.datestamp.value, page.response_date)))
            entry = stored_entry.value(fresh.entry)
            if (fresh.title, entry) != stored[key]:
                rows.append(writer.key_values(self.stream, key) | fresh._asdict() | {"entry": entry})
        writer.rewrite_entries(self.connection, rows)


@dataclass(frozen=True, slots=True)
class Arrival:
    """How a page came: in how many requests, whether its token was asked twice, whether its list began again.

    `pause` is the host's pace in seconds: nobody asks before.
    """

    requests: int
    reread: bool
    restarts: bool
    pause: float


@dataclass(frozen=True, slots=True)
class Committed:
    """A page that is in the catalogue: the window as it stands now, what changed, whether somebody waits for the host."""

    window: Window
    changes: Changes
    waited: bool

    @property
    def counts(self) -> Counts:
        """The page's counts."""
        return self.changes.counts


def _mark(page: Page, received: int, arrival: Arrival) -> page_marks.Mark:
    token = page.token
    life = token.life if token else None
    return page_marks.Mark(
        received=received,
        response_date=page.candidate_watermark,
        token=token.text if token else None,
        token_received_at=token.received_at if token else None,
        token_life=life.total_seconds() if life is not None else None,
        complete_list_size=page.complete_list_size,
        ending=page.ending,
        reread=arrival.reread,
        restarts=arrival.restarts,
    )


def _moved(window: Window, page: Page, mark: page_marks.Mark) -> Window:
    """The window as the transaction has left it, without reading it again."""
    token = page.token
    before = (
        replace(window, pages=0, received=0, complete_list_size=None, reread=False)
        if mark.restarts
        else window
    )
    size = mark.complete_list_size
    return replace(
        before,
        token=mark.token,
        token_received_at=mark.token_received_at,
        token_life=token.life if token else None,
        complete_list_size=before.complete_list_size if size is None else size,
        pages=before.pages + 1,
        received=before.received + mark.received,
        restarts=window.restarts + mark.restarts,
        reread=before.reread or (mark.reread and not mark.restarts),
        ending=mark.ending,
    )
