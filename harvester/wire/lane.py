"""One host: its session, its turn, its pace. At most one request at a time is under way in it."""

import io
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlsplit

import requests
import requests.utils
import urllib3.exceptions

from harvester.errors import Evidence, RepositoryError
from harvester.wire import body, failures
from harvester.wire.limits import Limits
from harvester.wire.patience import Patience
from harvester.wire.watch import Stalled, Watch

REDIRECTS = (301, 302, 303, 307, 308)
_MOST_COOKIES = 50  # a server that sets a new one with every page must not fill the memory
# Two requests must not arrive closer than the pace though the first was held up on its way.
_SLACK = 0.02
# Seconds. Firewalls forget idle connections without a word (Azure after 240 s), and a request sent into one
# is only given up at the read limit.
_KEPT_IDLE = 120.0


@dataclass(frozen=True, slots=True)
class Ask:
    """One HTTP request; `url` carries no userinfo. A POST where there is a `form`, already encoded.

    `hidden` are secrets in it, which no evidence may show.
    """

    url: str
    headers: Mapping[str, str] = field(repr=False)
    credentials: tuple[str, str] | None = field(default=None, repr=False)
    form: bytes | None = None
    hidden: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP response, read to its end; `headers` have lower-case names, `hidden` is its question's."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    received_at: datetime
    hidden: tuple[str, ...] = field(default=(), repr=False)

    @property
    def evidence(self) -> Evidence:
        """URL, status, and how the body begins."""
        return failures.evidence(self.url, self.status, self.body, self.hidden)


@dataclass(slots=True)
class Trip:
    """What one page has cost so far: HTTP requests, and seconds on the network."""

    requests: int = 0
    seconds: float = 0.0


@dataclass(slots=True, kw_only=True, eq=False)
class Lane:
    """A host's lifetime in one Client."""

    host: str
    session: requests.Session
    watch: Watch
    now: Callable[[], datetime]
    check_proxied: Callable[[str], None]
    turn: threading.Lock = field(default_factory=threading.Lock)
    _proxies: dict[str, dict[str, str]] = field(default_factory=dict)

    def ask(self, question: Ask, trip: Trip, patience: Patience) -> Answer:
        """Wait for our turn and the host's pace, then ask; raises RepositoryError, Undecodable.

        A kept-alive connection that the server had closed meanwhile is replaced once, silently.
        """
        with self.turn:
            try:
                return self._paced(question, trip, patience)
            except _Dropped:
                return self._paced(question, trip, patience)

    def close(self) -> None:
        self.session.close()

    def _paced(self, question: Ask, trip: Trip, patience: Patience) -> Answer:
        limits = self.watch.limits
        self._await_pace(patience)
        trip.requests += 1
        began = self.watch.clock()
        if self.watch.sent_at is not None and began - self.watch.sent_at > _KEPT_IDLE:
            self.session.close()
        self.watch.begin(limits.total - trip.seconds)
        try:
            return self._exchange(question, limits)
        finally:
            trip.seconds += self.watch.clock() - began
            if self.watch.sent_at is None or self.watch.sent_at < began:
                self.watch.sent_at = began  # an attempt to connect counts like a request

    def _await_pace(self, patience: Patience) -> None:
        if patience.pause > 0 and self.watch.sent_at is not None:
            early = self.watch.sent_at + patience.pause + _SLACK - self.watch.clock()
            if early > 0:
                patience.rest(early)

    def _exchange(self, question: Ask, limits: Limits) -> Answer:
        response = None
        content = io.BytesIO()
        try:
            response = self._send(question, limits)
            return self._read(question, response, limits, content)
        except BaseException as error:
            status = None
            if response is not None:
                status = response.status_code
                response.close()  # the rest of the body is not wanted: neither is the connection
            with content.getbuffer() as came:
                evidence = failures.evidence(question.url, status, came, question.hidden)
            named = self._named(error, evidence)
            if named is error:
                raise
            raise named from error

    def _send(self, question: Ask, limits: Limits) -> requests.Response:
        session = self.session
        if len(session.cookies) > _MOST_COOKIES:
            session.cookies.clear()
        proxied = self._proxied(question.url)
        if proxied:
            self.check_proxied(question.url)
        auth = None
        if question.credentials is not None:
            # As bytes: requests would encode them as latin-1, and fail on the rest.
            user, password = (part.encode() for part in question.credentials)
            auth = requests.auth.HTTPBasicAuth(user, password)
        method = "GET" if question.form is None else "POST"
        request = requests.Request(
            method, question.url, headers=dict(question.headers), auth=auth, data=question.form
        )
        prepared = session.prepare_request(request)
        timeout = (limits.connect, limits.read)
        proxies = self._proxies_for(question.url)
        try:
            return session.send(
                prepared, stream=True, timeout=timeout, allow_redirects=False, proxies=proxies
            )
        except requests.exceptions.InvalidURL as error:
            if proxied:  # the repository's own URL was read long before
                raise failures.proxy_unreadable() from error
            raise

    def _read(
        self, question: Ask, response: requests.Response, limits: Limits, content: io.BytesIO
    ) -> Answer:
        received_at = self.now()
        self.watch.body_begins()
        status = response.status_code
        if status == 407 and self._proxied(question.url):
            raise failures.proxy_login(self.host)
        headers = {name.lower(): value for name, value in response.headers.items()}
        if status in REDIRECTS and headers.get("location"):
            content.write(body.read_start(response.raw))
        elif status == 304 and "transfer-encoding" in headers:
            response.close()  # it has no body (RFC 9110, section 15.4.5): no chunk ever comes
        else:
            body.read_body(response.raw, limits, content)
        return Answer(question.url, status, headers, content.getvalue(), received_at, question.hidden)

    def _proxied(self, url: str) -> bool:
        return requests.utils.select_proxy(url, self._proxies_for(url)) is not None

    def _proxies_for(self, url: str) -> dict[str, str]:
        scheme = urlsplit(url).scheme
        if scheme not in self._proxies:
            self._proxies[scheme] = requests.utils.get_environ_proxies(url)
        return self._proxies[scheme]

    def _named(self, error: BaseException, evidence: Evidence) -> BaseException:
        """The error to raise for `error`, which may be itself: KeyboardInterrupt and our own pass."""
        match error:
            case RepositoryError():  # from connecting, where no evidence was at hand
                error.evidence = error.evidence or evidence
            case Stalled():
                return failures.stalled(self.host, error.reason, evidence)
            case body.TooLarge():
                return failures.too_large(self.host, evidence)
            case body.Nested():
                return failures.nested(self.host, evidence)
            case body.Truncated():
                return failures.unreadable(self.host, "truncated", evidence)
            case requests.RequestException() | urllib3.exceptions.HTTPError():
                if self.watch.reused and self.watch.received == 0 and failures.dropped(error):
                    return _Dropped()
                return failures.reading(self.host, error, evidence)
        return error


class _Dropped(Exception):
    """A reused connection was closed before a byte of the answer came."""
