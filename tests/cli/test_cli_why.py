"""`harvester why`: each reason that a stream can have for waiting, reached as it is reached in a library, told in words."""

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from contract import FLAG, LIST, MAYBE_TEXT, STATES, TEXT, check
from real_command import Command, Inside
from sqlalchemy import Engine, func, select, text

from harvester.mock import FakeRepository
from harvester.schedule import leader

WHY = {
    "repository": TEXT,
    "base_url": TEXT,
    "host": TEXT,
    "service_running": FLAG,
    "streams": LIST,
    "also": LIST,
}
STREAM = {
    "set": MAYBE_TEXT,
    "format": TEXT,
    "state": TEXT,
    "late": FLAG,
    "every": MAYBE_TEXT,
    "last_complete_at": MAYBE_TEXT,
    "because": LIST,
    "next": TEXT,
    "next_at": MAYBE_TEXT,
    "last_tries": LIST,
    "you_can": LIST,
}
TRY = {
    "kind": TEXT,
    "outcome": MAYBE_TEXT,
    "sentence": MAYBE_TEXT,
    "started_at": TEXT,
    "finished_at": MAYBE_TEXT,
}


def asked(command: Inside, name: str = "library", **environment: str) -> dict[str, Any]:
    done = command("why", name, "--json", **environment)
    assert (done.code, done.err) == (0, "")
    check(done.json, WHY)
    for each in done.json["streams"]:
        check(each, STREAM)
        assert each["state"] in STATES
        for one in each["last_tries"]:
            check(one, TRY)
    return dict(done.json)


def stream(command: Inside, name: str = "library", **environment: str) -> dict[str, Any]:
    (only,) = asked(command, name, **environment)["streams"]
    return dict(only)


def told(found: dict[str, Any]) -> str:
    return " | ".join([*found["because"], found["next"], *found["you_can"]])


@pytest.fixture
def service(engine: Engine) -> Iterator[None]:
    """Somebody leads the schedule, and does nothing."""
    with engine.connect() as connection:
        connection.execute(select(func.pg_advisory_lock(leader.LOCK)))
        connection.commit()
        yield
        connection.execute(select(func.pg_advisory_unlock(leader.LOCK)))


@pytest.fixture
def library(command: Inside) -> str:
    """The host of a repository that was added and never asked."""
    assert command("add", "library", "https://library.example/oai", "--every", "1d").code == 0
    return "library.example"


def write(engine: Engine, statement: str) -> None:
    with engine.begin() as connection:
        connection.execute(text(statement))


def test_without_a_service_nothing_happens_by_itself(command: Inside, library: str) -> None:
    found = asked(command)
    assert (found["repository"], found["host"], found["service_running"]) == ("library", library, False)
    only = found["streams"][0]
    assert only["because"] == ["no service is running that would harvest it"]
    assert only["next"] == "nothing, until a person acts"
    assert only["you_can"] == ["start `harvester run`", "`harvester harvest library` tries it at once"]
    assert (only["last_complete_at"], only["last_tries"], only["every"]) == (None, [], "every 1 day")
    assert len(found["also"]) == 4  # the slow second harvest, reconciliation, quarantine, sets and formats


@pytest.mark.usefixtures("service", "library")
def test_what_is_due_is_harvested_as_soon_as_a_worker_is_free(command: Inside) -> None:
    only = stream(command)
    assert only["because"] == []
    assert only["next"].startswith("it is harvested as soon as a worker is free")
    assert only["next_at"].endswith("Z")


@pytest.mark.usefixtures("service")
def test_what_was_harvested_says_when_and_what_comes_next(
    command: Inside, fake: FakeRepository, engine: Engine
) -> None:
    assert command("add", "library", fake.url, "--every", "1d").code == 0
    assert command("harvest", "library", "--quiet").code == 0
    write(
        engine,
        "UPDATE tasks SET next_due_at = now() + interval '5 hours', late_at = now() + interval '17 hours'",
    )
    only = stream(command)
    assert (only["state"], only["late"]) == ("current", False)
    assert only["last_complete_at"].endswith("Z")
    assert [each["outcome"] for each in only["last_tries"]] == ["complete"]
    assert "(in 5 hours)" in only["because"][0]
    assert "(in 5 hours)" in only["next"]
    assert only["you_can"] == []
    shown = command("why", "library").out
    assert f"library: {fake.url}" in shown
    assert "(all) oai_dc is current: last complete " in shown
    assert ", wanted every 1 day" in shown
    assert "complete: all 250 records announced were received" in shown


@pytest.mark.usefixtures("service", "library")
@pytest.mark.parametrize(
    ("statement", "expected", "until"),
    [
        ("UPDATE tasks SET paused = true", "it is paused", None),
        (
            "UPDATE tasks SET held = 'it died 3 times', next_due_at = now() + interval '7 days'",
            "it waits for a person: it died 3 times",
            "(in 7 days)",
        ),
        (
            "UPDATE tasks SET failures = 4, next_due_at = now() + interval '7 days'",
            "the last try failed, 4 times in a row, so it is tried again only at ",
            "(in 7 days)",
        ),
        (
            "INSERT INTO hosts (name, failures, closed_until) VALUES ('library.example', 6, now() + interval '1 day')",
            "library.example could not be reached, 6 times in a row, and is left alone until ",
            "(in 1 day)",
        ),
        (
            "INSERT INTO hosts (name, next_allowed_at) VALUES ('library.example', now() + interval '90 minutes')",
            "library.example wants no request before ",
            "(in 90 minutes)",
        ),
        (
            "UPDATE tasks SET begun_at = now() - interval '2 hours', spend_by = now() + interval '40 minutes'",
            "its list was begun at ",
            "(in 40 minutes)",
        ),
    ],
)
def test_each_thing_in_the_way_is_told_with_its_end(
    statement: str, expected: str, until: str | None, command: Inside, engine: Engine
) -> None:
    write(engine, statement)
    only = stream(command)
    assert [each for each in only["because"] if each.startswith(expected)]
    if until is None:
        assert only["next"] == "nothing, until a person acts"
        assert "`harvester resume library` takes it up again" in only["you_can"]
    else:
        assert until in only["because"][-1]
    if until and "begun" not in expected:
        assert until in only["next"]
    assert command("why", "library").code == 0
    assert command("resume", "library").code == 0
    assert "`harvester resume library`" not in told(stream(command))


@pytest.mark.usefixtures("service", "library")
def test_nobody_is_advised_to_ask_a_host_that_wants_rest(command: Inside, engine: Engine) -> None:
    at_once = "`harvester harvest library` tries it at once"
    assert at_once in stream(command)["you_can"]
    rest = "INSERT INTO hosts (name, next_allowed_at) VALUES ('library.example', now() + interval '1 hour')"
    write(engine, f"{rest} ON CONFLICT (name) DO UPDATE SET next_allowed_at = excluded.next_allowed_at")
    assert at_once not in stream(command)["you_can"]


@pytest.mark.usefixtures("service", "library")
def test_a_failure_before_the_first_request_is_told(command: Inside, engine: Engine) -> None:
    write(engine, "UPDATE tasks SET failures = 1, sentence = 'env:NOBODY is not set', outcome = 'failed'")
    assert "the last try ended before its first request: env:NOBODY is not set" in stream(command)["because"]


@pytest.mark.usefixtures("service", "library")
def test_what_is_long_overdue_is_late(command: Inside, engine: Engine) -> None:
    write(
        engine,
        "UPDATE tasks SET next_due_at = now() - interval '3 days', late_at = now() - interval '2 days'",
    )
    assert stream(command)["late"]
    assert "(all) oai_dc is LATE: never complete yet, wanted every 1 day" in command("why", "library").out


@pytest.mark.usefixtures("service", "library")
def test_quiet_hours_are_told_with_their_end(command: Inside, tmp_path: Path) -> None:
    path = tmp_path / "harvester.toml"
    # The whole day but for a minute that is long over, or far away.
    quiet = '[[host]]\nname = "library.example"\nquiet = "{}"\n'
    hour = command("list", "--json").json["repositories"][0]["next_due_at"][11:13]
    begin = f"{(int(hour) + 12) % 24:02}:01-{(int(hour) + 12) % 24:02}:00"
    path.write_text(quiet.format(begin))
    only = stream(command, HARVESTER_CONFIG=str(path))
    assert only["because"][0].startswith("library.example has quiet hours until ")
    assert "it is harvested at " in only["next"]


@pytest.mark.usefixtures("service")
def test_another_list_at_the_same_host_goes_first(command: Inside, engine: Engine) -> None:
    for name, path in (("first", "a"), ("second", "b")):
        assert command("add", name, f"https://farm.example/{path}", "--format", "qdc").code == 0
    write(
        engine,
        "UPDATE tasks SET begun_at = now() FROM repositories r WHERE r.id = repository_id AND r.name = 'first'"
        " AND kind = 'harvest'",
    )
    only = stream(command, "second")
    assert only["because"] == ["the harvest of first (all) qdc goes first at farm.example"]
    assert only["next"].startswith("it is harvested as soon as")
    assert stream(command, "first")["next"].startswith("its list goes on as soon as")


@pytest.mark.usefixtures("service")
def test_what_is_harvested_just_now_says_so_and_holds_up_its_neighbour(
    command: Inside, real: Command
) -> None:
    with FakeRepository(records=400, page_size=20, latency=0.1) as repository:
        assert command("add", "library", repository.url).code == 0
        assert command("add", "neighbour", repository.url + "?other=1").code == 0
        process = real.start("harvest", "library")
        assert process.stderr is not None
        while b'"page": 2' not in process.stderr.readline():
            assert process.poll() is None
        during, other = stream(command), stream(command, "neighbour")
        process.send_signal(signal.SIGTERM)
        process.communicate()
    assert during["state"] == "harvesting"
    assert during["because"][0].startswith("it is being harvested now, after ")
    assert during["next"] == "the list is read to its end"
    host = repository.url.split("/")[2]
    assert other["because"] == [f"{host} is being asked for library (all) oai_dc, and for one list at a time"]


@pytest.mark.usefixtures("service")
def test_what_is_refused_says_why_and_what_a_person_could_do(command: Inside, fake: FakeRepository) -> None:
    assert command("add", "library", fake.url).code == 0
    assert command("harvest", "library", "--quiet").code == 0
    fake.misbehave("403")
    assert command("harvest", "library", "--quiet").code == 1
    only = stream(command)
    assert [each["outcome"] for each in only["last_tries"]] == ["refused", "complete"]
    assert "403" in only["last_tries"][0]["sentence"]
    assert "`harvester probe library` tells what the repository answers, and to what" in only["you_can"]
    assert "403" in command("why", "library").out


def test_a_reconciliation_that_waits_for_a_person_is_told(command: Inside, fake: FakeRepository) -> None:
    assert command("add", "library", fake.url).code == 0
    assert command("harvest", "library", "--quiet").code == 0
    for each in fake.store.records[:200]:
        fake.store.vanish(each.identifier)
    assert command("reconcile", "library").code == 3
    only = stream(command)
    assert [each for each in only["because"] if each.startswith("a reconciliation waits for a person")]
    assert "`harvester reconcile library --approve` lets it go on" in only["you_can"]


def test_what_nobody_harvests_by_itself_says_how_it_would_be(command: Inside, fake: FakeRepository) -> None:
    assert command("harvest", fake.url, "--name", "library", "--quiet").code == 0
    only = stream(command)
    assert (only["because"], only["every"]) == (["no service has seen it yet"], None)
    assert only["you_can"][0] == "start `harvester run`"
    assert command("add", "library", fake.url).code == 0
    assert command("remove", "library", "--yes").code == 0
    only = stream(command)
    assert only["because"] == ["it was taken out of the schedule"]
    assert only["you_can"][0] == f"`harvester add library {fake.url}` puts it back"


def test_hostile_text_does_nothing_to_the_terminal(command: Inside, engine: Engine, library: str) -> None:
    write(engine, "UPDATE tasks SET held = E'\\x1b]0;owned\\x07'")
    shown = command("why", "library").out
    assert all(each.isprintable() for each in shown.splitlines())
