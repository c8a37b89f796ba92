"""Our turn at a host: the lock is held for a slice of work, and let go for whoever waits, and for long waits."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from harvester import clock
from harvester.catalogue import hosts
from harvester.errors import Interrupted, Retriable

_GLANCE = 0.5  # seconds between two looks at whether we are asked to stop
_TIMED_OUT = frozenset({"http_429", "http_503", "timeout", "read_timeout", "connect_timeout", "too_slow"})


@dataclass(slots=True)
class Turn:
    """Holds a host's lock on one connection.

    `pause` is the configured pace in seconds, which the wire keeps; what penalties add is kept here. `patience` is how many
    seconds may be waited (`--wait`): for long pauses in all; for naps and for another process between two pages, so that a
    harvest which goes on is never given up. `longest_nap` is how long the lock may be slept on. `number` counts how often
    the lock was taken: what another process may have changed must be read again when it has grown.
    """

    connection: Connection
    host: str
    pause: float
    patience: float
    stop: Callable[[], bool]
    tell: Callable[[str], None]
    longest_nap: float = 30.0
    held: bool = field(default=False, init=False)
    number: int = field(default=0, init=False)
    _added: float = field(default=0.0, init=False)
    _asked_at: float = field(default=0.0, init=False)
    _napped: float = field(default=0.0, init=False)  # seconds since the last page
    _postponed: int = field(default=0, init=False)  # times since the last page

    def take(self, spend_by: datetime | None = None) -> None:
        """Have the lock, and the host's leave to ask now.

        `spend_by` is when a token should be spent: what we add to the pace of our own accord gives way to it.
        Raises Interrupted when asked to stop, Retriable (`host_busy`, `wait`) when patience ends.
        """
        self.check()
        while not self.held:
            wait = hosts.look(self.connection, self.host, self._lock(), self.pause)
            self._added = max(0.0, wait.pause - self.pause)
            if wait.wait <= self.longest_nap:
                self._napped += max(0.0, wait.wait - max(wait.pause, self.pause))
                self.nap(wait.wait)
                return
            self.give()
            self._wait_outside(wait.wait)
        if self._added:
            # The wire keeps the configured pace; a penalised host is asked less often than that.
            due = self._asked_at + self.pause + self._added - clock.monotonic()
            if spend_by is not None:
                left = (spend_by - clock.now()).total_seconds()
                due = max(min(due, left), self._asked_at + self.pause - clock.monotonic())
            self.nap(due)

    def hold(self) -> None:
        """Have the lock without leave to ask, for work on what came before; it is given back before the host is asked."""
        self.check()
        if not self.held:
            self._lock()

    def asked(self, *, waited: bool) -> None:
        """After a page: let the host go where somebody waits for it."""
        self._asked_at = clock.monotonic()
        self._napped, self._postponed = 0.0, 0
        if waited:
            self.give()

    def give(self) -> None:
        """Let the lock go, if we have it."""
        if self.held:
            self.held = False
            hosts.let_go(self.connection, self.host, self.pause)

    def lost(self) -> None:
        """The session is gone, and the lock with it."""
        self.held = False

    def failed(self, error: Retriable) -> None:
        """Write down for everybody what a failure says about the host."""
        if error.after is not None:
            hosts.postpone(self.connection, self.host, error.after)
        elif error.reason in _TIMED_OUT:
            pause = hosts.penalise(self.connection, self.host, self.pause)
            self._added = max(0.0, pause - self.pause)
            self._asked_at = clock.monotonic()

    def postpone(self, error: Retriable) -> None:
        """All tries of a request are used up: where the host asked for a pause, let the lock go and wait for it in `take`.

        A host that asks for the same short pause again and again is asked ever less often. Raises Retriable where the
        host asked for none, or for more than patience has left.
        """
        if error.after is None:
            self.failed(error)
            self.give()
            raise error
        seconds = error.after * 2**self._postponed
        self._postponed += 1
        hosts.postpone(self.connection, self.host, seconds)
        self.give()
        if seconds > self.patience - self._napped:
            raise Retriable(
                f"{error}; it asks for a pause of {seconds:,.0f} seconds, longer than we may wait (--wait)",
                reason=error.reason,
                evidence=error.evidence,
                after=seconds,
            ) from error

    def _lock(self) -> datetime:
        before = clock.monotonic()
        deadline = before + self.patience

        def keep_waiting() -> bool:
            self.check()
            return clock.monotonic() < deadline

        since = hosts.hold(self.connection, self.host, keep_waiting)
        if since is None:
            raise Retriable(
                f"another harvester process is asking {self.host}; it was waited for in vain (--wait waits longer)",
                reason="host_busy",
            )
        self.held = True
        self.number += 1
        return since

    def _wait_outside(self, seconds: float) -> None:
        if seconds > self.patience:
            raise Retriable(
                f"{self.host} wants no request for another {seconds:,.0f} seconds, longer than we may wait (--wait)",
                reason="wait",
                after=seconds,
            )
        self.tell(f"{self.host} asks for a pause of {seconds:,.0f} seconds")
        self.patience -= seconds
        self.nap(seconds)

    def nap(self, seconds: float) -> None:
        """Sleep; raises Interrupted as soon as we are asked to stop."""
        until = clock.monotonic() + seconds
        while (left := until - clock.monotonic()) > 0:
            self.check()
            clock.sleep(min(_GLANCE, left))

    def check(self) -> None:
        """Raises Interrupted when asked to stop."""
        if self.stop():
            raise Interrupted(
                "stopped as asked; everything received is saved, the same command goes on from here"
            )
