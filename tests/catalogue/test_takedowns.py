"""What must not be shown is not shown, what must not be kept is nowhere, whatever is harvested afterwards."""

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
import zstandard
from shelf import Shelf, dublin_core, record
from sqlalchemy import Engine, make_url, text

from harvester.catalogue import kept_xml, query, writer
from harvester.catalogue.connection import connect
from harvester.catalogue.ledger import Stream
from harvester.catalogue.purges import Purge, purge
from harvester.catalogue.quarantine import put_aside
from harvester.catalogue.query import Item, Scope, changed_since, count, find, get, metadata_xml, search
from harvester.catalogue.status import status
from harvester.catalogue.takedowns import audit, restore, suppress
from harvester.catalogue.versions import versions
from harvester.config import RepositorySettings, Settings
from harvester.errors import ConfigError, HarvesterError
from harvester.harvest.harvest import Report, Request, harvest
from harvester.harvest.plans import Wish
from harvester.harvest.renormalise import renormalise
from harvester.mock import FakeRepository

Harvest = Callable[..., Report]
FULL = Wish(full=True)
EVERYTHING = Scope(deleted=True, all_formats=True)
ID, OTHER = "oai:a:1", "oai:a:12"
MODS = '<mods xmlns="http://www.loc.gov/mods/v3"><titleInfo><title>{}</title></titleInfo></mods>'
CANARY = "zanarivögel"


def rows(engine: Engine, statement: str, **values: Any) -> list[Any]:
    with engine.connect() as connection:
        return list(connection.execute(text(statement), values).all())


def one(engine: Engine, statement: str) -> Any:
    return rows(engine, statement)[0][0]


def hide(engine: Engine, identifier: str = ID, **more: Any) -> int:
    return suppress(engine, identifier, reason="a court order", by="librarian", **more).records


def show(engine: Engine, identifier: str = ID) -> int:
    return restore(engine, identifier, reason="lifted", by="another").records


def empty(engine: Engine, identifier: str = ID, **more: Any) -> Purge:
    return purge(engine, identifier, reason="a request", by="librarian", **more)


def everywhere(engine: Engine, identifier: str = ID) -> list[Item]:
    """Whatever the query module tells of an item, but for the feed."""
    found = [*find(engine, scope=EVERYTHING), *find(engine), *search(engine, "", limit=1000)]
    found += list(find(engine, "format:oai_dc", scope=EVERYTHING))
    return [*(each for each in found if each.identifier == identifier), *get(engine, identifier)]


def followed(engine: Engine, mirror: dict[Any, Item], seq: int = 0) -> int:
    """Bring a mirror up to date from the feed; the last seq."""
    while batch := changed_since(engine, seq, limit=3):
        mirror |= {(item.identifier, item.format): item for _, item in batch}
        seq = batch[-1][0]
    return seq


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    """Two formats of two items, one of them in a set."""
    listed = [record(ID, dublin_core("One"), sets=("a",)), record(OTHER, dublin_core("Twelve"), sets=("a",))]
    with Shelf(oai_dc=listed, mods=[record(ID, MODS.format("Uno"))]) as served:
        yield served


def test_a_suppressed_item_is_in_no_answer_and_comes_back_when_it_is_undone(
    engine: Engine, run: Harvest, shelf: Shelf
) -> None:
    run(shelf.url, formats=["oai_dc", "mods"])
    before, xml = everywhere(engine), get(engine, ID)
    assert (count(engine), count(engine, scope=EVERYTHING)) == (2, 3)
    assert hide(engine) == 2
    assert everywhere(engine) == []
    assert (count(engine), count(engine, scope=EVERYTHING)) == (1, 1)
    assert [metadata_xml(engine, each) for each in xml] == [None, None]
    assert [each.identifier for each in everywhere(engine, OTHER)] == [OTHER] * 5
    assert show(engine) == 2
    assert everywhere(engine) == before
    assert count(engine, scope=EVERYTHING) == 3
    assert metadata_xml(engine, xml[0]) is not None


def test_it_stays_hidden_when_it_is_harvested_again_and_in_other_formats(
    engine: Engine, run: Harvest, shelf: Shelf
) -> None:
    run(shelf.url)
    hide(engine)
    shelf.formats["oai_dc"] = [record(ID, dublin_core("Changed"), date="2024-02-01T00:00:00Z")]
    run(shelf.url, formats=["oai_dc", "mods"], wish=FULL)
    assert everywhere(engine) == []
    shelf.formats["oai_dc"] = [record(ID, None, date="2024-02-02T00:00:00Z")]
    run(shelf.url, wish=FULL)
    shelf.formats["oai_dc"] = [record(ID, dublin_core("Revived"), date="2024-02-03T00:00:00Z")]
    run(shelf.url, wish=FULL)
    assert everywhere(engine) == []
    show(engine)
    assert {each.entry.title for each in get(engine, ID) if each.entry} == {"Revived", "Uno"}, (
        "nothing was lost"
    )


def test_whoever_follows_the_feed_hears_that_an_item_is_gone_and_that_it_is_back(
    engine: Engine, run: Harvest, shelf: Shelf
) -> None:
    mirror: dict[Any, Item] = {}
    run(shelf.url, formats=["oai_dc", "mods"])
    seq = followed(engine, mirror)
    before = dict(mirror)
    hide(engine)
    last = followed(engine, mirror, seq)
    assert last > seq
    assert {each.identifier for _, each in changed_since(engine, seq)} == {ID}
    for (identifier, _), item in mirror.items():
        assert (item.deleted, item.entry is None) == ((True, True) if identifier == ID else (False, False))
    shelf.formats["oai_dc"] = [record(ID, dublin_core("Changed"), date="2024-02-01T00:00:00Z")]
    run(shelf.url, wish=FULL)
    last = followed(engine, mirror, last)
    assert mirror[ID, "oai_dc"].deleted
    fresh: dict[Any, Item] = {}
    followed(engine, fresh)
    assert fresh == mirror, "whoever begins now hears the same"
    show(engine)
    followed(engine, mirror, last)
    assert {key: item.deleted for key, item in mirror.items()} == dict.fromkeys(before, False)
    assert mirror[ID, "mods"] == before[ID, "mods"]


def test_the_audit_keeps_who_did_what_and_why(engine: Engine, run: Harvest, shelf: Shelf) -> None:
    run(shelf.url, name="one")
    assert audit(engine) == []
    first = suppress(engine, ID, reason="a court order", by="librarian")
    again = suppress(engine, ID, reason="twice", by="somebody")
    assert (first.records, again.records) == (1, 0)
    assert (again.reason, again.done_by, again.done_at) == ("a court order", "librarian", first.done_at)
    show(engine)
    hide(engine)
    empty(engine)
    found = audit(engine)
    assert [(each.kind, each.reason, each.done_by, each.undone_by, each.undone_reason) for each in found] == [
        ("purge", "a request", "librarian", None, None),
        ("suppress", "a court order", "librarian", None, None),
        ("suppress", "a court order", "librarian", "another", "lifted"),
    ]
    assert {(each.identifier, each.repository) for each in found} == {(ID, "one")}
    assert found[2].undone_at is not None
    assert len(audit(engine, ID, repository="one")) == 3
    assert audit(engine, OTHER) == audit(engine, repository="two") == []


def test_two_who_suppress_at_once_leave_one_takedown(engine: Engine, run: Harvest, shelf: Shelf) -> None:
    run(shelf.url)
    together = threading.Barrier(4)

    def act() -> None:
        together.wait()
        hide(engine)

    threads = [threading.Thread(target=act) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(audit(engine)) == 1


@pytest.mark.parametrize("act", [hide, show, empty])
def test_an_identifier_that_is_not_known_or_not_certain_is_refused(
    act: Callable[..., Any], engine: Engine, run: Harvest, shelf: Shelf
) -> None:
    with pytest.raises(HarvesterError, match="no record has the identifier 'oai:nobody'"):
        act(engine, "oai:nobody")
    run(shelf.url, name="one")
    run(f"{shelf.url}/twin", name="two")
    with pytest.raises(ConfigError, match=r"several repositories know 'oai:a:1': one, two; .*--repository"):
        act(engine, ID)
    with pytest.raises(ConfigError, match="no repository is registered as 'three'"):
        suppress(engine, ID, reason="r", by="b", repository="three")
    assert audit(engine) == []


def test_only_the_item_of_the_repository_that_is_meant_is_taken_down(
    engine: Engine, run: Harvest, shelf: Shelf
) -> None:
    run(shelf.url, name="one")
    run(f"{shelf.url}/twin", name="two")
    hide(engine, repository="two")
    assert [each.repository for each in get(engine, ID)] == ["one"]
    empty(engine, repository="one")
    (left,) = get(engine, ID)
    assert (left.repository, left.deleted, left.entry) == ("one", True, None)
    with pytest.raises(ConfigError, match="is not suppressed"):
        restore(engine, ID, reason="r", by="b", repository="one")
    restore(engine, ID, reason="r", by="b", repository="two")
    assert [each.entry is None for each in sorted(get(engine, ID), key=lambda each: each.repository)] == [
        True,
        False,
    ]


# What a purge leaves.


def realistic() -> Iterator[str]:
    """Records enough to train a dictionary on, the one with the canary among them."""
    with FakeRepository(records=1250) as fake:
        for each in fake.store.records[:40]:
            yield record(each.identifier, None if each.metadata is None else each.metadata.decode())
        yield with_canary()
        for each in fake.store.records[40:]:
            yield record(each.identifier, None if each.metadata is None else each.metadata.decode())


def with_canary(more: str = "", date: str = "2024-01-01T00:00:00Z", **of: Any) -> str:
    said = f"<dc:creator>{CANARY}, Ann</dc:creator><dc:identifier>10.5555/{CANARY}</dc:identifier>"
    said += (
        f"<dc:description>About the {CANARY}: {more}</dc:description><dc:publisher>{CANARY}</dc:publisher>"
    )
    about = f"</metadata><about><p xmlns='urn:p'>{CANARY}</p></about>"
    return record(ID, dublin_core(f"The {CANARY} {more}", said), date=date, **of).replace(
        "</metadata>", about
    )


def unpacked(value: bytes, decompressors: list[zstandard.ZstdDecompressor]) -> Iterator[bytes]:
    yield value
    for each in decompressors:
        try:
            yield each.decompress(value, max_output_size=kept_xml.LARGEST)
        except zstandard.ZstdError:
            continue


def holds(value: Any, decompressors: list[zstandard.ZstdDecompressor]) -> bool:
    if isinstance(value, bytes | memoryview):
        return any(CANARY.encode() in each for each in unpacked(bytes(value), decompressors))
    return CANARY in (json.dumps(value, ensure_ascii=False, default=str))


def traces(engine: Engine) -> set[str]:
    """Where the canary is: in which table and column, the planner's statistics and the dictionaries included; in which answer."""
    found = set()
    with engine.connect() as connection:
        decompressors = list(kept_xml.decompressors(connection).values())
        tables = connection.scalars(
            text("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
        ).all()
        assert {"records", "history", "quarantine", "dictionaries", "runs"} <= {*tables}
        for table in tables:
            for row in connection.execute(text(f"SELECT * FROM {table}")).mappings():
                found |= {f"{table}.{name}" for name, value in row.items() if holds(value, decompressors)}
        statistics = "SELECT tablename, attname, to_jsonb(pg_stats)::text FROM pg_stats"
        for table, name, said in connection.execute(text(statistics)):
            found |= {f"the statistics of {table}.{name}"} if CANARY in said else set()
    lines = [each.export_line() for each in find(engine, scope=EVERYTHING)]
    lines += [each.export_line() for _, each in changed_since(engine, limit=10_000)]
    answers = {"exports": lines, "show": [str(each) for each in get(engine, ID)]}
    answers |= {"history": [str(each) for each in versions(engine, ID)]}
    return found | {name for name, said in answers.items() if CANARY in json.dumps(said, ensure_ascii=False)}


@pytest.fixture(scope="module")
def trained(postgres: str, template: str) -> Iterator[Engine]:
    """A catalogue with a dictionary, and an item that has left traces wherever an item can leave them; then purged."""
    name = f"harvester_purge_{os.getpid()}"
    server = make_url(postgres).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")  # type: ignore[arg-type]
        engine = connect(make_url(postgres).set(database=name).render_as_string(hide_password=False))
        with Shelf(oai_dc=list(realistic()), mods=[record(ID, MODS.format(CANARY))]) as shelf:
            leave_traces(engine, shelf)
        yield engine
        engine.dispose()
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")  # type: ignore[arg-type]


def leave_traces(engine: Engine, shelf: Shelf) -> None:
    harvest(engine, Request(shelf.url, formats=["oai_dc", "mods"], name="one"))
    for day, said in ((2, "revised"), (3, "revised"), (4, "once more")):
        shelf.formats["oai_dc"] = [with_canary(said, f"2024-01-0{day}T00:00:00Z", sets=("a",) * (day > 2))]
        harvest(engine, Request("one", formats=["oai_dc"], wish=FULL))
    owner = one(engine, "SELECT id FROM repositories")
    stream = Stream(1, owner, "", 0, "qdc", None)
    raw = f"<record><header><identifier>{ID}</identifier>{CANARY}".encode()
    with engine.begin() as connection:
        put_aside(connection, stream, 1, [("no_header", raw, ID), ("no_identifier", raw, None)])
        put_aside(connection, stream, 1, [("no_identifier", raw.replace(b"a:1<", b"a:12<"), None)])
        for table in ("runs", "quarantine"):
            said = json.dumps({"url": "http://x/", "status": 500, "excerpt": raw.decode()})
            connection.execute(text(f"UPDATE {table} SET evidence = CAST(:said AS jsonb)"), {"said": said})
        connection.execute(text("ANALYZE"))


BEFORE = {
    *(f"records.{name}" for name in ("title", "creators", "doi", "entry", "xml", "about")),
    *(f"history.{name}" for name in ("title", "entry", "xml", "about")),
    "the statistics of history.title",
    *("quarantine.raw", "quarantine.evidence", "runs.evidence", "exports", "show", "history"),
}


def test_nothing_of_what_was_purged_is_left_in_any_table_or_export(trained: Engine) -> None:
    assert one(trained, "SELECT count(*) FROM dictionaries") >= 1
    assert one(trained, "SELECT count(*) FROM records WHERE dictionary_id IS NOT NULL") > 50
    assert traces(trained) >= BEFORE
    done = empty(trained)
    assert (done.takedown.records, done.versions, done.quarantined, done.vacuumed) == (2, 3, 2, True)
    # The bytes of another record, whose identifier only begins alike, are not ours to take.
    assert traces(trained) == {"quarantine.raw"}
    assert (
        len(rows(trained, "SELECT 1 FROM quarantine WHERE resolution = 'purged' AND resolved_at IS NOT NULL"))
        == 2
    )
    assert one(trained, "SELECT evidence->>'status' FROM runs LIMIT 1") == "500", (
        "that it failed is known still"
    )
    assert [(each.deleted, each.entry) for each in get(trained, ID)] == [(True, None)] * 2
    assert versions(trained, ID)[0].deleted_reason == "purged"
    assert empty(trained).versions == 0, "once more does no harm"
    vacuumed = "SELECT relname FROM pg_stat_user_tables WHERE last_vacuum IS NOT NULL"
    assert {each[0] for each in rows(trained, vacuumed)} == {"records", "history", "quarantine", "runs"}


def tally(engine: Engine) -> dict[tuple[str, str], tuple[int, int]]:
    said = rows(
        engine,
        "SELECT format, coalesce(spec, ''), live, deleted FROM tallies LEFT JOIN sets ON sets.id = set_id",
    )
    return {(format_, spec): (live, gone) for format_, spec, live, gone in said}


def counted(engine: Engine) -> dict[tuple[str, str], tuple[int, int]]:
    """The same, counted record by record."""
    said = rows(
        engine,
        "SELECT format, coalesce(spec, ''), count(*) FILTER (WHERE NOT deleted), count(*) FILTER (WHERE deleted)"
        " FROM records, unnest(0 || proven_sets) AS number LEFT JOIN sets ON sets.id = number GROUP BY 1, 2",
    )
    return {(format_, spec): (live, gone) for format_, spec, live, gone in said}


def content(engine: Engine) -> list[Any]:
    return rows(
        engine,
        f"SELECT {', '.join(writer.EntryColumns._fields)}, hash, xml, about, deleted_reason FROM records WHERE identifier = '{ID}'",
    )


def test_a_purged_item_stays_empty_whatever_is_harvested_afterwards(
    engine: Engine, run: Harvest, shelf: Shelf
) -> None:
    run(shelf.url, sets=["a"])
    empty(engine)
    tombstone = content(engine)
    assert {each for each in tombstone[0] if each is not None} == {"purged"}
    assert tally(engine) == counted(engine) == {("oai_dc", ""): (1, 1), ("oai_dc", "a"): (1, 1)}
    seen = changed_since(engine)[-1][0]
    for title, date in ((CANARY, "2024-02-01"), (None, "2024-02-02"), (CANARY, "2024-02-03")):
        metadata = None if title is None else dublin_core(title)
        shelf.formats["oai_dc"] = [record(ID, metadata, date=f"{date}T00:00:00Z"), record("oai:a:new", MODS)]
        shelf.formats["mods"] = [record(ID, MODS.format(CANARY)), record("oai:a:new", MODS)]
        report = run(shelf.url, sets=["a", ""], formats=["oai_dc", "mods"], wish=FULL)
        assert {each.outcome for each in report.streams} <= {"complete", "complete_unverified"}
    assert content(engine) == tombstone
    assert traces(engine) == set()
    assert tally(engine) == counted(engine)
    assert ID not in {each.identifier for _, each in changed_since(engine, seen)}
    assert one(engine, "SELECT count(*) FROM history") == 0


def test_what_is_left_out_of_a_page_counts_as_unchanged(engine: Engine, run: Harvest, shelf: Shelf) -> None:
    run(shelf.url)
    empty(engine)
    counts = run(shelf.url, wish=FULL).streams[0].counts
    assert (counts.received, counts.unchanged, counts.created, counts.updated) == (2, 2, 0, 0)


def broken(said: str) -> str:
    """A record that nobody can read: it has no metadata, or no identifier."""
    return said.replace("<metadata>", "<!--").replace("</metadata>", "-->")


def test_what_cannot_be_read_of_a_purged_item_is_not_kept_either(
    engine: Engine, run: Harvest, shelf: Shelf
) -> None:
    run(shelf.url)
    empty(engine)
    nameless = with_canary().replace("<identifier>", "<identity>").replace("</identifier>", "</identity>")
    listed = [
        broken(with_canary()),
        nameless,
        broken(record(OTHER, dublin_core("x"), date="2024-03-01T00:00:00Z")),
    ]
    shelf.formats["oai_dc"] = listed
    counts = run(shelf.url, wish=FULL).streams[0].counts
    assert (counts.received, counts.unchanged, counts.quarantined) == (3, 2, 1)
    assert rows(engine, "SELECT identifier FROM quarantine") == [(OTHER,)]
    assert traces(engine) == set()


def test_an_item_that_was_only_quarantined_can_be_taken_down(
    engine: Engine, run: Harvest, shelf: Shelf
) -> None:
    shelf.formats["oai_dc"] = [broken(with_canary()), record(OTHER, dublin_core("x"))]
    run(shelf.url)
    assert hide(engine) == 0
    assert traces(engine) == {"quarantine.raw"}
    done = empty(engine)
    assert (done.takedown.records, done.quarantined) == (1, 1)
    assert traces(engine) == set()
    shelf.formats["oai_dc"][0] = with_canary(date="2024-02-01T00:00:00Z")
    run(shelf.url, wish=FULL)
    assert traces(engine) == set()
    assert tally(engine) == counted(engine) == {("oai_dc", ""): (1, 1)}
    with engine.connect() as connection:
        assert status(connection)["totals"] == {"records": 1, "deleted": 1, "quarantined": 0}


def test_derived_entries_do_not_bring_back_what_was_purged(
    engine: Engine, run: Harvest, shelf: Shelf
) -> None:
    run(shelf.url, formats=["oai_dc", "mods"], name="one")
    empty(engine)
    before = content(engine)
    chosen = Settings(repositories=(RepositorySettings(name="one", prefer=("dc",)),))
    assert renormalise(engine, chosen, None).read == 1
    assert content(engine) == before


def test_a_page_in_hand_does_not_bring_back_what_is_purged_meanwhile(
    engine: Engine, run: Harvest, shelf: Shelf
) -> None:
    """It has moved its window and seen the record alive; the purge must come before it or after it."""
    run(shelf.url)
    done = threading.Thread(target=empty, args=(engine,))
    with engine.begin() as page:
        page.execute(text("UPDATE windows SET pages = pages"))
        done.start()
        deadline = time.monotonic() + 30
        while not one(engine, "SELECT count(*) FROM pg_locks WHERE NOT granted"):
            assert time.monotonic() < deadline
        page.execute(text("UPDATE records SET title = :said"), {"said": CANARY})
        own = "INSERT INTO records SELECT (jsonb_populate_record(r, :new)).* FROM records r WHERE identifier = :id"
        page.execute(text(own), {"new": '{"format": "qdc"}', "id": ID})
    done.join()
    assert {each[-1] for each in content(engine)} == {"purged"}
    assert one(engine, f"SELECT count(*) FROM records WHERE identifier = '{ID}' AND title IS NULL") == 2


def test_records_that_move_no_window_keep_purges_out_too(engine: Engine) -> None:
    with engine.begin() as connection, engine.connect() as other:
        writer.keep_purges_out(connection)
        other.execute(text("SET LOCAL lock_timeout = '50ms'"))
        with pytest.raises(Exception, match="lock timeout"):
            other.execute(text("LOCK TABLE windows, records IN SHARE ROW EXCLUSIVE MODE"))


def test_a_role_that_may_not_vacuum_is_told_so(engine: Engine, run: Harvest, shelf: Shelf) -> None:
    run(shelf.url)
    role = f"librarian_{os.getpid()}"
    with engine.begin() as connection:
        connection.execute(text(f"CREATE ROLE {role}"))
        connection.execute(
            text(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}")
        )
        connection.execute(text(f"GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {role}"))
    url = engine.url.update_query_dict({"options": f"-c role={role}"})
    weak = connect(url.render_as_string(hide_password=False))
    try:
        assert empty(weak).vacuumed is False
        assert content(engine)[0][-1] == "purged"
    finally:
        weak.dispose()
        with engine.begin() as connection:
            connection.execute(text(f"DROP OWNED BY {role}"))
            connection.execute(text(f"DROP ROLE {role}"))


def test_takedowns_are_looked_up_once_for_a_question_and_not_for_each_record(
    engine: Engine, run: Harvest, fake: FakeRepository
) -> None:
    run(fake)
    hide(engine, fake.store.records[0].identifier)
    statements = [
        query.select(query.records.c.identifier)
        .where(*query._scope(scope))
        .order_by(*query.records.primary_key)
        for scope in (Scope(), EVERYTHING)
    ]
    with engine.connect() as connection:
        for each in statements:
            compiled = each.limit(500).compile(engine)
            plan = "\n".join(connection.exec_driver_sql(f"EXPLAIN {compiled}", compiled.params).scalars())
            assert "hashed SubPlan" in plan
