"""Cron expressions of five fields, checked and written in the one way that all readers of them take alike."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEK = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_LENGTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_PART = re.compile(r"(?:\*|([0-9]{1,4}|[a-z]{3})(?:-([0-9]{1,4}|[a-z]{3}))?)(?:/([0-9]{1,4}))?")
_LONGEST = 200  # characters


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    least: int
    most: int
    names: Mapping[str, int] = field(default_factory=dict)


_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of the month", 1, 31),
    _Field("month", 1, 12, {name: number for number, name in enumerate(_MONTHS, start=1)}),
    _Field("day of the week", 0, 7, {name: number for number, name in enumerate(_WEEK)}),
)


def canonical(text: str) -> str:
    """The expression with single spaces, its months by number and its days of the week by name.

    0 is Sunday for cron and Monday for some that read cron's expressions; and where both a day of the month and one of the
    week are named, cron means either and they mean both. So names are written, and both together refused.
    Raises ValueError, which says what the expression must be.
    """
    parts = text.lower().split()
    if len(parts) != len(_FIELDS) or len(text) > _LONGEST:
        raise ValueError(
            "must have five fields (minute, hour, day of the month, month, day of the week), "
            f'such as "0 3 * * *", not {text!r:.60}'
        )
    _, _, days, months, week = (_numbers(part, of) for part, of in zip(parts, _FIELDS, strict=True))
    week = {number % 7 for number in week}
    if len(days) < 31 and len(week) < 7:
        raise ValueError(
            "names days of the month and days of the week, which means either to some and both to others: name one of them"
        )
    if all(day > _LENGTHS[month - 1] for day in days for month in months):
        raise ValueError("names a date that no year has")
    named = [_WEEK[number] for number in (1, 2, 3, 4, 5, 6, 0) if number in week]
    of_year = "*" if len(months) == 12 else ",".join(str(number) for number in sorted(months))
    return " ".join([*parts[:3], of_year, "*" if len(named) == 7 else ",".join(named)])


def _numbers(text: str, of: _Field) -> set[int]:
    """The numbers that a field stands for. Raises ValueError."""
    found: set[int] = set()
    for part in text.split(","):
        match = _PART.fullmatch(part)
        if not match:
            raise ValueError(
                f"has {part!r:.30} for the {of.name}: write *, a number, a range 1-5, a step */2, or a list of them"
            )
        first, last, step = match.groups()
        begin = of.least if first is None else _number(first, of)
        if last is not None:
            end = 7 if last == "sun" and begin else _number(last, of)  # sat-sun
        else:
            end = of.most if first is None or step is not None else begin
        if end < begin:
            raise ValueError(f"has a range for the {of.name} that runs backwards: '{part}'")
        if step is not None and not 1 <= int(step) <= end - begin:
            raise ValueError(f"has a step for the {of.name} that leads nowhere: '{part}'")
        found.update(range(begin, end + 1, int(step or 1)))
    return found


def _number(text: str, of: _Field) -> int:
    number = of.names.get(text, -1) if text.isalpha() else int(text)
    if not of.least <= number <= of.most:
        raise ValueError(f"has '{text}' for the {of.name}, which is from {of.least} to {of.most}")
    return number
