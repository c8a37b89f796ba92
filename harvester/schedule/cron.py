"""Cron expressions: when they fire next, on the clocks of a zone, right where those are put forward or back."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from apscheduler.triggers.cron import CronTrigger

from harvester.config_file.cron import canonical
from harvester.errors import ConfigError

_ANY_DAY = datetime(2000, 1, 1, tzinfo=UTC)


@lru_cache(maxsize=4096)
def fires(cron: str, zone: str, after: datetime) -> datetime:
    """The first moment after `after` (aware) at which a cron expression fires, in UTC; five fields as of crontab(5), Sunday is 0 or 7.

    What fires in every hour goes by real time: through an hour that comes twice it fires twice. Anything else goes by the
    clock on the wall: in an hour that comes twice it fires the first time only, and what falls into an hour that
    is skipped fires when that is over. Raises ConfigError for an expression or a zone that is none.
    """
    trigger, clocks = _trigger(cron), _zone(zone)
    hourly = _fires_in_every_hour(trigger)
    wall = after.astimezone(clocks).replace(tzinfo=None)
    # Clocks that will be put back within a day: what they have shown already may be shown again.
    back = wall - (after + timedelta(days=1)).astimezone(clocks).replace(tzinfo=None) + timedelta(days=1)
    best: datetime | None = None
    for shown in _shown(trigger, wall - max(back, timedelta(0))):
        moments = _moments(shown, clocks, hourly=hourly)
        later = [each for each in moments if each > after]
        best = min([best, *later] if best is not None else later, default=None)
        if best is not None and shown.replace(tzinfo=clocks).astimezone(UTC) >= best:
            return best
    if best is None:
        raise ConfigError(f"the cron expression '{cron:.80}' never fires")
    return best


def _shown(trigger: CronTrigger, wall: datetime) -> Iterator[datetime]:
    """What the clock on the wall shows when the expression fires, from `wall` on."""
    at = wall.replace(tzinfo=UTC)
    while (found := trigger.get_next_fire_time(None, at)) is not None:
        yield found.replace(tzinfo=None)
        at = found + timedelta(seconds=1)


def _moments(shown: datetime, clocks: tzinfo, *, hourly: bool) -> list[datetime]:
    """The moments (UTC) at which clocks show this: two where they are put back; none where they skip it, or when that is over."""
    first, second = (shown.replace(tzinfo=clocks, fold=fold).astimezone(UTC) for fold in (0, 1))
    if first.astimezone(clocks).replace(tzinfo=None) == shown:
        return [first, second] if hourly and first != second else [first]
    return [] if hourly else [_end_of_gap(second, first, clocks)]


def _end_of_gap(before: datetime, after: datetime, clocks: tzinfo) -> datetime:
    """When clocks are put forward, between two moments."""
    offset = before.astimezone(clocks).utcoffset()
    while (seconds := int((after - before).total_seconds())) > 1:
        middle = before + timedelta(seconds=seconds // 2)
        if middle.astimezone(clocks).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after


@lru_cache(maxsize=1024)
def _trigger(cron: str) -> CronTrigger:
    """Knows neither zone nor summer time: its UTC is whatever the clock on the wall shows.

    APScheduler's own zones fire twice in an hour that comes twice, and count weekdays from Monday (agronholm/apscheduler#286):
    hence UTC, and days of the week by name.
    """
    try:
        return CronTrigger.from_crontab(canonical(cron), timezone=UTC)
    except ValueError as error:
        raise ConfigError(f"the cron expression '{cron:.80}' {error}") from error


def _fires_in_every_hour(trigger: CronTrigger) -> bool:
    hours = next(each for each in trigger.fields if each.name == "hour")
    return all(
        hours.get_next_value(at) == at.hour for at in (_ANY_DAY + timedelta(hours=each) for each in range(24))
    )


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ConfigError(f"'{name:.60}' is no time zone: write it as Europe/Berlin") from error
