"""What each kind of task does: one stream harvested, a slice of it harvested again, reconciled; records and lists asked for again."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Engine

from harvester.catalogue import ledger
from harvester.catalogue.connection import translated
from harvester.catalogue.tasks import HARVEST, RECONCILE, REFRESH, RETRY, ROLLING, Task
from harvester.config import Settings
from harvester.harvest import harvest as harvesting
from harvester.harvest import reconcile as reconciling
from harvester.harvest import refreshing, retrying
from harvester.harvest.harvest import Request
from harvester.harvest.plans import Wish
from harvester.harvest.progress import Listener
from harvester.wire import Limits

# Somebody else's page at the same host is waited for; longer pauses are appointments, the slice ends. A process that is frozen
# keeps its host's lock: not many seconds of a worker should go into waiting for it.
_PATIENCE = 10.0
_MOST_RETRIES = 50  # records out of quarantine that one task asks for
_KEEPS = "persistent"  # Identify's deletedRecord: every deletion is told of, for ever (section 2.5.1)


@dataclass(frozen=True, slots=True)
class Done:
    """How a task's go ended: one of the closed list of outcomes, and whether anything had changed in the repository."""

    outcome: str
    reason: str | None = None
    sentence: str | None = None
    changed: bool = False


@dataclass(frozen=True, slots=True)
class Hand:
    """What a task is done with; `stop` is asked between pages, `abandoned` within one, too.

    A host that was out of reach is asked once, not `tries` times, and its answer is not waited for as long.
    """

    engine: Engine
    settings: Settings
    listener: Listener
    stop: Callable[[], bool]
    tries: int = 3
    limits: Limits = field(default_factory=Limits)
    abandoned: Callable[[], bool] = lambda: False


def perform(hand: Hand, task: Task) -> Done:
    """Do a task, as far as `stop` lets it. Raises ConfigError and CatalogueError; what a repository does ends in the report."""
    return _KINDS[task.kind](hand, task)


def _request(hand: Hand, task: Task, wish: Wish | None = None) -> Request:
    return Request(
        task.repository,
        [] if not task.set_spec else [task.set_spec],
        [] if not task.format else [task.format],
        wish or Wish(),
        wait=_PATIENCE,
        settings=hand.settings,
        tries=hand.tries,
        limits=hand.limits,
        abandoned=hand.abandoned,
    )


def _harvest(hand: Hand, task: Task, wish: Wish | None = None) -> Done:
    report = harvesting.harvest(hand.engine, _request(hand, task, wish), hand.listener, hand.stop)
    return _of_report(report)


def _of_report(report: harvesting.Report | reconciling.Report) -> Done:
    if not report.streams:
        return Done(report.outcome, None, report.sentence)
    stream = report.streams[0]
    counts = stream.counts
    changed = counts.created + counts.updated + counts.deleted > 0
    return Done(stream.outcome, stream.reason, stream.sentence, changed)


def _rolling(hand: Hand, task: Task) -> Done:
    with translated(), hand.engine.connect() as connection:
        harvested = ledger.watermark(connection, task.stream_id) is not None
    if not harvested:
        return Done("complete", "not_harvested", "nothing is harvested yet that could be harvested again")
    return _harvest(hand, task, Wish(rolling=True))


def _reconcile(hand: Hand, task: Task) -> Done:
    with translated(), hand.engine.connect() as connection:
        repository = ledger.find_repository(connection, task.repository)
        harvested = ledger.watermark(connection, task.stream_id) is not None
    if repository is None or not harvested:
        return Done("complete", "not_harvested", "nothing is harvested yet that could have been deleted")
    if repository.deleted_record == _KEEPS:
        return Done("complete", "persistent", "the repository says that it tells of every deletion")
    report = reconciling.reconcile(hand.engine, _request(hand, task), hand.listener, hand.stop)
    return _of_report(report)


def _retry(hand: Hand, task: Task) -> Done:
    request = retrying.RetryRequest(
        task.repository,
        limit=_MOST_RETRIES,
        wait=_PATIENCE,
        settings=hand.settings,
        limits=hand.limits,
        abandoned=hand.abandoned,
    )
    report = retrying.retry(hand.engine, request, hand.listener.tell, hand.stop)
    worst = next((each.verdict for each in report.streams if each.verdict.outcome == report.outcome), None)
    return Done(report.outcome, worst.reason if worst else None, worst.sentence if worst else None)


def _refresh(hand: Hand, task: Task) -> Done:
    found = refreshing.refresh(hand.engine, _request(hand, task), hand.listener, hand.stop)
    # At the first look every set is new: that is the operator's choice to make, not ours.
    wanted = hand.settings.of(task.repository, task.base_url).new_sets == "harvest" and not found.first
    if wanted and found.new_sets:
        _harvest_sets(hand, task, found.new_sets)
    return Done(found.outcome, found.reason, " ".join(found.sentences) or None)


def _harvest_sets(hand: Hand, task: Task, specs: Sequence[str]) -> None:
    """Streams of sets that have come, in the formats in which other sets of the repository are harvested."""
    with translated(), hand.engine.begin() as connection:
        repository = ledger.find_repository(connection, task.repository)
        if repository is None:
            return
        known = ledger.streams_of(connection, repository)
        for format_ in sorted({each.format for each in known if each.set_spec}):
            for spec in specs:
                ledger.add_stream(connection, repository, spec, format_)


_KINDS: dict[str, Callable[[Hand, Task], Done]] = {
    HARVEST: _harvest,
    ROLLING: _rolling,
    RECONCILE: _reconcile,
    RETRY: _retry,
    REFRESH: _refresh,
}
