"""When a cron expression fires: crontab's weekdays, and clocks that are put forward and back."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harvester.errors import ConfigError
from harvester.schedule.cron import fires

BERLIN = "Europe/Berlin"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def firings(cron: str, zone: str, after: str, number: int) -> list[str]:
    found, moment = [], at(after)
    for _ in range(number):
        moment = fires(cron, zone, moment)
        found.append(moment.strftime("%m-%dT%H:%M"))
    return found


@pytest.mark.parametrize(
    ("cron", "days"),
    [
        ("0 3 * * 0", ["Sun"]),
        ("0 3 * * 7", ["Sun"]),
        ("0 3 * * 1", ["Mon"]),
        ("0 3 * * sun", ["Sun"]),
        ("0 3 * * MON-fri", ["Mon", "Tue", "Wed", "Thu", "Fri"]),
        ("0 3 * * 1-5", ["Mon", "Tue", "Wed", "Thu", "Fri"]),
        ("0 3 * * sun-thu", ["Mon", "Tue", "Wed", "Thu", "Sun"]),
        ("0 3 * * sat-sun", ["Sat", "Sun"]),
        ("0 3 * * 5-7", ["Fri", "Sat", "Sun"]),
        ("0 3 * * */2", ["Tue", "Thu", "Sat", "Sun"]),
        ("0 3 * * 0,3", ["Wed", "Sun"]),
        ("0 3 * * 0-7", ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]),
    ],
)
def test_weekdays_are_those_of_crontab_where_sunday_is_nought_or_seven(cron: str, days: list[str]) -> None:
    # 2026-01-05 is a Monday.
    found, moment = [], at("2026-01-05T00:00")
    while (moment := fires(cron, "UTC", moment)) < at("2026-01-12T00:00"):
        found.append(f"{moment:%a}")
    assert found == days


@pytest.mark.parametrize(
    ("cron", "after", "expected"),
    [
        ("0 3 * * *", "2026-01-01T02:59:59", ["01-01T03:00", "01-02T03:00"]),
        ("0 3 * * *", "2026-01-01T03:00", ["01-02T03:00", "01-03T03:00"]),  # strictly after
        ("0 3 1 jan-dec/6 *", "2026-01-01T03:00", ["07-01T03:00", "01-01T03:00"]),
        ("0 3 1 nov-12,1-feb *", "2026-01-02T00:00", ["02-01T03:00", "11-01T03:00", "12-01T03:00"]),
        ("*/20 * * * *", "2026-01-01T00:10", ["01-01T00:20", "01-01T00:40", "01-01T01:00"]),
        ("5/20 * * * *", "2026-01-01T00:00", ["01-01T00:05", "01-01T00:25", "01-01T00:45", "01-01T01:05"]),
        ("10-30/10 4 * * *", "2026-01-01T00:00", ["01-01T04:10", "01-01T04:20", "01-01T04:30"]),
        ("0 0 29 feb *", "2026-01-01T00:00", ["02-29T00:00", "02-29T00:00"]),
        ("0 0 31 * *", "2026-01-31T00:00", ["03-31T00:00", "05-31T00:00", "07-31T00:00"]),
        ("0 0 * jan,mar mon", "2026-01-20T00:00", ["01-26T00:00", "03-02T00:00", "03-09T00:00"]),
    ],
)
def test_it_fires_when_crontab_says(cron: str, after: str, expected: list[str]) -> None:
    assert firings(cron, "UTC", after, len(expected)) == expected


def test_a_daily_harvest_keeps_its_hour_on_the_wall_through_the_year() -> None:
    zone, moment = ZoneInfo("America/New_York"), at("2026-01-01T00:00")
    seen = set()
    for _ in range(400):
        moment = fires("0 21 * * *", "America/New_York", moment)
        seen.add((moment.astimezone(zone).hour, moment.hour))
    assert seen == {(21, 2), (21, 1)}  # five hours behind UTC in winter, four in summer


def test_what_falls_into_the_hour_that_is_skipped_fires_when_that_is_over_and_once() -> None:
    # Berlin, 2026-03-29: 02:00 becomes 03:00, at 01:00 UTC.
    assert firings("30 2 * * *", BERLIN, "2026-03-28T00:00", 3) == [
        "03-28T01:30",
        "03-29T01:00",
        "03-30T00:30",
    ]
    assert firings("*/15 2 * * *", BERLIN, "2026-03-28T02:00", 2) == ["03-29T01:00", "03-30T00:00"]
    assert firings("0 2,3 * * *", BERLIN, "2026-03-28T12:00", 2) == ["03-29T01:00", "03-30T00:00"]


def test_what_falls_into_the_hour_that_comes_twice_fires_once() -> None:
    # Berlin, 2026-10-25: 03:00 becomes 02:00, at 01:00 UTC.
    assert firings("30 2 * * *", BERLIN, "2026-10-24T12:00", 2) == ["10-25T00:30", "10-26T01:30"]
    assert firings("0 3 * * *", BERLIN, "2026-10-24T12:00", 2) == ["10-25T02:00", "10-26T02:00"]
    assert firings("30 2 * * *", BERLIN, "2026-10-25T00:45", 1) == ["10-26T01:30"]


@pytest.mark.parametrize("day", ["2026-03-28T22:30", "2026-10-24T22:30"])
@pytest.mark.parametrize("zone", [BERLIN, "Australia/Lord_Howe", "America/Santiago", "UTC"])
def test_what_fires_in_every_hour_goes_on_by_real_time(day: str, zone: str) -> None:
    half = zone == "Australia/Lord_Howe"  # half an hour of summer time: its minutes move
    moment, gaps = at(day), set()
    for _ in range(12):
        following = fires("15 * * * *", zone, moment)
        gaps.add(following - moment)
        moment = following
    assert max(gaps) <= timedelta(hours=1, minutes=30 * half)
    # In the minutes before clocks are put back, too: what they have shown is shown again.
    assert firings("15 * * * *", BERLIN, "2026-10-25T00:50", 2) == ["10-25T01:15", "10-25T02:15"]
    assert firings("* * * * *", BERLIN, "2026-10-25T00:58", 4) == [
        "10-25T00:59",
        "10-25T01:00",
        "10-25T01:01",
        "10-25T01:02",
    ]


def test_clocks_that_are_changed_at_midnight_lose_no_day() -> None:
    # Santiago, 2026-09-06: midnight becomes 01:00, at 04:00 UTC.
    assert firings("0 0 * * *", "America/Santiago", "2026-09-05T05:00", 2) == ["09-06T04:00", "09-07T03:00"]
    # Samoa left out the whole of 2011-12-30, from 10:00 UTC on.
    assert firings("0 12 * * *", "Pacific/Apia", "2011-12-29T23:00", 2) == ["12-30T10:00", "12-30T22:00"]


@pytest.mark.parametrize(
    "cron",
    [
        "",
        "0 3 * *",
        "0 3 * * * *",
        "@daily",
        "60 * * * *",
        "* 24 * * *",
        "0 0 0 * *",
        "0 0 32 * *",
        "0 0 * 13 *",
        "0 0 * * 8",
        "0 0 * * fri-mon",
        "5-1 * * * *",
        "*/0 * * * *",
        "*-5 * * * *",
        "1, * * * *",
        "a * * * *",
        "0 0 * janu *",
        "0 0 last * *",
        "0 0 30 feb *",
        "0 0 31 4,6 *",
        "0 0 13 * fri",  # either, says crontab; both, says APScheduler
        "\u0661 * * * *",
        "-1 * * * *",
        "1" * 5000 + " * * * *",
    ],
)
def test_what_is_no_cron_expression_is_said_in_a_sentence(cron: str) -> None:
    with pytest.raises(ConfigError) as told:
        fires(cron, "UTC", at("2026-01-01T00:00"))
    assert "cron expression" in str(told.value)
    assert len(str(told.value)) < 300


@pytest.mark.parametrize("zone", ["", "Mars/Olympus", "../../etc/passwd", "Europe/berlin\0", "Europe"])
def test_what_is_no_zone_is_said_in_a_sentence(zone: str) -> None:
    with pytest.raises(ConfigError, match="no time zone"):
        fires("0 3 * * *", zone, at("2026-01-01T00:00"))


ZONES = [BERLIN, "America/Santiago", "Australia/Lord_Howe", "Antarctica/Troll", "Africa/Casablanca"]
YEAR = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=each) for each in range(365 * 24)]


def changes(zone: str) -> list[datetime]:
    """When the clocks of a zone were changed in 2026, to the hour."""
    clocks = ZoneInfo(zone)
    offsets = [each.astimezone(clocks).utcoffset() for each in YEAR]
    return [YEAR[number] for number in range(1, len(YEAR)) if offsets[number] != offsets[number - 1]]


NUMBERS = st.lists(st.integers(0, 59), min_size=1, max_size=3, unique=True)
HOURS = st.lists(st.integers(0, 4), max_size=3, unique=True)
BEGINNINGS = st.sampled_from([(zone, change) for zone in ZONES for change in changes(zone)])


@settings(deadline=None, max_examples=150)
@given(NUMBERS, HOURS, BEGINNINGS, st.integers(-24 * 60, 4 * 60))
def test_around_a_change_it_fires_exactly_when_the_clock_on_the_wall_shows_it(
    minutes: list[int], hours: list[int], beginning: tuple[str, datetime], shift: int
) -> None:
    """Held against clocks that are looked at every minute; what they skip is passed at once."""
    zone, change = beginning
    cron = f"{','.join(map(str, minutes))} {','.join(map(str, hours)) or '*'} * * *"
    begin = change + timedelta(minutes=shift)
    clocks = ZoneInfo(zone)
    latest = (begin - timedelta(days=1)).astimezone(clocks).replace(tzinfo=None)  # that was shown so far
    expected: list[datetime] = []
    for number in range(-24 * 60, 30 * 60):
        moment = begin + timedelta(minutes=number)
        wall = moment.astimezone(clocks).replace(tzinfo=None)
        unseen = int((wall - latest).total_seconds() // 60)
        passed = [latest + timedelta(minutes=each + 1) for each in range(unseen)] if hours else [wall]
        hit = any(each.minute in minutes and (not hours or each.hour in hours) for each in passed)
        if hit and moment > begin:
            expected.append(moment)
        latest = max(latest, wall)
    found, moment = [], begin
    while (moment := fires(cron, zone, moment)) < begin + timedelta(hours=30):
        found.append(moment)
    assert found == expected
