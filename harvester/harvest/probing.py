"""One probe of one repository: asked in our turn at its host, told as a report, its traits kept where it is registered."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from lxml.etree import _Element as Element
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from harvester.catalogue import hosts, ledger, traits
from harvester.catalogue.connection import translated
from harvester.catalogue.ledger import Repository
from harvester.config import Settings
from harvester.crosswalk import registry, unknown
from harvester.errors import Rejected, RepositoryError, Retriable
from harvester.harvest import sources
from harvester.harvest.probe_report import Probed, ProbeReport, report
from harvester.harvest.turn import Turn
from harvester.oai import probe as questions
from harvester.oai import repository as oai
from harvester.oai.probe_capture import Capture, CapturingClient
from harvester.oai.probe_inquiry import Inquiry
from harvester.wire import Client, Limits, Patience, host_of, preset_for

T = TypeVar("T")

_TRIES = 2  # what fails twice is an observation


@dataclass(frozen=True, slots=True)
class ProbeRequest:
    """What to probe: a base URL or a registered name; `pace` and `wait` in seconds, as for a harvest.

    `capture` is a folder for all answers; it must not exist, or be empty.
    """

    source: str
    pace: float | None = None
    wait: float = 600.0
    capture: Path | None = None
    settings: Settings = field(default_factory=Settings)
    limits: Limits = field(default_factory=Limits)
    jitter: Callable[[], float] = random.random


def probe(
    engine: Engine,
    request: ProbeRequest,
    tell: Callable[[str], None] = lambda _: None,
    stop: Callable[[], bool] = lambda: False,
) -> ProbeReport:
    """Ask a repository what it is and does. Nothing is registered; a registered repository's traits are kept.

    `tell` hears of waits and progress, `stop` is asked between requests. Raises ConfigError for a call that cannot be meant,
    CatalogueError where Postgres fails, Interrupted; whatever the repository does ends in the report.
    """
    registry.registry()  # a crosswalk of somebody else's that cannot be loaded is told before anything is asked
    with translated(), engine.connect() as connection:
        repository, url = _find(connection, request.source)
        capture = None if request.capture is None else Capture(request.capture)
        try:
            private = sources.may_be_private(repository, request.source, request.settings.hosts)
            return _Probing(connection, request, url, tell, stop, private).go(repository, capture)
        finally:
            if capture is not None:
                _finish(capture, tell)


def _find(connection: Connection, source: str) -> tuple[Repository | None, str]:
    if sources.is_url(source):
        source = sources.check_url(source)
    with connection.begin():
        found = ledger.find_repository(connection, source)
    if found is not None:
        return found, found.base_url
    if not sources.is_url(source):
        raise sources.not_registered(source)
    return None, source


def _finish(capture: Capture, tell: Callable[[str], None]) -> None:
    if capture.empty:
        capture.discard()
    else:
        tell(f"{capture.close()} requests and their answers are in {capture.place}")


@dataclass(slots=True)
class _Probing:
    """The connection that holds the host's lock, and the turn at the host."""

    connection: Connection
    request: ProbeRequest
    url: str
    tell: Callable[[str], None]
    stop: Callable[[], bool]
    private: bool
    pace: float = field(init=False)
    turn: Turn = field(init=False)

    def __post_init__(self) -> None:
        host = host_of(self.url)
        request = self.request
        configured = request.settings.paces.get(host, preset_for(host).pace)
        self.pace = configured if request.pace is None else request.pace
        self.turn = Turn(self.connection, host, self.pace, request.wait, self.stop, self.tell)

    def go(self, repository: Repository | None, capture: Capture | None) -> ProbeReport:
        client, asker = self._asker(capture)
        inquiry = Inquiry(asker, self.politely, self.tell, reader)
        failure: RepositoryError | None = None
        try:
            questions.probe(inquiry)
        except RepositoryError as error:
            failure = error
        finally:
            client.close()
            self._let_go()
        if repository is not None and inquiry.observed:
            said = {name: (each.value, each.how) for name, each in inquiry.observed.items()}
            with self.connection.begin():
                traits.note(self.connection, repository.id, said)
        name = None if repository is None else repository.name
        return report(inquiry, Probed(self.url, name, self.pace), failure)

    def politely(self, ask: Callable[[], T], /) -> T:
        """Ask in our turn, and obey a pause that the host asks for as long as patience lasts."""
        while True:
            self.turn.take()
            try:
                answer = ask()
            except Retriable as error:
                self._note()
                self.turn.postpone(error)
                continue
            except RepositoryError:
                self._note()
                raise
            self.turn.asked(waited=self._note())
            return answer

    def _note(self) -> bool:
        with self.connection.begin():
            return hosts.asked(self.connection, self.turn.host, self.turn.pause)

    def _asker(self, capture: Capture | None) -> tuple[Client, oai.Repository]:
        request, turn = self.request, self.turn
        patience = Patience(
            pause=self.pace,
            longest_nap=turn.longest_nap,
            tries=_TRIES,
            sleep=turn.nap,
            jitter=request.jitter,
        )
        settled: dict[str, Any] = {
            "contact": request.settings.contact,
            "patience": patience,
            "typed": {turn.host} if self.private else (),
            "hosts": request.settings.hosts,
            "limits": request.limits,
        }
        client = Client(**settled) if capture is None else CapturingClient(**settled, capture=capture)
        client.check(self.url)
        asker = oai.Repository(self.url, client, patience)

        def retry(error: Retriable, seconds: float) -> None:
            turn.failed(error)
            self.tell(f"{error}; asking again in {seconds:.0f} s")

        asker.on_retry = retry
        return client, asker

    def _let_go(self) -> None:
        try:
            self.connection.rollback()
            self.turn.give()
        except DBAPIError:
            self.connection.invalidate()  # the lock ends with the session


def reader(metadata: Element) -> str | None:
    """The crosswalk that reads a metadata element; None where there is none, or where it fails."""
    try:
        reading = registry.normalise(metadata)
    except Rejected:
        return None
    return None if reading.crosswalk == unknown.CROSSWALK.name else reading.crosswalk
