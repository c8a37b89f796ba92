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
    gives the same page; `single_use_tokens`: it is refused the second time; `token_needs_prefix`: it is refused without
    metadataPrefix beside it. `empty_ending`: records of a list without a size that ended in empty pages, or with
    noRecordsMatch to a token. `sends_size`: lists tell completeListSize, `headers_sized`: ListIdentifiers
    tells how many there are where ListRecords does not. `month_sets`: sets named after months, as figshare's `month_year_10_2016`, hold all records.
    `tombstones`: deleted headers were seen. `lag`: seconds by which records came later than their datestamp says. `clock_skew`: seconds by which its clock is ahead of ours. `retry_after`: seconds
    it last asked us to wait. `sets`: how many ListSets lists; `records`: how many a list without a set holds.

    `from_equals_until`: with both at a record's datestamp that record comes; `until_inclusive`: a record stamped exactly
    `until` comes; `until_whole_day`: a day as `until` takes in all of that day. `before_earliest`: the answer to an `until` a
    year before earliestDatestamp: `no_records_match`, `empty_list`, `records` or an error code. `earliest_truthful`: no record
    was seen that is older than earliestDatestamp. `needs_from`: a list without dates holds nothing, with `from` it does.
    `list_identifiers`: the verb works; `get_record` too. `sets_listed`: ListSets names sets. `size_truthful`: a list that was
    walked to its end holds as many records as it told. `repeated`: records that came twice in the pages walked.
    `seconds_per_page`: of a ListRecords request, on the network.
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
    token_needs_prefix: bool | None = None
    sends_size: bool | None = None
    empty_ending: int | None = None
    headers_sized: bool | None = None
    month_sets: bool | None = None
    tombstones: bool | None = None
    lag: float | None = None
    gzip: bool | None = None
    post: bool | None = None
    clock_skew: float | None = None
    retry_after: float | None = None
    sets: int | None = None
    records: int | None = None
    from_equals_until: bool | None = None
    until_inclusive: bool | None = None
    until_whole_day: bool | None = None
    before_earliest: str | None = None
    earliest_truthful: bool | None = None
    needs_from: bool | None = None
    list_identifiers: bool | None = None
    get_record: bool | None = None
    sets_listed: bool | None = None
    size_truthful: bool | None = None
    repeated: int | None = None
    seconds_per_page: float | None = None

    @classmethod
    def of(cls, stored: Mapping[str, Mapping[str, Any]]) -> "Traits":
        """From what the catalogue keeps; names that this release does not know are left alone."""
        known = {each.name for each in fields(cls)}
        return cls(**{name: said["value"] for name, said in stored.items() if name in known})
