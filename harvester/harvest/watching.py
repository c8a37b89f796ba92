"""What a harvest notices about a repository as it goes: traits, and lists that are not what was asked for."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from harvester.catalogue.windows import LIST_RECORDS, Window
from harvester.harvest.cutting import month_bounds
from harvester.oai.records import Page, Record
from harvester.oai.traits import Traits

FILTER_LOST = "filter_lost"  # from the second page on, the list is no longer the one that was asked for
DATES_IGNORED = "dates_ignored"
SET_UNKNOWN = "set_unknown"  # no header names the set: it is virtual, or the repository ignores it

# Local time, and servers a day off (pod4lib#873): nothing is said to be outside that may only be late.
_SLACK = timedelta(days=1, hours=1)
_MOST_MET = 200_000  # identifiers of one list that are remembered, some 15 MB
_SKEWED = 300.0  # seconds between two clocks that are worth telling


def names(record: Record, spec: str) -> bool:
    """Whether a record's header names the set, or one beneath it (section 2.6)."""
    return any(own == spec or own.startswith(f"{spec}:") for own in record.header.set_specs)


def outside_set(records: Iterable[Record], spec: str) -> int:
    """Records whose headers name sets, but not this one."""
    return sum(bool(each.header.set_specs) and not names(each, spec) for each in records)


def outside_dates(records: Iterable[Record], window: Window) -> int:
    """Records whose datestamps lie clearly beyond the window's bounds."""
    lower, upper = window.from_, window.until
    if window.set_spec is not None and (month := month_bounds(window.set_spec)):
        lower, upper = month
    return sum(
        not each.header.datestamp.guessed
        and (
            (lower is not None and each.header.datestamp.value < lower - _SLACK)
            or (upper is not None and each.header.datestamp.value > upper + _SLACK)
        )
        for each in records
    )


@dataclass(slots=True)
class Watch:
    """Watches the pages of one stream's run. `traits` are those known, `seen` what is new: {name: (value, how)}."""

    set_spec: str
    traits: Traits
    seen: dict[str, tuple[Any, str]] = field(default_factory=dict)
    oldest: datetime | None = None
    outside: int = 0  # of the page that was looked at last
    moved: bool = False  # the page that was looked at last shows that its list changed
    listed_at: datetime | None = None  # when the list in hand began, or before
    _met: set[int] | None = None  # hashes of its identifiers, as far as it was read in this run

    def look(self, window: Window, page: Page, *, first: bool) -> str | None:
        """What is wrong with a page before it is committed: FILTER_LOST, DATES_IGNORED, SET_UNKNOWN or nothing."""
        self._note(window, page)
        self._look_at_dates(window, page, first=first)
        strange = outside_dates(page.records, window)
        self.outside = strange
        if 2 * strange > len(page.records):
            return self._strange_dates(first=first)
        return self._strange_set(page, first=first)

    def _look_at_dates(self, window: Window, page: Page, *, first: bool) -> None:
        if first or self.listed_at is None:
            self.listed_at = page.response_date
        size = page.complete_list_size
        self.moved = not first and size not in (None, window.complete_list_size)
        self._look_for_repetitions(page, first=first)
        stamps = [each.header.datestamp.value for each in page.records]
        if not stamps:
            return
        oldest = min(stamps)
        self.oldest = oldest if self.oldest is None else min(oldest, self.oldest)
        # What is stamped after the list began has come into it, or has moved within it: another may have slipped past.
        self.moved = self.moved or (not first and max(stamps) > self.listed_at)

    def _look_for_repetitions(self, page: Page, *, first: bool) -> None:
        """A record that comes on two pages has moved, and another may have slipped past: then a count proves nothing."""
        here = {hash(each.header.identifier) for each in page.records}
        if first or self._met is None:
            self._met = set()
        self.moved = self.moved or not self._met.isdisjoint(here)
        if len(self._met) < _MOST_MET:
            self._met |= here

    def _strange_dates(self, *, first: bool) -> str | None:
        if first:
            self.observe("dates_honoured", False, "most records of a list lay outside the dates asked for")
            return DATES_IGNORED
        if self.value("dates_honoured") is False:
            return None
        self.observe(
            "dates_on_later_pages", False, "from a later page on, records lay outside the dates asked for"
        )
        return FILTER_LOST

    def _strange_set(self, page: Page, *, first: bool) -> str | None:
        if not self.set_spec or not page.records:
            return None
        strange = outside_set(page.records, self.set_spec)
        self.outside = max(self.outside, strange)
        if self.value("set_honoured") is False:
            return None
        if not strange:
            if first and names(page.records[0], self.set_spec):
                self.observe("sets_in_headers", True, "the headers of a set's list name the set")
            return None
        if first:
            return SET_UNKNOWN if self.value("set_honoured") is None else None
        if self.value("sets_in_headers"):
            self.observe("set_on_later_pages", False, "from a later page on, records were in other sets")
            return FILTER_LOST
        return None

    @property
    def named_only(self) -> bool:
        """Whether only a header that names the set makes a record its member."""
        return self.value("set_honoured") is False or self.value("set_on_later_pages") is False

    def value(self, name: str) -> Any:
        """A trait as it is known now."""
        return self.seen[name][0] if name in self.seen else getattr(self.traits, name)

    def observe(self, name: str, value: Any, how: str) -> None:
        """Take note of a trait, where it is new."""
        if self.value(name) != value:
            self.seen[name] = (value, how)

    def _note(self, window: Window, page: Page) -> None:
        token = page.token
        # Of any page: one that is shorter and has no token is all there is, as far as sizes can tell. Twins count once, here as
        # in what a window has received: else a full page would pass for a short one.
        size = len({each.header.identifier for each in page.records}) + len(page.broken) + page.skipped
        if window.way == LIST_RECORDS and size > (self.value("page_size") or 0):
            self.observe("page_size", size, "records on the largest page seen")
        if token is not None and token.life is not None:
            shortest = self.value("token_life")
            if shortest is None or token.life.total_seconds() < shortest:
                self.observe("token_life", token.life.total_seconds(), "expirationDate less responseDate")
        if page.complete_list_size is not None:
            self.observe("sends_size", True, "a list came with completeListSize")
        elif token is not None and self.value("sends_size") is None:
            self.observe("sends_size", False, "a list came without completeListSize")
        if not self.value("tombstones") and any(each.header.deleted for each in page.records):
            self.observe("tombstones", True, "a list held deleted records")
        ahead = (page.response_date - page.received_at).total_seconds()
        if abs(ahead) > _SKEWED and abs((self.value("clock_skew") or 0.0) - ahead) > _SKEWED:
            self.observe("clock_skew", round(ahead), "responseDate less our clock")
