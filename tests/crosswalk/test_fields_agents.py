"""Agents: what the source keeps apart is taken as it is; identifiers that fail their check are told, never taken."""

import pytest

from harvester.crosswalk.fields import agents
from harvester.crosswalk.fields.contributor_types import CREATOR, contributor_type
from harvester.entry import Affiliation, Agent, AgentIdentifier, Problem


@pytest.mark.parametrize(
    ("word", "role"),
    [
        ("ContactPerson", "ContactPerson"), ("contactperson", "ContactPerson"), ("Contact person", "ContactPerson"), ("aut", CREATOR),
        ("Author", CREATOR), ("joint author.", CREATOR), ("cre", CREATOR), ("edt", "Editor"), ("ed.", "Editor"), ("Editor", "Editor"),
        ("http://id.loc.gov/vocabulary/relators/trl", "Translator"), ("ths", "Supervisor"), ("Thesis advisor", "Supervisor"),
        ("dgs", "Supervisor"), ("advisor", "Supervisor"), ("spn", "Sponsor"), ("his", "HostingInstitution"), ("cph", "RightsHolder"),
        ("rth", "ProjectLeader"), ("rtm", "ProjectMember"), ("oth", "Other"),
        # DataCite's kernels 2 and 3 have Funder; it stays readable
        ("Funder", "Funder"), ("fnd", "Funder"),
        # Relators that mean something else than what their word suggests
        ("pbd", "pbd"), ("dgc", "dgc"), ("prd", "prd"), ("cur", "cur"), ("dtc", "dtc"), ("Performer", "Performer"),
    ],
)  # fmt: skip
def test_a_role_is_datacites_or_the_sources_own_word(word: str, role: str) -> None:
    assert contributor_type(word) == role


@pytest.mark.parametrize(
    ("value", "scheme", "found"),
    [
        ("https://orcid.org/0000-0002-1825-0097", "", AgentIdentifier("0000-0002-1825-0097", "orcid")),
        ("0000-0002-1825-0097", "ORCID", AgentIdentifier("0000-0002-1825-0097", "orcid")),
        ("0000 0001 2188 8254", "ISNI", AgentIdentifier("0000000121888254", "isni")),
        ("https://ror.org/05DXPS055", "", AgentIdentifier("https://ror.org/05dxps055", "ror")),
        ("05dxps055", "ROR", AgentIdentifier("https://ror.org/05dxps055", "ror")),
        ("05dxps055", "https://ror.org/", AgentIdentifier("https://ror.org/05dxps055", "ror")),
        ("http://d-nb.info/gnd/118540238", "", AgentIdentifier("118540238", "gnd")),
        ("https://viaf.org/viaf/44300636/", "VIAF", AgentIdentifier("44300636", "viaf")),
        ("A-1009-2008", "ResearcherID", AgentIdentifier("A-1009-2008", "researcherid")),
        ("", "ORCID", None),
    ],
)
def test_an_agents_identifier_loses_its_url_and_gets_its_scheme(
    value: str, scheme: str, found: AgentIdentifier | None
) -> None:
    assert agents.identifier(value, scheme) == found


@pytest.mark.parametrize(
    ("value", "ror", "code"),
    [
        ("https://ror.org/05dxps055", "https://ror.org/05dxps055", None),
        ("05dxps055", "https://ror.org/05dxps055", None),
        ("https://ror.org/05dxps056", None, "ror_check_digit"),
        ("https://ror.org/nonsense", None, "ror_check_digit"),
    ],
)
def test_an_affiliation_has_a_ror_only_if_its_check_digits_are_right(
    value: str, ror: str | None, code: str | None
) -> None:
    notes: list[Problem] = []
    assert agents.affiliation("A. Institute", value, "ROR", notes) == Affiliation("A. Institute", ror)
    assert notes == ([Problem("affiliations", code, value)] if code else [])


def test_an_orcid_with_a_slip_is_kept_and_told() -> None:
    notes: list[Problem] = []
    named = agents.Named("creators", family="Hale", given="Jo")
    named.identify("https://orcid.org/0000-0002-1825-0098", "ORCID", notes)
    assert named.agent(notes) == Agent(
        "Hale, Jo", "Jo", "Hale", "person", None, (AgentIdentifier("0000-0002-1825-0098", "orcid"),)
    )
    assert [note.code for note in notes] == ["orcid_check_digit"]


def test_names_that_the_source_separates_win_over_any_reading() -> None:
    named = agents.Named("creators", name="María de la Cruz", family="de la Cruz", given="María")
    assert named.agent([]) == Agent("María de la Cruz", "María", "de la Cruz", "person")
    assert agents.Named("creators", name="Kiel, University", kind="organisation").agent([]) == Agent(
        "Kiel, University", kind="organisation"
    )
