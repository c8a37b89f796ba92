"""What cannot be read: asked for once at the end of its harvest, tried again when its day has come, and never forgotten."""

import itertools
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from asking import QUICK, Asker
from command_line import start, wait_until
from sqlalchemy import Engine, text

from harvester.catalogue import retries
from harvester.catalogue.retries import Quarantined
from harvester.cli.quarantine import exit_code as code_of
from harvester.cli.reports import exit_code
from harvester.crosswalk import registry
from harvester.errors import ConfigError
from harvester.harvest.harvest import Request, harvest
from harvester.harvest.plans import Wish
from harvester.harvest.replaying import read_again, whole
from harvester.harvest.retrying import RetryReport, RetryRequest, StreamRetry, retry
from harvester.mock import FakeRepository
from harvester.oai import datestamps
from harvester.oai.canonical import canonical
from harvester.oai.parsing import strict
from harvester.oai.records import Header, Record

FULL = Wish(full=True)
LONG = {"503_retry_after": {"seconds": 3600}}  # longer than anybody sleeps
EVERYWHERE = ("ListRecords", "ListIdentifiers", "GetRecord")
BOTH = ("ListRecords", "GetRecord")
WAITING = (
    "SELECT count(*) FROM quarantine q JOIN repositories p ON p.id = q.repository_id"
    " WHERE p.name = :name AND resolved_at IS NULL"
)
ROWS = (
    "SELECT q.identifier, reason, tries, resolution, raw, evidence FROM quarantine q"
    " JOIN repositories p ON p.id = q.repository_id WHERE p.name = :name ORDER BY q.id"
)
_seeds = itertools.count(1)


def again(ask: Asker, **options: Any) -> RetryReport:
    """Try again once, whatever its day."""
    stop = options.pop("stop", lambda: False)
    settled = {"now": True, "wait": 0.0, "limits": QUICK, "jitter": lambda: -0.5} | options
    return retry(ask.engine, RetryRequest(ask.name, **settled), stop=stop)


def only(report: RetryReport) -> StreamRetry:
    (stream,) = report.streams
    return stream


def change(ask: Asker, statement: str, **values: Any) -> None:
    """Change rows of the repository's quarantine."""
    mine = " WHERE repository_id = (SELECT id FROM repositories WHERE name = :name)"
    with ask.engine.begin() as connection:
        connection.execute(text(f"UPDATE quarantine SET {statement}{mine}"), {"name": ask.name} | values)


def named(fake: FakeRepository) -> list[str]:
    """The identifiers that were asked for by GetRecord."""
    return [each.arguments["identifier"] for each in fake.requests("GetRecord")]


def quarantined(ask: Asker, fake: FakeRepository, fault: str = "broken_record") -> list[str]:
    """Harvest with one broken record on each of three pages, also when it is asked for; their identifiers."""
    fake.misbehave(fault, verb=BOTH)
    report = ask()
    assert (report.outcome, report.streams[0].counts.quarantined, exit_code(report)) == ("complete", 3, 3)
    fake.behave()
    return [each[0] for each in ask.rows(ROWS)]


# At the end of the harvest


def test_what_comes_broken_in_a_list_and_whole_by_itself_needs_no_person(
    ask: Asker, small: FakeRepository
) -> None:
    small.misbehave("broken_record", verb="ListRecords")
    report = ask()
    assert (report.outcome, exit_code(report)) == ("complete", 0)
    counts = report.streams[0].counts
    assert (counts.received, counts.created, counts.quarantined) == (30, 30 - counts.deleted, 0)
    assert len(set(named(small))) == len(small.requests("GetRecord")) == 3
    ask.assert_same()
    assert {each[3] for each in ask.rows(ROWS)} == {"came_whole"}, "the rows and their bytes stay"
    last = "SELECT quarantined FROM runs r JOIN streams s ON s.id = stream_id JOIN repositories p ON p.id = repository_id"
    assert ask.one(last + " WHERE p.name = :name") == 0


def test_at_most_twenty_are_asked_for_at_the_end_of_a_harvest(shared_engine: Engine) -> None:
    with FakeRepository(records=24, page_size=1, seed=next(_seeds)) as fake:
        live = sum(not each.deleted for each in fake.store.records)
        fake.misbehave("broken_record", verb="ListRecords")
        ask = Asker(shared_engine, fake)
        report = ask()
        assert len(fake.requests("GetRecord")) == 20
        assert exit_code(report) == 3
        assert report.streams[0].counts.quarantined == ask.one(WAITING) == live - 20
        assert only(again(ask)).came.came_whole == live - 20
        ask.assert_same()


def test_what_comes_broken_by_itself_as_well_waits_for_a_day_with_its_bytes(
    ask: Asker, small: FakeRepository
) -> None:
    quarantined(ask, small)
    assert len(small.requests("GetRecord")) == 3, "asked for once"
    with ask.engine.connect() as connection:
        found = [each for each in retries.find(connection) if each.repository == ask.name]
        kept = [retries.read(connection, each.id) for each in found]
    assert {each.tries for each in found} == {0}
    assert {round((each.retry_at - each.first_seen).total_seconds() / 3600) for each in found} == {24}
    for each in kept:
        assert each is not None
        row, raw = each
        assert raw.startswith(b"<record>")
        assert raw.endswith(b"</record>")
        assert row.position is not None
        assert row.position > 0
        assert row.evidence is not None
        assert row.evidence["url"].startswith(small.url)
    assert not any(each.deleted for each in small.store.records if each.identifier in named(small))


@pytest.mark.parametrize("fault", ["403", "500", "503_retry_after"])
def test_a_harvest_is_as_complete_where_records_cannot_be_asked_for(
    fault: str, ask: Asker, small: FakeRepository
) -> None:
    small.misbehave("broken_record", verb="ListRecords")
    small.misbehave(fault, verb="GetRecord", **LONG.get(fault, {}))
    report = ask()
    assert (report.outcome, exit_code(report), report.streams[0].counts.quarantined) == ("complete", 3, 3)
    assert len(set(named(small))) <= 2, "a harvest does not wait for what does not work"
    small.behave()
    ask.forgive()
    assert only(again(ask)).came.came_whole == 3
    ask.assert_same()


# When its day has come


def test_nothing_is_asked_for_before_its_day(ask: Asker, small: FakeRepository) -> None:
    quarantined(ask, small)
    before = len(small.log)
    report = again(ask, now=False)
    assert (report.outcome, code_of(report)) == ("complete", 0)
    stream = only(report)
    assert (stream.came.asked, stream.waiting.number, stream.waiting.due) == (0, 3, 0)
    assert stream.waiting.next_at is not None
    assert len(small.log) == before
    change(ask, "retry_at = now()")
    assert only(again(ask, now=False)).came.came_whole == 3
    ask.assert_same()


def test_what_comes_whole_is_committed_and_released_under_a_run_of_its_own(
    ask: Asker, small: FakeRepository
) -> None:
    waited = quarantined(ask, small)
    before = len(small.log)
    report = again(ask)
    assert (report.outcome, code_of(report)) == ("complete", 0)
    stream = only(report)
    assert (stream.came.asked, stream.came.came_whole, stream.counts.created) == (3, 3, 3)
    assert (stream.waiting.number, stream.counts.requests) == (0, 3)
    assert [each.arguments["identifier"] for each in small.log[before:]] == waited
    ask.assert_same()
    runs = (
        "SELECT kind, outcome, r.requests FROM runs r JOIN streams s ON s.id = stream_id JOIN repositories p"
    )
    runs += " ON p.id = repository_id WHERE p.name = :name ORDER BY r.id"
    assert ask.rows(runs)[-1] == ("retry", "complete", 3)
    feed = (
        "SELECT count(*) FROM pages g JOIN runs r ON r.id = g.run_id WHERE r.kind = 'retry' AND g.changed = 1"
    )
    assert ask.one(feed) >= 3, "whoever follows the feed hears of them"
    assert again(ask).streams == [], "nothing waits any more"


def test_what_is_broken_still_waits_twice_as_long_and_is_no_new_trouble(
    ask: Asker, small: FakeRepository
) -> None:
    quarantined(ask, small)
    small.misbehave("broken_record", verb=BOTH)
    report = again(ask)
    assert (report.outcome, code_of(report), only(report).came.in_vain) == ("complete", 0, 3)
    assert {(each[1], each[2]) for each in ask.rows(ROWS)} == {("malformed_record", 1)}
    assert only(again(ask, now=False)).came.asked == 0


def test_a_request_that_fails_does_not_replace_the_bytes_that_came(ask: Asker, small: FakeRepository) -> None:
    quarantined(ask, small)
    before = {each[0]: each[4] for each in ask.rows(ROWS)}
    small.misbehave("500", verb="GetRecord", times=6)  # two records, three tries each
    came = only(again(ask)).came
    assert (came.in_vain, came.came_whole) == (2, 1)
    failed = [each for each in ask.rows(ROWS) if each[3] is None]
    assert [(reason, tries) for _, reason, tries, *_ in failed] == [("malformed_record", 1)] * 2
    for identifier, *_, raw, evidence in failed:
        assert raw == before[identifier]
        assert (evidence["status"], evidence["reason"]) == (500, "http_500")


def test_what_the_repository_no_longer_knows_is_gone_and_what_is_held_stays(
    ask: Asker, small: FakeRepository
) -> None:
    ask()
    small.misbehave("broken_record", verb=BOTH)
    assert ask(wish=FULL).streams[0].counts.quarantined == 3
    small.behave()
    waited = [each[0] for each in ask.rows(ROWS)]
    small.store.vanish(waited[0])
    small.store.delete(waited[1])
    came = only(again(ask)).came
    assert (came.gone, came.in_vain, came.came_whole) == (0, 1, 2), (
        "an index that is being rebuilt knows nothing either"
    )
    assert only(again(ask)).came.gone == 1
    held = ask.held()
    assert not held[waited[0]].deleted, "only a reconciliation deletes what is absent"
    assert held[waited[1]].deleted, "a tombstone comes whole, too"
    assert {each[0]: each[3] for each in ask.rows(ROWS)}[waited[0]] == "gone"


def test_empty_metadata_waits_until_it_is_filled(ask: Asker, small: FakeRepository) -> None:
    quarantined(ask, small, "empty_metadata")
    assert small.requests("GetRecord") == [], "it would only come empty again, at once"
    small.misbehave("empty_metadata", verb=BOTH)
    assert only(again(ask)).came.in_vain == 3
    small.behave()
    assert only(again(ask)).came.came_whole == 3
    ask.assert_same()


def test_what_has_no_identifier_stays_and_is_told(ask: Asker, small: FakeRepository) -> None:
    small.misbehave("no_identifier")
    assert exit_code(ask()) == 3
    small.behave()
    asked = len(small.log)
    stream = only(again(ask))
    assert (stream.came.asked, stream.waiting.number, stream.waiting.unaskable) == (0, 3, 3)
    assert len(small.log) == asked
    ask(wish=FULL)
    ask.assert_same()
    assert ask.one(WAITING) == 3, "nobody can tell which records they were: they are kept"


# Read again without asking


def test_bytes_that_a_later_release_can_read_are_read_without_asking(
    ask: Asker, small: FakeRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(registry, "MOST_CHILDREN", 1)
        report = ask()
        live = sum(not each.deleted for each in small.store.records)
        assert report.streams[0].counts.quarantined == live
        assert {each[1] for each in ask.rows(ROWS)} == {"too_many_elements"}
        assert only(again(ask, now=False)).came.replayed == 0, "today's code reads them as little"
        change(ask, "tries = 2")
        ask(wish=FULL)
        assert {each[2] for each in ask.rows(ROWS)} == {2}, "what comes again does not begin anew"
    small.close()
    report = again(ask, now=False)
    assert (report.outcome, only(report).came.replayed, only(report).waiting.number) == ("complete", live, 0)
    ask.assert_same()
    assert only_counts(report) == (live, 0)
    small.start()
    counts = harvest(ask.engine, Request(small.url, wish=FULL, name=f"{ask.name}-again")).streams[0].counts
    assert counts.created == live
    hashes = (
        "SELECT count(DISTINCT hash) = count(*) / 2 FROM records r JOIN repositories p ON p.id = r.repository_id"
        " WHERE NOT deleted AND p.name IN (:name, :name || '-again')"
    )
    assert ask.one(hashes), "what was read from bytes is the same as what is harvested"


@pytest.mark.parametrize(
    "metadata",
    [
        '<a b="1">no namespace<c/></a>',
        '<a xmlns="http://x.example/"><b xmlns="">none in one</b></a>',
        '<x:a xmlns:x="http://x.example/"><b xmlns="http://y.example/"/></x:a>',
        "<a>&amp; in that of the response, which is in scope</a>",
    ],
)
@pytest.mark.parametrize("default", ["", ' xmlns="http://www.openarchives.org/OAI/2.0/"'])
def test_a_record_that_is_kept_whole_is_read_again_as_the_same(metadata: str, default: str) -> None:
    place = ("oai:x:1 & <2>", "2024-01-01T00:00:00Z", ("a", "b:c"))
    body = f"<metadata{default}>{metadata}</metadata>"
    stamp = datestamps.parse(place[1])
    assert stamp is not None
    xml = canonical(strict(body.encode())[0])
    record = Record(Header(place[0], stamp, place[2]), strict(body.encode())[0], (b"<about><x/></about>",))
    now = datetime(2024, 5, 1, tzinfo=UTC)
    row = Quarantined(
        1, "x", 1, "oai_dc", "", place[0], "too_many_elements", None, None, 1, 0, now, now, now, None, None
    )
    page = read_again(row, whole(record, xml))
    assert page is not None
    (again,) = page.records
    assert again.metadata is not None
    assert canonical(again.metadata) == xml
    assert (again.header.identifier, again.header.datestamp.raw, again.header.set_specs) == place
    assert len(again.about) == 1
    assert read_again(replace(row, identifier="oai:x:3"), whole(record, xml)) is None, "another record"


def only_counts(report: RetryReport) -> tuple[int, int]:
    counts = only(report).counts
    return counts.created, counts.requests


def test_bytes_without_a_known_identifier_do_not_overwrite_what_has_come_since(
    ask: Asker, small: FakeRepository
) -> None:
    small.misbehave("no_identifier", times=1)
    ask()
    small.behave()
    ask(wish=FULL)
    ask.assert_same()
    # As if a fix of ours could read the identifier now.
    record = next(each for each in small.store.records if not each.deleted)
    old = (
        f'<record xmlns="http://www.openarchives.org/OAI/2.0/"><header><identifier>{record.identifier}</identifier>'
        "<datestamp>2001-01-01T00:00:00Z</datestamp></header><metadata><a>old</a></metadata></record>"
    )
    import zstandard

    change(ask, "raw = :raw", raw=zstandard.compress(old.encode()))
    stream = only(again(ask))
    assert (stream.came.replayed, stream.counts.updated, stream.waiting.number) == (1, 0, 0)
    ask.assert_same()


# Dates between which nothing could be had


def poisoned(ask: Asker, small: FakeRepository) -> int:
    """Harvest with a record that no list may hold; how many windows cannot be read for it: two where it is a bound."""
    small.misbehave("poison")
    report = ask()
    assert (report.streams[0].reason, exit_code(report)) == ("unreadable", 3)
    found = [each[:2] for each in ask.rows(ROWS)]
    assert set(found) == {(None, "unreadable_window")}
    assert len(found) <= 2
    small.behave()
    return len(found)


def test_dates_that_could_not_be_read_are_listed_again(ask: Asker, small: FakeRepository) -> None:
    number = poisoned(ask, small)
    before = len(small.log)
    stream = only(again(ask))
    assert (stream.came.came_whole, stream.waiting.number) == (number, 0)
    for request in small.log[before:]:
        assert (request.verb, sorted(request.arguments)) == (
            "ListRecords",
            ["from", "metadataPrefix", "until"],
        )
    assert len(small.log) == before + number
    ask.assert_same()


def test_dates_whose_list_still_fails_are_read_record_by_record(ask: Asker, small: FakeRepository) -> None:
    number = poisoned(ask, small)
    small.misbehave("poison", verb="ListRecords")
    stream = only(again(ask))
    assert (stream.came.came_whole, stream.waiting.number) == (number, 0)
    assert small.requests("GetRecord")
    ask.assert_same()


def test_a_record_that_alone_is_at_fault_takes_the_place_of_its_dates(
    ask: Asker, small: FakeRepository
) -> None:
    number = poisoned(ask, small)
    small.misbehave("poison", verb="ListRecords")
    small.misbehave("500", verb="GetRecord")
    report = again(ask)
    came = only(report).came
    assert (came.came_whole, came.quarantined, code_of(report)) == (number, 1, 3), "this run put it there"
    assert [each[1] for each in ask.rows(ROWS)] == [*["unreadable_window"] * number, "http_500"]
    small.behave()
    again(ask)
    ask.assert_same()


def test_dates_that_fail_still_wait_twice_as_long(ask: Asker, small: FakeRepository) -> None:
    number = poisoned(ask, small)
    before = ask.rows(ROWS)
    small.misbehave("poison")
    report = again(ask)
    assert (only(report).came.in_vain, code_of(report)) == (number, 0)
    for was, (*_, tries, resolution, raw, evidence) in zip(before, ask.rows(ROWS), strict=True):
        assert (tries, resolution, raw) == (1, None, was[4])
        assert evidence["status"] == 500
    small.behave()
    assert only(again(ask)).came.came_whole == number
    ask.assert_same()


# Limits, troubles, deaths


def test_a_limit_leaves_the_others_for_the_next_call(ask: Asker, small: FakeRepository) -> None:
    quarantined(ask, small)
    before = len(small.log)
    stream = only(again(ask, limit=2))
    assert (stream.came.came_whole, stream.waiting.number, len(small.log) - before) == (2, 1, 2)
    assert "1 more are due" in str(stream.verdict.sentence)
    assert only(again(ask, limit=2)).came.came_whole == 1


def test_a_repository_that_fails_every_time_is_left_alone_after_six(shared_engine: Engine) -> None:
    with FakeRepository(records=40, page_size=5, seed=next(_seeds)) as fake:
        ask = Asker(shared_engine, fake)
        fake.misbehave("empty_metadata", verb="ListRecords")
        ask()
        fake.behave()
        fake.misbehave("500", verb="GetRecord")
        report = again(ask)
        assert (report.outcome, code_of(report)) == ("unreachable", 1)
        assert len(set(named(fake))) == 6
        assert "6 requests in a row have failed" in str(only(report).verdict.sentence)
        fake.behave()
        assert only(again(ask)).came.came_whole == 8, "those that were not reached come first"
        ask.assert_same()


@pytest.mark.parametrize(
    ("fault", "outcome", "code"), [("503_retry_after", "incomplete", 3), ("403", "refused", 1)]
)
def test_a_repository_that_wants_no_requests_is_obeyed_and_nothing_counts_as_tried(
    fault: str, outcome: str, code: int, ask: Asker, small: FakeRepository
) -> None:
    quarantined(ask, small)
    small.misbehave(fault, verb="GetRecord", **LONG.get(fault, {}))
    report = again(ask)
    assert (report.outcome, code_of(report)) == (outcome, code)
    assert {each[2] for each in ask.rows(ROWS)} == {0}
    small.behave()
    ask.forgive()
    assert only(again(ask)).came.came_whole == 3


def test_who_stops_it_finds_the_rest_waiting(ask: Asker, small: FakeRepository) -> None:
    quarantined(ask, small)
    before = len(small.log)
    report = again(ask, stop=lambda: len(small.log) > before)
    assert (report.outcome, code_of(report)) == ("interrupted", 130)
    assert ask.one(WAITING) == 2
    assert only(again(ask)).came.came_whole == 2
    ask.assert_same()


def test_a_retry_that_is_killed_leaves_no_trace(database_url: str, engine: Engine) -> None:
    with FakeRepository(records=60, page_size=3, latency=0.02) as fake:
        fake.misbehave("empty_metadata", verb="ListRecords")
        ask = Asker(engine, fake)
        ask()
        fake.behave()
        waits = ask.one(WAITING)
        for more in (2, 5):
            before = len(fake.requests("GetRecord"))
            process = start(database_url, "quarantine", "retry", ask.name, "--now", stderr=subprocess.DEVNULL)
            wait_until(lambda before=before, more=more: len(fake.requests("GetRecord")) >= before + more)  # type: ignore[misc]
            process.kill()
            process.communicate()
        assert 0 < ask.one(WAITING) < waits
        assert only(again(ask)).verdict.outcome == "complete"
        ask.assert_same()
        assert ask.one(WAITING) == 0
        assert len(fake.requests("GetRecord")) <= waits + 2, "what came is not asked for again"
        ended = "SELECT outcome, count(*) FROM runs WHERE kind = 'retry' GROUP BY 1 ORDER BY 1"
        assert ask.rows(ended) == [("complete", 1), ("interrupted", 2)]


def test_a_retry_says_nothing_of_how_the_stream_stands(ask: Asker, small: FakeRepository) -> None:
    small.misbehave("empty_metadata", verb="ListRecords")
    small.misbehave("silent_truncation")
    ask()
    small.behave()
    from harvester.catalogue.status import status

    def shown() -> dict[str, Any]:
        with ask.engine.connect() as connection:
            (stream,) = status(connection, ask.name)["repositories"][0]["streams"]
        return {"state": stream["state"], "last": stream["last_run"]["outcome"]}

    before = shown()
    again(ask)
    assert shown() == before


def test_a_source_that_is_not_registered_is_a_mistake_of_the_call(shared_engine: Engine) -> None:
    with pytest.raises(ConfigError, match="no repository is registered"):
        retry(shared_engine, RetryRequest("nobody"))
