"""`harvester quarantine`: what scripts read, what people see, and the bytes as they came."""

import os
import subprocess
from collections.abc import Iterator

import pytest
from contract import LIST, MAYBE_NUMBER, MAYBE_OBJECT, MAYBE_TEXT, NUMBER, OUTCOMES, TEXT, check
from real_command import COMMAND, Inside

from harvester.cli.quarantined import meaning
from harvester.mock import FakeRepository

ROW = {
    "number": NUMBER,
    "repository": TEXT,
    "set": MAYBE_TEXT,
    "format": TEXT,
    "identifier": MAYBE_TEXT,
    "reason": TEXT,
    "position": MAYBE_NUMBER,
    "tries": NUMBER,
    "retry_at": MAYBE_TEXT,
    "first_seen": TEXT,
    "last_seen": TEXT,
    "resolved_at": MAYBE_TEXT,
    "resolution": MAYBE_TEXT,
}
SHOWN = ROW | {"run": NUMBER, "evidence": MAYBE_OBJECT, "bytes": NUMBER, "raw": TEXT}
NUMBERS = "replayed asked came_whole gone in_vain quarantined requests created updated unchanged deleted waiting unaskable due"
RETRY_STREAM = {
    "repository": TEXT,
    "set": MAYBE_TEXT,
    "format": TEXT,
    "outcome": TEXT,
    "reason": MAYBE_TEXT,
    "sentence": MAYBE_TEXT,
    **dict.fromkeys(NUMBERS.split(), NUMBER),
    "next_retry_at": MAYBE_TEXT,
    "seconds": (float, int),
    "evidence": MAYBE_OBJECT,
}


@pytest.fixture
def small() -> Iterator[FakeRepository]:
    with FakeRepository(records=12) as repository:
        yield repository


@pytest.fixture
def broken(command: Inside, small: FakeRepository) -> Inside:
    """A catalogue where one record is broken in the list and by itself, and another has no identifier."""
    small.misbehave("broken_record", verb="ListRecords", record=1)
    small.misbehave("broken_record", verb="GetRecord")
    small.misbehave("no_identifier")
    assert command("harvest", small.url, "--name", "fake", "--quiet").code == 3
    small.behave()
    return command


def test_what_waits_is_listed_with_its_reasons_and_dates(broken: Inside) -> None:
    listed = broken("quarantine", "list", "--json")
    assert (listed.code, listed.err, listed.json["total"]) == (0, "", 2)
    check(listed.json, {"quarantine": LIST, "total": NUMBER})
    rows = {each["reason"]: each for each in listed.json["quarantine"]}
    for row in rows.values():
        check(row, ROW)
    assert rows.keys() == {"malformed_record", "no_identifier"}
    assert rows["no_identifier"]["retry_at"] is None, "nobody can ask for it"
    assert rows["malformed_record"]["retry_at"] > rows["malformed_record"]["first_seen"]
    table = broken("quarantine", "list", "fake").out
    for said in (rows["malformed_record"]["identifier"], "cannot be asked for", "(none)"):
        assert said in table
    for reason in rows:
        assert f"{reason}: {'; '.join(meaning(reason))}" in table
    assert "1 of 2 are shown" in broken("quarantine", "list", "--limit", "1").out


def test_the_bytes_come_out_as_they_came(broken: Inside, small: FakeRepository) -> None:
    number = next(
        each["number"]
        for each in broken("quarantine", "list", "--json").json["quarantine"]
        if each["reason"] == "malformed_record"
    )
    shown = broken("quarantine", "show", str(number), "--json").json
    check(shown, SHOWN)
    raw = broken("quarantine", "show", str(number), "--raw").out
    assert raw == shown["raw"]
    assert len(raw.encode()) == shown["bytes"]
    assert raw.startswith("<record>")
    assert raw.endswith("</record>")
    assert "<b><i></b></i>" in raw
    assert shown["evidence"]["url"].startswith(small.url)
    said = broken("quarantine", "show", str(number)).out
    assert "what the parser says: Opening and ending tag mismatch" in said
    assert "<b><i></b></i>" in said
    assert meaning("malformed_record")[1] in said


def test_a_retry_tells_what_came_and_what_waits(broken: Inside, small: FakeRepository) -> None:
    early = broken("quarantine", "retry", "--json")
    assert early.code == 0
    check(early.json, {"outcome": TEXT, "streams": LIST})
    (stream,) = early.json["streams"]
    check(stream, RETRY_STREAM)
    assert stream["outcome"] in OUTCOMES
    assert (stream["asked"], stream["waiting"], stream["unaskable"]) == (0, 2, 1)
    assert "(--now asks before)" in broken("quarantine", "retry", "fake").out
    done = broken("quarantine", "retry", small.url, "--now")
    assert done.code == 0
    assert "1 asked for, 1 request" in done.out
    assert "1 came whole, 0 gone, 0 in vain" in done.out
    assert "1 without an identifier to ask for" in done.out
    assert broken("status", "--json").json["totals"]["quarantined"] == 1
    every = broken("quarantine", "list", "--all", "--json").json["quarantine"]
    assert {each["resolution"] for each in every} == {"came_whole", None}
    assert "came whole 20" in broken("quarantine", "list", "--all").out


@pytest.mark.parametrize(
    ("fault", "code", "said"),
    [
        ("503_retry_after:seconds=3600", 3, "incomplete"),
        ("403", 1, "refused"),
        ("broken_record", 0, "complete"),
    ],
)
def test_the_exit_code_is_that_of_the_outcome(
    fault: str, code: int, said: str, broken: Inside, small: FakeRepository
) -> None:
    name, _, seconds = fault.partition(":seconds=")
    small.misbehave(name, verb="GetRecord", **({"seconds": int(seconds)} if seconds else {}))
    ended = broken("quarantine", "retry", "--now", "--wait", "0", "--json")
    assert (ended.code, ended.json["outcome"]) == (code, said)


def test_nothing_waits(command: Inside) -> None:
    assert command("quarantine", "list").out == "Nothing waits in quarantine.\n"
    assert command("quarantine", "list", "--all").out == "Nothing was ever put into quarantine.\n"
    assert command("quarantine", "retry").out == "Nothing waits in quarantine.\n"
    assert command("quarantine", "retry", "--json").json == {"outcome": "complete", "streams": []}


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("show", "4711"), 1, "nothing in quarantine has the number 4711"),
        (("show", str(2**70)), 1, "nothing in quarantine has the number"),
        (("show", "1", "--raw", "--json"), 2, "leave one of them out"),
        (("list", "nobody"), 2, "no repository is registered as 'nobody'"),
        (("retry", "https://nobody.example/oai"), 2, "no repository is registered"),
        (("retry", "--limit", "0"), 2, "--limit"),
    ],
)
def test_a_call_that_cannot_be_meant_is_a_sentence(
    arguments: tuple[str, ...], code: int, said: str, command: Inside
) -> None:
    ended = command("quarantine", *arguments)
    assert (ended.code, ended.out) == (code, "")
    assert said in ended.err


def test_hostile_bytes_do_nothing_to_a_terminal(broken: Inside) -> None:
    import zstandard
    from sqlalchemy import create_engine, text

    raw = b"<record>\x1b[2J\x00\xff" + b"x" * 5000
    engine = create_engine(broken.process.environment["HARVESTER_DATABASE_URL"])
    with engine.begin() as connection:
        connection.execute(text("UPDATE quarantine SET raw = :raw"), {"raw": zstandard.compress(raw)})
        number = connection.scalar(text("SELECT min(id) FROM quarantine"))
    engine.dispose()
    shown = broken("quarantine", "show", str(number)).out
    assert "\x1b" not in shown
    assert "\x00" not in shown
    assert "the first 2,048" in shown
    assert shown.count("x") < 2100
    exact = subprocess.run(
        [COMMAND, "quarantine", "show", str(number), "--raw"],
        env=os.environ | broken.process.environment,
        capture_output=True,
        check=True,
    )
    assert exact.stdout == raw
