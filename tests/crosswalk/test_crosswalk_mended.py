"""What a careful reader once found wrong: each would give a user a wrong date, person, licence or link."""

import pytest
from lxml import etree

from harvester.crosswalk import Context, normalise
from harvester.crosswalk.fields import licences, names
from harvester.entry import Entry

DC = '<o:dc xmlns:o="http://www.openarchives.org/OAI/2.0/oai_dc/" xmlns:d="http://purl.org/dc/elements/1.1/">{}</o:dc>'


def entry(*elements: tuple[str, str]) -> Entry:
    inner = "".join(f"<d:{name}>{text}</d:{name}>" for name, text in elements)
    return normalise(etree.fromstring(DC.format(inner)), Context()).entry


def test_the_end_of_an_embargo_is_not_the_date_of_publication() -> None:
    found = entry(
        ("date", "2015-03-01T09:00:00Z"),
        ("date", "2014-11"),
        ("date", "info:eu-repo/date/embargoEnd/2018-06-30"),
    )
    assert (found.issued, found.year) == ("2014-11", 2014)
    alone = entry(("date", "info:eu-repo/date/embargoEnd/2030-06-30"))
    assert (alone.issued, alone.year, alone.access) == (None, None, "embargoed")


def test_the_publisher_repeated_as_source_is_no_journal() -> None:
    assert entry(("publisher", "Wiley"), ("source", "Wiley")).container is None
    held = entry(("publisher", "Wiley"), ("source", "Wiley"), ("source", "2049-3630")).container
    assert held is not None
    assert (held.title, held.issn) == (None, ("2049-3630",))


def test_creators_joined_by_the_wide_semicolon_are_several() -> None:
    found = entry(("creator", "马洪云；李成柱；张俊"), ("subject", "一；二；三"))
    assert [agent.name for agent in found.creators] == ["马洪云", "李成柱", "张俊"]
    assert [subject.text for subject in found.subjects] == ["一", "二", "三"]


def test_a_second_type_of_the_same_standing_is_said() -> None:
    found = entry(("type", "Dataset"), ("type", "Software"))
    assert found.type == "Dataset"
    assert [(each.code, each.raw) for each in found.problems] == [("further_value", "Software")]


def test_signs_that_end_a_url_are_escaped_in_the_link_and_kept_in_the_doi() -> None:
    found = entry(("identifier", "10.1000/abc#def"))
    assert (found.doi, found.url) == ("10.1000/abc#def", "https://doi.org/10.1000/abc%23def")


@pytest.mark.parametrize(
    "text", ["https://creativecommons.org/licenses/by-nc-nd-sa/4.0/", "CC BY-ND-SA 3.0", "CC BY-NC-ND-SA 4.0"]
)
def test_a_licence_that_does_not_exist_is_not_invented(text: str) -> None:
    assert licences.read(text, []).rights.spdx is None


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Press, W. H.", "person"),
        ("Bank, Steffen", "person"),
        ("School, J.", "person"),
        ("Team, J.-P.", "person"),
        ("University, Stanford", "organisation"),
        ("Press, Oxford University", "organisation"),
        ("World Bank", "organisation"),
    ],
)
def test_a_family_name_that_is_a_word_for_organisations(text: str, kind: str) -> None:
    assert names.read(text, [], field="creators").kind == kind
