"""A look at something that may hang, shared by all who ask: taken in a thread of its own, kept for some seconds."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from harvester import clock, logs

T = TypeVar("T")

_OLD = 4  # times `keep`: then it is better to show nothing
_log = logs.logger(__name__)


@dataclass(slots=True, eq=False)
class Glimpse(Generic[T]):
    """`read` runs at most once at a time, and once in `keep` seconds, however many ask; nobody waits longer than `patience`."""

    name: str
    read: Callable[[], T]
    keep: float = 5.0
    patience: float = 2.0
    monotonic: Callable[[], float] = clock.monotonic
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _value: T | None = None
    _at: float = float("-inf")
    _tried_at: float = float("-inf")
    _error: str | None = None
    _thread: threading.Thread | None = None
    _closed: bool = False

    def look(self) -> T | None:
        """The latest that is known; None where the last reading failed, or hangs and what was known is too old."""
        with self._lock:
            reading = self._reading()
        if reading is not None:
            reading.join(self.patience)
        with self._lock:
            return self._value if self.monotonic() - self._at <= _OLD * self.keep else None

    @property
    def error(self) -> str | None:
        """Why the last reading came to nothing."""
        with self._lock:
            return self._error

    def close(self) -> None:
        """Read no more; a reading that is under way is waited for as long as anybody would."""
        with self._lock:
            self._closed = True
            reading = self._thread
        if reading is not None:
            reading.join(self.patience)

    def _reading(self) -> threading.Thread | None:
        if self._thread is not None and self._thread.is_alive():
            return self._thread
        now = self.monotonic()
        if self._closed or now - self._tried_at < self.keep:
            return None
        self._tried_at = now
        # A daemon: one that hangs in a connection must not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name=f"glimpse {self.name}", daemon=True)
        self._thread.start()
        return self._thread

    def _run(self) -> None:
        try:
            value = self.read()
        except Exception as error:  # noqa: BLE001 - whatever it was: who asks is told that nothing is known, and why is logged
            self._fails(error)
            return
        with self._lock:
            recovered, self._error = self._error is not None, None
            self._value, self._at = value, self.monotonic()
        if recovered:
            _log.info(f"{self.name} can be read again")

    def _fails(self, error: Exception) -> None:
        with self._lock:
            first, self._error = self._error is None, type(error).__name__
            self._value = None
        if first:  # told once, not with every scrape
            _log.warning(f"{self.name} cannot be read", exc_info=error)
