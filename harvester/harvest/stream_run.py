"""One run of one stream: its plan, its windows one after another, its report."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy.exc import DBAPIError

from harvester import clock
from harvester.catalogue import ledger, runs, traits, windows
from harvester.catalogue.connection import catalogue_error
from harvester.catalogue.ledger import Plan, Repository, Stream
from harvester.catalogue.runs import Counts, Tally, Verdict
from harvester.catalogue.windows import Window
from harvester.errors import HarvesterError, RepositoryError
from harvester.harvest import outcomes, plans, sources
from harvester.harvest.healing import heal
from harvester.harvest.job import Job
from harvester.harvest.lists import Lists
from harvester.harvest.one_by_one import Writer
from harvester.harvest.pages import Committed, Committer
from harvester.harvest.progress import PageEvent, StreamReport
from harvester.harvest.recovery import Recovery
from harvester.harvest.walk import Walk
from harvester.harvest.watching import Watch
from harvester.oai.datestamps import Granularity
from harvester.oai.traits import Traits
from harvester.wire import preset_for

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
            if run.stream.watermark is not None:
                verdict = replace(verdict, reason="format_gone")
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


def walk_all(job: Job, walk: Walk, on_end: Callable[[], None]) -> None:
    """Walk every open window of the walk's plan; `on_end` is called after each. Raises as `Walk.window`."""
    while True:
        job.turn.take()
        with job.connection.begin():
            window = windows.claim(job.connection, walk.lists.plan)
        if window is None:
            return
        window, how = walk.window(window)
        if how is None or not job.turn.held:
            continue  # others have taken its place, or the host was let go and another process may have claimed it
        if walk.lists.recovery.halve_short(job.connection, window, walk.lists.plan, how):
            continue
        size = walk.lists.size_by_headers(window)
        walk.lists.recovery.ended(window, walk.lists.plan)
        with job.connection.begin():
            windows.end(job.connection, window, how, size=size)
        on_end()


def lists_of(job: Job, repository: Repository, writer: Writer, plan: Plan) -> Lists:
    """The lists of a plan, for a writer; with what is to be done when they do not come."""
    stream, known = writer.stream, Traits.of(repository.traits)
    recovery = Recovery(
        Watch(stream.set_spec, known, listed_at=plan.candidate_watermark),
        job.listener.tell,
        earliest=sources.earliest_datestamp(repository),
        by_month=not stream.set_spec and (known.month_sets or preset_for(job.turn.host).month_sets),
        longest=job.longest_list,
    )
    return Lists(job.repository, writer, job.turn, plan, recovery, job.listener.tell)


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
        walk_all(self.job, walk, self._note_traits)
        walk.counts.add(heal(self.job, self.stream, self.run_id))
        return self._finish(walk.lists.plan)

    def close(self, verdict: Verdict, requests: int, tally: Tally) -> Verdict:
        """Write the outcome into the run's row, if there is one."""
        if self.walk is None:
            self.job.give_up()
            return verdict
        connection = self.job.connection
        self.job.give_up()
        try:
            self._note_traits()
            with connection.begin():
                if verdict.reason in _NEVER_WILL and not self.counts.pages:
                    runs.forget_unharvested(connection, self.stream)
                if self.walk.lists.token_in_doubt:
                    windows.doubt_tokens(connection, self.walk.lists.plan.id)
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
            granularity = Granularity.declared(self._traits.granularity or self.repository.granularity)
            earliest = sources.earliest_datestamp(self.repository)
            dates = plans.Dates(granularity, earliest, self._traits.lag, bool(self._traits.needs_from))
            plan = plans.plan_for(connection, self.stream, job.wish, dates)
            self.run_id = runs.start_run(connection, self.stream, plan)
        if plan.kind == "rolling" and plan.until:
            since = f"from {plan.from_:%Y-%m-%d} " if plan.from_ else ""
            job.listener.tell(f"harvesting again what is dated {since}until {plan.until:%Y-%m-%d}")
        return self._walk(plan)

    def _walk(self, plan: Plan) -> Walk:
        committer = self._committer()
        return Walk(lists_of(self.job, self.repository, committer, plan), committer, self._heard)

    def _notice_late(self, oldest_new: datetime | None) -> None:
        """A record that is new here, and older than what the last harvest had asked for: it came into the list late."""
        mark = self.stream.watermark
        if (
            self.walk is None
            or self.walk.lists.plan.kind != "incremental"
            or mark is None
            or oldest_new is None
        ):
            return
        late = (mark - oldest_new).total_seconds()
        watch = self.walk.lists.recovery.watch
        if late > max(watch.value("lag") or 0.0, 0.0):
            watch.observe(
                "lag", late, "a record came after harvests that should have brought it, by its datestamp"
            )

    def _note_traits(self) -> None:
        """Keep what was observed, at once: another process must know it, too."""
        watch = self.walk.lists.recovery.watch if self.walk is not None else None
        if watch is None or not watch.seen:
            return
        with self.job.connection.begin():
            stored = traits.note(self.job.connection, self.repository.id, watch.seen)
        self.repository = replace(self.repository, traits=stored)
        watch.traits = self._traits
        watch.seen.clear()

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
        self._notice_late(done.changes.oldest_new)
        self._note_traits()
        seconds = clock.monotonic() - self.started
        event = PageEvent(self.stream, done.window, done.counts, replace(so_far), seconds)
        self.job.listener.on_page(event)

    def _finish(self, plan: Plan) -> Verdict:
        """Close the plan; the watermark moves only where every window ended legally, in whichever run it did."""
        connection = self.job.connection
        with connection.begin():
            done = windows.ended(connection, plan)
            held = ledger.held(connection, self.stream)
            ending = outcomes.judge_plan(ledger.read_plan(connection, plan), done, self._traits, held)
            ledger.finish_plan(connection, self.stream, plan, watermark=ending is not None and ending.legal)
        if ending is None:
            return Verdict(
                "incomplete", "fenced", "another process has taken this stream over; it goes on there"
            )
        if self.walk is not None:
            _learn(self.walk.lists.recovery.watch, ending, done)
        return ending.verdict


def _learn(watch: Watch, ending: outcomes.Ending, done: Sequence[Window]) -> None:
    """What the end of a plan tells of the repository, for the next one."""
    if ending.verdict.reason == "windows_short":
        watch.observe("dates_honoured", False, "windows by date held fewer records than the whole list")
    for each in done:
        if each.ending in ("empty_pages", "no_records_match") and each.pages > 1:
            watch.observe("empty_ending", each.received, "a list ended in nothing, and with a token")
