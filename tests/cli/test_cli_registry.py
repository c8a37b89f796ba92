"""`harvester add`, `remove`, `pause`, `resume` and `list`: what a person puts under the schedule, and takes out again."""

import os
import pty
from pathlib import Path
from typing import Any

import pytest
from contract import FLAG, LIST, MAYBE_TEXT, NUMBER, TEXT, check
from real_command import Command, Inside
from sqlalchemy import Engine, text

from harvester.mock import FakeRepository

LISTED = {
    "name": TEXT,
    "base_url": TEXT,
    "source": TEXT,
    "scheduled": FLAG,
    "streams": NUMBER,
    "paused": FLAG,
    "held": NUMBER,
    "failing": NUMBER,
    "every": LIST,
    "next_due_at": MAYBE_TEXT,
}
ADDED = {
    "line": (int, type(None)),
    "name": TEXT,
    "base_url": TEXT,
    "new": FLAG,
    "sets": LIST,
    "formats": LIST,
}


def listed(command: Inside) -> dict[str, dict[str, Any]]:
    done = command("list", "--json")
    assert (done.code, done.err) == (0, "")
    check(done.json, {"repositories": LIST})
    for each in done.json["repositories"]:
        check(each, LISTED)
    return {each["name"]: each for each in done.json["repositories"]}


def from_list(command: Inside, tmp_path: Path, body: str | bytes) -> Any:
    path = tmp_path / "list.csv"
    path.write_bytes(body.encode() if isinstance(body, str) else body)
    done = command("add", "--from", str(path), "--json")
    check(done.json, {"added": LIST, "duplicates": LIST, "broken": LIST})
    for each in done.json["added"]:
        check(each, ADDED)
    assert done.code == (0 if done.json["added"] else 2)
    return done.json


def test_a_repository_is_added_without_being_asked_and_harvested_by_its_name(
    command: Inside, fake: FakeRepository
) -> None:
    done = command("add", "library", fake.url, "--every", "6h")
    assert done.code == 0
    assert "'library'" in done.out
    assert "harvester run" in done.out
    assert fake.log == []
    found = listed(command)["library"]
    assert (found["source"], found["scheduled"], found["streams"], found["every"]) == (
        "added",
        True,
        1,
        ["every 6 hours"],
    )
    assert found["next_due_at"].endswith("Z")
    assert command("harvest", "library", "--quiet").code == 0
    assert "library" in command("list").out


def test_sets_formats_and_cron_are_as_typed(command: Inside) -> None:
    url = "https://api.example.org/v2/oai"
    options = ["--set", "portal_1", "--set", "portal_2", "--format", "qdc", "--cron", "0 3 * * sun"]
    done = command("add", "figs", url, *options, "--timezone", "Europe/Berlin", "--json")
    assert done.code == 0
    (added,) = done.json["added"]
    check(added, ADDED)
    assert (added["name"], added["base_url"], added["new"]) == ("figs", url, True)
    assert listed(command)["figs"]["every"] == ["by cron '0 3 * * sun' (Europe/Berlin)"]
    streams = command("status", "figs", "--json").json["repositories"][0]["streams"]
    assert [(each["set"], each["format"], each["state"]) for each in streams] == [
        ("portal_1", "qdc", "new"),
        ("portal_2", "qdc", "new"),
    ]
    assert all(each["next_due_at"].endswith("Z") for each in streams)
    # Once more, with another stream and another rhythm for all of it.
    again = command("add", "figs", url, "--format", "oai_dc", "--every", "1d", "--json")
    assert again.json["added"][0]["new"] is False
    assert (listed(command)["figs"]["streams"], listed(command)["figs"]["every"]) == (3, ["every 1 day"])


def test_an_address_alone_is_named_after_its_host(command: Inside) -> None:
    assert command("add", "https://www.example.org/oai").code == 0
    assert list(listed(command)) == ["www.example.org"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["add"], "say what to add"),
        (["add", "name"], "say what to add"),
        (["add", "a b", "https://a.example/oai"], "is no name"),
        (["add", "a", "a.example/oai"], "begins with http:// or https://"),
        (["add", "a", "https://a.example:0/oai"], "its port cannot be read"),
        (["add", "a", "https://u:hunter2@a.example/oai"], "user name or password"),
        (["add", "a", "https://a.example/oai", "--every", "6"], "needs a unit"),
        (["add", "a", "https://a.example/oai", "--every", "soon"], "'every' must be"),
        (
            ["add", "a", "https://a.example/oai", "--every", "1h", "--cron", "0 3 * * *"],
            "leave one of them out",
        ),
        (["add", "a", "https://a.example/oai", "--cron", "0 25 * * *"], "hour"),
        (["add", "a", "https://a.example/oai", "--cron", "0 3 * * *", "--timezone", "Mars"], "timezone"),
        (["add", "a", "https://a.example/oai", "--timezone", "UTC"], "--cron"),
        (["add", "a", "https://a.example/oai", "--set", "\t"], "printable"),
        (["add", "a", "--from", "list.csv"], "leave the rest out"),
        (["remove", "nobody", "--yes"], "no repository is registered as 'nobody'"),
        (["pause", "nobody"], "no repository is registered as 'nobody'"),
        (["resume", "nobody"], "no repository is registered as 'nobody'"),
        (["why", "nobody"], "no repository is registered as 'nobody'"),
        (["remove", "fake"], "--yes"),
        (["add", "fake", "https://other.example/oai"], "is taken by"),
    ],
)
def test_a_mistake_ends_with_2_and_a_sentence(arguments: list[str], told: str, ask: Inside) -> None:
    done = ask(*arguments)
    assert (done.code, done.out) == (2, "")
    assert told in done.err
    assert "hunter2" not in done.err


def test_a_list_of_bare_addresses_is_taken_at_once(command: Inside, tmp_path: Path) -> None:
    body = "".join(f"https://r{number}.example/oai\n" for number in range(300))
    found = from_list(command, tmp_path, body)
    assert len(found["added"]) == 300
    assert (found["added"][299]["line"], found["added"][299]["name"]) == (300, "r299.example")
    assert sum(each["scheduled"] for each in listed(command).values()) == 300
    again = from_list(command, tmp_path, body)
    assert not any(each["new"] for each in again["added"])


def test_columns_may_be_named_and_stand_anywhere_and_come_out_of_a_spreadsheet(
    command: Inside, tmp_path: Path
) -> None:
    body = (
        "\ufeffsep=;\r\n"
        "Country;Name;Base_URL;Set;every\r\n"
        'DE;"library";https://library.example/oai;;6h\r\n'
        ";;https://figs.example/oai;portal_1;\r\n"
        ";;https://figs.example/oai;portal_2;\r\n"
    )
    found = from_list(command, tmp_path, body.encode())
    assert [(each["line"], each["name"], each["sets"]) for each in found["added"]] == [
        (3, "library", []),
        (4, "figs.example", ["portal_1"]),
        (5, "figs.example", ["portal_2"]),
    ]
    assert found["broken"] == found["duplicates"] == []
    shown = listed(command)
    assert (shown["library"]["every"], shown["figs.example"]["streams"]) == (["every 6 hours"], 2)


BROKEN = """\
# a comment, and an empty line

https://good.example/oai
not an address
https://good.example/oai
HTTPS://Good.Example:443/oai?verb=Identify
https://u:hunter2@bad.example/oai
https://a.example/oai,no name
"https://b.example/oai
https://c.example/oai,c,,,6
https://d.example/oai,d,set_1,qdc,1d
https://e.example/oai,d
,nothing
"""


def test_what_is_wrong_in_a_list_is_told_by_line_and_the_rest_is_taken(
    command: Inside, tmp_path: Path
) -> None:
    found = from_list(command, tmp_path, BROKEN)
    assert [(each["line"], each["name"]) for each in found["added"]] == [(3, "good.example"), (11, "d")]
    assert [(each["line"], each["first"]) for each in found["duplicates"]] == [(5, 3), (6, 3)]
    assert [each["line"] for each in found["broken"]] == [4, 7, 8, 9, 10, 12, 13]
    sentences = {each["line"]: each["sentence"] for each in found["broken"]}
    assert "quotation marks" in sentences[9]
    assert "needs a unit" in sentences[10]
    assert "the name 'd' is taken" in sentences[12]
    assert sentences[13] == "it has no url"
    assert sorted(listed(command)) == ["d", "good.example"]


def test_a_list_of_which_nothing_can_be_taken_ends_with_2_and_shows_no_password(
    command: Inside, tmp_path: Path
) -> None:
    path = tmp_path / "list.csv"
    path.write_text("https://u:hunter2@bad.example/oai\nftp://x.example/\n")
    done = command("add", "--from", str(path))
    assert done.code == 2
    assert "line 1 is left out" in done.err
    assert "line 2 is left out" in done.err
    assert "hunter2" not in done.err + command("add", "--from", str(path), "--json").out
    assert listed(command) == {}


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"\xff\xfeh\0t\0t\0p\0", "not UTF-8"),
        (b"name,set\nlibrary,a\n", "none of them is 'url'"),
        (b"https://a.example/oai\n" * 20_001, "at most 20,000"),
        (b"x" * (10 * 1024 * 1024 + 1), "larger than 10 MiB"),
    ],
    ids=["encoding", "columns", "lines", "bytes"],
)
def test_a_list_that_cannot_be_read_as_a_whole_is_said(
    body: bytes, told: str, ask: Inside, tmp_path: Path
) -> None:
    path = tmp_path / "list.csv"
    path.write_bytes(body)
    done = ask("add", "--from", str(path))
    assert (done.code, done.out) == (2, "")
    assert told in done.err


def test_an_empty_list_and_one_that_is_not_there_are_said(ask: Inside, tmp_path: Path) -> None:
    (tmp_path / "empty.csv").write_text("\n")
    assert ask("add", "--from", str(tmp_path / "empty.csv")).code == 2
    assert ask("add", "--from", str(tmp_path / "nothing.csv")).code in (1, 2)


def test_a_list_comes_through_a_pipe(command: Inside) -> None:
    done = command("add", "--from", "-", stdin=b"https://a.example/oai\nhttps://b.example/oai\n")
    assert done.code == 0
    assert "2 registered, 0 known already; 0 lines said twice, 0 left out" in done.out


def test_hostile_text_in_a_list_does_nothing_to_the_terminal(command: Inside, tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text(
        "\x1b]0;title\x07,\u202e\n" + "a" * 200_000 + "\nhttps://a.example/oai,'; DROP TABLE tasks --\n"
    )
    done = command("add", "--from", str(path))
    assert done.code == 2
    assert len(done.err) < 5000
    assert all(each.isprintable() for each in done.err.splitlines())


def test_what_is_removed_keeps_its_records_and_comes_back_where_it_was(
    command: Inside, fake: FakeRepository
) -> None:
    assert command("add", "library", fake.url).code == 0
    assert command("harvest", "library", "--quiet").code == 0
    done = command("remove", "library", "--yes", "--json")
    assert done.code == 0
    assert done.json["repository"] == "library"
    assert "stay" in done.json["sentence"]
    shown = listed(command)["library"]
    assert (shown["source"], shown["scheduled"], shown["next_due_at"]) == ("removed", False, None)
    kept = command("status", "library", "--json").json["repositories"][0]["streams"][0]
    assert kept["records"] > 200
    assert kept["watermark"]
    assert kept["next_due_at"] is None
    assert command("add", "library", fake.url).code == 0
    assert listed(command)["library"]["scheduled"]


def test_what_is_paused_is_shown_as_paused_until_it_is_resumed(
    command: Inside, fake: FakeRepository, engine: Engine
) -> None:
    assert command("harvest", fake.url, "--name", "library", "--quiet").code == 0
    assert "harvester resume library" in command("pause", "library").out  # no service has seen it yet
    assert listed(command)["library"]["paused"]
    assert state(command) == "paused"
    assert command("resume", "library").code == 0
    assert not listed(command)["library"]["paused"]
    assert state(command) == "due"
    with engine.begin() as connection:
        connection.execute(text("UPDATE tasks SET next_due_at = now() + interval '1 hour'"))
    assert state(command) == "current"
    with engine.begin() as connection:
        connection.execute(text("UPDATE tasks SET held = 'it died three times' WHERE kind = 'harvest'"))
    assert state(command) == "held"
    assert listed(command)["library"]["held"] == 1
    assert "held" in command("list").out


def state(command: Inside) -> str:
    ((stream,),) = [each["streams"] for each in command("status", "--json").json["repositories"]]
    return str(stream["state"])


def test_what_the_file_names_is_changed_in_the_file(command: Inside, tmp_path: Path) -> None:
    path = tmp_path / "harvester.toml"
    path.write_text('[[repository]]\nname = "library"\nurl = "https://library.example/oai"\n')
    for arguments in (
        ["add", "library", "https://library.example/oai"],
        ["add", "other", "https://library.example/oai"],
    ):
        done = command(*arguments, HARVESTER_CONFIG=str(path))
        assert done.code == 2
        assert "harvester.toml names 'library' already" in done.err


def test_nothing_is_registered_says_how_to_begin(command: Inside) -> None:
    assert "harvester add NAME URL" in command("list").out


def test_remove_asks_a_person_before_it_acts(filled: Command) -> None:
    leader, follower = pty.openpty()
    os.write(leader, b"n\n")
    process = filled.start("remove", "fake", stdin=follower)
    out, err = process.communicate(timeout=60)
    os.close(leader)
    os.close(follower)
    assert process.returncode == 1
    assert out == b""
    assert b"nothing was changed" in err
