"""Catalogues with something to be told of: repositories, tasks and runs as rows, without harvesting anything."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from sqlalchemy import Engine, Table, delete, insert, make_url, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from harvester.catalogue.alerts import Alert
from harvester.catalogue.connection import connect
from harvester.catalogue.lasting_tables import reconciliations
from harvester.catalogue.ledger_tables import plans, runs, windows
from harvester.catalogue.reading_tables import quarantine
from harvester.catalogue.schedule_tables import alerts, tasks
from harvester.catalogue.tables import hosts, repositories, streams, tallies

WRITTEN = (
    alerts,
    tasks,
    hosts,
    tallies,
    quarantine,
    reconciliations,
    windows,
    runs,
    plans,
    streams,
    repositories,
)
NOW = datetime(2026, 11, 5, 12, 0, tzinfo=UTC)
DAY = 86_400.0


def some_alert(number: int, **more: Any) -> Alert:
    """One that is open, of a stream on h.example.org."""
    said = {
        "subject": f"s{number}", "kind": "failing", "sentence": f"s{number} fails.", "evidence": {"host": "h.example.org"},
        "repository_id": 1, "repository": "r", "base_url": "https://h.example.org/oai", "since": NOW, "told_at": None,
        "resolved_at": None, "deliveries": {},
    }  # fmt: skip
    return Alert(id=number, **(said | more))


@contextmanager
def shared(postgres: str, template: str, name: str) -> Iterator[Engine]:
    """An engine on a catalogue for the tests of a module."""
    database = f"{template}_{name}"
    plain = make_url(postgres).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {database} TEMPLATE {template}")  # type: ignore[arg-type]
        engine = connect(make_url(postgres).set(database=database).render_as_string(hide_password=False))
        yield engine
        engine.dispose()
        connection.execute(f"DROP DATABASE {database} WITH (FORCE)")  # type: ignore[arg-type]


def emptied(engine: Engine) -> "Watched":
    """The catalogue without what an earlier test wrote."""
    with engine.begin() as connection:
        for table in WRITTEN:
            connection.execute(delete(table))
    return Watched(engine)


@dataclass(frozen=True)
class Watched:
    """Makes rows of a catalogue; `task` gives numbers of tasks."""

    engine: Engine

    def insert(self, table: Table, **values: Any) -> int:
        """A row's number."""
        with self.engine.begin() as connection:
            return connection.execute(insert(table).values(values).returning(table.c.id)).scalar_one()

    def repository(self, name: str = "figshare", base_url: str | None = None) -> int:
        with self.engine.begin() as connection:
            found = connection.scalar(select(repositories.c.id).where(repositories.c.name == name))
        return found or self.insert(
            repositories, name=name, base_url=base_url or f"https://{name}.example.org/oai"
        )

    def task(self, name: str = "figshare", kind: str = "harvest", *, set_: str = "", **values: Any) -> int:
        """A task that is in order: harvested an hour ago, due in a day. `values` say otherwise."""
        repository = self.repository(name)
        stream = None
        if kind in ("harvest", "rolling", "reconcile"):
            with self.engine.begin() as connection:
                row = {"repository_id": repository, "set_spec": set_, "format": "oai_dc"}
                connection.execute(upsert(streams).values(row).on_conflict_do_nothing())
                stream = connection.scalar(
                    select(streams.c.id).filter_by(repository_id=repository, set_spec=set_)
                )
        healthy = {
            "host": f"{name}.example.org",
            "least": DAY,
            "most": DAY,
            "interval": DAY,
            "next_due_at": NOW + timedelta(days=1),
            "late_at": NOW + timedelta(days=1.5),
            "done_at": NOW - timedelta(hours=1),
            "tried_at": NOW - timedelta(hours=1),
            "outcome": "complete",
        }
        return self.insert(tasks, repository_id=repository, stream_id=stream, kind=kind, **(healthy | values))

    def change(self, number: int, **values: Any) -> None:
        """Change a task."""
        with self.engine.begin() as connection:
            connection.execute(update(tasks).where(tasks.c.id == number).values(values))

    def host(self, name: str = "figshare.example.org", **values: Any) -> None:
        """What is known of a host."""
        with self.engine.begin() as connection:
            made = upsert(hosts).values(name=name, **values)
            connection.execute(made.on_conflict_do_update(index_elements=["name"], set_=values))

    def runs(
        self, task: int, moments: Iterable[datetime], *, plan: str = "incremental", **values: Any
    ) -> list[int]:
        """A plan and a complete run of it at each moment; the numbers of the plans."""
        with self.engine.begin() as connection:
            stream = connection.scalar(select(tasks.c.stream_id).where(tasks.c.id == task))
            numbers = []
            for at in moments:
                made = insert(plans).values(stream_id=stream, kind=plan, granularity="seconds", state="done")
                numbers.append(connection.execute(made.returning(plans.c.id)).scalar_one())
                row = {"outcome": "complete", "started_at": at, "finished_at": at} | values
                connection.execute(insert(runs).values(stream_id=stream, plan_id=numbers[-1], **row))
            return numbers

    def windows(self, plan: int, received: int, *, at: datetime = NOW, number: int = 1) -> None:
        """So many ended windows of a plan, with so many records each."""
        with self.engine.begin() as connection:
            row = {"plan_id": plan, "state": "ended", "received": received, "updated_at": at}
            connection.execute(insert(windows), [row] * number)

    def live(self, records: int, name: str = "figshare") -> None:
        """How many records are held."""
        with self.engine.begin() as connection:
            row = {"repository_id": self.repository(name), "format": "oai_dc", "set_id": 0, "live": records}
            made = upsert(tallies).values(row)
            connection.execute(
                made.on_conflict_do_update(
                    index_elements=["repository_id", "format", "set_id"], set_={"live": records}
                )
            )

    def alerts(self) -> list[Any]:
        """All rows, the oldest first."""
        with self.engine.connect() as connection:
            return list(connection.execute(select(alerts).order_by(alerts.c.id)))

    def open(self) -> set[tuple[str, str]]:
        """Subject and kind of what is wrong."""
        return {(row.subject, row.kind) for row in self.alerts() if row.resolved_at is None}
