"""No crosswalk may fail in silence: what `normalise` survives is still a mistake of ours."""

import logging
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def no_crosswalk_fails(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail the test where a crosswalk raised; those about failing ones are marked `failing_crosswalk`."""
    seen: list[str] = []

    class Failures(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            seen.append(self.format(record))

    log, failures = logging.getLogger("harvester.crosswalk.registry"), Failures()
    level = log.level
    log.addHandler(failures)
    log.setLevel(logging.DEBUG)
    yield
    log.removeHandler(failures)
    log.setLevel(level)
    if request.node.get_closest_marker("failing_crosswalk") is None:
        assert not [said for said in seen if "failed" in said]
