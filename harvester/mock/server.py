"""HTTP/1.1 on loopback: connections, requests in, answers out. Knows nothing of OAI-PMH."""

import socket
import struct
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

from harvester.mock.exchange import Answer, Request

Exchange = Callable[[Request, "Flight"], Answer]

POLL = 0.02
ABORT = struct.pack("ii", 1, 0)  # SO_LINGER: on, for no time, so that closing sends a RST


class Flight:
    """One request while it is answered. The connection, for the answers that are sent in a way of their own."""

    def __init__(self, connection: socket.socket, closing: threading.Event) -> None:
        self._connection = connection
        self._closing = closing
        self.called_off = closing
        self.began_beside_another = False
        self.landed = False

    def send(self, data: bytes, *, last: bool = False) -> None:
        """Send now; with `last` the request counts as answered before the bytes leave."""
        # A client that has it all may ask again at once, and must not seem to overlap with itself.
        self.landed = self.landed or last
        self._connection.sendall(data)

    def pause(self, seconds: float | None) -> bool:
        """Wait; False when the fault was called off, the server is closing, or the client has gone."""
        left = seconds
        while left is None or left > 0:
            step = POLL if left is None else min(POLL, left)
            if self.called_off.wait(step) or self._closing.is_set() or self.abandoned():
                return False
            left = None if left is None else left - step
        return True

    def reset(self) -> None:
        """End the connection with a RST."""
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
        # The handler's files hold the socket open: only its descriptor can be closed at once.
        socket.close(self._connection.detach())

    def abandoned(self) -> bool:
        """Whether the client has closed the connection."""
        try:
            return not self._connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:  # reset by the client, or closed on our side: gone either way
            return True


class Handler(BaseHTTPRequestHandler):
    """Reads one request after another from a connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: "Server"

    def do_GET(self) -> None:
        self._exchange(self.path.partition("?")[2])

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "0")
        self._exchange(self.rfile.read(int(length) if length.isdigit() else 0).decode("utf-8", "replace"))

    def _exchange(self, query: str) -> None:
        request = Request(
            method=self.command,
            raw=self.path,
            pairs=tuple(parse_qsl(query, keep_blank_values=True)),
            host=self.headers.get("Host", ""),
            takes_gzip="gzip" in self.headers.get("Accept-Encoding", ""),
        )
        with self.server.flight(self.connection) as flight:
            answer = self.server.exchange(request, flight)
            if answer.deliver:
                self.close_connection = True
                answer.deliver(flight, _head(answer, close=True), answer.body)
            else:
                flight.send(_head(answer, close=self.close_connection) + answer.body, last=True)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is http.server's
        """Nothing: the access log is kept by the repository."""


class Server(ThreadingHTTPServer):
    """One thread a connection, all of them ended by `close`."""

    request_queue_size = 128

    def __init__(self, port: int, exchange: Exchange) -> None:
        self.exchange = exchange
        self.closing = threading.Event()
        self.failures: list[Exception] = []
        self._lock = threading.Lock()
        self._flights: list[Flight] = []
        self._connections: dict[socket.socket, threading.Thread] = {}
        super().__init__(("127.0.0.1", port), Handler)
        self._thread = threading.Thread(target=self.serve_forever, args=(POLL,), name="mock", daemon=True)

    def start(self) -> None:
        """Accept connections; they were queued since the port was bound."""
        self._thread.start()

    @contextmanager
    def flight(self, connection: socket.socket) -> Iterator[Flight]:
        """Count a request as being answered."""
        flight = Flight(connection, self.closing)
        with self._lock:
            # A client that gave up on a hanging answer and asks again is not impolite.
            flight.began_beside_another = any(
                not (other.landed or other.abandoned()) for other in self._flights
            )
            self._flights.append(flight)
        try:
            yield flight
        finally:
            with self._lock:
                self._flights.remove(flight)

    def close(self) -> None:
        """End every connection, hanging ones too, and every thread."""
        self.closing.set()
        self.shutdown()
        self._thread.join()
        with self._lock:
            open_ones = list(self._connections.items())
        for connection, _ in open_ones:
            _shut(connection)
        for _, thread in open_ones:
            thread.join()
        self.server_close()

    def process_request(self, request: Any, client_address: Any) -> None:
        thread = threading.Thread(
            target=self._serve, args=(request, client_address), name="mock", daemon=True
        )
        with self._lock:
            self._connections[request] = thread
        thread.start()

    def _serve(self, request: Any, client_address: Any) -> None:
        try:
            self.process_request_thread(request, client_address)
        finally:
            with self._lock:
                del self._connections[request]

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - socketserver's signature
        """Keep what went wrong in us; a client that leaves is none of it."""
        failure = sys.exception()
        if isinstance(failure, Exception) and not isinstance(failure, ConnectionError):
            self.failures.append(failure)


def _shut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:  # the client or the handler was first
        return


def _head(answer: Answer, *, close: bool) -> bytes:
    lines = [f"HTTP/1.1 {answer.status} {_phrase(answer.status)}"]
    lines += [f"{name}: {value}" for name, value in answer.headers]
    if not answer.streamed:
        lines.append(f"Content-Length: {len(answer.body)}")
    if close:
        lines.append("Connection: close")
    return "\r\n".join((*lines, "", "")).encode("latin-1")


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
