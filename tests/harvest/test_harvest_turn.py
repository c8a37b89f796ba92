"""Our turn at a host: long pauses are waited for without the lock, and within the patience that was given."""

import time
from collections.abc import Callable

import pytest
from sqlalchemy import Engine

from harvester.catalogue import hosts
from harvester.errors import Interrupted, Retriable
from harvester.harvest.turn import Turn


def turn_on(
    engine: Engine, *, patience: float = 5.0, nap: float = 0.05, stop: Callable[[], bool] = lambda: False
) -> Turn:
    return Turn(engine.connect(), "example.org", 0.0, patience, stop, lambda _: None, longest_nap=nap)


def pause(after: float) -> Retriable:
    return Retriable("the repository answers HTTP 503", reason="http_503", after=after)


def test_a_pause_longer_than_a_nap_is_waited_for_without_the_lock(engine: Engine) -> None:
    waited: list[float] = []
    with engine.connect() as other:
        turn = turn_on(engine)

        def free(_: str) -> None:
            began = time.monotonic()
            assert hosts.hold(other, "example.org", lambda: False) is not None
            hosts.let_go(other, "example.org")
            waited.append(time.monotonic() - began)

        turn.tell = free
        turn.take()
        turn.postpone(pause(0.4))
        before = time.monotonic()
        turn.take()
        assert turn.held
        assert time.monotonic() - before >= 0.35
        assert waited
        turn.give()
        turn.connection.close()


def test_patience_ends_with_an_error_that_names_the_pause(engine: Engine) -> None:
    turn = turn_on(engine, patience=0.3)
    turn.take()
    with pytest.raises(Retriable, match="longer than we may wait") as raised:
        turn.postpone(pause(0.5))
    assert raised.value.after == 0.5
    assert not turn.held
    with pytest.raises(Retriable, match="wants no request for another") as raised:
        turn.take()
    assert raised.value.reason == "wait"
    assert not turn.held
    turn.connection.close()


def test_the_same_short_pause_again_and_again_grows_until_patience_ends(engine: Engine) -> None:
    turn = turn_on(engine, patience=0.4, nap=1.0)
    turn.take()
    for seconds in (0.05, 0.1, 0.2):
        began = time.monotonic()
        turn.postpone(pause(0.05))
        turn.take()
        assert time.monotonic() - began >= seconds * 0.9
    with pytest.raises(Retriable, match="longer than we may wait"):
        turn.postpone(pause(0.05))
    turn.connection.close()


def test_pages_between_short_pauses_renew_patience(engine: Engine) -> None:
    turn = turn_on(engine, patience=0.12, nap=1.0)
    began = time.monotonic()
    for _ in range(4):
        turn.take()
        turn.postpone(pause(0.1))  # raises where patience is at its end
        turn.take()
        turn.asked(waited=False)
    assert time.monotonic() - began >= 4 * 0.1 * 0.9, (
        "each pause was obeyed, four times as long as patience in all"
    )
    assert turn.held
    turn.give()
    turn.connection.close()


def test_who_is_asked_to_stop_leaves_a_pause_at_once(engine: Engine) -> None:
    asked: list[bool] = []
    turn = turn_on(engine, patience=60.0, stop=lambda: bool(asked))
    turn.tell = lambda _: asked.append(True)
    turn.take()
    turn.postpone(pause(50.0))
    began = time.monotonic()
    with pytest.raises(Interrupted):
        turn.take()
    assert time.monotonic() - began < 2
    turn.connection.close()


def test_a_host_that_somebody_waits_for_is_let_go_after_the_page(engine: Engine) -> None:
    turn = turn_on(engine)
    turn.take()
    turn.asked(waited=False)
    assert turn.held
    turn.asked(waited=True)
    assert not turn.held
    turn.take()
    assert turn.number == 2
    turn.give()
    turn.connection.close()
