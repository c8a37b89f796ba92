"""What a name leads to: every closed address in every position it can stand in, and the one that is connected to."""

import contextlib
import itertools
import socket
import threading
import time
from collections.abc import Iterator
from urllib.parse import unquote

import pytest
from raw_server import PAGE, Talk, always, answer
from test_wire_guard import CLOSED, OPEN

from harvester.errors import RepositoryError, Retriable
from harvester.wire import Limits

ARGUMENTS = [("verb", "Identify")]


def written(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def reason(asker, url: str) -> str:
    with pytest.raises(RepositoryError) as caught:
        asker.get(url, ARGUMENTS)
    return caught.value.reason


def never(host: str, port: int) -> tuple[str, ...]:
    raise AssertionError(f"{host} was looked up here")


@pytest.fixture
def leading(server):
    """A repository that redirects to wherever its path says."""

    def script(talk: Talk) -> None:
        while request := talk.request():
            place = unquote(request.target.partition("?")[0]).removeprefix("/to/")
            talk.send(answer(b"", "302 Found", Location=f"http://{place}/oai"))

    return server(script)


@pytest.fixture
def proxy(server, monkeypatch):
    """An outbound proxy that answers for every host, and leads away from `moves.example`."""

    def script(talk: Talk) -> None:
        while request := talk.request():
            if "moves.example/" in request.target:
                place = unquote(request.target.partition("/to/")[2].partition("?")[0])
                talk.send(answer(b"", "302 Found", Location=f"http://{place}/oai"))
            else:
                talk.send(answer())

    running = server(script)
    monkeypatch.setenv("HTTP_PROXY", f"http://{running.host}")
    return running


def test_every_closed_address_is_refused_wherever_it_is_written(client, leading):
    for address in CLOSED:
        place = written(address)
        assert reason(client(resolve=never), f"http://{place}/oai") == "private_address", address
        assert reason(client(leading, resolve=never), f"http://{leading.host}/to/{place}") == "private_address", address  # fmt: skip


def test_every_closed_address_is_refused_behind_a_proxy_too(client, proxy):
    for address in CLOSED:
        place = written(address)
        assert reason(client(resolve=never), f"http://{place}/oai") == "private_address", address
        asked = len(proxy.requests)
        assert reason(client(resolve=never), f"http://moves.example/to/{place}") == "private_address", address
        assert len(proxy.requests) == asked + 1, "the proxy was asked for a closed address"


def test_open_addresses_go_through_a_proxy_typed_or_not(client, proxy):
    for address in OPEN:
        assert client(resolve=never).get(f"http://{written(address)}/oai", ARGUMENTS).body == PAGE, address


@pytest.mark.parametrize("typed", [True, False])
def test_a_typed_host_may_be_private_and_what_it_redirects_to_may_not(server, client, typed):
    inside = server(always(answer()))
    outside = server(always(answer(b"", "302 Found", Location=f"http://inside.example:{inside.port}/oai")))
    names = [f"outside.example:{outside.port}", *([f"inside.example:{inside.port}"] if typed else [])]
    asker = client(typed=names, resolve=lambda host, port: ("127.0.0.1",))
    url = f"http://outside.example:{outside.port}/oai"
    if typed:
        assert asker.get(url, ARGUMENTS).body == PAGE
    else:
        assert reason(asker, url) == "private_address"
        assert inside.connections == 0


def test_the_address_that_was_checked_is_the_one_that_is_connected_to(client, monkeypatch):
    """DNS rebinding: whoever asks a second time for the connection gets 127.0.0.1."""
    answers, connected = [("93.184.216.34",), ("127.0.0.1",)], []

    def refuse(address: str, port: int, seconds: float) -> socket.socket:
        connected.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr("harvester.wire.guard._connect", refuse)
    asker = client(resolve=lambda host, port: answers.pop(0))
    assert reason(asker, "http://rebinding.example/oai") == "connection_refused"
    assert (connected, answers) == (["93.184.216.34"], [("127.0.0.1",)])
    assert reason(asker, "http://rebinding.example/oai") == "private_address"
    assert connected == ["93.184.216.34"]


@pytest.mark.parametrize("answers", [("127.0.0.1", "127.0.0.1"), ("127.0.0.1", "10.0.0.1")])
def test_a_name_that_changes_between_two_connections_is_checked_again(server, client, fake_time, answers):
    repository = server(always(answer()))
    left = list(answers)
    asker = client(typed=[], resolve=lambda host, port: (left.pop(0),), monotonic=fake_time.monotonic)
    for _ in answers:
        assert reason(asker, f"http://imported.example:{repository.port}/oai") == "private_address"
        fake_time.sleep(61)
    assert repository.connections == 0


@contextlib.contextmanager
def black_hole() -> Iterator[int]:
    """A port of ::1 that drops whoever knocks: its backlog is full."""
    try:
        hole = socket.socket(socket.AF_INET6)
        hole.bind(("::1", 0))
    except OSError:
        pytest.skip("there is no IPv6 loopback here")
    with hole:
        hole.listen(0)
        fillers = [socket.socket(socket.AF_INET6) for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(hole.getsockname())
        try:
            yield int(hole.getsockname()[1])
        finally:
            for filler in fillers:
                filler.close()


def answering_at(port: int, pages: int) -> threading.Thread:
    """A repository on the same port of 127.0.0.1, for as many connections as pages."""
    listener = socket.create_server(("127.0.0.1", port))

    def serve() -> None:
        with listener:
            for _ in range(pages):
                sock, _ = listener.accept()
                with sock:
                    sock.recv(65536)
                    sock.sendall(answer(PAGE, Connection="close"))

    thread = threading.Thread(target=serve)
    thread.start()
    return thread


def test_a_broken_ipv6_costs_a_part_of_the_connect_limit_once(client):
    with black_hole() as port:
        thread = answering_at(port, 2)
        asker = client(
            typed=[f"two.example:{port}"],
            resolve=lambda host, at: ("::1", "127.0.0.1"),
            limits=Limits(connect=0.9, read=2.0, total=5.0),
        )
        times = []
        for _ in range(2):
            began = time.monotonic()
            assert asker.get(f"http://two.example:{port}/oai", ARGUMENTS).body == PAGE
            times.append(time.monotonic() - began)
        thread.join(10)
        assert 0.25 < times[0] < 0.9, "a third of the limit, then IPv4"
        assert times[1] < 0.2, "the family that worked is remembered"


def test_a_broken_ipv6_of_many_addresses_costs_only_one_of_them(client, monkeypatch):
    tried = []

    def refuse(address: str, port: int, seconds: float) -> socket.socket:
        tried.append(address)
        raise TimeoutError

    monkeypatch.setattr("harvester.wire.guard._connect", refuse)
    many = [f"2606:4700::{number:x}" for number in range(1, 300)]
    asker = client(resolve=lambda host, port: (*many, "93.184.216.34", "93.184.216.35"))
    with pytest.raises(Retriable) as caught:
        asker.get("http://many.example/oai", ARGUMENTS)
    assert caught.value.reason == "connect_timeout"
    assert tried[:4] == ["2606:4700::1", "93.184.216.34", "2606:4700::2", "93.184.216.35"]
    assert len(tried) <= 8, "an answer of 300 addresses must not hold the host for a quarter of an hour"


def test_no_order_of_answers_hides_a_closed_one(client):
    for order in itertools.permutations(["93.184.216.34", "2606:4700::1", "169.254.169.254"]):
        asker = client(resolve=lambda host, port, order=order: order)
        assert reason(asker, "http://imported.example/oai") == "private_address"
    many = (*(f"2606:4700::{number:x}" for number in range(1, 300)), "fd00::1")
    assert reason(client(resolve=lambda host, port: many), "http://imported.example/oai") == "private_address"
