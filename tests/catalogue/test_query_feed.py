"""The change feed: whoever follows it has the catalogue, whatever happens meanwhile."""

import threading
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Engine, text

from harvester.catalogue.query import Item, Scope, changed_since, find
from harvester.harvest.harvest import Report, Request, harvest
from harvester.mock import FakeRepository

Harvest = Callable[..., Report]
Key = tuple[str, str, str]


def key(item: Item) -> Key:
    return (item.repository, item.identifier, item.format)


def everything(engine: Engine) -> dict[Key, Item]:
    return {key(item): item for item in find(engine, scope=Scope(deleted=True, all_formats=True))}


def follow(engine: Engine, seq: int = 0, *, limit: int = 50) -> Iterator[tuple[int, list[Item]]]:
    """Go through the feed as it is now: (last seq, items) for each call, until one is empty."""
    while changes := changed_since(engine, seq, limit=limit):
        numbers = [number for number, _ in changes]
        assert numbers == sorted(numbers)
        assert numbers[0] > seq
        seq = numbers[-1]
        yield seq, [item for _, item in changes]


@pytest.mark.parametrize("limit", [1, 7, 100, 1000])
def test_following_the_feed_gives_the_catalogue_each_record_once(
    limit: int, engine: Engine, fake: FakeRepository, run: Harvest
) -> None:
    run(fake)
    for identifier in [each.identifier for each in fake.store.records if not each.deleted][:40:3]:
        fake.store.revise(identifier)
    run(fake)
    items = [item for _, batch in follow(engine, limit=limit) for item in batch]
    assert len(items) == len({key(item) for item in items})
    assert {key(item): item for item in items} == everything(engine)
    assert any(item.deleted for item in items)


def test_a_page_comes_whole_and_at_least_as_many_as_asked_for(
    engine: Engine, fake: FakeRepository, run: Harvest
) -> None:
    run(fake)
    sizes = [len(batch) for _, batch in follow(engine, limit=60)]
    assert sizes == [100, 100, 50]


def test_the_feed_does_not_end_at_pages_whose_records_have_all_changed_since(
    engine: Engine, fake: FakeRepository, run: Harvest
) -> None:
    run(fake)
    for each in fake.store.records:
        if not each.deleted:
            fake.store.revise(each.identifier)
    run(fake, wish=_full())
    items = {key(item): item for _, batch in follow(engine, limit=10) for item in batch}
    assert items == everything(engine)


def _full() -> object:
    from harvester.harvest.plans import Wish

    return Wish(full=True)


def test_only_what_changed_is_told_again(engine: Engine, fake: FakeRepository, run: Harvest) -> None:
    run(fake)
    *_, (seq, _) = follow(engine)
    assert changed_since(engine, seq) == []
    run(fake, wish=_full())
    assert changed_since(engine, seq) == []  # all was read again, nothing had changed
    live = [each.identifier for each in fake.store.records if not each.deleted]
    fake.store.revise(live[0])
    fake.store.delete(live[1])
    fake.store.move(live[2], ["portal_9"])
    run(fake)
    told = {item.identifier: item for _, item in changed_since(engine, seq)}
    assert set(told) == set(live[:3])
    assert told[live[1]].deleted
    assert told[live[2]].sets == ("portal_9",)


def test_no_change_is_missed_while_several_writers_commit(engine: Engine) -> None:
    """Three harvests at once, and a reader who goes on from the last seq seen all the time."""
    repositories = [FakeRepository(records=400, page_size=10, seed=seed).start() for seed in (1, 2, 3)]
    try:
        done = threading.Event()
        failures: list[str] = []

        def write(repository: FakeRepository) -> None:
            for step in range(3):
                report = harvest(engine, Request(repository.url))
                if not report.outcome.startswith("complete"):
                    failures.append(str(report))
                for each in repository.store.records[step::7]:
                    if each.deleted:
                        repository.store.undelete(each.identifier)
                    elif step:
                        repository.store.delete(each.identifier)
                    else:
                        repository.store.revise(each.identifier)

        writers = [threading.Thread(target=write, args=(each,)) for each in repositories]
        for writer in writers:
            writer.start()
        closer = threading.Thread(target=lambda: ([each.join() for each in writers], done.set()))
        closer.start()
        seq, mirror, batches = 0, {}, 0
        while True:
            last = done.is_set()
            for reached, items in follow(engine, seq, limit=15):
                mirror |= {key(item): item for item in items}
                seq, batches = reached, batches + 1
            if last:
                break
        closer.join()
        assert not failures
        assert batches > 40  # it did read while they wrote
        assert mirror == everything(engine)
        assert len(mirror) == 1200
    finally:
        for repository in repositories:
            repository.close()


def test_the_numbers_of_the_feed_are_unique(engine: Engine, fake: FakeRepository, run: Harvest) -> None:
    run(fake)
    with engine.connect() as connection:
        pages = connection.execute(text("SELECT count(*), count(DISTINCT seq) FROM pages")).one()
    assert pages[0] == pages[1] == 3
