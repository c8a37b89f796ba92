"""What the configuration file names comes under the schedule, and what it no longer names leaves it; records stay."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, Engine

from harvester.catalogue import ledger, task_rows
from harvester.catalogue.connection import translated
from harvester.catalogue.task_rows import Registered
from harvester.config import RepositorySettings, Settings
from harvester.errors import ConfigError
from harvester.harvest.sources import name_for, not_registered
from harvester.schedule import phrases
from harvester.schedule.wanting import Said, When, schedule
from harvester.wire import host_of


def follow(
    engine: Engine,
    settings: Settings,
    now: datetime,
    jitter: Callable[[], float] = random.random,
    *,
    changed: bool = True,
) -> list[str]:
    """Bring repositories, streams and tasks in step with the configuration and with what is registered; what changed, in sentences.

    Repositories that the file names are registered without being asked; one that it gives another URL moves there; one that
    it no longer names loses its tasks and nothing else. `jitter` is 0.0 to 1.0. Where the configuration is the same as
    at the last call (`changed` is False), only streams that came otherwise are looked for, at next to no cost.
    Raises CatalogueError.
    """
    with translated(), engine.begin() as connection:
        task_rows.lock(connection)
        when = When(now, jitter)
        if not changed:
            ids = task_rows.unscheduled(connection)
            if not ids:
                return []
            known = task_rows.registered(connection, ids)
            only = {each.name for each in known} | {each.base_url for each in known}
            return schedule(connection, Said.read(settings, only), when, ids)
        said = Said.read(settings)
        return [*said.mistakes, *_take_in(connection, said, now), *schedule(connection, said, when)]


@dataclass(slots=True)
class _Change:
    """What the file asks for, while it is read table by table; what is written first wins."""

    by_name: dict[str, Registered]
    by_url: dict[str, Registered]
    named: dict[str, str | None]  # the URLs that the file gives to names, the first of each
    taken: set[str]  # names that are not free
    claimed: dict[int, str] = field(default_factory=dict)  # the names of repositories that the file names
    new: dict[str, str] = field(default_factory=dict)  # names by URL
    moved: dict[int, tuple[str, str]] = field(default_factory=dict)  # URL and host
    renamed: dict[int, str] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)

    def take(self, table: RepositorySettings) -> None:
        """One [[repository]]."""
        name, url = table.name, table.url
        if url is None:
            self._without_url(name or "")
        elif name is not None and self.named[name] not in (None, url):
            first = self.named[name]
            self.told.append(f"'{name}' has two addresses in harvester.toml: {first} is taken, {url} is not")
        elif name is not None and name in self.by_name:
            self._claim(self.by_name[name], name, url)
        elif url in self.by_url and self._stays(self.by_url[url]):
            self._claim(self.by_url[url], name or self.by_url[url].name, url)
        elif url in self.new:
            self._twice(name, self.new[url], url)
        else:
            self.new[url] = name or name_for(url, self.taken)
            self.taken.add(self.new[url])

    def _stays(self, found: Registered) -> bool:
        """Whether it keeps its address; the file may give it another."""
        return self.named.get(found.name) in (None, found.base_url)

    def _without_url(self, name: str) -> None:
        """It qualifies what was registered otherwise; what the file registered stays its own."""
        if name in self.by_name and self.by_name[name].configured:
            self.claimed.setdefault(self.by_name[name].id, name)
        elif name not in self.taken:
            self.told.append(
                f"harvester.toml names '{name}' without its url, and no repository is registered as that"
            )

    def _claim(self, found: Registered, name: str, url: str) -> None:
        first = self.claimed.setdefault(found.id, found.name if found.name in self.named else name)
        if first != name:
            self._twice(name, first, url)
            return
        if name != found.name and found.id not in self.renamed:
            self.renamed[found.id] = name
            self.told.append(f"'{found.name}' is called '{name}' from now on, as harvester.toml says")
        if url != found.base_url and found.id not in self.moved:
            self.moved[found.id] = (url, host_of(url))
            other = self.by_url.get(url)
            shared = other is not None and self._stays(other)
            self.told.append(
                f"'{name}' has moved from {found.base_url} to {url}, as harvester.toml says: it is asked there from now on, "
                "its records stay" + (f"; '{other.name}' has the same address" if other and shared else "")
            )

    def _twice(self, name: str | None, first: str, url: str) -> None:
        if name not in (None, first):
            self.told.append(f"'{name}' is left out: it has the address of '{first}', {url}")


def _take_in(connection: Connection, said: Said, now: datetime) -> Iterator[str]:
    """Register, move, rename and take out repositories, as the file says."""
    known = task_rows.registered(connection)
    named = {each.name: each.url for each in reversed(said.tables) if each.name}
    named |= {each.name: each.url for each in reversed(said.tables) if each.name and each.url}
    change = _Change(
        {each.name: each for each in known},
        {each.base_url: each for each in reversed(known)},
        named,
        {each.name for each in known} | {each.name for each in said.tables if each.name and each.url},
    )
    for table in said.tables:
        change.take(table)
    task_rows.rename(connection, change.renamed)
    task_rows.move(connection, change.moved, now)
    task_rows.add_repositories(connection, [(name, url) for url, name in change.new.items()])
    yield from phrases.first(change.told, "that are renamed, have moved or are left out")
    new = set(change.new.values())
    if new:
        yield f"registered, as harvester.toml says: {phrases.several(list(change.new.values()))}"
    ours = {
        each.id
        for each in task_rows.registered(connection)
        if (each.name in new or each.id in change.claimed) and (each.removed or not each.configured)
    }
    task_rows.note(connection, ours, configured=True, removed_at=None, every=None)
    gone = [each for each in known if each.configured and each.id not in change.claimed]
    yield from _take_out(connection, said, gone, now)


def _take_out(connection: Connection, said: Said, gone: list[Registered], now: datetime) -> Iterator[str]:
    names = phrases.several([each.name for each in gone])
    if gone and said.settings.path is None:
        # Started in another folder, perhaps: hundreds of repositories must not be dropped for want of a file.
        yield f"no harvester.toml was found, so what it has named goes on: {names}"
    elif gone:
        task_rows.note(connection, [each.id for each in gone], configured=False, removed_at=now)
        yield (
            f"harvester.toml no longer names {names}: not harvested by itself any more; records, streams and history stay"
        )


def pause(
    engine: Engine,
    name: str,
    settings: Settings | None = None,
    *,
    now: datetime,
    jitter: Callable[[], float] = random.random,
) -> str:
    """Leave a repository alone until `resume`; streams that join it later are paused, too. What is asked just now is finished.

    Raises ConfigError for a name that nobody has registered.
    """
    with translated(), engine.begin() as connection:
        task_rows.lock(connection)
        found = _find(connection, name)
        if not found.removed:
            # One that the service has not seen yet has no tasks that could be paused.
            schedule(connection, Said.read(settings or Settings()), When(now, jitter), [found.id])
        if task_rows.pause(connection, found.id):
            return f"'{name}' is paused: nothing of it is harvested by itself until `harvester resume {name}`"
        there = task_rows.rhythms(connection, [found.id])
    if there:
        return f"'{name}' was paused already"
    return f"'{name}' is not harvested by itself anyway"


def resume(engine: Engine, name: str, *, now: datetime) -> str:
    """Take up again what was paused, held or left alone after failures. Raises ConfigError for a name that nobody has registered."""
    with translated(), engine.begin() as connection:
        task_rows.lock(connection)
        found = _find(connection, name)
        number = task_rows.resume(connection, found.id, now)
    if number:
        return f"'{name}' goes on"
    return f"nothing of '{name}' was paused, held or failing"


def remove(engine: Engine, name: str, settings: Settings | None = None, *, now: datetime) -> str:
    """Take a repository out of the schedule; records, streams and history stay.

    Raises ConfigError for a name that nobody has registered, and for one that the file names: there it would come back from.
    """
    with translated(), engine.begin() as connection:
        task_rows.lock(connection)
        found = _find(connection, name)
        if _named_by_file(found, settings):
            raise ConfigError(f"harvester.toml names '{name}': take it out there")
        if found.removed:
            return f"'{name}' was taken out of the schedule already"
        task_rows.drop(connection, [each.id for each in task_rows.rhythms(connection, [found.id])])
        task_rows.note(connection, [found.id], configured=False, paused=False, removed_at=now)
    return f"'{name}' is not harvested by itself any more; its records, streams and history stay"


def _find(connection: Connection, name: str) -> Registered:
    found = ledger.find_repository(connection, name)
    if found is None:
        raise not_registered(name)
    return task_rows.registered(connection, [found.id])[0]


def _named_by_file(found: Registered, settings: Settings | None) -> bool:
    """By the file that is here; where there is none, by the one that the service has read."""
    if settings is None or settings.path is None:
        return found.configured
    return any(
        table.url is not None and (table.name == found.name or table.url == found.base_url)
        for table in settings.repositories
    )
