"""Whether `from` and `until` do what section 3.3 and section 2.7.1 of the specification promise, and how fine they may be."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from harvester.errors import Refused, RepositoryError
from harvester.oai.datestamps import Granularity, parse
from harvester.oai.probe_inquiry import Inquiry, Unclear, headers_of
from harvester.oai.records import Header, Page

_DAY = timedelta(days=1)
_YEAR = timedelta(days=365)
_OTHERS = "records from outside the window came in place of the one that was asked for"


@dataclass(frozen=True, slots=True)
class Bounds:
    """A window to ask for; `slack` is how far outside it a datestamp may lie, for clocks and time zones differ."""

    from_: datetime | None
    until: datetime | None
    slack: timedelta

    def early(self, stamps: Sequence[datetime]) -> int:
        """How many lie before the window."""
        return 0 if self.from_ is None else sum(each < self.from_ - self.slack for each in stamps)

    def late(self, stamps: Sequence[datetime]) -> int:
        """How many lie behind it."""
        return 0 if self.until is None else sum(each > self.until + self.slack for each in stamps)

    def outside(self, stamps: Sequence[datetime]) -> int:
        """How many lie outside."""
        return self.early(stamps) + self.late(stamps)


def granularity(inquiry: Inquiry) -> None:
    """Ask for one record by its own datestamp, as finely as it declares, and by day."""
    found = inquiry.walked()
    declared = inquiry.said.granularity if inquiry.said else found.headers[0].datestamp.granularity
    header = _typical(found.headers)
    if declared is Granularity.SECONDS and _seconds(inquiry, header):
        inquiry.dates = Granularity.SECONDS
    by_day = _by_day(inquiry, header, declared)
    if inquiry.dates is None and by_day:
        inquiry.dates = Granularity.DAYS
    if inquiry.dates is None:
        why = "no record comes by its own datestamp, neither by day nor by second"
        inquiry.observe("dates_honoured", False, why)
        raise Unclear(why)
    how = "declared, and taken" if inquiry.dates is declared else f"it declares {declared.value}"
    inquiry.observe("granularity", inquiry.dates.value, how)
    if inquiry.dates is not declared:
        inquiry.remark("it declares dates to the second and does not serve them: it is asked by day")


def _typical(headers: list[Header]) -> Header:
    """One from the middle, with a time of its own, which few others share."""
    stamps = [each.datestamp.value for each in headers]
    able = [each for each in headers if not each.datestamp.guessed]
    if not able:
        raise Unclear("its headers carry no datestamps that can be read")
    timed = [each for each in able if each.datestamp.value.time().isoformat() != "00:00:00"] or able
    middle = timed[len(timed) // 3 :] + timed[: len(timed) // 3]
    return min(middle, key=lambda each: stamps.count(each.datestamp.value))


def _seconds(inquiry: Inquiry, header: Header) -> bool:
    """Whether dates with seconds are taken, and select."""
    try:
        return _settles(inquiry, header, Granularity.SECONDS)
    except Refused:
        if inquiry.ended:
            raise
        return False


def _by_day(inquiry: Inquiry, header: Header, declared: Granularity) -> bool:
    stamp = header.datestamp
    try:
        if declared is Granularity.DAYS or inquiry.dates is None:
            taken = _settles(inquiry, header, Granularity.DAYS)
        else:
            taken = True
        if stamp.granularity is Granularity.SECONDS and stamp.value.time().isoformat() != "00:00:00":
            _whole_day(inquiry, header)
    except Refused as error:
        if inquiry.ended:
            raise
        inquiry.remark(f"it refuses dates by day, which every repository must take: {error}")
        return False
    return taken


def _whole_day(inquiry: Inquiry, header: Header) -> None:
    came = _comes(inquiry, header, Granularity.DAYS, (header.datestamp.value, header.datestamp.value))
    if came is None:
        inquiry.left_open["until_whole_day"] = _OTHERS
        return
    inquiry.observe("until_whole_day", came, f"asked for the day of a record stamped {header.datestamp.raw}")
    if not came:
        inquiry.remark("a day as `until` does not take in that day's records")


def _settles(inquiry: Inquiry, header: Header, fineness: Granularity) -> bool:
    """Ask with `from` and `until` at the record's own datestamp; where it does not come, which of them leaves it out?

    False where it never comes. Where the dates have no effect they are taken all the same.
    """
    stamp, unit = header.datestamp.value, fineness.unit
    written = fineness.format(stamp)
    came = _comes(inquiry, header, fineness, (stamp, stamp))
    if came is None:
        inquiry.left_open.update(dict.fromkeys(("from_equals_until", "until_inclusive"), _OTHERS))
        return True
    if came:
        how = f"a record came with both at its own datestamp, {written}"
        inquiry.observe("from_equals_until", True, how)
        inquiry.observe("until_inclusive", True, how)
        return True
    if _comes(inquiry, header, fineness, (stamp - unit, stamp)):
        inclusive = True
    elif _comes(inquiry, header, fineness, (stamp, stamp + unit)):
        inclusive = False
    else:
        return False
    how = f"a record did not come with both at its own datestamp, {written}"
    inquiry.observe("from_equals_until", False, how)
    place = "the last" if inclusive else "the first"
    inquiry.observe("until_inclusive", inclusive, f"{how}; it came as {place} of a window")
    return True


def _comes(
    inquiry: Inquiry, header: Header, fineness: Granularity, bounds: tuple[datetime, datetime]
) -> bool | None:
    """Whether the record comes in a window around it; None where records from outside come in its place."""
    page = inquiry.list({"from": fineness.format(bounds[0]), "until": fineness.format(bounds[1])})
    headers = headers_of(page)
    if any(each.identifier == header.identifier for each in headers):
        return True
    if not headers:
        return False
    first, last = (fineness.floor(each) for each in bounds)
    if all(first <= fineness.floor(each.datestamp.value) <= last for each in headers):
        return page.token is not None  # of many with one datestamp the first page may hold others
    return None


def window(inquiry: Inquiry) -> None:
    """Ask for the middle of the first page by its datestamps; what lies outside tells which bound has no effect."""
    if "dates_honoured" in inquiry.observed:
        return  # dates are not even taken
    found, fineness = inquiry.walked(), _fineness(inquiry)
    first = _stamps(found.pages[0])
    bounds = _thirds(first, fineness)
    page = inquiry.list(_arguments(bounds, fineness))
    stamps = _stamps(page)
    how = f"asked for {_written(bounds, fineness)}: "
    if not stamps:
        inquiry.observe("dates_honoured", False, how + "nothing came, though records are stamped so")
        return
    early, late = bounds.early(stamps), bounds.late(stamps)
    how += f"{len(stamps):,} came, {early:,} of them earlier and {late:,} later than that"
    inquiry.observe("dates_honoured", not early and not late, how)
    if early or late:
        ignored = " and ".join(name for name, number in (("from", early), ("until", late)) if number)
        inquiry.remark(f"`{ignored}` has no effect: {how}")


def later_pages(inquiry: Inquiry) -> None:
    """Ask for a window that takes two pages, the second of which would show records outside it were the dates forgotten."""
    if inquiry.value("dates_honoured") is False:
        inquiry.observe("dates_on_later_pages", False, "from and until do not limit the first page either")
        return
    found, fineness = inquiry.walked(), _fineness(inquiry)
    if len(found.pages) < 2:
        raise Unclear("the list fits on one page")
    bounds = _telling(found.pages, fineness)
    first = inquiry.list(_arguments(bounds, fineness))
    if first.token is None:
        raise Unclear(f"the records of {_written(bounds, fineness)} came on one page")
    second = inquiry.list({"resumptionToken": first.token.text})
    stamps = _stamps(second)
    if not stamps:
        raise Unclear("the second page within dates came without records")
    outside = bounds.outside(stamps)
    how = f"second page of {_written(bounds, fineness)}: {outside:,} of {len(stamps):,} lie outside"
    inquiry.observe("dates_on_later_pages", not outside, how)


def _fineness(inquiry: Inquiry) -> Granularity:
    if inquiry.dates is None:
        raise Unclear("it takes no dates")
    return inquiry.dates


def _stamps(page: Page) -> list[datetime]:
    return [each.datestamp.value for each in headers_of(page) if not each.datestamp.guessed]


def _thirds(stamps: list[datetime], fineness: Granularity) -> Bounds:
    """The middle third of the stamps, where the slack of a day or of one granule leaves some on either side of it."""
    ordered = sorted(stamps)
    for slack in dict.fromkeys((_DAY, fineness.unit)):
        for share in (3, 4, 8):
            cut = len(ordered) // share
            if cut == 0:
                continue
            bounds = Bounds(fineness.floor(ordered[cut]), fineness.floor(ordered[-1 - cut]), slack)
            if bounds.early(ordered) and bounds.late(ordered):
                return bounds
    raise Unclear("the records of its first page are stamped too close together to tell by dates")


def _telling(pages: list[Page], fineness: Granularity) -> Bounds:
    """Of windows between the stamps seen, the one that has most of them beyond its first page, and on the list's own
    second page most outside.
    """
    stamps = sorted(stamp for page in pages for stamp in _stamps(page))
    marks = [None, *(fineness.floor(stamps[len(stamps) * step // 10]) for step in range(1, 10)), None]
    full, second = len(pages[0].records), _stamps(pages[1])
    best, most = None, 0
    for slack in dict.fromkeys((_DAY, fineness.unit)):
        for at, from_ in enumerate(marks):
            for until in marks[at + 1 :]:
                bounds = Bounds(from_, until, slack)
                held = len(stamps) - bounds.outside(stamps)
                worth = min(held - full, bounds.outside(second))
                if worth > most:
                    best, most = bounds, worth
        if best is not None:
            return best
    raise Unclear("no window between the datestamps seen takes two pages and would show it")


def _arguments(bounds: Bounds, fineness: Granularity) -> dict[str, str]:
    pairs = (("from", bounds.from_), ("until", bounds.until))
    return {name: fineness.format(moment) for name, moment in pairs if moment is not None}


def _written(bounds: Bounds, fineness: Granularity) -> str:
    return " ".join(f"{name} {text}" for name, text in _arguments(bounds, fineness).items())


def before_earliest(inquiry: Inquiry) -> None:
    """Ask for what is older than earliestDatestamp by a year: there should be nothing."""
    fineness = _fineness(inquiry)
    earliest = parse((inquiry.said and inquiry.said.earliest_datestamp) or "")
    if earliest is None:
        inquiry.remark("Identify has no earliestDatestamp that can be read")
        raise Unclear("Identify has no earliestDatestamp that can be read")
    if earliest.value.year < 2:
        raise Unclear("earliestDatestamp is the first of all years")
    until = fineness.format(earliest.value - _YEAR)
    how = f"until {until}, a year before earliestDatestamp"
    try:
        page = inquiry.list({"until": until})
    except RepositoryError as error:
        if inquiry.ended or not isinstance(error, Refused):
            raise
        inquiry.observe("before_earliest", error.reason, how)
        return
    if page.records:
        inquiry.observe("before_earliest", "records", f"{how}: {len(page.records):,} came")
        return
    answer = "no_records_match" if page.ending == "no_records_match" else "empty_list"
    inquiry.observe("before_earliest", answer, how)


def earliest(inquiry: Inquiry) -> None:
    """Compare earliestDatestamp with the datestamps seen; no request."""
    told = parse((inquiry.said and inquiry.said.earliest_datestamp) or "")
    stamps = [each.datestamp.value for each in inquiry.walked().headers if not each.datestamp.guessed]
    if told is None or not stamps:
        raise Unclear("there is no earliestDatestamp, or no datestamp to compare it with")
    late = min(stamps) < told.value - _DAY
    inquiry.observe("earliest_truthful", not late, f"{told.raw}, the oldest seen is {min(stamps):%Y-%m-%d}")
    if late:
        inquiry.remark(
            f"earliestDatestamp ({told.raw}) is later than records it lists: a first harvest must not begin there"
        )
