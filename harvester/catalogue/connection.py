"""All engine policy: which Postgres, how it is reached, and that its catalogue has the shape this code needs."""

import asyncio
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, cast

import psycopg
from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError, ProgrammingError
from sqlalchemy.pool import QueuePool

from harvester.catalogue.tables import REVISION
from harvester.config import Secret, Settings
from harvester.errors import CatalogueError, ConfigError

_STATEMENT_TIMEOUT = "10min"
_IDLE_TIMEOUT = (
    "15min"  # a page's transaction takes milliseconds; a forgotten one must not hold back vacuum for ever
)
_ANSWERS = 5.0  # seconds
_ENCODE = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode

Tell = Callable[[str], None]


_KEEPALIVES = {"tcp_keepalives_idle": 30, "tcp_keepalives_interval": 10, "tcp_keepalives_count": 3}


def open_catalogue(settings: Settings, tell: Tell = lambda _: None, *, connections: int = 8) -> Engine:
    """An engine on a catalogue of the right shape, starting the embedded server and migrating where needed.

    `connections` are the most it opens. Raises CatalogueError with a sentence that says what to do.
    """
    engine = connect(database_url(settings, tell), connections=connections)
    try:
        _bring_up_to_date(engine, tell)
    except BaseException:
        engine.dispose()
        raise
    return engine


def database_url(settings: Settings, tell: Tell = lambda _: None) -> str:
    """HARVESTER_DATABASE_URL (or the file that it names as file:PATH), or the embedded server's, started if need be."""
    if settings.database_url is None:
        from harvester.catalogue import embedded  # noqa: PLC0415 - not needed with a Postgres of the operator's

        server = embedded.start(settings.home, tell=tell)
        return server.url
    given = settings.database_url
    return psycopg_url(Secret(given).reveal() if given.startswith("file:") else given)


def psycopg_url(url: str) -> str:
    """Rewrite what users write (`postgres://`, `postgresql://`) to the driver in use. Raises ConfigError."""
    rewritten = re.sub(r"\Apostgres(?:ql)?(?:\+psycopg\d?)?://", "postgresql+psycopg://", url)
    try:
        make_url(rewritten)
    except (ArgumentError, ValueError):  # the latter for a port that is no number
        rewritten = ""
    if not rewritten.startswith("postgresql+psycopg://"):
        raise ConfigError("HARVESTER_DATABASE_URL must look like postgresql://user@host:5432/database")
    return rewritten


def connect(url: str, *, connections: int = 8) -> Engine:
    """An engine on any Postgres, with our policy and no look at what is in it; half of its connections are kept open."""
    engine = create_engine(
        url,
        poolclass=QueuePool,
        pool_size=connections // 2,
        max_overflow=connections - connections // 2,
        pool_timeout=30,
        pool_pre_ping=True,
        json_serializer=_ENCODE,
        connect_args={"connect_timeout": 15, "application_name": "harvester"},
    )

    @event.listens_for(engine, "connect")
    def _policy(connection: Any, _: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"SET statement_timeout = '{_STATEMENT_TIMEOUT}'")
            cursor.execute(f"SET idle_in_transaction_session_timeout = '{_IDLE_TIMEOUT}'")
            cursor.execute("SET timezone = 'UTC'")
            # A machine that lost power must not hold its locks for the two hours of TCP's default; no use on a local socket.
            for name, seconds in _KEEPALIVES.items():
                cursor.execute(f"SET {name} = {seconds}")
            # A page's few keys are looked up by an index, whatever the statistics of a table that has just been filled say.
            cursor.execute("SET plan_cache_mode = 'force_custom_plan'")
        connection.commit()

    return engine


def revision(connection: Connection) -> str | None:
    """The catalogue's revision; None for a database that holds no catalogue."""
    if connection.scalar(text("SELECT to_regclass('alembic_version')")) is None:
        return None
    version: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return version


def _bring_up_to_date(engine: Engine, tell: Tell) -> None:
    with translated(), engine.connect() as connection:
        found = revision(connection)
    if found == REVISION:
        return
    from harvester.catalogue.migration import upgrade  # noqa: PLC0415 - alembic takes 0.3 s to import, once a release

    tell("preparing the catalogue's tables")
    with translated():
        upgrade(engine)


@contextmanager
def translated() -> Iterator[None]:
    """Driver errors become CatalogueError with a sentence; the connection string is never shown, it may hold a password."""
    try:
        yield
    except DBAPIError as error:
        raise catalogue_error(error) from error


def catalogue_error(error: DBAPIError) -> CatalogueError:
    """What a driver error means to a person."""
    code = getattr(error.orig, "sqlstate", None)
    said = " ".join(str(error.orig).split())[:300]
    if (
        code == "53100"
        or "No space left" in said
        or (isinstance(error, OperationalError) and _without_room())
    ):
        return CatalogueError(
            "the disk of the catalogue is full; nothing committed is lost: free some space and run the same command again"
        )
    if code == "25006":
        return CatalogueError(
            "the catalogue's Postgres is read-only; point HARVESTER_DATABASE_URL at the primary"
        )
    if isinstance(error, OperationalError):
        return CatalogueError(
            f"the catalogue's Postgres cannot be reached or went away ({said}); nothing committed is lost: "
            "see that it runs and run the same command again"
        )
    if isinstance(error, ProgrammingError) and code == "42501":
        return CatalogueError(
            f"the catalogue's Postgres denies us the right ({said}); grant it or use another role"
        )
    return CatalogueError(f"the catalogue's Postgres reports: {said}")


async def up_since(conninfo: str) -> datetime | None:
    """When the Postgres of a libpq URL was started; None where it does not answer within seconds. For those who work in a loop
    of events, as the queue does.
    """
    try:
        async with asyncio.timeout(_ANSWERS):
            async with await psycopg.AsyncConnection.connect(conninfo) as connection:
                row = await (await connection.execute("SELECT pg_postmaster_start_time()")).fetchone()
    except (psycopg.Error, TimeoutError):
        return None
    return None if row is None else row[0]


def driver_error(connection: Connection, error: psycopg.Error) -> DBAPIError:
    """An error of the driver, where it was used directly, as SQLAlchemy tells it; a lost connection leaves the pool."""
    driver = connection.connection.driver_connection
    lost = driver is not None and bool(driver.closed)
    if lost:
        connection.invalidate(error)
    told = DBAPIError.instance(None, None, error, psycopg.Error, connection_invalidated=lost)
    return cast(DBAPIError, told)


def _without_room() -> bool:
    """A server whose WAL finds no room goes down and says nothing to its clients: ask the disk."""
    from harvester.catalogue import embedded  # noqa: PLC0415 - not needed with a Postgres of the operator's

    return embedded.without_room()
