"""Real records of about sixty projects: each gives a valid entry, and hardly one lacks its title."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import jsonschema
from lxml import etree

from harvester import resources
from harvester.crosswalk import normalise
from harvester.entry import Entry

OAI = "{http://www.openarchives.org/OAI/2.0/}"
OAI_DC = "{http://www.openarchives.org/OAI/2.0/oai_dc/}dc"
STRICT = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)


def documents(corpus: Path) -> Iterator[tuple[Path, etree._Element]]:
    for path in sorted(corpus.rglob("*.xml")):
        try:
            root = etree.fromstring(path.read_bytes(), STRICT)
        except etree.XMLSyntaxError:
            continue  # INDEX.tsv names those that are not well formed
        held = [
            inner[0] for inner in root.iter(OAI + "metadata") if len(inner) and isinstance(inner[0].tag, str)
        ]
        for metadata in held or root.iter(OAI_DC):
            yield path, metadata


def test_every_record_of_the_corpus_becomes_a_valid_entry(corpus: Path) -> None:
    valid = jsonschema.Draft202012Validator(
        json.loads(resources.schema("entry.schema.json").read_text("utf-8"))
    )
    read, titled, given = Counter[str](), Counter[str](), 0
    for path, metadata in documents(corpus):
        reading = normalise(metadata)
        read[reading.crosswalk] += 1
        titled[reading.crosswalk] += reading.entry.title is not None
        form = reading.entry.compact()
        assert Entry.from_json(form) == reading.entry, path
        if reading.crosswalk == "dc":
            given += any(
                (child.text or "").strip() for child in metadata if str(child.tag).lower().endswith("title")
            )
            error = next(valid.iter_errors(form), None)
            assert error is None, (path, error)
    for name, count in read.items():
        print(f"{name}: {count} records, {titled[name] / count:.1%} with a title")
    assert read["dc"] > 5000
    assert titled["dc"] == given  # every title that a document gives is found
