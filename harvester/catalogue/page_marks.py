"""Where a window stands after a page, and the page's place in the change feed: first and last in the page's transaction.

The window is moved behind a fence, so that a worker that was thought dead writes nothing.
"""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, case, func, insert, or_, select, update

from harvester.catalogue.ledger_tables import plans, windows
from harvester.catalogue.tables import feed_seq, page_ids, pages
from harvester.catalogue.windows import Window
from harvester.errors import Fenced

_FEED_LOCK = 0x66656564  # "feed" in ASCII


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a window stands after a page; `ending` is None while a token follows."""

    received: int
    response_date: datetime
    token: str | None
    token_received_at: datetime | None
    token_life: float | None
    complete_list_size: int | None
    ending: str | None
    reread: bool
    restarts: bool
    outside: int = 0
    skipped: int = 0
    moved: bool = False


_RESTARTS = bindparam("restarts", type_=windows.c.reread.type)
_MOVE = (
    update(windows)
    .where(
        windows.c.id == bindparam("window_id"),
        windows.c.fence == bindparam("held_fence"),
        windows.c.state == "open",
    )
    .values(
        token=bindparam("token"),
        token_received_at=bindparam("token_received_at"),
        token_life=bindparam("token_life"),
        complete_list_size=case(
            (_RESTARTS, bindparam("complete_list_size")),
            else_=func.coalesce(bindparam("complete_list_size"), windows.c.complete_list_size),
        ),
        pages=case((_RESTARTS, 1), else_=windows.c.pages + 1),
        received=bindparam("received") + case((_RESTARTS, 0), else_=windows.c.received),
        reread=case((_RESTARTS, False), else_=or_(windows.c.reread, bindparam("reread"))),
        restarts=windows.c.restarts + case((_RESTARTS, 1), else_=0),
        moved=case((_RESTARTS, False), else_=or_(windows.c.moved, bindparam("moved"))),
        skipped=bindparam("skipped") + case((_RESTARTS, 0), else_=windows.c.skipped),
        outside=bindparam("outside") + case((_RESTARTS, 0), else_=windows.c.outside),
        ending=bindparam("ending"),
        updated_at=func.now(),
    )
    .returning(page_ids.next_value(), windows.c.pages)
)
_FIRST = (
    update(plans)
    .where(plans.c.id == bindparam("plan_id"), plans.c.candidate_watermark.is_(None))
    .values(candidate_watermark=bindparam("response_date"))
)
_LOCK_FEED = select(func.pg_advisory_xact_lock(_FEED_LOCK))
_DRAW = select(page_ids.next_value())
_PUBLISH = insert(pages).values(seq=feed_seq.next_value())


def move_window(connection: Connection, window: Window, mark: Mark) -> tuple[int, int]:
    """Move a window past a page; return the page's id and its number in the window.

    A mark that restarts makes this page the window's first: the dead token is forgotten only now that the list has begun
    again, so that a server that is down for a while costs nothing.

    Raises Fenced where another worker has claimed the window since: the page must be dropped.
    """
    values = asdict(mark)
    date = values.pop("response_date")
    moved = connection.execute(
        _MOVE, values | {"window_id": window.id, "held_fence": window.fence}
    ).one_or_none()
    if moved is None:
        raise Fenced("another process holds this window now: the page was dropped, nothing was written twice")
    page_id, number = moved
    if number == 1:
        connection.execute(_FIRST, {"plan_id": window.plan_id, "response_date": date})
    return page_id, number


class Rewritten(NamedTuple):
    """A page of the change feed without a harvest: entries that were derived again, and how many."""

    id: int
    changed: int


def draw(connection: Connection) -> int:
    """A page's id for rows that are about to be rewritten."""
    return int(connection.execute(_DRAW).scalar_one())


def publish_rewritten(connection: Connection, page: Rewritten) -> None:
    """Draw the page's place in the change feed; as `publish`, the last statement before the commit."""
    connection.execute(_LOCK_FEED)
    connection.execute(_PUBLISH, {"id": page.id, "number": 0, "received": 0, "changed": page.changed})


def publish_loose(connection: Connection, page_id: int, run_id: int, counts: tuple[int, int]) -> None:
    """As `publish`, for records that came one by one and move no window; `counts` is (received, changed)."""
    connection.execute(_LOCK_FEED)
    values = {"id": page_id, "number": 0, "run_id": run_id}
    connection.execute(_PUBLISH, values | {"received": counts[0], "changed": counts[1]})


def publish(
    connection: Connection, window: Window, run_id: int, page: tuple[int, int], counts: tuple[int, int]
) -> None:
    """Draw the page's place in the change feed; the last statement before the commit, since it takes a lock until then.

    `page` is (id, number in the window), `counts` is (received, changed).
    """
    connection.execute(_LOCK_FEED)
    values = {"id": page[0], "number": page[1], "run_id": run_id, "window_id": window.id}
    connection.execute(_PUBLISH, values | {"received": counts[0], "changed": counts[1]})
