"""Real responses and records of some sixty projects: counted against their index, and never fewer without a word."""

import csv
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from lxml.etree import _Element as Element
from oai_pages import NOW

from harvester.errors import RepositoryError
from harvester.oai.answers import read_answer
from harvester.oai.canonical import canonical
from harvester.oai.documents import read_document
from harvester.oai.page import read_page
from harvester.oai.parsing import strict
from harvester.oai.records import Broken, Record

LISTS = {"ListRecords", "ListIdentifiers", "GetRecord"}
Row = dict[str, str]

# Responses with records straight under the root: files made by hand. As an answer over HTTP that is no list.
WITHOUT_A_LIST = {
    f"libris__swepub-redux/tests__test_data__{name}.xml"
    for name in (
        "kkh-new",
        "kth-new-diva",
        "liu-new-diva",
        "ltu-new",
        "lund",
        "mau-new",
        "naturvardsverket-new",
    )
}
# What becomes of the responses that are not well-formed: the number of records, or the reason.
ILL_FORMED: dict[str, int | str] = {
    "pcurio.yaml_00.xml": 5,  # a control character
    "invalid_035_field__7_1004999_1005000_6679727.xml": 3,  # bytes that are not UTF-8
    "multipleSets__010-bibs.xml": 2,
    "tests__test_data__chalmers.xml": 2,  # &ouml;
    "tests__test_data__invalid_issn.xml": 1,
    "tests__test_data__validatable.xml": 1,
    "tests__fake4__00001.xml": "no_list",  # an Identify with &bogus;
    "tests__test_data__doi_error.xml": "malformed",  # an unescaped <
    "harvestFailure__020.xml": "malformed",
    "index.md_de4b163_doc1.xml": "malformed",  # a comment without an end
    "tests__fake3__00001.xml": "malformed",  # tags that do not match
    "findsorguk_trailing_php_notices.xml": 1,  # its record was left out of the quotation: one without a header
}
# Records and metadata that are not read, and why.
UNREAD: dict[str, str] = {
    "util__xml__not-well-formed.xml": "malformed",  # tags that do not match
    "files__datacite_malformed.xml": "malformed",  # cut
    "src__test__resources__esdn.xml": "malformed",  # prefixes that are declared nowhere, with more than one meaning
    "src__test__resources__scdl.xml": "malformed",
    "src__test__resources__jh3.xml": "malformed",
    "src__test__resources__txdl.xml": "malformed",  # a blank in a namespace name
    "tests__vcr__purdue.yaml_00.xml": "doctype",  # a web page's first line
    "tests__cassettes__get_record.yaml_00.xml": "malformed",  # empty
}


@pytest.fixture(scope="module")
def index(corpus: Path) -> list[Row]:
    with (corpus / "INDEX.tsv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


def said(element: Element) -> list[tuple[object, ...]]:
    return [(each.tag, each.text, sorted(each.items()), len(each)) for each in element.iter()]


def responses(index: list[Row], *, wellformed: bool) -> Iterator[Row]:
    return (row for row in index if row["kind"] == "response" and (row["wellformed"] == "True") == wellformed)


def named(table: dict[str, int | str] | dict[str, str], row: Row) -> int | str | None:
    return next((value for name, value in table.items() if row["path"].endswith(name)), None)


def test_every_well_formed_response_holds_the_records_its_index_states(
    corpus: Path, index: list[Row]
) -> None:
    seen, wrong = 0, []
    for row in responses(index, wellformed=True):
        try:
            records = read_document((corpus / row["path"]).read_bytes(), NOW).records
        except RepositoryError:  # an OAI-PMH error, or another verb's answer: no records either way
            records = ()
        deleted = sum(isinstance(each, Record) and each.header.deleted for each in records)
        if (len(records), deleted) != (int(row["records"]), int(row["deleted"])):
            wrong.append((row["path"], len(records), deleted))
        seen += 1
    assert wrong == []
    assert seen > 400


def test_every_well_formed_list_is_read_as_an_answer_with_its_token(corpus: Path, index: list[Row]) -> None:
    seen, wrong = 0, []
    for row in responses(index, wellformed=True):
        if row["verb"] not in LISTS:
            continue
        try:
            root, repaired = read_answer(200, {}, (corpus / row["path"]).read_bytes())
            page = read_page(root, row["verb"], NOW)
        except RepositoryError:
            if int(row["records"]) and row["path"] not in WITHOUT_A_LIST:
                wrong.append((row["path"], "not read"))
            continue
        found = len(page.records) + len(page.broken)
        if (
            repaired
            or found != int(row["records"])
            or (page.token is not None) != (row["token"] == "nonempty")
        ):
            wrong.append((row["path"], str(found)))
        seen += 1
    assert wrong == []
    assert seen > 300


def test_ill_formed_responses_end_in_a_named_error_or_whole(corpus: Path, index: list[Row]) -> None:
    wrong = []
    for row in responses(index, wellformed=False):
        expected = named(ILL_FORMED, row)
        try:
            document = read_document((corpus / row["path"]).read_bytes(), NOW)
            found: int | str = len(document.records)
            assert document.repairs
        except RepositoryError as error:
            found = error.reason
        if found != expected or (isinstance(found, int) and found < int(row["records"])):
            wrong.append((row["path"], found))
    assert wrong == []


def test_records_and_bare_metadata_are_read_or_say_why_not(corpus: Path, index: list[Row]) -> None:
    seen, wrong = 0, []
    for row in index:
        if row["kind"] == "response":
            continue
        try:
            document = read_document((corpus / row["path"]).read_bytes(), NOW)
            found = "bare" if document.bare else f"{len(document.records)} records"
        except RepositoryError as error:
            found = error.reason
        expected = named(UNREAD, row)
        if expected is None and row["kind"] == "oai-record":
            expected = f"{row['records']} records"
        if found != (expected or "bare"):
            wrong.append((row["path"], found))
        seen += 1
    assert wrong == []
    assert seen > 400


def test_every_record_has_a_canonical_form_that_reads_back(corpus: Path, index: list[Row]) -> None:
    for row in index:
        try:
            document = read_document((corpus / row["path"]).read_bytes(), NOW)
        except RepositoryError:
            continue
        for each in document.records:
            if isinstance(each, Broken):
                assert each.raw
            elif each.metadata is not None:
                assert said(strict(canonical(each.metadata))) == said(each.metadata), row["path"]


def test_a_real_page_that_was_cut_is_never_the_end_of_its_list(corpus: Path, index: list[Row]) -> None:
    places = random.Random(1)
    ended = []
    for row in responses(index, wellformed=True):
        if row["verb"] not in LISTS or row["path"] in WITHOUT_A_LIST:
            continue
        body = (corpus / row["path"]).read_bytes().rstrip()
        last = body.rindex(b"<")
        for length in (*(places.randrange(last) for _ in range(4)), last, len(body) - 1):
            try:
                root, _ = read_answer(200, {}, body[:length])
                ended.append((row["path"], length, read_page(root, row["verb"], NOW).ending))
            except RepositoryError:
                continue
    assert ended == []
