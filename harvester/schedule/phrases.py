"""Times, rhythms and lists of names in words, for sentences about the schedule."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

from harvester.config import Every

_UNITS = ((86_400.0, "day"), (3600.0, "hour"), (60.0, "minute"))
_NAMED = 8  # names in a sentence
_TOLD = 20  # sentences of one kind


def lasting(seconds: float) -> str:
    """`90 minutes`, `2 days`: in the largest unit of which there are at least two, or exactly one."""
    for size, unit in _UNITS:
        number = round(seconds / size)
        if number >= 2 or (number == 1 and abs(seconds - size) < 0.05 * size):
            return counted(number, unit)
    return counted(round(seconds), "second")


def counted(number: int, noun: str) -> str:
    """`1 page`, `2 pages`."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def often(every: Every) -> str:
    """`every 6 hours`, `every 1 hour to 7 days, as it changes`, or by cron."""
    if every.cron is not None:
        return f"by cron '{every.cron}' ({every.zone})"
    if every.least == every.most:
        return f"every {lasting(every.least)}"
    return f"every {lasting(every.least)} to {lasting(every.most)}, as it changes"


def moment(at: datetime, now: datetime) -> str:
    """`2026-05-01 03:00 UTC (in 4 hours)`, `(2 days ago)`, `(now)`."""
    seconds = (at - now).total_seconds()
    if abs(seconds) < 1:
        away = "now"
    else:
        away = f"in {lasting(seconds)}" if seconds > 0 else f"{lasting(-seconds)} ago"
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC ({away})"


def several(all_: Sequence[str]) -> str:
    """`a, b and 3 more`."""
    if len(all_) > _NAMED:
        return f"{', '.join(all_[:_NAMED])} and {len(all_) - _NAMED:,} more"
    return " and ".join(each for each in (", ".join(all_[:-1]), *all_[-1:]) if each)


def first(sentences: Iterable[str], kind: str) -> Iterator[str]:
    """As many as anybody reads, and how many more there are."""
    number = 0
    for number, sentence in enumerate(sentences, start=1):
        if number <= _TOLD:
            yield sentence
    if number > _TOLD:
        yield f"and {number - _TOLD:,} more {kind}"


def stream(set_spec: str, format_: str) -> str:
    """A set in a format."""
    return f"{set_spec or '(all)'} {format_}"
