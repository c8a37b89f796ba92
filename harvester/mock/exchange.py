"""One request, what becomes of it, and the line it leaves in the log."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from harvester.mock.store import DeletedRecord, Granularity, Record, Store
from harvester.mock.tokens import Place, Query, Tokens

LISTS = frozenset({"ListRecords", "ListIdentifiers"})


@dataclass(frozen=True, slots=True)
class Policy:
    """What the repository is like when nothing is wrong. `token_life` in seconds, None for no expirationDate."""

    base_url: str
    page_size: int
    granularity: Granularity
    deleted_record: DeletedRecord
    token_life: float | None
    complete_list_size: bool
    with_sets: bool
    token_needs_prefix: bool
    earliest: str | None
    now: Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came. `raw` is the path with its query; `pairs` are the decoded arguments in order."""

    method: str
    raw: str
    pairs: tuple[tuple[str, str], ...]
    host: str
    takes_gzip: bool


class Wire(Protocol):
    """The connection, for answers that are sent in a way of their own."""

    def send(self, data: bytes, *, last: bool = False) -> None:
        """Send now; with `last` the request counts as answered before the bytes leave."""

    def pause(self, seconds: float | None) -> bool:
        """Wait; False when the fault was called off, the server is closing, or the client has gone."""

    def reset(self) -> None:
        """End the connection with a RST."""


Deliver = Callable[[Wire, bytes, bytes], None]


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP response.

    `deliver` sends head and body itself, after which the connection is closed; a `streamed` body has no
    Content-Length and ends with the connection.
    """

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    records: int = 0
    deliver: Deliver | None = None
    streamed: bool = False


@dataclass(slots=True)
class Page:
    """One page of a list before it is written; `token` None means no element, "" an empty one."""

    records: list[Record]
    token: str | None
    expires: float | None
    size: int | None
    following: Place | None


class Error(Exception):
    """An OAI-PMH error (specification 3.6); `code` is put into the response as it stands."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(slots=True)
class Turn:
    """Everything known about one request while it is answered; faults change it on its way.

    A fault refuses by setting `refusal`, and answers by setting `answer`. `error` is the code that is sent.
    """

    request: Request
    policy: Policy
    store: Store
    tokens: Tokens
    verb: str = ""
    arguments: dict[str, str] = field(default_factory=dict)
    place: Place | None = None
    skew: timedelta = timedelta(0)
    hides_deleted: bool = False
    drifts: bool = False
    page: Page | None = None
    refusal: Error | None = None
    error: str | None = None
    body: bytes = b""
    answer: Answer | None = None
    applied: list[str] = field(default_factory=list)

    @property
    def number(self) -> int:
        """Which page of its list this is, from 0."""
        return self.place.number if self.place else 0

    @property
    def query(self) -> Query:
        """The list that is asked for. Raises ValueError when it is no list."""
        return self._listing.query

    @property
    def _listing(self) -> Place:
        if self.place is None:
            raise ValueError(f"{self.verb} is not a list request")
        return self.place

    @property
    def following(self) -> Place:
        """The place of the next page of this list, if it began where this page begins."""
        place = self._listing
        return Place(place.query, place.position, place.sent, place.number + 1, place.expires, place.scroll)


@dataclass(frozen=True, slots=True)
class Access:
    """One line of the access log.

    `at` is monotonic seconds at the arrival; `status` what was, or would have been, sent; `fault` the names
    of the faults that took part, joined by commas; `records` counts those in the page; `page` its place in
    the list, from 0; `overlapping`: another request was still being answered when this one arrived.
    """

    at: float
    method: str
    verb: str
    arguments: Mapping[str, str]
    raw: str
    status: int
    fault: str | None
    records: int
    page: int | None
    overlapping: bool
