"""A probe finds out what a repository does: each lie by its trait, politely, and without leaving anything behind."""

import itertools
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from asking import QUICK, Asker
from sqlalchemy import Engine, text

from harvester.catalogue import hosts
from harvester.catalogue.status import status
from harvester.errors import ConfigError, Interrupted
from harvester.harvest.probe_report import ProbeReport
from harvester.harvest.probing import ProbeRequest, probe
from harvester.mock import FakeRepository
from harvester.oai import probe as questions
from harvester.oai.probe_capture import redacted
from harvester.oai.probe_inquiry import Inquiry
from harvester.oai.repository import Repository
from harvester.oai.traits import Traits
from harvester.wire import Client, Patience, host_of

EVERY_VERB = ("Identify", "ListMetadataFormats", "ListSets", "ListIdentifiers", "ListRecords", "GetRecord")
MOST = 35  # requests to a repository that answers


@pytest.fixture
def big() -> Iterator[FakeRepository]:
    """250 records in pages of 20, in no order, with sets that take several pages."""
    with FakeRepository(records=250, page_size=20) as repository:
        yield repository


def look(engine: Engine, fake: FakeRepository | str, **options: Any) -> ProbeReport:
    source = fake if isinstance(fake, str) else fake.url
    settled = {"limits": QUICK, "jitter": lambda: -0.5, "wait": 0.0}
    return probe(engine, ProbeRequest(source, **settled | options))


def values(report: ProbeReport) -> dict[str, Any]:
    return {name: each["value"] for name, each in report.traits.items()}


def registered(engine: Engine, fake: FakeRepository) -> int:
    with engine.connect() as connection:
        found = text("SELECT count(*) FROM repositories WHERE base_url LIKE :url")
        return int(connection.scalar(found, {"url": f"{fake.url}%"}) or 0)


TRUTH = {
    "granularity": "YYYY-MM-DDThh:mm:ssZ",
    "dates_honoured": True,
    "dates_on_later_pages": True,
    "from_equals_until": True,
    "until_inclusive": True,
    "until_whole_day": True,
    "before_earliest": "no_records_match",
    "earliest_truthful": True,
    "set_honoured": True,
    "set_on_later_pages": True,
    "sets_in_headers": True,
    "sets_listed": True,
    "order": "none",
    "page_size": 20,
    "token_life": 3600.0,
    "idempotent_tokens": True,
    "single_use_tokens": False,
    "sends_size": True,
    "records": 250,
    "repeated": 0,
    "list_identifiers": True,
    "needs_from": False,
    "get_record": True,
    "gzip": True,
    "post": True,
    "clock_skew": 0.0,
}


def test_a_repository_that_keeps_its_word_is_told_so_in_few_polite_requests(
    shared_engine: Engine, big: FakeRepository
) -> None:
    report = look(shared_engine, big)
    found = values(report)
    assert {name: found[name] for name in TRUTH} == TRUTH
    assert found["sets"] == len(big.store.sets()) == report.sets["listed"]
    assert set(found) == set(Traits.__slots__)
    assert report.outcome == "complete"
    assert (report.requests, len(big.log) <= 25) == (len(big.log), True)
    assert not any(access.overlapping for access in big.log)
    assert registered(shared_engine, big) == 0


def test_what_was_not_observed_says_why(shared_engine: Engine, big: FakeRepository) -> None:
    report = look(shared_engine, big)
    open_ = {name: each["how"] for name, each in report.traits.items() if each["value"] is None}
    assert set(open_) >= {"retry_after", "size_truthful"}
    assert all(how.startswith("not observed: ") and len(how) > 20 for how in open_.values())
    assert all(each["how"] for each in report.traits.values())


def test_the_formats_are_read_and_a_full_harvest_is_reckoned(
    shared_engine: Engine, big: FakeRepository
) -> None:
    report = look(shared_engine, big, pace=0.02)
    formats = {each["prefix"]: each for each in report.formats}
    assert {name: each["crosswalks"] for name, each in formats.items()} == {
        "oai_dc": ["dc"],
        "oai_datacite": ["oai_datacite"],
        "qdc": ["qdc"],
    }
    assert all(each["parse_rate"] == 1.0 and each["read"] == each["live"] for each in formats.values())
    assert formats["oai_datacite"]["namespace"] == "http://schema.datacite.org/oai/oai-1.1/"
    for each in report.estimate:
        assert (each.records, each.page_size, each.requests) == (250, 20, 13)
        assert each.hours == pytest.approx(13 * each.seconds_per_page / 3600, rel=0.05)
        assert each.seconds_per_page >= 0.02
        assert each.in_windows is False
    assert any("cannot be seen from outside" in sentence for sentence in report.advice)


@dataclass(frozen=True)
class Lie:
    """A fault, the traits that it must show in, and a word of the advice."""

    fault: str
    traits: dict[str, Any]
    advice: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    repository: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return "-".join([self.fault, *self.options])


LIES = [
    Lie("ignores_from", {"dates_honoured": False, "dates_on_later_pages": False}, "`from` has no effect"),
    Lie("ignores_until", {"dates_honoured": False, "granularity": TRUTH["granularity"]}, "`until` has no"),
    Lie("ignores_until", {"dates_honoured": False}, "", repository={"granularity": "days"}),
    Lie(
        "loses_dates_on_later_pages",
        {"dates_honoured": True, "dates_on_later_pages": False},
        "first page only",
    ),
    Lie(
        "exclusive_until",
        {"from_equals_until": False, "until_inclusive": False, "dates_honoured": True},
        "leaves its own moment out",
    ),
    Lie(
        "exclusive_until",
        {"from_equals_until": False, "until_inclusive": False},
        repository={"granularity": "days"},
    ),
    Lie("until_means_midnight", {"until_whole_day": False, "until_inclusive": True}, "a day as `until`"),
    Lie("granularity_liar", {"granularity": "YYYY-MM-DD", "dates_honoured": True}, "asked by day"),
    Lie("refuses_dates", {"dates_honoured": False, "granularity": None}, "every harvest reads the whole"),
    Lie("nothing_without_from", {"needs_from": True, "order": "none"}, "--from"),
    Lie("ignores_set", {"set_honoured": False, "set_on_later_pages": False}, "without --set"),
    Lie("loses_set_on_later_pages", {"set_honoured": True, "set_on_later_pages": False}, "without --set"),
    Lie("sets_in_pages", {"sets_listed": True, "sets": 57}, options={"size": 20}),
    Lie("sets_in_pages", {"sets_listed": True, "sets": None}, options={"size": 5}),
    Lie("endless_sets", {"sets_listed": True, "sets": None}, "it has no end"),
    Lie("endless_sets", {"sets_listed": True, "sets": None}, options={"fresh": True}),
    Lie("sets_missing", {"sets": 3}, "missing from ListSets"),
    Lie("sets_refused", {"sets_listed": False, "sets": None, "set_honoured": True}),
    Lie("token_used_once", {"single_use_tokens": True, "idempotent_tokens": False}, "refused the second"),
    Lie("drifting_pages", {"order": "descending", "dates_honoured": True, "dates_on_later_pages": True}),
    Lie("duplicates", {"repeated": 10}, options={"count": 2}),
    Lie("wrong_size", {"size_truthful": False}, "not to be trusted", repository={"records": 60}),
    Lie("silent_truncation", {"size_truthful": False, "records": 20}, "not to be trusted"),
    Lie("clock_skew", {"clock_skew": -50400.0}, "14.0 hours behind", options={"hours": -14.0}),
    Lie("token_cycle", {"page_size": 20}, "turns in a circle"),
    Lie("empty_middle_page", {"page_size": 20}, "hold no record, and have a token"),
    Lie("same_token_text", {"repeated": 0, "order": "none"}),
    Lie("awkward_token", {"idempotent_tokens": True, "dates_on_later_pages": True}),
    Lie("no_records_match_as_empty_list", {"before_earliest": "empty_list"}),
    Lie("no_records_match_422", {"before_earliest": "no_records_match"}),
    Lie("missing_datestamp", {"dates_honoured": True}),
    Lie("post_refused", {"post": False, "dates_honoured": True}),
    Lie("redirect", {"idempotent_tokens": True, "dates_honoured": True}, "has moved for good"),
]


@pytest.mark.parametrize("lie", LIES, ids=str)
def test_a_lie_is_found_out(lie: Lie, shared_engine: Engine) -> None:
    with FakeRepository(**{"records": 250, "page_size": 20} | lie.repository) as fake:
        fake.misbehave(lie.fault, **lie.options)
        report = look(shared_engine, fake)
    found = values(report)
    assert {name: found[name] for name in lie.traits} == lie.traits, report.traits
    assert any(lie.advice in sentence for sentence in report.advice), report.advice
    assert report.outcome == "complete"
    assert len(fake.log) <= MOST * (2 if lie.fault == "redirect" else 1)


def test_figshares_scrolls_and_small_pages_are_seen(shared_engine: Engine) -> None:
    with FakeRepository(records=300, page_size=10, token_style="scroll") as fake:
        report = look(shared_engine, fake)
    found = values(report)
    assert (found["idempotent_tokens"], found["single_use_tokens"], found["page_size"]) == (False, False, 10)
    assert any("brings another page" in sentence for sentence in report.advice)
    assert any("small page" in sentence for sentence in report.advice)


def test_zenodos_short_token_life_is_told_with_its_deadline(shared_engine: Engine) -> None:
    with FakeRepository(records=100, page_size=20, token_life=120) as fake:
        report = look(shared_engine, fake)
    assert values(report)["token_life"] == 120.0
    assert any("tokens live 120 s" in sentence and "90 s" in sentence for sentence in report.advice)


def test_tokens_without_a_life_and_lists_without_a_size_are_told(shared_engine: Engine) -> None:
    with FakeRepository(records=100, page_size=20, token_life=None, complete_list_size=False) as fake:
        report = look(shared_engine, fake)
    found = values(report)
    assert (found["token_life"], found["sends_size"], found["records"]) == (None, False, 100)
    assert found["headers_sized"] is False
    assert any("do not tell their size" in sentence for sentence in report.advice)


@pytest.mark.parametrize(
    ("settings", "traits", "advised"),
    [
        ({"records": 0}, {"records": None, "order": None, "get_record": None}, "lists no record at all"),
        ({"records": 1}, {"from_equals_until": True, "idempotent_tokens": None, "dates_honoured": None}, ""),
        ({"with_sets": False}, {"sets_listed": False, "sets": 0, "sets_in_headers": False}, ""),
        ({"granularity": "days"}, {"granularity": "YYYY-MM-DD", "dates_on_later_pages": True}, ""),
        ({"deleted_record": "no"}, {"tombstones": None}, "deletions are never told"),
        ({"deleted_record": "transient"}, {"tombstones": None}, "for a while only"),
    ],
    ids=str,
)
def test_what_is_unusual_and_no_lie_is_told_as_it_is(
    settings: dict[str, Any], traits: dict[str, Any], advised: str, shared_engine: Engine
) -> None:
    with FakeRepository(**{"records": 120, "page_size": 20} | settings) as fake:
        report = look(shared_engine, fake)
    found = values(report)
    assert {name: found[name] for name in traits} == traits, report.traits
    assert any(advised in sentence for sentence in report.advice)
    assert report.outcome == "complete"


def test_records_that_all_carry_one_datestamp_prove_nothing_about_dates(shared_engine: Engine) -> None:
    with FakeRepository(records=120, page_size=20) as fake:
        fake.store.restamp()
        found = look(shared_engine, fake).traits
    assert found["dates_honoured"]["value"] is None
    assert "too close together" in found["dates_honoured"]["how"]


def test_deleted_headers_that_come_are_noticed(shared_engine: Engine, big: FakeRepository) -> None:
    big.store.delete(big.store.records[3].identifier)
    assert values(look(shared_engine, big))["tombstones"] is True


def test_a_pause_that_the_host_asks_for_is_obeyed_and_told(
    shared_engine: Engine, big: FakeRepository
) -> None:
    big.misbehave("503_retry_after", seconds=1, times=1)
    report = look(shared_engine, big)
    assert values(report)["retry_after"] == 1.0
    assert report.outcome == "complete"
    assert values(report)["dates_honoured"] is True


@pytest.mark.parametrize("fault", ["500", "cut_page", "error_without_code", "reset", "bare_ampersand"])
def test_lists_that_fail_leave_the_rest_of_the_answers_standing(fault: str, shared_engine: Engine) -> None:
    with FakeRepository(records=100, page_size=20) as fake:
        fake.misbehave(fault, verb="ListIdentifiers")
        report = look(shared_engine, fake)
        assert len(fake.log) <= MOST
    found = values(report)
    assert found["list_identifiers"] is (fault == "bare_ampersand")
    assert (found["sets"], found["page_size"], found["dates_honoured"]) == (report.sets["listed"], 20, True)


def test_a_repository_that_fails_in_every_list_is_left_alone_soon(shared_engine: Engine) -> None:
    with FakeRepository(records=100, page_size=20) as fake:
        fake.misbehave("500")
        report = look(shared_engine, fake)
        assert len(fake.log) <= 15
    assert report.outcome == "incomplete"
    assert "HTTP 500" in str(report.sentence)
    assert values(report)["sets_listed"] is True
    assert all(each["value"] is not None or "not observed" in each["how"] for each in report.traits.values())


def test_a_door_that_is_shut_half_way_ends_the_probe(shared_engine: Engine, big: FakeRepository) -> None:
    big.misbehave("403", verb="ListSets")
    report = look(shared_engine, big)
    assert (report.outcome, big.log[-1].verb) == ("refused", "ListSets")
    assert "does not let us in" in str(report.sentence)
    assert report.traits["dates_honoured"]["how"].startswith("not observed: the repository answers HTTP 403")


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        ("html_200", "unreachable"),
        ("bot_wall", "refused"),
        ("404", "unreachable"),
        ("wrong_root", "unreachable"),
    ],
)
def test_an_address_that_is_no_repository_is_told_in_a_sentence(
    fault: str, outcome: str, shared_engine: Engine, big: FakeRepository
) -> None:
    big.misbehave(fault, verb=EVERY_VERB)
    report = look(shared_engine, big)
    assert report.outcome == outcome
    assert len(str(report.sentence)) > 20
    assert report.evidence is not None
    assert len(big.log) <= 4
    assert registered(shared_engine, big) == 0


def test_an_address_where_nobody_answers_is_told_in_a_sentence(shared_engine: Engine) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
    report = look(shared_engine, f"http://127.0.0.1:{port}/oai")
    assert report.outcome == "unreachable"
    assert "127.0.0.1" in str(report.sentence)


def test_a_broken_identify_does_not_hide_a_repository_that_serves_lists(
    shared_engine: Engine, big: FakeRepository
) -> None:
    big.misbehave("500", verb="Identify")
    report = look(shared_engine, big)
    assert report.identify is None
    assert values(report)["dates_honoured"] is True
    assert any("Identify fails" in sentence for sentence in report.advice)


def test_the_traits_of_a_registered_repository_are_kept_and_shown(ask: Asker, small: FakeRepository) -> None:
    ask()
    small.misbehave("token_used_once")
    report = look(ask.engine, ask.name)
    assert report.repository == ask.name
    kept = ask.one("SELECT traits FROM repositories WHERE name = :name")
    assert kept["single_use_tokens"]["value"] is True
    assert {name: each["value"] for name, each in kept.items()} == {
        name: each["value"] for name, each in report.traits.items() if each["value"] is not None
    }
    assert Traits.of(kept).idempotent_tokens is False
    with ask.engine.connect() as connection:
        (shown,) = status(connection, ask.name)["repositories"]
    assert {each["name"] for each in shown["traits"]} == set(kept)
    small.behave()
    look(ask.engine, ask.url)  # by its address it is the same repository
    assert (
        ask.one("SELECT traits FROM repositories WHERE name = :name")["single_use_tokens"]["value"] is False
    )


def test_a_host_that_another_process_holds_is_not_asked(shared_engine: Engine, big: FakeRepository) -> None:
    name = host_of(big.url)
    with shared_engine.connect() as other:
        assert hosts.hold(other, name, lambda: False) is not None
        report = look(shared_engine, big)
        hosts.let_go(other, name)
    assert big.log == []
    assert report.outcome == "incomplete"
    assert "another harvester process" in str(report.sentence)
    assert look(shared_engine, big).outcome == "complete"


def test_two_probes_of_one_host_take_turns(shared_engine: Engine, big: FakeRepository) -> None:
    big.latency = 0.01
    outcomes: list[str] = []

    def go() -> None:
        outcomes.append(look(shared_engine, big, wait=30.0).outcome)

    threads = [threading.Thread(target=go) for _ in range(2)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert outcomes == ["complete", "complete"]
    assert not any(access.overlapping for access in big.log)


def test_the_pace_is_kept_between_all_questions(shared_engine: Engine, big: FakeRepository) -> None:
    look(shared_engine, big, pace=0.05)
    moments = [access.at for access in big.log]
    assert min(later - earlier for earlier, later in itertools.pairwise(moments)) >= 0.05


def test_a_probe_that_is_stopped_keeps_no_trait(ask: Asker, small: FakeRepository) -> None:
    ask()
    before = ask.one("SELECT traits FROM repositories WHERE name = :name")
    request = ProbeRequest(ask.name, limits=QUICK, wait=0.0)
    sent = len(small.log)
    with pytest.raises(Interrupted):
        probe(ask.engine, request, stop=lambda: len(small.log) > sent + 5)
    assert ask.one("SELECT traits FROM repositories WHERE name = :name") == before
    assert look(ask.engine, ask.name).outcome == "complete"  # the host was let go


def test_a_name_that_nobody_registered_is_a_mistake_of_the_call(shared_engine: Engine) -> None:
    with pytest.raises(ConfigError, match="no repository is registered"):
        look(shared_engine, "nobody")


class Hours:
    """A clock on which an hour has sixty seconds: each look at it costs over one."""

    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        self.at += 75.0
        return self.at


def test_a_probe_that_lasts_tells_where_it_is_and_ends_in_time(big: FakeRepository) -> None:
    told: list[str] = []
    patience = Patience()
    with Client(contact=None, patience=patience, typed={host_of(big.url)}) as client:
        asker = Repository(big.url, client, patience)
        inquiry = Inquiry(asker, lambda ask: ask(), told.append, lambda _: None, monotonic=Hours())
        questions.probe(inquiry)
    assert "question 1 of 14" in told[0]
    assert "requests so far" in told[0]
    assert inquiry.ended is not None
    assert "30 minutes" in inquiry.ended
    assert len(big.log) < 25
    assert "30 minutes" in inquiry.left_open["page_size"]


def test_every_answer_is_captured_as_it_came(
    shared_engine: Engine, big: FakeRepository, tmp_path: Path
) -> None:
    big.misbehave("500", times=1, verb="GetRecord")
    place = tmp_path / "answers"
    look(shared_engine, big, capture=place)
    said = json.loads((place / "index.json").read_text("utf-8"))["requests"]
    assert [each["arguments"]["verb"] for each in said] == [access.verb for access in big.log]
    assert [each["status"] for each in said] == [access.status for access in big.log]
    assert [each["number"] for each in said] == list(range(1, len(said) + 1))
    files = {each["file"]: (place / each["file"]).read_bytes() for each in said}
    assert set(files) | {"index.json"} == {path.name for path in place.iterdir()}
    assert files["001-Identify.xml"].startswith(b"<?xml")
    assert all(len(files[each["file"]]) == each["bytes"] for each in said)
    assert all(each["url"].startswith(big.url) and each["seconds"] >= 0 for each in said)
    assert {path.name for path in tmp_path.iterdir()} == {"answers"}


def test_a_capture_never_touches_what_is_there(
    shared_engine: Engine, big: FakeRepository, tmp_path: Path
) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(ConfigError, match="not empty"):
        look(shared_engine, big, capture=tmp_path)
    assert big.log == []
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    with pytest.raises(ConfigError, match="cannot be written"):
        look(shared_engine, big, capture=tmp_path / "no" / "such" / "folder")
    empty = tmp_path / "empty"
    empty.mkdir()
    look(shared_engine, big, capture=empty)
    assert (empty / "index.json").exists()


def test_a_capture_of_nobody_says_so_and_holds_no_answer(shared_engine: Engine, tmp_path: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
    look(shared_engine, f"http://127.0.0.1:{port}/oai", capture=tmp_path / "answers")
    (only, *_) = json.loads((tmp_path / "answers" / "index.json").read_text("utf-8"))["requests"]
    assert (only["file"], only["reason"]) == (None, "connection_refused")


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://a.example/oai?verb=Identify", "https://a.example/oai?verb=Identify"),
        ("https://u:p@a.example/oai?verb=Identify", "https://a.example/oai?verb=Identify"),
        ("https://a.example/oai?resumptionToken=abc", "https://a.example/oai?resumptionToken=abc"),
        (
            "https://a.example/oai?api_key=abc&verb=Identify",
            "https://a.example/oai?verb=Identify&api_key=REDACTED",
        ),
        ("https://a.example/oai?token=abc", "https://a.example/oai?token=REDACTED"),
    ],
)
def test_a_captured_address_holds_no_secret(url: str, kept: str) -> None:
    assert redacted(url) == kept
