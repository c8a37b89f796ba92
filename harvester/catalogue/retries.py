"""What waits in quarantine: found for a person, chosen to be asked for again, and what became of that."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

import zstandard
from sqlalchemy import ColumnElement, Connection, Row, case, func, null, or_, select, update

from harvester.catalogue.ledger import Stream
from harvester.catalogue.quarantine import OWN_BYTES, UNREADABLE_WINDOW, WAITS, PutAside, of_format
from harvester.catalogue.reading_tables import quarantine
from harvester.catalogue.tables import repositories

GONE = "gone"
_MOST_DAYS = 30
_ASKABLE = or_(quarantine.c.identifier.is_not(None), quarantine.c.reason == UNREADABLE_WINDOW)


@dataclass(frozen=True, slots=True)
class Quarantined:
    """One row, without its bytes. `tries` were made in vain; before `retry_at` it is not to be asked for again."""

    id: int
    repository: str
    repository_id: int
    format: str
    set_spec: str
    identifier: str | None
    reason: str
    position: int | None
    evidence: dict[str, Any] | None
    run_id: int
    tries: int
    retry_at: datetime
    first_seen: datetime
    last_seen: datetime
    resolved_at: datetime | None
    resolution: str | None

    @property
    def askable(self) -> bool:
        """Whether the repository can be asked for it: by its identifier, or by the dates of a window."""
        return self.identifier is not None or self.reason == UNREADABLE_WINDOW


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits of a stream: in all, without a way to ask for it, due now, and when the next of the others will be."""

    number: int
    unaskable: int
    due: int
    next_at: datetime | None


_COLUMNS = select(
    repositories.c.name.label("repository"),
    *(quarantine.c[each.name] for each in fields(Quarantined) if each.name != "repository"),
).join(repositories, repositories.c.id == quarantine.c.repository_id)


def find(
    connection: Connection, repository_id: int | None = None, *, resolved: bool = False, limit: int = 1000
) -> list[Quarantined]:
    """What waits, the oldest first, of one repository or of all; `resolved` also what waited once."""
    chosen = _COLUMNS.order_by(quarantine.c.id).limit(limit)
    chosen = chosen if resolved else chosen.where(WAITS)
    if repository_id is not None:
        chosen = chosen.where(quarantine.c.repository_id == repository_id)
    return [_quarantined(row) for row in connection.execute(chosen)]


def count(connection: Connection, repository_id: int | None = None, *, resolved: bool = False) -> int:
    """How many `find` would give without a limit."""
    counted = select(func.count()).select_from(quarantine)
    counted = counted if resolved else counted.where(WAITS)
    if repository_id is not None:
        counted = counted.where(quarantine.c.repository_id == repository_id)
    return int(connection.scalar(counted) or 0)


def read(connection: Connection, number: int) -> tuple[Quarantined, bytes] | None:
    """One row and its bytes as they came; None where there is no such number."""
    row = connection.execute(
        _COLUMNS.add_columns(quarantine.c.raw).where(quarantine.c.id == number)
    ).one_or_none()
    return None if row is None else (_quarantined(row), zstandard.decompress(row.raw))


def streams_waiting(connection: Connection, repository_id: int) -> list[tuple[str, str]]:
    """The (setSpec, format) of which something waits."""
    mine = (quarantine.c.repository_id == repository_id, WAITS)
    columns = (quarantine.c.set_spec, quarantine.c.format)
    found = select(*columns).where(*mine).distinct().order_by(*columns)
    return [(row.set_spec, row.format) for row in connection.execute(found)]


def waiting(connection: Connection, stream: Stream) -> Waiting:
    """What waits of a stream."""
    due = _ASKABLE & (quarantine.c.retry_at <= func.now())
    row = connection.execute(
        select(
            func.count(),
            func.count().filter(~_ASKABLE),
            func.count().filter(due),
            func.min(quarantine.c.retry_at).filter(_ASKABLE & (quarantine.c.retry_at > func.now())),
        ).where(*_of_stream(stream), WAITS)
    ).one()
    return Waiting(*row)


def due(connection: Connection, stream: Stream, *, now: bool = False) -> list[int]:
    """The numbers of what is to be asked for again, longest due first; with `now` before its date, too."""
    chosen = select(quarantine.c.id).where(*_of_stream(stream), WAITS, _ASKABLE)
    chosen = chosen if now else chosen.where(quarantine.c.retry_at <= func.now())
    return list(connection.scalars(chosen.order_by(quarantine.c.retry_at, quarantine.c.id)))


def with_own_bytes(connection: Connection, stream: Stream) -> list[int]:
    """The numbers of what waits with bytes of its own, which may be read again."""
    chosen = select(quarantine.c.id).where(*_of_stream(stream), WAITS, quarantine.c.reason.in_(OWN_BYTES))
    return list(connection.scalars(chosen.order_by(quarantine.c.id)))


def numbers(connection: Connection, stream: Stream) -> set[int]:
    """The numbers of all that waits of the stream's format."""
    return set(connection.scalars(select(quarantine.c.id).where(*of_format(stream), WAITS)))


def numbers_of_run(connection: Connection, stream: Stream, run_id: int) -> set[int]:
    """The numbers of what waits of the stream's format and was put aside last by this run."""
    chosen = select(quarantine.c.id).where(*of_format(stream), WAITS, quarantine.c.run_id == run_id)
    return set(connection.scalars(chosen))


def named_of_run(
    connection: Connection, stream: Stream, run_id: int, *, reasons: Sequence[str], limit: int
) -> list[str]:
    """The identifiers of what this run put aside for one of these reasons, in the order of the reasons."""
    mine = (*of_format(stream), WAITS, quarantine.c.run_id == run_id, quarantine.c.identifier.is_not(None))
    order = case({reason: place for place, reason in enumerate(reasons)}, value=quarantine.c.reason)
    chosen = select(quarantine.c.identifier).where(*mine, quarantine.c.reason.in_(reasons))
    return list(connection.scalars(chosen.order_by(order, quarantine.c.id).limit(limit)))


def in_vain(connection: Connection, row: Quarantined, said: PutAside | None = None) -> None:
    """It was asked for in vain, and `said` is what came: the next retry is after twice as many days, at most 30."""
    tries = row.tries + 1
    days = min(2 ** min(tries, 10), _MOST_DAYS)
    values: dict[str, Any] = {"tries": tries, "retry_at": func.now() + timedelta(days=days)}
    if said is not None:
        values["evidence"] = null() if said.evidence is None else said.evidence
        if row.reason not in OWN_BYTES or said.reason in OWN_BYTES:
            raw = zstandard.compress(said.raw)
            values |= {"reason": said.reason, "raw": raw, "position": said.position}
    connection.execute(update(quarantine).where(quarantine.c.id == row.id, WAITS).values(values))


def resolve(connection: Connection, number: int, resolution: str) -> None:
    """This row no longer waits: CAME_WHOLE or GONE. Its bytes stay."""
    connection.execute(
        update(quarantine)
        .where(quarantine.c.id == number, WAITS)
        .values(resolved_at=func.now(), resolution=resolution)
    )


def _of_stream(stream: Stream) -> tuple[ColumnElement[bool], ...]:
    return (*of_format(stream), quarantine.c.set_spec == stream.set_spec)


def _quarantined(row: Row[Any]) -> Quarantined:
    return Quarantined(**{each.name: getattr(row, each.name) for each in fields(Quarantined)})
