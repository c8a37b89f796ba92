"""What the catalogue holds of headers: to compare a list of identifiers with it."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from harvester.catalogue.keys import item_key
from harvester.catalogue.ledger import Stream


@dataclass(frozen=True, slots=True)
class HeldHeader:
    """A record's header as it was harvested: the datestamp as written, the setSpecs of header and proof, deleted or not."""

    datestamp_raw: str
    set_specs: frozenset[str]
    deleted: bool


_HELD = text(
    """
    SELECT identifier, datestamp_raw, deleted,
           ARRAY(SELECT spec FROM sets WHERE sets.id = ANY(records.sets)) AS set_specs
    FROM records
    WHERE item_key = ANY(:keys) AND repository_id = :repository_id AND format = :format
    """
)


def held(connection: Connection, stream: Stream, identifiers: Sequence[str]) -> dict[str, HeldHeader]:
    """Those of these identifiers that are held in the stream's format, by identifier."""
    keys = [item_key(stream.repository_id, each) for each in identifiers]
    own = {"keys": keys, "repository_id": stream.repository_id, "format": stream.format}
    return {
        row.identifier: HeldHeader(row.datestamp_raw, frozenset(row.set_specs), row.deleted)
        for row in connection.execute(_HELD, own)
    }
