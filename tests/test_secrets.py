"""Passwords that pass through harvester are in nothing that it says, writes or keeps."""

import contextlib
import http.client
import os
import subprocess
import sys
import threading
import traceback
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from sqlalchemy import Engine, make_url, text

from harvester.catalogue.connection import connect, psycopg_url
from harvester.catalogue.tables import metadata
from harvester.errors import HarvesterError
from harvester.harvest.harvest import Request, harvest
from harvester.harvest.progress import Listener
from harvester.mock import FakeRepository

CANARY = "k4n4ry"
SECRETS = {
    name: f"{CANARY}-{name}"
    for name in (
        "proxy",
        "postgres",
        "location",
        "cookie",
        "netrc",
        "authorization",
        "bearer",
        "login",
        "key",
    )
}
# Everything is logged, by us and by every library, and no traceback is held back.
COMMAND = "import logging; logging.basicConfig(level=0); from harvester.cli import main; main()"
HOP_BY_HOP = {"connection", "transfer-encoding", "content-length", "server", "date"}


class Proxy(BaseHTTPRequestHandler):
    """An outbound proxy for plain HTTP that wants a login, and adds secrets of the repository's to its answers."""

    def do_GET(self) -> None:
        server = self.server
        assert isinstance(server, ProxyServer)
        server.seen.append(dict(self.headers.items()))
        host, _, path = self.path.removeprefix("http://").partition("/")
        if not path.startswith("oai/moved"):
            onward = f"http://me:{SECRETS['location']}@{host}/oai/moved?{path.partition('?')[2]}"
            return self._answer(301, {"Location": onward}, b"moved")
        if server.failing:
            # An error page in debug mode: it shows who asks.
            who = f"{self.headers['Authorization']} {self.headers['X-API-Key']}"
            return self._answer(server.failing, {"Retry-After": "1"}, f"<html>busy: {who}</html>".encode())
        onward_to = http.client.HTTPConnection(host, timeout=10)
        with contextlib.closing(onward_to):
            onward_to.request("GET", f"/oai?{path.partition('?')[2]}", headers={"Host": host})
            response = onward_to.getresponse()
            body = response.read()
            kept = {name: value for name, value in response.getheaders() if name.lower() not in HOP_BY_HOP}
        return self._answer(response.status, kept, body)

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Set-Cookie", f"session={SECRETS['cookie']}; Path=/")
        self.send_header("Authorization", f"Bearer {SECRETS['bearer']}")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """The test reads what was said; nobody else does."""


class ProxyServer(ThreadingHTTPServer):
    """`seen` are the headers of each request; `failing` is a status that replaces every page."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Proxy)
        self.seen: list[dict[str, str]] = []
        self.failing = 0


@pytest.fixture
def proxy() -> Iterator[ProxyServer]:
    with ProxyServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def run_harvester(tmp_path: Path, database_url: str, proxy: ProxyServer):
    """Run the command in a process of its own; returns all that it said. Every place that takes a secret has one."""
    netrc = tmp_path / "netrc"
    netrc.write_text(f"default login me password {SECRETS['netrc']}\n")
    netrc.chmod(0o600)
    environment = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
    environment |= {
        "HOME": str(tmp_path),
        "NETRC": str(netrc),
        "HARVESTER_HOME": str(tmp_path / "home"),
        "HARVESTER_DATABASE_URL": with_password(database_url),
        "HARVESTER_DEBUG": "1",
        "HTTP_PROXY": f"http://me:{SECRETS['proxy']}@127.0.0.1:{proxy.server_address[1]}",
        "PYTHONPATH": str(Path(__file__).parents[1]),
    }

    def run(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", COMMAND, *arguments],
            env=environment | more,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


def with_password(url: str) -> str:
    """The same database, named with a password that the server does not ask for."""
    made = make_url(url)
    return made.set(password=SECRETS["postgres"]).render_as_string(hide_password=False)


def rows_with_a_secret(engine: Engine) -> list[str]:
    """Every row of every table that holds one."""
    found = []
    with engine.connect() as connection:
        for table in metadata.sorted_tables:
            rows = connection.scalars(text(f"SELECT t::text FROM {table.name} AS t"))
            found += [f"{table.name}: {row}" for row in rows if holds_a_secret(row)]
    return found


def holds_a_secret(said: str) -> bool:
    """In plain text, or as HTTP, Postgres and URLs write it."""
    return any(form in said for form in (CANARY, CANARY.encode().hex(), "azRuNHJ5", "bWU6azRu"))


def assert_no_secret(engine: Engine, folder: Path, said: str) -> None:
    assert not holds_a_secret(said), next(line for line in said.splitlines() if holds_a_secret(line))
    assert rows_with_a_secret(engine) == []
    for path in folder.rglob("*"):
        if path.is_file() and path.name != "netrc":
            assert not holds_a_secret(path.read_bytes().decode("latin-1")), path


def test_no_password_is_in_anything_that_a_harvest_leaves_behind(
    run_harvester, proxy: ProxyServer, engine: Engine, tmp_path: Path
) -> None:
    with FakeRepository(records=25, page_size=10) as fake:
        done = [run_harvester("harvest", fake.url, "--name", "fake", "--json")]
        assert done[0].returncode == 0, done[0].stderr
        assert '"GET http' in done[0].stderr or "GET /oai" in done[0].stderr, "the libraries were to log"
        assert len(fake.requests("ListRecords")) == 3
        leaked = [access for access in fake.log if holds_a_secret(str(access))]
    assert leaked == []
    assert all("Proxy-Authorization" in headers for headers in proxy.seen), "the secret was in use"
    assert not any("Authorization" in headers for headers in proxy.seen), "what a redirect said was believed"
    done += [
        run_harvester("export", "--as", "jsonl", "-o", str(tmp_path / "lines.jsonl")),
        run_harvester("export", "--as", "csv", "-o", str(tmp_path / "table.csv")),
        run_harvester("status", "fake"),
    ]
    assert [each.returncode for each in done] == [0] * 4, [each.stderr[-300:] for each in done]
    assert (tmp_path / "lines.jsonl").stat().st_size > 1000
    assert_no_secret(engine, tmp_path, "".join(each.stdout + each.stderr for each in done))


@pytest.mark.parametrize("failing", [0, 403])
def test_no_secret_of_the_configuration_is_in_anything_that_a_harvest_or_a_probe_leaves_behind(
    run_harvester, proxy: ProxyServer, engine: Engine, tmp_path: Path, failing: int
) -> None:
    proxy.failing = failing
    secrets = {"LOGIN": SECRETS["login"], "KEY": SECRETS["key"]}
    with FakeRepository(records=25, page_size=10) as fake:
        host = fake.url.split("/")[2]
        (tmp_path / "harvester.toml").write_text(
            f'[[host]]\nname = "{host}"\nauth = {{user = "me", password = "env:LOGIN"}}\n'
            'headers = {X-API-Key = "env:KEY"}\n'
        )
        without = run_harvester("harvest", fake.url, "--json", KEY=SECRETS["key"])
        assert (without.returncode, proxy.seen) == (2, []), "it must be told before anything is asked"
        assert "env:LOGIN" in without.stderr
        done = [
            run_harvester("harvest", fake.url, "--name", "fake", "--json", "--wait", "0", **secrets),
            run_harvester("probe", fake.url, "--json", "--wait", "0", **secrets),
            run_harvester("config", "check", **secrets),
        ]
    assert [each.returncode for each in done] == [int(bool(failing)), int(bool(failing)), 0], done
    assert all(headers.get("X-API-Key") == SECRETS["key"] for headers in proxy.seen), "the key was in use"
    assert all("Authorization" in headers for headers in proxy.seen), "the login was in use"
    assert_no_secret(engine, tmp_path, "".join(each.stdout + each.stderr for each in [without, *done]))


def test_no_password_is_in_what_a_failing_harvest_says(
    proxy: ProxyServer,
    database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(0)
    address = f"http://me:{SECRETS['proxy']}@127.0.0.1:{proxy.server_address[1]}"
    engine = connect(with_password(database_url))
    said: list[str] = []

    def fails(through: str, status: int = 0) -> None:
        monkeypatch.setenv("HTTP_PROXY", through)
        proxy.failing = status
        request = Request(fake.url, wait=0.0, jitter=lambda: -0.5)
        listener = Listener(tell=said.append)
        try:
            report = harvest(engine, request, listener)
            assert not report.outcome.startswith("complete")
            said.append(repr(report))
        except HarvesterError as error:
            said.extend(traceback.format_exception(error))

    with FakeRepository(records=5) as fake:
        monkeypatch.setenv("HTTP_PROXY", address)
        assert harvest(engine, Request(fake.url)).outcome.startswith("complete")
        for status in (500, 407, 403):
            fails(address, status)
        fails(f"http://me:{SECRETS['proxy']}@127.0.0.1:1")
        fails(f"http://me:{SECRETS['proxy']}@127.0.0.1:port")
        fails(f"socks5://me:{SECRETS['proxy']}@127.0.0.1:1")
        fails(f"gopher://me:{SECRETS['proxy']}@127.0.0.1:1")
    assert any("asking again" in each for each in said), "it was to speak of its retries"
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM runs WHERE evidence IS NOT NULL")), (
            "evidence was kept"
        )
    assert_no_secret(engine, tmp_path, "".join(said) + caplog.text)
    engine.dispose()


@pytest.mark.parametrize("url", ["postgresql://me:{}@127.0.0.1:1/none", "postgresql://me:{}@127.0.0.1:port/none", "mysql://me:{}@h/none"])  # fmt: skip
def test_no_password_is_in_what_is_said_of_a_catalogue_that_cannot_be_reached(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    with pytest.raises(HarvesterError) as caught:
        harvest(connect(psycopg_url(url.format(SECRETS["postgres"]))), Request("anything"))
    assert not holds_a_secret("".join(traceback.format_exception(caught.value)) + caplog.text)
