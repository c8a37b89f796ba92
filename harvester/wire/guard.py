"""Which addresses may be connected to: names are resolved here, all answers checked, and a checked one pinned."""

import ipaddress
import socket
import threading
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future
from itertools import zip_longest

from harvester.errors import Refused, RepositoryError
from harvester.wire import failures
from harvester.wire.limits import Limits

Resolve = Callable[[str, int], Sequence[str]]
"""Host name and port to IP addresses as text; raises OSError when there are none."""

_IP = ipaddress.IPv4Address | ipaddress.IPv6Address
_KEPT_FOR = 60.0  # seconds; a kept-alive connection needs no answer at all

_MOST_ADDRESSES = (
    8  # a DNS answer may hold hundreds, and each that is silent costs a third of the connect limit
)

# Listed here rather than asked of `ipaddress`, whose is_private and is_global have changed between Python
# versions. IANA's special-purpose address registries (RFC 6890), multicast and reserved space.
_CLOSED_4 = tuple(
    ipaddress.IPv4Network(net)
    for net in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15"),
        *("198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
    )
)
# IPv6 is the other way round: only global unicast is open, and of that not the protocol assignments (Teredo
# among them) nor the documentation prefixes.
_OPEN_6 = ipaddress.IPv6Network("2000::/3")
_CLOSED_6 = tuple(
    ipaddress.IPv6Network(net) for net in ("2001::/23", "2001:db8::/32", "3fff::/20", "5f00::/16")
)
_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_6TO4 = ipaddress.IPv6Network("2002::/16")


def is_public(address: str) -> bool:
    """May a host that nobody typed have this address? Embedded IPv4 addresses are judged as such."""
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address):
        embedded = _embedded(ip)
        if embedded is None:
            return ip in _OPEN_6 and not any(ip in net for net in _CLOSED_6)
        ip = embedded
    return not any(ip in net for net in _CLOSED_4)


def literal(host: str) -> str | None:
    """The address that `host` spells out, if it is no name; also as 2130706433, 0x7f.1 or 0177.0.0.1."""
    try:
        return str(ipaddress.ip_address(host.strip("[]")))
    except ValueError:
        pass  # not in the usual form
    try:
        return socket.inet_ntoa(socket.inet_aton(host))
    except (OSError, UnicodeError):
        return None


def system_resolve(host: str, port: int) -> Sequence[str]:
    """What the system's resolver says."""
    answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(answer[4][0]) for answer in answers))


class Dialler:
    """Opens sockets to hosts by name, to checked addresses only.

    `typed` are the hosts (as `host_of` gives them) that the operator wrote; only these may be private.
    The check stands where the connection is made, so no redirect, resolver or parser can get around it.
    """

    def __init__(
        self, typed: Collection[str], resolve: Resolve, *, limits: Limits, monotonic: Callable[[], float]
    ) -> None:
        self._typed = frozenset(name.lower() for name in typed)
        self._resolve = resolve
        self._limits = limits
        self._monotonic = monotonic
        self._answers: dict[tuple[str, int], tuple[float, Sequence[str]]] = {}
        self._family: dict[tuple[str, int], bool] = {}
        self._lock = threading.Lock()

    def is_typed(self, host: str, port: int) -> bool:
        """Did the operator write this host? A default port may be written or left out."""
        name = f"[{host}]" if ":" in host else host
        return f"{name}:{port}" in self._typed or (port in (80, 443) and name in self._typed)

    def check_literal(self, host: str, port: int) -> None:
        """Behind an outbound proxy, which resolves names itself, addresses written as such are still checked."""
        address = literal(host)
        local = host == "localhost" or host.endswith(".localhost")
        if self.is_typed(host, port):
            return
        if local or (address is not None and not is_public(address)):
            raise _private(host, address or host)

    def dial(self, host: str, port: int, seconds: float) -> socket.socket:
        """A connected socket; raises RepositoryError of the fitting kind."""
        addresses = self._addresses(host, port)[:_MOST_ADDRESSES]
        errors: list[OSError] = []
        for position, address in enumerate(addresses, start=1):
            # A broken IPv6 must not cost the whole connect limit while IPv4 would answer at once.
            patience = seconds if position == len(addresses) else seconds / 3
            try:
                sock = _connect(address, port, patience)
            except OSError as error:
                errors.append(error)
                continue
            sock.settimeout(seconds)
            self._family[host, port] = ":" in address
            return sock
        with self._lock:
            self._answers.pop((host, port), None)
        raise failures.unconnected(host, errors)

    def _addresses(self, host: str, port: int) -> Sequence[str]:
        key = (host, port)
        with self._lock:
            since, known = self._answers.get(key, (float("-inf"), ()))
        if not known or self._monotonic() - since > _KEPT_FOR:
            known = self._ask(host, port)
            if not self.is_typed(host, port):
                for address in known:
                    if not is_public(address.partition("%")[0]):
                        raise _private(host, address)
            with self._lock:
                self._answers[key] = (self._monotonic(), known)
        return _by_turns(known, self._family.get(key))

    def _ask(self, host: str, port: int) -> Sequence[str]:
        """getaddrinfo takes no timeout, so it is waited for from outside; the thread ends when the resolver does."""
        if (address := literal(host)) is not None:
            return (address,)
        future: Future[Sequence[str]] = Future()

        def run() -> None:
            try:
                future.set_result(self._resolve(host, port))
            except Exception as error:  # noqa: BLE001 - carried to the thread that waits, and raised there
                future.set_exception(error)

        threading.Thread(target=run, name=f"resolve {host}", daemon=True).start()
        try:
            answers = future.result(timeout=self._limits.connect)
        except TimeoutError as error:
            raise failures.unresolved(host, slow=True) from error
        except (OSError, UnicodeError) as error:
            raise failures.unresolved(host) from error
        if not answers:
            raise failures.unresolved(host)
        return answers


def _by_turns(addresses: Sequence[str], sixth: bool | None) -> list[str]:
    """One of each family in turn, so that a broken family costs one address and not all of its own (RFC 8305, 4).

    `sixth`: begin with IPv6; None: with the family that the resolver has put first.
    """
    first = ":" in addresses[0] if sixth is None else sixth
    pairs = zip_longest(
        *([each for each in addresses if (":" in each) == turn] for turn in (first, not first))
    )
    return [each for pair in pairs for each in pair if each is not None]


def _embedded(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if ip in _6TO4:
        return ipaddress.IPv4Address((int(ip) >> 80) & 0xFFFFFFFF)
    if ip in _MAPPED or ip in _NAT64:
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return None


def _connect(address: str, port: int, seconds: float) -> socket.socket:
    family, kind, protocol, _, place = socket.getaddrinfo(
        address, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST
    )[0]
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(seconds)
        sock.connect(place)
    except BaseException:
        sock.close()
        raise
    return sock


def _private(host: str, address: str) -> RepositoryError:
    where = "is" if host == address else f"leads to {address},"
    return Refused(
        f"{host} {where} an address inside a private network, and you did not name that host yourself. "
        "If it is meant, add it as a repository by its own address.",
        reason="private_address",
    )
