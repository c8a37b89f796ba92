"""What would hurt users of ETD-MS: a root that is not known, an ORCID or a role at the wrong person."""

import pytest
from lxml import etree
from timing import grows

from harvester.crosswalk import normalise
from harvester.crosswalk.registry import crosswalk_for
from harvester.entry import Entry, Thesis

V10 = "http://www.ndltd.org/standards/metadata/etdms/1.0/"
ORCID = "https://orcid.org/0000-0002-1825-0097"


def entry_of(inner: str, *, namespace: str = V10) -> Entry:
    reading = normalise(etree.fromstring(f'<thesis xmlns="{namespace}"><title>T</title>{inner}</thesis>'))
    assert reading.crosswalk == "etdms"
    return reading.entry


@pytest.mark.parametrize(
    "namespace",
    [
        V10,
        V10.replace("1.0", "1.1"),
        V10.replace("1.0", "1-0"),
        "http://www.openarchives.org/OAI/2.0/",
        "urn:x",
        "",
    ],
)
def test_a_thesis_is_known_in_every_namespace(namespace: str) -> None:
    entry = entry_of("<degree><name>PhD</name></degree>", namespace=namespace)
    assert (entry.title, entry.thesis, entry.type) == ("T", Thesis("PhD"), "Dissertation")


def test_a_thesis_without_a_title_somewhere_else_is_not_ours() -> None:
    assert crosswalk_for(etree.fromstring("<thesis><claim>All is water</claim></thesis>")).name == "unknown"


def test_prefixes_mean_nothing() -> None:
    tree = etree.fromstring(
        f'<a:thesis xmlns:a="{V10}"><a:title>T</a:title><a:degree><a:level>2</a:level></a:degree></a:thesis>'
    )
    assert normalise(tree).entry.thesis == Thesis(level="2")


def test_each_resource_goes_to_the_one_beside_it() -> None:
    entry = entry_of(
        f'<creator>Doe, Jane</creator><creator resource="{ORCID}">Roe, Ann</creator>'
        '<contributor role="advisor">Poe, Max</contributor>'
    )
    assert [one.orcid for one in entry.creators] == [None, "0000-0002-1825-0097"]
    assert [one.orcid for one in entry.contributors] == [None]


def test_one_resource_for_several_names_is_nobodys() -> None:
    entry = entry_of(f'<creator resource="{ORCID}">Doe, J; Roe, A; Poe, M</creator>')
    assert [one.orcid for one in entry.creators] == [None, None, None]
    assert [one.code for one in entry.problems] == ["identifier_unassigned"]


@pytest.mark.parametrize(
    ("role", "stated", "advises"),
    [
        ("advisor", "Supervisor", True), ("Thesis advisor", "Supervisor", True), ("directeur/advisor", "Supervisor", True),
        ("co-advisor", "co-advisor", False), ("committee member", "committee member", False), ("", None, False),
        ("http://id.loc.gov/vocabulary/relators/ths", "Supervisor", True), ("editor", "Editor", False),
    ],
)  # fmt: skip
def test_only_advisors_advise(role: str, stated: str | None, *, advises: bool) -> None:
    entry = entry_of(f'<contributor role="{role}">Poe, Max</contributor>')
    assert entry.contributors[0].role == stated
    assert entry.thesis == (Thesis(advisors=("Poe, Max",)) if advises else None)


def test_an_author_among_the_contributors_is_a_creator() -> None:
    entry = entry_of('<contributor role="author">Poe, Max</contributor>')
    assert [one.name for one in entry.creators] == ["Poe, Max"]
    assert entry.contributors == ()


def test_a_degree_in_two_languages_is_one() -> None:
    entry = entry_of(
        '<degree><level xml:lang="fr">Doctorat</level><level xml:lang="en">Doctoral</level><level>Doctorat</level></degree>'
    )
    assert entry.thesis == Thesis(level="Doctorat")
    assert [(one.code, one.raw) for one in entry.problems] == [("further_value", "Doctoral")]


@pytest.mark.parametrize(
    "inner", ["<degree/>", "<degree> </degree>", "<degree><name/><level> </level></degree>", ""]
)
def test_nothing_said_of_a_degree_makes_no_thesis_block(inner: str) -> None:
    entry = entry_of(f"<type>Article</type>{inner}")
    assert (entry.thesis, entry.type) == (None, "JournalArticle")


def test_a_grantor_alone_does_not_say_that_it_is_a_thesis() -> None:
    assert entry_of("<degree><grantor>U</grantor></degree>").type is None


def test_what_a_degree_holds_besides_is_counted() -> None:
    tree = etree.fromstring(
        f'<thesis xmlns="{V10}">stray<title>T</title><degree>in words<mark>1</mark></degree></thesis>'
    )
    assert normalise(tree).unread == {f"{{{V10}}}thesis": 1, f"{{{V10}}}degree": 1, f"{{{V10}}}mark": 1}


@pytest.mark.measures_time
@pytest.mark.parametrize("name", ["creator", "contributor", "degree", "description", "rights", "subject"])
def test_many_elements_take_time_in_proportion(name: str) -> None:
    def build(count: int) -> etree._Element:
        element = (
            '<{0} role="r{1}" resource="http://a.org/{1}" scheme="DDC"><name>Family{1}, Given</name></{0}>'
        )
        inner = "".join(element.format(name, at) for at in range(count))
        return etree.fromstring(f'<thesis xmlns="{V10}"><title>T</title>{inner}</thesis>')

    assert grows(build) < 30
