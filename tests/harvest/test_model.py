"""Random changes, faults and harvests against a simple model of what the catalogue must hold."""

import os
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest
from asking import QUICK, Asker
from hypothesis import HealthCheck, Phase, note, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from model import IGNORES_SETS, MUTATIONS, Due, Model, Scope, mutate
from sqlalchemy import Engine

from harvester import clock
from harvester.harvest.harvest import Report
from harvester.harvest.plans import Wish
from harvester.harvest.progress import Listener, PageEvent
from harvester.mock import FAULTS, FakeRepository

BEGINNING = datetime(2024, 6, 1, tzinfo=UTC)
# ListSets and POST are never asked.
MOOT = frozenset({"sets_in_pages", "endless_sets", "sets_missing", "sets_refused", "post_refused", "gzip_unasked"})
OPTIONS: dict[str, dict[str, Any]] = {
    "503_retry_after": {"seconds": 3600},
    "gzip_bomb": {"megabytes": 3},
    "oversized": {"megabytes": 3},
    "slow": {"seconds": 0.02},
    "trickle": {"bytes": 4000, "seconds": 0.01},
}
ONCE = frozenset({"hang"})  # each costs a real time-out
TINY = 0.02  # seconds: by the clock below, a list of some pages takes longer
PLACES = st.integers(0, 60)
FORGET = "SELECT 1"
_PLANS = (
    "SELECT p.id, p.kind, p.state, p.from_, p.until, p.candidate_watermark, s.watermark FROM plans p"
    " JOIN streams s ON s.id = p.stream_id JOIN repositories r ON r.id = s.repository_id"
    " WHERE r.name = :name AND s.set_spec = '{spec}' ORDER BY p.id"
)
_TALLIES = (
    "SELECT t.set_id, t.live, t.deleted, count(x) FILTER (WHERE NOT x.deleted), count(x) FILTER (WHERE x.deleted)"
    " FROM tallies t JOIN repositories r ON r.id = t.repository_id LEFT JOIN records x"
    " ON x.repository_id = t.repository_id AND x.format = t.format"
    " AND (t.set_id = 0 OR t.set_id = ANY (x.proven_sets))"
    " WHERE r.name = :name GROUP BY t.format, t.set_id, t.live, t.deleted"
)
_QUARANTINED = "SELECT coalesce(sum(quarantined), 0) FROM runs WHERE plan_id = {plan}"
_STUCK = (
    "SELECT q.identifier FROM quarantine q JOIN repositories r ON r.id = q.repository_id"
    " WHERE r.name = :name AND q.resolved_at IS NULL AND q.identifier IS NOT NULL"
)


class Clock:
    """Waits pass at once, and every look at the clock costs a millisecond: whatever lasts, lasts as long each time."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def monotonic(self) -> float:
        self.seconds += 0.001
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += max(0.0, seconds)


@pytest.fixture(scope="module", autouse=True)
def _no_waiting() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        made = Clock()
        patch.setattr(clock, "monotonic", made.monotonic)
        patch.setattr(clock, "sleep", made.sleep)
        yield


class Harvests(RuleBasedStateMachine):
    """One example: a repository, what happens to it, and harvests of it into the catalogue of `engine`."""

    engine: ClassVar[Engine]

    def __init__(self) -> None:
        super().__init__()
        self.now = BEGINNING
        self.sound = False
        self.fake: FakeRepository | None = None

    @initialize(
        granularity=st.sampled_from(["seconds", "days"]),
        page_size=st.sampled_from([2, 3, 5]),
        sized=st.booleans(),
        token_style=st.sampled_from(["offset", "scroll"]),
        token_life=st.sampled_from([None, 3600.0]),
    )
    def open(self, granularity: Any, page_size: int, sized: bool, token_style: Any, token_life: float | None) -> None:
        self.fake = FakeRepository(
            records=9,
            page_size=page_size,
            granularity=granularity,
            token_style=token_style,
            token_life=token_life,
            complete_list_size=sized,
            now=lambda: self.now,
        ).start()
        for number in range(0, 9, 2):
            mutate(self.fake, "move_quietly", number)
        self.ask = Asker(self.engine, self.fake)
        self.model = Model(self.fake)
        self.sound = True

    @rule(kind=st.sampled_from(MUTATIONS), place=PLACES, hours=st.sampled_from([0, 1, 30]))
    def change(self, kind: str, place: int, hours: int) -> None:
        self._change(kind, place, timedelta(hours=hours))

    @rule(
        name=st.sampled_from(sorted(FAULTS.keys() - MOOT)),
        times=st.sampled_from([1, 2, 3, None]),
        page=st.sampled_from([None, 0, 1, 2]),
        verb=st.sampled_from([None, None, "ListRecords"]),
    )
    def arm(self, name: str, times: int | None, page: int | None, verb: str | None) -> None:
        options = OPTIONS.get(name, {}) | ({} if verb is None else {"verb": verb})
        self._fake.misbehave(name, times=1 if name in ONCE else times, on_page=page, **options)

    @rule(
        spec=st.sampled_from(["", "", "", "blue", "red"]),
        full=st.booleans(),
        cut=st.booleans(),
        stop=st.sampled_from([None, None, None, 1, 2, 3]),
        during=st.none() | st.tuples(st.sampled_from([1, 2, 3]), st.sampled_from(MUTATIONS), PLACES),
        calm=st.sampled_from([True, True, False]),
    )
    def harvest(
        self, spec: str, full: bool, cut: bool, stop: int | None, during: tuple[int, str, int] | None, calm: bool
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
                self._settle()
        finally:
            self.fake.close()

    @property
    def _fake(self) -> FakeRepository:
        assert self.fake is not None
        return self.fake

    def _change(self, kind: str, place: int, later: timedelta) -> None:
        self.now += later + timedelta(seconds=1)
        mutate(self._fake, kind, place)
        self.model.note(loud="quietly" not in kind)

    def _harvest(
        self,
        spec: str,
        wish: Wish,
        *,
        cut: bool = False,
        stop: int | None = None,
        during: tuple[int, str, int] | None = None,
    ) -> Report:
        """One harvest, and everything that must hold after it."""
        self.now += timedelta(seconds=1)
        self.sound = False
        before, due = self._plans(spec), self.model.snapshot(self.now)
        self._fake.log.clear()
        pages: list[PageEvent] = []

        def heard(event: PageEvent) -> None:
            pages.append(event)
            if during and len(pages) == during[0]:
                due.changed = True
                self._change(during[1], during[2], timedelta(minutes=20 + 7 * during[2]))

        if spec:
            self.model.sets_harvested.add(spec)
        self.ask.forgive()
        report = self.ask(
            listener=Listener(on_page=heard),
            stop=lambda: stop is not None and len(pages) >= stop,
            sets=[spec],
            wish=wish,
            longest_list=TINY if cut else 600.0,
        )
        faults = {name for each in self._fake.log if each.fault for name in each.fault.split(",")}
        note(f"{report.outcome} {report.streams[0].reason if report.streams else report.sentence} {sorted(faults)}")
        if spec and faults & IGNORES_SETS:
            self.model.sets_ignored.add(spec)
        self.model.see(self.ask.held(), faults)
        self._judge(spec, report, before, due, faults)
        for number, *said in self.ask.rows(_TALLIES):
            assert said[:2] == said[2:], f"set {number}: tallies {said[:2]}, recount {said[2:]}"
        self.sound = True
        return report

    def _plans(self, spec: str) -> dict[int, tuple[Any, ...]]:
        return {row[0]: row[1:] for row in self.ask.rows(_PLANS.format(spec=spec))}

    def _judge(
        self, spec: str, report: Report, before: dict[int, tuple[Any, ...]], due: Due, faults: set[str]
    ) -> None:
        after = self._plans(spec)
        if not report.streams or not after:
            return
        plan, (kind, state, from_, until, candidate, watermark) = list(after.items())[-1]
        begun = before.get(plan)
        if begun is not None and begun[4] is not None:
            due, changed = self.model.plans[plan], due.changed
            due.changed = due.changed or changed
        self.model.plans[plan] = due
        due.faults |= faults
        skewed = "clock_skew" in due.faults
        if candidate is not None and not skewed and not (os.environ.get("KNOWN") and report.streams[0].reason=="unreadable"):
            assert candidate <= due.clock, f"the list began at {due.clock}, the next begins at {candidate}"
        if state != "done":
            return
        earlier = list(before.values())[-1][5] if before else None
        moved = watermark is not None and watermark != earlier
        assert not moved or watermark == candidate
        scope = Scope(spec, from_, until, kind == "range")
        excused = int(self.ask.one(_QUARANTINED.format(plan=plan)))
        self.model.judge(due, scope, sure=report.outcome == "complete", moved=moved, excused=excused)

    def _settle(self) -> None:
        """Quiet at last: all of it once more, and the catalogue is the store."""
        self._fake.behave()
        for _ in range(4):
            waiting = {plan for plan, each in self._plans("").items() if each[1] == "open"}
            report = self._harvest("", Wish(full=True))
            if not waiting:
                break
        assert report.outcome in ("complete", "complete_unverified"), report.streams
        self.model.assert_same(self.ask.held())
        stuck = {row[0] for row in self.ask.rows(_STUCK)} & self.model.versions.keys()
        assert not stuck, f"came whole, and still in quarantine: {sorted(stuck)}"


def _run(engine: Engine, examples: int, *, number: int | None) -> None:
    class Bound(Harvests):
        pass

    Bound.engine = engine
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


def test_whatever_happens_the_catalogue_follows_the_repository(shared_engine: Engine) -> None:
    given = os.environ.get("HARVESTER_SEED")
    _run(shared_engine, int(os.environ.get("EX", "150")), number=None if given is None else int(given))


@pytest.mark.campaign
def test_whatever_happens_two_thousand_times_the_catalogue_follows(shared_engine: Engine) -> None:
    number = int(os.environ.get("HARVESTER_SEED", str(time.time_ns() % 10**9)))
    print(f"HARVESTER_SEED={number}")
    _run(shared_engine, 2_000, number=number)
