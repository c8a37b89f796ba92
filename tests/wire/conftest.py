"""Servers and clients for the tests of `wire`; everything listens on loopback and is closed again."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from raw_server import RawServer, Script

from harvester.wire import Client, Limits, Patience

ServerMaker = Callable[..., RawServer]
ClientMaker = Callable[..., Client]


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "http_proxy",
        "https_proxy",
        "all_proxy",
        "no_proxy",
        "requests_ca_bundle",
        "curl_ca_bundle",
    ):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def server() -> Iterator[ServerMaker]:
    """Start a server with a script; several may run."""
    running: list[RawServer] = []

    def start(script: Script, **more: object) -> RawServer:
        running.append(RawServer(script, **more))
        return running[-1]

    yield start
    for each in running:
        each.close()


@pytest.fixture
def client() -> Iterator[ClientMaker]:
    """Make a client to which the given servers are typed."""
    made: list[Client] = []

    def make(*servers: RawServer, **more: object) -> Client:
        arguments = {"contact": None, "patience": Patience(), "typed": [each.host for each in servers]}
        made.append(Client(**arguments | more))
        return made[-1]

    yield make
    for each in made:
        each.close()


@dataclass
class FakeTime:
    """A clock that only sleeping moves."""

    seconds: float = 1000.0

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


@pytest.fixture
def fake_time() -> FakeTime:
    return FakeTime()


@pytest.fixture
def hasty() -> Limits:
    """Limits short enough to be reached in a test."""
    return Limits(connect=0.4, read=0.4, total=0.8)
