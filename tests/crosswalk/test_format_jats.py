"""jats: what its golden pairs do not show. Hostile sizes, other roots, who is given which affiliation, what is not read."""

from pathlib import Path

import pytest
from lxml import etree
from test_crosswalk_audit import silent
from timing import timed

from harvester.crosswalk import Reading, normalise
from harvester.crosswalk.registry import crosswalk_for
from harvester.entry import Entry

GOLDEN = sorted((Path(__file__).parent / "jats").glob("*.xml"))
XLINK = "xmlns:xlink='http://www.w3.org/1999/xlink'"


def article(meta: str, *, journal: str = "", after: str = "", attributes: str = "") -> etree._Element:
    """An article with this article-meta."""
    front = f"<front><journal-meta>{journal}</journal-meta><article-meta>{meta}</article-meta></front>"
    parser = etree.XMLParser(huge_tree=True)
    return etree.fromstring(f"<article {XLINK} {attributes}>{front}{after}</article>", parser)


def read(meta: str, **parts: str) -> Reading:
    return normalise(article(meta, **parts))


def affiliations(entry: Entry) -> list[list[str | None]]:
    return [[place.name for place in each.affiliations] for each in entry.creators]


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_every_element_of_the_front_is_read_or_counted(path: Path) -> None:
    metadata = etree.parse(path).getroot()
    passed_over = crosswalk_for(metadata).passed_over
    quiet = [step for step in silent(metadata) if "front" in step]
    assert [
        step
        for step in quiet
        if step.rpartition("/")[2].rpartition("}")[2].partition("[")[0] not in passed_over
    ] == []


@pytest.mark.parametrize(
    "namespace",
    [
        "https://jats.nlm.nih.gov/ns/archiving/1.0/", "https://jats.nlm.nih.gov/ns/archiving/1.4/",
        "http://jats.nlm.nih.gov", "http://dtd.nlm.nih.gov/2.0/xsd/archivearticle", "", "http://www.openarchives.org/OAI/2.0/",
        "urn:a-namespace-of-their-own",
    ],
)  # fmt: skip
def test_an_article_is_known_in_whatever_namespace(namespace: str) -> None:
    front = "<front><article-meta><title-group><article-title>T</article-title></title-group></article-meta></front>"
    reading = normalise(etree.fromstring(f"<article xmlns='{namespace}'>{front}</article>"))
    assert (reading.crosswalk, reading.entry.title) == ("jats", "T")


def test_an_article_without_a_front_is_something_else() -> None:
    assert normalise(etree.fromstring("<article><title>Of a shop</title></article>")).crosswalk != "jats"


def test_body_and_references_are_neither_read_nor_counted() -> None:
    rest = "<body><p>Text</p></body><back><ref-list><ref><year>1998</year></ref></ref-list></back><sub-article><front-stub/></sub-article>"
    reading = read("<title-group><article-title>T</article-title></title-group>", after=rest)
    assert reading.unread == {}
    assert reading.entry.compact() == {"title": "T", "titles": [{"text": "T", "type": "main"}]}


def contributor(name: str, inner: str = "", kind: str = "author") -> str:
    return f"<contrib contrib-type='{kind}'><name><surname>{name}</surname></name>{inner}</contrib>"


def test_affiliations_follow_their_references_in_order() -> None:
    found = read(
        "<contrib-group>"
        + contributor("A", "<xref ref-type='aff' rid='b a'/>")
        + contributor("B", "<xref ref-type='corresp' rid='a'/>")
        + contributor("C", "<xref ref-type='aff' rid='a'>1</xref><xref ref-type='aff' rid='a'>1</xref>")
        + "</contrib-group><aff id='a'><label>1</label>Bath</aff><aff id='b'><label>2</label>Oslo</aff>"
    ).entry
    assert affiliations(found) == [["Oslo", "Bath"], [], ["Bath"]]


def test_an_empty_identifier_of_an_affiliation_is_nothing_to_tell_of() -> None:
    wrapped = (
        "<institution-wrap><institution-id institution-id-type='ror'>https://ror.org/03zga2b32</institution-id>"
        "<institution-id institution-id-type='GRID'/><institution>University of Bergen</institution></institution-wrap>"
    )
    entry = read(
        f"<contrib-group><contrib contrib-type='author'><name><surname>A</surname></name></contrib><aff>{wrapped}</aff></contrib-group>"
    ).entry
    assert affiliations(entry) == [["University of Bergen"]]
    assert "affiliation_identifier" not in {each.code for each in entry.problems}


def test_an_affiliation_that_nobody_refers_to_is_given_to_nobody_where_there_are_several() -> None:
    found = read(
        f"<contrib-group>{contributor('A')}{contributor('B')}<aff>Bath</aff><aff>Oslo</aff></contrib-group>"
    )
    assert affiliations(found.entry) == [[], []]
    assert found.unread == {"aff": 2}


def test_one_affiliation_in_a_group_is_that_of_all_unless_somebody_refers() -> None:
    shared = read(f"<contrib-group>{contributor('A')}{contributor('B')}<aff>Bath</aff></contrib-group>").entry
    assert affiliations(shared) == [["Bath"], ["Bath"]]
    refers = contributor("A", "<xref ref-type='aff' rid='x'/>")
    own = read(f"<contrib-group>{refers}{contributor('B')}<aff id='x'>Bath</aff></contrib-group>").entry
    assert affiliations(own) == [["Bath"], []]


def test_a_lone_affiliation_outside_the_group_is_the_authors_only_where_there_is_one_author() -> None:
    lone = read(f"<contrib-group>{contributor('A')}</contrib-group><aff>Bath</aff>")
    assert affiliations(lone.entry) == [["Bath"]]
    two = read(f"<contrib-group>{contributor('A')}{contributor('B')}</contrib-group><aff>Bath</aff>")
    assert affiliations(two.entry) == [[], []]
    assert two.unread == {"aff": 1}


def test_members_of_a_collaboration_are_no_authors_of_their_own() -> None:
    inner = f"<contrib-group>{contributor('Member')}</contrib-group>"
    found = read(
        f"<contrib-group><contrib contrib-type='author'><collab>Group {inner}</collab></contrib></contrib-group>"
    ).entry
    assert [each.name for each in found.creators] == ["Group"]
    assert [(each.name, each.role) for each in found.contributors] == [("Member", None)]


@pytest.mark.parametrize(
    ("inner", "text"),
    [
        ("a<xref ref-type='bibr' rid='r'>1</xref> b", "a b"),
        ("a [<xref ref-type='bibr' rid='r'>1</xref>,<xref ref-type='bibr' rid='s'>2</xref>] b", "a b"),
        (
            "a<sup><xref ref-type='bibr' rid='r'>1</xref>,<xref ref-type='bibr' rid='s'>2</xref></sup> b",
            "a b",
        ),
        ("as <xref ref-type='bibr' rid='r'>Reed 1998</xref> says", "as Reed 1998 says"),
        ("10<sup>6</sup> H<sub>2</sub>O", "10⁶ H₂O"),
        ("p &lt; 0.05 and <italic>n</italic> = 3", "p < 0.05 and n = 3"),
        (
            "<inline-formula><tex-math>\\begin{document}$E$\\end{document}</tex-math></inline-formula> is",
            "E is",
        ),
        ("x<fn id='f'><p>A note</p></fn> y", "x y"),
        ("broken\n      line", "broken line"),
        ("<bold>a</bold><break/>b", "a b"),
    ],
)
def test_titles_are_text_without_marks(inner: str, text: str) -> None:
    assert read(f"<title-group><article-title>{inner}</article-title></title-group>").entry.title == text


@pytest.mark.parametrize(
    ("dates", "issued"),
    [
        ("<pub-date pub-type='collection'><year>2021</year></pub-date><pub-date pub-type='epub'><day>4</day><month>3</month><year>2021</year></pub-date>", "2021-03-04"),
        ("<pub-date pub-type='ppub'><year>2021</year></pub-date><pub-date pub-type='epub'><day>20</day><month>12</month><year>2020</year></pub-date>", "2021"),
        ("<pub-date pub-type='pmc-release'><year>2020</year></pub-date>", "2020"),
        ("<history><date date-type='received'><year>2019</year></date></history>", None),
        ("<pub-date><season>Spring</season><year>2010</year></pub-date>", "2010-21"),
        ("<pub-date iso-8601-date='2010-05-06'><day>6</day><month>5</month><year>2010</year></pub-date>", "2010-05-06"),
        ("<pub-date><month>Mai</month><year>2010</year></pub-date>", "2010-05"),
        ("<pub-date><string-date>5 May 2010</string-date></pub-date>", "2010-05-05"),
    ],
)  # fmt: skip
def test_the_date_of_issue(dates: str, issued: str | None) -> None:
    assert read(dates).entry.issued == issued


def test_the_type_of_an_article() -> None:
    journal = "<journal-title>Ponds</journal-title>"
    assert read("", attributes="article-type='review-article'").entry.type == "JournalArticle"
    assert read("", attributes="article-type='data-paper'").entry.type == "DataPaper"
    assert read("", journal=journal, attributes="article-type='other'").entry.type == "JournalArticle"
    unknown = read("", attributes="article-type='frog'").entry
    assert (unknown.type, unknown.problems[0].code) == (None, "type_unknown")


@pytest.mark.measures_time
def test_a_hundred_thousand_contributors_of_one_affiliation_keep_their_order() -> None:
    people = "".join(contributor(f"N{at}", "<xref ref-type='aff' rid='a'/>") for at in range(100_000))
    found, seconds = timed(article(f"<contrib-group>{people}</contrib-group><aff id='a'>Bath</aff>"))
    assert seconds < 6
    assert [found.entry.creators[at].family for at in (0, 50_000, 99_999)] == ["N0", "N50000", "N99999"]
    assert {each.affiliations[0].name for each in found.entry.creators} == {"Bath"}


@pytest.mark.measures_time
@pytest.mark.parametrize(
    "piece",
    [
        "<aff id='x{0}'>Bath</aff>", "<contrib-group><contrib><collab>G</collab></contrib></contrib-group>", "<page-range>1-2</page-range>",
        "<volume>1</volume>", "<kwd-group><kwd>a{0}</kwd></kwd-group>", "<pub-date><year>2010</year></pub-date>",
        "<article-categories><subj-group><subject>s{0}</subject></subj-group></article-categories>", "<self-uri xlink:href='http://e.org/{0}'/>",
        "<abstract><title>Abstract</title><p>a</p></abstract>", "<permissions><license xlink:href='http://e.org/{0}'/></permissions>",
        "<funding-group><award-group><funding-source>F</funding-source><award-id>{0}</award-id></award-group></funding-group>",
        "<article-id pub-id-type='publisher-id'>n{0}</article-id>", "<related-article xlink:href='10.5555/{0}'/>",
    ],
)  # fmt: skip
def test_twenty_thousand_elements_of_one_kind_cost_no_more_than_their_number(piece: str) -> None:
    found, seconds = timed(article("".join(piece.format(at) for at in range(20_000))))
    assert seconds < 6
    assert found != read("")  # the time is that of reading them, not of passing them over


@pytest.mark.measures_time
@pytest.mark.parametrize(
    "meta",
    [
        "<title-group><article-title>" + "<xref>1</xref>[ " * 50_000 + "</article-title></title-group>",
        "<title-group><article-title>" + "<tex-math>\\begin{document} x \\end{document}</tex-math>" * 20_000 + "</article-title></title-group>",
        "<contrib-group><contrib><name><surname>A</surname></name>" + "<xref ref-type='aff' rid='q'/>" * 50_000 + "</contrib></contrib-group>",
        "<contrib-group><contrib><name><surname>A</surname></name><xref ref-type='aff' rid='" + "q " * 100_000 + "'/></contrib></contrib-group>",
        "<aff id='a'>" + "<institution>I</institution>" * 50_000 + "</aff><contrib-group><contrib><collab>A</collab><xref ref-type='aff' rid='a'/></contrib></contrib-group>",
        "<contrib-group>" + "<contrib><collab>G<contrib-group>" * 80 + "</contrib-group></collab></contrib>" * 80 + "</contrib-group>",
        "<abstract>" + "<sec>" * 240 + "deep" + "</sec>" * 240 + "</abstract>",
        "<article-categories>" + "<subj-group>" * 240 + "<subject>deep</subject>" + "</subj-group>" * 240 + "</article-categories>",
        "<funding-group><award-group>" + "<funding-source>F</funding-source><award-id>1</award-id>" * 20_000 + "</award-group></funding-group>",
    ],
    ids=["marks", "formulae", "references", "ids", "institutions", "collaborations", "sections", "subjects", "awards"],
)  # fmt: skip
def test_hostile_articles_are_read_in_time(meta: str) -> None:
    found, seconds = timed(article(meta))
    assert seconds < 6
    assert found != read("")
