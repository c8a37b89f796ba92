"""When somebody is to be told: pure rules over what the catalogue knows of tasks, hosts and recent runs.

A rule says what is wrong, and what to do, in a sentence. No moment in it moves with the clock: it changes only when something
has happened.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from harvester.catalogue.alerts import Alert, Finding
from harvester.catalogue.runs import COMPLETE
from harvester.catalogue.vitals import ClosedHost, Day, Past, TaskState
from harvester.schedule import anomalies
from harvester.schedule.phrases import lasting, several
from harvester.schedule.wording import at, name, plain, quoted, subject_of

FAILING, LATE, HELD, REFUSED = "failing", "late", "held", "refused"
HOST, DISK, CATALOGUE = "host_closed", "disk", "catalogue"
SERVICE = "the service"  # the subject of what is about no repository and no host

# Fewer failures in a row are what a restarted server or a cut line looks like, whatever the interval.
FAILURES_AT_LEAST, FAILURES_ALWAYS = 3, 6
# A healthy stream is fresh within twice its interval: that is what the schedule promises.
INTERVALS = 2.0
# A gibibyte is some minutes of a fast first harvest, and enough for Postgres to stop in order.
DISK_FREE = 2**30
# What is over sooner than this many seconds is told to nobody: hosts come back, and after the service has been down
# everything is late until it has caught up.
PATIENCE: Mapping[str, float] = {HOST: 86_400.0, LATE: 3_600.0}


@dataclass(frozen=True, slots=True)
class Known:
    """What one look at the catalogue has shown: the conspicuous tasks and those that open alerts are about, why
    reconciliations wait (by the number of their task), closed hosts, the past of a share of the streams, each repository's
    last day, the bytes free on the catalogue's disk (None where it is not ours), and the hosts that have their quiet hours.
    """

    tasks: Sequence[TaskState] = ()
    held: Mapping[int, str] = field(default_factory=dict)
    hosts: Sequence[ClosedHost] = ()
    pasts: Sequence[Past] = ()
    days: Sequence[Day] = ()
    free: int | None = None
    quiet: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Over:
    """Numbers of alerts that are over: what works again, and what nobody looks after any more (paused, removed) or is told
    as something else now.
    """

    recovered: Sequence[int]
    dropped: Sequence[int]


def judge(known: Known, now: datetime) -> list[Finding]:
    """All that is wrong, at most one finding of each kind for a subject."""
    closed = {each.name for each in known.hosts}
    found = [
        finding for task in known.tasks if not task.paused for finding in _of_task(task, known, closed, now)
    ]
    found += [_of_host(each) for each in known.hosts if each.repositories]
    found += [finding for past in known.pasts for finding in anomalies.of_past(past)]
    found += [finding for day in known.days for finding in anomalies.of_day(day)]
    if known.free is not None and known.free < DISK_FREE:
        found.append(_disk(known.free))
    return list({each.key: each for each in found}.values())


def over(alerts: Sequence[Alert], known: Known, findings: Sequence[Finding]) -> Over:
    """Which open alerts are over. Those that nothing was seen of this time stay."""
    found = {each.key for each in findings}
    subjects = {each.subject for each in findings}
    tasks = {each.id: each for each in known.tasks}
    pasts = {each.task_id: each for each in known.pasts}
    closed = {each.name for each in known.hosts}
    recovered: list[int] = []
    dropped: list[int] = []
    for alert in alerts:
        number = alert.evidence.get("task")
        task = tasks.get(number) if number is not None else None
        if alert.key in found:
            continue
        if alert.kind == HOST:
            (dropped if alert.subject in closed else recovered).append(alert.id)
        elif number is None:
            recovered.append(alert.id)
        elif task is None or task.paused:
            dropped.append(alert.id)
        elif alert.kind in (anomalies.DROP, anomalies.SILENT):
            if number in pasts and _moved(alert, pasts[number]):
                recovered.append(alert.id)
        elif alert.kind == HELD or _done_since(task, alert.since):
            recovered.append(alert.id)
        elif alert.subject in subjects:
            dropped.append(alert.id)
    return Over(recovered, dropped)


def _moved(alert: Alert, past: Past) -> bool:
    if alert.kind == anomalies.DROP:
        return past.listed is not None
    return bool(past.changes) and past.changes[0] > alert.since


def _done_since(task: TaskState, since: datetime) -> bool:
    return task.done_at is not None and task.done_at > since and task.outcome in COMPLETE


def _of_task(task: TaskState, known: Known, closed: Collection[str], now: datetime) -> Iterator[Finding]:
    ago = timedelta(seconds=INTERVALS * task.interval)
    if pass_held := known.held.get(task.id):
        then = f"`harvester reconcile {quoted(task.repository)}` shows what would vanish, and removes it with --approve."
        yield _about(task, HELD, f"waits for a person: {plain(pass_held).rstrip('.')}. {then}")
    elif task.held:
        then = f"then `harvester resume {quoted(task.repository)}` takes it up again."
        yield _about(task, HELD, f"waits for a person: {plain(task.held).rstrip('.')}. {_more(task)}; {then}")
    elif task.outcome == "refused":
        then = f"Mend what it names, or ask its operators; {_more(task)}."
        yield _about(task, REFUSED, f"is refused. {_reason(task)} {then}")
    elif task.host in closed:
        return  # the host is what is wrong
    elif _is_failing(task, ago, now):
        last = (
            f"was last brought up to date on {at(task.done_at)}"
            if task.done_at
            else "has never been brought up to date"
        )
        yield _about(
            task,
            FAILING,
            f"has failed {task.failures} times in a row and {last} (wanted {_wanted(task)}). "
            f"{_reason(task)} It is tried again by itself; {_more(task)}.",
        )
    elif task.host not in known.quiet and _is_late(task, ago, now):
        yield _about(
            task,
            LATE,
            f"is late: it was due on {at(task.next_due_at)} (wanted {_wanted(task)}) and its turn has not come. Where its host "
            "asks for long pauses a longer interval helps, else more hands do (`harvester worker` on another machine); "
            f"{_more(task)}.",
        )


def _is_failing(task: TaskState, ago: timedelta, now: datetime) -> bool:
    stale = task.done_at is not None and now - task.done_at > ago
    return task.failures >= FAILURES_ALWAYS or (task.failures >= FAILURES_AT_LEAST and stale)


def _is_late(task: TaskState, ago: timedelta, now: datetime) -> bool:
    if task.next_due_at is None or now - task.next_due_at <= ago or task.failures:
        return False
    # A list that takes days is not late as long as it is worked on.
    return task.begun_at is None or task.tried_at is None or now - task.tried_at > ago


def _about(task: TaskState, kind: str, said: str) -> Finding:
    subject = subject_of(task.repository, task.set_spec, task.format, work=task.kind)
    evidence: dict[str, Any] = {
        "task": task.id,
        "host": task.host,
        "outcome": task.outcome,
        "failures": task.failures,
        "done_at": task.done_at and task.done_at.isoformat(),
    }
    return Finding(subject, kind, f"{subject} {said}", evidence, task.repository_id)


def _wanted(task: TaskState) -> str:
    return f"by cron '{task.cron}' ({task.zone})" if task.cron else f"every {lasting(task.interval)}"


def _more(task: TaskState) -> str:
    return f"`harvester why {quoted(task.repository)}` says more"


def _reason(task: TaskState) -> str:
    said = plain(task.sentence or "").strip().rstrip(".")
    return f"The last time: {said}." if said else "The last time nothing was said of why."


def _of_host(host: ClosedHost) -> Finding:
    sentence = (
        f"{host.name} has failed {host.failures} times in a row and is left alone until {at(host.closed_until)}; then it is "
        f"tried again by itself. Harvested from it: {several([name(each) for each in host.repositories])}. Open it in a browser: "
        "where it has moved, give its new address; where it is gone, `harvester pause` what is harvested from it."
    )
    return Finding(host.name, HOST, sentence, {"host": host.name, "repositories": list(host.repositories)})


def _disk(free: int) -> Finding:
    sentence = (
        f"The disk of the catalogue has less than {DISK_FREE // 2**30} GiB left. Free some space: when it is full all harvests "
        "pause, and they go on by themselves once there is room."
    )
    return Finding(SERVICE, DISK, sentence, {"free_mebibytes": free // 2**20})
