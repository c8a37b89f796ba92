"""What is forgotten of what was done is what nobody can ask for any more; all else is as it was, and later harvests too."""

import threading
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event, text

from harvester import clock
from harvester.catalogue import ledger, retention, runs
from harvester.catalogue.query import changed_since
from harvester.catalogue.retention import KEPT, LAST_RUNS, Forgotten, forget
from harvester.catalogue.status import status
from harvester.catalogue.versions import versions
from harvester.config import Settings
from harvester.errors import HarvesterError
from harvester.harvest import reconcile
from harvester.harvest.harvest import Report, Request
from harvester.harvest.plans import Wish
from harvester.mock import FakeRepository

Harvest = Callable[..., Report]
DAY = 86_400.0
OLD = KEPT + timedelta(days=110)
# Every date of what was done; `tasks` and repositories have none that matter here.
DATES = {
    "runs": ("started_at", "finished_at"),
    "plans": ("created_at", "finished_at"),
    "windows": ("updated_at",),
    "pages": ("committed_at",),
    "reconciliations": ("begun_at", "approved_at", "finished_at"),
    "quarantine": ("first_seen", "last_seen", "resolved_at", "retry_at"),
    "history": ("ended_at",),
    "alerts": ("since", "told_at", "resolved_at"),
}


def age(engine: Engine, by: timedelta = OLD) -> None:
    """As if all of it had been done so long ago."""
    with engine.begin() as connection:
        for table, columns in DATES.items():
            moved = ", ".join(f"{name} = {name} - CAST(:by AS interval)" for name in columns)
            connection.execute(text(f"UPDATE {table} SET {moved}"), {"by": by})


def poll(
    connection: Connection, stream: int, number: int, *, days: float = 0, kind: str = "incremental"
) -> None:
    """Harvests that found nothing new, as the ledger has them: plan, window, run and page."""
    connection.execute(
        text(
            """
            WITH plan AS (
                INSERT INTO plans (stream_id, kind, granularity, state, created_at, finished_at)
                SELECT :stream, :kind, 'x', 'done', now() - :days * interval '1 day', now() - :days * interval '1 day'
                FROM generate_series(1, :number) RETURNING id, stream_id, finished_at),
            slice AS (
                INSERT INTO windows (plan_id, state, ending) SELECT id, 'ended', 'no_records_match' FROM plan RETURNING id, plan_id),
            run AS (
                INSERT INTO runs (stream_id, plan_id, started_at, finished_at, outcome, pages)
                SELECT stream_id, id, finished_at, finished_at, 'complete', 1 FROM plan RETURNING id, plan_id, finished_at)
            INSERT INTO pages (id, seq, run_id, window_id, number, received, changed, committed_at)
            SELECT nextval('page_ids'), nextval('feed_seq'), run.id, slice.id, 1, 0, 0, run.finished_at
            FROM run JOIN slice USING (plan_id)
            """
        ),
        {"stream": stream, "number": number, "days": days, "kind": kind},
    )


class Ledger:
    """What is in it, told by a test."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def forget(
        self, *, history: float | None = None, now: datetime | None = None, shares: int = 1, **more: Any
    ) -> Forgotten:
        return forget(
            self.engine, replace(Settings(), history=history), now or clock.now(), shares=shares, **more
        )

    def all(self, **more: Any) -> Forgotten:
        """Called until there is nothing more."""
        found = self.forget(**more)
        while found.more:
            found = self.forget(**more)
        return found

    def one(self, statement: str, **values: Any) -> Any:
        with self.engine.connect() as connection:
            return connection.execute(text(statement), values).scalar()

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(statement))]

    def do(self, statement: str, **values: Any) -> None:
        with self.engine.begin() as connection:
            connection.execute(text(statement), values)

    def numbers(self) -> dict[str, int]:
        return {
            table: self.one(f"SELECT count(*) FROM {table}")
            for table in ("runs", "plans", "windows", "pages")
        }

    def shown(self) -> Any:
        with self.engine.connect() as connection:
            return status(connection)

    def stream(self, name: str = "a", watermark: bool = True) -> int:
        """A stream that nobody has asked for."""
        with self.engine.begin() as connection:
            repository = ledger.add_repository(connection, name, f"http://127.0.0.1:1/{name}")
            number = ledger.add_stream(connection, repository, "", "oai_dc").id
            if watermark:
                connection.execute(
                    text("UPDATE streams SET watermark = now() WHERE id = :id"), {"id": number}
                )
            return number


@pytest.fixture
def book(engine: Engine) -> Ledger:
    return Ledger(engine)


def nothing(**but: int) -> Forgotten:
    return Forgotten(**but)


def test_harvests_that_found_nothing_are_forgotten_and_nobody_notices(
    book: Ledger, engine: Engine, run: Harvest
) -> None:
    with FakeRepository(records=12, page_size=5) as fake:
        run(fake, name="one")
        stream = book.one("SELECT id FROM streams")
        first = fake.store.records[0].identifier
        fake.store.revise(first)
        run(fake)
        brought = book.numbers()
        age(engine)
        with engine.begin() as connection:
            poll(connection, stream, 40, days=150)
            poll(connection, stream, 30, days=10)
        shown, feed, told = book.shown(), changed_since(engine), versions(engine, first)
        assert book.forget() == nothing(runs=40, plans=40, windows=40, pages=40)
        assert book.numbers() == {table: number + 30 for table, number in brought.items()}
        assert (book.shown(), changed_since(engine), versions(engine, first)) == (shown, feed, told)
        assert all(each.run is not None for each in told)
        assert len(told) == 2
        fake.store.revise(first)
        report = run(fake)
        assert (report.outcome, report.streams[0].counts.updated) == ("complete", 1)
        assert len(changed_since(engine)) == 12


def test_so_many_are_told_to_have_gone(book: Ledger, engine: Engine) -> None:
    stream = book.stream()
    with engine.begin() as connection:
        poll(connection, stream, 50, days=150)
    gone = 50 - LAST_RUNS
    assert book.forget() == nothing(runs=gone, plans=gone, windows=gone, pages=gone)
    assert book.forget() == nothing()
    assert book.numbers() == dict.fromkeys(("runs", "plans", "windows", "pages"), LAST_RUNS)
    kept = book.rows("SELECT min(id), max(id) FROM runs")
    assert kept == [(gone + 1, 50)]


def test_what_is_younger_than_ninety_days_stays(book: Ledger, engine: Engine) -> None:
    stream = book.stream()
    with engine.begin() as connection:
        poll(connection, stream, 50, days=89)
    assert book.forget() == nothing()
    assert book.forget(now=clock.now() + timedelta(days=2)).runs == 30


def test_the_last_of_each_kind_stay_and_the_last_that_was_complete(book: Ledger, engine: Engine) -> None:
    stream = book.stream()
    with engine.begin() as connection:
        poll(connection, stream, 30, days=300)
        for outcome in ("complete_unverified", "unreachable"):
            poll(connection, stream, 30, days=200)
            last = "SELECT id FROM runs ORDER BY id DESC LIMIT 30"
            connection.execute(text(f"UPDATE runs SET outcome = :o WHERE id IN ({last})"), {"o": outcome})
        poll(connection, stream, 60, days=120)
        connection.execute(text("UPDATE runs SET kind = 'retry', plan_id = NULL WHERE id > 90"))
    book.forget()
    assert book.rows("SELECT kind, outcome, count(*), max(id) FROM runs GROUP BY 1, 2 ORDER BY 4") == [
        ("harvest", "complete", 1, 30),
        ("harvest", "complete_unverified", 1, 60),
        ("harvest", "unreachable", 20, 90),
        ("retry", "complete", 20, 150),
    ]
    assert book.shown()["repositories"][0]["streams"][0]["last_run"]["outcome"] == "unreachable"


def test_the_last_plan_of_each_kind_stays_for_what_it_announced(book: Ledger, engine: Engine) -> None:
    stream = book.stream()
    with engine.begin() as connection:
        poll(connection, stream, 3, days=300, kind="full")
        poll(connection, stream, 60, days=200)
    book.forget()
    assert book.rows("SELECT id FROM plans WHERE kind = 'full'") == [(3,)]
    assert book.one("SELECT count(*) FROM windows WHERE plan_id = 3") == 1


def test_what_is_not_over_stays_whatever_its_age(book: Ledger, engine: Engine) -> None:
    stream = book.stream()
    with engine.begin() as connection:
        poll(connection, stream, 60, days=200)
        connection.execute(text("UPDATE runs SET outcome = NULL, finished_at = NULL WHERE id = 5"))
        connection.execute(text("UPDATE plans SET state = 'open', finished_at = NULL WHERE id = 7"))
        connection.execute(text("UPDATE windows SET state = 'open' WHERE plan_id = 7"))
        connection.execute(text("UPDATE plans SET state = 'abandoned' WHERE id = 9"))
    book.forget()
    assert book.rows("SELECT id FROM runs WHERE id < 10") == [(5,)]
    assert book.rows("SELECT id FROM plans WHERE id < 10 ORDER BY id") == [(5,), (7,)]
    assert book.rows("SELECT plan_id FROM windows WHERE plan_id < 10 ORDER BY 1") == [(5,), (7,)]
    assert book.one("SELECT count(*) FROM pages") == 22


def test_a_run_that_brought_something_stays_with_all_that_leads_to_it(book: Ledger, engine: Engine) -> None:
    stream = book.stream()
    with engine.begin() as connection:
        poll(connection, stream, 60, days=200)
        for number, column in enumerate(("created", "updated", "deleted"), 2):
            connection.execute(text(f"UPDATE runs SET {column} = 1 WHERE id = :n"), {"n": number})
    book.forget()
    for table, column in (("runs", "id"), ("plans", "id"), ("windows", "plan_id"), ("pages", "run_id")):
        assert book.rows(f"SELECT {column} FROM {table} WHERE {column} < 10 ORDER BY 1") == [(2,), (3,), (4,)]


def test_what_quarantine_and_reconciliations_name_stays(book: Ledger, engine: Engine) -> None:
    stream = book.stream()
    with engine.begin() as connection:
        poll(connection, stream, 60, days=200)
        connection.execute(
            text(
                "INSERT INTO quarantine (repository_id, format, key, reason, raw, run_id, resolved_at, resolution) "
                "SELECT repository_id, format, 'k', 'no_header', 'x', 3, now() - interval '400 days', 'came_whole' FROM streams"
            )
        )
        connection.execute(
            text("INSERT INTO reconciliations (stream_id, plan_id, run_id, state) VALUES (:s, 4, 5, 'done')"),
            {"s": stream},
        )
    book.forget(history=0.0)
    assert book.rows("SELECT id FROM runs WHERE id < 10 ORDER BY id") == [(3,), (5,)]
    assert book.rows("SELECT id FROM plans WHERE id < 10 ORDER BY id") == [(3,), (4,), (5,)]
    assert book.one("SELECT count(*) FROM quarantine") == 1


def test_an_old_reconciliation_can_still_be_undone(book: Ledger, engine: Engine, run: Harvest) -> None:
    with FakeRepository(records=12, page_size=5, deleted_record="no") as fake:
        run(fake, name="one")
        lost = next(each.identifier for each in fake.store.records if not each.deleted)
        fake.store.delete(lost)
        fake.misbehave("deletes_silently")
        request = Request("one", wait=0.0)
        assert reconcile.reconcile(engine, request).streams[0].outcome.startswith("complete")
        stream = book.one("SELECT id FROM streams")
        with engine.begin() as connection:
            poll(connection, stream, 60)
        age(engine)
        gone = book.one("SELECT count(*) FROM records WHERE deleted_reason = 'vanished'")
        assert gone == 1
        assert book.forget().runs > 30
        reconcile.revert(engine, request)
        assert book.one("SELECT count(*) FROM records WHERE deleted_reason = 'vanished'") == 0


def test_a_stream_that_never_came_to_an_end_keeps_what_shows_that_it_was_harvested(
    book: Ledger, engine: Engine
) -> None:
    number = book.stream(watermark=False)
    with engine.begin() as connection:
        poll(connection, number, 60, days=200)
    assert book.forget() == nothing(runs=40)
    with engine.begin() as connection:
        (stream,) = ledger.streams_of(connection, ledger.repositories_of(connection)[0])
        runs.forget_unharvested(connection, stream)
    assert book.one("SELECT count(*) FROM streams") == 1


def test_no_page_of_the_change_feed_is_lost_whatever_its_count_says(
    book: Ledger, engine: Engine, run: Harvest
) -> None:
    with FakeRepository(records=12, page_size=5) as fake:
        run(fake, name="one")
    age(engine)
    feed = changed_since(engine)
    assert len(feed) == 12
    book.do("UPDATE pages SET changed = 0, run_id = NULL, window_id = NULL")
    book.do(
        "INSERT INTO pages (id, seq, number, received, changed, committed_at)"
        " SELECT nextval('page_ids'), nextval('feed_seq'), 0, 0, 0, now() - interval '100 days' FROM generate_series(1, 5)"
    )
    assert book.forget().pages == 5
    assert changed_since(engine) == feed


def test_alerts_that_were_over_long_ago_go_and_no_others(book: Ledger) -> None:
    for subject, since, resolved in (("a", 400, 100), ("b", 400, 80), ("c", 400, None)):
        book.do(
            "INSERT INTO alerts (subject, kind, sentence, since, resolved_at) VALUES (:s, 'silence', 'x',"
            " now() - :a * interval '1 day', now() - CAST(:r AS integer) * interval '1 day')",
            s=subject,
            a=since,
            r=resolved,
        )
    assert book.forget() == nothing(alerts=1)
    assert book.rows("SELECT subject FROM alerts ORDER BY 1") == [("b",), ("c",)]


def test_old_versions_go_as_the_operator_wants_it(book: Ledger, engine: Engine, run: Harvest) -> None:
    with FakeRepository(records=12, page_size=5) as fake:
        run(fake, name="one")
        for record in fake.store.records[:5]:
            fake.store.revise(record.identifier)
        run(fake, wish=Wish(full=True))
    changed = book.one("SELECT count(*) FROM history")
    assert changed > 0
    age(engine)
    assert book.forget() == nothing()
    assert book.forget(history=300 * DAY) == nothing()
    assert book.forget(history=100 * DAY) == nothing(versions=changed)


def test_a_call_is_bounded_and_the_next_goes_on(
    book: Ledger, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "MOST", 10)
    monkeypatch.setattr(retention, "_BATCH", 4)
    monkeypatch.setattr(retention, "_STREAMS_AT_ONCE", 1)
    monkeypatch.setattr(retention, "_PAGES_AT_ONCE", 7)
    with engine.begin() as connection:
        for name in ("a", "b", "c"):
            poll(connection, book.stream(name), 40, days=200)
    total = dict.fromkeys(("runs", "plans", "windows", "pages"), 0)
    calls = 0
    while True:
        found = asdict(book.forget())
        calls += 1
        assert all(found[name] <= 10 + 7 for name in total)
        total = {name: number + found[name] for name, number in total.items()}
        if not found["more"]:
            break
    assert total == dict.fromkeys(total, 60)
    assert calls >= 6
    assert book.numbers() == dict.fromkeys(total, 60)


def test_a_plan_of_thousands_of_windows_goes_in_several_transactions(
    book: Ledger, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "MOST", 100)
    monkeypatch.setattr(retention, "_BATCH", 30)
    with engine.begin() as connection:
        poll(connection, book.stream(), 21, days=200)
        connection.execute(
            text("INSERT INTO windows (plan_id, state) SELECT 1, 'split' FROM generate_series(1, 250)")
        )
    found = [book.forget() for _ in range(3)]
    assert [(each.plans, each.windows, each.more) for each in found] == [
        (0, 100, True),
        (0, 100, True),
        (1, 51, False),
    ]


def test_who_is_asked_to_stop_stops_between_transactions(book: Ledger, engine: Engine) -> None:
    with engine.begin() as connection:
        poll(connection, book.stream(), 40, days=200)
    assert book.forget(stop=lambda: True) == nothing(more=True)
    assert book.all().more is False
    assert book.numbers()["pages"] == LAST_RUNS


def test_each_stream_and_each_page_has_its_hour(book: Ledger, engine: Engine) -> None:
    with engine.begin() as connection:
        for number in range(30):
            poll(connection, book.stream(f"r{number}"), 22, days=200)
    begun = clock.now()
    found = [book.forget(now=begun + timedelta(hours=hour), shares=24) for hour in range(48)]
    assert sum(each.runs for each in found) == sum(each.plans for each in found) == 60
    assert max(each.runs for each in found) <= 4
    assert book.numbers() == dict.fromkeys(("runs", "plans", "windows", "pages"), 600)


def test_two_who_forget_at_once_do_each_other_no_harm(book: Ledger, engine: Engine) -> None:
    with engine.begin() as connection:
        for number in range(5):
            poll(connection, book.stream(f"r{number}"), 60, days=200)
    failures: list[HarvesterError] = []

    def go() -> None:
        try:
            book.forget()
        except HarvesterError as error:
            failures.append(error)

    threads = [threading.Thread(target=go) for _ in range(2)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    book.forget()
    assert failures == []
    assert book.numbers() == dict.fromkeys(("runs", "plans", "windows", "pages"), 100)


def test_nothing_is_looked_for_in_a_whole_table(book: Ledger, engine: Engine) -> None:
    with engine.begin() as connection:
        poll(connection, book.stream(), 40, days=200)
    plans: list[str] = []

    @event.listens_for(engine, "before_cursor_execute", retval=True)
    def explain(_: Any, cursor: Any, statement: str, parameters: Any, *more: Any) -> tuple[str, Any]:
        if statement.lstrip().startswith(("WITH", "DELETE")):
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute(f"EXPLAIN {statement}", parameters)
            plans.append("\n".join(row[0] for row in cursor.fetchall()))
        return statement, parameters

    book.forget(history=DAY)
    event.remove(engine, "before_cursor_execute", explain)
    assert len(plans) >= 7
    # Of alerts there are few.
    assert {line.split("Seq Scan on ")[1].split()[0] for plan in plans for line in plan.splitlines() if "Seq Scan" in line} <= {"alerts"}  # fmt: skip
    assert any("records_page_id" in plan for plan in plans)


def test_what_refers_to_what_is_forgotten_is_found_by_an_index(book: Ledger) -> None:
    # Postgres looks for references to each row that goes; without an index, in the whole table.
    bare = """
        SELECT conrelid::regclass::text, conname FROM pg_constraint
        WHERE contype = 'f' AND confrelid::regclass::text IN ('runs', 'plans', 'windows', 'pages', 'alerts')
        AND NOT EXISTS (SELECT FROM pg_index WHERE indrelid = conrelid AND indkey[0] = conkey[1])
    """
    assert book.rows(bare) == []
