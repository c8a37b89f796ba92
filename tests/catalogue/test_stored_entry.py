"""An entry comes out of the catalogue as it went in."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harvester.catalogue.stored_entry import pack, unpack
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

TEXT = st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12)
MAYBE = st.none() | TEXT
DESCRIPTIONS = st.lists(st.builds(Description, TEXT, MAYBE, MAYBE), max_size=3).map(tuple)
ENTRIES = st.builds(
    Entry,
    title=MAYBE,
    doi=MAYBE,
    abstract=MAYBE,
    year=st.none() | st.integers(-9999, 9999),
    languages=st.lists(TEXT, max_size=2).map(tuple),
    titles=st.lists(st.builds(Title, TEXT, MAYBE, MAYBE), max_size=2).map(tuple),
    descriptions=DESCRIPTIONS,
    dates=st.lists(st.builds(Date, MAYBE, MAYBE, raw=TEXT), max_size=2).map(tuple),
)

FULL = Entry(
    title="T", doi="10.1/a", url="http://x", abstract="A", issued="2015-08", year=2015, type="Dataset",
    languages=("en", "pt-BR"), publisher="P", licence="CC-BY-4.0", access="open",
    titles=(Title("T", "main", "en"), Title("U")),
    creators=(Agent("C", "g", "f", "person", "0000-0002-1825-0097", (AgentIdentifier("1", "gnd"),), (Affiliation("Aff", "https://ror.org/x"),), "Author"), Agent("D")),
    contributors=(Agent("E", role="Editor"),),
    subjects=(Subject("s", "lcsh", "http://s", "1"),),
    descriptions=(Description("first", None, "en"), Description("A", "abstract")),
    dates=(Date("Issued", "2015-08", "2015-08-01", "2015-08-31", "Aug 2015"),),
    identifiers=(Identifier("10.1/a", "doi", "version"),),
    relations=(Relation("HasPart", "http://p", "url", "Dataset"),),
    rights=(Rights("r", "http://r", "MIT"),),
    files=(File("http://f", "n", "text/csv", 0, Checksum("md5", "00")),),
    funding=(Funding("F", "http://f", "1", "t", "http://a"),),
    geo=(Geo("Zürich", Point(0.0, 8.5), Box(-1.0, -2.0, 3.0, 4.0), ((Point(0.0, 0.0), Point(1.0, 1.0)),)),),
    formats=("text/csv",), sizes=("1 MB",), version="2",
    container=Container("J", ("1234-5678",), "1", "2", "3", "4", "1st", "7"),
    thesis=Thesis("PhD", "doctoral", "U", "D", ("Adviser",)),
    problems=(Problem("dates", "not_a_date", "soon"),),
)  # fmt: skip


@pytest.mark.parametrize("entry", [FULL, Entry(), Entry(title="only")])
def test_nothing_is_lost(entry: Entry) -> None:
    assert unpack(json.loads(pack(entry)), entry.title) == entry


@given(ENTRIES)
def test_any_entry_comes_back(entry: Entry) -> None:
    assert unpack(json.loads(pack(entry)), entry.title) == entry


def test_nothing_is_stored_twice_and_nothing_that_is_absent() -> None:
    stored = json.loads(pack(Entry(title="T", abstract="long", descriptions=(Description("long"),))))
    assert stored == {"descriptions": [{"text": "long"}]}
    assert (
        json.loads(pack(Entry(descriptions=(Description("note"),))))["abstract"] == ""
    )  # not the first description
