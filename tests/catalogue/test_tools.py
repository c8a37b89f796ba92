"""Dump, restore and connection strings."""

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine, make_url, text

from harvester.catalogue import tools
from harvester.catalogue.connection import connect
from harvester.catalogue.kept_xml import unpack
from harvester.catalogue.query import Scope, changed_since, find
from harvester.catalogue.tables import metadata
from harvester.config import Settings
from harvester.errors import CatalogueError
from harvester.harvest.harvest import Report, Request, harvest
from harvester.mock import FakeRepository

Harvest = Callable[..., Report]


def silent(_: str) -> None:
    """Tells nobody."""


def contents(engine: Engine) -> dict[str, list[str]]:
    """Every row of every table, as text."""
    with engine.connect() as connection:
        return {
            table.name: sorted(map(str, connection.scalars(text(f"SELECT t::text FROM {table.name} AS t"))))
            for table in metadata.sorted_tables
        }


@pytest.fixture
def dumped(database_url: str, fake: FakeRepository, run: Harvest, tmp_path: Path) -> Path:
    """The dump of a catalogue that holds the repository `fake`."""
    run(fake, name="fake")
    tools.dump(Settings(tmp_path, database_url), tmp_path / "d", silent)
    return tmp_path / "d"


def test_a_restored_catalogue_is_equal_and_can_be_harvested_into(
    engine: Engine, dumped: Path, elsewhere: str, fake: FakeRepository, tmp_path: Path
) -> None:
    tools.restore(Settings(tmp_path, elsewhere), dumped, silent)
    restored = connect(elsewhere)
    try:
        assert contents(restored) == contents(engine)
        whole = Scope(deleted=True, all_formats=True)
        assert list(find(restored, scope=whole)) == list(find(engine, scope=whole))
        *_, (seq, _) = changed_since(restored, limit=1000)
        with restored.connect() as connection:
            kept = connection.execute(
                text("SELECT xml, dictionary_id FROM records WHERE xml IS NOT NULL")
            ).all()
            assert all(
                xml.startswith(b"<oai_dc:dc") for xml in unpack(connection, [tuple(row) for row in kept])
            )
        fake.store.add(5)
        assert harvest(restored, Request("fake")).outcome.startswith("complete")
        # The sequences went along: what comes now stands behind what was there.
        assert len(changed_since(restored, seq)) == 5
    finally:
        restored.dispose()


def test_a_catalogue_that_holds_something_is_not_touched(
    engine: Engine, database_url: str, dumped: Path, tmp_path: Path
) -> None:
    before = contents(engine)
    with pytest.raises(CatalogueError, match="already holds repositories"):
        tools.restore(Settings(tmp_path, database_url), dumped, silent)
    assert contents(engine) == before


def test_a_cut_dump_restores_nothing(engine: Engine, dumped: Path, elsewhere: str, tmp_path: Path) -> None:
    cut = tmp_path / "cut"
    cut.write_bytes(dumped.read_bytes()[: dumped.stat().st_size * 2 // 3])
    with pytest.raises(CatalogueError, match="pg_restore failed"):
        tools.restore(Settings(tmp_path, elsewhere), cut, silent)
    tools.restore(Settings(tmp_path, elsewhere), dumped, silent)
    restored = connect(elsewhere)
    assert contents(restored) == contents(engine)
    restored.dispose()


def test_a_database_that_holds_something_else_is_left_as_it_is(
    dumped: Path, elsewhere: str, tmp_path: Path
) -> None:
    with psycopg.connect(tools.client_url(elsewhere), autocommit=True) as connection:
        connection.execute("CREATE TABLE runs AS SELECT 42 AS answer")
        with pytest.raises(CatalogueError, match=r"psql failed: .*already exists"):
            tools.restore(Settings(tmp_path, elsewhere), dumped, silent)
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    assert tables == [("runs",)]


def test_a_failed_dump_leaves_no_file(database_url: str, tmp_path: Path) -> None:
    for target in (tmp_path / "no" / "folder", tmp_path):
        with pytest.raises(CatalogueError):
            tools.dump(Settings(tmp_path, database_url), target, silent)
    assert list(tmp_path.iterdir()) == []
    assert not tmp_path.with_name(tmp_path.name + ".partial").exists()


def test_an_earlier_dump_stays_until_the_new_one_is_whole(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "d"
    tools.dump(Settings(tmp_path, database_url), target, silent)
    before = target.read_bytes()
    monkeypatch.setattr(tools, "_find", lambda _: "/bin/false")
    with pytest.raises(CatalogueError, match="pg_dump failed"):
        tools.dump(Settings(tmp_path, database_url), target, silent)
    assert target.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["d"]


def test_the_password_is_on_no_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spy = tmp_path / "spy"
    spy.write_text(
        f'#!/bin/sh\necho "$@" > {tmp_path}/arguments\necho "$PGPASSWORD$PGHOST" > {tmp_path}/environment\n'
    )
    spy.chmod(0o755)
    monkeypatch.setenv("PGHOST", "another.example.org")
    monkeypatch.setattr(tools, "_find", lambda _: str(spy))
    tools._run("pg_dump", [], make_url("postgresql+psycopg://me:hunter2@127.0.0.1:5432/x?sslmode=require"))
    arguments = (tmp_path / "arguments").read_text()
    assert "hunter2" not in arguments
    assert "postgresql://me@127.0.0.1:5432/x?sslmode=require" in arguments
    assert (tmp_path / "environment").read_text() == "hunter2\n"


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("postgresql+psycopg://me:a%40b@h:5/d", "postgresql://me:a%40b@h:5/d"),
        (
            "postgresql+psycopg://u@/d?host=%2Ftmp%2Fx&port=5432",
            "postgresql://u@/d?host=%2Ftmp%2Fx&port=5432",
        ),
    ],
)
def test_a_client_url_keeps_every_part(given: str, taken: str) -> None:
    assert tools.client_url(given) == taken
