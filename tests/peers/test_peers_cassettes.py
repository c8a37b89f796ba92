"""Exchanges whose shape matters, replayed by vcrpy: hand-written after what well-known repositories answer.

What a replay proves and what not: vcr swaps urllib3's `ConnectionCls`, and `wire.transport.Adapter` puts its own connection
only where it finds urllib3's, so under vcr no socket is opened, no name resolved, and the guard, the watch and the TLS
context have no part. Everything above the connection is ours: URL, lane, body, the parser, the walk, the catalogue. The
connection itself is tested with real sockets in tests/wire.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, NoReturn

import pytest
import vcr
from sqlalchemy import Engine, text
from vcr.cassette import Cassette
from vcr.errors import CannotOverwriteExistingCassetteException

from harvester.catalogue.query import Scope, find
from harvester.errors import TokenExpired
from harvester.harvest.harvest import Report, Request, harvest
from harvester.oai.repository import Repository
from harvester.wire import Client, Patience

FOLDER = Path(__file__).with_name("cassettes")
ZENODO_LIKE = "https://records.example.org/oai2d"
FIGSHARE_LIKE = "https://figures.example.org/v2/oai"
DSPACE_LIKE = "https://dspace.example.org/server/oai/request"
ALL = Scope(deleted=True, all_formats=True)


@contextmanager
def replaying(name: str, *, unasked: int = 0) -> Iterator[Cassette]:
    """Replay a cassette: each answer once, for exactly its URL; at its end all answers but `unasked` must have been asked for."""
    path = str(FOLDER / f"{name}.yaml")
    # vcr's usual matching decodes the query and sorts it: it would not see a token that is encoded twice, or not at all
    with vcr.use_cassette(path, record_mode="none", match_on=["method", "uri"]) as cassette:
        yield cassette
        assert cassette.play_count == len(cassette) - unasked, (
            "the cassette holds answers that nobody asked for"
        )


def unresolved(host: str, _port: int) -> NoReturn:
    raise AssertionError(
        f"the name {host} was to be resolved: the replay does not stand between us and the network"
    )


@contextmanager
def asking(url: str) -> Iterator[Repository]:
    patience = Patience(sleep=lambda _: None)
    with Client(contact=None, patience=patience, resolve=unresolved) as client:
        yield Repository(url, client, patience)


def go(engine: Engine, url: str, **more: Any) -> Report:
    return harvest(engine, Request(url, **more))


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.stem)
def test_cassettes_are_short_scrubbed_and_of_invented_hosts(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) < 200
    with vcr.use_cassette(str(path), record_mode="none") as cassette:
        for request, response in zip(cassette.requests, cassette.responses, strict=True):
            assert request.host.endswith(".example.org")
            assert not request.headers
            assert {*response["headers"]} == {"Content-Type"}


def test_a_request_that_is_not_on_the_cassette_reaches_no_network() -> None:
    with (
        vcr.use_cassette(str(FOLDER / "nothing_new.yaml"), record_mode="none"),
        asking(DSPACE_LIKE) as repository,
    ):
        walk = repository.pages(metadataPrefix="oai_dc", set="col_10568_8")
        with pytest.raises(CannotOverwriteExistingCassetteException):
            walk.next()


def test_a_dead_token_under_422_is_a_dead_token_and_no_http_failure() -> None:
    with replaying("dead_token_under_422"), asking(ZENODO_LIKE) as repository:
        assert repository.identify().deleted_record == "no"
        walk = repository.pages(metadataPrefix="oai_dc")
        page = walk.next()
        token = page.token
        assert token is not None
        assert (token.life, token.complete_list_size, token.cursor) == (timedelta(minutes=2), 3, 0)
        assert token.spend_by == page.received_at + timedelta(seconds=90)
        with pytest.raises(TokenExpired, match="invalid or has expired") as died:
            walk.next()
        assert died.value.reason == "badResumptionToken"
        assert died.value.evidence is not None
        assert died.value.evidence.status == 422
        assert repository.requests == 3, "a dead token was asked for again"
        again = repository.pages(metadataPrefix="oai_dc")
        pages = [again.next(), again.next()]
        assert [len(each.records) for each in pages] == [2, 1]
        assert [each.ending for each in pages] == [None, "empty_token"]


def test_a_harvest_outlives_a_token_that_died_under_422(engine: Engine) -> None:
    with replaying("dead_token_under_422"):
        report = go(engine, ZENODO_LIKE)
    counts = report.streams[0].counts
    assert (report.outcome, report.streams[0].reason) == ("complete", "size_agrees")
    assert (counts.restarts, counts.pages, counts.requests) == (1, 3, 4)
    assert (counts.received, counts.created, counts.unchanged) == (5, 3, 2)
    assert sorted(item.identifier for item in find(engine)) == [
        f"oai:records.example.org:{number}" for number in (101, 102, 103)
    ]


def test_a_base64_token_is_sent_whole_and_lives_an_hour() -> None:
    with replaying("dcterms_and_base64_token", unasked=1), asking(FIGSHARE_LIKE) as repository:
        repository.identify()
        walk = repository.pages(metadataPrefix="oai_dc", set="portal_4711")
        page = walk.next()
        assert page.token is not None
        assert page.token.text.endswith("=")
        assert page.token.life == timedelta(minutes=60)
        assert page.complete_list_size is None
        last = walk.next()
        assert (last.ending, [record.header.deleted for record in last.records]) == ("no_token", [True])
        assert repository.requests == 3


def test_dublin_core_bound_to_dcterms_is_read_as_dublin_core(engine: Engine) -> None:
    with replaying(
        "dcterms_and_base64_token"
    ):  # its ListIdentifiers tells no more of the list's length than ListRecords
        report = go(engine, FIGSHARE_LIKE, sets=["portal_4711"])
    assert (report.outcome, report.streams[0].reason) == ("complete_unverified", "no_token")
    live, dead = sorted(find(engine, scope=ALL), key=lambda item: item.identifier)
    assert (dead.deleted, dead.sets) == (True, ("portal_4711",))
    assert set(live.sets) == {"category_17", "portal_4711", "item_type_3"}
    entry = live.entry
    assert entry is not None
    assert entry.title == "Counting the leaves of paper trees"
    assert [agent.name for agent in entry.creators] == ["Ottoline Q. Marchbanks", "Pío Ferrándiz"]
    assert (entry.doi, entry.year) == ("10.5555/figures.900001.v2", 2023)
    assert report.streams[0].unread == {}


def test_nothing_new_is_a_complete_harvest_and_moves_the_watermark(engine: Engine) -> None:
    with replaying("nothing_new"):
        first = go(engine, DSPACE_LIKE, sets=["col_10568_7"])
        with engine.begin() as connection:  # as after a first harvest that found something
            connection.execute(text("UPDATE streams SET watermark = (SELECT candidate_watermark FROM plans)"))
        second = go(
            engine, DSPACE_LIKE, sets=["col_10568_7"]
        )  # from: the first answer's date less fifteen minutes
    # A list that has never held anything may be an index that is being rebuilt: it is not called complete.
    assert (first.outcome, second.outcome) == ("complete_unverified", "complete")
    for report in (first, second):
        assert report.streams[0].reason == "no_records_match"
        assert (report.streams[0].counts.requests, report.streams[0].counts.received) == (1, 0)
    assert list(find(engine, scope=ALL)) == []
