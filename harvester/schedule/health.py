"""Whether the service lives and is ready, over HTTP: /metrics, /health, /live, /ready. For machines on the operator's own network.

It is asked by programs that nobody vouches for: connections are few, short, and end in time whatever their other end does.
"""

import errno
import json
import socket
import socketserver
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, Protocol

from sqlalchemy import Engine

from harvester import __version__, clock, config, logs
from harvester.catalogue.connection import revision
from harvester.catalogue.tables import REVISION
from harvester.errors import ConfigError
from harvester.schedule.glimpse import Glimpse

# Seconds without a sign after which a part is taken for dead. Hands give one every fraction of a second; the clock looks at
# what is due every fifteen, and a look at a busy Postgres takes its time.
EXPECTED: Mapping[str, float] = {"worker": 60.0, "clock": 120.0}
_MOST_CONNECTIONS = 16
_LONGEST_CONNECTION = 10.0  # seconds, whatever it does in them
_LONG_WHERE_FULL = 1.0  # seconds
_SILENCE = 5.0
_POLL = 0.25
_PLAIN = "text/plain; version=0.0.4; charset=utf-8"

_log = logs.logger(__name__)


class Scraped(Protocol):
    """What /metrics shows."""

    def text(self) -> bytes:
        """In Prometheus' text format."""
        ...

    def close(self) -> None:
        """Let go of what it holds."""
        ...


@dataclass(slots=True, eq=False)
class Health:
    """What the service tells of itself: `tick(part)` while a part's loop turns, `leave()` when it is to end.

    `catalogue` gives the revision that was found, None where Postgres does not answer. A part that has never ticked is not
    judged: a machine that only adds hands has no clock.
    """

    catalogue: Glimpse[str | None]
    expected: Mapping[str, float] = field(default_factory=lambda: EXPECTED)
    monotonic: Callable[[], float] = clock.monotonic
    _ticked: dict[str, float] = field(default_factory=dict)
    _leaving: bool = False

    @classmethod
    @contextmanager
    def serving(cls, service: config.Service, engine: Engine, metrics: Scraped) -> Iterator["Health"]:
        """Serve on the configured address and port, where one is configured, until the end of the block.

        Raises ConfigError where the port cannot be had.
        """
        health = cls(Glimpse("the catalogue", lambda: _revision(engine)))
        server = None if service.port is None else _Server(service.address, service.port, health, metrics)
        try:
            yield health
        finally:
            health.leave()
            if server is not None:
                server.close()
            health.catalogue.close()
            metrics.close()

    def tick(self, part: str) -> None:
        """The part's loop has turned once more."""
        self._ticked[part] = self.monotonic()

    def rest(self, part: str) -> None:
        """The part has ended its loop because it was to: its silence is no sign of death."""
        self._ticked.pop(part, None)

    def leave(self) -> None:
        """The service ends: it is ready for nothing any more."""
        self._leaving = True

    def live(self) -> dict[str, Any]:
        """Whether every loop that has begun still turns, and since when each has not; asks nobody."""
        silent = {part: self.monotonic() - at for part, at in dict(self._ticked).items()}
        dead = sorted(part for part, seconds in silent.items() if seconds > self.expected.get(part, 60.0))
        return {
            "ok": not dead,
            "version": __version__,
            "seconds_since": {part: round(seconds, 1) for part, seconds in sorted(silent.items())},
            "stopped": dead,
        }

    def ready(self) -> dict[str, Any]:
        """Whether work can be done: Postgres answers, its catalogue has our shape, the hands' loop turns."""
        lives = self.live()
        found = self.catalogue.look()
        checks = {
            "postgres": found is not None,
            "catalogue": found == REVISION,
            "worker": "worker" in lives["seconds_since"] and "worker" not in lives["stopped"],
            "staying": not self._leaving,
        }
        return lives | {"ok": lives["ok"] and all(checks.values()), "checks": checks, "revision": found}


def _revision(engine: Engine) -> str:
    with engine.connect() as connection:
        return revision(connection) or ""


class _Server(socketserver.ThreadingMixIn, HTTPServer):
    """Threads for a bounded number of connections, each cut when its time is over."""

    daemon_threads = True  # a connection must not keep the process; close() waits for each in bounded time
    allow_reuse_port = False  # else a second service would share the port in silence
    request_queue_size = 4 * _MOST_CONNECTIONS

    def __init__(self, address: str, port: int, health: Health, metrics: Scraped) -> None:
        self.health = health
        self.metrics = metrics
        self._open: dict[socket.socket, tuple[float, threading.Thread]] = {}
        self._lock = threading.Lock()
        if ":" in address:
            self.address_family = socket.AF_INET6
        try:
            super().__init__((address, port), _Handler)
        except (OSError, OverflowError, UnicodeError) as error:
            raise ConfigError(_why_not(address, port, error)) from error
        self._thread = threading.Thread(target=self.serve_forever, args=(_POLL,), name="health", daemon=True)
        self._thread.start()

    def server_bind(self) -> None:
        socketserver.TCPServer.server_bind(self)  # HTTPServer would ask the DNS for a name that nobody needs
        self.server_name, self.server_port = self.server_address[0], self.server_address[1]  # type: ignore[assignment,unused-ignore]

    def process_request(self, request: Any, client_address: Any) -> None:
        """In a thread of its own, where there is room, or where somebody has kept his for long: he is cut, and not who asks now."""
        with self._lock:
            full = len(self._open) >= _MOST_CONNECTIONS
            slowest = min(self._open, key=lambda each: self._open[each][0]) if full else None
            if slowest and clock.monotonic() - self._open[slowest][0] > _LONG_WHERE_FULL:
                del self._open[slowest]
                _cut([slowest])
                full = False
            if not full:
                thread = threading.Thread(
                    target=self.process_request_thread,
                    args=(request, client_address),
                    name="health asked",
                    daemon=True,
                )
                self._open[request] = (clock.monotonic(), thread)
        if full:
            self.shutdown_request(request)
        else:
            thread.start()

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._open.pop(request, None)
        super().shutdown_request(request)

    def service_actions(self) -> None:
        """Between two connections: end those that have had their time."""
        now = clock.monotonic()
        with self._lock:
            over = [each for each, (since, _) in self._open.items() if now - since > _LONGEST_CONNECTION]
        _cut(over)

    def handle_error(self, *_: Any) -> None:
        """A mistake of ours is a line in the log; a peer that went away is nothing."""
        if not isinstance(sys.exc_info()[1], OSError):
            _log.exception("a question about the service's health was not answered")

    def close(self) -> None:
        """End every connection, thread and the port."""
        self.shutdown()
        self._thread.join()
        with self._lock:
            threads = [thread for _, thread in self._open.values()]
            sockets = list(self._open)
        _cut(sockets)
        for thread in threads:
            thread.join(_SILENCE)
        self.server_close()


def _cut(sockets: list[socket.socket]) -> None:
    for each in sockets:
        with suppress(OSError):  # it has just ended by itself
            each.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    """GET and HEAD of four paths."""

    server: _Server
    timeout = _SILENCE
    server_version, sys_version = "harvester", ""

    def do_GET(self) -> None:
        """The standard library's name for it."""
        path = self.path.partition("?")[0].rstrip("/")
        health = self.server.health
        match path:
            case "/metrics":
                self._answer(200, _PLAIN, self.server.metrics.text())
            case "/live":
                self._tell(health.live())
            case "/ready" | "/health":
                self._tell(health.ready())
            case _:
                said = {"ok": False, "error": "not here: /metrics, /health, /live, /ready"}
                self._tell(said, status=404)

    do_HEAD = do_GET  # noqa: N815 - the standard library's name for it

    def _tell(self, said: dict[str, Any], status: int | None = None) -> None:
        body = json.dumps(said, ensure_ascii=True).encode() + b"\n"
        self._answer(status or (200 if said["ok"] else 503), "application/json", body)

    def _answer(self, status: int, kind: str, body: bytes) -> None:
        try:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.send_header("X-Content-Type-Options", "nosniff")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)
        except OSError:
            self.close_connection = True  # nobody waits for the answer any more

    def log_message(self, *_: Any) -> None:
        """Scrapes are no events, and what is asked may hold anything."""


def _why_not(address: str, port: int, error: Exception) -> str:
    number = error.errno if isinstance(error, OSError) else None
    if number == errno.EADDRINUSE:
        return (
            f"port {port} of {address} is taken by another program, perhaps by another harvester: stop that, or write "
            "another 'port' under [service] in harvester.toml"
        )
    if number in (errno.EACCES, errno.EPERM):
        return f"port {port} may not be opened by this user: write a 'port' above 1023 under [service] in harvester.toml"
    return (
        f"{address!r} is no address of this machine on which port {port} could be opened: mend 'address' under [service] "
        "in harvester.toml (127.0.0.1 for this machine alone, 0.0.0.0 for all)"
    )
