"""What the schedule is about to do, for people who ask: a fixed number of short statements, nothing is locked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, distinct, func, select, text, true
from sqlalchemy.dialects.postgresql import JSONB

from harvester.catalogue.ledger_tables import plans, runs
from harvester.catalogue.runs import COMPLETE, alive
from harvester.catalogue.schedule_tables import tasks
from harvester.catalogue.tables import repositories, streams

_LOOKED_AT = 20  # runs of a host without an end: all but one were killed


@dataclass(frozen=True, slots=True)
class Overview:
    """A repository in a list: how many streams are harvested, how many tasks are held; `rhythms` as (least, most, cron, zone)."""

    name: str
    base_url: str
    configured: bool
    removed: bool
    streams: int
    paused: bool
    held: int
    failing: int
    next_due_at: datetime | None
    rhythms: Sequence[tuple[float, float, str | None, str]]


@dataclass(frozen=True, slots=True)
class TaskView:
    """A task as it stands; `stream_id`, `set_spec` and `format` are None where it is of the whole repository."""

    id: int
    kind: str
    host: str
    stream_id: int | None
    set_spec: str | None
    format: str | None
    cron: str | None
    zone: str
    least: float
    most: float
    next_due_at: datetime | None
    late_at: datetime | None
    paused: bool
    begun_at: datetime | None
    spend_by: datetime | None
    done_at: datetime | None
    failures: int
    outcome: str | None
    sentence: str | None
    held: str | None


@dataclass(frozen=True, slots=True)
class Try:
    """A run of a stream, as it ended; None as `outcome`: it has not."""

    stream_id: int
    kind: str
    outcome: str | None
    sentence: str | None
    started_at: datetime
    finished_at: datetime | None
    pages: int


def overview(connection: Connection) -> list[Overview]:
    """All repositories, by name."""
    of, harvest = tasks.c, tasks.c.kind == "harvest"
    rhythm = func.jsonb_build_array(of.least, of.most, of.cron, of.zone)
    summed = (
        select(
            of.repository_id,
            func.count().filter(harvest).label("streams"),
            func.bool_or(of.paused).label("paused"),
            func.count(of.held).label("held"),
            func.count().filter(of.failures > 0).label("failing"),
            func.min(of.next_due_at).filter(harvest, ~of.paused, of.held.is_(None)).label("next_due_at"),
            func.jsonb_agg(distinct(rhythm), type_=JSONB).filter(harvest).label("rhythms"),
        )
        .group_by(of.repository_id)
        .subquery()
    )
    row = repositories.c
    found = select(
        row.name,
        row.base_url,
        row.configured,
        row.removed_at.is_not(None).label("removed"),
        func.coalesce(summed.c.streams, 0).label("streams"),
        func.coalesce(summed.c.paused, False).label("paused"),
        func.coalesce(summed.c.held, 0).label("held"),
        func.coalesce(summed.c.failing, 0).label("failing"),
        summed.c.next_due_at,
        summed.c.rhythms,
    ).outerjoin(summed, summed.c.repository_id == row.id)
    return [
        Overview(**{**each, "rhythms": [(*one,) for one in each["rhythms"] or ()]})
        for each in connection.execute(found.order_by(row.name)).mappings()
    ]


def tasks_of(connection: Connection, repository_id: int) -> list[TaskView]:
    """The tasks of a repository, stream by stream."""
    columns = [
        (streams if name in ("set_spec", "format") else tasks).c[name]
        for name in TaskView.__dataclass_fields__
    ]
    found = (
        select(*columns)
        .outerjoin(streams, streams.c.id == tasks.c.stream_id)
        .where(tasks.c.repository_id == repository_id)
        .order_by(tasks.c.stream_id.asc().nulls_last(), tasks.c.id)
    )
    return [TaskView(*row) for row in connection.execute(found)]


def last_tries(connection: Connection, repository_id: int, number: int) -> list[Try]:
    """The last runs of each stream of a repository, the latest first; without those about single records."""
    columns = [runs.c[name] for name in Try.__dataclass_fields__]
    last = (
        select(*columns, runs.c.id)
        .where(runs.c.stream_id == streams.c.id, runs.c.kind != "retry")
        .order_by(runs.c.id.desc())
        .limit(number)
        .lateral()
    )
    found = (
        select(*(last.c[name] for name in Try.__dataclass_fields__))
        .select_from(streams)
        .join(last, true())
        .where(streams.c.repository_id == repository_id)
        .order_by(last.c.id.desc())
    )
    return [Try(*row) for row in connection.execute(found)]


def last_complete(connection: Connection, repository_id: int) -> dict[int, datetime]:
    """When each stream of a repository was last brought up to date, by its number."""
    last = (
        select(runs.c.finished_at)
        .join(plans, plans.c.id == runs.c.plan_id)
        .where(
            runs.c.stream_id == streams.c.id,
            plans.c.kind.in_(("full", "incremental")),
            runs.c.outcome.in_(COMPLETE),
        )
        .order_by(runs.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    found = select(streams.c.id, last.label("at")).where(streams.c.repository_id == repository_id)
    return {row.id: row.at for row in connection.execute(found) if row.at is not None}


class Asked(NamedTuple):
    """A stream whose run has not ended; `kind` is the run's."""

    stream_id: int
    name: str
    set_spec: str
    format: str
    run_id: int
    kind: str
    pages: int


def being_asked(connection: Connection, host: str) -> list[Asked]:
    """Streams of a host with a run that lives: its lock tells it from one that was killed."""
    last = (
        select(runs.c.id, runs.c.kind, runs.c.outcome, runs.c.pages)
        .where(runs.c.stream_id == streams.c.id)
        .order_by(runs.c.id.desc())
        .limit(1)
        .lateral()
    )
    wanted = (repositories.c.name, streams.c.set_spec, streams.c.format, last.c.id, last.c.kind, last.c.pages)
    found = (
        select(streams.c.id, *wanted)
        .join(tasks, (tasks.c.stream_id == streams.c.id) & (tasks.c.kind == "harvest"))
        .join(repositories, repositories.c.id == streams.c.repository_id)
        .join(last, true())
        .where(tasks.c.host == host, last.c.outcome.is_(None))
        .order_by(last.c.id.desc())
        .limit(_LOOKED_AT)
    )
    rows = [Asked(*row) for row in connection.execute(found)]
    return [each for each in rows if alive(connection, each.run_id)]


def led(connection: Connection, key: int) -> bool:
    """Whether a process holds the leader's lock."""
    found = text(
        "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1"
        " AND classid = CAST(:high AS oid) AND objid = CAST(:low AS oid)"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))"
    )
    return bool(connection.scalar(found, {"high": key >> 32, "low": key & 0xFFFFFFFF}))
