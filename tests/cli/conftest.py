"""`harvester` on a catalogue of the test's own, on one that is filled, and on none."""

import os
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from real_command import NOWHERE, Command, Inside
from sqlalchemy import make_url

from harvester.catalogue.connection import connect
from harvester.harvest.harvest import Request, harvest
from harvester.mock import FakeRepository

Patch, Capture = pytest.MonkeyPatch, pytest.CaptureFixture[str]


@pytest.fixture
def real(tmp_path: Path, database_url: str) -> Command:
    """A process, on an empty catalogue of this test's own."""
    return Command(tmp_path, database_url)


@pytest.fixture
def command(real: Command, monkeypatch: Patch, capfd: Capture) -> Inside:
    """Within this process, on the same catalogue as `real`."""
    return Inside(real, monkeypatch, capfd)


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: Patch, capfd: Capture) -> Inside:
    """Within this process, without any database to be found."""
    return Inside(Command(tmp_path, NOWHERE), monkeypatch, capfd)


@pytest.fixture(scope="session")
def filled(postgres: str, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Command]:
    """A process, on a catalogue of 250 records that no test changes; the repository is called `fake`."""
    name = f"harvester_cli_{os.getpid()}"
    server = make_url(postgres).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")  # type: ignore[arg-type]
        url = make_url(postgres).set(database=name).render_as_string(hide_password=False)
        engine = connect(url)
        with FakeRepository(records=250, page_size=100) as repository:
            harvest(engine, Request(repository.url, name="fake"))
        engine.dispose()
        yield Command(tmp_path_factory.mktemp("filled"), url)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")  # type: ignore[arg-type]


@pytest.fixture
def ask(filled: Command, monkeypatch: Patch, capfd: Capture) -> Inside:
    """Within this process, on the filled catalogue."""
    return Inside(filled, monkeypatch, capfd)
