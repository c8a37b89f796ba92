"""What the operator says: the environment, and `harvester.toml` (README, "Configuration").

The values that all of harvester works with. The file itself is read by `config_file`, and only where there is one.
Durations are seconds.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from harvester.errors import ConfigError

_LARGEST_SECRET = 64 * 1024  # bytes of a secret's file
_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Secret:
    """`env:NAME` or `file:PATH`: where a secret is kept. It is read when it is used, and never shown."""

    source: str

    def __post_init__(self) -> None:
        if not self.source.startswith(("env:", "file:")):
            # It may be the secret itself, so it is not repeated.
            raise ConfigError("a secret is written as env:NAME or file:PATH")

    def reveal(self) -> str:
        """One line of text. Raises ConfigError, which names the source and never the value."""
        kind, _, place = self.source.partition(":")
        found = os.environ.get(place, "") if kind == "env" else self._read(Path(place))
        line = found.removesuffix("\n").removesuffix("\r")
        if not line:
            raise ConfigError(f"the secret {self.source} is not set, or empty")
        if not line.isprintable():  # it goes into headers
            raise ConfigError(f"the secret {self.source} must be one printable line")
        return line

    def _read(self, path: Path) -> str:
        try:
            with path.open("rb") as file:
                return file.read(_LARGEST_SECRET).decode("utf-8")
        except OSError as error:
            raise ConfigError(f"the secret {self.source} cannot be read: {error.strerror}") from None
        except UnicodeError:  # its message would show the bytes
            raise ConfigError(f"the secret {self.source} is not UTF-8") from None

    def __str__(self) -> str:
        return self.source


@dataclass(frozen=True, slots=True)
class Every:
    """By `cron` (five fields) in `zone` (IANA), else at intervals learned between `least` and `most`; equal ones are fixed."""

    least: float = 3600.0
    most: float = 7 * _DAY
    cron: str | None = None
    zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Quiet:
    """Hours in which a host is not asked, on the clocks of `zone`; `begin` after `end` passes midnight."""

    begin: time
    end: time
    zone: str = "UTC"

    def until(self, now: datetime) -> datetime | None:
        """When they end (UTC); None where `now`, which is aware, is outside of them.

        Where clocks are changed within them, so that a time comes twice or never, they are the longer ones.
        """
        today = now.astimezone(ZoneInfo(self.zone)).date()
        for day in (today + timedelta(days=number) for number in (1, 0, -1)):
            last = day if self.begin < self.end else day + timedelta(days=1)
            end = max(self._moments(last, self.end))
            if min(self._moments(day, self.begin)) <= now < end:
                return end
        return None

    def _moments(self, day: date, at: time) -> list[datetime]:
        zone = ZoneInfo(self.zone)
        return [datetime.combine(day, at.replace(fold=fold), zone).astimezone(UTC) for fold in (0, 1)]


@dataclass(frozen=True, slots=True)
class Auth:
    """Basic with `user` and `password`, or Bearer with `token`."""

    user: str | None = None
    password: Secret | None = None
    token: Secret | None = None


@dataclass(frozen=True, slots=True)
class HostSettings:
    """A [[host]]; `headers` and `auth` are for it alone, `ca` is the PEM file of an authority it may be certified by."""

    name: str
    pace: float | None = None
    quiet: Quiet | None = None
    headers: Mapping[str, str | Secret] = field(default_factory=dict)
    auth: Auth | None = None
    ca: Path | None = None


@dataclass(frozen=True, slots=True)
class StreamSettings:
    """One of a repository's `streams`; `every` is None where it is the repository's."""

    format: str
    set: str | None = None
    every: Every | None = None


@dataclass(frozen=True, slots=True)
class Holds:
    """A person looks first where more would go than `share` of the live records and `records`, or more than `most`."""

    share: float = 0.05
    records: int = 20
    most: int = 1000


@dataclass(frozen=True, slots=True)
class RepositorySettings:
    """A [[repository]], known by its name or its URL; `prefer` is an order of formats, by crosswalk; None is as in [defaults].

    `reconcile` and `rolling` are between two (0.0: never), a list that takes longer than `windows` is cut; `new_sets` is
    "offer" or "harvest".
    """

    name: str | None = None
    url: str | None = None
    prefer: tuple[str, ...] = ()
    every: Every | None = None
    streams: tuple[StreamSettings, ...] = ()
    reconcile: float | None = None
    rolling: float | None = None
    windows: float | None = None
    holds: Holds | None = None
    new_sets: str | None = None
    notify: bool = True


@dataclass(frozen=True, slots=True)
class Defaults:
    """[defaults]: what holds for every repository that does not say otherwise; units as in RepositorySettings."""

    every: Every = Every()
    reconcile: float = 30 * _DAY
    rolling: float = _DAY
    windows: float = 600.0
    holds: Holds = Holds()
    new_sets: str = "offer"


@dataclass(frozen=True, slots=True)
class Service:
    """[service]: `port` serves /metrics and /health (None: none does), `log` is "console" or "json", `slice` a host's turn."""

    workers: int = 8
    port: int | None = None
    address: str = "127.0.0.1"
    log: str = "console"
    slice: float = 60.0


@dataclass(frozen=True, slots=True)
class Webhook:
    """A [[notify.webhook]]; `secret` signs the body (HMAC-SHA256)."""

    url: str
    secret: Secret | None = None


@dataclass(frozen=True, slots=True)
class Mail:
    """[notify.mail]: `server` is a host, or host:port; `tls` is "starttls", "tls", or "none" (loopback only)."""

    server: str
    sender: str
    to: tuple[str, ...]
    user: str | None = None
    password: Secret | None = None
    tls: str = "starttls"


@dataclass(frozen=True, slots=True)
class Notify:
    """[notify]: `group` are the seconds that alerts are gathered before they are told together."""

    webhooks: tuple[Webhook, ...] = ()
    mail: Mail | None = None
    group: float = 300.0


@dataclass(frozen=True, slots=True)
class Settings:
    """`home` holds the embedded server; `database_url` replaces it; `contact` goes into User-Agent and From.

    `paces` are those of `hosts`, by name in lower case. `history` is for how many seconds earlier versions of records are
    kept; None: for ever. `path` is the file that was read.
    """

    home: Path = field(default_factory=lambda: _home(os.environ))
    database_url: str | None = None
    contact: str | None = None
    paces: Mapping[str, float] = field(default_factory=dict)
    repositories: tuple[RepositorySettings, ...] = ()
    history: float | None = None
    hosts: Mapping[str, HostSettings] = field(default_factory=dict)
    defaults: Defaults = field(default_factory=Defaults)
    service: Service = field(default_factory=Service)
    notify: Notify = field(default_factory=Notify)
    path: Path | None = None

    def preference_of(self, name: str, base_url: str) -> tuple[str, ...]:
        """The order of formats chosen for a repository; empty where none is."""
        return self.of(name, base_url).prefer

    def of(self, name: str, base_url: str) -> RepositorySettings:
        """What holds for a repository: what the file says of its name or its URL, the first first, and [defaults] for the rest."""
        said = self._said_of(name, base_url)
        chosen: dict[str, Any] = {
            key: next(value for each in (*said, self.defaults) if (value := getattr(each, key)) is not None)
            for key in ("every", "reconcile", "rolling", "windows", "holds", "new_sets")
        }
        return RepositorySettings(
            name,
            base_url,
            prefer=next((each.prefer for each in said if each.prefer), ()),
            streams=next((each.streams for each in said if each.streams), ()),
            notify=all(each.notify for each in said),
            **chosen,
        )

    def _said_of(self, name: str, base_url: str) -> list[RepositorySettings]:
        return [each for each in self.repositories if name == each.name or base_url == each.url]


def from_environment(environment: Mapping[str, str] | None = None) -> Settings:
    """Read HARVESTER_HOME, HARVESTER_DATABASE_URL, HARVESTER_CONTACT and the configuration file.

    The file is HARVESTER_CONFIG, else harvester.toml here, else in the home; the environment wins over it.
    Raises ConfigError, naming the file, the line and the key.
    """
    values = os.environ if environment is None else environment
    home = _home(values)
    said = Settings(home=home)
    if path := _file(values, home):
        from harvester.config_file import read  # noqa: PLC0415 - without a file nobody waits for pydantic

        said = read(path, home)
    contact = values.get("HARVESTER_CONTACT", "").strip()
    return replace(
        said,
        database_url=values.get("HARVESTER_DATABASE_URL", "").strip() or None,
        contact=_contact(contact) if contact else said.contact,
    )


def _contact(said: str) -> str:
    if not (said.isascii() and said.isprintable()):  # it goes into HTTP headers
        raise ConfigError(
            f"HARVESTER_CONTACT must be one line of printable ASCII, such as mailto:you@example.org, not {said!r:.60}"
        )
    return said


def _home(values: Mapping[str, str]) -> Path:
    if chosen := _path(values, "HARVESTER_HOME"):
        return chosen.absolute()
    xdg = values.get("XDG_DATA_HOME", "").strip()  # a relative path is to be ignored (its specification)
    return (Path(xdg) if xdg.startswith("/") else Path.home() / ".local" / "share") / "harvester"


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
