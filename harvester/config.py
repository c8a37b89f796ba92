"""What the operator says: the environment, and `harvester.toml` (README, "Configuration").

A key that is not known is an error, so that a slip of the pen is not silently without effect.
"""

import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harvester.errors import ConfigError

_LARGEST = 1024 * 1024  # bytes of harvester.toml
_KEYS = {
    "the file": {"contact", "history", "host", "repository"},
    "[[host]]": {"name", "pace"},
    # every, cron and streams are the scheduler's.
    "[[repository]]": {"name", "url", "prefer", "every", "cron", "streams"},
}
_DURATION = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,3})?) ?(ms|s|m|h|d|)")
_SECONDS = {"ms": 0.001, "": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_DAY = 86_400.0
_LONGEST_PACE = _DAY
_HOST = re.compile(r"[^\s/@]+")
_URL = re.compile(r"(https?://[^\s/]+)(\S*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class RepositorySettings:
    """A [[repository]] of the file, known by its name or its URL; `prefer` is an order of formats, by crosswalk."""

    name: str | None = None
    url: str | None = None
    prefer: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Settings:
    """`home` holds the embedded server; `database_url` replaces it; `contact` goes into User-Agent and From.

    `paces` are seconds between two requests by host, in lower case. `history` is for how many seconds earlier versions of
    records are kept; None: for ever.
    """

    home: Path = field(default_factory=lambda: _home(os.environ))
    database_url: str | None = None
    contact: str | None = None
    paces: Mapping[str, float] = field(default_factory=dict)
    repositories: tuple[RepositorySettings, ...] = ()
    history: float | None = None

    def preference_of(self, name: str, base_url: str) -> tuple[str, ...]:
        """The order of formats chosen for a repository; empty where none is."""
        for each in self.repositories:
            if each.prefer and (name == each.name or base_url == each.url):
                return each.prefer
        return ()


def from_environment(environment: Mapping[str, str] | None = None) -> Settings:
    """Read HARVESTER_HOME, HARVESTER_DATABASE_URL, HARVESTER_CONTACT and the configuration file.

    The file is HARVESTER_CONFIG, else harvester.toml here, else in the home; the environment wins over it.
    Raises ConfigError, naming the file and the key.
    """
    values = os.environ if environment is None else environment
    home = _home(values)
    said = _read(_file(values, home))
    contact = values.get("HARVESTER_CONTACT", "").strip()
    return Settings(
        home=home,
        database_url=values.get("HARVESTER_DATABASE_URL", "").strip() or None,
        contact=_contact(contact, "HARVESTER_CONTACT") if contact else said.get("contact"),
        paces={_text(host, "name").lower(): _pace(host) for host in said.get("host", ())},
        repositories=tuple(_repository(each) for each in said.get("repository", ())),
        history=_history(said),
    )


def _home(values: Mapping[str, str]) -> Path:
    if chosen := _path(values, "HARVESTER_HOME"):
        return chosen.absolute()
    xdg = values.get("XDG_DATA_HOME", "").strip()
    # The XDG specification: relative paths are to be ignored.
    data = Path(xdg) if xdg.startswith("/") else Path.home() / ".local" / "share"
    return data / "harvester"


def _file(values: Mapping[str, str], home: Path) -> Path | None:
    if chosen := _path(values, "HARVESTER_CONFIG"):
        return chosen
    return next((path for path in (Path("harvester.toml"), home / "harvester.toml") if path.is_file()), None)


def _path(values: Mapping[str, str], name: str) -> Path | None:
    chosen = values.get(name, "").strip()
    try:
        return Path(chosen).expanduser() if chosen else None
    except RuntimeError as error:
        raise ConfigError(f"{name} names the home of a user who is not known here: {chosen!r:.60}") from error


def _read(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        with path.open("rb") as file:
            body = file.read(_LARGEST + 1)
        if len(body) > _LARGEST:
            raise ConfigError(f"{path} is larger than {_LARGEST // 1024} KiB: that is no configuration")
        said = tomllib.loads(body.decode("utf-8"))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:  # of UTF-8, of TOML, or of a number with thousands of digits
        raise ConfigError(f"{path} is not TOML: {error}") from error
    except RecursionError:
        raise ConfigError(f"{path} is not TOML: it is nested too deeply") from None
    try:
        _check(said)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
    except ValueError as error:  # such a number in hexadecimal is read, and cannot be shown
        raise ConfigError(f"{path} is not TOML: {error}") from None
    return said


def _check(said: dict[str, Any]) -> None:
    _known(said, "the file")
    if "contact" in said:
        _contact(said["contact"], "'contact'")
    _history(said)
    for name in ("host", "repository"):
        tables = said.get(name, [])
        if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
            raise ConfigError(f"'{name}' must be written as [[{name}]]")
        for table in tables:
            _known(table, f"[[{name}]]")
    for host in said.get("host", ()):
        if not _HOST.fullmatch(name := _text(host, "name")):
            raise ConfigError(f"'name' must be a host such as api.figshare.com, not {name!r:.60}")
        _pace(host)
    for repository in said.get("repository", ()):
        _repository(repository)


def _known(table: Iterable[str], where: str) -> None:
    strange = sorted({*table} - _KEYS[where])
    if strange:
        raise ConfigError(
            f"'{strange[0]}' is not known in {where}; known are {', '.join(sorted(_KEYS[where]))}"
        )


def _text(table: Mapping[str, Any], key: str) -> str:
    found = table.get(key)
    if not isinstance(found, str) or not found or not found.isprintable():
        raise ConfigError(f"'{key}' must be one printable line, not {found!r:.60}")
    return found


def _contact(said: Any, where: str) -> str:
    # It goes into HTTP headers.
    if not isinstance(said, str) or not said or not (said.isascii() and said.isprintable()):
        raise ConfigError(
            f"{where} must be one line of printable ASCII, such as mailto:you@example.org, not {said!r:.60}"
        )
    return said


def _url(table: Mapping[str, Any]) -> str:
    """Scheme and host in lower case, as the catalogue has them."""
    said = _text(table, "url")
    match = _URL.fullmatch(said)
    if not match:
        raise ConfigError(f"'url' must be a base URL such as https://example.org/oai, not {said!r:.60}")
    return match[1].lower() + match[2]


def _pace(host: Mapping[str, Any]) -> float:
    said = host.get("pace")
    seconds = _duration(said)
    if not 0 <= seconds <= _LONGEST_PACE:
        raise ConfigError(f"'pace' must be a time such as \"1s\", at most a day, not {said!r:.60}")
    return seconds


def _history(said: Mapping[str, Any]) -> float | None:
    if "history" not in said:
        return None
    seconds = _duration(said["history"])
    # A number without a unit is one of seconds: whoever writes 365 means days, and would lose nearly everything.
    if seconds < _DAY:
        raise ConfigError(
            f"'history' must be a time of a day or more, such as \"365d\", not {said['history']!r:.60}"
        )
    return seconds


def _duration(said: object) -> float:
    """Seconds; below zero where it is no time."""
    match = _DURATION.fullmatch(str(said)) if isinstance(said, str | int | float) else None
    return float(match[1]) * _SECONDS[match[2]] if match else -1.0


def _repository(table: Mapping[str, Any]) -> RepositorySettings:
    if "name" not in table and "url" not in table:
        raise ConfigError("a [[repository]] needs 'name' or 'url'")
    prefer = table.get("prefer", [])
    if not isinstance(prefer, list) or not all(isinstance(each, str) and each for each in prefer):
        raise ConfigError(
            f'\'prefer\' must be a list of crosswalks such as ["oai_datacite", "dc"], not {prefer!r:.60}'
        )
    return RepositorySettings(
        _text(table, "name") if "name" in table else None,
        _url(table) if "url" in table else None,
        tuple(prefer),
    )
