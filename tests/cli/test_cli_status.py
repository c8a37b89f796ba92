"""`harvester status`: every state a stream can be in, reached as a user reaches it."""

import signal
import time
from collections.abc import Callable
from typing import Any

from contract import OUTCOMES, check_status
from real_command import Command, Inside
from sqlalchemy import Engine, event

from harvester.catalogue.status import status
from harvester.mock import FakeRepository


def stream(command: Inside) -> dict[str, Any]:
    done = command("status", "--json")
    assert done.code == 0
    assert done.err == ""
    check_status(done.json)
    (repository,) = done.json["repositories"]
    (only,) = repository["streams"]
    return dict(only)


def wait_until(condition: Callable[[], object], seconds: float = 20) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it never happened"
        time.sleep(0.05)


def test_an_empty_catalogue_says_how_to_begin(command: Inside) -> None:
    assert command("status", "--json").json == {
        "repositories": [],
        "totals": {"records": 0, "deleted": 0, "quarantined": 0},
    }
    assert "harvester harvest URL" in command("status").out


def test_a_stream_is_harvesting_then_due_when_killed_then_current(real: Command, command: Inside) -> None:
    with FakeRepository(records=400, page_size=20, latency=0.1) as repository:
        process = real.start("harvest", repository.url, "--name", "fake")
        assert process.stderr is not None
        while b'"page": 2' not in process.stderr.readline():
            assert process.poll() is None
        during = stream(command)
        assert (during["state"], during["last_run"]["outcome"]) == ("harvesting", None)
        assert during["last_run"]["finished_at"] is None
        assert during["token_expires_at"].endswith("Z")
        assert during["records"] > 0
        process.send_signal(signal.SIGKILL)
        process.communicate()
        wait_until(lambda: stream(command)["state"] == "due")  # Postgres notices a moment later
        repository.latency = 0
        assert command("harvest", "fake").code == 0
    after = stream(command)
    assert (after["state"], after["last_run"]["outcome"]) == ("current", "complete")
    assert after["token_expires_at"] is None
    assert after["watermark"].endswith("Z")


def test_a_stream_is_refused_and_says_why_until_the_repository_answers_again(command: Inside) -> None:
    with FakeRepository(records=30, page_size=10) as repository:
        assert command("harvest", repository.url, "--name", "fake").code == 0
        repository.misbehave("403")
        assert command("harvest", "fake").code == 1
        assert stream(command)["state"] == "refused"
        shown = command("status", "fake")
        assert shown.code == 0
        assert "403" in shown.out  # the details say what happened
        repository.behave()
        assert command("harvest", "fake").code == 0
        assert stream(command)["state"] == "current"


STATES = {
    "complete": "current",
    "complete_unverified": "current",
    "incomplete": "failing",
    "held": "held",
    "refused": "refused",
    "unreachable": "failing",
    "failed": "failing",
    "interrupted": "due",
}


def test_every_outcome_leads_to_a_state(command: Inside, engine: Engine, fake: FakeRepository) -> None:
    assert set(STATES) == OUTCOMES
    assert command("harvest", fake.url).code == 0
    for outcome, state in STATES.items():
        with engine.begin() as connection:
            connection.exec_driver_sql("UPDATE runs SET outcome = %(outcome)s", {"outcome": outcome})
        found = stream(command)
        assert (found["state"], found["last_run"]["outcome"]) == (state, outcome)


def test_a_set_has_its_own_counts_and_the_totals_count_a_record_once(
    command: Inside, fake: FakeRepository
) -> None:
    assert command("harvest", fake.url, "--set", "portal_1", "--set", "", "--name", "fake").code == 0
    found = command("status", "fake", "--json").json
    check_status(found, named=True)
    counts = {each["set"]: (each["records"], each["deleted"]) for each in found["repositories"][0]["streams"]}
    mine = [each for each in fake.store.records if each.belongs("portal_1")]
    gone = sum(each.deleted for each in mine)
    assert counts["portal_1"] == (len(mine) - gone, gone)
    everything = sum(each.deleted for each in fake.store.records)
    assert counts[None] == (250 - everything, everything)
    assert found["totals"] == {"records": 250 - everything, "deleted": everything, "quarantined": 0}
    assert "portal_1" in command("status").out


def test_many_repositories_are_read_in_as_few_statements_as_one(engine: Engine) -> None:
    statements: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *arguments: statements.append(arguments[2]))
    numbers = []
    for step in range(2):
        with engine.begin() as connection:
            connection.exec_driver_sql(
                "INSERT INTO repositories (name, base_url)"
                f" SELECT 'r{step}-' || i, 'http://r' FROM generate_series(1, {1 + 49 * step}) AS i;"
                "INSERT INTO streams (repository_id, format)"
                " SELECT id, 'oai_dc' FROM repositories ON CONFLICT DO NOTHING;"
            )
        statements.clear()
        with engine.connect() as connection:
            found = status(connection)
        numbers.append(len(statements))
    assert len(found["repositories"]) == 51
    assert {each["state"] for one in found["repositories"] for each in one["streams"]} == {"new"}
    assert numbers[0] == numbers[1] == 3
