"""Repositories that a person adds: one, or hundreds out of a list, in one transaction and without asking any of them."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from itertools import product

from sqlalchemy import Connection, Engine

from harvester.catalogue import task_rows
from harvester.catalogue.connection import translated
from harvester.catalogue.task_rows import Registered
from harvester.config import Every, Settings
from harvester.errors import ConfigError
from harvester.harvest.sources import DEFAULT_FORMAT, check_argument, check_name, check_url, name_for
from harvester.schedule.wanting import Said, When, schedule
from harvester.wire import host_of


@dataclass(frozen=True, slots=True)
class Wanted:
    """A repository to be added; without sets and formats the whole of it as Dublin Core, or what is registered already.

    `every` is None where it is as in [defaults]. `imported`: out of a list, whose addresses were perhaps read by nobody.
    """

    url: str
    name: str | None = None
    sets: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()
    every: Every | None = None
    imported: bool = False


@dataclass(frozen=True, slots=True)
class Added:
    """What became of it: its name and base URL, `new` where it was not registered; or why it was left out."""

    wanted: Wanted
    name: str | None = None
    base_url: str | None = None
    new: bool = False
    mistake: str | None = None


def add(
    engine: Engine,
    settings: Settings,
    wanted: Sequence[Wanted],
    now: datetime,
    jitter: Callable[[], float],
) -> list[Added]:
    """Register repositories and their streams and put them under the schedule, all or (CatalogueError) none; in their order.

    One that is registered under this name, or without a name given under any, is put under the schedule again, with these streams as well.
    """
    with translated(), engine.begin() as connection:
        task_rows.lock(connection)
        said = Said.read(settings)
        register = _Register.of(connection, said)
        found = [register.take(each) for each in wanted]
        task_rows.add_repositories(connection, [(name, url) for url, name in register.new.items()])
        known = {(each.name, each.base_url): each for each in task_rows.registered(connection)}
        found = [_overtaken(each) if each.name and _key(each) not in known else each for each in found]
        taken = [(each.wanted, known[_key(each)]) for each in found if each.name]
        ids = {repository.id for _, repository in taken}
        task_rows.note(connection, ids, removed_at=None)
        listed = {one.id for wanted, one in taken if wanted.imported and one.base_url in register.new}
        task_rows.note(connection, listed, imported=True)
        task_rows.note(connection, {one.id for wanted, one in taken if not wanted.imported}, imported=False)
        for every in {one.every for one, _ in taken if one.every is not None}:
            mine = {repository.id for one, repository in taken if one.every == every}
            task_rows.note(connection, mine, every=asdict(every))
        task_rows.add_streams(connection, _streams(connection, taken))
        schedule(connection, said, When(now, jitter), ids)
    return found


def _key(added: Added) -> tuple[str, str]:
    return added.name or "", added.base_url or ""


def _overtaken(added: Added) -> Added:
    """A harvest that registers a repository does so without our lock."""
    return Added(added.wanted, mistake=f"the name '{added.name}' was taken just now: choose another")


@dataclass(slots=True)
class _Register:
    """Names and URLs that are taken, in the catalogue, by the file, and by what came before in the list."""

    by_name: dict[str, str]
    by_url: dict[str, str]
    names: set[str]
    configured: dict[str, str]  # names by name and by URL
    new: dict[str, str] = field(default_factory=dict)  # names by URL
    rhythms: dict[str, Every] = field(default_factory=dict)  # by URL

    @classmethod
    def of(cls, connection: Connection, said: Said) -> "_Register":
        known = task_rows.registered(connection)
        named = {
            str(key): each.name or str(each.url)
            for each in said.tables
            if each.url is not None
            for key in (each.name, each.url)
            if key
        }
        named |= {key: each.name for each in known if each.configured for key in (each.name, each.base_url)}
        return cls(
            {each.name: each.base_url for each in known},
            {each.base_url: each.name for each in reversed(known)},
            {each.name for each in known},
            named,
        )

    def take(self, wanted: Wanted) -> Added:
        try:
            name, url, new = self._take(wanted)
        except ConfigError as error:
            return Added(wanted, mistake=str(error))
        if wanted.every is not None and self.rhythms.setdefault(url, wanted.every) != wanted.every:
            return Added(
                wanted, mistake=f"{url} was given another rhythm before, and all its streams have one"
            )
        return Added(wanted, name, url, new)

    def _take(self, wanted: Wanted) -> tuple[str, str, bool]:
        url, name = check_url(wanted.url), wanted.name
        host_of(url)
        for spec in wanted.sets:
            if spec:
                check_argument(spec, "set")
        for format_ in wanted.formats:
            check_argument(format_, "format")
        if name is not None:
            check_name(name)
        for key in (name, url):
            if key in self.configured:
                raise ConfigError(
                    f"harvester.toml names '{self.configured[str(key)]}' already: change it there"
                )
        if url in self.by_url and name in (None, self.by_url[url]):
            return self.by_url[url], url, False
        if url in self.by_url:
            raise ConfigError(f"{url} is registered as '{self.by_url[url]}' already")
        if name in self.by_name:
            raise ConfigError(f"the name '{name}' is taken by {self.by_name[str(name)]}: choose another")
        if name is None:
            name = name_for(url, self.names)
        self.by_name[name], self.by_url[url], self.new[url] = url, name, name
        self.names.add(name)
        return name, url, True


def _streams(
    connection: Connection, taken: Sequence[tuple[Wanted, Registered]]
) -> list[tuple[int, str, str]]:
    """As typed; where nothing was typed and none is registered, all of it as Dublin Core."""
    typed = [
        (repository.id, spec, format_)
        for wanted, repository in taken
        if wanted.sets or wanted.formats
        for spec, format_ in product(wanted.sets or ("",), wanted.formats or (DEFAULT_FORMAT,))
    ]
    there = {each.repository_id for each in task_rows.listed(connection, {one.id for _, one in taken})}
    there |= {each[0] for each in typed}
    return typed + [(one.id, "", DEFAULT_FORMAT) for _, one in taken if one.id not in there]
