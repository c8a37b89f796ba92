"""EDTF level 1 (ISO 8601-2; Library of Congress, 2019) beyond plain dates: `199X`, `1985-XX-XX`, `-0500`, `2010-21`, `Y17000`.

Pure, and in linear time. The edtf library, against which the tests hold this, takes ten milliseconds for a value that is
odd, so that one hostile record would stop a harvest for a quarter of an hour.
"""

import re

from harvester.crosswalk.fields.dates import SEASONS, Edtf, interval, last_day

_UNSPECIFIED_YEAR = re.compile(r"([0-9]{2})(?:([0-9])X|XX)([?~%]?)")
_UNSPECIFIED_PART = re.compile(r"([0-9]{4})-(?:XX(?:-XX)?|(0[1-9]|1[0-2])-XX)([?~%]?)")
_SEASON = re.compile(r"([0-9]{4})-(2[1-4])([?~%]?)")
_NEGATIVE = re.compile(r"-([0-9]{4})(?:-(0[1-9]|1[0-2])(?:-([0-9]{2}))?)?([?~%]?)")
_LONG_YEAR = re.compile(r"Y(-?)([1-9][0-9]{4,8})")


def level_1(text: str) -> Edtf | None:
    """A date or interval; None where it is none of this level. Years before 0 and beyond 9999 have no bounds."""
    left, slash, right = text.partition("/")
    if not slash:
        return _side(text)
    if "/" in right:
        return None
    first, last = (None if side in ("", "..") else _side(side) for side in (left, right))
    if (first is None and left not in ("", "..")) or (last is None and right not in ("", "..")):
        return None
    return interval(first, last)


def _side(text: str) -> Edtf | None:
    from harvester.crosswalk.fields.dates import plain  # noqa: PLC0415 - the two modules know each other

    return _one(text) or plain(text)


def _one(text: str) -> Edtf | None:
    if len(text) > 12:
        return None
    if match := _UNSPECIFIED_YEAR.fullmatch(text):
        century, decade, _ = match.groups()
        first, last = (
            (century + decade + "0", century + decade + "9") if decade else (century + "00", century + "99")
        )
        return Edtf(text, f"{first}-01-01", f"{last}-12-31")
    if match := _UNSPECIFIED_PART.fullmatch(text):
        year, month, _ = match.groups()
        if month is None:
            return Edtf(text, f"{year}-01-01", f"{year}-12-31")
        return Edtf(text, f"{year}-{month}-01", f"{year}-{month}-{last_day(int(year), month):02}")
    if match := _SEASON.fullmatch(text):
        first, last = SEASONS[match[2]]
        return Edtf(text, f"{match[1]}-{first}", f"{match[1]}-{last}")
    if match := _NEGATIVE.fullmatch(text):
        year, month, day, _ = match.groups()
        possible = day is None or 1 <= int(day) <= last_day(-int(year), month)
        return Edtf(text, None, None) if possible and year != "0000" else None
    return Edtf(text, None, None) if _LONG_YEAR.fullmatch(text) else None
