"""Deriving entries again: nothing is asked, nothing is done twice, and nothing that a harvest writes is undone."""

from collections.abc import Callable
from dataclasses import replace
from itertools import chain, repeat
from typing import Any

import pytest
from asking import Asker
from oracle import assert_same
from spoiling import CONTENTS, SETTINGS, SPOIL, change, one, rows, with_tombstones
from sqlalchemy import Engine

from harvester.catalogue import renormalisation
from harvester.catalogue.connection import connect
from harvester.catalogue.query import changed_since
from harvester.crosswalk import registry
from harvester.errors import CatalogueError, ConfigError, Interrupted
from harvester.harvest import rereading
from harvester.harvest.harvest import Report
from harvester.harvest.renormalise import Progress, renormalise
from harvester.mock import FakeRepository

Harvest = Callable[..., Report]


def after(batches: int) -> Callable[[], bool]:
    """Stops when it has been asked so often."""
    return chain(repeat(False, batches), repeat(True)).__next__


@pytest.fixture
def harvested(engine: Engine, fake: FakeRepository, run: Harvest) -> list[Any]:
    """The contents of a catalogue with live records, tombstones that had an entry, and tombstones that never had one."""
    return with_tombstones(engine, fake, run)


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

    before = 0
    for _ in range(4):
        with pytest.raises(Interrupted, match="goes on from here"):
            renormalise(engine, SETTINGS, None, hear, after(19))
        assert heard[-1].resumed == before
        before = heard[-1].read
        told = one(engine, "SELECT count(*) FROM records WHERE title <> 'spoilt'")
        assert told == before, "what was told is committed, and no more"
    done = renormalise(engine, SETTINGS, None, hear)
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
    return str(one(engine, f"SELECT identifier FROM records WHERE item_key = '\\x{stored.item_key.hex()}'"))


def test_nothing_is_published_where_every_row_was_changed_by_a_harvest(
    engine: Engine, harvested: list[Any]
) -> None:
    with engine.connect() as connection:
        each = renormalisation.open_slices(connection, renormalisation.ALL, {})[0]
        batch = renormalisation.next_batch(connection, each, 4)
        change(engine, "UPDATE records SET page_id = 999")
        with connection.begin():
            assert renormalisation.rewrite(connection, [(stored, stored.entry) for stored in batch]) is None


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
