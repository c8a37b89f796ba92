"""What may be forgotten of what was done: a share of it at a time, in short transactions, whatever else is going on.

What nobody can ask for any more goes: runs that ended long ago and brought nothing, then plans and windows of which no run is
left, then their pages; alerts that were over long ago; earlier versions of records, as the operator wants it.

What stays, and why:
- runs that brought something, with their plans, windows and pages: `show --history` tells which run brought a version, a
  reconciliation is undone by the pages of its runs, and the change feed is the join of records with pages;
- of each stream and kind the last runs, the last that were complete and the last plan that was done: the state of a stream, its
  intervals and what is usual for it are told from them; and whatever a reconciliation or quarantine names;
- all of a stream that was never brought to an end, which would pass for one that was never harvested;
- quarantine, resolved or not: it is the only copy of what a repository once sent, and the audit of what became of it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, TextClause, func, select, text

from harvester.catalogue import history
from harvester.catalogue.connection import translated
from harvester.catalogue.tables import pages, repositories, streams
from harvester.config import Settings

KEPT = timedelta(days=90)
LAST_RUNS = 20  # of a stream and kind
SHARES = 24  # asked every hour, each stream's turn comes once a day
MOST = 20_000  # rows of a kind that one call forgets
_BATCH = 1_000  # rows of one transaction
_STREAMS_AT_ONCE = 100
_PAGES_AT_ONCE = 10_000  # that are looked at in one transaction

_RUNS = text(
    """
    WITH ranked AS (
        SELECT id, stream_id, finished_at, created + updated + deleted AS changed,
            row_number() OVER (PARTITION BY stream_id, kind ORDER BY id DESC) AS place,
            max(id) FILTER (WHERE outcome = 'complete') OVER (PARTITION BY stream_id, kind) AS complete,
            max(id) FILTER (WHERE outcome = 'complete_unverified') OVER (PARTITION BY stream_id, kind) AS unverified
        FROM runs WHERE stream_id = ANY(:streams)),
    old AS (
        SELECT id FROM ranked
        WHERE place > :last AND finished_at < :before AND changed = 0
            AND id IS DISTINCT FROM complete AND id IS DISTINCT FROM unverified
            AND NOT EXISTS (
                SELECT FROM reconciliations WHERE stream_id = ANY(:streams) AND run_id = ranked.id)
            AND NOT EXISTS (
                SELECT FROM quarantine JOIN streams USING (repository_id, format)
                WHERE streams.id = ANY(:streams) AND quarantine.run_id = ranked.id)
        ORDER BY id LIMIT :limit)
    DELETE FROM runs USING old WHERE runs.id = old.id
    """
)
_PLANS = text(
    """
    WITH ended AS (
        SELECT plans.id, plans.finished_at, plans.state, streams.watermark,
            max(plans.id) FILTER (WHERE plans.state = 'done') OVER (PARTITION BY plans.stream_id, plans.kind) AS done
        FROM plans JOIN streams ON streams.id = plans.stream_id WHERE plans.stream_id = ANY(:streams))
    SELECT id FROM ended
    WHERE state IN ('done', 'abandoned') AND finished_at < :before AND watermark IS NOT NULL
        AND id IS DISTINCT FROM done
        AND NOT EXISTS (SELECT FROM runs WHERE stream_id = ANY(:streams) AND plan_id = ended.id)
        AND NOT EXISTS (SELECT FROM reconciliations WHERE stream_id = ANY(:streams) AND plan_id = ended.id)
        AND NOT EXISTS (SELECT FROM census WHERE plan_id = ended.id)
    ORDER BY id LIMIT :limit
    """
)
_WINDOWS = text(
    "DELETE FROM windows WHERE id = ANY(ARRAY(SELECT id FROM windows WHERE plan_id = ANY(:plans) LIMIT :limit))"
)
_EMPTY_PLANS = text(
    "DELETE FROM plans WHERE id = ANY(:plans) AND NOT EXISTS (SELECT FROM windows WHERE plan_id = plans.id)"
)
# A page without a change was never the page of a record. That it is nobody's now is looked up all the same: without its page
# a record would be missing from the change feed.
_PAGES = text(
    """
    WITH seen AS (
        SELECT id, run_id, window_id, changed, committed_at FROM pages
        WHERE id > :after AND id <= :until ORDER BY id LIMIT :limit),
    gone AS (
        DELETE FROM pages USING seen
        WHERE pages.id = seen.id AND seen.changed = 0 AND seen.committed_at < :before
            AND NOT EXISTS (SELECT FROM runs WHERE runs.id = seen.run_id)
            AND NOT EXISTS (SELECT FROM windows WHERE windows.id = seen.window_id)
            AND NOT EXISTS (SELECT FROM records WHERE records.page_id = seen.id)
        RETURNING 1)
    SELECT max(id) AS last, min(committed_at) AS oldest, count(*) AS looked, (SELECT count(*) FROM gone) AS gone FROM seen
    """
)
_ALERTS = text(
    "DELETE FROM alerts WHERE id = ANY(ARRAY(SELECT id FROM alerts WHERE resolved_at < :before ORDER BY id LIMIT :limit))"
)


@dataclass(frozen=True, slots=True)
class Forgotten:
    """How many rows went. `more`: a bound ended it, and the same call would find more."""

    runs: int = 0
    plans: int = 0
    windows: int = 0
    pages: int = 0
    alerts: int = 0
    versions: int = 0
    more: bool = False


def forget(
    engine: Engine,
    settings: Settings,
    now: datetime,
    stop: Callable[[], bool] = lambda: False,
    *,
    shares: int = SHARES,
) -> Forgotten:
    """Forget what is over for longer than KEPT: of one share of the streams, of the pages and of the repositories, whose turn it
    is at this hour; `settings.history` tells of versions. `stop` is asked between transactions.

    Raises CatalogueError where Postgres fails; what was forgotten until then is.
    """
    share = int(now.timestamp() // 3600) % shares
    with translated(), engine.connect() as connection:
        return _Share(connection, now - KEPT, share, shares, stop).forget(settings.history)


@dataclass(slots=True)
class _Share:
    connection: Connection
    before: datetime
    share: int
    shares: int
    stop: Callable[[], bool]
    more: bool = False

    def forget(self, versions: float | None) -> Forgotten:
        runs = plans = windows = 0
        for some in self._streams():
            runs += self._batches(_RUNS, MOST - runs, streams=some, last=LAST_RUNS)
            gone = self._plans(some, MOST - plans)
            plans, windows = plans + gone[0], windows + gone[1]
        return Forgotten(
            runs=runs,
            plans=plans,
            windows=windows,
            pages=self._pages(),
            alerts=self._batches(_ALERTS, MOST),
            versions=0 if versions is None else self._versions(versions),
            more=self.more,
        )

    def _streams(self) -> Iterator[list[int]]:
        mine = select(streams.c.id).where(streams.c.id % self.shares == self.share).order_by(streams.c.id)
        with self.connection.begin():
            found = list(self.connection.scalars(mine))
        for start in range(0, len(found), _STREAMS_AT_ONCE):
            yield found[start : start + _STREAMS_AT_ONCE]

    def _batches(self, statement: TextClause, most: int, **values: Any) -> int:
        """Do a statement, which removes at most `limit` rows, until it finds no more, or `most` are gone."""
        gone = 0
        while not self._ends(most - gone):
            limit = min(_BATCH, most - gone)
            with self.connection.begin():
                batch = self.connection.execute(
                    statement, {"before": self.before, "limit": limit, **values}
                ).rowcount
            gone += batch
            if batch < limit:
                break
        return gone

    def _ends(self, left: int) -> bool:
        over = left <= 0 or self.stop()
        self.more = self.more or over
        return over

    def _plans(self, some: list[int], most: int) -> tuple[int, int]:
        """Plans, and their windows before them: a plan may have thousands."""
        plans = windows = 0
        while not self._ends(most - plans):
            limit = min(_BATCH, most - plans)
            with self.connection.begin():
                values = {"streams": some, "before": self.before, "limit": limit}
                over = list(self.connection.scalars(_PLANS, values))
            windows += self._batches(_WINDOWS, MOST - windows, plans=over) if over else 0
            with self.connection.begin():
                gone = self.connection.execute(_EMPTY_PLANS, {"plans": over}).rowcount
            plans += gone
            if gone < limit:
                break
        return plans, windows

    def _pages(self) -> int:
        with self.connection.begin():
            first, last = self.connection.execute(
                select(func.coalesce(func.min(pages.c.id), 0), func.coalesce(func.max(pages.c.id), 0))
            ).one()
        width = last - first + 1
        after = first - 1 + width * self.share // self.shares
        values = {"until": first - 1 + width * (self.share + 1) // self.shares, "before": self.before}
        gone = 0
        while not self._ends(MOST - gone):
            with self.connection.begin():
                seen = self.connection.execute(
                    _PAGES, values | {"after": after, "limit": _PAGES_AT_ONCE}
                ).one()
            gone += seen.gone
            if seen.looked < _PAGES_AT_ONCE or seen.oldest >= self.before:
                break  # numbers are drawn in the order of time: what follows is newer
            after = seen.last
        return gone

    def _versions(self, seconds: float) -> int:
        mine = select(repositories.c.id).where(repositories.c.id % self.shares == self.share)
        with self.connection.begin():
            found = list(self.connection.scalars(mine.order_by(repositories.c.id)))
        gone = 0
        for number in found:
            if self._ends(MOST - gone):
                break
            gone += history.forget_older(self.connection, number, seconds, most=MOST - gone)
        return gone
