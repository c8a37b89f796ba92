"""Dates: EDTF level 1 with the precision given, and the days it begins and ends.

Pure: no clock. What a year may be at most is handed over (the server's response date and two years).
"""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import NamedTuple

from harvester.crosswalk.fields.text import excerpt
from harvester.entry import Date, Problem

FURTHEST_YEAR = 9998  # where nobody says when the record was received: 9999 is a placeholder everywhere
_PATIENCE = 1000  # dates of one record that are not understood; no record of the corpus has more than a few
_EACH = 50


class Edtf(NamedTuple):
    """`start` and `end` are YYYY-MM-DD or None where open; `doubt` is a problem's code."""

    value: str
    start: str | None
    end: str | None
    doubt: str | None = None


_ISO = re.compile(r"([0-9]{4})(?:-([0-9][0-9])(?:-([0-9][0-9]))?)?([?~%]?)")
_MOMENT = re.compile(
    r"([0-9]{4}-[0-9][0-9]-[0-9][0-9])[T ]([0-9][0-9]):([0-9][0-9])(?::([0-9][0-9]))?(?:[.,][0-9]{1,9})? ?(Z|UTC|GMT|[+-][0-9][0-9]:?[0-9][0-9])?"
)
SEASONS = {
    "21": ("03-01", "05-31"),
    "22": ("06-01", "08-31"),
    "23": ("09-01", "11-30"),
    "24": ("12-01", "12-31"),
}
_LAST_DAY = {
    "01": 31,
    "02": 28,
    "03": 31,
    "04": 30,
    "05": 31,
    "06": 30,
    "07": 31,
    "08": 31,
    "09": 30,
    "10": 31,
    "11": 30,
    "12": 31,
}
_PREFERRED = ("Issued", "Available", "Created", None)


def edtf(text: str, *, plainly: bool = False) -> Edtf | None:
    """What a text (one line) says as a date, or None where it is not understood; `plainly` asks for ISO 8601 alone.

    Keeps the precision given: 2024 stays 2024, it does not become 2024-01-01.
    """
    match = _ISO.fullmatch(text)
    if match:
        return _calendar(text, match)
    moment = _MOMENT.fullmatch(text)
    if moment:
        return _moment(moment)
    if plainly or len(text) > 100:
        return None
    from harvester.crosswalk.fields import notations  # noqa: PLC0415 - its vocabulary is read for few dates only

    return notations.edtf(text)


def plain(text: str) -> Edtf | None:
    """A year, month or day as ISO 8601 writes them, with EDTF's signs of doubt; None for anything else."""
    match = _ISO.fullmatch(text)
    found = _calendar(text, match) if match else None
    return found if found and not found.doubt else None


def read(text: str, notes: list[Problem], *, type: str | None = None, latest: int = FURTHEST_YEAR) -> Date:  # noqa: A002 - the contract's name
    """A Date from a text (one line); not understood or implausible, it keeps the text in `raw` and says so.

    A record that wrote a thousand dates nobody understands is not looked at so closely any more: only ISO 8601 is.
    """
    if len(text) == 10 and text[4] == "-" == text[7] and (whole := _day(text)) and 1 < whole.year <= latest:
        return Date(type, text, text, text, text)
    found = edtf(text, plainly=len(notes) > _PATIENCE and _is_hopeless(notes))
    if found is None:
        notes.append(Problem("dates", "date_not_understood", excerpt(text)))
        return Date(type, None, None, None, text)
    value, start, end, doubt = found
    year = year_of(value)
    endless = end is not None and end.startswith("9999")  # 2010/9999 has a placeholder for its end
    if endless or (year is not None and (year > latest or year in (0, 1))):
        notes.append(Problem("dates", "year_implausible", text))
        return Date(type, None, None, None, text)
    if doubt:
        notes.append(Problem("dates", doubt, excerpt(text)))
    return Date(type, value, start, end, text)


def _is_hopeless(notes: list[Problem]) -> bool:
    """Whether most of the last thousand problems are dates; one in fifty is looked at, since each further date asks."""
    looked_at = notes[-_PATIENCE::_EACH]
    return 2 * sum(note.code == "date_not_understood" for note in looked_at) >= len(looked_at)


def _day(text: str) -> date | None:
    """The day of YYYY-MM-DD: by far the most frequent form, so the standard library's own reader goes first."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def year_of(value: str) -> int | None:
    """The (first) year of an EDTF value; None where it is unspecified or open."""
    digits = value[:4]
    if digits.isdecimal():
        return int(digits) if len(digits) == 4 else None
    return int(value[:5]) if value[:1] == "-" and value[1:5].isdecimal() and len(value) >= 5 else None


def publication(dates: Sequence[Date], *, latest: int = FURTHEST_YEAR) -> Date | None:
    """The date of publication: Issued, else Available, Created, else the dates without a type.

    Among several of one kind the least precise, then the earliest: DSpace writes accessioned, available and issued
    into dc:date unlabelled, and only the last is ever a bare year. `latest` is the year of the record's datestamp.
    """
    if len(dates) == 1:
        return dates[0] if dates[0].value and dates[0].type in _PREFERRED else None
    usable = [date for date in dates if date.value and date.type in _PREFERRED]
    if len(usable) < 2:
        return usable[0] if usable else None
    best = min(_PREFERRED.index(date.type) for date in usable)
    usable = [date for date in usable if date.type == _PREFERRED[best]]
    timely = [date for date in usable if (year_of(date.value or "") or 0) <= latest]
    return min(timely or usable, key=_vagueness)


def _vagueness(date: Date) -> tuple[bool, int, str]:
    value = date.value or ""
    return year_of(value) is None, len(value.rstrip("?~%")), date.start or ""


def interval(left: Edtf | None, right: Edtf | None) -> Edtf | None:
    """From the beginning of one to the end of the other; a side that is None is open."""
    if "/" in (left.value if left else "") + (right.value if right else "") or not (left or right):
        return None
    if left and right and left.start and right.start and left.start > right.start:
        return None
    return Edtf(
        f"{left.value if left else '..'}/{right.value if right else '..'}",
        left.start if left else None,
        right.end if right else None,
        (left and left.doubt) or (right and right.doubt) or None,
    )


def _calendar(text: str, match: re.Match[str]) -> Edtf | None:
    year, month, day, sign = match.groups()
    if month is None:
        return Edtf(text, f"{year}-01-01", f"{year}-12-31")
    if month in SEASONS and day is None:
        return _season(year, month, sign)
    if month == "00":
        return Edtf(year + sign, f"{year}-01-01", f"{year}-12-31")  # MySQL writes 2010-00-00
    if month > "12":
        return _short_interval(year, month) if day is None and not sign else None
    last = last_day(int(year), month)
    if day is not None and "00" < day <= "28":
        return Edtf(text, text[:10], text[:10])
    if day is None or day == "00":
        return Edtf(f"{year}-{month}{sign}", f"{year}-{month}-01", f"{year}-{month}-{last:02}")
    if int(day) > last:
        return Edtf(f"{year}-{month}", f"{year}-{month}-01", f"{year}-{month}-{last:02}", "day_impossible")
    return Edtf(text, text[:10], text[:10])


def last_day(year: int, month: str) -> int:
    """The number of days of a month ("01" to "12"), in the proleptic Gregorian calendar."""
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return 29 if month == "02" and leap else _LAST_DAY[month]


def _season(year: str, season: str, sign: str) -> Edtf:
    if int(season) == int(year[2:]) + 1:  # 2020-21 is spring 2020 to EDTF, and an academic year to people
        return Edtf(year, f"{year}-01-01", f"{year}-12-31", "date_ambiguous")
    first, last = SEASONS[season]
    return Edtf(f"{year}-{season}{sign}", f"{year}-{first}", f"{year}-{last}")


def _short_interval(year: str, end: str) -> Edtf | None:
    """1998-99; 2010-11 is a month."""
    last = year[:2] + end
    return Edtf(f"{year}/{last}", f"{year}-01-01", f"{last}-12-31") if last > year else None


def _moment(match: re.Match[str]) -> Edtf | None:
    day, hour, minute, second, zone = match.groups()
    calendar = edtf(day)
    if calendar is None or calendar.doubt or len(calendar.value) < 10 or day.startswith("0000"):
        return calendar
    if hour > "23" or minute > "59" or (second or "00") > "59":
        return Edtf(day, day, day, "time_impossible")
    if zone in ("Z", "UTC", "GMT", "+00:00", "+0000"):
        return Edtf(f"{day}T{hour}:{minute}:{second or '00'}Z", day, day)
    if zone is None:
        return Edtf(f"{day}T{hour}:{minute}:{second or '00'}", day, day)
    return _to_utc(f"{day}T{hour}:{minute}:{second or '00'}{zone}", day)


def _to_utc(text: str, day: str) -> Edtf:
    try:
        utc = datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return Edtf(
            day, day, day, "time_impossible"
        )  # a zone beyond 24 hours, or year 1 and 9999 overflowing
    return Edtf(f"{utc:%Y-%m-%dT%H:%M:%S}Z".rjust(20, "0"), utc.date().isoformat(), utc.date().isoformat())
