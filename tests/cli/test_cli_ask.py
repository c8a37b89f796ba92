"""`harvester search`, `show` and `export`: documents, files, pipes, spreadsheets."""

import csv
import io
import json
import os
import stat
import subprocess
from pathlib import Path

import pytest
from contract import EXPORT, check
from jsonschema import Draft202012Validator
from real_command import COMMAND, Command, Inside

from harvester import resources
from harvester.cli import ask as ask_module
from harvester.mock import FakeRepository

SOME = "oai:repository.example.org:article/{}"


@pytest.fixture(scope="module")
def entries() -> Draft202012Validator:
    return Draft202012Validator(json.loads(resources.schema("entry.schema.json").read_text()))


def test_search_gives_export_lines_best_match_first(ask: Inside, entries: Draft202012Validator) -> None:
    found = ask("search", "glacier zürich", "--json")
    assert found.code == 0
    assert found.err == ""
    assert found.json
    for line in found.json:
        check(line, EXPORT)
        entries.validate(line["entry"])
        assert "Zürich" in line["entry"]["title"]
    assert len(ask("search", "glacier", "--limit", "3", "--json").json) == 3


def test_search_shows_a_person_what_there_is_and_how_many_more(ask: Inside) -> None:
    shown = ask("search", "glacier", "--limit", "2")
    assert shown.code == 0
    assert "2 of " in shown.out
    # A pipe gets whole lines: no identifier is folded at column 80.
    assert shown.out.count("oai:repository.example.org:article/") == 2
    nothing = ask("search", "nothing of this kind")
    assert (nothing.code, nothing.out) == (0, "0 found\n")


def test_search_finds_no_tombstones(ask: Inside) -> None:
    for line in ask("search", "", "--limit", "1000", "--json").json:
        assert not line["deleted"]


def test_show_gives_every_format_or_says_that_there_is_none(ask: Inside) -> None:
    identifier = SOME.format(1)
    found = ask("show", identifier, "--json")
    assert found.code == 0
    (line,) = found.json
    check(line, EXPORT)
    assert (line["identifier"], line["repository"], line["format"]) == (identifier, "fake", "oai_dc")
    assert ask("show", identifier, "--repository", "fake", "--json").json == [line]
    for missing in (["show", SOME.format(99_999)], ["show", identifier, "--repository", "other"]):
        done = ask(*missing)
        assert (done.code, done.out) == (1, "")
        assert "no record has the identifier" in done.err
    shown = ask("show", identifier)
    assert line["entry"]["title"] in shown.out
    assert identifier in shown.out


def test_show_xml_is_the_metadata_as_it_was_harvested(ask: Inside, filled: Command) -> None:
    shown = ask("show", SOME.format(1), "--xml")
    assert shown.code == 0
    twin = FakeRepository(records=1)  # the same seed, the same record
    expected = twin.store.records[0].metadata
    assert expected is not None
    body = expected[expected.index(b"<dc:title>") :].decode()
    assert body in shown.out


def test_export_writes_one_documented_line_per_item(ask: Inside, entries: Draft202012Validator) -> None:
    done = ask("export", "--as", "jsonl")
    assert done.code == 0
    assert done.err == ""
    for line in done.lines:
        check(line, EXPORT)
        assert line["schema"] == "1"
        entries.validate(line["entry"])
    identifiers = {line["identifier"] for line in done.lines}
    live = {record.identifier for record in FakeRepository(records=250).store.records if not record.deleted}
    assert identifiers == live
    assert len(done.lines) == len(live)


def test_export_takes_tombstones_only_when_asked(ask: Inside) -> None:
    lines = ask("export", "--as", "jsonl", "--deleted").lines
    assert len(lines) == 250
    gone = [line for line in lines if line["deleted"]]
    assert gone
    for line in gone:
        check(line, EXPORT)
        assert line["entry"] is None


def test_export_narrows_by_a_query(ask: Inside) -> None:
    lines = ask("export", "type:dataset year:2010..2015", "--as", "jsonl").lines
    assert lines
    assert {line["entry"]["type"] for line in lines} == {"Dataset"}
    assert all(2010 <= line["entry"]["year"] <= 2015 for line in lines)


def test_export_csv_is_one_table_with_a_row_per_item(ask: Inside) -> None:
    done = ask("export", "--as", "csv")
    assert done.code == 0
    rows = list(csv.DictReader(io.StringIO(done.out, newline="")))
    lines = {line["identifier"]: line for line in ask("export", "--as", "jsonl").lines}
    assert len(rows) == len(lines)
    for row in rows:
        line = lines[row["identifier"]]
        assert row["title"] == line["entry"]["title"]
        assert row["creators"] == "; ".join(each["name"] for each in line["entry"]["creators"])
        assert row["sets"] == "; ".join(line["sets"])
        assert row["deleted"] == "false"


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])
def test_no_cell_of_a_csv_runs_as_a_formula(begin: str) -> None:
    assert ask_module._cell(f'{begin}HYPERLINK("http://example.org")').startswith("'")


def test_numbers_and_plain_text_stay_as_they_are_in_a_csv() -> None:
    assert [ask_module._cell(value) for value in (-500, True, None, "a=b", "")] == [
        "-500",
        "true",
        "",
        "a=b",
        "",
    ]


def test_an_export_file_appears_whole_or_not_at_all(ask: Inside, tmp_path: Path) -> None:
    target = tmp_path / "out.jsonl"
    target.write_text("what was there before")
    bad = ask("export", "year:soon", "--as", "jsonl", "-o", str(target))
    assert bad.code == 2
    assert target.read_text() == "what was there before"
    good = ask("export", "--as", "jsonl", "-o", str(target))
    assert (good.code, good.out) == (0, "")
    assert target.read_text() == ask("export", "--as", "jsonl").out
    assert [each.name for each in tmp_path.iterdir()] == ["out.jsonl"]
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE(target.stat().st_mode) == 0o666 & ~mask


def test_an_export_goes_through_a_link_and_never_replaces_a_device(ask: Inside, tmp_path: Path) -> None:
    target, link = tmp_path / "target.csv", tmp_path / "link.csv"
    link.symlink_to(target)
    assert ask("export", "--as", "csv", "-o", str(link)).code == 0
    assert link.is_symlink()
    assert target.stat().st_size > 1000
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    copy = tmp_path / "copy.csv"
    with copy.open("wb") as file, subprocess.Popen(["cat", str(pipe)], stdout=file):
        assert ask("export", "--as", "csv", "-o", str(pipe)).code == 0
    assert copy.read_bytes() == target.read_bytes()
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_file_that_cannot_be_written_is_said(ask: Inside, tmp_path: Path) -> None:
    for path in (tmp_path / "no" / "folder.csv", tmp_path):
        done = ask("export", "--as", "csv", "-o", str(path))
        assert done.code == 1
        assert f"{path} cannot be written" in done.err
    assert [each.name for each in tmp_path.iterdir()] == []


def test_a_reader_that_has_enough_ends_the_export_quietly(filled: Command) -> None:
    for form in ("jsonl", "csv"):
        process = filled.start("export", "--as", form)
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr is not None
        with process.stderr as complaint:
            assert complaint.read() == b""
        assert process.wait(timeout=30) == 1


def test_json_is_utf8_whatever_the_terminal_speaks(filled: Command) -> None:
    for environment in (
        {"PYTHONIOENCODING": "latin-1"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    ):
        lines = filled("export", "zürich", "--as", "jsonl", **environment).lines
        assert "Zürich" in lines[0]["entry"]["title"]
        assert "Zürich" in filled("search", "zürich", "--json", **environment).json[0]["entry"]["title"]
        table = subprocess.run(
            [COMMAND, "search", "zürich"],
            capture_output=True,
            env=filled.environment | environment,
            check=False,
        )
        assert table.returncode == 0
        assert b"found" in table.stdout or b"shown" in table.stdout
