"""Takedowns: items that must not be shown (suppress, until it is undone) or must not be kept (purge, `purges.py`).

A takedown is of an item: of every format of it, those included that are harvested later. Rows are never removed, they
are the audit.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, func, insert, select, text, update

from harvester.catalogue import page_marks
from harvester.catalogue.connection import translated
from harvester.catalogue.keys import item_key, text_key
from harvester.catalogue.lasting_tables import takedowns
from harvester.catalogue.reading_tables import quarantine
from harvester.catalogue.tables import records, repositories
from harvester.errors import ConfigError, HarvesterError

SUPPRESS, PURGE = "suppress", "purge"
PURGED = "purged"  # records.deleted_reason of a purged item, and quarantine.resolution

_STANDS = (takedowns.c.kind == SUPPRESS, takedowns.c.undone_at.is_(None))
_SUPPRESSED = select(takedowns.c.item_key).where(*_STANDS)


@dataclass(frozen=True, slots=True)
class Takedown:
    """One row of the audit. `kind`: suppress or purge; `done_by`: an account of the machine where it was done.

    `records` is how many records, one per format, this call has changed: 0 where it had been done before, or is only listed.
    """

    kind: str
    identifier: str
    repository: str
    reason: str
    done_by: str
    done_at: datetime
    undone_at: datetime | None
    undone_by: str | None
    undone_reason: str | None
    records: int = 0


@dataclass(frozen=True, slots=True)
class Target:
    """An item of one repository."""

    key: bytes
    repository_id: int
    repository: str
    identifier: str


def shown() -> ColumnElement[bool]:
    """The condition of every query: the record's item is not suppressed. Postgres hashes the few keys once per statement."""
    return records.c.item_key.not_in(_SUPPRESSED)


def hidden() -> ColumnElement[bool]:
    """The record's item is suppressed."""
    return records.c.item_key.in_(_SUPPRESSED)


def suppress(
    engine: Engine, identifier: str, *, reason: str, by: str, repository: str | None = None
) -> Takedown:
    """Hide an item from search, exports and mirror until `restore`; the change feed tells it as deleted.

    Where it is suppressed already, that takedown is returned and nothing is written. `by` is whose doing it is, for the
    audit. Raises HarvesterError for an identifier that is not known, ConfigError where several repositories know it.
    """
    with translated(), engine.begin() as connection:
        target = find_target(connection, identifier, repository)
        _one_at_a_time(connection)
        standing = select(takedowns).where(*_STANDS, takedowns.c.item_key == target.key)
        row = connection.execute(standing).one_or_none()
        if row is not None:
            return taken_down(row, target.repository)
        row = note(connection, target, SUPPRESS, reason, by)
        return taken_down(row, target.repository, _tell_followers(connection, target))


def restore(
    engine: Engine, identifier: str, *, reason: str, by: str, repository: str | None = None
) -> Takedown:
    """Show a suppressed item again; its takedown stays in the audit. Raises as `suppress`, and where it is not suppressed."""
    with translated(), engine.begin() as connection:
        target = find_target(connection, identifier, repository)
        _one_at_a_time(connection)
        undone = (
            update(takedowns)
            .where(*_STANDS, takedowns.c.item_key == target.key)
            .values(undone_at=func.now(), undone_by=by, undone_reason=reason)
            .returning(*takedowns.c)
        )
        row = connection.execute(undone).one_or_none()
        if row is None:
            raise ConfigError(f"'{identifier}' of {target.repository} is not suppressed")
        return taken_down(row, target.repository, _tell_followers(connection, target))


def audit(engine: Engine, identifier: str | None = None, *, repository: str | None = None) -> list[Takedown]:
    """All takedowns, undone ones too, the newest first; of one identifier or repository where that is given."""
    owned = select(takedowns, repositories.c.name).join(
        repositories, repositories.c.id == takedowns.c.repository_id
    )
    if identifier is not None:
        owned = owned.where(takedowns.c.identifier == identifier)
    if repository is not None:
        owned = owned.where(repositories.c.name == repository)
    with translated(), engine.connect() as connection:
        return [
            taken_down(row, row.name) for row in connection.execute(owned.order_by(takedowns.c.id.desc()))
        ]


def purged_identifiers(connection: Connection, repository_id: int) -> list[str]:
    """The identifiers of a repository's purged items."""
    mine = (takedowns.c.repository_id == repository_id, takedowns.c.kind == PURGE)
    return list(connection.scalars(select(takedowns.c.identifier).where(*mine)))


def find_target(connection: Connection, identifier: str, repository: str | None) -> Target:
    """The item that is meant: one that has records, or waits in quarantine, or was taken down."""
    named = select(repositories.c.id, repositories.c.name).order_by(repositories.c.name)
    if repository is not None:
        named = named.where(repositories.c.name == repository)
    everywhere = [
        Target(item_key(row.id, identifier), row.id, row.name, identifier)
        for row in connection.execute(named)
    ]
    if repository is not None and not everywhere:
        raise ConfigError(f"no repository is registered as '{repository}'; `harvester status` shows them all")
    known = _owners(connection, everywhere, identifier)
    found = [each for each in everywhere if each.repository_id in known]
    if not found:
        raise HarvesterError(
            f"no record has the identifier '{identifier}'; `harvester search` finds by title"
        )
    if len(found) > 1:
        names = ", ".join(each.repository for each in found)
        raise ConfigError(
            f"several repositories know '{identifier}': {names}; say which one is meant with --repository"
        )
    return found[0]


def _owners(connection: Connection, everywhere: Iterable[Target], identifier: str) -> set[int]:
    """The ids of the repositories that know the identifier."""
    keys = [each.key for each in everywhere]
    waiting = (quarantine.c.key == text_key(identifier), quarantine.c.identifier == identifier)
    ways = (
        select(records.c.repository_id).where(records.c.item_key == func.any(keys)),
        select(takedowns.c.repository_id).where(takedowns.c.item_key == func.any(keys)),
        select(quarantine.c.repository_id).where(*waiting),
    )
    return {number for way in ways for number in connection.scalars(way)}


def note(connection: Connection, target: Target, kind: str, reason: str, by: str) -> Any:
    """Write the takedown into the audit; the row."""
    said = {"item_key": target.key, "repository_id": target.repository_id, "identifier": target.identifier}
    written = insert(takedowns).values(**said, kind=kind, reason=reason, done_by=by).returning(*takedowns.c)
    return connection.execute(written).one()


def _one_at_a_time(connection: Connection) -> None:
    # Two at once would both find nothing standing, and both write.
    connection.execute(text("LOCK TABLE takedowns IN SHARE ROW EXCLUSIVE MODE"))


def _tell_followers(connection: Connection, target: Target) -> int:
    """Move the item's records to the end of the change feed: whoever follows it must hear of them. How many there are."""
    page_id = page_marks.draw(connection)
    moved = connection.execute(
        update(records).where(records.c.item_key == target.key).values(page_id=page_id)
    ).rowcount
    if moved:
        page_marks.publish_rewritten(connection, page_marks.Rewritten(page_id, moved))
    return moved


def taken_down(row: Any, repository: str, number: int = 0) -> Takedown:
    return Takedown(
        row.kind,
        row.identifier,
        repository,
        row.reason,
        row.done_by,
        row.done_at,
        row.undone_at,
        row.undone_by,
        row.undone_reason,
        number,
    )
