"""One reconciliation of one stream: its list, the judgement, the confirmation of what the list leaves out."""

from dataclasses import dataclass, field, replace

from sqlalchemy.exc import DBAPIError

from harvester import clock
from harvester.catalogue import census, ledger, reconciliations, runs, traits, windows
from harvester.catalogue.census import Pass
from harvester.catalogue.connection import catalogue_error
from harvester.catalogue.ledger import Plan, Repository, Stream
from harvester.catalogue.reconciliations import UNCONFIRMED, Reconciliation
from harvester.catalogue.runs import Counts, Tally, Verdict
from harvester.catalogue.windows import Window
from harvester.errors import Fenced, HarvesterError
from harvester.harvest import guarding, outcomes, passes
from harvester.harvest.confirming import Confirming
from harvester.harvest.guarding import Done, Told
from harvester.harvest.job import Job
from harvester.harvest.listing import CensusWriter
from harvester.harvest.outcomes import Ending
from harvester.harvest.pages import Committed, Committer
from harvester.harvest.progress import PageEvent
from harvester.harvest.stream_run import lists_of, ours, walk_all
from harvester.harvest.walk import Walk
from harvester.oai.traits import Traits

# What lists of identifiers do tells nothing of lists of records.
_NOT_OF_RECORDS = frozenset({"page_size", "sends_size", "size_truthful"})


@dataclass(frozen=True, slots=True)
class StreamReconciled:
    """How one stream's reconciliation went: `listed`, `live` and so on as it stands now, after all its runs.

    `missing` are listed and not held; `revived` were deleted and live again; `counts` are of this run alone.
    """

    stream: Stream
    outcome: str
    reason: str | None
    sentence: str | None
    listed: int = 0
    live: int = 0
    absent: int = 0
    removed: int = 0
    left_set: int = 0
    found: int = 0
    missing: int = 0
    revived: int = 0
    counts: Counts = field(default_factory=Counts)
    seconds: float = 0.0
    evidence: dict[str, object] | None = None


def reconcile_stream(
    job: Job, repository: Repository, stream: Stream, told: Told, *, approve: bool
) -> StreamReconciled:
    """Compare the stream with the repository's list, or go on with that; whatever happens ends in the report."""
    started, before = clock.monotonic(), job.repository.requests
    run = _Run(job, repository, stream, told, approve)
    try:
        verdict = job.lasting(run.go)
    except (HarvesterError, DBAPIError) as error:
        verdict = outcomes.of_error(ours(error), pages=run.progress)
    requests = job.repository.requests - before
    verdict = run.close(verdict, requests)
    standing = run.standing
    numbers = {} if standing is None else {name: getattr(standing, name) for name in _NUMBERS}
    return StreamReconciled(
        stream,
        verdict.outcome,
        verdict.reason,
        verdict.sentence,
        **numbers,
        missing=run.missing,
        revived=run.revived,
        counts=replace(run.counts, requests=requests),
        seconds=clock.monotonic() - started,
        evidence=verdict.evidence,
    )


_NUMBERS = ("listed", "live", "absent", "removed", "left_set", "found")


@dataclass(slots=True)
class _Run:
    """`standing` is None until the run has begun; `go` may be called again after the connection was lost."""

    job: Job
    repository: Repository
    stream: Stream
    told: Told
    approve: bool
    started: float = field(default_factory=clock.monotonic)
    run_id: int = field(default=0, init=False)
    standing: Reconciliation | None = field(default=None, init=False)
    walk: Walk | None = field(default=None, init=False)
    counts: Counts = field(default_factory=Counts, init=False)
    missing: int = field(default=0, init=False)
    vanished: int = field(default=0, init=False)
    revived: int = field(default=0, init=False)

    @property
    def progress(self) -> int:
        """Whether anything came of this run yet."""
        return self.counts.pages or int(self.standing is not None and self.standing.state != "listing")

    @property
    def _traits(self) -> Traits:
        """As observed; of the sizes of lists also what this run alone has seen."""
        known = Traits.of(self.repository.traits)
        if self.walk is None:
            return known
        return replace(known, size_truthful=self.walk.lists.recovery.watch.value("size_truthful"))

    def go(self) -> Verdict:
        """List, judge, confirm: from where the pass stands."""
        # First of all: only who holds the host may choose a pass, or close what a killed process left open.
        self.job.turn.take()
        standing = self._begin() if self.run_id == 0 else self._again()
        if standing is None:
            return Verdict(
                "complete",
                "nothing_held",
                "nothing has been harvested of this stream yet: there is nothing to compare",
            )
        if standing.state == "listing":
            plan = self._list(standing)
            held = self._judge(standing, plan)
            standing = self._read(standing)
            if held is not None:
                return held
        if standing.state == "confirming":
            try:
                return self._confirm(standing)
            except Fenced:
                standing = self._read(standing)
        return guarding.elsewhere(standing)

    def close(self, verdict: Verdict, requests: int) -> Verdict:
        """Write the outcome into the run's row, if there is one."""
        self.job.give_up()
        if self.run_id == 0:
            return verdict
        connection = self.job.connection
        try:
            self._note_traits()
            with connection.begin():
                if self.walk is not None and self.walk.lists.token_in_doubt:
                    windows.doubt_tokens(connection, self.walk.lists.plan.id)
                runs.finish_run(connection, self.run_id, verdict, requests, Tally())
            if self.standing is not None:
                self._read(self.standing)
        except DBAPIError as error:
            connection.invalidate()
            if verdict.outcome not in ("interrupted", "failed"):
                return outcomes.of_error(catalogue_error(error), pages=self.progress)
        return verdict

    def _begin(self) -> Reconciliation | None:
        taken = passes.take_up(self.job, self.repository, self.stream, approve=self.approve)
        if taken is None:
            return None
        self.run_id = taken.run_id
        census.forget(self.job.connection, self.stream)
        return self._read(taken.standing)

    def _again(self) -> Reconciliation:
        connection = self.job.connection
        with connection.begin():
            runs.mark_alive(connection, self.run_id)
            self.counts = runs.counts_of(connection, self.run_id)
        assert self.standing is not None  # noqa: S101 - set with run_id
        return self._read(self.standing)

    def _read(self, standing: Reconciliation) -> Reconciliation:
        with self.job.connection.begin():
            self.standing = reconciliations.read(self.job.connection, standing)
        return self.standing

    def _committer(self) -> Committer:
        job = self.job
        return Committer.open(
            job.connection, self.stream, self.run_id, job.turn.host, preference=job.preference
        )

    def _list(self, standing: Reconciliation) -> Plan:
        """Walk the list, or what is left of it."""
        writer = CensusWriter(standing.plan_id, self._committer())
        if self.walk is None:
            with self.job.connection.begin():
                plan = ledger.find_plan(self.job.connection, standing.plan_id)
            lists = lists_of(self.job, self.repository, writer, plan)
            self.walk = Walk(lists, writer, self._heard)
        else:
            self.walk.reopen(writer, self.counts)
        walk_all(self.job, self.walk, self._note_traits)
        return self.walk.lists.plan

    def _heard(self, done: Committed, so_far: Counts) -> None:
        self.job.losses = 0
        self.counts = so_far
        self._note_traits()
        seconds = clock.monotonic() - self.started
        self.job.listener.on_page(PageEvent(self.stream, done.window, done.counts, replace(so_far), seconds))

    def _note_traits(self) -> None:
        watch = self.walk.lists.recovery.watch if self.walk is not None else None
        fresh = {} if watch is None else {k: v for k, v in watch.seen.items() if k not in _NOT_OF_RECORDS}
        if watch is None or not fresh:
            return
        with self.job.connection.begin():
            stored = traits.note(self.job.connection, self.repository.id, fresh)
        self.repository = replace(self.repository, traits=stored)
        watch.traits = Traits.of(stored)
        watch.seen = {name: said for name, said in watch.seen.items() if name not in fresh}

    def _pass(self, standing: Reconciliation) -> Pass:
        return Pass(self.stream, standing.plan_id, standing.before, standing.begun_at)

    def _ending(self, plan_id: int) -> tuple[Ending | None, list[Window]]:
        """How the list has ended; within the caller's transaction."""
        plan = ledger.find_plan(self.job.connection, plan_id)
        done = windows.ended(self.job.connection, plan)
        return outcomes.judge_plan(plan, done, self._traits), done

    def _judge(self, standing: Reconciliation, plan: Plan) -> Verdict | None:
        """Compare once the list has ended: why nothing may be removed, None where it may."""
        connection = self.job.connection
        with connection.begin():
            standing = reconciliations.lock(connection, standing)  # with the date of the list's first answer
            ending, done = self._ending(plan.id)
            if ending is None or standing.state != "listing":
                return None  # another process has judged it
            live = census.live(connection, self.stream)
            stock = census.take_stock(connection, self._pass(standing))
            held = guarding.hold(ending, done, live, stock, self.told)
            reconciliations.move(
                connection,
                standing,
                "confirming" if held is None else "held",
                listed=stock.listed,
                live=live,
                absent=stock.absent,
                sentence=None if held is None else held.sentence,
            )
            ledger.finish_plan(connection, self.stream, plan, watermark=False)
        self.missing = stock.missing
        return held

    def _confirm(self, standing: Reconciliation) -> Verdict:
        """Ask for what the list leaves out, and for what it names again; close the pass where every answer came."""
        connection, of = self.job.connection, self._pass(standing)
        confirming = Confirming(self.job, standing, of, self._committer(), self.counts)
        try:
            if standing.absent:
                confirming.candidates()
            confirming.returned()
        finally:
            self.vanished += confirming.vanished
            self.revived += confirming.revived
        with connection.begin():
            ending, _ = self._ending(standing.plan_id)
            self.missing = census.missing(connection, of)
            now = reconciliations.lock(connection, standing)
            done = Done(
                now.listed,
                now.removed,
                self.vanished,
                now.left_set,
                now.found,
                self.missing,
                self.revived,
                confirming.still_deleted,
                confirming.unconfirmed,
            )
            sentence = guarding.sentence_of(done, self.told, self.repository.deleted_record)
            if ending is None or now.state != "confirming":
                return guarding.elsewhere(now)
            if not done.unconfirmed:
                reconciliations.move(connection, now, "done", sentence=sentence)
        if done.unconfirmed:
            return Verdict("incomplete", UNCONFIRMED, sentence)
        census.forget(connection, self.stream)
        if now.found:
            return Verdict("complete_unverified", "list_incomplete", sentence)
        if self.missing and ending.verdict.outcome == "complete":
            # New ones come with the next harvest; but nobody can tell from here that none was missed.
            return Verdict("complete_unverified", "listed_and_not_held", sentence)
        return Verdict(ending.verdict.outcome, ending.verdict.reason, sentence)
