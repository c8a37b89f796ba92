"""What a crosswalk is handed and what it hands back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from lxml import etree

from harvester.entry import Entry

if TYPE_CHECKING:
    from harvester.crosswalk.draft import Draft


@dataclass(frozen=True, slots=True)
class Context:
    """What the OAI header and the response say: the only knowledge besides the metadata itself.

    `received` is the server's responseDate: our clock is not asked, so a record reads the same on any day.
    """

    set_specs: tuple[str, ...] = ()
    datestamp: datetime | None = None
    received: datetime | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """`crosswalk` and `version` say who read it; `unread` counts elements with text that no rule read."""

    entry: Entry
    crosswalk: str
    version: int
    unread: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Crosswalk:
    """One format's reader: `read` fills the draft and returns what it left unread.

    `version` grows with every change of what an entry holds, so that `renormalise` knows what is stale.
    """

    name: str
    version: int
    read: Callable[[etree._Element, "Draft"], Mapping[str, int]]
