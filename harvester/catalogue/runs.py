"""Runs: one go at a plan, with its counters, outcome, reason and evidence."""

from dataclasses import asdict, dataclass, field, fields
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, select, text, update

from harvester.catalogue.lasting_tables import reconciliations
from harvester.catalogue.ledger import Plan, Stream
from harvester.catalogue.ledger_tables import plans, runs, windows
from harvester.catalogue.schedule_tables import tasks
from harvester.catalogue.tables import pages, streams
from harvester.catalogue.windows import doubt_tokens

# The first key of the session's advisory lock that marks a run as alive ("runs" in ASCII); the second is its number.
RUN_LOCK = 0x72756E73
# Outcomes after which a stream is up to date.
COMPLETE = ("complete", "complete_unverified")


@dataclass(slots=True)
class Counts:
    """What one run, or one page of it, did. `received` counts records as sent, twins and broken ones included."""

    pages: int = 0
    requests: int = 0
    received: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    deleted: int = 0
    quarantined: int = 0
    restarts: int = 0

    def add(self, other: "Counts") -> None:
        """Add the counts of a page."""
        for name, value in asdict(other).items():
            setattr(self, name, getattr(self, name) + value)


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a run ended: one of the closed list of outcomes, a stable reason, a sentence, the evidence."""

    outcome: str
    reason: str | None = None
    sentence: str | None = None
    evidence: dict[str, Any] | None = None


@dataclass(slots=True)
class Tally:
    """What a run saw besides its counts: byte repairs by kind, elements that no rule read."""

    repairs: dict[str, int] = field(default_factory=dict)
    unread: dict[str, int] = field(default_factory=dict)


def start_run(connection: Connection, stream: Stream, plan: Plan | None, *, kind: str = "harvest") -> int:
    """Open a run, without a plan for kind `retry`; one that a killed process left open is closed as interrupted (the caller holds the host)."""
    # The lock tells a killed process from one that has let the host go for a page.
    unfinished = select(runs.c.id, runs.c.plan_id).where(
        runs.c.stream_id == stream.id, runs.c.outcome.is_(None)
    )
    killed = {
        each.id: each.plan_id for each in connection.execute(unfinished) if not alive(connection, each.id)
    }
    connection.execute(
        update(runs)
        .where(runs.c.id.in_(killed))
        .values(
            outcome="interrupted",
            reason="killed",
            sentence="the process ended without a word",
            finished_at=func.now(),
        )
    )
    for plan_id in sorted({*killed.values()} - {None}):
        # It may have died between asking and committing. A reconciliation may find a harvest that was killed.
        doubt_tokens(connection, plan_id)
    made = (
        insert(runs)
        .values(stream_id=stream.id, plan_id=plan.id if plan else None, kind=kind)
        .returning(runs.c.id)
    )
    number: int = connection.execute(made).scalar_one()
    mark_alive(connection, number)
    return number


def mark_alive(connection: Connection, run_id: int) -> None:
    """Show that the run's process lives: a lock that ends with its session."""
    connection.execute(select(func.pg_advisory_lock(RUN_LOCK, run_id % 2**31)))


def alive(connection: Connection, run_id: int) -> bool:
    """Whether the run's process still has its session."""
    return bool(
        connection.scalar(
            text(
                "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 2"
                " AND classid = :kind AND objid = CAST(:run AS oid)"
                " AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))"
            ),
            {"kind": RUN_LOCK, "run": run_id % 2**31},
        )
    )


def counts_of(connection: Connection, run_id: int) -> Counts:
    """What the committed pages of a run add up to."""
    names = [each.name for each in fields(Counts)]
    row = connection.execute(select(*(runs.c[name] for name in names)).where(runs.c.id == run_id)).one()
    return Counts(**row._mapping)


_COUNTED = [each.name for each in fields(Counts)]
_ADD = (
    update(runs)
    .where(runs.c.id == bindparam("run"))
    .values({name: runs.c[name] + bindparam("more_" + name) for name in _COUNTED})
)


def add_counts(connection: Connection, run_id: int, counts: Counts) -> None:
    """Add a page's counts, in the page's transaction."""
    connection.execute(_ADD, {"run": run_id} | {"more_" + name: getattr(counts, name) for name in _COUNTED})


def finish_run(connection: Connection, run_id: int, verdict: Verdict, requests: int, tally: Tally) -> None:
    """Close a run with its outcome; `requests` is the exact number made."""
    values = asdict(verdict) | asdict(tally) | {"requests": requests, "finished_at": func.now()}
    connection.execute(update(runs).where(runs.c.id == run_id).values(values))
    connection.execute(select(func.pg_advisory_unlock(RUN_LOCK, run_id % 2**31)))


def forget_unharvested(connection: Connection, stream: Stream) -> None:
    """Unregister a stream of which no page ever came, with its runs; any other is left alone."""
    mine = select(plans.c.id).where(plans.c.stream_id == stream.id).scalar_subquery()
    harvested = (
        select(pages.c.id).join(windows, windows.c.id == pages.c.window_id).where(windows.c.plan_id.in_(mine))
    )
    listed = select(reconciliations.c.id).where(reconciliations.c.stream_id == stream.id)
    scheduled = select(tasks.c.id).where(
        tasks.c.stream_id == stream.id
    )  # it was asked for: it stays, and says why
    known = any(
        connection.execute(each.limit(1)).first() is not None for each in (harvested, listed, scheduled)
    )
    if stream.watermark is not None or known:
        return
    connection.execute(delete(runs).where(runs.c.stream_id == stream.id))
    connection.execute(delete(windows).where(windows.c.plan_id.in_(mine)))
    connection.execute(delete(plans).where(plans.c.stream_id == stream.id))
    connection.execute(delete(streams).where(streams.c.id == stream.id))
