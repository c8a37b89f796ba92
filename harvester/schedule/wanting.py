"""Which tasks the configuration asks for, and what has to be changed so that the catalogue has these and no others."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from harvester.catalogue import task_rows
from harvester.catalogue.task_rows import Listed, Registered, Scheduled
from harvester.catalogue.tasks import HARVEST, RECONCILE, REFRESH, RETRY, ROLLING
from harvester.config import Every, RepositorySettings, Settings
from harvester.errors import ConfigError
from harvester.harvest.sources import DEFAULT_FORMAT, check_url
from harvester.schedule import phrases
from harvester.schedule.cron import fires
from harvester.wire import host_of

_RETRY_EVERY, _REFRESH_EVERY = 3600.0, 86_400.0
_FIRST_INTERVAL = 86_400.0  # where it is learned, begin with a day
_FEW_HOSTS = 10  # that may begin at once
_PER_HOST, _LONGEST_SPREAD = 1.0, 300.0  # seconds


@dataclass(frozen=True, slots=True)
class When:
    """The present, and chance: `jitter` gives 0.0 to 1.0."""

    now: datetime
    jitter: Callable[[], float]

    def after(self, seconds: float) -> datetime:
        """So many seconds from now."""
        return self.now + timedelta(seconds=seconds)


@dataclass(frozen=True, slots=True)
class Said:
    """What the file says of each repository: found by name or URL, for `Settings.of` looks through the whole of it."""

    settings: Settings
    tables: Sequence[RepositorySettings]  # with their URLs as they are registered
    mistakes: Sequence[str]
    _found: dict[str, list[int]]

    @classmethod
    def read(cls, settings: Settings, only: Collection[str] | None = None) -> "Said":
        """All tables, or those of `only` these names and URLs. A table whose URL cannot be one is left out, and told."""
        tables, mistakes = [], []
        for table in settings.repositories:
            if only is not None and table.name not in only and table.url not in only:
                continue
            try:
                tables.append(table if table.url is None else replace(table, url=_checked(table.url)))
            except ConfigError as error:
                mistakes.append(f"{table.name or 'a repository without a name'} is left out: {error}")
        found = defaultdict(list)
        for number, table in enumerate(tables):
            for key in {table.name, table.url} - {None}:
                found[str(key)].append(number)
        return cls(replace(settings, repositories=()), tables, mistakes, dict(found))

    def of(self, repository: Registered) -> RepositorySettings:
        """The effective settings; `every` is the file's, else what `harvester add` was told, else of [defaults]."""
        numbers = {*self._found.get(repository.name, ()), *self._found.get(repository.base_url, ())}
        tables = tuple(self.tables[number] for number in sorted(numbers))
        found = replace(self.settings, repositories=tables).of(repository.name, repository.base_url)
        if repository.every is None or any(each.every for each in tables):
            return found
        return replace(found, every=Every(**repository.every))


def _checked(url: str) -> str:
    checked = check_url(url)
    host_of(checked)
    return checked


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A task as it should be."""

    repository: Registered
    stream: Listed | None
    kind: str
    host: str
    every: Every

    @property
    def key(self) -> tuple[int, int | None, str]:
        return self.repository.id, self.stream.id if self.stream else None, self.kind


def schedule(connection: Connection, said: Said, when: When, ids: Collection[int] | None = None) -> list[str]:
    """Give repositories (None: all) the tasks that are asked for, and no others; what changed, in sentences.

    Streams that the file lists are registered. The caller holds `task_rows.lock`.
    """
    known = task_rows.registered(connection, ids)
    of = {each.id: said.of(each) for each in known}
    task_rows.add_streams(connection, _missing_streams(connection, known, of, ids))
    streams: dict[int, list[Listed]] = defaultdict(list)
    for each in task_rows.listed(connection, ids):
        streams[each.repository_id].append(each)
    there = {
        (each.repository_id, each.stream_id, each.kind): each for each in task_rows.rhythms(connection, ids)
    }
    wanted = {
        task.key: task
        for each in known
        if each.removed is False
        for task in _tasks(each, of[each.id], streams[each.id])
    }
    gone = [each for key, each in there.items() if key not in wanted]
    changed = [task for key, task in wanted.items() if key in there and not _same(there[key], task)]
    new = [task for key, task in wanted.items() if key not in there]
    task_rows.drop(connection, [each.id for each in gone])
    task_rows.change(connection, [_row(each, when, there[each.key]) for each in changed])
    task_rows.insert(connection, _new_rows(new, when, {each.id for each in known if each.paused}))
    told = [*_told_new(new), *_told_changed(changed), *_told_gone(gone, known, streams)]
    return list(phrases.first(told, "changes of the kind"))


def _missing_streams(
    connection: Connection,
    known: Sequence[Registered],
    of: dict[int, RepositorySettings],
    ids: Collection[int] | None,
) -> list[tuple[int, str, str]]:
    """Streams that the file lists, and the whole repository as Dublin Core where it lists none and none is registered."""
    there = {(each.repository_id, each.set_spec, each.format) for each in task_rows.listed(connection, ids)}
    with_streams = {each[0] for each in there}
    wanted = [
        (each.id, stream.set or "", stream.format)
        for each in known
        if not each.removed
        for stream in of[each.id].streams
    ]
    wanted += [
        (each.id, "", DEFAULT_FORMAT)
        for each in known
        if each.configured and not of[each.id].streams and each.id not in with_streams
    ]
    return [each for each in wanted if each not in there]


def _tasks(repository: Registered, of: RepositorySettings, streams: Sequence[Listed]) -> Iterator[_Wanted]:
    """What a repository's streams and the repository itself need."""
    host = host_of(repository.base_url)
    listed = {(each.set or "", each.format): each for each in of.streams}
    kept = [each for each in streams if (each.set_spec, each.format) in listed]
    # Streams that nobody listed are those of sets that were found since.
    chosen = kept if listed and of.new_sets != "harvest" else streams
    every = of.every or Every()
    for stream in chosen:
        said = listed.get((stream.set_spec, stream.format))
        yield _Wanted(repository, stream, HARVEST, host, (said and said.every) or every)
        for kind, seconds in ((ROLLING, of.rolling), (RECONCILE, of.reconcile)):
            if seconds:
                yield _Wanted(repository, stream, kind, host, Every(seconds, seconds))
    if chosen:
        yield _Wanted(repository, None, RETRY, host, Every(_RETRY_EVERY, _RETRY_EVERY))
        yield _Wanted(repository, None, REFRESH, host, Every(_REFRESH_EVERY, _REFRESH_EVERY))


def _same(there: Scheduled, task: _Wanted) -> bool:
    return there.host == task.host and Every(there.least, there.most, there.cron, there.zone) == task.every


def _row(task: _Wanted, when: When, there: Scheduled | None = None) -> dict[str, Any]:
    """A task's columns: due at once, by cron when that fires; a new one of another kind than a harvest some time later."""
    every = task.every
    row = {
        "id": there.id if there else None,
        "repository_id": task.repository.id,
        "stream_id": task.stream.id if task.stream else None,
        "kind": task.kind,
        "host": task.host,
        "cron": every.cron,
        "zone": every.zone,
        "least": every.least,
        "most": every.most,
    }
    if every.cron is not None:
        first = fires(every.cron, every.zone, when.now)
        gap = (fires(every.cron, every.zone, first) - first).total_seconds()
        return row | {"interval": _within(gap, every), "due": first, "half": gap / 2}
    interval = _within(_FIRST_INTERVAL, every)
    if there is not None:
        return row | {"due": when.after(min(max(there.interval, every.least), every.most)), "half": None}
    wait = 0.0 if task.kind == HARVEST else when.jitter() * interval
    return row | {"interval": interval, "due": when.after(wait), "half": interval / 2}


def _within(seconds: float, every: Every) -> float:
    return min(max(seconds, every.least), every.most)


def _new_rows(new: Sequence[_Wanted], when: When, paused: set[int]) -> list[dict[str, Any]]:
    """New tasks; many hosts begin within some minutes and not in one second. What joins a paused repository is paused."""
    hosts = sorted({task.host for task in new if task.kind == HARVEST})
    spread = 0.0 if len(hosts) <= _FEW_HOSTS else min(_PER_HOST * len(hosts), _LONGEST_SPREAD)
    waits = {host: timedelta(seconds=spread * when.jitter()) for host in hosts}
    rows = []
    for task in new:
        row = _row(task, when) | {"paused": task.repository.id in paused}
        if task.kind == HARVEST and task.every.cron is None:
            row["due"] += waits[task.host]
        rows.append(row)
    return rows


def _told_new(new: Sequence[_Wanted]) -> Iterator[str]:
    begun: dict[str, list[str]] = defaultdict(list)
    for task in new:
        if task.kind == HARVEST and task.stream is not None:
            begun[phrases.often(task.every)].append(_name(task))
    for often, names in begun.items():
        yield f"harvested from now on, {often}: {phrases.several(names)}"


def _told_changed(changed: Sequence[_Wanted]) -> Iterator[str]:
    said: dict[tuple[str, str], list[str]] = defaultdict(list)
    for task in changed:
        said[task.kind, phrases.often(task.every)].append(_name(task))
    for (kind, often), names in said.items():
        yield f"{kind} is done {often} from now on: {phrases.several(names)}"


def _told_gone(
    gone: Sequence[Scheduled], known: Sequence[Registered], streams: dict[int, list[Listed]]
) -> Iterator[str]:
    names = {each.id: each.name for each in known if not each.removed}
    labels = {
        each.id: phrases.stream(each.set_spec, each.format) for all_ in streams.values() for each in all_
    }
    ended: dict[str, list[str]] = defaultdict(list)
    for each in gone:
        if each.repository_id in names and each.stream_id is not None:
            ended[each.kind].append(f"{names[each.repository_id]} {labels[each.stream_id]}")
    for kind, said in ended.items():
        yield f"{kind} is no longer done by itself, as configured; what is there stays: {phrases.several(said)}"


def _name(task: _Wanted) -> str:
    if task.stream is None:
        return task.repository.name
    return f"{task.repository.name} {phrases.stream(task.stream.set_spec, task.stream.format)}"
