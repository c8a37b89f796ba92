"""What a host may be asked next: its tasks out of the catalogue, as the planner takes them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection

from harvester.catalogue import tasks
from harvester.catalogue.hosts import Host
from harvester.catalogue.tasks import Task
from harvester.config import Settings
from harvester.harvest.progress import PageEvent
from harvester.schedule import planner
from harvester.wire import preset_for

_SECONDS_PER_REQUEST = 1.0  # where a host has no pace: how many lists it may have open is reckoned by this


@dataclass(frozen=True, slots=True)
class Candidates:
    """What waits at a host at a moment (the first of each kind), and how many lists are open there."""

    waiting: Sequence[Task]
    begun: int
    seconds_per_request: float
    now: datetime

    @classmethod
    def of(cls, connection: Connection, settings: Settings, host: Host, now: datetime) -> "Candidates":
        """Those of a host, whether or not it may be asked."""
        pace = max(settings.paces.get(host.name, preset_for(host.name).pace), host.pause)
        waiting = tasks.waiting(connection, host.name, now)
        return cls(waiting, tasks.count_begun(connection, host.name), pace or _SECONDS_PER_REQUEST, now)

    def choose(self, *, pressing: bool = False) -> tuple[Task, bool] | None:
        """The task that is next, and whether for one page only; with `pressing` among those whose token is dying."""
        waiting, now = [_waiting(each) for each in self.waiting], self.now.timestamp()
        if pressing:
            choice = planner.pressing(waiting, now)
        else:
            choice = planner.choose(
                waiting, now, begun=self.begun, seconds_per_request=self.seconds_per_request
            )
        if choice is None:
            return None
        return next(each for each in self.waiting if each.id == choice.id), choice.one_page

    def next_deadline(self, mine: Task) -> datetime | None:
        """When the token of another list than this is to be spent."""
        others = [each.spend_by for each in self.waiting if each.id != mine.id and each.spend_by is not None]
        return min(others, default=None)


def _waiting(task: Task) -> planner.Waiting:
    late = task.late_at or task.next_due_at
    begun = task.begun_at is not None
    spend_by, dies_at = _seconds(task.spend_by), _seconds(task.dies_at)
    if task.begun_at is not None and dies_at is None:
        # Begun by a process that died before it told of a token: it may have one.
        since = task.tried_at or task.begun_at
        spend_by, dies_at = planner.deadlines(since.timestamp(), task.token_life)
    return planner.Waiting(task.id, _seconds(late) or 0.0, begun, spend_by, dies_at, task.token_life)


def deadlines(event: PageEvent) -> tuple[datetime | None, datetime | None]:
    """When a list's token is to be spent, and dies; a server that does not tell is taken to keep it for minutes."""
    received, life = event.window.token_received_at, event.window.token_life
    if received is None:
        return None, None
    found = planner.deadlines(received.timestamp(), None if life is None else life.total_seconds())
    return datetime.fromtimestamp(found.spend_by, UTC), datetime.fromtimestamp(found.dies_at, UTC)


def _seconds(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()
