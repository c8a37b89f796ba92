"""Postgres goes away in the middle: the harvest waits for it, and no page is lost, asked or written twice."""

import threading
from collections.abc import Iterator

import pytest
from asking import Asker
from relay import Relay
from sqlalchemy import Engine, NullPool, create_engine, text
from sqlalchemy import event as events

from harvester.catalogue import hosts
from harvester.catalogue.connection import connect
from harvester.errors import CatalogueError
from harvester.harvest import job
from harvester.harvest.harvest import Request, harvest
from harvester.harvest.progress import Listener, PageEvent
from harvester.mock import FakeRepository

PAGES = "SELECT count(*), count(DISTINCT (window_id, number)) FROM pages"
OTHERS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name = 'harvester'"
)


@pytest.fixture
def relay(database_url: str) -> Iterator[Relay]:
    with Relay(database_url) as made:
        yield made


@pytest.fixture
def relayed(relay: Relay) -> Iterator[Engine]:
    """An engine on the catalogue that reaches it through the relay."""
    engine = connect(relay.url)
    yield engine
    engine.dispose()


def terminate(database_url: str) -> int:
    """End every session of harvester, as an operator or a shutdown does."""
    engine = connect(database_url)
    with engine.connect() as connection:
        ended = len(connection.execute(text(OTHERS)).all())
    engine.dispose()
    return ended


def assert_whole(engine: Engine, ask: Asker, fake: FakeRepository, pages: int) -> None:
    ask.assert_same()
    assert len(fake.requests("ListRecords")) == pages, "a page in hand needs no second request"
    with engine.connect() as connection:
        assert tuple(connection.execute(text(PAGES)).one()) == (pages, pages)


def test_a_session_ended_between_pages_costs_nothing(
    engine: Engine, database_url: str, small: FakeRepository
) -> None:
    ask, told = Asker(engine, small), []
    ended: list[int] = []

    def kill(event: PageEvent) -> None:
        if event.window.pages == 2 and not ended:
            ended.append(terminate(database_url))

    report = ask(listener=Listener(on_page=kill, tell=told.append))
    assert ended[0] >= 1
    assert (report.outcome, report.streams[0].counts.pages, report.streams[0].counts.received) == (
        "complete",
        3,
        30,
    )
    assert any("Postgres is lost" in sentence for sentence in told)
    assert_whole(engine, ask, small, 3)
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT max(fence) FROM windows")) == 2
        assert connection.scalar(text("SELECT count(*) FROM runs")) == 1


def test_the_host_is_held_again_after_the_session_that_held_it(
    engine: Engine, database_url: str, small: FakeRepository
) -> None:
    ask = Asker(engine, small)
    host = small.url.removeprefix("http://").partition("/")[0]
    free: list[bool] = []

    def look(event: PageEvent) -> None:
        if event.window.pages == 1:
            terminate(database_url)
        with engine.connect() as other:
            free.append(hosts.hold(other, host, lambda: False) is not None)
            other.invalidate()

    assert ask(listener=Listener(on_page=look)).outcome == "complete"
    assert free == [True, False, False], "free only while the dead session's harvest had not come back"


def test_a_commit_whose_answer_was_lost_is_not_done_again(
    relay: Relay, relayed: Engine, small: FakeRepository
) -> None:
    ask = Asker(relayed, small)
    relay.swallow_answer_to(b"COMMIT", after=b"INSERT INTO pages")
    report = ask(wait=20.0)
    assert relay.cuts == 1
    assert (report.outcome, report.streams[0].counts.pages, report.streams[0].counts.received) == (
        "complete",
        3,
        30,
    )
    assert_whole(relayed, ask, small, 3)


def test_a_page_whose_transaction_broke_is_committed_from_what_was_received(
    relay: Relay, relayed: Engine, small: FakeRepository
) -> None:
    ask = Asker(relayed, small)
    relay.swallow_answer_to(b"INSERT INTO pages", after=b"INSERT INTO pages")
    report = ask(wait=20.0)
    assert relay.cuts == 1
    assert (report.outcome, report.streams[0].counts.received) == ("complete", 30)
    assert_whole(relayed, ask, small, 3)


@pytest.mark.parametrize(
    "statement", [b"INSERT INTO hosts", b"INSERT INTO repositories", b"INSERT INTO plans", b"pg_advisory"]
)
def test_a_line_cut_before_the_first_page_is_outlived(
    statement: bytes, relay: Relay, relayed: Engine, small: FakeRepository
) -> None:
    ask = Asker(relayed, small)
    relay.swallow_answer_to(statement, after=statement)
    assert (
        ask(wait=20.0).outcome == "complete"
    )  # until Postgres notices that the line is cut, the host's lock is held
    assert relay.cuts == 1
    assert_whole(relayed, ask, small, 3)


def test_postgres_may_be_away_for_a_while(relay: Relay, relayed: Engine, small: FakeRepository) -> None:
    ask, told = Asker(relayed, small), threading.Event()

    def leave(event: PageEvent) -> None:
        if event.window.pages == 1:
            relay.away()

    def hear(sentence: str) -> None:
        if "Postgres is lost" in sentence:
            threading.Timer(0.7, relay.back).start()
            told.set()

    assert ask(listener=Listener(on_page=leave, tell=hear)).outcome == "complete"
    assert told.is_set()
    assert_whole(relayed, ask, small, 3)


def test_postgres_that_stays_away_ends_the_harvest_and_loses_nothing(
    relay: Relay, relayed: Engine, small: FakeRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "_AWAY", 0.6)
    ask = Asker(relayed, small)
    report = ask(listener=Listener(on_page=lambda event: relay.away() if event.window.pages == 2 else None))
    (stream,) = report.streams
    assert (report.outcome, stream.reason) == ("failed", "catalogue")
    assert "run the same command again" in str(stream.sentence)
    with pytest.raises(CatalogueError, match="see that it runs"):
        ask(wait=20.0)
    relay.back()
    assert len(ask.held()) == 20
    assert ask(wait=20.0).outcome == "complete"
    ask.assert_same()


def test_asked_to_stop_while_postgres_is_away_it_stops(
    relay: Relay, relayed: Engine, small: FakeRepository
) -> None:
    ask, told = Asker(relayed, small), threading.Event()
    listener = Listener(
        on_page=lambda _: relay.away(), tell=lambda said: told.set() if "Postgres is lost" in said else None
    )
    assert ask(listener=listener, stop=told.is_set).outcome == "interrupted"
    relay.back()
    assert ask(wait=20.0).outcome == "complete"
    ask.assert_same()


def test_a_session_that_dies_at_every_page_is_not_followed_for_ever(
    engine: Engine, database_url: str, small: FakeRepository
) -> None:
    with engine.begin() as connection:
        connection.execute(
            text(
                "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS"
                " $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END $$"
            )
        )
        connection.execute(
            text("CREATE TRIGGER die BEFORE INSERT ON pages FOR EACH ROW EXECUTE FUNCTION die()")
        )
    ask = Asker(engine, small)
    report = ask(wait=20.0)
    assert (report.outcome, report.streams[0].reason) == ("failed", "catalogue")
    assert len(small.requests("ListRecords")) == 1
    with engine.begin() as connection:
        connection.execute(text("DROP TRIGGER die ON pages"))
    assert ask(wait=20.0).outcome == "complete"
    ask.assert_same()


def test_a_read_only_postgres_is_named_as_such(
    engine: Engine, database_url: str, small: FakeRepository
) -> None:
    ask = Asker(engine, small)
    operator = create_engine(database_url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with operator.connect() as connection:
        name = connection.scalar(text("SELECT current_database()"))
        connection.execute(text(f"ALTER DATABASE {name} SET default_transaction_read_only = on"))
        report = ask(wait=20.0)
        connection.execute(text(f"ALTER DATABASE {name} RESET default_transaction_read_only"))
    assert report.outcome == "failed"
    assert "read-only" in str(report.sentence)
    assert "HARVESTER_DATABASE_URL" in str(report.sentence)
    engine.dispose()
    assert ask(wait=20.0).outcome == "complete"
    ask.assert_same()


def test_a_postgres_that_turns_read_only_fails_the_stream_and_keeps_what_came(
    engine: Engine, small: FakeRepository
) -> None:
    ask = Asker(engine, small)

    def turn(event: PageEvent) -> None:
        if event.window.pages == 1:
            for pooled in list(sessions):
                pooled.cursor().execute("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY")
                pooled.commit()

    sessions: list[object] = []
    events.listen(engine, "checkout", lambda connection, _record, _proxy: sessions.append(connection))
    report = ask(listener=Listener(on_page=turn))
    assert (report.outcome, report.streams[0].reason) == ("failed", "catalogue")
    assert "read-only" in str(report.streams[0].sentence)


def test_a_listener_that_fails_leaves_no_lock_behind(engine: Engine, small: FakeRepository) -> None:
    def fail(_: PageEvent) -> None:
        raise BrokenPipeError("the reader of our progress has gone")

    with pytest.raises(BrokenPipeError):
        harvest(engine, Request(small.url), Listener(on_page=fail))
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")) == 0
    ask = Asker(engine, small)
    assert harvest(engine, Request(small.url)).outcome == "complete"
    assert ask.one("SELECT count(*) FROM records") == 30
