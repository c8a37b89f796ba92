"""One embedded Postgres per test run, one migrated template database, a clone of it for each test that asks."""

import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine, make_url

from harvester.catalogue import embedded
from harvester.catalogue.connection import connect, psycopg_url
from harvester.catalogue.migration import upgrade
from harvester.harvest.harvest import Report, Request, harvest
from harvester.mock import FakeRepository

_numbers = itertools.count()
_BARE = "TEMPLATE template0 ENCODING 'UTF8'"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("measures_time"):
            item.add_marker(pytest.mark.flaky(reruns=2, only_rerun="AssertionError"))


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a server for the whole run: HARVESTER_TEST_DATABASE_URL, else an embedded one without fsync."""
    given = os.environ.get("HARVESTER_TEST_DATABASE_URL")
    if given:
        yield psycopg_url(given)
        return
    home = tmp_path_factory.mktemp("postgres") / "home"
    yield embedded.start(home, durable=False).url
    embedded.stop(home, wait=20)


def _administer(url: str, statement: str) -> None:
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(statement)  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def template(postgres: str) -> Iterator[str]:
    """The name of a database with the catalogue's tables, made by the real migrations."""
    name = f"harvester_template_{os.getpid()}"
    _administer(postgres, f"CREATE DATABASE {name} {_BARE}")
    engine = connect(make_url(postgres).set(database=name).render_as_string(hide_password=False))
    upgrade(engine)
    engine.dispose()
    yield name
    _administer(postgres, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def database_url(postgres: str, template: str) -> Iterator[str]:
    """The URL of an empty catalogue of this test's own."""
    name = f"harvester_test_{os.getpid()}_{next(_numbers)}"
    _administer(postgres, f"CREATE DATABASE {name} TEMPLATE {template}")
    yield make_url(postgres).set(database=name).render_as_string(hide_password=False)
    _administer(postgres, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An engine on an empty catalogue of this test's own."""
    made = connect(database_url)
    yield made
    made.dispose()


@pytest.fixture
def fake() -> Iterator[FakeRepository]:
    """A well-behaved repository of 250 records in pages of 100."""
    with FakeRepository(records=250, page_size=100) as repository:
        yield repository


Harvest = Callable[..., Report]


@pytest.fixture
def run(engine: Engine) -> Harvest:
    """Harvest a fake repository (or a URL) into this test's catalogue."""

    def go(source: FakeRepository | str, **options: object) -> Report:
        url = source if isinstance(source, str) else source.url
        return harvest(engine, Request(url, **options))  # type: ignore[arg-type]

    return go


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder of real responses; tests that need it are skipped where it is absent."""
    folder = Path(os.environ.get("HARVESTER_CORPUS", Path(__file__).parents[2] / "shared" / "corpus"))
    if not (folder / "INDEX.tsv").is_file():
        pytest.skip("the corpus of real responses is not here (../shared/corpus or HARVESTER_CORPUS)")
    return folder


@pytest.fixture
def elsewhere(postgres: str) -> Iterator[str]:
    """The URL of a database that holds nothing at all."""
    name = f"harvester_elsewhere_{os.getpid()}"
    _administer(postgres, f"CREATE DATABASE {name} {_BARE}")
    yield make_url(postgres).set(database=name).render_as_string(hide_password=False)
    _administer(postgres, f"DROP DATABASE {name} WITH (FORCE)")
