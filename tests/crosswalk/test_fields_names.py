"""Names are split only where the source separates them."""

import pytest

from harvester.crosswalk.fields import names
from harvester.entry import Agent, AgentIdentifier, Problem


def read(text: str) -> Agent:
    return names.read(text, [], field="creators")


@pytest.mark.parametrize(
    ("text", "given", "family"),
    [
        ("Okafor, Ngozi", "Ngozi", "Okafor"),
        ("Okafor,Ngozi", "Ngozi", "Okafor"),
        ("Liu , Wenshe", "Wenshe", "Liu"),
        ("de la Cruz, María", "María", "de la Cruz"),
        ("Graaf, N.D. de", "N.D. de", "Graaf"),
        ("SMITH, JOHN", "JOHN", "SMITH"),
        ("Russi, Cinzia, 1966-", "Cinzia", "Russi"),
        ("Scott, Michael Lee (1959 - )", "Michael Lee", "Scott"),
        ("王, 小明", "小明", "王"),
        ("O'Brien-Smith, Seán P.", "Seán P.", "O'Brien-Smith"),
        ("GARCÍA MÁRQUEZ, GABRIEL JOSÉ", "GABRIEL JOSÉ", "GARCÍA MÁRQUEZ"),
    ],
)
def test_family_comma_given_is_a_person(text: str, given: str, family: str) -> None:
    assert read(text) == Agent(text, given, family, "person")


@pytest.mark.parametrize(
    "text",
    [
        "María de la Cruz", "王小明", "БАБИН С.М.", "Cher", "Khunji, Othman Mohamed, Mr", "Marie Curie (1867)",
        "Scott Cummings, Linda, AUTHOR (Paleo)", "x@example.org, y", ",", "A,", "https://example.org/a,b",
        "One of many, and all of the others too", "a" * 300, "JOHN SMITH", "King, Martin Luther, Jr.",
        "Doe, Jane and Roe, Richard", "A; B",
    ],
)  # fmt: skip
def test_any_other_name_is_kept_whole(text: str) -> None:
    assert read(text) == Agent(text)


@pytest.mark.parametrize(
    "text",
    [
        "Harvard University Library", "Environmental Sciences Division, Oak Hill Laboratory", "The Pond Team",
        "Institut für Meereskunde, Kiel", "ATLAS Collaboration", "Southeastern Fishes Council", "Gaussian, Inc.",
        "UNIVERSITY OF KIEL", "Genome Consortium", "Working Group on Ponds",
    ],
)  # fmt: skip
def test_an_organisation_is_not_taken_for_a_person(text: str) -> None:
    assert read(text) == Agent(text, kind="organisation")


def test_an_orcid_beside_a_name_is_taken_out_of_it() -> None:
    for written in (
        "0000-0002-1825-0097",
        "(https://orcid.org/0000-0002-1825-0097)",
        "[orcid:0000-0002-1825-0097]",
    ):
        assert read(f"Carberry, Josiah {written}") == Agent(
            "Carberry, Josiah", "Josiah", "Carberry", "person", "0000-0002-1825-0097"
        )


def test_an_orcid_alone_is_a_name_too() -> None:
    agent = read("https://orcid.org/0000-0002-1825-0097")
    assert (agent.name, agent.orcid) == ("https://orcid.org/0000-0002-1825-0097", "0000-0002-1825-0097")


def test_an_orcid_with_a_slip_stays_in_the_name_and_is_told() -> None:
    notes: list[Problem] = []
    agent = names.read("Hale, Jo 0000-0002-1825-0098", notes, field="creators")
    assert (agent.name, agent.orcid) == ("Hale, Jo 0000-0002-1825-0098", None)
    assert notes == [Problem("creators", "orcid_check_digit", "0000-0002-1825-0098")]


def test_figshares_author_number_becomes_an_identifier() -> None:
    parts = names.with_figshare_id("Anthony W. Purcell (105036)")
    assert parts == ("Anthony W. Purcell", "105036")
    agent = names.figshare_author(*parts, [], field="creators")
    assert agent == Agent("Anthony W. Purcell", identifiers=(AgentIdentifier("105036", "figshare_author"),))
    assert names.with_figshare_id("Purcell (A105036)") is None


def test_semicolons_separate_names_only_in_number() -> None:
    assert names.several("A; B; C") == ["A", "B", "C"]
    assert names.several("A; B") == ["A; B"]
    assert len(names.several("A;" * 5000)) <= names.MOST_NAMES + 1
