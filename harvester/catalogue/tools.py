"""Dump, restore and connection strings: Postgres's own client programs, those of the embedded server where they serve."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, cast

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
        partial.touch(mode=0o600)  # it holds everything: for its owner only, as the data folder is
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
    clean = ["--clean", "--if-exists"] if _is_prepared(text) else []
    _load([*clean, str(path.absolute())], make_url(text))
    open_catalogue(settings, tell).dispose()


def _is_prepared(url: str) -> bool:
    """Whether the empty tables of a catalogue are there, to be replaced. Raises CatalogueError where they are not empty."""
    engine = connect(url)
    try:
        with translated(), engine.connect() as connection:
            if revision(connection) is None:
                return False
            if connection.execute(select(repositories.c.id).limit(1)).first() is not None:
                raise CatalogueError(
                    "the catalogue already holds repositories: restore into an empty one (another HARVESTER_HOME)"
                )
            return True
    finally:
        engine.dispose()


def _load(arguments: list[str], url: URL) -> None:
    """Run a dump as a script, in one transaction that commits only when the script came whole.

    pg_restore itself cannot write to a Postgres older than 17: it sets a parameter that those do not know.
    """
    script = [_find("pg_restore"), "--no-owner", "--no-acl", "--file=-", *arguments]
    client = [_find("psql"), "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--dbname", _nameable(url)]
    with (
        tempfile.TemporaryFile() as said,
        subprocess.Popen(script, stdout=subprocess.PIPE, stderr=said) as reader,
        subprocess.Popen(
            client, env=_environment(url), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=said
        ) as writer,
    ):
        source, target = cast(IO[bytes], reader.stdout), cast(IO[bytes], writer.stdin)
        with source, suppress(BrokenPipeError), target:  # a broken pipe: psql has ended, and says why
            target.write(b"BEGIN;\n")
            _copy(source, target)
            if reader.wait() == 0:
                target.write(b"COMMIT;\n")
        ended = {"pg_restore": reader.wait(), "psql": writer.wait()}
        said.seek(0)
        complaint = said.read().decode(errors="replace")
    for program, code in ended.items():
        if code not in (0, -signal.SIGPIPE):
            raise _failed(program, complaint)


def _copy(script: IO[bytes], client: IO[bytes]) -> None:
    for line in script:
        if not line.startswith(b"SET transaction_timeout"):
            client.write(line)
        if line.startswith((b"CREATE ", b"DROP ", b"ALTER ")):
            break  # the settings stand before; what follows may be gigabytes
    shutil.copyfileobj(script, client, 1 << 20)


def _run(program: str, arguments: list[str], url: URL) -> None:
    command = [_find(program), *arguments, "--dbname", _nameable(url)]
    done = subprocess.run(command, env=_environment(url), capture_output=True, check=False)
    if done.returncode != 0:
        raise _failed(program, done.stderr.decode(errors="replace"))


def _nameable(url: URL) -> str:
    """The URL without its password, which everybody could read on a command line."""
    # Not `url.set(password=None)`, which leaves the password as it is.
    bare = URL.create("postgresql", url.username, None, url.host, url.port, url.database, url.query)
    return bare.render_as_string()


def _environment(url: URL) -> dict[str, str]:
    own = {
        name: value for name, value in os.environ.items() if not name.startswith("PG") or name == "PGPASSFILE"
    }
    return own if url.password is None else own | {"PGPASSWORD": str(url.password)}


def _failed(program: str, complaint: str) -> CatalogueError:
    return CatalogueError(f"{program} failed: {' '.join(complaint.split())[:_MESSAGE]}")


def _find(program: str) -> str:
    """The embedded server's program, which is as new as any server we support; else the one on PATH."""
    from harvester.catalogue import embedded  # noqa: PLC0415 - only for the rare dump

    bundled = embedded.program(program)
    found = str(bundled) if bundled is not None else shutil.which(program)
    if found is None:
        raise CatalogueError(f"{program} is not installed: install Postgres's client programs")
    return found
