"""The walk through one window: ask, commit, and only then spend the next token."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from harvester.catalogue import audit
from harvester.catalogue.runs import Counts
from harvester.catalogue.windows import Window
from harvester.harvest.lists import UNREADABLE, Lists
from harvester.harvest.one_by_one import Writer
from harvester.harvest.page_rows import Changes
from harvester.harvest.pages import Arrival, Committed
from harvester.harvest.watching import DATES_IGNORED, FILTER_LOST, SET_UNKNOWN
from harvester.oai.loops import LoopGuard
from harvester.oai.records import Page

_MOST_REPLAYS = 3  # of lists in one run, since a page may have been skipped


@dataclass(frozen=True, slots=True)
class _InHand:
    """A page that is being committed."""

    page: Page
    arrival: Arrival


@dataclass(slots=True)
class Walk:
    """One run through one plan's windows. `on_commit` hears of every committed page, with the run's counts so far."""

    lists: Lists
    committer: Writer
    on_commit: Callable[[Committed, Counts], None]
    counts: Counts = field(default_factory=Counts)
    repairs: Counter[str] = field(default_factory=Counter)
    unread: Counter[str] = field(default_factory=Counter)
    _replays: int = 0
    _brought: int | None = None  # by the list that is being replayed
    _sent: int = 0
    _guard: LoopGuard = field(default_factory=LoopGuard)
    _stands: tuple[object, ...] = ()  # where we left the window, to see whether another process has moved it
    _in_hand: _InHand | None = None

    def __post_init__(self) -> None:
        self.lists.on_kept = self.kept

    def window(self, window: Window) -> tuple[Window, str | None]:
        """Walk one window; return it as it stands then, and how it ended: None where a window must be claimed again.

        So it is where the host was let go meanwhile, since another process may have gone on with it, and where others have
        taken its place; also after sqlalchemy's DBAPIError. Raises RepositoryError, Interrupted or Fenced where the window
        stays open. What was committed stays in any case.
        """
        lists = self.lists
        window = self._settle(window)
        if window.ending is not None and not self._must_replay(window):
            return window, window.ending  # a process ended between its last page and this line
        connection = self.committer.connection
        if lists.recovery.cut_ahead(connection, window, lists.plan):
            return window, None
        self._sent = lists.repository.requests
        number = lists.turn.number
        lists.begin(window)
        while True:
            lists.turn.take(window.spend_by)
            if lists.turn.number != number:
                return window, None
            page, still = lists.next(window)
            if still is None:
                return window, None
            window = still
            if page is None:
                continue
            taken = self._take(window, page)
            if taken is None:
                return window, None
            window, how = taken
            if how is not None or lists.recovery.cut_long(connection, window, lists.plan):
                return window, how

    def reopen(self, committer: Writer, counts: Counts) -> None:
        """Go on over a new connection; `counts` as the catalogue has them: a commit may have come through unheard."""
        self.committer = self.lists.committer = committer
        self.counts = counts

    def kept(self, changes: Changes) -> None:
        """Records were committed between two pages."""
        self.counts.add(changes.counts)

    def _take(self, window: Window, page: Page) -> tuple[Window, str | None] | None:
        """Look at a page and commit it: the window then, and how its list has ended. None where the window was halved."""
        first = window.pages == 0 or self.lists.restarting
        wrong = (
            None if page.ending == UNREADABLE else self.lists.recovery.watch.look(window, page, first=first)
        )
        if wrong == SET_UNKNOWN:
            self.lists.ask_for_no_set(window)
        elif (wrong == DATES_IGNORED and self.lists.widen(window)) or (
            wrong == FILTER_LOST and self.lists.filter_lost(window)
        ):
            return None
        if self.lists.restarting:
            self._guard = LoopGuard()
        verdict = self._guard.verdict(page)
        if verdict == "token_loop" and window.pages:
            return window, verdict
        window = self._commit(window, page, self._arrival())
        if page.ending is None or not self._must_replay(window):
            return window, page.ending or verdict
        self.lists.tell("a page was asked for twice and the count is short: the list is asked for again")
        self._replays += 1
        self._brought = window.received
        self.lists.restart(window)
        return window, None

    def _settle(self, window: Window) -> Window:
        """Commit the page that was in hand when the connection was lost, unless its commit had come through after all."""
        hand, self._in_hand = self._in_hand, None
        if self._stands != _place(window):
            self._guard, self.lists.restarting, self._stands = LoopGuard(), False, _place(window)
        elif hand is not None:
            return self._commit(window, hand.page, hand.arrival)
        return window

    def _arrival(self) -> Arrival:
        lists, watch = self.lists, self.lists.recovery.watch
        sent, self._sent = self._sent, lists.repository.requests
        asked = self._sent - sent
        return Arrival(
            asked,
            lists.reread,
            lists.restarting,
            lists.turn.pause,
            watch.outside,
            watch.named_only,
            watch.moved,
        )

    def _commit(self, window: Window, page: Page, arrival: Arrival) -> Window:
        self._in_hand = _InHand(page, arrival)
        done = self.committer.commit(window, page, arrival)
        self._in_hand, self._stands = None, _place(done.window)
        self.lists.committed(page.candidate_watermark)
        self.counts.add(done.counts)
        self.repairs.update(page.repairs)
        self.unread.update(done.changes.unread)
        self.unread = audit.bounded(self.unread)
        self.on_commit(done, self.counts)
        self.lists.turn.asked(waited=done.waited)
        return done.window

    def _must_replay(self, window: Window) -> bool:
        """After a page that was asked for twice, a short count means that a page was skipped between the two."""
        size = window.complete_list_size
        short = window.reread and size is not None and window.received < size
        # A replay that has brought the same says that the list is so long.
        return short and self._replays < _MOST_REPLAYS and window.received != self._brought


def _place(window: Window) -> tuple[object, ...]:
    return window.id, window.restarts, window.pages, window.token
