"""The vocabularies: each says where it is from, each table is read, each value is one that the schema knows."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from dublin_core import entry_of
from license_expression import get_spdx_licensing

import harvester
from harvester import resources
from harvester.crosswalk import Context
from harvester.crosswalk.fields import contributor_types, types
from harvester.crosswalk.fields.vocabulary import folded, vocabulary
from harvester.entry import Problem

FILES = sorted(resources.schema("vocabularies").glob("*.toml"))
SCHEMA: dict[str, Any] = json.loads(resources.schema("entry.schema.json").read_text("utf-8"))
PACKAGE = Path(harvester.__file__).parent
SOURCES = [path.read_text("utf-8") for path in sorted(PACKAGE.rglob("*.py"))]

GENERAL = set(vocabulary("resource-types")["general"])
CONTRIBUTORS = set(vocabulary("contributor-types")["types"])
RELATIONS = set(vocabulary("relation-types")["types"])


def enumerated(part: str, field: str) -> set[str]:
    return set(SCHEMA["$defs"][part]["properties"][field]["enum"]) - {None}


# What the values of a table must be; None for names and notations that are free text in the schema.
LEGAL: dict[str, set[str] | None] = {
    "access/uris": set(SCHEMA["properties"]["access"]["enum"]),
    "access/labels": set(SCHEMA["properties"]["access"]["enum"]),
    "contributor-types/roles": CONTRIBUTORS | {contributor_types.CREATOR, "Funder"},
    "datacite-kernel/titles": enumerated("title", "type"),
    "datacite-kernel/descriptions": enumerated("description", "type"),
    "datacite-kernel/dates": enumerated("date", "type"),
    "datacite-kernel/names": enumerated("agent", "kind"),
    "datacite-kernel/identifiers": None,
    "jats/article_types": GENERAL,
    "jats/dates": enumerated("date", "type"),
    "jats/abstracts": enumerated("description", "type"),
    "jats/related": RELATIONS,
    "jats/no_schemes": None,
    "dates/names": {f"{number:02}" for number in (*range(1, 13), *range(21, 25))},
    "languages/names": None,
    "licences/creative_commons_others": None,
    "licences/creative_commons_phrases": None,
    "licences/creative_commons_words": {"", "by", "nc", "nd", "sa"},
    "licences/labels": None,
    "licences/uris": None,
    "licences/statements": None,
    "marc-identifiers/standard_numbers": None,
    "marc-identifiers/schemes": None,
    "marc-identifiers/authorities": None,
    "marc-identifiers/uris": None,
    "marc-relators/terms": None,
    "marc-subjects/second_indicator": None,
    "marc-subjects/sources": None,
    "marc-subjects/classifications": None,
    "marc-subjects/licences": None,
    "marc-types/not_works": None,
    "marc-types/carriers": None,
    "relation-types/synonyms": RELATIONS,
    "subject-schemes/prefixes": None,
} | dict.fromkeys(
    [
        "genres/resource", "genres/genre", "genres/svep", "genres/diva", "genres/kev", "genres/kb.se", "genres/structure",
        "marc-types/leader", "marc-types/serials", "marc-types/computer_files", "marc-types/content", "marc-types/genres",
        "rdf-classes/classes", "resource-types/figshare", "resource-types/coar", "resource-types/info_eu_repo",
        "resource-types/dcmi", "resource-types/synonyms",
    ],
    GENERAL,
)  # fmt: skip


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_vocabulary_says_where_it_is_from(path: Path) -> None:
    held = tomllib.loads(path.read_text("utf-8"))
    assert held["source"]
    assert held["version"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_table_is_unread(path: Path) -> None:
    quoted = {name for source in SOURCES for name in re.findall(r'"([\w.-]+)"', source)}
    assert path.stem in quoted
    assert set(vocabulary(path.stem)) - {"source", "version"} <= quoted


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_value_is_legal(path: Path) -> None:
    for name, table in vocabulary(path.stem).items():
        if isinstance(table, dict):
            legal = LEGAL[f"{path.stem}/{name}"]
            assert all(isinstance(value, str) for value in table.values())
            assert legal is None or set(table.values()) <= legal, name


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_key_is_another_ones_when_compared(path: Path) -> None:
    for name, table in vocabulary(path.stem).items():
        for key, value in table.items() if isinstance(table, dict) else ():
            same = {other: said for other, said in table.items() if folded(other) == folded(key)}
            assert set(same.values()) == {value}, (name, same)


def test_datacites_lists_are_those_of_the_schema() -> None:
    assert len(vocabulary("resource-types")["general"]) == len(GENERAL) == 34
    assert set(SCHEMA["properties"]["type"]["enum"]) == GENERAL | {None}
    assert len(vocabulary("relation-types")["types"]) == len(RELATIONS) == 39
    assert enumerated("relation", "type") == RELATIONS
    assert len(vocabulary("contributor-types")["types"]) == len(CONTRIBUTORS) == 22
    assert CONTRIBUTORS.isdisjoint(vocabulary("contributor-types")["former"])
    assert set(vocabulary("datacite-kernel")["organisations"]) <= CONTRIBUTORS
    assert set(vocabulary("datacite-kernel")["open_ended"]) <= enumerated("date", "type")


def test_every_licence_is_in_the_spdx_list() -> None:
    held = vocabulary("licences")
    spdx = get_spdx_licensing()
    for table in ("labels", "uris", "creative_commons_others"):
        for name in held[table].values():
            assert name.startswith("LicenseRef-") or spdx.validate(name).normalized_expression == name, name
    for version in held["creative_commons_versions"]:
        for elements in ("BY", "BY-SA", "BY-ND", "BY-NC", "BY-NC-SA", "BY-NC-ND"):
            name = f"CC-{elements}-{version}"
            assert spdx.validate(name).normalized_expression == name


FIGSHARE = {
    1: "Image", 2: "Audiovisual", 3: "Dataset", 4: "Collection", 5: "Poster", 6: "Text", 7: "Presentation", 8: "Dissertation",
    9: "Software", 10: None, 11: "InteractiveResource", 12: "Preprint", 13: "Book", 14: "ConferencePaper", 15: "BookChapter",
    16: "PeerReview", 17: "Other", 18: "Report", 19: "Standard", 20: "Other", 21: "Award", 22: "PhysicalObject",
    23: "OutputManagementPlan", 24: "Workflow", 25: "Book", 26: "Event", 27: "Event", 28: "Service", 29: "Model",
    30: "StudyRegistration", 31: None,
}  # fmt: skip


@pytest.mark.parametrize(("number", "general"), FIGSHARE.items())
def test_figshares_item_type_is_known_by_its_number(number: int, general: str | None) -> None:
    context = Context(("portal_1", f"item_type_{number}"))
    assert entry_of(("title", "T"), context=context).type == general


@pytest.mark.parametrize(
    ("source", "general"), [((), "Text"), ((("source", "Annals of Doubt"),), "JournalArticle")]
)
def test_figshares_journal_contribution_is_an_article_where_a_journal_is_known(
    source: tuple[tuple[str, str], ...], general: str
) -> None:
    assert entry_of(("title", "T"), *source, context=Context(("item_type_6",))).type == general


@pytest.mark.parametrize(
    ("text", "general"),
    [
        ("Dataset", "Dataset"), ("info:eu-repo/semantics/article", "JournalArticle"), ("info:eu-repo/semantics/doctoralThesis", "Dissertation"),
        ("info:eu-repo/semantics/masterThesis", "Dissertation"), ("info:eu-repo/semantics/bookPart", "BookChapter"),
        ("info:eu-repo/semantics/conferenceObject", "ConferencePaper"), ("info:eu-repo/semantics/workingPaper", "Report"),
        ("info:eu-repo/semantics/preprint", "Preprint"), ("info:eu-repo/semantics/report", "Report"),
        ("info:eu-repo/semantics/other", "Other"), ("StillImage", "Image"), ("MovingImage", "Audiovisual"), ("PhysicalObject", "PhysicalObject"),
        ("http://purl.org/dc/dcmitype/Image", "Image"), ("http://purl.org/coar/resource_type/c_ddb1", "Dataset"),
        ("https://purl.org/coar/resource_type/c_2df8fbb1", "JournalArticle"), ("http://purl.org/coar/resource_type/QH80-2R4E/", "Software"),
        ("http://purl.org/coar/resource_type/63NG-B465", "Dataset"), ("http://purl.org/coar/resource_type/c_18ws", "Report"),
        ("http://purl.org/coar/resource_type/R60J-J5BD", "Presentation"), ("Technical Report", "Report"), ("text", "Text"),
        ("journalArticle", "JournalArticle"), ("Thèse / Electronic Thesis or Dissertation", "Dissertation"), ("Conference Poster", "Poster"),
    ],
)  # fmt: skip
def test_a_type_becomes_datacites(text: str, general: str) -> None:
    found = types.read(text, [])
    assert found is not None
    assert found.general == general


def test_an_unknown_type_and_a_qualifier_are_kept_as_problems() -> None:
    notes: list[Problem] = []
    assert types.read("curio", notes) is types.read("PeerReviewed", notes) is None
    assert types.read("http://purl.org/coar/resource_type/c_9999", notes) is None
    assert notes == [
        Problem("type", "type_unknown", "curio"),
        Problem("type", "type_qualifier", "PeerReviewed"),
        Problem("type", "type_unknown", "http://purl.org/coar/resource_type/c_9999"),
    ]


def test_the_order_of_the_vocabularies_decides_between_types() -> None:
    weights = [
        types.Weighed(types.ITEM_TYPE, "Dataset"),
        types.general("Software", []),
        types.read("http://purl.org/coar/resource_type/c_2f33", []),
        types.read("info:eu-repo/semantics/report", []),
        types.read("StillImage", []),
        types.read("slides", []),
        types.read("Text", []),
    ]
    found = [each.weight for each in weights if each]
    assert found == sorted(set(found))
    assert len(found) == len(weights)
