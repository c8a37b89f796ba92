"""A catalogue of the first release: any command brings it into shape, keeps what is in it, and its entries are read again."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic import command
from shelf import Shelf, dublin_core, record
from sqlalchemy import Connection, Engine, make_url, text

from harvester.catalogue.connection import connect, revision
from harvester.catalogue.migration import config, upgrade
from harvester.catalogue.query import changed_since
from harvester.catalogue.tables import REVISION
from harvester.harvest.harvest import Report

Harvest = Callable[..., Report]

CHECKOUT = Path(__file__).parents[2]
DATACITE = (
    '<resource xmlns="http://datacite.org/schema/kernel-{0}"><identifier identifierType="DOI">10.5072/{1}</identifier>'
    "<titles><title>Data {1}</title></titles><publisher>P</publisher><publicationYear>2020</publicationYear></resource>"
)
# In the order in which one refers to another.
TABLES = (
    "repositories",
    "sets",
    "streams",
    "plans",
    "windows",
    "runs",
    "pages",
    "dictionaries",
    "records",
    "tallies",
    "hosts",
)
COLUMNS = text(
    "SELECT column_name FROM information_schema.columns WHERE table_schema = 'public' AND table_name = :table ORDER BY 1"
)
COMMANDS = (["status", "--json"], ["db", "upgrade"], ["search", "data"], ["renormalise", "--json"])


@pytest.fixture
def older(postgres: str, engine: Engine, run: Harvest) -> Iterator[Engine]:
    """A database at the first revision, with the rows of a harvest as it had them."""
    listed = [record(f"oai:a:{n}", DATACITE.format(3 + n % 2, n), sets=("a",)) for n in range(40)]
    with Shelf(
        datacite=listed, oai_dc=[record(f"oai:a:{n}", dublin_core(f"Data {n}")) for n in range(40)]
    ) as shelf:
        run(shelf.url, formats=["datacite", "oai_dc"], name="old")
    name = f"harvester_older_{os.getpid()}"
    plain = make_url(postgres).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
        made = connect(make_url(postgres).set(database=name).render_as_string(hide_password=False))
        with made.connect() as connection:
            command.upgrade(config(connection), "0001")
            connection.commit()
        with made.begin() as target, engine.connect() as source:
            for table in TABLES:
                copy(table, source, target)
        yield made
        made.dispose()
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")


def copy(table: str, source: Connection, target: Connection) -> None:
    """The rows of a table, in the columns that it had then."""
    since_then = set(source.scalars(COLUMNS, {"table": table}))
    columns = ", ".join(name for name in target.scalars(COLUMNS, {"table": table}) if name in since_then)
    reading, writing = (each.connection.driver_connection for each in (source, target))
    assert reading is not None
    assert writing is not None
    with (
        reading.cursor() as out,
        writing.cursor() as into,
        out.copy(f"COPY {table} ({columns}) TO STDOUT") as given,
        into.copy(f"COPY {table} ({columns}) FROM STDIN") as taken,
    ):
        for block in given:
            taken.write(block)
    serial = "SELECT pg_get_serial_sequence(:table, 'id')"
    if table not in ("records", "tallies", "hosts", "pages") and target.scalar(
        text(serial), {"table": table}
    ):
        target.execute(
            text(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))")
        )
    if table == "pages":
        target.execute(text("SELECT setval('page_ids', max(id)), setval('feed_seq', max(seq)) FROM pages"))


def harvester(engine: Engine, *arguments: str) -> "subprocess.CompletedProcess[str]":
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HARVESTER_")}
    url = engine.url.render_as_string(hide_password=False)
    done = subprocess.run(
        [sys.executable, "-c", "from harvester.cli import main; main()", *arguments],
        env=kept | {"HARVESTER_DATABASE_URL": url, "PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done


def rows(engine: Engine, statement: str) -> list[Any]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(statement))]


KEPT = (
    "SELECT identifier, format, datestamp, sets, preferred, hash, xml, dictionary_id, crosswalk, title, entry::text, first_seen"
    " FROM records ORDER BY item_key, format"
)


@pytest.mark.parametrize("arguments", COMMANDS, ids=lambda arguments: arguments[0])
def test_any_command_brings_it_into_shape_and_keeps_its_records(arguments: list[str], older: Engine) -> None:
    with older.connect() as connection:
        assert revision(connection) == "0001"
    before = rows(older, KEPT)
    assert len(before) == 80
    done = harvester(older, *arguments)
    assert "preparing the catalogue's tables" in done.stderr or arguments[0] == "db"
    with older.connect() as connection:
        assert revision(connection) == REVISION
    assert rows(older, KEPT) == before


def test_its_entries_get_the_version_of_their_format_and_nothing_else_changes(
    older: Engine, engine: Engine, run: Harvest
) -> None:
    first = json.loads(harvester(older, "renormalise", "--json").stdout)
    assert (first["read"], first["changed"]) == (80, 40), "Dublin Core has no versions"
    schemas = rows(older, "SELECT crosswalk_schema, count(*) FROM records GROUP BY 1 ORDER BY 1")
    assert schemas == [("3", 20), ("4", 20), (None, 40)]
    assert rows(older, KEPT) == rows(engine, KEPT)
    told = [item for seq, item in changed_since(older, rows(engine, "SELECT max(seq) FROM pages")[0][0])]
    assert {item.format for item in told} == {"datacite"}
    assert len(told) == 40
    assert json.loads(harvester(older, "renormalise", "--json").stdout)["changed"] == 0


def test_whoever_follows_its_change_feed_goes_on_with_it(older: Engine) -> None:
    harvester(older, "status")
    assert {item.identifier for _, item in changed_since(older, limit=1000)} == {
        f"oai:a:{n}" for n in range(40)
    }
    assert rows(older, "SELECT count(*) FROM pages WHERE run_id IS NULL") == [(0,)]


def test_what_was_paused_before_pauses_could_last_is_paused_still(older: Engine) -> None:
    with older.connect() as connection:
        command.upgrade(config(connection), "0004")
        connection.execute(
            text(
                "INSERT INTO tasks (repository_id, kind, host, least, most, interval, paused)"
                " SELECT id, 'retry', 'a', 1, 1, 1, true FROM repositories"
            )
        )
        connection.commit()
    upgrade(older)
    assert rows(older, "SELECT paused, imported FROM repositories") == [(True, False)]
