"""How a crosswalk is chosen, what it leaves unread, and what the OAI header adds."""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from dublin_core import DC, OAI_DC, document, entry_of
from lxml import etree

from harvester.crosswalk import Context, normalise
from harvester.entry import Agent, AgentIdentifier, Problem, Subject

FIGSHARE = "https://figshare.com/articles/dataset/T/4210001"
NAMESPACES = [
    "http://purl.org/dc/elements/1.1/", "http://purl.org/dc/terms/", "http://purl.org/dc/terms", "http://purl.org/dc/elements/1.0/",
    "http://purl.org/dc/elements/1.1", "https://purl.org/dc/terms/", "http://dublincore.org/documents/dcmi-namespace/",
    OAI_DC, "http://www.openarchives.org/OAI/2.0/",
]  # fmt: skip
ELEMENTS = (
    ("title", "On marshes"), ("creator", "Okafor, Ngozi"), ("date", "2011"), ("identifier", "10.5555/marsh"), ("language", "en"),
)  # fmt: skip


@pytest.mark.parametrize("namespace", NAMESPACES)
def test_dublin_core_is_read_in_every_namespace_it_is_found_in(namespace: str) -> None:
    reading = normalise(document(ELEMENTS, namespace=namespace))
    assert reading.entry == entry_of(*ELEMENTS)
    assert (reading.crosswalk, reading.version, reading.unread) == ("dc", 2, {})


@pytest.mark.parametrize("prefix", ["dc", "x", "oai", "ns0"])
def test_prefixes_mean_nothing(prefix: str) -> None:
    assert normalise(document(ELEMENTS, prefix=prefix)).entry == entry_of(*ELEMENTS)


def test_attributes_and_their_order_mean_nothing() -> None:
    def titled(attributes: str) -> etree._Element:
        return etree.fromstring(
            f'<o:dc xmlns:o="{OAI_DC}" xmlns:d="{DC}"><d:title {attributes}>T</d:title></o:dc>'
        )

    one = normalise(titled('xml:lang="eng" id="1" class="x"'))
    assert one == normalise(titled('class="x" id="1" xml:lang="eng"'))
    assert one.entry.titles[0].language == "en"


@pytest.mark.parametrize(
    "root", ["dc", "{http://elsewhere.example.org/}dc", "{http://www.openarchives.org/OAI/2.0/}dc"]
)
def test_a_root_called_dc_is_known_by_its_children(root: str) -> None:
    tree = etree.Element(root)
    etree.SubElement(tree, f"{{{DC}}}title").text = "Known"
    assert normalise(tree).crosswalk == "dc"


def test_a_root_called_dc_without_dublin_core_is_unknown() -> None:
    tree = etree.Element("{http://comics.example.org/}dc")
    etree.SubElement(tree, "{http://comics.example.org/}hero").text = "Someone"
    reading = normalise(tree)
    assert reading.crosswalk == "unknown"
    assert reading.entry.problems == (Problem("entry", "unknown_format", "{http://comics.example.org/}dc"),)
    assert reading.unread == {"{http://comics.example.org/}hero": 1}


def test_elements_that_no_rule_read_are_counted() -> None:
    tree = document([("title", "T"), ("status", "ready"), ("status", "set"), ("mood", " ")])
    tree.append(etree.Comment("no element"))
    assert normalise(tree).unread == {f"{{{DC}}}status": 2}


def test_an_empty_document_gives_an_empty_entry() -> None:
    assert normalise(document([])).entry.compact() == {}


def test_figshares_sets_tell_type_and_categories() -> None:
    context = Context(("category_4", "category_x", "portal_5", "item_type_3", "month_2010_01"))
    entry = entry_of(("type", "Paper"), ("subject", "Ecology"), context=context)
    assert entry.type == "Dataset"
    assert entry.subjects == (Subject("Ecology"), Subject(None, "figshare", None, "4"))


def test_a_category_set_elsewhere_is_not_figshares() -> None:
    assert entry_of(("title", "T"), context=Context(("category_4",))).subjects == ()


def test_an_unknown_item_type_number_leaves_the_type_to_the_record() -> None:
    assert entry_of(("type", "Dataset"), context=Context(("item_type_99",))).type == "Dataset"


@pytest.mark.parametrize("sign", [("relation", FIGSHARE), ("identifier", "10.6084/m9.figshare.1")])
def test_a_short_author_number_is_figshares_only_on_figshare(sign: tuple[str, str]) -> None:
    creator = ("creator", "Jane Doe (1867)")
    assert entry_of(creator).creators == (Agent("Jane Doe (1867)"),)
    here = Agent("Jane Doe", identifiers=(AgentIdentifier("1867", "figshare_author"),))
    assert entry_of(creator, sign).creators == (here,)


def test_a_version_in_another_houses_doi_is_not_figshares() -> None:
    entry = entry_of(("identifier", "10.5555/preprints.1.v2"))
    assert [(one.value, one.role) for one in entry.identifiers] == [("10.5555/preprints.1.v2", "primary")]
    assert entry.version is None


def test_the_year_is_judged_by_the_servers_clock() -> None:
    received = datetime(2020, 5, 1, tzinfo=UTC)
    assert entry_of(("date", "2022"), context=Context(received=received)).year == 2022
    late = entry_of(("date", "2023"), context=Context(received=received))
    assert (late.year, late.problems[0].code) == (None, "year_implausible")
    assert entry_of(("date", "2023")).year == 2023


@pytest.mark.parametrize(("received", "access"), [("2016-01-01", "embargoed"), ("2018-01-01", None)])
def test_an_embargo_end_alone_says_embargoed_until_then(received: str, access: str | None) -> None:
    context = Context(received=datetime.fromisoformat(received).replace(tzinfo=UTC))
    entry = entry_of(("date", "info:eu-repo/date/embargoEnd/2017-05-01"), ("date", "2015"), context=context)
    assert (entry.access, entry.year) == (access, 2015)


def test_the_abstract_is_the_first_long_description_not_a_note() -> None:
    note, english, spanish = (
        "Includes references",
        "A study of marshes. " * 5,
        "Un estudio de marismas muy amplio. " * 4,
    )
    entry = entry_of(("description", note), ("description", english), ("description", spanish))
    assert entry.abstract == english.strip()


def test_a_second_main_title_does_not_replace_the_first() -> None:
    entry = entry_of(("alternative", "Other"), ("title", "First"), ("title", "Second"))
    assert entry.title == "First"
    assert [title.type for title in entry.titles] == ["alternative", "main", None]


def test_the_strongest_vocabulary_decides_the_type() -> None:
    assert entry_of(("type", "text"), ("type", "Article")).type == "JournalArticle"
    assert entry_of(("type", "Article"), ("type", "info:eu-repo/semantics/bookPart")).type == "BookChapter"
    assert entry_of(("type", "info:eu-repo/semantics/other"), ("type", "Dataset")).type == "Dataset"


def test_a_media_type_among_the_types_is_a_format() -> None:
    entry = entry_of(("type", "application/pdf"))
    assert (entry.type, entry.formats, entry.problems) == (None, ("application/pdf",), ())


def test_a_format_may_hide_a_file() -> None:
    entry = entry_of(("format", "application/pdf https://ep.example.org/retrieve/1/a%20b.pdf"))
    assert entry.formats == ("application/pdf",)
    assert (entry.files[0].url, entry.files[0].format) == (
        "https://ep.example.org/retrieve/1/a%20b.pdf",
        "application/pdf",
    )


def test_an_issn_among_the_identifiers_names_the_journal() -> None:
    entry = entry_of(
        ("identifier", "2049-3630"), ("source", "Annals of Doubt"), ("source", "ISSN: 2434-561X")
    )
    assert entry.container is not None
    assert (entry.container.title, entry.container.issn) == ("Annals of Doubt", ("2049-3630", "2434-561X"))
    assert entry.identifiers[0].role == "alternate"


def test_a_bare_handle_needs_its_url_beside_it() -> None:
    bare, url = ("identifier", "1912/4843"), ("identifier", "https://dspace.example.org/handle/1912/4843")
    assert entry_of(bare).identifiers[0].scheme == "other"
    assert [(one.scheme, one.role) for one in entry_of(bare, url).identifiers] == [
        ("handle", "primary"),
        ("url", "landing"),
    ]
    beside_itself = entry_of(bare, ("identifier", "https://hdl.handle.net/1912/4843"))
    assert [(one.value, one.role) for one in beside_itself.identifiers] == [("1912/4843", "primary")]


def test_the_landing_page_is_the_sources_own_where_it_gives_one() -> None:
    assert entry_of(("identifier", "10.5555/x")).url == "https://doi.org/10.5555/x"
    assert (
        entry_of(("identifier", "http://arxiv.org/abs/0704.0001"), ("identifier", "10.5555/x")).url
        == "http://arxiv.org/abs/0704.0001"
    )
    assert entry_of(("identifier", "https://a.example.org/b"), ("relation", FIGSHARE)).url == FIGSHARE
    assert entry_of(("identifier", "Box 82")).url is None


ORDINARY = """
import sys
from lxml import etree
from harvester.crosswalk import normalise
normalise(etree.fromstring(sys.stdin.buffer.read()))
print(*sorted({"idutils", "ftfy", "license_expression", "langcodes"} & set(sys.modules)))
"""


def test_an_ordinary_record_imports_no_heavy_library() -> None:
    source = Path(__file__).parent / "oai_dc" / "plain_article.xml"
    ran = subprocess.run(
        [sys.executable, "-c", ORDINARY],
        input=source.read_bytes(),
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert ran.stdout.decode().split() == []
