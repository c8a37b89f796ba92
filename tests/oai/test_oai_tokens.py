"""A token may be spent by asking: when it is asked again, when not, and that this is told."""

from collections.abc import Callable

import pytest
from oai_pages import page, record
from scripted_server import ScriptedServer, Told, in_turn

from harvester.errors import Retriable, TokenExpired
from harvester.mock import FakeRepository
from harvester.oai.repository import Repository

Ask = Callable[..., Repository]
Serve = Callable[..., ScriptedServer]
FIRST = page(record("oai:x:1"), token="a")
SECOND = page(record("oai:x:2"), token="b")
LAST = page(record("oai:x:3"), token="")
EMPTY = page(token="b")
CUT = SECOND[:-40]
BUSY = Told(b"busy", 503, {"Retry-After": "2"})
FAILED = Told(b"failed", 500)
HTML = Told(b"<html><body>Back soon</body></html>")


def test_a_cut_page_is_asked_for_once_more_and_that_is_told(ask: Ask) -> None:
    with FakeRepository(records=30, page_size=10) as fake:
        fake.misbehave("cut_page", times=1, on_page=1)
        walk = ask(fake.url).pages(metadataPrefix="oai_dc")
        told = [(len(each.records), walk.reread) for each in walk]
    assert told == [(10, False), (10, True), (10, False)]
    assert len(fake.log) == 4


@pytest.mark.parametrize("fault", ["cut_page", "cut_body", "reset:after=300", "empty_body", "500", "502"])
def test_a_page_that_fails_twice_gives_the_token_up(ask: Ask, fault: str) -> None:
    with FakeRepository(records=30, page_size=10) as fake:
        name, _, after = fault.partition(":after=")
        fake.misbehave(name, on_page=1, **({"after": int(after)} if after else {}))
        walk = ask(fake.url).pages(metadataPrefix="oai_dc")
        next(walk)
        with pytest.raises(TokenExpired) as caught:
            next(walk)
        assert caught.value.reason == "token_fails"
        assert caught.value.evidence is not None
        assert len(fake.log) == 3


@pytest.mark.parametrize("fault", ["cut_page", "cut_body", "reset:after=300", "empty_body", "500"])
def test_where_tokens_cannot_be_asked_twice_they_are_not(ask: Ask, naps: list[float], fault: str) -> None:
    with FakeRepository(records=30, page_size=10) as fake:
        name, _, after = fault.partition(":after=")
        fake.misbehave(name, times=1, on_page=1, **({"after": int(after)} if after else {}))
        walk = ask(fake.url, idempotent_tokens=False).pages(metadataPrefix="oai_dc")
        next(walk)
        with pytest.raises(TokenExpired) as caught:
            next(walk)
        assert caught.value.reason == "token_spent"
        assert naps == []
        assert len(fake.log) == 2


def test_where_tokens_may_be_asked_twice_every_try_is_used(ask: Ask) -> None:
    with FakeRepository(records=30, page_size=10) as fake:
        fake.misbehave("cut_page", times=2, on_page=1)
        repository = ask(fake.url, idempotent_tokens=True)
        assert [len(each.records) for each in repository.pages(metadataPrefix="oai_dc")] == [10, 10, 10]
        fake.misbehave("cut_page", on_page=1)
        walk = repository.pages(metadataPrefix="oai_dc")
        next(walk)
        with pytest.raises(Retriable) as caught:
            next(walk)
        assert caught.value.reason == "malformed"


@pytest.mark.parametrize("idempotent", [None, False, True])
def test_the_first_page_has_no_token_to_lose(ask: Ask, serve: Serve, idempotent: bool | None) -> None:
    server = serve(in_turn(CUT, FAILED, FIRST, LAST))
    walk = ask(server.url, idempotent_tokens=idempotent).pages(metadataPrefix="oai_dc")
    assert [(len(each.records), walk.reread) for each in walk] == [(1, False), (1, False)]


@pytest.mark.parametrize("answer", [BUSY, Told(b"slow down", 429), HTML])
@pytest.mark.parametrize("idempotent", [None, False])
def test_an_answer_that_says_not_now_spends_no_token(
    ask: Ask, serve: Serve, answer: Told, idempotent: bool | None
) -> None:
    server = serve(in_turn(FIRST, answer, answer, SECOND, LAST))
    walk = ask(server.url, idempotent_tokens=idempotent).pages(metadataPrefix="oai_dc")
    assert [(len(each.records), walk.reread) for each in walk] == [(1, False)] * 3


def test_a_doubt_outlives_the_call_that_met_it(ask: Ask, serve: Serve) -> None:
    server = serve(in_turn(FIRST, CUT, BUSY, BUSY, SECOND, LAST))
    walk = ask(server.url).pages(metadataPrefix="oai_dc")
    next(walk)
    with pytest.raises(Retriable) as caught:
        next(walk)
    assert caught.value.after == 2
    assert [next(walk).records[0].header.identifier, walk.reread] == ["oai:x:2", True]
    assert [next(walk).records[0].header.identifier, walk.reread] == ["oai:x:3", False]


def test_a_second_failure_counts_though_a_call_lies_between(ask: Ask, serve: Serve) -> None:
    server = serve(in_turn(FIRST, CUT, BUSY, BUSY, CUT, SECOND))
    walk = ask(server.url).pages(metadataPrefix="oai_dc")
    next(walk)
    with pytest.raises(Retriable):
        next(walk)
    with pytest.raises(TokenExpired):
        next(walk)


def test_after_a_failure_the_same_request_stands(ask: Ask, serve: Serve) -> None:
    server = serve(in_turn(FIRST, BUSY, BUSY, BUSY, SECOND, LAST))
    walk = ask(server.url).pages(metadataPrefix="oai_dc")
    next(walk)
    with pytest.raises(Retriable):
        next(walk)
    assert next(walk).records[0].header.identifier == "oai:x:2"
    assert server.targets[1:5] == [server.targets[1]] * 4
    assert next(walk).ending == "empty_token"
    with pytest.raises(StopIteration):
        next(walk)
    with pytest.raises(StopIteration):
        next(walk)


def test_an_empty_page_in_the_middle_is_asked_for_again_before_it_is_believed(ask: Ask, serve: Serve) -> None:
    server = serve(in_turn(FIRST, EMPTY, SECOND, LAST))
    walk = ask(server.url).pages(metadataPrefix="oai_dc")
    assert [(len(each.records), walk.reread) for each in walk] == [(1, False), (1, True), (1, False)]


def test_a_page_that_stays_empty_does_not_end_the_list(ask: Ask, serve: Serve) -> None:
    server = serve(in_turn(FIRST, EMPTY, EMPTY, LAST))
    walk = ask(server.url).pages(metadataPrefix="oai_dc")
    assert [len(each.records) for each in walk] == [1, 0, 1]
    assert len(server.targets) == 4


def test_an_empty_page_is_believed_where_tokens_cannot_be_asked_twice(ask: Ask, serve: Serve) -> None:
    server = serve(in_turn(FIRST, EMPTY, LAST))
    walk = ask(server.url, idempotent_tokens=False).pages(metadataPrefix="oai_dc")
    assert [(len(each.records), walk.reread) for each in walk] == [(1, False), (0, False), (1, False)]


def test_an_empty_first_page_is_asked_for_again_without_doubt_about_a_token(ask: Ask, serve: Serve) -> None:
    server = serve(in_turn(EMPTY, FIRST, LAST))
    walk = ask(server.url).pages(metadataPrefix="oai_dc")
    assert [(len(each.records), walk.reread) for each in walk] == [(1, False), (1, False)]


def test_a_failure_between_two_empty_answers_leaves_the_page_in_doubt(ask: Ask, serve: Serve) -> None:
    server = serve(in_turn(FIRST, EMPTY, BUSY, BUSY, BUSY, SECOND, LAST))
    walk = ask(server.url).pages(metadataPrefix="oai_dc")
    next(walk)
    with pytest.raises(Retriable):
        next(walk)
    assert len(next(walk).records) == 1
    assert walk.reread


@pytest.mark.parametrize("idempotent", [None, False])
def test_a_request_that_the_transport_had_to_repeat_leaves_the_page_in_doubt(
    ask: Ask, idempotent: bool | None
) -> None:
    with FakeRepository(records=30, page_size=10) as fake:
        fake.misbehave("reset", times=1, on_page=1)  # the connection from page 0 is closed without a byte
        walk = ask(fake.url, idempotent_tokens=idempotent).pages(metadataPrefix="oai_dc")
        assert [(len(each.records), walk.reread) for each in walk] == [(10, False), (10, True), (10, False)]
        assert len(fake.log) == 4


def test_a_redirect_spends_no_token(ask: Ask) -> None:
    with FakeRepository(records=30, page_size=10) as fake:
        fake.misbehave("redirect")
        walk = ask(fake.url).pages(metadataPrefix="oai_dc")
        assert [(len(each.records), walk.reread) for each in walk] == [(10, False)] * 3


@pytest.mark.parametrize("fault", ["token_refused", "token_refused_422", "token_expires"])
def test_a_refused_token_is_told_at_once(ask: Ask, naps: list[float], fault: str) -> None:
    with FakeRepository(records=30, page_size=10, faults=[fault]) as fake:
        walk = ask(fake.url).pages(metadataPrefix="oai_dc")
        next(walk)
        with pytest.raises(TokenExpired) as caught:
            next(walk)
    assert caught.value.reason == "badResumptionToken"
    assert naps == []
    assert len(fake.log) == 2


def test_the_next_page_is_asked_for_only_when_it_is_wanted(ask: Ask) -> None:
    with FakeRepository(records=30, page_size=10) as fake:
        walk = ask(fake.url).pages(metadataPrefix="oai_dc")
        assert fake.log == []
        next(walk)
        assert len(fake.log) == 1
