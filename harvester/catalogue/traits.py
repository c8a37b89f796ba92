"""Traits of repositories as JSON: {name: {value, at, how}}. What the names mean is the harvest's affair."""

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, bindparam, text

# Merged in the database, so that two harvests which observe at the same time both count.
_MERGE = text(
    """
    UPDATE repositories SET traits = traits || (
        SELECT coalesce(jsonb_object_agg(key, value || jsonb_build_object('at', now())), '{}')
        FROM jsonb_each(CAST(:observed AS jsonb)))
    WHERE id = :repository_id
    RETURNING traits
    """
).bindparams(bindparam("observed"), bindparam("repository_id"))


def note(
    connection: Connection, repository_id: int, observed: Mapping[str, tuple[Any, str]]
) -> dict[str, Any]:
    """Keep what was observed now, {name: (value, how)}, over what was kept of the same names; all traits as they are then."""
    said = {name: {"value": value, "how": how} for name, (value, how) in observed.items()}
    found: dict[str, Any] = connection.execute(
        _MERGE, {"observed": json.dumps(said), "repository_id": repository_id}
    ).scalar_one()
    return found
