"""Alerts: what is wrong, since when, and who was told of it and of its end. Safe for several processes at once.

An alert is known by its subject and kind, of which one is open at a time; resolved rows stay.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Select, case, func, insert, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from harvester.catalogue.schedule_tables import alerts
from harvester.catalogue.tables import repositories

# One process at a time judges and tells ("alerts" in ASCII).
_TURN = 0x616C65727473
_MOST = 5_000  # of what waits to be told that is looked at together
ALERT, RECOVERY = "alert", "recovery"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong now, in a sentence that says what to do. `evidence` is JSON; without a repository it is of the
    service as a whole, or of a host.
    """

    subject: str
    kind: str
    sentence: str
    evidence: Mapping[str, Any] = field(default_factory=dict)
    repository_id: int | None = None

    @property
    def key(self) -> tuple[str, str]:
        """What it is known by."""
        return self.subject, self.kind


@dataclass(frozen=True, slots=True)
class Alert:
    """A finding that was raised. `deliveries`: {channel: {"alert": moment, "recovery": moment}}."""

    id: int
    subject: str
    kind: str
    sentence: str
    evidence: dict[str, Any]
    repository_id: int | None
    repository: str | None
    base_url: str | None
    since: datetime
    told_at: datetime | None
    resolved_at: datetime | None
    deliveries: dict[str, dict[str, str]]

    @property
    def key(self) -> tuple[str, str]:
        """What it is known by."""
        return self.subject, self.kind

    def awaited_by(self, channel: str) -> str | None:
        """What a channel is still to be told: `alert`, `recovery`, or nothing.

        Of what was right again before a channel heard of it, that channel hears nothing.
        """
        heard = self.deliveries.get(channel, {})
        if self.resolved_at is None:
            return None if ALERT in heard else ALERT
        return RECOVERY if ALERT in heard and RECOVERY not in heard else None


_ELSEWHERE = {"repository": repositories.c.name, "base_url": repositories.c.base_url}
_SELECT: Select[Any] = (
    select(
        *(_ELSEWHERE[name] if name in _ELSEWHERE else alerts.c[name] for name in Alert.__dataclass_fields__)
    )
    .select_from(alerts)
    .outerjoin(repositories, repositories.c.id == alerts.c.repository_id)
    .order_by(alerts.c.id)
)


@contextmanager
def turn(engine: Engine) -> Iterator[Connection | None]:
    """A connection for who judges and tells, outside of a transaction; None where another process is about it."""
    with engine.connect() as connection:
        got = connection.scalar(select(func.pg_try_advisory_lock(_TURN)))
        connection.commit()
        if not got:
            yield None
            return
        try:
            yield connection
        except BaseException:
            connection.invalidate()  # the lock ends with its session, in whatever state that is
            raise
        connection.execute(select(func.pg_advisory_unlock(_TURN)))
        connection.commit()


def unresolved(connection: Connection) -> list[Alert]:
    """What is wrong, the oldest first."""
    return [Alert(*row) for row in connection.execute(_SELECT.where(alerts.c.resolved_at.is_(None)))]


def raise_alerts(connection: Connection, findings: Sequence[Finding], now: datetime) -> None:
    """Note what is wrong. What was open already stays the same alert, and is told in today's words from now on."""
    if not findings:
        return
    rows = [
        {
            "subject": each.subject,
            "kind": each.kind,
            "repository_id": each.repository_id,
            "sentence": each.sentence,
            "evidence": dict(each.evidence),
            "since": now,
        }
        for each in sorted(findings, key=lambda each: each.key)  # two who raise the same wait in one order
    ]
    made = upsert(alerts)
    said = {"sentence": made.excluded.sentence, "evidence": made.excluded.evidence}
    is_open = alerts.c.resolved_at.is_(None)
    connection.execute(
        made.on_conflict_do_update(index_elements=["subject", "kind"], index_where=is_open, set_=said), rows
    )


def resolve(connection: Connection, ids: Collection[int], now: datetime, *, quietly: bool = False) -> None:
    """They are over; `quietly` where nobody is to be told so. Of what nobody was told, nobody is told the end."""
    unheard = alerts.c.deliveries == {}
    connection.execute(
        update(alerts)
        .where(alerts.c.id == func.any(list(ids)), alerts.c.resolved_at.is_(None))
        .values(resolved_at=now, recovery_told_at=now if quietly else case((unheard, now)))
    )


def untold(connection: Connection, silent: Collection[int] = ()) -> list[Alert]:
    """What somebody may still have to be told, alerts and recoveries, the oldest first: `Alert.awaited_by` says whom.

    Of `silent` repositories, nothing.
    """
    waits = or_(alerts.c.told_at.is_(None), alerts.c.resolved_at.is_not(None))
    spoken_of = or_(alerts.c.repository_id.is_(None), alerts.c.repository_id != func.all(list(silent)))
    found = _SELECT.where(alerts.c.recovery_told_at.is_(None), waits, spoken_of).limit(_MOST)
    return [Alert(*row) for row in connection.execute(found)]


def told(connection: Connection, ids: Collection[int], what: str, channel: str, now: datetime) -> None:
    """A channel took a message of these alerts; `what` is ALERT or RECOVERY."""
    heard = func.coalesce(alerts.c.deliveries[channel], func.jsonb_build_object())
    more = func.jsonb_build_object(channel, heard.op("||")(func.jsonb_build_object(what, now.isoformat())))
    connection.execute(
        update(alerts)
        .where(alerts.c.id == func.any(list(ids)))
        .values(deliveries=alerts.c.deliveries.op("||")(more))
    )


def settle(
    connection: Connection, told_ids: Collection[int], recovered_ids: Collection[int], now: datetime
) -> None:
    """Everybody who is to be told of these alerts, and of the end of those, has been."""
    of_alerts = (alerts.c.id == func.any(list(told_ids)), alerts.c.told_at.is_(None))
    connection.execute(update(alerts).where(*of_alerts).values(told_at=now))
    of_ends = (alerts.c.id == func.any(list(recovered_ids)), alerts.c.recovery_told_at.is_(None))
    connection.execute(update(alerts).where(*of_ends).values(recovery_told_at=now))


def note_ended(
    connection: Connection, finding: Finding, *, since: datetime, now: datetime, told: Collection[str]
) -> None:
    """Write down what was wrong while nothing could be written, and which channels were told; they are to be told of its end."""
    heard = {channel: {ALERT: now.isoformat()} for channel in told}
    connection.execute(
        insert(alerts).values(
            subject=finding.subject,
            kind=finding.kind,
            sentence=finding.sentence,
            evidence=dict(finding.evidence),
            since=since,
            told_at=now if told else None,
            deliveries=heard,
            resolved_at=now,
            recovery_told_at=None if told else now,
        )
    )


def registered(
    connection: Connection, names: Collection[str], urls: Collection[str]
) -> list[tuple[int, str, str]]:
    """Number, name and base URL of the repositories with one of these names or base URLs."""
    wanted = or_(
        repositories.c.name == func.any(list(names)), repositories.c.base_url == func.any(list(urls))
    )
    rows = connection.execute(
        select(repositories.c.id, repositories.c.name, repositories.c.base_url).where(wanted)
    )
    return [(row.id, row.name, row.base_url) for row in rows]
