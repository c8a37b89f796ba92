"""Spoils the entries of a catalogue, as an older crosswalk might have left them, and looks at what becomes of them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, text

from harvester.catalogue.writer import EntryColumns
from harvester.config import Settings
from harvester.harvest.harvest import Report
from harvester.mock import FakeRepository

SETTINGS = Settings(Path())
CONTENTS = f"SELECT identifier, {', '.join(EntryColumns._fields)} FROM records ORDER BY item_key, format"
SPOIL = (
    "UPDATE records SET title = 'spoilt', year = NULL, crosswalk_version = 0, entry = entry - 'titles'"
    " WHERE xml IS NOT NULL"
)
# As many records as make a second process worth while; a few harvested ones under other keys.
MULTIPLY = """
    INSERT INTO records
    SELECT copy.* FROM generate_series(1, {times}) AS n, records, LATERAL jsonb_populate_record(records, jsonb_build_object(
        'item_key', '\\x' || md5(n || records.identifier), 'identifier', records.identifier || '/' || n)) AS copy;
    UPDATE tallies SET live = live * ({times} + 1), deleted = deleted * ({times} + 1);
"""


def rows(engine: Engine, statement: str) -> list[Any]:
    """All rows of a query."""
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(statement))]


def one(engine: Engine, statement: str) -> Any:
    """The single value of a query."""
    ((found,),) = rows(engine, statement)
    return found


def change(engine: Engine, statement: str) -> None:
    """A statement in a transaction of its own."""
    with engine.begin() as connection:
        connection.exec_driver_sql(statement)


def with_tombstones(engine: Engine, fake: FakeRepository, run: Callable[..., Report]) -> list[Any]:
    """Harvest live records, tombstones that had an entry, and tombstones that never had one; their contents."""
    run(fake, name="fake")
    for record in [each for each in fake.store.records if not each.deleted][:7]:
        fake.store.delete(record.identifier)
    run(fake)
    return rows(engine, CONTENTS)
