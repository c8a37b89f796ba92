"""Reading the catalogue's own records again: in batches by key, each written and marked in one transaction.

The keys are hashes, so the catalogue falls into slices of the same size, which several processes work on. A row that a
harvest has changed since it was read is left alone: the harvest has read it with the same code.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, NamedTuple, cast

import psycopg
from sqlalchemy import Connection, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import DBAPIError

from harvester.catalogue import audit, page_marks
from harvester.catalogue.connection import driver_error
from harvester.catalogue.reading_tables import renormalisations
from harvester.catalogue.tables import tallies
from harvester.catalogue.writer import EntryColumns

SLICES = 16
ALL = 0  # the scope of all repositories; else a repository's number
_LOCK = 0x72656E6F726D  # "renorm" in ASCII
_READERS = 0x726561646572  # "reader" in ASCII
# Far below Postgres's deadlock_timeout of 1 s: where a harvest and we wait for each other, it is we who give way.
_PATIENCE = "300ms"
_BUSY = "55P03"  # PostgreSQL, appendix A: lock_not_available
_BEGIN, _END = b"", b"\xff" * 17

Unread = Mapping[tuple[int, str], Counter[str]]  # by repository and format


class Stored(NamedTuple):
    """A record as stored; `sets` are numbers, `entry` is what the columns of the entry hold, its JSON as text."""

    item_key: bytes
    repository_id: int
    format: str
    datestamp: datetime
    received: datetime | None
    deleted: bool
    sets: list[int]
    page_id: int
    xml: bytes
    dictionary_id: int | None
    entry: EntryColumns

    @property
    def key(self) -> tuple[bytes, int, str]:
        return self[:3]


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of the keys, and how far it was read: everything up to and including `last`."""

    scope: int
    number: int
    last: tuple[bytes, int, str] | None = None
    read: int = 0
    changed: int = 0
    kept: int = 0
    unread: Unread = field(default_factory=dict)

    def after(self, last: tuple[bytes, int, str], *, read: int, kept: int, unread: Unread) -> "Slice":
        """The slice after a batch that ends with `last`."""
        more = {key: audit.bounded(self.unread.get(key, Counter()) + unread[key]) for key in unread}
        return replace(
            self, last=last, read=self.read + read, kept=self.kept + kept, unread={**self.unread, **more}
        )


def take(connection: Connection) -> bool:
    """Whether we are the only one who reads records again: a lock until the connection ends."""
    with connection.begin():
        if not connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": _LOCK}):
            return False
    try:
        with connection.begin():
            # What is left of a call that was killed ends with the batch in hand.
            connection.execute(text("SET LOCAL lock_timeout = '30s'"))
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _READERS})
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) != _BUSY:
            raise
        return False
    return True


def take_part(connection: Connection) -> None:
    """Show that a process of this renormalisation works: until its connection ends, nobody begins another."""
    with connection.begin():
        connection.execute(text("SELECT pg_advisory_lock_shared(:key)"), {"key": _READERS})


def open_slices(connection: Connection, scope: int, versions: Mapping[str, int]) -> list[Slice]:
    """The slices that are not finished; all of them, where nothing was begun with these versions."""
    mine = renormalisations.c.repository_id == scope
    with connection.begin():
        connection.execute(
            delete(renormalisations).where(mine, renormalisations.c.versions != dict(versions))
        )
        rows = [{"repository_id": scope, "slice": n, "versions": dict(versions)} for n in range(SLICES)]
        connection.execute(upsert(renormalisations).on_conflict_do_nothing(), rows)
        found = connection.execute(
            select(renormalisations)
            .where(mine, ~renormalisations.c.finished)
            .order_by(renormalisations.c.slice)
        ).all()
    return [
        Slice(scope, row.slice, _key(row.last_key), row.read, row.changed, row.kept, _unread(row.unread))
        for row in found
    ]


def so_far(connection: Connection, scope: int) -> tuple[int, int, int]:
    """(records read, entries changed, records that keep theirs) over all slices."""
    columns = (renormalisations.c[name] for name in ("read", "changed", "kept"))
    with connection.begin():
        row = connection.execute(
            select(*(func.coalesce(func.sum(column), 0) for column in columns)).where(
                renormalisations.c.repository_id == scope
            )
        ).one()
    return int(row[0]), int(row[1]), int(row[2])


def expected(connection: Connection, scope: int) -> int:
    """How many records there are to read, by the roll-ups (deleted ones, which may have no metadata, among them)."""
    mine = tallies.c.repository_id == scope if scope else text("true")
    with connection.begin():
        total = connection.scalar(
            select(func.sum(tallies.c.live + tallies.c.deleted)).where(tallies.c.set_id == 0, mine)
        )
    return int(total or 0)


_COLUMNS = (
    "item_key, repository_id, format, datestamp, received, deleted, sets, page_id, xml, dictionary_id, "
    + ", ".join(name if name != "entry" else "entry::text" for name in EntryColumns._fields)
)
_NEXT = (
    f"SELECT {_COLUMNS} FROM records WHERE (item_key, repository_id, format) > (%(item_key)s, %(repository_id)s, %(format)s)"  # noqa: S608 - names of columns
    " AND item_key < %(end)s AND xml IS NOT NULL AND (%(scope)s = 0 OR repository_id = %(scope)s)"
    " ORDER BY item_key, repository_id, format LIMIT %(limit)s"
)


def next_batch(connection: Connection, each: Slice, limit: int) -> list[Stored]:
    """The next records of a slice, in the order of their keys."""
    begin, end = _bounds(each.number)
    item_key, repository_id, format_ = each.last or (begin, -1, "")
    values = {"item_key": item_key, "repository_id": repository_id, "format": format_}
    values |= {"end": end, "scope": each.scope, "limit": limit}
    with connection.begin():
        driver = cast(psycopg.Connection[Any], connection.connection.driver_connection)
        try:
            # Binary: most of it is compressed XML, which as text is twice as long.
            with driver.cursor(binary=True) as cursor:
                cursor.execute(_NEXT, values)
                rows = cursor.fetchall()
        except psycopg.Error as error:
            raise driver_error(connection, error) from error
    return [Stored._make((*row[:10], EntryColumns._make(row[10:]))) for row in rows]


_REWRITE = """
    UPDATE records SET crosswalk = new.crosswalk, crosswalk_version = new.crosswalk_version,
        crosswalk_schema = new.crosswalk_schema, title = new.title, creators = new.creators, doi = new.doi,
        year = new.year, type = new.type, entry = new.entry::jsonb, page_id = %(page)s
    FROM unnest(%(item_key)s::bytea[], %(repository_id)s::int[], %(format)s::text[], %(was)s::bigint[],
        %(crosswalk)s::text[], %(crosswalk_version)s::smallint[], %(crosswalk_schema)s::text[], %(title)s::text[],
        %(creators)s::text[], %(doi)s::text[], %(year)s::int[], %(type)s::text[], %(entry)s::text[])
        AS new(item_key, repository_id, format, was, crosswalk, crosswalk_version, crosswalk_schema, title, creators,
        doi, year, type, entry)
    WHERE records.item_key = new.item_key AND records.repository_id = new.repository_id
        AND records.format = new.format AND records.page_id = new.was
"""


def rewrite(
    connection: Connection, changed: Sequence[tuple[Stored, EntryColumns]]
) -> page_marks.Rewritten | None:
    """Write the entries that changed, as a page of their own; the change feed then tells of them. Call `mark` next.

    Raises DBAPIError where a harvest is writing some of these rows (`is_busy`).
    """
    connection.execute(text(f"SET LOCAL lock_timeout = '{_PATIENCE}'"))
    if not changed:
        return None
    page_id = page_marks.draw(connection)
    columns: dict[str, Any] = {
        name: [getattr(entry, name) for _, entry in changed] for name in EntryColumns._fields
    }
    columns |= {
        name: [getattr(stored, name) for stored, _ in changed]
        for name in ("item_key", "repository_id", "format")
    }
    columns |= {"was": [stored.page_id for stored, _ in changed], "page": page_id}
    written = connection.exec_driver_sql(_REWRITE, columns).rowcount
    return page_marks.Rewritten(page_id, written) if written else None


def is_busy(error: DBAPIError) -> bool:
    """Whether a harvest was in our way, or we in its: to be tried again."""
    return getattr(error.orig, "sqlstate", None) in (_BUSY, "40P01")  # the latter: deadlock_detected


def mark(connection: Connection, each: Slice, page: page_marks.Rewritten | None) -> None:
    """Keep how far the slice was read; the last of a batch's transaction, for the feed's lock is held from here on."""
    connection.execute(text("SET LOCAL lock_timeout TO DEFAULT"))
    key = None if each.last is None else [each.last[0].hex(), *each.last[1:]]
    said = [[*owner, dict(counted)] for owner, counted in each.unread.items()]
    values = {"last_key": key, "unread": said, "updated_at": func.now()}
    counts = {"read": each.read, "changed": each.changed, "kept": each.kept}
    connection.execute(_row_of(each).values(values | counts))
    if page is not None:
        page_marks.publish_rewritten(connection, page)


def end_slice(connection: Connection, each: Slice) -> None:
    """The slice is read to its end."""
    with connection.begin():
        connection.execute(_row_of(each).values(finished=True, updated_at=func.now()))


def _row_of(each: Slice) -> Any:
    return update(renormalisations).where(
        renormalisations.c.repository_id == each.scope, renormalisations.c.slice == each.number
    )


def finish(connection: Connection, scope: int) -> None:
    """All slices are read: their counts of unread elements stand in the audit, and the next time begins anew.

    Where all repositories were read, nobody need go on with one of them.
    """
    mine = renormalisations.c.repository_id == scope
    with connection.begin():
        begun = connection.execute(select(func.min(renormalisations.c.begun_at)).where(mine)).scalar_one()
        total: dict[tuple[int, str], Counter[str]] = {}
        for row in connection.execute(select(renormalisations.c.unread).where(mine)):
            for key, counted in _unread(row.unread).items():
                total.setdefault(key, Counter()).update(counted)
        audit.replace(connection, scope or None, total, since=begun)
        connection.execute(delete(renormalisations).where(mine if scope else text("true")))


def _bounds(number: int) -> tuple[bytes, bytes]:
    width = 256 // SLICES
    begin = bytes([number * width]) if number else _BEGIN
    end = bytes([(number + 1) * width]) if number + 1 < SLICES else _END
    return begin, end


def _key(stored: list[Any] | None) -> tuple[bytes, int, str] | None:
    return None if stored is None else (bytes.fromhex(stored[0]), stored[1], stored[2])


def _unread(stored: Any) -> dict[tuple[int, str], Counter[str]]:
    return {(repository_id, format_): Counter(counted) for repository_id, format_, counted in stored or ()}
