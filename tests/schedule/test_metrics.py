"""What Prometheus is told: true, bounded in labels and in time, whatever repositories and Postgres do."""

import socket
import threading
import time
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import prometheus_client
import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine, event, text
from waiting import until
from watched import NOW, Watched

from harvester.catalogue.connection import connect
from harvester.catalogue.gauges import STATES
from harvester.catalogue.runs import Counts
from harvester.schedule.metrics import Metrics
from harvester.schedule.standing import Done

NOBODY = "postgresql+psycopg://me@127.0.0.1:1/none"


def values(metrics: Metrics) -> dict[tuple[Any, ...], float]:
    """Every sample by its name and label values."""
    found = {}
    for family in text_string_to_metric_families(metrics.text().decode()):
        for sample in family.samples:
            if not sample.name.endswith("_created"):
                found[sample.name, *sample.labels.values()] = sample.value
    return found


def task(repository: str = "figshare", kind: str = "harvest") -> Any:
    return SimpleNamespace(repository=repository, kind=kind)


def page(**counts: int) -> Any:
    return SimpleNamespace(page=Counts(pages=1, requests=1, **counts))


@pytest.fixture
def alone():
    """Metrics without a catalogue behind them."""
    metrics = Metrics(connect(NOBODY), lambda: 0)
    yield metrics
    metrics.close()


def test_pages_requests_records_and_lost_tokens_are_counted_by_repository(alone: Metrics) -> None:
    alone.page(task(), page(created=8, unchanged=2, quarantined=1))
    alone.page(task(), page(created=1, restarts=1))
    alone.page(task("zenodo"), page(deleted=3))
    alone.slice("figshare.example.org", 12.5)
    found = values(alone)
    assert found["harvester_pages_total", "figshare"] == 2
    assert found["harvester_requests_total", "zenodo"] == 1
    assert found["harvester_records_total", "created", "figshare"] == 9
    assert found["harvester_records_total", "deleted", "zenodo"] == 3
    assert found["harvester_token_losses_total", "figshare"] == 1
    assert found["harvester_slices_total",] == 1
    assert found["harvester_slice_seconds_sum",] == 12.5
    assert found["harvester_slice_seconds_bucket", "20.0"] == 1
    assert found["harvester_slice_seconds_bucket", "10.0"] == 0


def test_a_failure_is_counted_under_a_reason_of_ours_whatever_the_repository_calls_it(alone: Metrics) -> None:
    for outcome, reason in (
        ("unreachable", "dns"),
        ("failed", "http_503"),
        ("refused", "badArgument"),
        ("refused", 'x"}\n# HELP forged'),
        ("failed", "http_99999"),
        ("failed", None),
        ("complete", "size_agrees"),
        ("interrupted", "signal"),
    ):
        alone.task(task(), Done(outcome, reason), 1.0)
    found = values(alone)
    assert {key[1]: value for key, value in found.items() if key[0] == "harvester_failures_total"} == {
        "dns": 1,
        "http_503": 1,
        "badArgument": 1,
        "other": 3,
    }
    assert found["harvester_tasks_total", "harvest", "failed"] == 3


def test_ten_thousand_repositories_do_not_become_ten_thousand_labels(alone: Metrics) -> None:
    for number in range(10_000):
        alone.page(task(f"r{number}"), page(created=1))
    found = {key[1]: value for key, value in values(alone).items() if key[0] == "harvester_pages_total"}
    assert len(found) == 201
    assert found["other"] == 9_800
    assert sum(found.values()) == 10_000
    assert len(alone.text()) < 200_000


def test_a_name_with_quotes_and_line_breaks_forges_no_metric(alone: Metrics) -> None:
    evil = 'a"} 1\nharvester_leader 1\n\\'
    alone.page(task(evil), page())
    assert values(alone)["harvester_pages_total", evil] == 1
    assert values(alone)["harvester_leader",] == 0


def test_two_services_in_one_process_share_nothing_and_leave_the_global_registry_alone() -> None:
    before = prometheus_client.generate_latest()
    one, two = Metrics(connect(NOBODY), lambda: 0), Metrics(connect(NOBODY), lambda: 0)
    one.page(task(), page())
    assert ("harvester_pages_total", "figshare") not in values(two)
    assert b"harvester_" not in prometheus_client.generate_latest()
    assert len(prometheus_client.generate_latest()) - len(before) < 200
    one.close()
    two.close()


def test_gauges_say_how_the_schedule_stands(engine: Engine) -> None:
    watched = Watched(engine)
    ago, ahead = NOW - timedelta(hours=2), NOW + timedelta(hours=2)
    states: dict[str, dict[str, Any]] = {
        "new": {"done_at": None, "outcome": None},
        "current": {},
        "due": {"next_due_at": ago, "late_at": ahead},
        "harvesting": {"begun_at": ago, "spend_by": NOW - timedelta(minutes=1), "dies_at": ahead},
        "paused": {"paused": True, "next_due_at": ago, "late_at": ago},
        "held": {"held": "too many would go", "next_due_at": ago, "late_at": ago},
        "failing": {"failures": 2, "outcome": "unreachable"},
        "refused": {"failures": 1, "outcome": "refused"},
    }
    assert tuple(states) == STATES
    for set_, columns in states.items():
        watched.task(set_=set_, **columns)
    watched.task(set_="late", next_due_at=ago, late_at=NOW - timedelta(seconds=90))
    watched.task(set_="open", begun_at=ago, spend_by=ahead, dies_at=ahead)
    watched.task(kind="refresh", next_due_at=ago, late_at=ahead)
    watched.host("shut.example.org", failures=5, closed_until=ahead)
    watched.host("open.example.org", failures=5, closed_until=ago)
    metrics = Metrics(engine, lambda: 7, now=lambda: NOW)
    metrics.leads(True)
    found = values(metrics)
    metrics.close()
    assert {key[1]: value for key, value in found.items() if key[0] == "harvester_streams"} == {
        **dict.fromkeys(STATES, 1),
        "due": 2,
        "harvesting": 2,
    }
    assert {key[0]: value for key, value in found.items() if len(key) == 1 and "slice" not in key[0]} == {
        "harvester_catalogue_up": 1,
        "harvester_leader": 1,
        "harvester_tasks_due": 3,
        "harvester_tasks_late": 1,
        "harvester_lateness_seconds": 90,
        "harvester_lists_open": 2,
        "harvester_tokens_ending": 1,
        "harvester_hosts_closed": 1,
        "harvester_quarantine_records": 0,
        "harvester_queue_length": 7,
    }


def test_without_a_queue_the_other_gauges_are_there(engine: Engine) -> None:
    def no_queue() -> int:
        with engine.connect() as connection:
            return int(connection.scalar(text("SELECT count(*) FROM harvester_queue.procrastinate_jobs")))

    metrics = Metrics(engine, no_queue)
    found = values(metrics)
    metrics.close()
    assert found["harvester_catalogue_up",] == 1
    assert ("harvester_queue_length",) not in found


def test_a_storm_of_scrapes_asks_postgres_once(engine: Engine) -> None:
    asked = []
    event.listen(engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
    metrics = Metrics(engine, lambda: 0)
    threads = [threading.Thread(target=metrics.text) for _ in range(50)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    metrics.text()
    metrics.close()
    assert len([each for each in asked if "FROM tasks" in each]) == 1
    assert len(asked) <= 6


def test_gauges_are_read_anew_when_they_are_old() -> None:
    clock = [0.0]
    asked = []
    metrics = Metrics(
        connect(NOBODY), lambda: 0, monotonic=lambda: clock[0], now=lambda: asked.append(1) or NOW
    )
    for clock[0] in (0.0, 5.0, 9.0, 11.0, 12.0):
        metrics.text()
    metrics.close()
    assert len(asked) == 2


def test_a_postgres_that_is_away_leaves_the_counters_and_says_so(alone: Metrics) -> None:
    alone.page(task(), page())
    found = values(alone)
    assert found["harvester_pages_total", "figshare"] == 1
    assert found["harvester_catalogue_up",] == 0
    assert ("harvester_tasks_due",) not in found


def test_a_postgres_that_never_answers_does_not_keep_prometheus_waiting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        engine = connect(f"postgresql+psycopg://me@127.0.0.1:{silent.getsockname()[1]}/none")
        metrics = Metrics(engine, lambda: 0)
        metrics.page(task(), page())
        began = time.monotonic()
        assert values(metrics)["harvester_catalogue_up",] == 0
        assert time.monotonic() - began < 4
        accepted, _ = silent.accept()
        accepted.close()  # what waits for an answer ends now
    metrics.close()
    until(lambda: not [each for each in threading.enumerate() if each.name.startswith("glimpse")])


def test_a_table_that_is_locked_costs_a_scrape_two_seconds_and_nothing_else(engine: Engine) -> None:
    metrics = Metrics(engine, lambda: 0)
    with engine.connect() as other, other.begin():
        other.execute(text("LOCK TABLE tasks IN ACCESS EXCLUSIVE MODE"))
        began = time.monotonic()
        found = values(metrics)
        assert time.monotonic() - began < 4
    assert found["harvester_catalogue_up",] == 0
    metrics.close()
    until(lambda: not [each for each in threading.enumerate() if each.name.startswith("glimpse")])
