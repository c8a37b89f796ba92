"""The oracle: what the catalogue must hold, read from the fake repository's store, compared record by record."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from lxml import etree
from sqlalchemy import Engine, select

from harvester.catalogue import query
from harvester.catalogue.kept_xml import unpack
from harvester.catalogue.status import status
from harvester.catalogue.tables import records, repositories
from harvester.mock import FakeRepository, Record

EVERYTHING = query.Scope(deleted=True, all_formats=True)


@dataclass(frozen=True, slots=True)
class Held:
    """A record as both sides have it; `xml` is canonical, None for a deleted record."""

    identifier: str
    datestamp: str
    sets: frozenset[str]
    deleted: bool
    xml: str | None


def canonical(xml: bytes) -> str:
    """Canonical XML 2.0: namespaces declared and never used do not count."""
    return str(etree.canonicalize(etree.fromstring(xml)))


def stored(
    fake: FakeRepository, which: Callable[[Record], bool] = lambda _: True, proven: Iterable[str] = ()
) -> dict[str, Held]:
    """The store, or the part of it that was asked for; `proven` are the sets that were harvested by name."""
    form = "%Y-%m-%d" if fake.granularity == "days" else "%Y-%m-%dT%H:%M:%SZ"
    return {
        record.identifier: Held(
            record.identifier,
            record.datestamp.strftime(form),
            frozenset(record.sets).union(proven),
            record.deleted,
            None if record.metadata is None else canonical(record.metadata),
        )
        for record in fake.store.records
        if which(record)
    }


def held(engine: Engine, repository: str) -> dict[str, Held]:
    """What the catalogue has of a repository, found by its own query module."""
    found = list(query.find(engine, f"repository:{repository}", scope=EVERYTHING))
    mine = select(repositories.c.id).where(repositories.c.name == repository).scalar_subquery()
    columns = (records.c.item_key, records.c.xml, records.c.dictionary_id)
    with engine.connect() as connection:
        kept = connection.execute(select(*columns).where(records.c.repository_id == mine)).all()
        kept = [row for row in kept if row.xml is not None]
        plain = unpack(connection, [(row.xml, row.dictionary_id) for row in kept])
    xml = {row.item_key: canonical(each) for row, each in zip(kept, plain, strict=True)}
    return {
        item.identifier: Held(
            item.identifier,
            item.datestamp,
            frozenset(item.sets),
            item.deleted,
            None if item.deleted else xml[item.place[0]],
        )
        for item in found
    }


def differences(
    expected: dict[str, Held], found: dict[str, Held]
) -> dict[str, tuple[Held | None, Held | None]]:
    """Per identifier what the store has and what the catalogue has, where they differ."""
    both = {each: (expected.get(each), found.get(each)) for each in sorted(expected.keys() | found.keys())}
    return {each: pair for each, pair in both.items() if pair[0] != pair[1]}


def assert_same(engine: Engine, fake: FakeRepository, repository: str) -> None:
    """The catalogue is the store, and its roll-up counts agree with it."""
    wrong = differences(stored(fake), held(engine, repository))
    assert not wrong, f"{len(wrong)} records differ, the first: {next(iter(wrong.items()))}"
    live = sum(not each.deleted for each in fake.store.records)
    assert tallies(engine, repository) == (live, len(fake.store) - live)


def tallies(engine: Engine, repository: str) -> tuple[int, int]:
    """(live, deleted) as the roll-ups have them, without a set."""
    with engine.connect() as connection:
        shown = status(connection, repository)["totals"]
    return shown["records"], shown["deleted"]
