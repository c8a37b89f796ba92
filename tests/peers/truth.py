"""What a harvest has left in the catalogue, compared with what the repository holds."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from held import Held
from same_xml import plain
from sqlalchemy import Engine

from harvester.catalogue.query import Item, Scope, find, metadata_xml
from harvester.harvest.harvest import Report

Go = Callable[..., Report]  # of the fixture `go`
ALL = Scope(deleted=True, all_formats=True)


def catalogue(engine: Engine) -> dict[str, Item]:
    found = list(find(engine, scope=ALL))
    assert len({item.identifier for item in found}) == len(found), "a record is in the catalogue twice"
    return {item.identifier: item for item in found}


def assert_same(engine: Engine, held: Iterable[Held], stream_sets: dict[str, set[str]] | None = None) -> None:
    """The catalogue holds these records and no other. `stream_sets`: sets a record was proven in by a stream of that set."""
    expected = {each.identifier: each for each in held}
    found = catalogue(engine)
    assert found.keys() == expected.keys()
    for identifier, item in found.items():
        each = expected[identifier]
        proven = (stream_sets or {}).get(identifier, set())
        assert (item.deleted, item.datestamp) == (each.deleted, each.datestamp), identifier
        assert (set(item.sets), len(item.sets)) == ({*each.sets} | proven, len({*each.sets} | proven)), (
            identifier
        )
        if each.metadata is not None:
            kept = metadata_xml(engine, item)
            assert kept is not None, identifier
            assert plain(kept) == plain(each.metadata), identifier
            assert item.entry is not None, identifier


def counted(report: Report, **more: int) -> None:
    """The only stream's counters that are not zero; what was asked of a server stands in its own log."""
    counts = report.streams[0].counts
    names = [name for name in counts.__slots__ if name != "requests"]
    named = {name: getattr(counts, name) for name in names if getattr(counts, name)}
    assert named == more


def moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text).astimezone(UTC)
