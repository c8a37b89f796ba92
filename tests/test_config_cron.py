"""Cron expressions mean to the clock what they mean to cron."""

import re
from datetime import UTC, datetime, timedelta

from apscheduler.triggers.cron import CronTrigger
from hypothesis import example, given, settings
from hypothesis import strategies as st

from harvester.config_file import cron


def tried(text: str) -> str | ValueError:
    try:
        return cron.canonical(text)
    except ValueError as error:
        return error


def part(least: int, most: int) -> st.SearchStrategy[str]:
    number = st.integers(least, most)
    step = st.integers(1, most - least)
    return st.one_of(
        st.just("*"),
        number.map(str),
        st.tuples(number, number).map(lambda ends: f"{min(ends)}-{max(ends)}"),
        step.map(lambda each: f"*/{each}"),
        st.tuples(number, number, step).map(lambda each: f"{min(each[:2])}-{max(each[:2])}/{each[2]}"),
        st.lists(number, min_size=1, max_size=3).map(lambda each: ",".join(map(str, each))),
    )


EXPRESSIONS = st.tuples(
    part(0, 59), part(0, 23), part(1, 31), st.one_of(part(1, 12), st.just("jan,dec")), st.one_of(part(0, 7), st.just("mon-fri"))
).map(" ".join)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(expression=EXPRESSIONS)
@example(expression="0 3 29 2 *")
@example(expression="0 3 * * 0")
def test_the_clock_takes_every_expression_that_we_take_and_means_the_same(expression: str) -> None:
    said = tried(expression)
    if not isinstance(said, str):
        return
    trigger = CronTrigger.from_crontab(said, timezone=UTC)
    start = datetime(2027, 1, 1, tzinfo=UTC)  # the next 29 February is in 2028
    fires = trigger.get_next_fire_time(None, start)
    assert fires is not None
    week = expression.split()[4]
    if re.fullmatch("[0-7]", week):  # cron's own numbers, 0 and 7 for Sunday
        assert fires.isoweekday() % 7 == int(week) % 7
    assert fires - start < timedelta(days=366 * 2)


@settings(max_examples=200, deadline=None)
@given(text=st.text(st.sampled_from("0123456789*/-,jansuonmLW#@? "), max_size=30))
def test_an_expression_that_is_none_is_refused_in_words(text: str) -> None:
    found = tried(text)
    if isinstance(found, str):
        assert tried(found) == found
    else:
        assert str(found).isprintable()
        assert len(str(found)) < 200
