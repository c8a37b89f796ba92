"""Holds one request to its limits: every byte read from a socket passes here, headers included."""

import io
import socket
from collections.abc import Callable

from harvester.errors import Interrupted
from harvester.wire.limits import Limits

_SHORTEST = 0.001  # settimeout(0) would mean "do not wait at all"
_GLANCE = 1.0  # seconds between two looks at whether the answer is still waited for
_BUFFER = 64 * 1024


class Stalled(Exception):
    """Reading came to nothing: `timeout`, `read_timeout`, `too_slow`, `too_large` or `truncated`.

    Not an OSError on purpose: urllib3 would turn that into its own and lose the reason.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Watch:
    """Deadline, silence, rate and wire bytes of the request that is under way on one host."""

    def __init__(
        self,
        limits: Limits,
        monotonic: Callable[[], float],
        abandoned: Callable[[], bool] = lambda: False,
    ) -> None:
        self.limits = limits
        self._abandoned = abandoned
        self.sent_at: float | None = None
        self.reused = False
        self.received = 0
        self._monotonic = monotonic
        self._deadline = float("inf")
        self._window: tuple[float, int] | None = None
        self._in_body = False

    def begin(self, budget: float) -> None:
        """A new request with `budget` seconds left of its page's total."""
        self._deadline = self._monotonic() + budget
        self._window = None
        self._in_body = False
        self.received = 0
        self.reused = False

    def sent(self) -> None:
        """The request has been written; the host's pace is counted from here."""
        self.sent_at = self._monotonic()

    def body_begins(self) -> None:
        """The rate counts from the next byte on: some servers send their headers, then think."""
        self._in_body = True

    def remaining(self) -> float:
        """Seconds left of the total; raises Stalled when none are."""
        left = self._deadline - self._monotonic()
        if left <= 0:
            raise Stalled("timeout")
        return left

    def allowance(self, silent_since: float) -> float:
        """How long the next read may wait, in seconds; raises Stalled when some limit has run out, Interrupted when nobody
        waits for the answer any more.
        """
        if self._abandoned():
            raise Interrupted("nobody waits for the answer any more; everything received is saved")
        left = self.remaining()
        now = self._monotonic()
        quiet = silent_since + self.limits.read - now
        if quiet <= 0:
            raise Stalled("read_timeout")
        return max(_SHORTEST, min(left, quiet, self._window_left(now), _GLANCE))

    def took(self, count: int) -> None:
        """Count bytes off the wire.

        http.client takes headers that end with the connection for whole ones, and reads a chunk of size -1
        to the end: both are caught here.
        """
        if count == 0 and self.received > 0 and not self._in_body:
            raise Stalled("truncated")
        if self._in_body and self._window is None:
            self._window = (self._monotonic(), self.received)
        self.received += count
        if self.received > self.limits.max_bytes + self.limits.ratio_from:
            raise Stalled("too_large")

    def clock(self) -> float:
        return self._monotonic()

    def _window_left(self, now: float) -> float:
        if self._window is None:
            return float("inf")
        began, had = self._window
        if now - began >= self.limits.rate_window:
            if self.received - had < self.limits.min_rate * self.limits.rate_window:
                raise Stalled("too_slow")
            began, self._window = now, (now, self.received)
        return began + self.limits.rate_window - now


class WatchedReader(io.RawIOBase):
    """What http.client reads a response from, instead of the socket's own file."""

    def __init__(self, sock: socket.socket, watch: Watch) -> None:
        self._sock = sock
        self._watch = watch
        # Keeps the socket open until the response is closed, as http.client expects of makefile().
        self._file = sock.makefile("rb", buffering=0)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self, _BUFFER)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # the stub wants Buffer, which 3.11 lacks
        silent_since = self._watch.clock()
        while True:
            self._sock.settimeout(self._watch.allowance(silent_since))
            try:
                count = self._sock.recv_into(buffer)
            except TimeoutError:
                continue  # allowance() says which limit it was, or that a rate window merely ended
            self._watch.took(count)
            return count

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()
