"""Files a person has at hand: responses, loose records, bare documents."""

from datetime import UTC, datetime

import pytest
from oai_pages import NOW, answer, dc, error, header, page, record

from harvester.errors import Refused, Retriable, TokenExpired
from harvester.oai.documents import MOST_MEMBERS, Document, read_document
from harvester.oai.records import Broken, Record


def read(text: str | bytes) -> Document:
    return read_document(text.encode() if isinstance(text, str) else text, NOW)


def identifiers(document: Document) -> list[str | None]:
    return [
        each.identifier if isinstance(each, Broken) else each.header.identifier for each in document.records
    ]


@pytest.mark.parametrize("verb", ["ListRecords", "GetRecord"])
def test_a_response_tells_its_records_its_format_and_its_date(verb: str) -> None:
    found = read(page(record("oai:x:1"), record("oai:x:2"), verb=verb, date="2020-02-02T02:02:02Z"))
    assert identifiers(found) == ["oai:x:1", "oai:x:2"]
    assert (found.format, found.bare, found.repairs) == ("oai_dc", (), {})
    assert found.date == datetime(2020, 2, 2, 2, 2, 2, tzinfo=UTC)


def test_headers_alone_are_records_without_metadata() -> None:
    found = read(page(header("oai:x:1"), header("oai:x:2"), verb="ListIdentifiers"))
    assert [
        (each.header.identifier, each.metadata) for each in found.records if isinstance(each, Record)
    ] == [
        ("oai:x:1", None),
        ("oai:x:2", None),
    ]


def test_broken_records_of_a_response_are_told_with_the_others() -> None:
    found = read(page(record("oai:x:1", ""), record("oai:x:2")))
    assert sorted(map(str, identifiers(found))) == ["oai:x:1", "oai:x:2"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (record("oai:x:1"), ["oai:x:1"]),
        (f"<records>{record('oai:x:1')}{record('oai:x:2')}</records>", ["oai:x:1", "oai:x:2"]),
        (f"<a><b>{record('oai:x:1')}</b>{record('oai:x:2')}</a>", ["oai:x:1", "oai:x:2"]),
        (f"<ListRecords>{record('oai:x:1')}</ListRecords>", ["oai:x:1"]),
        (answer(record("oai:x:1") + record("oai:x:2")), ["oai:x:1", "oai:x:2"]),
        (record("oai:x:1", record("oai:inner:1")), ["oai:x:1"]),
        (answer(record("oai:x:1", record("oai:inner:1"))), ["oai:x:1"]),
    ],
)
def test_loose_records_are_found_alone_wrapped_or_straight_under_the_root(
    text: str | bytes, expected: list[str]
) -> None:
    found = read(text)
    assert identifiers(found) == expected
    assert found.bare == ()


def test_a_wrapper_with_very_many_records_is_not_taken_for_one_document() -> None:
    many = 100_001
    found = read("<records>" + "<record><header/></record>" * many + "</records>")
    assert len(found.records) == many


@pytest.mark.parametrize("text", [dc(), "<record><leader/></record>", "<mods><record/></mods>", "<OAI/>"])
def test_a_document_that_is_no_record_is_bare(text: str) -> None:
    found = read(text)
    assert len(found.bare) == 1
    assert (found.records, found.format, found.date) == ((), None, NOW)


MARC = "http://www.loc.gov/MARC21/slim"


def test_a_collection_is_its_members() -> None:
    for name, member in (("collection", "record"), ("modsCollection", "mods")):
        for prefix, namespace in (("", ""), ("", f' xmlns="{MARC}"'), ("m:", f' xmlns:m="{MARC}"')):
            inner = "".join(f'<{prefix}{member} n="{at}"/>' for at in range(3))
            found = read(f"<{prefix}{name}{namespace}>\n{inner}</{prefix}{name}>")
            assert [each.get("n") for each in found.bare] == ["0", "1", "2"]
            assert found.records == ()


@pytest.mark.parametrize(
    "text",
    [
        "<collection/>",
        "<collection><record/></collection>",
        "<collection><record/><name/></collection>",
        f'<collection xmlns="{MARC}"><record/><record xmlns=""/></collection>',
        "<collection><mods/><mods/></collection>",
        "<records><mods/><mods/></records>",
        f"<collection>{'<record/>' * (MOST_MEMBERS + 1)}</collection>",
    ],
    ids=["empty", "one", "mixed", "namespaces", "others", "unknown", "masses"],
)
def test_what_is_no_collection_of_several_stays_one_document(text: str) -> None:
    (element,) = read(text).bare
    assert element.getparent() is None


def test_a_response_of_another_namespace_is_still_read_from_a_file() -> None:
    for namespace in (b"", b' xmlns="http://www.openarchives.org/OAI/1.1/"'):
        body = page(record("oai:x:1")).replace(b' xmlns="http://www.openarchives.org/OAI/2.0/"', namespace)
        assert identifiers(read(body)) == ["oai:x:1"]


def test_a_file_is_repaired_and_that_is_told() -> None:
    found = read(page(record("oai:x:1", "<x>R&D \x01</x>")))
    assert found.repairs == {"bare_ampersand": 1, "illegal_character": 1}
    assert identifiers(found) == ["oai:x:1"]


@pytest.mark.parametrize(
    ("body", "kind", "reason"),
    [
        (answer(error("badResumptionToken")), TokenExpired, "badResumptionToken"),
        (answer(error("idDoesNotExist")), Refused, "idDoesNotExist"),
        (answer("<ListSets/>"), Retriable, "no_list"),
        (answer(""), Retriable, "no_list"),
        (b"", Retriable, "malformed"),
        (page(record())[:-30], Retriable, "malformed"),
        (b"<!DOCTYPE mods><mods/>", Refused, "doctype"),
    ],
)
def test_a_file_without_records_says_why(body: bytes, kind: type[Exception], reason: str) -> None:
    with pytest.raises(kind) as caught:
        read(body)
    assert getattr(caught.value, "reason", None) == reason


def test_no_records_match_is_a_file_with_none() -> None:
    assert read(answer(error("noRecordsMatch"))).records == ()
