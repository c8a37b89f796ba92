"""The queue: it spreads slices over threads and machines, and loses none for good."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from psycopg_pool import PoolTimeout
from sqlalchemy import Connection, Engine, text
from waiting import until

from harvester.errors import CatalogueError
from harvester.schedule.queue import SCHEMA, Hands, Queue


@pytest.fixture
def queue(engine: Engine) -> Queue:
    made = Queue(engine, heartbeat=0.2, stalled=1.0)
    made.prepare()
    return made


@contextmanager
def working(queue: Queue, run: Callable[[str, bool], bool], threads: int = 4) -> Iterator[None]:
    """A worker in a thread, which has ended when the context has."""
    stop = threading.Event()
    worker = threading.Thread(target=queue.work, args=(Hands(run, threads, stop.is_set),))
    worker.start()
    try:
        yield
    finally:
        stop.set()
        worker.join(20)
        assert not worker.is_alive()


@contextmanager
def inside(queue: Queue) -> Iterator[Connection]:
    """A transaction in the queue's own schema: its triggers find nothing elsewhere."""
    with queue.engine.begin() as connection:
        connection.execute(text(f"SET LOCAL search_path = {SCHEMA}"))
        yield connection


def idle(queue: Queue) -> bool:
    """Whether no host has a slice, or waits for one."""
    return queue.busy() == (set(), set())


def jobs(queue: Queue) -> list[tuple[str, str]]:
    with queue.engine.connect() as connection:
        found = connection.execute(
            text(f"SELECT lock, status::text FROM {SCHEMA}.procrastinate_jobs ORDER BY id")
        )
        return [(row[0], row[1]) for row in found]


def test_a_second_process_finds_the_schema_that_the_first_has_made(queue: Queue) -> None:
    queue.enqueue(["a"])
    queue.prepare()
    assert queue.waiting() == 1


def test_many_processes_that_start_at_once_make_one_schema(engine: Engine) -> None:
    queues = [Queue(engine) for _ in range(4)]
    threads = [threading.Thread(target=each.prepare) for each in queues]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert queues[0].waiting() == 0


def test_another_versions_schema_is_made_anew_when_nobody_uses_it(queue: Queue) -> None:
    queue.enqueue(["a"])
    with inside(queue) as connection:
        connection.execute(text(f"COMMENT ON SCHEMA {SCHEMA} IS 'procrastinate 0.1'"))
    queue.prepare()
    assert queue.waiting() == 0, "what waited is enqueued again by the clock"


def test_another_versions_workers_are_not_pulled_the_ground_from_under_them(queue: Queue) -> None:
    with inside(queue) as connection:
        connection.execute(text(f"COMMENT ON SCHEMA {SCHEMA} IS 'procrastinate 0.1'"))
        connection.execute(text("INSERT INTO procrastinate_workers DEFAULT VALUES"))
    with pytest.raises(CatalogueError, match="stop them first"):
        queue.prepare()


def test_a_host_waits_once_and_its_slices_never_overlap(queue: Queue) -> None:
    inside: set[str] = set()
    seen: list[str] = []
    wrong: list[str] = []
    lock = threading.Lock()

    def run(host: str, pressing: bool = False) -> bool:
        with lock:
            if host in inside:
                wrong.append(host)
            inside.add(host)
        time.sleep(0.05)
        with lock:
            inside.remove(host)
            seen.append(host)
        return False

    assert queue.enqueue(["a", "b", "a"]) == 2
    assert queue.enqueue(["a"]) == 0
    with working(queue, run):
        until(lambda: len(seen) >= 2)
        assert queue.enqueue(["a", "b", "c"]) >= 1
        until(lambda: idle(queue))
    assert not wrong
    assert set(seen) == {"a", "b", "c"}
    assert jobs(queue) == [], "what has ended leaves no row"


def test_a_host_that_has_more_to_do_comes_again_behind_the_others(queue: Queue) -> None:
    seen: list[str] = []

    def run(host: str, pressing: bool = False) -> bool:
        seen.append(host)
        return host == "long" and seen.count("long") < 3

    queue.enqueue(["long", "short"])
    with working(queue, run, threads=1):
        until(lambda: len(seen) == 4)
        until(lambda: idle(queue))
    assert seen == ["long", "short", "long", "long"]


def test_what_presses_goes_before_all_others_and_its_host_keeps_its_place(queue: Queue) -> None:
    seen: list[tuple[str, bool]] = []

    def run(host: str, pressing: bool) -> bool:
        seen.append((host, pressing))
        return False

    queue.enqueue(["a", "b", "c"])
    assert queue.enqueue(["c"], pressing=True) == 1
    assert queue.enqueue(["c"], pressing=True) == 0
    with working(queue, run, threads=1):
        until(lambda: len(seen) == 4 and idle(queue))
    assert seen == [("c", True), ("a", False), ("b", False), ("c", False)]


def test_a_slice_that_fails_frees_its_host(queue: Queue) -> None:
    seen: list[str] = []

    def run(host: str, pressing: bool = False) -> bool:
        seen.append(host)
        raise RuntimeError("a mistake")

    queue.enqueue(["a"])
    with working(queue, run):
        until(lambda: seen == ["a"] and idle(queue))
        assert queue.enqueue(["a"]) == 1, "nothing of the slice that failed holds the host"
        until(lambda: seen == ["a", "a"] and idle(queue))
    assert jobs(queue) == []


@pytest.mark.parametrize("another_waits", [True, False])
def test_the_host_of_a_dead_worker_is_served_again(queue: Queue, another_waits: bool) -> None:
    queue.enqueue(["a"])
    with inside(queue) as connection:
        # What kill -9 leaves behind: a job that is being done by a worker that tells of itself no more.
        worker = connection.scalar(
            text(
                "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '1 hour') RETURNING id"
            )
        )
        connection.execute(
            text("UPDATE procrastinate_jobs SET status = 'doing', worker_id = :worker"),
            {"worker": worker},
        )
    if another_waits:
        assert queue.enqueue(["a"]) == 1
    seen: list[str] = []
    assert queue.reap() == ["a"]
    with working(queue, lambda host, _: bool(seen.append(host))):
        until(lambda: seen == ["a"] and idle(queue))
    assert queue.reap() == []


def test_a_worker_that_lives_is_not_taken_for_dead(queue: Queue) -> None:
    go = threading.Event()

    def run(_: str, pressing: bool) -> bool:
        return not go.wait(20)

    queue.enqueue(["a"])
    with working(queue, run):
        until(lambda: jobs(queue) == [("a", "doing")])
        deadline = time.monotonic() + 2 * queue.stalled
        while time.monotonic() < deadline:
            assert queue.reap() == []
        go.set()


def test_a_worker_whose_connection_is_cut_goes_on(queue: Queue) -> None:
    seen: list[str] = []
    cut = text(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
        "WHERE application_name = 'harvester queue' AND datname = current_database()"
    )
    with working(queue, lambda host, _: bool(seen.append(host))):
        queue.enqueue(["a"])
        until(lambda: seen == ["a"])
        with inside(queue) as connection:
            assert connection.scalar(cut)
        queue.enqueue(["b"])
        until(lambda: seen == ["a", "b"])


def test_a_worker_outlives_a_postgres_that_is_away_for_long(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pool's own errors come when no connection can be had for seconds."""
    seen: list[str] = []
    working_ = Queue._work_until_lost
    failures = [PoolTimeout("no connection"), OSError("no route")]

    async def sometimes(self: Queue, hands: Hands) -> None:
        if failures:
            raise failures.pop()
        await working_(self, hands)

    monkeypatch.setattr(Queue, "_work_until_lost", sometimes)
    queue.enqueue(["a"])
    with working(queue, lambda host, _: bool(seen.append(host))):
        until(lambda: seen == ["a"])
    assert failures == [], "the worker was to begin anew after each of them"
