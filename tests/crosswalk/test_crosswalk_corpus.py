"""Real records of about sixty projects: each gives a valid entry, and none lacks a title that it has.

`untitled.tsv` lists every record of a supported format that truly has no title, and why: "none" where no element of the
format's that holds titles has any text, else a sentence.
"""

import json
from collections import Counter, defaultdict
from pathlib import Path

import jsonschema
import pytest
from corpus_documents import documents
from lxml import etree

from harvester import resources
from harvester.crosswalk import normalise
from harvester.entry import Entry

UNTITLED = Path(__file__).parent / "untitled.tsv"
# Where titles are, said a second time and in another way, so that a crosswalk that overlooks them is noticed.
TITLES = {
    "dc": './*[local-name()="title" or local-name()="Title" or local-name()="alternative"]',
    "qdc": './*[local-name()="title" or local-name()="alternative"]',
    "datacite": './/*[local-name()="title"]',
    "mods": './*[local-name()="titleInfo"]//*[local-name()="title"]',
    "marcxml": './/*[@tag="245" or @tag="240" or @tag="130" or @tag="246"]',
    "mets": './/*[local-name()="title"]',
    "dim": './/*[@element="title"]',
    "cerif": './*[local-name()="Title" or local-name()="Name" or local-name()="PersonName"]',
}


def listed() -> dict[tuple[str, int], tuple[str, str]]:
    """(file, number of the record in it) → (crosswalk, reason)."""
    rows = [
        line.split("\t") for line in UNTITLED.read_text("utf-8").splitlines() if line[:1] not in ("", "#")
    ]
    return {(path, int(number)): (crosswalk, reason) for crosswalk, path, number, reason in rows}


def has_title(crosswalk: str, metadata: etree._Element) -> bool:
    found = metadata.xpath(TITLES[crosswalk])
    assert isinstance(found, list)
    return any(
        "".join(element.itertext()).strip() for element in found if isinstance(element, etree._Element)
    )


def test_every_record_of_the_corpus_becomes_a_valid_entry(
    corpus: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    valid = jsonschema.Draft202012Validator(
        json.loads(resources.schema("entry.schema.json").read_text("utf-8"))
    )
    read, titled, unread = Counter[str](), Counter[str](), defaultdict[str, Counter[str]](Counter)
    without: dict[tuple[str, int], tuple[str, etree._Element]] = {}
    numbers: Counter[str] = Counter()
    for path, metadata in documents(corpus):
        place = str(path.relative_to(corpus))
        reading = normalise(metadata)
        read[reading.crosswalk] += 1
        titled[reading.crosswalk] += reading.entry.title is not None
        unread[reading.crosswalk].update(reading.unread)
        if reading.entry.title is None and reading.crosswalk != "unknown":
            without[place, numbers[place]] = (reading.crosswalk, metadata)
        numbers[place] += 1
        form = reading.entry.compact()
        assert Entry.from_json(form) == reading.entry, path
        error = next(valid.iter_errors(form), None)
        assert error is None, (path, error)
    with capsys.disabled():
        print(f"\n{'crosswalk':<14}{'records':>8}{'titled':>8}{'elements unread':>17}  most frequent of them")
        for name, count in read.most_common():
            frequent = ", ".join(
                f"{each.rpartition('}')[2]} {seen}" for each, seen in unread[name].most_common(3)
            )
            print(f"{name:<14}{count:>8}{titled[name] / count:>8.1%}{unread[name].total():>17}  {frequent}")
    expected = listed()
    assert {place: crosswalk for place, (crosswalk, _) in without.items()} == {
        place: crosswalk for place, (crosswalk, _) in expected.items()
    }
    for place, (crosswalk, metadata) in without.items():
        assert expected[place][1] != "none" or not has_title(crosswalk, metadata), place
    assert len(read) > 15
    assert read["dc"] > 5000
