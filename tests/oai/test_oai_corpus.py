"""Real responses and records of some sixty projects: counted against their index, and never fewer without a word."""

import csv
import random
import re
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
from harvester.oai.records import Broken, Page, Record

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
# What becomes of every file that is not well-formed: the records that were read, those that were put aside and why, the bare
# documents; or the reason for which nothing was read.
ILL_FORMED: dict[str, tuple[int, list[str], int] | str] = {
    "pcurio.yaml_00.xml": (5, [], 0),  # a control character
    "invalid_035_field__7_1004999_1005000_6679727.xml": (3, [], 0),  # bytes that are not UTF-8
    "multipleSets__010-bibs.xml": (2, [], 0),
    "tests__test_data__chalmers.xml": (2, [], 0),  # &ouml;
    "tests__test_data__invalid_issn.xml": (1, [], 0),
    "tests__test_data__validatable.xml": (1, [], 0),
    "tests__test_data__doi_error.xml": (0, ["malformed_record"], 0),  # an unescaped < in its only record
    "findsorguk_trailing_php_notices.xml": (0, ["no_header"], 0),  # its record was left out of the quotation
    "tests__fake4__00001.xml": "no_list",  # an Identify with &bogus;
    "harvestFailure__020.xml": "malformed",  # where its only record begins, no header follows
    "index.md_de4b163_doc1.xml": "malformed",  # a comment without an end, in ListSets
    "tests__fake3__00001.xml": "malformed",  # an Identify with tags that do not match
    "stubdata__input__datacite_null_valueuri.xml": (
        1,
        [],
        0,
    ),  # a prefix that was declared on the root it was cut from
    "stubdata__input__zenodo_test.xml": (1, [], 0),
    "stubdata__input__zenodo_test3.xml": (1, [], 0),
    "stubdata__input__zenodo_test4.xml": (1, [], 0),
    "src__test__resources__vt.xml": (0, [], 1),
    "books_book2.xml": (0, [], 1),  # junk before it, and bare ampersands
    "AASNova_rss.xml": (0, [], 1),  # a blank line before the declaration
    "util__xml__not-well-formed.xml": "malformed",  # tags that do not match
    "files__datacite_malformed.xml": "malformed",  # cut
    "src__test__resources__esdn.xml": "malformed",  # prefixes that are declared nowhere, with more than one meaning
    "src__test__resources__scdl.xml": "malformed",
    "src__test__resources__jh3.xml": "malformed",
    "src__test__resources__txdl.xml": "malformed",  # a blank in a namespace name
    "tests__vcr__purdue.yaml_00.xml": "doctype",  # a web page's first line
    "tests__cassettes__get_record.yaml_00.xml": "malformed",  # empty
}
OPENING = re.compile(rb"<(?:\w+:)?record(?:\s[^<>]*)?>\s*<(?:\w+:)?header[\s/>]")
HEADER_END = re.compile(rb"</(?:\w+:)?header\s*>|<(?:\w+:)?header[^<>]*/>")


@pytest.fixture(scope="module")
def index(corpus: Path) -> list[Row]:
    with (corpus / "INDEX.tsv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


def said(element: Element) -> list[tuple[object, ...]]:
    return [(each.tag, each.text, sorted(each.items()), len(each)) for each in element.iter()]


def read(body: bytes, verb: str) -> Page:
    parsed = read_answer(200, {}, body)
    return read_page(parsed.root, verb, NOW, broken=parsed.broken)


def forms(page: Page) -> list[tuple[str, bytes | None]]:
    return [
        (each.header.identifier, None if each.metadata is None else canonical(each.metadata))
        for each in page.records
    ]


def responses(index: list[Row], *, wellformed: bool) -> Iterator[Row]:
    return (row for row in index if row["kind"] == "response" and (row["wellformed"] == "True") == wellformed)


def named(row: Row) -> tuple[int, list[str], int] | str | None:
    return next((value for name, value in ILL_FORMED.items() if row["path"].endswith(name)), None)


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
            parsed = read_answer(200, {}, (corpus / row["path"]).read_bytes())
            root, repaired = parsed.root, parsed.repaired
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


def test_every_ill_formed_file_is_read_put_aside_or_refused_by_name_and_nothing_in_silence(
    corpus: Path, index: list[Row]
) -> None:
    outcomes, seen = [], 0
    for row in index:
        if row["wellformed"] == "True":
            assert named(row) is None, row["path"]
            continue
        body = (corpus / row["path"]).read_bytes()
        seen += 1
        try:
            document = read_document(body, NOW)
        except RepositoryError as error:
            outcomes.append((row["path"], error.reason, named(row)))
            continue
        broken = [each for each in document.records if isinstance(each, Broken)]
        records = len(document.records) - len(broken)
        found = (records, [each.reason for each in broken], len(document.bare))
        outcomes.append((row["path"], found, named(row)))
        assert records + sum(each.reason != "no_header" for each in broken) == len(OPENING.findall(body))
        assert records >= int(row["records"]) - len(broken) or document.bare
        for each in broken:
            assert each.position is None or body[each.position :].startswith(each.raw)
    assert [each for each in outcomes if each[1] != each[2]] == []
    assert seen == len(ILL_FORMED)


def test_any_real_page_with_one_record_broken_gives_all_the_others_and_its_token(
    corpus: Path, index: list[Row]
) -> None:
    seen, chance, wrong = 0, random.Random(1), []
    for row in responses(index, wellformed=True):
        body = (corpus / row["path"]).read_bytes()
        begins = [each.start() for each in OPENING.finditer(body)]
        if row["path"] in WITHOUT_A_LIST or row["verb"] not in LISTS or not begins or len(body) > 200_000:
            continue
        whole = read(body, row["verb"])
        if len(whole.records) != len(begins):
            continue
        which = chance.randrange(len(begins))
        end = HEADER_END.search(body, begins[which])
        assert end is not None
        broken = body[: end.end()] + b"<broken>" + body[end.end() :]
        page = read(broken, row["verb"])
        expected = [*forms(whole)[:which], *forms(whole)[which + 1 :]]
        (aside,) = (each for each in page.broken if each.reason == "malformed_record")
        position = aside.position or 0
        if (
            forms(page) != expected
            or (page.ending, page.token and page.token.text)
            != (whole.ending, whole.token and whole.token.text)
            or aside.identifier != whole.records[which].header.identifier
            or position != begins[which]
            or broken[position : position + len(aside.raw)] != aside.raw
        ):
            wrong.append(row["path"])
        seen += 1
    assert wrong == []
    assert seen > 150


def test_records_and_bare_metadata_are_read(corpus: Path, index: list[Row]) -> None:
    seen, wrong = 0, []
    for row in index:
        if row["kind"] == "response" or row["wellformed"] != "True":
            continue
        document = read_document((corpus / row["path"]).read_bytes(), NOW)
        found = "bare" if document.bare else f"{len(document.records)} records"
        if found != (f"{row['records']} records" if row["kind"] == "oai-record" else "bare"):
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
                root = read_answer(200, {}, body[:length]).root
                ended.append((row["path"], length, read_page(root, row["verb"], NOW).ending))
            except RepositoryError:
                continue
    assert ended == []
