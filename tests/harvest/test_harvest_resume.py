"""A harvest that was stopped, refused a token or cut goes on where it stood."""

from collections.abc import Callable, Iterator

import pytest
from asking import Asker
from sqlalchemy import Engine, text

from harvester.catalogue import traits
from harvester.errors import Interrupted
from harvester.harvest.plans import Wish
from harvester.harvest.progress import Listener, PageEvent
from harvester.mock import FakeRepository

PAGES = (
    "SELECT g.window_id, g.number, count(*) FROM pages g JOIN runs r ON r.id = g.run_id"
    " JOIN streams s ON s.id = r.stream_id JOIN repositories p ON p.id = s.repository_id"
    " WHERE p.name = :name GROUP BY 1, 2 ORDER BY 1, 2"
)


def stop_after(pages: int) -> tuple[Listener, Callable[[], bool]]:
    """A listener, and the question whether to stop that it answers."""
    seen: list[PageEvent] = []
    return Listener(on_page=seen.append), lambda: len(seen) >= pages


@pytest.mark.parametrize("pages", range(6))
def test_a_harvest_stopped_after_any_page_goes_on_with_the_stored_token(
    pages: int, ask: Asker, small: FakeRepository
) -> None:
    small.store.fill(25)  # 55 records: 6 pages
    listener, stop = stop_after(pages)
    report = ask(listener=listener, stop=stop)
    assert report.outcome == "interrupted"
    assert "the same command goes on" in str(report.sentence or report.streams[0].sentence)
    assert ask().outcome == "complete"
    ask.assert_same()
    assert len(small.requests("ListRecords")) == 6
    assert [count for _, _, count in ask.rows(PAGES)] == [1] * 6


def test_stopping_after_every_page_costs_no_page(ask: Asker, small: FakeRepository) -> None:
    for _ in range(10):
        listener, stop = stop_after(1)
        if ask(listener=listener, stop=stop).outcome == "complete":
            break
    ask.assert_same()
    assert len(small.requests("ListRecords")) == 3


def test_a_harvest_by_another_wish_leaves_what_was_cut_behind(ask: Asker, small: FakeRepository) -> None:
    listener, stop = stop_after(1)
    ask(listener=listener, stop=stop)
    assert ask(wish=Wish(full=True)).outcome == "complete"
    assert len(small.requests("ListRecords")) == 3, (
        "the open plan is a full one: it is the one that was wished for"
    )
    listener, stop = stop_after(1)
    small.store.restamp()
    ask(listener=listener, stop=stop)
    small.log.clear()
    assert ask(wish=Wish(full=True)).outcome == "complete"
    assert "resumptionToken" not in small.requests("ListRecords")[0].arguments
    ask.assert_same()


def test_a_token_that_died_meanwhile_costs_its_list_and_no_record(ask: Asker, small: FakeRepository) -> None:
    listener, stop = stop_after(2)
    ask(listener=listener, stop=stop)
    small.misbehave("token_refused", times=1)
    report = ask()
    assert (report.outcome, report.streams[0].counts.restarts) == ("complete", 1)
    ask.assert_same()


@pytest.mark.parametrize("page", [1, 2])
def test_a_token_refused_on_any_page_is_outlived(page: int, ask: Asker, small: FakeRepository) -> None:
    small.misbehave("token_refused_422", times=1, on_page=page)
    report = ask()
    assert (report.outcome, report.streams[0].counts.restarts) == ("complete", 1)
    ask.assert_same()


def test_a_dead_token_is_kept_until_the_list_has_begun_again(ask: Asker, small: FakeRepository) -> None:
    listener, stop = stop_after(2)
    ask(listener=listener, stop=stop)
    small.misbehave("token_refused")
    small.misbehave("502", on_page=0)
    assert ask().outcome in ("incomplete", "unreachable")
    small.behave()
    small.log.clear()
    assert ask().outcome == "complete"
    assert len(small.requests("ListRecords")) == 1, "the token was still good, and only its page was missing"
    ask.assert_same()


def test_a_scroll_that_loses_a_page_is_found_by_its_count(shared_engine: Engine) -> None:
    with FakeRepository(records=50, page_size=10, token_style="scroll") as fake:
        fake.misbehave("cut_body", on_page=2, times=1)
        ask = Asker(shared_engine, fake)
        report = ask()
        assert (report.outcome, report.streams[0].reason) == ("complete", "size_agrees")
        assert report.streams[0].counts.restarts == 1
        ask.assert_same()


def test_a_scroll_whose_page_was_lost_with_the_process_is_found_by_its_count(shared_engine: Engine) -> None:
    class Killed(Exception):
        pass

    def die(sentence: str) -> None:
        raise Killed(sentence)

    with FakeRepository(records=50, page_size=10, token_style="scroll") as fake:
        fake.misbehave("cut_body", on_page=2, times=1)
        ask = Asker(shared_engine, fake)
        with pytest.raises(Killed):  # the token has been asked for, and its page is lost
            ask(listener=Listener(tell=die))
        report = ask()
        assert (report.outcome, report.streams[0].reason) == ("complete", "size_agrees")
        ask.assert_same()


@pytest.fixture
def spendable(shared_engine: Engine) -> Iterator[Asker]:
    """A repository whose tokens are known to bring the next page when they are asked again; its first page is held.

    It announces no size: no count will tell that a page is missing.
    """
    with FakeRepository(records=50, page_size=10, token_style="scroll", complete_list_size=False) as fake:
        ask = Asker(shared_engine, fake)
        listener, stop = stop_after(1)
        assert ask(listener=listener, stop=stop).outcome == "interrupted"
        with shared_engine.begin() as connection:
            number = connection.scalar(
                text("SELECT id FROM repositories WHERE name = :name"), {"name": ask.name}
            )
            traits.note(connection, number, {"idempotent_tokens": (False, "asked twice")})
        yield ask


def test_a_token_known_to_be_spent_by_asking_is_asked_once(spendable: Asker) -> None:
    spendable.fake.misbehave("cut_body", on_page=2, times=1)
    report = spendable()
    assert (report.outcome, report.streams[0].counts.restarts) == ("complete_unverified", 1)
    tokens = [each.arguments.get("resumptionToken") for each in spendable.fake.requests("ListRecords")]
    assert all(tokens.count(token) == 1 for token in tokens if token)
    spendable.assert_same()


@pytest.mark.parametrize("died", [True, False])
def test_a_token_that_was_spent_when_the_harvest_was_cut_off_is_not_asked_again(
    died: bool, spendable: Asker
) -> None:
    fake = spendable.fake
    fake.misbehave("hang", on_page=1)
    before = len(fake.log)

    def cut_off(_: str) -> None:
        raise KeyboardInterrupt if died else Interrupted("twice asked to stop")

    listener = Listener(tell=cut_off)
    if died:
        with pytest.raises(KeyboardInterrupt):
            spendable(listener=listener)
    else:
        assert spendable(listener=listener).outcome == "interrupted"
    assert len(fake.log) == before + 1
    fake.behave()
    report = spendable()
    assert report.streams[0].counts.restarts == 1
    spendable.assert_same()


def test_a_token_that_was_not_sent_when_the_harvest_was_stopped_is_still_good(spendable: Asker) -> None:
    assert spendable().streams[0].counts.restarts == 0
    assert len(spendable.fake.requests("ListRecords")) == 5
    spendable.assert_same()


def test_a_list_that_must_be_asked_for_again_is_so_by_the_next_process_too(shared_engine: Engine) -> None:
    with FakeRepository(records=50, page_size=10, token_style="scroll") as fake:
        fake.misbehave("cut_body", on_page=2, times=1)
        ask = Asker(shared_engine, fake)
        seen: list[PageEvent] = []
        # Stopped after the list's last page, when its count was short and before it was asked for again.
        report = ask(
            listener=Listener(on_page=seen.append),
            stop=lambda: bool(seen) and seen[-1].window.ending is not None,
        )
        assert report.outcome == "interrupted"
        report = ask()
        assert (report.outcome, report.streams[0].reason) == ("complete", "size_agrees")
        ask.assert_same()


def test_a_list_that_ended_early_moves_no_watermark_in_the_next_process_either(
    ask: Asker, small: FakeRepository
) -> None:
    for fault in ("silent_truncation", "ignores_from", "ignores_until"):
        small.misbehave(fault)
    ask()
    # As if the process had died after the window's end and before the plan's.
    with ask.engine.begin() as connection:
        connection.execute(
            text("UPDATE plans SET state = 'open', finished_at = NULL WHERE id = (SELECT max(id) FROM plans)")
        )
    small.behave()
    small.log.clear()
    report = ask()
    assert (report.outcome, report.streams[0].reason, len(small.log)) == (
        "complete_unverified",
        "size_differs",
        0,
    )
    assert ask().outcome == "complete"
    ask.assert_same()
