"""Harvests a fake repository into a catalogue that other tests share, without the waits of the world."""

import itertools
from collections.abc import Callable
from typing import Any

from oracle import Held, assert_same, held
from sqlalchemy import Engine, text

from harvester.harvest.harvest import Report, Request, harvest
from harvester.harvest.progress import Listener
from harvester.mock import FakeRepository
from harvester.wire import Limits

# Seconds and bytes of a test, not of the world.
QUICK = Limits(connect=1.0, read=0.4, total=5.0, rate_window=0.4, max_bytes=2_000_000)
_numbers = itertools.count(1)


class Asker:
    """One repository as one test sees it. A path of its own keeps it apart from an earlier one on the same port."""

    def __init__(self, engine: Engine, fake: FakeRepository) -> None:
        self.engine = engine
        self.fake = fake
        self.name = f"repository-{next(_numbers)}"
        self.url = f"{fake.url}/{self.name}"

    def __call__(
        self,
        *,
        listener: Listener | None = None,
        stop: Callable[[], bool] = lambda: False,
        **options: Any,
    ) -> Report:
        """Harvest once."""
        settled = {"limits": QUICK, "jitter": lambda: -0.5, "wait": 0.0, "name": self.name} | options
        return harvest(self.engine, Request(self.url, **settled), listener, stop)

    def held(self) -> dict[str, Held]:
        """What the catalogue has of the repository."""
        return held(self.engine, self.name)

    def assert_same(self) -> None:
        """The catalogue is the store."""
        assert_same(self.engine, self.fake, self.name)

    def forgive(self) -> None:
        """As if time had passed: no host has a penalty or an appointment."""
        with self.engine.begin() as connection:
            connection.execute(
                text("UPDATE hosts SET pause = 0, penalised_at = NULL, next_allowed_at = NULL")
            )

    def one(self, statement: str) -> Any:
        """The single value of a query; `:name` is the repository's."""
        with self.engine.connect() as connection:
            return connection.execute(
                text(statement), {"name": self.name} if ":name" in statement else {}
            ).scalar()

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """All rows of a query; `:name` is the repository's."""
        with self.engine.connect() as connection:
            found = connection.execute(text(statement), {"name": self.name} if ":name" in statement else {})
            return [tuple(row) for row in found]
