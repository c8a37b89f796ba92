"""Random changes, faults and harvests against a simple model of what the catalogue must hold."""

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, ClassVar

import pytest
from asking import Asker
from hypothesis import HealthCheck, Phase, note, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from model import ARMS, MUTATIONS, Follower, arm, mutate
from sqlalchemy import Engine

from harvester import clock
from harvester.harvest import harvest
from harvester.harvest.cutting import LONGEST
from harvester.harvest.plans import Wish
from harvester.harvest.progress import Listener, PageEvent
from harvester.mock import FakeRepository
from harvester.wire import Client

BEGINNING = datetime(2024, 6, 1, tzinfo=UTC)
AHEAD = timedelta(minutes=10)
TINY = 0.02  # seconds: by the clock below, a list of some pages takes longer
PLACES = st.integers(0, 60)


class Clock:
    """Waits pass at once, and every look at the clock costs a millisecond: whatever lasts, lasts as long each time.

    `server` is the repository's clock; ours is ahead of it, so that taking one for the other is noticed.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self.server = BEGINNING

    def now(self) -> datetime:
        return self.server + AHEAD

    def monotonic(self) -> float:
        self.seconds += 0.001
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += max(0.0, seconds)


@pytest.fixture(scope="module")
def time_() -> Iterator[Clock]:
    made = Clock()
    with pytest.MonkeyPatch.context() as patch:
        for name in ("now", "monotonic", "sleep"):
            patch.setattr(clock, name, getattr(made, name))
        patch.setattr(harvest, "Client", partial(Client, now=made.now))
        yield made


class Harvests(RuleBasedStateMachine):
    """One example: a repository, what happens to it, and harvests of it into the catalogue of `engine`."""

    engine: ClassVar[Engine]
    time: ClassVar[Clock]
    compared: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        self.time.server = BEGINNING
        self.sound = False
        self.fake: FakeRepository | None = None

    @initialize(
        granularity=st.sampled_from(["seconds", "days"]),
        page_size=st.sampled_from([2, 3, 5]),
        sized=st.booleans(),
        token_style=st.sampled_from(["offset", "scroll"]),
        token_life=st.sampled_from([None, 3600.0]),
    )
    def open(
        self, granularity: Any, page_size: int, sized: bool, token_style: Any, token_life: float | None
    ) -> None:
        self.fake = FakeRepository(
            records=9,
            page_size=page_size,
            granularity=granularity,
            token_style=token_style,
            token_life=token_life,
            complete_list_size=sized,
            now=lambda: self.time.server,
        ).start()
        for number in range(0, 9, 2):
            mutate(self.fake, "move_quietly", number)
        self.follower = Follower(Asker(self.engine, self.fake))
        self.sound = True

    @rule(kind=st.sampled_from(MUTATIONS), place=PLACES, hours=st.sampled_from([0, 1, 30]))
    def change(self, kind: str, place: int, hours: int) -> None:
        self._change(kind, place, timedelta(hours=hours))

    @rule(
        name=st.sampled_from(ARMS),
        times=st.sampled_from([1, 2, 3, None]),
        page=st.sampled_from([None, 0, 1, 2]),
        verb=st.sampled_from([None, None, "ListRecords"]),
    )
    def misbehave(self, name: str, times: int | None, page: int | None, verb: str | None) -> None:
        arm(self._fake, name, times, page, **({} if verb is None else {"verb": verb}))

    @rule(
        spec=st.sampled_from(["", "", "", "blue", "red"]),
        full=st.booleans(),
        cut=st.booleans(),
        stop=st.sampled_from([None, None, None, 1, 2, 3]),
        during=st.none() | st.tuples(st.sampled_from([1, 2, 3]), st.sampled_from(MUTATIONS), PLACES),
        calm=st.sampled_from([True, True, False]),
    )
    def harvest(  # noqa: PLR0917 - a rule is called by name
        self,
        spec: str,
        full: bool,
        cut: bool,
        stop: int | None,
        during: tuple[int, str, int] | None,
        calm: bool,
    ) -> None:
        self._harvest(spec, Wish(full=full), cut=cut, stop=stop, during=during)
        if calm:
            self._fake.behave()

    @rule(days=st.integers(0, 4000), length=st.sampled_from([None, 0, 700, 4000]), cut=st.booleans())
    def harvest_a_range(self, days: int, length: int | None, cut: bool) -> None:
        from_ = datetime(2014, 1, 1, tzinfo=UTC) + timedelta(days=days)
        until = None if length is None else from_ + timedelta(days=length)
        self._harvest("", Wish(from_=from_, until=until), cut=cut)
        self._fake.behave()

    def teardown(self) -> None:
        if self.fake is None:
            return
        try:
            if self.sound:
                self.fake.behave()
                self.follower.settle(self.time.server)
                type(self).compared += 1
        finally:
            self.fake.close()

    @property
    def _fake(self) -> FakeRepository:
        assert self.fake is not None
        return self.fake

    def _change(self, kind: str, place: int, later: timedelta) -> None:
        self.time.server += later + timedelta(seconds=1)
        self.follower.change(kind, place)

    def _harvest(
        self,
        spec: str,
        wish: Wish,
        *,
        cut: bool = False,
        stop: int | None = None,
        during: tuple[int, str, int] | None = None,
    ) -> None:
        self.time.server += timedelta(seconds=1)
        self.sound = False
        pages = 0

        def heard(_: PageEvent) -> None:
            nonlocal pages
            pages += 1
            if during and pages == during[0]:
                self._change(during[1], during[2], timedelta(minutes=20 + 7 * during[2]))

        report = self.follower.harvest(
            spec,
            wish,
            self.time.server,
            listener=Listener(on_page=heard),
            stop=lambda: stop is not None and pages >= stop,
            longest_list=TINY if cut else LONGEST,
        )
        note(f"{report.outcome} {report.streams[0].reason if report.streams else report.sentence}")
        self.sound = True


def _run(engine: Engine, time_: Clock, examples: int, *, number: int | None) -> int:
    """In how many examples the catalogue was found to be as the model says; a difference raises."""

    class Bound(Harvests):
        pass

    Bound.engine, Bound.time = engine, time_
    chosen = settings(
        max_examples=examples,
        stateful_step_count=8,
        deadline=None,
        database=None,
        derandomize=number is None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        phases=list(Phase) if os.environ.get("HARVESTER_SHRINK") else [Phase.generate],
    )
    machine = Bound if number is None else seed(number)(Bound)
    run_state_machine_as_test(machine, settings=chosen)
    return machine.compared


def test_whatever_happens_the_catalogue_follows_the_repository(shared_engine: Engine, time_: Clock) -> None:
    given = os.environ.get("HARVESTER_SEED")
    assert _run(shared_engine, time_, 150, number=None if given is None else int(given)) >= 150


@pytest.mark.campaign
def test_whatever_happens_two_thousand_times_the_catalogue_follows(
    shared_engine: Engine, time_: Clock
) -> None:
    number = int(os.environ.get("HARVESTER_SEED", str(time.time_ns() % 10**9)))
    print(f"HARVESTER_SEED={number}")
    assert _run(shared_engine, time_, 2_000, number=number) >= 2_000


# What the model found, each by itself.


@pytest.mark.parametrize("sized", [True, False])
def test_a_repository_that_heeds_until_and_not_from_loses_nothing_when_its_list_is_cut(
    sized: bool, shared_engine: Engine, time_: Clock
) -> None:
    with FakeRepository(records=60, page_size=3, complete_list_size=sized, now=lambda: time_.server) as fake:
        fake.misbehave("ignores_from")
        ask = Asker(shared_engine, fake)
        assert ask(longest_list=TINY).outcome.startswith("complete")
        assert any("until" in each.arguments for each in fake.requests("ListRecords")), "the list was not cut"
        ask.assert_same()


def test_a_token_once_refused_by_badargument_does_not_change_how_tokens_are_sent(
    shared_engine: Engine, time_: Clock
) -> None:
    with FakeRepository(records=30, page_size=10, now=lambda: time_.server) as fake:
        ask = Asker(shared_engine, fake)
        ask()
        time_.server += timedelta(hours=1)
        fake.store.restamp()
        fake.misbehave("refuses_dates", on_page=1, times=1)
        assert ask().outcome == "refused"
        assert ask().outcome == "complete"
        ask.assert_same()


def test_a_dead_token_of_a_list_that_is_read_by_identifiers_costs_the_list_and_no_more(
    shared_engine: Engine, time_: Clock
) -> None:
    with FakeRepository(records=30, page_size=10, now=lambda: time_.server) as fake:
        for fault in ("ignores_from", "ignores_until", "cut_page"):
            fake.misbehave(fault, on_page=1 if fault == "cut_page" else None)
        ask = Asker(shared_engine, fake)
        assert ask().outcome == "incomplete"
        assert any(way == "GetRecord" for (way,) in ask.rows("SELECT way FROM windows"))
        fake.behave()
        fake.misbehave("token_refused", times=1)
        report = ask()
        assert (report.outcome, report.streams[0].reason) == ("complete_unverified", "held_as_listed")
        ask.assert_same()


def test_no_moment_is_given_up_while_the_whole_repository_is_down(
    shared_engine: Engine, time_: Clock
) -> None:
    with FakeRepository(records=30, page_size=10, now=lambda: time_.server) as fake:
        ask = Asker(shared_engine, fake)
        moment = fake.store.records[0].datestamp
        wish = Wish(from_=moment, until=moment)
        fake.misbehave("500")
        report = ask(wish=wish)
        assert (report.outcome, report.streams[0].counts.quarantined) == ("unreachable", 0)
        fake.behave()
        assert ask(wish=wish).outcome.startswith("complete")
        assert len(ask.held()) == 1
