"""How long we wait, and how often we ask again; a long wait is an appointment, not a nap."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from harvester import clock
from harvester.errors import Retriable

T = TypeVar("T")

_OWN_WAITING = 10.0  # seconds, over all tries of one request: beyond this a person thinks it hangs
_REPEATED = 1.0  # a Retry-After this short, when repeated, is not meant


@dataclass(frozen=True, slots=True)
class Patience:
    """`pause` is the pace: seconds between two requests to one host. `tries` is per request.

    A wait above `longest_nap` seconds is never slept: whoever holds the host's lock would hold it in vain.
    """

    pause: float = 0.0
    longest_nap: float = 30.0
    tries: int = 3
    sleep: Callable[[float], None] = clock.sleep
    jitter: Callable[[], float] = random.random  # 0.0 to 1.0

    def wait_before(self, attempt: int, asked: float | None) -> float:
        """Seconds before the next try: what the host asked for, else about 2, then 4 (`attempt` from 1)."""
        return asked if asked is not None else 2**attempt * (0.5 + self.jitter())

    def rest(self, seconds: float) -> None:
        """Sleep; raises Retriable(after=seconds) instead when that is longer than a nap."""
        if seconds > self.longest_nap:
            raise Retriable(
                f"The host asks for a pause of {seconds:.0f} s; the harvest goes on after it.",
                reason="wait",
                after=seconds,
            )
        self.sleep(seconds)


def persist(
    patience: Patience,
    attempt: Callable[[], T],
    *,
    tries: int | None = None,
    on_retry: Callable[[Retriable, float], None] | None = None,
) -> T:
    """Call `attempt` until it returns, at most `tries` times (default `patience.tries`).

    Only Retriable is tried again. Its `after` (a Retry-After) is obeyed; longer than a nap, or after the
    last try, the Retriable is raised as it is. `on_retry` gets the error and the seconds about to be slept.
    """
    most = patience.tries if tries is None else tries
    own = 0.0
    repeated = 0
    number = 1
    while True:
        try:
            return attempt()
        except Retriable as error:
            if number >= most:
                raise
            if error.after is None:
                wait = min(patience.wait_before(number, None), _OWN_WAITING - own)
                own += wait
            else:
                wait = patience.wait_before(number, error.after)
                if wait <= _REPEATED:
                    wait = _REPEATED * 2**repeated
                    repeated += 1
            if wait > patience.longest_nap:
                raise
            if on_retry is not None:
                on_retry(error, wait)
        patience.rest(wait)
        number += 1
