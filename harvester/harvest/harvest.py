"""One harvest of one source: its streams one after another, each a run with a report."""

import math
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.exc import DBAPIError

from harvester import clock
from harvester.catalogue import history, hosts, ledger, preference, status, windows
from harvester.catalogue.connection import translated
from harvester.catalogue.ledger import Repository
from harvester.config import Settings
from harvester.crosswalk import registry
from harvester.errors import ConfigError, HarvesterError, RepositoryError, Retriable
from harvester.harvest import outcomes, sources
from harvester.harvest.cutting import LONGEST
from harvester.harvest.job import Job
from harvester.harvest.orders import order_of
from harvester.harvest.plans import Wish
from harvester.harvest.progress import Listener, StreamReport
from harvester.harvest.stream_run import ours, run_stream
from harvester.harvest.turn import Turn
from harvester.oai import repository as oai
from harvester.oai.records import Identify
from harvester.oai.traits import Traits
from harvester.wire import Client, Limits, Patience, host_of, preset_for

_MOST_FORGOTTEN = 10_000  # versions, after one harvest; the next goes on


@dataclass(frozen=True, slots=True)
class Request:
    """What to harvest: SOURCE, sets and formats as typed; `pace` in seconds (None: as configured, else the host's preset),
    `wait` in seconds.

    `limits` are those of one page, `longest_list` the seconds after which a list is cut into windows (None: as configured); `tries` are those of one
    request, `jitter` (0.0 to 1.0) spreads the waits between them. `private` is found out, as `sources.may_be_private`. `abandoned`
    is asked while an answer is awaited, and ends that.
    """

    source: str
    sets: list[str] = field(default_factory=list)
    formats: list[str] = field(default_factory=list)
    wish: Wish = field(default_factory=Wish)
    name: str | None = None
    pace: float | None = None
    wait: float = 600.0
    settings: Settings = field(default_factory=Settings)
    limits: Limits = field(default_factory=Limits)
    longest_list: float | None = None
    tries: int = 3
    jitter: Callable[[], float] = random.random
    private: bool = False
    abandoned: Callable[[], bool] = lambda: False


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of a harvest is the worst of its streams'."""

    outcome: str
    streams: list[StreamReport]
    repository: str | None
    base_url: str
    sentence: str | None = None
    evidence: dict[str, object] | None = None


def harvest(
    engine: Engine,
    request: Request,
    listener: Listener | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Report:
    """Bring the streams of a source up to date, resuming what was cut.

    `stop` is asked between pages. Raises ConfigError for a call that cannot be meant, CatalogueError where Postgres fails
    before anything began; whatever the repository does ends in the report.
    """
    registry.registry()  # a crosswalk of somebody else's that cannot be loaded is told before anything is asked
    with opened(engine, request, listener or Listener(), stop) as (job, repository):
        return _all_streams(job, request, repository)


@contextmanager
def opened(
    engine: Engine, request: Request, listener: Listener, stop: Callable[[], bool]
) -> Iterator[tuple[Job, Repository | None]]:
    """A job on the request's source, and the repository as it is registered; every lock is let go at the end.

    Raises ConfigError for a source that cannot be meant, CatalogueError where Postgres fails.
    """
    with translated(), engine.connect() as connection:
        repository, url = _find(connection, request)
        job = _open(connection, _settled(request, repository, url), url, listener, stop)
        try:
            yield job, repository
        finally:
            job.repository.client.close()
            _let_go(job)


def _find(connection: Connection, request: Request) -> tuple[Repository | None, str]:
    source = request.source
    if request.name is not None:
        sources.check_name(request.name)
    if sources.is_url(source):
        source = sources.check_url(source)
    with connection.begin():
        found = ledger.find_repository(connection, source)
    if found is not None:
        if request.name not in (None, found.name):
            raise ConfigError(f"{found.base_url} is registered as '{found.name}' already: leave --name out")
        return found, found.base_url
    if not sources.is_url(source):
        raise sources.not_registered(source)
    return None, source


def _settled(request: Request, repository: Repository | None, url: str) -> Request:
    """The request with what is configured for the repository, where it says nothing itself."""
    name = (request.name or "") if repository is None else repository.name
    said = request.settings.of(name, url)
    private = sources.may_be_private(repository, request.source, request.settings.hosts)
    return replace(request, longest_list=request.longest_list or said.windows, private=private)


def _open(
    connection: Connection, request: Request, url: str, listener: Listener, stop: Callable[[], bool]
) -> Job:
    host = host_of(url)
    preset = preset_for(host)
    configured = request.settings.paces.get(host, preset.pace)
    pace = configured if request.pace is None else request.pace
    turn = Turn(connection, host, pace, request.wait, stop, listener.tell)
    patience = Patience(
        pause=pace, longest_nap=turn.longest_nap, tries=request.tries, sleep=turn.nap, jitter=request.jitter
    )
    client = Client(
        contact=request.settings.contact,
        patience=patience,
        typed={host} if request.private else (),
        hosts=request.settings.hosts,
        limits=request.limits,
        abandoned=request.abandoned,
    )
    client.check(url)
    asker = oai.Repository(url, client, patience, idempotent_tokens=preset.idempotent_tokens)

    def retry(error: Retriable, seconds: float) -> None:
        turn.failed(error)
        listener.on_retry(error)
        listener.tell(f"{error}; asking again in {seconds:.0f} s")

    asker.on_retry = retry
    return Job(connection, url, request.wish, turn, listener, asker, request.longest_list or LONGEST)


def _let_go(job: Job) -> None:
    """Free the host and every other lock: the session goes back to the pool and lives on."""
    connection = job.connection
    try:
        connection.rollback()
        job.turn.give()
        connection.execute(select(func.pg_advisory_unlock_all()))
        connection.commit()
    except DBAPIError:
        connection.invalidate()  # the locks end with the session


def _all_streams(job: Job, request: Request, repository: Repository | None) -> Report:
    try:
        known = ready(job, request, repository)
        streams = job.lasting(lambda: _streams(job, request, known))
    except ConfigError:
        raise
    except (HarvesterError, DBAPIError) as error:
        failed = outcomes.of_error(ours(error), pages=0)
        name = repository.name if repository else None
        return Report(failed.outcome, [], name, job.url, failed.sentence, failed.evidence)
    reports: list[StreamReport] = []
    for stream in streams:
        reports.append(run_stream(job, known, stream))
        if reports[-1].outcome in ("interrupted", "failed", "unreachable"):
            break
    _forget(job, request, known)
    if job.repository.moved_to:
        job.listener.tell(
            f"{known.base_url} has moved for good to {job.repository.moved_to}: the redirect was followed; "
            "register the new address when its managers confirm it"
        )
    return Report(outcomes.worst([each.outcome for each in reports]), reports, known.name, job.url)


def _forget(job: Job, request: Request, repository: Repository) -> None:
    """Earlier versions of records, as long ago as the operator wants them forgotten."""
    seconds = request.settings.history
    if seconds is None:
        return
    try:
        history.forget_older(job.connection, repository.id, seconds, most=_MOST_FORGOTTEN)
    except DBAPIError as error:
        job.give_up()
        job.listener.tell(f"old versions of records are not forgotten this time: {ours(error)}")


def ready(job: Job, request: Request, repository: Repository | None) -> Repository:
    """What must be known before the first list: Identify, the order of formats, whether tokens may be asked twice.

    Raises RepositoryError and sqlalchemy's DBAPIError.
    """
    known = job.lasting(lambda: _identified(job, request, repository))
    job.preference = order_of(request.settings, known)
    job.lasting(lambda: preference.follow(job.connection, known, job.preference, job.listener.tell))
    observed = Traits.of(known.traits).idempotent_tokens
    if observed is not None:
        # What was observed of this repository, over what its host is known for.
        job.repository.idempotent_tokens = observed
    return known


def _streams(job: Job, request: Request, repository: Repository) -> list[ledger.Stream]:
    with job.connection.begin():
        wanted = sources.wanted_streams(job.connection, repository, request.sets, request.formats)
        ends = windows.deadlines(job.connection, repository.id)
    # Lists that were begun go first, the nearest end of a token before all.
    return sorted(wanted, key=lambda each: ends[each.id].timestamp() if each.id in ends else math.inf)


def _identified(job: Job, request: Request, repository: Repository | None) -> Repository:
    """Ask Identify where it is due; register what is new only once it has answered."""
    if repository is not None and not sources.due_for_identify(repository, clock.now()):
        return repository
    try:
        job.turn.take()
        with job.connection.begin():
            # Read again: while we waited for the host, another process may have registered or asked it.
            repository = ledger.find_repository(job.connection, repository.name if repository else job.url)
        if repository is not None and not sources.due_for_identify(repository, clock.now()):
            return repository
        said = _ask_identify(job)
    except RepositoryError as error:
        if repository is None or repository.identified_at is None:
            raise
        # Some serve lists while Identify is broken; what it said before still holds.
        job.listener.tell(f"Identify failed ({error}); going on with what it said before")
        return repository
    with job.connection.begin():
        if repository is None:
            taken = status.names(job.connection)
            repository = sources.register(job.connection, job.url, request.name, taken)
        hosts.asked(job.connection, job.turn.host, job.turn.pause)
        return sources.note(job.connection, repository, said, clock.now())


def _ask_identify(job: Job) -> Identify:
    while True:
        job.turn.take()
        try:
            return job.repository.identify()
        except Retriable as error:
            job.turn.postpone(error)
