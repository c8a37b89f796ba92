"""The page writer: one page's records, counters, quarantine and window progress in one transaction, behind a fence.

All of it commits or none, so a harvest cut anywhere resumes with no page lost and none applied twice. Hashes are read
first, so that an unchanged record costs no write; keys are sorted, so that two writers cannot deadlock.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import zstandard
from sqlalchemy import Connection, bindparam, func, insert, literal, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.dialects.postgresql import psycopg

from harvester.catalogue.keys import bytes_key, text_key
from harvester.catalogue.ledger import Stream, Window
from harvester.catalogue.tables import feed_seq, page_ids, pages, plans, quarantine, records, tallies, windows
from harvester.errors import Fenced

_FEED_LOCK = 0x66656564  # "feed" in ASCII

Key = bytes


@dataclass(frozen=True, slots=True)
class Known:
    """What the catalogue holds of a record: enough to tell whether anything changed."""

    hash: bytes | None
    datestamp_raw: str
    sets: list[int]
    proven_sets: list[int]
    deleted: bool


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a window stands after a page; `ending` is None while a token follows."""

    received: int
    response_date: datetime
    token: str | None
    token_received_at: datetime | None
    token_life: float | None
    complete_list_size: int | None
    ending: str | None
    reread: bool
    restarts: bool


_ROW: dict[str, Any] = {name: bindparam(name) for name in records.c.keys() if name != "first_seen"}  # noqa: SIM118 - a column collection
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
_UPSERT_SQL = str(_UPSERT.compile(dialect=psycopg.dialect()))  # type: ignore[no-untyped-call]
_THIS = (
    records.c.item_key == bindparam("b_item_key"),
    records.c.repository_id == bindparam("b_repository_id"),
    records.c.format == bindparam("b_format"),
)
_TOUCHED = ("datestamp", "datestamp_raw", "sets", "proven_sets", "deleted", "deleted_reason", "page_id")
_TOUCH = update(records).where(*_THIS).values({name: bindparam(name) for name in _TOUCHED})
_KNOWN = select(
    records.c.item_key,
    records.c.format,
    records.c.hash,
    records.c.datestamp_raw,
    records.c.sets,
    records.c.proven_sets,
    records.c.deleted,
).where(
    records.c.item_key == func.any(bindparam("keys", type_=None)),
    records.c.repository_id == bindparam("repository_id"),
)
# Which format stands for an item: a live one before a deleted one, then the order given, then the prefix.
_PREFER = text(
    """
    UPDATE records SET preferred = (records.format = best.format)
    FROM (SELECT DISTINCT ON (item_key) item_key, format FROM records
          WHERE item_key = ANY(:keys) AND repository_id = :repository_id
          ORDER BY item_key, deleted, array_position(CAST(:crosswalks AS text[]), crosswalk) NULLS LAST, format) AS best
    WHERE records.item_key = best.item_key AND records.repository_id = :repository_id
      AND records.preferred <> (records.format = best.format)
    """
)


def move_window(connection: Connection, window: Window, mark: Mark) -> tuple[int, int]:
    """Move a window past a page; return the page's id and its number in the window.

    A mark that restarts makes this page the window's first: the dead token is forgotten only now that the list has begun
    again, so that a server that is down for a while costs nothing.

    Raises Fenced where another worker has claimed the window since: the page must be dropped.
    """
    moved = connection.execute(
        update(windows)
        .where(windows.c.id == window.id, windows.c.fence == window.fence, windows.c.state == "open")
        .values(
            token=mark.token,
            token_received_at=mark.token_received_at,
            token_life=mark.token_life,
            **_progress(mark),
            ending=mark.ending,
            updated_at=func.now(),
        )
        .returning(page_ids.next_value(), windows.c.pages)
    ).one_or_none()
    if moved is None:
        raise Fenced("another process holds this window now: the page was dropped, nothing was written twice")
    page_id, number = moved
    if number == 1:
        first = (plans.c.id == window.plan_id, plans.c.candidate_watermark.is_(None))
        connection.execute(update(plans).where(*first).values(candidate_watermark=mark.response_date))
    return page_id, number


def _progress(mark: Mark) -> dict[str, Any]:
    if mark.restarts:
        return {
            "complete_list_size": mark.complete_list_size,
            "pages": 1,
            "received": mark.received,
            "reread": False,
            "restarts": windows.c.restarts + 1,
        }
    return {
        "complete_list_size": func.coalesce(mark.complete_list_size, windows.c.complete_list_size),
        "pages": windows.c.pages + 1,
        "received": windows.c.received + mark.received,
        "reread": or_(windows.c.reread, literal(mark.reread)),
    }


def known_records(
    connection: Connection, stream: Stream, keys: Sequence[Key]
) -> tuple[dict[Key, Known], set[Key]]:
    """What is held of these keys in the stream's format, and which of them are held in other formats too."""
    found: dict[Key, Known] = {}
    elsewhere: set[Key] = set()
    for key, format_, *held in connection.execute(
        _KNOWN, {"keys": list(keys), "repository_id": stream.repository_id}
    ):
        if format_ == stream.format:
            found[key] = Known(*held)
        else:
            elsewhere.add(key)
    return found, elsewhere


def write_records(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert or replace whole rows; the caller has sorted them by key and each key comes once.

    Values are the driver's: `entry` is JSON text, `sets` and `proven_sets` are array literals.
    """
    if rows:
        connection.exec_driver_sql(_UPSERT_SQL, list(rows))


def touch_records(connection: Connection, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write datestamp, sets and deletion only: the metadata did not change."""
    values = [
        {
            ("b_" + name if name in ("item_key", "repository_id", "format") else name): value
            for name, value in row.items()
        }
        for row in rows
    ]
    if values:
        connection.execute(_TOUCH, values)


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
    for set_id in sorted({*live, *deleted}):
        if live.get(set_id) or deleted.get(set_id):
            key = {"repository_id": stream.repository_id, "format": stream.format, "set_id": set_id}
            fresh = upsert(tallies).values(**key, live=live.get(set_id, 0), deleted=deleted.get(set_id, 0))
            connection.execute(
                fresh.on_conflict_do_update(
                    index_elements=list(key),
                    set_={
                        "live": tallies.c.live + fresh.excluded.live,
                        "deleted": tallies.c.deleted + fresh.excluded.deleted,
                    },
                )
            )


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


def publish(
    connection: Connection, window: Window, run_id: int, page: tuple[int, int], counts: tuple[int, int]
) -> None:
    """Draw the page's place in the change feed; the last statement before the commit, since it takes a lock until then.

    `page` is (id, number in the window), `counts` is (received, changed).
    """
    connection.execute(select(func.pg_advisory_xact_lock(_FEED_LOCK)))
    connection.execute(
        insert(pages).values(
            id=page[0],
            number=page[1],
            seq=feed_seq.next_value(),
            run_id=run_id,
            window_id=window.id,
            received=counts[0],
            changed=counts[1],
        )
    )


def tally_changes(
    before: Known | None, after: tuple[bool, Sequence[int]], live: Counter[int], deleted: Counter[int]
) -> None:
    """Count one record's change of state in `live` and `deleted`, by set id; `after` is (deleted, proven sets)."""
    if before is not None:
        for set_id in (0, *before.proven_sets):
            (deleted if before.deleted else live)[set_id] -= 1
    for set_id in (0, *after[1]):
        (deleted if after[0] else live)[set_id] += 1
