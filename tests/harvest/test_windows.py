"""Long lists in windows, and lists that fail: what a repository's loss costs, and that nothing is lost with it."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from asking import Asker
from sqlalchemy import Engine, text

from harvester.catalogue import traits
from harvester.harvest.plans import Wish
from harvester.harvest.progress import Listener, PageEvent
from harvester.mock import FakeRepository

WINDOWS = (
    "SELECT w.state, w.way, w.set_spec, w.from_, w.until, w.failures FROM windows w JOIN plans p ON p.id = w.plan_id"
    " JOIN streams s ON s.id = p.stream_id JOIN repositories r ON r.id = s.repository_id"
    " WHERE r.name = :name ORDER BY w.id"
)
TRAITS = "SELECT traits FROM repositories WHERE name = :name"
# Seconds after which a list is cut in these tests, where a page takes about a hundredth.
SOON = 0.08


def trait(ask: Asker, name: str) -> object:
    return ask.one(TRAITS).get(name, {}).get("value")


def ended(ask: Asker) -> int:
    return sum(row[0] == "ended" for row in ask.rows(WINDOWS))


@pytest.mark.parametrize("sized", [True, False], ids=["sized", "unsized"])
@pytest.mark.parametrize("granularity", ["seconds", "days"])
def test_a_long_list_comes_in_windows_and_whole(granularity: str, sized: bool, shared_engine: Engine) -> None:
    with FakeRepository(
        records=400,
        page_size=10,
        latency=0.01,
        granularity=granularity,
        complete_list_size=sized,  # type: ignore[arg-type]
    ) as fake:
        ask = Asker(shared_engine, fake)
        report = ask(longest_list=SOON)
        assert report.outcome == ("complete" if sized else "complete_unverified")
        assert ended(ask) > 2
        ask.assert_same()
        bounded = [each for each in fake.requests("ListRecords") if "until" in each.arguments]
        assert bounded, "no window had an end"
        assert "until" not in fake.requests("ListRecords")[-1].arguments or any(
            "until" not in each.arguments and "from" in each.arguments
            for each in fake.requests("ListRecords")
        ), "the last window must stay open to what comes meanwhile"
        if sized:
            assert trait(ask, "dates_honoured") is not False
            assert len(fake.log) < 400, "windows grew so short that each record had one"


def test_a_short_list_is_not_cut_and_costs_a_request_for_each_page(ask: Asker, small: FakeRepository) -> None:
    assert ask().outcome == "complete"
    assert ended(ask) == 1
    assert len(small.log) == 3 + 1, "three pages and Identify"


def test_dates_that_are_ignored_are_noticed_and_the_list_is_read_as_one(shared_engine: Engine) -> None:
    with FakeRepository(records=200, page_size=10, latency=0.01) as fake:
        fake.misbehave("ignores_from")
        fake.misbehave("ignores_until")
        ask = Asker(shared_engine, fake)
        report = ask(longest_list=SOON)
        assert (report.outcome, trait(ask, "dates_honoured")) == ("complete", False)
        assert ended(ask) == 1
        ask.assert_same()
        before = len(ask.rows(WINDOWS))
        assert ask(longest_list=SOON, wish=Wish(full=True)).outcome == "complete"
        assert len(ask.rows(WINDOWS)) == before + 1, "a list was cut by dates that are known to be ignored"


def test_a_list_without_dates_is_cut_by_the_sets_of_its_months(shared_engine: Engine) -> None:
    with FakeRepository(records=200, page_size=10, latency=0.01) as fake:
        fake.misbehave("ignores_from")
        fake.misbehave("ignores_until")
        ask = Asker(shared_engine, fake)
        assert ask(sets=["item_type_1"]).outcome == "complete"
        with shared_engine.begin() as connection:
            number = connection.scalar(
                text("SELECT id FROM repositories WHERE name = :name"), {"name": ask.name}
            )
            traits.note(
                connection, number, {"month_sets": (True, "known"), "dates_honoured": (False, "known")}
            )
        report = ask(longest_list=SOON, sets=[""])
        assert report.outcome == "complete", report.streams[0].sentence
        assert ended(ask) > 24
        asked = {each.arguments.get("set") for each in fake.requests("ListRecords")}
        assert {"month_year_10_2016", "month_year_02_2020"} <= asked
        ask.assert_same()


@pytest.mark.parametrize("page", range(1, 6))
def test_a_token_that_dies_at_any_page_costs_its_window_and_nothing_else(
    page: int, ask: Asker, small: FakeRepository
) -> None:
    small.store.fill(30)  # 60 records: 6 pages
    small.misbehave("token_refused", on_page=page, times=1)
    report = ask()
    assert (report.outcome, report.streams[0].counts.restarts) == ("complete", 1)
    assert len(small.requests("ListRecords")) <= 6 + page + 1
    ask.assert_same()


def test_a_window_whose_token_dies_twice_is_halved(ask: Asker, small: FakeRepository) -> None:
    small.misbehave("token_refused", on_page=2, times=2)
    report = ask()
    assert (report.outcome, report.streams[0].reason) == ("complete", "windows_agree")
    assert [row[0] for row in ask.rows(WINDOWS)] == ["split", "ended", "ended"]
    ask.assert_same()


def test_tokens_that_never_work_are_done_without(ask: Asker, small: FakeRepository) -> None:
    small.store.fill(40)
    small.misbehave("token_expires")
    report = ask()
    assert report.outcome == "complete", report.streams[0].sentence
    ask.assert_same()


@pytest.mark.parametrize("place", [0, 14, 29], ids=["first", "middle", "last"])
def test_a_record_that_breaks_every_list_is_had_by_its_identifier(
    place: int, ask: Asker, small: FakeRepository
) -> None:
    small.misbehave("poison", identifier=small.store.records[place].identifier, verb="ListRecords")
    report = ask()
    assert report.outcome.startswith("complete"), report.streams[0].sentence
    assert report.streams[0].counts.quarantined == 0
    assert any(row[1] == "GetRecord" for row in ask.rows(WINDOWS))
    ask.assert_same()


def test_a_record_that_cannot_be_had_at_all_costs_itself_alone(ask: Asker, small: FakeRepository) -> None:
    poison = next(each for each in small.store.records if not each.deleted).identifier
    small.misbehave("poison", identifier=poison, verb="ListRecords")
    small.misbehave("500", verb="GetRecord")
    report = ask()
    assert report.streams[0].counts.quarantined == 1
    assert {each.identifier for each in small.store.records} - set(ask.held()) == {poison}
    assert (
        ask.one("SELECT identifier FROM quarantine WHERE resolved_at IS NULL ORDER BY id DESC LIMIT 1")
        == poison
    )


def test_a_poisoned_record_without_dates_to_go_by_is_found_by_its_header(
    ask: Asker, small: FakeRepository
) -> None:
    small.misbehave("ignores_from")
    small.misbehave("ignores_until")
    small.misbehave("poison", verb="ListRecords")
    report = ask()
    assert (report.outcome, report.streams[0].reason) == ("complete_unverified", "held_as_listed")
    asked = len(small.requests("GetRecord"))
    assert 0 < asked <= 20, "what had come by lists was asked for again, one by one"
    ask.assert_same()


def test_a_repository_that_is_down_is_not_cut_to_pieces(ask: Asker, small: FakeRepository) -> None:
    listener, stop = stop_after(1)
    ask(listener=listener, stop=stop)
    small.misbehave("500")
    small.log.clear()
    assert ask().outcome in ("unreachable", "incomplete")
    assert len(small.log) < 15
    assert [row[0] for row in ask.rows(WINDOWS)].count("open") == 1
    small.behave()
    small.log.clear()
    assert ask().outcome == "complete"
    assert len(small.requests("ListRecords")) == 2, "the token was still good"
    ask.assert_same()


def test_a_set_that_is_lost_on_later_pages_takes_in_no_stranger(shared_engine: Engine) -> None:
    with FakeRepository(records=120, page_size=5) as fake:
        fake.misbehave("loses_set_on_later_pages")
        ask = Asker(shared_engine, fake)
        report = ask(sets=["item_type_2"])
        assert trait(ask, "set_on_later_pages") is False
        members = {name for name, each in ask.held().items() if "item_type_2" in each.sets}
        assert members == {each.identifier for each in fake.store.records if each.belongs("item_type_2")}
        assert report.outcome == "complete", report.streams[0].sentence


def test_a_set_that_is_ignored_makes_no_members(ask: Asker, small: FakeRepository) -> None:
    small.misbehave("ignores_set")
    report = ask(sets=["item_type_2"])
    assert (report.outcome, report.streams[0].reason) == ("complete_unverified", "set_not_honoured")
    assert trait(ask, "set_honoured") is False
    members = {name for name, each in ask.held().items() if "item_type_2" in each.sets}
    assert members == {each.identifier for each in small.store.records if "item_type_2" in each.sets}


def test_a_virtual_set_has_its_members_though_no_header_names_it(ask: Asker, small: FakeRepository) -> None:
    month = small.store.records[3].datestamp.strftime("month_year_%m_%Y")
    report = ask(sets=[month])
    assert report.outcome.startswith("complete")
    assert trait(ask, "set_honoured") is True
    assert {name for name, each in ask.held().items() if month in each.sets} == {
        each.identifier for each in small.store.records if each.belongs(month)
    }


def stop_after(pages: int) -> tuple[Listener, Callable[[], bool]]:
    seen: list[PageEvent] = []
    return Listener(on_page=seen.append), lambda: len(seen) >= pages


def test_the_stream_whose_token_ends_first_goes_first(ask: Asker, small: FakeRepository) -> None:
    assert ask(sets=["", "item_type_1"]).outcome.startswith("complete")
    small.store.restamp()
    listener, stop = stop_after(1)
    ask(sets=[""], listener=listener, stop=stop)
    small.log.clear()
    assert ask().outcome == "complete"
    assert "resumptionToken" in small.requests("ListRecords")[0].arguments


def test_a_rolling_harvest_finds_an_edit_that_moved_no_datestamp(ask: Asker, small: FakeRepository) -> None:
    assert ask().outcome == "complete"
    edited = next(each for each in small.store.records if not each.deleted)
    small.store.revise(edited.identifier, quietly=True)
    assert ask().streams[0].counts.updated == 0, "the edit was hidden by its datestamp"
    for _ in range(200):
        report = ask(wish=Wish(rolling=True))
        assert report.outcome.startswith("complete")
        if report.streams[0].counts.updated:
            break
    ask.assert_same()
    assert all("until" in each.arguments for each in small.requests("ListRecords")[-3:])


def test_a_repository_that_wants_the_format_beside_the_token_is_learned_and_harvested_whole(
    shared_engine: Engine,
) -> None:
    with FakeRepository(records=50, page_size=10, token_needs_prefix=True) as fake:
        ask = Asker(shared_engine, fake)
        assert ask().outcome == "complete"
        assert trait(ask, "token_needs_prefix") is True
        assert len(fake.requests("ListRecords")) == 5 + 1, "the refusal costs one request"
        ask.assert_same()
        fake.log.clear()
        assert ask(wish=Wish(full=True)).outcome == "complete"
        assert len(fake.requests("ListRecords")) == 5, "what was learned was forgotten"


def test_a_format_that_is_gone_says_so_and_keeps_what_it_brought(
    ask: Asker, small: FakeRepository, shared_engine: Engine
) -> None:
    assert ask(formats=["oai_dc"]).outcome == "complete"
    with shared_engine.begin() as connection:
        change = text(
            "UPDATE streams SET format = 'was_here' WHERE repository_id = (SELECT id FROM repositories WHERE name = :name)"
        )
        connection.execute(change, {"name": ask.name})
    report = ask(formats=["was_here"])
    assert (report.outcome, report.streams[0].reason) == ("refused", "format_gone")
    assert "oai_datacite" in str(report.streams[0].sentence)
    assert len(ask.held()) == 30


@pytest.mark.parametrize(
    "earliest", ["now", "1970-01-01T00:00:00Z", "2023-01-01T00:00:00Z", " ", "last summer"]
)
def test_an_earliest_datestamp_that_is_wrong_loses_nothing_older(
    earliest: str, shared_engine: Engine
) -> None:
    said = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if earliest == "now" else earliest
    with FakeRepository(records=100, page_size=10, latency=0.01, earliest=said) as fake:
        fake.misbehave("token_refused", on_page=3, times=2)
        ask = Asker(shared_engine, fake)
        assert ask(longest_list=SOON).outcome.startswith("complete")
        ask.assert_same()


def test_one_second_too_large_for_its_tokens_is_read_record_by_record(
    ask: Asker, small: FakeRepository
) -> None:
    small.store.restamp()
    small.misbehave("token_refused", verb="ListRecords")
    told: list[str] = []
    report = ask(listener=Listener(tell=told.append))
    assert report.outcome.startswith("complete"), report.streams[0].sentence
    assert any("one by one" in sentence for sentence in told)
    ask.assert_same()


@pytest.mark.parametrize("page_size", [40, 10], ids=["one page", "many pages"])
def test_a_quiet_edit_is_fetched_one_by_one_or_the_harvest_is_not_called_complete(
    page_size: int, shared_engine: Engine
) -> None:
    with FakeRepository(records=30, page_size=page_size) as fake:
        ask = Asker(shared_engine, fake)
        fake.store.restamp()
        assert ask().outcome == "complete" or page_size == 40
        edited = [each.identifier for each in fake.store.records if not each.deleted][:2]
        for each in edited:
            fake.store.revise(each, quietly=True)
        fake.misbehave("poison", identifier=edited[0], verb="ListRecords")
        report = ask()
        if page_size == 40:
            assert report.streams[0].counts.updated == 2
            ask.assert_same()
        else:
            assert report.outcome == "complete_unverified", report.streams[0].sentence


@pytest.mark.parametrize("sized", [True, False])
def test_a_full_page_does_not_pass_for_a_short_one_because_another_had_a_twin_on_it(
    sized: bool, shared_engine: Engine
) -> None:
    with FakeRepository(records=60, page_size=10, complete_list_size=sized) as fake:
        fake.misbehave("duplicates", times=1)
        fake.misbehave("silent_truncation")
        fake.misbehave("no_token_on_last_page")
        ask = Asker(shared_engine, fake)
        report = ask()
        assert report.outcome != "complete", report.streams[0].sentence
        fake.behave()
        ask(wish=Wish(full=True))
        ask.assert_same()


def test_a_full_page_that_lost_its_token_is_found_out_by_the_identifiers(shared_engine: Engine) -> None:
    with FakeRepository(records=60, page_size=10) as fake:
        fake.misbehave("silent_truncation", verb="ListRecords", times=1)
        fake.misbehave("no_token_on_last_page", verb="ListRecords", times=1)
        ask = Asker(shared_engine, fake)
        first = ask()
        assert (first.outcome, first.streams[0].reason) == ("complete_unverified", "size_differs")
        assert ask().outcome == "complete", "the watermark did not move: all of it was asked for again"
        ask.assert_same()
