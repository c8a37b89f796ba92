"""A server on loopback that says exactly the bytes a test wants, at the moment it wants them."""

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

PAGE = b'<?xml version="1.0"?><OAI-PMH xmlns="x"><record>' + b"metadata " * 300 + b"</record></OAI-PMH>\n"


@dataclass(frozen=True)
class Request:
    method: str
    target: str
    headers: dict[str, str]
    at: float
    connection: int


@dataclass
class Talk:
    """One connection, from the server's side."""

    server: "RawServer"
    sock: socket.socket
    number: int
    _rest: bytes = b""

    def request(self) -> Request | None:
        """The next request; None when the client has hung up."""
        while b"\r\n\r\n" not in self._rest:
            try:
                more = self.sock.recv(65536)
            except OSError:
                return None
            if not more:
                return None
            self._rest += more
        head, _, self._rest = self._rest.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        method, target, _version = first.split(" ")
        headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines)}
        request = Request(method, target, headers, time.monotonic(), self.number)
        self.server.requests.append(request)
        return request

    def send(self, data: bytes) -> bool:
        try:
            self.sock.sendall(data)
        except OSError:
            return False
        return True

    def reset(self) -> None:
        """Close with RST, as a crashing server or a firewall does."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def wait(self, seconds: float = 30.0) -> bool:
        """Hold the connection open until the test is over; True when it is."""
        return self.server.stopping.wait(seconds)


Script = Callable[[Talk], None]


@dataclass
class RawServer:
    script: Script
    wrap: Callable[[socket.socket], socket.socket] = lambda sock: sock
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    stopping: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.host}/oai"

    def has_closed(self, number: int) -> None:
        """Wait until this connection has been closed by the script."""
        self._threads[number].join(10)

    def close(self) -> None:
        self.stopping.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        for sock in list(self._open):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
            assert not thread.is_alive()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            thread = threading.Thread(target=self._talk, args=(sock, self.connections))
            self._threads.append(thread)
            thread.start()

    def _talk(self, sock: socket.socket, number: int) -> None:
        self._open.append(sock)
        try:
            sock = self.wrap(sock)
            self._open.append(sock)
            self.script(Talk(self, sock, number))
        except OSError:
            pass  # the client went away, as many tests make it
        finally:
            sock.close()


def answer(body: bytes = PAGE, status: str = "200 OK", **headers: str) -> bytes:
    """A whole HTTP/1.1 response with its Content-Length; header names are given with underscores."""
    fields = {"Content-Type": "text/xml", "Content-Length": str(len(body))}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {status}\r\n{lines}\r\n".encode("latin-1") + body


def chunked(*chunks: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + end


def always(*answers: bytes) -> Script:
    """Answer every request, with these in turn and the last one for ever; keeps the connection."""
    left = list(answers)

    def script(talk: Talk) -> None:
        while talk.request():
            if not talk.send(left.pop(0) if len(left) > 1 else left[0]):
                return

    return script


def once(data: bytes) -> Script:
    """Answer one request and close, as HTTP/1.0 servers do."""

    def script(talk: Talk) -> None:
        if talk.request():
            talk.send(data)

    return script
