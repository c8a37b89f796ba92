"""`harvester reconcile` as a person and as a script run it: report, JSON, exit codes."""

from typing import Any

import pytest
from contract import LIST, MAYBE_OBJECT, MAYBE_TEXT, NUMBER, OUTCOMES, TEXT, check, check_status
from real_command import Inside

from harvester.mock import FakeRepository

NUMBERS = (
    "listed",
    "live",
    "absent",
    "removed",
    "left_set",
    "found",
    "missing",
    "revived",
    "quarantined",
    "requests",
)
REPORT = {
    "outcome": TEXT,
    "repository": TEXT,
    "base_url": TEXT,
    "sentence": MAYBE_TEXT,
    "evidence": MAYBE_OBJECT,
    "streams": LIST,
}
STREAM = {
    "set": MAYBE_TEXT,
    "format": TEXT,
    "outcome": TEXT,
    "reason": MAYBE_TEXT,
    "sentence": MAYBE_TEXT,
    **dict.fromkeys(NUMBERS, NUMBER),
    "seconds": (float, int),
    "evidence": MAYBE_OBJECT,
}


def lose(fake: FakeRepository, number: int) -> list[str]:
    gone = [each.identifier for each in fake.store.records if not each.deleted][:number]
    for each in gone:
        fake.store.vanish(each)
    return gone


def reported(document: dict[str, Any]) -> dict[str, Any]:
    check(document, REPORT)
    (stream,) = document["streams"]
    check(stream, STREAM)
    assert stream["outcome"] in OUTCOMES
    return dict(stream)


@pytest.fixture
def filled(command: Inside, fake: FakeRepository) -> Inside:
    assert command("harvest", fake.url, "--name", "fake", "--quiet").code == 0
    return command


def test_the_report_tells_a_person_what_is_gone_and_what_to_do_next(
    filled: Inside, fake: FakeRepository
) -> None:
    (gone,) = lose(fake, 1)
    done = filled("reconcile", "fake")
    assert done.code == 0
    assert "fake (all) oai_dc: complete" in done.out
    assert "1 record is gone, and is a tombstone now" in done.out
    assert "reconcile monthly" in done.out
    assert "1 not listed: 1 removed" in done.out
    assert [each["event"] for each in done.pages] == ["page"] * 3
    shown = filled("show", gone, "--history", "--json")
    assert '"vanished"' in shown.out


def test_the_json_is_as_documented_and_nothing_else_is_on_stdout(
    filled: Inside, fake: FakeRepository
) -> None:
    lose(fake, 2)
    stream = reported(filled("reconcile", fake.url, "--json", "--quiet").json)
    assert (stream["outcome"], stream["removed"], stream["absent"], stream["set"]) == ("complete", 2, 2, None)
    assert stream["requests"] == 3 + 2 + 1  # the list, the candidates, and one that must be there


def test_what_is_held_ends_with_3_and_is_shown_until_somebody_approves(
    filled: Inside, fake: FakeRepository
) -> None:
    lose(fake, 40)
    held = filled("reconcile", "fake", "--json")
    assert held.code == 3
    stream = reported(held.json)
    assert (stream["outcome"], stream["removed"]) == ("held", 0)
    assert "harvester reconcile fake --approve" in stream["sentence"]
    found = filled("status", "fake", "--json").json
    check_status(found, named=True)
    assert found["repositories"][0]["streams"][0]["state"] == "held"
    assert "--approve" in filled("status", "fake").out
    assert filled("harvest", "fake").code == 0
    assert "--approve" in filled("status", "fake").out, "a harvest since then does not hide it"
    approved = filled("reconcile", "fake", "--approve", "--json")
    assert (approved.code, reported(approved.json)["removed"]) == (0, 40)
    assert filled("status", "--json").json["repositories"][0]["streams"][0]["state"] == "current"


def test_revert_brings_back_what_was_removed(filled: Inside, fake: FakeRepository) -> None:
    lose(fake, 3)
    assert filled("reconcile", "fake").code == 0
    before = filled("status", "--json").json["totals"]
    done = filled("reconcile", "fake", "--revert")
    assert done.code == 0
    assert "3 records live again" in done.out
    after = filled("status", "--json").json["totals"]
    assert (after["records"], after["deleted"]) == (before["records"] + 3, before["deleted"] - 3)
    assert "no reconciliation has removed anything" in filled("reconcile", "fake", "--revert").out


def test_a_repository_that_refuses_ends_with_1(filled: Inside, fake: FakeRepository) -> None:
    fake.misbehave("403", verb="ListIdentifiers")
    done = filled("reconcile", "fake", "--json")
    assert (done.code, reported(done.json)["outcome"]) == (1, "refused")
    fake.behave()
    assert filled("reconcile", "fake").code == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nobody",), "no repository is registered as 'nobody'"),
        (("http://127.0.0.1:9/oai",), "is not registered"),
        (("fake", "--approve", "--revert"), "give one of the two"),
        (("fake", "--set", "nowhere"), "no stream with the set 'nowhere'"),
        (("fake", "--format", "mods"), "no stream with the format 'mods'"),
    ],
)
def test_a_call_that_cannot_be_meant_ends_with_2_and_a_sentence(
    filled: Inside, arguments: tuple[str, ...], said: str
) -> None:
    done = filled("reconcile", *arguments)
    assert done.code == 2
    assert said in done.err
    assert done.out == ""
