"""What happens to the machine underneath: Postgres is killed or falls back, transactions break, clocks jump."""

import os
import signal
import threading
from datetime import timedelta
from pathlib import Path

import psutil
import pytest
from asking import Asker
from command_line import wait_until
from oracle import assert_same
from sqlalchemy import Engine, QueuePool, create_engine, text

from harvester import clock
from harvester.catalogue import embedded, tools
from harvester.catalogue.connection import connect, open_catalogue
from harvester.config import Settings
from harvester.harvest.harvest import Request, harvest
from harvester.harvest.progress import Listener, PageEvent
from harvester.mock import FakeRepository
from harvester.wire import Client


@pytest.mark.parametrize("state", ["40001", "40P01"])
def test_a_transaction_that_postgres_broke_is_tried_again(
    engine: Engine, small: FakeRepository, state: str
) -> None:
    """A deadlock or a serialization failure, at the first page and again at the second."""
    with engine.begin() as connection:
        connection.execute(text("CREATE SEQUENCE times"))
        connection.execute(
            text(
                "CREATE FUNCTION break() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                f" IF nextval('times') % 2 = 1 THEN RAISE EXCEPTION 'broken' USING ERRCODE = '{state}'; END IF;"
                " RETURN NEW; END $$"
            )
        )
        connection.execute(
            text("CREATE TRIGGER break BEFORE INSERT ON pages FOR EACH ROW EXECUTE FUNCTION break()")
        )
    ask = Asker(engine, small)
    report = ask()
    assert (report.outcome, report.streams[0].counts.received) == ("complete", 30)
    assert len(small.requests("ListRecords")) == 3, "a page in hand needs no second request"
    assert ask.one("SELECT last_value FROM times") == 6, "each page was to be broken once"
    ask.assert_same()


def test_one_session_is_enough_and_waits_in_no_transaction(
    database_url: str, engine: Engine, small: FakeRepository
) -> None:
    """A transaction that is open while a repository thinks holds back the cleaning of the whole database."""
    narrow = create_engine(
        database_url, poolclass=QueuePool, pool_size=1, max_overflow=0, pool_timeout=5,
        connect_args={"application_name": "narrow"},
    )  # fmt: skip
    small.misbehave("hang", on_page=1, times=1)
    ask = Asker(narrow, small)
    worker = threading.Thread(target=ask)
    worker.start()
    wait_until(lambda: any(access.fault == "hang" for access in small.log))
    with engine.connect() as connection:
        states = connection.scalars(
            text("SELECT state FROM pg_stat_activity WHERE application_name = 'narrow'")
        ).all()
    worker.join(20)
    assert states == ["idle"]
    assert ask().outcome.startswith("complete")
    ask.assert_same()
    narrow.dispose()


def test_a_catalogue_that_fell_back_goes_on_from_where_it_fell_to(
    database_url: str, engine: Engine, elsewhere: str, tmp_path: Path
) -> None:
    """A standby that had not yet heard of the last pages, or a dump of the night before."""
    with FakeRepository(records=80, page_size=10) as fake:

        def back_up(event: PageEvent) -> None:
            if event.window.pages == 3:
                tools.dump(Settings(tmp_path, database_url), tmp_path / "dump", lambda _: None)

        assert (
            harvest(engine, Request(fake.url, name="fake"), Listener(on_page=back_up)).outcome == "complete"
        )
        fake.store.add(5)
        fake.store.delete(next(each.identifier for each in fake.store.records if not each.deleted))
        assert harvest(engine, Request("fake")).outcome == "complete"
        assert_same(engine, fake, "fake")
        tools.restore(Settings(tmp_path, elsewhere), tmp_path / "dump", lambda _: None)
        fallen = connect(elsewhere)
        for _ in range(2):  # what was cut goes on with its token; what changed since comes next
            assert harvest(fallen, Request("fake")).outcome.startswith("complete")
        assert_same(fallen, fake, "fake")
        fallen.dispose()


def test_a_postgres_that_is_killed_again_and_again_costs_no_page(tmp_path: Path) -> None:
    home = tmp_path / "home"
    server = embedded.start(home)  # durable: what was committed is there after a kill
    engine = connect(server.url)
    kills = 0

    def postmasters() -> list[int]:
        """A zombie has no command line, so it is none."""
        lines = {each.pid: each.info["cmdline"] or [] for each in psutil.process_iter(["cmdline"])}
        return [
            pid for pid, words in lines.items() if str(home / "postgres" / "data") in words and "-k" in words
        ]

    def kill() -> None:
        for pid in postmasters():
            os.kill(pid, signal.SIGQUIT)  # what `pg_ctl stop -m immediate` sends
        wait_until(lambda: not postmasters())

    def on_page(event: PageEvent) -> None:
        nonlocal kills
        if event.window.pages in (2, 5):
            kill()  # its supervisor starts it again
            kills += 1

    try:
        with FakeRepository(records=80, page_size=10) as fake:
            open_catalogue(Settings(home, server.url)).dispose()
            report = harvest(engine, Request(fake.url, name="fake"), Listener(on_page=on_page))
            assert (report.outcome, kills) == ("complete", 2)
            assert len(fake.requests("ListRecords")) == 8
            assert_same(engine, fake, "fake")
            with engine.connect() as connection:
                counted = "SELECT count(*), count(DISTINCT (window_id, number)) FROM pages"
                assert tuple(connection.execute(text(counted)).one()) == (8, 8)
    finally:
        engine.dispose()
        embedded.stop(home, wait=20)


@pytest.mark.parametrize("days", [-1, 1])
def test_a_local_clock_that_jumps_moves_neither_watermark_nor_wait(
    engine: Engine, small: FakeRepository, monkeypatch: pytest.MonkeyPatch, days: int
) -> None:
    """In the middle of a harvest, between its pages: a wrong time server, a guest that was asleep."""
    real = clock.now
    assert Client.__init__.__kwdefaults__["now"] is real
    monkeypatch.setitem(Client.__init__.__kwdefaults__, "now", lambda: clock.now())  # noqa: PLW0108 - read anew at each call

    def jump(event: PageEvent) -> None:
        monkeypatch.setattr(clock, "now", lambda: real() + timedelta(days=days))

    ask = Asker(engine, small)
    before = real()
    assert ask(listener=Listener(on_page=jump), pace=0.05).outcome == "complete"
    watermark = ask.one("SELECT watermark FROM streams")
    assert abs(watermark - before) < timedelta(seconds=30)
    small.store.revise(small.store.records[4].identifier)
    assert ask().outcome == "complete"
    ask.assert_same()
