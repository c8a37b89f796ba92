"""Lists that never end are left, lists that only look like it are walked."""

from itertools import cycle, islice

import pytest
from oai_pages import NOW

from harvester.oai.datestamps import Datestamp, Granularity
from harvester.oai.loops import EMPTY_PAGES, STALE_PAGES, LoopGuard
from harvester.oai.records import Broken, Header, Page, Record, ResumptionToken

STAMP = Datestamp(NOW, "2024-05-31T12:00:00Z", Granularity.SECONDS)


def a_page(
    *identifiers: str, token: str | None = "t", size: int | None = None, broken: tuple[bytes, ...] = ()
) -> Page:
    records = tuple(Record(Header(each, STAMP), None) for each in identifiers)
    kept = tuple(Broken("no_identifier", raw) for raw in broken)
    following = None if token is None else ResumptionToken(token, NOW, complete_list_size=size)
    return Page(records, kept, following, NOW, None if token else "no_token", NOW)


def verdicts(*pages: Page) -> list[str | None]:
    guard = LoopGuard()
    return [guard.verdict(each) for each in pages]


@pytest.mark.parametrize("period", [1, 2, 3, 4, 5])
def test_pages_in_a_circle_are_found_when_the_first_comes_again(period: int) -> None:
    circle = [a_page(f"oai:x:{n}", token=f"t{n}") for n in range(period)]
    assert verdicts(*islice(cycle(circle), period + 1)) == [None] * period + ["token_loop"]


@pytest.mark.parametrize("period", [1, 2, 5])
def test_the_same_records_under_ever_new_tokens_are_found_before_long(period: int) -> None:
    pages = [a_page(f"oai:x:{n % period}", token=f"t{n}") for n in range(100)]
    found = verdicts(*pages)
    assert found.index("token_loop") == period + STALE_PAGES - 1


def test_one_text_for_every_token_is_no_loop_while_the_list_advances() -> None:
    pages = [a_page(f"oai:x:{n}", token="scroll") for n in range(500)]
    assert set(verdicts(*pages)) == {None}


def test_one_text_for_every_token_is_no_loop_while_even_broken_records_advance() -> None:
    pages = [a_page(token="scroll", broken=(b"<record>%d</record>" % n,)) for n in range(50)]
    assert set(verdicts(*pages)) == {None}
    assert verdicts(*[a_page(token="scroll", broken=(b"<record/>",))] * 2)[-1] == "token_loop"


def test_pages_that_repeat_some_records_are_no_loop() -> None:
    pages = [a_page("oai:x:0", f"oai:x:{n}", token=f"t{n}") for n in range(100)]
    assert set(verdicts(*pages)) == {None}


def test_empty_pages_end_the_list_when_there_are_too_many_in_a_row() -> None:
    empty = [a_page(token=f"t{n}") for n in range(EMPTY_PAGES)]
    assert verdicts(*empty) == [None] * (EMPTY_PAGES - 1) + ["empty_pages"]
    interrupted = [*empty[:-1], a_page("oai:x:1", token="a"), *empty[:-1], a_page("oai:x:2", token="b")]
    assert set(verdicts(*interrupted)) == {None}


def test_a_circle_of_a_page_and_empty_pages_is_found() -> None:
    circle = [a_page("oai:x:1", token="a"), a_page(token="b"), a_page(token="c")]
    assert "token_loop" in verdicts(*islice(cycle(circle), 6))


def test_many_more_pages_than_announced_are_a_loop_but_a_wrong_size_is_not() -> None:
    pages = [a_page(*(f"oai:x:{n}:{i}" for i in range(10)), token=f"t{n}", size=100) for n in range(1200)]
    found = verdicts(*pages)
    assert "token_loop" in found
    assert set(found[:1000]) == {None}


def test_the_last_page_is_never_a_loop() -> None:
    pages = [a_page("oai:x:1", token="a"), a_page("oai:x:1", token=None)]
    assert verdicts(*pages) == [None, None]


def test_what_is_remembered_of_a_long_walk_is_bounded() -> None:
    guard = LoopGuard()
    for n in range(6000):
        assert guard.verdict(a_page(f"oai:x:{n}", token=f"t{n}")) is None
    assert len(guard._known) == len(guard._seen) <= 2048
    assert guard.verdict(a_page("oai:x:5500", token="t5500")) == "token_loop"
