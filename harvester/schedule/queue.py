"""The queue that spreads slices of work over threads and machines: Procrastinate, in a schema of its own.

It holds no truth. What is due stands in the catalogue's tasks; politeness is the host lock's, safety the windows' fence. So the
schema may be dropped and made anew, and a job that is lost is enqueued again by the clock.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import procrastinate
from procrastinate import exceptions, jobs
from procrastinate.schema import SchemaManager
from sqlalchemy import Connection, Engine, Text, column, func, select, table, text
from sqlalchemy.exc import DBAPIError

from harvester import clock
from harvester.catalogue.connection import up_since
from harvester.catalogue.tools import client_url
from harvester.errors import CatalogueError

SCHEMA = "harvester_queue"
_QUEUE = "slices"
# Two processes that start on an empty database make the schema once ("queue" in ASCII).
_MAKING = 0x7175657565
_HEARTBEAT, _STALLED = 10.0, 30.0  # seconds
_GLANCE = 0.2  # seconds between two looks at whether we are to stop
_LEFT_BEHIND = 15.0  # seconds that slices of a worker whose connection was lost are waited for
_RESTART = 1.0  # seconds before a worker whose connection was lost begins again
# Without these a worker lives and looks dead: its jobs would be taken for stalled.
_NEEDED = frozenset({"update_heartbeats", "listener", "poll_jobs_to_abort"})

_jobs = table("procrastinate_jobs", column("lock"), column("status"), schema=SCHEMA)
_workers = table("procrastinate_workers", column("last_heartbeat"), schema=SCHEMA)
_STATUS = _jobs.c.status.cast(Text)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Hands:
    """What a worker does: `run` a slice on a host, whether there is more at once; `alive` is called while the loop turns.

    `run` is told whether only what presses is to be done. `abandon` is called when Postgres has been restarted, or does not
    answer: the sessions of all slices are gone, and with them the locks of the hosts that they are asking.
    """

    run: Callable[[str, bool], bool]
    threads: int
    stop: Callable[[], bool]
    alive: Callable[[], None] = lambda: None
    abandon: Callable[[], None] = lambda: None


@dataclass(frozen=True, slots=True)
class Queue:
    """The queue in the catalogue's Postgres; `heartbeat` and `stalled` in seconds, parameters for tests."""

    engine: Engine
    heartbeat: float = _HEARTBEAT
    stalled: float = _STALLED

    def prepare(self) -> None:
        """Make the schema, or make it anew where it is another version's; the queue holds nothing that is lost by it.

        Raises CatalogueError where workers of another version still use it.
        """
        with self.engine.connect() as connection, connection.begin():
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MAKING})
            found = connection.scalar(
                text("SELECT obj_description(to_regnamespace(:schema), 'pg_namespace')"), {"schema": SCHEMA}
            )
            if found == _version():
                return
            if found is not None and _alive(connection, self.stalled):
                raise CatalogueError(
                    f"workers of another version of harvester are at work on the queue ({found}; this is {_version()}): "
                    "stop them first, then start this one"
                )
            connection.execute(text(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE"))
            connection.execute(text(f"CREATE SCHEMA {SCHEMA}"))
            connection.execute(text(f"SET LOCAL search_path = {SCHEMA}"))
            # Many statements at once: the driver takes them only without parameters.
            connection.connection.cursor().execute(SchemaManager.get_schema())
            connection.execute(text(f"COMMENT ON SCHEMA {SCHEMA} IS '{_version()}'"))

    def enqueue(self, hosts: Iterable[str], *, pressing: bool = False) -> int:
        """Give each host a slice of work, but those that wait for one already; how many were new.

        With `pressing` a short one, before all others, beside the one that the host waits for.
        """
        wanted = list(hosts)
        if not wanted:
            return 0
        app = procrastinate.App(connector=procrastinate.SyncPsycopgConnector(**self._connection(1)))
        slice_ = _task(app, lambda _host, _pressing: False)
        with app.open():
            return sum(_defer(slice_, host, pressing=pressing) for host in wanted)

    def busy(self) -> tuple[set[str], set[str]]:
        """Hosts that wait for a slice, and hosts that have one."""
        with self.engine.connect() as connection:
            found = connection.execute(
                select(_jobs.c.lock, _STATUS).where(_STATUS.in_(("todo", "doing")), _jobs.c.lock.is_not(None))
            ).all()
        return {row[0] for row in found if row[1] == "todo"}, {row[0] for row in found if row[1] == "doing"}

    def waiting(self) -> int:
        """How many slices wait for a worker."""
        with self.engine.connect() as connection:
            return int(connection.scalar(select(func.count()).where(_STATUS == "todo")) or 0)

    def reap(self) -> list[str]:
        """End the jobs of workers that have died, and enqueue their hosts again; which.

        Not by retrying them: with another job of the host waiting that is a UniqueViolation, and the host stays blocked.
        """
        ended = asyncio.run(self._end_stalled())
        self.enqueue(ended)
        return ended

    def work(self, hands: Hands) -> None:
        """Run slices in threads until asked to stop; a lost connection is made anew."""
        asyncio.run(self._work(hands))

    async def _end_stalled(self) -> list[str]:
        app = procrastinate.App(connector=procrastinate.PsycopgConnector(**self._connection(1)))
        async with app.open_async():
            stalled = await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=self.stalled)
            ended = []
            for job in stalled:
                await app.job_manager.finish_job(job, jobs.Status.FAILED, delete_job=True)
                if job.lock:
                    ended.append(job.lock)
            return ended

    async def _work(self, hands: Hands) -> None:
        with ThreadPoolExecutor(hands.threads, thread_name_prefix="slice") as threads:
            asyncio.get_running_loop().set_default_executor(threads)
            while not hands.stop():
                try:
                    await self._work_until_lost(hands)
                except Exception as error:  # noqa: BLE001 - whatever ends the worker, it begins again; and it is told
                    _log.warning("the queue's worker begins again: %s", error)
                    hands.alive()  # the loop turns, though Postgres is away
                    await asyncio.sleep(_RESTART)

    async def _work_until_lost(self, hands: Hands) -> None:
        lost = False
        since = await up_since(self._url())
        app = procrastinate.App(connector=procrastinate.PsycopgConnector(**self._connection(3)))
        _task(app, hands.run)
        async with app.open_async():
            worker = asyncio.create_task(
                app.run_worker_async(
                    queues=[_QUEUE],
                    concurrency=hands.threads,
                    install_signal_handlers=False,
                    delete_jobs=jobs.DeleteJobCondition.ALWAYS.value,
                    update_heartbeat_interval=self.heartbeat,
                    stalled_worker_timeout=self.stalled,
                    fetch_job_polling_interval=_STALLED / 6,
                )
            )
            seen: set[str] = set()
            while not (worker.done() or hands.stop()):
                await asyncio.wait([worker], timeout=_GLANCE)
                running = {each.get_name() for each in asyncio.all_tasks()} & _NEEDED
                if seen - running:
                    # Procrastinate watches these only until the first of them ends, and one ends at once.
                    lost = True
                    break
                seen |= running
                hands.alive()
            worker.cancel()
            if lost and (since is None or await up_since(self._url()) != since):
                hands.abandon()
            await _leave(worker, hands)
        if lost:
            raise exceptions.ConnectorException("a part of the worker has ended")

    def _url(self) -> str:
        return client_url(self.engine.url.render_as_string(hide_password=False))

    def _connection(self, size: int) -> dict[str, Any]:
        return {
            "conninfo": self._url(),
            "kwargs": {"options": f"-c search_path={SCHEMA}", "application_name": "harvester queue"},
            "min_size": 1,
            "max_size": size,
            "timeout": 15.0,
        }


def _alive(connection: Connection, stalled: float) -> bool:
    """Whether a worker, of whatever version, told of itself lately."""
    since = func.now() - func.make_interval(0, 0, 0, 0, 0, 0, stalled)
    try:
        with connection.begin_nested():
            found = connection.scalar(select(func.count()).where(_workers.c.last_heartbeat > since))
    except DBAPIError:
        return False  # that version had no such table: nobody of it can be told apart from nobody
    return bool(found)


async def _leave(worker: asyncio.Task[None], hands: Hands) -> None:
    """Wait for the slices of a worker that is to end; when we are not to stop, not for long: others take up what it has left."""
    until = clock.monotonic() + _LEFT_BEHIND
    while not worker.done() and (hands.stop() or clock.monotonic() < until):
        await asyncio.wait([worker], timeout=_GLANCE)
        if not hands.stop():
            hands.alive()
    if not worker.done():
        worker.add_done_callback(_note_end)
    elif not worker.cancelled() and (error := worker.exception()) is not None:
        raise error


def _note_end(worker: asyncio.Task[None]) -> None:
    error = None if worker.cancelled() else worker.exception()
    _log.info("the slices of the worker before have ended%s", f": {error}" if error else "")


def _version() -> str:
    return f"procrastinate {procrastinate.__version__}"


_Slice = procrastinate.tasks.Task[..., None, ...]


def _task(app: procrastinate.App, run: Callable[[str, bool], bool]) -> _Slice:
    """The one task: a slice on a host, and another one after it where there is more."""

    @app.task(name="slice", queue=_QUEUE)
    def slice_(host: str, pressing: bool = False) -> None:
        if run(host, pressing):
            _defer(slice_, host)

    return slice_


def _defer(task: _Slice, host: str, *, pressing: bool = False) -> bool:
    """Whether the host did not wait for such a slice already."""
    name = f"{host} pressing" if pressing else host
    job = task.configure(lock=host, queueing_lock=name, priority=int(pressing))
    try:
        job.defer(host=host, pressing=pressing)
    except exceptions.AlreadyEnqueued:
        return False
    return True
