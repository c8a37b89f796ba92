"""Commits one page: records, counters, quarantine, window and change feed in one transaction."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from harvester.catalogue import (
    audit,
    history,
    hosts,
    page_marks,
    quarantine,
    runs,
    sets,
    stored_entry,
    takedowns,
    writer,
)
from harvester.catalogue.history import Kept
from harvester.catalogue.kept_xml import Compressor
from harvester.catalogue.ledger import Stream
from harvester.catalogue.runs import Counts
from harvester.catalogue.windows import Window
from harvester.crosswalk import Context, normalise
from harvester.harvest.page_rows import (
    Changes,
    Regrouped,
    Setting,
    broken_keys,
    changes,
    columns,
    latest_by_key,
    without,
)
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
    named_only: bool = False  # whether only a header that names the stream's set makes a member
    leaving: bool = False  # whether what is written has left the stream's set, against what was proven before

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
        self.named_only = arrival.named_only
        self._number_sets(page)
        try:
            return self._transaction(window, page, arrival, copying=True)
        except IntegrityError:
            # Somebody wrote the same record between our look and our COPY (two names for one host): upsert waits for him.
            return self._transaction(window, page, arrival, copying=False)

    def keep(self, page: Page, requests: int, also: Callable[[Changes], None] = lambda _: None) -> Changes:
        """Write records that came one by one, without moving a window; `also` writes what must be committed with them.

        Raises DBAPIError: nothing is written then.
        """
        self._number_sets(page)
        latest = latest_by_key(self.stream, page)
        try:
            with self.connection.begin():
                number = page_marks.draw(self.connection)
                made = self._write(page, latest, number, copying=False)
                made.counts.requests = requests
                totals = (made.counts.received, len(made.keys))
                made.counts.received = 0  # counted with the page that lists them
                runs.add_counts(self.connection, self.run_id, made.counts)
                also(made)
                page_marks.publish_loose(self.connection, number, self.run_id, totals)
        except BaseException:
            self.compressor.forget()
            raise
        self.quarantined = self.quarantined or bool(made.broken)
        return made

    def _transaction(self, window: Window, page: Page, arrival: "Arrival", *, copying: bool) -> "Committed":
        latest = latest_by_key(self.stream, page)
        try:
            with self.connection.begin():
                mark = mark_of(page, len(latest) + len(page.broken) + page.skipped + page.kept, arrival)
                place = page_marks.move_window(self.connection, window, mark)
                made = self._write(page, latest, place[0], copying=copying)
                made.counts.received += page.skipped + page.kept
                made.counts.unchanged += page.skipped
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
        return Committed(moved(window, page, mark), made, waited)

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
        if not copying:
            writer.keep_purges_out(connection)
        held = writer.known_records(connection, stream, [*latest, *broken_keys(stream, page)])
        wanted = {key: latest[key] for key in latest.keys() - held.purged} if held.purged else latest
        rest = self._without_purged(page, held.purged)
        self._name_sets(held.known)
        setting = Setting(
            stream,
            rest,
            page_id,
            self.set_numbers,
            self.set_specs,
            self.compressor,
            self.named_only,
            self.leaving,
        )
        fresh: list[writer.Row] = []
        if copying and wanted.keys() - held.known.keys():
            with writer.inserting(connection) as send:
                made = changes(wanted, held.known, setting, send)
        else:
            made = changes(wanted, held.known, setting, fresh.append)
        left_out = len(page.records) + len(page.broken) - len(rest.records) - len(rest.broken)
        made.counts.received += left_out
        made.counts.unchanged += left_out
        self._overwrite(made, fresh, rest, page_id)
        prefer = held.elsewhere.intersection(made.keys)
        writer.prefer(connection, stream.repository_id, prefer, self.preference)
        audit.count(connection, stream.repository_id, stream.format, made.unread)
        writer.add_tallies(connection, stream, made.live, made.deleted)
        if self.quarantined:
            broken = {each.identifier for each in made.broken}
            came = {record.header.identifier for record in rest.records}
            quarantine.release(connection, stream, sorted(came - broken))
        quarantine.put_aside(connection, stream, self.run_id, made.broken)
        return made

    def _overwrite(self, made: Changes, fresh: list[writer.Row], page: Page, page_id: int) -> None:
        """Keep what the page ends, and write what it brings."""
        rows = sorted([*fresh, *made.replaced], key=lambda row: row[0].item_key)
        read_again = self._read_again(page, made.regrouped)
        ended = dict.fromkeys(made.ended, Kept.HEADER)
        ended |= {row["b_item_key"]: Kept.ENTRY for row in read_again}
        ended |= {row[0].item_key: Kept.WHOLE for row in rows}
        history.keep(self.connection, self.stream, page_id, ended)
        writer.replace_records(self.connection, rows)
        writer.touch_records(self.connection, made.touched)
        writer.rewrite_entries(self.connection, read_again)

    def _name_sets(self, known: Mapping[bytes, writer.Known]) -> None:
        """The setSpecs of sets that records are proven to be in, though no header of this run has named them."""
        numbers = {number for each in known.values() for number in each.proven_sets}
        missing = (numbers | ({self.stream.set_id} - {0})) - self.set_specs.keys()
        if missing:
            self.set_specs |= sets.set_specs(self.connection, missing)

    def _without_purged(self, page: Page, purged: set[bytes]) -> Page:
        """The page without what it says of purged items, whole or broken, or broken so that only its bytes name one."""
        names_one = quarantine.naming(())
        if any(each.identifier is None for each in page.broken):
            mine = takedowns.purged_identifiers(self.connection, self.stream.repository_id)
            names_one = quarantine.naming(mine)
        return without(purged, names_one, self.stream, page)

    def _read_again(self, page: Page, regrouped: list[Regrouped]) -> list[dict[str, Any]]:
        """An entry holds what sets say too (figshare's item type): the same metadata in other sets may read otherwise.

        The entries that do, as `writer.rewrite_entries` takes them.
        """
        if not regrouped:
            return []
        stored = writer.entries(self.connection, self.stream, [each.key for each in regrouped])
        rows = []
        for key, specs, header, metadata in regrouped:
            fresh = columns(normalise(metadata, Context(specs, header.datestamp.value, page.response_date)))
            entry = stored_entry.value(fresh.entry)
            if (fresh.title, entry) != stored[key]:
                rows.append(writer.key_values(self.stream, key) | fresh._asdict() | {"entry": entry})
        return rows


@dataclass(frozen=True, slots=True)
class Arrival:
    """How a page came: in how many requests, whether its token was asked twice, whether its list began again.

    `pause` is the host's pace in seconds: nobody asks before. `outside` counts records that were not asked for;
    with `named_only` a header must name the stream's set to make its record a member; `moved`: the list has changed since its
    first page.
    """

    requests: int
    reread: bool
    restarts: bool
    pause: float
    outside: int = 0
    named_only: bool = False
    moved: bool = False


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


def mark_of(page: Page, received: int, arrival: Arrival) -> page_marks.Mark:
    """Where the page leaves its window."""
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
        outside=arrival.outside,
        skipped=page.skipped,
        moved=arrival.moved,
    )


_BEGUN_AGAIN: dict[str, Any] = dict.fromkeys(("pages", "received", "outside", "skipped"), 0)
_BEGUN_AGAIN |= {"complete_list_size": None, "reread": False, "moved": False}


def moved(window: Window, page: Page, mark: page_marks.Mark) -> Window:
    """The window as the transaction has left it, without reading it again."""
    token = page.token
    before = replace(window, **_BEGUN_AGAIN) if mark.restarts else window
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
        outside=before.outside + mark.outside,
        skipped=before.skipped + mark.skipped,
        moved=before.moved or (mark.moved and not mark.restarts),
        ending=mark.ending,
    )
