"""The audit of crosswalks: which elements with text no rule read, counted per repository and format.

A dialect is noticed here on the day it appears. Counts grow with what harvests bring; `harvester renormalise` makes them
anew.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, case, delete, func, select, text, tuple_
from sqlalchemy.dialects.postgresql import insert as upsert

from harvester.catalogue.reading_tables import unread_elements

MOST = 500  # names of one repository and format; whoever makes up more has the others counted together
SHOWN = 50  # of them in `harvester status`, the most frequent first
REST = "…"

_ELEMENT = ("repository_id", "format", "element")
_NEW = upsert(unread_elements)
_COUNT = _NEW.on_conflict_do_update(
    index_elements=_ELEMENT,
    set_={"seen": unread_elements.c.seen + _NEW.excluded.seen, "last_seen": func.now()},
)
_SET = _NEW.values({name: bindparam(name) for name in (*_ELEMENT, "seen")}).on_conflict_do_update(
    index_elements=_ELEMENT,
    set_={
        "seen": case(
            (
                unread_elements.c.last_seen >= bindparam("since"),
                func.greatest(unread_elements.c.seen, _NEW.excluded.seen),
            ),
            else_=_NEW.excluded.seen,
        )
    },
)
_KNOWN = select(unread_elements.c.element).where(
    unread_elements.c.repository_id == bindparam("repository_id"),
    unread_elements.c.format == bindparam("format"),
)


def bounded(unread: Counter[str], known: frozenset[str] = frozenset()) -> Counter[str]:
    """At most MOST names, first of all those that are `known`, then the most frequent; REST counts the others together."""
    if len(unread) + len(known) <= MOST:
        return unread
    names = sorted(unread.keys() - {REST}, key=lambda name: (name not in known, -unread[name], name))
    room = max(0, MOST - len(known - {REST}))
    kept = sum(name in known for name in names) + room
    found = Counter({name: unread[name] for name in names[:kept]})
    if rest := unread.total() - found.total():
        found[REST] = rest
    return found


def count(connection: Connection, repository_id: int, format_: str, unread: Mapping[str, int]) -> None:
    """Add what one page left unread."""
    if not unread:
        return
    own = {"repository_id": repository_id, "format": format_}
    kept = bounded(Counter(unread), frozenset(connection.scalars(_KNOWN, own)))
    # In one order, so that two harvests of a repository cannot lock each other out.
    connection.execute(_COUNT, [own | {"element": name, "seen": kept[name]} for name in sorted(kept)])


def replace(
    connection: Connection,
    repository_id: int | None,
    total: Mapping[tuple[int, str], Counter[str]],
    *,
    since: datetime,
) -> None:
    """Put counts that were made over all records (of one repository, or of all) in place of those that have grown.

    `total` is by repository and format; what is not in it has nothing unread any more. But what harvests have found `since`
    the counting began is not made less: the records may have come after their turn.
    """
    # Harvests wait for this moment, so that they and we never wait for each other's rows.
    connection.execute(text("LOCK TABLE unread_elements IN SHARE ROW EXCLUSIVE MODE"))
    rows = [
        {"repository_id": owner, "format": format_, "element": name, "seen": seen}
        for (owner, format_), counted in total.items()
        for name, seen in bounded(counted).items()
    ]
    still = {tuple(row[name] for name in _ELEMENT) for row in rows}
    columns = [unread_elements.c[name] for name in _ELEMENT]
    mine = text("true") if repository_id is None else unread_elements.c.repository_id == repository_id
    before = unread_elements.c.last_seen < since
    gone = [
        tuple(row)
        for row in connection.execute(select(*columns).where(mine, before))
        if tuple(row) not in still
    ]
    for start in range(0, len(gone), MOST):
        some = gone[start : start + MOST]
        connection.execute(delete(unread_elements).where(tuple_(*columns).in_(some)))
    if rows:
        connection.execute(_SET, [row | {"since": since} for row in rows])


_SHOWN = (
    select(unread_elements)
    .where(unread_elements.c.repository_id == bindparam("repository_id"))
    .order_by(unread_elements.c.format, unread_elements.c.seen.desc(), unread_elements.c.element)
)
_TOLD = ("format", "element", "seen", "first_seen", "last_seen")


def shown(connection: Connection, repository_id: int) -> list[dict[str, Any]]:
    """What `harvester status NAME` shows: format, element, how often and since when, at most SHOWN of each format."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in connection.execute(_SHOWN, {"repository_id": repository_id}):
        mine = found.setdefault(row.format, [])
        if len(mine) < SHOWN:
            mine.append({name: getattr(row, name) for name in _TOLD})
    return [each for rows in found.values() for each in rows]
