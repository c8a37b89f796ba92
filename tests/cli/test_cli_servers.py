"""`harvester mock`, `demo` and `db`."""

import re
import signal
import socket
import urllib.request
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from real_command import Command, Inside
from sqlalchemy import make_url

from harvester.mock import FAULTS, FakeRepository


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_mock_serves_until_it_is_stopped(number: signal.Signals, bare: Inside) -> None:
    process = bare.process.start(
        "mock", "--port", "0", "--records", "7", "--page-size", "3", "--fault", "same_token_text"
    )
    assert process.stdout is not None
    url = re.search(rb"http://127\.0\.0\.1:\d+/oai", process.stdout.readline())
    assert url is not None
    with urllib.request.urlopen(f"{url[0].decode()}?verb=ListIdentifiers&metadataPrefix=oai_dc") as answer:
        assert answer.read().count(b"<identifier>") == 3
    process.send_signal(number)
    out, err = process.communicate(timeout=10)
    assert (process.returncode, out, err) == (0, b"", b"")


def test_mock_lists_its_faults(bare: Inside) -> None:
    done = bare("mock", "--fault", "list")
    assert done.code == 0
    for name in FAULTS:
        assert f" {name} " in done.out


def test_mock_on_a_port_that_is_taken_says_so(bare: Inside) -> None:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = bare("mock", "--port", str(taken.getsockname()[1]))
    assert done.code == 2
    assert "choose another with --port" in done.err


def test_demo_harvests_twice_and_leaves_nothing_behind(bare: Inside, tmp_path: Path) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    done = bare.process("demo", "--records", "250", TMPDIR=str(temporary))
    assert done.code == 0
    assert "250 records in 3 pages" in done.out
    assert "2 changed, 0 unchanged, 1 deleted" in done.out
    assert [each.name for each in temporary.iterdir()] == []


@pytest.fixture
def empty_url(postgres: str, database_url: str) -> str:
    """A database that holds nothing at all."""
    url = make_url(database_url)
    assert url.database
    with psycopg.connect(
        url.set(drivername="postgresql").render_as_string(hide_password=False), autocommit=True
    ) as connection:
        connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    return database_url


def test_db_upgrade_makes_the_tables_and_is_idempotent(command: Inside, empty_url: str) -> None:
    first = command("db", "upgrade")
    assert first.code == 0
    assert "preparing the catalogue's tables" in first.err
    again = command("db", "upgrade")
    assert (again.code, again.err) == (0, "")
    assert again.out == first.out
    assert command("status", "--json").json["repositories"] == []


def test_db_url_is_what_psql_takes(command: Inside) -> None:
    done = command("db", "url")
    assert done.code == 0
    with psycopg.connect(done.out.strip()) as connection:
        assert connection.execute("SELECT count(*) FROM repositories").fetchone() == (0,)


def test_a_dump_restores_elsewhere_and_only_into_an_empty_catalogue(
    filled: Command, command: Inside, tmp_path: Path, fake: FakeRepository
) -> None:
    path = tmp_path / "catalogue.dump"
    dumped = filled("db", "dump", str(path))
    assert dumped.code == 0
    assert str(path) in dumped.out
    assert [each.name for each in tmp_path.iterdir()] == ["catalogue.dump"]

    restored = command("db", "restore", str(path))
    assert restored.code == 0
    everything = ("export", "--as", "jsonl", "--deleted", "--all-formats")
    assert command(*everything).lines == filled(*everything).lines
    assert command("status", "--json").json == filled("status", "--json").json

    refused = command("db", "restore", str(path))
    assert refused.code == 1
    assert "already holds repositories" in refused.err
    assert command("status", "--json").json == filled("status", "--json").json


def test_what_is_no_dump_is_refused_and_nothing_is_lost(command: Inside, tmp_path: Path) -> None:
    path = tmp_path / "no.dump"
    for prepare in (lambda: None, lambda: path.write_bytes(b"no dump at all"), path.unlink, path.mkdir):
        prepare()
        done = command("db", "restore", str(path))
        assert done.code == 1
        assert done.err.startswith("harvester: ")
    assert command("status", "--json").code == 0
    assert command("db", "dump", str(tmp_path / "no" / "where.dump")).code == 1
    assert command("db", "dump", str(tmp_path)).code == 1
