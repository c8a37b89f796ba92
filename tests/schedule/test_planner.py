"""What is done next, and when again: what an operator may rely on, whatever waits."""

import timeit
from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harvester.schedule.planner import (
    AHEAD,
    ASSUMED_LIFE,
    Choice,
    Next,
    Rhythm,
    Waiting,
    after_failure,
    after_success,
    choose,
    closed_for,
    deadlines,
    most_lists,
    pause_after_crashes,
    pressing,
)

MINUTE, HOUR, DAY, WEEK = 60.0, 3_600.0, 86_400.0, 604_800.0
NOW = 1_800_000_000.0
LIVES = st.sampled_from([None, 2 * MINUTE, 5 * MINUTE, HOUR, DAY])
JITTER = st.floats(0.0, 1.0)
some = settings(max_examples=150, deadline=None, derandomize=True)


def task(late: float, life: float | None, age: float | None) -> Waiting:
    """`late` in days; `age` of its token in lives, 0 for a list that has none yet, None where nothing was begun."""
    if not age:
        return Waiting(0, NOW + late * DAY, begun=age is not None, life=life)
    token = deadlines(NOW - age * (life or ASSUMED_LIFE), life)
    return Waiting(0, NOW + late * DAY, True, *token, life)


AGES = st.sampled_from([None, None, None, 0.0, 0.1, 0.6, 0.76, 0.8, 0.99, 1.1])
TASKS = st.builds(task, st.floats(-2.0, 2.0), LIVES, AGES)
QUEUES = st.lists(TASKS, max_size=6).map(lambda them: [replace(each, id=at) for at, each in enumerate(them)])


@dataclass(frozen=True)
class Seen:
    """A host as the planner sees it, and what it says."""

    waiting: list[Waiting]
    begun: int
    pace: float

    @property
    def choice(self) -> Choice | None:
        return choose(self.waiting, NOW, begun=self.begun, seconds_per_request=self.pace)

    @property
    def chosen(self) -> Waiting | None:
        choice = self.choice
        return None if choice is None else next(each for each in self.waiting if each.id == choice.id)

    @property
    def lists(self) -> list[Waiting]:
        return [each for each in self.waiting if each.begun]


HOSTS = st.builds(
    lambda waiting, more, pace: Seen(waiting, more + sum(each.begun for each in waiting), pace),
    QUEUES,
    st.sampled_from([0, 0, 1, 30, 2_000]),
    st.sampled_from([0.0, 1.0, 2.0, 120.0]),
)


def one(number: int, *, late: float = DAY, age: float | None = None, life: float | None = HOUR) -> Waiting:
    """A task; with `age`, seconds since its token came, a list that was begun."""
    if age is None:
        return Waiting(number, NOW + late, life=life)
    return Waiting(number, NOW + late, True, *deadlines(NOW - age, life), life)


def next_of(*waiting: Waiting, pace: float = 1.0) -> Choice | None:
    begun = sum(each.begun for each in waiting)
    return choose(waiting, NOW, begun=begun, seconds_per_request=pace)


@some
@given(HOSTS)
def test_a_token_that_can_be_kept_is_never_passed_over(host: Seen) -> None:
    kept = [
        each
        for each in host.lists
        if each.spend_by is not None and each.spend_by <= NOW < (each.dies_at or 0.0)
    ]
    if kept:
        assert host.chosen is not None
        assert host.chosen in kept
        assert host.chosen.dies_at == min(each.dies_at or 0.0 for each in kept), "the nearest deadline first"


@some
@given(HOSTS)
def test_what_was_begun_is_finished_before_anything_new_but_what_is_late(host: Seen) -> None:
    chosen = host.chosen
    if host.lists and chosen is not None and not chosen.begun:
        assert chosen.late_at <= NOW
        alike = [each for each in host.waiting if not each.begun and each.life == chosen.life]
        assert chosen.late_at == min(each.late_at for each in alike)


@some
@given(HOSTS)
def test_no_more_lists_are_opened_than_can_be_kept_alive(host: Seen) -> None:
    if host.chosen is not None and not host.chosen.begun:
        assert host.begun + 1 <= most_lists(host.chosen.life, host.pace)


@some
@given(HOSTS)
def test_a_host_with_something_to_do_is_not_left_idle(host: Seen) -> None:
    may_begin = any(host.begun < most_lists(each.life, host.pace) for each in host.waiting if not each.begun)
    assert (host.choice is not None) == bool(host.lists or may_begin)


@some
@given(HOSTS)
def test_the_order_in_which_tasks_are_read_changes_nothing(host: Seen) -> None:
    assert Seen(host.waiting[::-1], host.begun, host.pace).choice == host.choice


def test_a_late_task_is_served_beside_a_list_of_nine_days() -> None:
    assert next_of(one(1, age=MINUTE, late=-9 * DAY), one(2, late=-1.0)) == Choice(2, one_page=False)
    assert next_of(one(1, age=MINUTE, late=-9 * DAY), one(2, late=1.0)) == Choice(1, one_page=False)


def test_whoever_is_late_longest_goes_first() -> None:
    assert next_of(one(1, late=-HOUR), one(2, late=-DAY), one(3, late=-MINUTE)) == Choice(2, one_page=False)


def test_a_token_costs_others_one_page_and_alone_it_has_the_whole_slice() -> None:
    old, young = one(1, age=50 * MINUTE), one(2, age=MINUTE)
    assert next_of(old, young) == Choice(1, one_page=True)
    assert next_of(old) == Choice(1, one_page=False)


def test_a_token_that_is_likely_gone_waits_for_those_that_live_but_is_tried() -> None:
    gone, alive = one(1, age=2 * HOUR), one(2, age=50 * MINUTE)
    assert next_of(gone, alive) == Choice(2, one_page=True)
    assert next_of(gone, one(3, late=-HOUR)) == Choice(1, one_page=False), (
        "only the server's answer kills a token"
    )


def test_what_kills_its_worker_is_tried_ever_more_seldom() -> None:
    pauses = [pause_after_crashes(number) for number in (0, 2, 3, 4, 10, 2_000)]
    assert pauses == [0.0, 0.0, 30.0, 60.0, 3840.0, 86_400.0]


def test_lists_take_turns_where_the_server_tells_no_life() -> None:
    # By the moment of being late alone, a small list that a slice cut would wait for days behind a large one.
    large, small = one(1, late=-DAY, age=30.0, life=None), one(2, late=-HOUR, age=90.0, life=None)
    assert next_of(large, small) == Choice(2, one_page=False)
    assert deadlines(NOW, None) == (NOW + 0.75 * ASSUMED_LIFE, NOW + ASSUMED_LIFE)


@some
@given(QUEUES)
def test_a_host_that_waits_is_asked_for_nothing_but_tokens_that_press(waiting: list[Waiting]) -> None:
    press = [
        each
        for each in waiting
        if each.begun and each.spend_by is not None and each.spend_by - AHEAD <= NOW < (each.dies_at or 0.0)
    ]
    choice = pressing(waiting, NOW)
    assert (choice is None) == (not press)
    if choice is not None:
        assert choice.one_page
        assert min(press, key=lambda each: (each.dies_at, each.late_at, each.id)).id == choice.id


@pytest.mark.parametrize(
    ("life", "pace", "lists"),
    [
        pytest.param(HOUR, 1.0, 1_800, id="figshare"),
        pytest.param(2 * MINUTE, 2.0, 30, id="Zenodo"),
        pytest.param(None, 1.0, 300, id="not told"),
        pytest.param(2 * MINUTE, 120.0, 1, id="penalised"),
        pytest.param(2.0, 3_600.0, 1, id="hopeless"),
    ],
)
def test_as_many_lists_are_open_as_half_a_token_life_has_requests(
    life: float | None, pace: float, lists: int
) -> None:
    assert most_lists(life, pace) == lists


def test_a_host_without_a_pace_has_a_limit_all_the_same() -> None:
    assert 1 <= most_lists(2 * MINUTE, 0.0) < 10**6


RHYTHMS = st.builds(
    lambda least, more, at: Rhythm(least + at * more, least, least + more),
    st.floats(MINUTE, DAY),
    st.floats(0.0, 30 * DAY),
    st.floats(0.0, 1.0),
)


@some
@given(RHYTHMS, st.floats(-60 * DAY, 0.0), st.booleans(), JITTER)
def test_the_next_visit_lies_ahead_by_an_interval_at_most_and_what_was_missed_is_caught_up_once(
    rhythm: Rhythm, late: float, changed: bool, jitter: float
) -> None:
    again = after_success(rhythm, NOW + late, NOW, changed=changed, jitter=jitter)
    assert rhythm.least <= again.interval <= rhythm.most
    assert NOW < again.due_at <= NOW + 1.1001 * again.interval
    if -late > 1.1001 * again.interval:
        assert again.due_at >= NOW + 0.8999 * again.interval, (
            "not at once again, for each visit that was missed"
        )
    assert again.late_at == pytest.approx(again.due_at + 0.5 * again.interval)


@some
@given(RHYTHMS, st.booleans())
def test_an_interval_shrinks_where_something_had_changed_and_grows_where_nothing_had(
    rhythm: Rhythm, changed: bool
) -> None:
    again = after_success(rhythm, NOW, NOW, changed=changed, jitter=0.5)
    wanted = rhythm.interval * (0.7 if changed else 1.3)
    assert again.interval == pytest.approx(min(max(wanted, rhythm.least), rhythm.most))


@some
@given(st.lists(st.booleans(), min_size=1, max_size=30))
def test_an_interval_never_leaves_its_bounds_however_long_it_learns(visits: list[bool]) -> None:
    rhythm = Rhythm(DAY, HOUR, WEEK)
    for changed in visits:
        again = after_success(rhythm, NOW, NOW, changed=changed, jitter=0.5)
        assert HOUR <= again.interval <= WEEK
        rhythm = Rhythm(again.interval, HOUR, WEEK)


@some
@given(RHYTHMS, JITTER)
def test_chance_moves_a_visit_by_a_tenth_of_the_interval_at_most(rhythm: Rhythm, jitter: float) -> None:
    exactly = after_success(rhythm, NOW, NOW, changed=False, jitter=0.5)
    moved = after_success(rhythm, NOW, NOW, changed=False, jitter=jitter)
    assert abs(moved.due_at - exactly.due_at) <= 0.1001 * exactly.interval
    assert moved.interval == exactly.interval


def test_a_visit_that_comes_a_little_late_does_not_shift_the_rhythm() -> None:
    again = after_success(Rhythm(DAY, DAY, DAY), NOW - HOUR, NOW, changed=True, jitter=0.5)
    assert again == Next(NOW + 23 * HOUR, NOW + 35 * HOUR, DAY)


def test_a_visit_before_its_time_does_not_put_off_the_next() -> None:
    again = after_success(Rhythm(DAY, DAY, DAY), NOW + 20 * HOUR, NOW, changed=True, jitter=0.5)
    assert again.due_at == NOW + DAY


@some
@given(JITTER, st.booleans())
def test_moments_of_a_cron_expression_are_taken_as_they_are(jitter: float, changed: bool) -> None:
    rhythm = Rhythm(DAY, HOUR, WEEK, fires=(NOW + 7 * HOUR, NOW + 31 * HOUR))
    again = after_success(rhythm, NOW - 3 * DAY, NOW, changed=changed, jitter=jitter)
    assert again.due_at == NOW + 7 * HOUR
    assert again.late_at == NOW + 19 * HOUR


def test_retries_begin_with_minutes_and_end_with_a_week() -> None:
    waits = [
        after_failure(Rhythm(DAY, HOUR, WEEK), count, NOW, jitter=0.5).due_at - NOW for count in range(1, 12)
    ]
    assert waits[0] == 5 * MINUTE
    assert waits == sorted(waits)
    assert waits[-1] == max(waits) == WEEK


@some
@given(RHYTHMS, st.integers(1, 10_000), JITTER)
def test_a_retry_lies_ahead_and_never_much_further_than_a_week(
    rhythm: Rhythm, failures: int, jitter: float
) -> None:
    again = after_failure(rhythm, failures, NOW, jitter=jitter)
    assert NOW + 4 * MINUTE < again.due_at <= NOW + 1.1001 * WEEK, "a week, and a tenth of it by chance"
    assert again.interval == rhythm.interval, "a failure tells nothing of how often something changes"
    assert again.late_at > again.due_at


@some
@given(RHYTHMS, st.integers(1, 20), st.floats(-DAY, DAY), JITTER)
def test_a_list_whose_token_lives_is_tried_again_before_it_is_to_be_spent(
    rhythm: Rhythm, failures: int, left: float, jitter: float
) -> None:
    spend_by = NOW + left
    usual = after_failure(rhythm, failures, NOW, jitter=jitter)
    again = after_failure(rhythm, failures, NOW, jitter=jitter, spend_by=spend_by)
    assert NOW < again.due_at <= usual.due_at
    # Ever less often all the same: a repository that fails again and again is not hammered for the sake of a token.
    if left > AHEAD + MINUTE:
        assert again.due_at <= max(spend_by - AHEAD, NOW + 10 * 4 ** (failures - 1))


def test_a_host_is_closed_after_the_second_failure_for_minutes_and_in_the_end_for_a_day() -> None:
    assert [closed_for(failures, jitter=0.5) for failures in (0, 1)] == [0.0, 0.0]
    times = [closed_for(failures, jitter=0.5) for failures in range(2, 12)]
    assert times[0] == 5 * MINUTE
    assert times == sorted(times)
    assert times[-1] == DAY


@some
@given(st.integers(2, 10_000), JITTER)
def test_a_closed_host_is_asked_again_after_a_day_and_a_tenth_at_most(failures: int, jitter: float) -> None:
    assert 4 * MINUTE < closed_for(failures, jitter=jitter) <= 1.1001 * DAY


def test_choosing_among_forty_takes_microseconds() -> None:
    waiting = [one(number, age=number * MINUTE) for number in range(20)]
    waiting += [one(number, late=number - 30.0) for number in range(20, 40)]
    times = timeit.repeat(lambda: next_of(*waiting), repeat=20, number=50)
    assert min(times) / 50 < 0.001, (
        "of the five milliseconds that the next work may take, reading it included"
    )
