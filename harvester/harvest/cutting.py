"""Where a list is cut into windows by date, so that one lasts minutes and a loss costs one of them. Pure arithmetic."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from harvester.catalogue.windows import Slice, Window
from harvester.oai.datestamps import Granularity

LONGEST = 600.0  # seconds: a list that takes longer is cut
AIM = 0.4  # of LONGEST: what a window should take
FEWEST = 5  # pages of a window: where one page takes minutes, shorter windows would only be more
_MOST_GROWTH = 4.0  # from one window to the next, since records are never spread evenly
# Where neither Identify nor the records seen tell when a repository began: before most of them did.
_BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Taken:
    """What a window has taken: how wide it was, how many seconds it lasted, in how many pages."""

    width: timedelta
    seconds: float
    pages: int

    def next_width(self, longest: float) -> timedelta:
        """How wide the next should be to last minutes."""
        growth = AIM * longest / max(self.seconds, 0.001)
        if self.pages < FEWEST:
            growth = max(growth, 2.0)
        return self.width * min(max(growth, 1 / _MOST_GROWTH), _MOST_GROWTH)


@dataclass(frozen=True, slots=True)
class Span:
    """The moments between which a window's records may lie: its bounds, else what is known of the repository."""

    lower: datetime
    upper: datetime
    granularity: Granularity

    @classmethod
    def of(cls, window: Window, earliest: datetime | None, now: datetime, granularity: Granularity) -> "Span":
        """`earliest` is a hint: records before it stay in the first window, which has no lower bound."""
        upper = granularity.floor(window.until or now)
        lower = window.from_ or earliest or _BEGINNING
        return cls(granularity.floor(min(lower, upper)), upper, granularity)

    def cut(self, window: Window, at: datetime) -> list[Slice]:
        """Two windows in place of one, cut at or next to `at`; none where it is a single granule.

        The two share a granule, though both bounds are inclusive (section 2.7.1): a store may keep fractions of a second, and
        some servers (oai-repo 0.5.2) take a day as `until` for its first moment.
        """
        unit = self.granularity.unit
        at = self.granularity.floor(min(max(at, self.lower), self.upper))
        at = min(max(at, self.lower + unit), self.upper - unit)
        if not self.lower < at < self.upper:
            return []
        return [Slice(window.from_, at), Slice(at, window.until)]

    def halves(self, window: Window) -> list[Slice]:
        """Two windows of the same width; none where it is a single granule."""
        return self.cut(window, self.lower + (self.upper - self.lower) / 2)

    def first(self, window: Window, share: float) -> list[Slice]:
        """Cut off a first part, `share` of the whole and at most half of it."""
        return self.cut(window, self.lower + (self.upper - self.lower) * min(0.5, share))


def expected(window: Window, received: int, seconds: float) -> float | None:
    """Seconds that the window's list will still take, at the speed of `received` records in `seconds`; None without a size."""
    if window.complete_list_size is None or not received:
        return None
    return (window.complete_list_size - window.received) * seconds / received


def months(lower: datetime, upper: datetime) -> Iterator[Slice]:
    """The sets `month_year_MM_YYYY` of figshare, oldest first, and the month after `upper`: its clock may be ahead."""
    month = lower.year * 12 + lower.month - 1
    last = upper.year * 12 + upper.month
    for number in range(month, last + 1):
        yield Slice(None, None, f"month_year_{number % 12 + 1:02d}_{number // 12}")


def month_bounds(set_spec: str) -> tuple[datetime, datetime] | None:
    """First moment of the month that such a set names, and of the next; None for any other set."""
    head, _, rest = set_spec.partition("month_year_")
    month, _, year = rest.partition("_")
    if head or not (month.isdecimal() and year.isdecimal() and len(year) == 4 and 1 <= int(month) <= 12):
        return None
    after = divmod(int(year) * 12 + int(month), 12)
    return datetime(int(year), int(month), 1, tzinfo=UTC), datetime(after[0], after[1] + 1, 1, tzinfo=UTC)
