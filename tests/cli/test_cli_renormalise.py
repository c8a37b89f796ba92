"""`harvester renormalise` as a person or a script calls it, and what `harvester status` shows of the audit after it."""

import hashlib
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest
import zstandard
from contract import check, check_status
from real_command import Command, Ended, Inside
from sqlalchemy import Engine, text

from harvester.catalogue import renormalisation
from harvester.mock import FakeRepository

NUMBER = (int,)
REPORT = {
    **dict.fromkeys(("read", "changed", "unchanged", "kept", "resumed"), NUMBER),
    "seconds": (float, int),
}
PROGRESS = {"event": (str,), "read": NUMBER, "expected": NUMBER, "changed": NUMBER}
SPOIL = "UPDATE records SET title = 'spoilt', crosswalk_version = 0 WHERE xml IS NOT NULL"


def change(engine: Engine, statement: str, **values: Any) -> None:
    with engine.begin() as connection:
        connection.execute(text(statement), values)


def one(engine: Engine, statement: str) -> Any:
    with engine.connect() as connection:
        return connection.scalar(text(statement))


def wait_until(condition: Callable[[], object], seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it never happened"
        time.sleep(0.005)


@pytest.fixture
def harvested(command: Inside, fake: FakeRepository) -> FakeRepository:
    """The repository, harvested under the name `fake`."""
    assert command("harvest", fake.url, "--name", "fake", "--quiet").code == 0
    return fake


def live(fake: FakeRepository) -> int:
    return sum(not each.deleted for each in fake.store.records)


def test_the_json_report_counts_what_was_read_and_what_changed(
    command: Inside, engine: Engine, harvested: FakeRepository
) -> None:
    change(engine, SPOIL + " AND get_byte(item_key, 0) < 128")
    spoilt = one(engine, "SELECT count(*) FROM records WHERE title = 'spoilt'")
    asked = len(harvested.log)
    done = command("renormalise", "--json")
    assert done.code == 0
    check(done.json, REPORT)
    number = live(harvested)
    assert done.json | {"seconds": 0} == {
        "read": number,
        "changed": spoilt,
        "unchanged": number - spoilt,
        "kept": 0,
        "resumed": 0,
        "seconds": 0,
    }
    for line in done.pages:
        check(line, PROGRESS)
        assert line["event"] == "renormalise"
        assert line["expected"] == 250
    assert len(done.pages) >= 1
    assert len(harvested.log) == asked
    assert command("renormalise", "--json").json["changed"] == 0


def test_the_report_for_a_person_says_the_same(
    command: Inside, engine: Engine, harvested: FakeRepository
) -> None:
    change(engine, SPOIL)
    done = command("renormalise", "--quiet")
    number = live(harvested)
    assert (done.code, done.err) == (0, "")
    assert f"{number} records read again in" in done.out
    assert f"{number} entries changed, 0 stayed as they were" in done.out
    change(
        engine,
        "UPDATE records SET xml = 'lost' WHERE item_key = (SELECT min(item_key) FROM records WHERE xml IS NOT NULL)",
    )
    done = command("renormalise", "fake")
    assert f"0 entries changed, {number - 1} stayed" in done.out
    assert "1 could not be read any more" in done.out


def test_an_empty_catalogue_is_no_error(command: Inside) -> None:
    done = command("renormalise")
    assert (done.code, done.err) == (0, "")
    assert "0 records read again" in done.out
    assert command("renormalise", "--json").json["read"] == 0


@pytest.mark.parametrize("source", ["nobody", "https://nobody.example/oai"])
def test_a_source_that_nobody_registered_is_a_mistake_of_the_call(
    source: str, command: Inside, harvested: FakeRepository
) -> None:
    done = command("renormalise", source, "--json")
    assert (done.code, done.out) == (2, "")
    assert "no repository is registered as" in done.err
    assert "harvester status" in done.err


def test_a_source_is_given_by_name_or_address(command: Inside, harvested: FakeRepository) -> None:
    for source in ("fake", harvested.url):
        assert command("renormalise", source, "--json").json["read"] == live(harvested)


def test_a_second_one_at_the_same_time_is_refused(
    command: Inside, engine: Engine, harvested: FakeRepository
) -> None:
    with engine.connect() as connection:
        assert renormalisation.take(connection)
        done = command("renormalise")
        connection.invalidate()
    assert (done.code, done.out) == (1, "")
    assert "another process derives entries again" in done.err
    assert command("renormalise").code == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_130_and_the_same_command_goes_on(
    number: signal.Signals, real: Command, command: Inside, engine: Engine, harvested: FakeRepository
) -> None:
    change(engine, SPOIL)
    last = one(engine, "SELECT encode(max(item_key), 'hex') FROM records WHERE xml IS NOT NULL")
    asked = len(harvested.log)
    with (
        engine.connect() as held
    ):  # the last batch waits for us, so that the command cannot end before the signal
        held.execute(text(f"SELECT 1 FROM records WHERE item_key = '\\x{last}' FOR UPDATE"))
        process = real.start("renormalise", "--json", bufsize=0)
        wait_until(lambda: one(engine, "SELECT count(*) FROM renormalisations WHERE finished") == 15)
        process.send_signal(number)
        assert process.stderr is not None
        while b"stopping" not in process.stderr.readline():
            assert process.poll() is None
        held.rollback()
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, b"")
    assert b"goes on from here" in err
    assert b"Traceback" not in err
    saved = one(engine, "SELECT sum(read) FROM renormalisations")
    assert one(engine, "SELECT count(*) FROM records WHERE title <> 'spoilt'") == saved > 0
    done = command("renormalise", "--json").json
    assert done["resumed"] == saved
    assert done["read"] == done["changed"] == live(harvested)
    assert one(engine, "SELECT count(*) FROM records WHERE title = 'spoilt'") == 0
    assert len(harvested.log) == asked


def add_an_element(engine: Engine, xml: str) -> bytes:
    """Put an element into the stored XML of one record, as if the repository had sent it; its XML as it was."""
    with engine.begin() as connection:
        row = connection.execute(
            text(
                "SELECT item_key, xml FROM records WHERE xml IS NOT NULL AND dictionary_id IS NULL ORDER BY 1 LIMIT 1"
            )
        ).one()
        plain = zstandard.decompress(row.xml)
        end = plain.rindex(b"</")
        more = plain[:end] + xml.encode() + plain[end:]
        connection.execute(
            text("UPDATE records SET xml = :xml, hash = :hash WHERE item_key = :key"),
            {"xml": zstandard.compress(more), "hash": hashlib.sha256(more).digest(), "key": row.item_key},
        )
    return bytes(row.xml)


def unread(done: Ended) -> list[dict[str, Any]]:
    assert done.code == 0
    check_status(done.json, named=True)
    (repository,) = done.json["repositories"]
    return list(repository["unread"])


def test_status_of_a_repository_shows_what_no_rule_reads_until_one_does(
    command: Inside, engine: Engine, harvested: FakeRepository
) -> None:
    odd = '<s:odd xmlns:s="urn:s">text</s:odd>'
    before = add_an_element(engine, odd * 3)
    assert unread(command("status", "fake", "--json")) == []
    assert "no rule read" not in command("status", "fake").out
    assert command("renormalise").code == 0
    (found,) = unread(command("status", "fake", "--json"))
    assert (found["format"], found["element"], found["seen"]) == ("oai_dc", "{urn:s}odd", 3)
    assert found["first_seen"].endswith("Z")
    assert found["first_seen"] <= found["last_seen"]
    shown = command("status", "fake").out
    assert "no rule read" in shown
    assert "{urn:s}odd" in shown
    change(
        engine,
        "UPDATE records SET xml = :xml WHERE item_key = (SELECT min(item_key) FROM records WHERE xml IS NOT NULL AND dictionary_id IS NULL)",
        xml=before,
    )
    assert command("renormalise", "fake").code == 0
    assert unread(command("status", "fake", "--json")) == []
