"""Reconciling a stream of a set: leaving a set ends a membership, and is no deletion."""

from dataclasses import replace
from typing import Any

import pytest
from asking import Asker
from reconciling import check, live, only, reasons, run
from sqlalchemy import Engine

from harvester.catalogue.versions import versions
from harvester.mock import FakeRepository

SET = "theses"


@pytest.fixture
def ask(shared_engine: Engine, small: FakeRepository) -> Asker:
    """12 of `small`'s records are in a set, and that set is harvested."""
    for each in live(small)[:12]:
        small.store.move(each, [SET, "all"], quietly=True)
    asker = Asker(shared_engine, small)
    assert asker(sets=[SET]).outcome == "complete"
    return asker


def members(ask: Asker) -> set[str]:
    """Who the catalogue says is proven to be in the set, alive."""
    found = ask.rows(
        "SELECT identifier FROM records JOIN repositories ON repositories.id = records.repository_id"
        " JOIN sets ON sets.id = ANY(proven_sets) AND sets.id = ANY(records.sets)"
        f" WHERE repositories.name = :name AND spec = '{SET}' AND NOT deleted"
    )
    return {str(each[0]) for each in found}


def row(ask: Asker, identifier: str) -> Any:
    (found,) = ask.rows(
        "SELECT deleted, deleted_reason, ARRAY(SELECT spec FROM sets WHERE id = ANY(records.sets) ORDER BY 1)"
        " FROM records JOIN repositories ON repositories.id = repository_id"
        f" WHERE repositories.name = :name AND identifier = '{identifier}'"
    )
    return found


def test_who_leaves_a_set_without_a_word_is_kept_and_no_member_any_more(
    ask: Asker, small: FakeRepository
) -> None:
    first, second = sorted(members(ask))[:2]
    small.store.move(first, ["all", "elsewhere"], quietly=True)
    small.store.move(second, [])
    seq = ask.one("SELECT max(seq) FROM pages")
    found = only(run(ask))
    assert (found.absent, found.left_set, found.removed, found.found) == (2, 2, 0, 0)
    assert found.live == 12
    assert members(ask) == {each.identifier for each in small.store.records if each.belongs(SET)}
    assert row(ask, first) == (False, None, ["all", "elsewhere"])
    assert row(ask, second) == (False, None, [])
    assert ask.one("SELECT max(seq) FROM pages") == seq + 1
    assert "have left the set, and are kept" in (found.sentence or "")
    assert "sets" in versions(ask.engine, first, repository=ask.name)[0].changed
    check(ask)
    assert only(run(ask)).live == 10


def test_who_is_gone_altogether_becomes_a_tombstone(ask: Asker, small: FakeRepository) -> None:
    gone, moved = sorted(members(ask))[:2]
    small.store.vanish(gone)
    small.store.move(moved, ["all"], quietly=True)
    found = only(run(ask))
    assert (found.removed, found.left_set) == (1, 1)
    assert row(ask, gone)[:2] == (True, "vanished")
    assert reasons(ask) == {"vanished": 1}
    check(ask)


def test_who_is_deleted_at_source_becomes_a_tombstone_with_that_date(
    ask: Asker, small: FakeRepository
) -> None:
    gone = sorted(members(ask))[0]
    small.store.move(gone, ["all"], quietly=True)
    small.store.delete(gone)
    found = only(run(ask))
    assert (found.removed, found.left_set) == (1, 0)
    assert row(ask, gone)[:2] == (True, "deleted_at_source")
    check(ask)


def test_a_header_that_names_the_set_is_believed_over_the_list(shared_engine: Engine) -> None:
    with FakeRepository(records=60, page_size=20, complete_list_size=False) as fake:
        for each in live(fake)[:30]:
            fake.store.move(each, [f"{SET}:2024"], quietly=True)
        ask = Asker(shared_engine, fake)
        ask(sets=[SET])
        before = members(ask)
        fake.misbehave("silent_truncation", verb="ListIdentifiers")
        found = only(run(ask))
        assert (found.absent, found.found, found.left_set, found.removed) == (10, 10, 0, 0)
        assert found.reason == "list_incomplete"
        assert members(ask) == before
        check(ask)


def test_the_stream_without_a_set_does_not_lose_who_leaves_one(ask: Asker, small: FakeRepository) -> None:
    ask(sets=[""])
    gone, moved = sorted(members(ask))[:2]
    small.store.move(moved, ["all"], quietly=True)
    small.store.vanish(gone)
    report = run(ask)
    assert [(each.stream.set_spec, each.removed, each.left_set) for each in report.streams] == [
        (SET, 1, 1),
        ("", 0, 0),
    ]
    assert report.streams[1].live == len(live(small))
    check(ask)
    assert [each.stream.set_spec for each in run(ask, sets=[""]).streams] == [""]


def test_a_set_that_the_repository_ignores_still_loses_who_left_it(ask: Asker, small: FakeRepository) -> None:
    moved = sorted(members(ask))[0]
    small.store.move(moved, ["all"], quietly=True)
    small.misbehave("ignores_set")
    found = only(run(ask))
    assert (found.left_set, found.removed) == (1, 0)
    assert moved not in members(ask)
    check(ask)


def test_who_comes_back_into_the_set_is_a_member_again(ask: Asker, small: FakeRepository) -> None:
    moved = sorted(members(ask))[0]
    kept = small.store.move(moved, ["all"], quietly=True)
    run(ask)
    assert moved not in members(ask)
    small.store.move(moved, [SET, "all"], quietly=True)
    assert only(run(ask)).missing == 1
    small.store.move(moved, kept.sets)
    small.store.move(moved, [SET, "all"])
    ask(sets=[SET])
    assert moved in members(ask)
    check(ask)


def test_a_set_that_does_not_exist_any_more_is_held(ask: Asker, small: FakeRepository) -> None:
    for each in sorted(members(ask)):
        small.store.move(each, ["all"], quietly=True)
    found = only(run(ask))
    assert (found.outcome, found.reason) == ("held", "empty_list")
    approved = only(run(ask, approve=True))
    assert (approved.left_set, approved.removed) == (12, 0)
    assert members(ask) == set()
    check(ask)


def test_metadata_that_changed_meanwhile_is_kept_with_the_departure(
    ask: Asker, small: FakeRepository
) -> None:
    moved = sorted(members(ask))[0]
    revised = small.store.revise(moved)
    small.store._put(replace(revised, sets=("all",)), restamp=False)
    assert only(run(ask)).left_set == 1
    newest, before = versions(ask.engine, moved, repository=ask.name)
    assert not newest.header_only
    assert newest.title != before.title or newest.entry != before.entry
    check(ask)
