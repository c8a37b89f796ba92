"""What would hurt users of DSpace's dim: an ORCID at the wrong name, a field dropped in silence, a record that takes for ever."""

import json
import time

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from harvester import resources
from harvester.crosswalk import Reading, normalise
from harvester.crosswalk.formats import dspace_fields
from harvester.crosswalk.registry import crosswalk_for
from harvester.entry import Entry

DIM = "{http://www.dspace.org/xmlns/dspace/dim}"
ORCID, OTHER_ORCID = "0000-0002-1825-0097", "0000-0001-5109-3700"
SCHEMA = json.loads(resources.schema("entry.schema.json").read_text("utf-8"))
AFFILIATION = "oairecerif.author.affiliation"
PLACEHOLDER = "#PLACEHOLDER_PARENT_METADATA_VALUE#"


def document(*fields: tuple[str, str] | tuple[str, str, str], root: str = DIM + "dim") -> etree._Element:
    """Fields as (name, text) or (name, text, authority)."""
    tree = etree.Element(root)
    namespace = root.rpartition("}")[0]
    for name, said, *authority in fields:
        schema, element, *qualifier = name.split(".", 2)
        field = etree.SubElement(tree, f"{namespace}}}field" if namespace else "field")
        field.attrib.update({"mdschema": schema, "element": element})
        if qualifier:
            field.set("qualifier", qualifier[0])
        if authority:
            field.set("authority", authority[0])
        field.text = said
    return tree


def read(*fields: tuple[str, str] | tuple[str, str, str]) -> Reading:
    return normalise(document(*fields))


@pytest.mark.parametrize("root", [DIM + "dim", "dim", "{http://www.openarchives.org/OAI/2.0/}dim"])
def test_the_root_is_known_wherever_its_namespace_went(root: str) -> None:
    reading = normalise(document(("dc.title", "Reeds"), root=root))
    assert (reading.crosswalk, reading.entry.title, reading.unread) == ("dim", "Reeds", {})


def test_another_dim_is_not_taken_for_dspaces() -> None:
    assert crosswalk_for(etree.fromstring("<dim><field>x</field></dim>")).name == "unknown"


def test_authors_stand_in_the_order_of_the_document() -> None:
    names = [f"Author{number:03}, A." for number in range(200)]
    entry = read(*(("dc.contributor.author", name) for name in names)).entry
    assert [agent.name for agent in entry.creators] == names


def test_two_authors_of_the_same_name_are_two() -> None:
    entry = read(("dc.contributor.author", "Wang, Wei"), ("dc.contributor.author", "Wang, Wei")).entry
    assert len(entry.creators) == 2


def test_the_same_keyword_twice_in_a_field_is_one() -> None:
    entry = read(("dc.subject", "reeds"), ("dc.subject", "reeds"), ("dc.subject.lcsh", "reeds")).entry
    assert [(subject.text, subject.scheme) for subject in entry.subjects] == [
        ("reeds", None),
        ("reeds", "LCSH"),
    ]


def test_an_authority_that_several_names_bear_is_nobodys() -> None:
    reading = read(
        ("dc.contributor.author", "Ames, Ann", ORCID),
        ("dc.contributor.author", "Bell, Bob", ORCID),
        ("dc.contributor.editor", "Cole, Cat", OTHER_ORCID),
    )
    assert [agent.orcid for agent in reading.entry.creators] == [None, None]
    assert [agent.orcid for agent in reading.entry.contributors] == [OTHER_ORCID]
    assert ("creators", "authority_shared") in [(p.field, p.code) for p in reading.entry.problems]


@pytest.mark.parametrize(
    "authority",
    [
        "8a1b0c7e-5d0c-4d53-9f0a-7b2f1f8e6c11",
        "rp00012",
        "virtual::44",
        "will be referenced::UUID::x",
        "n 79021164",
    ],
)
def test_a_key_of_the_repositorys_own_is_no_identifier(authority: str) -> None:
    agent = read(("dc.contributor.author", "Ames, Ann", authority)).entry.creators[0]
    assert agent.orcid is None
    assert all(known.scheme == "uuid" for known in agent.identifiers)


def test_an_orcid_with_a_wrong_check_digit_is_kept_apart() -> None:
    entry = read(("dc.contributor.author", "Ames, Ann", "orcid:0000-0002-1825-0098")).entry
    assert entry.creators[0].orcid is None
    assert [problem.code for problem in entry.problems] == ["orcid_check_digit"]


@pytest.mark.parametrize("confidence", ["100", "200", "300", "400"])
def test_a_lookup_that_failed_gives_no_orcid(confidence: str) -> None:
    tree = document(("dc.contributor.author", "Ames, Ann", ORCID))
    tree[0].set("confidence", confidence)
    assert normalise(tree).entry.creators[0].orcid is None


def test_a_lone_orcid_is_the_only_authors() -> None:
    one = read(("dc.identifier.orcid", ORCID), ("dc.contributor.author", "Ames, Ann"))
    assert one.entry.creators[0].orcid == ORCID
    two = read(
        ("dc.identifier.orcid", ORCID),
        ("dc.contributor.author", "Ames, Ann"),
        ("dc.contributor.author", "Bell, Bob"),
    )
    assert [agent.orcid for agent in two.entry.creators] == [None, None]
    assert two.unread == {"dc.identifier.orcid": 1}


def test_an_orcid_of_any_contributor_is_not_given_to_the_author() -> None:
    reading = read(
        ("dc.contributor.author", "Ames, Ann"),
        ("dc.contributor.advisor", "Bell, Bob"),
        ("dc.contributor.orcid", ORCID),
    )
    assert reading.entry.creators[0].orcid is None
    assert reading.unread == {"dc.contributor.orcid": 1}


def test_nested_affiliations_go_to_the_authors_at_the_same_place() -> None:
    authors = [("dc.contributor.author", name) for name in ("Ames, Ann", "Bell, Bob", "Cole, Cat")]
    entry = read(*authors, (AFFILIATION, "Here"), (AFFILIATION, PLACEHOLDER), (AFFILIATION, "There")).entry
    assert [[known.name for known in agent.affiliations] for agent in entry.creators] == [
        ["Here"],
        [],
        ["There"],
    ]


def test_affiliations_of_another_number_than_authors_are_nobodys() -> None:
    reading = read(
        ("dc.contributor.author", "Ames, Ann"),
        ("dc.contributor.author", "Bell, Bob"),
        (AFFILIATION, "Here"),
    )
    assert [agent.affiliations for agent in reading.entry.creators] == [(), ()]
    assert reading.unread == {AFFILIATION: 1}


def test_the_container_does_not_hang_on_the_order_of_the_fields() -> None:
    fields = [
        ("dc.identifier.citation", "Ames (2010). Reeds. J Reeds 1: 2"),
        ("dc.relation.ispartofseries", "Reed papers;3"),
        ("dc.relation.ispartof", "Journal of Reeds"),
        ("dc.identifier.issn", "2049-3630"),
    ]
    for ordered in (fields, fields[::-1]):
        entry = read(*ordered).entry
        assert entry.container is not None
        assert (entry.container.title, entry.container.issn) == ("Journal of Reeds", ("2049-3630",))
        assert [(r.type, r.identifier) for r in entry.relations] == [("IsPartOf", "Reed papers;3")]
        assert "Ames (2010). Reeds. J Reeds 1: 2" in [known.value for known in entry.identifiers]


def test_a_citation_alone_is_what_is_known_of_the_container() -> None:
    entry = read(("dc.identifier.citation", "Journal of Reeds; Vol. 3 No. 2 (2010); 12-20")).entry
    assert entry.container is not None
    assert (entry.container.title, entry.container.volume, entry.container.last_page) == (
        "Journal of Reeds",
        "3",
        "20",
    )
    assert entry.identifiers == ()


def test_the_day_the_repository_took_an_item_in_is_no_date_of_publication() -> None:
    entry = read(("dc.date.accessioned", "2019-03-04T10:11:12Z")).entry
    assert (entry.issued, entry.year) == (None, None)


def test_names_of_fields_are_compared_without_case() -> None:
    entry = read(("DC.Title.Alternative", "Reeds"), ("dcterms.dateaccepted", "2010-01-02")).entry
    assert entry.titles[0].type == "alternative"
    assert entry.dates[0].type == "Accepted"


def test_no_field_of_the_table_is_dropped_in_silence() -> None:
    for name in dspace_fields.FIELDS:
        if name.count(".") in (1, 2):
            before, after = read((name, "Heron 1")), read((name, "Heron 2"))
            assert before.entry != after.entry or before.unread, name


@pytest.mark.measures_time
@pytest.mark.parametrize(
    "name",
    ["dc.contributor.author", "dc.contributor.orcid", "dc.relation.ispartof", "dc.identifier.citation", AFFILIATION,
     "dc.subject", "dc.creator", "thesis.degree.discipline", "oaire.awardNumber", "person.identifier.orcid", "local.x"],
)  # fmt: skip
def test_time_grows_with_the_size_of_a_record_and_no_faster(name: str) -> None:
    fields = [(name, f"Name{number}, A.", f"virtual::{number % 7}") for number in range(50_000)]
    fields += [("dc.contributor.author", f"Author{number}, A.") for number in range(50_000)]
    tree = document(*fields)
    begun = time.perf_counter()
    normalise(tree)
    assert time.perf_counter() - begun < 20  # a fraction of it when alone; quadratic would be minutes


NAMES = st.sampled_from(
    [*dspace_fields.FIELDS, "dc.contributor.x", "dc.subject.y", "dc.identifier.z", "dc.relation.w"]
)
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff")) | (
    st.sampled_from([ORCID, "2010", "http://a.org/1", "10.5555/x", "Ames, Ann", "a; b; c", "n/a", PLACEHOLDER, "name;3", "2049-3630"])
)  # fmt: skip


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(st.tuples(NAMES, TEXTS, st.sampled_from(["virtual::1", ORCID, "x"])), max_size=12))
def test_any_dim_becomes_a_valid_entry(fields: list[tuple[str, str, str]]) -> None:
    entry = read(*fields).entry
    jsonschema.Draft202012Validator(SCHEMA).validate(entry.as_json())
    assert Entry.from_json(entry.compact()) == entry
