"""One run of one stream: its plan, its windows one after another, its report."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from sqlalchemy.exc import DBAPIError

from harvester import clock
from harvester.catalogue import ledger, runs, traits
from harvester.catalogue.connection import catalogue_error
from harvester.catalogue.ledger import Plan, Repository, Stream, Window
from harvester.catalogue.runs import Counts, Tally, Verdict
from harvester.errors import HarvesterError, RepositoryError
from harvester.harvest import outcomes, plans
from harvester.harvest.job import Job
from harvester.harvest.pages import Committed, Committer
from harvester.harvest.progress import PageEvent, StreamReport
from harvester.harvest.walk import Walk
from harvester.oai.datestamps import Granularity
from harvester.oai.traits import Traits

# A stream that was never harvested and is refused so was misspelt: kept, it would fail with every later harvest.
_NEVER_WILL = ("cannotDisseminateFormat", "noSetHierarchy")


def run_stream(job: Job, repository: Repository, stream: Stream) -> StreamReport:
    """Bring a stream up to date, or as far as it goes; whatever happens ends in the report."""
    started = clock.monotonic()
    before = job.repository.requests
    run = _Run(job, repository, stream, started)
    try:
        verdict = job.lasting(run.go)
    except (HarvesterError, DBAPIError) as error:
        verdict = outcomes.of_error(ours(error), pages=run.counts.pages)
        if verdict.reason == "cannotDisseminateFormat" and job.turn.held:
            verdict = replace(verdict, sentence=f"{verdict.sentence}. {_formats(job)}")
    counts = replace(run.counts, requests=job.repository.requests - before)
    walk = run.walk
    tally = Tally(dict(walk.repairs), dict(walk.unread)) if walk else Tally()
    verdict = run.close(verdict, counts.requests, tally)
    return StreamReport(
        stream,
        verdict.outcome,
        verdict.reason,
        verdict.sentence,
        counts,
        clock.monotonic() - started,
        tally.unread,
        tally.repairs,
        verdict.evidence,
    )


def _formats(job: Job) -> str:
    """Which formats there are, for whom the one he wanted is not."""
    try:
        return f"The repository has: {', '.join(job.repository.metadata_prefixes())}"
    except RepositoryError as error:
        return f"Which formats it has cannot be told: {error}"


def ours(error: HarvesterError | DBAPIError) -> HarvesterError:
    """The driver's errors as one of ours."""
    return catalogue_error(error) if isinstance(error, DBAPIError) else error


@dataclass(slots=True)
class _Run:
    """`walk` is None until the run has begun; `go` may be called again after the connection was lost."""

    job: Job
    repository: Repository
    stream: Stream
    started: float
    run_id: int = field(default=0, init=False)
    walk: Walk | None = field(default=None, init=False)

    @property
    def _traits(self) -> Traits:
        return Traits.of(self.repository.traits)

    @property
    def counts(self) -> Counts:
        return self.walk.counts if self.walk else Counts()

    def go(self) -> Verdict:
        """Walk every open window of the plan, then close it."""
        # First of all: only who holds the host may choose a plan, or close what a killed process left open.
        self.job.turn.take()
        walk = self.walk = self._begin() if self.walk is None else self._again(self.walk)
        connection = self.job.connection
        while True:
            self.job.turn.take()
            with connection.begin():
                window = ledger.claim_window(connection, walk.plan)
            if window is None:
                return self._finish(walk.plan)
            window, how = walk.window(window)
            if how is None or not self.job.turn.held:
                continue  # the host was let go, and another process may have claimed the window
            with connection.begin():
                ledger.end_window(connection, window, how)
                if walk.largest > (self._traits.page_size or 0):
                    seen = {"page_size": (walk.largest, "records on a page that others follow")}
                    stored = traits.note(connection, self.repository.id, seen)
                    self.repository = replace(self.repository, traits=stored)

    def close(self, verdict: Verdict, requests: int, tally: Tally) -> Verdict:
        """Write the outcome into the run's row, if there is one."""
        if self.walk is None:
            self.job.give_up()
            return verdict
        connection = self.job.connection
        self.job.give_up()
        try:
            with connection.begin():
                if verdict.reason in _NEVER_WILL and not self.counts.pages:
                    runs.forget_unharvested(connection, self.stream)
                if self.walk.token_in_doubt:
                    ledger.doubt_tokens(connection, self.walk.plan)
                runs.finish_run(connection, self.run_id, verdict, requests, tally)
        except DBAPIError as error:
            connection.invalidate()
            if verdict.outcome not in ("interrupted", "failed"):
                return outcomes.of_error(catalogue_error(error), pages=self.counts.pages)
        return verdict

    def _begin(self) -> Walk:
        job, connection = self.job, self.job.connection
        with connection.begin():
            # Read again: while we waited for the host, another process may have brought the stream up to date.
            self.stream = ledger.read_stream(connection, self.stream)
            granularity = Granularity.declared(self.repository.granularity)
            plan = plans.plan_for(connection, self.stream, job.wish, granularity)
            self.run_id = runs.start_run(connection, self.stream, plan)
        return Walk(job.repository, self._committer(), job.turn, plan, self._heard, job.listener.tell)

    def _again(self, walk: Walk) -> Walk:
        connection = self.job.connection
        with connection.begin():
            runs.mark_alive(connection, self.run_id)
            counts = runs.counts_of(connection, self.run_id)
        walk.reopen(self._committer(), counts)
        return walk

    def _committer(self) -> Committer:
        job = self.job
        return Committer.open(
            job.connection, self.stream, self.run_id, job.turn.host, preference=job.preference
        )

    def _heard(self, done: Committed, so_far: Counts) -> None:
        self.job.losses = 0
        seconds = clock.monotonic() - self.started
        event = PageEvent(self.stream, done.window, done.counts, replace(so_far), seconds)
        self.job.listener.on_page(event)

    def _finish(self, plan: Plan) -> Verdict:
        """Close the plan; the watermark moves only where every window ended legally, in whichever run it did."""
        connection = self.job.connection
        with connection.begin():
            windows = ledger.ended_windows(connection, plan)
            endings = self._judged(windows)
            # An index that is being rebuilt says that nothing matches: a first harvest that found nothing is asked again.
            nothing = plan.kind == "full" and not any(each.received for each in windows)
            legal = all(each.legal for each in endings) and bool(endings)
            ledger.finish_plan(connection, self.stream, plan, watermark=legal and not nothing)
        verdicts = {each.verdict.outcome: each.verdict for each in endings}
        if not verdicts:
            return Verdict(
                "incomplete", "fenced", "another process has taken this stream over; it goes on there"
            )
        verdict = verdicts[outcomes.worst(list(verdicts))]
        if nothing and verdict.outcome == "complete":
            return replace(verdict, outcome="complete_unverified", sentence=outcomes.NOTHING_AT_ALL)
        return verdict

    def _judged(self, windows: Iterable[Window]) -> list[outcomes.Ending]:
        page_size = self._traits.page_size
        return [outcomes.judge(each, each.ending or "", page_size=page_size) for each in windows]
