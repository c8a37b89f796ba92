"""The clock: one process leads, and another takes over when it dies."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psutil
import pytest
from sqlalchemy import Engine, text
from waiting import until

from harvester.catalogue.connection import connect
from harvester.schedule import leader

CUT = text(
    "SELECT count(pg_terminate_backend(pid)) FROM pg_locks WHERE locktype = 'advisory' AND granted "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND pid <> pg_backend_pid()"
)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leader, "_LOOK", 0.2)
    monkeypatch.setattr(leader, "_GLANCE", 0.02)


@contextmanager
def leading(database_url: str, duty: Callable[[], None], every: float = 0.1) -> Iterator[list[bool]]:
    """A process that would lead, as a thread; what it heard of leading."""
    heard: list[bool] = []
    stop = threading.Event()
    engine = connect(database_url)
    thread = threading.Thread(
        target=leader.lead, args=(engine, {duty: every}, stop.is_set, heard.append), name="leader"
    )
    thread.start()
    try:
        yield heard
    finally:
        stop.set()
        thread.join(20)
        assert not thread.is_alive()
        engine.dispose()


def test_of_several_one_leads_and_when_it_ends_another_does(database_url: str) -> None:
    first_ticks: list[int] = []
    second_ticks: list[int] = []
    with leading(database_url, lambda: first_ticks.append(1)) as first:
        until(lambda: len(first_ticks) >= 2)
        with leading(database_url, lambda: second_ticks.append(1)) as second:
            until(lambda: len(first_ticks) >= 6)
            assert (first, second, second_ticks) == ([True], [], [])
            seen = len(second_ticks)
        assert seen == 0
    assert first == [True, False]


def test_who_loses_the_connection_that_holds_the_lock_stops_leading(
    database_url: str, engine: Engine
) -> None:
    ticks: list[int] = []
    with leading(database_url, lambda: ticks.append(1)) as heard:
        until(lambda: len(ticks) >= 2)
        with engine.begin() as connection:
            assert connection.scalar(CUT) == 1
        until(lambda: heard[:2] == [True, False])
        until(lambda: heard == [True, False, True])
        seen = len(ticks)
        until(lambda: len(ticks) > seen + 1)


def test_another_takes_over_within_moments_when_the_leader_loses_its_lock(
    database_url: str, engine: Engine
) -> None:
    ticks: list[int] = []
    with leading(database_url, lambda: None) as first:
        until(lambda: first == [True])
        held = threading.Event()

        def wait() -> None:
            # Stands for the network that keeps the first from coming back.
            with leading(database_url, lambda: ticks.append(1)) as second:
                held.set()
                until(lambda: second[:1] == [True] or len(first) >= 3)

        waiter = threading.Thread(target=wait)
        waiter.start()
        assert held.wait(10)
        with engine.begin() as connection:
            assert connection.scalar(CUT) == 1
        waiter.join(20)
        assert first.count(True) + bool(ticks) >= 2, "somebody leads again"


def test_a_duty_that_fails_is_told_and_done_again(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    ticks: list[int] = []

    def _break_now_and_then() -> None:
        ticks.append(1)
        if len(ticks) == 1:
            raise RuntimeError("a mistake")

    with leading(database_url, _break_now_and_then):
        until(lambda: len(ticks) >= 3)
    assert "break_now_and_then failed; it is tried again" in caplog.text
    assert "a mistake" in caplog.text


def test_no_thread_of_the_clock_outlives_it(database_url: str) -> None:
    before = psutil.Process().num_threads()
    ticks: list[int] = []
    with leading(database_url, lambda: ticks.append(1)):
        until(lambda: bool(ticks))
        assert psutil.Process().num_threads() > before
    until(lambda: psutil.Process().num_threads() <= before)
    assert not [each.name for each in threading.enumerate() if "APScheduler" in each.name]
