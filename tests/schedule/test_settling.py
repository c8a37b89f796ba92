"""What is written down of a task's go, beside what a person changes meanwhile."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from scheduling import DAY, Schedule
from sqlalchemy import Engine, text

from harvester import clock
from harvester.mock import FakeRepository
from harvester.schedule import standing
from harvester.wire import host_of

Meanwhile = Callable[[Callable[[], None]], None]


@pytest.fixture
def fake() -> Iterator[FakeRepository]:
    with FakeRepository(records=60, page_size=10) as made:
        yield made


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Meanwhile:
    """Something happens after the work of a task, before it is written down."""
    perform = standing.perform

    def happens(change: Callable[[], None]) -> None:
        def performed(*given: Any) -> Any:
            done = perform(*given)
            change()
            return done

        monkeypatch.setattr(standing, "perform", performed)

    return happens


def write(engine: Engine, statement: str) -> None:
    with engine.begin() as connection:
        connection.execute(text(statement))


@pytest.mark.parametrize("pace", [0.0, 45.0])
@pytest.mark.parametrize("fault", ["403", "404"])
def test_a_repository_that_fails_is_asked_more_seldom_however_slow_its_pace(
    schedule: Schedule, fake: FakeRepository, fault: str, pace: float
) -> None:
    fake.misbehave(fault)
    slow = replace(schedule, settings=replace(schedule.settings, paces={host_of(fake.url): pace}))
    number = slow.add(fake)
    for failures in (1, 2):
        for _ in range(3):  # at a slow pace each request is a slice of its own
            slow.slice(fake)
            write(slow.engine, "UPDATE hosts SET next_allowed_at = NULL, closed_until = NULL")
            if slow.task(number).failures == failures:
                break
        row = slow.task(number)
        assert row.failures == failures
        assert row.next_due_at > clock.now() + timedelta(minutes=1)
        slow.change(number, next_due_at=clock.now())


def test_a_task_that_waits_for_a_person_does_not_hold_up_its_stream(
    schedule: Schedule, fake: FakeRepository
) -> None:
    number = schedule.add(fake)
    schedule.slice(fake)
    rolling = schedule.add(fake, "rolling", begun_at=clock.now(), held="it crashed")
    schedule.change(number, next_due_at=clock.now())
    before = schedule.task(number).done_at
    schedule.slice(fake)
    assert schedule.task(number).done_at > before
    assert schedule.task(rolling).held == "it crashed"


def test_a_rhythm_that_is_changed_while_a_list_is_read_holds(
    schedule: Schedule, fake: FakeRepository, meanwhile: Meanwhile
) -> None:
    number = schedule.add(fake, least=7 * DAY, most=7 * DAY, interval=7 * DAY)
    meanwhile(lambda: schedule.change(number, least=3600.0, most=3600.0, interval=3600.0))
    schedule.slice(fake)
    row = schedule.task(number)
    assert (row.outcome.startswith("complete"), row.interval) == (True, 3600.0)
    assert row.next_due_at < clock.now() + timedelta(hours=2)


def test_a_repository_that_is_taken_up_again_while_it_fails_begins_to_count_anew(
    schedule: Schedule, fake: FakeRepository, meanwhile: Meanwhile
) -> None:
    fake.misbehave("403")
    number = schedule.add(fake, failures=8)
    meanwhile(lambda: schedule.change(number, failures=0))
    schedule.slice(fake)
    assert schedule.task(number).failures == 1


def test_what_is_taken_out_while_it_is_read_stays_out(
    schedule: Schedule, fake: FakeRepository, meanwhile: Meanwhile
) -> None:
    schedule.add(fake)
    meanwhile(lambda: write(schedule.engine, "DELETE FROM tasks"))
    assert schedule.slice(fake) is False
    assert schedule.one("SELECT count(*) FROM tasks") == 0
