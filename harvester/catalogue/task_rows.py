"""Which repositories and streams are under the schedule: rows in sets, ten thousand as quickly as one, in the caller's transaction."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Connection,
    Double,
    Integer,
    LargeBinary,
    Select,
    TableValuedAlias,
    Text,
    bindparam,
    case,
    column,
    delete,
    func,
    literal,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.types import TypeEngine

from harvester.catalogue import ledger
from harvester.catalogue.keys import text_key
from harvester.catalogue.schedule_tables import tasks
from harvester.catalogue.tables import MOMENT, hosts, repositories, sets, streams, tallies

# Whoever registers or schedules does so alone ("tasks" in ASCII).
_LOCK = 0x7461736B73


@dataclass(frozen=True, slots=True)
class Registered:
    """A repository: `configured` by the file, `removed` from the schedule; `every` is what `harvester add` was told."""

    id: int
    name: str
    base_url: str
    configured: bool
    removed: bool
    paused: bool
    every: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Listed:
    """A stream; without a set `set_spec` is empty."""

    id: int
    repository_id: int
    set_spec: str
    format: str


@dataclass(frozen=True, slots=True)
class Scheduled:
    """A task as far as the configuration decides about it; `stream_id` is None where it is of the whole repository."""

    id: int
    repository_id: int
    stream_id: int | None
    kind: str
    host: str
    cron: str | None
    zone: str
    least: float
    most: float
    interval: float
    paused: bool


def lock(connection: Connection) -> None:
    """Be the only one who registers and schedules, until the transaction ends."""
    connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))


def registered(connection: Connection, ids: Collection[int] | None = None) -> list[Registered]:
    """All repositories, or some, oldest first."""
    row = repositories.c
    removed = row.removed_at.is_not(None)
    found = select(row.id, row.name, row.base_url, row.configured, removed, row.paused, row.every).where(
        _among(row.id, ids)
    )
    return [Registered(*each) for each in connection.execute(found.order_by(row.id))]


def listed(connection: Connection, ids: Collection[int] | None = None) -> list[Listed]:
    """The streams of all repositories, or of some, oldest first."""
    row = streams.c
    found = select(row.id, row.repository_id, row.set_spec, row.format).where(_among(row.repository_id, ids))
    return [Listed(*each) for each in connection.execute(found.order_by(row.id))]


def rhythms(connection: Connection, ids: Collection[int] | None = None) -> list[Scheduled]:
    """The tasks of all repositories, or of some."""
    columns = [tasks.c[name] for name in Scheduled.__dataclass_fields__]
    found = select(*columns).where(_among(tasks.c.repository_id, ids))
    return [Scheduled(*each) for each in connection.execute(found.order_by(tasks.c.id))]


def _among(column: ColumnElement[int], ids: Collection[int] | None) -> ColumnElement[bool]:
    return true() if ids is None else column == func.any(list(ids))


def unscheduled(connection: Connection) -> list[int]:
    """Repositories with a stream that nothing harvests by itself, as `harvester harvest` leaves them; not those taken out."""
    scheduled = select(tasks.c.id).where(tasks.c.stream_id == streams.c.id, tasks.c.kind == "harvest")
    found = (
        select(streams.c.repository_id)
        .join(repositories, repositories.c.id == streams.c.repository_id)
        .where(repositories.c.removed_at.is_(None), ~scheduled.exists())
        .distinct()
    )
    return list(connection.scalars(found))


def _given(**columns: type[TypeEngine[Any]] | TypeEngine[Any]) -> TableValuedAlias:
    """Rows that go as one document, the parameter `rows`."""
    named = [column(name, kind) for name, kind in columns.items()]
    recordset = func.jsonb_to_recordset(bindparam("rows", type_=JSONB)).table_valued(*named)
    return recordset.render_derived(name="given", with_types=True)


def _later(seconds: ColumnElement[float]) -> ColumnElement[Any]:
    return func.make_interval(0, 0, 0, 0, 0, 0, seconds)


_NAMED = _given(id=Integer, name=Text, base_url=Text, host=Text)
_WANTED = _given(repository_id=Integer, set_spec=Text, format=Text, key=Text)
_KEY: ColumnElement[bytes] = func.decode(_WANTED.c.key, "hex", type_=LargeBinary)


def add_repositories(connection: Connection, pairs: Sequence[tuple[str, str]]) -> None:
    """Register names and base URLs; a name that is taken stays as it is."""
    found = select(_NAMED.c.name, _NAMED.c.base_url)
    made = upsert(repositories).from_select(["name", "base_url"], found).on_conflict_do_nothing()
    if pairs:
        connection.execute(made, {"rows": [{"name": name, "base_url": url} for name, url in pairs]})


def add_streams(connection: Connection, wanted: Iterable[tuple[int, str, str]]) -> None:
    """Register streams, as (repository, set or "", format), in this order, with sets and roll-ups; what is there stays."""
    rows = [
        {"repository_id": number, "set_spec": spec, "format": format_, "key": text_key(spec).hex()}
        for number, spec, format_ in dict.fromkeys(wanted)
    ]
    given, with_set = _WANTED.c, _WANTED.c.set_spec != ""
    here = (sets.c.repository_id == given.repository_id) & (sets.c.spec_key == _KEY)
    sources: list[tuple[Any, list[str], Select[Any]]] = [
        (
            sets,
            ["repository_id", "spec_key", "spec"],
            select(given.repository_id, _KEY, given.set_spec).where(with_set),
        ),
        (
            streams,
            ["repository_id", "set_spec", "format"],
            select(given.repository_id, given.set_spec, given.format),
        ),
        (
            tallies,
            ["repository_id", "format", "set_id"],
            select(given.repository_id, given.format, func.coalesce(sets.c.id, 0)).outerjoin(
                sets, here & with_set
            ),
        ),
        (
            tallies,
            ["repository_id", "format", "set_id"],
            select(given.repository_id, given.format, literal(0)),
        ),
    ]
    for table, names, found in sources if rows else []:
        connection.execute(upsert(table).from_select(names, found).on_conflict_do_nothing(), {"rows": rows})


def move(connection: Connection, moved: Mapping[int, tuple[str, str]], now: datetime) -> None:
    """Give repositories another base URL, as (URL, host): they are asked there, soon, and first for Identify.

    What was learned of the old place does not hold at the new one: a token goes to nobody else, a list that was begun is given up,
    and the next harvest asks for everything.
    """
    if not moved:
        return
    rows = [{"id": number, "base_url": url, "host": host} for number, (url, host) in moved.items()]
    forgotten = dict.fromkeys(("identified_at", "refreshed_at", "validators")) | {"traits": {}}
    here = update(repositories).where(repositories.c.id == _NAMED.c.id)
    connection.execute(here.values(base_url=_NAMED.c.base_url, **forgotten), {"rows": rows})
    soon = case(((tasks.c.kind == "harvest") & tasks.c.cron.is_(None), bindparam("now", now, MOMENT)))
    theirs = update(tasks).where(tasks.c.repository_id == _NAMED.c.id)
    values = {"host": _NAMED.c.host, "failures": 0, "next_due_at": func.least(tasks.c.next_due_at, soon)}
    nothing_open = dict.fromkeys(("begun_at", "spend_by", "dies_at"))
    connection.execute(theirs.values(values | nothing_open), {"rows": rows})
    ledger.begin_anew(connection, list(moved))


def rename(connection: Connection, names: Mapping[int, str]) -> None:
    """Give repositories other names; they must be free."""
    for number, name in names.items():
        connection.execute(update(repositories).where(repositories.c.id == number).values(name=name))


def note(connection: Connection, ids: Collection[int], **values: object) -> None:
    """Columns of repositories."""
    if ids:
        connection.execute(update(repositories).where(_among(repositories.c.id, ids)).values(**values))


_TASKS = _given(
    id=Integer,
    repository_id=Integer,
    stream_id=Integer,
    kind=Text,
    host=Text,
    cron=Text,
    zone=Text,
    least=Double,
    most=Double,
    interval=Double,
    due=MOMENT,
    half=Double,
    paused=Boolean,
)
_SAME = ("host", "cron", "zone", "least", "most")


def insert(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Make tasks, those that are there stay: columns, `due` for next_due_at, and `half` seconds after which it is late."""
    given = _TASKS.c
    names = ["repository_id", "stream_id", "kind", *_SAME, "interval", "paused"]
    found = select(*(given[name] for name in names), given.due, given.due + _later(given.half))
    made = upsert(tasks).from_select([*names, "next_due_at", "late_at"], found).on_conflict_do_nothing()
    if rows:
        connection.execute(made, {"rows": [_plain(each) for each in rows]})


def change(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Give tasks another rhythm, at once: due at `due` at the latest, by cron just then, but for a list that was begun.

    `half` is the seconds after which it is late, None for half of the interval, which stays within the new bounds.
    """
    given = _TASKS.c
    interval = func.least(func.greatest(tasks.c.interval, given.least), given.most)
    just_then = given.cron.is_not(None) & tasks.c.begun_at.is_(None)
    due = case((just_then, given.due), else_=func.least(tasks.c.next_due_at, given.due))
    values = {name: given[name] for name in _SAME} | {"interval": interval, "next_due_at": due}
    late = due + _later(func.coalesce(given.half, interval / 2))
    if rows:
        mine = update(tasks).where(tasks.c.id == given.id)
        connection.execute(mine.values(values | {"late_at": late}), {"rows": [_plain(each) for each in rows]})


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: each.isoformat() if isinstance(each, datetime) else each for name, each in row.items()}


def drop(connection: Connection, ids: Collection[int]) -> None:
    """Take tasks away; nothing else."""
    if ids:
        connection.execute(delete(tasks).where(_among(tasks.c.id, ids)))


def pause(connection: Connection, repository_id: int) -> int:
    """Pause the tasks of a repository; how many were not."""
    note(connection, [repository_id], paused=True)
    mine = (tasks.c.repository_id == repository_id, ~tasks.c.paused)
    return connection.execute(update(tasks).where(*mine).values(paused=True)).rowcount


def resume(connection: Connection, repository_id: int, now: datetime) -> int:
    """Take paused, held and failing tasks up again, and let their hosts be asked; how many tasks there were of them.

    What was held or has failed is due now: a person has looked at it. What the host itself asked for (Retry-After) stands.
    """
    note(connection, [repository_id], paused=False)
    mine = tasks.c.repository_id == repository_id
    stuck = tasks.c.held.is_not(None) | (tasks.c.failures > 0)
    connection.execute(
        update(hosts)
        .where(hosts.c.name.in_(select(tasks.c.host).where(mine)))
        .where((hosts.c.failures > 0) | hosts.c.closed_until.is_not(None))
        .values(failures=0, closed_until=None, updated_at=func.now())
    )
    connection.execute(
        update(tasks).where(mine, stuck).values(next_due_at=func.least(tasks.c.next_due_at, now))
    )
    waiting = stuck | tasks.c.paused | (tasks.c.crashes > 0)
    values = {"paused": False, "held": None, "crashes": 0, "failures": 0}
    return connection.execute(update(tasks).where(mine, waiting).values(values)).rowcount
