"""Types, languages, licences and access by vocabulary; and the vocabularies themselves."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from license_expression import get_spdx_licensing

from harvester import resources
from harvester.crosswalk.fields import languages, licences, types
from harvester.crosswalk.fields.vocabulary import vocabulary
from harvester.entry import Problem

FILES = sorted(resources.schema("vocabularies").glob("*.toml"))
SCHEMA: dict[str, Any] = json.loads(resources.schema("entry.schema.json").read_text("utf-8"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_vocabulary_says_where_it_is_from(path: Path) -> None:
    held = tomllib.loads(path.read_text("utf-8"))
    assert held["source"]
    assert held["version"]


def test_every_type_leads_to_a_general_type_of_datacite() -> None:
    held = vocabulary("resource-types")
    general = set(held["general"])
    assert len(held["general"]) == len(general) == 34
    for table in ("figshare", "coar", "info_eu_repo", "dcmi", "synonyms"):
        assert set(held[table].values()) <= general, table
    assert set(SCHEMA["properties"]["type"]["enum"]) == general | {None}


def test_every_relation_type_is_datacites() -> None:
    held = vocabulary("relation-types")
    assert len(held["types"]) == len(set(held["types"])) == 39
    assert set(held["synonyms"].values()) <= set(held["types"])
    assert set(SCHEMA["$defs"]["relation"]["properties"]["type"]["enum"]) == {*held["types"], None}


def test_every_licence_is_in_the_spdx_list() -> None:
    held = vocabulary("licences")
    spdx = get_spdx_licensing()
    for name in {*held["labels"].values(), *held["uris"].values()}:
        assert name.startswith("LicenseRef-") or spdx.validate(name).normalized_expression == name, name
    for version in held["creative_commons_versions"]:
        for elements in ("BY", "BY-SA", "BY-ND", "BY-NC", "BY-NC-SA", "BY-NC-ND"):
            name = f"CC-{elements}-{version}"
            assert spdx.validate(name).normalized_expression == name


@pytest.mark.parametrize(
    ("text", "spdx"),
    [
        ("http://creativecommons.org/licenses/by/4.0/", "CC-BY-4.0"),
        ("https://creativecommons.org/licenses/by-nc-nd/3.0/de/deed.en", "CC-BY-NC-ND-3.0-DE"),
        ("https://creativecommons.org/licenses/by/4.0/legalcode", "CC-BY-4.0"),
        ("http://creativecommons.org/licenses/by-nd-nc/1.0/", "CC-BY-NC-ND-1.0"),
        ("https://creativecommons.org/publicdomain/zero/1.0/", "CC0-1.0"),
        ("http://creativecommons.org/publicdomain/mark/1.0/", "CC-PDM-1.0"),
        ("Open, see http://creativecommons.org/licenses/by-sa/3.0/ for more", "CC-BY-SA-3.0"),
        ("CC BY 4.0", "CC-BY-4.0"),
        ("CC-BY-NC-SA-3.0", "CC-BY-NC-SA-3.0"),
        ("CC BY-NC-SA 3.0 IGO", "CC-BY-NC-SA-3.0-IGO"),
        ("Creative Commons Attribution 4.0 International", "CC-BY-4.0"),
        ("Attribution 4.0 International (CC BY 4.0)", "CC-BY-4.0"),
        ("CC0", "CC0-1.0"),
        ("CC0 1.0 Universal", "CC0-1.0"),
        ("MIT License", "MIT"),
        ("GPL 3.0+", "GPL-3.0-or-later"),
        ("Apache 2.0", "Apache-2.0"),
        ("https://www.apache.org/licenses/LICENSE-2.0.txt", "Apache-2.0"),
        ("http://www.gnu.org/licenses/gpl-3.0.html", "GPL-3.0-only"),
        ("https://opensource.org/licenses/MIT", "MIT"),
        ("https://spdx.org/licenses/EUPL-1.2.html", "EUPL-1.2"),
        ("EUPL-1.2", "EUPL-1.2"),
    ],
)
def test_a_licence_that_is_certain_is_named(text: str, spdx: str) -> None:
    notes: list[Problem] = []
    assert licences.read(text, notes).rights.spdx == spdx
    assert notes == []


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("CC BY", "licence_version_unknown"),
        ("CC-BY", "licence_version_unknown"),
        ("CC BY-NC", "licence_version_unknown"),
        ("Creative Commons Attribution-Noncommercial-Share Alike", "licence_version_unknown"),
        ("http://creativecommons.org/licenses/by/2.0/uk/", "licence_port_unknown"),
        ("https://creativecommons.org/licenses/xx/4.0/", "licence_unknown"),
        ("In Copyright", None),
        ("Public Domain", None),
        ("Attribution", None),
        ("2011 LSTC", None),
        (
            "https://creativecommons.org/licenses/by/4.0/ or https://creativecommons.org/licenses/by-nc/4.0/",
            None,
        ),
    ],
)
def test_a_licence_in_doubt_stays_words(text: str, code: str | None) -> None:
    notes: list[Problem] = []
    rights = licences.read(text, notes).rights
    assert rights.spdx is None
    assert text in (rights.text, rights.uri)
    assert [note.code for note in notes] == ([code] if code else [])


@pytest.mark.parametrize(
    ("text", "access"),
    [
        ("info:eu-repo/semantics/openAccess", "open"),
        ("http://purl.org/coar/access_right/c_f1cf", "embargoed"),
        ("Restricted access", "restricted"),
        ("info:eu-repo/semantics/closedAccess", "metadata_only"),
        ("CC BY 4.0", None),
        ("ask at the desk", None),
    ],
)
def test_access_is_not_a_licence(text: str, access: str | None) -> None:
    statement = licences.read(text, [])
    assert statement.access == access
    assert access is None or statement.rights.spdx is None


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        ("ger", ("de",)), ("deu", ("de",)), ("en_US", ("en-US",)), ("English", ("en",)), ("français", ("fr",)),
        ("eng; fre", ("en", "fr")), ("en fr", ("en", "fr")), ("zxx", ("zxx",)), ("und", ("und",)), ("mul", ("mul",)),
        ("Spanish, Castilian", ("es",)), ("yap", ("yap",)), ("日本語", ("ja",)), ("pt-br", ("pt-BR",)), ("sr-latn", ("sr-Latn",)),
    ],
)  # fmt: skip
def test_a_language_becomes_its_tag(text: str, tags: tuple[str, ...]) -> None:
    assert languages.read(text, []) == tags


@pytest.mark.parametrize("text", ["xx", "other", "*", "none", "the usual one", "kkkk", "e" * 5000])
def test_junk_is_no_language_and_never_english(text: str) -> None:
    notes: list[Problem] = []
    assert languages.read(text, notes) == ()
    assert [note.code for note in notes] == ["language_unknown"]


@pytest.mark.parametrize(
    ("text", "general"),
    [
        ("Dataset", "Dataset"), ("info:eu-repo/semantics/article", "JournalArticle"), ("StillImage", "Image"),
        ("http://purl.org/dc/dcmitype/Image", "Image"), ("http://purl.org/coar/resource_type/c_ddb1", "Dataset"),
        ("Technical Report", "Report"), ("text", "Text"), ("journalArticle", "JournalArticle"),
        ("Thèse / Electronic Thesis or Dissertation", "Dissertation"), ("Conference Poster", "Poster"),
    ],
)  # fmt: skip
def test_a_type_becomes_datacites(text: str, general: str) -> None:
    found = types.read(text, [])
    assert found is not None
    assert found.general == general


def test_an_unknown_type_and_a_qualifier_are_kept_as_problems() -> None:
    notes: list[Problem] = []
    assert types.read("curio", notes) is types.read("PeerReviewed", notes) is None
    assert notes == [
        Problem("type", "type_unknown", "curio"),
        Problem("type", "type_qualifier", "PeerReviewed"),
    ]
