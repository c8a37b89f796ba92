"""Where reconciliations stand: a row for each pass through a stream's identifiers, from its list to what it removed."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, insert, select, update

from harvester.catalogue.lasting_tables import reconciliations
from harvester.catalogue.ledger import Plan, Stream
from harvester.catalogue.ledger_tables import plans, runs, windows
from harvester.catalogue.runs import alive

# A list that nobody has worked on for so long tells too little of what there is now.
STALE = timedelta(days=7)
UNCONFIRMED = "unconfirmed"  # reason of a run that has asked for every candidate, and for some in vain
_OPEN = ("listing", "held", "confirming")


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """One pass. `state`: listing, held, confirming, done, abandoned or reverted.

    `watermark` is the server's date of the list's first answer, None before it has come. `stale`: to be begun anew.
    """

    id: int
    plan_id: int
    state: str
    listed: int
    live: int
    absent: int
    removed: int
    left_set: int
    found: int
    sentence: str | None
    begun_at: datetime
    watermark: datetime | None
    stale: bool

    @property
    def before(self) -> datetime:
        """What is dated later was not there yet when the list began."""
        return self.begun_at if self.watermark is None else min(self.watermark, self.begun_at)


_NAMES = [name for name in Reconciliation.__dataclass_fields__ if name not in ("watermark", "stale")]
_MOVED = (
    select(func.max(windows.c.updated_at))
    .where(windows.c.plan_id == reconciliations.c.plan_id)
    .scalar_subquery()
)
_SELECT = (
    select(
        reconciliations,
        plans.c.candidate_watermark.label("watermark"),
        func.greatest(runs.c.started_at, runs.c.finished_at, _MOVED).label("worked_at"),
        runs.c.finished_at.label("run_finished_at"),
        runs.c.reason.label("run_reason"),
        func.now().label("now"),
    )
    .join(plans, plans.c.id == reconciliations.c.plan_id)
    .outerjoin(runs, runs.c.id == reconciliations.c.run_id)
    .order_by(reconciliations.c.id.desc())
    .limit(1)
)


def current(connection: Connection, stream: Stream) -> Reconciliation | None:
    """The stream's pass that is not over; the caller holds the host."""
    return _first(connection, reconciliations.c.stream_id == stream.id, reconciliations.c.state.in_(_OPEN))


def read(connection: Connection, reconciliation: Reconciliation) -> Reconciliation:
    """As it stands now."""
    found = _first(connection, reconciliations.c.id == reconciliation.id)
    assert found is not None  # noqa: S101 - rows are never removed
    return found


def lock(connection: Connection, reconciliation: Reconciliation) -> Reconciliation:
    """As it stands now, and until the end of the transaction: another process may be about to judge it too."""
    connection.execute(
        select(reconciliations.c.id).where(reconciliations.c.id == reconciliation.id).with_for_update()
    )
    return read(connection, reconciliation)


def last_removing(connection: Connection, stream: Stream) -> Reconciliation | None:
    """The stream's last pass that has removed records, and was not reverted."""
    mine = (reconciliations.c.stream_id == stream.id, reconciliations.c.removed > 0)
    return _first(connection, *mine, reconciliations.c.state != "reverted")


def begin(connection: Connection, stream: Stream, plan: Plan) -> Reconciliation:
    """Begin a pass, abandoning the one that is not over."""
    connection.execute(
        update(reconciliations)
        .where(reconciliations.c.stream_id == stream.id, reconciliations.c.state.in_(_OPEN))
        .values(state="abandoned", finished_at=func.now())
    )
    number = connection.scalar(
        insert(reconciliations).values(stream_id=stream.id, plan_id=plan.id).returning(reconciliations.c.id)
    )
    made = _first(connection, reconciliations.c.id == number)
    assert made is not None  # noqa: S101 - written above
    return made


def work(connection: Connection, reconciliation: Reconciliation, run_id: int) -> None:
    """A run works on it now."""
    _change(connection, reconciliation, {"run_id": run_id})


def move(connection: Connection, reconciliation: Reconciliation, state: str, **values: object) -> bool:
    """Give it another state, and `values`; False where another process has done so meanwhile."""
    if state in ("done", "abandoned", "reverted"):
        values |= {"finished_at": func.now()}
    return _change(connection, reconciliation, values | {"state": state})


def approve(connection: Connection, reconciliation: Reconciliation) -> None:
    """A person has looked at a held one: it goes on."""
    move(connection, reconciliation, "confirming", approved_at=func.now(), sentence=None)


def count(connection: Connection, reconciliation: Reconciliation, **more: int) -> None:
    """Add to `removed`, `left_set` or `found`, in the transaction that removes."""
    added = {name: reconciliations.c[name] + number for name, number in more.items() if number}
    if added:
        connection.execute(
            update(reconciliations).where(reconciliations.c.id == reconciliation.id).values(added)
        )


def _change(connection: Connection, reconciliation: Reconciliation, values: dict[str, object]) -> bool:
    stands = (
        reconciliations.c.id == reconciliation.id,
        reconciliations.c.state == reconciliation.state,
    )
    return bool(connection.execute(update(reconciliations).where(*stands).values(values)).rowcount)


def _first(connection: Connection, *conditions: ColumnElement[bool]) -> Reconciliation | None:
    row = connection.execute(_SELECT.where(*conditions)).one_or_none()
    if row is None:
        return None
    return Reconciliation(
        **{name: getattr(row, name) for name in _NAMES},
        watermark=row.watermark,
        stale=_is_stale(connection, row),
    )


def _is_stale(connection: Connection, row: Any) -> bool:
    if row.run_id is None or (row.run_finished_at is None and alive(connection, row.run_id)):
        return False
    if row.run_reason == UNCONFIRMED and (row.approved_at or row.begun_at) < row.now - STALE:
        return True  # what can never be asked for must not keep newer losses from being seen
    return bool(row.worked_at < row.now - STALE)
