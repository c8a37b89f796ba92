"""Reconciliation: a full pass over the identifiers that a repository lists, and deletions by absence, guarded.

An incremental harvest hears of a deletion only where the repository tells of it (section 2.5.1); many do not. So all
identifiers are listed, what is held and not listed is asked for by GetRecord, and only what is gone becomes a tombstone.
"""

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from harvester.catalogue import ledger, reconciliations
from harvester.catalogue.ledger import Repository, Stream
from harvester.config import Holds
from harvester.crosswalk import registry
from harvester.errors import ConfigError, HarvesterError
from harvester.harvest import outcomes
from harvester.harvest.guarding import Told
from harvester.harvest.harvest import Request, opened, ready
from harvester.harvest.job import Job
from harvester.harvest.orders import order_of
from harvester.harvest.progress import Listener
from harvester.harvest.reconcile_run import StreamReconciled, reconcile_stream
from harvester.harvest.reverting import revert_stream
from harvester.harvest.stream_run import ours


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of a reconciliation is the worst of its streams'."""

    outcome: str
    streams: list[StreamReconciled]
    repository: str
    base_url: str
    sentence: str | None = None
    evidence: dict[str, object] | None = None


def reconcile(
    engine: Engine,
    request: Request,
    listener: Listener | None = None,
    stop: Callable[[], bool] = lambda: False,
    *,
    approve: bool = False,
) -> Report:
    """Reconcile the streams of a source that `request` names, or all of them; goes on where an earlier call was cut.

    With `approve` what was held goes on, and only that; nothing is approved before it was held. Raises ConfigError for a
    source or stream that is not registered, CatalogueError where Postgres fails before anything began.
    """
    registry.registry()  # a crosswalk of somebody else's that cannot be loaded is told before anything is asked
    with opened(engine, request, listener or Listener(), stop) as (job, found):
        repository = _registered(found, request)
        with job.connection.begin():
            streams = _streams(job.connection, repository, request)
        try:
            repository = ready(job, request, repository)
        except ConfigError:
            raise
        except (HarvesterError, DBAPIError) as error:
            failed = outcomes.of_error(ours(error), pages=0)
            return Report(failed.outcome, [], repository.name, job.url, failed.sentence, failed.evidence)
        if approve:
            streams = _held(job, streams)
        holds = request.settings.of(repository.name, repository.base_url).holds or Holds()
        reports: list[StreamReconciled] = []
        for stream in streams:
            told = Told(repository.name, _options(job.connection, repository, stream), holds)
            reports.append(reconcile_stream(job, repository, stream, told, approve=approve))
            if reports[-1].outcome in ("interrupted", "failed", "unreachable"):
                break
    return Report(
        outcomes.worst([each.outcome for each in reports]), reports, repository.name, repository.base_url
    )


def revert(
    engine: Engine,
    request: Request,
    listener: Listener | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Report:
    """Undo what the last reconciliation of each of these streams has removed, without asking the repository. Raises alike."""
    with opened(engine, request, listener or Listener(), stop) as (job, found):
        repository = _registered(found, request)
        job.preference = order_of(request.settings, repository)
        with job.connection.begin():
            streams = _streams(job.connection, repository, request)
        reports = [revert_stream(job, stream) for stream in streams]
    return Report(
        outcomes.worst([each.outcome for each in reports]), reports, repository.name, repository.base_url
    )


def _registered(found: Repository | None, request: Request) -> Repository:
    if found is None:
        raise ConfigError(
            f"'{request.source}' is not registered: there is nothing to reconcile before `harvester harvest` has brought it"
        )
    return found


def _streams(connection: Connection, repository: Repository, request: Request) -> list[Stream]:
    """The registered streams with these sets and formats; all where none is given. Raises ConfigError."""
    known = ledger.streams_of(connection, repository)
    wanted = [
        each
        for each in known
        if (not request.sets or each.set_spec in request.sets)
        and (not request.formats or each.format in request.formats)
    ]
    for spec in request.sets:
        _must_be(any(each.set_spec == spec for each in wanted), f"the set '{spec}'", repository)
    for prefix in request.formats:
        _must_be(any(each.format == prefix for each in wanted), f"the format '{prefix}'", repository)
    _must_be(bool(wanted), "that", repository)
    return wanted


def _must_be(there: bool, what: str, repository: Repository) -> None:
    if not there:
        raise ConfigError(
            f"no stream with {what} is registered for '{repository.name}'; `harvester status {repository.name}` shows them"
        )


def _held(job: Job, streams: Sequence[Stream]) -> list[Stream]:
    """Those that wait for a person; all of them where none does."""
    with job.connection.begin():
        standing = {each.id: reconciliations.current(job.connection, each) for each in streams}
    waiting = [each for each in streams if (found := standing[each.id]) is not None and found.state == "held"]
    if not waiting:
        job.listener.tell("nothing is held that could be approved: this is a reconciliation like any other")
    return waiting or list(streams)


def _options(connection: Connection, repository: Repository, stream: Stream) -> str:
    """How the command line names this stream alone."""
    with connection.begin():
        others = len(ledger.streams_of(connection, repository)) > 1
    return f" --set {shlex.quote(stream.set_spec)} --format {shlex.quote(stream.format)}" if others else ""
