"""How a task's go ended, written down: when it is due again, and what that says of its host."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine

from harvester import clock
from harvester.catalogue import hosts, tasks
from harvester.catalogue.connection import translated
from harvester.catalogue.runs import COMPLETE
from harvester.catalogue.tasks import Task
from harvester.schedule import planner
from harvester.schedule.cron import fires
from harvester.schedule.standing import Done

SHORT = 30.0  # seconds: a pause that a slice waits for; a longer one is an appointment
_CATALOGUE_AWAY = 60.0  # seconds before a task is tried again when it was Postgres that failed
_ENDED = (*COMPLETE, "held")
_NOTHING_OPEN: dict[str, Any] = dict.fromkeys(("begun_at", "spend_by", "dies_at"))


def settle(engine: Engine, task: Task, done: Done, pages: int, jitter: Callable[[], float]) -> bool:
    """Write down how it went; `task` is as it stood when its token was seen last. Whether the slice may go on.

    What a person has changed meanwhile holds: its rhythm, and that it was taken up again, taken out, or moved.
    """
    now = clock.now()
    told = {"outcome": done.outcome, "sentence": done.sentence}
    with translated(), engine.begin() as connection:
        found = tasks.find(connection, task.id)
        if found is None or found.base_url != task.base_url:
            return True
        task = replace(found, spend_by=task.spend_by, dies_at=task.dies_at)
        host = hosts.read(connection, task.host)
        if done.outcome in _ENDED:
            hosts.answers(connection, task.host)
            ended = _columns(_after_success(task, done, now, jitter())) | _NOTHING_OPEN
            tasks.note(connection, task, **told, **ended, failures=0, done_at=now)
            return True
        token = {"spend_by": task.spend_by, "dies_at": task.dies_at}
        if pages:
            hosts.answers(connection, task.host)
        # A host that has asked for a pause was reached: that is `incomplete`, what else fails is not, however slow the host's pace.
        waits = done.reason == "host_busy" or (done.outcome == "incomplete" and host.wait > SHORT)
        if done.outcome == "interrupted" or waits:
            # It goes on: after this slice, or when the host may be asked again. A Retry-After that is obeyed changes nothing else.
            tasks.note(connection, task, **told, **token, failures=0 if pages else task.failures)
            return done.outcome == "interrupted"
        if done.reason == "catalogue":
            later = datetime.fromtimestamp(now.timestamp() + _CATALOGUE_AWAY, UTC)
            tasks.note(connection, task, **told, **token, next_due_at=later)
            return False
        tasks.note(connection, task, **told, **_failed(task, done, now, jitter()))
        return _host_is_open(connection, task, done, jitter)


def _host_is_open(connection: Connection, task: Task, done: Done, jitter: Callable[[], float]) -> bool:
    """Whether the host of a task that failed may be asked for something else."""
    if done.outcome != "unreachable":
        hosts.answers(connection, task.host)
        return True
    failures = hosts.fails(
        connection, task.host, lambda failures: planner.closed_for(failures, jitter=jitter())
    )
    return planner.closed_for(failures, jitter=0.5) == 0.0


def _rhythm(task: Task, now: datetime) -> planner.Rhythm:
    pair = None
    if task.cron is not None:
        first = fires(task.cron, task.zone, now)
        pair = (first.timestamp(), fires(task.cron, task.zone, first).timestamp())
    return planner.Rhythm(task.interval, task.least, task.most, pair)


def _after_success(task: Task, done: Done, now: datetime, jitter: float) -> planner.Next:
    due_at = (task.next_due_at or now).timestamp()
    return planner.after_success(
        _rhythm(task, now), due_at, now.timestamp(), changed=done.changed, jitter=jitter
    )


def _failed(task: Task, done: Done, now: datetime, jitter: float) -> dict[str, Any]:
    failures = task.failures + 1
    alive = task.spend_by is not None and task.dies_at is not None and task.dies_at > now
    again = planner.after_failure(
        _rhythm(task, now),
        failures,
        now.timestamp(),
        jitter=jitter,
        # Whoever refuses us is not asked sooner for the sake of a token.
        spend_by=task.spend_by.timestamp() if alive and task.spend_by and done.outcome != "refused" else None,
    )
    token = {"spend_by": task.spend_by, "dies_at": task.dies_at} if alive else _NOTHING_OPEN
    return _columns(again) | token | {"failures": failures}


def _columns(again: planner.Next) -> dict[str, Any]:
    return {
        "next_due_at": datetime.fromtimestamp(again.due_at, UTC),
        "late_at": datetime.fromtimestamp(again.late_at, UTC),
        "interval": again.interval,
    }
