"""Those who are told: a webhook's receiver and a mail server, real ones on loopback."""

import base64
import hashlib
import hmac
import json
import shutil
import socketserver
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar, cast

from harvester.config import Mail, Secret

Served = TypeVar("Served", bound=socketserver.BaseServer)
OPENSSL = shutil.which("openssl")


@dataclass
class Delivered:
    """A request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def told(self) -> dict[str, Any]:
        return cast(dict[str, Any], json.loads(self.body))

    def is_signed_with(self, secret: str) -> bool:
        """As a receiver checks it."""
        signed = self.headers["x-harvester-timestamp"].encode() + b"." + self.body
        wanted = "sha256=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
        return hmac.compare_digest(wanted, self.headers["x-harvester-signature"])


class Receiver(ThreadingHTTPServer):
    """Takes what is posted to it; `answers` are the statuses of the next requests, then 204 for ever."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Posted)
        self.requests: list[Delivered] = []
        self.answers: list[int] = []
        self.location = ""
        self.silent = threading.Event()  # set: no answer comes
        self.ending = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/hook"


class _Posted(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        server = cast(Receiver, self.server)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        server.requests.append(Delivered(self.path, headers, body))
        if server.silent.is_set():
            server.ending.wait(30)
            return
        self.send_response(server.answers.pop(0) if server.answers else 204)
        if server.location:
            self.send_header("Location", server.location)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """The test looks at what came."""


class MailServer(socketserver.ThreadingTCPServer):
    """SMTP as far as it is needed: STARTTLS where there is a `context`, a login where there are `credentials`."""

    daemon_threads = True

    def __init__(self, context: ssl.SSLContext | None = None, *, wrapped: bool = False) -> None:
        super().__init__(("127.0.0.1", 0), _Session)
        self.context = context
        self.wrapped = wrapped
        self.credentials: tuple[str, str] | None = None
        self.refuses: set[str] = set()  # recipients
        self.spoken: list[str] = []  # every line of every client
        self.mails: list[EmailMessage] = []
        self.envelopes: list[tuple[str, list[str]]] = []

    @property
    def port(self) -> int:
        return int(self.server_address[1])


@dataclass
class _Envelope:
    sender: str = ""
    to: list[str] = field(default_factory=list)


class _Session(socketserver.StreamRequestHandler):
    timeout = 10

    def setup(self) -> None:
        server = cast(MailServer, self.server)
        self.secure = server.wrapped
        if server.wrapped and server.context is not None:
            self.request = server.context.wrap_socket(self.request, server_side=True)
        super().setup()

    def handle(self) -> None:
        with suppress(OSError):  # the client has gone, or does not trust us
            self.talk(cast(MailServer, self.server))

    def talk(self, server: MailServer) -> None:
        envelope = _Envelope()
        self.say("220 ready")
        while line := self.rfile.readline().decode().rstrip("\r\n"):
            server.spoken.append(line)
            verb, _, rest = line.partition(" ")
            match verb.upper():
                case "EHLO":
                    self.say("\r\n".join([*(f"250-{each}" for each in self.offers(server)), "250 8BITMIME"]))
                case "STARTTLS" if server.context is not None:
                    self.say("220 go ahead")
                    self.request = server.context.wrap_socket(self.request, server_side=True)
                    self.secure = True
                    socketserver.StreamRequestHandler.setup(self)
                case "AUTH":
                    user, password = base64.b64decode(rest.split()[1]).decode().split("\0")[1:]
                    self.say(
                        "235 welcome" if (user, password) == server.credentials else f"535 not {password}"
                    )
                case "MAIL":
                    envelope = _Envelope(rest)
                    self.say("250 yes")
                case "RCPT" if any(each in rest for each in server.refuses):
                    self.say("550 nobody here")
                case "RCPT":
                    envelope.to.append(rest)
                    self.say("250 yes")
                case "DATA":
                    self.take(server, envelope)
                case "QUIT":
                    self.say("221 bye")
                    return
                case _:
                    self.say("250 yes" if verb.upper() in ("RSET", "NOOP") else "502 what?")

    def finish(self) -> None:
        with suppress(OSError):
            super().finish()
        self.request.close()  # over TLS it is another socket than the server's

    def offers(self, server: MailServer) -> list[str]:
        secure = self.secure or server.context is None
        offered = ["here"]
        offered += ["STARTTLS"] if server.context is not None and not self.secure else []
        offered += ["AUTH PLAIN"] if server.credentials is not None and secure else []
        return offered

    def take(self, server: MailServer, envelope: _Envelope) -> None:
        self.say("354 go on")
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            lines.append(line[1:] if line.startswith(b"..") else line)
        mail = message_from_bytes(b"".join(lines), policy=policy.default)
        server.mails.append(cast(EmailMessage, mail))
        server.envelopes.append((envelope.sender, envelope.to))
        self.say("250 taken")

    def say(self, line: str) -> None:
        self.wfile.write(line.encode() + b"\r\n")
        self.wfile.flush()


@contextmanager
def listening(server: Served) -> Iterator[Served]:
    """Serve until the end of the block."""
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server
    finally:
        if isinstance(server, Receiver):
            server.ending.set()
        server.shutdown()
        thread.join()
        server.server_close()


def certificate(folder: Path, name: str) -> tuple[ssl.SSLContext, Path]:
    """A server's context and the bundle that trusts it."""
    key, bundle = folder / f"{name}.key", folder / f"{name}.pem"
    subprocess.run(
        [
            str(OPENSSL), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}", "-keyout", str(key), "-out", str(bundle),
        ],
        check=True, capture_output=True, timeout=30,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(bundle, key)
    return context, bundle


def by(server: MailServer, /, **more: Any) -> Mail:
    """The settings of who is told by this server; MAIL_PASSWORD holds the password."""
    values = {
        "server": f"localhost:{server.port}",
        "sender": "Harvester <harvester@example.org>",
        "to": ("ops@example.org", "Zoë <zoe@example.org>"),
        "user": "me",
        "password": Secret("env:MAIL_PASSWORD"),
    }
    return Mail(**(values | more))
