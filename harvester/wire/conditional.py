"""Validators: what a server tells of an answer, so that it is sent again only once it has changed (RFC 9110, section 13)."""

from collections.abc import Mapping
from dataclasses import dataclass

_LONGEST = 1024  # characters


@dataclass(frozen=True, slots=True)
class Validators:
    """ETag and Last-Modified of an answer as they came: a server compares them with its own, so nothing is rewritten."""

    etag: str | None = None
    last_modified: str | None = None

    @property
    def headers(self) -> dict[str, str]:
        """The headers that make a request conditional."""
        said = {"If-None-Match": self.etag, "If-Modified-Since": self.last_modified}
        return {name: value for name, value in said.items() if value}


def validators_of(headers: Mapping[str, str]) -> Validators | None:
    """Those of an answer, whose header names are in lower case; None where it has none that can be sent back."""
    etag, last_modified = (_plain(headers.get(name, "")) for name in ("etag", "last-modified"))
    return Validators(etag, last_modified) if etag or last_modified else None


def _plain(value: str) -> str | None:
    """They come back in a header of ours, and are kept as JSON meanwhile."""
    value = value.strip()
    return value if 0 < len(value) <= _LONGEST and value.isascii() and value.isprintable() else None
