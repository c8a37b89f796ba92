"""Records that are gone without a word: their tombstones, and how these are undone. Within the caller's transaction."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, func, null, select, text, update

from harvester.catalogue import history, writer
from harvester.catalogue.history import Kept
from harvester.catalogue.lasting_tables import history as versions
from harvester.catalogue.ledger import Stream
from harvester.catalogue.ledger_tables import runs
from harvester.catalogue.tables import pages, records

VANISHED = "vanished"  # records.deleted_reason: not listed any more, and GetRecord does not know it

_LOCK = text(
    "SELECT FROM records WHERE item_key = ANY(:keys) AND repository_id = :repository_id AND format = :format"
    " ORDER BY item_key FOR UPDATE"
)


class Changed(NamedTuple):
    """The records that were changed, and those of them that are held in other formats too."""

    keys: list[bytes]
    elsewhere: set[bytes]


def bury(
    connection: Connection, stream: Stream, keys: Sequence[bytes], *, page_id: int, at: datetime
) -> Changed:
    """Make tombstones of those of these records that live; entry and XML stay with them, and they in their sets.

    `page_id` is the page of the change feed that tells of them, `at` when the repository said that they are gone. Nothing is
    written of what was purged meanwhile.
    """
    return _change(
        connection,
        stream,
        keys,
        wanted=False,
        values={"deleted": True, "deleted_reason": VANISHED, "page_id": page_id, "received": at},
    )


def revive(connection: Connection, stream: Stream, keys: Sequence[bytes], *, page_id: int) -> Changed:
    """Undo `bury`: the records live again with all they had."""
    mine = (
        versions.c.item_key == records.c.item_key,
        versions.c.repository_id == records.c.repository_id,
        versions.c.format == records.c.format,
        ~versions.c.deleted,
    )
    came = (
        select(versions.c.received)
        .where(*mine)
        .order_by(versions.c.ended_by.desc())
        .limit(1)
        .scalar_subquery()
    )
    return _change(
        connection,
        stream,
        keys,
        wanted=True,
        values={
            "deleted": False,
            "deleted_reason": null(),
            "page_id": page_id,
            "received": func.coalesce(came, records.c.received),
        },
    )


def buried(connection: Connection, stream: Stream, plan_id: int, after: bytes, limit: int) -> list[bytes]:
    """Keys of the tombstones that the runs of a plan have made and that nothing has changed since, beyond `after`."""
    mine = select(pages.c.id).join(runs, runs.c.id == pages.c.run_id).where(runs.c.plan_id == plan_id)
    # Entries that are derived again, and takedowns, give a record another page: who ended its last version does not change.
    ended = (
        select(func.max(versions.c.ended_by))
        .where(
            versions.c.item_key == records.c.item_key,
            versions.c.repository_id == records.c.repository_id,
            versions.c.format == records.c.format,
        )
        .scalar_subquery()
    )
    found = select(records.c.item_key).where(
        records.c.repository_id == stream.repository_id,
        records.c.format == stream.format,
        records.c.deleted,
        records.c.deleted_reason == VANISHED,
        records.c.item_key > after,
        func.coalesce(ended, records.c.page_id).in_(mine),
    )
    return list(connection.scalars(found.order_by(records.c.item_key).limit(limit)))


def _change(
    connection: Connection,
    stream: Stream,
    keys: Sequence[bytes],
    *,
    wanted: bool,
    values: dict[str, object],
) -> Changed:
    """Write `values` into those of these records whose `deleted` is as wanted; `values["deleted"]` is the other."""
    own = {"repository_id": stream.repository_id, "format": stream.format}
    writer.keep_purges_out(connection)
    connection.execute(_LOCK, {"keys": sorted(keys)} | own)
    held = writer.known_records(connection, stream, keys)
    known = {
        key: each for key, each in held.known.items() if each.deleted is wanted and key not in held.purged
    }
    history.keep(connection, stream, int(str(values["page_id"])), dict.fromkeys(known, Kept.HEADER))
    these = (
        records.c.item_key.in_(known),
        records.c.repository_id == stream.repository_id,
        records.c.format == stream.format,
    )
    connection.execute(update(records).where(*these).values(values))
    live: Counter[int] = Counter()
    deleted: Counter[int] = Counter()
    for each in known.values():
        writer.tally_changes(each, (not wanted, each.proven_sets), live, deleted)
    writer.add_tallies(connection, stream, live, deleted)
    return Changed(sorted(known), held.elsewhere.intersection(known))
