"""What an embedded Postgres leaves on disk, and how it is told to run; starts and stops nothing.

Read by the supervisor and by every process that attaches: standard library only.
"""

import os
import stat
import sys
from pathlib import Path

from harvester.catalogue import server_account
from harvester.catalogue.server_account import Account, Failure

DATA, USERS, TURN, LOG = "data", "users.lock", "supervisor.lock", "server.log"
SOCKET = ".s.PGSQL.5432"
SOCKET_PATH_BYTES = 107 if sys.platform == "linux" else 103  # sun_path without its NUL, unix(7)

# Written into postgresql.conf by initdb, so that the owner of a catalogue may change them.
TUNING = (
    "shared_buffers=128MB",
    "max_connections=100",
    "max_wal_size=2GB",
    "checkpoint_timeout=15min",
    "wal_compression=off",  # this build has pglz only: 20 % less WAL for 45 % more time (measured)
    "wal_level=minimal",
    "max_wal_senders=0",
    "max_logical_replication_workers=0",
    "jit=off",
    "timezone=UTC",
    "log_timezone=UTC",
)
# On the command line, where a configuration file cannot undo them. Shared memory lies in files: systemd-logind
# removes a user's POSIX segments at logout (RemoveIPC), and containers allow 64 MB of them.
FIXED = (
    "listen_addresses=",
    "unix_socket_permissions=0700",
    "dynamic_shared_memory_type=mmap",
    "logging_collector=off",
    "log_destination=stderr",
)
DURABLE = ("fsync=on", "full_page_writes=on")
FAST = ("fsync=off", "full_page_writes=off", "synchronous_commit=off")


def running(folder: Path) -> Path | None:
    """The socket folder of the server in `folder`, when it takes connections and a supervisor looks after it."""
    pid, socket, ready = status(folder / DATA)
    if ready and alive(pid, folder / DATA) and alive(holder(folder), folder) and (socket / SOCKET).exists():
        return socket
    return None


def status(data: Path) -> tuple[int, Path, bool]:
    """Pid, socket folder and readiness as `postmaster.pid` has them, which may be left over from a crash."""
    try:
        lines = (data / "postmaster.pid").read_text(encoding="utf-8", errors="surrogateescape").splitlines()
        return int(lines[0]), Path(lines[4]), lines[7].strip() == "ready"
    except (OSError, IndexError, ValueError):  # absent, or half written
        return 0, data, False


def holder(folder: Path) -> int:
    """The pid of the supervisor that has, or had, its turn in `folder`; 0 if none."""
    try:
        return int((folder / TURN).read_bytes() or b"0")
    except (OSError, ValueError):
        return 0


def alive(pid: int, argument: Path) -> bool:
    """Whether `pid` runs now with `argument` on its command line: after a reboot a bare pid is anybody's."""
    if pid <= 0:
        return False
    try:
        if Path("/proc/self").exists():
            return os.fsencode(argument) in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        with os.popen(f"ps -ww -o command= -p {pid:d}") as output:  # noqa: S605 - macOS; all it is given is a number
            return str(argument) in output.read()
    except OSError:  # it has ended
        return False


def children(data: Path) -> list[int]:
    """Processes of a Postgres on `data` other than its postmaster (Linux; elsewhere they are not looked for)."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            title = (process / "cmdline").read_bytes()
            if title.startswith(b"postgres: ") and (process / "cwd").readlink() == data:
                found.append(int(process.name))
        except OSError:  # ended, or another user's
            continue
    return found


def durable(data: Path) -> bool:
    """Whether the server was last started with fsync on."""
    try:
        return "fsync=off" not in (data / "postmaster.opts").read_text(errors="replace")
    except FileNotFoundError:
        return True


def tail(log: Path, since: int = 0) -> str:
    """The last five lines that the log gained after byte `since`, as one."""
    with log.open("rb") as file:
        file.seek(max(since, log.stat().st_size - 4096))
        lines = file.read().decode(errors="replace").splitlines()
    return " | ".join([line.strip() for line in lines if line.strip()][-5:])


def options(settings: tuple[str, ...]) -> list[str]:
    """The settings as arguments of `postgres` or `initdb`."""
    return [word for setting in settings for word in ("-c", setting)]


def initdb_arguments(data: Path) -> list[str]:
    """For UTF-8, sorted by code point with the same result on every system; nothing is synced yet."""
    # The builtin provider does not change with the C library; C.UTF-8 of the library is missing on older macOS.
    locale = "C.UTF-8" if sys.platform == "linux" else "C"
    place = ["-D", str(data), "-U", "harvester", "-A", "trust", "-E", "UTF8", f"--locale={locale}"]
    provider = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    return [*place, *provider, *options(TUNING), "--no-sync"]


def socket_folder(parents: list[Path], name: str, *, account: Account) -> Path:
    """A folder of our own for the socket, mode 0700, below the first parent where that works.

    Raises Failure where there is none.
    """
    for parent in parents:
        # A folder of that name that is not ours is left alone; what we find in ours is left over from a crash.
        for path in (parent / name, parent / f"{name}-{os.urandom(4).hex()}"):
            if len(os.fsencode(path / SOCKET)) <= SOCKET_PATH_BYTES and _claim(path, account):
                for left in (path / SOCKET, path / f"{SOCKET}.lock"):
                    left.unlink(missing_ok=True)
                return path
    tried = ", ".join(str(parent) for parent in parents)
    raise Failure(
        f"no folder for its socket (path of at most {SOCKET_PATH_BYTES} bytes) can be made in {tried}"
    )


def _claim(path: Path, account: Account) -> bool:
    owner = account[0] if account else os.geteuid()
    try:
        path.mkdir(0o700)
        if account and owner:
            os.chown(path, *account)
    except FileExistsError:
        pass  # ours from an earlier start, or another's: told apart below
    except OSError:
        return False
    found = path.lstat()
    ours = stat.S_ISDIR(found.st_mode) and found.st_uid == owner and not found.st_mode & 0o077
    return ours and (
        account is None or server_account.succeeds(account, lambda: os.access(path, os.W_OK | os.X_OK))
    )
