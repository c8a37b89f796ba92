"""The page writer: a page's records, within the page's transaction.

Hashes are read first, so that an unchanged record costs no write; keys are sorted, so that two writers cannot deadlock.
Statements are made once, for making one costs as much as running it.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NamedTuple, cast

import psycopg
from sqlalchemy import Connection, bindparam, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.dialects.postgresql.psycopg import dialect

from harvester.catalogue.connection import driver_error
from harvester.catalogue.ledger import Stream
from harvester.catalogue.tables import records, tallies
from harvester.catalogue.takedowns import PURGED

Key = bytes


class Known(NamedTuple):
    """What the catalogue holds of a record: enough to tell whether anything changed."""

    hash: bytes | None
    datestamp_raw: str
    sets: list[int]
    proven_sets: list[int]
    deleted: bool
    about: bytes | None


class Held(NamedTuple):
    """What the catalogue holds of a page's items."""

    known: dict[Key, Known]  # in the stream's format
    elsewhere: set[Key]  # in other formats too
    purged: set[Key]  # emptied for good: nothing of them may be written


class RecordColumns(NamedTuple):
    """The columns of `records` that are not the entry's, as COPY takes them: sets are array literals."""

    item_key: Key
    repository_id: int
    format: str
    identifier: str
    datestamp: datetime
    datestamp_raw: str
    sets: str
    proven_sets: str
    deleted: bool
    deleted_reason: str | None
    page_id: int
    received: datetime
    hash: bytes | None
    xml: bytes | None
    dictionary_id: int | None
    about: bytes | None
    preferred: bool = True


class EntryColumns(NamedTuple):
    """The columns of `records` that an entry fills, all null for a tombstone that never had one; `entry` is JSON text."""

    crosswalk: str | None = None
    crosswalk_version: int | None = None
    crosswalk_schema: str | None = None
    title: str | None = None
    creators: str | None = None
    doi: str | None = None
    year: int | None = None
    type: str | None = None
    entry: str | None = None


Row = tuple[RecordColumns, EntryColumns]

_NAMES = RecordColumns._fields + EntryColumns._fields
_ROW: dict[str, Any] = {name: bindparam(name) for name in _NAMES}
_INSERT = upsert(records).values(_ROW)
_UPSERT = _INSERT.on_conflict_do_update(
    index_elements=[records.c.item_key, records.c.repository_id, records.c.format],
    set_={
        name: _INSERT.excluded[name]
        for name in _ROW
        if name not in ("item_key", "repository_id", "format", "identifier")
    },
)
# Compiled once: SQLAlchemy's own handling of each parameter of each row costs as much as everything else in Python together.
_UPSERT_SQL = str(_UPSERT.compile(dialect=dialect()))  # type: ignore[no-untyped-call]
# COPY takes half the time of an upsert, on both sides; it serves where the keys were not found.
_COPY = f"COPY records ({', '.join(_NAMES)}) FROM STDIN"
_THIS = (
    records.c.item_key == bindparam("b_item_key"),
    records.c.repository_id == bindparam("b_repository_id"),
    records.c.format == bindparam("b_format"),
)
_TOUCHED = (
    "datestamp",
    "datestamp_raw",
    "sets",
    "proven_sets",
    "deleted",
    "deleted_reason",
    "about",
    "page_id",
    "received",
)
_TOUCH = update(records).where(*_THIS).values({name: bindparam(name) for name in _TOUCHED})
# The driver's own rows: SQLAlchemy's handling of two arrays in each would cost as much as the query.
_KNOWN = (
    f"SELECT item_key, format, deleted_reason, {', '.join(Known._fields)} FROM records"  # noqa: S608 - names of columns
    " WHERE item_key = ANY(%(keys)s) AND repository_id = %(repository_id)s"
)
_KEEP_OUT = text("LOCK TABLE records IN ROW EXCLUSIVE MODE")
_READ_AGAIN = update(records).where(*_THIS).values({name: bindparam(name) for name in EntryColumns._fields})
_ADDED = upsert(tallies)
_TALLY = _ADDED.on_conflict_do_update(
    index_elements=["repository_id", "format", "set_id"],
    set_={name: tallies.c[name] + _ADDED.excluded[name] for name in ("live", "deleted")},
)
# Which format stands for an item: a live one before a deleted one, then the order given (the crosswalk with its schema
# where that is named, else the crosswalk), then the prefix.
_PREFER = text(
    """
    UPDATE records SET preferred = (records.format = best.format)
    FROM (SELECT DISTINCT ON (item_key) item_key, format FROM records
          WHERE item_key = ANY(:keys) AND repository_id = :repository_id
          ORDER BY item_key, deleted, coalesce(
              array_position(CAST(:crosswalks AS text[]), crosswalk || ' ' || crosswalk_schema),
              array_position(CAST(:crosswalks AS text[]), crosswalk)) NULLS LAST, format) AS best
    WHERE records.item_key = best.item_key AND records.repository_id = :repository_id
      AND records.preferred <> (records.format = best.format)
    """
)


def known_records(connection: Connection, stream: Stream, keys: Sequence[Key]) -> Held:
    """What is held of the items with these keys, in all formats."""
    found = Held({}, set(), set())
    rows = connection.exec_driver_sql(_KNOWN, {"keys": list(keys), "repository_id": stream.repository_id})
    for key, format_, reason, *held in rows:
        if reason == PURGED:
            found.purged.add(key)
        if format_ == stream.format:
            found.known[key] = Known(*held)
        else:
            found.elsewhere.add(key)
    return found


def keep_purges_out(connection: Connection) -> None:
    """Until the end of the transaction: an item that is looked at now is not purged before it is written.

    For what moves no window; a page that does keeps them out by that.
    """
    connection.execute(_KEEP_OUT)


@contextmanager
def inserting(connection: Connection) -> Iterator[Callable[[Row], None]]:
    """Gives a function that sends one whole new row, by COPY, without waiting for the server.

    The server works on the rows while the caller prepares the next; errors come at the end of the block, an IntegrityError
    where a row is there already.
    """
    driver = cast(psycopg.Connection[Any], connection.connection.driver_connection)
    try:
        with driver.cursor() as cursor, cursor.copy(_COPY) as copy:
            yield lambda row: copy.write_row(row[0] + row[1])
    except psycopg.Error as error:
        raise driver_error(connection, error) from error


def replace_records(connection: Connection, rows: Sequence[Row]) -> None:
    """Write whole rows over those with the same keys, or insert them."""
    if rows:
        connection.exec_driver_sql(
            _UPSERT_SQL, [record._asdict() | entry._asdict() for record, entry in rows]
        )


def touch_records(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write datestamp, sets, deletion and <about> only: the metadata did not change. Keys as `key_values` gives them."""
    if rows:
        connection.execute(_TOUCH, list(rows))


def key_values(stream: Stream, key: Key) -> dict[str, Any]:
    """The key of one row, under the names that the updates of this module bind it by."""
    return {"b_item_key": key, "b_repository_id": stream.repository_id, "b_format": stream.format}


def entries(connection: Connection, stream: Stream, keys: Sequence[Key]) -> dict[Key, tuple[str | None, Any]]:
    """The stored (title, entry) of records of the stream's format."""
    mine = (records.c.repository_id == stream.repository_id, records.c.format == stream.format)
    rows = connection.execute(
        select(records.c.item_key, records.c.title, records.c.entry).where(
            *mine, records.c.item_key.in_(keys)
        )
    )
    return {row.item_key: (row.title, row.entry) for row in rows}


def rewrite_entries(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write the columns of the entry only; `entry` is the JSON value. Keys as `key_values` gives them."""
    if rows:
        connection.execute(_READ_AGAIN, list(rows))


def prefer(
    connection: Connection, repository_id: int, keys: Iterable[Key], crosswalks: Sequence[str]
) -> None:
    """Recompute which format stands for each of these items; only for items with several formats."""
    wanted = sorted(keys)
    if wanted:
        connection.execute(
            _PREFER, {"keys": wanted, "repository_id": repository_id, "crosswalks": list(crosswalks)}
        )


def add_tallies(
    connection: Connection, stream: Stream, live: Mapping[int, int], deleted: Mapping[int, int]
) -> None:
    """Add to the roll-up counts by set id (0: all); so that no one ever counts the records."""
    changed = [
        {
            "repository_id": stream.repository_id,
            "format": stream.format,
            "set_id": set_id,
            "live": live.get(set_id, 0),
            "deleted": deleted.get(set_id, 0),
        }
        for set_id in sorted({*live, *deleted})
        if live.get(set_id) or deleted.get(set_id)
    ]
    if changed:
        connection.execute(_TALLY, changed)


def tally_changes(
    before: Known | None, after: tuple[bool, Sequence[int]], live: Counter[int], deleted: Counter[int]
) -> None:
    """Count one record's change of state in `live` and `deleted`, by set id; `after` is (deleted, proven sets)."""
    if before is not None:
        for set_id in (0, *before.proven_sets):
            (deleted if before.deleted else live)[set_id] -= 1
    for set_id in (0, *after[1]):
        (deleted if after[0] else live)[set_id] += 1
