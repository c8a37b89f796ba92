"""Sets by number: a record holds numbers, since setSpecs are long and come again with every record."""

from collections.abc import Iterable

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert as upsert

from harvester.catalogue.keys import text_key
from harvester.catalogue.tables import sets


def set_ids(connection: Connection, repository_id: int, specs: list[str]) -> dict[str, int]:
    """Numbers for setSpecs, made where they are new."""
    keys = {text_key(spec): spec for spec in specs}
    known = select(sets.c.spec, sets.c.id).where(
        sets.c.repository_id == repository_id, sets.c.spec_key.in_(keys)
    )
    found = {row.spec: row.id for row in connection.execute(known)}
    missing = [
        {"repository_id": repository_id, "spec_key": key, "spec": spec}
        for key, spec in sorted(keys.items())
        if spec not in found
    ]
    if missing:
        connection.execute(upsert(sets).on_conflict_do_nothing(), missing)
        found = {row.spec: row.id for row in connection.execute(known)}
    return found


def set_specs(connection: Connection, numbers: Iterable[int]) -> dict[int, str]:
    """The setSpecs of numbers."""
    rows = connection.execute(select(sets.c.id, sets.c.spec).where(sets.c.id.in_(list(numbers))))
    return {row.id: row.spec for row in rows}
