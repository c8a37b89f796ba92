"""The walk through one window: ask, commit, and only then spend the next token."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from harvester.catalogue import ledger
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


@dataclass(slots=True)
class Walk:
    """One run through one plan's windows. `on_commit` hears of every committed page, with the run's counts so far."""

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
    _restarting: bool = False
    _sent: int = 0

    def window(self, window: Window) -> tuple[Window, str]:
        """Walk one window to its end; return it as it stands then, and how it ended.

        Raises RepositoryError, Interrupted or Fenced where it stays open; what was committed stays.
        """
        if window.ending is not None:  # a process ended between its last page and this line
            return window, window.ending
        self._sent = self.repository.requests
        walk = self._list(window, window.token)
        guard = LoopGuard()
        while True:
            self.turn.take()
            page, walk = self._page(window, walk)
            if self._restarting:
                guard = LoopGuard()
            verdict = guard.verdict(page)
            if verdict == "token_loop" and window.pages:
                return window, verdict
            window = self._commit(window, page, walk)
            if page.ending is not None and self._must_replay(window):
                self.tell("a page was asked for twice and the count is short: the list is asked for again")
                walk = self._restart(window)
            elif page.ending is not None or verdict is not None:
                return window, page.ending or verdict or ""

    def _page(self, window: Window, walk: PageIterator) -> tuple[Page, PageIterator]:
        """The next page, restarting the list where its token is dead and waiting where the host says so."""
        while True:
            try:
                return walk.next(), walk
            except TokenExpired as error:
                walk = self._restart(window, error)
            except Refused as error:
                if error.reason != "badArgument" or not self._less_selective(window):
                    raise
                walk = self._list(window, None)
            except Retriable as error:
                if window.token is not None and not self._restarting and error.reason in _MAY_BE_DEAD:
                    walk = self._restart(window, error)
                else:
                    self.turn.postpone(error)
            except RepositoryError as error:
                if window.token is None or self._restarting or error.reason not in _MAY_BE_DEAD:
                    raise
                walk = self._restart(window, error)
            self.turn.take()

    def _restart(self, window: Window, error: RepositoryError | None = None) -> PageIterator:
        """Begin the window's list again; the stored token is forgotten only when its first page has come."""
        if self._restarting or self.counts.restarts >= MOST_RESTARTS:
            raise error or Retriable("the list was asked for again too often", reason="restarts")
        if error is not None:
            self.tell(f"{error}; the list is asked for again from its beginning, nothing received is lost")
        self._restarting = True
        return self._list(window, None)

    def _commit(self, window: Window, page: Page, walk: PageIterator) -> Window:
        sent, self._sent = self._sent, self.repository.requests
        arrival = Arrival(self._sent - sent, walk.reread, self._restarting, self.turn.pause)
        done = self.committer.commit(window, page, arrival)
        self._restarting = False
        if page.token is not None:
            self.largest = max(self.largest, done.counts.received)
        self.counts.add(done.counts)
        self.repairs.update(page.repairs)
        self.unread.update(done.changes.unread)
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
        if not dated or self.plan.granularity == Granularity.DAYS.value:
            return False
        self.tell("the repository refuses dates with seconds; whole days are asked for instead")
        with self.committer.connection.begin():
            self.plan = ledger.set_granularity(self.committer.connection, self.plan, Granularity.DAYS.value)
        return True
