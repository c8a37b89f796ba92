"""The census of a stream: which items a pass of ListIdentifiers has met, and what is held without being among them.

All comparisons are anti-joins in Postgres, read in the order of the keys: no list of everything is ever in memory.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, func, literal, or_, select, text

from harvester.catalogue.lasting_tables import census, reconciliations
from harvester.catalogue.ledger import Stream
from harvester.catalogue.tables import pages, records, tallies
from harvester.catalogue.takedowns import PURGED

BATCH = 50  # candidates read at a time: a few seconds' worth of questions
_FORGOTTEN = 20_000  # rows of one transaction when a census is removed

_ADD = text(
    "INSERT INTO census (plan_id, item_key) SELECT :plan_id, unnest(CAST(:keys AS bytea[])) ON CONFLICT DO NOTHING"
)
_FORGET = text(
    """
    DELETE FROM census USING (
        SELECT plan_id, item_key FROM census WHERE plan_id = ANY(:plans) LIMIT :limit) AS old
    WHERE census.plan_id = old.plan_id AND census.item_key = old.item_key
    """
)


@dataclass(frozen=True, slots=True)
class Pass:
    """A pass through a stream's identifiers: what is newer than `before`, or was written after `begun`, it cannot judge.

    `before` is the earlier of the server's date of its first answer and our date then; `begun` is by the catalogue's clock.
    """

    stream: Stream
    plan_id: int
    before: datetime
    begun: datetime


class Candidate(NamedTuple):
    """A live record that the pass has not met; or a deleted one that it has."""

    item_key: bytes
    identifier: str


class Found(NamedTuple):
    """What a pass has met (`listed`), and how many live records the stream has without (`absent`) and with it (`met`).

    `missing` are listed and not held.
    """

    listed: int
    absent: int
    missing: int
    met: bool


def add(connection: Connection, plan_id: int, keys: Iterable[bytes]) -> None:
    """The pass has met these items; once is enough."""
    wanted = sorted({*keys})
    if wanted:
        connection.execute(_ADD, {"plan_id": plan_id, "keys": wanted})


def live(connection: Connection, stream: Stream) -> int:
    """How many live records the stream has, by its roll-up: a stream of a set has its proven members."""
    return _tally(connection, stream, "live")


def held(connection: Connection, stream: Stream) -> int:
    """How many records the stream has, the deleted ones too."""
    return live(connection, stream) + _tally(connection, stream, "deleted")


def _tally(connection: Connection, stream: Stream, which: str) -> int:
    mine = (
        tallies.c.repository_id == stream.repository_id,
        tallies.c.format == stream.format,
        tallies.c.set_id == stream.set_id,
    )
    return connection.scalar(select(tallies.c[which]).where(*mine)) or 0


def take_stock(connection: Connection, of: Pass) -> Found:
    """Count, once the list has ended."""
    mine = census.c.plan_id == of.plan_id
    listed = connection.scalar(select(func.count()).select_from(census).where(mine))
    absent = connection.scalar(select(func.count()).select_from(_absent(of).subquery()))
    return Found(listed or 0, absent or 0, missing(connection, of), bool(witnesses(connection, of, 1)))


def missing(connection: Connection, of: Pass) -> int:
    """How many items are listed and not held in this format, or not known as members of this set."""
    known = [*_same_item(of.stream)]
    if of.stream.set_id:
        known.append(
            or_(records.c.proven_sets.contains([of.stream.set_id]), records.c.deleted_reason == PURGED)
        )
    unknown = select(func.count()).select_from(census).where(census.c.plan_id == of.plan_id)
    return connection.scalar(unknown.where(~select(1).where(*known).exists())) or 0


def candidates(connection: Connection, of: Pass, after: bytes, limit: int = BATCH) -> list[Candidate]:
    """Live records that the pass has not met, by key, beyond `after`."""
    return _some(connection, _absent(of, after), after, limit)


def returned(connection: Connection, of: Pass, after: bytes, limit: int = BATCH) -> list[Candidate]:
    """Records that are listed as live and held as deleted, by key, beyond `after`; not what was purged."""
    found = _met(of).where(records.c.deleted, records.c.deleted_reason.is_distinct_from(PURGED))
    return _some(connection, found.where(census.c.item_key > after), after, limit)


def witnesses(connection: Connection, of: Pass, limit: int = 3) -> list[str]:
    """Identifiers of live records that are listed: GetRecord must bring them, or it can confirm nothing."""
    met = _met(of).where(~records.c.deleted)
    return list(connection.scalars(met.with_only_columns(records.c.identifier).limit(limit)))


def forget(connection: Connection, stream: Stream) -> None:
    """Remove the censuses of the stream that nobody needs any more, in transactions of their own.

    The connection must not be in one. What a killed process has left is removed too.
    """
    over = select(reconciliations.c.plan_id).where(
        reconciliations.c.stream_id == stream.id,
        reconciliations.c.state.in_(("done", "abandoned", "reverted")),
    )
    with connection.begin():
        plans = list(connection.scalars(over))
    while plans:
        with connection.begin():
            gone = connection.execute(_FORGET, {"plans": plans, "limit": _FORGOTTEN}).rowcount
        if gone < _FORGOTTEN:
            return


def _some(connection: Connection, found: Select[Any], after: bytes, limit: int) -> list[Candidate]:
    # A hash of what is left of the census would be made for every batch; by the two indexes a batch ends where it is full.
    connection.execute(text("SET LOCAL enable_hashjoin = off"))
    wanted = found.where(records.c.item_key > after).order_by(records.c.item_key).limit(limit)
    return [Candidate(row.item_key, row.identifier) for row in connection.execute(wanted)]


def _absent(of: Pass, after: bytes = b"") -> Select[Any]:
    # What a harvest has brought or changed since the pass began is there, whatever its datestamp says.
    since = select(1).where(
        pages.c.id == records.c.page_id, pages.c.run_id.is_not(None), pages.c.committed_at >= of.begun
    )
    listed = select(1).where(
        census.c.plan_id == of.plan_id,
        census.c.item_key == records.c.item_key,
        census.c.item_key > after,
    )
    return select(records.c.item_key, records.c.identifier).where(
        *_held(of.stream),
        ~records.c.deleted,
        records.c.first_seen < of.begun,
        ~listed.exists(),
        ~since.exists(),
    )


def _met(of: Pass) -> Select[Any]:
    return (
        select(records.c.item_key, records.c.identifier)
        .join(census, census.c.item_key == records.c.item_key)
        .where(*_held(of.stream), census.c.plan_id == of.plan_id)
    )


def _held(stream: Stream) -> list[ColumnElement[bool]]:
    mine = [records.c.repository_id == stream.repository_id, records.c.format == stream.format]
    if stream.set_id:
        # `sets` holds the proven ones too, and has an index.
        mine += [
            records.c.sets.contains([stream.set_id]),
            records.c.proven_sets.contains([stream.set_id]),
        ]
    return mine


def _same_item(stream: Stream) -> list[ColumnElement[bool]]:
    return [
        records.c.item_key == census.c.item_key,
        records.c.repository_id == literal(stream.repository_id),
        records.c.format == stream.format,
    ]
