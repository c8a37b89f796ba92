"""Addresses as text: which host they name, their query merged, their credentials taken out."""

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import SplitResult, parse_qsl, quote, unquote, unquote_plus, urljoin, urlsplit, urlunsplit

from harvester.errors import ConfigError

_PORTS = {"http": 80, "https": 443}
# Parsers disagree about these inside a host ("http://a\@b/"), so a host that has one is not an address.
_AMBIGUOUS = re.compile(r"[\s\\\x00-\x1f\x7f]")
_UNREADABLE = "(an address that cannot be read)"

Arguments = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Address:
    """A URL without its userinfo, and the userinfo (decoded), kept apart so that no message can show it."""

    url: str
    host: str
    credentials: tuple[str, str] | None


def parse(url: str) -> Address:
    """Raises ConfigError unless it is an absolute http or https URL with a host."""
    parts = _split(url)
    name, port = _name_and_port(parts)
    user, password = parts.username, parts.password
    given = user is not None or password is not None
    netloc = f"[{name}]" if ":" in name else name
    if port != _PORTS[parts.scheme]:
        netloc = f"{netloc}:{port}"
    return Address(
        url=urlunsplit((parts.scheme, netloc, parts.path or "/", parts.query, "")),
        host=netloc,
        credentials=(unquote(user or ""), unquote(password or "")) if given else None,
    )


def host_of(url: str) -> str:
    """Lower-case name plus a port that is not the scheme's own; the key of politeness and of locks."""
    return parse(url).host


def public_url(url: str) -> str:
    """The URL without userinfo, for messages and evidence; of one that cannot be read, nothing is shown."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return _UNREADABLE
    if not parts.netloc and "@" in url:  # http:/user:password@host, a slash short: where they end is a guess
        return _UNREADABLE
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def same_credentials_realm(first: str, second: str) -> bool:
    """May what was typed for `first` be sent to `second`? The same origin, or its move from http to https."""
    one, two = _split(first), _split(second)
    if one.hostname != two.hostname:
        return False
    ports = _name_and_port(one)[1], _name_and_port(two)[1]
    return (one.scheme, ports[0]) == (two.scheme, ports[1]) or (
        (one.scheme, two.scheme) == ("http", "https") and ports == (80, 443)
    )


def merge_query(url: str, params: Arguments) -> str:
    """`params` merged into the query that `url` has, `verb` first, each value percent-encoded exactly once.

    Arguments without a value are dropped; one that the URL already had is replaced, for OAI-PMH forbids
    repeated arguments (specification, section 3.1.1).
    """
    parts = urlsplit(url)
    given = [(name, value) for name, value in params if value != ""]
    names = {name for name, _ in given}
    own = [piece for piece in parts.query.split("&") if piece and _name(piece) not in names]
    first = [_pair(*item) for item in given if item[0] == "verb"]
    rest = [_pair(*item) for item in given if item[0] != "verb"]
    # `index.php?/oai`: the query begins with a path, which has to stay in front.
    path = own[:1] if own and "=" not in own[0] else []
    query = "&".join([*path, *first, *own[len(path) :], *rest])
    return urlunsplit(parts._replace(query=query, fragment=""))


def encoded(params: Arguments) -> str:
    """Arguments as a query or a form, each value percent-encoded exactly once; those without a value are dropped."""
    return "&".join(_pair(name, value) for name, value in params if value != "")


def follow(url: str, location: str, params: Arguments) -> str:
    """Where a redirect leads; arguments that it lost or damaged are sent again.

    Lost: openwis/openwis#239. Damaged: mod_rewrite escapes what was escaped, unless told not to ([NE]).
    """
    with suppress(UnicodeError):  # http.client reads headers as latin-1, and some are
        location = location.encode("latin-1").decode("utf-8")
    target = urljoin(url, location.strip())
    kept = parse_qsl(urlsplit(target).query, keep_blank_values=True)
    damaged = [item for item in params if item[1] != "" and item not in kept]
    return merge_query(target, damaged)


def without_arguments(url: str, params: Arguments) -> str:
    """The base URL that `url` was made from: its query less `params`."""
    parts = urlsplit(url)
    names = {name for name, _ in params}
    own = [piece for piece in parts.query.split("&") if piece and _name(piece) not in names]
    return urlunsplit(parts._replace(query="&".join(own), fragment=""))


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url.strip())
        _ = parts.port  # read here, for it raises ValueError
    except ValueError as error:
        raise ConfigError(
            "The base URL cannot be read as an address: write it as https://host/path"
        ) from error
    if parts.scheme not in _PORTS:
        raise ConfigError("Only http:// and https:// addresses can be harvested: write the base URL with one")
    if not parts.hostname or _AMBIGUOUS.search(parts.netloc) or "%" in parts.hostname:
        raise ConfigError(f"{public_url(url)!r} names no host: write the base URL as https://host/path")
    return parts


def _name_and_port(parts: SplitResult) -> tuple[str, int]:
    name = (parts.hostname or "").rstrip(".")
    if not name.isascii():
        try:
            name = name.encode("idna").decode("ascii")
        except UnicodeError as error:
            raise ConfigError(f"{name!r} cannot be a host name: check the base URL") from error
    port = parts.port
    return name.lower(), _PORTS[parts.scheme] if port is None else port


def _name(piece: str) -> str:
    return unquote_plus(piece.partition("=")[0])


def _pair(name: str, value: str) -> str:
    return f"{_quoted(name)}={_quoted(value)}"


def _quoted(text: str) -> str:
    return quote(text, safe="", errors="surrogatepass")
