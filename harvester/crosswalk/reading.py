"""What a crosswalk is handed and what it hands back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from lxml import etree

from harvester.entry import Entry
from harvester.errors import ConfigError

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
    """`crosswalk` and `version` say who read it; `unread` counts elements with text that no rule read.

    `schema` is the version of the format where its crosswalk reads several: "4", "3" or "2" of DataCite's kernels.
    """

    entry: Entry
    crosswalk: str
    version: int
    unread: Mapping[str, int]
    schema: str | None = None


@dataclass(frozen=True, slots=True)
class Crosswalk:
    """One format's reader: `read` fills the draft, and leaves to `draft.leave` what it does not understand.

    It reads every element named in `roots` ("{namespace}name"), and those whose local name is in `local_names` if
    `fits` says so: some servers leave the root in OAI's namespace, in none, or in one of their own.
    `passed_over` are local names of elements that tell of the document and not of the item, neither read nor counted.
    `most_elements` bounds the time and memory of one document: what has more is rejected, and kept in quarantine.
    `version` grows with every change of what an entry holds, so that a stored entry says who wrote it.
    """

    name: str
    version: int
    read: Callable[[etree._Element, "Draft"], None]
    roots: tuple[str, ...] = ()
    local_names: tuple[str, ...] = ()
    fits: Callable[[etree._Element], bool] | None = None
    passed_over: frozenset[str] = frozenset()
    most_elements: int = 1_000_000
    ours: bool = True  # set by the registry; what others' crosswalks make is checked before it is stored

    def __post_init__(self) -> None:
        """Raises ConfigError for what a typing error makes of a crosswalk: `roots=("{…}a")` without its comma."""
        named = isinstance(self.name, str) and self.name.isprintable() and 0 < len(self.name) <= 100
        numbered = isinstance(self.version, int) and 0 < self.version < 32_768  # Postgres's smallint
        listed = all(
            isinstance(names, tuple) and all(isinstance(each, str) for each in names)
            for names in (self.roots, self.local_names)
        )
        callables = callable(self.read) and (self.fits is None or callable(self.fits))
        if not (named and numbered and listed and callables):
            raise ConfigError(
                f"the crosswalk {self.name!r:.100} is not well made: name is a printable text, version a number from 1 to "
                "32767, roots and local_names are tuples of texts, read and fits are functions"
            )
