"""What a full harvest will cost, and what to do about what a probe has seen: plain sentences."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from harvester.oai.records import SPEND_AFTER, Identify
from harvester.oai.traits import Traits

CUT_ABOVE = (
    600.0  # seconds: a longer list is harvested in windows, so that an expired token costs one of them
)
_SMALL_PAGE = 25
_SHORT_LIFE = 300.0


@dataclass(frozen=True, slots=True)
class Estimate:
    """Of a full harvest in one format; None where the number of records is not known.

    `in_windows`: the list is long enough to be cut by date, and dates are honoured.
    """

    prefix: str
    records: int | None
    page_size: int | None
    seconds_per_page: float
    requests: int | None
    hours: float | None
    in_windows: bool | None


@dataclass(frozen=True, slots=True)
class Basis:
    """What an estimate is reckoned from: a page of one format, and the host's pace in seconds."""

    prefix: str
    records: int | None
    page_size: int | None
    seconds: float
    pace: float


def estimate(basis: Basis, traits: Traits) -> Estimate:
    """The requests and hours of a full harvest, one request after another."""
    each = max(basis.pace, basis.seconds)
    requests = hours = in_windows = None
    if basis.records is not None and (basis.page_size or basis.records == 0):
        requests = max(1, math.ceil(basis.records / basis.page_size)) if basis.page_size else 1
        hours = requests * each / 3600
        in_windows = bool(traits.dates_honoured) and requests * each > CUT_ABOVE
    return Estimate(basis.prefix, basis.records, basis.page_size, round(each, 3), requests, hours, in_windows)


def advice(traits: Traits, said: Identify | None, estimates: Sequence[Estimate]) -> list[str]:
    """What to do, most important first."""
    sentences = [*_of_dates(traits), *_of_sets(traits), *_of_tokens(traits)]
    sentences += _of_deletions(traits, said)
    sentences += _of_size(traits, estimates)
    sentences.append(
        "whether datestamps move when metadata changes cannot be seen from outside: "
        "harvest everything again (--full) from time to time"
    )
    return sentences


def _of_dates(traits: Traits) -> list[str]:
    if traits.dates_honoured is False:
        return ["from/until are not to be relied on: every harvest reads the whole list"]
    if traits.dates_on_later_pages is False:
        return ["dates hold for the first page only: every harvest reads more than what changed"]
    found = []
    if traits.until_inclusive is False:
        found.append("`until` leaves its own moment out: windows must overlap by one unit of time")
    if traits.before_earliest == "records" and traits.dates_honoured:
        found.append(
            "there are records older than earliestDatestamp: a first harvest must ask without `from`"
        )
    return found


def _of_sets(traits: Traits) -> list[str]:
    if traits.set_honoured is False:
        return ["sets have no effect: harvest without --set"]
    if traits.set_on_later_pages is False:
        return ["a set is forgotten after the first page: harvest without --set"]
    if traits.sets_in_headers is False and traits.sets_listed:
        return ["headers do not name sets: to know who is in a set, harvest that set"]
    return []


def _of_tokens(traits: Traits) -> list[str]:
    found = []
    if traits.token_life is not None and traits.token_life < _SHORT_LIFE:
        life = traits.token_life
        found.append(
            f"tokens live {life:,.0f} s: the next page must be asked for within {SPEND_AFTER * life:,.0f} s, "
            "and a harvest that is stopped for longer begins its window again"
        )
    if traits.single_use_tokens:
        found.append("a token is refused the second time: a page that is cut costs its whole window")
    elif traits.idempotent_tokens is False:
        found.append("a token asked twice brings another page: a page that is cut costs its whole window")
    if traits.sends_size is False:
        found.append("lists do not tell their size: a harvest can be complete, and nothing will confirm it")
    elif traits.size_truthful is False:
        found.append("completeListSize is wrong: harvests will be called complete_unverified")
    return found


def _of_deletions(traits: Traits, said: Identify | None) -> list[str]:
    declared = said.deleted_record if said is not None else None
    if declared == "persistent":
        return []
    if declared == "transient" or traits.tombstones:
        return ["deletions are told for a while only, or in part: run `harvester reconcile` monthly"]
    return ["deletions are never told: run `harvester reconcile` monthly"]


def _of_size(traits: Traits, estimates: Sequence[Estimate]) -> list[str]:
    found = []
    if traits.page_size is not None and traits.page_size < _SMALL_PAGE:
        found.append(f"its pages hold {traits.page_size:,} records: a small page makes a long harvest")
    longest = max((each.hours for each in estimates if each.hours is not None), default=0.0)
    if longest > 24:
        found.append(
            f"a full harvest takes {longest / 24:,.1f} days in one format: take one rich format, or one set"
        )
    long = [each for each in estimates if each.hours is not None and each.hours * 3600 > CUT_ABOVE]
    if long and any(each.in_windows for each in long):
        found.append("its list is long: it will be harvested in windows by date, each with its own token")
    elif long:
        found.append("its list is long and cannot be cut by date: a token that expires costs all of it")
    return found
