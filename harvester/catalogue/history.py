"""What a record was before a page changed it: kept in the page's transaction, forgotten when the operator says so.

A version's row holds who had brought it (`page_id`) and who ended it (`ended_by`). `renormalise` and takedowns give a
record another page_id and make no version, so whoever brought a version is told by the `ended_by` of the version before it.
"""

from collections.abc import Mapping
from enum import IntEnum

from sqlalchemy import Connection, bindparam, delete, text

from harvester.catalogue.lasting_tables import history
from harvester.catalogue.ledger import Stream

_BATCH = 5000  # rows of one transaction when old versions are forgotten


class Kept(IntEnum):
    """How much of an ended version must be kept; the rest is as in the version that followed."""

    HEADER = 0  # datestamp, sets, deletion or <about> changed: the metadata is that of the following
    ENTRY = 1  # and the same metadata reads otherwise: its sets or its date have a say in the entry
    WHOLE = 2


_OF_HEADER = (
    "item_key",
    "repository_id",
    "format",
    "page_id",
    "received",
    "datestamp",
    "datestamp_raw",
    "sets",
    "deleted",
    "deleted_reason",
    "hash",
    "about",
)
_OF_ENTRY = ("crosswalk", "crosswalk_version", "title", "entry")
_OF_METADATA = ("xml", "dictionary_id")
# The rows are locked as they are read, in the order of their keys: of two writers who end the same version the second waits,
# and keeps what the first has written.
_KEEP = (
    f"INSERT INTO history (ended_by, {', '.join((*_OF_HEADER, *_OF_ENTRY, *_OF_METADATA))})"  # noqa: S608 - names of columns
    f" SELECT %(page)s, {', '.join(_OF_HEADER)},"
    f" {', '.join(f'CASE WHEN item_key = ANY(%(read)s) THEN {name} END' for name in _OF_ENTRY)},"
    f" {', '.join(f'CASE WHEN item_key = ANY(%(whole)s) THEN {name} END' for name in _OF_METADATA)}"
    " FROM records WHERE item_key = ANY(%(keys)s) AND repository_id = %(repository_id)s AND format = %(format)s"
    " ORDER BY item_key FOR UPDATE ON CONFLICT DO NOTHING"
)
# By their keys: a place in the table (ctid) is none where the table is partitioned.
_FORGET = text(
    """
    DELETE FROM history USING (
        SELECT item_key, repository_id, format, page_id FROM history
        WHERE repository_id = :repository_id AND ended_at < now() - make_interval(secs => :seconds)
        ORDER BY ended_at LIMIT :limit) AS old
    WHERE history.item_key = old.item_key AND history.repository_id = old.repository_id
        AND history.format = old.format AND history.page_id = old.page_id
    """
)
_REMOVE = delete(history).where(history.c.item_key == bindparam("key"))


def keep(connection: Connection, stream: Stream, page_id: int, ended: Mapping[bytes, Kept]) -> None:
    """Keep the present versions of these records of the stream's format, which page `page_id` is about to overwrite.

    Nothing is asked of Postgres where `ended` is empty; keys of records that are not there are passed over.
    """
    if not ended:
        return
    values = {
        "page": page_id,
        "repository_id": stream.repository_id,
        "format": stream.format,
        "keys": list(ended),
        "read": [key for key, kept in ended.items() if kept >= Kept.ENTRY],
        "whole": [key for key, kept in ended.items() if kept is Kept.WHOLE],
    }
    connection.exec_driver_sql(_KEEP, values)


def forget_older(
    connection: Connection, repository_id: int, seconds: float, *, most: int | None = None
) -> int:
    """Forget the repository's versions that ended longer ago than `seconds`, not many more than `most`; return how many.

    The oldest first, in transactions of its own: the connection must not be in one. The versions that stand now are no
    history and stay.
    """
    values = {"repository_id": repository_id, "seconds": seconds, "limit": _BATCH}
    forgotten = 0
    while True:
        with connection.begin():
            batch = connection.execute(_FORGET, values).rowcount
        forgotten += batch
        if batch < _BATCH or (most is not None and forgotten >= most):
            return forgotten


def remove(connection: Connection, key: bytes) -> int:
    """Remove every earlier version of an item, in all formats (a purge); return how many."""
    return connection.execute(_REMOVE, {"key": key}).rowcount
