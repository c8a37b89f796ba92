"""Whatever is done to a document of any format, an entry comes of it that the contract allows, and always the same."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree
from mutations import CHANGES, TEXTS, Change, changed, seeds, written_otherwise

from harvester import resources
from harvester.crosswalk import Context, Reading, normalise
from harvester.crosswalk.fields import check_digits, dates, identifiers, languages, licences
from harvester.entry import Entry
from harvester.oai.canonical import canonical

VALID = jsonschema.Draft202012Validator(json.loads(resources.schema("entry.schema.json").read_text("utf-8")))
FORBIDDEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
SETS = st.lists(
    st.sampled_from(["portal_1", "category_4", "item_type_6", "item_type_", "x"]), max_size=2
).map(tuple)
DOCUMENTS = st.sampled_from(seeds())

# The same examples on every machine; the campaign looks for new ones.
some = settings(max_examples=800, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
many = settings(max_examples=20_000, deadline=None, suppress_health_check=list(HealthCheck))


def strings(value: Any) -> Iterator[str]:
    """Every string of a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)


def check(reading: Reading) -> None:
    """What the contract promises of every entry."""
    form = reading.entry.compact()
    error = next(VALID.iter_errors(form), None)
    assert error is None, error
    assert "crosswalk_failed" not in {problem.code for problem in reading.entry.problems}, (
        reading.entry.problems
    )
    written = json.dumps(form, ensure_ascii=False, allow_nan=False)
    assert Entry.from_json(json.loads(written)) == reading.entry
    for said in strings(form):
        assert said.strip(), form
        assert not FORBIDDEN.search(said), repr(said)


def told(value: Any) -> Any:
    """The same JSON value, each run of blanks as one: paragraphs and quoted texts keep the source's."""
    if isinstance(value, str):
        return " ".join(value.split())
    if isinstance(value, dict):
        return {key: told(inner) for key, inner in value.items()}
    return [told(inner) for inner in value] if isinstance(value, list) else value


def check_again(entry: Entry) -> None:
    """A normalised value read again is the same value."""
    if entry.doi and "%" not in entry.doi:  # percent signs are decoded once, by rule
        assert identifiers.identify(entry.doi) == (entry.doi, "doi")
    for date in entry.dates:
        # Summer 2021 is 2021-22 to EDTF, and an academic year to people
        if date.value and not re.fullmatch(r"[0-9]{4}-2[1-4]", date.value[:7]):
            again = dates.edtf(date.value)
            assert again is not None, date
            assert again[:3] == (date.value, date.start, date.end)
    for tag in entry.languages:
        assert languages.read(tag, []) == (tag,)
    for rights in entry.rights:
        if rights.spdx and not rights.spdx.startswith("LicenseRef-"):
            assert licences.read(rights.spdx, []).rights.spdx == rights.spdx
    for agent in (*entry.creators, *entry.contributors):
        assert agent.orcid is None or check_digits.orcid(agent.orcid) == agent.orcid
        for affiliation in agent.affiliations:
            assert affiliation.ror is None or check_digits.ror(affiliation.ror[-9:])


def check_all(seed: tuple[str, etree._Element], changes: list[Change], sets: tuple[str, ...]) -> None:
    tree = changed(seed[1], changes)
    before = etree.tostring(tree)
    context = Context(sets)
    reading = normalise(tree, context)
    check(reading)
    check_again(reading.entry)
    assert etree.tostring(tree) == before
    assert normalise(etree.fromstring(before), context) == reading
    twin = normalise(written_otherwise(tree), context)
    assert (twin.crosswalk, twin.schema, told(twin.entry.as_json())) == (
        reading.crosswalk,
        reading.schema,
        told(reading.entry.as_json()),
    )


HARVESTED = etree.XMLParser(remove_blank_text=True, remove_comments=True, remove_pis=True)


def check_short_way(seed: tuple[str, etree._Element], changes: list[Change]) -> None:
    """A document that the harvest parsed is read the same, also where it is known that all of its texts are clean."""
    tree = etree.fromstring(etree.tostring(changed(seed[1], changes)), HARVESTED)
    assert normalise(tree, canonical=canonical(tree)) == normalise(tree)
    for element in tree.iter(etree.Element):
        element.text = (
            (element.text or "").encode("ascii", "ignore").decode().replace("&", "+").replace("<", "(")
        )
        element.text = re.sub(r"\s+", " ", element.text) or None
    assert normalise(tree, canonical=canonical(tree)) == normalise(tree)


@some
@given(DOCUMENTS, CHANGES, SETS)
def test_any_change_of_any_document_gives_a_valid_entry(
    seed: tuple[str, etree._Element], changes: list[Change], sets: tuple[str, ...]
) -> None:
    check_all(seed, changes, sets)


@pytest.mark.campaign
@many
@given(DOCUMENTS, CHANGES, SETS)
def test_any_change_of_any_document_gives_a_valid_entry_again_and_again(
    seed: tuple[str, etree._Element], changes: list[Change], sets: tuple[str, ...]
) -> None:
    check_all(seed, changes, sets)


@some
@given(DOCUMENTS, CHANGES)
def test_the_short_way_for_clean_documents_gives_what_the_long_way_gives(
    seed: tuple[str, etree._Element], changes: list[Change]
) -> None:
    check_short_way(seed, changes)


def test_no_expectation_is_that_a_crosswalk_fails() -> None:
    expectations = Path(__file__).parent.glob("*/*.json")
    assert [path.name for path in expectations if "crosswalk_failed" in path.read_text("utf-8")] == []


@pytest.mark.parametrize("seed", seeds(), ids=[name for name, _ in seeds()])
def test_a_document_is_read_the_same_however_it_is_written(seed: tuple[str, etree._Element]) -> None:
    check_all(seed, [], ())


@settings(max_examples=2, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@pytest.mark.parametrize("seed", seeds(), ids=[name for name, _ in seeds()])
@given(st.lists(TEXTS, min_size=1, max_size=5))
def test_any_text_in_every_element_and_attribute_gives_a_valid_entry(
    seed: tuple[str, etree._Element], texts: list[str]
) -> None:
    tree = changed(seed[1], [])
    for at, element in enumerate(list(tree.iter(etree.Element))):
        if not len(element):
            element.text = texts[at % len(texts)]
        for name in element.attrib:
            element.set(name, texts[at % len(texts)])
    reading = normalise(tree)
    check(reading)
    check_again(reading.entry)
