"""Why a repository stands where it stands: what each stream waits for, what happens next, and what a person could do."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine

from harvester.catalogue import hosts, ledger, schedule_view, task_rows
from harvester.catalogue.connection import translated
from harvester.catalogue.hosts import Host
from harvester.catalogue.runs import COMPLETE
from harvester.catalogue.schedule_view import TaskView, Try
from harvester.catalogue.status import status
from harvester.catalogue.task_rows import Registered
from harvester.catalogue.tasks import HARVEST, RECONCILE, REFRESH, RETRY, ROLLING
from harvester.config import Every, Settings
from harvester.harvest.sources import not_registered
from harvester.schedule import leader, phrases
from harvester.schedule.candidates import Candidates
from harvester.schedule.obstacles import Obstacle, Scene, following, obstacles, unscheduled
from harvester.schedule.quiet import quiet_until
from harvester.wire import host_of

_KINDS = {
    HARVEST: "the harvest",
    ROLLING: "the slow second harvest",
    RECONCILE: "the reconciliation",
    RETRY: "another try of what is in quarantine",
    REFRESH: "a look at sets and formats",
}
_TRIES = 3  # of each stream that are told
_SOON = 60.0  # seconds; a host that wants rest for longer is not to be asked at once


@dataclass(frozen=True, slots=True)
class StreamReasons:
    """A stream: `because` what it waits for, `next` what happens by itself and when, `you_can` what a person could do.

    `tries` are its last runs, the latest first; `often` how often it is wanted, None where it is not harvested by itself.
    """

    set_spec: str | None
    format: str
    state: str
    late: bool
    often: str | None
    last_complete_at: datetime | None
    because: Sequence[str]
    next: str
    next_at: datetime | None
    tries: Sequence[Try]
    you_can: Sequence[str]


@dataclass(frozen=True, slots=True)
class Reasons:
    """A repository: its streams, and in `also` what else is done for it by itself."""

    repository: str
    base_url: str
    host: str
    service_running: bool
    streams: Sequence[StreamReasons]
    also: Sequence[str]


def explain(engine: Engine, settings: Settings, name: str, now: datetime) -> Reasons:
    """Raises ConfigError for a name that nobody has registered, CatalogueError where Postgres fails."""
    with translated(), engine.connect() as connection:
        known = ledger.find_repository(connection, name)
        if known is None:
            raise not_registered(name)
        repository = task_rows.registered(connection, [known.id])[0]
        scene = _scene(connection, settings, repository, now)
        of = schedule_view.tasks_of(connection, repository.id)
        tried = schedule_view.last_tries(connection, repository.id, _TRIES)
        complete = schedule_view.last_complete(connection, repository.id)
        shown = status(connection, repository.name)["repositories"][0]["streams"]
        numbers = {(each.set_spec, each.format): each.id for each in task_rows.listed(connection, [known.id])}
    harvests = {each.stream_id: each for each in of if each.kind == HARVEST}
    streams = []
    for each in shown:
        number = numbers[each["set"] or "", each["format"]]
        mine = _Mine(number, harvests.get(number), each, [one for one in tried if one.stream_id == number])
        streams.append(_stream(scene, mine, complete.get(number) or _noted(mine.task)))
    host = scene.host.name
    return Reasons(repository.name, repository.base_url, host, scene.running, streams, list(_also(of, now)))


def _noted(task: TaskView | None) -> datetime | None:
    """When the schedule has noted that it was complete; the run itself may be forgotten by now."""
    done = task is not None and task.outcome in COMPLETE
    return task.done_at if task is not None and done else None


def _scene(connection: Connection, settings: Settings, repository: Registered, now: datetime) -> Scene:
    name = host_of(repository.base_url)
    host = hosts.read(connection, name)
    return Scene(
        repository,
        now,
        host,
        schedule_view.led(connection, leader.LOCK),
        quiet_until(settings, host.name, now),
        schedule_view.being_asked(connection, name),
        _first(connection, settings, host, now),
    )


def _first(connection: Connection, settings: Settings, host: Host, now: datetime) -> tuple[int, str] | None:
    """What the host would be asked next, by the planner that decides it."""
    choice = Candidates.of(connection, settings, host, now).choose()
    if choice is None:
        return None
    task, _ = choice
    what = "" if task.format is None else " " + phrases.stream(task.set_spec or "", task.format)
    return task.id, f"{_KINDS[task.kind]} of {task.repository}{what}"


@dataclass(frozen=True, slots=True)
class _Mine:
    """What belongs to one stream; `shown` is its part of `harvester status`."""

    stream_id: int
    task: TaskView | None
    shown: Mapping[str, Any]
    tries: Sequence[Try]


def _stream(scene: Scene, mine: _Mine, complete: datetime | None) -> StreamReasons:
    task, now = mine.task, scene.now
    asked = next((each for each in scene.asked if each.stream_id == mine.stream_id), None)
    coming: tuple[str, datetime | None]
    if asked is not None:
        now_doing = "it is being harvested" if asked.kind != RECONCILE else "its identifiers are being listed"
        found = [Obstacle(f"{now_doing} now, after {phrases.counted(asked.pages, 'page')}", now)]
        coming = ("the list is read to its end", now)
    elif task is None:
        found, coming = [unscheduled(scene)], ("nothing, by itself", None)
    else:
        found = list(obstacles(scene, task))
        coming = following(found, task, now)
    advice = [each.you_can for each in found if each.you_can] + list(_advice(scene, mine))
    return StreamReasons(
        set_spec=mine.shown["set"],
        format=mine.shown["format"],
        state=mine.shown["state"],
        late=task is not None and task.late_at is not None and task.late_at < now and not task.paused,
        often=None if task is None else phrases.often(Every(task.least, task.most, task.cron, task.zone)),
        last_complete_at=complete,
        because=[each.sentence for each in found] + list(_besides(mine, now)),
        next=coming[0],
        next_at=coming[1],
        tries=mine.tries,
        you_can=list(dict.fromkeys(advice)),
    )


def _besides(mine: _Mine, now: datetime) -> Iterator[str]:
    task = mine.task
    if task is not None and task.begun_at is not None:
        yield f"its list was begun at {phrases.moment(task.begun_at, now)}" + (
            f"; its token is to be spent by {phrases.moment(task.spend_by, now)}" if task.spend_by else ""
        )
    if task is not None and task.failures and task.sentence and not mine.tries:
        yield f"the last try ended before its first request: {task.sentence}"
    if mine.shown["held"] and not (task and task.held):
        yield f"a reconciliation waits for a person (harvests go on): {mine.shown['held']}"


def _advice(scene: Scene, mine: _Mine) -> Iterator[str]:
    name = scene.repository.name
    if mine.shown["held"] and not (mine.task and mine.task.held):
        yield f"`harvester reconcile {name} --approve` lets it go on"
    if mine.shown["state"] == "refused":
        yield f"`harvester probe {name}` tells what the repository answers, and to what"
    if mine.shown["quarantined"]:
        yield f"`harvester quarantine list {name}` shows what could not be read"
    if mine.shown["state"] not in ("current", "harvesting") and scene.host.wait < _SOON:
        yield f"`harvester harvest {name}` tries it at once"


def _also(of: Sequence[TaskView], now: datetime) -> Iterator[str]:
    for kind in (ROLLING, RECONCILE, RETRY, REFRESH):
        mine = [each for each in of if each.kind == kind and not each.paused]
        yield from (f"{_KINDS[kind]} waits for a person: {each.held}" for each in mine if each.held)
        due = min((each.next_due_at for each in mine if each.next_due_at and not each.held), default=None)
        if due is not None:
            failing = sum(each.failures > 0 for each in mine)
            yield f"{_KINDS[kind]}: next at {phrases.moment(due, now)}" + (
                f", {failing:,} failing" if failing else ""
            )
