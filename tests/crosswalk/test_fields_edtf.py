"""EDTF as we read it, held against the edtf library: slow and talkative, but independent of us."""

import contextlib
import io
import time

import edtf
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harvester.crosswalk.fields.edtf_level_1 import level_1
from harvester.entry import Problem

SIDES = st.from_regex(
    r"\A(?:[0-9]{3}X|[0-9]{2}XX|[0-9]{4}(?:-XX(?:-XX)?|-(?:0[1-9]|1[0-2])-XX|-2[1-4])?|-[0-9]{4}(?:-[01][0-9](?:-[0-3][0-9])?)?)[?~%]?\Z"
)


def by_library(text: str) -> tuple[str, str, str] | None:
    """(value, first day, last day), as the library has them."""
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # it prints what it cannot read
            parsed = edtf.parse_edtf(text)
            bounds = [parsed.lower_strict(), parsed.upper_strict()]
    except (edtf.EDTFParseException, ValueError, TypeError, AttributeError, OverflowError):
        return None
    first, last = (f"{at.tm_year:04}-{at.tm_mon:02}-{at.tm_mday:02}" for at in bounds)
    return str(parsed), first, last


@given(SIDES | st.tuples(SIDES, SIDES).map("/".join))
def test_what_both_read_is_the_same_date(text: str) -> None:
    ours, theirs = level_1(text), by_library(text)
    if ours is None or theirs is None:
        return
    assert ours.value == theirs[0]
    for mine, other in zip((ours.start, ours.end), theirs[1:], strict=True):
        assert mine in (None, other)


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("199X", "1990-01-01", "1999-12-31"),
        ("19XX?", "1900-01-01", "1999-12-31"),
        ("1985-XX-XX", "1985-01-01", "1985-12-31"),
        ("1984-02-XX", "1984-02-01", "1984-02-29"),
        ("2010-22~", "2010-06-01", "2010-08-31"),
        ("-0500", None, None),
        ("Y17000", None, None),
        ("199X/..", "1990-01-01", None),
        ("../199X", None, "1999-12-31"),
        ("1998?", "1998-01-01", "1998-12-31"),
    ],
)
def test_a_date_of_level_1_is_read(text: str, start: str | None, end: str | None) -> None:
    found = level_1(text)
    assert found is not None
    assert (found.value, found.start, found.end) == (text, start, end)


@pytest.mark.parametrize(
    "text", ["", "/", "..", "../..", "a/b", "199X/1985", "1/2/3", "-0500-02-30", "Y1234", "../12", "-0000"]
)
def test_what_is_no_date_of_level_1_is_refused_and_nothing_is_printed(
    text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert level_1(text) is None
    assert capsys.readouterr().out == ""


@pytest.mark.measures_time
def test_a_hundred_thousand_odd_dates_do_not_stop_a_harvest() -> None:
    from harvester.crosswalk.fields import dates

    notes: list[Problem] = []
    begun = time.process_time()
    for number in range(100_000):
        dates.read(f"{number:07}", notes)
    assert time.process_time() - begun < 10
