"""Dates keep the precision given, and say so where they cannot be read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harvester.crosswalk.fields import dates
from harvester.entry import Date, Problem


@pytest.mark.parametrize(
    ("text", "value", "start", "end"),
    [
        ("2010", "2010", "2010-01-01", "2010-12-31"),
        ("2015-08", "2015-08", "2015-08-01", "2015-08-31"),
        ("2012-02", "2012-02", "2012-02-01", "2012-02-29"),
        ("1900-02", "1900-02", "1900-02-01", "1900-02-28"),
        ("2015-08-17", "2015-08-17", "2015-08-17", "2015-08-17"),
        ("2010-01-08T01:24:48Z", "2010-01-08T01:24:48Z", "2010-01-08", "2010-01-08"),
        ("2010-01-08T01:24:48.123+02:00", "2010-01-07T23:24:48Z", "2010-01-07", "2010-01-07"),
        ("2010-01-08 01:24", "2010-01-08T01:24:00", "2010-01-08", "2010-01-08"),
        ("1990/1995", "1990/1995", "1990-01-01", "1995-12-31"),
        ("2024-01-01/2024-06", "2024-01-01/2024-06", "2024-01-01", "2024-06-30"),
        ("2010/", "2010/..", "2010-01-01", None),
        ("2010/..", "2010/..", "2010-01-01", None),
        ("/2012", "../2012", None, "2012-12-31"),
        ("1998?", "1998?", "1998-01-01", "1998-12-31"),
        ("[1998?]", "1998?", "1998-01-01", "1998-12-31"),
        ("(1892)", "1892", "1892-01-01", "1892-12-31"),
        ("c1998", "1998~", "1998-01-01", "1998-12-31"),
        ("ca. 1998", "1998~", "1998-01-01", "1998-12-31"),
        ("circa 1998", "1998~", "1998-01-01", "1998-12-31"),
        ("©1998", "1998", "1998-01-01", "1998-12-31"),
        ("199-", "199X", "1990-01-01", "1999-12-31"),
        ("199?", "199X", "1990-01-01", "1999-12-31"),
        ("19--", "19XX", "1900-01-01", "1999-12-31"),
        ("[between 1990 and 1995]", "1990/1995", "1990-01-01", "1995-12-31"),
        ("1998-99", "1998/1999", "1998-01-01", "1999-12-31"),
        ("1998/99", "1998/1999", "1998-01-01", "1999-12-31"),
        ("1998-1999", "1998/1999", "1998-01-01", "1999-12-31"),
        ("1998 – 1999", "1998/1999", "1998-01-01", "1999-12-31"),
        ("2010-11", "2010-11", "2010-11-01", "2010-11-30"),
        ("Spring 2010", "2010-21", "2010-03-01", "2010-05-31"),
        ("20150817", "2015-08-17", "2015-08-17", "2015-08-17"),
        ("17/08/2015", "2015-08-17", "2015-08-17", "2015-08-17"),
        ("08/17/2015", "2015-08-17", "2015-08-17", "2015-08-17"),
        ("05/05/2015", "2015-05-05", "2015-05-05", "2015-05-05"),
        ("3.8.2015", "2015-08-03", "2015-08-03", "2015-08-03"),
        ("2015/8/7", "2015-08-07", "2015-08-07", "2015-08-07"),
        ("2015-08-00", "2015-08", "2015-08-01", "2015-08-31"),
        ("May 2015", "2015-05", "2015-05-01", "2015-05-31"),
        ("17th May 2015", "2015-05-17", "2015-05-17", "2015-05-17"),
        ("May 17, 2015", "2015-05-17", "2015-05-17", "2015-05-17"),
        ("10 de mayo de 2015", "2015-05-10", "2015-05-10", "2015-05-10"),
        ("Tue, 02 Jun 2013 15:14:54 GMT", "2013-06-02", "2013-06-02", "2013-06-02"),
        ("Month: 6 Day: 1 Year: 2004", "2004-06-01", "2004-06-01", "2004-06-01"),
        ("start=1990; end=1995; scheme=W3C-DTF", "1990/1995", "1990-01-01", "1995-12-31"),
        ("1985-XX-XX", "1985-XX-XX", "1985-01-01", "1985-12-31"),
        ("2010/2012-05", "2010/2012-05", "2010-01-01", "2012-05-31"),
        ("../1985", "../1985", None, "1985-12-31"),
        ("2015-08-17/", "2015-08-17/..", "2015-08-17", None),
        ("1990-", "1990/..", "1990-01-01", None),
        ("1998~", "1998~", "1998-01-01", "1998-12-31"),
        ("1998%", "1998%", "1998-01-01", "1998-12-31"),
        ("c. 1998", "1998~", "1998-01-01", "1998-12-31"),
        ("[c1998]", "1998~", "1998-01-01", "1998-12-31"),
        ("[ca. 1900]", "1900~", "1900-01-01", "1900-12-31"),
        ("cop. 1998", "1998", "1998-01-01", "1998-12-31"),
        ("1998.", "1998", "1998-01-01", "1998-12-31"),
        ("[199-?]", "199X", "1990-01-01", "1999-12-31"),
        ("198u", "198X", "1980-01-01", "1989-12-31"),
        ("1980s", "198X", "1980-01-01", "1989-12-31"),
        ("[19--?]", "19XX", "1900-01-01", "1999-12-31"),
        ("2012-13", "2012/2013", "2012-01-01", "2013-12-31"),
        ("2008-09", "2008-09", "2008-09-01", "2008-09-30"),
        ("ca. 1850-1860", "1850~/1860", "1850-01-01", "1860-12-31"),
        ("Summer 2010", "2010-22", "2010-06-01", "2010-08-31"),
        ("Fall 2010", "2010-23", "2010-09-01", "2010-11-30"),
        ("2010 Winter", "2010-24", "2010-12-01", "2010-12-31"),
        ("2010-21", "2010-21", "2010-03-01", "2010-05-31"),
        ("17-08-2015", "2015-08-17", "2015-08-17", "2015-08-17"),
        ("17-Aug-2015", "2015-08-17", "2015-08-17", "2015-08-17"),
        ("2015-08-17T10:00:00+0200", "2015-08-17T08:00:00Z", "2015-08-17", "2015-08-17"),
        ("2015-12-31T23:30:00-02:00", "2016-01-01T01:30:00Z", "2016-01-01", "2016-01-01"),
        ("2016-02-29", "2016-02-29", "2016-02-29", "2016-02-29"),
        ("-0500", "-0500", None, None),
    ],
)
def test_a_date_is_read_with_the_precision_given(
    text: str, value: str, start: str | None, end: str | None
) -> None:
    notes: list[Problem] = []
    assert dates.read(text, notes) == Date(None, value, start, end, text)
    assert notes == []


@pytest.mark.parametrize(
    ("text", "value", "code"),
    [
        ("03/08/2015", "2015", "date_ambiguous"),
        ("2020-21", "2020", "date_ambiguous"),
        ("2010/11", "2010", "date_ambiguous"),
        ("2015-02-30", "2015-02", "day_impossible"),
        ("2015-02-03T25:00:00Z", "2015-02-03", "time_impossible"),
        ("0000", None, "year_implausible"),
        ("0000-00-00", None, "year_implausible"),
        ("0001-01-01", None, "year_implausible"),
        ("9999-12-31", None, "year_implausible"),
        ("2031", None, "year_implausible"),
        ("9999", None, "year_implausible"),
        ("2010/9999", None, "year_implausible"),
        ("1", None, "date_not_understood"),
        ("2015-02-29", "2015-02", "day_impossible"),
        ("31/02/2015", "2015-02", "day_impossible"),
        ("32/13/2015", None, "date_not_understood"),
        ("n.d.", None, "date_not_understood"),
        ("NO_RESTRICTION", None, "date_not_understood"),
        ("2015-13-01", None, "date_not_understood"),
        ("1995/1990", None, "date_not_understood"),
        ("٢٠١٥", None, "date_not_understood"),
    ],
)
def test_a_doubtful_date_keeps_its_text_and_says_so(text: str, value: str | None, code: str) -> None:
    notes: list[Problem] = []
    date = dates.read(text, notes, latest=2030)
    assert (date.value, date.raw) == (value, text)
    assert notes == [Problem("dates", code, text)]


@pytest.mark.parametrize(
    ("given", "issued"),
    [
        (["2004-02-02T15:59:22Z", "2004-02-02T15:59:22Z", "2003"], "2003"),
        (["2007-03-30", "2008-12-13"], "2007-03-30"),
        (["2035", "2009-05"], "2009-05"),
        (["199-", "2001-02-03"], "2001-02-03"),
        (["soon"], None),
        ([], None),
    ],
)
def test_of_several_dates_the_publication_is_not_blindly_the_first(
    given: list[str], issued: str | None
) -> None:
    chosen = dates.publication([dates.read(text, []) for text in given], latest=2011)
    assert (chosen.value if chosen else None) == issued


def test_a_typed_date_wins() -> None:
    accepted, created, issued = (
        dates.read(text, [], type=kind)
        for text, kind in (("1999", "Accepted"), ("2000", "Created"), ("2001-05", "Issued"))
    )
    assert dates.publication([accepted, created, issued]) == issued
    assert dates.publication([accepted, created]) == created
    assert dates.publication([accepted]) is None


@pytest.mark.parametrize(
    "text",
    ["2010", "[1998?]", "c1998", "1998-99", "199-", "[between 1990 and 1995]", "Spring 2010", "2010/", "/2012", "20150817", "17/08/2015",
     "03/08/2015", "2010-01-08T01:24:48.123+02:00", "1985-XX-XX", "ca. 1850-1860", "-0500"],
)  # fmt: skip
def test_a_value_read_again_is_the_same_value(text: str) -> None:
    first = dates.edtf(text)
    assert first is not None
    again = dates.edtf(first.value)
    assert again is not None
    assert again[:3] == first[:3]


def test_the_latest_year_is_one_that_may_be() -> None:
    assert dates.read("2030", [], latest=2030).value == "2030"


@given(st.text(max_size=60) | st.text("0123456789-/.?~X[]c T:Z", max_size=30))
def test_any_text_gives_a_date_that_keeps_it(text: str) -> None:
    date = dates.read(text, [])
    assert date.raw == text
    for bound in (date.start, date.end):
        assert bound is None or len(bound) == 10
    assert not (date.start and date.end) or date.start <= date.end
