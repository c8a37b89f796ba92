"""What becomes of a window that is too long, or that fails: cut, begun again, halved, read by identifiers.

One record that breaks every answer it is in is found by halving, and costs itself alone (lobid-gnd#432); a repository that is
down is not halved: after some failures in a row without a page everything is put back as it was.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection

from harvester import clock
from harvester.catalogue import windows
from harvester.catalogue.ledger import Plan
from harvester.catalogue.windows import GET_RECORD, LIST_RECORDS, Slice, Window
from harvester.errors import RepositoryError
from harvester.harvest.cutting import AIM, FEWEST, LONGEST, Span, Taken, expected, months
from harvester.harvest.outcomes import is_short
from harvester.harvest.watching import Watch
from harvester.oai.datestamps import Granularity

# Failures in a row without a page between them: the repository is at fault, and not a record of it.
MOST_IN_VAIN = 6
_ATTEMPTS = 2  # of a window from its own bounds, then it is halved

Way = Literal["again", "elsewhere", "unreadable"]


@dataclass(slots=True)
class _Halved:
    """A list that came short: what it brought, and what its halves bring together."""

    received: int
    brought: list[int] = field(default_factory=list)

    @property
    def proves_a_lie(self) -> bool:
        """Both halves hold some, and together no more than the whole: no limit on the server's side has cut them."""
        return len(self.brought) == 2 and min(self.brought) > 0 and sum(self.brought) <= self.received


@dataclass(slots=True)
class Recovery:
    """`earliest` is where the repository's datestamps begin, by what it says; `now` the date of its last answer.

    `longest`: seconds that a list may take before it is cut. `by_month`: sets named after months hold all records.
    """

    watch: Watch
    tell: Callable[[str], None]
    earliest: datetime | None = None
    by_month: bool = False
    longest: float = LONGEST
    now: datetime = field(default_factory=clock.now)
    _lives: bool = False  # a page came in this run
    _vain: int = 0
    _splits: list[tuple[int, list[int]]] = field(default_factory=list)  # since the last page
    _changed: list[Window] = field(default_factory=list)  # read by identifiers since the last page
    _begun_again: set[int] = field(default_factory=set)  # windows, when nothing else was left
    _short: dict[int, "_Halved"] = field(default_factory=dict)  # by the number of a half
    _last: Taken | None = None
    _began: float = 0.0
    _before: int = 0

    def begin(self, window: Window) -> None:
        """A window's walk begins here, or goes on."""
        self._began, self._before = clock.monotonic(), window.received

    def progress(self, date: datetime) -> None:
        """A page was committed: the repository lives."""
        self.now = date
        self._lives = True
        self._vain = 0
        self._splits.clear()
        self._changed.clear()

    def ended(self, window: Window, plan: Plan) -> None:
        """A window's list has ended: the next is sized by it, and an announced size is believed or not."""
        limited = window.from_ is not None or window.until is not None
        if limited and window.received and not window.outside and self.watch.value("dates_honoured") is False:
            self.watch.observe("dates_honoured", True, "all records of a list lay within the dates asked for")
        if (halved := self._short.pop(window.id, None)) is not None:
            halved.brought.append(window.received)
            if halved.proves_a_lie:
                self.watch.observe(
                    "size_truthful",
                    False,
                    "the halves of a list hold no more than it did, and less than announced",
                )
        if (
            window.until is not None
            and window.set_spec is None
            and (window.from_, window.until) != (plan.from_, plan.until)
        ):
            span = self._span(window, plan)
            self._last = Taken(
                span.upper - span.lower + span.granularity.unit, clock.monotonic() - self._began, window.pages
            )

    def cut_ahead(self, connection: Connection, window: Window, plan: Plan) -> bool:
        """Cut a window before it is begun, by what the last one took."""
        if self._last is None or window.token is not None or window.failures or not self._datable(window):
            return False
        span, width = self._span(window, plan), self._last.next_width(self.longest)
        if span.upper - span.lower < 1.5 * width:
            return False
        return bool(self._split(connection, window, span.cut(window, span.lower + width)))

    def cut_long(self, connection: Connection, window: Window, plan: Plan) -> bool:
        """Cut a window whose list would take too long, after a page of it."""
        seconds = clock.monotonic() - self._began
        rest = expected(window, window.received - self._before, seconds)
        if (seconds if rest is None else rest) <= self.longest or window.way == GET_RECORD:
            return False
        left = None if window.complete_list_size is None else window.complete_list_size - window.received
        page = (window.received - self._before) / max(window.pages, 1)
        if (window.pages if left is None else left / max(page, 1)) < 2 * FEWEST:
            return False
        span = self._span(window, plan)
        if self._datable(window):
            slices = span.halves(window) if rest is None else span.first(window, self._share(window, rest))
        elif (
            self.by_month
            and window.set_spec is None
            and (window.from_, window.until) == (plan.from_, plan.until)
        ):
            slices = list(months(window.from_ or self.earliest or span.lower, span.upper))
        else:
            return False
        if not self._split(connection, window, slices):
            return False
        self.tell("the list is long: it is harvested in windows, so that a loss costs minutes and not hours")
        return True

    def _share(self, window: Window, rest: float) -> float:
        """How much of a list of known size should be one window: some minutes, but not less than a few pages."""
        size = window.complete_list_size or 1
        return max(AIM * self.longest / rest, FEWEST * window.received / max(window.pages, 1) / size)

    def halve_short(self, connection: Connection, window: Window, plan: Plan, how: str) -> bool:
        """Halve a list that ended before it had brought what it announced (pkp/pkp-lib#7214), unless sizes are known to lie.

        Also one that turns in a circle, unless it has brought just what it announced.
        """
        size = window.complete_list_size
        circles = how == "token_loop" and size is not None and window.received != size
        if (
            not (circles or is_short(window))
            or self.watch.value("size_truthful") is False
            or not self._datable(window)
        ):
            return False
        halves = self._span(window, plan).halves(window)
        # The deeper the later: its neighbours tell first whether halving brings anything.
        made = self._split(connection, window, halves, failures=window.failures + 1)
        if made:
            self.tell(
                f"the list ended after {window.received:,} of {window.complete_list_size:,} records; it is halved, to get the others"
            )
            halved = _Halved(window.received)
            self._short |= dict.fromkeys(made, halved)
        return bool(made)

    def in_vain(
        self, connection: Connection, window: Window, plan: Plan, error: RepositoryError, *, at_once: bool
    ) -> tuple[Way, Window]:
        """An attempt has failed; `at_once`: from the same bounds it would fail again.

        `again`: the window from its own bounds. `elsewhere`: claim the next, others may have taken its place. `unreadable`:
        not even the identifiers of this single granule can be had. Raises the error where nothing is left to be tried.
        """
        self._vain += 1
        if self._vain > MOST_IN_VAIN:
            self._undo(connection)
            raise error
        with connection.begin():
            window = windows.fail(connection, window)
        if window.failures < _ATTEMPTS and not at_once:
            return "again", window
        halves = self._span(window, plan).halves(window) if self._datable(window) else []
        if halves and self._split(connection, window, halves, failures=1):
            self.tell(f"{error}; the list is halved, to find what it fails at")
            return "elsewhere", window
        if window.way == LIST_RECORDS:
            with connection.begin():
                windows.change_way(connection, window, GET_RECORD)
            self._changed.append(window)
            self.tell(f"{error}; the records are asked for one by one")
            return "elsewhere", window
        if not at_once and window.id not in self._begun_again:
            # A token that died between two runs is no fault of the list: every run begins it once from its own bounds.
            self._begun_again.add(window.id)
            return "again", window
        if window.way == GET_RECORD and self._datable(window) and window.until is not None:
            # Without a page in this run it may be the repository that is down: the neighbours tell, they come first.
            return ("unreadable" if self._lives else "elsewhere"), window
        self._undo(connection)
        raise error

    def _datable(self, window: Window) -> bool:
        ignored = self.watch.value("dates_honoured") is False
        return not ignored and window.set_spec is None

    def _span(self, window: Window, plan: Plan) -> Span:
        seen = [each for each in (self.earliest, self.watch.oldest) if each is not None]
        earliest = self.watch.oldest if self.earliest is None or self.earliest >= self.now else min(seen)
        return Span.of(window, earliest, self.now, Granularity(plan.granularity))

    def _split(
        self, connection: Connection, window: Window, slices: list[Slice], *, failures: int = 0
    ) -> list[int]:
        if not slices:
            return []
        with connection.begin():
            made = windows.split(connection, window, slices, failures=failures)
        self._splits.append((window.id, made))
        return made

    def _undo(self, connection: Connection) -> None:
        with connection.begin():
            for window in self._changed:
                windows.restore(connection, window)
            for parent, children in reversed(self._splits):
                windows.rejoin(connection, parent, children)
        self._splits.clear()
        self._changed.clear()
