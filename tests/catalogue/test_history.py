"""What a record was: no version is lost that a page ends, none is made of what did not change."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from shelf import Shelf, dublin_core, record
from sqlalchemy import Engine, text

from harvester.catalogue import history, takedowns
from harvester.catalogue.ledger import Stream
from harvester.catalogue.query import Scope, find
from harvester.catalogue.query import metadata_xml as current_xml
from harvester.catalogue.versions import Version, metadata_xml, versions
from harvester.config import Settings
from harvester.harvest.harvest import Report
from harvester.harvest.plans import Wish
from harvester.harvest.renormalise import renormalise
from harvester.mock import FakeRepository

Harvest = Callable[..., Report]
ID = "oai:a:1"
FULL = Wish(full=True)
FIGSHARE = "<dc:identifier>10.6084/m9.figshare.1</dc:identifier>"


def one(engine: Engine, statement: str) -> Any:
    with engine.connect() as connection:
        return connection.execute(text(statement)).scalar()


def number(engine: Engine) -> int:
    return int(one(engine, "SELECT count(*) FROM history"))


def dated(day: int, metadata: str | None, **more: Any) -> str:
    return record(ID, metadata, date=f"2024-01-{day:02}T00:00:00Z", **more)


class Life:
    """The life of one record: each step is what the repository says of it then, harvested whole."""

    def __init__(self, engine: Engine, run: Harvest) -> None:
        self.engine, self.run = engine, run

    def __call__(self, *steps: str) -> list[Version]:
        with Shelf(oai_dc=[]) as shelf:
            for step in steps:
                shelf.formats["oai_dc"] = [step]
                assert self.run(shelf.url, wish=FULL).outcome.startswith("complete")
        return versions(self.engine, ID)


@pytest.fixture
def life(engine: Engine, run: Harvest) -> Life:
    return Life(engine, run)


def test_every_version_of_a_record_is_told_with_the_run_that_brought_it(life: Life) -> None:
    found = life(
        dated(1, dublin_core("First", "<dc:creator>Curie, Marie</dc:creator>")),
        dated(2, dublin_core("Second", "<dc:creator>Curie, Marie</dc:creator>"), sets=("a",)),
        dated(3, None, sets=("a",)),
        dated(4, dublin_core("Fourth"), sets=("b",)),
    )
    assert [(each.title, each.datestamp[:10], each.deleted, each.sets) for each in found] == [
        ("Fourth", "2024-01-04", False, ("b",)),
        ("Second", "2024-01-03", True, ("a",)),
        ("Second", "2024-01-02", False, ("a",)),
        ("First", "2024-01-01", False, ()),
    ]
    assert [each.deleted_reason for each in found] == [None, "deleted_at_source", None, None]
    assert [each.header_only for each in found] == [False, True, False, False]
    assert [each.changed for each in found] == [
        ("datestamp", "sets", "deleted", "title", "titles", "creators"),
        ("datestamp", "deleted"),
        ("datestamp", "sets", "title", "titles"),
        (),
    ]
    runs = [each.run for each in found]
    assert len({run.id for run in runs if run is not None}) == 4
    assert [run.id for run in runs if run] == sorted((run.id for run in runs if run), reverse=True)
    assert [each.ended_at is None for each in found] == [True, False, False, False]
    ends = [each.ended_at for each in found if each.ended_at]
    assert ends == sorted(ends, reverse=True)
    assert {each.received for each in found} == {datetime(2024, 5, 1, tzinfo=UTC)}


def test_the_xml_of_every_version_is_there_also_where_only_the_header_changed(
    life: Life, engine: Engine
) -> None:
    found = life(
        dated(1, None),
        dated(2, None, sets=("a",)),
        dated(3, dublin_core("One")),
        dated(4, dublin_core("One"), sets=("a",)),
        dated(5, dublin_core("One"), sets=("b",)),
        dated(6, dublin_core("Two")),
        dated(7, None),
        dated(8, dublin_core("One")),
        dated(9, dublin_core("One"), sets=("c",)),
    )
    titles = [each.title for each in found]
    assert titles == ["One", "One", "Two", "Two", "One", "One", "One", None, None]
    for each in found:
        kept = metadata_xml(engine, each)
        assert (kept is None) == (each.title is None)
        assert kept is None or f"<dc:title>{each.title}</dc:title>".encode() in kept
    assert one(engine, "SELECT count(*) FROM history WHERE xml IS NOT NULL") == 2, "nothing is kept twice"
    assert [each.entry is None for each in found] == [title is None for title in titles]


def test_what_did_not_change_makes_no_version(engine: Engine, fake: FakeRepository, run: Harvest) -> None:
    run(fake)
    run(fake, wish=FULL)
    run(fake)
    assert number(engine) == 0


def test_a_guessed_datestamp_makes_no_version(life: Life, engine: Engine) -> None:
    same = record(ID, dublin_core("No date"), date="")
    life(same, same)
    assert number(engine) == 0


def test_a_set_that_was_proven_makes_no_version_but_one_that_was_entered_does(
    engine: Engine, run: Harvest
) -> None:
    """A harvest of a set tells us more; of the record it tells nothing new where its header had named the set."""
    listed = [record("oai:a:1", dublin_core("In"), sets=("a",)), record("oai:a:2", dublin_core("Not said"))]
    with Shelf(oai_dc=listed) as shelf:
        run(shelf.url)
        run(shelf.url, sets=["a"])
    assert len(versions(engine, "oai:a:1")) == 1
    assert [each.changed for each in versions(engine, "oai:a:2")] == [("sets",), ()]


def test_a_version_has_the_entry_that_its_own_sets_made(life: Life) -> None:
    """figshare's item type is a set: the metadata stays the same, and the type was another."""
    found = life(
        dated(1, dublin_core("Same", FIGSHARE), sets=("item_type_3",)),
        dated(2, dublin_core("Same", FIGSHARE), sets=("item_type_1",)),
        dated(3, dublin_core("Same", FIGSHARE), sets=("item_type_1", "a")),
    )
    assert [each.entry.type if each.entry else None for each in found][2] == "Dataset"
    assert found[0].entry == found[1].entry != found[2].entry
    assert [each.header_only for each in found] == [True, True, False]
    assert "type" in found[1].changed
    assert found[0].changed == ("datestamp", "sets")


def test_a_version_keeps_what_is_said_about_it(life: Life) -> None:
    about = "<about><p xmlns='urn:p'>{}</p></about></record>"
    steps = [dated(1, dublin_core("Same")).replace("</record>", about.format(said)) for said in "ab"]
    found = life(*steps)
    assert [each.changed for each in found] == [("about",), ()]


def test_each_format_has_a_history_of_its_own(engine: Engine, run: Harvest) -> None:
    mods = '<mods xmlns="http://www.loc.gov/mods/v3"><titleInfo><title>{}</title></titleInfo></mods>'
    with Shelf(oai_dc=[record(ID, dublin_core("Dublin"))], mods=[record(ID, mods.format("One"))]) as shelf:
        run(shelf.url, formats=["oai_dc", "mods"])
        shelf.formats["mods"] = [dated(9, mods.format("Two"))]
        run(shelf.url, formats=["oai_dc", "mods"], wish=FULL)
    assert [(each.format, each.title) for each in versions(engine, ID)] == [
        ("mods", "Two"), ("mods", "One"), ("oai_dc", "Dublin"),
    ]  # fmt: skip


def test_repositories_that_know_one_identifier_are_told_apart(engine: Engine, run: Harvest) -> None:
    with Shelf(oai_dc=[record(ID, dublin_core("x"))]) as shelf:
        run(shelf.url, name="one")
        run(f"{shelf.url}/twin", name="two")
    assert sorted(each.repository for each in versions(engine, ID)) == ["one", "two"]
    assert [each.repository for each in versions(engine, ID, repository="two")] == ["two"]
    assert versions(engine, ID, repository="three") == versions(engine, "a\0b") == []


def test_derived_entries_make_no_version_and_hide_no_run_that_is_known(
    life: Life, engine: Engine, tmp_path: Path
) -> None:
    """renormalise gives a record another page; the next harvest ends a version that this page has not brought."""
    before = life(dated(1, dublin_core("One")), dated(2, dublin_core("Two")))
    with engine.begin() as connection:
        connection.execute(text("UPDATE records SET title = 'spoilt'"))
    assert renormalise(engine, Settings(tmp_path), None).changed == 1
    assert versions(engine, ID)[0].run == before[0].run
    assert number(engine) == 1
    with Shelf(oai_dc=[dated(3, dublin_core("Three"))]) as shelf, engine.begin() as connection:
        connection.execute(text("UPDATE repositories SET base_url = :url"), {"url": shelf.url})
        connection.commit()
        life.run(shelf.url, wish=FULL)
    after = versions(engine, ID)
    assert [each.title for each in after] == ["Three", "Two", "One"]
    assert [each.run for each in after[1:]] == [each.run for each in before]
    assert [metadata_xml(engine, each) is not None for each in after] == [True] * 3


def test_the_history_of_a_repository_that_lives_is_what_was_harvested(engine: Engine, run: Harvest) -> None:
    """Each step's catalogue is remembered, and found again as the versions that stood then."""
    at = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=30)
    expected: dict[str, list[tuple[str, bool, bytes | None]]] = {}
    changes = 0
    with FakeRepository(records=60, page_size=20, now=lambda: at) as fake:
        for step in range(5):
            for each in fake.store.records[step :: step + 5] if step else ():
                if each.deleted:
                    fake.store.undelete(each.identifier)
                elif step % 2:
                    fake.store.delete(each.identifier)
                else:
                    fake.store.revise(each.identifier)
                changes += 1
            run(fake, wish=FULL)
            at += timedelta(minutes=1)
            for item in find(engine, scope=Scope(deleted=True)):
                lived = expected.setdefault(item.identifier, [])
                if (item.datestamp, item.deleted) not in [each[:2] for each in lived[-1:]]:
                    lived.append((item.datestamp, item.deleted, current_xml(engine, item)))
    assert number(engine) == changes == sum(len(lived) - 1 for lived in expected.values())
    assert max(map(len, expected.values())) > 2
    for identifier, lived in expected.items():
        found = versions(engine, identifier) if len(lived) > 1 else []
        told = [(each.datestamp, each.deleted, metadata_xml(engine, each)) for each in found]
        assert told == (lived[::-1] if len(lived) > 1 else [])


def test_a_version_that_is_kept_already_does_not_fail(life: Life, engine: Engine) -> None:
    life(dated(1, dublin_core("One")), dated(2, dublin_core("Two")))
    key = one(engine, "SELECT item_key FROM records")
    with engine.begin() as connection:
        for kept in (history.Kept.WHOLE, history.Kept.WHOLE, history.Kept.HEADER):
            history.keep(connection, stream(engine), 99, {key: kept})
        history.keep(connection, stream(engine), 99, {b"nobody": history.Kept.WHOLE})
        history.keep(connection, stream(engine), 99, {})
    assert number(engine) == 2


def stream(engine: Engine) -> Stream:
    return Stream(1, one(engine, "SELECT id FROM repositories"), "", 0, "oai_dc", None)


def test_of_two_writers_at_once_each_keeps_what_it_overwrites(life: Life, engine: Engine) -> None:
    """One repository under two names has two hosts, and so two harvests: the second must not keep what the first has ended."""
    life(dated(1, dublin_core("One")))
    key, mine = one(engine, "SELECT item_key FROM records"), stream(engine)

    def write(page: int, before_commit: Callable[[], None] = lambda: None) -> None:
        with engine.begin() as connection:
            history.keep(connection, mine, page, {key: history.Kept.WHOLE})
            connection.execute(
                text("UPDATE records SET page_id = :page, title = 'by ' || :page"), {"page": page}
            )
            before_commit()

    second = threading.Thread(target=write, args=(1002,))

    def meanwhile() -> None:
        second.start()
        deadline = time.monotonic() + 30
        while not one(engine, "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"):
            assert time.monotonic() < deadline
            assert second.is_alive()

    write(1001, meanwhile)
    second.join()
    found = [(each.title, each.place[3]) for each in versions(engine, ID)]
    assert found[:2] == [("by 1002", 1002), ("by 1001", 1001)]
    assert found[2][0] == "One"


def age(engine: Engine, days: int) -> None:
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE history SET ended_at = ended_at - make_interval(days => :d)"), {"d": days}
        )


def test_old_versions_are_forgotten_and_younger_ones_stay_whole(
    engine: Engine, run: Harvest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "_BATCH", 7)

    def listed(title: str, **more: Any) -> list[str]:
        return [record(f"oai:a:{n}", dublin_core(f"{title} {n}"), **more) for n in range(20)]

    with Shelf(oai_dc=listed("First")) as shelf:
        run(shelf.url, name="one")
        shelf.formats["oai_dc"] = listed("Second", date="2024-01-02T00:00:00Z")
        run(shelf.url, wish=FULL)
        age(engine, 400)
        shelf.formats["oai_dc"] = listed("Second", date="2024-01-03T00:00:00Z", sets=("b",))
        run(shelf.url, wish=FULL)
    owner = one(engine, "SELECT id FROM repositories")
    with engine.connect() as connection:
        assert history.forget_older(connection, owner + 1, 365 * 86_400) == 0
        assert history.forget_older(connection, owner, 500 * 86_400) == 0
        assert history.forget_older(connection, owner, 365 * 86_400) == 20
        assert history.forget_older(connection, owner, 365 * 86_400) == 0
    assert number(engine) == 20
    found = versions(engine, "oai:a:7")
    assert [(each.title, each.changed) for each in found] == [
        ("Second 7", ("datestamp", "sets")),
        ("Second 7", ()),
    ]
    assert all(metadata_xml(engine, each) is not None for each in found)
    assert found[1].run is not None
    assert len(list(find(engine))) == 20


def test_a_suppressed_item_shows_no_history(life: Life, engine: Engine) -> None:
    found = life(dated(1, dublin_core("One")), dated(2, dublin_core("Two")))
    takedowns.suppress(engine, ID, reason="r", by="me")
    assert versions(engine, ID) == []
    assert [metadata_xml(engine, each) for each in found] == [None, None]
    takedowns.restore(engine, ID, reason="r", by="me")
    assert [each.title for each in versions(engine, ID)] == ["Two", "One"]
