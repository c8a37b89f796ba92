"""How the time of a reading grows with the size of what is read."""

import time
from collections.abc import Callable

from lxml import etree

from harvester.crosswalk import Reading, normalise


def grows(build: Callable[[int], etree._Element]) -> float:
    """How many times longer eight times the elements take: 8 where the time is linear, 64 where it is quadratic."""

    def seconds(count: int) -> float:
        tree = build(count)
        begun = time.process_time()
        normalise(tree)
        return time.process_time() - begun

    seconds(10)  # imports what it imports
    return min(seconds(8_000), seconds(8_000)) / max(min(seconds(1_000) for _ in range(3)), 0.004)


def timed(metadata: etree._Element) -> tuple[Reading, float]:
    """The reading, and the seconds of processor time it took."""
    begun = time.process_time()
    found = normalise(metadata)
    return found, time.process_time() - begun
