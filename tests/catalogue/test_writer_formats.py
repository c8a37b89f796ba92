"""Entries of every format go through the page writer into Postgres and come back as they were read."""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from lxml import etree
from shelf import Shelf, record
from sqlalchemy import Engine

from harvester.catalogue.query import Scope, find, get
from harvester.crosswalk import Context, normalise
from harvester.entry import Entry
from harvester.harvest.harvest import Request, harvest

sys.path.append(str(Path(__file__).parents[1] / "crosswalk"))
from mutations import Change, changed, seeds

TEXTS = [
    "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 🧬 𠜎", "e\u0301 \u202eright to left\u202c \ufeff", "\\u0000 \\x00 %s $1 {} '; --", "quotes \" ' ` { braces , in arrays }",
    "\x85 \x9f\t\r", "donâ€™t", "10.5555/%00", "[1998?]", "English zqx", "nan inf", "1e999 -91", "CC BY", "2010/", "<p>a<sub>1</sub></p>",
]  # fmt: skip


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    with Shelf(page_size=50) as served:
        yield served


def documents() -> dict[str, etree._Element]:
    """Each golden document as it is, and with every text and attribute replaced."""
    found = {}
    for number, (name, seed) in enumerate(seeds()):
        found[f"oai:s:{name}"] = changed(seed, [])
        changes = [
            Change(kind, at, at, TEXTS[(number + at) % len(TEXTS)])
            for at in range(0, sum(1 for _ in seed.iter()), 2)
            for kind in ("text", "attribute")
        ]
        found[f"oai:s:{name}:changed"] = changed(seed, changes)
    return found


def test_entries_of_every_format_come_back_from_postgres_as_they_were_read(
    engine: Engine, shelf: Shelf
) -> None:
    given = documents()
    shelf.formats["any"] = [
        record(identifier, etree.tostring(tree, encoding="unicode", with_tail=False))
        for identifier, tree in given.items()
    ]
    report = harvest(engine, Request(shelf.url, formats=["any"]))
    assert report.outcome.startswith("complete"), report
    assert report.streams[0].counts.quarantined == 0
    kept = {item.identifier: item.entry for item in find(engine, scope=Scope(all_formats=True))}
    assert set(kept) == set(given)
    for identifier, tree in given.items():
        assert kept[identifier] == as_read(tree), identifier
    (one,) = get(engine, next(iter(given)))
    assert one.entry == kept[one.identifier]


def as_read(tree: etree._Element) -> Entry:
    """With the datestamp and the responseDate of the shelf: what a year may be depends on them."""
    moments = (datetime(2024, month, 1, tzinfo=UTC) for month in (1, 5))
    return normalise(etree.fromstring(etree.tostring(tree)), Context((), *moments)).entry
