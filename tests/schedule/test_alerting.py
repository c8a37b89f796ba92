"""What people are told of: what is wrong and stays so, each thing once, in words that say what to do; and not a word more."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import time, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event, insert, text
from watched import DAY, NOW, Watched, emptied, shared

from harvester.catalogue import alerts
from harvester.catalogue.alerts import Finding
from harvester.catalogue.lasting_tables import reconciliations
from harvester.catalogue.ledger_tables import plans
from harvester.catalogue.reading_tables import quarantine
from harvester.catalogue.vitals import STREAMS_AT_ONCE, TaskState
from harvester.config import HostSettings, Quiet, Settings
from harvester.schedule import alerting, notify
from harvester.schedule.alerting import Known, judge

ELSEWHERE = Settings(database_url="postgresql://me@127.0.0.1:1/none")
HOUR = timedelta(hours=1)
STREAM = "figshare, oai_dc"


@pytest.fixture(scope="module")
def catalogue(postgres: str, template: str) -> Iterator[Engine]:
    with shared(postgres, template, "alerting") as engine:
        yield engine


@pytest.fixture
def engine(catalogue: Engine) -> Engine:
    """Of a catalogue that is empty at first."""
    return emptied(catalogue).engine


@pytest.fixture
def watched(engine: Engine) -> Watched:
    return Watched(engine)


@pytest.fixture
def look(engine: Engine) -> Callable[..., None]:
    """One look at the catalogue, at a moment after NOW."""

    def at(after: timedelta = timedelta(0), settings: Settings = ELSEWHERE) -> None:
        notify.tick(engine, settings, NOW + after)

    return at


def test_a_catalogue_in_order_raises_nothing(watched: Watched, look) -> None:
    for kind in ("harvest", "rolling", "reconcile", "retry", "refresh"):
        watched.task(kind=kind)
    watched.task("zenodo", failures=1, outcome="unreachable", done_at=NOW - timedelta(days=1.5))
    watched.task("arxiv", done_at=None, outcome=None, next_due_at=NOW - HOUR)
    look()
    assert watched.alerts() == []


@pytest.mark.parametrize(
    ("columns", "wrong"),
    [
        ({"failures": 2, "done_at": NOW - timedelta(days=30)}, False),  # a server that is restarted
        ({"failures": 3, "done_at": NOW - timedelta(days=1.9)}, False),
        ({"failures": 3, "done_at": NOW - timedelta(days=2.1)}, True),
        ({"failures": 5, "done_at": NOW - HOUR}, False),
        ({"failures": 6, "done_at": NOW - HOUR}, True),
        ({"failures": 6, "done_at": None}, True),
        ({"failures": 9, "done_at": None, "paused": True}, False),
    ],
)
def test_a_stream_fails_when_it_has_done_so_often_or_for_long(
    columns: dict[str, Any], wrong: bool, watched: Watched, look
) -> None:
    watched.task(outcome="failed", sentence="the page cannot be read", **columns)
    look()
    assert watched.open() == ({(STREAM, "failing")} if wrong else set())


def test_the_sentence_says_what_is_wrong_since_when_and_what_to_do(watched: Watched, look) -> None:
    watched.task(
        failures=7, outcome="failed", sentence="the server answers HTTP 500", done_at=NOW - timedelta(days=3)
    )
    look()
    [row] = watched.alerts()
    assert row.sentence == (
        "figshare, oai_dc has failed 7 times in a row and was last brought up to date on 2026-11-02 12:00 UTC (wanted "
        "every 1 day). The last time: the server answers HTTP 500. It is tried again by itself; `harvester why figshare` "
        "says more."
    )
    assert row.evidence["failures"] == 7
    assert row.evidence["host"] == "figshare.example.org"
    assert row.since == NOW


def test_looking_again_and_from_two_processes_raises_nothing_twice(
    watched: Watched, look, engine: Engine
) -> None:
    watched.task(failures=7, outcome="failed")
    look()
    look(HOUR)
    with alerts.turn(engine) as mine:
        assert mine is not None
        look(HOUR)  # another is about it: nothing is done, nothing fails
    finding = Finding(STREAM, "failing", "in other words", {}, watched.repository())
    for after in (HOUR, 2 * HOUR):
        with engine.begin() as connection:
            alerts.raise_alerts(connection, [finding], NOW + after)
    [row] = watched.alerts()
    assert (row.sentence, row.since) == ("in other words", NOW)


def test_two_who_raise_the_same_at_once_raise_it_once(watched: Watched, engine: Engine) -> None:
    findings = [Finding(subject, "failing", "s") for subject in "abcdef"]

    def raise_(turned: int) -> None:
        with engine.begin() as connection:
            alerts.raise_alerts(connection, findings[turned:] + findings[:turned], NOW)

    threads = [threading.Thread(target=raise_, args=(number,)) for number in range(6)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert [row.subject for row in watched.alerts()] == list("abcdef")


def test_a_stream_is_late_when_nobody_comes_not_when_its_list_takes_days(watched: Watched, look) -> None:
    due = NOW - timedelta(days=2.1)
    watched.task("late", next_due_at=due)
    watched.task("soon", next_due_at=NOW - timedelta(days=1.9))
    watched.task("long", next_due_at=due, begun_at=due, tried_at=NOW - HOUR)
    watched.task("stuck", next_due_at=due, begun_at=due, tried_at=due)
    watched.task("held", next_due_at=due, held="too many would go")
    look()
    assert watched.open() == {("late, oai_dc", "late"), ("stuck, oai_dc", "late"), ("held, oai_dc", "held")}


def test_a_host_that_is_left_alone_at_night_makes_nothing_late(watched: Watched, look) -> None:
    watched.task(next_due_at=NOW - timedelta(days=3), cron="0 3 * * *", zone="Europe/Berlin")
    here = {"figshare.example.org": HostSettings("figshare.example.org", quiet=Quiet(time(11), time(14)))}
    look(settings=replace(ELSEWHERE, hosts=here))
    assert watched.open() == set()
    look(3 * HOUR, settings=replace(ELSEWHERE, hosts=here))
    [row] = watched.alerts()
    assert "(wanted by cron '0 3 * * *' (Europe/Berlin))" in row.sentence


def test_works_again_is_said_only_of_what_was_done_since(watched: Watched, look) -> None:
    task = watched.task(failures=7, outcome="failed", done_at=NOW - timedelta(days=9))
    look()
    watched.change(task, failures=1, outcome="incomplete")
    look(HOUR)
    assert watched.open() == {(STREAM, "failing")}, "it has not been brought up to date yet"
    watched.change(task, failures=0, outcome="complete", done_at=NOW + 2 * HOUR)
    look(3 * HOUR)
    [row] = watched.alerts()
    assert (row.resolved_at, row.recovery_told_at) == (NOW + 3 * HOUR, NOW + 3 * HOUR), (
        "nobody had heard of it"
    )


@pytest.mark.parametrize("end", ["paused", "removed", "refused"])
def test_what_is_paused_removed_or_worse_does_not_work_again(
    end: str, watched: Watched, look, engine: Engine
) -> None:
    task = watched.task(failures=7, outcome="failed", done_at=NOW - timedelta(days=9))
    look()
    with engine.begin() as connection:
        alerts.told(connection, [watched.alerts()[0].id], alerts.ALERT, "somebody", NOW)
    if end == "removed":
        with engine.begin() as connection:
            connection.execute(text("DELETE FROM tasks"))
    else:
        watched.change(task, **({"paused": True} if end == "paused" else {"outcome": "refused"}))
    look(HOUR)
    row = watched.alerts()[0]
    assert row.resolved_at == row.recovery_told_at == NOW + HOUR, "it ends quietly"
    assert watched.open() == ({(STREAM, "refused")} if end == "refused" else set())


def test_a_task_that_waits_for_a_person_is_told_with_the_command_that_frees_it(
    watched: Watched, look
) -> None:
    task = watched.task("my repo", held="the process died 3 times in a row")
    look()
    [row] = watched.alerts()
    assert row.kind == "held"
    assert "`harvester resume 'my repo'`" in row.sentence
    watched.change(task, held=None)
    look(HOUR)
    assert watched.open() == set()


def test_a_held_reconciliation_is_told_until_somebody_approves(
    watched: Watched, look, engine: Engine
) -> None:
    task = watched.task(kind="reconcile", outcome="held")
    with engine.begin() as connection:
        stream = connection.scalar(text("SELECT stream_id FROM tasks WHERE id = :id"), {"id": task})
        plan = connection.execute(
            insert(plans)
            .values(stream_id=stream, kind="reconcile", granularity="seconds")
            .returning(plans.c.id)
        ).scalar_one()
        connection.execute(
            insert(reconciliations).values(
                stream_id=stream, plan_id=plan, state="held", sentence="90 of 100 are gone"
            )
        )
    look()
    [row] = watched.alerts()
    assert (row.subject, row.kind) == ("the reconciliation of figshare, oai_dc", "held")
    assert "90 of 100 are gone. `harvester reconcile figshare` shows" in row.sentence
    with engine.begin() as connection:
        connection.execute(text("UPDATE reconciliations SET state = 'done'"))
    look(HOUR)
    assert watched.open() == set()


def test_four_hundred_streams_of_a_dead_host_are_one_alert(watched: Watched, look) -> None:
    for number in range(20):
        watched.task(set_=f"s{number}", failures=9, outcome="unreachable", done_at=NOW - timedelta(days=9))
    watched.host(failures=9, closed_until=NOW + HOUR)
    look()
    assert watched.open() == {("figshare.example.org", "host_closed")}
    [row] = watched.alerts()
    assert "Harvested from it: figshare." in row.sentence
    watched.host(failures=10, closed_until=NOW + 4 * HOUR)
    look(2 * HOUR)
    assert [each.since for each in watched.alerts()] == [NOW], "it is the same trouble still"
    watched.host(failures=0, closed_until=None)
    look(3 * HOUR)
    assert ("figshare.example.org", "host_closed") not in watched.open()
    assert len(watched.open()) == 20, "its streams have not been brought up to date yet"


def test_a_host_whose_repositories_are_paused_is_nobodys_trouble(watched: Watched, look) -> None:
    task = watched.task(failures=9)
    watched.host(failures=9, closed_until=NOW + HOUR)
    look()
    watched.change(task, paused=True)
    look(HOUR)
    assert watched.open() == set()


@pytest.mark.parametrize(
    ("live", "listed", "wrong"),
    [(1_000, 840, True), (1_000, 860, False), (100, 60, False), (10_000, 0, True), (1_000, 1_200, False)],
)
def test_a_full_list_that_has_shrunk_is_told(
    live: int, listed: int, wrong: bool, watched: Watched, look
) -> None:
    task = watched.task()
    watched.live(live)
    [plan] = watched.runs(task, [NOW - HOUR], plan="full")
    watched.windows(plan, listed)
    watched.runs(task, [NOW - timedelta(minutes=5)])
    look()
    assert watched.open() == ({(STREAM, "count_drop")} if wrong else set())
    if wrong:
        assert f"has brought {listed:,}, and {live:,} are held" in watched.alerts()[0].sentence


def test_a_list_that_announces_far_less_is_told_before_it_has_ended_and_taken_back_when_it_is_whole(
    watched: Watched, look, engine: Engine
) -> None:
    task = watched.task()
    watched.live(1_000)
    [plan] = watched.runs(task, [NOW - HOUR], plan="full", outcome="incomplete")
    with engine.begin() as connection:
        connection.execute(text("UPDATE plans SET state = 'open', size = 10"))
    look()
    assert watched.open() == {(STREAM, "count_drop")}
    assert "announces 10" in watched.alerts()[0].sentence
    with engine.begin() as connection:
        connection.execute(text("UPDATE plans SET state = 'done'"))
    watched.windows(plan, 1_001)
    look(HOUR)
    assert watched.open() == set()


def days(*ago: float) -> list[Any]:
    return sorted(NOW - timedelta(days=each) for each in ago)


@pytest.mark.parametrize(
    ("changed", "quiet", "wrong"),
    [
        (days(*range(10, 22)), days(*range(1, 10)), True),
        (days(*range(4, 16)), days(*range(1, 4)), False),  # a long weekend
        (days(20, 21, 22), days(*range(1, 20)), False),  # too little to learn from
        (days(*range(20, 200, 30)), days(*range(1, 20)), False),  # it has something once a month
        (days(9, 10, 11, 12, 27, 28, 29), days(*range(1, 9)), False),  # it was as quiet once before
        (days(*range(10, 22)), [], False),  # nobody has asked since
    ],
)
def test_a_stream_that_falls_silent_against_its_habit_is_told(
    changed: list[Any], quiet: list[Any], wrong: bool, watched: Watched, look
) -> None:
    task = watched.task()
    watched.runs(task, changed, created=3)
    watched.runs(task, quiet, unchanged=3)
    look()
    assert watched.open() == ({(STREAM, "silent")} if wrong else set())


def test_a_first_harvest_of_a_hundred_slices_is_one_change_and_not_a_habit(
    watched: Watched, look, engine: Engine
) -> None:
    task = watched.task()
    watched.runs(task, [NOW - timedelta(days=60)], plan="full", created=9)
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO runs (stream_id, plan_id, outcome, created, started_at) SELECT stream_id, plan_id, 'interrupted', 9,"
                " started_at + make_interval(mins => n) FROM runs, generate_series(1, 100) AS n"
            )
        )
    watched.runs(task, days(*range(1, 50)))
    look()
    assert watched.open() == set()


def test_a_silent_stream_stays_told_until_it_has_something_new(
    watched: Watched, look, engine: Engine
) -> None:
    task = watched.task()
    watched.runs(task, days(*range(10, 22)), created=3)
    watched.runs(task, days(*range(1, 10)))
    look()
    watched.runs(
        task, [NOW + timedelta(minutes=each) for each in range(400)]
    )  # its habit is no longer in sight
    look(HOUR)
    assert watched.open() == {(STREAM, "silent")}
    watched.runs(task, [NOW + 8 * HOUR], created=1)
    look(9 * HOUR)
    assert watched.open() == set()


def test_every_stream_gets_its_look_though_only_a_share_of_many_is_looked_at_at_once(
    watched: Watched, look, engine: Engine
) -> None:
    wrong = watched.task()
    watched.live(1_000)
    watched.windows(watched.runs(wrong, [NOW - HOUR], plan="full")[0], 1)
    repository = watched.repository()
    with engine.begin() as connection:
        connection.execute(
            text(
                "WITH made AS (INSERT INTO streams (repository_id, set_spec, format) SELECT :repository, 's' || n, 'oai_dc'"
                " FROM generate_series(1, :number) AS n RETURNING id)"
                " INSERT INTO tasks (repository_id, stream_id, kind, host, least, most, interval)"
                " SELECT :repository, id, 'harvest', 'h', 1, 1, 86400 FROM made"
            ),
            {"repository": repository, "number": 3 * STREAMS_AT_ONCE},
        )
    for minute in range(4):
        look(timedelta(minutes=minute))
    assert watched.open() == {(STREAM, "count_drop")}, "raised at its turn, and kept at those of the others"


def test_lost_tokens_are_told_of_a_repository_when_they_are_no_longer_routine(watched: Watched, look) -> None:
    for name, restarts, windows in (("routine", 5, 100), ("few", 4, 4), ("losing", 30, 100)):
        task = watched.task(name)
        [plan] = watched.runs(task, [NOW - HOUR], restarts=restarts)
        watched.windows(plan, 1, number=windows)
    old = watched.task("long ago")
    watched.windows(watched.runs(old, [NOW - timedelta(days=2)], restarts=50)[0], 1)
    look()
    assert watched.open() == {("losing", "token_losses")}
    look(timedelta(days=2))
    assert watched.open() == set()


def test_a_quarantine_that_grows_is_told_and_one_that_stays_is_not(
    watched: Watched, look, engine: Engine
) -> None:
    def put_aside(name: str, number: int, *, at: Any) -> None:
        row = {
            "repository_id": watched.repository(name),
            "format": "oai_dc",
            "reason": "x",
            "raw": b"",
            "run_id": 1,
        }
        with engine.begin() as connection:
            connection.execute(
                insert(quarantine),
                [row | {"key": f"{name}{at}{n}".encode(), "first_seen": at} for n in range(number)],
            )

    for name, number, at, received in (
        ("grows", 150, NOW - HOUR, 10_000),
        ("stays", 150, NOW - timedelta(days=3), 10_000),
        ("large", 150, NOW - HOUR, 1_000_000),
        ("little", 99, NOW - HOUR, 100),
    ):
        watched.runs(watched.task(name), [NOW - HOUR], received=received)
        put_aside(name, number, at=at)
    look()
    assert watched.open() == {("grows", "quarantine")}
    assert "`harvester quarantine list grows`" in watched.alerts()[0].sentence
    with engine.begin() as connection:
        connection.execute(text("UPDATE quarantine SET resolved_at = now()"))
    look(HOUR)
    assert watched.open() == set()


def test_the_disk_of_the_embedded_catalogue_is_watched(
    watched: Watched, look, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = Settings(home=tmp_path)
    monkeypatch.setattr(alerting, "DISK_FREE", 2**62)
    look(settings=ours)
    assert watched.open() == {("the service", "disk")}
    monkeypatch.setattr(alerting, "DISK_FREE", 1)
    look(HOUR, settings=ours)
    assert watched.open() == set()


def test_hostile_names_and_sentences_stay_one_short_printable_line(watched: Watched, look) -> None:
    evil = "a\r\nBcc: x@example.org\x1b[2J\u202e" + "s" * 10_000
    for more in ("1", "2"):
        watched.task(set_=evil + more, failures=9, outcome="failed", sentence=evil)
    look()
    subjects = {row.subject for row in watched.alerts()}
    assert len(subjects) == 2, "what is cut can still be told apart"
    for row in watched.alerts():
        assert row.subject.isprintable()
        assert row.sentence.isprintable()
        assert len(row.sentence) < 1_500


def test_a_look_costs_a_few_statements_however_many_streams_there_are(
    watched: Watched, look, engine: Engine
) -> None:
    for number in range(30):
        watched.task(set_=f"s{number}", failures=9, outcome="failed")
    look()
    asked: list[str] = []

    def note(*args: Any) -> None:
        asked.append(args[2])

    event.listen(engine, "before_cursor_execute", note)
    look(HOUR)
    event.remove(engine, "before_cursor_execute", note)
    assert len(asked) < 15
    assert not [each for each in asked if " records " in each.lower()], "the catalogue's records are not read"


def test_sentences_do_not_move_with_the_clock() -> None:
    late = TaskState(
        id=1, kind="harvest", host="h", repository_id=1, repository="r", set_spec="", format="oai_dc", interval=DAY,
        cron=None, zone="UTC", next_due_at=NOW - timedelta(days=3), paused=False, begun_at=None, tried_at=None, done_at=None, failures=0,
        outcome=None, sentence=None, held=None,
    )  # fmt: skip
    assert judge(Known([late]), NOW) == judge(Known([late]), NOW + timedelta(minutes=5)) != []
