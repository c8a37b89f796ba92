"""What one host alone is told of us: its own headers, and who we are there. Secrets are read anew for every page."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field

from harvester.config import Auth, HostSettings, Secret
from harvester.wire.lane import Ask


@dataclass(frozen=True, slots=True)
class Access:
    """For the pages of one base URL; `hidden` is what no evidence may show, though the host repeats it in its answer."""

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    credentials: tuple[str, str] | None = field(default=None, repr=False)
    hidden: tuple[str, ...] = field(default=(), repr=False)

    def ask(self, url: str, headers: Mapping[str, str], form: bytes | None = None) -> Ask:
        """A request to this host; its own headers go before those that all hosts are sent."""
        own = {name.lower() for name in self.headers}
        kept = {name: value for name, value in headers.items() if name.lower() not in own}
        return Ask(url, {**kept, **self.headers}, self.credentials, form, self.hidden)


def access_to(host: HostSettings | None, typed: tuple[str, str] | None) -> Access:
    """What is sent to a host; `typed` are user name and password of the URL itself, which go before those configured.

    Raises ConfigError where a secret cannot be read.
    """
    said = host or HostSettings("")
    revealed = {
        name: value.reveal().strip() for name, value in said.headers.items() if isinstance(value, Secret)
    }
    headers = {name: _bytes(revealed.get(name, str(value))) for name, value in said.headers.items()}
    credentials, token = (typed, None) if typed is not None else _login(said.auth)
    if token is not None:
        headers["Authorization"] = f"Bearer {_bytes(token)}"
    hidden = [*revealed.values(), *([token] if token else [])]
    if credentials is not None:
        encoded = base64.b64encode(":".join(credentials).encode()).decode()
        hidden += [encoded, *([credentials[1]] if credentials[1] else [])]
    return Access(headers, credentials, tuple(hidden))


def _login(auth: Auth | None) -> tuple[tuple[str, str] | None, str | None]:
    """User and password, or a token."""
    if auth is None:
        return None, None
    if auth.token is not None:
        return None, auth.token.reveal().strip()
    password = "" if auth.password is None else auth.password.reveal()
    return (auth.user or "", password), None


def _bytes(text: str) -> str:
    """As http.client takes it: it writes headers in latin-1, and fails on all that has no place there."""
    return text.encode().decode("latin-1")
