"""Migrations: run once though many ask, agree with the models, and leave what a newer harvester has made alone."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, make_url, text

from harvester.catalogue.connection import connect, open_catalogue, revision
from harvester.catalogue.migration import config, upgrade
from harvester.catalogue.tables import REVISION, metadata
from harvester.config import Settings
from harvester.errors import CatalogueError

CHECKOUT = Path(__file__).parents[2]


@pytest.fixture
def empty(postgres: str) -> Iterator[str]:
    """The URL of a database without any table."""
    name = f"harvester_empty_{os.getpid()}"
    plain = make_url(postgres).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
        yield make_url(postgres).set(database=name).render_as_string(hide_password=False)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def found_revision(url: str) -> str | None:
    engine = connect(url)
    try:
        with engine.connect() as connection:
            return revision(connection)
    finally:
        engine.dispose()


def test_two_processes_bring_an_empty_database_into_shape_at_once(empty: str) -> None:
    environment = os.environ | {"HARVESTER_DATABASE_URL": empty, "PYTHONPATH": str(CHECKOUT)}
    line = [sys.executable, "-c", "from harvester.cli import main; main()", "db", "upgrade"]
    both = [
        subprocess.Popen(line, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    for process in both:
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        assert REVISION in out
    assert found_revision(empty) == REVISION


def test_a_catalogue_is_prepared_on_first_use_and_only_then(empty: str, tmp_path: Path) -> None:
    told: list[str] = []
    for _ in range(2):
        open_catalogue(Settings(tmp_path, empty), told.append).dispose()
    assert told == ["preparing the catalogue's tables"]
    assert found_revision(empty) == REVISION


SHAPE = (
    (
        "SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity::text,"
        " pg_get_expr(d.adbin, d.adrelid) FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
        " LEFT JOIN pg_attrdef d ON (d.adrelid, d.adnum) = (a.attrelid, a.attnum)"
        " WHERE c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped AND c.relnamespace = 'public'::regnamespace"
    ),
    (
        "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE connamespace = 'public'::regnamespace AND contype <> 'n'"
    ),
    "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
    (
        "SELECT relname, relkind::text, reloptions FROM pg_class"
        " WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'S')"
    ),
    (
        "SELECT c.relname, a.attname, col_description(c.oid, a.attnum) FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
        " WHERE c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped AND c.relnamespace = 'public'::regnamespace"
    ),
)


def test_models_and_migrations_make_the_same_tables(engine: Engine, empty: str) -> None:
    """Compared in Postgres itself: alembic cannot compare indexes over expressions."""
    modelled = connect(empty)
    metadata.create_all(modelled)
    for question in SHAPE:
        migrated, made = _answers(engine, question), _answers(modelled, question)
        assert migrated - made == set()
        assert made - migrated == set()
    modelled.dispose()


def _answers(engine: Engine, question: str) -> set[str]:
    with engine.connect() as connection:
        return {repr(row) for row in connection.execute(text(question)) if "alembic_version" not in row[0]}


def test_every_table_of_the_models_is_made(engine: Engine) -> None:
    with engine.connect() as connection:
        made = set(connection.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")))
    assert made == set(metadata.tables) | {"alembic_version"}


def test_the_code_needs_the_newest_migration() -> None:
    assert ScriptDirectory.from_config(config()).get_current_head() == REVISION


def test_a_catalogue_of_a_newer_harvester_is_refused_and_left_as_it_is(
    engine: Engine, database_url: str, tmp_path: Path
) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(CatalogueError, match="9999, made by a newer harvester") as raised:
        open_catalogue(Settings(tmp_path, database_url))
    assert "upgrade harvester" in str(raised.value)
    assert found_revision(database_url) == "9999"


def test_an_upgrade_of_what_is_up_to_date_changes_nothing(engine: Engine) -> None:
    tables = "SELECT oid, relname FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY 1"
    with engine.connect() as connection:
        before = connection.execute(text(tables)).all()
    upgrade(engine)
    with engine.connect() as connection:
        assert connection.execute(text(tables)).all() == before


def test_an_upgrade_that_fails_leaves_no_lock_behind(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(CatalogueError):
        upgrade(engine)
    with engine.connect() as connection:
        waited = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid <> pg_backend_pid()"
        while connection.scalar(text(waited)):
            connection.commit()
