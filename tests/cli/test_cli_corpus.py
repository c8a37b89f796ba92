"""`harvester normalise` on the real responses and records of about sixty projects, where they are at hand."""

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from contract import NORMALISED, check
from jsonschema import Draft202012Validator
from real_command import Inside

from harvester import clock, resources
from harvester.cli.normalise import lines_of
from harvester.errors import RepositoryError
from harvester.oai.documents import read_document

Lines = dict[str, list[dict[str, Any]] | None]


@pytest.fixture(scope="module")
def index(corpus: Path) -> dict[str, dict[str, str]]:
    with (corpus / "INDEX.tsv").open(encoding="utf-8", newline="") as file:
        return {row["path"]: row for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)}


@pytest.fixture(scope="module")
def read(corpus: Path, index: dict[str, dict[str, str]]) -> Lines:
    """Each file's lines; None where it cannot be read. Anything but our own errors is a crash."""
    found: Lines = {}
    for path in index:
        try:
            found[path] = list(lines_of(read_document((corpus / path).read_bytes(), clock.now())))
        except RepositoryError:
            found[path] = None
    return found


def dublin_core(index: dict[str, dict[str, str]]) -> Iterator[tuple[str, dict[str, str]]]:
    for path, row in index.items():
        lists = row["kind"] in ("response", "record", "oai-record")
        if lists and row["metadataPrefix"].strip("()") == "oai_dc":
            yield path, row


def test_every_dublin_core_file_gives_as_many_lines_as_it_has_records(
    index: dict[str, dict[str, str]], read: Lines
) -> None:
    assert len(list(dublin_core(index))) > 200
    wrong = {
        path: (row["records"], len(lines) if (lines := read[path]) is not None else None)
        for path, row in dublin_core(index)
        if row["records"].isdigit() and len(read[path] or ()) != int(row["records"])
    }
    assert not wrong


def test_every_bare_collection_gives_as_many_lines_as_it_has_members(corpus: Path, read: Lines) -> None:
    """Said a second time: as many as the text has closing tags."""
    close = {b"collection": rb"</(?:\w+:)?record\s*>", b"modsCollection": rb"</(?:\w+:)?mods\s*>"}
    seen = 0
    for path, lines in read.items():
        body = (corpus / path).read_bytes()
        root = re.search(rb"<(?:\w+:)?(\w[\w-]*)", body)  # what comes before it begins with <? or <!
        if not lines or root is None or root[1] not in close:
            continue
        assert len(lines) == max(1, len(re.findall(close[root[1]], body))), path
        assert all(line["entry"] is not None for line in lines), path
        seen += len(lines) > 1
    assert seen >= 3


def test_every_line_of_the_corpus_is_in_the_documented_form(read: Lines) -> None:
    entries = Draft202012Validator(json.loads(resources.schema("entry.schema.json").read_text()))
    for path, lines in read.items():
        for line in lines or ():
            check(line, NORMALISED)
            if line["entry"] is not None:
                problem = next(entries.iter_errors(line["entry"]), None)
                assert problem is None, (path, line["identifier"], problem)


def test_the_command_reads_many_files_in_one_go(corpus: Path, bare: Inside, read: Lines) -> None:
    """Every fourth one, and all that are broken."""
    files = [path for number, path in enumerate(read) if number % 4 == 0 or read[path] is None]
    done = bare.process("normalise", *(str(corpus / path) for path in files), timeout=120)
    assert done.code == 1
    assert len(done.lines) == sum(len(read[path] or ()) for path in files)
    told = [line for line in done.err.splitlines() if "bytes repaired" not in line]
    assert len(told) == sum(read[path] is None for path in files)
