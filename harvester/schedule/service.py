"""The service: the clock and hands in one process, or hands alone on another machine."""

import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from harvester import clock
from harvester.catalogue import retention, tasks
from harvester.catalogue.connection import open_catalogue, translated
from harvester.config import Settings
from harvester.crosswalk import registry
from harvester.errors import ConfigError, HarvesterError
from harvester.schedule import notify, planner
from harvester.schedule.health import Health
from harvester.schedule.leader import lead
from harvester.schedule.metrics import Metrics
from harvester.schedule.queue import Hands, Queue
from harvester.schedule.quiet import quiet_until
from harvester.schedule.registering import follow
from harvester.schedule.slices import Heard, Work, run_slice

# In all under ten seconds from the signal to the end: a page that does not come is abandoned, nothing is lost by that.
_PATIENCE = 8.0
_LAST_WORDS = 1.0
_GLANCE = 0.2
_SPARE = 8  # connections besides those of the slices
_LONGEST_TICK = 15.0
_SOONEST_DEAD, _LATEST_DEAD = 6.0, 30.0

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Service:
    """What a process of the service holds. `reload` reads the configuration again."""

    settings: Settings
    reload: Callable[[], Settings]
    engine: Engine
    queue: Queue
    metrics: Metrics
    health: Health
    stopping: threading.Event = field(default_factory=threading.Event)
    _outage: notify.Outage = field(default_factory=notify.Outage)
    _followed: Settings | None = None
    _stamp: float | None = None
    _look_at: float = 0.0
    _abandoned: threading.Event = field(default_factory=threading.Event)
    at_work: set[int] = field(default_factory=set)

    def hands(self, workers: int) -> None:
        """Run slices until the service stops."""
        heard = Heard(self.metrics.page, self.metrics.task, self.metrics.slice)

        def run(host: str, pressing: bool) -> bool:
            abandoned = self._abandoned
            work = Work(
                self.engine,
                self.settings,
                self.stopping.is_set,
                heard,
                at_work=self.at_work,
                abandoned=abandoned.is_set,
            )
            return run_slice(work, host, pressing=pressing)

        self.queue.work(
            Hands(run, workers, self.stopping.is_set, lambda: self.health.tick("worker"), self._abandon)
        )

    def _abandon(self) -> None:
        """Postgres was restarted: whoever asks a host now has lost its lock, and another may be asking it already."""
        _log.warning("Postgres was away: what is being asked just now is given up, and asked again")
        self._abandoned.set()
        self._abandoned = threading.Event()

    def clock(self) -> None:
        """Lead the schedule whenever nobody else does, until the service stops."""
        tick = min(_LONGEST_TICK, self.settings.service.slice / 4)
        duties = {
            self._enqueue_due: tick,
            self._reap_stalled: 2 * tick,
            self._follow: 2 * tick,
            self._adopt: 4 * tick,
            self._tell: 60.0,
            self._forget: 3600.0,
        }
        lead(self.engine, duties, self.stopping.is_set, self._lead, self._tell)

    def _lead(self, leads: bool) -> None:
        self._followed = None  # whoever led before may have followed another file
        self.metrics.leads(leads)
        if not leads:
            self.health.rest("clock")

    def _enqueue_due(self) -> None:
        self.health.tick("clock")
        now = clock.now()
        with translated(), self.engine.connect() as connection:
            due = tasks.due_hosts(connection, now)
            pressing = tasks.pressing_hosts(connection, now, planner.AHEAD)
        if not due:
            return
        due = [each for each in due if quiet_until(self.settings, each, now) is None]
        todo, doing = self.queue.busy()
        self.queue.enqueue(each for each in due if each not in todo | doing)
        # Behind hundreds of others a token may die before its host's turn comes: one page is fetched before.
        self.queue.enqueue((each for each in due if each in pressing & todo - doing), pressing=True)

    def _reap_stalled(self) -> None:
        for host in self.queue.reap():
            _log.warning("the worker on %s has died; its work goes on elsewhere", host)

    def _follow(self) -> None:
        """What the file says, when it has changed, and repositories that came otherwise."""
        settings = self.settings
        for sentence in follow(self.engine, settings, clock.now(), changed=settings is not self._followed):
            _log.info("%s", sentence)
        self._followed = settings

    def read_again(self) -> None:
        """Take the configuration as it stands now, where its file has changed."""
        path = self.settings.path
        stamp = _stamp(path)
        if stamp == self._stamp and path is not None:
            return
        if path is None and clock.monotonic() < self._look_at:
            return
        self._stamp, self._look_at = stamp, clock.monotonic() + _LONGEST_TICK
        try:
            read = self.reload()
        except ConfigError as error:
            # What ran goes on as it was: a slip of the pen must not stop hundreds of repositories.
            _log.error("the configuration cannot be taken, the one before goes on: %s", error)
            return
        if path is not None and read.path is None:
            # Without it paces, quiet hours and logins would be gone: somebody is just putting another in its place.
            _log.error("%s is gone; what it said goes on until it is back", path)
        elif read != self.settings:
            self.settings = read

    def forgive(self) -> None:
        """What is abandoned because we are to stop has not killed its worker. A Postgres that says nothing is not waited for."""
        noting = threading.Thread(target=self._forgive, name="forgive", daemon=True)
        noting.start()
        noting.join(_LAST_WORDS)

    def _forgive(self) -> None:
        try:
            with self.engine.begin() as connection:
                tasks.forgive(connection, self.at_work)
        except DBAPIError as error:
            _log.warning("Postgres is away: %s", error.orig)

    def _adopt(self) -> None:
        with translated(), self.engine.begin() as connection:
            tasks.release(connection, clock.now())
            tasks.adopt(connection, clock.now(), assumed_life=planner.ASSUMED_LIFE, spend=planner.SPEND)

    def _tell(self) -> None:
        notify.tick(self.engine, self.settings, clock.now(), self._outage)

    def _forget(self) -> None:
        retention.forget(self.engine, self.settings, clock.now(), self.stopping.is_set)


def _stamp(path: Path | None) -> float | None:
    try:
        return None if path is None else path.stat().st_mtime
    except OSError:
        return None  # an editor is just replacing it


def serve(settings: Settings, reload: Callable[[], Settings], *, leads: bool, workers: int) -> None:
    """Run until SIGTERM or SIGINT; pages in hand are finished, and what is not there within seconds is abandoned.

    Raises ConfigError and CatalogueError where it cannot begin.
    """
    registry.registry()  # a crosswalk of somebody else's that cannot be loaded is told before anything is asked
    stopping = threading.Event()
    with _signals(stopping):
        engine = open_catalogue(settings, _log.info, connections=2 * workers + _SPARE)
        # Half a slice of silence, and a worker is taken for dead; thrice as often it tells of itself.
        stalled = min(max(settings.service.slice / 2, _SOONEST_DEAD), _LATEST_DEAD)
        queue = Queue(engine, heartbeat=stalled / 3, stalled=stalled)
        with translated():
            queue.prepare()
        metrics = Metrics(engine, queue.waiting)
        with Health.serving(settings.service, engine, metrics) as health:
            service = Service(settings, reload, engine, queue, metrics, health, stopping)
            died = _run(service, workers, leads=leads)
        engine.dispose()
    if died:
        raise HarvesterError(_DIED)


_DIED = "a part of the service ended by itself: its last words are in the log"


def _run(service: Service, workers: int, *, leads: bool) -> bool:
    """Run the parts until they are to stop; whether one has ended by itself."""
    threads = [threading.Thread(target=service.hands, args=(workers,), name="hands", daemon=True)]
    if leads:
        threads.append(threading.Thread(target=service.clock, name="clock", daemon=True))
    for each in threads:
        each.start()
    while not service.stopping.is_set() and all(each.is_alive() for each in threads):
        service.stopping.wait(_GLANCE)
        service.read_again()
    died = not service.stopping.is_set()
    service.stopping.set()
    until = clock.monotonic() + _PATIENCE
    for each in threads:
        each.join(max(0.0, until - clock.monotonic()))
    if any(each.is_alive() for each in threads):
        _log.warning("what did not end in time is abandoned; everything committed is saved")
        service.forgive()
        if died:
            _log.error(_DIED)
        logging.shutdown()
        # Threads that wait for an answer cannot be interrupted; their locks end with their connections.
        os._exit(int(died))
    return died


@contextmanager
def _signals(stopping: threading.Event) -> Iterator[None]:
    def stop(*_: Any) -> None:
        stopping.set()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
