"""Tasks of the schedule: what is to be done when, at which host; short statements, each in the caller's transaction."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    Connection,
    Row,
    Subquery,
    and_,
    bindparam,
    case,
    exists,
    func,
    or_,
    select,
    update,
)

from harvester.catalogue.ledger_tables import plans
from harvester.catalogue.ledger_tables import windows as ledger_windows
from harvester.catalogue.schedule_tables import tasks
from harvester.catalogue.tables import hosts, repositories, streams

HARVEST, ROLLING, RECONCILE, RETRY, REFRESH = "harvest", "rolling", "reconcile", "retry", "refresh"
_SHOWN = 20  # of each kind that the planner looks at: the nearest deadline and the latest are among them

_ACTIVE = and_(~tasks.c.paused, tasks.c.held.is_(None))
_LISTS = (HARVEST, ROLLING)  # of one stream, the one would abandon the other's list


@dataclass(frozen=True, slots=True)
class Task:
    """A task with all that is needed to do it; `set_spec` and `format` are None where it is of the whole repository.

    `interval`: seconds between two, as learned between `least` and `most`; `cron` (in `zone`) goes before them.
    """

    id: int
    kind: str
    host: str
    repository: str
    base_url: str
    stream_id: int | None
    set_spec: str | None
    format: str | None
    interval: float
    least: float
    most: float
    cron: str | None
    zone: str
    next_due_at: datetime | None
    late_at: datetime | None
    begun_at: datetime | None
    tried_at: datetime | None
    spend_by: datetime | None
    dies_at: datetime | None
    failures: int
    crashes: int
    token_life: float | None  # seconds: the shortest seen of the repository


_TOKEN_LIFE = repositories.c.traits["token_life"]["value"].as_float()
_TASK = (
    select(
        tasks,
        repositories.c.name.label("repository"),
        repositories.c.base_url,
        streams.c.set_spec,
        streams.c.format,
        _TOKEN_LIFE.label("token_life"),
    )
    .join(repositories, repositories.c.id == tasks.c.repository_id)
    .outerjoin(streams, streams.c.id == tasks.c.stream_id)
)
_NAMES = [name for name in Task.__dataclass_fields__ if name not in ("repository", "base_url")]


def _task(row: Row[Any]) -> Task:
    return Task(
        repository=row.repository, base_url=row.base_url, **{name: getattr(row, name) for name in _NAMES}
    )


def due_hosts(connection: Connection, now: datetime) -> list[str]:
    """Hosts that have something to do and may be asked, whoever has waited longest first."""
    open_ = (
        or_(hosts.c.closed_until.is_(None), hosts.c.closed_until <= now),
        or_(hosts.c.next_allowed_at.is_(None), hosts.c.next_allowed_at <= now),
    )
    found = (
        select(tasks.c.host)
        .outerjoin(hosts, hosts.c.name == tasks.c.host)
        .where(_ACTIVE, tasks.c.next_due_at <= now, *open_)
        .group_by(tasks.c.host)
        .order_by(func.min(tasks.c.next_due_at))
    )
    return list(connection.scalars(found))


def waiting(connection: Connection, host: str, now: datetime) -> list[Task]:
    """What may be worked on at a host now: lists that were begun, the nearest deadline first, and what is due, the latest first.

    Not all of it, where there is much: the first of each.
    """
    given = {"host": host, "now": now}
    return [_task(row) for each in (_BEGUN, _NEW) for row in connection.execute(each, given)]


def count_begun(connection: Connection, host: str) -> int:
    """How many lists are open at a host."""
    return int(connection.scalar(_COUNT, {"host": host}) or 0)


_HERE = tasks.c.host == bindparam("host")
_DUE = tasks.c.next_due_at <= bindparam("now", type_=tasks.c.next_due_at.type)
_other = tasks.alias("other")
_SAME_STREAM = exists().where(
    _other.c.stream_id == tasks.c.stream_id,
    _other.c.id != tasks.c.id,
    _other.c.begun_at.is_not(None),
    _other.c.held.is_(None),
    _other.c.kind.in_(_LISTS),
    tasks.c.kind.in_(_LISTS),
)
# Made once: they run between two tasks of every slice.
_BEGUN = (
    _TASK.where(_ACTIVE, _HERE, _DUE, tasks.c.begun_at.is_not(None))
    .order_by(tasks.c.dies_at.asc().nulls_last(), tasks.c.id)
    .limit(_SHOWN)
)
_NEW = (
    _TASK.where(_ACTIVE, _HERE, _DUE, tasks.c.begun_at.is_(None), ~_SAME_STREAM)
    .order_by(tasks.c.late_at.asc().nulls_last(), tasks.c.id)
    .limit(_SHOWN)
)
_COUNT = select(func.count()).where(_HERE, _ACTIVE, tasks.c.begun_at.is_not(None))


def find(connection: Connection, number: int) -> Task | None:
    """A task by its number, None where it is gone; nobody else changes it until the transaction ends."""
    row = connection.execute(_TASK.where(tasks.c.id == number).with_for_update(of=tasks)).one_or_none()
    return None if row is None else _task(row)


def begin(connection: Connection, task: Task, now: datetime) -> None:
    """Work begins, and counts as a crash until it tells of itself; what crashes again and again waits for a person."""
    connection.execute(
        update(tasks)
        .where(tasks.c.id == task.id)
        .values(
            tried_at=now,
            begun_at=func.coalesce(tasks.c.begun_at, now),
            crashes=tasks.c.crashes + 1,
        )
    )


def lives(connection: Connection, task: Task, *, spend_by: datetime | None, dies_at: datetime | None) -> None:
    """A page came: where its token stands now."""
    connection.execute(
        update(tasks).where(tasks.c.id == task.id).values(crashes=0, spend_by=spend_by, dies_at=dies_at)
    )


def note(connection: Connection, task: Task, **values: object) -> None:
    """Write down how a try ended: columns of the task."""
    connection.execute(update(tasks).where(tasks.c.id == task.id).values(crashes=0, **values))


def hold(connection: Connection, task: Task, why: str, *, until: datetime) -> None:
    """Leave a task alone until a person takes it up again, or the time has come."""
    connection.execute(update(tasks).where(tasks.c.id == task.id).values(held=why, next_due_at=until))


def release(connection: Connection, now: datetime) -> int:
    """Tasks whose time has come are tried again: what killed their workers may have had nothing to do with them; how many."""
    over = (tasks.c.held.is_not(None), tasks.c.next_due_at <= now)
    return connection.execute(update(tasks).where(*over).values(held=None)).rowcount


def forgive(connection: Connection, numbers: Collection[int]) -> None:
    """These were abandoned on purpose: that is no crash."""
    connection.execute(update(tasks).where(tasks.c.id.in_(numbers)).values(crashes=0))


def pressing_hosts(connection: Connection, now: datetime, ahead: float) -> set[str]:
    """Hosts with a list whose token is to be spent within so many seconds, and lives still."""
    found = select(tasks.c.host).where(
        _ACTIVE,
        tasks.c.begun_at.is_not(None),
        tasks.c.next_due_at <= now,
        tasks.c.dies_at > now,
        tasks.c.spend_by <= now + timedelta(seconds=ahead),
    )
    return {*connection.scalars(found.distinct())}


def _left(assumed_life: float, spend: float) -> Subquery:
    """Lists that are open and have a token: stream, kind of task, and the token's deadlines."""
    life = func.coalesce(ledger_windows.c.token_life, assumed_life)
    received = ledger_windows.c.token_received_at
    kind = case((plans.c.kind == "rolling", ROLLING), (plans.c.kind == "reconcile", RECONCILE), else_=HARVEST)
    return (
        select(
            plans.c.stream_id,
            kind.label("kind"),
            func.min(received + func.make_interval(0, 0, 0, 0, 0, 0, spend * life)).label("spend_by"),
            func.min(received + func.make_interval(0, 0, 0, 0, 0, 0, life)).label("dies_at"),
        )
        .join(ledger_windows, ledger_windows.c.plan_id == plans.c.id)
        .where(
            plans.c.state == "open",
            plans.c.kind != "range",
            ledger_windows.c.state == "open",
            ledger_windows.c.token.is_not(None),
        )
        .group_by(plans.c.stream_id, kind)
        .subquery()
    )


def adopt(connection: Connection, now: datetime, *, assumed_life: float, spend: float) -> int:
    """Lists that a foreground harvest began and left: they go on, before their tokens die; how many.

    `assumed_life`: seconds, of tokens whose server does not tell; `spend`: the share of a life after which a token is spent.
    """
    left = _left(assumed_life, spend)
    done = connection.execute(
        update(tasks)
        .where(
            tasks.c.stream_id == left.c.stream_id,
            tasks.c.kind == left.c.kind,
            tasks.c.begun_at.is_(None),
            tasks.c.failures == 0,  # its back-off goes before: that list is known
            _ACTIVE,
        )
        .values(
            begun_at=now,
            **{name: left.c[name] for name in ("spend_by", "dies_at")},
            next_due_at=func.least(tasks.c.next_due_at, func.greatest(left.c.spend_by, now)),
        )
    )
    return done.rowcount
