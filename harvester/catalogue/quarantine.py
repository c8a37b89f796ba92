"""Quarantine: what could not be read, kept whole until it comes whole."""

from collections.abc import Iterable, Sequence

import zstandard
from sqlalchemy import Connection, func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from harvester.catalogue.keys import bytes_key, text_key
from harvester.catalogue.ledger import Stream
from harvester.catalogue.reading_tables import quarantine


def put_aside(
    connection: Connection, stream: Stream, run_id: int, broken: Iterable[tuple[str, bytes, str | None]]
) -> None:
    """Quarantine (reason, raw bytes, identifier): kept whole, and once however often it comes again."""
    for reason, raw, identifier in broken:
        fresh = upsert(quarantine).values(
            repository_id=stream.repository_id,
            format=stream.format,
            set_spec=stream.set_spec,
            key=text_key(identifier) if identifier is not None else bytes_key(raw),
            identifier=identifier,
            reason=reason,
            raw=zstandard.compress(raw),
            run_id=run_id,
        )
        latest = {name: fresh.excluded[name] for name in ("reason", "raw", "run_id", "last_seen")}
        connection.execute(
            fresh.on_conflict_do_update(
                index_elements=["repository_id", "format", "key"], set_=latest | {"resolved_at": None}
            )
        )


def release(connection: Connection, stream: Stream, identifiers: Sequence[str]) -> None:
    """What came whole this time is no longer in quarantine."""
    keys = [text_key(identifier) for identifier in identifiers]
    mine = (quarantine.c.repository_id == stream.repository_id, quarantine.c.format == stream.format)
    connection.execute(
        update(quarantine)
        .where(*mine, quarantine.c.key.in_(keys), quarantine.c.resolved_at.is_(None))
        .values(resolved_at=func.now())
    )


def has_quarantine(connection: Connection, stream: Stream) -> bool:
    """Whether anything of the stream's format waits in quarantine: most often not, and then no page need look."""
    mine = (quarantine.c.repository_id == stream.repository_id, quarantine.c.format == stream.format)
    return (
        connection.execute(select(1).where(*mine, quarantine.c.resolved_at.is_(None)).limit(1)).first()
        is not None
    )
