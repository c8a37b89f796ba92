"""What the rules of alerts look at: tasks, hosts, and bounded numbers of recent runs.

No statement here costs more because the catalogue holds more records. What needs a stream's past is read of a share of the
streams at a time.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, and_, func, or_, select, text

from harvester.catalogue.lasting_tables import reconciliations
from harvester.catalogue.schedule_tables import tasks
from harvester.catalogue.tables import repositories, streams

STREAMS_AT_ONCE = 250  # whose past is read in one go
_RUNS_OF_A_STREAM = 400
_KEPT_MOMENTS = 13  # twelve gaps tell what is usual
_RECENT_RUNS = 50_000  # of all streams together
_RECENT_QUARANTINE = 20_000  # rows
_MOST_NAMES = 1_000


@dataclass(frozen=True, slots=True)
class TaskState:
    """A task as it stands; `set_spec` and `format` are None where it is of the whole repository. `interval` in seconds."""

    id: int
    kind: str
    host: str
    repository_id: int
    repository: str
    set_spec: str | None
    format: str | None
    cron: str | None
    zone: str
    interval: float
    next_due_at: datetime | None
    paused: bool
    begun_at: datetime | None
    tried_at: datetime | None
    done_at: datetime | None
    failures: int
    outcome: str | None
    sentence: str | None
    held: str | None


@dataclass(frozen=True, slots=True)
class ClosedHost:
    """A host that the circuit breaker has closed; `repositories` are the names of those that are to be harvested from it."""

    name: str
    failures: int
    closed_until: datetime
    repositories: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Past:
    """A stream's recent past. `changes`: when it had something new, the latest first; `visits`: when it was brought up to
    date, the latest first. `listed`: what its last full list has brought, or announces where it has not ended. `live`: the
    records held.
    """

    task_id: int
    host: str
    repository_id: int
    repository: str
    set_spec: str
    format: str
    changes: tuple[datetime, ...]
    visits: tuple[datetime, ...]
    live: int
    listed: int | None
    list_ended: bool


@dataclass(frozen=True, slots=True)
class Day:
    """What a repository's runs did since yesterday: windows worked on, and how often one began again; records that came, and
    how many of them went to quarantine for the first time and still wait there.
    """

    repository_id: int
    repository: str
    windows: int
    restarts: int
    received: int
    put_aside: int


_ELSEWHERE = {
    "repository": repositories.c.name,
    "set_spec": streams.c.set_spec,
    "format": streams.c.format,
}
_TASKS: Select[Any] = (
    select(
        *(
            _ELSEWHERE[name] if name in _ELSEWHERE else tasks.c[name]
            for name in TaskState.__dataclass_fields__
        )
    )
    .join(repositories, repositories.c.id == tasks.c.repository_id)
    .outerjoin(streams, streams.c.id == tasks.c.stream_id)
    .order_by(tasks.c.id)
)


def conspicuous(
    connection: Connection, now: datetime, *, failures: int, intervals: float, also: Collection[int] = ()
) -> list[TaskState]:
    """Tasks that something may be wrong with: that failed so often in a row, are due for so many intervals, wait for a person
    or were refused; and those that `also` names.
    """
    ago = func.make_interval(0, 0, 0, 0, 0, 0, intervals * tasks.c.interval)
    wrong = or_(
        tasks.c.failures >= failures,
        tasks.c.held.is_not(None),
        tasks.c.outcome == "refused",
        tasks.c.next_due_at < now - ago,
    )
    chosen = or_(and_(~tasks.c.paused, wrong), tasks.c.id == func.any(list(also)))
    return [TaskState(*row) for row in connection.execute(_TASKS.where(chosen))]


def held_passes(connection: Connection) -> dict[int, str]:
    """The reconciliations that wait for a person: why, by the number of their task."""
    found = (
        select(tasks.c.id, reconciliations.c.sentence)
        .join(reconciliations, reconciliations.c.stream_id == tasks.c.stream_id)
        .where(reconciliations.c.state == "held", tasks.c.kind == "reconcile")
        .order_by(reconciliations.c.id)
    )
    return {row.id: row.sentence or "it was held" for row in connection.execute(found)}


def closed_hosts(connection: Connection, *, failures: int) -> list[ClosedHost]:
    """Hosts that have failed so often in a row that they are left alone, and have not answered since."""
    rows = connection.execute(
        text(
            "SELECT h.name, h.failures, h.closed_until,"
            " array_agg(DISTINCT r.name) FILTER (WHERE r.name IS NOT NULL) AS repositories"
            " FROM hosts h LEFT JOIN tasks t ON t.host = h.name AND NOT t.paused"
            " LEFT JOIN repositories r ON r.id = t.repository_id"
            " WHERE h.closed_until IS NOT NULL AND h.failures >= :failures GROUP BY h.name ORDER BY h.name"
        ),
        {"failures": failures},
    )
    return [
        ClosedHost(row.name, row.failures, row.closed_until, tuple((row.repositories or ())[:_MOST_NAMES]))
        for row in rows
    ]


def count_streams(connection: Connection) -> int:
    """How many streams are harvested by themselves."""
    found = select(func.count()).where(tasks.c.kind == "harvest", ~tasks.c.paused)
    return int(connection.scalar(found) or 0)


def pasts(connection: Connection, share: int, shares: int) -> list[Past]:
    """The recent past of the streams of one share of all (`share` from 0 to `shares` - 1)."""
    found = connection.execute(
        _PASTS, {"share": share, "shares": shares, "runs": _RUNS_OF_A_STREAM, "moments": _KEPT_MOMENTS}
    )
    return [
        Past(
            **(dict(row._mapping) | {"changes": tuple(row.changes or ()), "visits": tuple(row.visits or ())})
        )
        for row in found
    ]


# Changes are those of plans, not of runs: a first harvest that took a hundred slices is one.
_PASTS = text(
    """
    SELECT t.id AS task_id, t.host, t.repository_id, r.name AS repository, s.set_spec, s.format, p.changes, p.visits,
        coalesce(tally.live, 0) AS live, whole.listed, coalesce(whole.ended, false) AS list_ended
    FROM tasks t
    JOIN repositories r ON r.id = t.repository_id
    JOIN streams s ON s.id = t.stream_id
    LEFT JOIN sets ON sets.repository_id = s.repository_id AND sets.spec = s.set_spec
    LEFT JOIN tallies tally ON tally.repository_id = s.repository_id AND tally.format = s.format
        AND tally.set_id = CASE WHEN s.set_spec = '' THEN 0 ELSE sets.id END
    CROSS JOIN LATERAL (
        SELECT array_agg(plan_id) AS plan_ids,
            (array_agg(at ORDER BY at DESC) FILTER (WHERE changed))[1:(:moments)] AS changes,
            (array_agg(at ORDER BY at DESC) FILTER (WHERE whole))[1:(:moments)] AS visits
        FROM (
            SELECT plan_id, max(started_at) AS at, sum(created + updated + deleted) > 0 AS changed,
                bool_or(outcome IN ('complete', 'complete_unverified')) AS whole
            FROM (
                SELECT * FROM runs WHERE stream_id = s.id AND kind = 'harvest' ORDER BY id DESC LIMIT :runs
            ) AS recent
            GROUP BY plan_id
        ) AS by_plan
    ) AS p
    LEFT JOIN LATERAL (
        SELECT state = 'done' AS ended, CASE WHEN state = 'done'
            THEN (SELECT sum(received)::bigint FROM windows WHERE plan_id = plans.id AND state = 'ended') ELSE size END AS listed
        FROM plans WHERE id = ANY (p.plan_ids) AND kind = 'full' AND state <> 'abandoned' ORDER BY id DESC LIMIT 1
    ) AS whole ON true
    WHERE t.kind = 'harvest' AND NOT t.paused AND t.stream_id % :shares = :share
    ORDER BY t.id
    """
)


def last_day(connection: Connection, now: datetime) -> list[Day]:
    """What each repository's runs did since yesterday, or the last 50,000 runs of all where those were more."""
    return [
        Day(**row._mapping)
        for row in connection.execute(_DAY, {"now": now, "runs": _RECENT_RUNS, "rows": _RECENT_QUARANTINE})
    ]


_DAY = text(
    """
    WITH recent AS (
        SELECT s.repository_id, runs.plan_id, runs.restarts, runs.received
        FROM runs JOIN streams s ON s.id = runs.stream_id
        WHERE runs.id > (SELECT max(id) FROM runs) - :runs AND runs.started_at > :now - interval '1 day'
    ), fresh AS (
        SELECT repository_id, count(*) AS number
        FROM (SELECT repository_id, first_seen, resolved_at FROM quarantine ORDER BY id DESC LIMIT :rows) AS latest
        WHERE first_seen > :now - interval '1 day' AND resolved_at IS NULL
        GROUP BY repository_id
    ), done AS (
        SELECT repository_id, sum(restarts)::bigint AS restarts, sum(received)::bigint AS received,
            array_agg(DISTINCT plan_id) AS plan_ids
        FROM recent GROUP BY repository_id
    )
    SELECT d.repository_id, r.name AS repository, d.restarts, d.received, coalesce(f.number, 0) AS put_aside,
        CASE WHEN d.restarts = 0 THEN 0 ELSE (
            SELECT count(*) FROM windows
            WHERE plan_id = ANY (d.plan_ids) AND updated_at > :now - interval '1 day'
        ) END AS windows
    FROM done d JOIN repositories r ON r.id = d.repository_id LEFT JOIN fresh f ON f.repository_id = d.repository_id
    WHERE d.restarts > 0 OR f.number > 0
    ORDER BY r.name
    """
)
