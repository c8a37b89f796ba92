"""One page of records to what the catalogue must write: whole rows, touched rows, nothing for what did not change."""

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import zstandard
from lxml.etree import _Element as Element

from harvester.catalogue.kept_xml import Compressor
from harvester.catalogue.keys import item_key
from harvester.catalogue.ledger import Stream
from harvester.catalogue.runs import Counts
from harvester.catalogue.stored_entry import pack
from harvester.catalogue.writer import Known, tally_changes
from harvester.crosswalk import Context, normalise
from harvester.errors import Rejected
from harvester.oai.page import canonical
from harvester.oai.records import Header, Page, Record

DELETED_AT_SOURCE = "deleted_at_source"
_SENT_AT_ONCE = 10  # rows
_CREATORS_SHOWN = 65_536  # characters of the column that is searched; the entry holds them all


Send = Callable[[list[dict[str, Any]]], None]


@dataclass(slots=True)
class Changes:
    """What one page changes: whole rows are on their way (`rows` those not yet sent), touched ones are to be written."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    keys: list[bytes] = field(default_factory=list)
    written: int = 0
    touched: list[dict[str, Any]] = field(default_factory=list)
    broken: list[tuple[str, bytes, str | None]] = field(default_factory=list)
    unread: Counter[str] = field(default_factory=Counter)
    live: Counter[int] = field(default_factory=Counter)
    deleted: Counter[int] = field(default_factory=Counter)
    counts: Counts = field(default_factory=Counts)


@dataclass(frozen=True, slots=True)
class Setting:
    """What the rows of a page have in common."""

    stream: Stream
    page: Page
    page_id: int
    set_numbers: Mapping[str, int]
    compressor: Compressor


def latest_by_key(stream: Stream, page: Page) -> dict[bytes, Record]:
    """The page's records by key; of twins the newest, then the last."""
    found: dict[bytes, Record] = {}
    for record in page.records:
        key = item_key(stream.repository_id, record.header.identifier)
        other = found.get(key)
        if other is None or other.header.datestamp.value <= record.header.datestamp.value:
            found[key] = record
    return found


def changes(
    latest: Mapping[bytes, Record], known: Mapping[bytes, Known], setting: Setting, send: Send
) -> Changes:
    """Compare with what is known, by hash and before anything is normalised; normalise only what is new.

    Whole rows go to `send` a few at a time, so that the database works while the next are made.
    """
    made = Changes()
    page = setting.page
    made.counts.received = len(page.records) + len(page.broken)
    made.broken.extend((each.reason, each.raw, each.identifier) for each in page.broken)
    for key in sorted(latest):
        _one(key, latest[key], known.get(key), setting, made)
        if len(made.rows) >= _SENT_AT_ONCE:
            _send(made, send)
    _send(made, send)
    made.counts.quarantined = len(made.broken)
    return made


def _send(made: Changes, send: Send) -> None:
    send(made.rows)
    made.written += len(made.rows)
    made.keys.extend([row["item_key"] for row in made.rows])
    made.rows = []


def _one(key: bytes, record: Record, before: Known | None, setting: Setting, made: Changes) -> None:
    header = record.header
    shared = _shared(key, record, before, setting)
    if record.metadata is None:
        if before is not None:
            if _same(before, shared):
                made.counts.unchanged += 1
                return
            _touch(made, shared)
        else:
            made.rows.append(shared | _EMPTY | {"identifier": header.identifier})
        made.counts.deleted += 1
    else:
        xml = canonical(record.metadata)
        digest = hashlib.sha256(xml).digest()
        if before is not None and before.hash == digest:
            if _same(before, shared):
                made.counts.unchanged += 1
                return
            _touch(made, shared)
        else:
            try:
                content = _content(record.metadata, header, setting, made.unread) | _kept(
                    record, xml, digest, setting
                )
            except Rejected as error:
                made.broken.append((error.reason, xml, header.identifier))
                return
            made.rows.append(shared | content)
        if before is None:
            made.counts.created += 1
        else:
            made.counts.updated += 1
    tally_changes(before, (shared["deleted"], shared["proven_sets"]), made.live, made.deleted)


def _touch(made: Changes, shared: dict[str, Any]) -> None:
    made.touched.append(shared)
    made.keys.append(shared["item_key"])


def _shared(key: bytes, record: Record, before: Known | None, setting: Setting) -> dict[str, Any]:
    """The columns that are written whether or not the metadata changed."""
    header, stream = record.header, setting.stream
    proven = set(before.proven_sets) if before is not None else set()
    if stream.set_id:
        proven.add(stream.set_id)
    members = proven.union(setting.set_numbers[spec] for spec in header.set_specs)
    return {
        "item_key": key,
        "repository_id": stream.repository_id,
        "format": stream.format,
        "datestamp": header.datestamp.value,
        "datestamp_raw": header.datestamp.raw,
        "sets": sorted(members),
        "proven_sets": sorted(proven),
        "deleted": header.deleted,
        "deleted_reason": DELETED_AT_SOURCE if header.deleted else None,
        "page_id": setting.page_id,
    }


def _same(before: Known, now: Mapping[str, Any]) -> bool:
    # A guessed datestamp is the answer's own date and differs each time: it is not a change.
    stamp = now["datestamp_raw"] in ("", before.datestamp_raw)
    return stamp and (before.sets, before.proven_sets, before.deleted) == (
        now["sets"],
        now["proven_sets"],
        now["deleted"],
    )


def _content(metadata: Element, header: Header, setting: Setting, unread: Counter[str]) -> dict[str, Any]:
    """The columns of the entry. Raises Rejected."""
    context = Context(header.set_specs, header.datestamp.value, setting.page.response_date)
    reading = normalise(metadata, context)
    if reading.unread:
        unread.update(reading.unread)
    entry = reading.entry
    return {
        "identifier": header.identifier,
        "preferred": True,
        "crosswalk": reading.crosswalk,
        "crosswalk_version": reading.version,
        "title": entry.title,
        "creators": "; ".join([agent.name for agent in entry.creators])[:_CREATORS_SHOWN] or None,
        "doi": entry.doi,
        "year": entry.year,
        "type": entry.type,
        "entry": pack(entry),
    }


def _kept(record: Record, xml: bytes, digest: bytes, setting: Setting) -> dict[str, Any]:
    """The columns of what came, kept as it is."""
    packed, dictionary = setting.compressor.compress(xml)
    about = zstandard.compress(b"".join(record.about)) if record.about else None
    return {"hash": digest, "xml": packed, "dictionary_id": dictionary, "about": about}


_EMPTY: dict[str, Any] = {
    "preferred": True,
    "hash": None,
    "crosswalk": None,
    "crosswalk_version": None,
    "title": None,
    "creators": None,
    "doi": None,
    "year": None,
    "type": None,
    "entry": None,
    "xml": None,
    "dictionary_id": None,
    "about": None,
}
