"""The query module: find, get, count, changed_since. Read-only transactions, bound values, keyset paging, bounded time.

Every function takes an Engine and opens its own short transaction, so that a caller may take as long as he likes between
two batches. What is suppressed is nowhere to be found; the change feed tells it as deleted. Suppose `engine = open_catalogue(from_environment())`; then `for item in find(engine, "curie year:1900..")`.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, Select, false, func, or_, select, text, tuple_
from sqlalchemy.exc import DBAPIError

from harvester.catalogue.connection import catalogue_error
from harvester.catalogue.kept_xml import unpack as unpack_xml
from harvester.catalogue.keys import item_key
from harvester.catalogue.query_language import conditions, words
from harvester.catalogue.stored_entry import unpack
from harvester.catalogue.tables import SEARCH, pages, records, repositories, sets
from harvester.catalogue.takedowns import hidden, shown
from harvester.entry import Entry
from harvester.errors import ConfigError

BATCH = 500  # items per round trip
LONGEST_QUERY = "10s"
_QUERY_CANCELED = "57014"
EXPORT_SCHEMA = "1"


@dataclass(frozen=True, slots=True)
class Item:
    """One record with its entry; `entry` is None where a tombstone never had one. `sets` are setSpecs.

    `place` is where keyset paging goes on after this item: pass it as `after`.
    """

    repository: str
    identifier: str
    format: str
    datestamp: str
    deleted: bool
    sets: tuple[str, ...]
    entry: Entry | None
    crosswalk: str | None
    first_seen: datetime
    place: tuple[bytes, int, str]

    def export_line(self) -> dict[str, Any]:
        """The contract's export line (README, "The export line")."""
        return {
            "schema": EXPORT_SCHEMA,
            "repository": self.repository,
            "identifier": self.identifier,
            "format": self.format,
            "datestamp": self.datestamp,
            "deleted": self.deleted,
            "sets": list(self.sets),
            "entry": None if self.entry is None or self.deleted else self.entry.as_json(),
        }


@dataclass(frozen=True, slots=True)
class Scope:
    """Which records count: tombstones too, and every format of an item or only the one that stands for it."""

    deleted: bool = False
    all_formats: bool = False


_COLUMNS = [
    column for column in records.c if column.name not in ("xml", "about", "hash", "dictionary_id", "creators")
]


def find(
    engine: Engine,
    query: str = "",
    *,
    scope: Scope = Scope(),
    limit: int | None = None,
    after: Any = None,
) -> Iterator[Item]:
    """Stream items in key order, from `after` (an item's `place`) on; the memory used is one batch.

    Raises ConfigError for a query that cannot be meant, CatalogueError where Postgres fails.
    """
    return _stream(engine, [*conditions(query), *_scope(scope)], limit, after)


def _stream(engine: Engine, wanted: list[Any], limit: int | None, after: Any) -> Iterator[Item]:
    place, left = after, limit
    while left is None or left > 0:
        size = BATCH if left is None else min(BATCH, left)
        statement = select(*_COLUMNS).where(*wanted).order_by(*records.primary_key).limit(size)
        if place is not None:
            statement = statement.where(tuple_(*records.primary_key) > tuple_(*place))
        batch = _fetch(engine, statement)
        yield from batch
        if len(batch) < size:
            return
        place = batch[-1].place
        left = None if left is None else left - size


def search(engine: Engine, query: str, *, limit: int = 20) -> list[Item]:
    """The best matches first: by rank of the words, then the newest."""
    said = words(query)
    order = [func.ts_rank(SEARCH, func.plainto_tsquery("simple", said)).desc()] if said else []
    order += [records.c.datestamp.desc(), *records.primary_key]
    statement = select(*_COLUMNS).where(*conditions(query), *_scope(Scope()))
    return _fetch(engine, statement.order_by(*order).limit(limit))


def count(engine: Engine, query: str = "", *, scope: Scope = Scope()) -> int:
    """How many items match."""
    with reading(engine) as connection:
        statement = select(func.count()).select_from(records).where(*conditions(query), *_scope(scope))
        return connection.scalar(statement) or 0


def get(engine: Engine, identifier: str, *, repository: str | None = None) -> list[Item]:
    """Every record of an item, all formats, tombstones too; of one repository, or of all that know the identifier.

    The format that stands for the item comes first. Nothing of a suppressed item.
    """
    with reading(engine) as connection:
        keys = keys_of(connection, identifier, repository)
        mine = select(*_COLUMNS).where(records.c.item_key == func.any(keys), shown())
        order = (records.c.preferred.desc(), *records.primary_key)
        return _as_items(connection, connection.execute(mine.order_by(*order)).all())


def metadata_xml(engine: Engine, item: Item) -> bytes | None:
    """The kept metadata of a record, canonical XML; None where it never had any, or has been suppressed or purged since."""
    with reading(engine) as connection:
        row = connection.execute(
            select(records.c.xml, records.c.dictionary_id).where(
                tuple_(*records.primary_key) == tuple_(*item.place), shown()
            )
        ).one_or_none()
        if row is None or row.xml is None:
            return None
        return unpack_xml(connection, [(row.xml, row.dictionary_id)])[0]


def changed_since(engine: Engine, seq: int = 0, *, limit: int = BATCH) -> list[tuple[int, Item]]:
    """The change feed: records changed after `seq`, oldest first, each with its seq; tombstones and all formats included.

    A record stands where it changed last. At least `limit` records where there are so many: a page's records share one
    seq and come whole, so going on from the last seq seen misses none; an empty list is the end.

    A suppressed item comes as a deleted one without an entry, as whoever follows must have it; it comes again as it is when
    that is undone.
    """
    changed = records.join(pages, pages.c.id == records.c.page_id)
    last = (
        select(pages.c.seq)
        .select_from(changed)
        .where(pages.c.seq > seq)
        .order_by(pages.c.seq)
        .offset(limit - 1)
        .limit(1)
        .scalar_subquery()
    )
    statement = (
        select(*_COLUMNS, pages.c.seq, hidden().label("hidden"))
        .select_from(changed)
        .where(pages.c.seq > seq, or_(last.is_(None), pages.c.seq <= last))
        .order_by(pages.c.seq, *records.primary_key)
    )
    with reading(engine) as connection:
        found = connection.execute(statement).all()
        items = [
            replace(item, deleted=True, entry=None, crosswalk=None) if row.hidden else item
            for row, item in zip(found, _as_items(connection, found), strict=True)
        ]
        return list(zip((row.seq for row in found), items, strict=True))


def keys_of(connection: Connection, identifier: str, repository: str | None) -> list[bytes]:
    """The keys that an item with this identifier has or would have, in one repository or in all."""
    # Postgres can hold neither NUL nor lone surrogates.
    if any(
        "\0" in said or said.encode(errors="replace").decode() != said
        for said in (identifier, repository or "")
    ):
        return []
    chosen = select(repositories.c.id)
    if repository is not None:
        chosen = chosen.where(repositories.c.name == repository)
    return [item_key(number, identifier) for number in connection.scalars(chosen)]


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A connection that cannot write and whose questions end in bounded time. Raises ConfigError, CatalogueError."""
    try:
        with engine.connect() as connection:
            connection.execute(text("SET TRANSACTION READ ONLY"))
            connection.execute(text(f"SET LOCAL statement_timeout = '{LONGEST_QUERY}'"))
            yield connection
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) == _QUERY_CANCELED:
            raise ConfigError(
                f"the search takes longer than {LONGEST_QUERY}: ask for something narrower"
            ) from error
        raise catalogue_error(error) from error


def _scope(scope: Scope) -> list[Any]:
    limits: list[Any] = [shown()]
    if not scope.deleted:
        limits.append(records.c.deleted == false())
    if not scope.all_formats:
        limits.append(records.c.preferred)
    return limits


def _fetch(engine: Engine, statement: Select[Any]) -> list[Item]:
    with reading(engine) as connection:
        return _as_items(connection, connection.execute(statement).all())


def _as_items(connection: Connection, rows: Any) -> list[Item]:
    specs, names = look_up(connection, rows)
    return [_item(row, specs, names) for row in rows]


def look_up(connection: Connection, rows: Any) -> tuple[dict[int, str], dict[int, str]]:
    """The setSpecs, and the names of the repositories, that rows of records or of their history speak of by number."""
    # Two short look-ups for a batch: a join would bring in columns that the search expression does not mean.
    numbers = sorted({number for row in rows for number in row.sets})
    named = select(sets.c.id, sets.c.spec).where(sets.c.id == func.any(numbers))
    specs = {row.id: row.spec for row in connection.execute(named)} if numbers else {}
    owners = sorted({row.repository_id for row in rows})
    called = select(repositories.c.id, repositories.c.name).where(repositories.c.id == func.any(owners))
    names = {row.id: row.name for row in connection.execute(called)} if owners else {}
    return specs, names


def _item(row: Row[Any], specs: Mapping[int, str], names: Mapping[int, str]) -> Item:
    return Item(
        repository=names[row.repository_id],
        identifier=row.identifier,
        format=row.format,
        datestamp=datestamp(row.datestamp, row.datestamp_raw),
        deleted=row.deleted,
        sets=tuple(sorted(specs[number] for number in row.sets)),
        entry=None if row.entry is None else unpack(row.entry, row.title),
        crosswalk=row.crosswalk,
        first_seen=row.first_seen,
        place=(row.item_key, row.repository_id, row.format),
    )


def datestamp(value: datetime, raw: str) -> str:
    """In one of the two legal forms (OAI-PMH 2.0, section 3.3), with the granularity the repository gave."""
    utc = value.astimezone(UTC).replace(tzinfo=None)  # strftime would write the year 800 with three digits
    return utc.date().isoformat() if len(raw) == 10 else utc.isoformat(timespec="seconds") + "Z"
