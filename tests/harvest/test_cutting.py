"""Where lists are cut: windows that meet, none that overlaps more than it must, and an end to halving."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harvester.catalogue.windows import Window
from harvester.harvest.cutting import Span, Taken, expected, month_bounds, months
from harvester.harvest.rolling import CYCLE, Rolled, next_slice
from harvester.oai.datestamps import Granularity

NOW = datetime(2024, 5, 31, 12, tzinfo=UTC)
MOMENTS = st.integers(0, 800_000_000).map(
    lambda seconds: datetime(1999, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)


def window(from_: datetime | None = None, until: datetime | None = None, **more: object) -> Window:
    plain = dict.fromkeys(Window.__dataclass_fields__)
    counts = {
        "id": 1,
        "plan_id": 1,
        "way": "ListRecords",
        "failures": 0,
        "fence": 1,
        "pages": 1,
        "received": 100,
    }
    return Window(**plain | counts | {"from_": from_, "until": until} | more)  # type: ignore[arg-type]


@given(
    lower=MOMENTS,
    width=st.timedeltas(timedelta(0), timedelta(days=4000)),
    granularity=st.sampled_from(Granularity),
)
def test_halving_ends_and_every_moment_stays_in_a_window(
    lower: datetime, width: timedelta, granularity: Granularity
) -> None:
    lower, upper = granularity.floor(lower), granularity.floor(lower + width)
    todo, done = [window(lower, upper)], []
    for _ in range(40):
        each = todo.pop()  # always the last half: one path to the bottom
        halves = Span.of(each, None, NOW, granularity).halves(each)
        if not halves:
            done.append((each.from_, each.until))
            break
        done.append((halves[0].from_, halves[0].until))
        todo.append(window(halves[1].from_, halves[1].until))
    assert not todo
    for (_, end), (begin, _) in itertools.pairwise(done):
        assert end is not None
        assert begin is not None
        assert begin == end, "some servers take a day as until for its first moment"
    assert (done[0][0], done[-1][1]) == (lower, upper)
    last = done[-1]
    assert last[0] is not None
    assert last[1] is not None
    assert last[1] - last[0] <= granularity.unit


def test_the_first_and_the_last_window_stay_open_to_what_nobody_knows_of() -> None:
    each = window()
    first, second = Span.of(each, datetime(2010, 1, 1, tzinfo=UTC), NOW, Granularity.SECONDS).halves(each)
    assert (first.from_, second.until) == (None, None)
    assert datetime(2010, 1, 1, tzinfo=UTC) < (first.until or NOW) < NOW


@pytest.mark.parametrize("earliest", [NOW, NOW + timedelta(days=1)], ids=["now", "later"])
def test_an_earliest_datestamp_that_is_now_halves_nothing_and_breaks_nothing(earliest: datetime) -> None:
    each = window()
    assert Span.of(each, earliest, NOW, Granularity.SECONDS).halves(each) == []


def test_a_window_is_sized_by_what_the_last_one_took_and_never_grows_wildly() -> None:
    day = timedelta(days=1)
    assert Taken(day, 240.0, 99).next_width(600.0) == day
    assert Taken(day, 480.0, 99).next_width(600.0) == day / 2
    assert Taken(day, 0.0, 99).next_width(600.0) == 4 * day
    assert Taken(day, 1e9, 99).next_width(600.0) == day / 4
    assert Taken(day, 1e9, 1).next_width(600.0) == 2 * day, (
        "a page that takes minutes takes them in any window"
    )


def test_what_a_list_will_take_is_told_by_its_size_and_the_speed_so_far() -> None:
    assert expected(window(complete_list_size=1100), 100, 2.0) == 20.0
    assert expected(window(), 100, 2.0) is None
    assert expected(window(complete_list_size=1100), 0, 2.0) is None


def test_months_are_cut_without_a_gap_over_the_turn_of_a_year() -> None:
    listed = [
        each.set_spec for each in months(datetime(2015, 11, 30, tzinfo=UTC), datetime(2016, 1, 1, tzinfo=UTC))
    ]
    assert listed == [f"month_year_{month}" for month in ("11_2015", "12_2015", "01_2016", "02_2016")]
    bounds = [month_bounds(spec) for spec in listed if spec]
    assert all(one and two and one[1] == two[0] for one, two in itertools.pairwise(bounds))
    assert [
        month_bounds(odd) for odd in ("portal_15", "month_year_13_2016", "month_year_1", "month_year_a_2016")
    ] == [None] * 4


def test_a_rolling_cycle_meets_every_datestamp_and_begins_again() -> None:
    earliest = NOW - timedelta(days=900)
    rolled, met = Rolled(None, None), []
    for day in range(200):
        now = NOW + timedelta(days=day)
        lower, upper = next_slice(rolled, earliest, now, Granularity.SECONDS)
        met.append((lower, upper))
        if upper == now:
            break
        rolled = Rolled(upper, now)
    assert len(met) < 1.2 * CYCLE.days
    assert met[0][0] is None, "earliestDatestamp is often wrong: what is older must be met, too"
    assert all(two[0] is not None and one[1] >= two[0] for one, two in itertools.pairwise(met)), (
        "a gap in the cycle"
    )
    assert next_slice(Rolled(NOW, NOW), earliest, NOW, Granularity.SECONDS)[0] is None
