"""An OAI-PMH reader that shares nothing with harvester: http.client and lxml, strict, one request at a time."""

import http.client
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import quote, urlencode, urlsplit

import pytest
from lxml import etree

from harvester.mock import FakeRepository

OAI = "{http://www.openarchives.org/OAI/2.0/}"
PAGE_CAP = 400


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def root(self) -> etree._Element:
        parser = etree.XMLParser(resolve_entities=False, no_network=True)
        return etree.fromstring(self.body, parser)

    @property
    def error(self) -> str | None:
        found = self.root.find(f"{OAI}error")
        return None if found is None else found.get("code")

    @property
    def headers_of_records(self) -> list[etree._Element]:
        return list(self.root.iter(f"{OAI}header"))

    @property
    def identifiers(self) -> list[str]:
        return [header.findtext(f"{OAI}identifier") for header in self.headers_of_records]

    @property
    def token(self) -> str | None:
        """None without the element, "" for an empty one."""
        found = next(self.root.iter(f"{OAI}resumptionToken"), None)
        return None if found is None else found.text or ""

    @property
    def token_attributes(self) -> dict[str, str]:
        return dict(next(self.root.iter(f"{OAI}resumptionToken")).attrib)


@dataclass
class Reader:
    """Keeps one connection alive, as a polite harvester does."""

    url: str
    timeout: float = 5
    prefix: str = "oai_dc"
    connection: http.client.HTTPConnection = field(init=False)

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        self.path = parts.path
        self.connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=self.timeout)

    def ask(
        self, verb: str = "ListRecords", *, headers: dict[str, str] | None = None, **arguments: str
    ) -> Reply:
        if (
            verb.startswith("List")
            and verb.endswith(("Records", "Identifiers"))
            and "resumptionToken" not in arguments
        ):
            arguments = {"metadataPrefix": self.prefix} | arguments
        pairs = {"verb": verb} | {name.rstrip("_"): value for name, value in arguments.items()}
        return self.get(f"{self.path}?{urlencode(pairs, quote_via=quote, safe='')}", headers=headers)

    def get(self, target: str, *, headers: dict[str, str] | None = None) -> Reply:
        self.connection.request("GET", target, headers=headers or {})
        return self.reply()

    def post(self, body: str) -> Reply:
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        self.connection.request("POST", self.path, body=body.encode(), headers=kind)
        return self.reply()

    def reply(self) -> Reply:
        response = self.connection.getresponse()
        return Reply(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())

    def pages(self, verb: str = "ListRecords", **arguments: str) -> Iterator[Reply]:
        """Every page of a list, until it has no token. Fails when there is no end."""
        for _ in range(PAGE_CAP):
            page = self.ask(verb, **arguments)
            yield page
            if not (token := page.token):
                return
            arguments = {"resumptionToken": token}
        pytest.fail(f"the list has not ended after {PAGE_CAP} pages")

    def identifiers(self, **arguments: str) -> list[str]:
        return [one for page in self.pages(**arguments) for one in page.identifiers]

    def close(self) -> None:
        self.connection.close()


@pytest.fixture(autouse=True)
def no_thread_is_left_behind() -> Iterator[None]:
    yield
    left = [thread for thread in threading.enumerate() if thread.name == "mock"]
    assert not left


@pytest.fixture
def serve() -> Iterator[Callable[..., tuple[FakeRepository, Reader]]]:
    """`serve(records=…)` starts a fake repository, and gives it with a reader."""
    opened: list[FakeRepository | Reader] = []

    def start(**settings: object) -> tuple[FakeRepository, Reader]:
        repository = FakeRepository(**({"records": 25, "page_size": 10} | settings)).start()
        opened.append(repository)
        reader = Reader(repository.url)
        opened.append(reader)
        return repository, reader

    yield start
    for one in reversed(opened):
        one.close()


@pytest.fixture
def check_fault(
    serve: Callable[..., tuple[FakeRepository, Reader]],
) -> Callable[[str, Callable[..., None]], None]:
    """See the symptom of a fault, its name in the log, and a whole list once it is called off."""

    def check(name: str, symptom: Callable[..., None], prefix: str = "oai_dc") -> None:
        repository, reader = serve()
        reader.prefix = prefix
        symptom(repository, reader, name)
        assert name in {one for access in repository.log for one in (access.fault or "").split(",")}
        repository.behave()
        reader.close()
        again = Reader(repository.url, prefix=prefix)
        assert again.identifiers() == [record.identifier for record in repository.store.records]
        again.close()

    return check


class Clock:
    """A clock that moves when it is told to."""

    def __init__(self) -> None:
        self.at = datetime(2025, 5, 5, 12, 0, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()
