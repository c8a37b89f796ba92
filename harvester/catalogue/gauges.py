"""What is measured of the schedule at a moment: a few statements over tasks, hosts and roll-ups, under a time limit."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, case, func, select, text

from harvester.catalogue.reading_tables import quarantine
from harvester.catalogue.schedule_tables import alerts, tasks
from harvester.catalogue.tables import hosts

# The states of `harvester status`, from roll-ups alone.
STATES = ("new", "current", "due", "harvesting", "paused", "held", "failing", "refused")
_LIMIT = "2s"  # of one statement: a scrape must not wait for a Postgres that has better things to do


@dataclass(frozen=True, slots=True)
class Gauges:
    """`streams` by state; `due` and `late` count tasks of all kinds, `lateness` is that of the latest, in seconds;
    `tokens_ending` are those in the last quarter of their life; `alerts` are the open ones by kind.
    """

    streams: Mapping[str, int]
    due: int
    late: int
    lateness: float
    open_lists: int
    tokens_ending: int
    hosts_closed: int
    quarantine: int
    alerts: Mapping[str, int]


def read(connection: Connection, now: datetime) -> Gauges:
    """As things stand. Raises DBAPIError where Postgres is slower than the limit."""
    connection.execute(text(f"SET LOCAL statement_timeout = '{_LIMIT}'"))
    active = and_(~tasks.c.paused, tasks.c.held.is_(None))
    due = and_(active, tasks.c.next_due_at <= now)
    late = and_(due, tasks.c.late_at <= now)
    is_open = and_(active, tasks.c.begun_at.is_not(None))
    ending = and_(is_open, tasks.c.spend_by <= now, tasks.c.dies_at > now)
    state = _state(now)
    number = func.count()
    rows = connection.execute(
        select(
            state.label("state"),
            number.label("number"),
            number.filter(due).label("due"),
            number.filter(late).label("late"),
            func.min(tasks.c.late_at).filter(late).label("since"),
            number.filter(is_open).label("open"),
            number.filter(ending).label("ending"),
        ).group_by(state)
    ).all()
    since = min((row.since for row in rows if row.since is not None), default=now)
    shut = select(number).select_from(hosts).where(hosts.c.closed_until > now)
    waiting = select(number).select_from(quarantine).where(quarantine.c.resolved_at.is_(None))
    kinds = (
        select(alerts.c.kind, number.label("number"))
        .where(alerts.c.resolved_at.is_(None))
        .group_by(alerts.c.kind)
    )
    return Gauges(
        streams=dict.fromkeys(STATES, 0) | {row.state: row.number for row in rows if row.state is not None},
        due=sum(row.due for row in rows),
        late=sum(row.late for row in rows),
        lateness=max(0.0, (now - since).total_seconds()),
        open_lists=sum(row.open for row in rows),
        tokens_ending=sum(row.ending for row in rows),
        hosts_closed=connection.execute(shut).scalar_one(),
        quarantine=connection.execute(waiting).scalar_one(),
        alerts={row.kind: row.number for row in connection.execute(kinds)},
    )


def _state(now: datetime) -> ColumnElement[str | None]:
    """Of a stream, by its harvest; null for other tasks."""
    return case(
        (tasks.c.kind != "harvest", None),
        (tasks.c.paused, "paused"),
        (tasks.c.held.is_not(None), "held"),
        (tasks.c.outcome == "refused", "refused"),
        (tasks.c.failures > 0, "failing"),
        (tasks.c.begun_at.is_not(None), "harvesting"),
        (tasks.c.done_at.is_(None), "new"),
        (tasks.c.next_due_at <= now, "due"),
        else_="current",
    )
