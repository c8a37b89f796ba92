"""find, get, count, search: what they find, and what they never do."""

import json
import os
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import suppress

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shelf import Shelf, dublin_core, record
from sqlalchemy import Engine, make_url, select, text

from harvester.catalogue import query
from harvester.catalogue.connection import connect
from harvester.catalogue.query import Item, Scope, count, find, get, search
from harvester.catalogue.query_language import conditions
from harvester.catalogue.tables import records
from harvester.errors import CatalogueError, ConfigError
from harvester.harvest.harvest import Report, Request, harvest
from harvester.mock import FakeRepository

Harvest = Callable[..., Report]

DATA = "<dc:type>Dataset</dc:type><dc:language>pt-BR</dc:language><dc:date>2015-08</dc:date>"
BOOKS = [
    record("oai:s:1", dublin_core("Salt & pepper in Zürich", "<dc:creator>Curie, Marie</dc:creator>", DATA), sets=("a",)),
    record("oai:s:2", dublin_core("Pepper without salt", "<dc:date>1905</dc:date>", "<dc:creator>Żuławski, Jan</dc:creator>"), sets=("a:b", "c")),
    record("oai:s:3", dublin_core("100% of the α-proteobacteria_x", "<dc:identifier>https://doi.org/10.5555/ABC.1</dc:identifier>", "<dc:publisher>The Press</dc:publisher>", "<dc:rights>CC BY 4.0</dc:rights>")),
    record("oai:s:4", dublin_core("A very 'quoted' \"title\" \\ with; DROP TABLE records; --")),
    record("oai:s:5", None, sets=("a",)),
]  # fmt: skip


@pytest.fixture(scope="module")
def books(postgres: str, template: str) -> Iterator[Engine]:
    """A catalogue of five records and a repository of 250 generated ones, which no test changes."""
    name = f"harvester_query_{os.getpid()}"
    server = make_url(postgres).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")  # type: ignore[arg-type]
        engine = connect(make_url(postgres).set(database=name).render_as_string(hide_password=False))
        with Shelf(oai_dc=BOOKS) as shelf, FakeRepository(records=250) as repository:
            harvest(engine, Request(shelf.url, name="shelf"))
            harvest(engine, Request(repository.url, name="fake"))
        yield engine
        engine.dispose()
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")  # type: ignore[arg-type]


def found(engine: Engine, said: str) -> set[str]:
    """The numbers of the shelf's records that a query finds, by every way of asking."""
    items = list(find(engine, f"{said} repository:shelf"))
    assert count(engine, f"{said} repository:shelf") == len(items)
    assert {item.identifier for item in search(engine, f"{said} repository:shelf")} == {
        item.identifier for item in items
    }
    return {item.identifier[-1] for item in items}


@pytest.mark.parametrize(
    ("said", "numbers"),
    [
        ("", "1234"),
        ("salt", "12"),
        ("SALT pepper", "12"),
        ("salt & pepper", "12"),
        ("salt zürich", "1"),
        ("ZÜRICH", "1"),
        ("curie", "1"),
        ("żuławski", "2"),
        ('"salt pepper"', "1"),
        ('"pepper without"', "2"),
        ('"without pepper"', ""),
        ("pep", ""),
        ("title:salt", "12"),
        ('title:"pepper without"', "2"),
        ("title:curie", ""),
        ("title:100%", "3"),
        ("title:proteobacteria_x", "3"),
        ("title:proteobacteria-x", ""),
        ("title:bacteria_x", ""),
        ("creator:curie", "1"),
        ('creator:"curie, marie"', "1"),
        ("creator:salt", ""),
        ("year:1905", "2"),
        ("year:1905..2015", "12"),
        ("year:2000..", "1"),
        ("year:..1999", "2"),
        ("year:2015..1905", ""),
        ("doi:10.5555/abc.1", "3"),
        ("doi:https://doi.org/10.5555/ABC.1", "3"),
        ("10.5555/ABC.1", "3"),
        ("https://doi.org/10.5555/abc.1", "3"),
        ("http://dx.doi.org/10.5555/abc.1", "3"),
        ("10.5555/other", ""),
        ("type:dataset", "1"),
        ("type:Nothing", ""),
        ("set:a", "1"),
        ("set:a:b", "2"),
        ("set:nowhere", ""),
        ("repository:nowhere", ""),
        ("format:oai_dc", "1234"),
        ("format:mods", ""),
        ('publisher:"the press"', "3"),
        ("publisher:press", ""),
        ("licence:cc-by-4.0", "3"),
        ("access:open", ""),
        ("language:pt-br", "1"),
        ("language:pt", ""),
        ("salt year:1905", "2"),
        ("&", "1234"),
        ("'quoted'", "4"),
        ('"', "1234"),
        ("doi:", ""),
        ('title:""', ""),
        ("http://example.org/x:y", ""),
    ],
)
def test_what_a_query_finds(said: str, numbers: str, books: Engine) -> None:
    assert found(books, said) == set(numbers)


def test_a_sign_alone_finds_nothing(books: Engine) -> None:
    for said in ("&", "...", "?!", '"', "— –"):
        assert count(books, said) == 0


@pytest.mark.parametrize(
    "said",
    ["colour:red", "year:soon", "year:..", "year:20200", "year:-5", "x" * 2001, "a " * 51, "year:²"],
)
def test_what_cannot_be_meant_is_said_at_once(said: str, books: Engine) -> None:
    for ask in (find, search, count):
        with pytest.raises(ConfigError, match=r"^[a-z]"):
            ask(books, said)


INJECTIONS = [
    "'; DROP TABLE records; --",
    "' OR '1'='1",
    "title:'; DELETE FROM records; --",
    "creator:%",
    "title:_____",
    "title:%%%%%%%%",
    "set:' UNION SELECT * FROM repositories --",
    "doi:10.1/'||pg_sleep(20)||'",
    "year:1;DROP",
    "type:$1",
    "format:{}",
    "publisher::text",
    "language:\"]' --",
    "repository:%(name)s",
    "access:\\",
    "title:\\'",
    "(a+)+$",
    "a:* & !b | <-> ()",
    "licence:\x00",
    "\udcff\udc80",
    "'a' <-> 'b':*ABCD",
    "%s %(x)s :x $1",
]


@pytest.mark.parametrize("said", INJECTIONS)
def test_an_injection_is_only_a_question(said: str, books: Engine) -> None:
    before = count(books, scope=Scope(deleted=True))
    for ask in (lambda: list(find(books, said)), lambda: search(books, said), lambda: count(books, said)):
        with suppress(ConfigError):
            ask()
    assert count(books, scope=Scope(deleted=True)) == before


FIELDS = [
    "title",
    "creator",
    "year",
    "doi",
    "type",
    "set",
    "repository",
    "format",
    "publisher",
    "licence",
    "access",
    "language",
]
TERMS = st.builds(
    lambda field, quote, value: f"{field}:{quote}{value}{quote}",
    st.sampled_from([*FIELDS, "other"]),
    st.sampled_from(["", '"', "'"]),
    st.text(max_size=20),
)


@settings(deadline=5000, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.one_of(st.text(max_size=200), st.lists(TERMS, max_size=8).map(" ".join), st.sampled_from(INJECTIONS))
)
def test_any_text_is_answered_or_explained(books: Engine, said: str) -> None:
    with suppress(ConfigError):
        number = count(books, said)
        assert len(list(find(books, said))) == number
        assert len(search(books, said, limit=5)) == min(number, 5)


@settings(deadline=5000, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=60), st.none() | st.text(max_size=20))
def test_any_identifier_is_found_or_not(books: Engine, identifier: str, repository: str | None) -> None:
    assert get(books, identifier, repository=repository) == []


def test_the_query_module_cannot_write(books: Engine) -> None:
    with pytest.raises(CatalogueError, match="read-only"), query.reading(books) as connection:
        connection.execute(text("DELETE FROM records"))


def test_a_question_that_takes_too_long_is_ended_and_explained(
    books: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(query, "LONGEST_QUERY", "200ms")
    with books.connect() as other, other.begin():
        other.execute(text("LOCK TABLE records IN ACCESS EXCLUSIVE MODE"))
        for ask in (
            lambda: next(find(books)),
            lambda: search(books, "a"),
            lambda: count(books),
            lambda: get(books, "x"),
        ):
            with pytest.raises(ConfigError, match="takes longer than 200ms"):
                ask()


def test_words_and_dois_are_looked_up_not_searched_for(books: Engine) -> None:
    with books.connect() as connection:
        connection.execute(text("SET enable_seqscan = off"))
        for said, index in (
            ("salt", "records_search"),
            ("doi:10.5/x", "records_doi"),
            ("set:a", "records_sets"),
        ):
            asked = select(records.c.identifier).where(*conditions(said)).compile(books)
            plan = connection.exec_driver_sql(f"EXPLAIN {asked}", asked.params).scalars()
            assert index in "\n".join(plan)


def test_search_puts_the_better_match_first_then_the_newer(engine: Engine) -> None:
    shelf = [
        record("oai:s:1", dublin_core("salt"), date="2020-01-01T00:00:00Z"),
        record("oai:s:2", dublin_core("salt salt salt salt"), date="2020-01-02T00:00:00Z"),
        record("oai:s:3", dublin_core("salt"), date="2020-01-03T00:00:00Z"),
    ]
    with Shelf(oai_dc=shelf) as served:
        harvest(engine, Request(served.url))
    assert [item.identifier[-1] for item in search(engine, "salt")] == ["2", "3", "1"]
    assert [item.identifier[-1] for item in search(engine, "")] == ["3", "2", "1"]
    assert [item.identifier[-1] for item in search(engine, "salt", limit=1)] == ["2"]


def test_get_gives_all_formats_of_an_item_and_its_tombstone(engine: Engine) -> None:
    with Shelf(oai_dc=[record("oai:s:1", dublin_core("x"))], other=[record("oai:s:1", None)]) as shelf:
        harvest(engine, Request(shelf.url, formats=["other", "oai_dc"], name="one"))
        harvest(engine, Request(f"{shelf.url}/twin", name="two"))
    everywhere = get(engine, "oai:s:1")
    assert sorted((item.repository, item.format, item.deleted) for item in everywhere) == [
        ("one", "oai_dc", False),
        ("one", "other", True),
        ("two", "oai_dc", False),
    ]
    first, second = get(engine, "oai:s:1", repository="one")
    assert (first.format, second.format) == ("oai_dc", "other")
    assert second.entry is None
    assert get(engine, "oai:s:1", repository="three") == []
    assert query.metadata_xml(engine, second) is None
    kept = query.metadata_xml(engine, first)
    assert kept is not None
    assert b"<dc:title>x</dc:title>" in kept


def test_the_scope_decides_about_tombstones_and_formats(engine: Engine) -> None:
    dc = [record("oai:s:1", dublin_core("x")), record("oai:s:2", None)]
    other = [record("oai:s:1", "<other/>"), record("oai:s:3", "<other/>")]
    with Shelf(oai_dc=dc, other=other) as shelf:
        harvest(engine, Request(shelf.url, formats=["oai_dc", "other"]))

    def seen(**scope: bool) -> list[str]:
        items = find(engine, scope=Scope(**scope))
        return sorted(f"{item.identifier[-1]} {item.format}" for item in items)

    assert seen() == ["1 oai_dc", "3 other"]
    assert seen(deleted=True) == ["1 oai_dc", "2 oai_dc", "3 other"]
    assert seen(all_formats=True) == ["1 oai_dc", "1 other", "3 other"]
    assert seen(all_formats=True, deleted=True) == ["1 oai_dc", "1 other", "2 oai_dc", "3 other"]
    assert count(engine, scope=Scope(all_formats=True, deleted=True)) == 4


@pytest.mark.parametrize("size", [1, 7, 245, 1000])
def test_paging_in_any_size_equals_one_pass(
    size: int, books: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = list(find(books, scope=Scope(deleted=True)))
    monkeypatch.setattr(query, "BATCH", size)
    assert list(find(books, scope=Scope(deleted=True))) == whole
    assert list(find(books, scope=Scope(deleted=True), limit=20)) == whole[:20]
    assert list(find(books, scope=Scope(deleted=True), after=whole[19].place)) == whole[20:]
    assert list(find(books, limit=0)) == []
    keys = [item.place for item in whole]
    assert keys == sorted(set(keys))


def test_a_pass_misses_and_repeats_nothing_while_records_change(
    engine: Engine, fake: FakeRepository, run: Harvest, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(fake)
    stays = {each.identifier for each in fake.store.records if not each.deleted}
    monkeypatch.setattr(query, "BATCH", 10)
    seen: list[Item] = []
    for number, item in enumerate(find(engine)):
        seen.append(item)
        if number % 40 == 5:
            changed = sorted(stays)[number // 40 :: 17]
            for identifier in changed:
                fake.store.revise(identifier)
            fake.store.delete(changed[-1])
            stays.discard(changed[-1])
            fake.store.add(3)
            run(fake)
    identifiers = [item.identifier for item in seen]
    assert len(identifiers) == len(set(identifiers))
    assert stays <= set(identifiers)


def test_a_pass_holds_one_batch_in_memory(
    engine: Engine, run: Harvest, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FakeRepository(records=600) as repository:
        run(repository)
    monkeypatch.setattr(query, "BATCH", 20)

    def peak(everything: bool) -> int:
        tracemalloc.start()
        items = find(engine)
        kept = list(items) if everything else [sum(1 for _ in items)]
        assert kept
        _, highest = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return highest

    peak(False)  # what is made once is not counted
    assert peak(False) < peak(True) / 5


def test_an_item_is_written_as_documented(books: Engine) -> None:
    (item,) = get(books, "oai:s:2")
    line = item.export_line()
    assert list(line) == [
        "schema",
        "repository",
        "identifier",
        "format",
        "datestamp",
        "deleted",
        "sets",
        "entry",
    ]
    assert (line["repository"], line["sets"]) == ("shelf", ["a:b", "c"])
    assert json.loads(json.dumps(line)) == line
    (gone,) = get(books, "oai:s:5")
    assert (gone.export_line()["deleted"], gone.export_line()["entry"]) == (True, None)
