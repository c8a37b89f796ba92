"""One run over what waits of one stream: its bytes read again, its records asked for, its unreadable dates listed anew."""

import json
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple

from sqlalchemy.exc import DBAPIError

from harvester.catalogue import headers, retries, runs
from harvester.catalogue.connection import catalogue_error
from harvester.catalogue.ledger import Repository, Stream
from harvester.catalogue.quarantine import CAME_WHOLE, UNREADABLE_WINDOW, PutAside
from harvester.catalogue.retries import GONE, Quarantined
from harvester.catalogue.runs import Counts, Tally, Verdict
from harvester.catalogue.windows import LIST_IDENTIFIERS, LIST_RECORDS
from harvester.errors import RepositoryError, TokenExpired
from harvester.harvest import outcomes
from harvester.harvest.asking import politely
from harvester.harvest.healing import alone
from harvester.harvest.job import Job
from harvester.harvest.lists import Lister
from harvester.harvest.one_by_one import ID_UNKNOWN, OneByOne, get_record
from harvester.harvest.pages import Committer
from harvester.harvest.replaying import aside, read_again
from harvester.oai.datestamps import Granularity, parse
from harvester.oai.loops import LoopGuard
from harvester.oai.records import Broken, Record
from harvester.oai.repository import OF_A_RECORD
from harvester.oai.traits import Traits

# Requests in a row that fail as one record may make them fail: it is the repository that is at fault.
MOST_IN_VAIN = 6


class Wanted(NamedTuple):
    """Whether what is not due is asked for as well, and how many requests for records there may be."""

    now: bool
    limit: int | None

    def after(self, asked: int) -> "Wanted":
        """What is left of it."""
        return self if self.limit is None else self._replace(limit=max(0, self.limit - asked))


@dataclass(slots=True)
class Came:
    """What became of what was tried. `replayed` was read from its bytes, without a request; `quarantined` came to it."""

    replayed: int = 0
    asked: int = 0
    came_whole: int = 0
    gone: int = 0
    in_vain: int = 0
    quarantined: int = 0

    @property
    def settled(self) -> int:
        """How many no longer wait."""
        return self.replayed + self.came_whole + self.gone


@dataclass(slots=True)
class RetryRun:
    """`go` may be called again after the connection was lost: what was tried is not tried once more."""

    job: Job
    repository: Repository
    stream: Stream
    wanted: Wanted
    came: Came = field(default_factory=Came)
    counts: Counts = field(default_factory=Counts)
    _run_id: int = 0
    _waited: set[int] = field(default_factory=set)
    _tried: set[int] = field(default_factory=set)
    _began: int = 0  # requests before this run
    _sent: int = 0  # requests that were counted
    _vain: int = 0  # in a row

    def go(self) -> Verdict:
        """Try everything that is to be tried. Raises RepositoryError, Interrupted and sqlalchemy's DBAPIError."""
        job = self.job
        # Only who holds the host may close what a killed process left open, and write over what it had sent.
        job.turn.hold()
        committer = self._begin()
        self._replay(committer)
        job.turn.give()
        with job.connection.begin():
            due = retries.due(job.connection, self.stream, now=self.wanted.now)
        due = [number for number in due if number not in self._tried]
        most = len(due) if self.wanted.limit is None else max(0, self.wanted.limit - self.came.asked)
        for number in due[:most]:
            self._ask(committer, number)
        left = len(due) - most
        sentence = f"{left:,} more are due: the same command goes on with them" if left > 0 else None
        return Verdict("complete", None, sentence)

    def close(self, verdict: Verdict) -> Verdict:
        """Write the outcome into the run's row, if there is one."""
        connection = self.job.connection
        self.job.give_up()
        if not self._run_id:
            return verdict
        try:
            with connection.begin():
                fresh = retries.numbers_of_run(connection, self.stream, self._run_id) - self._waited
                self.came.quarantined = len(fresh)
                counts = runs.counts_of(connection, self._run_id)
                less = Counts(quarantined=len(fresh) - counts.quarantined)
                runs.add_counts(connection, self._run_id, less)
                sent = self.job.repository.requests - self._began
                self.counts = replace(counts, quarantined=len(fresh), requests=sent)
                runs.finish_run(connection, self._run_id, verdict, sent, Tally())
        except DBAPIError as error:
            connection.invalidate()
            if verdict.outcome not in ("interrupted", "failed"):
                return outcomes.of_error(catalogue_error(error), pages=self.came.settled)
        return verdict

    def _begin(self) -> Committer:
        job, connection = self.job, self.job.connection
        with connection.begin():
            if self._run_id:
                runs.mark_alive(connection, self._run_id)
            else:
                self._began = self._sent = job.repository.requests
                self._waited = retries.numbers(connection, self.stream)
                self._run_id = runs.start_run(connection, self.stream, None, kind="retry")
        return Committer.open(connection, self.stream, self._run_id, job.turn.host, preference=job.preference)

    def _replay(self, committer: Committer) -> None:
        """Read again what is kept: what could not be read then may be read now."""
        connection = self.job.connection
        with connection.begin():
            numbers = retries.with_own_bytes(connection, self.stream)
        for number in numbers:
            self.job.turn.check()
            found = self._read(number)
            page = read_again(*found) if found else None
            if found is None or page is None:
                continue
            record = page.records[0]
            if found[0].identifier is not None or not self._holds_newer(record):
                committer.keep(page, requests=0)
            with connection.begin():
                retries.resolve(connection, number, CAME_WHOLE)
            self.came.replayed += 1

    def _holds_newer(self, record: Record) -> bool:
        """Whether the record has come since: without an identifier nobody could have told that these bytes are old."""
        connection, identifier = self.job.connection, record.header.identifier
        with connection.begin():
            held = headers.held(connection, self.stream, [identifier]).get(identifier)
        date = None if held is None else parse(held.datestamp_raw)
        return held is not None and (date is None or date.value >= record.header.datestamp.value)

    def _read(self, number: int) -> tuple[Quarantined, bytes] | None:
        """The row with its bytes, if it still waits."""
        with self.job.connection.begin():
            found = retries.read(self.job.connection, number)
        return found if found is not None and found[0].resolved_at is None else None

    def _ask(self, committer: Committer, number: int) -> None:
        found = self._read(number)
        if found is None:
            return  # another record's answer has brought it
        row, raw = found
        if row.identifier is None:
            failure = self._list_again(committer, row, raw)
        else:
            failure = self._get(committer, row, row.identifier)
        self.came.asked += 1
        self._tried.add(number)
        self.job.losses = 0
        self._vain = self._vain + 1 if failure is not None else 0
        if failure is not None and self._vain >= MOST_IN_VAIN:
            raise RepositoryError(
                f"{self._vain} requests in a row have failed, the last with '{failure.reason}': the repository seems to be "
                "at fault, and not its records",
                reason=failure.reason,
                evidence=failure.evidence,
            )

    def _get(self, committer: Committer, row: Quarantined, identifier: str) -> Broken | None:
        """Ask for one record; what came in its place where the request itself failed."""
        repository, prefix = self.job.repository, self.stream.format
        got = politely(self.job, lambda: get_record(repository, identifier, prefix))
        if isinstance(got, Record):
            made = committer.keep(alone(got), self._requests())
            if made.broken:
                self._in_vain(row, None)
            else:
                self.came.came_whole += 1
            return None
        if (
            got is None or got.reason == ID_UNKNOWN
        ) and row.tries:  # not at the first word: an index may be rebuilt
            with self.job.connection.begin():
                retries.resolve(self.job.connection, row.id, GONE)
            self.came.gone += 1
            return None
        self._in_vain(row, None if got is None else aside(got))
        return got if got is not None and got.reason in OF_A_RECORD else None

    def _in_vain(self, row: Quarantined, said: PutAside | None) -> None:
        with self.job.connection.begin():
            retries.in_vain(self.job.connection, row, said)
        self.came.in_vain += 1

    def _list_again(self, committer: Committer, row: Quarantined, raw: bytes) -> Broken | None:
        """Ask for the records between two dates, as a list or one by one; what was said where neither comes to its end."""
        asked, repository = self._arguments(raw), self.job.repository
        try:
            try:
                number = self._list(committer, repository.pages(LIST_RECORDS, **asked))
            except RepositoryError as error:
                if error.reason not in OF_A_RECORD:
                    raise
                identifiers = repository.pages(LIST_IDENTIFIERS, **asked)
                listed = OneByOne(repository, committer, identifiers, self.job.turn.check, lambda _: None)
                number = self._list(committer, listed)
        except RepositoryError as error:
            if error.reason not in OF_A_RECORD and not isinstance(error, TokenExpired):
                raise
            failed = Broken(UNREADABLE_WINDOW, raw, evidence=error.evidence)
            self._in_vain(row, aside(failed))
            return Broken(error.reason, b"", evidence=error.evidence)
        if not number and not row.tries:
            self._in_vain(row, None)  # not at the first word: an index may be rebuilt
            return None
        with self.job.connection.begin():
            retries.resolve(self.job.connection, row.id, CAME_WHOLE if number else GONE)
        self.came.came_whole += bool(number)
        self.came.gone += not number
        return None

    def _list(self, committer: Committer, lister: Lister) -> int:
        """Commit a list to its end; how many records it held."""
        guard, number, announced = LoopGuard(), 0, 0
        while True:
            page = politely(self.job, lister.next)
            committer.keep(page, self._requests())
            number += len(page.records) + len(page.broken) + page.skipped + page.kept
            announced = max(announced, page.complete_list_size or 0)
            if page.ending is not None and number < announced:
                raise TokenExpired(
                    f"{number:,} of {announced:,} records announced came", reason="size_differs"
                )
            if page.ending is not None:
                return number
            if (verdict := guard.verdict(page)) is not None:
                raise TokenExpired("the list does not come to an end", reason=verdict)

    def _arguments(self, raw: bytes) -> dict[str, str | None]:
        place = json.loads(raw)
        declared = Traits.of(self.repository.traits).granularity or self.repository.granularity
        granularity = Granularity.declared(declared)

        def date(text: str | None) -> str | None:
            return None if text is None else granularity.format(datetime.fromisoformat(text))

        return {
            "metadataPrefix": self.stream.format,
            "set": self.stream.set_spec or None,
            "from": date(place["from"]),
            "until": date(place["until"]),
        }

    def _requests(self) -> int:
        """How many were sent since this was asked last."""
        before, self._sent = self._sent, self.job.repository.requests
        return self._sent - before
