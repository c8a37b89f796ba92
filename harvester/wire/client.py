"""Asks a repository for one page over HTTP, politely and safely; knows nothing of what the page holds."""

import os
import re
import ssl
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import requests

from harvester import __version__, clock
from harvester.config import HostSettings
from harvester.errors import ConfigError, Evidence, Refused
from harvester.wire import failures, urls
from harvester.wire.access import Access, access_to
from harvester.wire.body import Undecodable
from harvester.wire.conditional import Validators
from harvester.wire.guard import Dialler, Resolve, system_resolve
from harvester.wire.lane import REDIRECTS, Answer, Ask, Lane, Trip
from harvester.wire.limits import Limits
from harvester.wire.patience import Patience
from harvester.wire.presets import preset_for
from harvester.wire.transport import Adapter, Line, tls_context
from harvester.wire.watch import Watch

_CODINGS = "gzip, deflate"
_MAIL = re.compile(r"(?:mailto:)?([^\s@<>]+@[^\s@<>]+)")


@dataclass(frozen=True, slots=True)
class Response:
    """A page as it came. `headers` have lower-case names; `requests` counts redirects and repetitions; no evidence shows
    what is `hidden`.

    `seconds` is time on the network, pauses left out. `moved_to` is the base URL where a chain of only
    permanent redirects (301, 308) ended: to be proposed to a person, never stored silently.
    """

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    received_at: datetime
    seconds: float
    requests: int
    moved_to: str | None = None
    hidden: tuple[str, ...] = field(default=(), repr=False)

    @property
    def evidence(self) -> Evidence:
        """URL without userinfo, status, and the first 2 kB as text that Postgres can store (no NUL)."""
        return failures.evidence(self.url, self.status, self.body, self.hidden)


@dataclass(slots=True, kw_only=True, eq=False)
class Client:
    """One session per host, kept alive; at most one request at a time per host in this process.

    Between two requests to a host lie at least `patience.pause` seconds; redirects and repetitions count.
    `contact` (an e-mail, `mailto:` or URL) is shown to the repository. `typed` are the hosts, as `host_of`
    gives them, that the operator wrote himself: only these may be private or on this machine. Proxies are
    those of HTTP_PROXY, HTTPS_PROXY and NO_PROXY. `hosts` are what the operator has said of some, by `host_of`: their
    headers and credentials go to pages of a base URL on that host, and with no redirect to another; their authorities
    are trusted there besides. `abandoned` is asked every second while an answer is awaited: then the connection is closed, and
    Interrupted raised. Raises ConfigError for a contact no header can hold.
    """

    contact: str | None
    patience: Patience
    limits: Limits = field(default_factory=Limits)
    typed: Collection[str] = ()
    hosts: Mapping[str, HostSettings] = field(default_factory=dict)
    resolve: Resolve = system_resolve
    monotonic: Callable[[], float] = clock.monotonic
    now: Callable[[], datetime] = clock.now
    abandoned: Callable[[], bool] = lambda: False
    _headers: Mapping[str, str] = field(init=False)
    _dialler: Dialler = field(init=False)
    _lanes: dict[str, Lane] = field(init=False, default_factory=dict)
    _lock: threading.Lock = field(init=False, default_factory=threading.Lock)
    _tls: dict[Path | None, ssl.SSLContext] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._headers = _headers(self.contact)
        self._dialler = Dialler(self.typed, self.resolve, limits=self.limits, monotonic=self.monotonic)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection."""
        with self._lock:
            lanes, self._lanes = list(self._lanes.values()), {}
        for lane in lanes:
            lane.close()

    def get(
        self, url: str, params: Sequence[tuple[str, str]], validators: Validators | None = None
    ) -> Response:
        """One attempt at one page, redirects followed; any status is an answer, 4xx, 429 and 5xx too.

        With the `validators` of an earlier answer 304 says, without a body, that it still stands.
        Raises ConfigError for a URL that is none and a secret that is not there; Retriable for network failures; Refused for bad
        certificates, closed addresses and redirects that may not be followed; RepositoryError
        (`too_large`) when the answer passed a limit.
        """
        base = urls.parse(url)
        access = self._access(base)
        trip = Trip()
        target = urls.merge_query(base.url, params)
        moved = True
        headers = {**self._headers, **(validators.headers if validators is not None else {})}
        for hop in range(self.limits.max_hops + 1):
            realm = urls.same_credentials_realm(base.url, target)
            question = access.ask(target, headers) if realm else Ask(target, headers)
            answer = self._fetch(question, trip, hop)
            location = answer.headers.get("location")
            if answer.status not in REDIRECTS or not location:
                moved_to = urls.without_arguments(target, params) if moved and hop else None
                return _response(answer, trip, moved_to)
            moved = moved and answer.status in (301, 308)
            target = _onward(answer, location, params)
        raise Refused(
            f"{base.host} redirected more than {self.limits.max_hops} times without an answer. "
            "Open the base URL in a browser and use the address where it ends.",
            reason="too_many_redirects",
            evidence=answer.evidence,
        )

    def post(self, url: str, params: Sequence[tuple[str, str]]) -> Response:
        """The same question as a form in the body of a POST (section 3.1.1 of the specification); raises as `get` does.

        A redirect is an answer like any other: most lose the body on the way (openwis/openwis#239).
        """
        base = urls.parse(url)
        trip = Trip()
        headers = {**self._headers, "Content-Type": "application/x-www-form-urlencoded"}
        form = urls.encoded(params).encode()
        question = self._access(base).ask(base.url, headers, form)
        return _response(self._fetch(question, trip, 0), trip, None)

    def deliver(self, url: str, body: bytes, headers: Mapping[str, str]) -> Response:
        """One attempt to POST `body` as it is; raises as `get` does. A redirect is an answer, the body goes nowhere else.

        It may arrive twice: where the answer cannot be unpacked, or a connection that was kept alive breaks.
        """
        base = urls.parse(url)
        trip = Trip()
        question = self._access(base).ask(base.url, {**self._headers, **headers}, body)
        return _response(self._fetch(question, trip, 0), trip, None)

    def check(self, url: str) -> None:
        """Whether all is there that its host is to be sent, and verified by; asks nothing. Raises ConfigError."""
        base = urls.parse(url)
        self._access(base)
        self._tls_context(base.host)

    def _access(self, base: urls.Address) -> Access:
        return access_to(self.hosts.get(base.host), base.credentials)

    def _fetch(self, question: Ask, trip: Trip, hop: int) -> Answer:
        lane = self._lane(question.url)
        patience = self.patience
        if hop:  # the caller knows the pace of the host he named, not of those it leads to
            patience = replace(patience, pause=max(patience.pause, preset_for(lane.host).pace))
        for codings in (_CODINGS, "identity"):
            headers = {**question.headers, "Accept-Encoding": codings}
            try:
                return lane.ask(replace(question, headers=headers), trip, patience)
            except Undecodable as error:
                fault = error
        raise failures.unreadable(lane.host, "bad_compression", Evidence(question.url)) from fault

    def _lane(self, url: str) -> Lane:
        host = urls.host_of(url)
        with self._lock:
            if host not in self._lanes:
                self._lanes[host] = self._open_lane(host)
            return self._lanes[host]

    def _open_lane(self, host: str) -> Lane:
        watch = Watch(self.limits, self.monotonic, self.abandoned)
        session = _Session()
        session.trust_env = False  # no .netrc; proxies are asked for by the lane
        adapter = Adapter(Line(self._dialler.dial, watch), tls=partial(self._tls_context, host))
        session.mount("http://", adapter)
        session.mount("https://", adapter)
        return Lane(host=host, session=session, watch=watch, now=self.now, check_proxied=self._check_proxied)

    def _tls_context(self, host: str) -> ssl.SSLContext:
        said = self.hosts.get(host)
        own = None if said is None else said.ca
        with self._lock:
            if own not in self._tls:
                self._tls[own] = tls_context(os.environ, own)
            return self._tls[own]

    def _check_proxied(self, url: str) -> None:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        self._dialler.check_literal(parts.hostname or "", port)


class _Session(requests.Session):
    def get_redirect_target(self, _resp: requests.Response) -> str | None:
        """None: redirects are ours; requests would read the whole body of one, without any cap."""
        return None


def _headers(contact: str | None) -> Mapping[str, str]:
    agent = f"oai-harvester/{__version__}"
    headers = {"User-Agent": agent, "Accept": "*/*"}
    if contact:
        if not (contact.isascii() and contact.isprintable()):
            raise ConfigError("The contact must be printable ASCII, such as mailto:you@example.org")
        headers["User-Agent"] = f"{agent} (+{contact})"
        if mail := _MAIL.fullmatch(contact):
            headers["From"] = mail[1]
    return headers


def _onward(answer: Answer, location: str, params: Sequence[tuple[str, str]]) -> str:
    here = urls.parse(answer.url)
    try:
        there = urls.parse(urls.follow(answer.url, location, params))
    except (ConfigError, ValueError) as error:
        raise Refused(
            f"{here.host} redirects to something that is not an http address. Ask its operators.",
            reason="bad_redirect",
            evidence=answer.evidence,
        ) from error
    if here.url.startswith("https:") and there.url.startswith("http:"):
        raise Refused(
            f"{here.host} redirects from https to unprotected http, which is not followed. If that is meant, "
            "register the http address itself.",
            reason="https_to_http",
            evidence=answer.evidence,
        )
    return there.url


def _response(answer: Answer, trip: Trip, moved_to: str | None) -> Response:
    return Response(
        url=answer.url,
        status=answer.status,
        headers=answer.headers,
        body=answer.body,
        received_at=answer.received_at,
        seconds=trip.seconds,
        requests=trip.requests,
        moved_to=moved_to,
        hidden=answer.hidden,
    )
