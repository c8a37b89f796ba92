"""What was harvested and where to resume: repositories, streams and plans. Short statements, each in the caller's transaction."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from harvester.catalogue.ledger_tables import plans, windows
from harvester.catalogue.reading_tables import quarantine
from harvester.catalogue.sets import set_ids
from harvester.catalogue.tables import repositories, sets, streams, tallies
from harvester.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Repository:
    """A registered repository; `granularity` and `deleted_record` are Identify's, as text, `traits` what was observed."""

    id: int
    name: str
    base_url: str
    granularity: str | None
    identified_at: datetime | None
    deleted_record: str | None
    identify: dict[str, Any] | None
    traits: dict[str, Any]
    imported: bool = False


@dataclass(frozen=True, slots=True)
class Stream:
    """One repository, one set or none (""), one metadataPrefix. `set_id` is 0 without a set.

    `rolled_to` and `rolled_at`: how far the rolling re-harvest has come, and when.
    """

    id: int
    repository_id: int
    set_spec: str
    set_id: int
    format: str
    watermark: datetime | None
    rolled_to: datetime | None = None
    rolled_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """One attempt to bring a stream up to date; outlives processes. `kind`: full, incremental, range, rolling, reconcile.

    `size` is the completeListSize of the whole, known only where it was cut into windows.
    """

    id: int
    kind: str
    from_: datetime | None
    until: datetime | None
    granularity: str
    candidate_watermark: datetime | None
    size: int | None = None


def find_repository(connection: Connection, source: str) -> Repository | None:
    """By name, else by base URL."""
    for column in (repositories.c.name, repositories.c.base_url):
        row = connection.execute(
            select(repositories).where(column == source).order_by(repositories.c.id)
        ).first()
        if row is not None:
            return _repository(row)
    return None


def repositories_of(connection: Connection) -> list[Repository]:
    """All that are registered, by name."""
    return [
        _repository(row) for row in connection.execute(select(repositories).order_by(repositories.c.name))
    ]


def add_repository(connection: Connection, name: str, base_url: str) -> Repository:
    """Register; raises ConfigError where the name is taken by another base URL."""
    connection.execute(upsert(repositories).values(name=name, base_url=base_url).on_conflict_do_nothing())
    found = connection.execute(select(repositories).where(repositories.c.name == name)).one()
    if found.base_url != base_url:
        raise ConfigError(f"the name '{name}' is taken by {found.base_url}: choose another with --name")
    return _repository(found)


def note_identify(
    connection: Connection, repository: Repository, said: dict[str, Any], at: datetime
) -> Repository:
    """Keep what Identify said; `said` has the keys name, granularity, deleted_record and whatever else is worth keeping."""
    values = {
        "title": said.get("name"),
        "granularity": said.get("granularity"),
        "deleted_record": said.get("deleted_record"),
        "identify": said,
        "identified_at": at,
    }
    return _change(connection, repository, **values)


def _change(connection: Connection, repository: Repository, **values: object) -> Repository:
    changed = (
        update(repositories)
        .where(repositories.c.id == repository.id)
        .values(**values)
        .returning(repositories)
    )
    return _repository(connection.execute(changed).one())


def _repository(row: Row[Any]) -> Repository:
    return Repository(
        row.id,
        row.name,
        row.base_url,
        row.granularity,
        row.identified_at,
        row.deleted_record,
        row.identify,
        row.traits,
        row.imported and not row.configured,
    )


def streams_of(connection: Connection, repository: Repository) -> list[Stream]:
    """All streams registered for a repository, oldest first."""
    rows = connection.execute(
        select(streams, sets.c.id.label("set_id"))
        .outerjoin(
            sets, (sets.c.repository_id == streams.c.repository_id) & (sets.c.spec == streams.c.set_spec)
        )
        .where(streams.c.repository_id == repository.id)
        .order_by(streams.c.id)
    )
    return [
        Stream(row.id, row.repository_id, row.set_spec, row.set_id or 0, row.format, row.watermark)
        for row in rows
    ]


def add_stream(connection: Connection, repository: Repository, set_spec: str, format_: str) -> Stream:
    """Register a stream, or find it."""
    set_id = set_ids(connection, repository.id, [set_spec])[set_spec] if set_spec else 0
    values = {"repository_id": repository.id, "set_spec": set_spec, "format": format_}
    connection.execute(upsert(streams).values(**values).on_conflict_do_nothing())
    tally = {"repository_id": repository.id, "format": format_}
    connection.execute(
        upsert(tallies).values([tally | {"set_id": each} for each in {0, set_id}]).on_conflict_do_nothing()
    )
    row = connection.execute(select(streams).filter_by(**values)).one()
    return Stream(row.id, repository.id, set_spec, set_id, format_, row.watermark)


def read_stream(connection: Connection, stream: Stream) -> Stream:
    """The stream as it stands now."""
    row = connection.execute(select(streams).where(streams.c.id == stream.id)).one_or_none()
    if row is None:
        return stream
    return replace(stream, watermark=row.watermark, rolled_to=row.rolled_to, rolled_at=row.rolled_at)


def watermark(connection: Connection, stream_id: int | None) -> datetime | None:
    """Where a stream's next incremental harvest begins; None before its first has ended."""
    found: datetime | None = connection.scalar(select(streams.c.watermark).where(streams.c.id == stream_id))
    return found


def held(connection: Connection, stream: Stream) -> int:
    """How many records of a stream the catalogue has, by its roll-ups: live ones, tombstones, and those in quarantine."""
    mine = {"repository_id": stream.repository_id, "format": stream.format}
    counted = select(tallies.c.live + tallies.c.deleted).filter_by(**mine, set_id=stream.set_id)
    waiting = select(func.count()).select_from(quarantine).filter_by(**mine, resolved_at=None)
    return int(connection.scalar(counted) or 0) + int(connection.scalar(waiting) or 0)


def _like(kind: str) -> ColumnElement[bool]:
    """Plans of which a new one of this kind takes the place: a range and a reconciliation stand beside a harvest."""
    alone = ("range", "reconcile")
    return plans.c.kind == kind if kind in alone else plans.c.kind.not_in(alone)


def open_plan(connection: Connection, stream: Stream, kind: str = "incremental") -> Plan | None:
    """The plan that was cut and waits to be resumed: the harvest's, or that of a range, or the reconciliation's."""
    row = connection.execute(
        select(plans)
        .where(plans.c.stream_id == stream.id, plans.c.state == "open", _like(kind))
        .order_by(plans.c.id.desc())
    ).first()
    return None if row is None else _plan(row)


def new_plan(
    connection: Connection,
    stream: Stream,
    *,
    kind: str,
    bounds: tuple[datetime | None, datetime | None],
    granularity: str,
) -> Plan:
    """Open a plan of one unbounded window (or of the given bounds), abandoning what was open.

    A reconciliation and a range stand beside a harvest: none abandons another, for the first list of a large repository takes
    days, and a person's look at a few dates is no reason to lose it.
    """
    way = "ListIdentifiers" if kind == "reconcile" else "ListRecords"
    for earlier in connection.scalars(
        update(plans)
        .where(plans.c.stream_id == stream.id, plans.c.state == "open", _like(kind))
        .values(state="abandoned", finished_at=func.now())
        .returning(plans.c.id)
    ).all():
        connection.execute(
            update(windows)
            .where(windows.c.plan_id == earlier, windows.c.state == "open")
            .values(state="abandoned")
        )
    from_, until = bounds
    row = connection.execute(
        insert(plans)
        .values(stream_id=stream.id, kind=kind, from_=from_, until=until, granularity=granularity)
        .returning(plans)
    ).one()
    connection.execute(insert(windows).values(plan_id=row.id, from_=from_, until=until, way=way))
    return _plan(row)


def begin_anew(connection: Connection, repository_ids: Sequence[int]) -> None:
    """Give up every list that is open, and every watermark: the next harvests ask for everything."""
    mine = select(streams.c.id).where(streams.c.repository_id.in_(repository_ids))
    given_up = (
        update(plans)
        .where(plans.c.stream_id.in_(mine), plans.c.state == "open")
        .values(state="abandoned", finished_at=func.now())
        .returning(plans.c.id)
    )
    numbers = connection.scalars(given_up).all()
    connection.execute(
        update(windows)
        .where(windows.c.plan_id.in_(numbers), windows.c.state == "open")
        .values(state="abandoned")
    )
    connection.execute(
        update(streams)
        .where(streams.c.repository_id.in_(repository_ids))
        .values(watermark=None, rolled_to=None, rolled_at=None)
    )


def read_plan(connection: Connection, plan: Plan) -> Plan:
    """The plan as it stands now."""
    return find_plan(connection, plan.id)


def find_plan(connection: Connection, number: int) -> Plan:
    """A plan by its number."""
    return _plan(connection.execute(select(plans).where(plans.c.id == number)).one())


def _plan(row: Row[Any]) -> Plan:
    return Plan(row.id, row.kind, row.from_, row.until, row.granularity, row.candidate_watermark, row.size)


def set_granularity(connection: Connection, plan: Plan, granularity: str) -> Plan:
    """The repository does not take what it declares: dates of this plan are written so from now on."""
    row = connection.execute(
        update(plans).where(plans.c.id == plan.id).values(granularity=granularity).returning(plans)
    ).one()
    return _plan(row)


def finish_plan(connection: Connection, stream: Stream, plan: Plan, *, watermark: bool) -> None:
    """All windows have ended: close the plan, and move the stream's watermark where the ending was legal.

    A plan that another process has closed or abandoned stays as it is.
    """
    candidate = connection.scalar(
        update(plans)
        .where(plans.c.id == plan.id, plans.c.state == "open")
        .values(state="done", finished_at=func.now())
        .returning(plans.c.candidate_watermark)
    )
    mine = streams.c.id == stream.id
    if watermark and plan.kind in ("full", "incremental") and candidate is not None:
        connection.execute(update(streams).where(mine).values(watermark=candidate))
    if watermark and plan.kind == "rolling":
        connection.execute(update(streams).where(mine).values(rolled_to=plan.until, rolled_at=func.now()))
