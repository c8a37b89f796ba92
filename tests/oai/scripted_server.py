"""A server on loopback whose every answer a test decides, from the arguments as they came."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl


@dataclass(frozen=True)
class Told:
    """An answer."""

    body: bytes
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


Script = Callable[[dict[str, str]], Told]


class ScriptedServer(ThreadingHTTPServer):
    """`targets` holds the paths with their queries as they came, `headers` those that came with them, in lower case."""

    daemon_threads = True

    def __init__(self, script: Script) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.script = script
        self.targets: list[str] = []
        self.headers: list[dict[str, str]] = []
        self._thread = threading.Thread(target=self.serve_forever, args=(0.01,), name="scripted")
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/oai"

    def close(self) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: ScriptedServer

    def do_GET(self) -> None:
        self.server.targets.append(self.path)
        self.server.headers.append({name.lower(): value for name, value in self.headers.items()})
        told = self.server.script(dict(parse_qsl(self.path.partition("?")[2], keep_blank_values=True)))
        self.send_response_only(told.status)
        for name, value in {"Content-Length": str(len(told.body)), **told.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(told.body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is http.server's
        """Nothing."""


def in_turn(*answers: Told | bytes) -> Script:
    """These answers one after another, the last one for ever."""
    left = [each if isinstance(each, Told) else Told(each) for each in answers]

    def script(_: dict[str, str]) -> Told:
        return left.pop(0) if len(left) > 1 else left[0]

    return script
