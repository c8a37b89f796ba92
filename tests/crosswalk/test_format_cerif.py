"""cerif: what the golden pairs do not show: sizes, depths, roots, and that nobody gets what belongs to another."""

import json
import time
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree
from test_crosswalk_audit import silent

from harvester import resources
from harvester.crosswalk import Reading, normalise
from harvester.crosswalk.fields import check_digits
from harvester.crosswalk.formats import cerif_entities, cerif_host, cerif_outputs, cerif_parties
from harvester.entry import Entry

PROFILE = "https://www.openaire.eu/cerif-profile/1.2/"
OLDER = "https://www.openaire.eu/cerif-profile/1.1/"
OAI = "http://www.openarchives.org/OAI/2.0/"
OUTPUTS = ("Publication", "Product", "Patent")
OTHERS = ("Person", "OrgUnit", "Project", "Funding", "Event", "Equipment", "Service")
GOLDEN = sorted((Path(__file__).parent / "cerif").glob("*.xml"))
SCHEMA: dict[str, Any] = json.loads(resources.schema("entry.schema.json").read_text("utf-8"))
VALID = jsonschema.Draft202012Validator(SCHEMA)


def parsed(text: str) -> etree._Element:
    return etree.fromstring(text, etree.XMLParser(huge_tree=True))


def entity(name: str, inner: str, namespace: str = PROFILE) -> Reading:
    return normalise(parsed(f'<{name} xmlns="{namespace}" id="x">{inner}</{name}>'))


def orcid(number: int) -> str:
    digits = f"{number:015}"
    found = (
        f"{digits[:4]}-{digits[4:8]}-{digits[8:12]}-{digits[12:]}{last}" for last in (*"0123456789", "X")
    )
    return next(each for each in found if check_digits.orcid(each))


def titled(name: str) -> str:
    if name == "Person":
        return "<PersonName><FamilyNames>T</FamilyNames></PersonName>"
    return "<Title>T</Title>" if name in ("Publication", "Patent", "Project") else "<Name>T</Name>"


@pytest.mark.parametrize("namespace", [PROFILE, OLDER, OAI, "", "https://www.openaire.eu/cerif-profile/1.2"])
@pytest.mark.parametrize("name", [*OUTPUTS, *OTHERS])
def test_every_entity_is_read_whatever_became_of_its_namespace(name: str, namespace: str) -> None:
    reading = entity(name, titled(name), namespace)
    assert (reading.crosswalk, reading.entry.title) == ("cerif", "T")


@pytest.mark.parametrize(
    "root", ["<Project><Widget/><Gadget/></Project>", "<Event/>", "<Persons><Foo/></Persons>"]
)
def test_a_stranger_of_the_same_name_is_not_taken_for_cerif(root: str) -> None:
    assert normalise(parsed(root)).crosswalk == "unknown"


@pytest.mark.parametrize(
    ("name", "general"),
    [
        ("Person", None),
        ("OrgUnit", None),
        ("Project", "Project"),
        ("Funding", "Award"),
        ("Event", "Event"),
        ("Equipment", "Instrument"),
        ("Service", "Service"),
    ],
)
def test_what_is_no_work_says_so_and_nobody_created_it(name: str, general: str | None) -> None:
    entry = entity(name, titled(name) + "<StartDate>2020</StartDate><EndDate>2021</EndDate>").entry
    assert [(each.code, each.raw) for each in entry.problems if each.code == "not_a_work"] == [
        ("not_a_work", name)
    ]
    assert (entry.type, entry.creators, entry.year) == (general, (), None)


@pytest.mark.parametrize("name", OUTPUTS)
def test_a_work_is_not_called_anything_else(name: str) -> None:
    assert "not_a_work" not in {each.code for each in entity(name, titled(name)).entry.problems}


def test_everybody_keeps_what_is_theirs_and_their_place_in_the_list() -> None:
    authors, expected = [], []
    for at in range(300):
        own = orcid(at + 10**6) if at % 3 else None
        house = f"House {at}" if at % 2 else None
        number = f"<ORCID>{own}</ORCID>" if own else ""
        where = (
            f"<Affiliation><OrgUnit><Name>{house}</Name></OrgUnit></Affiliation>"
            if house
            else "<Affiliation><OrgUnit/></Affiliation>"
        )
        authors.append(
            f'<Author><Person id="p{at}"><PersonName><FamilyNames>F{at}x</FamilyNames></PersonName>{number}</Person>{where}</Author>'
        )
        expected.append((f"F{at}x", own, f"p{at}", [house] if house else []))
    entry = entity("Publication", f"<Authors>{''.join(authors)}</Authors>").entry
    assert [
        (agent.family, agent.orcid, agent.identifiers[0].value, [each.name for each in agent.affiliations])
        for agent in entry.creators
    ] == expected


def test_two_persons_in_one_link_share_nothing() -> None:
    link = (
        "<Author><DisplayName>Both of them</DisplayName>"
        "<Person><PersonName><FamilyNames>One</FamilyNames></PersonName><ORCID>0000-0002-1825-0097</ORCID></Person>"
        "<Person><PersonName><FamilyNames>Two</FamilyNames></PersonName></Person>"
        "<Affiliation><OrgUnit><Name>Whose?</Name></OrgUnit></Affiliation></Author>"
    )
    reading = entity("Publication", f"<Title>T</Title><Authors>{link}</Authors>")
    assert [(each.name, each.orcid, each.affiliations) for each in reading.entry.creators] == [
        ("One", "0000-0002-1825-0097", ()),
        ("Two", None, ()),
    ]
    assert sorted(name.rpartition("}")[2] for name in reading.unread) == ["DisplayName", "Name"]


def test_an_uncertain_orcid_is_nobodys_orcid() -> None:
    person = (
        "<Person><PersonName><FamilyNames>One</FamilyNames></PersonName>"
        "<AlternativeORCID>https://orcid.org/0000-0002-1825-0097</AlternativeORCID></Person>"
    )
    (creator,) = entity("Publication", f"<Authors><Author>{person}</Author></Authors>").entry.creators
    assert creator.orcid is None
    own = normalise(parsed(person.replace("<Person>", f'<Person xmlns="{PROFILE}">'))).entry
    assert (own.url, [each.scheme for each in own.identifiers]) == (None, ["alternative_orcid"])


def test_dspaces_placeholder_is_no_handle_and_a_broken_doi_no_doi() -> None:
    entry = entity("Publication", "<DOI>doi:111.1/x</DOI><Handle>123456789/6</Handle>").entry
    assert (entry.doi, entry.url, {each.scheme for each in entry.identifiers}) == (
        None,
        None,
        {"other", "cerif"},
    )


@pytest.mark.measures_time
def test_a_hundred_thousand_authors_are_all_kept_in_order() -> None:
    author = (
        "<Author><DisplayName>G{0} F{0}</DisplayName><Person id='{0}'><PersonName><FamilyNames>F{0}</FamilyNames>"
        "<FirstNames>G{0}</FirstNames></PersonName></Person></Author>"
    )
    inner = "".join(author.format(at) for at in range(100_000))
    tree = parsed(f'<Publication xmlns="{PROFILE}"><Authors>{inner}</Authors></Publication>')
    begun = time.perf_counter()
    entry = normalise(tree).entry
    assert time.perf_counter() - begun < 4
    assert [agent.name for agent in entry.creators] == [f"G{at} F{at}" for at in range(100_000)]


REPEATED = {
    "Publication": sorted({*cerif_outputs.BRANCHES, *cerif_host.PLACES, "ISSN", "Unheard"}),
    "Event": sorted(cerif_entities.BRANCHES["Event"]),
    "Person": sorted(cerif_entities.BRANCHES["Person"]),
    "Project": sorted(cerif_entities.BRANCHES["Project"]),
}


@pytest.mark.measures_time
@pytest.mark.parametrize(("root", "name"), [(root, name) for root in REPEATED for name in REPEATED[root]])
def test_five_thousand_of_an_element_take_no_longer_than_they_must(root: str, name: str) -> None:
    child = f'<{name} type="t" trans="h" startDate="2020">a 2020 {{}}</{name}>'
    tree = parsed(
        f'<{root} xmlns="{PROFILE}">' + "".join(child.format(at) for at in range(5_000)) + f"</{root}>"
    )
    begun = time.perf_counter()
    normalise(tree)
    assert time.perf_counter() - begun < 1


@pytest.mark.parametrize(
    ("root", "opening", "closing"),
    [
        ("OrgUnit", "<PartOf><OrgUnit><Name>n</Name>", "</OrgUnit></PartOf>"),
        ("Funding", "<PartOf><Funding><Name>n</Name>", "</Funding></PartOf>"),
        ("Publication", "<PartOf><Publication><Title>n</Title>", "</Publication></PartOf>"),
        ("Publication", "<OriginatesFrom><Project><Funded><As><Funding><Name>n</Name>", "</Funding></As></Funded></Project></OriginatesFrom>"),
        ("Person", "<Affiliation><OrgUnit><Name>n</Name><PartOf>", "</PartOf></OrgUnit></Affiliation>"),
        ("Publication", "<Authors><Author><Person>", "</Person></Author></Authors>"),
        ("Publications", "<Publications>", "</Publications>"),
    ],
)  # fmt: skip
def test_deep_nesting_is_no_danger(root: str, opening: str, closing: str) -> None:
    levels = 250 // opening.count("<")
    reading = entity(root, opening * levels + closing * levels)
    assert next(VALID.iter_errors(reading.entry.compact()), None) is None
    assert (reading.crosswalk == "cerif") == (
        root != "Publications"
    )  # a list that holds only lists has no entity


@pytest.mark.parametrize("source", GOLDEN, ids=lambda path: path.stem)
def test_every_text_of_the_golden_documents_is_read_or_counted(source: Path) -> None:
    root = etree.parse(source).getroot()
    metadata = root.find(f"{{{OAI}}}metadata")
    assert silent(root if metadata is None else metadata[0]) == []


NAMES = sorted(
    {
        *cerif_outputs.BRANCHES, *cerif_host.PLACES, *cerif_parties.IDENTIFIERS, *OUTPUTS, *OTHERS, "ISSN", "Author", "Creator", "Editor",
        "Publisher", "Medium", "URI", "Size", "MimeType", "Affiliation", "DisplayName", "PersonName", "FamilyNames", "FirstNames", "By",
        "As", "Funded", "Funder", "Team", "Consortium", "Member", "PartOf", "Available", "GrantDOI", "StartDate", "EndDate", "Part",
    }
)  # fmt: skip
TEXTS = st.sampled_from([
    "", " ", "x", "2020", "2020-01-01Z", "10.5555/a", "0000-0002-1825-0097", "https://ror.org/05dxps055", "1234-5679", "CC BY",
    "http://purl.org/coar/access_right/c_f1cf", "http://purl.org/coar/resource_type/c_0640", "Doe, Jane", "&#xD800;", "urn:a:b",
])  # fmt: skip
ATTRIBUTES = st.dictionaries(
    st.sampled_from(["id", "type", "scheme", "trans", "startDate", "endDate", "displayName", "currency"]),
    st.sampled_from(["", "x", "h", "2020", "2021-02-30", "https://w3id.org/cerif/vocab/IdentifierTypes#AwardNumber", "URL"]),
    max_size=2,
)  # fmt: skip
TREES = st.recursive(
    st.tuples(st.sampled_from(NAMES), TEXTS, ATTRIBUTES, st.just([])),
    lambda inner: st.tuples(st.sampled_from(NAMES), TEXTS, ATTRIBUTES, st.lists(inner, max_size=4)),
    max_leaves=25,
)


def grown(shape: tuple[str, str, dict[str, str], list[Any]]) -> etree._Element:
    name, said, attributes, within = shape
    element = etree.Element(f"{{{PROFILE}}}{name}", attributes)
    element.text = said
    for inner in within:
        element.append(etree.Comment(" aside "))
        element.append(grown(inner))
    return element


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.sampled_from([*OUTPUTS, *OTHERS]), st.lists(TREES, max_size=5))
def test_any_tree_of_cerif_becomes_a_valid_entry(root: str, children: list[Any]) -> None:
    tree = grown((root, "", {"id": "r"}, children))
    reading = normalise(tree)
    assert (reading.crosswalk == "cerif") == (
        root != "Publications"
    )  # a list that holds only lists has no entity
    for form in (reading.entry.as_json(), reading.entry.compact()):
        VALID.validate(form)
        assert Entry.from_json(json.loads(json.dumps(form))) == reading.entry


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=40)
@given(st.sampled_from([*OUTPUTS, *OTHERS]), st.lists(TREES, max_size=4))
def test_no_text_of_any_tree_is_dropped_in_silence(root: str, children: list[Any]) -> None:
    assert silent(grown((root, "", {"id": "r"}, children))) == []


def test_a_text_too_long_for_a_problem_tells_how_long_it_was() -> None:
    classes = [("ARK", "https://ror.org/05dxps055", {}, []) for _ in range(30)]
    assert silent(grown(("Publication", "", {"id": "r"}, [("Classification", "", {}, classes)]))) == []


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ("2013-06-14+02:00", "2013-06-14"), ("2013-06Z", "2013-06"), ("2013-05:00", "2013"), ("2013-05", "2013-05"),
        ("2013-06-14T10:00:00Z", "2013-06-14T10:00:00Z"), ("17/08/2015", "2015-08-17"), ("2010/11", "2010"), ("soon", None),
    ],
)  # fmt: skip
def test_a_date_with_a_time_zone_is_that_day(said: str, value: str | None) -> None:
    entry = entity("Publication", f"<PublicationDate>{said}</PublicationDate>").entry
    assert [(each.type, each.value, each.raw) for each in entry.dates] == [("Issued", value, said)]


def test_a_half_open_period_that_is_none_is_kept_and_nothing_is_printed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    entry = entity("Project", "<Title>T</Title><EndDate>12</EndDate>").entry
    assert [(each.value, each.raw) for each in entry.dates] == [(None, "../12")]
    assert capsys.readouterr().out == ""
