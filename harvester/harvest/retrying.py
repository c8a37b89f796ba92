"""What waits in quarantine is tried again: first by reading its bytes with the code of today, then by asking for it.

A record is asked for by GetRecord when its day has come, at its host's pace and in our turn; what comes whole is committed
and released, what does not waits twice as long. Nothing is forgotten: a row leaves only by coming whole, or by the
repository's own word that it is gone.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from harvester import clock
from harvester.catalogue import ledger, retries
from harvester.catalogue.connection import translated
from harvester.catalogue.ledger import Repository, Stream
from harvester.catalogue.retries import Waiting
from harvester.catalogue.runs import Counts, Verdict
from harvester.config import Settings
from harvester.crosswalk import registry
from harvester.errors import ConfigError, HarvesterError
from harvester.harvest import outcomes, sources
from harvester.harvest.harvest import Request, opened
from harvester.harvest.job import Job
from harvester.harvest.orders import order_of
from harvester.harvest.progress import Listener
from harvester.harvest.retry_run import Came, RetryRun, Wanted
from harvester.harvest.stream_run import ours
from harvester.wire import Limits

# After these, no other stream of the repository is asked for; after the last two, no other repository either.
_ENDS = ("refused", "incomplete", "unreachable", "failed", "interrupted")


@dataclass(frozen=True, slots=True)
class RetryRequest:
    """What to try again: all repositories, or one by name or base URL; with `now` before its day has come.

    At most `limit` records are asked for; `pace` and `wait` in seconds, as for a harvest.
    """

    source: str | None = None
    now: bool = False
    limit: int | None = None
    pace: float | None = None
    wait: float = 600.0
    settings: Settings = field(default_factory=Settings)
    limits: Limits = field(default_factory=Limits)
    jitter: Callable[[], float] = random.random
    abandoned: Callable[[], bool] = lambda: False

    def of(self, repository: Repository) -> Request:
        """The same for one repository, as a harvest is asked for."""
        return Request(
            repository.name,
            pace=self.pace,
            wait=self.wait,
            settings=self.settings,
            limits=self.limits,
            jitter=self.jitter,
            abandoned=self.abandoned,
        )


@dataclass(frozen=True, slots=True)
class StreamRetry:
    """How it went for one stream: `came` of what was tried, `counts` of the records, and what still waits."""

    repository: str
    stream: Stream
    verdict: Verdict
    came: Came
    counts: Counts
    waiting: Waiting
    seconds: float


@dataclass(frozen=True, slots=True)
class RetryReport:
    """The outcome is the worst of the streams'; `complete` where nothing waits."""

    outcome: str
    streams: list[StreamRetry]


def retry(
    engine: Engine,
    request: RetryRequest,
    tell: Callable[[str], None] = lambda _: None,
    stop: Callable[[], bool] = lambda: False,
) -> RetryReport:
    """Try again what waits in quarantine.

    `tell` hears of waits and troubles, `stop` is asked between requests. Raises ConfigError for a source that is not
    registered, CatalogueError where Postgres fails before anything began; whatever a repository does ends in the report.
    """
    registry.registry()  # a crosswalk of somebody else's that cannot be loaded is told before anything is asked
    left = request.limit
    reports: list[StreamRetry] = []
    for repository in _chosen(engine, request.source):
        with opened(engine, request.of(repository), Listener(tell=tell), stop) as (job, _):
            job.preference = order_of(request.settings, repository)
            reports += _all_streams(job, repository, Wanted(request.now, left))
        left = None if request.limit is None else request.limit - sum(each.came.asked for each in reports)
        if reports and reports[-1].verdict.outcome in _ENDS[-2:]:
            break
    return RetryReport(outcomes.worst([each.verdict.outcome for each in reports]), reports)


def _chosen(engine: Engine, source: str | None) -> list[Repository]:
    """The repositories of which something waits; or the one that was named."""
    with translated(), engine.begin() as connection:
        if source is not None:
            return [registered(connection, source)]
        known = ledger.repositories_of(connection)
        return [each for each in known if retries.count(connection, each.id)]


def registered(connection: Connection, source: str) -> Repository:
    """The repository of a name or base URL. Raises ConfigError where there is none."""
    if sources.is_url(source):
        source = sources.check_url(source)
    found = ledger.find_repository(connection, source)
    if found is None:
        raise ConfigError(f"no repository is registered as '{source}'; `harvester status` shows them all")
    return found


def _all_streams(job: Job, repository: Repository, wanted: Wanted) -> list[StreamRetry]:
    reports: list[StreamRetry] = []
    for stream in job.lasting(lambda: _streams(job, repository)):
        reports.append(_one_stream(job, repository, stream, wanted))
        wanted = wanted.after(reports[-1].came.asked)
        if reports[-1].verdict.outcome in _ENDS:
            break
    return reports


def _streams(job: Job, repository: Repository) -> list[Stream]:
    """The streams of which something waits."""
    with job.connection.begin():
        wait = retries.streams_waiting(job.connection, repository.id)
        return [ledger.add_stream(job.connection, repository, *each) for each in wait]


def _one_stream(job: Job, repository: Repository, stream: Stream, wanted: Wanted) -> StreamRetry:
    started = clock.monotonic()
    run = RetryRun(job, repository, stream, wanted)
    try:
        verdict = job.lasting(run.go)
    except (HarvesterError, DBAPIError) as error:
        verdict = outcomes.of_error(ours(error), pages=run.came.settled)
    verdict = run.close(verdict)
    with translated(), job.connection.begin():
        waiting = retries.waiting(job.connection, stream)
    seconds = clock.monotonic() - started
    return StreamRetry(repository.name, stream, verdict, run.came, run.counts, waiting, seconds)
