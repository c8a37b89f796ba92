"""What lets us in at a host: only places where a secret is kept, and no word of a value is ever repeated."""

import re
from typing import Any

REFERENCE = r"^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+)$"
_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")  # RFC 9110, section 5.6.2
# What HTTP itself needs, and what decides in which form the answer comes: ours.
_OURS = re.compile(
    r"host|connection|keep-alive|te|trailer|transfer-encoding|upgrade|expect|accept-encoding|range|content-.*|proxy-.*|if-.*",
    re.IGNORECASE,
)
_SECRETIVE = re.compile(r"auth|cookie|key|token|secret|passw|signature|credential|session", re.IGNORECASE)
_LONGEST = 1000  # characters


def reference(said: Any) -> str:
    """`env:NAME` or `file:PATH`."""
    if not isinstance(said, str) or not re.fullmatch(REFERENCE, said) or not said.isprintable():
        raise ValueError(
            'must be written as "env:NAME" or "file:PATH": a secret itself has no place in this file'
        )
    return said


def headers(said: Any) -> dict[str, str]:
    """Headers for one host. Raises ValueError."""
    if not isinstance(said, dict):
        raise ValueError('must be a table such as {X-Project = "ours", X-API-Key = "env:KEY"}')
    if len({name.lower() for name in said}) < len(said):
        raise ValueError("names a header twice")
    return {_header(name): _value(name, value) for name, value in said.items()}


def user(said: Any) -> str:
    """Of Basic authentication (RFC 7617): a colon ends it."""
    if not isinstance(said, str) or not said or not said.isprintable() or ":" in said or len(said) > _LONGEST:
        raise ValueError("must be one printable line without ':'")
    return said


def _header(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"has {name!r:.60}, which is no name of a header")
    if _OURS.fullmatch(name):
        raise ValueError(f"has '{name}', which harvester itself sets")
    return name


def _value(name: str, said: Any) -> str:
    if not isinstance(said, str) or not said or not (said.isascii() and said.isprintable()):
        raise ValueError(f"must have one line of printable ASCII for '{name}'")
    if said.startswith(("env:", "file:")) or _SECRETIVE.search(name):
        try:
            return reference(said)
        except ValueError:
            raise ValueError(
                f'must have "env:NAME" or "file:PATH" for \'{name}\': a secret itself has no place in this file'
            ) from None
    return said
