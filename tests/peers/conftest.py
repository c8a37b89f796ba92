"""Peers are processes and servers on this machine; no proxy of the environment may stand between."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from sqlalchemy import Engine

pytest.register_assert_rewrite("truth")  # before it is imported

from held import Held, invented  # noqa: E402 - after the line above
from oai_repo_repository import OaiRepoRepository, ServeOaiRepo  # noqa: E402
from peer_process import PeerProcess  # noqa: E402
from pyoai_repository import PyoaiRepository, Serve  # noqa: E402
from truth import Go  # noqa: E402

from harvester.harvest.harvest import Report, Request, harvest  # noqa: E402
from harvester.harvest.progress import Listener, PageEvent  # noqa: E402


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start a pyoai process that holds these records (default: the invented ones)."""
    with ExitStack() as stack:

        def start(records: Iterable[Held] | None = None, **more: Any) -> PyoaiRepository:
            return stack.enter_context(PyoaiRepository(invented() if records is None else records, **more))

        yield start


@pytest.fixture
def serve_oai_repo() -> Iterator[ServeOaiRepo]:
    """Start an oai-repo process that holds these records (default: the invented ones)."""
    with ExitStack() as stack:

        def start(records: Iterable[Held] | None = None, **more: Any) -> OaiRepoRepository:
            return stack.enter_context(OaiRepoRepository(invented() if records is None else records, **more))

        yield start


@pytest.fixture(scope="module")
def oai_repo() -> Iterator[OaiRepoRepository]:
    """The fifteen invented records, of which two are deleted; nobody changes them here."""
    with OaiRepoRepository(invented()) as repository:
        yield repository


@pytest.fixture(scope="module")
def pyoai() -> Iterator[PyoaiRepository]:
    """As `oai_repo`."""
    with PyoaiRepository(invented()) as repository:
        yield repository


@pytest.fixture
def go(engine: Engine) -> Go:
    """Harvest a peer's repository into this test's catalogue; `hear` is called after each page."""

    def run(
        repository: PeerProcess, *, hear: Callable[[PageEvent], None] | None = None, **options: Any
    ) -> Report:
        stop = options.pop("stop", lambda: False)
        listener = Listener(on_page=hear) if hear else Listener()
        return harvest(engine, Request(repository.url, **options), listener, stop)

    return run
