"""What several tests of the schedule begin with."""

import pytest
from scheduling import Schedule
from sqlalchemy import Engine


@pytest.fixture
def schedule(engine: Engine) -> Schedule:
    """An empty catalogue whose tasks a test makes."""
    return Schedule(engine)
