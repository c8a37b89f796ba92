"""What a reconciliation may not do without a person: mass deletions, empty lists, lists that are not whole."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from asking import Asker
from reconciling import check, live, only, reasons, run, state
from sqlalchemy import Engine, text

from harvester.catalogue import ledger
from harvester.catalogue.keys import item_key
from harvester.catalogue.status import status
from harvester.config import Defaults, Holds, RepositorySettings, Settings
from harvester.harvest.guarding import too_many
from harvester.harvest.progress import Listener
from harvester.harvest.reconcile import Report
from harvester.mock import FakeRepository

MANY = Holds(share=1.0, records=1_000, most=1_000)


@pytest.fixture
def fake() -> Iterator[FakeRepository]:
    """A repository of 110 records in pages of 50: more than twenty may vanish."""
    with FakeRepository(records=110, page_size=50) as repository:
        yield repository


@pytest.fixture
def ask(shared_engine: Engine, fake: FakeRepository) -> Asker:
    asker = Asker(shared_engine, fake)
    assert asker().outcome == "complete"
    return asker


def lose(fake: FakeRepository, number: int) -> list[str]:
    gone = live(fake)[:number]
    for each in gone:
        fake.store.vanish(each)
    return gone


def is_held(ask: Asker, report: Report, reason: str) -> str:
    """Held for this reason, nothing asked or changed, and told by `status`."""
    found = only(report)
    assert (report.outcome, found.reason, found.removed, found.left_set) == ("held", reason, 0, 0)
    assert ask.fake.requests("GetRecord") == []
    assert "vanished" not in reasons(ask)
    assert state(ask) == "held"
    with ask.engine.connect() as connection:
        (shown,) = status(connection, ask.name)["repositories"][0]["streams"]
    assert (shown["state"], shown["held"]) == ("held", found.sentence)
    return str(found.sentence)


@pytest.mark.parametrize(
    ("live_records", "absent", "held"),
    [
        (100, 20, False),  # twenty may always go
        (100, 21, True),
        (420, 21, False),  # five per cent, and not more
        (419, 21, True),
        (20_000, 1_000, False),
        (1_000_000, 1_000, False),
        (1_000_000, 1_001, True),
        (10, 10, False),
        (0, 0, False),
    ],
)
def test_the_guard_holds_from_just_beyond_its_limits(live_records: int, absent: int, *, held: bool) -> None:
    assert too_many(live_records, absent, Holds()) is held


def test_a_repository_has_limits_of_its_own_where_they_are_configured(
    ask: Asker, fake: FakeRepository
) -> None:
    def said(holds: Holds) -> Settings:
        return Settings(
            repositories=(RepositorySettings(ask.name, holds=holds),), defaults=Defaults(holds=MANY)
        )

    lose(fake, 9)
    sentence = is_held(ask, run(ask, settings=said(Holds(share=0.01, records=8))), "too_many")
    assert "9 of " in sentence
    found = only(run(ask, settings=said(Holds(share=0.01, records=9))))
    assert (found.outcome, found.removed) == ("complete", 9)
    check(ask)


def test_twenty_records_go_and_one_more_waits_for_a_person(ask: Asker, fake: FakeRepository) -> None:
    gone = lose(fake, 20)
    found = only(run(ask))
    assert (found.outcome, found.removed) == ("complete", 20)
    check(ask)
    assert all(ask.held()[each].deleted for each in gone)


def test_a_mass_deletion_is_held_until_somebody_approves_it(ask: Asker, fake: FakeRepository) -> None:
    before = ask.held()
    gone = lose(fake, 21)
    sentence = is_held(ask, run(ask), "too_many")
    total = len(live(fake)) + 21
    assert f"21 of {total} live records ({2100 / total:.1f} %)" in sentence
    assert f"harvester reconcile {ask.name} --approve" in sentence
    assert ask.held() == before
    pages = len(fake.requests("ListIdentifiers"))
    found = only(run(ask, approve=True))
    assert (found.outcome, found.removed, state(ask)) == ("complete", 21, "done")
    assert len(fake.requests("ListIdentifiers")) == pages, "the list that was held still stands"
    assert {each for each, now in ask.held().items() if now.deleted and not before[each].deleted} == {*gone}
    check(ask)


def test_a_harvest_that_runs_meanwhile_does_not_hide_that_something_is_held(
    ask: Asker, fake: FakeRepository
) -> None:
    lose(fake, 30)
    sentence = only(run(ask)).sentence
    assert ask().outcome == "complete"
    with ask.engine.connect() as connection:
        (shown,) = status(connection, ask.name)["repositories"][0]["streams"]
    assert (shown["state"], shown["held"]) == ("held", sentence)
    assert (shown["last_run"]["outcome"]) == "complete"


def test_what_comes_back_before_it_is_approved_is_not_removed(ask: Asker, fake: FakeRepository) -> None:
    gone = [fake.store[each] for each in live(fake)[:30]]
    fake.misbehave("deletes_silently")
    for each in gone:
        fake.store.delete(each.identifier)
    is_held(ask, run(ask), "too_many")
    for each in gone[:25]:
        fake.store.undelete(each.identifier)
    found = only(run(ask, approve=True))
    assert (found.removed, found.found) == (5, 25)
    assert found.outcome == "complete_unverified"
    check(ask)


def test_without_approval_the_next_reconciliation_looks_anew(ask: Asker, fake: FakeRepository) -> None:
    gone = [fake.store[each] for each in live(fake)[:30]]
    fake.misbehave("deletes_silently")
    for each in gone:
        fake.store.delete(each.identifier)
    is_held(ask, run(ask), "too_many")
    is_held(ask, run(ask), "too_many")
    assert ask.one("SELECT count(*) FROM reconciliations WHERE state = 'abandoned'") >= 1
    for each in gone:
        fake.store.undelete(each.identifier)
    fake.behave()
    found = only(run(ask))
    assert (found.outcome, found.absent, state(ask)) == ("complete", 0, "done")
    check(ask)


def test_approval_comes_too_late_after_a_week(ask: Asker, fake: FakeRepository) -> None:
    lose(fake, 30)
    is_held(ask, run(ask), "too_many")
    aged = (
        "UPDATE runs SET started_at = started_at - interval '8 days', finished_at = finished_at - interval '8 days'",
        "UPDATE windows SET updated_at = updated_at - interval '8 days'",
    )
    with ask.engine.begin() as connection:
        for statement in aged:
            connection.execute(text(statement))
    pages = len(fake.requests("ListIdentifiers"))
    told: list[str] = []
    report = run(ask, approve=True, listener=Listener(tell=told.append))
    assert any("is too old; a new one begins" in each for each in told)
    assert len(fake.requests("ListIdentifiers")) > pages
    is_held(ask, report, "too_many")
    assert only(run(ask, approve=True)).removed == 30
    check(ask)


def test_approval_of_nothing_approves_nothing_in_advance(ask: Asker, fake: FakeRepository) -> None:
    lose(fake, 30)
    told: list[str] = []
    report = run(ask, approve=True, listener=Listener(tell=told.append))
    assert any("nothing is held" in each for each in told)
    is_held(ask, report, "too_many")


def test_an_empty_list_never_prunes(ask: Asker, fake: FakeRepository) -> None:
    everything = live(fake)
    fake.misbehave("deletes_silently")
    kept = [fake.store.delete(each) for each in everything]
    sentence = is_held(ask, run(ask), "empty_list")
    assert "the list of identifiers is empty" in sentence
    for each in kept:
        fake.store.undelete(each.identifier)
    fake.behave()
    assert only(run(ask)).removed == 0


def test_an_empty_list_is_held_even_where_little_would_go(shared_engine: Engine) -> None:
    with FakeRepository(records=3, page_size=10) as fake:
        ask = Asker(shared_engine, fake)
        ask()
        lose(fake, 3)
        is_held(ask, run(ask), "empty_list")
        assert only(run(ask, approve=True)).removed == 3
        check(ask)


def test_identifiers_that_were_all_renamed_are_held_and_named_so(ask: Asker, fake: FakeRepository) -> None:
    lose(fake, len(live(fake)))
    fake.store.add(90)
    sentence = is_held(ask, run(ask), "nothing_in_common")
    assert "may have given its records other identifiers" in sentence


@pytest.mark.parametrize(
    ("fault", "sized"), [("silent_truncation", True), ("endless_empty_pages", False), ("token_cycle", True)]
)
def test_a_list_that_is_not_whole_never_deletes_and_cannot_be_approved(
    shared_engine: Engine, fault: str, *, sized: bool
) -> None:
    with FakeRepository(records=110, page_size=50, complete_list_size=sized) as fake:
        ask = Asker(shared_engine, fake)
        ask()
        lose(fake, 1)
        fake.misbehave(fault, verb="ListIdentifiers")
        for dates in ("ignores_from", "ignores_until"):  # or halving would get the rest
            fake.misbehave(dates, verb="ListIdentifiers")
        sentence = is_held(ask, run(ask), "incomplete_list")
        assert "broke off" in sentence
        assert "--approve" not in sentence
        told: list[str] = []
        again = run(ask, approve=True, listener=Listener(tell=told.append))
        assert any("cannot be approved" in each for each in told)
        is_held(ask, again, "incomplete_list")
        fake.behave()
        assert only(run(ask)).removed == 1
        check(ask)


def test_a_list_that_fails_deletes_nothing_and_goes_on_later(ask: Asker, fake: FakeRepository) -> None:
    lose(fake, 2)
    fake.misbehave("503_retry_after", verb="ListIdentifiers", on_page=1, seconds=3600)
    report = run(ask)
    assert (report.outcome, state(ask)) == ("incomplete", "listing")
    fake.behave()
    ask.forgive()
    found = only(run(ask))
    assert (found.outcome, found.removed) == ("complete", 2)
    assert [each.page for each in fake.requests("ListIdentifiers") if each.status == 200] == [0, 1, 2]
    check(ask)


@pytest.fixture(scope="module")
def crowd() -> Iterator[FakeRepository]:
    """A repository of 2,600 records that come in one page."""
    with FakeRepository(records=2_600, page_size=3_000) as repository:
        yield repository


def filled(engine: Engine, crowd: FakeRepository, ghosts: int) -> Asker:
    """A catalogue that holds the crowd, and some that the repository does not have; its rows have nothing but their keys."""
    ask = Asker(engine, crowd)
    past = datetime(2015, 1, 1, tzinfo=UTC)
    with engine.begin() as connection:
        repository = ledger.add_repository(connection, ask.name, ask.url)
        stream = ledger.add_stream(connection, repository, "", "oai_dc")
        identifiers = live(crowd) + [f"oai:ghost:{number}" for number in range(ghosts)]
        connection.execute(
            text(
                "INSERT INTO records (item_key, repository_id, format, identifier, datestamp, datestamp_raw, sets,"
                " proven_sets, deleted, preferred, page_id)"
                " SELECT key, :repository_id, 'oai_dc', identifier, :past, '', '{}', '{}', false, true, 0"
                " FROM unnest(CAST(:keys AS bytea[]), CAST(:identifiers AS text[])) AS each (key, identifier)"
            ),
            {
                "repository_id": repository.id,
                "past": past,
                "keys": [item_key(repository.id, each) for each in identifiers],
                "identifiers": identifiers,
            },
        )
        connection.execute(
            text("UPDATE tallies SET live = :live WHERE repository_id = :repository_id"),
            {"live": len(identifiers), "repository_id": stream.repository_id},
        )
    return ask


def test_so_many_of_many_may_go_and_one_more_waits_for_a_person(
    shared_engine: Engine, crowd: FakeRepository
) -> None:
    assert Holds().most == 1_000
    fewer = Settings(
        defaults=Defaults(holds=Holds(most=100))
    )  # a thousand among twenty thousand take a minute
    ask = filled(shared_engine, crowd, 100)
    report = run(ask, stop=lambda: bool(crowd.requests("GetRecord")), wait=10.0, settings=fewer)
    assert (report.outcome, only(report).absent, state(ask)) == ("interrupted", 100, "confirming")
    crowd.log.clear()
    ask = filled(shared_engine, crowd, 101)
    report = run(ask, wait=10.0, settings=fewer)
    sentence = is_held(ask, report, "too_many")
    assert "101 of " in sentence
