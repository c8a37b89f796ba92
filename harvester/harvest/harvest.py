"""One harvest of one source: its streams one after another, each a run with a report."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from harvester import clock
from harvester.catalogue import ledger, runs, status
from harvester.catalogue.connection import catalogue_error, translated
from harvester.catalogue.ledger import Repository, Stream
from harvester.catalogue.runs import Counts, Tally, Verdict
from harvester.errors import ConfigError, HarvesterError, RepositoryError, Retriable
from harvester.harvest import outcomes, plans, sources
from harvester.harvest.pages import Committed, Committer
from harvester.harvest.plans import Wish
from harvester.harvest.progress import Listener, PageEvent, StreamReport
from harvester.harvest.turn import Turn
from harvester.harvest.walk import Walk
from harvester.oai import repository as oai
from harvester.oai.datestamps import Granularity
from harvester.wire import Client, Patience, host_of, preset_for


@dataclass(frozen=True, slots=True)
class Request:
    """What to harvest: SOURCE, sets and formats as typed; `pace` in seconds (None: the host's preset), `wait` in seconds."""

    source: str
    sets: list[str] = field(default_factory=list)
    formats: list[str] = field(default_factory=list)
    wish: Wish = field(default_factory=Wish)
    name: str | None = None
    pace: float | None = None
    wait: float = 600.0
    contact: str | None = None


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
    with translated(), engine.connect() as connection:
        repository, url = _find(connection, request.source)
        job = _open(connection, request, url, listener or Listener(), stop)
        try:
            return _all_streams(job, repository)
        finally:
            job.client.close()
            _let_go(job.turn)


@dataclass(slots=True)
class _Job:
    """What one call holds: the connection with the host's lock, the client, who listens."""

    connection: Connection
    request: Request
    url: str
    listener: Listener
    turn: Turn
    client: Client
    oai: oai.Repository


def _find(connection: Connection, source: str) -> tuple[Repository | None, str]:
    with connection.begin():
        found = ledger.find_repository(connection, source)
    if found is not None:
        return found, found.base_url
    if not sources.is_url(source):
        raise ConfigError(
            f"no repository is registered as '{source}'; give its base URL, or see `harvester status`"
        )
    return None, sources.check_url(source)


def _open(
    connection: Connection, request: Request, url: str, listener: Listener, stop: Callable[[], bool]
) -> _Job:
    host = host_of(url)
    preset = preset_for(host)
    pace = preset.pace if request.pace is None else request.pace
    turn = Turn(connection, host, pace, request.wait, stop, listener.tell)
    patience = Patience(pause=pace, longest_nap=turn.longest_nap, sleep=turn.nap)
    client = Client(contact=request.contact, patience=patience, typed={host})
    asker = oai.Repository(url, client, patience, idempotent_tokens=preset.idempotent_tokens)

    def retry(error: Retriable, seconds: float) -> None:
        turn.failed(error)
        listener.tell(f"{error}; asking again in {seconds:.0f} s")

    asker.on_retry = retry
    return _Job(connection, request, url, listener, turn, client, asker)


def _let_go(turn: Turn) -> None:
    try:
        turn.give()
    except DBAPIError:
        turn.connection.invalidate()  # the lock ends with the session


def _all_streams(job: _Job, repository: Repository | None) -> Report:
    request = job.request
    try:
        repository = _identified(job, repository)
    except (HarvesterError, DBAPIError) as error:
        if isinstance(error, ConfigError):
            raise
        failed = outcomes.of_error(_ours(error), pages=0)
        name = repository.name if repository else None
        return Report(failed.outcome, [], name, job.url, failed.sentence, failed.evidence)
    with job.connection.begin():
        streams = sources.wanted_streams(job.connection, repository, request.sets, request.formats)
    reports: list[StreamReport] = []
    for stream in streams:
        reports.append(_one_stream(job, repository, stream))
        if reports[-1].outcome in ("interrupted", "failed", "unreachable"):
            break
    return Report(outcomes.worst([each.outcome for each in reports]), reports, repository.name, job.url)


def _identified(job: _Job, repository: Repository | None) -> Repository:
    """Ask Identify where it is due; register what is new only once it has answered."""
    now = clock.now()
    if repository is not None and not sources.due_for_identify(repository, now):
        return repository
    said = None
    try:
        while said is None:
            job.turn.take()
            try:
                said = job.oai.identify()
            except Retriable as error:
                job.turn.postpone(error)
    except RepositoryError as error:
        if repository is None or repository.identified_at is None:
            raise
        # Some serve lists while Identify is broken; what it said before still holds.
        job.listener.tell(f"Identify failed ({error}); going on with what it said before")
        return repository
    with job.connection.begin():
        if repository is None:
            taken = status.names(job.connection)
            repository = sources.register(job.connection, job.url, job.request.name, taken)
        return sources.note(job.connection, repository, said, now)


def _one_stream(job: _Job, repository: Repository, stream: Stream) -> StreamReport:
    started = clock.monotonic()
    walk: Walk | None = None
    run_id = None
    before = job.oai.requests
    try:
        with job.connection.begin():
            granularity = Granularity.declared(repository.granularity)
            plan, _ = plans.plan_for(job.connection, stream, job.request.wish, granularity)
        job.turn.take()  # before the run begins: only who holds the host may close what a killed process left open
        with job.connection.begin():
            run_id = runs.start_run(job.connection, stream, plan)
        walk = _walk(job, stream, plan, run_id, started)
        verdict = _windows(job, repository, stream, walk)
    except (HarvesterError, DBAPIError) as error:
        verdict = outcomes.of_error(_ours(error), pages=walk.counts.pages if walk else 0)
    counts = replace(walk.counts) if walk else Counts()
    counts.requests = job.oai.requests - before
    tally = Tally(dict(walk.repairs), dict(walk.unread)) if walk else Tally()
    verdict = _close(job, run_id, verdict, counts, tally)
    seconds = clock.monotonic() - started
    return StreamReport(
        stream,
        verdict.outcome,
        verdict.reason,
        verdict.sentence,
        counts,
        seconds,
        tally.unread,
        tally.repairs,
        verdict.evidence,
    )


def _walk(job: _Job, stream: Stream, plan: ledger.Plan, run_id: int, started: float) -> Walk:
    def heard(done: Committed, so_far: Counts) -> None:
        seconds = clock.monotonic() - started
        job.listener.on_page(PageEvent(stream, done.window, done.counts, replace(so_far), seconds))

    committer = Committer.open(job.connection, stream, run_id, job.turn.host)
    return Walk(job.oai, committer, job.turn, plan, heard, job.listener.tell)


def _windows(job: _Job, repository: Repository, stream: Stream, walk: Walk) -> Verdict:
    """Walk every open window of the plan, then close it; the watermark moves only on legal ends."""
    connection = job.connection
    endings: list[outcomes.Ending] = []
    while True:
        with connection.begin():
            window = ledger.claim_window(connection, walk.plan)
        if window is None:
            break
        window, how = walk.window(window)
        endings.append(outcomes.judge(window, how, page_size=repository.page_size))
        with connection.begin():
            ledger.end_window(connection, window)
            if walk.largest > (repository.page_size or 0):
                repository = ledger.note_trait(connection, repository, page_size=walk.largest)
    legal = all(each.legal for each in endings)
    with connection.begin():
        ledger.finish_plan(connection, stream, walk.plan, watermark=legal)
    verdicts = {each.verdict.outcome: each.verdict for each in endings}
    return verdicts[outcomes.worst(list(verdicts))] if verdicts else Verdict("complete", "nothing_open", None)


def _close(job: _Job, run_id: int | None, verdict: Verdict, counts: Counts, tally: Tally) -> Verdict:
    if run_id is None:
        return verdict
    try:
        with job.connection.begin():
            runs.finish_run(job.connection, run_id, verdict, counts.requests, tally)
    except DBAPIError as error:
        job.connection.invalidate()
        return outcomes.of_error(catalogue_error(error), pages=counts.pages)
    return verdict


def _ours(error: HarvesterError | DBAPIError) -> HarvesterError:
    return catalogue_error(error) if isinstance(error, DBAPIError) else error
