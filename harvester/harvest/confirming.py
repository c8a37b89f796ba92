"""What a list leaves out is asked for, one by one, and only what is gone becomes a tombstone.

Answers are written every few seconds, each kind in one transaction with its counts: a process that is killed loses a few
answers, which are asked for again, and nothing is done twice.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection

from harvester import clock
from harvester.catalogue import census, hosts, page_marks, reconciliations, runs, vanished, writer
from harvester.catalogue.census import Candidate, Pass
from harvester.catalogue.reconciliations import Reconciliation
from harvester.catalogue.runs import Counts
from harvester.errors import Fenced, HarvesterError, RepositoryError
from harvester.harvest.inquiry import Answer, Inquiry
from harvester.harvest.job import Job
from harvester.harvest.page_rows import Changes
from harvester.harvest.pages import Committer
from harvester.harvest.watching import names
from harvester.oai.records import Broken, Page, Record

MOST_RETURNED = 1_000  # records that are listed again and asked for, in one run
_SLICE = 10.0  # seconds between two commits; whoever waits for the host gets it then
_TOLD = 30.0  # seconds between two sentences on how far it has come

_Read = Callable[[Connection, Pass, bytes], list[Candidate]]
_Sort = Callable[[Candidate, Answer], None]


@dataclass(slots=True)
class _Hand:
    """Answers that are not written yet."""

    page: Page | None = None
    records: list[Record] = field(default_factory=list)
    broken: list[Broken] = field(default_factory=list)
    found: list[bytes] = field(default_factory=list)
    left: list[Record] = field(default_factory=list)
    gone: list[bytes] = field(default_factory=list)


@dataclass(slots=True)
class Confirming:
    """Confirms the candidates of one pass, in one run. `counts` are the run's, `vanished` and `revived` of this process."""

    job: Job
    standing: Reconciliation
    of: Pass
    records: Committer
    counts: Counts
    vanished: int = 0
    revived: int = 0
    unconfirmed: int = 0
    still_deleted: bool = False
    _inquiry: Inquiry = field(init=False)
    _hand: _Hand = field(default_factory=_Hand, init=False)
    _witnesses: list[str] | None = field(default=None, init=False)
    _asked: int = field(default=0, init=False)
    _told_at: float = field(default_factory=clock.monotonic, init=False)

    def __post_init__(self) -> None:
        self._inquiry = Inquiry(self.job, self.of.stream.format)

    def candidates(self) -> None:
        """Ask for every live record that the list leaves out. Raises Fenced, Interrupted, RepositoryError; DBAPIError."""
        self.unconfirmed = 0
        after = b""
        while some := self._next(census.candidates, after):
            after = self._slice(some, self._sort)
            self._tell()

    def returned(self) -> None:
        """Ask for what is held as deleted and listed as live, since no incremental harvest may bring it. Raises likewise."""
        after, asked = b"", 0
        while some := self._next(census.returned, after):
            if asked >= MOST_RETURNED:
                self.still_deleted = True
                return
            after = self._slice(some, self._take_back)
            asked += len(some)

    def _next(self, read: _Read, after: bytes) -> list[Candidate]:
        self.job.turn.take()
        with self.job.connection.begin():
            if reconciliations.read(self.job.connection, self.standing).state != "confirming":
                raise Fenced("another process has ended or reverted this reconciliation")
            return read(self.job.connection, self.of, after)

    def _slice(self, some: list[Candidate], sort: _Sort) -> bytes:
        """Ask for a few seconds, and write what came; the last key that was asked for."""
        until = clock.monotonic() + _SLICE
        after = b""
        try:
            for each in some:
                sort(each, self._inquiry.ask(each.identifier))
                after = each.item_key
                self._asked += 1
                if clock.monotonic() > until:
                    break
            self._save()
        except HarvesterError:
            self._hand.gone.clear()  # nobody can be asked any more whether they are to be believed
            self._save()
            raise
        return after

    def _sort(self, candidate: Candidate, answer: Answer) -> None:
        hand, record = self._hand, answer.record
        hand.page = answer.page or hand.page
        if answer.kind == "unclear":
            self.unconfirmed += 1
        elif answer.kind == "gone":
            hand.gone.append(candidate.item_key)
        elif record is None:
            hand.broken += [] if answer.broken is None else [answer.broken]
            hand.found.append(candidate.item_key)
        elif record.header.deleted:
            hand.records.append(record)
        elif self.of.stream.set_spec and not names(record, self.of.stream.set_spec):
            hand.left.append(record)
        else:
            hand.records.append(record)
            hand.found.append(candidate.item_key)

    def _take_back(self, _: Candidate, answer: Answer) -> None:
        self._hand.page = answer.page or self._hand.page
        if answer.record is not None and not answer.record.header.deleted:
            self._hand.records.append(answer.record)
            self.revived += 1

    def _save(self) -> None:
        connection, hand = self.job.connection, self._hand
        if hand.gone:
            self._must_be_believed()
        self._hand = _Hand()
        if hand.page is not None:
            self._keep(hand, hand.page)
        if hand.gone:
            self._bury(hand.gone)
        with connection.begin():
            runs.add_counts(connection, self.records.run_id, Counts(requests=self._inquiry.requests()))
            waited = hosts.asked(connection, self.job.turn.host, self.job.turn.pause)
        self.job.losses = 0
        self.job.turn.asked(waited=waited)

    def _keep(self, hand: _Hand, page: Page) -> None:
        """Write the records that came; what has left the set, as such."""
        connection = self.job.connection

        def count(made: Changes) -> None:
            census.add(connection, self.of.plan_id, hand.found)
            reconciliations.count(
                connection, self.standing, removed=made.counts.deleted, found=len(hand.found)
            )

        def count_left(_: Changes) -> None:
            reconciliations.count(connection, self.standing, left_set=len(hand.left))

        if hand.records or hand.broken:
            came = replace(page, records=tuple(hand.records), broken=tuple(hand.broken))
            self.counts.add(self.records.keep(came, 0, count).counts)
        if hand.left:
            left = replace(page, records=tuple(hand.left), broken=())
            self.counts.add(replace(self.records, leaving=True).keep(left, 0, count_left).counts)

    def _bury(self, keys: list[bytes]) -> None:
        connection, records = self.job.connection, self.records
        with connection.begin():
            page_id = page_marks.draw(connection)
            buried = vanished.bury(connection, self.of.stream, keys, page_id=page_id, at=clock.now())
            writer.prefer(connection, self.of.stream.repository_id, buried.elsewhere, self.job.preference)
            made = Counts(deleted=len(buried.keys))
            reconciliations.count(connection, self.standing, removed=made.deleted)
            runs.add_counts(connection, records.run_id, made)
            page_marks.publish_loose(connection, page_id, records.run_id, (0, made.deleted))
        self.vanished += made.deleted
        self.counts.add(made)

    def _must_be_believed(self) -> None:
        """A repository whose index is being rebuilt may say of every record that it does not exist: ask for one that is listed."""
        connection = self.job.connection
        if self._witnesses is None:
            with connection.begin():
                self._witnesses = census.witnesses(connection, self.of)
        if not self._witnesses:
            return  # nothing that is held is listed: a person has approved of that
        for identifier in self._witnesses:
            if self._inquiry.ask(identifier).kind == "came":
                return
        raise RepositoryError(
            "the repository denies by GetRecord even what its list names, "
            f"{self._witnesses[0]} for one: nothing that it says is gone was removed",
            reason="get_record",
        )

    def _tell(self) -> None:
        if clock.monotonic() - self._told_at >= _TOLD:
            self._told_at = clock.monotonic()
            self.job.listener.tell(
                f"{self._asked:,} of {self.standing.absent:,} records that are not listed were asked for"
            )
