"""A slice of work on one host: what goes first, when it ends, and what is written down."""

import itertools
import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest
from scheduling import DAY, Schedule

from harvester import clock
from harvester.catalogue import tasks as task_table
from harvester.config import HostSettings, Quiet, RepositorySettings
from harvester.harvest.harvest import Request, harvest
from harvester.harvest.plans import Wish
from harvester.harvest.progress import Listener
from harvester.mock import FakeRepository
from harvester.schedule import standing
from harvester.wire import host_of


@pytest.fixture
def fake() -> Iterator[FakeRepository]:
    with FakeRepository(records=60, page_size=10) as made:
        yield made


def held(schedule: Schedule) -> int:
    return int(schedule.one("SELECT count(*) FROM records WHERE NOT deleted"))


def test_what_is_due_is_harvested_and_due_again_a_day_later(schedule: Schedule, fake: FakeRepository) -> None:
    number = schedule.add(fake)
    began = clock.now()
    assert schedule.slice(fake) is False
    row = schedule.task(number)
    assert (row.outcome, row.failures, row.crashes, row.begun_at) == ("complete", 0, 0, None)
    assert timedelta(hours=21) < row.next_due_at - began < timedelta(hours=27)
    assert row.done_at >= began
    assert schedule.one("SELECT live FROM tallies WHERE set_id = 0") == held(schedule) > 0
    asked = len(fake.log)
    assert schedule.slice(fake) is False
    assert len(fake.log) == asked, "what is not due is left alone"


def test_a_list_that_is_longer_than_a_slice_goes_on_in_the_next(schedule: Schedule) -> None:
    with FakeRepository(records=60, page_size=5, latency=0.05) as fake:
        number = schedule.add(fake)
        short = schedule.lasting(0.3)
        slices = 1
        while short.slice(fake):
            slices += 1
            row = schedule.task(number)
            assert (row.begun_at is None, row.outcome, row.crashes) == (False, "interrupted", 0)
            if (
                0 < fake.pages_sent < 12
            ):  # before the first page there is no token yet, after the last none any more
                assert row.dies_at > row.spend_by > clock.now()
        assert slices >= 3
        assert schedule.task(number).outcome == "complete"
        assert len(fake.requests("ListRecords")) == 12, "no page was asked for twice"
        assert not any(access.overlapping for access in fake.log)


def test_the_token_of_a_waiting_list_is_spent_while_a_longer_one_is_read(schedule: Schedule) -> None:
    with FakeRepository(records=120, page_size=2, latency=0.03, token_life=2.4) as fake:
        first, second = schedule.add(fake), schedule.add(fake, set_="portal_1")
        schedule.change(second, late_at=clock.now())  # it goes before what was begun
        schedule.lasting(0.25).slice(fake)
        assert schedule.task(second).begun_at is not None
        schedule.change(second, late_at=clock.now() + timedelta(days=1))
        more = schedule.lasting(0.5)
        while more.slice(fake):
            pass
        rows = [schedule.task(each) for each in (first, second)]
        assert [row.outcome for row in rows] == ["complete", "complete"]
        assert schedule.one("SELECT sum(restarts) FROM windows") == 0, "a token died in our own queue"


def test_a_host_that_is_down_costs_two_tries_and_is_then_left_alone(schedule: Schedule) -> None:
    fake = FakeRepository(records=10).start()
    fake.close()
    numbers = [schedule.add(fake), schedule.add(fake, set_="portal_1"), schedule.add(fake, set_="portal_2")]
    assert schedule.slice(fake) is False
    assert sorted(schedule.task(each).failures for each in numbers) == [0, 1, 1]
    host = host_of(fake.url)
    closed = schedule.one("SELECT closed_until FROM hosts WHERE name = :name", name=host)
    assert closed > clock.now() + timedelta(minutes=4)
    tried = [schedule.task(each).tried_at for each in numbers]
    assert schedule.slice(fake) is False
    assert [schedule.task(each).tried_at for each in numbers] == tried, "a closed host is not asked"


def test_a_host_that_answers_again_is_open_again(schedule: Schedule, fake: FakeRepository) -> None:
    number = schedule.add(fake)
    schedule.one("SELECT 1")
    with schedule.engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO hosts (name, failures, closed_until) VALUES (%s, 5, now() - interval '1 s')",
            (host_of(fake.url),),
        )
    schedule.slice(fake)
    assert schedule.task(number).outcome == "complete"
    assert schedule.one("SELECT failures FROM hosts") == 0
    assert schedule.one("SELECT closed_until FROM hosts") is None


def test_a_pause_the_host_asks_for_is_obeyed_and_is_no_failure(
    schedule: Schedule, fake: FakeRepository
) -> None:
    fake.misbehave("503_retry_after", seconds=120, on_page=1)
    number = schedule.add(fake)
    assert schedule.slice(fake) is False
    row = schedule.task(number)
    assert (row.failures, row.begun_at is None) == (0, False)
    asked = len(fake.log)
    assert schedule.slice(fake) is False
    assert len(fake.log) == asked
    with schedule.engine.connect() as connection:
        assert task_table.due_hosts(connection, clock.now()) == [], "nobody is sent there before"


def test_a_repository_that_refuses_is_asked_ever_less_often(schedule: Schedule, fake: FakeRepository) -> None:
    fake.misbehave("403")
    number = schedule.add(fake)
    waits = []
    for _ in range(4):
        schedule.slice(fake)
        row = schedule.task(number)
        waits.append((row.next_due_at - clock.now()).total_seconds())
        schedule.change(number, next_due_at=clock.now())
        with schedule.engine.begin() as connection:
            connection.exec_driver_sql("UPDATE hosts SET closed_until = NULL, failures = 0")
    assert row.outcome in ("refused", "unreachable", "incomplete")
    assert row.failures == 4
    assert all(2 < later / sooner < 6 for sooner, later in itertools.pairwise(waits))


def test_work_that_kills_its_worker_again_and_again_waits_for_a_person_or_its_time(
    schedule: Schedule, fake: FakeRepository
) -> None:
    number = schedule.add(fake, crashes=4, tried_at=clock.now() - timedelta(seconds=20))
    assert schedule.slice(fake) is False
    row = schedule.task(number)
    assert "died 4 times" in row.held
    assert "harvester resume" in row.held
    assert fake.log == []
    for later, released in ((30, 0), (45, 1)):  # a minute after the fourth
        with schedule.engine.begin() as connection:
            assert task_table.release(connection, clock.now() + timedelta(seconds=later)) == released
    schedule.change(number, tried_at=clock.now() - timedelta(seconds=61), next_due_at=clock.now())
    schedule.slice(fake)
    row = schedule.task(number)
    assert (row.outcome, row.crashes) == ("complete", 0)


def test_quiet_hours_are_quiet(schedule: Schedule, fake: FakeRepository) -> None:
    number = schedule.add(fake)
    host = host_of(fake.url)
    now = clock.now()
    quiet = Quiet((now - timedelta(hours=1)).time(), (now + timedelta(hours=1)).time())
    settings = replace(schedule.settings, hosts={host: HostSettings(host, quiet=quiet)})
    assert replace(schedule, settings=settings).slice(fake) is False
    assert fake.log == []
    other = Quiet(time(0, 0, 1), time(0, 0, 2))
    if not other.until(datetime.now(UTC)):
        settings = replace(schedule.settings, hosts={host: HostSettings(host, quiet=other)})
        replace(schedule, settings=settings).slice(fake)
        assert schedule.task(number).outcome == "complete"


def test_what_is_paused_or_held_is_left_alone(schedule: Schedule, fake: FakeRepository) -> None:
    schedule.add(fake, paused=True)
    schedule.add(fake, set_="portal_1", held="a person is needed")
    assert schedule.slice(fake) is False
    assert fake.log == []


def test_a_mistake_of_ours_is_told_and_tried_again_later(
    schedule: Schedule,
    fake: FakeRepository,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    number = schedule.add(fake)

    def break_(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setitem(standing._KINDS, "harvest", break_)
    with caplog.at_level(logging.ERROR):
        assert schedule.slice(fake) is False
    row = schedule.task(number)
    assert (row.outcome, row.failures) == ("failed", 1)
    assert "ZeroDivisionError" in caplog.text


def test_a_list_that_a_person_began_and_left_is_brought_to_its_end(
    schedule: Schedule, fake: FakeRepository
) -> None:
    later = clock.now() + timedelta(days=1)
    number = schedule.add(fake, next_due_at=later, late_at=later)
    pages: list[object] = []
    harvest(schedule.engine, Request(fake.url), Listener(on_page=pages.append), lambda: bool(pages))
    with schedule.engine.begin() as connection:
        assert task_table.adopt(connection, clock.now(), assumed_life=600.0, spend=0.75) == 1
        assert task_table.adopt(connection, clock.now(), assumed_life=600.0, spend=0.75) == 0
    row = schedule.task(number)
    assert row.next_due_at <= row.spend_by < row.dies_at, "it is due before its token dies"
    schedule.change(number, next_due_at=clock.now())
    schedule.slice(fake)
    assert schedule.task(number).outcome == "complete"
    assert len(fake.requests("ListRecords")) == 6


def test_a_rolling_harvest_in_hand_is_not_abandoned_for_an_incremental_one(schedule: Schedule) -> None:
    with FakeRepository(records=60, page_size=5, latency=0.03) as fake:
        incremental = schedule.add(fake)
        schedule.slice(fake)
        rolling = schedule.add(fake, "rolling")
        with schedule.engine.begin() as connection:
            connection.exec_driver_sql("UPDATE streams SET rolled_at = now() - interval '89 days'")
        short = schedule.lasting(0.1)
        assert short.slice(fake) is True
        assert schedule.task(rolling).begun_at is not None
        schedule.change(incremental, next_due_at=clock.now(), late_at=clock.now())
        while short.slice(fake):
            pass
        assert schedule.task(rolling).outcome in ("complete", "complete_unverified")
        assert schedule.one("SELECT count(*) FROM plans WHERE state = 'abandoned'") == 0


def test_records_in_quarantine_are_asked_for_again(schedule: Schedule, fake: FakeRepository) -> None:
    schedule.add(fake)
    fake.misbehave("broken_record", verb=("ListRecords", "GetRecord"))
    schedule.slice(fake)
    waiting = "SELECT count(*) FROM quarantine WHERE resolved_at IS NULL"
    assert schedule.one(waiting) > 0
    fake.behave()
    with schedule.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE quarantine SET retry_at = now()")
    retry = schedule.add(fake, "retry")
    schedule.slice(fake)
    assert schedule.task(retry).outcome == "complete"
    assert schedule.one(waiting) == 0


def test_reconciling_what_keeps_its_deletions_asks_nothing(schedule: Schedule, fake: FakeRepository) -> None:
    schedule.add(fake)
    schedule.slice(fake)
    asked = len(fake.log)
    number = schedule.add(fake, "reconcile", interval=30 * DAY, least=30 * DAY, most=30 * DAY)
    schedule.slice(fake)
    assert schedule.task(number).outcome == "complete"
    assert "every deletion" in schedule.task(number).sentence
    assert len(fake.log) == asked


def test_reconciling_finds_what_was_deleted_without_a_word(schedule: Schedule) -> None:
    with FakeRepository(records=60, page_size=10, deleted_record="no") as fake:
        schedule.add(fake)
        schedule.slice(fake)
        gone = next(each.identifier for each in fake.store.records if not each.deleted)
        fake.store.vanish(gone)
        number = schedule.add(fake, "reconcile")
        schedule.slice(fake)
        assert schedule.task(number).outcome in ("complete", "complete_unverified")
        assert (
            schedule.one("SELECT deleted_reason FROM records WHERE identifier = :it", it=gone) == "vanished"
        )


def test_sets_that_come_later_are_harvested_where_that_is_wished(
    schedule: Schedule, fake: FakeRepository
) -> None:
    schedule.add(fake, set_="portal_1")
    schedule.slice(fake)
    number = schedule.add(fake, "refresh")
    wished = RepositorySettings(url=fake.url, new_sets="harvest")
    following = replace(schedule, settings=replace(schedule.settings, repositories=(wished,)))
    streams = "SELECT count(*) FROM streams"
    following.slice(fake)
    assert schedule.task(number).outcome == "complete", schedule.task(number).sentence
    assert schedule.one(streams) == 1, "what was there from the beginning is the operator's choice"
    fake.store.add(1, sets=["portal_new"])
    schedule.change(number, next_due_at=clock.now())
    following.slice(fake)
    assert schedule.one(streams) == 2
    assert schedule.one("SELECT count(*) FROM streams WHERE set_spec = 'portal_new'") == 1


def test_a_host_that_hangs_is_a_failure_and_holds_no_worker_for_ever(
    schedule: Schedule, fake: FakeRepository
) -> None:
    fake.misbehave("reset", after=0)
    number = schedule.add(fake)
    schedule.lasting(1.0).slice(fake)
    row = schedule.task(number)
    assert (row.outcome, row.failures) == ("unreachable", 1)


def test_quiet_hours_that_begin_within_a_slice_end_it(schedule: Schedule, fake: FakeRepository) -> None:
    class Falling(Quiet):
        def until(self, now: datetime) -> datetime | None:
            return now + timedelta(hours=1) if len(fake.requests("ListRecords")) >= 2 else None

    host = host_of(fake.url)
    falling = Falling(time(1), time(2))
    settings = replace(schedule.settings, hosts={host: HostSettings(host, quiet=falling)})
    number = schedule.add(fake)
    assert replace(schedule, settings=settings).slice(fake) is False
    assert len(fake.requests("ListRecords")) == 2
    assert schedule.task(number).failures == 0


def test_a_list_that_is_refused_in_the_middle_is_asked_ever_less_often(
    schedule: Schedule, fake: FakeRepository
) -> None:
    fake.misbehave("403", on_page=2)
    number = schedule.add(fake)
    for expected in (1, 2, 3):
        schedule.slice(fake)
        row = schedule.task(number)
        assert row.failures == expected
        with schedule.engine.begin() as connection:
            task_table.adopt(connection, clock.now(), assumed_life=600.0, spend=0.75)
        assert schedule.task(number).next_due_at > clock.now() + timedelta(minutes=4) * 4 ** (expected - 1)
        schedule.change(number, next_due_at=clock.now())
        with schedule.engine.begin() as connection:
            connection.exec_driver_sql(
                "UPDATE hosts SET closed_until = NULL, failures = 0, next_allowed_at = NULL"
            )


def test_what_is_abandoned_because_the_service_stops_is_no_crash(
    schedule: Schedule, fake: FakeRepository
) -> None:
    number = schedule.add(fake, crashes=3)
    with schedule.engine.begin() as connection:
        task_table.forgive(connection, {number})
    schedule.slice(fake)
    assert schedule.task(number).outcome == "complete"


def test_a_short_slice_spends_a_token_that_presses_for_one_page_and_leaves_the_rest(
    schedule: Schedule,
) -> None:
    with FakeRepository(records=60, page_size=2, token_life=100.0, latency=0.05) as fake:
        number = schedule.add(fake)
        while not fake.pages_sent:  # on a busy machine a slice may be over before the first
            assert schedule.lasting(0.5).slice(fake) is True
        at = len(fake.requests("ListRecords"))
        before = schedule.task(number).dies_at
        assert schedule.slice(fake, pressing=True) is False
        assert len(fake.requests("ListRecords")) == at, "its time has not come"
        schedule.change(number, spend_by=clock.now() + timedelta(seconds=30), dies_at=before)
        assert schedule.slice(fake, pressing=True) is False
        assert len(fake.requests("ListRecords")) == at + 1
        assert schedule.task(number).dies_at > before
        schedule.slice(fake)
        assert schedule.task(number).outcome == "complete"
        assert schedule.one("SELECT sum(restarts) FROM windows") == 0


def test_a_range_that_a_person_asks_for_does_not_cost_the_list_that_the_service_reads(
    schedule: Schedule,
) -> None:
    with FakeRepository(records=60, page_size=5, latency=0.03) as fake:
        number = schedule.add(fake)
        short = schedule.lasting(0.15)
        assert short.slice(fake) is True
        wish = Wish(from_=datetime(2030, 1, 1, tzinfo=UTC))
        assert harvest(schedule.engine, Request(fake.url, wish=wish)).outcome == "complete"
        while short.slice(fake):
            pass
        assert schedule.task(number).outcome == "complete"
        whole = [each for each in fake.requests("ListRecords") if "from" not in each.arguments]
        assert len(whole) == 12, "no page was asked for twice"
