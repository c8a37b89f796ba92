"""The clock: one process of all leads, by an advisory lock on a connection of its own; APScheduler calls its jobs.

The job store is in memory and holds nothing: what is due stands in the catalogue. When the leader dies its lock is free at
once, and another takes over at its next look.
"""

import logging
from collections.abc import Callable, Mapping

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger
from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.exc import DBAPIError

from harvester import clock

# The key of the leader's lock ("clock" in ASCII): who holds it leads.
LOCK = 0x636C6F636B
_LOOK = 5.0  # seconds between two looks: at whether we still lead, at whether nobody does
_GLANCE = 0.25

_log = logging.getLogger(__name__)


def lead(
    engine: Engine,
    duties: Mapping[Callable[[], None], float],
    stop: Callable[[], bool],
    leads: Callable[[bool], None] = lambda _: None,
    away: Callable[[], None] = lambda: None,
) -> None:
    """Do the duties, each every so many seconds, whenever we lead; until `stop` says so.

    `leads` hears of each change, `away` is called again and again while Postgres does not answer.
    """
    while not stop():
        try:
            with engine.connect() as connection:
                if _acquire(connection):
                    _reign(connection, duties, stop, leads)
        except DBAPIError as error:
            _log.warning("Postgres does not answer the clock: %s", error.orig)
            away()
        _nap(_LOOK, stop)


def _acquire(connection: Connection) -> bool:
    got = bool(connection.scalar(select(func.pg_try_advisory_lock(LOCK))))
    connection.commit()
    return got


def _reign(
    connection: Connection,
    duties: Mapping[Callable[[], None], float],
    stop: Callable[[], bool],
    leads: Callable[[bool], None],
) -> None:
    """Lead until we are to stop, or the connection that holds the lock is lost (raises DBAPIError)."""
    scheduler = BackgroundScheduler(timezone="UTC", executors={"default": ThreadPoolExecutor(len(duties))})
    for duty, seconds in duties.items():
        name = duty.__name__.strip("_")
        # Late or never is the same for a clock that looks at what is due: one run catches up all that were missed.
        options = {"id": name, "coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        scheduler.add_job(_told(duty), IntervalTrigger(seconds=seconds), next_run_time=clock.now(), **options)
    scheduler.start()
    leads(True)
    _log.info("this process leads the schedule")
    try:
        while not stop():
            connection.execute(select(1))
            connection.commit()
            _nap(_LOOK, stop)
    finally:
        leads(False)
        scheduler.shutdown(wait=False)
        connection.invalidate()  # the lock ends with the session, whatever state that is in


def _told(duty: Callable[[], None]) -> Callable[[], None]:
    def run() -> None:
        try:
            duty()
        except Exception:  # noqa: BLE001 - a duty that fails is told, and done again at its next turn
            _log.exception("%s failed; it is tried again", duty.__name__.strip("_"))

    return run


def _nap(seconds: float, stop: Callable[[], bool]) -> None:
    until = clock.monotonic() + seconds
    while not stop() and clock.monotonic() < until:
        clock.sleep(_GLANCE)
