"""A catalogue that the tests of a module share, each with a repository of its own in it."""

from collections.abc import Iterator

import psycopg
import pytest
from asking import Asker
from sqlalchemy import Engine, make_url

from harvester.catalogue.connection import connect
from harvester.mock import FakeRepository


@pytest.fixture(scope="module")
def shared_engine(request: pytest.FixtureRequest, postgres: str, template: str) -> Iterator[Engine]:
    """One catalogue for all tests of a module; what they ask of it must name their own repository."""
    name = f"{template}_{request.module.__name__}"
    plain = make_url(postgres).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        engine = connect(make_url(postgres).set(database=name).render_as_string(hide_password=False))
        yield engine
        engine.dispose()
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def small() -> Iterator[FakeRepository]:
    """A well-behaved repository of 30 records in pages of 10."""
    with FakeRepository(records=30, page_size=10) as repository:
        yield repository


@pytest.fixture
def ask(shared_engine: Engine, small: FakeRepository) -> Asker:
    """Harvests `small` into the catalogue that the module shares."""
    return Asker(shared_engine, small)
