"""A case is a pair of files: what the source writes, and the entry it must become (in its compact form)."""

import json
from datetime import datetime
from pathlib import Path

import pytest
from lxml import etree

from harvester.crosswalk import Context, Reading, normalise

OAI = "{http://www.openarchives.org/OAI/2.0/}"
CASES = sorted(Path(__file__).parent.glob("*/*.xml"))  # <format>/<what it shows>.xml


def read(path: Path) -> Reading:
    """A bare metadata document, or a <record>, whose header then gives sets and datestamp."""
    root = etree.parse(path).getroot()
    if root.tag != OAI + "record":
        return normalise(root)
    sets = tuple(element.text or "" for element in root.iter(OAI + "setSpec"))
    stamp = datetime.fromisoformat(root.findtext(f".//{OAI}datestamp") or "")
    return normalise(root.find(OAI + "metadata")[0], Context(sets, stamp, stamp))


@pytest.mark.parametrize("source", CASES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_document_becomes_the_expected_entry(source: Path) -> None:
    reading = read(source)
    expected = json.loads(source.with_suffix(".json").read_text("utf-8"))
    found = {"crosswalk": reading.crosswalk, "unread": dict(reading.unread), "entry": reading.entry.compact()}
    assert found == expected


def test_every_expectation_has_its_document() -> None:
    folder = Path(__file__).parent
    documents = (path for path in folder.glob("*/*.json") if path.parent.name != "fidelity")
    assert {path.with_suffix("") for path in documents} == {path.with_suffix("") for path in CASES}
