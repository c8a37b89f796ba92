"""The service's health over HTTP: true at any moment, a port that is told plainly when it is taken, and no patience with abuse."""

import contextlib
import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, text
from waiting import until

from harvester.catalogue.connection import connect
from harvester.catalogue.tables import REVISION
from harvester.config import Service
from harvester.errors import ConfigError
from harvester.schedule import health as module
from harvester.schedule.health import Health
from harvester.schedule.metrics import Metrics

NOBODY = "postgresql+psycopg://me@127.0.0.1:1/none"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


@pytest.fixture
def port() -> int:
    return free_port()


@contextlib.contextmanager
def served(engine: Engine, port: int, address: str = "127.0.0.1") -> Iterator[Health]:
    with Health.serving(Service(port=port, address=address), engine, Metrics(engine, lambda: 0)) as health:
        yield health


@pytest.fixture
def health(port: int) -> Iterator[Health]:
    """Served without a catalogue."""
    with served(connect(NOBODY), port) as found:
        yield found


def ask(port: int, path: str, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    with contextlib.closing(connection):
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()


def said(port: int, path: str) -> tuple[int, dict[str, Any]]:
    status, headers, body = ask(port, path)
    assert headers["content-type"] == "application/json"
    return status, json.loads(body)


def test_ready_needs_postgres_the_right_catalogue_and_hands_that_move(engine: Engine, port: int) -> None:
    with served(engine, port) as health:
        status, told = said(port, "/ready")
        assert (status, told["checks"]["worker"], told["checks"]["postgres"]) == (503, False, True)
        health.tick("worker")
        status, told = said(port, "/ready")
        assert (status, told["ok"], told["revision"]) == (200, True, REVISION)
        assert all(told["checks"].values())
        assert said(port, "/health") == (
            200,
            told | {"seconds_since": said(port, "/health")[1]["seconds_since"]},
        )
        health.leave()
        status, told = said(port, "/ready")
        assert (status, told["checks"]["staying"]) == (503, False)
        assert said(port, "/live")[0] == 200, "one that ends is not to be killed"


def test_a_catalogue_of_another_version_is_not_ready(engine: Engine, port: int) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with served(engine, port) as health:
        health.tick("worker")
        status, told = said(port, "/ready")
        assert (status, told["checks"]["postgres"], told["checks"]["catalogue"]) == (503, True, False)


def test_without_postgres_the_service_lives_and_is_not_ready(health: Health, port: int) -> None:
    health.tick("worker")
    health.tick("clock")
    assert said(port, "/live")[0] == 200
    status, told = said(port, "/health")
    assert (status, told["checks"]["postgres"]) == (503, False)
    assert ask(port, "/metrics")[0] == 200


def test_a_loop_that_has_stopped_is_dead_after_its_time_and_one_that_rests_is_not(port: int) -> None:
    now = [1000.0]
    with served(connect(NOBODY), port) as health:
        health.monotonic = lambda: now[0]
        health.tick("worker")
        health.tick("clock")
        now[0] += 59
        assert said(port, "/live")[0] == 200
        now[0] += 62
        status, told = said(port, "/live")
        assert (status, told["stopped"]) == (503, ["clock", "worker"])
        health.tick("worker")
        health.rest("clock")
        assert said(port, "/live") == (
            200,
            told | {"ok": True, "stopped": [], "seconds_since": {"worker": 0.0}},
        )


def test_what_prometheus_and_balancers_expect_of_http(health: Health, port: int) -> None:
    status, headers, body = ask(port, "/metrics")
    assert (status, headers["content-type"].partition(";")[0]) == (200, "text/plain")
    assert b"harvester_catalogue_up 0" in body
    assert ask(port, "/live", "HEAD")[2] == b""
    assert ask(port, "/live/?x=y")[0] == 200
    assert ask(port, "/nothing")[0] == 404
    assert ask(port, "/../../etc/passwd")[0] == 404
    assert ask(port, "/live", "POST")[0] == 501
    assert "python" not in str(headers).lower()


def test_a_port_that_is_taken_is_told_with_its_number_and_what_to_do(engine: Engine, port: int) -> None:
    with (
        socket.create_server(("127.0.0.1", port)),
        pytest.raises(ConfigError, match=rf"port {port} of 127.0.0.1 is taken .* write another 'port'"),
        served(engine, port),
    ):
        pass


def test_two_services_cannot_share_a_port(health: Health, port: int) -> None:
    with pytest.raises(ConfigError, match="is taken"), served(connect(NOBODY), port):
        pass


@pytest.mark.parametrize("address", ["192.0.2.1", "no.such.host.invalid", "2001:db8::1"])
def test_an_address_that_is_not_ours_is_told_before_anything_runs(address: str, port: int) -> None:
    with (
        pytest.raises(ConfigError, match=r"mend 'address' under \[service\]"),
        served(connect(NOBODY), port, address),
    ):
        pass


def test_without_a_port_nothing_is_served_and_ticks_are_taken(engine: Engine) -> None:
    before = threading.active_count()
    with Health.serving(Service(), engine, Metrics(engine, lambda: 0)) as health:
        health.tick("worker")
        assert health.live()["ok"]
        assert threading.active_count() == before


def test_the_end_leaves_no_thread_and_a_free_port_though_clients_hang(port: int) -> None:
    before = set(threading.enumerate())
    hanging = []
    with served(connect(NOBODY), port):
        for begun in (b"", b"GET /metr", b"GET /live HTTP/1.1\r\nHost:"):
            hanging.append(socket.create_connection(("127.0.0.1", port)))
            hanging[-1].sendall(begun)
        assert said(port, "/live")[0] == 200, "those who hang are in nobody's way"
        until(lambda: len(names_of(before, "health asked")) == 3)
        began = time.monotonic()
    assert time.monotonic() - began < 3
    until(lambda: not set(threading.enumerate()) - before)
    for each in hanging:
        each.close()
    with socket.create_server(("127.0.0.1", port)):
        pass


def names_of(before: set[threading.Thread], name: str) -> list[threading.Thread]:
    return [each for each in set(threading.enumerate()) - before if each.name == name]


def test_who_opens_many_connections_gets_few_threads(health: Health, port: int) -> None:
    before = set(threading.enumerate())
    many = [socket.create_connection(("127.0.0.1", port)) for _ in range(60)]
    until(lambda: sum(is_closed(each) for each in many) >= 44)
    assert len(names_of(before, "health asked")) <= 16
    for each in many:
        each.close()
    until(lambda: not names_of(before, "health asked"))
    assert said(port, "/live")[0] == 200


def test_those_who_hang_do_not_keep_a_liveness_probe_waiting(health: Health, port: int) -> None:
    hanging = [socket.create_connection(("127.0.0.1", port)) for _ in range(20)]
    until(lambda: sum(is_closed(each) for each in hanging) >= 4)
    began = time.monotonic()
    until(lambda: answers(port))
    assert time.monotonic() - began < 4, "the longest connection has ten seconds"
    for each in hanging:
        each.close()


def answers(port: int) -> bool:
    try:
        return said(port, "/live")[0] == 200
    except OSError:
        return False


def is_closed(each: socket.socket) -> bool:
    each.setblocking(False)
    try:
        return each.recv(1) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def test_who_sends_a_byte_now_and_then_is_cut_all_the_same(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_LONGEST_CONNECTION", 0.6)
    with served(connect(NOBODY), port), socket.create_connection(("127.0.0.1", port)) as slow:
        slow.settimeout(0.05)
        began = time.monotonic()
        until(lambda: dripped(slow), 5)
        assert time.monotonic() - began < 2


def dripped(slow: socket.socket) -> bool:
    try:
        slow.sendall(b"x")
        return slow.recv(1) == b""
    except TimeoutError:
        return False
    except OSError:
        return True


@pytest.mark.parametrize(
    "request_",
    [
        b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\n\r\n",
        b"GET /live HTTP/1.1\r\n" + b"X: y\r\n" * 5_000 + b"\r\n",
        b"GET /live HTTP/1.1\r\nX: " + b"y" * 200_000 + b"\r\n\r\n",
        b"\x00\xff\xfe\r\n\r\n",
        b"GET //\\evil.example.org/%00%0d%0aX:y HTTP/9.9\r\n\r\n",
        b"GET http://[/live HTTP/1.0\r\n\r\n",
        b"BREW /live HTTP/1.1\x1b[2J\r\n\r\n",
    ],
)
def test_hostile_requests_get_an_error_and_are_neither_logged_nor_believed(
    request_: bytes, health: Health, port: int, capfd: pytest.CaptureFixture[str]
) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        answer = b""
        with contextlib.suppress(OSError):  # cut while it was still sending
            client.sendall(request_)
            while piece := client.recv(65_536):
                answer += piece
    assert not answer.startswith(b"HTTP/1.0 200")
    assert said(port, "/live")[0] == 200
    assert capfd.readouterr().err == ""
