"""Deriving entries again: nothing is asked, nothing is done twice, and nothing that a harvest writes is undone."""

import threading
from collections.abc import Callable
from dataclasses import replace
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import pytest
from asking import Asker
from command_line import wait_until
from oracle import assert_same
from sqlalchemy import Engine, text

from harvester.catalogue import renormalisation
from harvester.catalogue.connection import connect
from harvester.catalogue.query import changed_since
from harvester.catalogue.writer import EntryColumns
from harvester.config import Settings
from harvester.crosswalk import registry
from harvester.errors import CatalogueError, ConfigError, Interrupted
from harvester.harvest import rereading
from harvester.harvest.harvest import Report
from harvester.harvest.plans import Wish
from harvester.harvest.renormalise import Progress, renormalise
from harvester.mock import FakeRepository

Harvest = Callable[..., Report]

SETTINGS = Settings(Path())
CONTENTS = f"SELECT identifier, {', '.join(EntryColumns._fields)} FROM records ORDER BY item_key, format"
SPOIL = "UPDATE records SET title = 'spoilt', year = NULL, crosswalk_version = 0, entry = entry - 'titles' WHERE xml IS NOT NULL"


def rows(engine: Engine, statement: str) -> list[Any]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(statement))]


def change(engine: Engine, statement: str) -> None:
    with engine.begin() as connection:
        connection.execute(text(statement))


def after(batches: int) -> Callable[[], bool]:
    """Stops when it has been asked so often."""
    return chain(repeat(False, batches), repeat(True)).__next__


@pytest.fixture
def harvested(engine: Engine, fake: FakeRepository, run: Harvest) -> list[Any]:
    """The contents of a catalogue with live records, tombstones that had an entry, and tombstones that never had one."""
    run(fake, name="fake")
    for record in [each for each in fake.store.records if not each.deleted][:7]:
        fake.store.delete(record.identifier)
    run(fake)
    return rows(engine, CONTENTS)


def test_where_nothing_changed_no_row_is_written_and_the_feed_tells_nothing(
    engine: Engine, fake: FakeRepository, harvested: list[Any]
) -> None:
    written = "SELECT ctid::text, xmin::text FROM records UNION ALL SELECT ctid::text, xmin::text FROM pages ORDER BY 1, 2"
    before, asked = rows(engine, written), len(fake.log)
    done = renormalise(engine, SETTINGS, None)
    assert (done.changed, done.kept, done.resumed) == (0, 0, 0)
    assert done.read == sum(row[-1] is not None for row in harvested)
    assert rows(engine, written) == before
    assert len(fake.log) == asked


def test_spoilt_entries_are_as_the_harvest_wrote_them_and_nothing_was_asked_for(
    engine: Engine, fake: FakeRepository, harvested: list[Any]
) -> None:
    asked = len(fake.log)
    change(engine, SPOIL)
    done = renormalise(engine, SETTINGS, None)
    assert done.changed == done.read > 200
    assert rows(engine, CONTENTS) == harvested
    assert_same(engine, fake, "fake")
    assert len(fake.log) == asked
    assert rows(engine, "SELECT count(*) FROM renormalisations") == [(0,)]


def test_an_empty_catalogue_is_done_at_once(engine: Engine) -> None:
    done = renormalise(engine, SETTINGS, None)
    assert (done.expected, done.read, done.changed) == (0, 0, 0)


def test_stopped_it_goes_on_and_reads_nothing_twice(
    engine: Engine, harvested: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rereading, "_FETCHED", 5)
    change(engine, SPOIL)
    heard: list[Progress] = []

    def hear(progress: Progress) -> None:
        heard.append(replace(progress))

    before, calls = 0, 0
    while True:
        calls += 1
        try:
            done = renormalise(engine, SETTINGS, None, hear, after(19))
            break
        except Interrupted as error:
            assert "goes on from here" in str(error)
            assert heard[-1].resumed == before
            before = heard[-1].read
            repaired = rows(engine, "SELECT count(*) FROM records WHERE title <> 'spoilt'")
            assert repaired == [(before,)], "what was told is committed, and no more"
    assert calls >= 5
    assert done.resumed == before
    assert (done.read, done.changed) == (len([each for each in harvested if each[-1]]),) * 2
    assert rows(engine, CONTENTS) == harvested
    assert rows(engine, "SELECT sum(changed) FROM pages WHERE run_id IS NULL") == [(done.changed,)]


def test_a_crosswalk_that_changes_between_two_calls_is_begun_anew(
    engine: Engine, harvested: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Interrupted):
        renormalise(engine, SETTINGS, None, stopped=after(15))
    known = registry.versions()
    monkeypatch.setattr(registry, "versions", lambda: known | {"dc": known["dc"] + 1})
    done = renormalise(engine, SETTINGS, None)
    assert (done.resumed, done.read) == (0, len([each for each in harvested if each[-1]]))


def test_a_record_that_a_harvest_changed_since_it_was_read_is_left_alone(
    engine: Engine, harvested: list[Any]
) -> None:
    with engine.connect() as connection:
        each = renormalisation.open_slices(connection, renormalisation.ALL, {})[3]
        batch = renormalisation.next_batch(connection, each, 4)
        change(
            engine,
            f"UPDATE records SET page_id = 999, title = 'by a harvest' WHERE identifier = '{identifier_of(engine, batch[1])}'",
        )
        with connection.begin():
            stale = [(stored, stored.entry._replace(title="stale")) for stored in batch]
            page = renormalisation.rewrite(connection, stale)
            renormalisation.mark(connection, each, page)
        assert page is not None
        assert page.changed == 3
    titles = rows(engine, "SELECT title FROM records WHERE title IN ('stale', 'by a harvest') ORDER BY 1")
    assert titles == [("by a harvest",), ("stale",), ("stale",), ("stale",)]
    told = [item for _, item in changed_since(engine) if item.entry and item.entry.title == "stale"]
    assert len(told) == 3


def identifier_of(engine: Engine, stored: renormalisation.Stored) -> str:
    ((found,),) = rows(
        engine, f"SELECT identifier FROM records WHERE item_key = decode('{stored.item_key.hex()}', 'hex')"
    )
    return str(found)


def test_nothing_is_published_where_every_row_was_changed_by_a_harvest(
    engine: Engine, harvested: list[Any]
) -> None:
    with engine.connect() as connection:
        each = renormalisation.open_slices(connection, renormalisation.ALL, {})[0]
        batch = renormalisation.next_batch(connection, each, 4)
        change(engine, "UPDATE records SET page_id = 999")
        with connection.begin():
            assert renormalisation.rewrite(connection, [(stored, stored.entry) for stored in batch]) is None


def test_a_harvest_that_waits_for_us_while_we_wait_for_it_is_not_the_victim(
    engine: Engine, harvested: list[Any], database_url: str
) -> None:
    """Postgres ends one of two that wait for each other: a harvest would lose its place at the host."""
    change(engine, SPOIL)
    first, last = (
        rows(
            engine,
            f"SELECT identifier FROM records WHERE item_key < '\\x10' AND xml IS NOT NULL ORDER BY item_key {way}",
        )[0][0]
        for way in ("ASC", "DESC")
    )
    done: list[Any] = []
    other = connect(database_url)
    working = threading.Thread(target=lambda: done.append(renormalise(other, SETTINGS, None)))
    with engine.begin() as connection:
        touch = text("UPDATE records SET datestamp_raw = datestamp_raw WHERE identifier = :identifier")
        connection.execute(text("SET LOCAL deadlock_timeout = '3s'"))
        connection.execute(touch, {"identifier": last})
        working.start()
        waits = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        wait_until(lambda: bool(rows(engine, waits)[0][0]))
        connection.execute(touch, {"identifier": first})
    working.join()
    other.dispose()
    assert len(done) == 1
    assert rows(engine, CONTENTS) == harvested


def test_a_harvest_at_the_same_time_and_we_do_not_hold_each_other_up(
    engine: Engine, fake: FakeRepository, run: Harvest, database_url: str
) -> None:
    run(fake, name="fake")
    reports: list[Report] = []
    failures: list[BaseException] = []
    over = threading.Event()

    def harvests() -> None:
        try:
            for step in range(8):
                for record in [each for each in fake.store.records if not each.deleted][step::9]:
                    fake.store.revise(record.identifier)
                reports.append(run(fake, wish=Wish(full=True)))
        except BaseException as error:  # noqa: BLE001 - told to the test
            failures.append(error)
        over.set()

    thread = threading.Thread(target=harvests)
    thread.start()
    other = connect(database_url)
    rounds = 0
    while not over.is_set():
        change(other, SPOIL)
        renormalise(other, SETTINGS, None)
        rounds += 1
    thread.join()
    other.dispose()
    assert failures == []
    assert rounds >= 2
    assert {each.outcome for each in reports} == {"complete"}
    assert [each.streams[0].counts.restarts for each in reports] == [0] * len(reports)
    renormalise(engine, SETTINGS, None)
    assert rows(engine, "SELECT count(*) FROM records WHERE title = 'spoilt'") == [(0,)]
    assert_same(engine, fake, "fake")
    expected = rows(engine, CONTENTS)
    change(engine, SPOIL)
    renormalise(engine, SETTINGS, None)
    assert rows(engine, CONTENTS) == expected


def test_two_at_once_would_write_each_others_marks_so_the_second_is_refused(
    engine: Engine, harvested: list[Any], database_url: str
) -> None:
    other = connect(database_url)
    told: list[str] = []

    def meanwhile(_: Progress) -> None:
        with pytest.raises(CatalogueError) as raised:
            renormalise(other, SETTINGS, None)
        told.append(str(raised.value))

    renormalise(engine, SETTINGS, None, meanwhile)
    assert told
    assert "another process derives entries again" in told[0]
    assert renormalise(other, SETTINGS, None).changed == 0, "the lock ends with the call"
    other.dispose()


def test_what_is_left_of_a_killed_call_is_waited_for(
    engine: Engine, harvested: list[Any], database_url: str
) -> None:
    """Its last batch could be marked after ours: the next call would go back behind what it has read."""
    done: list[Progress] = []
    with engine.connect() as connection:
        renormalisation.take_part(connection)
        other = connect(database_url)
        thread = threading.Thread(target=lambda: done.append(renormalise(other, SETTINGS, None)))
        thread.start()
        wait_until(lambda: bool(rows(engine, "SELECT count(*) FROM pg_locks WHERE NOT granted")[0][0]))
        assert done == []
        connection.invalidate()  # the process ends, and its session with it
    thread.join()
    other.dispose()
    assert done[0].read > 0


def test_a_source_is_read_alone_by_name_or_address(engine: Engine, fake: FakeRepository) -> None:
    one, two = Asker(engine, fake), Asker(engine, fake)
    assert one().outcome == two().outcome == "complete"
    for source, (mine, others) in {
        one.name: (one, two),
        two.url.replace("http:", "HTTP:"): (two, one),
    }.items():
        change(engine, SPOIL)
        done = renormalise(engine, SETTINGS, source)
        spoilt = (
            "SELECT count(*) FROM records JOIN repositories r ON r.id = repository_id"
            " WHERE r.name = :name AND records.title = 'spoilt'"
        )
        assert mine.one(spoilt) == 0
        assert others.one(spoilt) == done.read == done.changed


@pytest.mark.parametrize("source", ["nobody", "https://nobody.example/oai"])
def test_a_source_that_is_not_registered_is_refused(
    source: str, engine: Engine, harvested: list[Any]
) -> None:
    with pytest.raises(ConfigError, match="no repository is registered as"):
        renormalise(engine, SETTINGS, source)


def test_a_catalogue_that_goes_away_is_told_as_such(
    engine: Engine, harvested: list[Any], database_url: str
) -> None:
    def end(_: Progress) -> None:
        change(
            engine,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid()",
        )

    other = connect(database_url)
    with pytest.raises(CatalogueError, match="nothing committed is lost"):
        renormalise(other, SETTINGS, None, end)
    assert renormalise(other, SETTINGS, None).resumed > 0
    other.dispose()
