"""OpenAIRE's literature schema: told from DataCite's, and read in the order that the source has."""

import time

import pytest
from lxml import etree

from harvester.crosswalk import Reading, normalise

OAIRE = "http://namespace.openaire.eu/schema/oaire/"
NAMESPACES = f'xmlns:o="{OAIRE}" xmlns:datacite="http://datacite.org/schema/kernel-4" xmlns:dc="http://purl.org/dc/elements/1.1/"'


def oaire(inner: str) -> Reading:
    return normalise(etree.fromstring(f"<o:resource {NAMESPACES}>{inner}</o:resource>"))


@pytest.mark.parametrize(
    ("root", "crosswalk"),
    [
        (f'<resource xmlns="{OAIRE}"><titles><title>T</title></titles></resource>', "oaire"),
        (
            "<resource><titles><title>T</title></titles><licenseCondition>CC0</licenseCondition></resource>",
            "oaire",
        ),
        (
            f'<resource><titles><title>T</title></titles><version xmlns="{OAIRE}">1</version></resource>',
            "oaire",
        ),
        ("<resource><titles><title>T</title></titles><version>1</version></resource>", "datacite"),
        (
            '<resource xmlns="http://datacite.org/schema/kernel-4"><titles><title>T</title></titles></resource>',
            "datacite",
        ),
    ],
)
def test_openaires_resource_is_told_from_datacites(root: str, crosswalk: str) -> None:
    reading = normalise(etree.fromstring(root))
    assert (reading.crosswalk, reading.entry.title) == (crosswalk, "T")


@pytest.mark.parametrize(
    ("general", "uri", "text", "expected"),
    [
        ("literature", "http://purl.org/coar/resource_type/c_6501", "journal article", "JournalArticle"),
        ("literature", "https://purl.org/coar/resource_type/c_6501/", "", "JournalArticle"),
        ("literature", "", "doctoral thesis", "Dissertation"),
        ("literature", "", "", "Text"),
        ("Literature", "", "", "Text"),
        ("dataset", "", "no such word", "Dataset"),
        ("software", "http://purl.org/coar/resource_type/c_5ce6", "software", "Software"),
        ("other research product", "", "", "Other"),
        ("", "", "", None),
    ],
)
def test_the_type_is_coars_before_openaires_own_four_words(
    general: str, uri: str, text: str, expected: str | None
) -> None:
    inner = f'<o:resourceType resourceTypeGeneral="{general}" uri="{uri}">{text}</o:resourceType>'
    assert oaire(inner).entry.type == expected


def test_an_embargo_that_has_not_ended_may_be_years_ahead() -> None:
    entry = oaire(
        '<datacite:dates><datacite:date dateType="Available">2060-01-01</datacite:date></datacite:dates>'
    ).entry
    assert entry.dates[0].value == "2060-01-01"


def test_nobody_gets_anothers_orcid_or_affiliation() -> None:
    creators = (
        "<datacite:creator><datacite:creatorName>Same, Name</datacite:creatorName></datacite:creator>"
        "<datacite:creator><datacite:creatorName>Same, Name</datacite:creatorName>"
        '<datacite:nameIdentifier nameIdentifierScheme="ORCID">0000-0002-1825-0097</datacite:nameIdentifier>'
        "<datacite:affiliation>U</datacite:affiliation></datacite:creator>"
        "<datacite:creator><datacite:creatorName>Same, Name</datacite:creatorName></datacite:creator>"
    )
    found = oaire(f"<datacite:creators>{creators}</datacite:creators>").entry.creators
    assert [(each.orcid, len(each.affiliations)) for each in found] == [
        (None, 0),
        ("0000-0002-1825-0097", 1),
        (None, 0),
    ]


@pytest.mark.parametrize("source_first", [True, False])
def test_the_citation_names_the_journal_wherever_dc_source_stands(source_first: bool) -> None:
    parts = ["<dc:source>Somewhere</dc:source>", "<o:citationTitle>The Journal</o:citationTitle>"]
    entry = oaire("".join(parts if source_first else parts[::-1])).entry
    assert entry.container is not None
    assert entry.container.title == "The Journal"
    assert [relation.identifier for relation in entry.relations] == ["Somewhere"]


def test_a_label_in_doubt_does_not_matter_where_the_uri_is_certain() -> None:
    entry = oaire(
        '<o:licenseCondition uri="https://creativecommons.org/licenses/by/4.0/">CC BY</o:licenseCondition>'
    ).entry
    assert (entry.licence, entry.problems) == ("CC-BY-4.0", ())


@pytest.mark.measures_time
@pytest.mark.parametrize(
    "inner",
    [
        "<datacite:creators>{}</datacite:creators>",
        "<datacite:relatedIdentifiers>{}</datacite:relatedIdentifiers>",
        "<o:fundingReferences>{}</o:fundingReferences>",
        "{}",
    ],
)
def test_a_hundred_thousand_of_anything_end_in_time(inner: str) -> None:
    each = {
        "<datacite:creators>{}</datacite:creators>": "<datacite:creator><datacite:creatorName>F{0}, G</datacite:creatorName></datacite:creator>",
        "<datacite:relatedIdentifiers>{}</datacite:relatedIdentifiers>": '<datacite:relatedIdentifier relatedIdentifierType="ISSN" relationType="IsPartOf">2049-3630</datacite:relatedIdentifier>',
        "<o:fundingReferences>{}</o:fundingReferences>": "<o:fundingReference><o:funderName>F</o:funderName><o:awardNumber>{0}</o:awardNumber></o:fundingReference>",
        "{}": '<o:file mimeType="application/pdf">http://a.org/{0}.pdf</o:file>',
    }[inner]
    root = etree.fromstring(
        f"<o:resource {NAMESPACES}>{inner.format(''.join(each.format(at) for at in range(100_000)))}</o:resource>"
    )
    begun = time.perf_counter()
    entry = normalise(root).entry
    assert time.perf_counter() - begun < 8
    assert 100_000 in (len(entry.creators), len(entry.relations), len(entry.funding), len(entry.files))
