"""Repositories to ask over real sockets, with sleep that is only written down."""

from collections.abc import Callable, Iterator

import pytest
from scripted_server import Script, ScriptedServer

from harvester.oai.repository import Repository
from harvester.wire import Client, Patience, host_of


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def naps() -> list[float]:
    """The seconds that were slept; nobody really sleeps."""
    return []


Ask = Callable[..., Repository]


@pytest.fixture
def ask(naps: list[float]) -> Iterator[Ask]:
    """`ask(url)` is a repository with a client of its own; its options are Repository's."""
    clients: list[Client] = []

    def make(url: str, **options: object) -> Repository:
        patience = Patience(sleep=naps.append, jitter=lambda: 0.5)
        clients.append(Client(contact=None, patience=patience, typed=[host_of(url)]))
        return Repository(url, clients[-1], patience, **options)  # type: ignore[arg-type]

    yield make
    for each in clients:
        each.close()


Serve = Callable[[Script], ScriptedServer]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start a server with a script."""
    running: list[ScriptedServer] = []

    def start(script: Script) -> ScriptedServer:
        running.append(ScriptedServer(script))
        return running[-1]

    yield start
    for each in running:
        each.close()
