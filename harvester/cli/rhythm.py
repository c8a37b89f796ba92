"""How often, as typed: an interval, or cron in a time zone."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harvester.config import Every


def every_of(every: str | None, cron: str | None = None, zone: str | None = None) -> "Every | None":
    """None where nothing was typed. Raises ConfigError."""
    from harvester.config import Every
    from harvester.config_file import times, values
    from harvester.errors import ConfigError

    if every is not None and cron is not None:
        raise ConfigError("--every and --cron are two answers to one question: leave one of them out")
    if zone is not None and cron is None:
        raise ConfigError("--timezone is that of --cron: give both, or none")
    if cron is not None:
        with _named("cron"):
            fields = values.expression(cron)
        with _named("timezone"):
            return Every(cron=fields, zone=values.zone(zone or "UTC"))
    if every is None:
        return None
    with _named("every"):
        seconds = times.interval(every)
    return Every(seconds, seconds)


@contextmanager
def _named(what: str) -> Iterator[None]:
    from harvester.errors import ConfigError

    try:
        yield
    except ValueError as error:
        raise ConfigError(f"'{what}' {error}") from None
