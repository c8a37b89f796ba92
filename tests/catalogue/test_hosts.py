"""One host, one asker among all processes; and a row that tells everybody when and how often it may be asked."""

import threading
from datetime import datetime

import pytest
from sqlalchemy import Connection, Engine, text

from harvester.catalogue import hosts

HOST = "example.org:8080"


def never() -> bool:
    return False


def since(connection: Connection) -> datetime:
    """Take the lock, which must be free."""
    found = hosts.hold(connection, HOST, never)
    assert found is not None
    return found


def value(connection: Connection, expression: str) -> object:
    found = connection.scalar(text(f"SELECT {expression} FROM hosts WHERE name = :name"), {"name": HOST})
    connection.commit()
    return found


def put(connection: Connection, assignment: str) -> None:
    connection.execute(text(f"UPDATE hosts SET {assignment} WHERE name = :name"), {"name": HOST})
    connection.commit()


@pytest.fixture
def connection(engine: Engine):  # type: ignore[no-untyped-def]
    """A connection that holds the host, whose row exists."""
    with engine.connect() as made:
        hosts.look(made, HOST, since(made))
        yield made
        made.rollback()
        made.invalidate()


def test_one_holds_a_host_and_the_others_do_not(engine: Engine, connection: Connection) -> None:
    with engine.connect() as other:
        assert hosts.hold(other, HOST, never) is None
        assert hosts.hold(other, "example.org", never) is not None, "another port is another host"
        hosts.let_go(connection, HOST)
        assert hosts.hold(other, HOST, never) is not None
        other.invalidate()


def test_the_lock_ends_with_the_session_that_died(engine: Engine, connection: Connection) -> None:
    victim = connection.scalar(text("SELECT pg_backend_pid()"))
    connection.commit()
    with engine.connect() as other:
        other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": victim})
        other.commit()
        assert hosts.hold(other, HOST, lambda: True) is not None
        other.invalidate()
    connection.invalidate()


def test_who_waits_is_seen_and_gets_his_turn(engine: Engine, connection: Connection) -> None:
    got = threading.Event()

    def wait() -> None:
        with engine.connect() as other:
            assert hosts.hold(other, HOST, lambda: True) is not None
            got.set()
            other.invalidate()

    waiter = threading.Thread(target=wait)
    waiter.start()
    while not _waits(connection):
        pass
    assert not got.is_set()
    hosts.let_go(connection, HOST)
    assert got.wait(10)
    waiter.join()


def _waits(connection: Connection) -> bool:
    waited = hosts.asked(connection, HOST, 0.0)
    connection.commit()
    return waited


def test_the_sign_of_somebody_who_waits_is_not_taken_for_ones_own(connection: Connection) -> None:
    put(connection, "waiting_at = clock_timestamp()")
    mine = since(connection)  # a lock of a session may be taken again
    hosts.look(connection, HOST, mine)
    assert not _waits(connection), "the sign is older than our turn: it was ours"
    put(connection, "waiting_at = clock_timestamp()")
    hosts.look(connection, HOST, mine)
    assert _waits(connection), "the sign is younger than our turn: somebody else waits"


def test_who_is_told_to_stop_stops_waiting(engine: Engine, connection: Connection) -> None:
    asked: list[bool] = []

    def twice() -> bool:
        asked.append(True)
        return len(asked) < 3

    with engine.connect() as other:
        assert hosts.hold(other, HOST, twice) is None
    assert len(asked) == 3


def test_a_request_reserves_the_pace_for_everybody(connection: Connection) -> None:
    hosts.asked(connection, HOST, 5.0)
    connection.commit()
    assert 4.5 < hosts.look(connection, HOST, since(connection)).wait <= 5.0


def test_a_penalised_pause_counts_where_it_is_longer_than_the_pace(connection: Connection) -> None:
    put(connection, "pause = 20, penalised_at = now()")
    hosts.asked(connection, HOST, 5.0)
    connection.commit()
    assert 19 < hosts.look(connection, HOST, since(connection)).wait <= 20


def test_penalties_double_from_one_request_a_second_up_to_two_minutes(connection: Connection) -> None:
    assert [hosts.penalise(connection, HOST, 0.0) for _ in range(9)] == [1, 2, 4, 8, 16, 32, 64, 120, 120]


def test_penalties_begin_at_the_configured_pace(connection: Connection) -> None:
    assert hosts.penalise(connection, HOST, 3.0) == 6
    assert value(connection, "pause") == 6


def test_ten_clean_minutes_give_back_a_tenth_of_the_rate_until_nothing_is_left(
    connection: Connection,
) -> None:
    hosts.penalise(connection, HOST, 0.0)
    hosts.asked(connection, HOST, 0.0)
    connection.commit()
    assert value(connection, "pause") == 1, "a request right after is no recovery"
    pauses = []
    for _ in range(20):
        put(connection, "penalised_at = penalised_at - interval '11 minutes'")
        hosts.asked(connection, HOST, 0.0)
        connection.commit()
        pauses.append(value(connection, "pause"))
    assert pauses[0] == pytest.approx(1 / 1.1)
    assert pauses == sorted(pauses, reverse=True)
    assert pauses[-1] == 0
    assert value(connection, "penalised_at") is None


def test_of_two_appointments_the_later_counts(connection: Connection) -> None:
    hosts.postpone(connection, HOST, 600)
    hosts.postpone(connection, HOST, 5)
    hosts.asked(connection, HOST, 1.0)
    connection.commit()
    assert 595 < hosts.look(connection, HOST, since(connection)).wait <= 600


def test_a_host_without_an_appointment_need_not_be_waited_for(connection: Connection) -> None:
    put(connection, "next_allowed_at = now() - interval '1 day'")
    assert hosts.look(connection, HOST, since(connection)).wait == 0


def test_who_gives_its_turn_away_and_waits_again_is_not_overlooked(
    engine: Engine, connection: Connection
) -> None:
    asked: list[datetime] = []

    def wait() -> None:
        with engine.connect() as other:
            found = hosts.hold(other, HOST, lambda: True)
            assert found is not None
            asked.append(found)
            other.invalidate()

    waiter = threading.Thread(target=wait)
    waiter.start()
    while not connection.scalar(
        text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
    ):
        connection.rollback()
    given = connection.scalar(text("SELECT clock_timestamp()"))
    connection.commit()
    hosts.let_go(connection, HOST)
    waiter.join()
    # A sign that was given since the lock was let go is therefore kept by `look`.
    assert asked[0] <= given


def test_whoever_comes_after_one_who_died_waits_as_long_as_the_pace(
    engine: Engine, connection: Connection
) -> None:
    victim = connection.scalar(text("SELECT pg_backend_pid()"))
    connection.commit()
    with engine.connect() as other:
        other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": victim})
        other.commit()
        asked = hosts.hold(other, HOST, lambda: True)
        assert asked is not None
        assert 1.5 < hosts.look(other, HOST, asked, 2.0).wait <= 2.0
        hosts.let_go(other, HOST)
        asked = hosts.hold(other, HOST, lambda: True)
        assert asked is not None
        put(other, "next_allowed_at = NULL")
        assert hosts.look(other, HOST, asked, 2.0).wait == 0.0
        other.invalidate()
    connection.invalidate()


def test_who_lets_a_host_go_leaves_it_its_pause(connection: Connection) -> None:
    hosts.let_go(connection, HOST, 3.0)
    assert 2.5 < hosts.look(connection, HOST, since(connection)).wait <= 3.0
