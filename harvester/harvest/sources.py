"""What SOURCE means: a registered name or a base URL; a new URL is registered once it has answered Identify."""

import re
from collections.abc import Container
from dataclasses import asdict
from datetime import datetime, timedelta
from urllib.parse import urlsplit, urlunsplit

from sqlalchemy import Connection

from harvester.catalogue import ledger
from harvester.catalogue.ledger import Repository, Stream
from harvester.errors import ConfigError
from harvester.oai.datestamps import parse
from harvester.oai.records import Identify
from harvester.wire import host_of, public_url

DEFAULT_FORMAT = "oai_dc"
IDENTIFY_EVERY = timedelta(days=1)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,127}")
_PORTS = {"http": 80, "https": 443}
# A person copies the address of an answer: what belongs to the request is no part of the base URL.
_OAI_ARGUMENTS = frozenset(
    {"", "verb", "metadataPrefix", "set", "from", "until", "resumptionToken", "identifier"}
)
_LONGEST_ARGUMENT = 512  # characters of a set or format that a person types


def is_url(source: str) -> bool:
    """Whether SOURCE is an address and not a name."""
    return "://" in source


def check_url(url: str) -> str:
    """A base URL that may be stored, written in one way: host in lower case, without the arguments of a request.

    Raises ConfigError, without repeating a password.
    """
    try:
        parts = urlsplit(url)
        number = parts.port
        if number == 0:
            raise ValueError("nothing listens on port 0")
    except (
        ValueError
    ):  # a port that is none, a bracket that does not close; its message would repeat the address
        raise ConfigError("this is no base URL: its host or its port cannot be read") from None
    if parts.scheme.lower() not in ("http", "https") or not parts.hostname:
        raise ConfigError(
            "a base URL begins with http:// or https:// and names a host, such as https://example.org/oai"
        )
    if parts.username is not None or parts.password is not None:
        raise ConfigError(
            "the URL holds a user name or password, which would end up in the catalogue: leave them out"
        )
    if parts.fragment or not url.isprintable() or " " in url or len(url) > 2000:
        raise ConfigError(
            "this is no base URL: it may hold neither spaces nor '#', and at most 2,000 characters"
        )
    kept = [pair for pair in parts.query.split("&") if pair.partition("=")[0] not in _OAI_ARGUMENTS]
    port = "" if number is None or number == _PORTS[parts.scheme.lower()] else f":{number}"
    host = parts.hostname if ":" not in parts.hostname else f"[{parts.hostname}]"
    return urlunsplit((parts.scheme.lower(), host.lower() + port, parts.path, "&".join(kept), ""))


def may_be_private(repository: Repository | None, source: str, hosts: Container[str]) -> bool:
    """Whether its address may lie inside a private network: somebody here wrote it, on the command line, as a repository or as one
    of the [[host]]s. What came out of a list of hundreds was perhaps read by nobody.
    """
    return (
        repository is None
        or not repository.imported
        or is_url(source)
        or host_of(repository.base_url) in hosts
    )


def not_registered(source: str) -> ConfigError:
    """What to tell who names a repository that nobody has registered; a password in a mistyped address is not repeated."""
    shown = public_url(source) if "@" in source else source
    return ConfigError(
        f"no repository is registered as '{shown}'; give its base URL, or see `harvester status`"
    )


def check_argument(text: str, what: str) -> str:
    """A set or format as typed. Raises ConfigError."""
    if not text or not text.isprintable() or len(text) > _LONGEST_ARGUMENT:
        raise ConfigError(f"the {what} must be one printable line of at most {_LONGEST_ARGUMENT} characters")
    return text


def name_for(url: str, taken: set[str]) -> str:
    """A name from host and port, as IDNA writes it, then the path: the shortest that is free."""
    host = re.sub(r"[^A-Za-z0-9._-]+", "-", host_of(url)).strip("-.")
    path = re.sub(r"[^A-Za-z0-9._/-]+", "-", urlsplit(url).path).strip("/-")
    candidates = [host, f"{host}/{path}".rstrip("/")]
    candidates += [f"{candidates[1][:120]}-{number}" for number in range(2, 1000)]
    return next(name for name in (each[:128] for each in candidates) if name not in taken)


def check_name(name: str) -> None:
    """Raises ConfigError for a name that is none, before anything is asked."""
    if not _NAME.fullmatch(name):
        raise ConfigError(
            f"'{name}' is no name: letters, digits, '.', '_', '-' and '/', at most 128, beginning with one"
        )


def register(connection: Connection, url: str, name: str | None, taken: set[str]) -> Repository:
    """Register a base URL under a name. Raises ConfigError for a name that is taken."""
    return ledger.add_repository(connection, name or name_for(url, taken), url)


def due_for_identify(repository: Repository, now: datetime) -> bool:
    """Whether Identify is to be read again: a changed granularity or deletion policy is an event."""
    return repository.identified_at is None or now - repository.identified_at > IDENTIFY_EVERY


def earliest_datestamp(repository: Repository) -> datetime | None:
    """What Identify says of the oldest record: a hint, often wrong (pkp/pkp-lib#6803), None where it says nothing readable."""
    said = parse(str((repository.identify or {}).get("earliest_datestamp") or ""))
    return None if said is None else said.value


def note(connection: Connection, repository: Repository, said: Identify, now: datetime) -> Repository:
    """Store what Identify said."""
    values = asdict(said) | {"granularity": said.granularity.value}
    return ledger.note_identify(connection, repository, values, now)


def wanted_streams(
    connection: Connection, repository: Repository, sets: list[str], formats: list[str]
) -> list[Stream]:
    """The streams of this harvest, registered where new: sets × formats as typed, else all that are registered."""
    known = ledger.streams_of(connection, repository)
    if not sets and not formats:
        return known or [ledger.add_stream(connection, repository, "", DEFAULT_FORMAT)]
    pairs = [
        (check_argument(spec, "set") if spec else "", check_argument(format_, "format"))
        for spec in (sets or [""])
        for format_ in (formats or [DEFAULT_FORMAT])
    ]
    return [ledger.add_stream(connection, repository, *pair) for pair in dict.fromkeys(pairs)]
