"""The list of a window: which one is asked for, and what is done when it does not come."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from harvester.catalogue import ledger, windows
from harvester.catalogue.ledger import Plan, Stream
from harvester.catalogue.quarantine import UNREADABLE_WINDOW
from harvester.catalogue.windows import GET_RECORD, LIST_IDENTIFIERS, LIST_RECORDS, Window
from harvester.errors import Refused, RepositoryError, Retriable, TokenExpired
from harvester.harvest.one_by_one import OneByOne, Writer
from harvester.harvest.page_rows import Changes
from harvester.harvest.recovery import Recovery
from harvester.harvest.turn import Turn
from harvester.harvest.watching import FILTER_LOST
from harvester.oai.datestamps import Granularity
from harvester.oai.records import Broken, Page
from harvester.oai.repository import OF_A_RECORD, Repository

UNREADABLE = "unreadable"  # the ending of a single granule of which not even the identifiers can be had
# A setSpec that no repository has: what comes for it is not limited to a set.
_NO_SET = "harvester-asks-for-a-set-that-does-not-exist"

# A dead token may be answered so instead of by badResumptionToken (Zenodo: 422; DataCite: 500).
_MAY_BE_DEAD = frozenset(
    {"http_400", "http_404", "http_410", "http_422", "http_500", "http_502", "http_504", "malformed"}
)
# The server has not looked at the token, or has said what it thinks of it; after anything else it may be spent.
_UNSPENT = frozenset(
    {
        "dns",
        "connection_refused",
        "connect_timeout",
        "no_route",
        "tls",
        "proxy",
        "wait",
        "http_429",
        "http_503",
    }
    | {"badResumptionToken"}
)
# A server that is alive says these at once; the others cost minutes each, and more likely mean that it is not.
_AT_ONCE = frozenset({"http_500", "http_502", "http_520", "malformed", "too_large"})


class Lister(Protocol):
    """What gives the pages of a list, one after another."""

    @property
    def reread(self) -> bool: ...
    def next(self) -> Page: ...


@dataclass(slots=True)
class Lists:
    """Asks for the pages of one window after another. `on_kept` hears of records that were committed between two pages.

    `restarting`: the list was begun again, and its first page has not come yet. `doubtful`: a request with the token in
    hand failed in a way that may have spent it; `token_in_doubt`: so may any request whose page was not committed.
    """

    repository: Repository
    committer: Writer
    turn: Turn
    plan: Plan
    recovery: Recovery
    tell: Callable[[str], None]
    on_kept: Callable[[Changes], None] = field(default=lambda _: None, init=False)
    restarting: bool = False
    doubtful: bool = False
    token_in_doubt: bool = False
    alive: bool = False  # a page came in this run
    _other_way: bool = field(
        default=False, init=False
    )  # the token is asked for with metadataPrefix, or without it
    _lister: Lister | None = field(default=None, init=False)

    @property
    def reread(self) -> bool:
        """Whether the page in hand was asked for in a way that may have skipped another."""
        return self.doubtful or (self._lister is not None and self._lister.reread)

    def begin(self, window: Window) -> None:
        """Take up a window where it stands."""
        self.repository.bisecting = bool(window.failures) and window.way != GET_RECORD
        needs_prefix = self.recovery.watch.value("token_needs_prefix")
        self.repository.prefix_with_token = self.committer.stream.format if needs_prefix else None
        self._other_way = False
        self.recovery.begin(window)
        if self.restarting or window.ending is not None:
            self.restart(window)
        elif window.token is not None and window.reread and self.repository.idempotent_tokens is False:
            self.tell(
                "the last harvest was cut off while it asked; the list is asked for again from its beginning"
            )
            self.restart(window)
        else:
            self._lister = self._list(window, window.token)

    def committed(self, date: datetime) -> None:
        """The page in hand is in the catalogue."""
        if self._other_way and not self.restarting:
            needs = self.repository.prefix_with_token is not None
            how = f"a token was refused {'alone' if needs else 'beside metadataPrefix'}, and taken the other way"
            self.recovery.watch.observe("token_needs_prefix", needs, how)
        self._other_way = False
        self.restarting = self.doubtful = self.token_in_doubt = False
        self.alive = True
        self.recovery.progress(date)

    def next(self, window: Window) -> tuple[Page | None, Window | None]:
        """The next page and the window as it stands. No page: ask again, after a look at whose turn it is.

        No window: another must be claimed, for others have taken its place. Raises RepositoryError where nothing is left to
        be tried.
        """
        assert self._lister is not None  # noqa: S101 - `begin` comes first
        try:
            return self._ask(window, self._lister), window
        except TokenExpired as error:
            return self.in_vain(window, error)
        except Refused as error:
            if error.reason != "badArgument" or not (
                self._more_with_token(window) or self._less_selective(window)
            ):
                raise
            self._lister = self._list(window, None if self.restarting else window.token)
        except RepositoryError as error:
            with_token = window.token is not None and not self.restarting
            if with_token and error.reason in _MAY_BE_DEAD:
                return self.in_vain(window, error)
            # One record may be why a list cannot be had from its beginning, and not the repository.
            if not with_token and error.reason in (OF_A_RECORD if self.alive else _AT_ONCE):
                return self.in_vain(window, error, at_once=True)
            if not isinstance(error, Retriable):
                raise
            self.turn.postpone(error)
        return None, window

    def in_vain(
        self, window: Window, error: RepositoryError, *, at_once: bool = False
    ) -> tuple[Page | None, Window | None]:
        """An attempt has failed: begin again, go elsewhere, or give up a granule by a page that says so."""
        way, window = self.recovery.in_vain(
            self.committer.connection, window, self.plan, error, at_once=at_once
        )
        if way == "again":
            self.tell(f"{error}; the list is asked for again from its beginning, nothing received is lost")
            self.restart(window)
            return None, window
        return (_unreadable(window, self.recovery.now, error), window) if way == UNREADABLE else (None, None)

    def filter_lost(self, window: Window) -> bool:
        """The list is no longer the one that was asked for: whether others have taken the window's place."""
        error = TokenExpired(
            "the repository forgets on later pages which set or dates were asked for", reason=FILTER_LOST
        )
        try:
            return self.in_vain(window, error, at_once=True)[1] is None
        except TokenExpired:
            self.tell(f"{error}; what its headers do not name is not taken for a member of the set")
            return False

    def restart(self, window: Window) -> None:
        """Begin the window's list again; the stored token is forgotten only when its first page has come."""
        self.restarting = True
        self._lister = self._list(window, None)

    def ask_for_no_set(self, window: Window) -> None:
        """No header names the set that was asked for: find out whether it is a virtual one, or ignored."""
        watch, asked = self.recovery.watch, arguments(self.committer.stream, self.plan, window)
        try:
            page = self.repository.pages(LIST_IDENTIFIERS, **asked | {"set": _NO_SET}).next()
        except Refused:
            watch.observe("set_honoured", True, "a set that does not exist is refused")
        except RepositoryError as error:
            self.tell(f"whether the repository heeds sets cannot be told: {error}")
        else:
            how = "a set that does not exist brings " + ("records" if page.records else "nothing")
            watch.observe("set_honoured", not page.records, how)

    def size_by_headers(self, window: Window) -> int | None:
        """How many records ListIdentifiers announces for a window whose list announced none; one request at most."""
        watch = self.recovery.watch
        # One page that is shorter than others is all there is; one that is as long may have lost its token.
        short = window.pages < 2 and window.received < (watch.value("page_size") or 0)
        known = window.complete_list_size is not None or window.way != LIST_RECORDS or not window.received
        if known or short or watch.value("headers_sized") is False:
            return None
        try:
            asked = arguments(self.committer.stream, self.plan, window)
            page = self.repository.pages(LIST_IDENTIFIERS, **asked).next()
        except RepositoryError as error:
            watch.observe("headers_sized", False, f"ListIdentifiers fails: {error}")
            return None
        size = page.complete_list_size
        if size is None and page.token is None:
            size = len(page.records) + len(page.broken)
            if window.pages < 2 and size <= window.received:
                # As long, and without a token as well: what has cut the one may have cut the other.
                return None
        how = (
            "ListIdentifiers tells no size either"
            if size is None
            else "ListIdentifiers tells what ListRecords does not"
        )
        watch.observe("headers_sized", size is not None, how)
        return size

    def _ask(self, window: Window, lister: Lister) -> Page:
        with_token = window.token is not None and not self.restarting
        before, self.token_in_doubt = self.token_in_doubt, self.token_in_doubt or with_token
        try:
            return lister.next()
        except RepositoryError as error:
            if error.reason in _UNSPENT:
                self.token_in_doubt = before
            self.doubtful = self.token_in_doubt
            raise

    def _list(self, window: Window, token: str | None) -> Lister:
        verb = LIST_RECORDS if window.way == LIST_RECORDS else LIST_IDENTIFIERS
        asked = {"token": token} if token is not None else arguments(self.committer.stream, self.plan, window)
        walk = self.repository.pages(verb, **asked)
        if window.way != GET_RECORD:
            return walk
        return OneByOne(self.repository, self.committer, walk, self.turn.check, self.on_kept)

    def _more_with_token(self, window: Window) -> bool:
        """Some want metadataPrefix beside the token, which the specification forbids (zenodo/zenodo#783); once each way."""
        if window.token is None or self.restarting or self._other_way:
            return False
        # Known only when a page has come so: some answer badArgument to a token that is dead.
        self._other_way = True
        needed = self.repository.prefix_with_token is not None
        self.repository.prefix_with_token = None if needed else self.committer.stream.format
        return True

    def _less_selective(self, window: Window) -> bool:
        """Some declare seconds and refuse them (dataverse#11020): whole days ask for more, never for less."""
        dated = window.from_ is not None or window.until is not None
        with_token = window.token is not None and not self.restarting
        if with_token or not dated or self.plan.granularity == Granularity.DAYS.value:
            return False
        self.tell("the repository refuses dates with seconds; whole days are asked for instead")
        with self.committer.connection.begin():
            self.plan = ledger.set_granularity(self.committer.connection, self.plan, Granularity.DAYS.value)
        self.recovery.watch.observe(
            "granularity", Granularity.DAYS.value, "dates with seconds were refused, days were not"
        )
        return True

    def widen(self, window: Window) -> bool:
        """Dates have no effect, or another than datestamps tell: read the plan as one list, from its beginning.

        This window's own list is not trusted with it: it may be limited all the same, by dates that no header shows.
        """
        if (window.from_, window.until, window.set_spec) == (self.plan.from_, self.plan.until, None):
            return False
        self.tell("the repository does not list by datestamps as it was asked to: its list is read as one")
        with self.committer.connection.begin():
            windows.widen(self.committer.connection, window, self.plan)
        return True


def arguments(stream: Stream, plan: Plan, window: Window) -> dict[str, str | None]:
    """What a window asks for: metadataPrefix, set, from and until (section 4.5)."""
    granularity = Granularity(plan.granularity)

    def date(moment: datetime | None) -> str | None:
        return None if moment is None else granularity.format(moment)

    return {
        "metadataPrefix": stream.format,
        "set": window.set_spec or stream.set_spec or None,
        "from": date(window.from_),
        "until": date(window.until),
    }


def _unreadable(window: Window, now: datetime, error: RepositoryError) -> Page:
    """A page that brings nothing but the place of what cannot be had: it goes to quarantine, to be asked for again."""
    place = {"from": window.from_, "until": window.until, "said": str(error)}
    raw = json.dumps(place, default=datetime.isoformat).encode()
    return Page((), (Broken(UNREADABLE_WINDOW, raw, evidence=error.evidence),), None, now, UNREADABLE, now)
