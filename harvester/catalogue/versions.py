"""What a record was, version by version: the history as the query module shows it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, Row, func, null, select, tuple_

from harvester.catalogue.kept_xml import unpack as unpack_xml
from harvester.catalogue.lasting_tables import history
from harvester.catalogue.ledger_tables import runs
from harvester.catalogue.query import datestamp, keys_of, look_up, reading
from harvester.catalogue.stored_entry import unpack
from harvester.catalogue.tables import pages, records
from harvester.catalogue.takedowns import shown
from harvester.entry import Entry


class BroughtBy(NamedTuple):
    """The run that brought a version."""

    id: int
    started_at: datetime


@dataclass(frozen=True, slots=True)
class Version:
    """A record as it was from when a page brought it until `ended_at`; None: as it is now. `sets` are setSpecs.

    `received` is the server's date of the answer that brought it. `run` is None where the ledger does not tell any more:
    for the oldest version that is kept, once its entry was derived again or it was taken down. `entry` is None where the
    record has never had metadata; a deleted version has the entry of what was deleted. `changed` names what differs from the
    version before: `datestamp`, `sets`, `deleted`, `about`, then fields of the entry; `header_only`: the metadata is the same.
    Both say nothing of the oldest version that is kept.
    """

    repository: str
    identifier: str
    format: str
    datestamp: str
    sets: tuple[str, ...]
    deleted: bool
    deleted_reason: str | None
    title: str | None
    entry: Entry | None
    crosswalk: str | None
    received: datetime | None
    ended_at: datetime | None
    run: BroughtBy | None
    changed: tuple[str, ...]
    header_only: bool
    place: tuple[bytes, int, str, int]


_NAMES = [
    column.name for column in history.c if column.name not in ("ended_by", "ended_at", "xml", "dictionary_id")
]
_NOW = [*(records.c[name] for name in _NAMES), records.c.identifier]
_THEN = [*(history.c[name] for name in _NAMES), history.c.ended_by, history.c.ended_at]
_Read = tuple[str | None, Entry | None, str | None]  # title, entry, crosswalk


def versions(engine: Engine, identifier: str, *, repository: str | None = None) -> list[Version]:
    """All versions of an item, the newest first, format by format; that which stands for the item comes first.

    Of one repository, or of all that know the identifier; nothing of a suppressed item. Raises CatalogueError where Postgres
    fails.
    """
    with reading(engine) as connection:
        keys = keys_of(connection, identifier, repository)
        now = select(*_NOW, null().label("ended_by"), null().label("ended_at"))
        standing = connection.execute(
            now.where(records.c.item_key == func.any(keys), shown()).order_by(
                records.c.preferred.desc(), *records.primary_key
            )
        ).all()
        keys = [row.item_key for row in standing]
        ended = connection.execute(
            select(*_THEN).where(history.c.item_key == func.any(keys)).order_by(history.c.ended_by.desc())
        ).all()
        of_format: list[list[Any]] = [
            [row, *(each for each in ended if _format(each) == _format(row))] for row in standing
        ]
        specs, names = look_up(connection, [*standing, *ended])
        brought = _runs(connection, of_format)
    return [each for rows in of_format for each in _versions(rows, specs, names, brought)]


def metadata_xml(engine: Engine, version: Version) -> bytes | None:
    """The metadata of a version, canonical XML; None where it had none, or is not to be had any more.

    Where only the header had changed, that of the next version with the same metadata.
    """
    key, page_id = version.place[:3], version.place[3]
    with reading(engine) as connection:
        visible = select(records).where(tuple_(*records.primary_key) == tuple_(*key), shown())
        row = connection.execute(visible).one_or_none()
        if row is None:
            return None
        if row.page_id != page_id:
            mine = tuple_(history.c.item_key, history.c.repository_id, history.c.format) == tuple_(*key)
            own = select(history.c.hash).where(mine, history.c.page_id == page_id).scalar_subquery()
            same = select(history.c.xml, history.c.dictionary_id).where(
                mine, history.c.hash == own, history.c.xml.is_not(None), history.c.page_id >= page_id
            )
            found = connection.execute(same.order_by(history.c.page_id).limit(1)).one_or_none()
            wanted = connection.scalar(select(own))
            row = found if found is not None else row if wanted == row.hash else None
        if row is None or row.xml is None:
            return None
        return unpack_xml(connection, [(row.xml, row.dictionary_id)])[0]


def _format(row: Any) -> tuple[bytes, str]:
    return row.item_key, row.format


def _came_by(rows: list[Row[Any]]) -> list[int]:
    """The pages that brought the versions, given the newest first: each ended the one before it."""
    return [before.ended_by for before in rows[1:]] + [rows[-1].page_id]


def _runs(connection: Connection, of_format: list[list[Row[Any]]]) -> dict[int, BroughtBy]:
    """The runs by the pages they have brought."""
    wanted = sorted({number for rows in of_format for number in _came_by(rows)})
    asked = (
        select(pages.c.id, runs.c.id.label("run_id"), runs.c.started_at)
        .join(runs, runs.c.id == pages.c.run_id)
        .where(pages.c.id == func.any(wanted))
    )
    return {row.id: BroughtBy(row.run_id, row.started_at) for row in connection.execute(asked)}


def _versions(
    rows: list[Row[Any]], specs: Mapping[int, str], names: Mapping[int, str], brought: Mapping[int, BroughtBy]
) -> Iterator[Version]:
    entries = _entries(rows)
    older = [*pairwise(zip(rows, entries, strict=True)), ((rows[-1], entries[-1]), None)]
    for ((row, read), before), page_id in zip(older, _came_by(rows), strict=True):
        yield Version(
            repository=names[row.repository_id],
            identifier=rows[0].identifier,
            format=row.format,
            datestamp=datestamp(row.datestamp, row.datestamp_raw),
            sets=tuple(sorted(specs[number] for number in row.sets)),
            deleted=row.deleted,
            deleted_reason=row.deleted_reason,
            title=read[0],
            entry=read[1],
            crosswalk=read[2],
            received=row.received,
            ended_at=row.ended_at,
            run=brought.get(page_id),
            changed=() if before is None else tuple(_changed((row, read), before)),
            header_only=before is not None and row.hash == before[0].hash,
            place=(row.item_key, row.repository_id, row.format, row.page_id),
        )


def _entries(rows: list[Row[Any]]) -> list[_Read]:
    """Title, entry and crosswalk of each version, the newest first: where none is kept, those of the version that followed."""
    found: list[_Read] = []
    for row in rows:
        if row.entry is not None:
            found.append((row.title, unpack(row.entry, row.title), row.crosswalk))
        elif found and row.hash is not None:
            found.append(found[-1])
        else:
            found.append((None, None, None))  # never any metadata, or purged
    return found


def _changed(version: tuple[Row[Any], _Read], before: tuple[Row[Any], _Read]) -> Iterator[str]:
    (row, read), (old, old_read) = version, before
    if (row.datestamp, row.datestamp_raw) != (old.datestamp, old.datestamp_raw):
        yield "datestamp"
    for name in ("sets", "deleted", "about"):
        if getattr(row, name) != getattr(old, name):
            yield name
    now, then = ({} if each[1] is None else each[1].as_json() for each in (read, old_read))
    yield from (name for name in now or then if now.get(name) != then.get(name))
