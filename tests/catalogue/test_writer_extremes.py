"""Records of every size and script: written whole, found again, or put aside whole; never a failed harvest."""

from collections.abc import Iterator
from xml.sax.saxutils import escape

import pytest
from shelf import Shelf, dublin_core, record
from sqlalchemy import Engine, text

from harvester.catalogue.query import Item, Scope, count, find, get, metadata_xml, search
from harvester.harvest.harvest import Report, Request, harvest

ALL = Scope(deleted=True, all_formats=True)
MUCH = 2 * 1024 * 1024


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    with Shelf(oai_dc=[]) as served:
        yield served


def harvested(engine: Engine, shelf: Shelf, *listed: str) -> Report:
    shelf.formats["oai_dc"] = list(listed)
    report = harvest(engine, Request(shelf.url))
    assert report.outcome.startswith("complete"), report
    return report


def only(engine: Engine) -> Item:
    (item,) = find(engine, scope=ALL)
    return item


def test_identifiers_up_to_2048_characters_are_kept(engine: Engine, shelf: Shelf) -> None:
    identifiers = ["oai:s:" + letter * (2048 - 6) for letter in "aé𝔸"]
    harvested(engine, shelf, *(record(each, dublin_core("long")) for each in identifiers))
    assert {item.identifier for item in find(engine)} == set(identifiers)
    for identifier in identifiers:
        (item,) = get(engine, identifier)
        assert item.entry is not None
        assert item.entry.title == "long"


def test_a_longer_identifier_is_put_aside_and_the_page_goes_on(engine: Engine, shelf: Shelf) -> None:
    fine = record("oai:s:1", dublin_core("fine"))
    report = harvested(engine, shelf, record("oai:s:" + "x" * 2043, dublin_core("too long")), fine)
    assert report.streams[0].counts.quarantined == 1
    assert only(engine).identifier == "oai:s:1"
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT reason FROM quarantine")) == "identifier_too_long"


def test_two_identifiers_that_differ_at_the_end_only_are_two(engine: Engine, shelf: Shelf) -> None:
    same = "oai:s:" + "é" * 2000
    harvested(engine, shelf, record(same + "1", dublin_core("a")), record(same + "2", dublin_core("b")))
    assert count(engine) == 2


def test_sets_of_2000_characters_are_kept_and_found(engine: Engine, shelf: Shelf) -> None:
    sets = ("ß" * 2000, "s" * 1999 + "1", "s" * 1999 + "2")
    harvested(engine, shelf, record("oai:s:1", dublin_core("x"), sets=sets))
    assert set(only(engine).sets) == set(sets)
    assert count(engine, f"set:{'s' * 1900}") == 0
    assert count(engine, f"set:{sets[1][:1990]}") == 0
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM sets")) == 3


def test_a_set_spec_that_no_index_could_hold_is_kept(engine: Engine, shelf: Shelf) -> None:
    long = "".join(f"{number:x}." for number in range(5000))
    harvested(engine, shelf, record("oai:s:1", dublin_core("x"), sets=(long,)))
    assert only(engine).sets == (long,)


def test_many_sets_in_one_header(engine: Engine, shelf: Shelf) -> None:
    sets = tuple(f"set_{number}" for number in range(3000))
    harvested(engine, shelf, record("oai:s:1", dublin_core("x"), sets=sets))
    assert set(only(engine).sets) == set(sets)
    assert count(engine, "set:set_2999") == 1


def test_titles_of_megabytes_are_kept_whole(engine: Engine, shelf: Shelf) -> None:
    """A tsvector has room for 1,048,575 bytes, and for no word of more than 2,046."""
    titles = {
        "oai:s:1": "one word " * (MUCH // 9),
        "oai:s:2": " ".join(f"w{number:x}" for number in range(MUCH // 8)),
        "oai:s:3": "x" * MUCH,
        "oai:s:4": "𝔸 " * (MUCH // 8),
        "oai:s:5": "small",
    }
    harvested(
        engine, shelf, *(record(identifier, dublin_core(title)) for identifier, title in titles.items())
    )
    for item in find(engine):
        assert item.entry is not None
        assert item.entry.title == titles[item.identifier].strip()
    assert [item.identifier for item in search(engine, "small")] == ["oai:s:5"]


def test_a_hundred_thousand_creators_are_kept_in_order(engine: Engine, shelf: Shelf) -> None:
    creators = [f"Name{number}, G." for number in range(100_000)]
    elements = "".join(f"<dc:creator>{name}</dc:creator>" for name in creators)
    harvested(engine, shelf, record("oai:s:1", dublin_core("crowd", elements)))
    item = only(engine)
    assert item.entry is not None
    assert [agent.name for agent in item.entry.creators] == creators
    assert [found.identifier for found in search(engine, "name0")] == ["oai:s:1"]


TEXTS = [
    "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 🧬 𠜎𠜱𠝹",
    "e\u0301 and \u00e9",
    "\u202eright to left\u202c \u200b\ufeff",
    "tab\tand\u0085next line\u2028separator",
    "\\u0000 \\x00 %s $1 {} '; --",
    "\ufffd replaced",
    "quotes \" ' ` « » and { braces , in arrays }",
]


def test_text_of_every_script_comes_back_as_it_was_sent(engine: Engine, shelf: Shelf) -> None:
    spec = '𝔰𝔢𝔱:"{a,b}\\'
    listed = {f"oai:s:{' '.join(said.split())}": said for said in TEXTS}
    assert len(listed) == len(TEXTS)
    harvested(
        engine, shelf, *(record(each, dublin_core(said), sets=(spec,)) for each, said in listed.items())
    )
    assert {item.identifier for item in find(engine)} == set(listed)
    for identifier, said in listed.items():
        (item,) = get(engine, identifier)
        assert item.sets == (spec,)
        xml = metadata_xml(engine, item)
        assert xml is not None
        assert f"<dc:title>{escape(said)}</dc:title>" in xml.decode()


def test_datestamps_at_the_edges_of_time_are_kept(engine: Engine, shelf: Shelf) -> None:
    dates = [
        "0001-01-01T00:00:00Z",
        "0001-01-01",
        "9999-12-31T23:59:59Z",
        "9999-12-31",
        "2024-02-29",
        "1969-12-31",
    ]
    harvested(engine, shelf, *(record(f"oai:s:{n}", dublin_core("x"), date=d) for n, d in enumerate(dates)))
    kept = {item.identifier[-1]: item.datestamp for item in find(engine)}
    assert [kept[str(number)] for number in range(len(dates))] == dates


def test_records_that_say_nothing_are_kept_too(engine: Engine, shelf: Shelf) -> None:
    harvested(
        engine,
        shelf,
        record("oai:s:1", dublin_core("")),
        record("oai:s:2", "<empty/>"),
        record("oai:s:3", "<a>" * 200 + "deep" + "</a>" * 200),
        record(" ", dublin_core("no identifier")),
    )
    assert [item.identifier for item in search(engine, "")] != []
    assert count(engine) == 3
