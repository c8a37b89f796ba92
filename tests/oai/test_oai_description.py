"""What a repository says of itself: read leniently, bounded, and not asked for again where it still stands."""

from collections.abc import Callable

import pytest
from lxml import etree
from oai_pages import answer, error
from scripted_server import ScriptedServer, Told

from harvester.errors import Refused, Retriable, TokenExpired
from harvester.mock import FakeRepository
from harvester.oai.description import Format, ListedSet, SetsPage, read_formats, read_identify, read_sets
from harvester.oai.parsing import strict
from harvester.oai.repository import Repository
from harvester.wire import Validators

Ask = Callable[..., Repository]
Serve = Callable[..., ScriptedServer]
TAG = Validators('"one"', "Tue, 05 Mar 2024 08:00:00 GMT")


def sets(*specs: str, token: str | None = None, more: str = "") -> bytes:
    each = "".join(f"<set><setSpec>{spec}</setSpec><setName>Set {spec}</setName></set>" for spec in specs)
    element = "" if token is None else f"<resumptionToken{more}>{token}</resumptionToken>"
    return answer(f"<ListSets>{each}{element}</ListSets>")


def test_what_a_repository_says_is_read(ask: Ask) -> None:
    with FakeRepository(records=5) as fake:
        repository = ask(fake.url)
        said = repository.identify()
        formats = read_formats(repository.harvest(verb="ListMetadataFormats").root)
        listed = read_sets(repository.harvest(verb="ListSets").root)
        assert (said.base_url, said.deleted_record, said.protocol_version) == (fake.url, "persistent", "2.0")
        assert said.admin_emails == ("admin@repository.example.org",)
        assert [each.spec for each in listed.sets] == list(fake.store.sets())
    assert formats[0] == Format(
        "oai_dc",
        "http://www.openarchives.org/OAI/2.0/oai_dc/",
        "http://www.openarchives.org/OAI/2.0/oai_dc.xsd",
    )
    assert (listed.token, listed.size, listed.sets[0].name is not None) == (None, None, True)


def test_sets_are_read_as_servers_write_them() -> None:
    body = sets(" a:b ", "", "c d/e", token=" t=1+2 \n", more=' completeListSize="841"')
    assert read_sets(strict(body)) == SetsPage(
        (ListedSet("a:b", "Set a:b"), ListedSet("c d/e", "Set c d/e")), "t=1+2", 841
    )
    assert read_sets(strict(sets("a", token=" \n"))).token is None
    assert read_sets(strict(answer("<ListSets/>"))) == SetsPage(())
    nameless = "<ListSets><set><setSpec>a</setSpec></set></ListSets><resumptionToken>beside</resumptionToken>"
    assert read_sets(strict(answer(nameless))) == SetsPage((ListedSet("a"),), "beside")


def test_formats_without_a_prefix_are_none_and_twins_count_once() -> None:
    one = "<metadataFormat><metadataPrefix>{}</metadataPrefix><schema>s</schema></metadataFormat>"
    inside = "".join(one.format(prefix) for prefix in ("oai_dc", "", "mods", "oai_dc"))
    body = answer(f"<ListMetadataFormats>{inside}</ListMetadataFormats>")
    assert read_formats(strict(body)) == (Format("oai_dc", "", "s"), Format("mods", "", "s"))


@pytest.mark.parametrize("read", [read_identify, read_formats, read_sets])
def test_an_answer_to_something_else_is_none(read: Callable[[etree._Element], object]) -> None:
    with pytest.raises(Retriable) as caught:
        read(strict(answer("<ListRecords/>")))
    assert caught.value.reason == "no_list"
    with pytest.raises(Refused, match="badVerb"):
        read(strict(answer(error("badVerb"))))


def test_an_error_in_the_midst_of_the_list_is_no_end_of_it() -> None:
    cut = answer(f"<ListSets><set><setSpec>a</setSpec></set>{error('badResumptionToken')}</ListSets>")
    with pytest.raises(TokenExpired):
        read_sets(strict(cut))


def test_a_list_of_sets_is_bounded_whatever_it_holds() -> None:
    body = sets(*map(str, range(60_000)), token="t")
    page = read_sets(strict(body))
    assert (len(page.sets), page.token) == (50_000, "t")


def test_what_still_stands_comes_as_nothing_and_costs_one_request(ask: Ask, serve: Serve) -> None:
    server = serve(lambda _: Told(b"", 304))
    repository = ask(server.url)
    assert repository.newer(TAG, verb="ListSets") is None
    assert (repository.requests, len(server.targets)) == (1, 1)
    asked = server.headers[0]
    assert (asked["if-none-match"], asked["if-modified-since"]) == (TAG.etag, TAG.last_modified)


def test_what_has_changed_comes_whole(ask: Ask, serve: Serve) -> None:
    server = serve(
        lambda _: Told(sets("a"), headers={"ETag": '"one"'})
    )  # the same tag, and sent all the same
    found = ask(server.url).newer(TAG, verb="ListSets")
    assert found is not None
    assert read_sets(found.root).sets[0].spec == "a"


def test_304_to_a_question_without_conditions_is_a_failure_that_names_itself(ask: Ask, serve: Serve) -> None:
    server = serve(lambda _: Told(b"", 304))
    with pytest.raises(Retriable) as caught:
        ask(server.url).identify()
    assert caught.value.reason == "http_304"
    assert len(server.targets) == 3
    assert "if-none-match" not in server.headers[0]


def test_errors_of_a_conditional_question_are_told_as_ever(ask: Ask, serve: Serve) -> None:
    server = serve(lambda _: Told(b"busy", 503, {"Retry-After": "7"}))
    with pytest.raises(Retriable) as caught:
        ask(server.url).newer(TAG, verb="ListSets")
    assert (caught.value.reason, caught.value.after) == ("http_503", 7.0)
    assert caught.value.evidence is not None
