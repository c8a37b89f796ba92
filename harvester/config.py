"""What the environment says (see `interfaces` in README): where the data lives, which Postgres, who we are."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harvester.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Settings:
    """`home` holds the embedded server; `database_url` replaces it; `contact` goes into User-Agent and From."""

    home: Path
    database_url: str | None = None
    contact: str | None = None


def from_environment(environment: Mapping[str, str] | None = None) -> Settings:
    """Read HARVESTER_HOME, HARVESTER_DATABASE_URL and HARVESTER_CONTACT.

    Raises ConfigError for a contact that cannot be sent in a header.
    """
    values = os.environ if environment is None else environment
    contact = values.get("HARVESTER_CONTACT", "").strip() or None
    if contact is not None and not contact.isprintable():
        raise ConfigError("HARVESTER_CONTACT must be one printable line, such as mailto:you@example.org")
    return Settings(
        home=_home(values),
        database_url=values.get("HARVESTER_DATABASE_URL", "").strip() or None,
        contact=contact,
    )


def _home(values: Mapping[str, str]) -> Path:
    chosen = values.get("HARVESTER_HOME", "").strip()
    if chosen:
        return Path(chosen).expanduser().absolute()
    xdg = values.get("XDG_DATA_HOME", "").strip()
    # The XDG specification: relative paths are to be ignored.
    data = Path(xdg) if xdg.startswith("/") else Path.home() / ".local" / "share"
    return data / "harvester"
