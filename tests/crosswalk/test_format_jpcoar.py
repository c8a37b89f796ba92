"""What would hurt users of JPCOAR and RIOXX: a name in the wrong script, the catalogue's title, a thumbnail as the file."""

import json
import time

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from harvester import resources
from harvester.crosswalk import Reading, normalise
from harvester.crosswalk.formats import jpcoar, rioxx
from harvester.crosswalk.registry import crosswalk_for

SCHEMA = json.loads(resources.schema("entry.schema.json").read_text("utf-8"))
JPCOAR = "https://github.com/JPCOAR/schema/blob/master/%s/"


def read(inner: str, root: str = "jpcoar", declared: str = "") -> Reading:
    own = f'{declared} xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'
    return normalise(etree.fromstring(f"<{root} {own}><title>T</title>{inner}</{root}>"))


@pytest.mark.parametrize("version", ["1.0", "2.0", "2.1", "2.2"])
def test_every_version_of_jpcoar_is_known(version: str) -> None:
    reading = read("", declared=f'xmlns="{JPCOAR % version}"')
    assert (reading.crosswalk, reading.schema, reading.entry.title) == ("jpcoar", version, "T")


@pytest.mark.parametrize(
    "declared",
    [
        "",
        'xmlns="http://www.rioxx.net/schema/v2.0/rioxx/"',
        'xmlns="http://www.rioxx.net/schema/v3.0/rioxx/"',
    ],
)
def test_every_version_of_rioxx_is_known(declared: str) -> None:
    reading = read("<publication_date>2015</publication_date>", root="rioxx", declared=declared)
    assert (reading.crosswalk, reading.entry.year) == ("rioxx", 2015)


def test_another_root_of_that_name_is_left_to_others() -> None:
    assert crosswalk_for(etree.fromstring("<jpcoar><x/></jpcoar>")).name == "unknown"
    assert crosswalk_for(etree.fromstring("<rioxx><title>T</title></rioxx>")).name == "unknown"


def test_family_and_given_name_are_of_one_language() -> None:
    entry = read(
        '<creator><creatorName xml:lang="ja">川上, 花子</creatorName>'
        '<familyName xml:lang="en">Kawakami</familyName><familyName xml:lang="ja">川上</familyName>'
        '<givenName xml:lang="en">Hanako</givenName><givenName xml:lang="ja">花子</givenName></creator>'
    ).entry
    agent = entry.creators[0]
    assert (agent.name, agent.family, agent.given) == ("川上, 花子", "川上", "花子")
    assert [problem.raw for problem in entry.problems] == ["Kawakami", "Hanako"]


def test_each_creator_keeps_identifiers_and_affiliations_to_himself() -> None:
    entry = read(
        '<creator><nameIdentifier nameIdentifierScheme="ORCID">0000-0002-1825-0097</nameIdentifier><creatorName>Ames, Ann</creatorName></creator>'
        "<creator><creatorName>Bell, Bob</creatorName><affiliation><affiliationName>Here</affiliationName></affiliation></creator>"
    ).entry
    assert [(agent.orcid, len(agent.affiliations)) for agent in entry.creators] == [
        ("0000-0002-1825-0097", 0),
        (None, 1),
    ]


def test_the_database_that_holds_an_item_is_not_the_item() -> None:
    reading = read("<catalog><title>Database</title><identifier>https://db.example.jp</identifier></catalog>")
    assert [title.text for title in reading.entry.titles] == ["T"]
    assert reading.entry.identifiers == ()
    assert sum(reading.unread.values()) == 2


def test_a_thumbnail_is_no_file_of_the_item() -> None:
    reading = read('<file><URI objectType="thumbnail">https://a.example.jp/t.jpg</URI></file>')
    assert (reading.entry.files, sum(reading.unread.values())) == ((), 1)


def test_the_uri_of_a_type_is_stronger_than_its_word() -> None:
    entry = read('<type rdf:resource="http://purl.org/coar/resource_type/c_ddb1">image</type>').entry
    assert entry.type == "Dataset"


def test_a_file_of_rioxx_is_a_file_and_a_link_elsewhere_is_none() -> None:
    entry = read(
        "<version>AM</version>"
        '<relation rel="item" type="application/pdf">https://a.example.ac.uk/1/x.pdf</relation>'
        '<ext_relation rel="item">https://b.example.org/y.pdf</ext_relation>',
        root="rioxx",
    ).entry
    assert [(file.url, file.format) for file in entry.files] == [
        ("https://a.example.ac.uk/1/x.pdf", "application/pdf")
    ]
    assert [relation.identifier for relation in entry.relations] == ["https://b.example.org/y.pdf"]


@pytest.mark.measures_time
@pytest.mark.parametrize(
    "part",
    ["<creator><creatorName>A, B</creatorName></creator>", "<sourceTitle>%d</sourceTitle>", "<degreeName>%d</degreeName>",
     "<relation><relatedTitle>%d</relatedTitle></relation>", "<file><extent>%d</extent></file>"],
)  # fmt: skip
def test_time_grows_with_the_size_of_a_record_and_no_faster(part: str) -> None:
    inner = "".join(part.replace("%d", str(at)) for at in range(50_000))
    names = "".join(f"<creatorName>Name {at}</creatorName>" for at in range(20_000))
    begun = time.perf_counter()
    read(f"{inner}<creator>{names}</creator>")
    assert time.perf_counter() - begun < 20


TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff")) | (
    st.sampled_from(["10.5555/x", "2049-3630", "2010", "https://a.org/x.pdf", "0000-0002-1825-0097", "c_abf2", "12 B"])
)  # fmt: skip
ATTRIBUTES = st.sampled_from([
    {}, {"identifierType": "DOI"}, {"identifierType": "PISSN"}, {"relationType": "x"}, {"relationType": "isPartOf"}, {"dateType": "x"},
    {"id": "orcid"}, {"rel": "item"}, {"rel": "cite-as"}, {"funder_name": "F"}, {"subjectScheme": "NDC"}, {"contributorType": "author"},
    {"coar_type": "x", "coar_version": "y"}, {"start_date": "x"}, {"{http://www.w3.org/1999/02/22-rdf-syntax-ns#}resource": "http://x.org/"},
])  # fmt: skip
INNER = st.sampled_from(
    [
        "creatorName",
        "familyName",
        "nameIdentifier",
        "affiliation",
        "relatedIdentifier",
        "relatedTitle",
        "URI",
        "extent",
        "name",
        "id",
        "funderName",
    ]
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    st.sampled_from(["jpcoar", "rioxx"]),
    st.lists(
        st.tuples(
            st.sampled_from(sorted({*jpcoar.BRANCHES, *rioxx.BRANCHES})), ATTRIBUTES, TEXTS, st.lists(st.tuples(INNER, TEXTS), max_size=3)
        ),
        max_size=8,
    ),
)  # fmt: skip
def test_any_such_document_becomes_a_valid_entry(
    root: str, elements: list[tuple[str, dict[str, str], str, list[tuple[str, str]]]]
) -> None:
    tree = etree.Element(root)
    etree.SubElement(tree, "creator")  # lets both formats know their own
    for name, attributes, said, inner in elements:
        element = etree.SubElement(tree, name, attributes)
        element.text = said
        for inner_name, inner_said in inner:
            etree.SubElement(element, inner_name).text = inner_said
    reading = normalise(tree)
    assert reading.crosswalk == root
    jsonschema.Draft202012Validator(SCHEMA).validate(reading.entry.as_json())
