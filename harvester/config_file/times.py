"""Durations and times of day, as people write them."""

import re
from datetime import time
from typing import Any

from harvester.config_file.values import shown

DURATION = r"^[0-9]{1,9}(\.[0-9]{1,3})? ?(ms|s|m|h|d)?$"
CLOCK = r"^([01]?[0-9]|2[0-3]):[0-5][0-9]$"
SPAN = r"^([01]?[0-9]|2[0-3]):[0-5][0-9] ?- ?([01]?[0-9]|2[0-3]):[0-5][0-9]$"
_DAY = 86_400.0
_DECADE = 3660 * _DAY
_UNITS = {"ms": 0.001, "": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": _DAY}
_WRITTEN = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?) ?(ms|s|m|h|d|)")


def seconds(said: object) -> float:
    """A duration in seconds; below zero where it is none."""
    match = _WRITTEN.fullmatch(str(said)) if isinstance(said, str | int | float) else None
    return float(match[1]) * _UNITS[match[2]] if match else -1.0


def pace(said: Any) -> float:
    """Between two requests."""
    return _within(said, 0.0, _DAY, 'a time such as "1s", at most a day')


def history(said: Any) -> float:
    """A number without a unit is one of seconds: whoever writes 365 means days, and would lose nearly everything."""
    return _within(said, _DAY, 100 * _DECADE, 'a time of a day or more, such as "365d"')


def interval(said: Any) -> float:
    """Between two harvests, or the like."""
    found = _within(said, 1.0, _DECADE, 'a time such as "6h", from a second to ten years')
    if found < 60 and str(said).replace(".", "").isdecimal():  # as above: whoever writes 6 means hours
        raise ValueError(f'needs a unit, such as "{said}h": {shown(said)} alone is seconds')
    return found


def fixed(said: Any) -> dict[str, Any]:
    """`6h` as a table of bounds."""
    interval(said)  # what is wrong is so of the key that was written, and not of one of the table
    return {"least": said, "most": said}


def seldom(said: Any) -> float:
    """An interval; 0 for never."""
    never = said == "never" or (isinstance(said, int | float) and not isinstance(said, bool) and said == 0)
    return 0.0 if never else interval(said)


def moments(said: Any) -> float:
    """A time of minutes."""
    return _within(said, 1.0, _DAY, 'a time such as "10m", from a second to a day')


def gathering(said: Any) -> float:
    """How long alerts are gathered."""
    return _within(said, 0.0, _DAY, 'a time such as "5m", at most a day')


def clock(said: Any) -> time:
    """A time of day."""
    if isinstance(said, time):
        return said.replace(second=0, microsecond=0)
    if not isinstance(said, str) or not re.fullmatch(CLOCK, said):
        raise ValueError(f'must be a time of day such as "21:00", not {shown(said)}')
    hour, _, minute = said.partition(":")
    return time(int(hour), int(minute))


def span(said: Any) -> dict[str, str]:
    """`21:00-05:00` as a table."""
    if not isinstance(said, str) or not re.fullmatch(SPAN, said):
        raise ValueError(f'must be hours such as "21:00-05:00", not {shown(said)}')
    begin, _, end = said.partition("-")
    return {"from": begin.strip(), "until": end.strip()}


def _within(said: Any, least: float, most: float, must: str) -> float:
    found = seconds(said)
    if not least <= found <= most:
        raise ValueError(f"must be {must}, not {shown(said)}")
    return found
