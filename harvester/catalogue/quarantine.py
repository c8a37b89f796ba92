"""Quarantine: what could not be read, kept whole until it comes whole.

A row is never removed. It waits, or it is resolved: `came_whole`, `gone` (the repository no longer has it) or `purged`.
What is done about what waits is in `retries.py`.
"""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import Any, NamedTuple
from xml.sax.saxutils import escape

import zstandard
from sqlalchemy import ColumnElement, Connection, case, func, null, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from harvester.catalogue.keys import bytes_key, text_key
from harvester.catalogue.ledger import Stream
from harvester.catalogue.reading_tables import quarantine
from harvester.catalogue.takedowns import PURGED

CAME_WHOLE = "came_whole"
UNREADABLE_WINDOW = "unreadable_window"  # no record, but the dates between which nothing could be had
# With these the bytes are the record's own; with any other they are only what the repository said in its place.
OWN_BYTES = (
    "malformed_record",
    "record_too_large",
    "no_header",
    "no_identifier",
    "identifier_too_long",
    "too_many_elements",
)
FIRST_RETRY = timedelta(days=1)
WAITS = quarantine.c.resolved_at.is_(None)
_EMPTY = zstandard.compress(b"")


class PutAside(NamedTuple):
    """What could not be read. `position` is of its first byte in the answer, `evidence` of the request that brought it."""

    reason: str
    raw: bytes
    identifier: str | None
    position: int | None = None
    evidence: dict[str, Any] | None = None


def put_aside(
    connection: Connection,
    stream: Stream,
    run_id: int,
    broken: Iterable[PutAside | tuple[str, bytes, str | None]],
) -> None:
    """Quarantine (reason, raw bytes, identifier, ...): kept whole, and once however often it comes again.

    The same again leaves the date of its next retry; an answer without bytes of the record does not replace such bytes.
    """
    for each in broken:
        _put(connection, stream, run_id, PutAside(*each))


def _put(connection: Connection, stream: Stream, run_id: int, each: PutAside) -> None:
    evidence = null() if each.evidence is None else each.evidence
    fresh = upsert(quarantine).values(
        repository_id=stream.repository_id,
        format=stream.format,
        set_spec=stream.set_spec,
        key=_key(stream, each),
        identifier=each.identifier,
        reason=each.reason,
        raw=zstandard.compress(each.raw),
        position=each.position,
        evidence=evidence,
        run_id=run_id,
        retry_at=func.now() + FIRST_RETRY,
    )
    anew = quarantine.c.resolved_at.is_not(None)
    replaces = or_(anew, quarantine.c.reason.not_in(OWN_BYTES), fresh.excluded.reason.in_(OWN_BYTES))
    tells = or_(replaces, fresh.excluded.evidence.is_not(None))
    latest = (
        {name: _either(replaces, fresh, name) for name in ("reason", "raw", "position")}
        | {name: _either(anew, fresh, name) for name in ("set_spec", "retry_at")}
        | {"evidence": _either(tells, fresh, "evidence"), "tries": case((anew, 0), else_=quarantine.c.tries)}
        | {"run_id": run_id, "last_seen": func.now(), "resolved_at": None, "resolution": None}
    )
    connection.execute(
        fresh.on_conflict_do_update(
            index_elements=["repository_id", "format", "key"],
            set_=latest,
            where=quarantine.c.resolution.is_distinct_from(PURGED),
        )
    )


def _either(condition: ColumnElement[bool], fresh: Any, name: str) -> ColumnElement[Any]:
    return case((condition, fresh.excluded[name]), else_=quarantine.c[name])


def _key(stream: Stream, each: PutAside) -> bytes:
    if each.identifier is not None:
        return text_key(each.identifier)
    if each.reason != UNREADABLE_WINDOW:
        return bytes_key(each.raw)
    place = json.loads(
        each.raw
    )  # what was said there differs from one time to the next, and dates are of a set
    return bytes_key(json.dumps([stream.set_spec, place["from"], place["until"]]).encode())


def release(connection: Connection, stream: Stream, identifiers: Sequence[str]) -> None:
    """What came whole this time is no longer in quarantine."""
    keys = [text_key(identifier) for identifier in identifiers]
    connection.execute(
        update(quarantine)
        .where(*of_format(stream), quarantine.c.key.in_(keys), WAITS)
        .values(resolved_at=func.now(), resolution=CAME_WHOLE)
    )


def has_quarantine(connection: Connection, stream: Stream) -> bool:
    """Whether anything of the stream's format waits in quarantine: most often not, and then no page need look."""
    found = select(1).where(*of_format(stream), WAITS).limit(1)
    return connection.execute(found).first() is not None


def of_format(stream: Stream) -> tuple[ColumnElement[bool], ...]:
    """A record may have been put aside by a stream of another set: it is the same record."""
    return quarantine.c.repository_id == stream.repository_id, quarantine.c.format == stream.format


def purge(connection: Connection, repository_id: int, identifier: str) -> int:
    """Empty what waits or waited under this identifier, and what has none and names it; return how many.

    The rows stay, resolved as `purged`, without the bytes and without what a failed request had answered.
    """
    key = text_key(identifier)
    mine = (
        quarantine.c.repository_id == repository_id,
        or_(
            quarantine.c.key == key, quarantine.c.identifier == identifier, quarantine.c.identifier.is_(None)
        ),
        quarantine.c.raw != _EMPTY,
    )
    names_it = naming([identifier])
    columns = (quarantine.c.id, quarantine.c.identifier, quarantine.c.raw)
    # A few at a time: what could not be read may be large.
    rows = connection.execute(select(*columns).where(*mine), execution_options={"yield_per": 20})
    found = [row.id for row in rows if row.identifier is not None or names_it(zstandard.decompress(row.raw))]
    emptied = {"raw": _EMPTY, "position": null(), "evidence": null(), "resolution": PURGED}
    connection.execute(
        update(quarantine)
        .where(quarantine.c.id.in_(found))
        .values(emptied | {"resolved_at": func.coalesce(quarantine.c.resolved_at, func.now())})
    )
    return len(found)


def naming(identifiers: Iterable[str]) -> Callable[[bytes], bool]:
    """A test whether bytes that could not be read name one of these identifiers, plain or escaped as XML has it."""
    forms = {form.encode() for each in identifiers for form in (each, escape(each))}
    if not forms:
        return lambda _: False
    any_of = b"|".join(re.escape(form) for form in sorted(forms))
    # Whole: `oai:x:1` does not name `oai:x:12`.
    named = re.compile(rb"(?<![^\s>\"'])(?:" + any_of + rb")(?![^\s<\"'])")
    return lambda raw: named.search(raw) is not None
