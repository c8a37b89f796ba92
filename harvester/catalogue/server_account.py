"""Under which account Postgres runs, for it refuses root: this one, root's own user namespace, or another user.

Belongs to the supervisor: standard library only, nothing on the system is created or changed for it.
"""

import os
import pwd
import signal
import sys
from pathlib import Path

TYPE_CHECKING = (
    False  # as type checkers allow: neither `typing` nor `ctypes` stays in the supervisor's memory
)
if TYPE_CHECKING:
    import ctypes
    from collections.abc import Callable

# None: this process's own. (0, 0): root outside, an ordinary user inside a namespace. Else: that uid and gid.
Account = tuple[int, int] | None
NAMESPACE: Account = (0, 0)

ENVIRONMENT = {
    "PATH": os.defpath,
    "LC_ALL": "C",
    "TZ": "UTC",
}  # nothing of the user's: PGDATA, PGPORT, LD_PRELOAD
_CLONE_NEWUSER = 0x10000000
_PR_SET_PDEATHSIG = 1
_INSIDE = 1000  # any uid but 0; it exists inside the namespace only


def choose(home: Path, data: Path) -> Account:
    """The first account that can hold the server of this home.

    Raises Failure, with the reason, where there is none.
    """
    if os.geteuid() != 0:
        return None
    # Whoever owns the data runs it: `sudo harvester` must not leave root's files in a user's catalogue.
    owner = (data if data.exists() else home).stat()
    if owner.st_uid:
        if succeeds((owner.st_uid, owner.st_gid), lambda: os.access(home, os.X_OK)):
            return owner.st_uid, owner.st_gid
        raise Failure(f"Postgres refuses root, and the owner of {home} (uid {owner.st_uid}) cannot enter it")
    if succeeds(NAMESPACE, lambda: os.access(home, os.X_OK)):
        return NAMESPACE
    if data.exists():
        raise Failure(
            f"Postgres refuses root, {data} belongs to root, and user namespaces are forbidden here"
        )
    nobody = _nobody()
    if succeeds(nobody, lambda: os.access(home, os.X_OK)):
        return nobody
    raise Failure(
        f"Postgres refuses root, user namespaces are forbidden here, and the user nobody cannot enter {home}"
    )


def namespaces_work() -> bool:
    """Whether this process may make a user namespace; Docker's default seccomp profile forbids it."""
    return sys.platform == "linux" and succeeds(NAMESPACE, lambda: os.geteuid() == _INSIDE)


def succeeds(account: Account, action: "Callable[[], object]") -> bool:
    """Run `action` as `account` in a child process (its imports cost this one nothing): whether it was true."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            _become(account, _libc())
            code = 0 if action() else 1
        except Exception as error:  # noqa: BLE001 - the child must say why and end here, never return as a second parent
            os.write(2, f"harvester: {error}\n".encode())
        finally:
            os._exit(code)
    return os.waitpid(pid, 0)[1] == 0


def spawn(account: Account, command: list[str], *, stdin: int | None = None) -> int:
    """Start `command` as `account`, bound to the life of this process (Linux); returns its pid.

    To be called from the main thread: the death signal follows the thread that forked.
    """
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        try:
            if stdin is not None:
                os.dup2(stdin, 0)
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE, signal.SIGXFSZ):
                signal.signal(number, signal.SIG_DFL)
            libc = _libc()  # this Python itself may be out of the account's reach
            _become(account, libc)
            _die_with(parent, libc)  # last: a change of credentials clears the death signal, prctl(2)
            os.execve(command[0], command, ENVIRONMENT)  # noqa: S606 - no shell is meant to be there
        except Exception as error:  # noqa: BLE001 - as in `succeeds`
            os.write(2, f"harvester: {command[0]}: {error}\n".encode())
        finally:
            os._exit(127)
    return pid


def copy_programs(source: Path, target: Path, *, account: Account) -> bool:
    """Copy Postgres to where `account` can read it, libraries in the same relative place, or libpq is not found."""
    import shutil  # noqa: PLC0415 - runs in a forked child: the supervisor stays small

    for old in target.parent.glob("binaries-*"):
        shutil.rmtree(old)
    fresh = target.with_name(f"{target.name}.new")
    shutil.copytree(source, fresh / source.parent.name / source.name, symlinks=True)
    libraries = source.parent.with_name(f"{source.parent.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, fresh / libraries.name, symlinks=True)
    if account and account[0]:
        for path in (fresh, *fresh.rglob("*")):
            os.chown(path, *account, follow_symlinks=False)
    fresh.rename(target)
    return True


def _nobody() -> Account:
    entry = pwd.getpwnam("nobody")
    return entry.pw_uid, entry.pw_gid


def _libc() -> "ctypes.CDLL":
    import ctypes  # noqa: PLC0415 - only ever needed in a forked child: the supervisor stays small

    return ctypes.CDLL(None, use_errno=True)


def _become(account: Account, libc: "ctypes.CDLL") -> None:
    if account is None:
        return
    uid, gid = account
    if uid == 0:
        _enter_namespace(libc)
        return
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)


def _enter_namespace(libc: "ctypes.CDLL") -> None:
    """As `unshare --user --map-user --map-group` does, without needing util-linux."""
    uid, gid = os.geteuid(), os.getegid()
    if libc.unshare(_CLONE_NEWUSER) != 0:
        raise PermissionError("user namespaces are forbidden here")
    # Denying setgroups is what entitles a process to write its own gid_map, user_namespaces(7).
    Path("/proc/self/setgroups").write_text("deny", encoding="utf-8")
    Path("/proc/self/uid_map").write_text(f"{_INSIDE} {uid} 1", encoding="utf-8")
    Path("/proc/self/gid_map").write_text(f"{_INSIDE} {gid} 1", encoding="utf-8")


def _die_with(parent: int, libc: "ctypes.CDLL") -> None:
    if sys.platform != "linux":
        return  # no such signal: the next supervisor stops what a killed one left
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGINT) != 0:
        raise OSError("prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != parent:
        raise ProcessLookupError("the supervisor has ended")


class Failure(Exception):
    """Why Postgres cannot run here, as part of a sentence."""
