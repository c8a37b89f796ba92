"""What one page may cost: seconds, bytes, redirects."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Ceilings of one `Client.get`; reaching one ends in a named error, never in a crash.

    `connect` is the time one address may take, TCP and TLS each; `read` the longest silence; `total` the
    deadline of the whole page, redirects included and pauses between requests excluded (all in seconds).
    `min_rate` is bytes per second over `rate_window` seconds of a body. `max_bytes` caps the decoded body;
    `max_ratio` (decoded to wire) counts only above `ratio_from` bytes, for a short page of one repeated
    line compresses better than any bomb's first kilobyte.
    """

    connect: float = 10.0
    read: float = 300.0
    total: float = 300.0
    min_rate: float = 1000.0
    rate_window: float = 30.0
    max_bytes: int = 64 * 2**20
    max_ratio: float = 200.0
    ratio_from: int = 2**20
    max_hops: int = 5
