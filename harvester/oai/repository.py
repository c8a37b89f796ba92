"""One repository over the wire. Sickle carries the request and the verbs; the transport and the page are ours.

The only module that imports sickle: it is dormant since 2020, and its SyntaxWarnings may become errors in a later Python.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar
from urllib.parse import urlsplit

from lxml.etree import _Element as Element
from sickle import Sickle
from sickle.iterator import BaseOAIIterator

from harvester.errors import Refused, RepositoryError, Retriable, TokenExpired
from harvester.oai.answers import BOT_WALL, read_answer
from harvester.oai.description import read_identify
from harvester.oai.page import raise_errors, read_page
from harvester.oai.parsing import OAI
from harvester.oai.records import Broken, Identify, Page
from harvester.oai.repair import Repaired
from harvester.wire import Client, Patience, Response, Validators, host_of, persist, retry_after

T = TypeVar("T")

# Failures after which nobody knows whether the server has already moved on.
AMBIGUOUS = frozenset(
    {
        "connection_reset",
        "timeout",
        "read_timeout",
        "too_slow",
        "truncated",
        "malformed",
        "bad_http",
        "bad_compression",
        "empty_body",
        "no_list",
    }
    | {"http_500", "http_502", "http_504", "http_520", "http_524"}
)
# Failures that one record may cause in every answer that holds it (lobid-gnd#432, dataverse#8306).
OF_A_RECORD = AMBIGUOUS | {"too_large", "oai_error"}


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP response that is an OAI-PMH answer."""

    root: Element
    repaired: Repaired | None
    response: Response
    broken: tuple[Broken, ...] = ()


@dataclass(slots=True)
class Doubt:
    """What may have happened to one token: failures that may have spent it, and whether it was sent again besides."""

    failures: int = 0
    asked_again: bool = False


class Repository(Sickle):  # type: ignore[misc]  # sickle has no types
    """A base URL and the client that may ask it.

    `idempotent_tokens`: whether a token asked twice gives the same page; None where not known. `requests` counts what was
    sent, redirects and repetitions too. `on_retry` is told of each failure that is about to be tried again, with the
    seconds until then.
    """

    def __init__(
        self, base_url: str, client: Client, patience: Patience, *, idempotent_tokens: bool | None = None
    ) -> None:
        super().__init__(base_url, iterator=PageIterator)
        self.client = client
        self.patience = patience
        self.idempotent_tokens = idempotent_tokens
        self.requests = 0
        self.prefix_with_token: str | None = (
            None  # for who wants metadataPrefix beside the token (zenodo/zenodo#783)
        )
        self.bisecting = False  # a record is being looked for that makes answers fail: one try is enough
        self.moved_to: str | None = (
            None  # where permanent redirects lead: to be told, never followed in silence for good
        )
        self.on_retry: Callable[[Retriable, float], None] | None = None

    def harvest(self, **params: str) -> Answer:
        """One request, tried once; the body decides before the status."""
        return _read(self._send(params))

    def newer(self, validators: Validators, **params: str) -> Answer | None:
        """As `harvest`, for who holds the answer of which these validators are: None where that still stands (304)."""
        response = self._send(params, validators)
        return None if response.status == 304 else _read(response)

    def _send(self, params: dict[str, str], validators: Validators | None = None) -> Response:
        try:
            response = self.client.get(self.endpoint, list(params.items()), validators)
        except RepositoryError:
            self.requests += 1
            raise
        self.requests += response.requests
        self.moved_to = self.moved_to or response.moved_to
        return response

    def identify(self) -> Identify:
        """Ask and read Identify. Raises RepositoryError where this is no OAI-PMH repository."""
        return self.persist(lambda: read_identify(self.harvest(verb="Identify").root))

    def metadata_prefixes(self) -> list[str]:
        """The formats it says it has (section 4.4), at most a hundred. Raises RepositoryError."""

        def ask() -> list[str]:
            root = self.harvest(verb="ListMetadataFormats").root
            raise_errors(root)
            found = root.iterfind(f"{OAI}ListMetadataFormats/{OAI}metadataFormat/{OAI}metadataPrefix")
            return [(each.text or "").strip()[:100] for each in itertools.islice(found, 100)]

        return self.persist(ask)

    def record(self, identifier: str, prefix: str) -> Page:
        """GetRecord. Raises Refused (`idDoesNotExist`, `cannotDisseminateFormat`) and every other RepositoryError."""
        params = {"verb": "GetRecord", "identifier": identifier, "metadataPrefix": prefix}
        page: Page = PageIterator(self, params).next()
        return page

    def pages(
        self, verb: str = "ListRecords", *, token: str | None = None, **arguments: str | None
    ) -> "PageIterator":
        """Walk ListRecords or ListIdentifiers from its arguments (`metadataPrefix`, `set`, `from`, `until`), or from a token."""
        ask = getattr(self, verb)
        if token is not None:
            walk = ask(**self.with_token(token))
        else:
            walk = ask(**{name: value for name, value in arguments.items() if value})
        assert isinstance(walk, PageIterator)  # noqa: S101 - narrows sickle's untyped return
        return walk

    def with_token(self, token: str) -> dict[str, str]:
        """The arguments that go with a token: itself alone (section 3.5), but where more was found to be needed."""
        more = {} if self.prefix_with_token is None else {"metadataPrefix": self.prefix_with_token}
        return {"resumptionToken": token} | more

    def persist(self, ask: Callable[[], T], *, doubt: Doubt | None = None) -> T:
        """Three tries, fewer where a token (`doubt`) may be spent by asking; a bot wall is confirmed once, then refused."""
        walls = 0

        def attempt() -> T:
            nonlocal walls
            try:
                return ask()
            except Retriable as error:
                walls += error.reason == BOT_WALL
                if walls > 1:
                    raise Refused(str(error), reason=BOT_WALL, evidence=error.evidence) from error
                if doubt is None and self.bisecting and error.reason in OF_A_RECORD:
                    raise RepositoryError(
                        str(error), reason=error.reason, evidence=error.evidence
                    ) from error  # not to be tried again
                if doubt is not None and error.reason in AMBIGUOUS:
                    doubt.failures += 1
                    self._give_up_token(doubt, error)
                raise

        return persist(self.patience, attempt, on_retry=self.on_retry)

    def _give_up_token(self, doubt: Doubt, error: Retriable) -> None:
        if self.idempotent_tokens is False:
            sentence, reason = f"{error}; this repository's tokens cannot be asked twice", "token_spent"
        elif self.idempotent_tokens is None and doubt.failures > 1:
            sentence, reason = f"{error}, twice for one token", "token_fails"
        else:
            return
        raise TokenExpired(sentence, reason=reason, evidence=error.evidence) from error


class PageIterator(BaseOAIIterator):  # type: ignore[misc]  # sickle has no types
    """Yields pages; asks only when asked, so that a page can be committed before its token is spent.

    After an error the same request stands: calling `next` again asks it once more. `reread` tells whether the last page
    was asked for more than once with the same token where the first time may have spent it: after a failure that leaves
    that open, because the first answer was an empty page, or because the transport had to send it again.
    """

    def __init__(self, sickle: Repository, params: dict[str, str], ignore_deleted: bool = False) -> None:
        self.sickle = sickle
        self.verb = params["verb"]
        # The verb goes first: one server breaks otherwise (seen by HTTP::OAI).
        self.params: dict[str, str] | None = {"verb": self.verb} | params
        self.ignore_deleted = ignore_deleted
        self.reread = False
        self._doubt = Doubt()

    def next(self) -> Page:
        """The next page. Raises StopIteration at the end of the list, RepositoryError where there is no page."""
        if self.params is None:
            raise StopIteration
        page = self.peek()
        if page.token and not page.records and not page.broken and self.sickle.idempotent_tokens is not False:
            # An empty page in the middle is asked again before it is believed: a transient one once retired a whole
            # partition (dpla/ingestion3#777).
            self._doubt.asked_again = True
            page = self.peek()
        self.params = {"verb": self.verb} | self.sickle.with_token(page.token.text) if page.token else None
        self._doubt = Doubt()
        return page

    def peek(self) -> Page:
        """Ask for the next page without moving on."""
        params = self.params or {}
        doubt = self._doubt if "resumptionToken" in params else None
        page: Page = self.sickle.persist(lambda: self._page(self.sickle.harvest(**params)), doubt=doubt)
        self.reread = doubt is not None and (doubt.failures > 0 or doubt.asked_again)
        return page

    def _page(self, answer: Answer) -> Page:
        response = answer.response
        if response.requests > 1 and not _redirected(self.sickle.endpoint, response.url):
            self._doubt.asked_again = (
                True  # by the transport: a kept-alive connection was closed under the request
            )
        try:
            page = read_page(
                answer.root, self.verb, response.received_at, _http_date(response), broken=answer.broken
            )
        except RepositoryError as error:
            error.evidence = response.evidence
            raise
        if answer.repaired is not None:
            page.repairs.update(answer.repaired.changes)
        if page.broken:
            seen = replace(response.evidence, excerpt="")
            page = replace(page, broken=tuple(replace(each, evidence=seen) for each in page.broken))
        return page


def _read(response: Response) -> Answer:
    try:
        parsed = read_answer(response.status, response.headers, response.body)
    except Retriable as error:
        error.evidence = response.evidence
        if response.status in (429, 503):
            error.after = retry_after(response.headers, response.received_at)
        raise
    except RepositoryError as error:
        error.evidence = response.evidence
        raise
    return Answer(parsed.root, parsed.repaired, response, parsed.broken)


def _redirected(asked: str, answered: str) -> bool:
    here, there = urlsplit(asked), urlsplit(answered)
    before = (here.scheme.lower(), host_of(asked), here.path or "/")
    return before != (there.scheme, host_of(answered), there.path)


def _http_date(response: Response) -> datetime | None:
    try:
        # An offset of -0000 gives a naive date, which is UTC all the same (RFC 5322, section 3.3).
        date = parsedate_to_datetime(response.headers.get("date", ""))
        return date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)
    except (ValueError, TypeError, OverflowError):  # which of them depends on the text
        return None
