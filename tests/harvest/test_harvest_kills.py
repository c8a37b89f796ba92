"""Processes that are killed, stopped, or meet another at the same host."""

import itertools
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from asking import Asker
from command_line import start, wait_until
from kill_campaign import campaign
from oracle import assert_same, stored
from sqlalchemy import Engine, text

from harvester.catalogue import hosts, ledger, windows
from harvester.catalogue.connection import connect
from harvester.harvest.harvest import Report, Request, harvest
from harvester.harvest.progress import Listener, PageEvent
from harvester.mock import FakeRepository

SEED = int(os.environ.get("HARVESTER_SEED", "20240229"))


@pytest.fixture
def slow() -> Iterator[FakeRepository]:
    """A repository of 8 pages that takes a moment to answer."""
    with FakeRepository(records=80, page_size=10, latency=0.03) as fake:
        yield fake


def test_a_dozen_kills_leave_no_trace(database_url: str) -> None:
    print(f"HARVESTER_SEED={SEED}")
    result = campaign(database_url, kills=12, seed=SEED)
    print(result)
    assert result.kills >= 6, "most processes were to be killed before they had finished"


@pytest.mark.campaign
def test_two_hundred_kills_leave_no_trace(database_url: str, pytestconfig: pytest.Config) -> None:
    if "campaign" not in (pytestconfig.getoption("-m") or ""):
        pytest.skip("takes minutes; make campaign runs it")
    seed = int(os.environ.get("HARVESTER_SEED", str(time.time_ns() % 10**9)))
    print(f"HARVESTER_SEED={seed}")
    result = campaign(database_url, kills=200, seed=seed)
    print(result)
    assert result.kills >= 150, "most processes were to be killed before they had finished"
    assert result.requests <= result.pages + result.kills


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_between_pages_ends_with_130_and_the_page_saved(
    number: signal.Signals, database_url: str, engine: Engine, slow: FakeRepository
) -> None:
    process = start(database_url, "harvest", slow.url, "--json")
    wait_until(lambda: slow.pages_sent >= 2)
    began = time.monotonic()
    process.send_signal(number)
    out, err = process.communicate(timeout=15)
    assert process.returncode == 130, err
    assert time.monotonic() - began < 10
    assert "Traceback" not in err
    report = json.loads(out)
    assert report["outcome"] == "interrupted"
    assert report["streams"][0]["pages"] == slow.pages_sent
    _goes_on(database_url, engine, slow)
    assert len(slow.requests("ListRecords")) == 8


def test_a_signal_while_the_repository_hangs_abandons_the_page(
    database_url: str, engine: Engine, slow: FakeRepository
) -> None:
    slow.misbehave("hang", on_page=2)
    process = start(database_url, "harvest", slow.url, "--json")
    wait_until(lambda: any(access.fault == "hang" for access in slow.log))
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=15)
    assert process.returncode == 130, err
    assert time.monotonic() - began < 10
    assert "Traceback" not in err
    assert json.loads(out)["streams"][0]["pages"] == 2
    slow.behave()
    _goes_on(database_url, engine, slow)
    assert len(slow.requests("ListRecords")) == 9


def _goes_on(database_url: str, engine: Engine, fake: FakeRepository) -> None:
    process = start(database_url, "harvest", fake.url, "--json")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    report = json.loads(out)
    assert report["outcome"] == "complete"
    assert_same(engine, fake, report["repository"])


def _at_once(url: str, database_url: str, requests: list[dict[str, Any]]) -> list[Report | BaseException]:
    """Harvest in a thread each, all from the same moment on, each with an engine of its own."""
    gate = threading.Barrier(len(requests))
    found: list[Report | BaseException] = [RuntimeError("it did not run")] * len(requests)

    def work(place: int) -> None:
        engine = connect(database_url)
        gate.wait()
        try:
            found[place] = harvest(engine, Request(url, wait=30.0, **requests[place]))
        except BaseException as error:  # noqa: BLE001 - told to the test
            found[place] = error
        engine.dispose()

    threads = [threading.Thread(target=work, args=(place,)) for place in range(len(requests))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_two_harvests_of_the_same_at_once_are_one(
    database_url: str, engine: Engine, slow: FakeRepository
) -> None:
    reports = _at_once(slow.url, database_url, [{}, {}])
    assert [getattr(each, "outcome", each) for each in reports] == ["complete", "complete"]
    assert not any(access.overlapping for access in slow.log)
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM repositories")) == 1
        name = connection.scalar(text("SELECT name FROM repositories"))
    assert_same(engine, slow, str(name))
    # The second finds the first one's plan, or what it has done.
    assert len(slow.requests("ListRecords")) <= 8 + 1


def test_two_harvests_of_one_host_take_turns(database_url: str, engine: Engine, slow: FakeRepository) -> None:
    for spec in ("one", "two"):
        slow.store.add(60, sets=[spec])
    reports = _at_once(slow.url, database_url, [{"sets": ["one"]}, {"sets": ["two"]}])
    assert {getattr(each, "outcome", each) for each in reports} == {"complete"}
    assert not any(access.overlapping for access in slow.log)
    with engine.connect() as connection:
        order = connection.scalars(text("SELECT window_id FROM pages ORDER BY seq")).all()
    changes = sum(before != after for before, after in itertools.pairwise(order))
    assert changes >= 3, f"one waited until the other had finished: {order}"


def test_two_processes_never_ask_one_host_at_the_same_time(
    database_url: str, engine: Engine, slow: FakeRepository
) -> None:
    slow.store.add(40, sets=["two"])
    first = start(database_url, "harvest", slow.url, "--json")
    second = start(database_url, "harvest", slow.url, "--set", "two", "--json")
    outcomes = [json.loads(each.communicate(timeout=60)[0])["outcome"] for each in (first, second)]
    assert outcomes == ["complete", "complete"]
    assert not any(access.overlapping for access in slow.log)
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM repositories")) == 1


def test_who_may_not_wait_is_told_who_is_in_the_way(
    engine: Engine, database_url: str, slow: FakeRepository
) -> None:
    ask = Asker(engine, slow)
    inner: list[Report] = []

    def meanwhile(event: PageEvent) -> None:
        if event.window.pages == 2:
            other = connect(database_url)
            inner.append(harvest(other, Request(ask.url, sets=["portal_1"], wait=0.0)))
            other.dispose()

    assert ask(listener=Listener(on_page=meanwhile)).outcome == "complete"
    assert (inner[0].outcome, inner[0].streams[0].reason) == ("incomplete", "host_busy")
    assert "--wait" in str(inner[0].streams[0].sentence)
    assert not any(access.overlapping for access in slow.log)


def test_what_another_process_did_while_we_waited_is_not_done_again(
    database_url: str, engine: Engine, slow: FakeRepository
) -> None:
    ask = Asker(engine, slow)
    assert ask(sets=["portal_1"]).outcome.startswith("complete")
    with engine.begin() as connection:
        connection.execute(text("UPDATE streams SET watermark = NULL"))
    host = slow.url.removeprefix("http://").partition("/")[0]
    reports: list[Report] = []
    with engine.connect() as other:
        assert hosts.hold(other, host, lambda: False) is not None
        waiting = threading.Thread(target=lambda: reports.append(ask(wait=30.0)))
        waiting.start()
        wait_until(lambda: ask.one("SELECT waiting_at FROM hosts") is not None)
        other.execute(
            text("UPDATE streams SET watermark = now()")
        )  # as another process would, after its harvest
        hosts.let_go(other, host)
        waiting.join()
    assert reports[0].outcome == "complete"
    assert "from" in slow.requests("ListRecords")[-1].arguments


def test_a_worker_that_was_thought_dead_writes_nothing(engine: Engine, slow: FakeRepository) -> None:
    ask = Asker(engine, slow)

    def steal(event: PageEvent) -> None:
        if event.window.pages == 2:
            with engine.begin() as connection:
                plan = ledger.open_plan(connection, event.stream)
                assert plan is not None
                assert windows.claim(connection, plan) is not None

    report = ask(listener=Listener(on_page=steal))
    assert (report.outcome, report.streams[0].reason) == ("incomplete", "fenced")
    assert len(ask.held()) == 20
    assert ask.one("SELECT count(*) FROM pages") == 2
    assert ask.one("SELECT pages FROM windows") == 2
    assert ask().outcome == "complete"
    ask.assert_same()


def test_a_process_that_sleeps_through_its_turn_cannot_write(
    database_url: str, engine: Engine, slow: FakeRepository
) -> None:
    """A laptop's sleep: the session is gone when the process wakes, and another has gone on."""
    sleeper = start(database_url, "harvest", slow.url, "--name", "sleeper", "--json", "--wait", "30")
    try:
        wait_until(lambda: slow.pages_sent >= 2)
        sleeper.send_signal(signal.SIGSTOP)
        with engine.connect() as connection:
            connection.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            )
            wait_until(
                lambda: (
                    not connection.scalar(text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"))
                )
            )
        assert harvest(engine, Request("sleeper")).outcome == "complete"
    finally:
        sleeper.send_signal(signal.SIGCONT)
        out, err = sleeper.communicate(timeout=60)
    assert sleeper.returncode in (0, 3), err
    assert json.loads(out)["outcome"] in ("complete", "incomplete")
    assert_same(engine, slow, "sleeper")
    with engine.connect() as connection:
        assert (
            connection.execute(
                text("SELECT 1 FROM pages GROUP BY window_id, number HAVING count(*) > 1")
            ).all()
            == []
        )
    assert stored(slow)


def test_a_killed_process_frees_the_host_at_once(
    database_url: str, engine: Engine, slow: FakeRepository
) -> None:
    process = start(database_url, "harvest", slow.url, "--name", "killed", stderr=subprocess.DEVNULL)
    wait_until(lambda: slow.pages_sent >= 2)
    process.kill()
    process.communicate()
    began = time.monotonic()
    assert harvest(engine, Request("killed")).outcome == "complete"
    assert time.monotonic() - began < 5
    assert_same(engine, slow, "killed")
