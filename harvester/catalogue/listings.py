"""What a repository lists: its formats and its sets, as they were told last. Short statements, each in the caller's transaction.

`repositories.validators` holds for each request what is needed to ask it again: {verb: {at, url, etag, last_modified, ...}}.
`at` is when the answer that they are of came, by the catalogue's clock; for ListSets, when the last list came whole: a set
stands if it was listed then, or in a list since that did not come whole.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, select, text, update

from harvester.catalogue.keys import text_key
from harvester.catalogue.tables import repositories, sets


@dataclass(frozen=True, slots=True)
class Kept:
    """What is known of a repository's lists; `formats` is None before they came, `told` is by verb."""

    formats: list[dict[str, str]] | None
    told: dict[str, dict[str, Any]] = field(default_factory=dict)

    def at(self, verb: str) -> datetime | None:
        """When the answer to `verb` came that is kept, whole."""
        said = self.told.get(verb, {}).get("at")
        return None if said is None else datetime.fromisoformat(said)


class SetChanges(NamedTuple):
    """SetSpecs in the order of the list: `new` were never listed before, `again` were gone. `gone` are in the alphabet's."""

    new: tuple[str, ...] = ()
    again: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()


_TOLD = text(
    """
    UPDATE repositories SET validators = coalesce(validators, '{}') || jsonb_build_object(
        CAST(:verb AS text), CAST(:told AS jsonb) || jsonb_build_object('at', now()))
    WHERE id = :repository_id
    """
)
_LISTED = "unnest(CAST(:keys AS bytea[]), CAST(:specs AS text[]), CAST(:titles AS text[])) AS listed (key, spec, title)"
# What is known is updated and only the rest inserted: an upsert of thousands would draw as many numbers each time, and they
# are 32 bits wide.
_KNOWN = text(
    f"""
    WITH known AS (
        SELECT sets.id, sets.spec, sets.first_listed_at, sets.listed_at, listed.title
        FROM {_LISTED} JOIN sets ON sets.repository_id = :repository_id AND sets.spec_key = listed.key),
    written AS (
        UPDATE sets SET title = known.title, listed_at = now(), first_listed_at = coalesce(sets.first_listed_at, now())
        FROM known WHERE sets.id = known.id)
    SELECT spec, first_listed_at IS NULL AS new FROM known WHERE first_listed_at IS NULL OR listed_at < :since
    """  # noqa: S608 - no value in it
)
_MISSING = text(
    f"""
    INSERT INTO sets (repository_id, spec_key, spec, title, first_listed_at, listed_at)
    SELECT :repository_id, listed.key, listed.spec, listed.title, now(), now() FROM {_LISTED}
    WHERE NOT EXISTS (SELECT FROM sets WHERE sets.repository_id = :repository_id AND sets.spec_key = listed.key)
    ORDER BY listed.key
    ON CONFLICT (repository_id, spec_key) DO UPDATE SET title = excluded.title, listed_at = excluded.listed_at,
        first_listed_at = coalesce(sets.first_listed_at, excluded.first_listed_at)
    RETURNING spec
    """  # noqa: S608 - no value in it
)


def read(connection: Connection, repository_id: int) -> Kept:
    """What is kept of a repository's lists."""
    row = connection.execute(
        select(repositories.c.formats, repositories.c.validators).where(repositories.c.id == repository_id)
    ).one()
    return Kept(row.formats, row.validators or {})


def note(connection: Connection, repository_id: int, verb: str, told: Mapping[str, Any]) -> None:
    """Keep what a whole answer to `verb` told of itself, dated now, in place of what was kept of an earlier one."""
    values = {"repository_id": repository_id, "verb": verb, "told": json.dumps(dict(told))}
    connection.execute(_TOLD, values)


def note_formats(connection: Connection, repository_id: int, formats: Sequence[Mapping[str, str]]) -> None:
    """Keep the formats: prefix, namespace, schema."""
    mine = repositories.c.id == repository_id
    connection.execute(update(repositories).where(mine).values(formats=[dict(each) for each in formats]))


def note_refreshed(connection: Connection, repository_id: int) -> None:
    """All lists were asked for now."""
    mine = repositories.c.id == repository_id
    connection.execute(update(repositories).where(mine).values(refreshed_at=func.now()))


def note_sets(
    connection: Connection,
    repository_id: int,
    listed: Mapping[str, str | None],
    *,
    since: datetime | None,
    whole: bool,
) -> SetChanges:
    """Keep sets {setSpec: setName or None} as listed now; `since` is when the last list came whole, None: never.

    Only a list that came whole lets a set be gone.
    """
    # Of two who refresh a repository at once, one writes after the other; who only refers to its row is not held up.
    mine = select(repositories.c.id).where(repositories.c.id == repository_id)
    connection.execute(mine.with_for_update(key_share=True))
    values = {
        "repository_id": repository_id,
        "keys": [text_key(spec) for spec in listed],
        "specs": list(listed),
        "titles": list(listed.values()),
        "since": since,
    }
    known = connection.execute(_KNOWN, values).all()
    new = {row.spec for row in known if row.new} | set(connection.scalars(_MISSING, values))
    again = {row.spec for row in known if not row.new}
    gone = _standing(connection, repository_id, since) if whole and since is not None else ()
    return SetChanges(
        tuple(spec for spec in listed if spec in new), tuple(spec for spec in listed if spec in again), gone
    )


def _standing(connection: Connection, repository_id: int, since: datetime) -> tuple[str, ...]:
    """Those that stood until now: what this transaction has written is dated now."""
    stood = (
        sets.c.repository_id == repository_id,
        sets.c.listed_at >= since,
        sets.c.listed_at < func.now(),
    )
    return tuple(connection.scalars(select(sets.c.spec).where(*stood).order_by(sets.c.spec)))


def any_stand(connection: Connection, repository_id: int, since: datetime | None) -> bool:
    """Whether sets stand, listed since then."""
    return since is not None and bool(_standing(connection, repository_id, since))
