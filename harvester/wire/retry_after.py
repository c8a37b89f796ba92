"""Reads `Retry-After` (RFC 9110 section 10.2.3), which OAI-PMH uses for flow control."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

SHORTEST = 1.0
LONGEST = 86_400.0

_SECONDS = re.compile(r"(-?\d+(?:\.\d+)?)\s*(?:,.*)?", re.ASCII)


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """The seconds a server asked us to wait, 1 to 86,400; None when it did not say so legibly.

    Takes seconds and HTTP-dates. A date is measured from the server's own `Date` where it sent one, so a
    wrong clock on either side does not matter, else from `now` (aware).
    """
    fields = {name.lower(): value.strip() for name, value in headers.items()}
    text = fields.get("retry-after", "")
    if seconds := _SECONDS.fullmatch(text):
        return _clamp(float(seconds[1]))
    until = _http_date(text)
    if until is None:
        return None
    since = _http_date(fields.get("date", "")) or now
    return _clamp((until - since).total_seconds())


def _clamp(seconds: float) -> float:
    return min(max(seconds, SHORTEST), LONGEST)


def _http_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (
        ValueError,
        TypeError,
        OverflowError,
    ):  # which of them depends on the text and on Python's version
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
