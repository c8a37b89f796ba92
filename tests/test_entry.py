"""The Entry is a contract: its fields are the schema's, and both JSON forms give back the same entry."""

import json
from typing import Any

import jsonschema
import pytest
from msgspec.structs import fields

from harvester import resources
from harvester.entry import (
    Affiliation,
    Agent,
    AgentIdentifier,
    Box,
    Checksum,
    Container,
    Date,
    Description,
    Entry,
    File,
    Funding,
    Geo,
    Identifier,
    Point,
    Problem,
    Relation,
    Rights,
    Subject,
    Thesis,
    Title,
)  # fmt: skip

SCHEMA: dict[str, Any] = json.loads(resources.schema("entry.schema.json").read_text("utf-8"))
PARTS = {
    "title": Title, "agent": Agent, "agent_identifier": AgentIdentifier, "affiliation": Affiliation, "subject": Subject,
    "description": Description, "date": Date, "identifier": Identifier, "relation": Relation, "rights": Rights,
    "checksum": Checksum, "file": File, "funding": Funding, "point": Point, "box": Box, "geo": Geo,
    "container": Container, "thesis": Thesis, "problem": Problem,
}  # fmt: skip
FULL = Entry(
    title="On marshes",
    year=2019,
    languages=("en", "fr"),
    titles=(Title("On marshes", "main", "en"),),
    creators=(
        Agent(
            "Okafor, Ngozi", "Ngozi", "Okafor", "person", "0000-0002-1825-0097",
            (AgentIdentifier("99", "figshare_author"),), (Affiliation("Shore", "https://ror.org/05dxps055"),), "Editor",
        ),
    ),
    subjects=(Subject(None, "figshare", None, "4"),),
    files=(File("https://example.org/a.csv", size=0, checksum=Checksum("MD5", "d41d8cd98f00b204e9800998ecf8427e")),),
    geo=(Geo(None, Point(0.0, 0.0), Box(-1, -1, 1, 1), ((Point(0.0, 0.0), Point(1.0, 1.0)),)),),
    formats=("text/csv",),
    container=Container("Annals", ("2049-3630",)),
    thesis=Thesis("PhD", advisors=("Hale, Jo",)),
    problems=(Problem("dates", "date_not_understood", "soon"),),
)  # fmt: skip


def test_the_entry_and_its_schema_agree() -> None:
    assert [field.name for field in fields(Entry)] == list(SCHEMA["properties"])


@pytest.mark.parametrize("name", PARTS)
def test_each_part_and_its_definition_agree(name: str) -> None:
    definition = SCHEMA["$defs"][name]
    assert [field.name for field in fields(PARTS[name])] == list(definition["properties"])
    assert definition["additionalProperties"] is False


def test_the_schema_describes_every_part_and_nothing_more() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert set(SCHEMA["$defs"]) == set(PARTS)
    assert SCHEMA["additionalProperties"] is False


@pytest.mark.parametrize("entry", [Entry(), FULL], ids=["empty", "full"])
def test_both_forms_pass_the_schema_and_give_back_the_entry(entry: Entry) -> None:
    for form in (entry.as_json(), entry.compact()):
        jsonschema.validate(form, SCHEMA)
        assert Entry.from_json(json.loads(json.dumps(form))) == entry


def test_the_full_form_names_every_field_and_absent_is_null_or_an_empty_list() -> None:
    assert list(Entry().as_json()) == [field.name for field in fields(Entry)]
    assert all(value is None or value == [] for value in Entry().as_json().values())


def test_the_compact_form_holds_no_null_and_nothing_empty() -> None:
    def empties(value: object) -> bool:
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
        return value is None or value in ([], {}, "") or any(empties(item) for item in inner)

    assert Entry().compact() == {}
    assert not any(empties(value) for value in FULL.compact().values())


def test_zero_is_a_value_and_not_an_absence() -> None:
    compact: Any = FULL.compact()
    assert compact["files"][0]["size"] == 0
    assert compact["geo"][0]["point"] == {"lat": 0.0, "lon": 0.0}


def test_keys_of_a_newer_version_are_passed_over() -> None:
    assert Entry.from_json({"title": "A", "mood": "calm", "titles": [{"text": "A", "shade": 3}]}) == Entry(
        title="A", titles=(Title("A"),)
    )


def test_empty_strings_in_a_foreign_document_are_absent() -> None:
    assert Entry.from_json({"title": "", "container": {}, "titles": None}) == Entry()


@pytest.mark.parametrize(
    "value", [{"titles": ["A"]}, {"titles": [{"type": "main"}]}, {"container": "Annals"}, []]
)
def test_what_is_no_entry_is_refused(value: Any) -> None:
    with pytest.raises(TypeError):
        Entry.from_json(value)


def test_an_entry_cannot_be_changed_and_can_be_a_key() -> None:
    with pytest.raises(AttributeError):
        FULL.title = "Other"  # type: ignore[misc]
    assert {FULL: 1}[Entry.from_json(FULL.compact())] == 1


@pytest.mark.parametrize("kind", [*PARTS.values(), Entry])
def test_parts_take_positions_and_names_alike(kind: type) -> None:
    values = {field.name: f"v{at}" for at, field in enumerate(fields(kind))}
    assert kind(*values.values()) == kind(**values)
    with pytest.raises(TypeError):
        kind(**values, shade=3)
