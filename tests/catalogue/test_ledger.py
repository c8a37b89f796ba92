"""The ledger: what is registered once, what is claimed by one, and where a stream's watermark may go."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, text

from harvester.catalogue import ledger, runs, windows
from harvester.catalogue.ledger import Plan, Repository, Stream
from harvester.catalogue.runs import Counts, Tally, Verdict
from harvester.catalogue.sets import set_ids
from harvester.catalogue.windows import Window
from harvester.errors import ConfigError, Fenced

URL = "https://example.org/oai"
NOON = datetime(2024, 5, 31, 12, tzinfo=UTC)


@pytest.fixture
def repository(engine: Engine) -> Repository:
    with engine.begin() as connection:
        return ledger.add_repository(connection, "example.org", URL)


@pytest.fixture
def stream(engine: Engine, repository: Repository) -> Stream:
    with engine.begin() as connection:
        return ledger.add_stream(connection, repository, "", "oai_dc")


@pytest.fixture
def plan(engine: Engine, stream: Stream) -> Plan:
    return new_plan(engine, stream)


def new_plan(engine: Engine, stream: Stream, kind: str = "full") -> Plan:
    with engine.begin() as connection:
        return ledger.new_plan(connection, stream, kind=kind, bounds=(None, None), granularity="YYYY-MM-DD")


def claim(engine: Engine, plan: Plan) -> Window:
    with engine.begin() as connection:
        window = windows.claim(connection, plan)
    assert window is not None
    return window


def candidate(engine: Engine, plan: Plan, moment: datetime) -> None:
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE plans SET candidate_watermark = :at WHERE id = :id"), {"at": moment, "id": plan.id}
        )


def watermark(engine: Engine, stream: Stream) -> datetime | None:
    with engine.connect() as connection:
        return ledger.read_stream(connection, stream).watermark


def test_a_repository_is_registered_once_and_found_by_name_and_by_url(
    engine: Engine, repository: Repository
) -> None:
    with engine.begin() as connection:
        assert ledger.add_repository(connection, "example.org", URL) == repository
        assert ledger.find_repository(connection, "example.org") == repository
        assert ledger.find_repository(connection, URL) == repository
        assert ledger.find_repository(connection, "https://example.org/other") is None


def test_a_name_belongs_to_one_base_url(engine: Engine, repository: Repository) -> None:
    with engine.begin() as connection, pytest.raises(ConfigError, match=f"taken by {URL}"):
        ledger.add_repository(connection, "example.org", "https://example.org/second")


def test_a_stream_is_registered_once_with_its_set(engine: Engine, repository: Repository) -> None:
    with engine.begin() as connection:
        first = ledger.add_stream(connection, repository, "portal_15", "oai_dc")
        assert ledger.add_stream(connection, repository, "portal_15", "oai_dc") == first
        assert first.set_id > 0
        assert ledger.streams_of(connection, repository) == [first]


def test_sets_are_numbered_once_however_long_they_are(engine: Engine, repository: Repository) -> None:
    specs = ["portal_15", "é " * 1000, "x" * 2048]
    with engine.begin() as connection:
        numbers = set_ids(connection, repository.id, specs)
        assert set(numbers) == set(specs)
        assert set_ids(connection, repository.id, specs[::-1]) == numbers


def test_each_claim_raises_the_fence(engine: Engine, plan: Plan) -> None:
    assert [claim(engine, plan).fence for _ in range(3)] == [1, 2, 3]


def test_a_window_that_another_has_claimed_cannot_be_ended(engine: Engine, plan: Plan) -> None:
    mine = claim(engine, plan)
    theirs = claim(engine, plan)
    with engine.begin() as connection, pytest.raises(Fenced):
        windows.end(connection, mine, "empty_token")
    with engine.begin() as connection:
        windows.end(connection, theirs, "empty_token")
        assert windows.claim(connection, plan) is None
        (ended,) = windows.ended(connection, plan)
    assert (ended.id, ended.ending, ended.token) == (theirs.id, "empty_token", None)


def test_a_new_plan_abandons_the_one_that_was_open(engine: Engine, stream: Stream, plan: Plan) -> None:
    old = claim(engine, plan)
    second = new_plan(engine, stream)
    with engine.begin() as connection:
        assert ledger.open_plan(connection, stream) == second
        assert windows.claim(connection, plan) is None
        assert windows.ended(connection, plan) == []
    with engine.begin() as connection, pytest.raises(Fenced):
        windows.end(connection, old, "empty_token")


def test_the_watermark_moves_on_a_legal_end_only_and_not_for_a_range_of_dates(
    engine: Engine, stream: Stream
) -> None:
    for kind, legal, moved in (("full", False, False), ("range", True, False), ("full", True, True)):
        plan = new_plan(engine, stream, kind)
        candidate(engine, plan, NOON)
        with engine.begin() as connection:
            ledger.finish_plan(connection, stream, plan, watermark=legal)
        assert (watermark(engine, stream) == NOON) == moved


def test_a_plan_closed_by_another_process_moves_the_watermark_no_more(
    engine: Engine, stream: Stream, plan: Plan
) -> None:
    candidate(engine, plan, NOON)
    with engine.begin() as connection:
        ledger.finish_plan(connection, stream, plan, watermark=True)
    later = new_plan(engine, stream, "incremental")
    candidate(engine, later, NOON + timedelta(days=1))
    with engine.begin() as connection:
        ledger.finish_plan(connection, stream, later, watermark=True)
        ledger.finish_plan(connection, stream, plan, watermark=True)
    assert watermark(engine, stream) == NOON + timedelta(days=1)


def start(engine: Engine, stream: Stream, plan: Plan) -> int:
    """Start a run in a session that goes on living in the pool's connection given back."""
    with engine.begin() as connection:
        return runs.start_run(connection, stream, plan)


def give_token(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE windows SET token = 'next'"))


def doubted(engine: Engine) -> object:
    with engine.connect() as connection:
        return connection.scalar(text("SELECT reread FROM windows"))


def test_a_run_that_was_killed_is_closed_and_its_token_doubted(
    engine: Engine, stream: Stream, plan: Plan
) -> None:
    give_token(engine)
    with engine.connect() as dying:
        killed = runs.start_run(dying, stream, plan)
        dying.commit()
        dying.invalidate()
    _until_dead(engine, killed)
    start(engine, stream, plan)
    with engine.connect() as connection:
        row = connection.execute(
            text("SELECT outcome, reason FROM runs WHERE id = :id"), {"id": killed}
        ).one()
    assert tuple(row) == ("interrupted", "killed")
    assert doubted(engine) is True
    engine.dispose()


def _until_dead(engine: Engine, run_id: int) -> None:
    with engine.connect() as connection:
        while runs.alive(connection, run_id):
            connection.commit()


def test_a_run_whose_process_lives_is_left_alone(engine: Engine, stream: Stream, plan: Plan) -> None:
    give_token(engine)
    with engine.connect() as living:
        first = runs.start_run(living, stream, plan)
        living.commit()
        start(engine, stream, plan)
        assert living.scalar(text("SELECT outcome FROM runs WHERE id = :id"), {"id": first}) is None
        living.invalidate()
    assert doubted(engine) is False
    engine.dispose()


def test_the_counts_of_pages_add_up_and_the_end_closes_the_run(
    engine: Engine, stream: Stream, plan: Plan
) -> None:
    with engine.connect() as connection:
        number = runs.start_run(connection, stream, plan)
        runs.add_counts(connection, number, Counts(pages=1, received=10, created=9, quarantined=1))
        runs.add_counts(connection, number, Counts(pages=1, received=5, unchanged=5))
        assert runs.counts_of(connection, number) == Counts(
            pages=2, received=15, created=9, unchanged=5, quarantined=1
        )
        runs.finish_run(
            connection, number, Verdict("complete", "size_agrees", "all"), 3, Tally({"bom": 2}, {})
        )
        row = connection.execute(text("SELECT outcome, requests, repairs, finished_at FROM runs")).one()
        assert (row[0], row[1], row[2], row[3] is not None) == ("complete", 3, {"bom": 2}, True)
        assert not runs.alive(connection, number)
