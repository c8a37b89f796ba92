"""The page writer, seen through harvests: what is written, what is left alone, and that the counts are true."""

import random
from collections.abc import Callable

import pytest
import zstandard
from shelf import Shelf, dublin_core, record
from sqlalchemy import Engine, text

from harvester.catalogue.query import Scope, find
from harvester.harvest.harvest import Report, Request, harvest
from harvester.harvest.plans import Wish
from harvester.mock import FakeRepository

Harvest = Callable[..., Report]
ALL = Scope(deleted=True, all_formats=True)


def versions(engine: Engine) -> dict[str, tuple[str, str]]:
    """Where each row lies and which transaction wrote it: a row that is written again changes both."""
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT identifier, ctid::text, xmin::text FROM records"))
        return {row[0]: (row[1], row[2]) for row in rows}


def forbid_writing(engine: Engine, *columns: str) -> None:
    """From now on a statement that writes one of these columns of an existing record fails."""
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE FUNCTION forbidden() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'the metadata is written though it did not change'; END $$;"
            f"CREATE TRIGGER forbidden BEFORE UPDATE OF {', '.join(columns)} ON records "
            "FOR EACH ROW EXECUTE FUNCTION forbidden()"
        )


def counted(engine: Engine) -> dict[tuple[str, str], tuple[int, int]]:
    """(live, deleted) by format and set as counted from the records: all of them, and those that a stream has proven."""
    with engine.connect() as connection:
        rows = connection.execute(
            text(
                "SELECT format, '' AS spec, count(*) FILTER (WHERE NOT deleted), count(*) FILTER (WHERE deleted)"
                " FROM records GROUP BY format"
                " UNION ALL SELECT format, spec, count(*) FILTER (WHERE NOT deleted), count(*) FILTER (WHERE deleted)"
                " FROM records JOIN sets ON sets.id = ANY (proven_sets) GROUP BY format, spec"
            )
        )
        return {(row[0], row[1]): (row[2], row[3]) for row in rows}


def tallied(engine: Engine) -> dict[tuple[str, str], tuple[int, int]]:
    """The same as the catalogue keeps it."""
    with engine.connect() as connection:
        rows = connection.execute(
            text(
                "SELECT format, coalesce(spec, ''), live, tallies.deleted FROM tallies"
                " LEFT JOIN sets ON sets.id = set_id WHERE live <> 0 OR tallies.deleted <> 0"
            )
        )
        return {(row[0], row[1]): (row[2], row[3]) for row in rows}


def assert_mirrors(engine: Engine, repository: FakeRepository) -> None:
    """The catalogue holds what the repository holds: records, datestamps, sets, tombstones, entries."""
    held = {item.identifier: item for item in find(engine, scope=ALL)}
    store = {each.identifier: each for each in repository.store.records}
    assert set(held) == set(store)
    for identifier, record_ in store.items():
        item = held[identifier]
        assert item.deleted == record_.deleted
        assert item.datestamp == record_.datestamp.strftime("%Y-%m-%dT%H:%M:%SZ")
        assert set(record_.sets) <= set(item.sets)
        if not record_.deleted:
            assert item.entry is not None
            assert f"series {record_.ordinal + 1}" in (item.entry.title or "")
            assert (f"version {record_.revision + 1}" in (item.entry.title or "")) == bool(record_.revision)


def test_a_first_harvest_holds_what_the_repository_holds(
    engine: Engine, fake: FakeRepository, run: Harvest
) -> None:
    run(fake)
    assert_mirrors(engine, fake)
    assert tallied(engine) == counted(engine)


def test_a_record_that_comes_twice_in_a_page_is_one_record(engine: Engine, run: Harvest) -> None:
    with FakeRepository(records=60, page_size=20, faults=["duplicates:count=20"]) as repository:
        report = run(repository)
        assert_mirrors(engine, repository)
    counts = report.streams[0].counts
    assert counts.created + counts.deleted == 60
    assert tallied(engine) == counted(engine)


def test_of_twins_the_newest_wins_and_then_the_last(engine: Engine) -> None:
    twins = [
        record("oai:s:1", dublin_core("newest"), date="2024-02-01T00:00:00Z"),
        record("oai:s:1", dublin_core("older, but later in the page"), date="2024-01-01T00:00:00Z"),
        record("oai:s:2", dublin_core("first"), date="2024-01-01T00:00:00Z"),
        record("oai:s:2", dublin_core("last"), date="2024-01-01T00:00:00Z"),
        record("oai:s:3", dublin_core("live"), date="2024-01-01T00:00:00Z"),
        record("oai:s:3", None, date="2024-01-02T00:00:00Z"),
    ]
    with Shelf(oai_dc=twins) as shelf:
        harvest(engine, Request(shelf.url))
    held = {item.identifier[-1]: item for item in find(engine, scope=ALL)}
    assert held["1"].entry is not None
    assert held["1"].entry.title == "newest"
    assert held["2"].entry is not None
    assert held["2"].entry.title == "last"
    assert held["3"].deleted
    assert tallied(engine) == counted(engine)


def test_what_did_not_change_is_not_written_again(engine: Engine, fake: FakeRepository, run: Harvest) -> None:
    run(fake)
    before = versions(engine)
    again = run(fake, wish=Wish(full=True))
    assert again.streams[0].counts.unchanged == 250
    assert versions(engine) == before


def test_a_new_datestamp_or_set_leaves_the_metadata_columns_alone(
    engine: Engine, fake: FakeRepository, run: Harvest
) -> None:
    run(fake)
    before = versions(engine)
    forbid_writing(engine, "title", "creators", "entry", "xml", "hash", "identifier", "first_seen")
    live = [each.identifier for each in fake.store.records if not each.deleted]
    kept = {
        each: [spec for spec in fake.store[each].sets if not spec.startswith("portal_")] for each in live[:2]
    }
    fake.store.move(live[0], [*kept[live[0]], "portal_99", "brand_new"])
    fake.store.move(live[1], [*kept[live[1]], "portal_7777"], quietly=True)
    fake.store.delete(live[2])
    report = run(fake, wish=Wish(full=True))
    assert report.outcome == "complete"
    after = versions(engine)
    assert {identifier for identifier in after if after[identifier] != before[identifier]} == set(live[:3])
    held = {item.identifier: item for item in find(engine, scope=ALL)}
    assert sorted(held[live[0]].sets) == sorted([*kept[live[0]], "portal_99", "brand_new"])
    assert held[live[2]].deleted
    counts = report.streams[0].counts
    assert (counts.updated, counts.deleted, counts.unchanged) == (2, 1, 247)
    assert_mirrors(engine, fake)


def test_an_entry_follows_the_sets_that_it_is_read_from(
    engine: Engine, fake: FakeRepository, run: Harvest
) -> None:
    """figshare says an item's type in its set only: the same metadata in another set is another type."""
    identifier = next(each.identifier for each in fake.store.records if not each.deleted)
    fake.store.move(identifier, ["portal_1", "item_type_3"])
    run(fake)
    fake.store.move(identifier, ["portal_1", "item_type_12"])
    run(fake)
    (item,) = [item for item in find(engine) if item.identifier == identifier]
    assert item.entry is not None
    assert (item.entry.type, sorted(item.sets)) == ("Preprint", ["item_type_12", "portal_1"])


def with_about(about: str) -> str:
    return (
        "<record><header><identifier>oai:x:1</identifier><datestamp>2024-01-01</datestamp></header><metadata>"
        '<oai_dc:dc xmlns:oai_dc="http://www.openarchives.org/OAI/2.0/oai_dc/"/></metadata>'
        f"<about><p xmlns=''>{about}</p></about></record>"
    )


def test_about_that_changed_alone_is_kept(engine: Engine) -> None:
    with Shelf(oai_dc=[with_about("first")]) as shelf:
        harvest(engine, Request(shelf.url))
        shelf.formats["oai_dc"] = [with_about("second")]
        report = harvest(engine, Request(shelf.url, wish=Wish(full=True)))
    assert report.streams[0].counts.updated == 1
    with engine.connect() as connection:
        about = connection.execute(text("SELECT about FROM records")).scalar_one()
    assert b"second" in zstandard.decompress(about)


def test_a_deletion_takes_nothing_of_what_came_before(engine: Engine) -> None:
    with Shelf(oai_dc=[with_about("of a living record")]) as shelf:
        harvest(engine, Request(shelf.url))
        shelf.formats["oai_dc"] = [record("oai:x:1", None, date="2024-01-02")]
        report = harvest(engine, Request(shelf.url, wish=Wish(full=True)))
    assert report.streams[0].counts.deleted == 1
    with engine.connect() as connection:
        about, xml, entry = connection.execute(text("SELECT about, xml, entry FROM records")).one()
    assert b"of a living record" in zstandard.decompress(about)
    assert xml is not None
    assert entry is not None


def test_a_set_with_a_long_name_is_kept(engine: Engine) -> None:
    spec = "s" * 5000
    with Shelf(oai_dc=[record("oai:x:1", dublin_core("title"), sets=(spec,))]) as shelf:
        harvest(engine, Request(shelf.url))
    (item,) = find(engine)
    assert item.sets == (spec,)


def test_a_record_that_comes_back_is_live_again_with_its_old_content(
    engine: Engine, fake: FakeRepository, run: Harvest
) -> None:
    run(fake)
    first = {item.identifier: item.first_seen for item in find(engine, scope=ALL)}
    identifier = next(each.identifier for each in fake.store.records if not each.deleted)
    fake.store.delete(identifier)
    run(fake)
    assert tallied(engine) == counted(engine)
    fake.store.undelete(identifier)
    run(fake)
    assert_mirrors(engine, fake)
    assert tallied(engine) == counted(engine)
    assert {item.identifier: item.first_seen for item in find(engine, scope=ALL)} == first


@pytest.mark.parametrize("seed", range(3))
def test_counts_stay_true_through_whatever_happens(seed: int, engine: Engine, run: Harvest) -> None:
    """Revisions, deletions, revivals, moves and new records, harvested by streams with and without a set."""
    chance = random.Random(seed)
    with FakeRepository(records=80, page_size=13, seed=seed) as repository:
        store = repository.store
        sets = [f"portal_{number}" for number in range(1, 5)]
        run(repository)
        for _ in range(12):
            for each in chance.sample(store.records, 9):
                change = chance.choice(["revise", "delete", "undelete", "move", "quietly", "add"])
                if change == "revise" and not each.deleted:
                    store.revise(each.identifier)
                elif change == "delete":
                    store.delete(each.identifier)
                elif change == "undelete" and each.deleted:
                    store.undelete(each.identifier)
                elif change in ("move", "quietly"):
                    store.move(each.identifier, chance.sample(sets, 2), quietly=change == "quietly")
                elif change == "add":
                    store.add(2, sets=chance.sample(sets, 1))
            full = chance.random() < 0.3
            wanted = chance.choice([[], [chance.choice(sets)], chance.sample(sets, 2)])
            report = run(repository, sets=wanted, wish=Wish(full=full))
            assert report.outcome in ("complete", "complete_unverified")
            assert tallied(engine) == counted(engine)
        run(repository, sets=[""], wish=Wish(full=True))
        assert_mirrors(engine, repository)
        assert tallied(engine) == counted(engine)


def preferred(engine: Engine, scope: Scope = Scope(deleted=True)) -> dict[str, str]:  # noqa: B008 - frozen
    found = [(item.identifier, item.format) for item in find(engine, scope=scope)]
    assert len(found) == len(dict(found)), "one format stands for an item, and only one"
    return dict(found)


@pytest.mark.parametrize(
    "order", [["aaa", "oai_dc", "zzz"], ["zzz", "oai_dc", "aaa"], ["oai_dc", "zzz", "aaa"]]
)
def test_one_format_stands_for_an_item_the_best_that_is_live(order: list[str], engine: Engine) -> None:
    """Only oai_dc has a crosswalk of its own here; the others are read as best they can be."""
    one, two = "oai:s:1", "oai:s:2"
    shelf = Shelf(
        oai_dc=[record(one, dublin_core("x")), record(two, dublin_core("y"))],
        aaa=[record(one, "<a>x</a>")],
        zzz=[record(one, "<z>x</z>"), record(two, "<z>y</z>")],
    )

    def step(prefix: str, *listed: str) -> None:
        shelf.formats[prefix] = list(listed)
        harvest(engine, Request(shelf.url, formats=[prefix], wish=Wish(full=True)))

    with shelf:
        for prefix in order:
            harvest(engine, Request(shelf.url, formats=[prefix]))
        assert preferred(engine) == {one: "oai_dc", two: "oai_dc"}
        step("oai_dc", record(one, None, date="2024-02-01T00:00:00Z"))
        assert preferred(engine) == {one: "aaa", two: "oai_dc"}
        step("aaa", record(one, None, date="2024-02-01T00:00:00Z"))
        assert preferred(engine) == {one: "zzz", two: "oai_dc"}
        step("zzz", record(one, None, date="2024-02-01T00:00:00Z"))
        assert preferred(engine, Scope()) == {two: "oai_dc"}
        assert set(preferred(engine)) == {one, two}
        step("oai_dc", record(one, dublin_core("x"), date="2024-03-01T00:00:00Z"))
        assert preferred(engine) == {one: "oai_dc", two: "oai_dc"}
    assert tallied(engine) == counted(engine)
