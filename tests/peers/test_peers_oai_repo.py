"""A harvest of oai-repo's server, in a process of its own, ends with exactly what that server shows.

What oai-repo 0.5.2 does in its own way, and what is therefore expected here (the raw answers are in test_peers_defects.py):

- a list of several pages has completeListSize and ends with an empty resumptionToken: it can end `complete`. A list of one page
  has neither, so nothing confirms it;
- the status of a header is never written (`add_header`), and a record without metadata is left out of ListRecords
  (`add_records`), but counted in completeListSize: a repository that tells the library of its deleted records announces
  more than it sends, and no deletion ever arrives;
- a token is base64 of the arguments and the cursor; it is refused as soon as the list has become shorter, and with any
  change where the data interface gives a state;
- a token whose set is not plain ASCII is refused by the very server that issued it, on a Python before 3.12.3;
- `until` with a day means the first second of that day;
- metadata is indented on its way out (see `same_xml.plain`), and comes with an `about`.
"""

from itertools import pairwise
from pathlib import Path

import pytest
from held import Held, dublin_core, invented, real
from oai_repo_repository import ServeOaiRepo
from sqlalchemy import Engine
from truth import Go, assert_same, catalogue, counted, moment

from harvester.harvest.plans import Wish
from harvester.harvest.progress import PageEvent

LIVE = 13  # of the fifteen invented records


@pytest.mark.parametrize("granularity", ["YYYY-MM-DDThh:mm:ssZ", "YYYY-MM-DD"])
@pytest.mark.parametrize("limit", [1, 4, 12])
def test_every_record_of_several_pages_arrives_and_the_count_proves_it(
    limit: int, granularity: str, serve_oai_repo: ServeOaiRepo, go: Go, engine: Engine
) -> None:
    repository = serve_oai_repo(limit=limit, granularity=granularity, deletions="dropped")
    report = go(repository)
    assert (report.outcome, report.streams[0].reason) == ("complete", "size_agrees")
    pages = -(-LIVE // limit)
    counted(report, pages=pages, received=LIVE, created=LIVE)
    assert_same(engine, repository.shown)
    assert len(repository.log("ListRecords")) == pages


@pytest.mark.parametrize("limit", [13, 14])
def test_a_list_of_one_page_has_nothing_that_confirms_it(
    limit: int, serve_oai_repo: ServeOaiRepo, go: Go, engine: Engine
) -> None:
    repository = serve_oai_repo(limit=limit, deletions="dropped")
    report = go(repository)
    assert (report.outcome, report.streams[0].reason) == ("complete_unverified", "no_token")
    counted(report, pages=1, received=LIVE, created=LIVE)
    assert_same(engine, repository.shown)


@pytest.mark.parametrize("spec", ["physics", "physics:optics", "open access"])
def test_a_set_is_harvested_with_the_sets_beneath_it_and_nothing_else(
    spec: str, serve_oai_repo: ServeOaiRepo, go: Go, engine: Engine
) -> None:
    repository = serve_oai_repo(limit=2, deletions="dropped")
    members = [each for each in repository.shown if each.belongs(spec)]
    report = go(repository, sets=[spec])
    assert report.streams[0].counts.received == len(members) > 0
    assert_same(engine, members, {each.identifier: {spec} for each in members})


def test_a_token_with_a_plus_sign_travels_back_exactly_as_it_was_issued(
    serve_oai_repo: ServeOaiRepo, go: Go, engine: Engine
) -> None:
    spec = "~~~~~"  # base64 has a plus sign for a tilde at every third place
    records = [Held(f"oai:x:{number}", "2020-01-01T00:00:00Z", (spec,), dublin_core()) for number in range(4)]
    repository = serve_oai_repo(records, limit=1)
    go(repository, sets=[spec])
    lists = repository.log("ListRecords")
    assert len(lists) == 4
    for before, after in pairwise(lists):
        assert after["asked"] == {"verb": "ListRecords", "resumptionToken": before["issued"]}
    assert any("+" in entry["issued"] for entry in lists[:-1])
    assert lists[-1]["issued"] is None
    assert_same(engine, records)


# A set or none, and bounds that but for the first two are some record's own datestamp: they are inclusive.
RANGES = [
    ("", "2011-01-01T00:00:00Z", "2012-12-31T23:59:59Z"),
    ("", "2012-09-09T23:59:08Z", None),
    ("", None, "2011-06-06T23:59:05Z"),
    ("physics", "2011-05-05T23:59:04Z", "2013-01-01T23:59:12Z"),
]


@pytest.mark.parametrize("asked", RANGES)
def test_a_range_of_seconds_brings_its_records_and_both_bounds(
    asked: tuple[str, str | None, str | None], serve_oai_repo: ServeOaiRepo, go: Go, engine: Engine
) -> None:
    spec, from_, until = asked
    repository = serve_oai_repo(limit=1, deletions="dropped")
    wanted = [
        each
        for each in repository.shown
        if (from_ or "") <= each.datestamp <= (until or "9") and (not spec or each.belongs(spec))
    ]
    assert 0 < len(wanted) < LIVE
    sets = [spec] if spec else []
    report = go(repository, sets=sets, wish=Wish(from_=moment(from_), until=moment(until)))
    counted(report, pages=len(wanted), received=len(wanted), created=len(wanted))
    assert_same(engine, wanted, {each.identifier: set(sets) for each in wanted})


def test_what_is_new_revised_or_moved_comes_with_the_next_harvest(
    serve_oai_repo: ServeOaiRepo, go: Go, engine: Engine
) -> None:
    repository = serve_oai_repo(limit=2, deletions="dropped")
    go(repository)
    quiet = go(repository)
    assert (quiet.outcome, quiet.streams[0].reason) == ("complete", "no_records_match")
    stamp = repository.revise("oai:x:1", dublin_core("<dc:title>Revised</dc:title>")).datestamp
    repository.put(Held("oai:x:new", stamp, ("physics",), dublin_core("<dc:title>New</dc:title>")))
    repository.revise("oai:x:6", dublin_core("<dc:title>Back again</dc:title>"))  # was deleted
    repository.revise("oai:x:4", repository.holds["oai:x:4"].metadata, sets=("moved",))
    report = go(repository)
    assert (report.outcome, report.streams[0].reason) == ("complete", "size_agrees")
    counted(report, pages=2, received=4, created=2, updated=2)
    assert_same(engine, repository.shown)


def test_a_count_with_the_deleted_records_in_it_is_told_as_a_doubt(
    serve_oai_repo: ServeOaiRepo, go: Go, engine: Engine
) -> None:
    repository = serve_oai_repo(limit=4, deletions="told")
    report = go(repository)
    assert (report.outcome, report.streams[0].reason) == ("complete_unverified", "size_differs")
    assert_same(engine, repository.shown)


def test_pages_without_a_record_do_not_end_the_list(
    serve_oai_repo: ServeOaiRepo, go: Go, engine: Engine
) -> None:
    repository = serve_oai_repo(invented(15)[4:9], limit=1, deletions="told")  # the third is deleted
    report = go(repository)
    assert report.outcome == "complete_unverified"
    assert_same(engine, repository.shown)


def test_a_list_that_becomes_shorter_is_asked_for_again_and_nothing_is_lost(
    serve_oai_repo: ServeOaiRepo, go: Go, engine: Engine
) -> None:
    repository = serve_oai_repo(limit=4, deletions="dropped")

    def shrink(event: PageEvent) -> None:
        if event.run.pages == 2:
            repository.remove("oai:x:14")

    report = go(repository, hear=shrink)
    assert (report.outcome, report.streams[0].reason) == ("complete", "size_agrees")
    counts = report.streams[0].counts
    assert (counts.restarts, counts.created, counts.unchanged) == (1, 12, 8)
    assert_same(engine, repository.shown)


def test_tokens_that_end_with_every_change_lose_nothing(
    serve_oai_repo: ServeOaiRepo, go: Go, engine: Engine
) -> None:
    repository = serve_oai_repo(limit=4, deletions="dropped", watched=True)

    def change(event: PageEvent) -> None:
        if event.run.pages in (1, 4):
            repository.revise("oai:x:1", dublin_core(f"<dc:title>After {event.run.pages}</dc:title>"))

    report = go(repository, hear=change)
    assert report.outcome == "complete"
    assert [entry["issued"] for entry in repository.log("ListRecords")].count(None) > 2, (
        "two tokens had to die"
    )
    assert_same(engine, repository.shown)


def test_a_stopped_harvest_goes_on_with_its_token(
    serve_oai_repo: ServeOaiRepo, go: Go, engine: Engine
) -> None:
    repository = serve_oai_repo(limit=2, deletions="dropped")
    pages: list[PageEvent] = []
    first = go(repository, hear=pages.append, stop=lambda: len(pages) == 3)
    assert first.outcome == "interrupted"
    assert len(catalogue(engine)) == 6
    second = go(repository)
    assert (second.outcome, second.streams[0].reason) == ("complete", "size_agrees")
    counted(second, pages=4, received=7, created=7)
    assert_same(engine, repository.shown)


def test_real_records_of_many_repositories_arrive_as_they_were_served(
    corpus: Path, serve_oai_repo: ServeOaiRepo, go: Go, engine: Engine
) -> None:
    records = real(corpus)
    repository = serve_oai_repo(records, limit=100, deletions="dropped")
    live = len(repository.shown)
    assert 500 < live < len(records)
    report = go(repository)
    assert (report.outcome, report.streams[0].reason) == ("complete", "size_agrees")
    assert report.streams[0].repairs == {}
    pages = -(-live // 100)
    counted(report, pages=pages, received=live, created=live)
    assert_same(engine, repository.shown)
