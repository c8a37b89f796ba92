"""The rolling re-harvest: slice by slice all of a stream again, for edits that moved no datestamp.

At figshare the datestamp is when a version was published, so that what is edited without a new version comes with no
incremental harvest; others forget to move it, too (pkp/pkp-lib#12958).
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from harvester.oai.datestamps import Granularity

CYCLE = timedelta(days=90)  # in which everything has been harvested again
BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)  # where no earliestDatestamp tells
_AT_LEAST = timedelta(days=1)  # a slice is as wide as if the last had been so long ago


@dataclass(frozen=True, slots=True)
class Rolled:
    """How far the cycle has come: up to which datestamp (None: a cycle begins), and when that was."""

    to: datetime | None
    at: datetime | None


def next_slice(
    rolled: Rolled, earliest: datetime, now: datetime, granularity: Granularity
) -> tuple[datetime | None, datetime]:
    """The bounds of the slice that is due: as wide as the time since the last one asks for, so that a cycle takes CYCLE.

    `now` is up to where the stream is harvested; all by the server's clock, but `rolled.at`.
    """
    span = max(now - earliest, granularity.unit)
    since = _AT_LEAST if rolled.at is None else min(max(now - rolled.at, _AT_LEAST), CYCLE)
    begins = rolled.to is None or rolled.to >= now
    lower = earliest if begins or rolled.to is None else rolled.to
    width = max(span * (since / CYCLE), granularity.unit)
    # A cycle begins without a bound: earliestDatestamp is a hint, and often wrong (pkp/pkp-lib#6803).
    return None if begins else granularity.floor(lower), granularity.floor(min(lower + width, now))
