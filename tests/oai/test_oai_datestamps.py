"""Datestamps: strict when written, lenient when read."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harvester.oai.datestamps import Granularity, argument, parse

SECONDS, DAYS = Granularity.SECONDS, Granularity.DAYS


@pytest.mark.parametrize(
    ("text", "value", "granularity"),
    [
        ("2008-09-30T07:05:57Z", "2008-09-30T07:05:57Z", SECONDS),
        ("2008-09-30", "2008-09-30", DAYS),
        ("2008-09-30 07:05:57", "2008-09-30T07:05:57Z", SECONDS),
        ("2008-09-30T07:05:57", "2008-09-30T07:05:57Z", SECONDS),
        ("2008-09-30T07:05Z", "2008-09-30T07:05:00Z", SECONDS),
        ("2008-09-30T07:05:57.067Z", "2008-09-30T07:05:57Z", SECONDS),
        ("2008-09-30T07:05:57,1234567Z", "2008-09-30T07:05:57Z", SECONDS),
        ("2008-09-30T07:05:57-07:00", "2008-09-30T14:05:57Z", SECONDS),
        ("2008-09-30T07:05:57+0200", "2008-09-30T05:05:57Z", SECONDS),
        ("2008-09-30 07:05:57 +02:00", "2008-09-30T05:05:57Z", SECONDS),
        ("\n 2008-09-30T07:05:57Z \t", "2008-09-30T07:05:57Z", SECONDS),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z", SECONDS),
        ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z", SECONDS),
        ("9999-12-31", "9999-12-31", DAYS),
        ("2024-02-29", "2024-02-29", DAYS),
    ],
)
def test_legal_datestamps_and_the_illegal_ones_that_are_seen(
    text: str, value: str, granularity: Granularity
) -> None:
    stamp = parse(text)
    assert stamp is not None
    assert (str(stamp), stamp.granularity, stamp.raw) == (value, granularity, text.strip())
    assert stamp.value.tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "Z",
        "T",
        "2008",
        "2008-09",
        "2008-9-3",
        "2023-02-29",
        "0000-01-01",
        "2008-13-01",
        "20080930",
        "2008-09-30T25:00:00Z",
        "2008-09-30T07:05:57+40:00",
        "2008-09-30T",
        "infinity",
        "20220-01-01",
        "9999-12-31T23:59:59-01:00",
        "0001-01-01T00:00:00+01:00",
        "٢٠٠٨-٠٩-٣٠",
        "2008-09-30T07:05:57Z!",
        "now",
    ],
)
def test_what_is_no_date_is_none(text: str) -> None:
    assert parse(text) is None


@given(st.datetimes(timezones=st.just(UTC)), st.sampled_from(Granularity))
def test_what_we_write_is_of_the_exact_form_and_reads_back(
    moment: datetime, granularity: Granularity
) -> None:
    text = granularity.format(moment)
    assert len(text) == len("YYYY-MM-DD" if granularity is DAYS else "YYYY-MM-DDThh:mm:ssZ")
    stamp = parse(text)
    assert stamp is not None
    assert stamp.value == granularity.floor(moment) <= moment < stamp.value + granularity.unit


@given(st.text(max_size=70))
def test_no_text_makes_the_reader_fail(text: str) -> None:
    stamp = parse(text)
    assert stamp is None or stamp.value.tzinfo is UTC


def test_a_moment_elsewhere_is_written_in_utc() -> None:
    there = datetime(2024, 1, 1, 0, 30, tzinfo=timezone(timedelta(hours=2)))
    assert SECONDS.format(there) == "2023-12-31T22:30:00Z"
    assert DAYS.format(there) == "2023-12-31"
    assert DAYS.floor(there) == datetime(2023, 12, 31, tzinfo=UTC)


@pytest.mark.parametrize(
    ("declared", "granularity"),
    [
        ("YYYY-MM-DDThh:mm:ssZ", SECONDS),
        ("yyyy-mm-ddThh:mm:ssZ", SECONDS),
        ("YYYY-MM-DDTHH:MM:SSZ", SECONDS),
        ("YYYY-MM-DD", DAYS),
        ("seconds", DAYS),
        ("", DAYS),
        (None, DAYS),
    ],
)
def test_a_declared_granularity_in_odd_letters(declared: str | None, granularity: Granularity) -> None:
    assert Granularity.declared(declared) is granularity


def test_a_date_typed_wrongly_is_answered_with_how_to_write_it() -> None:
    assert argument("2024-05-31").granularity is DAYS
    with pytest.raises(ValueError, match="write 2024-05-31"):
        argument("31.5.2024")
