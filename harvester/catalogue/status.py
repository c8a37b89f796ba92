"""Where everything stands: the tables that `harvester status` shows, from roll-ups and never by counting records."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, func, select, text, true

from harvester.catalogue import audit
from harvester.catalogue.lasting_tables import reconciliations
from harvester.catalogue.ledger_tables import runs, windows
from harvester.catalogue.reading_tables import quarantine
from harvester.catalogue.runs import RUN_LOCK
from harvester.catalogue.schedule_tables import tasks
from harvester.catalogue.tables import repositories, sets, streams, tallies

_STATES = {
    None: "due",  # a run that was killed: its window waits
    "complete": "current",
    "complete_unverified": "current",
    "interrupted": "due",
    "held": "held",
    "refused": "refused",
}
_OF_RUN = ("started_at", "finished_at", "sentence", "unread")

# A retry is about a few records: how the stream stands is what its harvests say.
_LAST = (
    select(runs)
    .where(runs.c.stream_id == streams.c.id, runs.c.kind != "retry")
    .order_by(runs.c.id.desc())
    .limit(1)
    .lateral()
)
_WAITING = (
    select(
        quarantine.c.repository_id, quarantine.c.format, quarantine.c.set_spec, func.count().label("number")
    )
    .where(quarantine.c.resolved_at.is_(None))
    .group_by(quarantine.c.repository_id, quarantine.c.format, quarantine.c.set_spec)
    .subquery()
)
_EXPIRES = (
    select(windows.c.token_received_at + func.make_interval(0, 0, 0, 0, 0, 0, windows.c.token_life))
    .where(windows.c.plan_id == _LAST.c.plan_id, windows.c.state == "open", windows.c.token.is_not(None))
    .limit(1)
    .scalar_subquery()
)
# A harvest that ran since says nothing of the reconciliation that waits for a person.
_HELD = (
    select(reconciliations.c.sentence)
    .where(reconciliations.c.stream_id == streams.c.id, reconciliations.c.state == "held")
    .order_by(reconciliations.c.id.desc())
    .limit(1)
    .scalar_subquery()
)
_STREAMS = (
    select(
        streams,
        *(_LAST.c[key].label(f"run_{key}") for key in ("id", "outcome", *_OF_RUN)),
        func.coalesce(tallies.c.live, 0).label("live"),
        func.coalesce(tallies.c.deleted, 0).label("gone"),
        func.coalesce(_WAITING.c.number, 0).label("waiting"),
        _EXPIRES.label("token_expires_at"),
        func.coalesce(_HELD, tasks.c.held).label("held"),
        tasks.c.held.is_not(None).label("task_held"),
        tasks.c.paused,
        tasks.c.next_due_at,
        (tasks.c.next_due_at <= func.now()).label("due"),
    )
    .join(repositories, repositories.c.id == streams.c.repository_id)
    .outerjoin(_LAST, true())
    .outerjoin(tasks, (tasks.c.stream_id == streams.c.id) & (tasks.c.kind == "harvest"))
    .outerjoin(sets, (sets.c.repository_id == streams.c.repository_id) & (sets.c.spec == streams.c.set_spec))
    .outerjoin(
        tallies,
        (tallies.c.repository_id == streams.c.repository_id)
        & (tallies.c.format == streams.c.format)
        & (tallies.c.set_id == func.coalesce(sets.c.id, 0)),
    )
    .outerjoin(
        _WAITING,
        (_WAITING.c.repository_id == streams.c.repository_id)
        & (_WAITING.c.format == streams.c.format)
        & (_WAITING.c.set_spec == streams.c.set_spec),
    )
    .order_by(streams.c.id)
)


def names(connection: Connection) -> set[str]:
    """The names of all registered repositories."""
    return set(connection.scalars(select(repositories.c.name)))


def status(connection: Connection, name: str | None = None) -> dict[str, Any]:
    """Repositories with their streams and totals, as README documents; moments are aware UTC.

    `name` chooses one repository, and adds the audit (elements that no rule read) and its traits, as {name, value, how, at}.
    An unknown name gives an empty list.
    Three statements, however many repositories there are, and one more where a run has not ended.
    """
    chosen = repositories.c.name == name if name is not None else true()
    found = connection.execute(select(repositories).where(chosen).order_by(repositories.c.name)).all()
    listed: dict[int, list[dict[str, Any]]] = {row.id: [] for row in found}
    rows = connection.execute(_STREAMS.where(chosen)).all()
    unfinished = any(row.run_id is not None and row.run_outcome is None for row in rows)
    running = _running(connection) if unfinished else set()
    for row in rows:
        listed[row.repository_id].append(_stream(row, running))
    shown = [
        {"name": row.name, "base_url": row.base_url, "streams": listed[row.id]}
        | (
            {"unread": audit.shown(connection, row.id), "traits": _traits(row.traits)}
            if name is not None
            else {}
        )
        for row in found
    ]
    return {"repositories": shown, "totals": _totals(connection, chosen)}


def _traits(kept: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """As `catalogue.traits` keeps them, by name."""
    return [
        {
            "name": name,
            "value": said.get("value"),
            "how": said.get("how"),
            "at": datetime.fromisoformat(said["at"]),
        }
        for name, said in sorted(kept.items())
    ]


def _totals(connection: Connection, chosen: ColumnElement[bool]) -> dict[str, int]:
    live, deleted, waiting = connection.execute(
        select(
            _of_all(func.sum(tallies.c.live), tallies, tallies.c.set_id == 0),
            _of_all(func.sum(tallies.c.deleted), tallies, tallies.c.set_id == 0),
            _of_all(func.count(), quarantine, quarantine.c.resolved_at.is_(None)),
        )
        .select_from(repositories)
        .where(chosen)
    ).one()
    return {"records": int(live or 0), "deleted": int(deleted or 0), "quarantined": int(waiting or 0)}


def _of_all(value: Any, table: Table, limit: ColumnElement[bool]) -> Any:
    """A sum or a count over the chosen repositories."""
    return func.sum(select(value).where(table.c.repository_id == repositories.c.id, limit).scalar_subquery())


def _running(connection: Connection) -> set[int]:
    """The runs whose processes live, by the locks they hold (modulo 2^31)."""
    found = text(
        "SELECT CAST(objid AS bigint) FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 2"
        " AND classid = :kind AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    return set(connection.scalars(found, {"kind": RUN_LOCK}))


def _stream(row: Any, running: set[int]) -> dict[str, Any]:
    last = {"outcome": row.run_outcome} | {key: getattr(row, f"run_{key}") for key in _OF_RUN}
    return {
        "set": row.set_spec or None,
        "format": row.format,
        "state": _state(row, running),
        "held": row.held,
        "records": row.live,
        "deleted": row.gone,
        "quarantined": row.waiting,
        "watermark": row.watermark,
        "token_expires_at": row.token_expires_at,
        "next_due_at": row.next_due_at,
        "last_run": None if row.run_id is None else last,
    }


def _state(row: Any, running: set[int]) -> str:
    if row.run_id is not None and row.run_outcome is None and row.run_id % 2**31 in running:
        return "harvesting"
    if row.paused:
        return "paused"
    if row.task_held:
        return "held"
    if row.run_id is None:
        return "new"
    state = _STATES.get(row.run_outcome, "failing")
    if row.held and state in ("current", "due"):
        return "held"
    return "due" if row.due and state == "current" else state
