"""Dates as people and catalogues write them: `[1998?]`, `c1998`, `199-`, `Spring 2010`, `17 May 2015`.

Pure. Each notation has one reading or none: `03/08/2015` is a year and a doubt, never a guess.
"""

import re

from harvester.crosswalk.fields.dates import Edtf, interval
from harvester.crosswalk.fields.dates import edtf as standard
from harvester.crosswalk.fields.edtf_level_1 import level_1
from harvester.crosswalk.fields.vocabulary import terms

_ABOUT = re.compile(
    r"(?:c|ca|circa|approx|about|um|vers)\b\.? ?(?=[0-9])|c(?=[0-9]{4}\b)|~ ?(?=[0-9])", re.IGNORECASE
)
_COPYRIGHT = re.compile(r"(?:©|cop\.?|copyright|℗|p(?=[0-9]))[ ©]*(?=[0-9]{4}\b)", re.IGNORECASE)
_BETWEEN = re.compile(r"between (.{4,30}) and (.{4,30})", re.IGNORECASE)
_DECADE = re.compile(
    r"([0-9]{3})[-?_xXu]\??|([0-9][0-9])(?:--|\?\?|__|[xX]{2}|uu)\??|([0-9]{3})0s"
)  # MARC has u, people write 1980s
_OPEN = re.compile(r"([0-9]{4}) ?[-–]")  # 1990-, of what still goes on
_COMPACT = re.compile(r"([0-9]{4})([0-9][0-9])([0-9][0-9])")
_YEAR_FIRST = re.compile(r"([0-9]{4})([-/.])([0-9]{1,2})(?:\2([0-9]{1,2}))?")
_YEAR_LAST = re.compile(r"([0-9]{1,2})([-/.]) ?([0-9]{1,2})\2 ?([0-9]{4})")
_SEPARATORS = (" - ", " – ", " — ", " to ", "–", "—", "-")
_MONTH_YEAR = re.compile(r"(0?[1-9]|1[0-2])[-/.]([0-9]{4})")
_WEEKDAY = re.compile(r"(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*,? ", re.IGNORECASE)
_TIME = re.compile(
    r",? [0-9]{1,2}:[0-9][0-9](?::[0-9][0-9])?(?: ?[ap]m)?(?: ?(?:[A-Z]{3,4}|[+-][0-9]{4}|Z))?$",
    re.IGNORECASE,
)
_ORDINAL = re.compile(r"([0-9])(?:st|nd|rd|th|\.)(?= )", re.IGNORECASE)
_HYPHENED = re.compile(r"([0-9]{1,2})-([^\W0-9_]{3,12})-([0-9]{4})")  # 17-Aug-2015
_WORD_FIRST = re.compile(r"([^\W0-9_]{3,12})\.?,? (?:([0-9]{1,2})(?:st|nd|rd|th)?,? )?([0-9]{4})")
_DAY_FIRST = re.compile(r"(?:([0-9]{1,2}) )?(?:de )?([^\W0-9_]{3,12})\.?,? (?:de )?([0-9]{4})")
_YEAR_THEN = re.compile(r"([0-9]{4}),? ([^\W0-9_]{3,12})\.?(?: ([0-9]{1,2}))?")
_LABELLED = re.compile(
    r"(?:Month: ?([0-9]{1,2}),? )?(?:Day: ?([0-9]{1,2}),? )?Year: ?([0-9]{4})", re.IGNORECASE
)
_PERIOD = re.compile(r"(start|end) ?= ?([^;]{4,30})")
_ANY_YEAR = re.compile(r"[0-9]{2}[0-9xXu?_-]{2}")  # 1998, 199X, 19--: what no notation does without
_YEAR = re.compile(r"[0-9]{4}")


def edtf(text: str) -> Edtf | None:
    """One of the notations above, or None. `text` is one line of at most 100 characters."""
    text = _bare(text)
    if not _ANY_YEAR.search(text):
        return None
    found = _slashed(text) or _numbers(text) or _named(text)
    return found or _about(text) or _ranged(text) or level_1(text)


def _bare(text: str) -> str:
    """Without the brackets and full stops of catalogues."""
    text = text.strip(" ,;")
    text = text if text.endswith("..") else text.removesuffix(".")
    if text[:1] + text[-1:] in ("[]", "()"):
        text = text[1:-1].strip(" .")
    return text.replace("[", "").replace("]", "")


def _slashed(text: str) -> Edtf | None:
    """EDTF's own intervals: a/b, a/.. and `2010/`, ../b and `/2012`."""
    left, slash, right = text.partition("/")
    if not slash or "/" in right:
        return None
    if left in ("", "..") or right in ("", ".."):
        given = _simple(left if right in ("", "..") else right)
        return (
            interval(given, None)
            if given and right in ("", "..")
            else interval(None, given)
            if given
            else None
        )
    first, last = _simple(left), _simple(right)
    return interval(first, last) if first and last else None


def _simple(text: str) -> Edtf | None:
    text = text.strip()
    return standard(text) if 4 <= len(text) <= 25 and text[:4].isdecimal() and "/" not in text else None


def _numbers(text: str) -> Edtf | None:
    if (match := _DECADE.fullmatch(text)) and not text.isdecimal():
        return level_1(f"{match[2]}XX" if match[2] else f"{match[1] or match[3]}X")
    if match := _OPEN.fullmatch(text):
        return interval(standard(match[1]), None)
    if match := _COMPACT.fullmatch(text):
        found = standard("-".join(match.groups()))
        return found if found and not found.doubt else None
    if match := _YEAR_FIRST.fullmatch(text):
        year, sign, month, day = match.groups()
        if sign == "/" and day is None and int(month) == int(year[2:]) + 1 <= 12:
            return _ambiguous(year)  # 2010/11: a month, or an academic year
        return standard(f"{year}-{month:0>2}" + (f"-{day:0>2}" if day else ""))
    if match := _MONTH_YEAR.fullmatch(text):
        return standard(f"{match[2]}-{match[1]:0>2}")
    if match := _YEAR_LAST.fullmatch(text):
        first, sign, second, year = match.groups()
        return _day_and_month(int(first), int(second), year, dotted=sign == ".")
    return None


def _day_and_month(first: int, second: int, year: str, *, dotted: bool) -> Edtf | None:
    """17/08/2015 has one reading, 03/08/2015 two; with dots it is always day, month, year."""
    readings = {
        found
        for day, month in ((first, second), (second, first))
        if (found := standard(f"{year}-{month:02}-{day:02}")) and len(found.value) == 10
    }
    if dotted:
        return standard(f"{year}-{second:02}-{first:02}")
    if len(readings) == 1:
        return readings.pop()
    if readings:
        return _ambiguous(year)
    month = min(first, second)  # 31/02/2015 is no day, and of February both ways round
    return standard(f"{year}-{month:02}-{max(first, second):02}") if 1 <= month <= 12 else None


def _ambiguous(year: str) -> Edtf:
    return Edtf(year, f"{year}-01-01", f"{year}-12-31", "date_ambiguous")


def _named(text: str) -> Edtf | None:
    """Months and seasons by name, with or without weekday and time (RFC 822)."""
    if not _YEAR.search(text) or (text.isascii() and not any(sign.isalpha() for sign in text)):
        return None
    if match := _LABELLED.fullmatch(text):  # seen in dcterms:issued of Virginia Tech
        month, day, year = match.groups()
        return standard(year + (f"-{month:0>2}" + (f"-{day:0>2}" if day else "") if month else ""))
    text = _WEEKDAY.sub("", text, count=1)
    text = _ORDINAL.sub(r"\1", _TIME.sub("", text) if ":" in text else text)
    text = _HYPHENED.sub(r"\1 \2 \3", text) if "-" in text else text
    if match := _WORD_FIRST.fullmatch(text):
        word, day, year = match.groups()
    elif match := _DAY_FIRST.fullmatch(text):
        day, word, year = match.groups()
    elif match := _YEAR_THEN.fullmatch(text):
        year, word, day = match.groups()
    else:
        return None
    number = terms("dates", "names").get(word.casefold())
    if number is None or (day and number > "12"):
        return None
    if number > "12":
        return level_1(f"{year}-{number}")
    return standard(f"{year}-{number}" + (f"-{day:0>2}" if day else ""))


def _about(text: str) -> Edtf | None:
    """c1998, ca. 1998, circa 1998 are about 1998; ©1998 is 1998."""
    if match := _ABOUT.match(text):
        rest = text[match.end() :]
        found = standard(rest.rstrip("?")) if len(rest) <= 11 else None
        return (
            found._replace(value=f"{found.value}~")
            if found and found.value[-1:].isdecimal() and "/" not in found.value
            else None
        )
    if match := _COPYRIGHT.match(text):
        return standard(text[match.end() :]) if len(text) - match.end() == 4 else None
    return None


def _ranged(text: str) -> Edtf | None:
    """between a and b, a - b, and DCMI Period's start=a; end=b."""
    if "=" in text:
        bounds = {name: edtf(value) for name, value in _PERIOD.findall(text)}
        return interval(bounds.get("start"), bounds.get("end"))
    match = _BETWEEN.fullmatch(text)
    if match:
        return _from_to(match[1], match[2])
    sign = next((sign for sign in _SEPARATORS if text.count(sign) == 1), None)
    return _from_to(*text.split(sign)) if sign else None


def _from_to(left: str, right: str) -> Edtf | None:
    sides = (left.strip(), right.strip())
    if not all(4 <= len(side) <= 25 and _ANY_YEAR.search(side) for side in sides):
        return None
    first = _side(sides[0])
    last = _side(sides[1]) if first else None
    return interval(first, last) if first and last else None


def _side(text: str) -> Edtf | None:
    """Any notation but an interval's: each is tried once."""
    found = standard(text, plainly=True)
    if found is None:
        text = _bare(text)
        found = _numbers(text) or _named(text) or _about(text) or level_1(text)
    return found
