"""MODS: nothing is attached to the wrong person or work, whatever stands around it and however much of it there is."""

import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree
from test_crosswalk_hostile import XML_TEXT, check

from harvester.crosswalk import Reading, normalise

NAMESPACE = "http://www.loc.gov/mods/v3"


def document(inner: str, *, root: str = "mods") -> etree._Element:
    return etree.fromstring(
        f'<{root} xmlns="{NAMESPACE}" xmlns:xlink="http://www.w3.org/1999/xlink">{inner}</{root}>'
    )


def read(inner: str) -> Reading:
    return normalise(document(inner))


def person(name: str, *, role: str = "", marks: str = "") -> str:
    term = f"<role><roleTerm>{role}</roleTerm></role>" if role else ""
    return f"<name {marks}><namePart>{name}</namePart>{term}</name>"


def test_authors_keep_their_order_and_their_own_identifiers() -> None:
    names = [f"Family{at}, Given" for at in range(60)]
    inner = "".join(
        f'<name type="personal"><role><roleTerm type="code">aut</roleTerm></role><namePart>{name}</namePart>'
        + (
            f'<nameIdentifier type="gnd">{at}</nameIdentifier><affiliation>House {at}</affiliation>'
            if at % 2
            else ""
        )
        + "</name>"
        for at, name in enumerate(names)
    )
    creators = read(inner).entry.creators
    assert [creator.name for creator in creators] == names
    for at, creator in enumerate(creators):
        assert [each.value for each in creator.identifiers] == ([str(at)] if at % 2 else [])
        assert [each.name for each in creator.affiliations] == ([f"House {at}"] if at % 2 else [])


def test_nothing_of_a_related_item_becomes_the_items_own() -> None:
    own = "<titleInfo><title>Own</title></titleInfo>"
    other = (
        "<titleInfo><title>Other</title></titleInfo>" + person("Other, Author", role="author")
        + '<identifier type="doi">10.5555/other</identifier><identifier type="uri">https://example.org/items</identifier>'
        + "<originInfo><publisher>Other Press</publisher><dateIssued>1900</dateIssued></originInfo><abstract>Other</abstract>"
        + '<language><languageTerm>ger</languageTerm></language><accessCondition>CC0</accessCondition><genre>book</genre>'
        + '<location><url usage="primary">https://example.org/items/</url></location>'
        + "<subject><topic>Other</topic></subject><note>Other</note>"
    )  # fmt: skip
    for kind in ("host", "series", "original", "references", "constituent", "otherVersion", "unheard"):
        link = '<identifier type="uri">https://example.org/items/7</identifier>'
        entry = read(f'{own}{link}<relatedItem type="{kind}">{other}</relatedItem>').entry
        assert (entry.title, entry.doi, entry.url) == ("Own", None, "https://example.org/items/7"), kind
        assert [title.text for title in entry.titles] == ["Own"]
        assert [each.value for each in entry.identifiers] == ["https://example.org/items/7"]
        said = entry.compact()
        assert said.keys() <= {
            "title",
            "url",
            "titles",
            "identifiers",
            "relations",
            "container",
            "problems",
        }, kind
        assert {relation.identifier for relation in entry.relations} >= {"10.5555/other"}


def test_a_title_of_the_host_stands_for_no_missing_title() -> None:
    entry = read('<relatedItem type="host"><titleInfo><title>Host</title></titleInfo></relatedItem>').entry
    assert (entry.title, entry.container and entry.container.title) == (None, "Host")


def test_two_hosts_are_never_mixed_into_one_container() -> None:
    first = '<relatedItem type="host"><titleInfo><title>A</title></titleInfo><identifier type="issn">2049-3630</identifier></relatedItem>'
    second = (
        '<relatedItem type="host"><titleInfo><title>B</title></titleInfo><part><detail type="volume"><number>9</number></detail>'
        "</part></relatedItem>"
    )
    container = read(first + second).entry.container
    assert container is not None
    assert (container.title, container.issn, container.volume) == ("A", ("2049-3630",), None)


def test_names_without_a_role_are_creators_where_nobody_else_is() -> None:
    def roles(inner: str) -> tuple[list[str], list[str]]:
        entry = read(inner).entry
        return [each.name for each in entry.creators], [each.name for each in entry.contributors]

    one, two = person("One"), person("Two")
    assert roles(one + two) == (["One", "Two"], [])
    assert roles(one + person("Three", role="author")) == (["Three"], ["One"])
    assert roles(one + person("Three", role="editor")) == (["One"], ["Three"])
    assert roles(one + person("Two", marks='usage="primary"')) == (["Two"], ["One"])
    # who is marked is a creator whatever the role, and bears it too
    assert roles(person("Four", role="owner", marks='usage="primary"')) == (["Four"], ["Four"])
    assert roles(person("Four", role="editor", marks='usage="primary"') + person("Three", role="author")) == (
        ["Three"],
        ["Four"],
    )


def test_namesakes_stay_two_and_one_person_in_two_scripts_is_one() -> None:
    same = '<name type="personal"><namePart>Wang, Wei</namePart>{}<role><roleTerm>author</roleTerm></role></name>'
    assert len(read(same.format("") * 2).entry.creators) == 2
    marked = same.format('<nameIdentifier type="gnd">1</nameIdentifier><displayForm>{}</displayForm>')
    assert len(read(marked.format("Wang, Wei") + marked.format("王伟")).entry.creators) == 1


def test_a_cancelled_identifier_is_not_the_items() -> None:
    reading = read('<identifier type="doi" invalid="yes">10.5555/gone</identifier>')
    assert (reading.entry.doi, reading.entry.identifiers) == (None, ())
    assert reading.unread == {f"{{{NAMESPACE}}}identifier": 1}


@pytest.mark.parametrize(
    ("root", "crosswalk"),
    [
        ("mods", "mods"),
        ("{http://www.loc.gov/mods/v3}mods", "mods"),
        ("{http://www.loc.gov/mods/}mods", "mods"),
        ("{http://www.openarchives.org/OAI/2.0/}modsCollection", "mods"),
    ],
)
def test_the_root_may_have_lost_its_namespace(root: str, crosswalk: str) -> None:
    tree = etree.Element(root)
    holder = etree.SubElement(tree, "mods") if root.endswith("modsCollection") else tree
    etree.SubElement(etree.SubElement(holder, "titleInfo"), "title").text = "T"
    reading = normalise(tree)
    assert (reading.crosswalk, reading.entry.title) == (crosswalk, "T")


def test_of_several_works_in_one_record_the_first_is_read_and_the_others_are_told() -> None:
    one = "<mods><titleInfo><title>{}</title></titleInfo></mods>"
    inner = "".join(map(one.format, ("One", "Two", "Three")))
    reading = normalise(etree.fromstring(f'<modsCollection xmlns="{NAMESPACE}">{inner}</modsCollection>'))
    assert (reading.entry.title, reading.unread) == ("One", {f"{{{NAMESPACE}}}title": 2})
    assert [(each.code, each.raw) for each in reading.entry.problems] == [("further_records", "2")]


def test_a_root_called_mods_without_modss_elements_is_unknown() -> None:
    tree = etree.Element("{urn:gearbox}mods")
    etree.SubElement(tree, "{urn:gearbox}gear").text = "R"
    assert normalise(tree).crosswalk == "unknown"


@pytest.mark.measures_time
@pytest.mark.parametrize(
    "piece",
    [
        person("Family, Given", role="author"),
        '<name type="personal"><namePart>Wang, Wei</namePart><nameIdentifier type="gnd">1</nameIdentifier></name>',
        "<titleInfo><title>T</title><subTitle>s</subTitle></titleInfo>",
        "<subject><topic>a</topic><geographic>b</geographic></subject>",
        '<relatedItem type="host"><titleInfo><title>T</title></titleInfo><part><date>1999</date></part></relatedItem>',
        '<relatedItem type="references"><identifier type="doi">10.5555/a</identifier></relatedItem>',
        "<originInfo><publisher>P</publisher><dateIssued>1999</dateIssued></originInfo>",
        '<identifier type="local">x</identifier>',
        "<location><url>https://example.org/1.pdf</url></location>",
        '<accessCondition xlink:href="https://example.org/">Some words</accessCondition>',
        '<note type="funder">F [1]</note>',
        "<note>Thesis (a)--b, c, 2001.</note>",
        "<genre>book</genre>",
        "<language><languageTerm>ger</languageTerm></language>",
    ],
)
def test_thousands_of_anything_take_linear_time(piece: str) -> None:
    read(piece)  # imports what it imports
    took = []
    for size in (2_000, 20_000):
        tree = document(piece * size)
        begun = time.perf_counter()
        normalise(tree)
        took.append(time.perf_counter() - begun)
    assert took[1] < 40 * took[0] + 0.2, took


@pytest.mark.parametrize(
    "around",
    [
        ("<relatedItem>", "</relatedItem>"),
        ("<subject>", "</subject>"),
        ("<extension>", "</extension>"),
        ("<part>", "</part>"),
    ],
)
def test_deep_nesting_is_no_danger(around: tuple[str, str]) -> None:
    reading = read("<titleInfo><title>T</title></titleInfo>" + around[0] * 240 + "x" + around[1] * 240)
    assert reading.entry.title == "T"


NAMES = [
    "titleInfo", "title", "subTitle", "nonSort", "partNumber", "name", "namePart", "role", "roleTerm", "nameIdentifier",
    "affiliation", "displayForm", "originInfo", "dateIssued", "dateCreated", "publisher", "edition", "language",
    "languageTerm", "physicalDescription", "extent", "form", "abstract", "note", "subject", "topic", "geographic",
    "temporal", "cartographics", "coordinates", "hierarchicalGeographic", "city", "classification", "relatedItem",
    "identifier", "location", "url", "accessCondition", "part", "detail", "number", "start", "end", "list", "date",
    "extension", "degree", "recordInfo", "recordIdentifier", "typeOfResource", "genre", "mods", "unheardOf",
]  # fmt: skip
ATTRIBUTES = {
    "type": ["", "host", "series", "given", "family", "code", "text", "doi", "issn", "volume", "personal", "corporate", "funder"],
    "point": ["start", "end"], "qualifier": ["approximate", "questionable"], "authority": ["lcsh", "svep", "marcrelator", "\u00a0"],
    "valueURI": ["http://d-nb.info/gnd/1", "x", "https://ror.org/"], "usage": ["primary"], "lang": ["ger", "zz zz"],
    "access": ["raw object", "preview"], "keyDate": ["yes"], "invalid": ["yes"], "eventType": ["digitization"],
}  # fmt: skip
SEEDS = st.sampled_from([
    "1999", "[1998?]", "18uu", "9999", "10.5555/a", "2049-3630", "https://example.org/1.pdf", "42.1,-72.5", "aut", "Doe, Jane",
    "CC BY", "W 4°--E 8°/N 61°--N 51°", "Thesis (x)--y, 1999.", "F [1]", "grantAgreement", "999, 999", "orcid.org=0000-0002-1825-0097",
])  # fmt: skip
LEAVES = st.tuples(
    st.sampled_from(NAMES),
    st.dictionaries(st.sampled_from(list(ATTRIBUTES)), st.integers(0, 12), max_size=3),
    SEEDS | XML_TEXT,
    st.just([]),
)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.tuples(
        st.sampled_from(NAMES), st.dictionaries(st.sampled_from(list(ATTRIBUTES)), st.integers(0, 12), max_size=3),
        SEEDS | XML_TEXT, st.lists(inner, max_size=5),
    ),
    max_leaves=25,
)  # fmt: skip
Shape = tuple[str, dict[str, int], str, list["Shape"]]


def grown(shape: Shape, *, root: bool = False) -> etree._Element:
    name, attributes, said, within = shape
    element = etree.Element(f"{{{NAMESPACE}}}{'mods' if root else name}")
    for key, at in attributes.items():
        element.set(key, ATTRIBUTES[key][at % len(ATTRIBUTES[key])])
    element.text = said
    element.append(etree.Comment("aside"))
    for inner in within:
        element.append(grown(inner))
    return element


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=150)
@given(TREES)
def test_any_tree_of_mods_becomes_a_valid_entry(shape: Shape) -> None:
    reading = normalise(grown(shape, root=True))
    check(reading)
    assert reading.crosswalk == "mods"
