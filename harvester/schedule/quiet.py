"""When a host is left alone: in the hours that harvester.toml names, else in those that its provider does."""

from datetime import datetime

from harvester.config import Settings
from harvester.wire import PRESETS, preset_for


def quiet_until(settings: Settings, host: str, now: datetime) -> datetime | None:
    """When a host's quiet hours end (UTC); None where the schedule may ask it now."""
    said = settings.hosts.get(host)
    hours = preset_for(host).quiet if said is None or said.quiet is None else said.quiet
    return None if hours is None else hours.until(now)


def quiet_hosts(settings: Settings, now: datetime) -> set[str]:
    """Those that have quiet hours now."""
    return {each for each in {*settings.hosts, *PRESETS} if quiet_until(settings, each, now) is not None}
