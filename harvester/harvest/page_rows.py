"""One page of records to what the catalogue must write: whole rows, touched rows, nothing for what did not change."""

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import zstandard

from harvester.catalogue.kept_xml import Compressor
from harvester.catalogue.keys import item_key
from harvester.catalogue.ledger import Stream
from harvester.catalogue.runs import Counts
from harvester.catalogue.stored_entry import pack
from harvester.catalogue.writer import Known, tally_changes
from harvester.crosswalk import Context, normalise
from harvester.errors import Rejected
from harvester.oai.page import canonical
from harvester.oai.records import Page, Record

DELETED_AT_SOURCE = "deleted_at_source"
_CREATORS_SHOWN = 65_536  # characters of the column that is searched; the entry holds them all


Send = Callable[[dict[str, Any]], None]


@dataclass(slots=True)
class Changes:
    """What one page changes: new rows are on their way, `replaced` and `touched` ones are to be written."""

    keys: list[bytes] = field(default_factory=list)
    replaced: list[dict[str, Any]] = field(default_factory=list)
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

    New rows go to `send` one by one, so that the database works while the next are made.
    """
    made = Changes()
    page = setting.page
    made.counts.received = len(page.records) + len(page.broken)
    made.broken.extend((each.reason, each.raw, each.identifier) for each in page.broken)
    for key in sorted(latest):
        record, before = latest[key], known.get(key)
        row = _one(key, record, before, setting, made)
        if row is not None:
            made.keys.append(key)
            if before is None:
                send(row)
            else:
                made.replaced.append(row)
    made.counts.quarantined = len(made.broken)
    return made


def _one(
    key: bytes, record: Record, before: Known | None, setting: Setting, made: Changes
) -> dict[str, Any] | None:
    """The whole row of a new or changed record; None where it is not to be written, or only touched."""
    shared = _shared(key, record, before, setting)
    xml = digest = None
    if record.metadata is not None:
        xml = canonical(record.metadata)
        digest = hashlib.sha256(xml).digest()
    row = None
    if before is not None and digest in (None, before.hash):
        if _same(before, shared):
            made.counts.unchanged += 1
            return None
        made.touched.append(shared)
        made.keys.append(key)
    else:
        try:
            row = _row(record, shared, _kept(record, xml, digest, setting), setting, made.unread)
        except Rejected as error:
            made.broken.append((error.reason, xml or b"", record.header.identifier))
            return None
    if record.metadata is None:
        made.counts.deleted += 1
    elif before is None:
        made.counts.created += 1
    else:
        made.counts.updated += 1
    tally_changes(before, (shared["deleted"], shared["proven_sets"]), made.live, made.deleted)
    return row


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


def _row(
    record: Record, shared: dict[str, Any], kept: dict[str, Any], setting: Setting, unread: Counter[str]
) -> dict[str, Any]:
    """A whole row, its values as COPY takes them. Raises Rejected."""
    row = shared | kept
    row["sets"] = _array(shared["sets"])
    row["proven_sets"] = _array(shared["proven_sets"])
    if record.metadata is None:
        return row | _NO_ENTRY
    header = record.header
    context = Context(header.set_specs, header.datestamp.value, setting.page.response_date)
    reading = normalise(record.metadata, context)
    if reading.unread:
        unread.update(reading.unread)
    entry = reading.entry
    row["crosswalk"] = reading.crosswalk
    row["crosswalk_version"] = reading.version
    row["title"] = entry.title
    row["creators"] = "; ".join([agent.name for agent in entry.creators])[:_CREATORS_SHOWN] or None
    row["doi"] = entry.doi
    row["year"] = entry.year
    row["type"] = entry.type
    row["entry"] = pack(entry)
    return row


def _kept(record: Record, xml: bytes | None, digest: bytes | None, setting: Setting) -> dict[str, Any]:
    """The columns of what came, kept as it is."""
    packed, dictionary = setting.compressor.compress(xml) if xml is not None else (None, None)
    about = zstandard.compress(b"".join(record.about)) if record.about else None
    identifier = record.header.identifier
    return {
        "identifier": identifier,
        "preferred": True,
        "hash": digest,
        "xml": packed,
        "dictionary_id": dictionary,
        "about": about,
    }


def _array(numbers: list[int]) -> str:
    return "{" + ",".join(map(str, numbers)) + "}"


_NO_ENTRY: dict[str, Any] = dict.fromkeys(
    ("crosswalk", "crosswalk_version", "title", "creators", "doi", "year", "type", "entry")
)
