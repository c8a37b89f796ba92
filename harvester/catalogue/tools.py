"""Dump, restore and connection strings: Postgres's own client programs, those of the embedded server where they serve."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import URL, make_url, select

from harvester.catalogue.connection import connect, database_url, open_catalogue, revision, translated
from harvester.catalogue.tables import repositories
from harvester.config import Settings
from harvester.errors import CatalogueError

_MESSAGE = 500  # characters of a program's complaint that a person is shown


def client_url(url: str) -> str:
    """The URL as psql and other clients take it. Holds the password where there is one: print it only when asked to."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def dump(settings: Settings, path: Path, tell: Callable[[str], None]) -> None:
    """Write the catalogue in pg_dump's custom format; the file appears only when it is complete.

    Raises CatalogueError where pg_dump is missing or fails.
    """
    open_catalogue(settings, tell).dispose()
    url = make_url(database_url(settings, tell))
    partial = path.with_name(path.name + ".partial")
    try:
        _run("pg_dump", ["--format=custom", "--no-owner", "--no-acl", f"--file={partial.absolute()}"], url)
        partial.replace(path)
    except OSError as error:
        raise CatalogueError(f"{path} cannot be written: {error.strerror}") from error
    finally:
        partial.unlink(missing_ok=True)


def restore(settings: Settings, path: Path, tell: Callable[[str], None]) -> None:
    """Fill an empty database from a dump, then bring it to this release's shape.

    Raises CatalogueError where the file cannot be read or the catalogue already holds something.
    """
    if not path.is_file():
        raise CatalogueError(f"{path} is no file")
    text = database_url(settings, tell)
    engine = connect(text)
    with translated(), engine.connect() as connection:
        found = revision(connection)
        if found is not None and connection.execute(select(repositories.c.id).limit(1)).first() is not None:
            raise CatalogueError(
                "the catalogue already holds repositories: restore into an empty one (another HARVESTER_HOME)"
            )
    engine.dispose()
    clean = ["--clean", "--if-exists"] if found is not None else []
    arguments = [
        "--no-owner",
        "--no-acl",
        "--exit-on-error",
        "--single-transaction",
        *clean,
        str(path.absolute()),
    ]
    _run("pg_restore", arguments, make_url(text))
    open_catalogue(settings, tell).dispose()


def _run(program: str, arguments: list[str], url: URL) -> None:
    command = [_find(program), *arguments, "--dbname", client_url(url.set(password=None).render_as_string())]
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith("PG") or key == "PGPASSFILE"
    }
    if url.password is not None:
        environment["PGPASSWORD"] = str(url.password)  # never on a command line, which everybody can read
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise CatalogueError(f"{program} failed: {' '.join(done.stderr.split())[:_MESSAGE]}")


def _find(program: str) -> str:
    """The embedded server's program, which is as new as any server we support; else the one on PATH."""
    from harvester.catalogue import embedded  # noqa: PLC0415 - only for the rare dump

    bundled = embedded.program(program)
    found = str(bundled) if bundled is not None else shutil.which(program)
    if found is None:
        raise CatalogueError(f"{program} is not installed: install Postgres's client programs")
    return found
