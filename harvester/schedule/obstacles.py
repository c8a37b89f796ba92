"""What is in the way of a stream's harvest: each thing in a sentence, with its end and what a person could do."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from harvester.catalogue.hosts import Host
from harvester.catalogue.schedule_view import Asked, TaskView
from harvester.catalogue.task_rows import Registered
from harvester.schedule import phrases

_AT_ONCE = 2.0  # seconds that are no wait


@dataclass(frozen=True, slots=True)
class Scene:
    """What is the same for all streams of the repository."""

    repository: Registered
    now: datetime
    host: Host
    running: bool
    quiet_until: datetime | None
    asked: Sequence[Asked]
    first: tuple[int, str] | None  # the task that the host is asked for next, and its name


class Obstacle(NamedTuple):
    """Something in the way: until when (None: until a person acts), and what a person could do."""

    sentence: str
    until: datetime | None
    you_can: str | None = None


def unscheduled(scene: Scene) -> Obstacle:
    name = scene.repository.name
    if scene.repository.removed:
        sentence = "it was taken out of the schedule"
        return Obstacle(sentence, None, f"`harvester add {name} {scene.repository.base_url}` puts it back")
    if scene.repository.configured:
        sentence = "harvester.toml does not list it among the repository's streams, or was not read since"
        return Obstacle(sentence, None, "see `streams` in harvester.toml; `harvester run` reads the file")
    return Obstacle("no service has seen it yet", None, "start `harvester run`")


def obstacles(scene: Scene, task: TaskView) -> Iterator[Obstacle]:
    name, now, host = scene.repository.name, scene.now, scene.host
    go_on = f"`harvester resume {name}` takes it up again"
    if task.paused:
        yield Obstacle("it is paused", None, go_on)
    if task.held:
        yield Obstacle(f"it waits for a person: {task.held}", task.next_due_at, go_on)
    if not scene.running:
        yield Obstacle("no service is running that would harvest it", None, "start `harvester run`")
    if task.next_due_at is None:
        yield Obstacle("it is never due by itself", None)
    elif task.next_due_at > now:
        due = phrases.moment(task.next_due_at, now)
        if task.failures:
            tries = phrases.counted(task.failures, "time")
            yield Obstacle(
                f"the last try failed, {tries} in a row, so it is tried again only at {due}",
                task.next_due_at,
                go_on,
            )
        else:
            yield Obstacle(f"it is due at {due}", task.next_due_at)
    if host.closed_until is not None and host.closed_until > now:
        until = phrases.moment(host.closed_until, now)
        times = phrases.counted(host.failures, "time")
        yield Obstacle(
            f"{host.name} could not be reached, {times} in a row, and is left alone until {until}",
            host.closed_until,
            f"`harvester resume {name}` asks it at once",
        )
    if host.next_allowed_at is not None and host.wait > _AT_ONCE:
        until = phrases.moment(host.next_allowed_at, now)
        yield Obstacle(
            f"{host.name} wants no request before {until} (Retry-After, or its pace)", host.next_allowed_at
        )
    if scene.quiet_until is not None:
        until = phrases.moment(scene.quiet_until, now)
        yield Obstacle(f"{host.name} has quiet hours until {until}", scene.quiet_until)
    yield from _company(scene, task)


def _company(scene: Scene, task: TaskView) -> Iterator[Obstacle]:
    """What the host is asked for meanwhile."""
    if task.next_due_at is None or task.next_due_at > scene.now or task.paused or task.held:
        return
    if scene.asked:
        other = scene.asked[0]
        stream = phrases.stream(other.set_spec, other.format)
        yield Obstacle(
            f"{scene.host.name} is being asked for {other.name} {stream}, and for one list at a time",
            scene.now,
        )
    elif scene.first is not None and scene.first[0] != task.id:
        yield Obstacle(f"{scene.first[1]} goes first at {scene.host.name}", scene.now)


def following(found: Sequence[Obstacle], task: TaskView, now: datetime) -> tuple[str, datetime | None]:
    if any(each.until is None for each in found):
        return "nothing, until a person acts", None
    at = max((each.until for each in found if each.until), default=now)
    what = "its list goes on" if task.begun_at else "it is harvested"
    if at <= now:
        return f"{what} as soon as a worker is free, within a minute as a rule", now
    return f"{what} at {phrases.moment(at, now)}", at
