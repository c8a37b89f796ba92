"""Our turn at a host: the lock is held for a slice of work, and let go for whoever waits, and for long waits."""

from collections.abc import Callable
from dataclasses import dataclass, field

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
    seconds may be waited in all (`--wait`); `longest_nap` how long the lock may be slept on.
    """

    connection: Connection
    host: str
    pause: float
    patience: float
    stop: Callable[[], bool]
    tell: Callable[[str], None]
    longest_nap: float = 30.0
    held: bool = field(default=False, init=False)
    _added: float = field(default=0.0, init=False)
    _asked_at: float = field(default=0.0, init=False)

    def take(self) -> None:
        """Have the lock, and the host's leave to ask now.

        Raises Interrupted when asked to stop, Retriable (`host_busy`, `wait`) when patience ends.
        """
        self._check()
        while not self.held:
            self._lock()
            wait = hosts.look(self.connection, self.host)
            self._added = max(0.0, wait.pause - self.pause)
            if wait.wait <= self.longest_nap:
                self.nap(wait.wait)
                return
            self.give()
            self._wait_outside(wait.wait)
        if self._added:
            # The wire keeps the configured pace; a penalised host is asked less often than that.
            self.nap(self._asked_at + self.pause + self._added - clock.monotonic())

    def asked(self, *, waited: bool) -> None:
        """After a page: let the host go where somebody waits for it."""
        self._asked_at = clock.monotonic()
        if waited:
            self.give()

    def give(self) -> None:
        """Let the lock go, if we have it."""
        if self.held:
            self.held = False
            hosts.let_go(self.connection, self.host)

    def failed(self, error: Retriable) -> None:
        """Write down for everybody what a failure says about the host."""
        if error.after is not None:
            hosts.postpone(self.connection, self.host, error.after)
        elif error.reason in _TIMED_OUT:
            hosts.penalise(self.connection, self.host, self.pause)

    def postpone(self, error: Retriable) -> None:
        """The host wants a pause longer than a nap: wait for it without the lock. Raises the error when patience ends."""
        self.failed(error)
        self.give()
        if error.after is None or error.after > self.patience:
            raise error

    def _lock(self) -> None:
        before = clock.monotonic()
        deadline = before + self.patience

        def keep_waiting() -> bool:
            self._check()
            return clock.monotonic() < deadline

        if not hosts.hold(self.connection, self.host, keep_waiting):
            raise Retriable(
                f"another harvester process is asking {self.host}; it was waited for in vain (--wait waits longer)",
                reason="host_busy",
            )
        self.held = True
        self.patience -= clock.monotonic() - before

    def _wait_outside(self, seconds: float) -> None:
        if seconds > self.patience:
            raise Retriable(
                f"{self.host} wants no request for another {seconds:,.0f} seconds, longer than we may wait (--wait); "
                "run the same command again later, it goes on where it stopped",
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
            self._check()
            clock.sleep(min(_GLANCE, left))

    def _check(self) -> None:
        if self.stop():
            raise Interrupted(
                "stopped as asked; everything received is saved, the same command goes on from here"
            )
