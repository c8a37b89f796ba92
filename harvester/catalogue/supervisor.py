"""Runs one Postgres while any harvester process uses it, and stops it after the last; a small process of its own.

Every user holds a shared lock on `users.lock`, which the kernel frees even after kill -9; the supervisor stops
Postgres once it gets that lock exclusively, so nobody can attach meanwhile. `supervisor.lock` keeps a second
supervisor away. Started by `embedded`, with which it speaks in lines on stdout: `tell …`, then `ready` or `error …`.
Standard library only.
"""

import fcntl
import os
import signal
import sys
from pathlib import Path

from harvester import clock
from harvester.catalogue import postmaster, server_account
from harvester.catalogue.postmaster import DATA, LOG, TURN, USERS
from harvester.catalogue.server_account import Account, Failure

LOG_BYTES = 8 << 20
POLL = 0.5  # seconds between two looks at the lock: how long a server may outlive its last user
_STOPS = ((signal.SIGINT, 120), (signal.SIGQUIT, 10), (signal.SIGKILL, 10))  # fast, immediate, and by force


def main(arguments: list[str]) -> None:
    """FOLDER INSTALLATION COPY durable|fast SOCKET_NAME SOCKET_PARENT…; ends when the server has been stopped."""
    if os.fork():
        os._exit(0)  # the starter waits for this process only: init inherits the other
    report = os.dup(1)
    folder = Path(arguments[0])
    log = os.open(folder / LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    os.umask(0o077)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _terminated)
    sockets = [Path(parent) for parent in arguments[5:]]
    keeper = Keeper(folder, arguments[1:5], sockets=sockets, report=report)
    try:
        keeper.run()
    except (Failure, OSError) as error:
        keeper.say(f"error {error}")


def _terminated(_number: int, _frame: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise SystemExit(0)


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        os.write(2, f"harvester: process {pid} had ended already\n".encode())


def _remove(folders: list[Path]) -> bool:
    import shutil  # noqa: PLC0415 - runs in a forked child: the supervisor stays small

    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)  # its maker may be at it too; what stays only takes space
    return True


class Keeper:
    """One supervisor's server: where it lives, how it runs, and its process (0: none)."""

    def __init__(self, folder: Path, server: list[str], *, sockets: list[Path], report: int) -> None:
        self.folder, self.data, self.log = folder, folder / DATA, folder / LOG
        self.installation, self.copy = Path(server[0]), folder / server[1]
        self.fast, self.socket_name, self.sockets = server[2] == "fast", server[3], sockets
        self.report, self.turn, self.child = report, 0, 0
        self.account: Account = None
        self.socket: Path | None = None

    def run(self) -> None:
        """Wait for the turn, start Postgres, keep it until its last user has ended, stop it."""
        if not self.take_turn():
            self.say("ready")
            return
        try:
            self.clear()
            self.settle()
            if not self.data.exists():
                self.initialise()
            self.launch()
            self.say("ready")
            os.close(self.report)
            self.report = -1
            self.keep()
        finally:
            self.end()
            self.leave_socket()

    def say(self, line: str) -> None:
        """One line to the process that asked for the server, which may have ended since, and to the log."""
        words = f"{line}\n".encode(errors="surrogateescape")
        try:
            os.write(self.report, words)
        except OSError as error:
            os.write(2, f"harvester: nobody listens: {error}\n".encode())
        os.write(2, b"harvester: " + words)

    def take_turn(self) -> bool:
        """Hold the only supervisor's lock; False when another supervisor has made the server ready."""
        self.turn = os.open(self.folder / TURN, os.O_RDWR | os.O_CREAT, 0o600)
        blind_since = None
        while True:
            try:
                fcntl.flock(self.turn, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if postmaster.running(self.folder):
                    return False
            else:
                os.truncate(self.turn, 0)
                os.pwrite(self.turn, str(os.getpid()).encode(), 0)
                return True
            # Another is at work, for as long as it takes; unless it, or its socket, cannot be seen from here.
            pid = postmaster.holder(self.folder)
            seen = postmaster.alive(pid, self.folder) and not postmaster.status(self.data)[2]
            blind_since = None if seen else blind_since or clock.monotonic()
            if blind_since and clock.monotonic() - blind_since > 10:
                raise Failure(
                    "a process out of sight runs it, in another container or with a /tmp of its own"
                )
            clock.sleep(0.02)

    def clear(self) -> None:
        """See that no process of an earlier Postgres is left, and drop a `postmaster.pid` that is another's by now."""
        pid = postmaster.status(self.data)[0]
        if postmaster.alive(pid, self.data):
            self.say("tell Waiting for the previous Postgres of this catalogue to stop")
            _signal(pid, signal.SIGINT)
            until = clock.monotonic() + 120
            while postmaster.alive(pid, self.data):
                if clock.monotonic() > until:
                    raise Failure(f"the Postgres of an earlier run (pid {pid}) does not stop")
                clock.sleep(0.02)
        # After kill -9 of the postmaster its children go at once only when idle; busy ones keep the data in use.
        for orphan in postmaster.children(self.data):
            _signal(orphan, signal.SIGQUIT)
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    def settle(self) -> None:
        """Choose the account, hand it our own folder, and see that it can read the programs."""
        self.account = server_account.choose(self.folder.parent, self.data)
        if self.account is None:
            return
        if self.account[0]:
            for path in (self.folder, *(self.folder / name for name in (USERS, TURN, LOG))):
                os.chown(path, *self.account)
        postgres = self.installation / "bin" / "postgres"
        if not server_account.succeeds(self.account, lambda: os.access(postgres, os.R_OK | os.X_OK)):
            if not self.copy.exists():
                server_account.succeeds(
                    None,
                    lambda: server_account.copy_programs(self.installation, self.copy, account=self.account),
                )
            self.installation = self.copy / self.installation.parent.name / self.installation.name

    def initialise(self) -> None:
        """Run initdb beside the final place, then rename once: a data folder is whole or not there."""
        self.say("tell Creating the catalogue's Postgres (first use)")
        # A name of its own: the initdb of a killed supervisor may still be removing what it had made.
        server_account.succeeds(None, lambda: _remove(list(self.folder.glob(f"{DATA}.new-*"))))
        fresh = self.folder / f"{DATA}.new-{os.getpid()}"
        self.do("initdb", postmaster.initdb_arguments(fresh))
        single = ["--single", "-D", str(fresh), *postmaster.options((*postmaster.FAST, "exit_on_error=on"))]
        self.do("postgres", [*single, "postgres"], text=b"CREATE DATABASE harvester\n")
        if not self.fast:
            self.do("initdb", ["--sync-only", "-D", str(fresh)])  # all that went before, in one go
        fresh.rename(self.data)
        descriptor = os.open(self.folder, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)

    def do(self, program: str, arguments: list[str], *, text: bytes = b"") -> None:
        """Run one of Postgres's programs to its end, `text` on its input; a Failure carries its last words."""
        since = self.log.stat().st_size
        reader, writer = os.pipe()
        os.write(writer, text)
        os.close(writer)
        self.spawn(program, arguments, stdin=reader)
        os.close(reader)
        status = os.waitpid(self.child, 0)[1]
        self.child = 0
        if status != 0:
            raise Failure(f"{program} failed: {postmaster.tail(self.log, since)}")

    def launch(self) -> None:
        """Start Postgres and wait until it takes connections, through crash recovery too."""
        began, told = clock.monotonic(), False
        since = self.log.stat().st_size
        while True:
            self.socket = postmaster.socket_folder(self.sockets, self.socket_name, account=self.account)
            switches = postmaster.options((*postmaster.FIXED, *self.switches()))
            self.spawn("postgres", ["-D", str(self.data), "-p", "5432", "-k", f'"{self.socket}"', *switches])
            while not self.ended():
                pid, _, ready = postmaster.status(self.data)
                if ready and pid == self.child:
                    return
                if not told and clock.monotonic() - began > 1:
                    self.say("tell Waiting for Postgres, which recovers from an unclean end")
                    told = True
                clock.sleep(0.01)
            words = postmaster.tail(self.log, since)
            # The last orphans are on their way out (`clear`).
            if "pre-existing shared memory block" not in words or clock.monotonic() - began > 60:
                raise Failure(f"it ended at start: {words}")
            clock.sleep(0.2)

    def keep(self) -> None:
        """Stay until the last user has ended: start Postgres again if it dies or its socket has been removed."""
        users = os.open(self.folder / USERS, os.O_RDWR | os.O_CREAT, 0o600)
        deaths: list[float] = []
        while self.in_place() and not _last_user_ended(users):
            if self.ended() or not self.connectable():
                moment = clock.monotonic()
                deaths = [*(death for death in deaths if moment - death < 60), moment]
                if len(deaths) > 5:
                    raise Failure("Postgres died six times within a minute")
                self.end()
                self.clear()
                self.launch()
            self.bound_log()
            clock.sleep(POLL)

    def in_place(self) -> bool:
        """Whether our folder still is the one at its path: a removed home needs no server."""
        try:
            return (self.folder / TURN).stat().st_ino == os.fstat(self.turn).st_ino
        except OSError:
            return False

    def leave_socket(self) -> None:
        """Remove the socket's folder; Postgres leaves its files there when its own end goes wrong."""
        if self.socket is not None and self.socket.is_dir():
            for left in self.socket.iterdir():
                left.unlink()
            self.socket.rmdir()

    def connectable(self) -> bool:
        """Whether the socket is there: cleaners of temporary folders remove it, and only a start makes it again."""
        return self.socket is not None and (self.socket / postmaster.SOCKET).exists()

    def bound_log(self) -> None:
        """Begin the log anew above LOG_BYTES, keeping one before; Postgres appends, so it follows a truncation."""
        if self.log.stat().st_size > LOG_BYTES:
            previous = self.log.with_name(f"{LOG}.1")
            server_account.succeeds(None, lambda: previous.write_bytes(self.log.read_bytes()))
            os.truncate(self.log, 0)

    def switches(self) -> tuple[str, ...]:
        return postmaster.FAST if self.fast else postmaster.DURABLE

    def spawn(self, program: str, arguments: list[str], *, stdin: int | None = None) -> None:
        path = str(self.installation / "bin" / program)
        self.child = server_account.spawn(self.account, [path, *arguments], stdin=stdin)

    def ended(self) -> bool:
        if self.child and os.waitpid(self.child, os.WNOHANG)[0]:
            self.child = 0
        return not self.child

    def end(self) -> None:
        """Stop the child, whatever it is, and wait for its end."""
        for number, patience in _STOPS:
            if self.ended():
                return
            _signal(self.child, number)
            until = clock.monotonic() + patience
            while not self.ended() and clock.monotonic() < until:
                clock.sleep(0.01)


def _last_user_ended(users: int) -> bool:
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


if __name__ == "__main__":
    main(sys.argv[1:])
