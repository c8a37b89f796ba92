"""The protocol's values: headers, records, tokens, pages, Identify. Read once at the door (`page.py`), then only these."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import msgspec
from lxml.etree import _Element as Element

from harvester.errors import Evidence
from harvester.oai.datestamps import Datestamp, Granularity

# A declared life under two seconds says nothing: the answer is older than that when it arrives.
SHORTEST_LIFE = timedelta(seconds=2)
CLOCK_SKEW = timedelta(hours=1)
SPEND_AFTER = 0.75  # of its life: a margin in minutes would not fit Zenodo's two-minute tokens


@dataclass(frozen=True, slots=True)
class ResumptionToken:
    """`text` is opaque: never parsed, encoded exactly once (section 3.5).

    `life` is expirationDate - responseDate, both the server's stamps, so that clock skew does not matter; None where
    not declared, or under two seconds; at most a year. `complete_list_size` and `cursor` are advisory.
    """

    text: str
    received_at: datetime
    life: timedelta | None = None
    complete_list_size: int | None = None
    cursor: int | None = None

    @property
    def expires_at(self) -> datetime | None:
        """By our clock; only the server's answer kills a token."""
        return None if self.life is None else self.received_at + self.life

    @property
    def spend_by(self) -> datetime | None:
        """A token is refreshed by the page it brings: spend it by then. Late, it is tried all the same."""
        return None if self.life is None else self.received_at + SPEND_AFTER * self.life


class Header(msgspec.Struct, frozen=True):
    """A record's header (section 2.5); `set_specs` in the source's order."""

    identifier: str
    datestamp: Datestamp
    set_specs: tuple[str, ...] = ()
    deleted: bool = False


class Record(msgspec.Struct, frozen=True):
    """`metadata` is the child of <metadata>, None for a deleted record; `about` are serialised elements."""

    header: Header
    metadata: Element | None
    about: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Broken:
    """A record inside a readable page that cannot be taken: kept whole, never dropped.

    `reason`: `no_identifier`, `identifier_too_long`, `empty_metadata`, `no_header`; `malformed_record`, `record_too_large`
    where its page could only be read without it. Of these two `raw` is what was received and `position` where, in bytes of
    the decompressed body; where byte repair has made that uncertain, `raw` is the repaired text and `position` None.
    """

    reason: str
    raw: bytes
    identifier: str | None = None
    position: int | None = None
    evidence: Evidence | None = None  # of the answer that held it, or that came in its place


@dataclass(frozen=True, slots=True)
class Page:
    """One answer to ListRecords, GetRecord or ListIdentifiers.

    `ending` is None while a token follows, else how the list ended: `empty_token`, `no_token`, `no_records_match`.
    `complete_list_size` may come with the empty token of the last page too. `repairs` counts byte repairs by kind, `skipped` what
    the list names and nobody asked for, since it is held as the list has it, `kept` what was committed before this page.
    """

    records: tuple[Record, ...]
    broken: tuple[Broken, ...]
    token: ResumptionToken | None
    response_date: datetime
    ending: str | None
    received_at: datetime
    complete_list_size: int | None = None
    repairs: dict[str, int] = field(default_factory=dict)
    skipped: int = 0
    kept: int = 0

    @property
    def candidate_watermark(self) -> datetime:
        """The server's clock; where it is more than an hour off, the earlier of the two, so that nothing is skipped."""
        off = abs(self.response_date - self.received_at) > CLOCK_SKEW
        return min(self.response_date, self.received_at) if off else self.response_date


@dataclass(frozen=True, slots=True)
class Identify:
    """What a repository says of itself (section 4.2); a missing element is None or empty."""

    name: str | None
    base_url: str | None
    protocol_version: str | None
    earliest_datestamp: str | None
    deleted_record: str | None
    granularity: Granularity
    admin_emails: tuple[str, ...] = ()
    compression: tuple[str, ...] = ()
