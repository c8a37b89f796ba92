"""How a probe asks, and what it has learned so far: one small question at a time, none of which ends the others."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Protocol, TypeVar

from lxml.etree import _Element as Element

from harvester import clock
from harvester.errors import RepositoryError, Retriable
from harvester.oai.answers import BOT_WALL
from harvester.oai.datestamps import Granularity, parse
from harvester.oai.description import Format
from harvester.oai.page import read_page
from harvester.oai.parsing import OAI
from harvester.oai.records import Header, Identify, Page
from harvester.oai.repository import Answer, Repository
from harvester.oai.traits import Observation

T = TypeVar("T")

MOST_REQUESTS = 80  # redirects and repetitions count; a well-behaved repository is asked about thirty
MOST_SECONDS = 1800.0
_MOST_FAILURES = 4  # in a row, none of them answered in OAI-PMH: to go on would be hammering
# The guidelines for harvesters leave the first three to a person; after the others there is no time left to ask in.
_SHUT_OUT = frozenset({"http_401", "http_403", BOT_WALL, "wait", "host_busy"})


class Unclear(Exception):
    """The answers leave a question open; the sentence says why."""


class Politely(Protocol):
    """Waits for our turn at the host, asks, and notes that the host was asked."""

    def __call__(self, ask: Callable[[], T], /) -> T: ...


@dataclass(frozen=True, slots=True)
class Sample:
    """The first ListRecords page of a format.

    `records` are those on the page, `live` those not deleted, `read` those that the reader could make something of;
    `readers` names who read them. `full`: a token followed. `failure` says why there is no page.
    """

    format: Format
    records: int = 0
    live: int = 0
    read: int = 0
    broken: int = 0
    repaired: int = 0
    readers: tuple[str, ...] = ()
    roots: tuple[str, ...] = ()
    full: bool = False
    bytes: int = 0
    seconds: float = 0.0
    size: int | None = None
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class Walk:
    """The first pages of a list without a set; the token at i brought the page at i + 1."""

    verb: str
    arguments: dict[str, str]
    pages: list[Page]
    tokens: list[str]
    ended: bool

    @property
    def headers(self) -> list[Header]:
        """All headers in the order in which they came."""
        return [each for page in self.pages for each in headers_of(page)]


@dataclass(slots=True)
class Sets:
    """What ListSets lists: `specs` as far as read, `whole` where that is all."""

    specs: list[str] = field(default_factory=list)
    whole: bool = False


def headers_of(page: Page) -> list[Header]:
    """The headers of a page."""
    return [record.header for record in page.records]


def page_of(answer: Answer, verb: str) -> Page:
    """The page that an answer holds. Raises what `read_page` raises."""
    return read_page(answer.root, verb, answer.response.received_at, broken=answer.broken)


@dataclass(slots=True)
class Inquiry:
    """One probe under way. `reader` names who reads a metadata element, None where nobody does.

    `ended` is set where the repository must not be asked any more, with the sentence that says why.
    """

    repository: Repository
    politely: Politely
    tell: Callable[[str], None]
    reader: Callable[[Element], str | None]
    monotonic: Callable[[], float] = clock.monotonic
    observed: dict[str, Observation] = field(default_factory=dict)
    left_open: dict[str, str] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    said: Identify | None = None
    formats: list[Format] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    sets: Sets = field(default_factory=Sets)
    walk: Walk | None = None
    dates: Granularity | None = None  # what it takes in `from` and `until`
    ended: str | None = None
    error: RepositoryError | None = None  # the last one
    usual: int = 9  # HTTP requests that one answer takes: more than one behind redirects
    _began: float = field(init=False)
    _failures: int = field(default=0, init=False)
    _skews: list[float] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        self._began = self.monotonic()
        before = self.repository.on_retry

        def hear(error: Retriable, seconds: float) -> None:
            self._hear_pause(error)
            if before is not None:
                before(error, seconds)

        self.repository.on_retry = hear

    @property
    def seconds(self) -> float:
        """Since the probe began."""
        return self.monotonic() - self._began

    def observe(self, name: str, value: bool | int | float | str, how: str) -> None:
        """Note a trait."""
        self.observed[name] = Observation(value, how)

    def value(self, name: str) -> bool | int | float | str | None:
        """A trait as observed, None where it was not."""
        found = self.observed.get(name)
        return None if found is None else found.value

    def remark(self, sentence: str) -> None:
        """Note something that a person should know."""
        self.remarks.append(sentence)

    def settle(
        self,
        names: tuple[str, ...],
        question: Callable[["Inquiry"], None],
        otherwise: Mapping[str, str],
    ) -> None:
        """Ask a question; whatever becomes of it, each of its traits is observed or left open with a sentence.

        `otherwise` has the sentences for traits that an answer may simply not show.
        """
        why = None
        try:
            question(self)
        except (Unclear, RepositoryError) as open_:
            why = str(open_)
        for name in names:
            if name not in self.observed:
                said = why or self.left_open.get(name) or otherwise.get(name)
                self.left_open[name] = said or "nothing in the answers shows it"

    def call(self, ask: Callable[[], T]) -> T:
        """Ask in our turn. Raises Unclear where no more may be asked, RepositoryError as it comes."""
        self._check()

        def heard() -> T:
            try:
                return ask()
            except Retriable as error:
                self._hear_pause(error)
                raise

        try:
            return self.politely(heard)
        except RepositoryError as error:
            self._count(error)
            raise

    def ask(self, read: Callable[[Answer], T], arguments: Mapping[str, str], *, once: bool = False) -> T:
        """One request, tried again where that may help, or only `once`; `read` may raise what the answer says."""

        def attempt() -> T:
            answer = self.repository.harvest(**arguments)
            self._hear(answer)
            return read(answer)

        return self.call(attempt if once else lambda: self.repository.persist(attempt))

    def page(self, verb: str, arguments: Mapping[str, str]) -> Page:
        """A page of ListRecords or ListIdentifiers, or GetRecord's."""
        return self.ask(lambda answer: page_of(answer, verb), {"verb": verb, **arguments})

    def list(self, arguments: Mapping[str, str]) -> Page:
        """A page of the list that was walked, with other arguments: dates, a set, a token."""
        walk = self.walked()
        fixed = {} if "resumptionToken" in arguments else {"metadataPrefix": walk.arguments["metadataPrefix"]}
        return self.page(walk.verb, {**fixed, **arguments})

    def walked(self) -> Walk:
        """The walk. Raises Unclear where there was none, or where it found nothing."""
        if self.walk is None or not self.walk.headers:
            raise Unclear(self.ended or "no list of its records could be had")
        return self.walk

    def conclude(self) -> None:
        """What all answers together show."""
        if self._skews:
            value = float(round(median(self._skews) + 0.5))  # a responseDate has lost its fraction
            self.observe("clock_skew", value, "responseDate less our clock, the median of all answers")

    def _check(self) -> None:
        if self.ended is None and self.repository.requests >= MOST_REQUESTS:
            self.ended = f"{MOST_REQUESTS} requests are as many as a probe may send"
        if self.ended is None and self.seconds > MOST_SECONDS:
            self.ended = f"the probe had lasted for {MOST_SECONDS / 60:.0f} minutes"
        if self.ended is not None:
            raise Unclear(self.ended)

    def _count(self, error: RepositoryError) -> None:
        self.error = error
        if error.reason in _SHUT_OUT:
            self.ended = str(error)
        self._failures += 1
        if self._failures >= _MOST_FAILURES and self.ended is None:
            self.ended = f"{_MOST_FAILURES} requests in a row failed, the last one so: {error}"

    def _hear(self, answer: Answer) -> None:
        self._failures = 0
        response = answer.response
        self.usual = min(self.usual, response.requests)
        stamp = parse(answer.root.findtext(f"{OAI}responseDate") or "")
        if stamp is not None:
            self._skews.append((stamp.value - response.received_at).total_seconds())
        packed = "gzip" in response.headers.get("content-encoding", "").lower()
        if packed:
            self.observe("gzip", True, "answers come compressed with gzip")
        elif "gzip" not in self.observed:
            self.observe("gzip", False, "gzip was offered in every request, and no answer came in it")

    def _hear_pause(self, error: Retriable) -> None:
        if error.after is not None and error.reason.startswith("http_"):
            how = f"{error}, with Retry-After"
            self.observe("retry_after", error.after, how)
