"""A repository is asked again what it is and lists: what is new, gone or otherwise is told once, politely, and never wrongly."""

import itertools
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from xml.sax.saxutils import escape

import pytest
from asking import QUICK, Asker
from sqlalchemy import Engine, text

from harvester.catalogue import hosts, ledger, sets, traits
from harvester.errors import ConfigError
from harvester.harvest.harvest import Request
from harvester.harvest.refreshing import Change, Refreshed, refresh
from harvester.harvest.set_lists import Bounds
from harvester.mock import FakeRepository
from harvester.wire import host_of

_numbers = itertools.count(1)
DAY = 'xmlns="http://www.openarchives.org/OAI/2.0/"'
IDENTIFY = {
    "repositoryName": "Lists",
    "baseURL": "http://lists.example.org/oai",
    "protocolVersion": "2.0",
    "earliestDatestamp": "2001-01-01T00:00:00Z",
    "deletedRecord": "persistent",
    "granularity": "YYYY-MM-DDThh:mm:ssZ",
}
VERBS = ["Identify", "ListMetadataFormats", "ListSets"]


@dataclass(frozen=True)
class Answer:
    """`cut` bytes less are sent than announced."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    cut: int = 0


@dataclass(frozen=True)
class Asked:
    verb: str
    token: str | None
    conditions: tuple[str | None, str | None]
    status: int


class Lists(ThreadingHTTPServer):
    """A repository that has nothing but lists. `says` may answer instead: (verb, token) → an answer, or None for the usual."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.identify = dict(IDENTIFY)
        self.formats = {
            "oai_dc": "http://www.openarchives.org/OAI/2.0/oai_dc/",
            "mods": "http://www.loc.gov/mods/v3",
        }
        self.sets: list[str] = ["a", "b", "c", "d", "e"]
        self.page_size = 100
        self.etags: dict[str, str] = {}
        self.dates: dict[str, str] = {}
        self.says: Callable[[str, str | None], Answer | None] = lambda _verb, _token: None
        self.log: list[Asked] = []
        self.url = f"http://127.0.0.1:{self.server_port}/oai"
        self._thread = threading.Thread(target=self.serve_forever, args=(0.01,), name="lists")
        self._thread.start()

    def close(self) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()

    def verbs(self) -> list[str]:
        return [each.verb for each in self.log]

    def body(self, verb: str, token: str | None) -> str:
        if verb == "Identify":
            return "".join(f"<{name}>{escape(said)}</{name}>" for name, said in self.identify.items())
        if verb == "ListMetadataFormats":
            return "".join(
                f"<metadataFormat><metadataPrefix>{prefix}</metadataPrefix><schema>s</schema>"
                f"<metadataNamespace>{namespace}</metadataNamespace></metadataFormat>"
                for prefix, namespace in self.formats.items()
            )
        begin = int(token or 0)
        end = begin + self.page_size
        named = "".join(
            f"<set><setSpec>{escape(spec)}</setSpec><setName>Set {escape(spec)}</setName></set>"
            for spec in self.sets[begin:end]
        )
        if end < len(self.sets):
            return f"{named}<resumptionToken>{end}</resumptionToken>"
        return named + ("<resumptionToken/>" if token else "")

    def answer(self, verb: str, token: str | None) -> Answer:
        told = self.says(verb, token)
        if told is not None:
            return told
        said = {"ETag": self.etags.get(verb), "Last-Modified": self.dates.get(verb)}
        return Answer(
            oai(f"<{verb}>{self.body(verb, token)}</{verb}>"), 200, {k: v for k, v in said.items() if v}
        )


def oai(inside: str) -> bytes:
    return f"<OAI-PMH {DAY}><responseDate>2024-05-01T00:00:00Z</responseDate><request/>{inside}</OAI-PMH>".encode()


def error(code: str) -> Answer:
    return Answer(oai(f'<error code="{code}">no</error>'))


class _Handler(BaseHTTPRequestHandler):
    server: Lists
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet: two would wait for each other's acknowledgement

    def do_GET(self) -> None:
        if self.path.startswith("/old"):
            self.send_response(301)
            self.send_header("Location", self.path.replace("/old", "/oai", 1))
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        arguments = dict(parse_qsl(urlsplit(self.path).query))
        verb, token = arguments["verb"], arguments.get("resumptionToken")
        told = self.server.answer(verb, token)
        etag, since = self.headers.get("If-None-Match"), self.headers.get("If-Modified-Since")
        unchanged = etag == told.headers.get("ETag") if etag else since == told.headers.get("Last-Modified")
        if (etag or since) and told.status == 200 and unchanged:
            told = Answer(status=304)
        self.server.log.append(Asked(verb, token, (etag, since), told.status))
        self.send_response(told.status)
        if told.status != 304:
            self.send_header("Content-Length", str(len(told.body)))
        for name, value in told.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(told.body[: len(told.body) - told.cut])
        self.close_connection = bool(told.cut)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def lists() -> Iterator[Lists]:
    server = Lists()
    yield server
    server.close()


class Refresher:
    """One registered repository, as one test sees it."""

    def __init__(self, engine: Engine, url: str) -> None:
        self.engine, self.url = engine, url
        self.name = f"lists-{next(_numbers)}"
        with engine.begin() as connection:
            self.id = ledger.add_repository(connection, self.name, url).id

    def __call__(
        self, *, stop: Callable[[], bool] = lambda: False, bounds: Bounds | None = None, **options: Any
    ) -> Refreshed:
        settled = {"limits": QUICK, "jitter": lambda: -0.5, "wait": 0.0} | options
        more = {} if bounds is None else {"bounds": bounds}
        return refresh(self.engine, Request(self.name, **settled), None, stop, **more)

    def one(self, statement: str) -> Any:
        with self.engine.connect() as connection:
            return connection.execute(text(statement), {"id": self.id} if ":id" in statement else {}).scalar()

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(statement), {"id": self.id})]

    def change(self, statement: str, **values: object) -> None:
        with self.engine.begin() as connection:
            connection.execute(text(statement), {"id": self.id} | values)

    def state(self) -> dict[str, Any]:
        """All that is kept of the repository, and which transactions have written its sets."""
        row = self.rows("SELECT to_jsonb(repositories) - 'refreshed_at' FROM repositories WHERE id = :id")
        written = self.rows("SELECT id, xmin::text FROM sets WHERE repository_id = :id ORDER BY id")
        return {"row": row[0][0], "sets": written}

    def refreshed_at(self) -> Any:
        return self.one("SELECT refreshed_at FROM repositories WHERE id = :id")

    def listed(self) -> dict[str, str]:
        return dict(
            self.rows("SELECT spec, title FROM sets WHERE repository_id = :id AND listed_at IS NOT NULL")
        )


@pytest.fixture
def again(shared_engine: Engine, lists: Lists) -> Refresher:
    return Refresher(shared_engine, lists.url)


def told(found: Refreshed) -> dict[str, tuple[Any, ...]]:
    """What is not empty of what is new, gone or otherwise."""
    names = ("new_sets", "gone_sets", "new_formats", "gone_formats", "changed")
    return {name: getattr(found, name) for name in names if getattr(found, name)}


def test_the_first_time_all_that_is_listed_is_kept_in_three_requests(shared_engine: Engine) -> None:
    with FakeRepository(records=30, page_size=10) as fake:
        again = Refresher(shared_engine, fake.url)
        found = again()
        specs = tuple(fake.store.sets())
        assert [each.verb for each in fake.log] == VERBS
        assert not any(each.overlapping for each in fake.log)
    assert (found.outcome, found.first, found.requests, found.reason) == ("complete", True, 3, None)
    assert told(found) == {"new_sets": specs, "new_formats": ("oai_dc", "oai_datacite", "qdc")}
    assert found.sentences[0] == "3 formats are listed: oai_dc, oai_datacite, qdc."
    assert found.sentences[1].startswith(f"{len(specs)} sets are listed: {', '.join(specs[:5])} and ")
    assert again.listed().keys() == set(specs)
    formats = again.one("SELECT formats FROM repositories WHERE id = :id")
    assert formats[0]["namespace"] == "http://www.openarchives.org/OAI/2.0/oai_dc/"
    assert set(formats[0]) == {"prefix", "namespace", "schema"}
    assert again.one("SELECT identify ->> 'deleted_record' FROM repositories WHERE id = :id") == "persistent"
    assert again.refreshed_at() is not None


def test_where_nothing_has_changed_nothing_is_told(again: Refresher, lists: Lists) -> None:
    again()
    before = again.refreshed_at()
    found = again()
    assert (found.outcome, found.first, found.sentences, told(found)) == ("complete", False, (), {})
    assert again.refreshed_at() > before
    assert [each.conditions for each in lists.log] == [(None, None)] * 6


def test_sets_that_come_and_go_are_told_once(again: Refresher, lists: Lists) -> None:
    again()
    lists.sets = ["z", "a", "b", "f", "c"]
    found = again()
    assert told(found) == {"new_sets": ("z", "f"), "gone_sets": ("d", "e")}
    assert found.sentences == ("2 sets are new: z, f.", "2 sets are gone: d, e.")
    assert told(again()) == {}
    lists.sets.append("d")
    back = again()
    assert (told(back), back.sentences) == ({}, ("1 set is listed again.",))
    lists.sets.remove("d")
    assert told(again()) == {"gone_sets": ("d",)}


def test_a_set_that_only_headers_had_named_is_new_and_keeps_its_number(
    again: Refresher, lists: Lists
) -> None:
    with again.engine.begin() as connection:
        number = sets.set_ids(connection, again.id, ["c"])["c"]
    assert again().new_sets == ("a", "b", "c", "d", "e")
    assert again.rows("SELECT id, title FROM sets WHERE repository_id = :id AND spec = 'c'") == [
        (number, "Set c")
    ]
    with again.engine.begin() as connection:
        sets.set_ids(connection, again.id, ["named"])
    assert told(again()) == {}


def test_formats_that_come_go_or_change_are_told(again: Refresher, lists: Lists) -> None:
    again()
    lists.formats = {"oai_dc": "http://purl.org/dc/terms/", "qdc": "http://purl.org/qdc/"}
    found = again()
    assert told(found) == {
        "new_formats": ("qdc",),
        "gone_formats": ("mods",),
        "changed": (
            Change("oai_dc", "http://www.openarchives.org/OAI/2.0/oai_dc/", "http://purl.org/dc/terms/"),
        ),
    }
    assert found.sentences[:2] == ("1 format is new: qdc.", "1 format is gone: mods.")
    lists.formats = {}
    empty = again()
    assert (empty.outcome, told(empty)) == ("complete_unverified", {})
    assert empty.sentences == ("ListMetadataFormats names no format, which is not believed.",)
    assert len(again.one("SELECT formats FROM repositories WHERE id = :id")) == 2


# --- what still stands is not sent again


@pytest.mark.parametrize("kind", ["etags", "dates"])
def test_what_still_stands_costs_a_request_and_changes_nothing(
    again: Refresher, lists: Lists, kind: str
) -> None:
    values = {"etags": 'W/"5"', "dates": "Tue, 05 Mar 2024 08:00:00 GMT"}
    getattr(lists, kind).update(dict.fromkeys(VERBS, values[kind]))
    again()
    state, before = again.state(), again.refreshed_at()
    found = again()
    assert (found.outcome, found.requests, found.sentences, told(found)) == ("complete", 3, (), {})
    assert [each.status for each in lists.log] == [200] * 3 + [304] * 3
    assert again.state() == state
    assert again.refreshed_at() > before
    # It stood all the time: what is gone later is gone from there.
    getattr(lists, kind)["ListSets"] = "other"
    lists.sets.remove("c")
    assert told(again()) == {"gone_sets": ("c",)}


def test_a_server_that_sends_the_same_again_with_the_same_tag_does_no_harm(
    again: Refresher, lists: Lists
) -> None:
    lists.etags = dict.fromkeys(VERBS, '"1"')
    again()
    lists.sets = ["a", "new"]
    body = oai(f"<ListSets>{lists.body('ListSets', None)}</ListSets>")
    lists.says = lambda verb, _: Answer(body, 203, {"ETag": '"1"'}) if verb == "ListSets" else None
    found = again()
    assert [each.status for each in lists.log[3:]] == [304, 304, 203]
    assert told(found) == {"new_sets": ("new",), "gone_sets": ("b", "c", "d", "e")}


def test_304_that_nobody_asked_for_is_a_failure_and_nothing_is_lost(again: Refresher, lists: Lists) -> None:
    again()
    state = again.state()
    lists.says = lambda _verb, _token: Answer(status=304)
    found = again()
    assert (found.outcome, found.reason, told(found)) == ("unreachable", "http_304", {})
    assert (
        found.sentences[0]
        == "Identify brought no answer: The repository answers HTTP 304 without an OAI-PMH answer."
    )
    assert again.state() == state


def test_a_list_of_several_pages_is_read_whole_though_its_first_page_is_unchanged(
    again: Refresher, lists: Lists
) -> None:
    lists.etags = dict.fromkeys(VERBS, '"1"')
    lists.page_size = 2
    assert again().requests == 5
    lists.sets.append("f")
    found = again()
    assert told(found) == {"new_sets": ("f",)}
    assert [each.conditions[0] for each in lists.log[5:]] == ['"1"', '"1"', None, None, None]


def test_unchanged_is_not_believed_for_ever_nor_of_another_address(again: Refresher, lists: Lists) -> None:
    lists.etags = dict.fromkeys(VERBS, '"1"')
    again()
    old = "UPDATE repositories SET validators = jsonb_set(validators, '{ListSets,at}', to_jsonb(now() - interval '31 days')) WHERE id = :id"
    again.change(old)
    again.change("UPDATE sets SET listed_at = now() - interval '31 days' WHERE repository_id = :id")
    assert told(again()) == {}
    assert [each.status for each in lists.log[3:]] == [304, 304, 200]
    again.change("UPDATE repositories SET base_url = :url WHERE id = :id", url=f"{lists.url}/moved")
    again()
    assert [each.conditions for each in lists.log[6:]] == [(None, None)] * 3


# --- what is cut or never ends


def failing_from(
    token: str, answer: Answer, times: int | None = None
) -> Callable[[str, str | None], Answer | None]:
    left = itertools.count() if times is None else iter(range(times))
    return lambda verb, asked: (
        answer if verb == "ListSets" and asked == token and next(left, None) is not None else None
    )


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (Answer(b"down", 500), "incomplete"),
        (error("badResumptionToken"), "incomplete"),
        (Answer(oai("<ListSets><set><setSpec>x</setSpec></set></ListSets>"), cut=20), "incomplete"),
        (Answer(b"<html><body>down</body></html>"), "incomplete"),
        (error("badArgument"), "complete_unverified"),
    ],
    ids=["500", "badResumptionToken", "cut", "html", "badArgument"],
)
def test_a_list_that_is_cut_lets_nothing_be_gone(
    again: Refresher, lists: Lists, answer: Answer, outcome: str
) -> None:
    lists.page_size = 2
    again()
    lists.sets = ["new", "a", "b", "c", "d"]
    lists.says = failing_from("4", answer)
    cut = again()
    assert (cut.outcome, told(cut)) == (outcome, {"new_sets": ("new",)})
    assert cut.sentences[0] == "1 set is new: new."
    assert cut.sentences[1].startswith("ListSets brought no answer: ")
    lists.says = lambda _verb, _token: None
    assert told(again()) == {"gone_sets": ("e",)}
    assert told(again()) == {}


@pytest.mark.parametrize("idempotent", [None, True, False])
def test_a_page_asked_for_twice_may_have_been_passed_over(
    again: Refresher, lists: Lists, idempotent: bool | None
) -> None:
    lists.page_size = 2
    again()
    if idempotent is not None:
        with again.engine.begin() as connection:
            traits.note(connection, again.id, {"idempotent_tokens": (idempotent, "seen")})
    lists.sets.remove("d")
    lists.says = failing_from("2", Answer(oai("<ListSets/>"), cut=5), times=1)
    found = again()
    asked = [each.token for each in lists.log[5:] if each.verb == "ListSets"]
    if idempotent is False:
        assert (found.outcome, told(found), asked) == ("incomplete", {}, [None, "2"])
    elif idempotent is None:
        assert (found.outcome, told(found), asked) == ("complete_unverified", {}, [None, "2", "2"])
        assert found.sentences[0].startswith(
            "The list of sets cannot show which of them are gone: a page of it"
        )
    else:
        assert (found.outcome, told(found)) == ("complete", {"gone_sets": ("d",)})


def test_a_list_that_ends_before_its_announced_size_lets_nothing_be_gone(
    again: Refresher, lists: Lists
) -> None:
    again()
    body = "<ListSets><set><setSpec>a</setSpec></set><resumptionToken completeListSize='5'/></ListSets>"
    lists.says = lambda verb, _: Answer(oai(body)) if verb == "ListSets" else None
    found = again()
    assert (found.outcome, told(found)) == ("complete_unverified", {})
    assert found.sentences == (
        "The list of sets cannot show which of them are gone: it announced 5 sets, and 1 came.",
    )


def test_a_repository_without_sets_says_so_and_that_is_an_answer(again: Refresher, lists: Lists) -> None:
    lists.says = lambda verb, _: error("noSetHierarchy") if verb == "ListSets" else None
    found = again()
    assert (found.outcome, found.requests, told(found)) == (
        "complete",
        3,
        {"new_formats": ("oai_dc", "mods")},
    )
    assert told(again()) == {}
    lists.says = lambda _verb, _token: None
    assert again().new_sets == ("a", "b", "c", "d", "e")


@pytest.mark.parametrize("empty", [error("noSetHierarchy"), Answer(oai("<ListSets/>"))])
def test_a_list_that_is_empty_for_a_moment_is_asked_for_again(
    again: Refresher, lists: Lists, empty: Answer
) -> None:
    again()
    left = iter([empty])
    lists.says = lambda verb, _: next(left, None) if verb == "ListSets" else None
    found = again()
    assert (found.outcome, told(found), found.requests) == ("complete", {}, 4)
    lists.says = lambda verb, _: empty if verb == "ListSets" else None
    assert told(again()) == {"gone_sets": ("a", "b", "c", "d", "e")}
    assert told(again()) == {}


def endless(verb: str, token: str | None) -> Answer | None:
    begin = int(token or 0)
    named = "".join(f"<set><setSpec>s{number}</setSpec></set>" for number in range(begin, begin + 3))
    body = f"<ListSets>{named}<resumptionToken>{begin + 3}</resumptionToken></ListSets>"
    return Answer(oai(body)) if verb == "ListSets" else None


@pytest.mark.parametrize(
    ("bounds", "pages", "kept"),
    [(Bounds(pages=4), 4, 12), (Bounds(sets=7), 3, 7), (Bounds(seconds=0.0), 1, 3)],
)
def test_a_list_without_end_is_left(
    again: Refresher, lists: Lists, bounds: Bounds, pages: int, kept: int
) -> None:
    lists.says = endless
    found = again(bounds=bounds)
    assert (found.outcome, len(found.new_sets), found.requests) == ("complete_unverified", kept, 2 + pages)
    assert len(again.listed()) == kept
    assert "cannot show which of them are gone" in found.sentences[-1]
    assert again.refreshed_at() is not None


def test_a_list_that_turns_in_a_circle_is_left_after_a_few_pages(again: Refresher, lists: Lists) -> None:
    body = oai("<ListSets><set><setSpec>a</setSpec></set><resumptionToken>a</resumptionToken></ListSets>")
    lists.says = lambda verb, _: Answer(body) if verb == "ListSets" else None
    found = again()
    assert (found.outcome, found.new_sets, found.requests) == ("complete_unverified", ("a",), 6)


def test_names_that_cannot_be_asked_for_are_left_out(again: Refresher, lists: Lists) -> None:
    lists.sets = ["a", "x" * 600, "b\u200bc", "d e/f", "a", "ä:ö"]
    found = again()
    assert (found.outcome, found.new_sets) == ("complete", ("a", "d e/f", "ä:ö"))
    assert found.sentences[-1] == "2 names of sets are too long or not printable, and are left out."


def test_five_thousand_sets_are_listed_and_numbered_once(again: Refresher, lists: Lists) -> None:
    lists.sets = [f"portal_{number}" for number in range(5000)]
    assert len(again().new_sets) == 5000
    lists.sets[0] = "portal_5000"
    assert told(again()) == {"new_sets": ("portal_5000",), "gone_sets": ("portal_0",)}
    again()
    # A number is drawn for each set once, and not again with each list: they are 32 bits wide.
    spread = again.one("SELECT max(id) - min(id) FROM sets WHERE repository_id = :id")
    assert spread == 5000


# --- Identify


def test_what_changes_in_identify_is_an_event(again: Refresher, lists: Lists) -> None:
    assert again().changed == ()
    lists.identify |= {
        "granularity": "YYYY-MM-DD",
        "deletedRecord": "no",
        "protocolVersion": "2.1",
        "baseURL": "https://elsewhere.example.org/oai",
        "earliestDatestamp": "1990-01-01",
        "repositoryName": "Another name is none",
    }
    found = again()
    assert {each.name: (each.before, each.now) for each in found.changed} == {
        "granularity": ("YYYY-MM-DDThh:mm:ssZ", "YYYY-MM-DD"),
        "deleted_record": ("persistent", "no"),
        "protocol_version": ("2.0", "2.1"),
        "base_url": ("http://lists.example.org/oai", "https://elsewhere.example.org/oai"),
        "earliest_datestamp": ("2001-01-01T00:00:00Z", "1990-01-01"),
    }
    assert (
        "Its granularity is now YYYY-MM-DD, and was YYYY-MM-DDThh:mm:ssZ. "
        "Dates are written in that form from the next list on."
    ) in found.sentences
    assert again.one("SELECT granularity FROM repositories WHERE id = :id") == "YYYY-MM-DD"
    assert told(again()) == {}


def test_an_event_is_told_though_a_harvest_has_seen_it_first(again: Refresher, lists: Lists) -> None:
    lists.etags = {"Identify": '"1"'}
    again()
    heard = "UPDATE repositories SET deleted_record = 'no', identify = jsonb_set(identify, '{deleted_record}', '\"no\"') WHERE id = :id"
    again.change(heard)
    lists.identify["deletedRecord"] = "no"
    assert told(again()) == {"changed": (Change("deleted_record", "persistent", "no"),)}
    # And where it went there and back, what the server calls unchanged is not what the catalogue has.
    lists.identify["deletedRecord"] = "persistent"
    lists.etags = {"Identify": '"2"'}
    again()
    again.change(heard)
    again()
    assert again.one("SELECT deleted_record FROM repositories WHERE id = :id") == "persistent"


def test_who_gives_the_present_moment_as_the_earliest_date_is_not_told_of_each_time(
    again: Refresher, lists: Lists
) -> None:
    again()
    lists.identify["earliestDatestamp"] = "2999-01-01T00:00:00Z"
    assert told(again()) == {}


# --- who does not answer


def test_a_verb_that_is_not_known_is_no_reason_to_be_alarmed(again: Refresher, lists: Lists) -> None:
    lists.says = lambda verb, _: error("badVerb") if verb == "ListSets" else None
    found = again()
    assert (found.outcome, found.reason, found.new_formats) == (
        "complete_unverified",
        "badVerb",
        ("oai_dc", "mods"),
    )
    assert again.refreshed_at() is not None


def test_lists_are_asked_for_where_identify_is_broken(again: Refresher, lists: Lists) -> None:
    lists.says = lambda verb, _: Answer(b"down", 500) if verb == "Identify" else None
    found = again()
    assert (found.outcome, found.reason, len(found.new_sets)) == ("incomplete", "http_500", 5)
    assert found.evidence is not None
    assert again.refreshed_at() is None


@pytest.mark.parametrize(
    ("answer", "outcome", "requests"),
    [
        (Answer(b"no", 403), "refused", 1),
        (Answer(b"busy", 503, {"Retry-After": "4000"}), "incomplete", 1),
        (Answer(b"<title>Just a moment</title>", 403, {"cf-mitigated": "challenge"}), "refused", 2),
    ],
    ids=["403", "503", "wall"],
)
def test_who_does_not_let_us_in_is_not_asked_further(
    again: Refresher, lists: Lists, answer: Answer, outcome: str, requests: int
) -> None:
    lists.says = lambda _verb, _token: answer
    found = again()
    assert (found.outcome, found.requests, told(found)) == (outcome, requests, {})
    assert set(lists.verbs()) == {"Identify"}
    again.change("DELETE FROM hosts WHERE name = :host", host=host_of(lists.url))


def test_a_host_that_is_not_there_is_asked_for_once(shared_engine: Engine) -> None:
    gone = Lists()
    gone.close()
    found = Refresher(shared_engine, gone.url)()
    assert (found.outcome, found.reason) == ("unreachable", "connection_refused")
    assert found.requests == 3


def test_whoever_else_asks_the_host_goes_first(again: Refresher, lists: Lists) -> None:
    with again.engine.connect() as other:
        assert hosts.hold(other, host_of(lists.url), lambda: False) is not None
        found = again()
        assert (found.outcome, found.reason, lists.log) == ("incomplete", "host_busy", [])
        hosts.let_go(other, host_of(lists.url))


def test_the_pace_is_kept_and_the_host_row_tells_it(shared_engine: Engine) -> None:
    with FakeRepository(records=5) as fake:
        Refresher(shared_engine, fake.url)(pace=0.1)
        times = [each.at for each in fake.log]
        with shared_engine.connect() as connection:
            waits = connection.scalar(
                text("SELECT next_allowed_at > now() - interval '1 minute' FROM hosts WHERE name = :host"),
                {"host": host_of(fake.url)},
            )
    assert min(later - earlier for earlier, later in itertools.pairwise(times)) >= 0.1
    assert waits


def test_who_is_asked_to_stop_keeps_what_came(again: Refresher, lists: Lists) -> None:
    lists.page_size = 2
    found = again(stop=lambda: len(lists.log) >= 4)
    assert (found.outcome, found.new_sets) == ("interrupted", ("a", "b", "c", "d"))
    assert sorted(again.listed()) == ["a", "b", "c", "d"]
    assert again.refreshed_at() is None
    rest = again()
    assert (rest.outcome, rest.new_sets) == ("complete", ("e",))


def test_who_has_moved_is_told_and_what_still_stands_is_known_there(again: Refresher, lists: Lists) -> None:
    lists.etags = dict.fromkeys(VERBS, '"1"')
    again.change(
        "UPDATE repositories SET base_url = :url WHERE id = :id", url=lists.url.replace("/oai", "/old")
    )
    found = again()
    assert (found.outcome, found.requests) == ("complete", 6)
    assert found.sentences[-1].startswith(f"The repository has moved for good to {lists.url}: ")
    assert (again().requests, lists.verbs()) == (6, VERBS * 2)
    assert {each.status for each in lists.log[3:]} == {304}


def test_what_is_not_registered_is_no_source(shared_engine: Engine) -> None:
    for source in ("nobody", "http://127.0.0.1:9/oai"):
        with pytest.raises(ConfigError, match="no repository is registered"):
            refresh(shared_engine, Request(source))


def test_a_harvest_beside_it_finds_its_sets_as_they_were(shared_engine: Engine) -> None:
    with FakeRepository(records=30, page_size=10) as fake:
        ask = Asker(shared_engine, fake)
        ask()
        before = ask.rows(
            "SELECT spec, s.id FROM sets s JOIN repositories r ON r.id = repository_id WHERE r.name = :name ORDER BY 1"
        )
        refresh(shared_engine, Request(ask.name, limits=QUICK, wait=0.0))
        after = ask.rows(
            "SELECT spec, s.id FROM sets s JOIN repositories r ON r.id = repository_id WHERE r.name = :name ORDER BY 1"
        )
        assert set(before) <= set(after)
        fake.store.revise(fake.store.records[0].identifier)
        ask()
        ask.assert_same()
