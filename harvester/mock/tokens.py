"""resumptionTokens: where a list stands, written so that only this repository can read it.

Two styles. An "offset" token holds everything, so reading it again gives the same page (specification 3.5.1).
A "scroll" token names a cursor kept here, so reading it again gives the next page (elasticsearch#17151).
"""

import base64
import binascii
import threading
import zlib
from dataclasses import dataclass, replace
from typing import Literal
from urllib.parse import parse_qsl, urlencode

Style = Literal["offset", "scroll"]


@dataclass(frozen=True, slots=True)
class Query:
    """A list request as it was made; dates as they were written."""

    verb: str
    prefix: str
    from_: str | None = None
    until: str | None = None
    spec: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a list stands: the next position in the store, records sent before, pages sent before.

    `expires` is a POSIX time, None for never; `scroll` names the cursor of a scroll.
    """

    query: Query
    position: int = 0
    sent: int = 0
    number: int = 0
    expires: float | None = None
    scroll: str | None = None


class Tokens:
    """Issues tokens and reads them back."""

    def __init__(self, style: Style) -> None:
        self._style = style
        self._lock = threading.Lock()
        self._scrolls: dict[str, Place] = {}
        self._opened = 0
        self.aliases: dict[str, str] = {}

    def issue(self, place: Place) -> str:
        """A token that brings the page at `place`."""
        if self._style == "offset":
            return _write({"at": place.position, "sent": place.sent}, place)
        with self._lock:
            if place.scroll is None:
                self._opened += 1
                place = replace(place, scroll=f"queryThenFetch;3;{2_471_900 + self._opened}:qjSqJx0mTWKZ")
            self._scrolls[str(place.scroll)] = place
        return _write({"scrollToken": place.scroll}, place)

    def read(self, text: str) -> Place | None:
        """Where this token stands, or None when it is not one of ours."""
        fields = _read(self.aliases.get(text, text))
        if fields is None:
            return None
        if self._style == "scroll":
            with self._lock:
                return self._scrolls.get(fields.get("scrollToken", ""))
        if "at" not in fields:
            return None
        query = Query(
            verb=fields["verb"],
            prefix=fields["metadataPrefix"],
            from_=fields.get("from"),
            until=fields.get("until"),
            spec=fields.get("set"),
        )
        expires = float(fields["expires"]) if "expires" in fields else None
        return Place(query, int(fields["at"]), int(fields["sent"]), int(fields["page"]), expires)

    def finish(self, place: Place, position: int) -> None:
        """The last page was sent: a scroll stands behind its end."""
        if place.scroll is not None:
            with self._lock:
                self._scrolls[place.scroll] = replace(place, position=position, number=place.number + 1)


def _write(own: dict[str, object], place: Place) -> str:
    query = place.query
    fields: dict[str, object | None] = {"expires": place.expires, "verb": query.verb, "page": place.number}
    fields |= {"metadataPrefix": query.prefix, "from": query.from_, "until": query.until, "set": query.spec}
    text = urlencode({name: value for name, value in (fields | own).items() if value is not None})
    sealed = f"{zlib.crc32(text.encode()):08x}{text}".encode()
    return base64.urlsafe_b64encode(sealed).decode().rstrip("=")


def _read(text: str) -> dict[str, str] | None:
    try:
        sealed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    seal, plain = sealed[:8], sealed[8:]
    # The seal refuses a token that was decoded or encoded once too often on its way.
    if f"{zlib.crc32(plain):08x}".encode() != seal:
        return None
    return dict(parse_qsl(plain.decode()))
