"""Clients that others wrote walk the fake repository and see exactly its store: the fake tells the truth.

Sickle 0.7.0 parses with `recover=True` and scythe 0.16.0 does too, so neither would notice broken XML; what they prove is
that the protocol is spoken as others understand it.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
import sickle
import sickle.oaiexceptions
from lxml import etree
from same_xml import plain

from harvester.mock import FakeRepository, Record

OAI = "{http://www.openarchives.org/OAI/2.0/}"
Seen = tuple[str, str, list[str], bool]


class SicklePeer:
    """Sickle as it is: stock iterator, stock requests."""

    errors = sickle.oaiexceptions

    def __init__(self, url: str) -> None:
        self._app = sickle.Sickle(url, timeout=10)

    def records(self, **arguments: str) -> Iterator[Any]:
        return self._app.ListRecords(**{"metadataPrefix": "oai_dc"} | arguments)  # type: ignore[no-any-return]

    def identifiers(self, **arguments: str) -> Iterator[Any]:
        return self._app.ListIdentifiers(**{"metadataPrefix": "oai_dc"} | arguments)  # type: ignore[no-any-return]

    def resume(self, token: str) -> Iterator[Any]:
        return self._app.ListRecords(resumptionToken=token)  # type: ignore[no-any-return]

    def sets(self) -> list[str]:
        return [each.setSpec for each in self._app.ListSets()]

    def record(self, identifier: str, prefix: str = "oai_dc") -> Any:
        return self._app.GetRecord(identifier=identifier, metadataPrefix=prefix)

    def identify(self) -> Any:
        return self._app.Identify()

    def close(self) -> None:
        """Sickle keeps nothing open."""


class ScythePeer:
    """oaipmh-scythe, which keeps its connection alive and takes gzip."""

    def __init__(self, url: str) -> None:
        scythe = pytest.importorskip(
            "oaipmh_scythe", reason="oaipmh-scythe is not installed (it comes with make bench)"
        )
        self.errors = pytest.importorskip("oaipmh_scythe.exceptions")
        self._app = scythe.Scythe(url)

    def records(self, **arguments: str) -> Iterator[Any]:
        return self._app.list_records(**_pythonic(arguments))  # type: ignore[no-any-return]

    def identifiers(self, **arguments: str) -> Iterator[Any]:
        return self._app.list_identifiers(**_pythonic(arguments))  # type: ignore[no-any-return]

    def resume(self, token: str) -> Iterator[Any]:
        return self._app.list_records(resumption_token=token)  # type: ignore[no-any-return]

    def sets(self) -> list[str]:
        return [each.setSpec for each in self._app.list_sets()]

    def record(self, identifier: str, prefix: str = "oai_dc") -> Any:
        return self._app.get_record(identifier, prefix)

    def identify(self) -> Any:
        return self._app.identify()

    def close(self) -> None:
        self._app.close()


def _pythonic(arguments: dict[str, str]) -> dict[str, str]:
    names = {"from": "from_", "set": "set_", "metadataPrefix": "metadata_prefix"}
    return {names.get(name, name): value for name, value in arguments.items()}


Peer = SicklePeer | ScythePeer
Connect = Callable[[FakeRepository], Peer]


@pytest.fixture(params=[SicklePeer, ScythePeer], ids=["sickle", "scythe"])
def connect(request: pytest.FixtureRequest) -> Iterator[Connect]:
    """Point one of the clients at a repository."""
    made: list[Peer] = []

    def go(repository: FakeRepository) -> Peer:
        made.append(request.param(repository.url))
        return made[-1]

    yield go
    for each in made:
        each.close()


def held(record: Record, *, days: bool = False) -> Seen:
    stamp = record.datestamp.strftime("%Y-%m-%d" if days else "%Y-%m-%dT%H:%M:%SZ")
    return record.identifier, stamp, list(record.sets), record.deleted


def seen(header: Any) -> Seen:
    return header.identifier, header.datestamp, header.setSpecs, header.deleted


def assert_seen(found: Iterable[Any], records: Iterable[Record], *, days: bool = False) -> None:
    """Record by record, in the store's order, and the metadata as canonical XML."""
    walked, expected = list(found), list(records)
    assert [seen(each.header) for each in walked] == [held(each, days=days) for each in expected]
    for peer, record in zip(walked, expected, strict=True):
        inner = peer.xml.find(f"{OAI}metadata")
        assert (inner is None) == record.deleted
        if record.metadata is not None:
            assert len(inner) == 1
            assert plain(etree.tostring(inner[0], with_tail=False)) == plain(record.metadata), (
                record.identifier
            )


@pytest.mark.parametrize("style", ["offset", "scroll"])
def test_a_whole_walk_sees_the_whole_store(style: Any, connect: Connect) -> None:
    with FakeRepository(records=250, page_size=100, token_style=style) as fake:
        assert_seen(connect(fake).records(), fake.store.records)
        assert len(fake.requests("ListRecords")) == 3
        assert any(record.deleted for record in fake.store.records)


def test_tokens_of_any_text_come_back_whole(connect: Connect) -> None:
    with FakeRepository(records=30, page_size=10) as fake:
        fake.misbehave("awkward_token")
        assert_seen(connect(fake).records(), fake.store.records)
        assert {access.fault for access in fake.requests("ListRecords")[:-1]} == {"awkward_token"}


def test_identifiers_are_those_of_the_store(connect: Connect, fake: FakeRepository) -> None:
    walked = [seen(header) for header in connect(fake).identifiers()]
    assert walked == [held(record) for record in fake.store.records]


def test_every_set_holds_its_members_and_those_beneath(connect: Connect) -> None:
    with FakeRepository(records=120, page_size=7) as fake:
        peer = connect(fake)
        assert peer.sets() == fake.store.sets()
        chosen = [spec for spec in fake.store.sets() if spec.startswith(("portal_1", "item_type_3"))]
        assert any(":" in spec for spec in chosen)
        for spec in chosen:
            assert_seen(peer.records(set=spec), [each for each in fake.store.records if each.belongs(spec)])


@pytest.mark.parametrize("granularity", ["seconds", "days"])
def test_a_range_of_dates_is_inclusive_at_both_ends(granularity: Any, connect: Connect) -> None:
    days = granularity == "days"
    with FakeRepository(records=60, page_size=10, granularity=granularity) as fake:
        stamps = sorted(held(record, days=days)[1] for record in fake.store.records)
        from_, until = stamps[15], stamps[44]
        inside = [each for each in fake.store.records if from_ <= held(each, days=days)[1] <= until]
        assert len(inside) >= 30
        assert_seen(connect(fake).records(**{"from": from_, "until": until}), inside, days=days)


def test_changes_show_at_once(connect: Connect, fake: FakeRepository) -> None:
    peer = connect(fake)
    alive = [record.identifier for record in fake.store.records if not record.deleted]
    added = fake.store.add(2)
    fake.store.revise(alive[0])
    fake.store.delete(alive[1])
    fake.store.vanish(alive[2])
    assert_seen(peer.records(), fake.store.records)
    for identifier in (added[0], alive[0], alive[1]):
        assert_seen([peer.record(identifier)], [fake.store[identifier]])


def test_identify_says_what_was_asked_for(connect: Connect) -> None:
    with FakeRepository(records=5, granularity="days", deleted_record="transient") as fake:
        said = connect(fake).identify()
        assert (said.baseURL, said.protocolVersion) == (fake.url, "2.0")
        assert (said.granularity, said.deletedRecord) == ("YYYY-MM-DD", "transient")
        assert said.earliestDatestamp == fake.store.earliest().strftime("%Y-%m-%d")


def test_errors_have_the_codes_that_others_know(connect: Connect, fake: FakeRepository) -> None:
    peer = connect(fake)
    errors = peer.errors
    with pytest.raises(errors.NoRecordsMatch):
        list(peer.records(set="portal_999"))
    with pytest.raises(errors.CannotDisseminateFormat):
        list(peer.records(metadataPrefix="marc21"))
    with pytest.raises(errors.BadArgument):
        list(peer.records(**{"from": "yesterday"}))
    with pytest.raises(errors.BadResumptionToken):
        list(peer.resume("no token of yours"))
    with pytest.raises(errors.IdDoesNotExist):
        peer.record("oai:repository.example.org:article/9999")


def test_a_repository_without_sets_says_so(connect: Connect) -> None:
    with FakeRepository(records=5, with_sets=False) as fake:
        peer = connect(fake)
        with pytest.raises(peer.errors.NoSetHierarchy):
            peer.sets()


def test_a_token_that_died_is_refused_in_the_middle_of_a_walk(connect: Connect) -> None:
    with FakeRepository(records=30, page_size=10) as fake:
        fake.misbehave("token_refused")
        peer = connect(fake)
        walk = peer.records()
        got = [next(walk) for _ in range(10)]
        assert_seen(got, fake.store.records[:10])
        with pytest.raises(peer.errors.BadResumptionToken):
            next(walk)
