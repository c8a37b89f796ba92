"""Datestamps and granularity (OAI-PMH 2.0, section 3.3): strict when we write them, lenient when we read them."""

import re
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import lru_cache

import msgspec


class Granularity(Enum):
    """What a repository declares in Identify; the value is the form of its datestamps."""

    DAYS = "YYYY-MM-DD"
    SECONDS = "YYYY-MM-DDThh:mm:ssZ"

    def format(self, moment: datetime) -> str:
        """A `from` or `until` argument, truncated to this granularity."""
        utc = moment.astimezone(UTC)
        if self is Granularity.DAYS:
            return utc.strftime("%Y-%m-%d").rjust(10, "0")
        return utc.strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0")

    def floor(self, moment: datetime) -> datetime:
        """The moment truncated to a whole day or second, UTC."""
        utc = moment.astimezone(UTC)
        if self is Granularity.DAYS:
            return utc.replace(hour=0, minute=0, second=0, microsecond=0)
        return utc.replace(microsecond=0)

    @property
    def unit(self) -> timedelta:
        """One granule."""
        return timedelta(days=1) if self is Granularity.DAYS else timedelta(seconds=1)

    @classmethod
    def declared(cls, text: str | None) -> "Granularity":
        """Read Identify's element; odd case occurs (DOAJ/doaj#507); what is not understood falls back to days."""
        return cls.SECONDS if text is not None and "hh:mm:ss" in text.lower() else cls.DAYS


class Datestamp(msgspec.Struct, frozen=True):
    """`value` is aware UTC; `raw` what the repository wrote, "" where it wrote nothing.

    `guessed`: the record had none that could be read, so the response's date stands in.
    """

    value: datetime
    raw: str
    granularity: Granularity
    guessed: bool = False

    def __str__(self) -> str:
        return self.granularity.format(self.value)


# Fractions, offsets, a space for the T, a missing Z: seen at Fez, OpenSKOS, treebase (treebase#194), pycsw (pycsw#899).
_LENIENT = re.compile(
    r"(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2})?)(?:[.,]\d{1,9})?\s?(Z|[+-]\d{2}:?\d{2})?)?", re.ASCII
)


_LONGEST = 64  # characters; anything longer is no datestamp, and must not stay in the cache


def parse(text: str) -> Datestamp | None:
    """A datestamp in either legal form, or in one of the illegal ones seen; None where it cannot be read."""
    raw = text.strip()
    return _read(raw) if len(raw) <= _LONGEST else None


@lru_cache(maxsize=1024)  # neighbours in a list often share their datestamp
def _read(raw: str) -> Datestamp | None:
    if len(raw) == 20 and raw[4] == raw[7] == "-" and raw[10] == "T" and raw[19] == "Z":
        try:
            return Datestamp(datetime.fromisoformat(raw), raw, Granularity.SECONDS)
        except ValueError:
            return None
    match = _LENIENT.fullmatch(raw)
    if match is None:
        return None
    day, time, zone = match.groups()
    try:
        if time is None:
            return Datestamp(datetime.fromisoformat(day).replace(tzinfo=UTC), raw, Granularity.DAYS)
        moment = datetime.fromisoformat(f"{day}T{time}{zone or 'Z'}").astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return Datestamp(moment, raw, Granularity.SECONDS)


def argument(text: str) -> Datestamp:
    """What a user typed for --from or --until. Raises ValueError with a sentence."""
    stamp = parse(text)
    if stamp is None:
        raise ValueError(f"'{text}' is no date: write 2024-05-31 or 2024-05-31T12:00:00Z (UTC)")
    return stamp
