"""A harvest equals the store: whole, by set, by date; and what changes there arrives in a handful of requests."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from asking import Asker
from oracle import EVERYTHING, canonical, differences, stored
from sqlalchemy import Engine

from harvester.catalogue import query
from harvester.harvest.plans import Wish
from harvester.harvest.progress import Listener, PageEvent
from harvester.mock import FakeRepository, Record

STATE = (
    "SELECT identifier, r.xmin::text, r.ctid::text FROM records r JOIN repositories p ON p.id = repository_id"
    " WHERE p.name = :name ORDER BY 1"
)
WATERMARK = (
    "SELECT watermark FROM streams s JOIN repositories p ON p.id = s.repository_id WHERE p.name = :name"
)


class Hands:
    """A clock that moves only when a test moves it; half an hour behind ours, which is no skew yet."""

    def __init__(self) -> None:
        self.at = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=30)

    def __call__(self) -> datetime:
        return self.at

    def on(self, **by: float) -> datetime:
        self.at += timedelta(**by)
        return self.at


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def timed(hands: Hands) -> Iterator[FakeRepository]:
    """A repository of 30 records on a clock of its own."""
    with FakeRepository(records=30, page_size=10, now=hands) as repository:
        yield repository


def test_the_first_harvest_holds_every_record_with_its_metadata(ask: Asker, small: FakeRepository) -> None:
    report = ask()
    (stream,) = report.streams
    assert (report.outcome, stream.reason, stream.counts.received) == ("complete", "size_agrees", 30)
    assert stream.counts.created + stream.counts.deleted == 30
    ask.assert_same()
    for item in query.find(ask.engine, f"repository:{ask.name}", scope=EVERYTHING):
        kept, served = query.metadata_xml(ask.engine, item), small.store[item.identifier].metadata
        assert (kept is None) == (served is None)
        assert kept is None or served is None or canonical(kept) == canonical(served)


def test_a_set_brings_its_records_and_no_others(ask: Asker, small: FakeRepository) -> None:
    # One page, no size, and the repository's page size not known yet: nothing proves that it was all.
    assert ask(sets=["item_type_2"]).outcome == "complete_unverified"
    expected = stored(small, lambda record: record.belongs("item_type_2"), ["item_type_2"])
    assert expected
    assert differences(expected, ask.held()) == {}


def test_a_set_above_others_brings_what_lies_beneath_it(ask: Asker, small: FakeRepository) -> None:
    small.store.add(2, sets=["portal_77:group_1"])
    assert ask(sets=["portal_77"]).streams[0].counts.created == 2
    assert all(each.sets == {"portal_77", "portal_77:group_1"} for each in ask.held().values())


def test_several_sets_and_formats_are_streams_of_their_own(ask: Asker, small: FakeRepository) -> None:
    report = ask(sets=["item_type_1", "item_type_2"], formats=["oai_dc", "marcxml"])
    assert [(each.stream.set_spec, each.stream.format, each.outcome) for each in report.streams] == [
        ("item_type_1", "oai_dc", "complete_unverified"),
        ("item_type_1", "marcxml", "refused"),
        ("item_type_2", "oai_dc", "complete_unverified"),
        ("item_type_2", "marcxml", "refused"),
    ]
    assert report.outcome == "refused"
    assert len(small.requests("Identify")) == 1
    assert (
        ask.held().keys()
        == stored(small, lambda record: bool({"item_type_1", "item_type_2"} & set(record.sets))).keys()
    )


def test_dates_choose_both_bounds_included_and_leave_the_watermark_alone(
    ask: Asker, small: FakeRepository
) -> None:
    stamps = sorted(record.datestamp for record in small.store.records)
    first, last = stamps[5], stamps[20]
    assert ask(wish=Wish(from_=first, until=last)).outcome == "complete"

    def within(record: Record) -> bool:
        return first <= record.datestamp <= last

    assert differences(stored(small, within), ask.held()) == {}
    assert ask.one(WATERMARK) is None
    assert ask().outcome == "complete"
    ask.assert_same()


def test_a_repository_of_days_is_asked_in_days(shared_engine: Engine) -> None:
    with FakeRepository(records=30, page_size=10, granularity="days") as fake:
        ask = Asker(shared_engine, fake)
        assert ask().outcome == "complete"
        ask.assert_same()
        fake.store.revise(next(each.identifier for each in fake.store.records if not each.deleted))
        fake.log.clear()
        assert ask().streams[0].counts.updated == 1
        ask.assert_same()
        (access,) = fake.requests("ListRecords")
        mark = ask.one(WATERMARK)
        assert access.arguments["from"] == (mark - timedelta(days=1)).strftime("%Y-%m-%d")
        assert ask(wish=Wish(from_=datetime(2019, 5, 5, 12, 30, tzinfo=UTC))).outcome == "complete"
        assert fake.requests("ListRecords")[1].arguments["from"] == "2019-05-05"


@pytest.mark.parametrize("policy", ["persistent", "transient", "no"])
def test_each_policy_of_deletions_gives_what_the_repository_tells(policy: str, shared_engine: Engine) -> None:
    with FakeRepository(records=40, page_size=10, deleted_record=policy) as fake:  # type: ignore[arg-type]
        fake.store.delete(fake.store.records[7].identifier)
        ask = Asker(shared_engine, fake)
        assert ask().outcome == "complete"
        edge = datetime.now(UTC) - timedelta(days=30)

        def told(record: Record) -> bool:
            return (
                not record.deleted
                or policy == "persistent"
                or (policy == "transient" and record.datestamp > edge)
            )

        assert differences(stored(fake, told), ask.held()) == {}


def test_what_changes_arrives_in_one_request(ask: Asker, small: FakeRepository) -> None:
    small.store.delete(small.store.records[4].identifier)
    assert ask().outcome == "complete"
    small.log.clear()
    live = [record.identifier for record in small.store.records if not record.deleted]
    gone = [record.identifier for record in small.store.records if record.deleted]
    small.store.add(2)
    small.store.revise(live[0])
    small.store.delete(live[1])
    small.store.undelete(gone[0])
    small.store.move(live[2], ["portal_99"])
    report = ask()
    counts = report.streams[0].counts
    assert (counts.created, counts.updated, counts.deleted) == (2, 3, 1)
    assert len(small.log) == 1, "an incremental harvest asks for what changed and for nothing else"
    ask.assert_same()
    small.store.undelete(live[1])
    assert ask().outcome == "complete"
    ask.assert_same()


def test_a_record_that_moved_without_a_word_is_put_right_by_a_full_harvest(
    ask: Asker, small: FakeRepository
) -> None:
    ask()
    moved = small.store.records[0].identifier
    small.store.move(moved, ["portal_98"], quietly=True)
    ask()
    assert ask.held()[moved].sets != {"portal_98"}
    assert ask(wish=Wish(full=True)).streams[0].counts.updated == 1
    ask.assert_same()


def test_a_second_full_harvest_of_the_same_writes_no_record(ask: Asker) -> None:
    ask()
    before = ask.rows(STATE)
    counts = ask(wish=Wish(full=True)).streams[0].counts
    assert (counts.pages, counts.unchanged, counts.created, counts.updated, counts.deleted) == (
        3,
        30,
        0,
        0,
        0,
    )
    assert ask.rows(STATE) == before


def test_the_watermark_is_the_servers_date_of_the_first_response(
    shared_engine: Engine, timed: FakeRepository, hands: Hands
) -> None:
    ask = Asker(shared_engine, timed)
    began = hands()
    ask(listener=Listener(on_page=lambda _: hands.on(minutes=2) and None))
    assert ask.one(WATERMARK) == began
    ask()
    asked = timed.requests("ListRecords")[-1].arguments["from"]
    assert asked == (began - timedelta(minutes=15)).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_the_watermark_is_that_of_the_first_run_though_another_ends_the_list(
    shared_engine: Engine, timed: FakeRepository, hands: Hands
) -> None:
    ask = Asker(shared_engine, timed)
    began = hands()
    seen: list[PageEvent] = []
    assert ask(listener=Listener(on_page=seen.append), stop=lambda: bool(seen)).outcome == "interrupted"
    hands.on(minutes=10)
    revised = timed.store.records[1].identifier
    timed.store.revise(revised)  # on the page that had been taken already
    assert ask().outcome == "complete"
    assert ask.one(WATERMARK) == began
    assert ask().outcome == "complete"
    ask.assert_same()


def test_the_watermark_is_that_of_the_first_list_though_it_was_asked_for_again(
    shared_engine: Engine, timed: FakeRepository, hands: Hands
) -> None:
    ask = Asker(shared_engine, timed)
    began = hands()
    timed.misbehave("token_refused", on_page=2, times=1)
    report = ask(listener=Listener(on_page=lambda _: hands.on(minutes=2) and None))
    assert report.streams[0].counts.restarts == 1
    assert ask.one(WATERMARK) == began


def test_the_watermark_stays_where_the_list_ended_early(
    shared_engine: Engine, timed: FakeRepository, hands: Hands
) -> None:
    ask = Asker(shared_engine, timed)
    began = hands()
    ask()
    hands.on(minutes=5)
    timed.store.restamp()
    timed.misbehave("silent_truncation", on_page=0)
    assert ask().outcome == "complete_unverified"
    assert ask.one(WATERMARK) == began
    timed.behave()
    hands.on(minutes=5)
    assert ask().outcome == "complete"
    ask.assert_same()
    assert ask.one(WATERMARK) == began + timedelta(minutes=10)


@pytest.mark.parametrize("hours", [-14.0, 14.0])
def test_a_server_whose_clock_is_wrong_makes_no_gap(hours: float, ask: Asker, small: FakeRepository) -> None:
    small.misbehave("clock_skew", hours=hours)
    before = datetime.now(UTC)
    ask()
    assert ask.one(WATERMARK) <= before + timedelta(seconds=2)
    small.store.add(3)
    assert ask().streams[0].counts.created == 3


def test_a_record_that_changes_while_the_list_is_walked_is_not_missed(
    ask: Asker, small: FakeRepository
) -> None:
    def change(event: PageEvent) -> None:
        if event.window.pages == 1:
            for record in small.store.records[:25:6]:
                small.store.move(record.identifier, ["portal_55"])
            small.store.add(1)

    ask(listener=Listener(on_page=change))
    ask()
    ask.assert_same()


def test_pages_that_shift_while_they_are_walked_lose_nothing_that_was_announced(
    ask: Asker, small: FakeRepository
) -> None:
    small.misbehave("drifting_pages")

    def change(event: PageEvent) -> None:
        if event.window.pages in (1, 2):
            small.store.add(3)

    ask(listener=Listener(on_page=change))
    ask()
    ask.assert_same()


def test_a_repository_whose_records_come_late_is_looked_back_further(
    shared_engine: Engine, timed: FakeRepository, hands: Hands
) -> None:
    ask = Asker(shared_engine, timed)
    hands()
    assert ask().outcome == "complete"
    # Stamped ten minutes before the last harvest began, and in the list only now.
    hands.on(minutes=-10)
    (late,) = timed.store.add()
    hands.on(minutes=20)
    assert ask().outcome.startswith("complete")
    assert late in ask.held()
    watermark = ask.one(WATERMARK)
    hands.on(hours=1)
    ask()
    asked = datetime.fromisoformat(timed.requests("ListRecords")[-1].arguments["from"])
    assert watermark - asked == timedelta(minutes=20), "twice the lag that was seen"
