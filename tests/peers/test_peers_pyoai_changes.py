"""A pyoai repository that changes between two harvests, or under one, is followed without loss (see test_peers_pyoai.py)."""

import pytest
from held import Held, dublin_core
from pyoai_repository import Serve
from sqlalchemy import Engine
from truth import Go, assert_same, catalogue, counted

from harvester.harvest.progress import PageEvent


@pytest.mark.parametrize("granularity", ["YYYY-MM-DDThh:mm:ssZ", "YYYY-MM-DD"])
def test_what_is_new_revised_deleted_or_back_comes_with_the_next_harvest(
    granularity: str, serve: Serve, go: Go, engine: Engine
) -> None:
    repository = serve(batch=4, granularity=granularity)
    go(repository)
    quiet = go(repository)
    assert (quiet.outcome, quiet.streams[0].reason) == ("complete", "no_records_match")
    counted(quiet, pages=1)

    new = Held("oai:x:new", repository.revise("oai:x:1", dublin_core("<dc:title>Revised</dc:title>")).datestamp,
               ("physics",), dublin_core("<dc:title>New</dc:title>"))  # fmt: skip
    repository.put(new)
    repository.revise("oai:x:2", None)
    repository.revise("oai:x:6", dublin_core("<dc:title>Back again</dc:title>"))  # was a tombstone
    repository.revise("oai:x:4", repository.holds["oai:x:4"].metadata, sets=("moved",))  # left its set

    report = go(repository)
    assert (report.outcome, report.streams[0].reason) == ("complete_unverified", "no_token")
    counted(report, pages=2, received=5, created=1, updated=3, deleted=1)
    assert_same(engine, repository.holds.values())

    again = go(repository)  # within the overlap the same five come once more
    counted(again, pages=2, received=5, unchanged=5)
    assert_same(engine, repository.holds.values())


def test_a_single_page_of_changes_is_complete_where_the_page_size_is_known(
    serve: Serve, go: Go, engine: Engine
) -> None:
    repository = serve(batch=4)
    go(repository)
    repository.revise("oai:x:1", None)
    report = go(repository)
    assert (report.outcome, report.streams[0].reason) == ("complete", "short_page")
    counted(report, pages=1, received=1, deleted=1)
    assert_same(engine, repository.holds.values())


def test_what_changes_behind_the_walk_comes_with_the_next_harvest(
    serve: Serve, go: Go, engine: Engine
) -> None:
    repository = serve(batch=4)
    changed: list[Held] = []

    def change(event: PageEvent) -> None:
        if event.run.pages == 2:
            changed.append(repository.revise("oai:x:1", dublin_core("<dc:title>Meanwhile</dc:title>")))
            changed.append(repository.revise("oai:x:2", None))

    go(repository, hear=change)
    first = catalogue(engine)
    assert not first["oai:x:2"].deleted, "the change was expected to come after the record's page"
    report = go(repository)
    counted(report, pages=1, received=2, updated=1, deleted=1)
    assert_same(engine, repository.holds.values())


def test_a_list_that_shrinks_under_its_token_ends_without_harm(serve: Serve, go: Go, engine: Engine) -> None:
    repository = serve(batch=4)

    def shrink(event: PageEvent) -> None:
        if event.run.pages == 2:
            repository.remove(*list(repository.holds)[8:])

    report = go(repository, hear=shrink)
    assert (report.outcome, report.streams[0].reason) == ("complete_unverified", "no_token")
    counted(report, pages=3, received=8, created=7, deleted=1)
    assert catalogue(engine).keys() == repository.holds.keys()


def test_a_stopped_harvest_goes_on_with_its_token(serve: Serve, go: Go, engine: Engine) -> None:
    repository = serve(batch=2)
    pages: list[PageEvent] = []
    first = go(repository, hear=pages.append, stop=lambda: len(pages) == 3)
    assert first.outcome == "interrupted"
    assert len(catalogue(engine)) == 6
    second = go(repository)
    assert (second.outcome, second.streams[0].reason) == ("complete_unverified", "no_token")
    counted(second, pages=5, received=9, created=7, deleted=2)
    assert_same(engine, repository.holds.values())
    tokens = [entry["asked"].get("resumptionToken") for entry in repository.log("ListRecords")]
    assert len(set(tokens)) == len(tokens) == 8, "a page was asked for twice"
