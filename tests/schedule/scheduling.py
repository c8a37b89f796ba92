"""Repositories under the schedule, without the service: rows as registering makes them, slices as workers cut them."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from sqlalchemy import Engine, insert, select, text, update

from harvester import clock
from harvester.catalogue import ledger
from harvester.catalogue.schedule_tables import tasks
from harvester.config import Service, Settings
from harvester.mock import FakeRepository
from harvester.schedule.slices import Heard, Work, run_slice
from harvester.wire import host_of

DAY = 86_400.0


@dataclass
class Schedule:
    """A catalogue whose tasks a test makes, and works on slice by slice."""

    engine: Engine
    settings: Settings = field(default_factory=lambda: Settings(service=Service(slice=60.0)))
    stop: Callable[[], bool] = lambda: False
    heard: Heard = field(default_factory=Heard)

    def lasting(self, seconds: float) -> "Schedule":
        """The same with slices of another length."""
        return replace(self, settings=replace(self.settings, service=Service(slice=seconds)))

    def add(self, fake: FakeRepository, kind: str = "harvest", *, set_: str = "", **values: Any) -> int:
        """A task on a stream of a repository, due now; its number."""
        now = clock.now()
        defaults = {
            "kind": kind,
            "host": host_of(fake.url),
            "least": DAY,
            "most": DAY,
            "interval": DAY,
            "next_due_at": now,
            "late_at": now + timedelta(seconds=DAY / 2),
        }
        with self.engine.begin() as connection:
            repository = ledger.find_repository(connection, fake.url)
            if repository is None:
                repository = ledger.add_repository(
                    connection, f"r{fake.url[-12:]}".replace(":", "-"), fake.url
                )
            stream = None
            if kind in ("harvest", "rolling", "reconcile"):
                stream = ledger.add_stream(connection, repository, set_, "oai_dc").id
            made = {"repository_id": repository.id, "stream_id": stream} | defaults | values
            number: int = connection.execute(insert(tasks).values(made).returning(tasks.c.id)).scalar_one()
            return number

    def slice(self, fake: FakeRepository, *, pressing: bool = False) -> bool:
        """A slice on the host of a repository; whether there is more."""
        return run_slice(
            Work(self.engine, self.settings, self.stop, self.heard, lambda: 0.5),
            host_of(fake.url),
            pressing=pressing,
        )

    def task(self, number: int) -> Any:
        """The row of a task."""
        with self.engine.connect() as connection:
            return connection.execute(select(tasks).where(tasks.c.id == number)).one()

    def change(self, number: int, **values: Any) -> None:
        """Change a task's row."""
        with self.engine.begin() as connection:
            connection.execute(update(tasks).where(tasks.c.id == number).values(values))

    def one(self, statement: str, **values: Any) -> Any:
        """A single value out of the catalogue."""
        with self.engine.connect() as connection:
            return connection.scalar(text(statement), values)
