"""A slice: about a minute of work on one host, task after task, page by page; what it leaves stands in the catalogue."""

import logging
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from harvester import clock, logs
from harvester.catalogue import hosts, tasks
from harvester.catalogue.connection import translated
from harvester.catalogue.hosts import Host
from harvester.catalogue.tasks import Task
from harvester.config import Settings
from harvester.errors import CatalogueError, HarvesterError, Retriable
from harvester.harvest.progress import Listener, PageEvent
from harvester.schedule import planner, standing
from harvester.schedule.candidates import Candidates, deadlines
from harvester.schedule.quiet import quiet_until
from harvester.schedule.settling import SHORT, settle
from harvester.schedule.standing import Done, Hand
from harvester.wire import Limits

_TOLD_EVERY = 5.0  # seconds between two notes of where a list's token stands
# A host that was out of reach keeps a worker for this long, not for as long as a slow answer may take.
_OF_DOUBTFUL = Limits(read=60.0, total=60.0)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Heard:
    """Who wants to know: of every page, of every task's end (with its seconds), of every slice's."""

    page: Callable[[Task, PageEvent], None] = lambda _task, _event: None
    task: Callable[[Task, Done, float], None] = lambda _task, _done, _seconds: None
    slice: Callable[[str, float], None] = lambda _host, _seconds: None


@dataclass(frozen=True, slots=True)
class Work:
    """What slices are cut from; `jitter` gives 0.0 to 1.0, `at_work` are the numbers of the tasks in hand.

    `abandoned` is asked within a request: then its answer is not waited for any more.
    """

    engine: Engine
    settings: Settings
    stop: Callable[[], bool]
    heard: Heard = field(default_factory=Heard)
    jitter: Callable[[], float] = random.random
    at_work: set[int] = field(default_factory=set)
    abandoned: Callable[[], bool] = lambda: False


def run_slice(work: Work, host: str, *, pressing: bool = False) -> bool:
    """Work on a host until its minute is over or nothing is left that may be done now; whether it has more to do at once.

    With `pressing` only as far as tokens must be spent that would die while the host waits for its turn.
    """
    began = clock.monotonic()
    try:
        return _work(work, host, began + work.settings.service.slice, pressing=pressing) and not pressing
    except CatalogueError as error:
        _log.warning("the slice on %s ends: %s", host, error)
        return False
    finally:
        work.heard.slice(host, clock.monotonic() - began)


def _work(work: Work, host: str, ends: float, *, pressing: bool) -> bool:
    while not (work.stop() or work.abandoned()):
        looked = _look(work, host)
        if looked is None:
            return False
        row, candidates = looked
        if clock.monotonic() >= ends:
            return bool(candidates.waiting)
        choice = candidates.choose(pressing=pressing)
        if choice is None:
            return False
        task, one_page = choice
        turn = _Turn(work, host, ends, one_page, candidates.next_deadline(task), row.failures > 0)
        if not _one(work, task, turn):
            return False
    return False


def _look(work: Work, host: str) -> tuple[Host, Candidates] | None:
    """The host as it stands, and what may be done there now; None where nothing may."""
    now = clock.now()
    if quiet_until(work.settings, host, now) is not None:
        return None
    with translated(), work.engine.connect() as connection, connection.begin():
        row = hosts.read(connection, host)
        if row.wait > SHORT or (row.closed_until is not None and row.closed_until > row.now):
            return None
        return row, Candidates.of(connection, work.settings, row, now)


@dataclass(slots=True)
class _Turn:
    """One task's turn within a slice: it ends with the slice, after its page, or when another token must be spent."""

    work: Work
    host: str
    ends: float
    one_page: bool
    other_deadline: datetime | None
    doubtful: bool  # the host was out of reach when it was asked last
    pages: int = 0
    trouble: Retriable | None = None  # why the last request was to be tried again
    spend_by: datetime | None = None
    dies_at: datetime | None = None
    _told: float = float("-inf")

    def over(self) -> bool:
        now = clock.now()
        if (
            self.work.stop()
            or self.work.abandoned()
            or clock.monotonic() >= self.ends
            or quiet_until(self.work.settings, self.host, now)
        ):
            return True
        if not self.pages:
            return False
        return self.one_page or (self.other_deadline is not None and self.other_deadline <= now)

    def fail(self, error: Retriable) -> None:
        self.trouble = error

    def hear(self, task: Task, event: PageEvent) -> None:
        self.pages += 1
        self.trouble = None
        self.spend_by, self.dies_at = deadlines(event)
        self.work.heard.page(task, event)
        if clock.monotonic() - self._told < _TOLD_EVERY:
            return
        self._told = clock.monotonic()
        try:
            with self.work.engine.begin() as connection:
                tasks.lives(connection, task, spend_by=self.spend_by, dies_at=self.dies_at)
        except DBAPIError as error:
            # Only a note: the page itself is committed, or will be.
            _log.warning("where the token of %s stands is not noted: %s", task.repository, error.orig)


def _one(work: Work, task: Task, turn: _Turn) -> bool:
    """Do one task for as long as its turn lasts; whether the slice may go on with another."""
    with translated(), work.engine.begin() as connection:
        pause = planner.pause_after_crashes(task.crashes)
        again = (task.tried_at or clock.now()) + timedelta(seconds=pause)
        if again > clock.now():
            tasks.hold(
                connection,
                task,
                f"the process that worked on it died {task.crashes} times in a row: see the logs and the memory of "
                f"the workers; `harvester resume {task.repository}` takes it up at once",
                until=again,
            )
            return True
        tasks.begin(connection, task, clock.now())
    began = clock.monotonic()
    listener = Listener(
        on_page=lambda event: turn.hear(task, event),
        tell=lambda said: _log.info("%s", said),
        on_retry=turn.fail,
    )
    hand = Hand(work.engine, work.settings, listener, turn.over, abandoned=work.abandoned)
    if turn.doubtful:
        hand = replace(hand, tries=1, limits=_OF_DOUBTFUL)
    work.at_work.add(task.id)
    with logs.bound(repository=task.repository, set=task.set_spec, format=task.format, task=task.kind):
        done = _done(hand, task, turn)
        if done.outcome != "interrupted":  # a slice that ends is no news
            _log.info("%s ended: %s: %s", task.kind, done.outcome, done.sentence or done.reason or "")
    work.at_work.discard(task.id)
    work.heard.task(task, done, clock.monotonic() - began)
    seen = replace(task, spend_by=turn.spend_by, dies_at=turn.dies_at) if turn.pages else task
    return settle(work.engine, seen, done, turn.pages, work.jitter)


def _done(hand: Hand, task: Task, turn: _Turn) -> Done:
    try:
        done = standing.perform(hand, task)
    except HarvesterError as error:
        return Done("failed", "catalogue" if isinstance(error, CatalogueError) else "error", str(error))
    except Exception as error:  # noqa: BLE001 - a mistake of ours in one task must not end the service; it is told, and counts
        _log.exception("%s failed by a mistake in harvester itself", task.kind)
        return Done("failed", "mistake", f"a mistake in harvester itself: {type(error).__name__}")
    trouble = turn.trouble
    if (
        done.outcome == "interrupted"
        and trouble is not None
        and trouble.after is None
        and not (turn.work.stop() or turn.work.abandoned())
    ):
        # The slice ended while a request was to be tried again: a host that hangs must not hold a worker for ever.
        return Done("unreachable", trouble.reason, str(trouble))
    return done
