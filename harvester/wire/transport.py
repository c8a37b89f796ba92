"""Makes `requests` connect where the guard says, and read under the watch.

SNI, certificate name and Host header keep the original name: only the socket is ours.
"""

import functools
import http.client
import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.response import HTTPResponse
from urllib3.util.ssl_ import create_urllib3_context
from urllib3.util.ssl_match_hostname import CertificateError

from harvester.errors import ConfigError
from harvester.wire import failures
from harvester.wire.watch import Watch, WatchedReader

Dial = Callable[[str, int, float], socket.socket]


@dataclass(frozen=True, slots=True)
class Line:
    """What a connection is given: how to open its socket, and who watches its reads."""

    dial: Dial
    watch: Watch


class _Watched(HTTPConnection):
    """Both kinds of connection; the errors of connecting are named here, where their phase is known."""

    def __init__(self, *args: Any, line: Line, **kwargs: Any) -> None:  # urllib3's own, passed through
        super().__init__(*args, **kwargs)
        self._line = line
        self.response_class = functools.partial(_answer, line.watch)  # type: ignore[assignment]  # only called

    def connect(self) -> None:
        tunnel = self._tunnel_host  # forgotten when the connection closes
        host = tunnel or self.host
        try:
            super().connect()
        except (ssl.SSLError, CertificateError) as error:
            raise failures.untrusted(host, error) from error
        except TimeoutError as error:
            raise failures.handshake_timeout(host) from error
        except OSError as error:
            # The socket stood already (dial raises no OSError): it is the proxy's tunnel, or a handshake cut.
            if tunnel:
                raise failures.proxy(host) from error
            raise failures.unconnected(host, [error]) from error

    def request(self, *args: Any, **kwargs: Any) -> None:
        self._line.watch.reused = self.sock is not None
        super().request(*args, **kwargs)

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # urllib3 itself overrides so
        self._line.watch.sent()
        return super().getresponse()

    def _new_conn(self) -> socket.socket:
        limit = self.timeout if isinstance(self.timeout, int | float) else self._line.watch.limits.connect
        return self._line.dial(self._dns_host, self.port, min(limit, self._line.watch.remaining()))


class _WatchedTLS(_Watched, HTTPSConnection):
    """Over TLS."""


class Adapter(HTTPAdapter):
    """One host's connection: at most one, kept alive."""

    def __init__(self, direct: Line, *, tls: Callable[[], ssl.SSLContext]) -> None:
        self._direct = direct
        self._proxied = Line(_dial_proxy, direct.watch)
        self._tls = tls
        super().__init__(pool_connections=2, pool_maxsize=1)

    def build_connection_pool_key_attributes(self, *args: Any, **kwargs: Any) -> Any:
        host, pool = super().build_connection_pool_key_attributes(*args, **kwargs)
        if host["scheme"] == "https":
            pool["ssl_context"] = self._tls()
        return host, pool

    def cert_verify(self, *_: Any) -> None:
        """The context verifies; requests would load the bundle again for every connection (20 ms)."""

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> HTTPConnectionPool:
        pool = cast(HTTPConnectionPool, super().get_connection_with_tls_context(*args, **kwargs))
        # Else it is ours already, or SOCKS, which connects in its own way.
        if pool.ConnectionCls in (HTTPConnection, HTTPSConnection):
            pool.ConnectionCls = _WatchedTLS if pool.scheme == "https" else _Watched
            pool.conn_kw["line"] = self._direct if pool.proxy is None else self._proxied
        return pool


def tls_context(environment: Mapping[str, str], own: Path | None = None) -> ssl.SSLContext:
    """Verifies against REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE (file or folder), else certifi's authorities.

    The authorities of `own`, a PEM file, are trusted besides. Raises ConfigError for a file that holds none.
    """
    chosen = environment.get("REQUESTS_CA_BUNDLE") or environment.get("CURL_CA_BUNDLE")
    bundle = Path(chosen or DEFAULT_CA_BUNDLE_PATH)
    context = create_urllib3_context()
    try:
        if bundle.is_dir():
            context.load_verify_locations(capath=bundle)
        else:
            context.load_verify_locations(cafile=bundle)
    except OSError as error:  # ssl.SSLError is one too
        raise ConfigError(
            f"{bundle} cannot be read as a bundle of certificates: mend REQUESTS_CA_BUNDLE"
        ) from error
    if own is not None:
        try:
            context.load_verify_locations(cafile=own)
        except OSError as error:
            raise ConfigError(
                f"{own} cannot be read as certificates (PEM): mend 'ca' of its [[host]]"
            ) from error
    return context


def _answer(watch: Watch, sock: socket.socket, *args: Any, **kwargs: Any) -> http.client.HTTPResponse:
    # http.client asks its socket for nothing but makefile().
    return http.client.HTTPResponse(WatchedReader(sock, watch), *args, **kwargs)  # type: ignore[arg-type]


def _dial_proxy(host: str, port: int, seconds: float) -> socket.socket:
    """The operator's own proxy: no address of it is closed."""
    try:
        return socket.create_connection((host, port), timeout=seconds)
    except (OSError, UnicodeError) as error:
        raise failures.proxy_unreachable(host) from error
