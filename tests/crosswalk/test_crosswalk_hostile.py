"""Whatever a repository sends becomes a valid entry, in time that grows with its size and no faster."""

import json
import time
from collections.abc import Callable
from typing import Any

import jsonschema
import pytest
from dublin_core import DC, OAI_DC, document
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from harvester import resources
from harvester.crosswalk import Context, Reading, normalise
from harvester.crosswalk.fields import (
    containers,
    dates,
    identifiers,
    languages,
    licences,
    media,
    names,
    places,
    relations,
    subjects,
    text,
    types,
)  # fmt: skip
from harvester.entry import Entry
from harvester.errors import Rejected

SCHEMA: dict[str, Any] = json.loads(resources.schema("entry.schema.json").read_text("utf-8"))
VALID = jsonschema.Draft202012Validator(SCHEMA)
NAMES = [
    "title", "creator", "subject", "description", "publisher", "contributor", "date", "type", "format", "identifier",
    "source", "language", "relation", "coverage", "rights", "issued", "hasPart", "hasVersion", "temporal", "spatial",
    "abstract", "bibliographicCitation", "rightsHolder", "status", "Title",
]  # fmt: skip
# What lxml takes as text: any character that XML 1.0 allows.
XML_TEXT = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff")
    | st.sampled_from("\t\n\r")
)
SEEDS = st.sampled_from([
    "10.5555/a.v2", "https://figshare.com/articles/x/1/2", "Doe, Jane (12345)", "http://a.org/1http://b.org/2.pdf", "[199-?]",
    "info:eu-repo/grantAgreement/EC/FP7/1/EU/%00/%ED", "info:eu-repo/date/embargoEnd/9999", "CC BY", "2010-01-01T00:00:00+99:99",
    "https://creativecommons.org/licenses/by/4.0/", "&amp;lt;b&amp;gt;", "<p>a<sub>1</sub></p>", "name=x; east=999; north=999",
    "ISSN 1234-5679", "10.5555/%00%ff", "eng; fre", "text/plain http://a/%00.txt", "a; b; c", "doi:10.5555/İ", "-0001", "Y99999",
    "https://doi.org/", "hdl:", "category_", "0000-0002-1825-0097", "&#0;&#x1;&#xD800;&#x110000;", "â\u0080\u0099", "Month: 2 Day: 31 Year: 2001",
])  # fmt: skip
ELEMENTS = st.lists(
    st.tuples(st.sampled_from(NAMES), SEEDS | XML_TEXT | st.tuples(SEEDS, XML_TEXT).map("".join)), max_size=8
)


def check(reading: Reading) -> None:
    entry = reading.entry
    for form in (entry.as_json(), entry.compact()):
        VALID.validate(form)
        written = json.dumps(form, ensure_ascii=False, allow_nan=False)
        written.encode("utf-8")
        assert "\\u0000" not in json.dumps(form)
        assert Entry.from_json(json.loads(written)) == entry


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    ELEMENTS,
    st.lists(st.sampled_from(["portal_1", "category_4", "item_type_6", "item_type_", "x"]), max_size=3),
)
def test_any_oai_dc_becomes_a_valid_entry(elements: list[tuple[str, str]], sets: list[str]) -> None:
    reading = normalise(document(elements), Context(tuple(sets)))
    check(reading)
    again = normalise(etree.fromstring(etree.tostring(document(elements))), Context(tuple(sets)))
    assert again.crosswalk == reading.crosswalk


TAGS = st.sampled_from(
    [
        "{urn:x}title",
        "date",
        "{urn:x}identifier",
        "abstract",
        "{urn:y}box",
        f"{{{DC}}}title",
        f"{{{OAI_DC}}}dc",
        "dc",
    ]
)
TREES = st.recursive(
    st.builds(lambda tag, said: (tag, said, []), TAGS, XML_TEXT),
    lambda inner: st.builds(lambda tag, said, within: (tag, said, within), TAGS, XML_TEXT, st.lists(inner, max_size=4)),
    max_leaves=15,
)  # fmt: skip


def grown(shape: tuple[str, str, list[Any]]) -> etree._Element:
    tag, said, within = shape
    element = etree.Element(tag)
    element.text = said
    element.append(etree.Comment(" aside "))
    element[-1].tail = said
    for inner in within:
        element.append(grown(inner))
    element.append(etree.ProcessingInstruction("do", "nothing"))
    return element


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(TREES)
def test_any_tree_becomes_a_valid_entry(shape: tuple[str, str, list[Any]]) -> None:
    check(normalise(grown(shape)))


@given(ELEMENTS)
@settings(deadline=None)
def test_reading_twice_gives_the_same(elements: list[tuple[str, str]]) -> None:
    assert normalise(document(elements)) == normalise(document(elements))


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(NAMES[:15]), st.text("abcXYZ ", min_size=1, max_size=12)), max_size=8)
)
def test_no_word_is_lost(elements: list[tuple[str, str]]) -> None:
    """Languages and types that were understood are the exception: they are kept as their codes."""
    reading = normalise(document(elements))
    kept = json.dumps(reading.entry.as_json(), ensure_ascii=False)
    for name, said in elements:
        if name not in ("language", "type") and said.strip():
            assert " ".join(said.split()) in kept


PIECES = [
    "a", " ", "a ", "<", "<a ", "</", "<b>", "<p a=", "<sub>1</sub>", "<script>", "<!--", "&amp;", "&lt;p&gt;", ";", "; a", ", ", "(1) ",
    ")", "10.5555/", "http://a", "http://a.b/ ", "1-", "0000-", "= ", "north=1;", "by ", "creativecommons.org/licenses/by/4.0/ ",
    "info:", "urn:a:", "ark:/12345/", "a:", "/", "%41", ".v1", "\n", "\na\n\n", "é", "e\u0301", "Ã©", "\x01", "\ud800", " a", "<jats:p>", "[",
]  # fmt: skip
READERS: dict[str, Callable[[str], object]] = {
    "text.line": lambda said: text.line(said, [], "titles"),
    "text.plain": lambda said: text.plain(said, [], "titles"),
    "names.read": lambda said: [names.read(name, [], field="creators") for name in names.several(said)],
    "names.with_figshare_id": names.with_figshare_id,
    "dates.read": lambda said: dates.read(said, []),
    "identifiers": lambda said: [identifiers.identify(piece) for piece in identifiers.pieces(said)],
    "relations.read": relations.read,
    "relations.grant": relations.grant,
    "relations.figshare_article": relations.figshare_article,
    "licences.read": lambda said: licences.read(said, []),
    "languages.read": lambda said: languages.read(said, []),
    "types.read": lambda said: types.read(said, []),
    "subjects.read": subjects.read,
    "places.read": lambda said: places.read(said, []),
    "containers.citation": containers.citation,
    "media.is_size": media.is_size,
    "media.with_url": media.with_url,
    "media.is_file_url": media.is_file_url,
    "media.file_name": media.file_name,
}


def seconds(read: Callable[[str], object], said: str) -> float:
    def once() -> float:
        begun = time.perf_counter()
        read(said)
        return time.perf_counter() - begun

    return min(once() for _ in range(3))


@pytest.mark.measures_time
@pytest.mark.parametrize("name", READERS)
def test_a_reader_takes_linear_time_on_hostile_text(name: str) -> None:
    read = READERS[name]
    read("to import what it imports")
    for piece in PIECES:
        small, large = (seconds(read, (piece * size)[:size]) for size in (12_500, 200_000))
        # Sixteen times the text: a quadratic reader takes 256 times as long. Times of some milliseconds are noise.
        assert large < 0.02 or large < 100 * small, f"{piece!r}: {small:.4f} s, then {large:.4f} s"
        assert large < 0.2, piece


@pytest.mark.measures_time
@pytest.mark.parametrize(
    "prefix",
    ["http://", "10.5555/", "https://figshare.com/articles/", "c", "between ", "Vol", "Smith, ", "(", "<p "],
)
@pytest.mark.parametrize("length", [90, 190, 490, 990, 2000])
def test_no_text_below_the_caps_is_slow(prefix: str, length: int) -> None:
    for name, read in READERS.items():
        read("to import what it imports")
        for piece in PIECES:
            assert seconds(read, (prefix + piece * length)[:length]) < 0.02, (name, piece)


@pytest.mark.measures_time
def test_a_hundred_thousand_creators_are_all_kept() -> None:
    tree = document([("creator", f"Family{at}, Given") for at in range(100_000)])
    begun = time.perf_counter()
    entry = normalise(tree).entry
    assert time.perf_counter() - begun < 2
    assert len(entry.creators) == 100_000


@pytest.mark.measures_time
@pytest.mark.parametrize(
    "name",
    ["title", "description", "identifier", "creator", "subject", "date", "rights", "relation", "coverage"],
)
def test_nine_megabytes_in_one_element_are_kept_within_a_second(name: str) -> None:
    said = "lorem ipsum <dolor " * 500_000
    tree = document([(name, said)])
    begun = time.perf_counter()
    entry = normalise(tree).entry
    assert time.perf_counter() - begun < 2
    assert said.strip()[-1000:] in json.dumps(entry.as_json())


def test_deep_nesting_is_no_danger() -> None:
    depth = 250  # libxml2 itself refuses 256
    tree = etree.fromstring(
        f'<d:dc xmlns:d="{OAI_DC}" xmlns="{DC}"><title>' + "<i>x" * depth + "</i>" * depth + "</title></d:dc>"
    )
    assert normalise(tree).entry.title is not None
    assert normalise(etree.fromstring("<a>" * depth + "<title>T</title>" + "</a>" * depth)).entry.title == "T"


def test_a_document_beyond_any_sense_is_rejected() -> None:
    tree = etree.Element(f"{{{OAI_DC}}}dc")
    for _ in range(250_001):
        etree.SubElement(tree, "x")
    with pytest.raises(Rejected) as caught:
        normalise(tree)
    assert caught.value.reason == "too_many_elements"


def test_a_large_document_of_an_unknown_format_is_read_in_part() -> None:
    tree = etree.Element("catalogue")
    for _ in range(110_000):
        etree.SubElement(tree, "entry").text = "x"
    reading = normalise(tree)
    assert [problem.code for problem in reading.entry.problems] == ["unknown_format", "too_many_elements"]
