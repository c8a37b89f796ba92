"""`harvester suppress`, `purge` and `show --history`: what scripts read, what people see, and what is not done unasked."""

import os
import pty
import pwd
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from contract import EXPORT, FLAG, LIST, MAYBE_OBJECT, MAYBE_TEXT, NUMBER, TEXT, check
from real_command import COMMAND, Command, Ended, Inside

from harvester.mock import FakeRepository

ID = "oai:repository.example.org:article/{}".format
REASON = ("--reason", "a court order")
TAKEDOWN = {
    "kind": TEXT,
    "identifier": TEXT,
    "repository": TEXT,
    "reason": TEXT,
    "done_by": TEXT,
    "done_at": TEXT,
    "undone_at": MAYBE_TEXT,
    "undone_by": MAYBE_TEXT,
    "undone_reason": MAYBE_TEXT,
}
PURGE = TAKEDOWN | {"records": NUMBER, "versions": NUMBER, "quarantined": NUMBER, "vacuumed": FLAG}
VERSION = {key: EXPORT[key] for key in EXPORT if key != "schema"} | {
    "deleted_reason": MAYBE_TEXT,
    "received": MAYBE_TEXT,
    "ended_at": MAYBE_TEXT,
    "run": MAYBE_OBJECT,
    "header_only": FLAG,
    "changed": LIST,
    "title": MAYBE_TEXT,
}


@pytest.fixture
def small() -> Iterator[FakeRepository]:
    with FakeRepository(records=12) as repository:
        yield repository


@pytest.fixture
def held(command: Inside, small: FakeRepository) -> Inside:
    """A catalogue of twelve records, of a repository that is called `fake`; the third was revised since, and then deleted."""
    assert command("harvest", small.url, "--name", "fake", "--quiet").code == 0
    for change in (small.store.revise, small.store.delete):
        change(ID(3))
        assert command("harvest", "fake", "--full", "--quiet").code == 0
    return command


def exported(command: Inside, *more: str) -> set[str]:
    """The identifiers in every export there is."""
    lines = command("export", "--as", "jsonl", "--deleted", "--all-formats", *more).out
    table = command("export", "--as", "csv", "--deleted", "--all-formats", *more).out
    found = {number for number in range(1, 13) if f'"{ID(number)}"' in lines}
    assert found == {number for number in range(1, 13) if f",{ID(number)}," in table}
    return {ID(number) for number in found}


def test_a_suppressed_item_is_hidden_everywhere_until_it_is_undone(held: Inside) -> None:
    shown = held("show", ID(1), "--json").json
    done = held("suppress", ID(1), *REASON, "--json")
    assert (done.code, done.err) == (0, "")
    check(done.json, TAKEDOWN | {"records": NUMBER})
    said = done.json
    assert (said["kind"], said["reason"], said["repository"], said["records"]) == (
        "suppress",
        REASON[1],
        "fake",
        1,
    )
    assert said["done_by"] == pwd.getpwuid(os.getuid()).pw_name
    assert ID(1) not in exported(held)
    assert ID(1) not in {line["identifier"] for line in held("search", "", "--limit", "1000", "--json").json}
    for way in ([], ["--xml"], ["--history"], ["--json"]):
        hidden = held("show", ID(1), *way)
        assert (hidden.code, hidden.out) == (1, "")
        assert "no record has the identifier" in hidden.err
    undone = held("suppress", ID(1), "--undo", "--reason", "lifted", "--json").json
    assert (undone["undone_reason"], undone["undone_by"]) == ("lifted", said["done_by"])
    assert held("show", ID(1), "--json").json == shown
    assert len(exported(held)) == 12


def test_a_person_is_told_what_was_done_and_by_whom_before(held: Inside) -> None:
    assert held("suppress", "--list").out == "Nothing was taken down.\n"
    assert "is hidden now, 1 record" in held("suppress", ID(1), *REASON).out
    again = held("suppress", ID(1), "--reason", "twice")
    assert again.code == 0
    assert "is hidden since" in again.out
    assert "a court order" in again.out
    assert "is shown again" in held("suppress", ID(1), "--undo", "--reason", "lifted").out
    assert "is purged: 1 record, 0 earlier versions" in held("purge", ID(2), *REASON, "--yes").out
    listed = held("suppress", "--list")
    assert [word in listed.out for word in ("suppress", "purge", "lifted", ID(1), ID(2))] == [True] * 5
    found = held("suppress", "--list", "--json").json
    for each in found:
        check(each, TAKEDOWN)
    assert [(each["kind"], each["identifier"]) for each in found] == [("purge", ID(2)), ("suppress", ID(1))]
    assert len(held("suppress", ID(1), "--list", "--json").json) == 1


def test_a_purge_says_what_it_removed_and_leaves_a_tombstone(held: Inside, small: FakeRepository) -> None:
    done = held("purge", ID(3), *REASON, "--yes", "--json")
    assert (done.code, done.err) == (0, "")
    check(done.json, PURGE)
    assert [done.json[key] for key in ("records", "versions", "quarantined", "vacuumed")] == [1, 2, 0, True]
    (left,) = held("show", ID(3), "--json").json
    assert (left["deleted"], left["entry"]) == (True, None)
    assert held("show", ID(3), "--xml").out == ""
    (version,) = held("show", ID(3), "--history", "--json").json
    assert (version["deleted_reason"], version["title"]) == ("purged", None)
    small.store.undelete(ID(3))
    again = held("harvest", "fake", "--full", "--json")
    assert (again.code, again.json["streams"][0]["unchanged"]) == (0, 12)
    assert held("show", ID(3), "--json").json == [left]


def asked(command: Command, answer: bytes, *arguments: str) -> Ended:
    """Run a command at a terminal, and answer its question."""
    ours, theirs = pty.openpty()
    try:
        os.write(ours, answer)
        done = subprocess.run(
            [COMMAND, *arguments],
            stdin=theirs,
            capture_output=True,
            env=command.environment,
            timeout=60,
            check=False,
        )
    finally:
        os.close(ours)
        os.close(theirs)
    return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())


def test_a_purge_asks_at_a_terminal_and_is_refused_where_nobody_can_be_asked(held: Inside) -> None:
    refused = held("purge", ID(1), *REASON)
    assert (refused.code, refused.out) == (2, "")
    assert "--yes" in refused.err
    no = asked(held.process, b"n\n", "purge", ID(1), *REASON)
    assert (no.code, no.out) == (1, "")
    assert f"Remove the content of {ID(1)} for good" in no.err
    assert held("show", ID(1), "--json").json[0]["entry"]["title"]
    yes = asked(held.process, b"y\n", "purge", ID(1), *REASON, "--json")
    assert yes.code == 0
    check(yes.json, PURGE)
    assert held("show", ID(1), "--json").json[0]["deleted"]


MISTAKES = {
    "no identifier": ["suppress", *REASON],
    "no reason": ["suppress", ID(1)],
    "an empty reason": ["suppress", ID(1), "--reason", " "],
    "a purge without an identifier": ["purge", *REASON, "--yes"],
    "a purge without a reason": ["purge", ID(1), "--yes"],
    "undone, and never done": ["suppress", ID(1), "--undo", *REASON],
    "a repository that nobody registered": ["suppress", ID(1), *REASON, "--repository", "nobody"],
    "the XML and the history": ["show", ID(1), "--xml", "--history"],
}


def test_a_takedown_that_cannot_be_meant_ends_with_2_and_a_sentence(held: Inside) -> None:
    for name, arguments in MISTAKES.items():
        done = held(*arguments)
        assert (done.code, done.out) == (2, ""), name
        assert done.err.startswith(("harvester: ", "Usage: ")), name
    for command in (["suppress"], ["purge", "--yes"]):
        unknown = held(*command, "oai:nobody", *REASON)
        assert unknown.code == 1
        assert "no record has the identifier 'oai:nobody'" in unknown.err
    assert held("suppress", "--list", "--json").json == []


def test_an_item_of_several_repositories_is_not_taken_down_by_guess(
    held: Inside, small: FakeRepository
) -> None:
    assert held("harvest", f"{small.url}/twin", "--name", "twin", "--quiet").code == 0
    for command in (["suppress"], ["purge", "--yes"]):
        done = held(*command, ID(1), *REASON)
        assert done.code == 2
        assert "fake, twin" in done.err
        assert "--repository" in done.err
    assert held("suppress", ID(1), *REASON, "--repository", "twin", "--json").json["repository"] == "twin"
    assert [line["repository"] for line in held("show", ID(1), "--json").json] == ["fake"]


def test_the_history_is_an_array_of_versions_the_newest_first(held: Inside) -> None:
    found: list[dict[str, Any]] = held("show", ID(3), "--history", "--json").json
    for each in found:
        check(each, VERSION)
        check(each["run"], {"id": NUMBER, "started_at": TEXT})
    assert [(each["deleted"], each["header_only"]) for each in found] == [
        (True, True),
        (False, False),
        (False, False),
    ]
    assert [each["entry"] is None for each in found] == [True, False, False]
    assert found[0]["deleted_reason"] == "deleted_at_source"
    assert "title" in found[1]["changed"] or found[1]["changed"]
    assert found[2]["changed"] == []
    assert [each["ended_at"] is None for each in found] == [True, False, False]
    assert [each["run"]["id"] for each in found] == [3, 2, 1]


def test_the_history_is_a_table_for_eyes(held: Inside) -> None:
    shown = held("show", ID(3), "--history").out
    lines = [line for line in shown.splitlines() if "Z" in line]
    assert len(lines) == 3
    assert "deleted (deleted_at_source)" in lines[0]
    assert "now" in lines[0]
    assert "(the first that is kept)" in lines[2]
    assert ID(3) in shown.splitlines()[0]
