"""One process's part of a renormalisation: slices of the catalogue's records, batch by batch.

A batch is parsed as one document, since making a parser for each record would cost as much as reading it.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import msgspec
import zstandard
from lxml.etree import _Element as Element
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from harvester.catalogue import kept_xml, renormalisation, sets, writer
from harvester.catalogue.renormalisation import Slice, Stored
from harvester.catalogue.writer import EntryColumns
from harvester.crosswalk import Context, Reading, normalise
from harvester.errors import Refused, Rejected
from harvester.harvest.page_rows import columns
from harvester.oai.parsing import Malformed, strict

_FETCHED = 500  # records
_BYTES = 8 * 2**20  # of XML in one batch: its trees take ten times that, in each process
_TRIES = 200  # to write a batch, each as long as a harvest is waited for

Changed = list[tuple[Stored, EntryColumns]]


@dataclass(frozen=True, slots=True)
class Done:
    """What a batch has brought: records read, entries that changed, records that could not be read and keep their entry."""

    read: int
    changed: int
    kept: int


@dataclass(slots=True)
class Reader:
    """Reads slices over one connection; `orders` are the orders of formats by repository."""

    connection: Connection
    orders: Mapping[int, Sequence[str]]
    decompressors: dict[int | None, zstandard.ZstdDecompressor] = field(default_factory=dict)
    specs: dict[int, str] = field(default_factory=dict)

    def read(self, each: Slice, stopped: Callable[[], bool]) -> Iterator[Done]:
        """Read a slice to its end, from where it was left; ends early once `stopped` says so.

        Raises sqlalchemy's DBAPIError where Postgres fails: every batch so far is committed.
        """
        while not stopped():
            fetched = renormalisation.next_batch(self.connection, each, _FETCHED)
            for batch in _batches(fetched):
                if stopped():
                    return
                after = self._again(each, batch)
                yield Done(after.read - each.read, after.changed - each.changed, after.kept - each.kept)
                each = after
            if len(fetched) < _FETCHED:
                renormalisation.end_slice(self.connection, each)
                return

    def _again(self, each: Slice, batch: list[Stored]) -> Slice:
        self._prepare(batch)
        changed: Changed = []
        unread: dict[tuple[int, str], Counter[str]] = {}
        kept = 0
        texts = [self._text(stored) for stored in batch]
        for stored, text, metadata in zip(batch, texts, _elements(texts), strict=True):
            reading = None if metadata is None else self._reading(stored, text, metadata)
            if reading is None:
                kept += 1
                continue
            if reading.unread:
                unread.setdefault((stored.repository_id, stored.format), Counter()).update(reading.unread)
            fresh = columns(reading)
            if not (same(stored.entry, fresh) or (stored.deleted and _same_reader(stored.entry, fresh))):
                changed.append((stored, fresh))
        after = each.after(batch[-1].key, read=len(batch), kept=kept, unread=unread)
        return self._written(after, batch, changed)

    def _prepare(self, batch: list[Stored]) -> None:
        """Know the dictionaries and the sets that the batch names."""
        if any(stored.dictionary_id not in self.decompressors for stored in batch):
            with self.connection.begin():
                self.decompressors = kept_xml.decompressors(self.connection)
        missing = {number for stored in batch for number in stored.sets} - self.specs.keys()
        if missing:
            with self.connection.begin():
                self.specs |= sets.set_specs(self.connection, missing)

    def _text(self, stored: Stored) -> bytes:
        """The XML; nothing where it cannot be unpacked."""
        try:
            return self.decompressors[stored.dictionary_id].decompress(
                stored.xml, max_output_size=kept_xml.LARGEST
            )
        except (KeyError, zstandard.ZstdError):
            return b""  # counted among those that keep their entry

    def _reading(self, stored: Stored, text: bytes, metadata: Element) -> Reading | None:
        specs = tuple(sorted([self.specs[number] for number in stored.sets]))
        context = Context(specs, stored.datestamp, stored.received)
        try:
            return normalise(metadata, context, canonical=text)
        except Rejected:
            return None  # counted among those that keep their entry

    def _written(self, after: Slice, batch: list[Stored], changed: Changed) -> Slice:
        """Write and mark the batch, again and again where a harvest writes the same rows; the slice as it stands then."""
        left = _TRIES
        while True:
            try:
                with self.connection.begin():
                    page = renormalisation.rewrite(self.connection, changed)
                    self._prefer(batch)
                    stands = replace(after, changed=after.changed + (page.changed if page else 0))
                    renormalisation.mark(self.connection, stands, page)
                return stands
            except DBAPIError as error:
                left -= 1
                if not left or not renormalisation.is_busy(error):
                    raise

    def _prefer(self, batch: list[Stored]) -> None:
        """Choose anew among an item's formats; those of one item are neighbours, but for the ends of a batch."""
        counted = Counter((stored.repository_id, stored.item_key) for stored in batch)
        several = {key for key, count in counted.items() if count > 1}
        several |= {(stored.repository_id, stored.item_key) for stored in (batch[0], batch[-1])}
        for repository_id in sorted({repository_id for repository_id, _ in several}):
            keys = [item_key for owner, item_key in several if owner == repository_id]
            writer.prefer(self.connection, repository_id, keys, self.orders.get(repository_id, ()))


def _batches(fetched: list[Stored]) -> Iterator[list[Stored]]:
    """The same records in batches of at most _BYTES of XML, or of a single record."""
    batch: list[Stored] = []
    size = 0
    for stored in fetched:
        more = _size(stored.xml)
        if batch and size + more > _BYTES:
            yield batch
            batch, size = [], 0
        batch.append(stored)
        size += more
    if batch:
        yield batch


def _size(packed: bytes) -> int:
    """How many bytes it is unpacked."""
    try:
        return max(0, zstandard.frame_content_size(packed))
    except zstandard.ZstdError:
        return 0  # it cannot be unpacked


def _elements(texts: list[bytes]) -> list[Element | None]:
    """The root elements of documents; None for one that cannot be parsed."""
    try:
        together = strict(b"".join([b"<records>", *texts, b"</records>"]))
        if len(together) == len(texts):
            return list(together)
    except Malformed:
        pass  # one level deeper than it came, a document may be too deep for the parser
    return [_element(text) for text in texts]


def _element(text: bytes) -> Element | None:
    try:
        return strict(text)
    except (Malformed, Refused):
        return None  # counted among those that keep their entry


def same(stored: EntryColumns, fresh: EntryColumns) -> bool:
    """Whether an entry reads as it is stored; JSONB keeps the keys in an order of its own."""
    if stored[:-1] != fresh[:-1] or stored.entry is None or fresh.entry is None:
        return False
    return bool(msgspec.json.decode(stored.entry) == msgspec.json.decode(fresh.entry))


def _same_reader(stored: EntryColumns, fresh: EntryColumns) -> bool:
    """Whether the crosswalk is still the one that read it.

    A tombstone's entry was read with the sets and dates of a record that lived; the header of its deletion has others.
    """
    return stored[:3] == fresh[:3]
