"""A repository over the wire: the walk, what is sent, how often, and how failures end."""

import re
from collections.abc import Callable
from email.utils import format_datetime
from urllib.parse import quote, unquote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree
from oai_pages import NOW, OAI_NS, answer, error, page, record
from scripted_server import ScriptedServer, Told, in_turn

from harvester.errors import Refused, RepositoryError, Retriable
from harvester.mock import FakeRepository
from harvester.oai.canonical import canonical
from harvester.oai.datestamps import Granularity
from harvester.oai.records import Page
from harvester.oai.repository import Repository

Ask = Callable[..., Repository]
Serve = Callable[..., ScriptedServer]
HTML = b"<!DOCTYPE html><html><body>Back soon</body></html>"


def identifiers(pages: list[Page]) -> list[str]:
    return [each.header.identifier for one in pages for each in one.records]


@pytest.mark.parametrize("size", [1, 7, 25, 100])
def test_a_walk_gives_what_the_repository_holds(ask: Ask, size: int) -> None:
    with FakeRepository(records=25, page_size=size) as fake:
        repository = ask(fake.url)
        pages = list(repository.pages(metadataPrefix="oai_dc"))
        truth = fake.store.records
    assert identifiers(pages) == [each.identifier for each in truth]
    for read, true in zip((each for one in pages for each in one.records), truth, strict=True):
        assert read.header.deleted == true.deleted
        assert read.header.datestamp.value == true.datestamp
        assert read.header.set_specs == true.sets
        if true.metadata is not None and read.metadata is not None:
            assert canonical(read.metadata).endswith(
                canonical(etree.fromstring(true.metadata)).partition(b">")[2]
            )
    assert [one.ending for one in pages[:-1]] == [None] * (len(pages) - 1)
    assert pages[-1].ending == ("empty_token" if len(pages) > 1 else "no_token")
    assert repository.requests == len(fake.log) == len(pages)


def test_identifiers_alone_are_walked_in_the_same_way(ask: Ask) -> None:
    with FakeRepository(records=25, page_size=10) as fake:
        pages = list(ask(fake.url).ListIdentifiers(metadataPrefix="oai_dc"))
        assert identifiers(pages) == [each.identifier for each in fake.store.records]
    assert {each.metadata for one in pages for each in one.records} == {None}


def test_only_what_was_given_is_sent_and_the_verb_first(ask: Ask, serve: Serve) -> None:
    server = serve(in_turn(page(record(), token="t 1"), page(record())))
    dates = {"from": "2024-01-01", "until": None}
    list(ask(server.url + "?key=a%20b").pages(metadataPrefix="oai_dc", set="", **dates))
    assert server.targets == [
        "/oai?verb=ListRecords&key=a%20b&metadataPrefix=oai_dc&from=2024-01-01",
        "/oai?verb=ListRecords&key=a%20b&resumptionToken=t%201",
    ]


def test_a_stored_token_goes_on_where_another_process_stopped(ask: Ask) -> None:
    with FakeRepository(records=25, page_size=10) as fake:
        first = next(ask(fake.url).pages(metadataPrefix="oai_dc"))
        assert first.token is not None
        rest = list(ask(fake.url).pages(token=first.token.text))
        assert identifiers([first, *rest]) == [each.identifier for each in fake.store.records]


TOKENS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters="\ufffe\uffff"), min_size=1, max_size=40)  # fmt: skip


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TOKENS.filter(lambda text: text.strip() and text == text.strip(" ")))
def test_a_token_is_sent_back_to_the_byte(ask: Ask, serve: Serve, token: str) -> None:
    escaped = token.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    server = serve(in_turn(page(record(), token=escaped), page(record())))
    assert len(list(ask(server.url).pages(metadataPrefix="oai_dc"))) == 2
    sent = server.targets[1].partition("resumptionToken=")[2]
    assert unquote(sent, errors="strict") == token
    assert sent == quote(token, safe="") or re.fullmatch(r"[A-Za-z0-9._~%-]+", sent)


@pytest.mark.parametrize(
    "token", ["a+b/c==", "%2B%252F", "a b&verb=Identify", "x#y?z", "q\"'`", "é\U0001d400", "+"]
)
def test_awkward_tokens_are_encoded_exactly_once(ask: Ask, serve: Serve, token: str) -> None:
    server = serve(in_turn(page(record(), token=token.replace("&", "&amp;")), page(record())))
    list(ask(server.url).pages(metadataPrefix="oai_dc"))
    assert server.targets[1] == f"/oai?verb=ListRecords&resumptionToken={quote(token, safe='')}"


def test_a_service_that_asks_for_a_pause_gets_exactly_that(ask: Ask, naps: list[float]) -> None:
    with FakeRepository(records=25, page_size=10) as fake:
        fake.misbehave("503_retry_after", seconds=7, times=2, on_page=1)
        told: list[tuple[str, float]] = []
        repository = ask(fake.url)
        repository.on_retry = lambda error, wait: told.append((error.reason, wait))
        walk = repository.pages(metadataPrefix="oai_dc")
        assert len(identifiers([next(walk), next(walk)])) == 20
    assert naps == [7, 7]
    assert told == [("http_503", 7), ("http_503", 7)]
    assert not walk.reread  # the server did not begin to answer
    assert repository.requests == len(fake.log) == 4


def test_a_pause_given_as_a_date_is_understood(ask: Ask, serve: Serve, naps: list[float]) -> None:
    later = format_datetime(NOW.replace(minute=0, second=20), usegmt=True)
    busy = Told(HTML, 503, {"Retry-After": later, "Date": format_datetime(NOW, usegmt=True)})
    assert len(list(ask(serve(in_turn(busy, page(record()))).url).pages(metadataPrefix="oai_dc"))) == 1
    assert naps == [20]


def test_a_pause_longer_than_a_nap_is_told_and_not_slept(ask: Ask, naps: list[float]) -> None:
    with FakeRepository(faults=["503_retry_after:seconds=90"]) as fake, pytest.raises(Retriable) as caught:
        next(ask(fake.url).pages(metadataPrefix="oai_dc"))
    assert (caught.value.reason, caught.value.after) == ("http_503", 90)
    assert naps == []
    assert len(fake.log) == 1


@pytest.mark.parametrize(
    ("fault", "reason"),
    [("500", "http_500"), ("503_bare", "http_503"), ("429", "http_429"), ("html_200", "html"), ("empty_body", "empty_body"),
     ("wrong_root", "not_oai"), ("error_without_code", "oai_error"), ("cut_page", "malformed"), ("reset", "connection_reset")],
)  # fmt: skip
def test_a_lasting_failure_is_asked_three_times_and_told_with_its_evidence(
    ask: Ask, fault: str, reason: str
) -> None:
    with FakeRepository(faults=[fault]) as fake:
        repository = ask(fake.url)
        with pytest.raises(Retriable) as caught:
            next(repository.pages(metadataPrefix="oai_dc"))
    assert caught.value.reason == reason
    assert repository.requests == len(fake.log) == 3
    evidence = caught.value.evidence
    assert evidence is not None
    assert evidence.url.startswith(f"{fake.url}?verb=ListRecords")
    if reason != "connection_reset":
        assert evidence.status == fake.log[-1].status
        assert evidence.excerpt != "" or reason == "empty_body"


@pytest.mark.parametrize(
    ("fault", "kind", "reason"),
    [("403", Refused, "http_403"), ("404", RepositoryError, "http_404"), ("doctype", Refused, "doctype"), ("entity_bomb", Refused, "doctype"),
     ("redirect_private", Refused, "closed_address"), ("redirect_loop", Refused, "too_many_redirects")],
)  # fmt: skip
def test_what_will_not_pass_by_waiting_is_asked_once(
    ask: Ask, naps: list[float], fault: str, kind: type[RepositoryError], reason: str
) -> None:
    with FakeRepository(faults=[fault]) as fake, pytest.raises(RepositoryError) as caught:
        next(ask(fake.url).pages(metadataPrefix="oai_dc"))
    assert type(caught.value) is kind
    assert caught.value.reason == reason or fault == "redirect_private"
    assert naps == []
    assert len(fake.log) == (6 if fault == "redirect_loop" else 1)


@pytest.mark.parametrize("status", [200, 403, 503])
def test_a_bot_wall_is_refused_after_one_confirming_retry(ask: Ask, status: int) -> None:
    with FakeRepository(faults=[f"bot_wall:status={status}"]) as fake:
        repository = ask(fake.url)
        with pytest.raises(Refused) as caught:
            next(repository.pages(metadataPrefix="oai_dc"))
    assert caught.value.reason == "bot_wall"
    assert caught.value.evidence is not None
    assert "Just a moment" in caught.value.evidence.excerpt
    assert repository.requests == len(fake.log) == 2


def test_a_wall_that_stood_there_once_is_none(ask: Ask) -> None:
    with FakeRepository(records=5) as fake:
        fake.misbehave("bot_wall", times=1)
        assert len(identifiers(list(ask(fake.url).pages(metadataPrefix="oai_dc")))) == 5


@pytest.mark.parametrize("status", [200, 422, 404, 500])
def test_nothing_to_harvest_is_an_empty_page_under_any_status(ask: Ask, serve: Serve, status: int) -> None:
    server = serve(in_turn(Told(answer(error("noRecordsMatch")), status)))
    (only,) = ask(server.url).pages(metadataPrefix="oai_dc")
    assert (only.records, only.ending) == ((), "no_records_match")


def test_every_request_is_counted_redirects_and_repetitions_too(ask: Ask) -> None:
    with FakeRepository(records=25, page_size=10) as fake:
        fake.misbehave("redirect", on_page=0)
        fake.misbehave("503_retry_after", times=1, on_page=1)
        fake.misbehave("drops_connection", on_page=1)
        fake.misbehave("cut_page", times=1, on_page=2)
        repository = ask(fake.url)
        assert len(identifiers(list(repository.pages(metadataPrefix="oai_dc")))) == 25
        assert len(fake.log) == 6
        # What is written into a connection that is just being closed is asked again, and reaches nobody.
        assert repository.requests in (6, 7)


def test_byte_repairs_come_with_the_page(ask: Ask) -> None:
    with FakeRepository(records=5, faults=["bare_ampersand", "control_characters"]) as fake:
        (only,) = ask(fake.url).pages(metadataPrefix="oai_dc")
    assert only.repairs == {"bare_ampersand": 2, "illegal_character": 3}
    assert len(only.records) == 5


@pytest.mark.parametrize(
    "date",
    ["", "yesterday", "Mon, 01 Jan 99999999999999999999 00:00:00 GMT", "Fri, 31 May 2024 12:00:00 +9999", "0"]
)  # fmt: skip
def test_an_unreadable_date_of_answer_and_header_is_replaced_by_our_clock(
    ask: Ask, serve: Serve, date: str
) -> None:
    (only,) = ask(serve(in_turn(Told(page(date="Z"), headers={"Date": date}))).url).pages(metadataPrefix="x")
    assert only.response_date == only.received_at


@pytest.mark.parametrize("zone", ["GMT", "-0000", "+0000"])
def test_the_headers_date_stands_in_for_an_unreadable_response_date(
    ask: Ask, serve: Serve, zone: str
) -> None:
    told = Told(page(date="Z"), headers={"Date": f"Fri, 31 May 2024 12:00:00 {zone}"})
    (only,) = ask(serve(in_turn(told)).url).pages(metadataPrefix="x")
    assert only.response_date == NOW


IDENTIFY = """<Identify><repositoryName>\n Älteste  Sammlung\n</repositoryName><baseURL>http://127.0.0.1/oai</baseURL>
<protocolVersion>2.0</protocolVersion><adminEmail>a@example.org</adminEmail><adminEmail> b@example.org </adminEmail>
<adminEmail/><earliestDatestamp>1990-01-01</earliestDatestamp><deletedRecord>transient</deletedRecord>
<granularity>{granularity}</granularity><compression>gzip</compression>
<description><Identify xmlns="urn:x"><repositoryName>inner</repositoryName></Identify></description></Identify>"""


def test_identify_is_read_as_the_repository_says_it(ask: Ask, serve: Serve) -> None:
    server = serve(in_turn(answer(IDENTIFY.format(granularity="yyyy-mm-ddThh:mm:ssZ"))))
    told = ask(server.url).identify()
    assert server.targets == ["/oai?verb=Identify"]
    assert (told.name, told.base_url) == ("Älteste Sammlung", "http://127.0.0.1/oai")
    assert (told.protocol_version, told.earliest_datestamp) == ("2.0", "1990-01-01")
    assert (told.deleted_record, told.granularity) == ("transient", Granularity.SECONDS)
    assert told.admin_emails == ("a@example.org", "b@example.org")
    assert told.compression == ("gzip",)


@pytest.mark.parametrize(
    "inside", ["<Identify/>", "<Identify><granularity/><repositoryName> </repositoryName></Identify>"]
)
def test_an_identify_that_says_nothing_is_taken_for_days(ask: Ask, serve: Serve, inside: str) -> None:
    told = ask(serve(in_turn(answer(inside))).url).identify()
    assert (told.name, told.base_url, told.deleted_record, told.admin_emails) == (None, None, None, ())
    assert told.granularity is Granularity.DAYS


def test_an_identify_of_enormous_length_is_cut(ask: Ask, serve: Serve) -> None:
    many = "<adminEmail>a@example.org</adminEmail>" * 5000
    told = ask(
        serve(
            in_turn(answer(f"<Identify><repositoryName>{'n' * 10**6}</repositoryName>{many}</Identify>"))
        ).url
    )
    said = told.identify()
    assert len(said.name or "") == 2048
    assert len(said.admin_emails) == 100


@pytest.mark.parametrize(
    ("body", "kind", "reason"),
    [
        (HTML, Retriable, "html"),
        (answer(error("badVerb")), Refused, "badVerb"),
        (answer("<ListSets/>"), Retriable, "no_list"),
        (answer(IDENTIFY).replace(OAI_NS.encode(), b"http://www.openarchives.org/OAI/1.1/"), Refused, "unsupported_version"),
    ],
)  # fmt: skip
def test_what_is_no_repository_is_told_so(
    ask: Ask, serve: Serve, body: bytes, kind: type[RepositoryError], reason: str
) -> None:
    with pytest.raises(kind) as caught:
        ask(serve(in_turn(body)).url).identify()
    assert caught.value.reason == reason


def test_the_fake_repository_identifies_itself(ask: Ask) -> None:
    with FakeRepository(granularity="days", deleted_record="no") as fake:
        told = ask(fake.url).identify()
        assert (told.granularity, told.deleted_record, told.base_url) == (Granularity.DAYS, "no", fake.url)
