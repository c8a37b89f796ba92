"""Where everything stands: the tables that `harvester status` shows, from roll-ups and never by counting records."""

from typing import Any

from sqlalchemy import Connection, func, select, text

from harvester.catalogue.runs import RUN_LOCK
from harvester.catalogue.tables import quarantine, repositories, runs, sets, streams, tallies, windows

_STATES = {
    None: "due",  # a run that was killed: its window waits
    "complete": "current",
    "complete_unverified": "current",
    "interrupted": "due",
    "held": "held",
    "refused": "refused",
}


def names(connection: Connection) -> set[str]:
    """The names of all registered repositories."""
    return set(connection.scalars(select(repositories.c.name)))


def status(connection: Connection, name: str | None = None) -> dict[str, Any]:
    """Repositories with their streams and totals, as README documents; moments are aware UTC.

    `name` chooses one repository; an unknown name gives an empty list.
    """
    chosen = select(repositories).order_by(repositories.c.name)
    if name is not None:
        chosen = chosen.where(repositories.c.name == name)
    found = connection.execute(chosen).all()
    shown = [
        {"name": row.name, "base_url": row.base_url, "streams": _streams(connection, row.id)} for row in found
    ]
    return {"repositories": shown, "totals": _totals(connection, [row.id for row in found])}


def _totals(connection: Connection, repository_ids: list[int]) -> dict[str, int]:
    mine = (tallies.c.set_id == 0, tallies.c.repository_id.in_(repository_ids))
    live, deleted = connection.execute(
        select(
            func.coalesce(func.sum(tallies.c.live), 0), func.coalesce(func.sum(tallies.c.deleted), 0)
        ).where(*mine)
    ).one()
    waiting = connection.scalar(
        select(func.count()).where(
            quarantine.c.repository_id.in_(repository_ids), quarantine.c.resolved_at.is_(None)
        )
    )
    return {"records": int(live), "deleted": int(deleted), "quarantined": int(waiting or 0)}


def _streams(connection: Connection, repository_id: int) -> list[dict[str, Any]]:
    rows = connection.execute(
        select(
            streams,
            func.coalesce(tallies.c.live, 0).label("live"),
            func.coalesce(tallies.c.deleted, 0).label("gone"),
        )
        .outerjoin(
            sets, (sets.c.repository_id == streams.c.repository_id) & (sets.c.spec == streams.c.set_spec)
        )
        .outerjoin(
            tallies,
            (tallies.c.repository_id == streams.c.repository_id)
            & (tallies.c.format == streams.c.format)
            & (tallies.c.set_id == func.coalesce(sets.c.id, 0)),
        )
        .where(streams.c.repository_id == repository_id)
        .order_by(streams.c.id)
    ).all()
    return [_stream(connection, row) for row in rows]


def _stream(connection: Connection, row: Any) -> dict[str, Any]:
    run = connection.execute(
        select(runs).where(runs.c.stream_id == row.id).order_by(runs.c.id.desc()).limit(1)
    ).one_or_none()
    waiting = (
        quarantine.c.repository_id == row.repository_id,
        quarantine.c.format == row.format,
        quarantine.c.set_spec == row.set_spec,
        quarantine.c.resolved_at.is_(None),
    )
    return {
        "set": row.set_spec or None,
        "format": row.format,
        "state": _state(connection, run),
        "records": row.live,
        "deleted": row.gone,
        "quarantined": connection.scalar(select(func.count()).where(*waiting)),
        "watermark": row.watermark,
        "token_expires_at": _token_expires_at(connection, run),
        "next_due_at": None,
        "last_run": None
        if run is None
        else {
            "outcome": run.outcome,
            "started_at": run.started_at,
            "finished_at": run.finished_at,
            "sentence": run.sentence,
            "unread": run.unread,
        },
    }


def _state(connection: Connection, run: Any) -> str:
    if run is None:
        return "new"
    if run.outcome is None and _alive(connection, run.id):
        return "harvesting"
    return _STATES.get(run.outcome, "failing")


def _alive(connection: Connection, run_id: int) -> bool:
    """Whether the run's process still has its session: it marks itself by a shared advisory lock."""
    return bool(
        connection.scalar(
            text(
                "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 2"
                " AND classid = :kind AND objid = CAST(:run AS oid)"
                " AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))"
            ),
            {"kind": RUN_LOCK, "run": run_id % 2**31},
        )
    )


def _token_expires_at(connection: Connection, run: Any) -> Any:
    if run is None:
        return None
    expires = windows.c.token_received_at + func.make_interval(0, 0, 0, 0, 0, 0, windows.c.token_life)
    return connection.scalar(
        select(expires).where(
            windows.c.plan_id == run.plan_id, windows.c.state == "open", windows.c.token.is_not(None)
        )
    )
