"""What the peers' processes have in common: WSGI on 127.0.0.1, and commands on standard input.

Nothing of harvester is imported here. The first line on standard output is {"port": ...}; then each line read is a JSON command
and gets a JSON line: {"do": "put", "records": [...]}, {"do": "remove", "identifiers": [...]}, {"do": "log"}. The end of
standard input ends the process.
"""

import json
import re
import socketserver
import sys
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import parse_qsl
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

ISSUED = re.compile(rb"<resumptionToken[^>]*>([^<]+)</resumptionToken>")


class Holdings(Protocol):
    """What a peer's data interface offers to this module, besides what its library asks of it."""

    base_url: str

    def put(self, records: Iterable[dict[str, Any]]) -> None: ...

    def remove(self, identifiers: Iterable[str]) -> None: ...


class _Server(WSGIServer):
    def server_bind(self) -> None:
        socketserver.TCPServer.server_bind(self)  # HTTPServer's would ask the resolver for our name
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]
        self.setup_environ()


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """Say nothing: what is asked goes to the log that tests can read."""


@dataclass
class _Application:
    """WSGI around a library; `log` holds each request with the token that its answer issued."""

    answer: Callable[[dict[str, str]], bytes]
    log: list[dict[str, Any]] = field(default_factory=list)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        asked = dict(parse_qsl(environ["QUERY_STRING"], keep_blank_values=True))
        entry: dict[str, Any] = {"asked": asked, "status": 500, "issued": None}
        self.log.append(entry)
        body = self.answer(dict(asked))  # what it raises becomes HTTP 500 in wsgiref
        issued = ISSUED.search(body)
        entry |= {"status": 200, "issued": issued[1].decode() if issued else None}
        start_response("200 OK", [("Content-Type", "text/xml"), ("Content-Length", str(len(body)))])
        return [body]


def run(shelf: Holdings, answer: Callable[[dict[str, str]], bytes]) -> None:
    """Serve until standard input ends. `answer`: the library's bytes for the arguments of one request."""
    application = _Application(answer)
    with _Server(("127.0.0.1", 0), _Quiet) as http:
        http.set_app(application)
        shelf.base_url = f"http://127.0.0.1:{http.server_port}/oai"
        threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True).start()
        print(json.dumps({"port": http.server_port}), flush=True)
        for line in sys.stdin:
            command = json.loads(line)
            done: Any = None
            match command["do"]:
                case "put":
                    shelf.put(command["records"])
                case "remove":
                    shelf.remove(command["identifiers"])
                case "log":
                    done = application.log
            print(json.dumps({"done": done}), flush=True)
        http.shutdown()
