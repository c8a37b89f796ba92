"""A harvest of pyoai's server, in a process of its own, ends with exactly what that server holds.

What pyoai 2.5.0 does in its own way, and what is therefore expected here:

- the last page has no resumptionToken at all, where the specification (section 3.5) asks for an empty one, and no page has
  a completeListSize or an expirationDate (`XMLTreeServer._outputResuming` writes the token's text and nothing else): a
  walk of several pages can only end `complete_unverified`;
- a token is `quote(urlencode(...))`, so it is full of percent signs and of %25 where a set has one; it must travel
  encoded exactly once more;
- datestamps, earliestDatestamp included, always have seconds and a Z, also where the granularity is declared in days
  (`datetime_to_datestamp` is never called with its `day_granularity`); a `from` with a time and no Z is badArgument;
- a token that is no token of its own is badResumptionToken only where its cursor is missing or no number; one with a
  cursor but without metadataPrefix is a TypeError inside and HTTP 500 (a remark in `decodeResumptionToken` says that
  what a token decodes to ought to be validated too);
- a list that shrinks below its cursor ends with an empty <ListRecords/>, which the schema does not allow;
- metadata is indented on its way out (see `same_xml.plain`), and `about` is never written.
"""

from itertools import pairwise
from pathlib import Path

import pytest
from held import OAI, real
from lxml import etree
from pyoai_repository import Serve
from sqlalchemy import Engine
from truth import Go, assert_same, catalogue, counted, moment

from harvester.catalogue.query import metadata_xml
from harvester.errors import Refused, Retriable, TokenExpired
from harvester.harvest.plans import Wish
from harvester.oai.repository import Repository
from harvester.wire import Client, Patience, host_of


@pytest.mark.parametrize("kind", ["batching", "slicing"])
def test_every_record_of_several_pages_arrives_as_it_was_served(
    kind: str, serve: Serve, go: Go, engine: Engine
) -> None:
    repository = serve(kind=kind, batch=4)
    report = go(repository)
    assert (report.outcome, report.streams[0].reason) == ("complete_unverified", "no_token")
    counted(report, pages=4, received=15, created=13, deleted=2)
    assert_same(engine, repository.holds.values())
    assert len(repository.log("ListRecords")) == 4


@pytest.mark.parametrize("batch", [1, 5, 14, 15, 16])
def test_no_batch_size_loses_the_last_record(batch: int, serve: Serve, go: Go, engine: Engine) -> None:
    repository = serve(batch=batch)
    report = go(repository)
    counted(report, pages=-(-15 // batch), received=15, created=13, deleted=2)
    assert catalogue(engine).keys() == repository.holds.keys()


def test_a_token_travels_back_exactly_as_it_was_issued(serve: Serve, go: Go) -> None:
    repository = serve(batch=1)
    go(repository, sets=["a&b=c+d/é:%41"])
    lists = repository.log("ListRecords")
    assert len(lists) == 4
    for before, after in pairwise(lists):
        assert after["asked"] == {"verb": "ListRecords", "resumptionToken": before["issued"]}
    assert "%252541" in lists[0]["issued"], "pyoai was expected to quote the set's percent sign twice"
    assert lists[-1]["issued"] is None


def test_prefixes_that_only_a_value_uses_stay_with_the_record(serve: Serve, go: Go, engine: Engine) -> None:
    repository = serve()
    go(repository)
    typed = next(
        each for each in repository.holds.values() if each.metadata and "dcterms:URI" in each.metadata
    )
    kept = etree.fromstring(metadata_xml(engine, catalogue(engine)[typed.identifier]) or b"")
    assert kept.nsmap["dcterms"] == "http://purl.org/dc/terms/"


def test_a_format_that_pyoai_writes_itself_keeps_every_field(serve: Serve, go: Go, engine: Engine) -> None:
    repository = serve()
    report = go(repository, formats=["pyoai_dc"])
    counted(report, pages=4, received=15, created=13, deleted=2)
    for identifier, item in catalogue(engine).items():
        held = repository.holds[identifier]
        if held.metadata is not None:
            assert item.format == "pyoai_dc"
            assert fields(metadata_xml(engine, item) or b"") == fields(held.metadata), identifier


def fields(xml: bytes | str) -> list[tuple[str, str]]:
    # pyoai's writer drops attributes, and has an order of its own
    found = etree.fromstring(xml, etree.XMLParser(remove_comments=True))
    return sorted((str(element.tag), element.text or "") for element in found)


@pytest.mark.parametrize("spec", ["physics", "physics:optics", "open access", "a&b=c+d/é:%41"])
def test_a_set_is_harvested_with_the_sets_beneath_it_and_nothing_else(
    spec: str, serve: Serve, go: Go, engine: Engine
) -> None:
    repository = serve(batch=3)
    members = [each for each in repository.holds.values() if each.belongs(spec)]
    report = go(repository, sets=[spec])
    assert report.streams[0].counts.received == len(members) > 0
    assert len(repository.log("ListRecords")) == -(-len(members) // 3)
    assert_same(engine, members, {each.identifier: {spec} for each in members})


def test_a_record_of_two_harvested_sets_is_kept_once(serve: Serve, go: Go, engine: Engine) -> None:
    repository = serve(batch=3)
    specs = ["physics", "open access"]
    report = go(repository, sets=specs)
    members = [each for each in repository.holds.values() if any(each.belongs(spec) for spec in specs)]
    proven = {each.identifier: {spec for spec in specs if each.belongs(spec)} for each in members}
    assert_same(engine, members, proven)
    assert [stream.counts.created for stream in report.streams] == [7, 0]


# All bounds but the first two are some record's own datestamp: they are inclusive.
RANGES = [
    ("2011-01-01T00:00:00Z", "2012-12-31T23:59:59Z"),
    ("2011-06-06T23:59:05Z", "2012-10-10T23:59:09Z"),
    ("2012-09-09T23:59:08Z", None),
    (None, "2011-06-06T23:59:05Z"),
]


@pytest.mark.parametrize(("from_", "until"), RANGES)
def test_a_range_of_seconds_brings_its_records_and_both_bounds(
    from_: str | None, until: str | None, serve: Serve, go: Go, engine: Engine
) -> None:
    repository = serve(batch=3)
    wanted = [each for each in repository.holds.values() if (from_ or "") <= each.datestamp <= (until or "9")]
    report = go(repository, wish=Wish(from_=moment(from_), until=moment(until)))
    assert 0 < len(wanted) < 15
    assert report.streams[0].counts.received == len(wanted)
    assert len(repository.log("ListRecords")) == -(-len(wanted) // 3)
    assert_same(engine, wanted)


def test_a_repository_of_days_that_stamps_seconds_is_asked_in_days(
    serve: Serve, go: Go, engine: Engine
) -> None:
    repository = serve(batch=3, granularity="YYYY-MM-DD")
    day = moment("2011-06-06T00:00:00Z")
    go(repository, wish=Wish(from_=day, until=day))
    wanted = [each for each in repository.holds.values() if each.datestamp.startswith("2011-06-06")]
    assert len(wanted) == 1
    assert_same(engine, wanted)
    assert repository.log("ListRecords")[0]["asked"] | {"verb": ""} == {
        "verb": "", "metadataPrefix": "oai_dc", "from": "2011-06-06", "until": "2011-06-06",
    }  # fmt: skip


def test_an_unknown_set_is_empty_and_an_unknown_format_is_refused(
    serve: Serve, go: Go, engine: Engine
) -> None:
    repository = serve()
    empty = go(repository, sets=["geology"])
    assert (empty.outcome, empty.streams[0].reason) == ("complete_unverified", "no_records_match")
    refused = go(repository, formats=["marc21"])
    assert (refused.outcome, refused.streams[0].reason) == ("refused", "cannotDisseminateFormat")
    assert "The repository has: oai_dc" in str(refused.streams[0].sentence)
    counted(refused)
    assert catalogue(engine) == {}


def test_tokens_that_pyoai_does_not_take_are_told_apart_from_a_failing_server(serve: Serve) -> None:
    repository = serve()
    patience = Patience(sleep=lambda _: None)
    with Client(contact=None, patience=patience, typed={host_of(repository.url)}) as client:
        oai = Repository(repository.url, client, patience)
        with pytest.raises(TokenExpired) as refused:
            oai.pages(token="no token of yours").next()
        assert refused.value.reason == "badResumptionToken"
        with pytest.raises(TokenExpired) as failed:
            oai.pages(token="cursor%3D3").next()
        assert failed.value.reason == "token_fails"
        assert isinstance(failed.value.__cause__, Retriable)
        assert failed.value.__cause__.reason == "http_500"


def test_pyoai_answers_as_the_comments_above_say(serve: Serve) -> None:
    repository = serve(granularity="YYYY-MM-DD")
    patience = Patience()
    with Client(contact=None, patience=patience, typed={host_of(repository.url)}) as client:
        oai = Repository(repository.url, client, patience)
        said = oai.identify()
        assert (said.granularity.value, said.earliest_datestamp) == ("YYYY-MM-DD", "2010-01-01T23:59:00Z")
        walk = oai.pages(metadataPrefix="oai_dc")
        seen = [walk.next() for _ in range(4)]
        assert [page.ending for page in seen] == [None, None, None, "no_token"]
        assert [page.complete_list_size for page in seen] == [None] * 4
        assert {page.token.life for page in seen if page.token} == {None}
        with pytest.raises(Refused) as refused:
            oai.pages(metadataPrefix="oai_dc", **{"from": "2011-01-01T00:00:00"}).next()
        assert refused.value.reason == "badArgument"
        root = oai.harvest(verb="ListRecords", metadataPrefix="oai_dc").root
        assert {len(stamp.text or "") for stamp in root.iter(f"{OAI}datestamp")} == {20}


def test_real_records_of_many_repositories_arrive_as_they_were_served(
    corpus: Path, serve: Serve, go: Go, engine: Engine
) -> None:
    records = real(corpus)
    specs = {spec for each in records for spec in each.sets}
    assert len(records) > 500
    assert len(specs) > 50
    repository = serve(records, batch=100)
    report = go(repository)
    assert (report.outcome, report.streams[0].reason) == ("complete_unverified", "no_token")
    assert report.streams[0].repairs == {}
    deleted = sum(each.deleted for each in records)
    pages = -(-len(records) // 100)
    counted(
        report,
        pages=pages,
        received=len(records),
        created=len(records) - deleted,
        deleted=deleted,
    )
    assert_same(engine, records)


def test_real_records_by_set_by_date_and_after_changes(
    corpus: Path, serve: Serve, go: Go, engine: Engine
) -> None:
    records = real(corpus)[:400]
    repository = serve(records, batch=7)
    sizes = {spec: sum(each.belongs(spec) for each in records) for each in records for spec in each.sets}
    specs = sorted(spec for spec, size in sizes.items() if 8 < size < 60)[:3]
    assert len(specs) == 3
    go(repository, sets=specs)
    members = {each.identifier: each for each in records if any(each.belongs(spec) for spec in specs)}
    proven = {key: {spec for spec in specs if each.belongs(spec)} for key, each in members.items()}
    assert_same(engine, members.values(), proven)

    alive = [each for each in members.values() if not each.deleted]
    repository.revise(alive[0].identifier, None)
    repository.revise(alive[1].identifier, alive[2].metadata)
    report = go(repository, sets=specs)
    assert sum(stream.counts.deleted for stream in report.streams) >= 1
    assert_same(engine, [repository.holds[key] for key in members], proven)

    range_ = Wish(from_=moment("2014-01-01T00:00:00Z"), until=moment("2015-01-31T23:59:59Z"))
    # without a format, the registered streams would be meant, which are those of the sets
    go(repository, formats=["oai_dc"], wish=range_)
    dated = [
        each for each in repository.holds.values() if "2014-01-01" <= each.datestamp <= "2015-01-31T23:59:59Z"
    ]
    assert {each.identifier for each in dated} - members.keys(), "the range was expected to bring more"
    together = {each.identifier: each for each in [*(repository.holds[key] for key in members), *dated]}
    assert_same(engine, together.values(), proven)
