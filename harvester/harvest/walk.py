"""The walk through one window: ask, commit, and only then spend the next token."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from harvester.catalogue import audit, ledger
from harvester.catalogue.ledger import Plan, Window
from harvester.catalogue.runs import Counts
from harvester.errors import Refused, RepositoryError, Retriable, TokenExpired
from harvester.harvest.pages import Arrival, Committed, Committer
from harvester.harvest.turn import Turn
from harvester.oai.datestamps import Granularity
from harvester.oai.loops import LoopGuard
from harvester.oai.records import Page
from harvester.oai.repository import PageIterator, Repository

MOST_RESTARTS = 3  # of one window in one run

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


@dataclass(frozen=True, slots=True)
class _InHand:
    """A page that is being committed."""

    page: Page
    arrival: Arrival


@dataclass(slots=True)
class Walk:
    """One run through one plan's windows. `on_commit` hears of every committed page, with the run's counts so far.

    `token_in_doubt`: the stored token may have been asked without its page being committed.
    """

    repository: Repository
    committer: Committer
    turn: Turn
    plan: Plan
    on_commit: Callable[[Committed, Counts], None]
    tell: Callable[[str], None]
    counts: Counts = field(default_factory=Counts)
    repairs: Counter[str] = field(default_factory=Counter)
    unread: Counter[str] = field(default_factory=Counter)
    largest: int = 0  # records on a page that others follow: the repository's page size
    token_in_doubt: bool = False
    _restarting: bool = False
    _doubtful: bool = False  # a request with this token failed in a way that may have spent it
    _sent: int = 0
    _guard: LoopGuard = field(default_factory=LoopGuard)
    _stands: tuple[object, ...] = ()  # where we left the window, to see whether another process has moved it
    _in_hand: _InHand | None = None

    def window(self, window: Window) -> tuple[Window, str | None]:
        """Walk one window; return it as it stands then, and how it ended: None where the host was let go meanwhile.

        Then the window must be claimed again, since another process may have gone on with it, and be handed in again; so
        also after sqlalchemy's DBAPIError. Raises RepositoryError, Interrupted or Fenced where the window stays open.
        What was committed stays in any case.
        """
        window = self._settle(window)
        if window.ending is not None and not self._must_replay(window):
            return window, window.ending  # a process ended between its last page and this line
        self._sent = self.repository.requests
        walk = self._begin(window)
        number = self.turn.number
        while True:
            self.turn.take()
            page = None
            while page is None:
                if self.turn.number != number:
                    return window, None
                page, walk = self._page(window, walk)
            if self._restarting:
                self._guard = LoopGuard()
            verdict = self._guard.verdict(page)
            if verdict == "token_loop" and window.pages:
                return window, verdict
            window = self._commit(window, page, self._arrival(walk))
            if page.ending is not None and self._must_replay(window):
                self.tell("a page was asked for twice and the count is short: the list is asked for again")
                walk = self._restart(window)
            elif page.ending is not None or verdict is not None:
                return window, page.ending or verdict

    def reopen(self, committer: Committer, counts: Counts) -> None:
        """Go on over a new connection; `counts` as the catalogue has them: a commit may have come through unheard."""
        self.committer = committer
        self.counts = counts

    def _settle(self, window: Window) -> Window:
        """Commit the page that was in hand when the connection was lost, unless its commit had come through after all."""
        hand, self._in_hand = self._in_hand, None
        if self._stands != _place(window):
            self._guard, self._restarting, self._stands = LoopGuard(), False, _place(window)
        elif hand is not None:
            return self._commit(window, hand.page, hand.arrival)
        return window

    def _begin(self, window: Window) -> PageIterator:
        if self._restarting:
            return self._list(window, None)
        if window.ending is not None:
            return self._restart(window)
        if window.token is not None and window.reread and self.repository.idempotent_tokens is False:
            self.tell(
                "the last harvest was cut off while it asked; the list is asked for again from its beginning"
            )
            return self._restart(window)
        return self._list(window, window.token)

    def _page(self, window: Window, walk: PageIterator) -> tuple[Page | None, PageIterator]:
        """The next page; or None and where to go on: the list again where its token is dead, after the host's pause."""
        try:
            return self._ask(window, walk), walk
        except TokenExpired as error:
            walk = self._restart(window, error)
        except Refused as error:
            if error.reason != "badArgument" or not self._less_selective(window):
                raise
            walk = self._list(window, None)
        except RepositoryError as error:
            if window.token is not None and not self._restarting and error.reason in _MAY_BE_DEAD:
                walk = self._restart(window, error)
            elif isinstance(error, Retriable):
                self.turn.postpone(error)
            else:
                raise
        self.turn.take()
        return None, walk

    def _ask(self, window: Window, walk: PageIterator) -> Page:
        with_token = window.token is not None and not self._restarting
        before, self.token_in_doubt = self.token_in_doubt, self.token_in_doubt or with_token
        try:
            return walk.next()
        except RepositoryError as error:
            if error.reason in _UNSPENT:
                self.token_in_doubt = before
            self._doubtful = self.token_in_doubt
            raise

    def _restart(self, window: Window, error: RepositoryError | None = None) -> PageIterator:
        """Begin the window's list again; the stored token is forgotten only when its first page has come."""
        if self._restarting or self.counts.restarts >= MOST_RESTARTS:
            raise error or Retriable("the list was asked for again too often", reason="restarts")
        if error is not None:
            self.tell(f"{error}; the list is asked for again from its beginning, nothing received is lost")
        self._restarting = True
        return self._list(window, None)

    def _arrival(self, walk: PageIterator) -> Arrival:
        sent, self._sent = self._sent, self.repository.requests
        return Arrival(self._sent - sent, walk.reread or self._doubtful, self._restarting, self.turn.pause)

    def _commit(self, window: Window, page: Page, arrival: Arrival) -> Window:
        self._in_hand = _InHand(page, arrival)
        done = self.committer.commit(window, page, arrival)
        self._in_hand, self._stands = None, _place(done.window)
        self._restarting = self._doubtful = self.token_in_doubt = False
        if page.token is not None:
            self.largest = max(self.largest, done.counts.received)
        self.counts.add(done.counts)
        self.repairs.update(page.repairs)
        self.unread.update(done.changes.unread)
        self.unread = audit.bounded(self.unread)
        self.on_commit(done, self.counts)
        self.turn.asked(waited=done.waited)
        return done.window

    def _must_replay(self, window: Window) -> bool:
        """After a page that was asked for twice, a short count means that a page was skipped between the two."""
        size = window.complete_list_size
        short = window.reread and size is not None and window.received < size
        return short and self.counts.restarts < MOST_RESTARTS

    def _list(self, window: Window, token: str | None) -> PageIterator:
        if token is not None:
            return self.repository.pages(token=token)
        stream, granularity = self.committer.stream, Granularity(self.plan.granularity)

        def date(moment: datetime | None) -> str | None:
            return None if moment is None else granularity.format(moment)

        dates = {"from": date(window.from_), "until": date(window.until)}
        return self.repository.pages(metadataPrefix=stream.format, set=stream.set_spec or None, **dates)

    def _less_selective(self, window: Window) -> bool:
        """Some declare seconds and refuse them (dataverse#11020): whole days ask for more, never for less."""
        dated = window.from_ is not None or window.until is not None
        with_token = window.token is not None and not self._restarting
        if with_token or not dated or self.plan.granularity == Granularity.DAYS.value:
            return False
        self.tell("the repository refuses dates with seconds; whole days are asked for instead")
        with self.committer.connection.begin():
            self.plan = ledger.set_granularity(self.committer.connection, self.plan, Granularity.DAYS.value)
        return True


def _place(window: Window) -> tuple[object, ...]:
    return window.id, window.restarts, window.pages, window.token
