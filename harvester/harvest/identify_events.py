"""What of Identify is an event when it changes, and what follows from it."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from harvester.oai.datestamps import parse

_JUST_NOW = timedelta(days=1)  # some give the present moment as earliestDatestamp (pkp/pkp-lib#6803)
# How it is called in the specification (section 4.2), and what follows.
_EVENTS = {
    "base_url": ("baseURL", "See whether the registered address is still the right one"),
    "protocol_version": ("protocolVersion", "Only 2.0 is harvested"),
    "earliest_datestamp": (
        "earliestDatestamp",
        "Where it is earlier, older records have come, and only a harvest with --full brings them",
    ),
    "deleted_record": (
        "deletedRecord",
        "Deletions that are not told of for ever (persistent) are found by reconciliation",
    ),
    "granularity": ("granularity", "Dates are written in that form from the next list on"),
}


class Change(NamedTuple):
    """A value of Identify, named as the catalogue has it, or the namespace of a format, named by its prefix."""

    name: str
    before: str | None
    now: str | None


def essentials(said: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """What of Identify, as the catalogue keeps it, can be an event; None where it was never asked."""
    return None if said is None else {name: said.get(name) for name in _EVENTS}


def events(before: Mapping[str, Any], now: Mapping[str, Any], at: datetime) -> Iterator[Change]:
    """What is otherwise than `before`; `at` is when it was heard."""
    for name in _EVENTS:
        if before.get(name) == now[name]:
            continue
        earliest = parse(now[name] or "") if name == "earliest_datestamp" else None
        if earliest is None or earliest.value < at - _JUST_NOW:
            yield Change(name, before.get(name), now[name])


def sentence(change: Change) -> str:
    """An event of Identify in words."""
    called, then = _EVENTS[change.name]
    return f"Its {called} is now {change.now or 'missing'}, and was {change.before or 'missing'}. {then}."
