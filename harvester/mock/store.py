"""What the fake repository holds: records made from a seed, and the changes a test asks for.

A record keeps its place in the list whatever happens to it, so a list walked while the store changes neither
skips nor repeats a record because of its neighbours. Knows nothing of requests.
"""

import random
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal

from harvester.mock.metadata_formats import FORMATS

Granularity = Literal["seconds", "days"]
DeletedRecord = Literal["persistent", "transient", "no"]

FIRST = datetime(2014, 3, 1, tzinfo=UTC)
LAST = datetime(2024, 3, 1, tzinfo=UTC)
DELETED_SHARE = 0.03


@dataclass(frozen=True, slots=True)
class Record:
    """One item. `datestamp` is aware UTC, cut to the repository's granularity; `sets` are setSpecs."""

    identifier: str
    datestamp: datetime
    sets: tuple[str, ...]
    deleted: bool
    ordinal: int
    revision: int
    seed: int

    @property
    def metadata(self) -> bytes | None:
        """The `<oai_dc:dc>` element as it is served, byte for byte; None for a deleted record."""
        return self.metadata_as("oai_dc")

    def metadata_as(self, prefix: str) -> bytes | None:
        """The metadata element in one of the `FORMATS`, by its metadataPrefix; None for a deleted record.

        Raises KeyError for a format that is not served.
        """
        written = FORMATS[prefix].write
        return None if self.deleted else written(self.seed, self.ordinal, self.revision)

    def belongs(self, spec: str) -> bool:
        """Whether the record is in this set or in one beneath it (specification 2.6).

        As figshare's, the sets of months (`month_year_10_2016`) are in no header and in no list of sets.
        """
        if spec.startswith("month_year_"):
            return spec == self.datestamp.strftime("month_year_%m_%Y")
        return any(own == spec or own.startswith(f"{spec}:") for own in self.sets)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which records a list holds; both bounds are inclusive (specification 2.7.1).

    Deleted records older than `tombstones_since` are left out.
    """

    from_: datetime | None = None
    until: datetime | None = None
    spec: str | None = None
    tombstones_since: datetime | None = None

    def holds(self, record: Record) -> bool:
        stamp = record.datestamp
        if (self.from_ and stamp < self.from_) or (self.until and stamp > self.until):
            return False
        if record.deleted and self.tombstones_since and stamp < self.tombstones_since:
            return False
        return self.spec is None or record.belongs(self.spec)


class Store:
    """Records in the order in which they were added; safe to change while it is served."""

    def __init__(self, *, seed: int, granularity: Granularity, now: Callable[[], datetime]) -> None:
        self._seed = seed
        self._granularity = granularity
        self._now = now
        self._lock = threading.RLock()
        self._slots: list[Record | None] = []
        self._places: dict[str, int] = {}
        self._found: dict[Selection, list[int]] = {}

    @property
    def records(self) -> tuple[Record, ...]:
        """All records as they are now, deleted ones included: the truth a harvest is compared with."""
        with self._lock:
            return tuple(self._live())

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, identifier: str) -> bool:
        return identifier in self._places

    def __getitem__(self, identifier: str) -> Record:
        with self._lock:
            record = self._slots[self._places[identifier]]
        if record is None:
            raise KeyError(identifier)
        return record

    def add(self, count: int = 1, *, sets: Iterable[str] | None = None) -> list[str]:
        """Add records stamped now, and return their identifiers."""
        return [self._append(self._stamp(self._now()), sets=sets).identifier for _ in range(count)]

    def fill(self, count: int) -> None:
        """Add the records of a repository with a past: stamped over ten years in no order, some deleted."""
        end = min(LAST, self._now() - timedelta(days=1))
        span = (end - FIRST) / timedelta(seconds=1)
        for _ in range(count):
            chance = random.Random((self._seed << 64) | (len(self._slots) << 24) | 0xFFFFFF)
            stamp = self._stamp(FIRST + timedelta(seconds=chance.random() * span))
            self._append(stamp, deleted=chance.random() < DELETED_SHARE)

    def revise(self, identifier: str, *, quietly: bool = False) -> Record:
        """New metadata, new datestamp but `quietly`. Raises ValueError for a deleted record."""
        record = self[identifier]
        if record.deleted:
            raise ValueError(f"{identifier} is deleted: undelete it before revising it")
        return self._put(replace(record, revision=record.revision + 1), restamp=not quietly)

    def delete(self, identifier: str) -> Record:
        """Leave a tombstone."""
        return self._put(replace(self[identifier], deleted=True))

    def undelete(self, identifier: str) -> Record:
        """The record comes back with the metadata it had."""
        return self._put(replace(self[identifier], deleted=False))

    def move(self, identifier: str, sets: Iterable[str], *, quietly: bool = False) -> Record:
        """Put the record into exactly these sets; `quietly` leaves the datestamp, as many repositories do."""
        return self._put(replace(self[identifier], sets=tuple(sets)), restamp=not quietly)

    def vanish(self, identifier: str) -> None:
        """Remove the record without a trace, whatever the repository promises."""
        with self._lock:
            self._slots[self._places.pop(identifier)] = None
            self._found.clear()

    def restamp(self) -> None:
        """Give every record the present datestamp, as bulk updates do (zenodo#939)."""
        with self._lock:
            for record in self.records:
                self._put(record)

    def sets(self) -> list[str]:
        """Every setSpec in use, with the sets above it, sorted."""
        with self._lock:
            used = {spec for record in self._live() for spec in record.sets}
        parts = [spec.split(":") for spec in used]
        return sorted({":".join(part[:depth]) for part in parts for depth in range(1, len(part) + 1)})

    def earliest(self) -> datetime:
        """The smallest datestamp; now, when there is no record."""
        with self._lock:
            return min((record.datestamp for record in self._live()), default=self._stamp(self._now()))

    def matching(self, selection: Selection) -> list[int]:
        """The positions of the records of a list, ascending. The caller must not change it."""
        with self._lock:
            if selection not in self._found:
                if len(self._found) > 64:
                    self._found.clear()
                slots = enumerate(self._slots)
                self._found[selection] = [at for at, one in slots if one and selection.holds(one)]
            return self._found[selection]

    def at(self, positions: Iterable[int]) -> list[Record]:
        """The records at these positions; those that vanished meanwhile are left out."""
        with self._lock:
            return [record for record in map(self._slots.__getitem__, positions) if record]

    def _live(self) -> Iterator[Record]:
        return (record for record in self._slots if record)

    def _stamp(self, moment: datetime) -> datetime:
        moment = moment.astimezone(UTC).replace(microsecond=0)
        return moment.replace(hour=0, minute=0, second=0) if self._granularity == "days" else moment

    def _append(self, stamp: datetime, *, deleted: bool = False, sets: Iterable[str] | None = None) -> Record:
        with self._lock:
            ordinal = len(self._slots)
            own = _sets(self._seed, ordinal) if sets is None else tuple(sets)
            identifier = f"oai:repository.example.org:article/{ordinal + 1}"
            record = Record(identifier, stamp, own, deleted, ordinal, 0, self._seed)
            self._slots.append(record)
            self._places[identifier] = ordinal
            self._found.clear()
            return record

    def _put(self, record: Record, *, restamp: bool = True) -> Record:
        with self._lock:
            if restamp:
                record = replace(record, datestamp=self._stamp(self._now()))
            self._slots[self._places[record.identifier]] = record
            self._found.clear()
            return record


def _sets(seed: int, ordinal: int) -> tuple[str, ...]:
    """setSpecs in figshare's style, with groups beneath two portals so that there is a hierarchy."""
    chance = random.Random((seed << 64) | (ordinal << 24) | 0xFFFFFE)
    portal = chance.randint(1, 12)
    groups = [f"portal_{portal}:group_{chance.randint(1, 3)}"] if portal <= 2 else []
    categories = sorted(chance.sample(range(1, 31), chance.randint(1, 3)))
    chosen = [f"category_{number}" for number in categories]
    return (f"portal_{portal}", *groups, *chosen, f"item_type_{ordinal % 9 + 1}")
