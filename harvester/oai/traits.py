"""What a repository was observed to do, which decides the strategy in place of flags that a user would have to guess."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True, slots=True)
class Observation:
    """One trait as observed: its value, and how that was seen, in words."""

    value: bool | int | float | str
    how: str


@dataclass(frozen=True, slots=True)
class Traits:
    """None: not observed. Observed over what Identify says, over what a host is known for.

    `granularity`: the finer one that it takes in `from` and `until`, as Identify writes it. `dates_honoured`: `from` and `until`
    limit a list, `dates_on_later_pages` beyond its first page too; `set_honoured` and `set_on_later_pages` likewise.
    `sets_in_headers`: headers name the sets of a record. `order`: `ascending`, `descending` or `none`, by datestamp.
    `page_size`: records on a full page. `token_life`: seconds, the shortest seen. `idempotent_tokens`: a token asked twice
    gives the same page; `single_use_tokens`: it is refused the second time. `sends_size`: lists tell completeListSize.
    `tombstones`: deleted headers were seen. `clock_skew`: seconds by which its clock is ahead of ours. `retry_after`: seconds
    it last asked us to wait. `sets`: how many ListSets lists; `records`: how many a list without a set holds.
    """

    granularity: str | None = None
    dates_honoured: bool | None = None
    dates_on_later_pages: bool | None = None
    set_honoured: bool | None = None
    set_on_later_pages: bool | None = None
    sets_in_headers: bool | None = None
    order: str | None = None
    page_size: int | None = None
    token_life: float | None = None
    idempotent_tokens: bool | None = None
    single_use_tokens: bool | None = None
    sends_size: bool | None = None
    tombstones: bool | None = None
    gzip: bool | None = None
    post: bool | None = None
    clock_skew: float | None = None
    retry_after: float | None = None
    sets: int | None = None
    records: int | None = None

    @classmethod
    def of(cls, stored: Mapping[str, Mapping[str, Any]]) -> "Traits":
        """From what the catalogue keeps; names that this release does not know are left alone."""
        known = {each.name for each in fields(cls)}
        return cls(**{name: said["value"] for name, said in stored.items() if name in known})
