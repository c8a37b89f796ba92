"""One sentence per way a request can fail, in words a librarian can act on; no foreign exception text in it.

Foreign texts may hold a proxy's password, and they speak to programmers.
"""

import errno
import http.client
import ssl
from collections.abc import Iterator, Sequence

import requests
import urllib3.exceptions

from harvester.errors import ConfigError, Evidence, Refused, RepositoryError, Retriable
from harvester.wire.urls import public_url

_LATER = "It will be asked again; if this lasts, ask its operators."

_STALLED = {
    "timeout": "did not finish its answer within the time limit. Smaller windows help",
    "read_timeout": "fell silent in the middle of its answer",
    "too_slow": "sends its answer too slowly to be waited for",
}

_READING = {
    "connection_reset": "cut the connection before its answer was complete",
    "truncated": "sent less than it announced: the answer is cut",
    "bad_http": "sent something that is not HTTP",
    "read_timeout": "fell silent in the middle of its answer",
    "bad_compression": "sent a compressed answer that cannot be unpacked, and did so again when asked not to compress",
}

# OpenSSL's X509_V_ERR_* (openssl/x509_vfy.h).
_CERTIFICATE = {
    9: "is not valid yet. Check the clock of this machine, then ask the repository's operators",
    10: "has expired. The repository's operators have to renew it",
    62: "belongs to another name. Check the host in the base URL",
    64: "belongs to another address. Check the host in the base URL",
}
_UNKNOWN_AUTHORITY = (
    "is signed by an authority that this machine does not know, or its intermediate certificate is missing. "
    "If the authority is your own, name its bundle in REQUESTS_CA_BUNDLE, or in 'ca' of the [[host]]"
)


def evidence(
    url: str, status: int | None, content: bytes | memoryview, hidden: Sequence[str] = ()
) -> Evidence:
    """What came, as text that can be stored: Postgres takes no NUL. Stars stand for what is `hidden`."""
    secrets = sorted((each.encode() for each in hidden), key=len, reverse=True)
    # One that begins within the excerpt may end behind it.
    excerpt = bytes(content[: Evidence.EXCERPT_BYTES + sum(map(len, secrets[:1]))])
    for each in secrets:
        excerpt = excerpt.replace(each, b"*" * len(each))
    text = excerpt[: Evidence.EXCERPT_BYTES].decode("utf-8", "replace").replace("\x00", "\ufffd")
    return Evidence(public_url(url), status, text)


def unresolved(host: str, *, slow: bool = False) -> RepositoryError:
    what = "could not be looked up in time" if slow else "was not found in the DNS"
    return Retriable(
        f"The name {host} {what}. Check its spelling in the base URL and this machine's network.",
        reason="dns",
    )


def unconnected(host: str, errors: Sequence[OSError]) -> RepositoryError:
    """All addresses were tried in vain; the most telling of their errors speaks."""
    if any(isinstance(error, ConnectionRefusedError) for error in errors):
        reason, what = "connection_refused", "refuses connections: no server is running there"
    elif any(isinstance(error, TimeoutError) for error in errors):
        reason, what = "connect_timeout", "does not answer"
    elif any(error.errno in (errno.ENETUNREACH, errno.EHOSTUNREACH) for error in errors):
        reason, what = "no_route", "cannot be reached from this network"
    else:
        reason, what = "connection_reset", "cut the connection while it was being made"
    return Retriable(f"{host} {what}. Check the port in the base URL; it will be asked again.", reason=reason)


def untrusted(host: str, error: Exception) -> RepositoryError:
    """A TLS handshake that failed: bad certificates are refused, a cut connection is asked again."""
    if isinstance(error, ssl.SSLCertVerificationError):
        what = _CERTIFICATE.get(error.verify_code, _UNKNOWN_AUTHORITY)
        return Refused(f"The TLS certificate of {host} {what}.", reason="tls")
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError | ssl.SSLSyscallError):
        return Retriable(
            f"{host} cut the connection while it was being secured. {_LATER}", reason="connection_reset"
        )
    return Refused(
        f"{host} does not speak a TLS that can be trusted. Check that the base URL should begin with https; "
        "if so, its operators have to update their server.",
        reason="tls",
    )


def handshake_timeout(host: str) -> RepositoryError:
    return Retriable(f"{host} does not answer the TLS handshake. {_LATER}", reason="connect_timeout")


def proxy(host: str) -> RepositoryError:
    return Retriable(
        f"The outbound proxy did not connect to {host}. Check HTTPS_PROXY, HTTP_PROXY and NO_PROXY.",
        reason="proxy",
    )


def proxy_unreachable(proxy_host: str) -> RepositoryError:
    return Retriable(
        f"The outbound proxy {proxy_host} cannot be reached. Check HTTPS_PROXY, HTTP_PROXY and NO_PROXY.",
        reason="proxy",
    )


def proxy_login(host: str) -> RepositoryError:
    return Refused(
        f"The outbound proxy wants a user name and a password before it asks {host}, or does not take those it "
        "was given. Check HTTPS_PROXY and HTTP_PROXY.",
        reason="proxy",
    )


def proxy_unreadable() -> ConfigError:
    """A proxy of the environment that is no address; it may hold a password, so it is not shown."""
    return ConfigError(
        "HTTPS_PROXY or HTTP_PROXY is not the address of a proxy: write it as http://host:port"
    )


def stalled(host: str, reason: str, what_came: Evidence) -> RepositoryError:
    """A limit ran out while reading."""
    if reason == "too_large":
        return too_large(host, what_came)
    if reason == "truncated":
        return unreadable(host, reason, what_came)
    return Retriable(f"{host} {_STALLED[reason]}. {_LATER}", reason=reason, evidence=what_came)


def too_large(host: str, what_came: Evidence) -> RepositoryError:
    """Neither Retriable nor Refused: the same page would be as large again, a smaller window need not be."""
    return RepositoryError(
        f"{host} sent an answer larger than the limit, so it was not read to its end. Harvest a smaller window.",
        reason="too_large",
        evidence=what_came,
    )


def nested(host: str, what_came: Evidence) -> RepositoryError:
    return RepositoryError(
        f"{host} sent an answer compressed twice, which is not unpacked. Its operators have to mend that.",
        reason="nested_compression",
        evidence=what_came,
    )


def unreadable(host: str, reason: str, what_came: Evidence) -> RepositoryError:
    return Retriable(f"{host} {_READING[reason]}. {_LATER}", reason=reason, evidence=what_came)


def reading(host: str, error: Exception, what_came: Evidence) -> RepositoryError:
    """A requests, urllib3 or http.client exception after the connection stood."""
    if isinstance(error, requests.exceptions.InvalidSchema):
        return Refused(
            "SOCKS proxies need the package PySocks: install it, or use an HTTP proxy.", reason="proxy"
        )
    if isinstance(error, requests.exceptions.ProxyError):
        return proxy(host)
    return unreadable(host, _reason(error), what_came)


def dropped(error: Exception) -> bool:
    """Did the peer just close the connection?"""
    return any(isinstance(cause, ConnectionError | ssl.SSLEOFError) for cause in _causes(error))


def _reason(error: Exception) -> str:
    causes = list(_causes(error))
    # RemoteDisconnected is both a ConnectionResetError and a BadStatusLine: the order matters.
    if any(isinstance(cause, ConnectionError | ssl.SSLError) for cause in causes):
        return "connection_reset"
    if any(isinstance(cause, TimeoutError | urllib3.exceptions.TimeoutError) for cause in causes):
        return "read_timeout"
    if any(
        isinstance(cause, http.client.IncompleteRead | urllib3.exceptions.IncompleteRead) for cause in causes
    ):
        return "truncated"
    return "bad_http"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An exception and those it wraps: urllib3 and requests keep them in `args`, in `reason`, or as the cause."""
    seen: set[int] = set()
    waiting: list[object] = [error]
    while waiting:
        found = waiting.pop()
        if isinstance(found, BaseException) and id(found) not in seen:
            seen.add(id(found))
            yield found
            waiting += [*found.args, getattr(found, "reason", None), found.__cause__, found.__context__]
