"""Stands between us and Postgres, and can cut the line: at once, for a while, or between a COMMIT and its answer."""

import socket
import threading
from types import TracebackType
from typing import Self

import psycopg
from sqlalchemy import make_url


class Relay:
    """A context manager; `url` leads through it. Whoever asks it to `cut` may name what must have been said before."""

    def __init__(self, url: str) -> None:
        self._server = _address(url)
        self._listener = socket.create_server(("127.0.0.1", 0))
        host, port = self._listener.getsockname()[:2]
        # Everything of the old address must go: libpq prefers `host` in the query to the one before it.
        bare = make_url(url).difference_update_query(["host", "port"])
        self.url = bare.set(host=host, port=port).render_as_string(hide_password=False)
        self._lock = threading.Lock()
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._threads: list[threading.Thread] = []
        self._away = False
        self._fatal: tuple[bytes, bytes] | None = None
        self.cuts = 0

    def cut(self) -> None:
        """Every line is dead from now on; new ones are taken, unless we are `away`."""
        with self._lock:
            pairs, self._pairs = self._pairs, []
        for pair in pairs:
            for end in pair:
                _shut(end)

    def away(self) -> None:
        """Cut, and let nobody in until `back`."""
        self._away = True
        self.cut()

    def back(self) -> None:
        """Let them in again."""
        self._away = False

    def swallow_answer_to(self, said: bytes, *, after: bytes) -> None:
        """Once `after` has been said on a line, cut it when the server answers the next `said`, and keep the answer."""
        self._fatal = (after, said)

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _shut(self._listener)
        self.cut()
        for thread in self._threads:
            thread.join()

    def _start(self, task: object, *args: object) -> None:
        thread = threading.Thread(target=task, args=args, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                self._listener.close()
                return
            if self._away:
                client.close()
                continue
            family = socket.AF_UNIX if isinstance(self._server, str) else socket.AF_INET
            server = socket.socket(family, socket.SOCK_STREAM)
            server.connect(self._server)
            with self._lock:
                self._pairs.append((client, server))
            line = _Line()
            self._start(self._carry, client, server, line, True)
            self._start(self._carry, server, client, line, False)

    def _carry(self, source: socket.socket, target: socket.socket, line: "_Line", asks: bool) -> None:
        try:
            while data := source.recv(65536):
                if asks:
                    self._listen(data, line)
                elif line.fatal:
                    self._fatal = None
                    self.cuts += 1
                    break  # the server has done it, and nobody hears of it
                target.sendall(data)
        except OSError:
            pass  # cut, by us or by one of them
        _shut(source)
        _shut(target)
        source.close()

    def _listen(self, data: bytes, line: "_Line") -> None:
        if self._fatal is None:
            return
        after, said = self._fatal
        line.primed = line.primed or after in data
        line.fatal = line.fatal or (line.primed and said in data)


class _Line:
    def __init__(self) -> None:
        self.primed = False
        self.fatal = False


def _address(url: str) -> str | tuple[str, int]:
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain) as connection:
        host, port = connection.info.host, connection.info.port
    return f"{host}/.s.PGSQL.{port}" if host.startswith("/") else (host, port)


def _shut(end: socket.socket) -> None:
    try:
        end.shutdown(socket.SHUT_RDWR)
    except OSError:  # closed already
        return
