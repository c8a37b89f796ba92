"""What one value of the file may be, and the sentence that says so. A value that may hold a secret is never repeated."""

import ipaddress
import re
from typing import Any
from urllib.parse import SplitResult, urlsplit, urlunsplit
from zoneinfo import ZoneInfo

from harvester.config_file import cron

NAME = r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,127}$"
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s/@:?#%\[\]\\]+)(?::([0-9]{1,5}))?")
_MAIL = re.compile(r"[^\s@<>,;]+@[^\s@<>,;]+")
_PORTS = {"http": 80, "https": 443}
# What a person copies along from the address of an answer.
_ARGUMENTS = frozenset({"verb", "metadataPrefix", "set", "from", "until", "resumptionToken", "identifier"})
_LONGEST = 512  # characters
_LONGEST_URL = 2000


def shown(said: object, *, public: bool = False) -> str:
    """A value for a sentence; of a table or a list, which may hold anything, only that it is one."""
    if isinstance(said, dict | list):
        return "a table" if isinstance(said, dict) else "a list"
    if isinstance(said, str) and {"@", "?"} & {*said} and not public:  # a password before it, a key behind it
        return "this"
    return f"{said!r:.60}"


def line(said: Any) -> str:
    """One printable line."""
    if not isinstance(said, str) or not said or not said.isprintable() or len(said) > _LONGEST:
        raise ValueError(f"must be one printable line, not {shown(said)}")
    return said


def name(said: Any) -> str:
    """The name of a repository."""
    if not re.fullmatch(NAME, line(said)):
        raise ValueError(
            f"must be letters, digits, '.', '_', '-' and '/', at most 128, beginning with one, not {shown(said)}"
        )
    return line(said)


def crosswalks(said: Any) -> list[str]:
    """An order of formats."""
    if not isinstance(said, list) or not all(isinstance(each, str) and each for each in said):
        raise ValueError(f'must be a list of crosswalks such as ["oai_datacite", "dc"], not {shown(said)}')
    return said


def contact(said: Any) -> str:
    """It goes into HTTP headers."""
    if not isinstance(said, str) or not said or not (said.isascii() and said.isprintable()):
        raise ValueError(
            "must be one line of printable ASCII, such as mailto:you@example.org, "
            f"not {shown(said, public=True)}"
        )
    return said


def share(said: Any) -> float:
    """A share of a whole: `"5%"` or 0.05."""
    found = -1.0
    if isinstance(said, str) and (match := re.fullmatch(r"([0-9]{1,3}(?:\.[0-9]{1,3})?) ?%", said)):
        found = float(match[1]) / 100
    elif isinstance(said, int | float) and not isinstance(said, bool):
        found = float(said)
    if not 0 <= found <= 1:
        raise ValueError(f'must be a share such as "5%" or 0.05, not {shown(said)}')
    return found


def expression(said: Any) -> str:
    """A cron expression, in the one way that `cron` writes it."""
    return cron.canonical(line(said))


def zone(said: Any) -> str:
    """A time zone of the IANA's."""
    try:
        ZoneInfo(line(said))
        # A link to the machine's own; the machines that share a catalogue may have several.
        if said == "localtime":
            raise KeyError(said)
    except (ValueError, KeyError, OSError):  # a folder of the database is one, too
        raise ValueError(f'must be a time zone such as "Europe/Berlin", not {shown(said)}') from None
    return line(said)


def host(said: Any) -> str:
    """Name and port as they are compared: in lower case, by IDNA, without the port that is the scheme's own."""
    match = _HOST.fullmatch(line(said))
    found = plain_name(match[1]) if match else ""
    port = int(match[2] or 1) if match else 0
    if not match or not found or not 0 < port < 65_536:
        raise ValueError(f"must be a host such as api.figshare.com, not {shown(said)}")
    if port in _PORTS.values():
        raise ValueError(f"must be written without :{port}, which is meant where no port is said")
    return f"{found}:{port}" if match[2] else found


def server(said: Any) -> str:
    """A host, or host:port."""
    match = _HOST.fullmatch(line(said))
    if not match or not plain_name(match[1]) or not 0 < int(match[2] or 1) < 65_536:
        raise ValueError(
            f"must be a server such as mail.example.org or mail.example.org:465, not {shown(said)}"
        )
    return line(said)


def listening(said: Any) -> str:
    """An address of this machine, to listen on."""
    try:
        return str(ipaddress.ip_address(line(said)))
    except ValueError:
        raise ValueError(f'must be an address such as "127.0.0.1" or "0.0.0.0", not {shown(said)}') from None


def mailbox(said: Any) -> str:
    """An address of somebody's."""
    if not _MAIL.fullmatch(line(said)) or not line(said).isascii():
        raise ValueError(f"must be a mail address such as ops@example.org, not {shown(said, public=True)}")
    return line(said)


def url(said: Any) -> str:
    """A base URL, as the catalogue has it: scheme and host in lower case, without the scheme's own port."""
    text = said if isinstance(said, str) else ""
    parts = _parts(text)
    if parts is None or len(text) > _LONGEST_URL:
        raise ValueError(f"must be a base URL such as https://example.org/oai, not {shown(said)}")
    if "@" in parts.netloc:
        raise ValueError("holds a user name or a password: they belong into 'auth' of the [[host]]")
    pairs = [pair for pair in parts.query.split("&") if pair.partition("=")[0]]
    if parts.fragment or any(pair.partition("=")[0] in _ARGUMENTS for pair in pairs):
        raise ValueError("must be a base URL alone, without '#' and without the arguments of a request")
    port = "" if parts.port in (None, _PORTS[parts.scheme]) else f":{parts.port}"
    return urlunsplit((parts.scheme, _hostname(parts) + port, parts.path, "&".join(pairs), ""))


def address(said: Any) -> str:
    """The URL of a webhook: it may be as good as a password itself, so it is not repeated."""
    parts = _parts(said) if isinstance(said, str) and said.isascii() else None
    if parts is None or "@" in parts.netloc:
        raise ValueError(
            "must be an address such as https://example.org/hook, without user name and password"
        )
    return line(said)


def plain_name(text: str) -> str:
    """A host's name or address in one way of writing; empty where it is none."""
    try:
        if text.startswith("["):
            return f"[{ipaddress.IPv6Address(text[1:-1])}]"
        return text.rstrip(".").lower().encode("idna").decode("ascii").lower()
    except ValueError:  # UnicodeError is one
        return ""


def _parts(text: str) -> SplitResult | None:
    """None where it is no URL of http or https with a host."""
    if not text.isprintable() or " " in text:
        return None
    try:
        parts = urlsplit(text)
        usable = parts.scheme in _PORTS and parts.hostname and parts.port != 0  # reading the port may raise
    except ValueError:
        return None
    return parts if usable and _HOST.fullmatch(_hostname(parts)) else None


def _hostname(parts: SplitResult) -> str:
    found = str(parts.hostname).lower()
    return f"[{found}]" if ":" in found else found
