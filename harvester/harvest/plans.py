"""Which plan brings a stream up to date: the one that was cut, else an incremental one, else all of it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from harvester.catalogue import ledger
from harvester.catalogue.ledger import Plan, Stream
from harvester.harvest import rolling
from harvester.oai.datestamps import Granularity

# An index lags behind its database, and records change while a list runs: upserts make the overlap free.
OVERLAP = {Granularity.SECONDS: timedelta(minutes=15), Granularity.DAYS: timedelta(days=1)}

_BEFORE_ALL = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST_OVERLAP = timedelta(days=30)

Bounds = tuple[datetime | None, datetime | None]


@dataclass(frozen=True, slots=True)
class Wish:
    """What the caller asks for: all of it again, a slice of it again, or a range of dates; none is the usual case."""

    full: bool = False
    rolling: bool = False
    from_: datetime | None = None
    until: datetime | None = None

    @property
    def ranged(self) -> bool:
        """Whether dates were given."""
        return self.from_ is not None or self.until is not None


def next_bounds(watermark: datetime | None, granularity: Granularity, lag: float | None = None) -> Bounds:
    """From the watermark, less an overlap; without until: only inner windows have both bounds.

    `lag`: seconds by which records were seen to come late. Twice that is looked back, since only so one that comes later
    still can be noticed.
    """
    if watermark is None:
        return None, None
    overlap = max(OVERLAP[granularity], min(timedelta(seconds=2 * (lag or 0.0)), _LONGEST_OVERLAP))
    return granularity.floor(watermark - overlap), None


@dataclass(frozen=True, slots=True)
class Dates:
    """What is known of a repository's dates: `earliest` is where they begin; `lag` is that of `next_bounds`.

    `needs_from`: it lists nothing without a date (LearningRegistry#60).
    """

    granularity: Granularity
    earliest: datetime | None = None
    lag: float | None = None
    needs_from: bool = False


def plan_for(connection: Connection, stream: Stream, wish: Wish, dates: Dates) -> Plan:
    """The plan to walk: the one that was cut, or a new one. A new one abandons an open one of another kind, but a range none."""
    granularity, earliest = dates.granularity, dates.earliest
    if wish.rolling and stream.watermark is not None:
        now = stream.watermark  # what came later, the harvest that moved it has brought
        begin = rolling.BEGINNING if earliest is None or earliest > now else earliest
        rolled = rolling.Rolled(stream.rolled_to, stream.rolled_at)
        kind: str = "rolling"
        bounds: Bounds = rolling.next_slice(rolled, begin, now, granularity)
    elif wish.ranged:
        kind, bounds = "range", (wish.from_, wish.until)
    elif wish.full or stream.watermark is None:
        kind, bounds = "full", (_BEFORE_ALL if dates.needs_from else None, None)
    else:
        kind, bounds = "incremental", next_bounds(stream.watermark, granularity, dates.lag)
    waiting = ledger.open_plan(connection, stream, kind)
    if waiting is not None and _serves(waiting, kind, bounds, wish):
        return waiting
    return ledger.new_plan(connection, stream, kind=kind, bounds=bounds, granularity=granularity.value)


def _serves(waiting: Plan, kind: str, bounds: Bounds, wish: Wish) -> bool:
    if wish.ranged:
        return waiting.kind == kind and (waiting.from_, waiting.until) == bounds
    if wish.full:
        return waiting.kind == "full"
    return (waiting.kind == "rolling") == (kind == "rolling") and waiting.kind != "range"
