"""What long commands have in common: they stop when they are asked to, and the garbage collector leaves them alone."""

import gc
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

# In all under ten seconds from the signal to the end: the rest is for the catalogue.
_PAGE_IN_HAND = 8.0


@contextmanager
def stoppable() -> Iterator[Any]:
    """SIGINT and SIGTERM finish the page in hand; a page that does not come is abandoned, and so on a second signal."""
    from harvester.errors import Interrupted

    asked = threading.Event()
    sentence = "stopped as asked; everything received is saved, the same command goes on from here"

    def give_up(*_: object) -> None:
        raise Interrupted(sentence)

    def stop(*_: object) -> None:
        if asked.is_set():
            raise Interrupted(sentence)
        asked.set()
        signal.setitimer(signal.ITIMER_REAL, _PAGE_IN_HAND)
        if sys.stderr is not None:
            # Not by `print` and its like: the signal may have come while stderr's buffer is being written.
            with suppress(OSError):
                os.write(2, b"harvester: stopping: what is in hand is finished and saved\n")

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    before[signal.SIGALRM] = signal.signal(signal.SIGALRM, give_up)
    try:
        yield asked.is_set
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)


def spare_the_collector() -> None:
    """What is imported by now stays for ever: the garbage collector need not look at it for every few records."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
