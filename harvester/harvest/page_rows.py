"""One page of records to what the catalogue must write: whole rows, touched rows, nothing for what did not change."""

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, NamedTuple

import zstandard
from lxml.etree import _Element as Element

from harvester.catalogue.kept_xml import Compressor
from harvester.catalogue.keys import item_key
from harvester.catalogue.ledger import Stream
from harvester.catalogue.quarantine import PutAside
from harvester.catalogue.runs import Counts
from harvester.catalogue.stored_entry import pack
from harvester.catalogue.writer import EntryColumns, Known, RecordColumns, Row, key_values, tally_changes
from harvester.crosswalk import Context, Reading, normalise
from harvester.errors import Rejected
from harvester.harvest.replaying import aside, whole
from harvester.harvest.watching import names
from harvester.oai.canonical import canonical
from harvester.oai.records import Header, Page, Record

DELETED_AT_SOURCE = "deleted_at_source"
_CREATORS_SHOWN = 65_536  # characters of the column that is searched; the entry holds them all


Send = Callable[[Row], None]


class Regrouped(NamedTuple):
    """A record whose metadata is the same, but not its header: sets and dates have a say in the entry (item types, embargoes)."""

    key: bytes
    set_specs: tuple[str, ...]
    header: Header
    metadata: Element


@dataclass(slots=True)
class Changes:
    """What one page changes: new rows are on their way, `replaced` and `touched` ones are to be written.

    `ended` are the keys of touched ones whose header says something else now: that is a version of its own.
    """

    keys: list[bytes] = field(default_factory=list)
    replaced: list[Row] = field(default_factory=list)
    touched: list[dict[str, Any]] = field(default_factory=list)
    ended: list[bytes] = field(default_factory=list)  # touched, and not only by what we keep for ourselves
    regrouped: list[Regrouped] = field(default_factory=list)
    broken: list[PutAside] = field(default_factory=list)
    unread: Counter[str] = field(default_factory=Counter)
    live: Counter[int] = field(default_factory=Counter)
    deleted: Counter[int] = field(default_factory=Counter)
    counts: Counts = field(default_factory=Counts)
    oldest_new: datetime | None = None  # the earliest datestamp of a record that was not known before


@dataclass(frozen=True, slots=True)
class Setting:
    """What the rows of a page have in common."""

    stream: Stream
    page: Page
    page_id: int
    set_numbers: Mapping[str, int]
    set_specs: Mapping[int, str]  # those of `set_numbers`, and all that records are proven to be in
    compressor: Compressor
    named_only: bool = False  # a record whose header does not name the stream's set is no member of it
    leaving: bool = False  # the records have left the stream's set


def latest_by_key(stream: Stream, page: Page) -> dict[bytes, Record]:
    """The page's records by key; of twins the newest, then the last."""
    found: dict[bytes, Record] = {}
    for record in page.records:
        key = item_key(stream.repository_id, record.header.identifier)
        other = found.get(key)
        if other is None or other.header.datestamp.value <= record.header.datestamp.value:
            found[key] = record
    return found


def without(
    purged: Collection[bytes], names_one: Callable[[bytes], bool], stream: Stream, page: Page
) -> Page:
    """The page without what it says of purged items; `names_one` tells bytes without an identifier that name one."""

    def goes(identifier: str | None, raw: bytes = b"") -> bool:
        if identifier is None:
            return names_one(raw)
        return item_key(stream.repository_id, identifier) in purged

    broken = tuple(each for each in page.broken if not goes(each.identifier, each.raw))
    if not purged and len(broken) == len(page.broken):
        return page
    records = tuple(each for each in page.records if not goes(each.header.identifier))
    return replace(page, records=records, broken=broken)


def broken_keys(stream: Stream, page: Page) -> set[bytes]:
    """The keys of the items that the page names, but does not give whole."""
    named = {each.identifier for each in page.broken} - {None}
    return {item_key(stream.repository_id, identifier) for identifier in named if identifier is not None}


class _New(NamedTuple):
    """A record whose metadata is new to the catalogue."""

    key: bytes
    record: Record
    before: Known | None
    xml: bytes | None
    digest: bytes | None
    sets: list[int]
    proven_sets: list[int]
    about: bytes | None


def changes(
    latest: Mapping[bytes, Record], known: Mapping[bytes, Known], setting: Setting, send: Send
) -> Changes:
    """Compare with what is known, by hash and before anything is normalised; normalise only what is new.

    New rows go to `send` one by one, so that the database works while the next are made. One step after the other for the
    whole page: the processor's caches then hold what a step needs (the dictionary's tables, above all).
    """
    made = Changes()
    page = setting.page
    made.counts.received = len(page.records) + len(page.broken)
    made.broken.extend(aside(each) for each in page.broken)
    compared = [_compare(key, latest[key], known.get(key), setting, made) for key in sorted(latest)]
    new = [each for each in compared if each is not None]
    packed = [None if each.xml is None else setting.compressor.compress(each.xml) for each in new]
    for each, kept in zip(new, packed, strict=True):
        try:
            row = _row(each, kept or (None, None), setting, made.unread)
        except Rejected as error:
            kept_whole = whole(each.record, each.xml or b"")
            made.broken.append(PutAside(error.reason, kept_whole, each.record.header.identifier))
            continue
        if each.before is None:
            send(row)
        else:
            made.replaced.append(row)
        _count(made, each.key, each.before, each.record.header.deleted, each.proven_sets)
    made.counts.quarantined = len(made.broken)
    return made


def _compare(
    key: bytes, record: Record, before: Known | None, setting: Setting, made: Changes
) -> _New | None:
    """The record where its metadata is new; else at most its datestamp, sets and deletion are to be written."""
    header = record.header
    xml = digest = None
    if record.metadata is not None:
        xml = canonical(record.metadata)
        digest = hashlib.sha256(xml).digest()
    about = zstandard.compress(b"".join(record.about)) if record.about else None
    if header.deleted and before is not None:
        about = before.about  # as entry and XML do, it stays with the tombstone
    proven = _proven(record, before, setting)
    said = {setting.set_numbers[spec] for spec in header.set_specs}
    members = sorted({*proven, *said})
    if before is None and (made.oldest_new is None or header.datestamp.value < made.oldest_new):
        made.oldest_new = header.datestamp.value
    if before is None or digest not in (None, before.hash):
        return _New(key, record, before, xml, digest, members, proven, about)
    # A guessed datestamp is the answer's own date and differs each time: it is not a change.
    same_date = header.datestamp.guessed or header.datestamp.raw == before.datestamp_raw
    now = Known(before.hash, before.datestamp_raw, members, proven, header.deleted, about)
    if same_date and before == now:
        made.counts.unchanged += 1
        return None
    made.touched.append(
        _touched(key, header, setting) | {"sets": members, "proven_sets": proven, "about": about}
    )
    # A new datestamp alone is none: whole repositories are stamped anew at once (zenodo/zenodo#939).
    if before._replace(proven_sets=proven) != now:
        made.ended.append(key)
    if record.metadata is not None:
        made.regrouped.append(Regrouped(key, _specs(members, setting), header, record.metadata))
    _count(made, key, before, header.deleted, proven)
    return None


def _proven(record: Record, before: Known | None, setting: Setting) -> list[int]:
    """The sets that the record is proven to be in, by streams of them; this stream's among them where it belongs there."""
    proven = [] if before is None else before.proven_sets
    mine, spec = setting.stream.set_id, setting.stream.set_spec
    if setting.leaving:
        return [number for number in proven if number != mine]
    if not mine or mine in proven or (setting.named_only and not names(record, spec)):
        return proven
    return sorted([*proven, mine])


def _count(made: Changes, key: bytes, before: Known | None, deleted: bool, proven: list[int]) -> None:
    made.keys.append(key)
    if deleted:
        made.counts.deleted += 1
    elif before is None:
        made.counts.created += 1
    else:
        made.counts.updated += 1
    tally_changes(before, (deleted, proven), made.live, made.deleted)


def _touched(key: bytes, header: Header, setting: Setting) -> dict[str, Any]:
    return key_values(setting.stream, key) | {
        "datestamp": header.datestamp.value,
        "datestamp_raw": header.datestamp.raw,
        "deleted": header.deleted,
        "deleted_reason": DELETED_AT_SOURCE if header.deleted else None,
        "page_id": setting.page_id,
        "received": setting.page.response_date,
    }


def _row(new: _New, kept: tuple[bytes | None, int | None], setting: Setting, unread: Counter[str]) -> Row:
    """The whole row. Raises Rejected."""
    record, stream = new.record, setting.stream
    header = record.header
    if record.metadata is None:
        entry = EntryColumns()
    else:
        context = Context(_specs(new.sets, setting), header.datestamp.value, setting.page.response_date)
        reading = normalise(record.metadata, context, canonical=new.xml)
        if reading.unread:
            unread.update(reading.unread)
        entry = columns(reading)
    own = RecordColumns(
        new.key,
        stream.repository_id,
        stream.format,
        header.identifier,
        header.datestamp.value,
        header.datestamp.raw,
        _array(new.sets),
        _array(new.proven_sets),
        header.deleted,
        DELETED_AT_SOURCE if header.deleted else None,
        setting.page_id,
        setting.page.response_date,
        new.digest,
        *kept,
        new.about,
    )
    return own, entry


def _specs(numbers: list[int], setting: Setting) -> tuple[str, ...]:
    """The setSpecs of set numbers, in the alphabet's order: entries derived again see them in the same."""
    return tuple(sorted([setting.set_specs[number] for number in numbers]))


def columns(reading: Reading) -> EntryColumns:
    """The columns of the entry."""
    entry = reading.entry
    return EntryColumns(
        reading.crosswalk,
        reading.version,
        reading.schema,
        entry.title,
        "; ".join([agent.name for agent in entry.creators])[:_CREATORS_SHOWN] or None,
        entry.doi,
        entry.year,
        entry.type,
        pack(entry),
    )


def _array(numbers: list[int]) -> str:
    return "{" + ",".join(map(str, numbers)) + "}" if numbers else "{}"
