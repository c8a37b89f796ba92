"""purge: the content of an item goes for good, in every format; an empty tombstone stays, so that it does not come back.

What a transaction cannot reach: the write-ahead log and its archive, backups, dumps and exports made before, the dictionary
of the kept XML (trained on the first thousand records of a format, it may hold fragments of them), words in the search
index, and bytes of freed space in the data files until Postgres uses it again.
"""

from dataclasses import dataclass
from typing import Any, cast

import psycopg
from sqlalchemy import Connection, Engine, func, insert, null, select, text, update
from sqlalchemy.exc import DBAPIError

from harvester.catalogue import history, page_marks, quarantine
from harvester.catalogue.connection import translated
from harvester.catalogue.ledger_tables import runs
from harvester.catalogue.reading_tables import quarantine as quarantine_table
from harvester.catalogue.tables import records, streams
from harvester.catalogue.takedowns import PURGE, PURGED, Takedown, Target, find_target, note, taken_down

_CONTENT = (
    "hash",
    "crosswalk",
    "crosswalk_version",
    "crosswalk_schema",
    "title",
    "creators",
    "doi",
    "year",
    "type",
    "entry",
    "xml",
    "dictionary_id",
    "about",
)
_LONGEST_WAIT = "30s"
_LIVE = text(
    """
    WITH was AS (
        SELECT repository_id, format, unnest(0 || proven_sets) AS set_id FROM records
        WHERE item_key = :key AND NOT deleted)
    UPDATE tallies SET live = live - 1, deleted = tallies.deleted + 1 FROM was
    WHERE tallies.repository_id = was.repository_id AND tallies.format = was.format AND tallies.set_id = was.set_id
    """
)
# ANALYZE of an empty table leaves what it had found before: the last title that was purged. So it is given a row without content.
_FORGET_STATISTICS = """
    DO $$ BEGIN
        IF NOT EXISTS (SELECT FROM history) THEN
            INSERT INTO history (item_key, repository_id, format, page_id, ended_by, datestamp, datestamp_raw, sets, deleted)
                VALUES ('', 0, '', 0, 0, now(), '', '{}', true);
            ANALYZE history;
            DELETE FROM history WHERE item_key = '';
        END IF;
    END $$
"""
_ONE_MORE = text(
    """
    INSERT INTO tallies (repository_id, format, set_id, deleted) VALUES (:repository_id, :format, 0, 1)
    ON CONFLICT (repository_id, format, set_id) DO UPDATE SET deleted = tallies.deleted + 1
    """
)


@dataclass(frozen=True, slots=True)
class Purge:
    """What a purge has emptied: `takedown.records` records, `versions` of its history, rows in quarantine.

    `vacuumed` is whether the dead rows were removed too; else they hold the content until Postgres does so by itself.
    """

    takedown: Takedown
    versions: int
    quarantined: int
    vacuumed: bool


def purge(engine: Engine, identifier: str, *, reason: str, by: str, repository: str | None = None) -> Purge:
    """Remove an item's content for good: entry, XML, history and quarantine. Done again, it does no harm.

    Identifier, datestamp and sets stay, for those who must hear that the item is gone. `by` is whose doing it is. Raises
    HarvesterError for an identifier that is not known, ConfigError where several repositories know it.
    """
    with translated(), engine.begin() as connection:
        target = find_target(connection, identifier, repository)
        _keep_harvests_out(connection)
        page_id = page_marks.draw(connection)
        number = _empty(connection, target, page_id)
        versions = history.remove(connection, target.key)
        quarantined = quarantine.purge(connection, target.repository_id, identifier)
        _forget_excerpts(connection, target)
        row = note(connection, target, PURGE, reason, by)
        page_marks.publish_rewritten(connection, page_marks.Rewritten(page_id, number))
    done = taken_down(row, target.repository, number)
    return Purge(done, versions, quarantined, _vacuum(engine))


def _keep_harvests_out(connection: Connection) -> None:
    """Until the commit. A page that has looked at the item before and writes it afterwards would bring the content back.

    A page moves its window before it looks at its records, so pages in hand are waited for, and the next ones look anew.
    """
    connection.execute(text(f"SET LOCAL lock_timeout = '{_LONGEST_WAIT}'"))
    connection.execute(text("LOCK TABLE windows, records IN SHARE ROW EXCLUSIVE MODE"))


def _empty(connection: Connection, target: Target, page_id: int) -> int:
    """Make empty tombstones of the item's records; how many there are."""
    connection.execute(_LIVE, {"key": target.key})
    gone = {"deleted": True, "deleted_reason": PURGED, "page_id": page_id}
    emptied = connection.execute(
        update(records).where(records.c.item_key == target.key).values(gone | dict.fromkeys(_CONTENT, null()))
    ).rowcount
    return emptied or _tombstone(connection, target, gone)


def _tombstone(connection: Connection, target: Target, gone: dict[str, object]) -> int:
    """For an item that was never read, only quarantined: without a tombstone it would come back once it can be read."""
    mine = (
        quarantine_table.c.repository_id == target.repository_id,
        quarantine_table.c.identifier == target.identifier,
    )
    waiting = connection.execute(
        select(quarantine_table.c.format, quarantine_table.c.first_seen).where(*mine).limit(1)
    ).one_or_none()
    if waiting is None:
        return 0
    own = {"item_key": target.key, "repository_id": target.repository_id, "format": waiting.format}
    connection.execute(
        insert(records).values(
            **own,
            **gone,
            identifier=target.identifier,
            datestamp=waiting.first_seen,
            datestamp_raw="",
            sets=[],
            proven_sets=[],
            preferred=True,
        )
    )
    connection.execute(_ONE_MORE, own)
    return 1


def _forget_excerpts(connection: Connection, target: Target) -> None:
    """The evidence of failed requests quotes the beginnings of answers: not where they name the item."""
    mine = select(streams.c.id).where(streams.c.repository_id == target.repository_id)
    for table, owned in (
        (runs, runs.c.stream_id.in_(mine)),
        (quarantine_table, quarantine_table.c.repository_id == target.repository_id),
    ):
        quotes = func.strpos(table.c.evidence["excerpt"].astext, target.identifier) > 0
        without = table.c.evidence.op("-")("excerpt")
        connection.execute(update(table).where(owned, quotes).values(evidence=without))


def _vacuum(engine: Engine) -> bool:
    """Whether the dead rows are gone; the statistics of the planner, which hold values of columns, are made anew as well."""
    warnings: list[str | None] = []

    def heard(diagnostic: psycopg.errors.Diagnostic) -> None:
        if diagnostic.severity_nonlocalized == "WARNING":
            warnings.append(diagnostic.message_primary)

    try:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            cast(psycopg.Connection[Any], connection.connection.driver_connection).add_notice_handler(heard)
            connection.detach()  # its settings are its own, and end with it
            connection.execute(text("SET statement_timeout = 0"))
            connection.execute(text("VACUUM (ANALYZE) records, history, quarantine, runs"))
            connection.execute(text(_FORGET_STATISTICS))
    except DBAPIError:
        return False  # told in the report: what had to be done is committed
    return not warnings  # who may not vacuum a table is only warned
