"""The quick way to canonical XML gives the very bytes of libxml2's, or records would seem changed when nothing is."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from lxml.etree import _Element as Element

from harvester.errors import RepositoryError
from harvester.oai.canonical import canonical
from harvester.oai.parsing import Malformed, strict

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12) | st.sampled_from(
    [
        "",
        " ",
        'a="b"',
        "it's='x'",
        "<b/>",
        "&#38;",
        "\r\n",
        ">",
        "]]>",
        "&",
        "é𝔸",
        "\t",
        "<!-- x -->",
        "<?x?>",
    ]
)
NAMES = st.sampled_from(["dc:title", "dc:date", "title", "x:y"])
ATTRIBUTES = st.dictionaries(
    st.sampled_from(["xml:lang", "xsi:type", "type", "x:a", "xmlns:z", "xmlns"]),
    st.sampled_from(["en", "dcterms:URI", "http://z", "a'b", "<", "http://purl.org/dc/elements/1.1/"]),
    max_size=3,
)


def escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#13;")


@st.composite
def elements(draw: st.DrawFn, depth: int = 2) -> str:
    name = draw(NAMES)
    given_ = "".join(f' {key}="{escaped(value)}"' for key, value in draw(ATTRIBUTES).items())
    inner = escaped(draw(TEXT))
    if depth:
        inner += "".join(
            child + escaped(draw(TEXT)) for child in draw(st.lists(elements(depth=depth - 1), max_size=3))
        )
    return f"<{name}{given_}>{inner}</{name}>"


def in_a_page(records: list[str]) -> list[Element]:
    body = (
        '<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
        + "".join(
            '<metadata><o:dc xmlns:x="http://x" xmlns:o="http://o" xmlns:dc="http://purl.org/dc/elements/1.1/"'
            f' xsi:schemaLocation="a b">{inner}</o:dc></metadata>'
            for inner in records
        )
        + "</OAI-PMH>"
    )
    return [metadata[0] for metadata in strict(body.encode())]


def by_libxml2(element: Element) -> bytes:
    """As a document of its own, which libxml2 canonicalises without a fault."""
    alone = etree.tostring(element, encoding="utf-8", with_tail=False)
    return etree.tostring(strict(alone), method="c14n", with_comments=False)


@given(st.lists(elements(), min_size=1, max_size=4))
def test_both_ways_give_the_same_bytes(records: list[str]) -> None:
    try:
        made = in_a_page(records)
    except Malformed:
        return  # a prefix bound to nothing, a name twice
    for element in made:
        try:
            expected = by_libxml2(element)
        except (etree.C14NError, Malformed):
            assert canonical(
                element
            )  # a namespace that is no URI, or a relative one: whatever it is, it is kept
            continue
        assert canonical(element) == expected


def test_the_second_record_of_a_page_comes_out_like_the_first() -> None:
    first, second = in_a_page(["<dc:title>one</dc:title>", "<dc:title>one</dc:title>"])
    assert canonical(first) == canonical(second) == by_libxml2(first)


@pytest.mark.parametrize(
    "inner", ["<dc:title/>", "<dc:title></dc:title>", "<dc:title xml:lang='en'>x</dc:title>"]
)
def test_what_is_not_written_canonically_is_brought_into_the_form(inner: str) -> None:
    plain, special = in_a_page(["<dc:title>x</dc:title>", inner])
    assert canonical(plain) == by_libxml2(plain)
    assert canonical(special) == by_libxml2(special)
    assert b"/>" not in canonical(special)


def test_real_records_come_out_the_same_both_ways(corpus: Path) -> None:
    seen = 0
    for path in sorted(corpus.rglob("*.xml")):
        try:
            root = strict(path.read_bytes())
        except (Malformed, RepositoryError):
            continue  # INDEX.tsv names the files that are not well-formed
        for metadata in root.iter("{*}metadata"):
            for element in metadata[:1]:
                try:
                    assert canonical(element) == by_libxml2(element), path
                except etree.C14NError:
                    continue  # a relative namespace URI
                seen += 1
    assert seen > 5000


def test_a_namespace_with_an_ampersand_in_its_name_is_read_again() -> None:
    element = strict(b'<a:r xmlns:a="urn:x?a=1&amp;b=2"><a:t k="v">x &amp; y</a:t></a:r>')
    again = strict(canonical(element))
    assert (again.tag, again[0].text) == ("{urn:x?a=1&b=2}r", "x & y")
