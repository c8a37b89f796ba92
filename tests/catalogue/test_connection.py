"""How Postgres is reached, and what its errors mean to a person."""

import socket
from pathlib import Path

import pytest
from sqlalchemy import Engine, bindparam, make_url, select, text
from sqlalchemy.dialects.postgresql import JSONB

from harvester.catalogue.connection import (
    connect,
    database_url,
    open_catalogue,
    psycopg_url,
    translated,
)
from harvester.config import Settings
from harvester.errors import CatalogueError, ConfigError


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg", "postgresql+psycopg2"])
def test_every_common_way_to_write_the_url_is_understood(scheme: str) -> None:
    assert psycopg_url(f"{scheme}://me:pw@db:5432/c") == "postgresql+psycopg://me:pw@db:5432/c"


@pytest.mark.parametrize("url", ["mysql://db/c", "db:5432/c", "", "postgresql://db:port/c", "sqlite:///x"])
def test_a_url_that_is_none_of_postgres_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(ConfigError, match="must look like postgresql://") as raised:
        psycopg_url(url)
    assert not url or url not in str(raised.value)


def test_a_server_that_is_not_there_is_told_without_the_password(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(CatalogueError, match="cannot be reached") as raised:
        open_catalogue(Settings(tmp_path, f"postgresql://me:canary@127.0.0.1:{port}/c"))
    assert "see that it runs" in str(raised.value)
    assert "canary" not in str(raised.value)


def test_a_database_that_does_not_exist_is_named(postgres: str, tmp_path: Path) -> None:
    url = make_url(postgres).set(database="no_such_database").render_as_string(hide_password=False)
    with pytest.raises(CatalogueError, match="no_such_database"):
        open_catalogue(Settings(tmp_path, url))


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("53100", "the disk of the catalogue is full"),
        ("25006", "read-only; point HARVESTER_DATABASE_URL at the primary"),
        ("42501", "denies us the right"),
        ("57P01", "see that it runs and run the same command again"),
        ("22012", "reports:"),
    ],
)
def test_an_error_of_postgres_becomes_a_sentence_that_says_what_to_do(
    code: str, sentence: str, engine: Engine
) -> None:
    statement = f"DO $$ BEGIN RAISE EXCEPTION 'as a test' USING ERRCODE = '{code}'; END $$"
    with pytest.raises(CatalogueError, match=sentence), translated(), engine.connect() as connection:
        connection.execute(text(statement))


def test_every_session_has_our_limits_and_speaks_utc(engine: Engine) -> None:
    wanted = {
        "TimeZone": "UTC",
        "statement_timeout": "10min",
        "idle_in_transaction_session_timeout": "15min",
        "application_name": "harvester",
    }
    with engine.connect() as connection:
        assert {name: connection.scalar(text(f"SHOW {name}")) for name in wanted} == wanted


def test_a_session_that_died_in_the_pool_is_replaced_unseen(engine: Engine, database_url: str) -> None:
    with engine.connect() as connection:
        victim = connection.scalar(text("SELECT pg_backend_pid()"))
    other = connect(database_url)
    with other.connect() as connection:
        connection.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": victim})
    other.dispose()
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT pg_backend_pid()")) != victim


def test_text_of_any_script_goes_into_json_and_back(engine: Engine) -> None:
    value = {"title": "Zürich 海洋学 𝒜 \U0001f600", "n": [1, None, True]}
    with engine.connect() as connection:
        assert connection.scalar(select(bindparam("value", value, JSONB))) == value


def test_the_address_of_the_catalogue_may_stand_in_a_file_as_other_secrets_do(tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_text("postgres://me:secret@db.example.org/harvester\n")
    assert (
        database_url(Settings(tmp_path, f"file:{file}"))
        == "postgresql+psycopg://me:secret@db.example.org/harvester"
    )
    file.write_text("no address")
    with pytest.raises(ConfigError) as caught:
        database_url(Settings(tmp_path, f"file:{file}"))
    assert "no address" not in str(caught.value)
    with pytest.raises(ConfigError, match="cannot be read"):
        database_url(Settings(tmp_path, f"file:{tmp_path / 'absent'}"))
