"""Windows: slices of a plan, claimed behind a fence; cut where a list is long, halved where it fails."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, func, insert, select, update

from harvester.catalogue.ledger import Plan
from harvester.catalogue.ledger_tables import plans, windows
from harvester.catalogue.tables import streams
from harvester.errors import Fenced

LIST_RECORDS, LIST_IDENTIFIERS, GET_RECORD = "ListRecords", "ListIdentifiers", "GetRecord"


@dataclass(frozen=True, slots=True)
class Window:
    """A slice of a plan as claimed: `fence` is our claim's number, checked by every page's transaction.

    `set_spec` is of this window only, None for the stream's own. `failures` are attempts in vain, in a row; `outside` counts
    records that were received and not asked for, `skipped` those that were not fetched since they are held as listed;
    `moved`: the list changed while it was read.
    """

    id: int
    plan_id: int
    from_: datetime | None
    until: datetime | None
    set_spec: str | None
    way: str
    failures: int
    fence: int
    token: str | None
    token_received_at: datetime | None
    token_life: timedelta | None
    complete_list_size: int | None
    pages: int
    received: int
    restarts: int
    reread: bool
    skipped: int
    outside: int
    moved: bool
    ending: str | None

    @property
    def spend_by(self) -> datetime | None:
        """When three quarters of the token's life have passed, by our clock; only the server's answer kills a token."""
        if self.token_received_at is None or self.token_life is None:
            return None
        return self.token_received_at + 0.75 * self.token_life


class Slice(NamedTuple):
    """Bounds of a window that is to be made; `set_spec` where the slice is a set."""

    from_: datetime | None
    until: datetime | None
    set_spec: str | None = None


_NAMES = [name for name in Window.__dataclass_fields__ if name != "token_life"]


def _window(row: Row[Any]) -> Window:
    life = None if row.token_life is None else timedelta(seconds=row.token_life)
    return Window(**{name: getattr(row, name) for name in _NAMES}, token_life=life)


def claim(connection: Connection, plan: Plan) -> Window | None:
    """Take the plan's next open window, raising its fence so that an earlier holder cannot write; None when all have ended.

    A list that was begun comes first, for its token is dying; what has failed comes last, so that its neighbours can tell
    whether the repository is alive.
    """
    following = (
        select(windows.c.id)
        .where(windows.c.plan_id == plan.id, windows.c.state == "open")
        .order_by(windows.c.token.is_(None), windows.c.failures, windows.c.id)
        .limit(1)
        .scalar_subquery()
    )
    row = connection.execute(
        update(windows).where(windows.c.id == following).values(fence=windows.c.fence + 1).returning(windows)
    ).one_or_none()
    return None if row is None else _window(row)


_NO_TOKEN = {"token": None, "token_received_at": None, "token_life": None}


def _change(connection: Connection, window: Window, **values: object) -> Window:
    changed = (
        update(windows)
        .where(windows.c.id == window.id, windows.c.fence == window.fence, windows.c.state == "open")
        .values(values)
        .returning(windows)
    )
    row = connection.execute(changed).one_or_none()
    if row is None:
        raise Fenced("another process holds this window now")
    return _window(row)


def end(connection: Connection, window: Window, ending: str, *, size: int | None = None) -> None:
    """The list has ended, and how: the window is done; `size` is what was announced elsewhere. Raises Fenced."""
    size = window.complete_list_size if size is None else size
    _change(connection, window, state="ended", ending=ending, complete_list_size=size, **_NO_TOKEN)


def fail(connection: Connection, window: Window) -> Window:
    """Count an attempt in vain. Raises Fenced."""
    return _change(connection, window, failures=window.failures + 1)


def count_outside(connection: Connection, window: Window, records: int) -> Window:
    """Count records that came and were not asked for. Raises Fenced."""
    return _change(connection, window, outside=window.outside + records)


def change_way(connection: Connection, window: Window, way: str) -> Window:
    """Ask in another way from now on, from the window's beginning. Raises Fenced."""
    return _change(
        connection, window, way=way, failures=0, pages=0, received=0, skipped=0, ending=None, **_NO_TOKEN
    )


def split(connection: Connection, window: Window, slices: Sequence[Slice], *, failures: int = 0) -> list[int]:
    """Put several windows in the place of one; what it brought stays. Raises Fenced; the numbers of the new ones."""
    if window.complete_list_size is not None and window.set_spec is None:
        whole = (
            plans.c.from_.is_not_distinct_from(window.from_),
            plans.c.until.is_not_distinct_from(window.until),
        )
        connection.execute(
            update(plans)
            .where(plans.c.id == window.plan_id, plans.c.size.is_(None), *whole)
            .values(size=window.complete_list_size)
        )
    _change(connection, window, state="split")
    made = [
        {"plan_id": window.plan_id, "way": window.way, "failures": failures} | each._asdict()
        for each in slices
    ]
    return list(
        connection.scalars(insert(windows).returning(windows.c.id, sort_by_parameter_order=True), made)
    )


def restore(connection: Connection, window: Window) -> None:
    """Undo a change of way that has brought nothing, whoever has claimed the window since; its token may still be good."""
    before = {
        name: getattr(window, name)
        for name in ("way", "token", "token_received_at", "pages", "received", "ending")
    }
    life = None if window.token_life is None else window.token_life.total_seconds()
    connection.execute(
        update(windows)
        .where(windows.c.id == window.id, windows.c.pages == 0)
        .values(before | {"token_life": life, "failures": 0})
    )


def rejoin(connection: Connection, parent: int, children: Sequence[int]) -> None:
    """Undo a split that has brought nothing; the token may still be good."""
    connection.execute(update(windows).where(windows.c.id.in_(children)).values(state="abandoned"))
    connection.execute(update(windows).where(windows.c.id == parent).values(state="open", failures=0))


def widen(connection: Connection, window: Window, plan: Plan) -> Window:
    """The plan as one list again, from its beginning: this window takes the place of all others. Raises Fenced."""
    connection.execute(
        update(windows)
        .where(
            windows.c.plan_id == plan.id, windows.c.id != window.id, windows.c.state.in_(("open", "ended"))
        )
        .values(state="abandoned")
    )
    whole = {"from_": plan.from_, "until": plan.until, "set_spec": None, "failures": 0}
    return _change(
        connection,
        window,
        **whole,
        pages=0,
        received=0,
        skipped=0,
        outside=0,
        complete_list_size=None,
        ending=None,
        **_NO_TOKEN,
    )


def ended(connection: Connection, plan: Plan) -> list[Window]:
    """The plan's windows that have ended, in this run or in an earlier one."""
    found = select(windows).where(windows.c.plan_id == plan.id, windows.c.state == "ended")
    return [_window(row) for row in connection.execute(found.order_by(windows.c.id))]


_DEADLINE = windows.c.token_received_at + func.make_interval(0, 0, 0, 0, 0, 0, windows.c.token_life)
# The list of a reconciliation, or of a range, is not continued by a harvest, which is what is done for these.
_WAITING = (
    windows.c.state == "open",
    windows.c.token.is_not(None),
    plans.c.state == "open",
    plans.c.kind.not_in(("reconcile", "range")),
)


def deadlines(connection: Connection, repository_id: int) -> dict[int, datetime]:
    """When the tokens of a repository's paused streams end, by the number of the stream; those that say so."""
    found = (
        select(plans.c.stream_id, func.min(_DEADLINE))
        .join(plans, plans.c.id == windows.c.plan_id)
        .join(streams, streams.c.id == plans.c.stream_id)
        .where(*_WAITING, streams.c.repository_id == repository_id, windows.c.token_life.is_not(None))
        .group_by(plans.c.stream_id)
    )
    return {row[0]: row[1] for row in connection.execute(found)}


def doubt_tokens(connection: Connection, plan_id: int) -> None:
    """The plan's stored token may have been sent without its page being committed: a process was killed, or cut off.

    Asking it again may skip a page where tokens cannot be asked twice, so the count at the end decides.
    """
    waiting = (windows.c.plan_id == plan_id, windows.c.state == "open", windows.c.token.is_not(None))
    connection.execute(update(windows).where(*waiting).values(reread=True))
