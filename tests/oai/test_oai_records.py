"""Headers, metadata, about, and the canonical bytes that are hashed."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from oai_pages import NOW, dc, header, page, record

from harvester.oai.datestamps import Granularity
from harvester.oai.page import LONGEST_IDENTIFIER, canonical, read_page
from harvester.oai.parsing import strict
from harvester.oai.records import Broken, Header, Record

ABOUT = '<about><p:provenance xmlns:p="http://www.openarchives.org/OAI/2.0/provenance"><p:x/></p:provenance></about>'


def read_one(text: str, **more: str) -> Record | Broken:
    read = read_page(strict(page(text, **more)), "ListRecords", NOW)
    (only,) = (*read.records, *read.broken)
    return only


def with_status(status: str) -> str:
    return header().replace("<header", f'<header status="{status}"')


def header_of(text: str) -> Header:
    read = read_one(f"<record>{text}<metadata>{dc()}</metadata></record>")
    assert isinstance(read, Record)
    return read.header


def test_a_header_holds_identifier_datestamp_and_sets_in_their_order() -> None:
    found = header_of(
        "<header>\n <identifier>\n oai:x:1 </identifier><datestamp> 2024-05-01 </datestamp>"
        "<setSpec>b</setSpec><setSpec>a b/c:d</setSpec><setSpec>b</setSpec><setSpec/></header>"
    )
    assert (found.identifier, found.set_specs, found.deleted) == ("oai:x:1", ("b", "a b/c:d"), False)
    assert (str(found.datestamp), found.datestamp.granularity) == ("2024-05-01", Granularity.DAYS)


@pytest.mark.parametrize(
    "text",
    [
        "<header><Identifier>oai:x:1</Identifier><dateStamp>2024-05-01</dateStamp><setspec>s</setspec></header>",
        (
            '<h:header xmlns:h="urn:h"><h:identifier>oai:x:1</h:identifier>'
            "<h:datestamp>2024-05-01</h:datestamp><h:setSpec>s</h:setSpec></h:header>"
        ),
    ],
)
def test_names_in_another_case_or_namespace_are_understood(text: str) -> None:
    found = header_of(text)
    assert (found.identifier, str(found.datestamp), found.set_specs) == ("oai:x:1", "2024-05-01", ("s",))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("<header><datestamp>2024-05-01</datestamp></header>", "no_identifier"),
        ("<header><identifier> </identifier></header>", "no_identifier"),
        ("<header/>", "no_identifier"),
        ("", "no_header"),
        (header("x" * (LONGEST_IDENTIFIER + 1)), "identifier_too_long"),
    ],
)
def test_a_record_that_cannot_be_named_is_kept_whole(text: str, reason: str) -> None:
    broken = read_one(f"<record>{text}<metadata>{dc('Kept')}</metadata></record>")
    assert isinstance(broken, Broken)
    assert (broken.reason, broken.identifier) == (reason, None)
    assert b"Kept" in broken.raw


def test_an_identifier_of_the_longest_length_is_taken() -> None:
    assert header_of(header("x" * LONGEST_IDENTIFIER)).identifier == "x" * LONGEST_IDENTIFIER


def test_a_set_spec_of_any_length_is_kept() -> None:
    assert header_of(header(more=f"<setSpec>{'s' * 3000}</setSpec>")).set_specs == ("a:b", "s" * 3000)


@pytest.mark.parametrize("stamp", ["", "yesterday", "2023-02-29", "0000-01-01", "infinity", "20220-01-01"])
def test_a_record_without_a_readable_datestamp_gets_the_responses_and_is_marked(stamp: str) -> None:
    for text in (header(stamp=stamp), header().replace("<datestamp>2024-05-01T10:00:00Z</datestamp>", "")):
        found = header_of(text).datestamp
        assert (found.value, found.raw, found.guessed) == (NOW, "", True)


def test_of_two_datestamps_one_that_can_be_read_is_taken() -> None:
    found = header_of(header(more="<datestamp>soon</datestamp>")).datestamp
    assert found.raw == "2024-05-01T10:00:00Z"


@pytest.mark.parametrize("status", ["deleted", " Deleted ", "DELETED"])
@pytest.mark.parametrize("metadata", ["", "<metadata/>", f"<metadata>{dc()}</metadata>"])
def test_a_deleted_record_has_no_metadata_whatever_comes_with_it(status: str, metadata: str) -> None:
    read = read_one(f"<record>{with_status(status)}{metadata}</record>")
    assert isinstance(read, Record)
    assert read.header.deleted
    assert read.metadata is None


@pytest.mark.parametrize(
    "metadata", ["", "<metadata/>", "<metadata> \n </metadata>", "<metadata>text</metadata>"]
)
def test_a_live_record_without_metadata_is_not_taken_for_deleted(metadata: str) -> None:
    broken = read_one(f"<record>{header()}{metadata}</record>")
    assert isinstance(broken, Broken)
    assert (broken.reason, broken.identifier) == ("empty_metadata", "oai:x:1")


def test_another_status_is_not_a_deletion() -> None:
    read = read_one(f"<record>{with_status('updated')}<metadata><x/></metadata></record>")
    assert isinstance(read, Record)
    assert not read.header.deleted


def test_elements_without_a_common_root_stay_together() -> None:
    read = read_one(record(metadata="<a>1</a><b>2</b>"))
    assert isinstance(read, Record)
    assert read.metadata is not None
    assert etree.QName(read.metadata).localname == "metadata"
    assert [each.text for each in read.metadata] == ["1", "2"]


def test_about_is_kept_with_its_namespaces() -> None:
    two = ABOUT + '<about><r xmlns="urn:r"/></about>'
    for more in ("", ' xmlns:q="urn:q"'):
        read = read_one(f"<record>{header()}<metadata>{dc()}</metadata>{two}</record>", root=more)
        assert isinstance(read, Record)
        names = [etree.QName(etree.fromstring(each)) for each in read.about]
        assert [name.namespace for name in names] == [
            "http://www.openarchives.org/OAI/2.0/provenance",
            "urn:r",
        ]


XSI = ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:dcterms="http://purl.org/dc/terms/"'


def canonical_of(text: str, **more: str) -> bytes:
    read = read_one(record(metadata=text), **more)
    assert isinstance(read, Record)
    assert read.metadata is not None
    return canonical(read.metadata)


def test_the_canonical_form_does_not_depend_on_how_a_document_is_written() -> None:
    one = canonical_of('<x b="1" a="&#50;"><y></y><!-- note -->é</x>')
    assert canonical_of("<x  a='2'\n b='1' ><y/>&#xe9;</x>") == one
    assert canonical_of('<x b="1" a="2"><y/>è</x>') != one


def test_the_canonical_form_keeps_prefixes_that_only_values_use() -> None:
    form = canonical_of('<x xsi:type="dcterms:URI">http://a</x>', root=XSI)
    assert b'xmlns:dcterms="http://purl.org/dc/terms/"' in form
    alone = etree.fromstring(form)
    assert alone.nsmap["dcterms"] == "http://purl.org/dc/terms/"


def test_descendants_keep_a_default_namespace_that_is_not_the_pages() -> None:
    form = canonical_of('<x xmlns="urn:x"><a/><n><s>t</s><q xmlns=""><r/></q></n></x>')
    tags = [each.tag for each in etree.fromstring(form).iter()]
    assert tags == ["{urn:x}x", "{urn:x}a", "{urn:x}n", "{urn:x}s", "q", "r"]


@settings(max_examples=150, deadline=None)
@given(st.recursive(
    st.sampled_from([("a", "urn:x"), ("b", "urn:y"), ("c", ""), ("d", None), ("p:e", "urn:x"), ("p:f", None)]),
    lambda inner: st.tuples(st.sampled_from([("a", "urn:x"), ("c", ""), ("d", None), ("p:e", "urn:z")]), st.lists(inner, max_size=3)),
    max_leaves=8,
))  # fmt: skip
def test_the_canonical_form_says_what_the_record_said_however_namespaces_nest(tree: object) -> None:
    def written(node: object) -> str:
        (name, namespace), inner = node if isinstance(node[0], tuple) else (node, [])
        attribute = "xmlns:p" if ":" in name else "xmlns"
        declared = "" if namespace is None else f' {attribute}="{namespace}"'
        return f"<{name}{declared}>{''.join(map(written, inner))}</{name}>"

    body = page(record(metadata=written(tree)), root=' xmlns:p="urn:p"')
    metadata = strict(body).find(".//{*}metadata")[0]
    assert [each.tag for each in strict(canonical(metadata)).iter()] == [each.tag for each in metadata.iter()]


def test_the_same_record_on_another_page_has_the_same_canonical_form() -> None:
    mine = record("oai:x:7", '<x xsi:type="dcterms:URI" z="1" a="2">t</x>\n   ')
    pages = [
        page(mine, record("oai:x:8"), token="t", root=XSI),
        page(record("oai:x:1"), mine, root=XSI, date="2024-06-01T00:00:00Z"),
    ]
    forms = set()
    for body in pages:
        for read in read_page(strict(body), "ListRecords", NOW).records:
            if read.header.identifier == "oai:x:7" and read.metadata is not None:
                forms.add(canonical(read.metadata))
    assert len(forms) == 1


@pytest.mark.parametrize(
    "text",
    [
        '<x xmlns="relative"><y/></x>',
        '<x xmlns:q="../up"><q:y/></x>',
        '<x xmlns:q="q" q:a="1"/>',
        '<x xmlns=""/>',
    ],
)
def test_relative_namespace_names_have_a_form_too(text: str) -> None:
    form = canonical_of(text)
    assert form == canonical_of(text)
    assert etree.fromstring(form).tag.endswith("x")


@settings(max_examples=50, deadline=None)
@given(
    st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters="\ufffe\uffff"))
)
def test_the_canonical_form_reads_back_as_the_same_text(text: str) -> None:
    element = etree.Element("x", a=text)
    element.text = text
    back = etree.fromstring(canonical(element))
    assert (back.text or "", back.get("a")) == (text, text)
