"""A reconciliation finds what a repository has deleted without a word, and removes nothing that is there."""

from dataclasses import replace
from typing import Any

import pytest
from asking import Asker
from oracle import held
from reconciling import check, live, only, options, reasons, run, state
from sqlalchemy import Engine, text

from harvester.catalogue import query
from harvester.catalogue.purges import purge
from harvester.catalogue.versions import versions
from harvester.errors import ConfigError
from harvester.harvest import reconcile
from harvester.harvest.plans import Wish
from harvester.mock import FakeRepository


def test_a_record_that_vanishes_without_a_word_becomes_a_tombstone(ask: Asker, small: FakeRepository) -> None:
    ask()
    gone = live(small)[3]
    before = ask.one("SELECT max(seq) FROM pages")
    small.store.vanish(gone)
    found = only(run(ask))
    assert (found.outcome, found.listed, found.absent, found.removed, found.found) == (
        "complete",
        len(live(small)),
        1,
        1,
        0,
    )
    assert found.live == len(live(small)) + 1
    assert "1 record is gone" in (found.sentence or "")
    assert reasons(ask)["vanished"] == 1
    assert held(ask.engine, ask.name)[gone].deleted
    # In a page of its own, and nothing else in it.
    moved = [each.identifier for _, each in query.changed_since(ask.engine, before)]
    assert moved == [gone]
    check(ask)


def test_its_history_is_kept_and_told(ask: Asker, small: FakeRepository) -> None:
    ask()
    gone = live(small)[0]
    small.store.vanish(gone)
    run(ask)
    newest, oldest = versions(ask.engine, gone, repository=ask.name)
    assert (newest.deleted, newest.deleted_reason, newest.header_only) == (True, "vanished", True)
    assert newest.changed == ("deleted",)
    assert newest.run is not None
    assert oldest.run is not None
    assert newest.run.id > oldest.run.id
    assert oldest.ended_at is not None
    assert oldest.entry == newest.entry
    assert oldest.entry is not None


def test_what_is_deleted_silently_is_found_though_identify_promises_more(shared_engine: Engine) -> None:
    with FakeRepository(records=200, page_size=50) as fake:
        ask = Asker(shared_engine, fake)
        ask()
        for each in live(fake)[:6]:
            fake.store.delete(each)
        fake.misbehave("deletes_silently")
        found = only(run(ask))
        assert (found.removed, found.outcome) == (6, "complete")
        assert "promises to tell of every deletion, and did not: reconcile monthly" in (found.sentence or "")
        fake.behave()
        ask(wish=Wish(full=True))
        ask.assert_same()
        check(ask)


def test_a_deleted_header_gives_its_own_reason_and_date(ask: Asker, small: FakeRepository) -> None:
    ask()
    gone = small.store.delete(live(small)[5])
    before = reasons(ask).get("deleted_at_source", 0)
    found = only(run(ask))
    assert (found.absent, found.removed) == (1, 1)
    assert reasons(ask) == {"deleted_at_source": before + 1}
    ask.assert_same()
    assert ask.held()[gone.identifier].deleted
    assert "as an audit" in (found.sentence or "")
    check(ask)


@pytest.mark.parametrize(
    ("declared", "advice"),
    [("no", "the only sign"), ("transient", "for a while only"), ("persistent", "an audit")],
)
def test_the_report_says_when_to_reconcile_next(shared_engine: Engine, declared: Any, advice: str) -> None:
    with FakeRepository(records=5, page_size=5, deleted_record=declared) as fake:
        ask = Asker(shared_engine, fake)
        ask()
        assert advice in (only(run(ask)).sentence or "")


def test_a_list_that_leaves_a_record_out_deletes_nothing_that_is_there(shared_engine: Engine) -> None:
    with FakeRepository(records=60, page_size=50, complete_list_size=False) as fake:
        ask = Asker(shared_engine, fake)
        ask()
        fake.misbehave("silent_truncation", verb="ListIdentifiers")
        found = only(run(ask))
        there = len(live(fake)) - found.listed
        assert found.listed < len(live(fake))
        assert (found.absent, found.found, found.removed) == (there, there, 0)
        assert (found.outcome, found.reason) == ("complete_unverified", "list_incomplete")
        assert "cannot be relied upon" in (found.sentence or "")
        ask.assert_same()
        check(ask)


def test_a_list_in_token_trouble_is_asked_for_again_and_every_candidate_is_right(
    ask: Asker, small: FakeRepository
) -> None:
    ask()
    gone = live(small)[7]
    small.store.vanish(gone)
    small.misbehave("token_expires", on_page=0, times=1)
    small.misbehave("503_retry_after", on_page=1, times=1, seconds=0)
    found = only(run(ask, wait=5.0))
    assert (found.outcome, found.removed, found.counts.restarts) == ("complete", 1, 1)
    check(ask)


def test_a_long_list_is_cut_into_windows_and_still_compared_as_one(shared_engine: Engine) -> None:
    with FakeRepository(records=300, page_size=10, latency=0.02) as fake:
        ask = Asker(shared_engine, fake)
        ask()
        gone = live(fake)[::40]
        for each in gone:
            fake.store.vanish(each)
        found = only(run(ask, longest_list=0.3))
        assert (found.outcome, found.removed, found.found) == ("complete", len(gone), 0)
        assert any("until" in each.arguments for each in fake.requests("ListIdentifiers"))
        check(ask)


def test_what_is_new_since_the_last_harvest_is_told_and_no_candidate(
    ask: Asker, small: FakeRepository
) -> None:
    ask()
    small.store.add(2)
    report = run(ask)
    assert (only(report).missing, only(report).absent) == (2, 0)
    assert "2 are listed and not held" in (only(report).sentence or "")
    ask()
    assert only(run(ask)).missing == 0
    check(ask)


def test_what_comes_back_under_its_old_date_lives_again(ask: Asker, small: FakeRepository) -> None:
    ask()
    gone = live(small)[2]
    kept = small.store[gone]
    small.misbehave("deletes_silently")
    small.store._put(replace(kept, deleted=True), restamp=False)
    assert only(run(ask)).removed == 1
    small.behave()
    small.store._put(kept, restamp=False)
    ask()
    assert ask.held()[gone].deleted, "its date has not moved: no incremental harvest brings it"
    found = only(run(ask))
    assert (found.revived, found.removed, found.outcome) == (1, 0, "complete")
    ask.assert_same()
    assert [each.deleted for each in versions(ask.engine, gone, repository=ask.name)] == [False, True, False]
    check(ask)


def test_what_comes_back_under_a_new_date_comes_with_the_next_harvest(
    ask: Asker, small: FakeRepository
) -> None:
    ask()
    gone = live(small)[2]
    small.store.delete(gone)
    small.misbehave("deletes_silently")
    run(ask)
    small.behave()
    small.store.undelete(gone)
    ask()
    ask.assert_same()
    check(ask)


def test_what_was_removed_can_be_brought_back_whole(ask: Asker, small: FakeRepository) -> None:
    ask()
    before = held(ask.engine, ask.name)
    for each in live(small)[:3]:
        small.store.vanish(each)
    run(ask)
    assert reasons(ask)["vanished"] == 3
    seq = ask.one("SELECT max(seq) FROM pages")
    report = reconcile.revert(ask.engine, options(ask))
    assert (report.outcome, only(report).revived, state(ask)) == ("complete", 3, "reverted")
    assert held(ask.engine, ask.name) == before
    assert ask.one("SELECT max(seq) FROM pages") == seq + 1
    assert "vanished" not in reasons(ask)
    check(ask)
    again = reconcile.revert(ask.engine, options(ask))
    assert (again.outcome, only(again).reason) == ("complete", "nothing_removed")
    assert only(run(ask)).removed == 3, "they are gone all the same, and are found again"
    check(ask)


def test_bringing_back_leaves_alone_what_was_purged_or_told_since(ask: Asker, small: FakeRepository) -> None:
    ask()
    first, second, third = live(small)[:3]
    for each in (first, second, third):
        small.store.vanish(each)
    run(ask)
    purge(ask.engine, first, reason="asked for", by="test", repository=ask.name)
    report = reconcile.revert(ask.engine, options(ask))
    assert only(report).revived == 2
    assert reasons(ask)["purged"] == 1
    assert ask.held()[first].deleted
    check(ask)


def test_a_purged_item_is_neither_asked_for_nor_counted(ask: Asker, small: FakeRepository) -> None:
    ask()
    mine = live(small)[0]
    purge(ask.engine, mine, reason="asked for", by="test", repository=ask.name)
    found = only(run(ask))
    assert (found.absent, found.missing, found.revived) == (0, 0, 0)
    assert small.requests("GetRecord") == []
    check(ask)


def test_the_format_that_stands_for_an_item_gives_way_when_it_vanishes(
    ask: Asker, small: FakeRepository
) -> None:
    ask(formats=["oai_dc", "oai_datacite"])
    gone = live(small)[4]
    mine = (
        "SELECT format FROM records JOIN repositories ON repositories.id = repository_id"
        f" WHERE name = :name AND identifier = '{gone}' AND "
    )
    ((first,),) = ask.rows(mine + "preferred")
    small.store.vanish(gone)
    assert only(run(ask, formats=[first])).removed == 1
    assert ask.rows(mine + "deleted") == [(first,)]
    assert ask.rows(mine + "preferred") != [(first,)]
    run(ask)
    assert len(ask.rows(mine + "deleted")) == 2
    check(ask)


def test_a_stream_of_which_nothing_is_held_is_not_asked_for(ask: Asker, small: FakeRepository) -> None:
    small.misbehave("503_retry_after", verb="ListRecords", seconds=100)
    ask()
    ask.forgive()
    assert only(run(ask)).reason == "nothing_held"
    assert small.requests("ListIdentifiers") == []


def test_what_is_not_registered_is_refused_with_a_sentence(ask: Asker, small: FakeRepository) -> None:
    with pytest.raises(ConfigError, match="no repository is registered"):
        run(ask)
    with pytest.raises(ConfigError, match="is not registered: there is nothing to reconcile"):
        reconcile.reconcile(ask.engine, replace(options(ask), source=ask.url))
    ask()
    with pytest.raises(ConfigError, match="no stream with the set 'nowhere'"):
        run(ask, sets=["nowhere"])
    with pytest.raises(ConfigError, match="no stream with the format 'mods'"):
        run(ask, formats=["mods"])
    assert small.requests("ListIdentifiers") == []


def test_traits_of_lists_of_identifiers_are_not_taken_for_those_of_records(shared_engine: Engine) -> None:
    with FakeRepository(records=30, page_size=10) as fake:
        ask = Asker(shared_engine, fake)
        ask()
    before = ask.one("SELECT traits -> 'page_size' ->> 'value' FROM repositories WHERE name = :name")
    with FakeRepository(records=30, page_size=20) as fake:
        with ask.engine.begin() as connection:
            connection.execute(
                text("UPDATE repositories SET base_url = :url WHERE name = :name"),
                {"url": fake.url, "name": ask.name},
            )
        assert only(run(ask)).outcome == "complete"
    assert ask.one("SELECT traits -> 'page_size' ->> 'value' FROM repositories WHERE name = :name") == before
