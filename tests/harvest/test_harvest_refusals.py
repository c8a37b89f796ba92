"""What cannot work is said so, in words for a person: wrong addresses, wrong names, hosts that want to be left alone."""

import re
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import pairwise

import pytest
from asking import QUICK, Asker
from sqlalchemy import Engine

from harvester.cli.reports import exit_code
from harvester.errors import ConfigError
from harvester.harvest.harvest import Report, Request, harvest
from harvester.harvest.plans import Wish
from harvester.harvest.progress import Listener, PageEvent
from harvester.mock import FakeRepository

HOST = "SELECT {} FROM hosts WHERE name = '{}'"


def once(engine: Engine, url: str, **options: object) -> Report:
    return harvest(engine, Request(url, limits=QUICK, jitter=lambda: -0.5, wait=0.0, **options))  # type: ignore[arg-type]


def host_of(fake: FakeRepository) -> str:
    return fake.url.removeprefix("http://").partition("/")[0]


@pytest.fixture
def closed_port() -> int:
    """A port on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.fixture
def web_site() -> Iterator[str]:
    """A web server that knows no OAI-PMH, as behind a base URL without its path."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b"<!DOCTYPE html><html><head><title>Our library</title></head><body>Welcome</body></html>"
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            """Nothing."""

    with HTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


def test_a_host_that_does_not_exist_is_named_with_its_likely_cause(shared_engine: Engine) -> None:
    report = once(shared_engine, "http://repository.invalid/oai")
    assert (report.outcome, exit_code(report), report.streams) == ("unreachable", 1, [])
    assert "repository.invalid was not found in the DNS" in str(report.sentence)
    assert "Check its spelling" in str(report.sentence)


def test_a_port_without_a_server_is_named_with_its_likely_cause(
    shared_engine: Engine, closed_port: int
) -> None:
    report = once(shared_engine, f"http://127.0.0.1:{closed_port}/oai")
    assert report.outcome == "unreachable"
    assert "Check the port in the base URL" in str(report.sentence)


def test_the_address_of_a_web_site_is_told_from_a_repository(shared_engine: Engine, web_site: str) -> None:
    report = once(shared_engine, web_site)
    assert report.outcome == "unreachable"
    assert "web page, not OAI-PMH; check the base URL" in str(report.sentence)
    assert report.evidence is not None
    assert report.evidence["status"] == 200
    assert "Our library" in str(report.evidence["excerpt"])


def test_an_address_with_nothing_behind_it_is_not_registered(
    shared_engine: Engine, small: FakeRepository
) -> None:
    wrong = small.url.replace("/oai", "/nothing")
    report = once(shared_engine, wrong)
    assert report.outcome == "unreachable"
    assert "HTTP 404" in str(report.sentence)
    assert "check the base URL" in str(report.sentence)
    with pytest.raises(ConfigError, match="no repository is registered as 'nothing'"):
        once(shared_engine, "nothing")


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("ftp://example.org/oai", "begins with http:// or https://"),
        ("https://user:secret@example.org/oai", "leave them out"),
        ("https://example.org/o ai", "neither spaces nor '#'"),
        ("figshare", "no repository is registered as 'figshare'"),
    ],
)
def test_an_address_that_is_none_is_refused_before_anything_is_asked(
    url: str, sentence: str, shared_engine: Engine
) -> None:
    with pytest.raises(ConfigError, match=re.escape(sentence)) as raised:
        once(shared_engine, url)
    assert "secret" not in str(raised.value)


def test_a_name_that_is_taken_is_refused(ask: Asker, small: FakeRepository) -> None:
    ask()
    with pytest.raises(ConfigError, match="choose another with --name"):
        once(ask.engine, f"{small.url}/elsewhere", name=ask.name)


def test_the_same_address_harvested_by_name_and_by_url_is_one_repository(ask: Asker) -> None:
    ask()
    assert once(ask.engine, ask.name).repository == once(ask.engine, ask.url).repository == ask.name


def test_a_set_that_does_not_exist_is_unverified_and_says_what_may_be_wrong(ask: Asker) -> None:
    report = ask(sets=["no_such_set"])
    (stream,) = report.streams
    assert (report.outcome, stream.reason) == ("complete_unverified", "no_records_match")
    assert "the set is misspelt" in str(stream.sentence)


def test_a_format_that_does_not_exist_is_refused_with_the_repositorys_own_words(ask: Asker) -> None:
    report = ask(formats=["marcxml"])
    (stream,) = report.streams
    assert (report.outcome, stream.reason, exit_code(report)) == ("refused", "cannotDisseminateFormat", 1)
    assert "The repository has: oai_dc" in str(stream.sentence)
    assert "Served here are oai_dc" in str(stream.sentence)
    assert stream.evidence is not None
    assert "metadataPrefix=marcxml" in stream.evidence["url"]


def test_a_short_retry_after_is_obeyed(ask: Asker, small: FakeRepository) -> None:
    small.misbehave("503_retry_after", on_page=1, times=1, seconds=1)
    assert ask(wait=5.0).outcome == "complete"
    refused, after = (access for access in small.requests("ListRecords") if access.page == 1)
    assert after.at - refused.at >= 1.0
    ask.assert_same()


def test_a_long_retry_after_is_an_appointment_that_the_next_harvest_keeps(
    ask: Asker, small: FakeRepository
) -> None:
    small.misbehave("503_retry_after", on_page=1, times=1, seconds=900)
    (stream,) = ask(wait=60.0).streams
    assert (stream.outcome, stream.reason) == ("incomplete", "http_503")
    assert "a pause of 900 seconds, longer than we may wait (--wait)" in str(stream.sentence)
    left = ask.one(HOST.format("extract(epoch FROM next_allowed_at - now())", host_of(small)))
    assert 890 < left <= 900
    asked = len(small.log)
    (stream,) = ask(wait=60.0).streams
    assert (stream.outcome, stream.reason) == ("incomplete", "wait")
    assert "run the same command again later" in str(stream.sentence)
    assert len(small.log) == asked, "a host that wants to be left alone is left alone"
    ask.forgive()
    assert ask().outcome == "complete"
    assert len(small.requests("ListRecords")) == 4
    ask.assert_same()


def test_a_host_that_asks_for_a_pause_for_ever_is_not_asked_for_ever(
    ask: Asker, small: FakeRepository
) -> None:
    small.misbehave("429", seconds=1)
    began = time.monotonic()
    assert ask(wait=0.5).outcome == "incomplete"
    assert time.monotonic() - began < 8
    assert len(small.requests("ListRecords")) == 3


def test_a_host_that_is_overrun_is_asked_half_as_often(ask: Asker, small: FakeRepository) -> None:
    small.misbehave("429", on_page=1, times=1)
    assert ask().outcome == "complete"
    assert ask.one(HOST.format("pause", host_of(small))) == 1.0
    last = [access.at for access in small.requests("ListRecords")][-2:]
    assert last[1] - last[0] >= 1.0
    ask.forgive()


def test_the_pace_is_kept_between_all_requests(ask: Asker, small: FakeRepository) -> None:
    assert ask(pace=0.2).outcome == "complete"
    at = [access.at for access in small.log]
    assert min(after - before for before, after in pairwise(at)) >= 0.2


def test_a_repository_whose_identify_breaks_later_is_harvested_all_the_same(
    ask: Asker, small: FakeRepository
) -> None:
    ask()
    with ask.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE repositories SET identified_at = now() - interval '2 days'")
    small.store.add(1)
    small.misbehave("500", verb="Identify")
    told: list[str] = []
    assert ask(listener=Listener(tell=told.append)).streams[0].counts.created == 1
    assert any("Identify failed" in sentence for sentence in told)


def test_a_repository_that_refuses_seconds_is_asked_by_days(ask: Asker, small: FakeRepository) -> None:
    ask()
    small.misbehave("granularity_liar")
    small.store.add(1)
    report = ask()
    assert (report.outcome, report.streams[0].counts.created) == ("complete", 1)
    assert [len(access.arguments["from"]) for access in small.requests("ListRecords")[3:]] == [20, 10]


def test_of_twins_in_one_list_the_newest_stays(ask: Asker, small: FakeRepository) -> None:
    small.misbehave("duplicates", count=10)
    twin = next(record.identifier for record in small.store.records[:10] if not record.deleted)

    def revise(event: PageEvent) -> None:
        if event.window.pages == 1:
            small.store.revise(twin)

    report = ask(listener=Listener(on_page=revise))
    assert (report.outcome, report.streams[0].counts.received) == ("complete", 60)
    ask()
    ask.assert_same()


def test_a_record_without_a_datestamp_gets_the_responses_date_and_no_change_each_time(
    ask: Asker, small: FakeRepository
) -> None:
    small.misbehave("missing_datestamp")
    ask()
    assert (
        ask.one(
            "SELECT count(*) FROM records r JOIN repositories p ON p.id = r.repository_id WHERE p.name = :name AND datestamp_raw = ''"
        )
        == 3
    )
    counts = ask(wish=Wish(full=True)).streams[0].counts
    assert (counts.unchanged, counts.updated) == (30, 0)


def test_what_cannot_be_read_is_kept_whole_and_leaves_quarantine_when_it_can(
    ask: Asker, small: FakeRepository
) -> None:
    waiting = (
        "SELECT count(*) FROM quarantine q JOIN repositories p ON p.id = q.repository_id"
        " WHERE p.name = :name AND resolved_at IS NULL AND reason = 'empty_metadata' AND identifier IS NOT NULL"
    )
    small.misbehave("empty_metadata")
    assert exit_code(ask()) == 3
    assert ask.one(waiting) == 3
    assert exit_code(ask(wish=Wish(full=True))) == 3
    assert ask.one(waiting) == 3, "what comes again is kept once"
    small.behave()
    assert exit_code(ask(wish=Wish(full=True))) == 0
    assert ask.one(waiting) == 0
    ask.assert_same()


def test_an_index_that_was_empty_for_a_moment_hides_nothing_later(engine: Engine) -> None:
    with FakeRepository(records=0) as fake:
        assert once(engine, fake.url).outcome == "complete_unverified"
        fake.store.add(5)
        report = once(engine, fake.url)
        assert report.streams[0].counts.created == 5
        assert "from" not in fake.requests("ListRecords")[-1].arguments, "all of it is asked for again"


def test_a_misspelt_format_does_not_stay_registered(ask: Asker) -> None:
    ask()
    assert ask(formats=["marcxlm"]).outcome == "refused"
    assert [each.stream.format for each in ask().streams] == ["oai_dc"]


def test_one_address_written_in_three_ways_is_one_repository(engine: Engine) -> None:
    with FakeRepository(records=3) as fake:
        ways = (fake.url, fake.url.replace("http://", "HTTP://"), f"{fake.url}?verb=Identify")
        assert len({once(engine, way).repository for way in ways}) == 1


def test_a_bad_name_is_refused_before_anything_is_asked(ask: Asker) -> None:
    with pytest.raises(ConfigError, match="is no name"):
        ask(name="-no name-")
    assert ask.fake.log == []


def test_a_second_name_for_a_registered_url_is_not_ignored_in_silence(ask: Asker) -> None:
    ask()
    with pytest.raises(ConfigError, match="is registered as"):
        ask(name="another")


def test_a_repository_that_has_moved_for_good_is_told_of(ask: Asker) -> None:
    told: list[str] = []
    ask.fake.misbehave("redirect")
    assert ask(listener=Listener(tell=told.append)).outcome == "complete"
    assert any("has moved for good to" in sentence and "/oai/moved" in sentence for sentence in told)
