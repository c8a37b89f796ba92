"""How repositories come under the schedule and leave it: by the configuration file, by hand, or by having been harvested."""

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import cycle
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine, event, make_url, text

from harvester import clock
from harvester.catalogue import ledger
from harvester.catalogue.connection import connect
from harvester.config import Defaults, Every, RepositorySettings, Settings, StreamSettings
from harvester.errors import ConfigError
from harvester.harvest.harvest import Request, harvest
from harvester.harvest.progress import Listener
from harvester.mock import FakeRepository
from harvester.schedule.adding import Wanted, add
from harvester.schedule.registering import follow, pause, remove, resume

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
HOUR, DAY = 3600.0, 86_400.0
FILE = Path("harvester.toml")


@pytest.fixture(scope="module")
def shared(postgres: str, template: str) -> Iterator[Engine]:
    """One catalogue for this module."""
    name = f"{template}_registering"
    plain = make_url(postgres).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")  # type: ignore[arg-type]
        engine = connect(make_url(postgres).set(database=name).render_as_string(hide_password=False))
        yield engine
        engine.dispose()
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")  # type: ignore[arg-type]


@pytest.fixture
def engine(shared: Engine) -> Engine:
    """It is empty at the beginning of each test."""
    with shared.begin() as connection:
        connection.execute(text("DELETE FROM tasks"))
        for table in ("tallies", "sets", "streams", "repositories", "hosts"):
            connection.execute(text(f"DELETE FROM {table}"))
    return shared


def half() -> float:
    return 0.5


def settings(*repositories: RepositorySettings, **more: Any) -> Settings:
    return Settings(path=FILE, repositories=repositories, **more)


def named(name: str, **more: Any) -> RepositorySettings:
    return RepositorySettings(name=name, url=f"https://{name}.example/oai", **more)


def every(seconds: float) -> Every:
    return Every(seconds, seconds)


def read(engine: Engine, statement: str, **values: object) -> list[Any]:
    with engine.connect() as connection:
        return list(connection.execute(text(statement), values))


def write(engine: Engine, statement: str, **values: object) -> None:
    with engine.begin() as connection:
        connection.execute(text(statement), values)


def tasks(engine: Engine, name: str) -> dict[tuple[str, str, str], Any]:
    """The tasks of a repository by (kind, set, format)."""
    found = read(
        engine,
        "SELECT tasks.*, coalesce(set_spec, '') AS set_spec, coalesce(format, '') AS format FROM tasks"
        " JOIN repositories r ON r.id = tasks.repository_id LEFT JOIN streams s ON s.id = stream_id WHERE r.name = :name",
        name=name,
    )
    return {(row.kind, row.set_spec, row.format): row for row in found}


HARVEST = ("harvest", "", "oai_dc")


def registered(engine: Engine, name: str, *formats: str) -> None:
    """As a harvest leaves it."""
    with engine.begin() as connection:
        repository = ledger.add_repository(connection, name, f"https://{name}.example/oai")
        for format_ in formats or ("oai_dc",):
            ledger.add_stream(connection, repository, "", format_)


def test_a_repository_in_the_file_is_harvested_without_having_been_asked(engine: Engine) -> None:
    told = follow(engine, settings(named("a", every=every(6 * HOUR))), NOW, half)
    assert told == [
        "registered, as harvester.toml says: a",
        "harvested from now on, every 6 hours: a (all) oai_dc",
    ]
    found = tasks(engine, "a")
    assert {kind for kind, *_ in found} == {"harvest", "rolling", "reconcile", "retry", "refresh"}
    harvest = found[HARVEST]
    assert (harvest.host, harvest.next_due_at) == ("a.example", NOW)
    assert (harvest.least, harvest.most, harvest.interval) == (6 * HOUR, 6 * HOUR, 6 * HOUR)
    assert harvest.late_at == NOW + timedelta(hours=3)
    assert found["retry", "", ""].least == HOUR
    assert found["refresh", "", ""].least == DAY
    assert found["rolling", "", "oai_dc"].interval == DAY
    # What is not a harvest begins after a part of its interval that chance decides.
    assert found["reconcile", "", "oai_dc"].next_due_at == NOW + timedelta(days=15)
    assert found["reconcile", "", "oai_dc"].late_at == NOW + timedelta(days=30)


def test_streams_have_the_rhythm_of_their_own_or_of_their_repository_or_of_all(engine: Engine) -> None:
    streams = (StreamSettings("oai_datacite", "portal_15"), StreamSettings("qdc", every=every(7 * DAY)))
    file = settings(
        named("a", every=every(HOUR), streams=streams, rolling=0.0, reconcile=2 * DAY),
        named("b"),
        defaults=Defaults(every=Every(2 * HOUR, 3 * DAY), reconcile=0.0, rolling=5 * DAY),
    )
    follow(engine, file, NOW, half)
    a, b = tasks(engine, "a"), tasks(engine, "b")
    assert a["harvest", "portal_15", "oai_datacite"].least == HOUR
    assert a["harvest", "", "qdc"].least == 7 * DAY
    assert {kind for kind, *_ in a} == {"harvest", "reconcile", "retry", "refresh"}
    assert a["reconcile", "", "qdc"].least == 2 * DAY
    assert (b[HARVEST].least, b[HARVEST].most, b[HARVEST].interval) == (2 * HOUR, 3 * DAY, DAY)
    assert {kind for kind, *_ in b} == {"harvest", "rolling", "retry", "refresh"}
    tallied = read(engine, "SELECT count(*) FROM tallies WHERE format = 'oai_datacite'")
    assert tallied[0][0] == 2  # of the format, and of the set: `harvester status` reads these


def test_doing_it_again_changes_and_tells_nothing(engine: Engine) -> None:
    file = settings(named("a"), named("b", every=Every(cron="0 3 * * *", zone="Europe/Berlin")))
    follow(engine, file, NOW, half)
    before = read(engine, "SELECT * FROM tasks ORDER BY id")
    assert follow(engine, file, NOW + timedelta(days=3), half) == []
    assert follow(engine, file, NOW + timedelta(days=3), half, changed=False) == []
    assert read(engine, "SELECT * FROM tasks ORDER BY id") == before


def test_what_was_learned_and_begun_stays_where_nothing_changed(engine: Engine) -> None:
    file = settings(named("a", every=Every(HOUR, 7 * DAY)), named("b"))
    follow(engine, file, NOW, half)
    write(
        engine, "UPDATE tasks SET interval = 5000, next_due_at = :due, begun_at = :due, failures = 3", due=NOW
    )
    follow(engine, settings(*file.repositories, named("c")), NOW + timedelta(days=1), half)
    harvest = tasks(engine, "a")[HARVEST]
    assert (harvest.interval, harvest.next_due_at, harvest.begun_at, harvest.failures) == (5000, NOW, NOW, 3)


def test_a_shorter_interval_is_kept_at_once(engine: Engine) -> None:
    follow(engine, settings(named("a", every=every(7 * DAY))), NOW, half)
    write(engine, "UPDATE tasks SET next_due_at = :due WHERE kind = 'harvest'", due=NOW + timedelta(days=7))
    told = follow(engine, settings(named("a", every=Every(HOUR, 6 * HOUR))), NOW, half)
    assert told == ["harvest is done every 1 hour to 6 hours, as it changes from now on: a (all) oai_dc"]
    harvest = tasks(engine, "a")[HARVEST]
    assert (harvest.least, harvest.most, harvest.interval) == (HOUR, 6 * HOUR, 6 * HOUR)
    assert harvest.next_due_at == NOW + timedelta(hours=6)
    assert harvest.late_at == NOW + timedelta(hours=9)


def test_a_longer_interval_does_not_put_off_what_is_due(engine: Engine) -> None:
    follow(engine, settings(named("a", every=every(HOUR))), NOW, half)
    follow(engine, settings(named("a", every=every(7 * DAY))), NOW, half)
    harvest = tasks(engine, "a")[HARVEST]
    assert (harvest.interval, harvest.next_due_at) == (7 * DAY, NOW)


def test_cron_decides_when_a_stream_is_first_due_and_when_it_is_late(engine: Engine) -> None:
    nightly = Every(cron="0 3 * * *", zone="Europe/Berlin")
    follow(engine, settings(named("a", every=nightly)), NOW, half)
    harvest = tasks(engine, "a")[HARVEST]
    assert (harvest.cron, harvest.zone) == ("0 3 * * *", "Europe/Berlin")
    assert harvest.next_due_at == datetime(2026, 5, 2, 1, tzinfo=UTC)
    assert harvest.late_at == datetime(2026, 5, 2, 13, tzinfo=UTC)


def test_cron_instead_of_an_interval_holds_at_once_but_a_list_that_was_begun_goes_on(engine: Engine) -> None:
    file = settings(named("a", every=every(HOUR)), named("b", every=every(HOUR)))
    follow(engine, file, NOW, half)
    write(
        engine,
        "UPDATE tasks SET begun_at = :now FROM repositories r WHERE r.id = repository_id AND r.name = 'b'",
        now=NOW,
    )
    nightly = Every(cron="0 3 * * *")
    follow(engine, settings(named("a", every=nightly), named("b", every=nightly)), NOW, half)
    assert tasks(engine, "a")[HARVEST].next_due_at == datetime(2026, 5, 2, 3, tzinfo=UTC)
    assert tasks(engine, "b")[HARVEST].next_due_at == NOW
    follow(engine, file, NOW, half)
    harvest = tasks(engine, "a")[HARVEST]
    assert (harvest.cron, harvest.next_due_at) == (None, NOW + timedelta(hours=1))


def test_what_was_harvested_by_hand_is_kept_up_to_date_by_the_defaults(engine: Engine) -> None:
    registered(engine, "a", "oai_dc", "qdc")
    follow(engine, settings(defaults=Defaults(every=every(2 * DAY))), NOW, half)
    assert tasks(engine, "a")["harvest", "", "qdc"].least == 2 * DAY
    # What comes while the service runs is found without the whole file being gone through.
    registered(engine, "b")
    file = settings(defaults=Defaults(every=every(2 * DAY)))
    assert follow(engine, file, NOW, half, changed=False) == [
        "harvested from now on, every 2 days: b (all) oai_dc"
    ]
    assert read(engine, "SELECT DISTINCT configured FROM repositories") == [(False,)]
    # The defaults change: so do all that go by them.
    follow(engine, settings(defaults=Defaults(every=every(HOUR))), NOW, half)
    assert tasks(engine, "b")[HARVEST].least == HOUR


def test_what_the_file_no_longer_names_is_left_alone_and_nothing_of_it_is_lost(engine: Engine) -> None:
    follow(engine, settings(named("a"), named("b")), NOW, half)
    told = follow(engine, settings(named("b")), NOW, half)
    assert told == [
        "harvester.toml no longer names a: not harvested by itself any more; records, streams and history stay"
    ]
    assert tasks(engine, "a") == {}
    assert read(engine, "SELECT count(*) FROM streams") == [(2,)]
    # It does not come back by the defaults, but it does when it is named again.
    assert follow(engine, settings(named("b")), NOW, half) == []
    assert follow(engine, settings(named("b")), NOW, half, changed=False) == []
    follow(engine, settings(named("a"), named("b")), NOW, half)
    assert HARVEST in tasks(engine, "a")


def test_a_service_that_finds_no_file_drops_nothing(engine: Engine) -> None:
    follow(engine, settings(named("a")), NOW, half)
    assert follow(engine, Settings(), NOW, half) == [
        "no harvester.toml was found, so what it has named goes on: a"
    ]
    assert HARVEST in tasks(engine, "a")


def test_a_stream_that_the_file_does_not_list_any_more_is_left_alone(engine: Engine) -> None:
    both = (StreamSettings("oai_dc"), StreamSettings("qdc", "portal_15"))
    follow(engine, settings(named("a", streams=both)), NOW, half)
    told = follow(engine, settings(named("a", streams=both[:1])), NOW, half)
    assert (
        told[0] == "harvest is no longer done by itself, as configured; what is there stays: a portal_15 qdc"
    )
    assert HARVEST in tasks(engine, "a")
    assert not [key for key in tasks(engine, "a") if key[2] == "qdc"]
    # Sets that were found since are no streams of the file, and wanted all the same.
    follow(engine, settings(named("a", streams=both[:1], new_sets="harvest")), NOW, half)
    assert ("harvest", "portal_15", "qdc") in tasks(engine, "a")


def test_a_new_address_moves_the_repository_and_is_said(engine: Engine) -> None:
    follow(engine, settings(named("a")), NOW, half)
    write(engine, "UPDATE repositories SET identified_at = now(), validators = '{}'")
    write(engine, "UPDATE tasks SET failures = 4, next_due_at = :due", due=NOW + timedelta(days=7))
    there = RepositorySettings(name="a", url="https://new.example:8443/oai")
    (told,) = follow(engine, settings(there), NOW, half)
    assert "'a' has moved from https://a.example/oai to https://new.example:8443/oai" in told
    assert "its records stay" in told
    assert {row.host for row in tasks(engine, "a").values()} == {"new.example:8443"}
    assert (tasks(engine, "a")[HARVEST].next_due_at, tasks(engine, "a")[HARVEST].failures) == (NOW, 0)
    assert read(engine, "SELECT base_url, identified_at, validators FROM repositories") == [
        ("https://new.example:8443/oai", None, None)
    ]
    assert follow(engine, settings(there), NOW, half) == []


def test_the_file_gives_a_name_to_what_was_harvested_under_another(engine: Engine) -> None:
    registered(engine, "a")
    told = follow(
        engine, settings(RepositorySettings(name="library", url="https://a.example/oai")), NOW, half
    )
    assert told[0] == "'a' is called 'library' from now on, as harvester.toml says"
    assert read(engine, "SELECT name, configured FROM repositories") == [("library", True)]
    assert HARVEST in tasks(engine, "library")


def test_a_repository_may_be_named_by_its_address_alone(engine: Engine) -> None:
    registered(engine, "a")
    urls = [
        "https://a.example/oai",
        "https://www.example.org/oai/",
        "HTTPS://WWW.Example.org:443/oai/?verb=Identify",
    ]
    told = follow(engine, settings(*(RepositorySettings(url=url) for url in urls)), NOW, half)
    assert told[0] == "registered, as harvester.toml says: www.example.org"
    assert read(engine, "SELECT name, base_url FROM repositories ORDER BY id") == [
        ("a", "https://a.example/oai"),
        ("www.example.org", "https://www.example.org/oai/"),
    ]


def test_two_answers_to_one_question_are_told_and_the_first_is_taken(engine: Engine) -> None:
    registered(engine, "old")
    file = settings(
        named("a"),
        RepositorySettings(name="a", url="https://other.example/oai"),
        RepositorySettings(name="b", url="https://a.example/oai"),
        RepositorySettings(name="c", url="https://old.example/oai"),
        RepositorySettings(name="d", url="https://old.example/oai"),
        RepositorySettings(name="nobody", prefer=("qdc",)),
        RepositorySettings(name="broken", url="ftp://example.org/"),
        named("a", every=every(HOUR)),  # no contradiction
    )
    told = follow(engine, file, NOW, half)
    assert told[:6] == [
        "broken is left out: a base URL begins with http:// or https:// and names a host, such as https://example.org/oai",
        "'a' has two addresses in harvester.toml: https://a.example/oai is taken, https://other.example/oai is not",
        "'b' is left out: it has the address of 'a', https://a.example/oai",
        "'old' is called 'c' from now on, as harvester.toml says",
        "'d' is left out: it has the address of 'c', https://old.example/oai",
        "harvester.toml names 'nobody' without its url, and no repository is registered as that",
    ]
    assert read(engine, "SELECT name, base_url FROM repositories ORDER BY id") == [
        ("c", "https://old.example/oai"),
        ("a", "https://a.example/oai"),
    ]
    assert tasks(engine, "a")[HARVEST].least == HOUR
    # The same file again: the same warnings, and no change.
    assert all(
        "left out" in each or "two addresses" in each or "nobody" in each
        for each in follow(engine, file, NOW, half)
    )


def test_two_repositories_change_places(engine: Engine) -> None:
    follow(engine, settings(named("a"), named("b")), NOW, half)
    swapped = settings(
        RepositorySettings(name="a", url="https://b.example/oai"),
        RepositorySettings(name="b", url="https://a.example/oai"),
    )
    told = follow(engine, swapped, NOW, half)
    assert len(told) == 2
    assert "has the same address" not in " ".join(told)
    assert read(engine, "SELECT name, base_url FROM repositories ORDER BY name") == [
        ("a", "https://b.example/oai"),
        ("b", "https://a.example/oai"),
    ]
    assert tasks(engine, "a")[HARVEST].host == "b.example"


def test_a_table_without_an_address_qualifies_what_was_added(engine: Engine) -> None:
    add(engine, settings(), [Wanted("https://a.example/oai", "a", every=every(DAY))], NOW, half)
    qualified = settings(RepositorySettings(name="a", every=every(HOUR)))
    follow(engine, qualified, NOW, half)
    assert tasks(engine, "a")[HARVEST].least == HOUR
    # Taken out of the file again, it goes on as it was added.
    follow(engine, settings(), NOW, half)
    assert tasks(engine, "a")[HARVEST].least == DAY


def test_hundreds_of_new_hosts_do_not_begin_in_one_second_and_a_few_begin_at_once(engine: Engine) -> None:
    chance = cycle([0.0, 0.25, 0.5, 0.75, 1.0])
    many = [RepositorySettings(name=f"r{i}", url=f"https://h{i // 2}.example/{i}") for i in range(400)]
    follow(engine, settings(*many), NOW, lambda: next(chance))
    due = read(engine, "SELECT host, next_due_at FROM tasks WHERE kind = 'harvest'")
    waits = [(at - NOW).total_seconds() for _, at in due]
    assert (min(waits), max(waits)) == (0.0, 200.0)
    assert len({*due}) == 200  # one host's streams wait for one another anyway
    assert len(set(waits)) == 5
    follow(engine, settings(*many, named("late")), NOW, lambda: 1.0)
    assert tasks(engine, "late")[HARVEST].next_due_at == NOW


def test_processes_that_start_at_once_make_each_task_once(engine: Engine) -> None:
    file = settings(*(named(f"r{i}") for i in range(50)))
    told: list[list[str]] = []
    threads = [
        threading.Thread(target=lambda: told.append(follow(engine, file, NOW, half))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(len, told)) == [0, 0, 0, 2]
    assert read(engine, "SELECT count(*), count(DISTINCT repository_id) FROM tasks") == [(250, 50)]


@pytest.fixture
def statements(engine: Engine) -> Iterator[list[str]]:
    seen: list[str] = []

    def hear(*arguments: Any) -> None:
        seen.append(arguments[2])

    event.listen(engine, "before_cursor_execute", hear)
    yield seen
    event.remove(engine, "before_cursor_execute", hear)


@pytest.mark.measures_time
def test_a_thousand_repositories_take_as_few_statements_as_two(engine: Engine, statements: list[str]) -> None:
    numbers = []
    for size in (2, 1000):
        statements.clear()
        follow(engine, settings(*(named(f"n{size}-{i}", every=every(HOUR)) for i in range(size))), NOW)
        numbers.append(len(statements))
        statements.clear()
    assert numbers[1] <= numbers[0] + 2  # of which one takes out those that are no longer named
    before = time.perf_counter()
    follow(engine, settings(), NOW, changed=False)
    assert time.perf_counter() - before < 2.0
    assert len(statements) == 2


def test_a_repository_that_is_added_has_its_own_rhythm_whatever_the_defaults_are(engine: Engine) -> None:
    (added,) = add(
        engine,
        settings(),
        [Wanted("HTTPS://A.example:443/oai", None, ("portal_15",), ("qdc", "oai_dc"), every(HOUR))],
        NOW,
        half,
    )
    assert (added.name, added.base_url, added.new, added.mistake) == (
        "a.example",
        "https://a.example/oai",
        True,
        None,
    )
    follow(engine, settings(defaults=Defaults(every=every(DAY))), NOW, half)
    found = tasks(engine, "a.example")
    assert {(key[1:], row.least) for key, row in found.items() if key[0] == "harvest"} == {
        (("portal_15", "qdc"), HOUR),
        (("portal_15", "oai_dc"), HOUR),
    }


def test_adding_again_brings_more_streams_and_brings_back_what_was_removed(engine: Engine) -> None:
    one = Wanted("https://a.example/oai", "a")
    add(engine, settings(), [one], NOW, half)
    assert remove(engine, "a", now=NOW).startswith("'a' is not harvested by itself any more")
    assert tasks(engine, "a") == {}
    assert follow(engine, settings(), NOW, half) == []  # nor by the defaults
    assert remove(engine, "a", now=NOW) == "'a' was taken out of the schedule already"
    (again,) = add(engine, settings(), [Wanted(one.url, "a", formats=("qdc",))], NOW, half)
    assert not again.new
    assert {key for key in tasks(engine, "a") if key[0] == "harvest"} == {HARVEST, ("harvest", "", "qdc")}


def test_what_cannot_be_added_is_told_and_the_rest_is_taken(engine: Engine) -> None:
    registered(engine, "a")
    file = settings(named("mine"))
    wanted = [
        Wanted("https://a.example/oai", "other"),
        Wanted("https://new.example/oai", "a"),
        Wanted("https://mine.example/oai"),
        Wanted("https://x.example/oai", "mine"),
        Wanted("https://user:hunter2@x.example/oai"),
        Wanted("https://x.example/oai", "no name"),
        Wanted("https://x.example/oai", formats=("a\tb",)),
        Wanted("https://good.example/oai"),
        Wanted("https://good.example/oai", "better"),
        Wanted("https://good.example/oai2"),
        Wanted("http://[::1]:8080/oai"),
        Wanted("https://münchen.example/oai"),
    ]
    done = add(engine, file, wanted, NOW, half)
    mistakes = [each.mistake for each in done]
    assert mistakes[0] == "https://a.example/oai is registered as 'a' already"
    assert mistakes[1] == "the name 'a' is taken by https://a.example/oai: choose another"
    assert mistakes[2] == mistakes[3] == "harvester.toml names 'mine' already: change it there"
    assert all(mistakes[4:7])
    assert "hunter2" not in str(mistakes[4])
    assert mistakes[8] == "https://good.example/oai is registered as 'good.example' already"
    names = [each.name for each in done if each.mistake is None]
    assert names == ["good.example", "good.example/oai2", "1-8080", "xn--mnchen-3ya.example"]
    assert read(engine, "SELECT count(*) FROM repositories") == [(5,)]


def test_a_second_rhythm_for_the_same_repository_is_told_and_the_first_holds(engine: Engine) -> None:
    url = "https://a.example/oai"
    hours = (6, 24, 168, 6)
    wanted = [Wanted(url, sets=(f"s{each}",), every=every(each * HOUR)) for each in hours]
    done = add(engine, settings(), wanted, NOW, half)
    assert [each.mistake is None for each in done] == [True, False, False, True]
    assert "another rhythm" in str(done[1].mistake)
    assert {row.least for key, row in tasks(engine, "a.example").items() if key[0] == "harvest"} == {6 * HOUR}


def test_a_paused_repository_is_left_alone_with_whatever_joins_it(engine: Engine) -> None:
    follow(engine, settings(named("a"), named("b")), NOW, half)
    assert "is paused" in pause(engine, "a", now=NOW)
    assert pause(engine, "a", now=NOW) == "'a' was paused already"
    more = settings(named("a", streams=(StreamSettings("oai_dc"), StreamSettings("qdc"))), named("b"))
    follow(engine, more, NOW, half)
    assert all(row.paused for row in tasks(engine, "a").values())
    assert ("harvest", "", "qdc") in tasks(engine, "a")
    assert not any(row.paused for row in tasks(engine, "b").values())
    assert resume(engine, "a", now=NOW) == "'a' goes on"
    assert not any(row.paused for row in tasks(engine, "a").values())
    assert resume(engine, "a", now=NOW) == "nothing of 'a' was paused, held or failing"


def test_a_pause_outlives_the_time_in_which_the_file_leaves_the_repository_out(engine: Engine) -> None:
    follow(engine, settings(named("a")), NOW)
    pause(engine, "a", now=NOW)
    follow(engine, settings(named("b")), NOW)
    follow(engine, settings(named("a"), named("b")), NOW)
    assert all(each.paused for each in tasks(engine, "a").values())
    resume(engine, "a", now=NOW)
    assert not any(each.paused for each in tasks(engine, "a").values())


def test_a_repository_is_paused_before_any_service_has_seen_it(engine: Engine) -> None:
    registered(engine, "a")
    assert "is paused" in pause(engine, "a", settings(), now=NOW)
    follow(engine, settings(), NOW, half)
    assert tasks(engine, "a")[HARVEST].paused


def test_resuming_clears_what_was_held_and_lets_the_host_be_asked(engine: Engine) -> None:
    follow(engine, settings(named("a"), named("b")), NOW, half)
    week = NOW + timedelta(days=7)
    write(
        engine,
        "UPDATE tasks SET held = 'died three times', crashes = 3, failures = 9, next_due_at = :due, begun_at = :now"
        " WHERE kind = 'harvest'",
        due=week,
        now=NOW,
    )
    write(
        engine,
        "INSERT INTO hosts (name, failures, closed_until, next_allowed_at, pause)"
        " VALUES ('a.example', 9, :due, :due, 4), ('b.example', 9, :due, :due, 4)",
        due=week,
    )
    reconcile = tasks(engine, "a")["reconcile", "", "oai_dc"].next_due_at
    assert resume(engine, "a", now=NOW) == "'a' goes on"
    harvest = tasks(engine, "a")[HARVEST]
    assert (harvest.held, harvest.crashes, harvest.failures, harvest.next_due_at) == (None, 0, 0, NOW)
    assert harvest.begun_at == NOW  # its list is as open as before
    assert tasks(engine, "a")["reconcile", "", "oai_dc"].next_due_at == reconcile
    assert tasks(engine, "b")[HARVEST].held == "died three times"
    # What the host itself has asked for is obeyed all the same.
    assert read(engine, "SELECT failures, closed_until, next_allowed_at, pause FROM hosts ORDER BY name") == [
        (0, None, week, 4),
        (9, week, week, 4),
    ]


def test_what_the_file_names_is_taken_out_there(engine: Engine) -> None:
    follow(engine, settings(named("a")), NOW, half)
    for file in (None, settings(named("a")), settings(RepositorySettings(url="https://a.example/oai"))):
        with pytest.raises(ConfigError, match=r"harvester\.toml names 'a': take it out there"):
            remove(engine, "a", file, now=NOW)
    # It has been taken out there, and no service has noticed.
    assert remove(engine, "a", settings(), now=NOW).startswith("'a' is not harvested")
    assert tasks(engine, "a") == {}


def test_a_name_that_nobody_has_registered_is_said(engine: Engine) -> None:
    for act in (pause, resume, remove):
        with pytest.raises(ConfigError, match="no repository is registered as 'nobody'"):
            act(engine, "nobody", now=NOW)


def test_a_repository_that_moves_in_the_middle_of_a_list_begins_anew_at_its_new_place(engine: Engine) -> None:
    with (
        FakeRepository(records=60, page_size=10) as old,
        FakeRepository(records=60, page_size=10, seed=7) as new,
    ):
        pages: list[object] = []
        report = harvest(
            engine, Request(old.url, name="moving"), Listener(on_page=pages.append), lambda: len(pages) >= 3
        )
        assert report.outcome == "interrupted"
        moved = RepositorySettings(name="moving", url=new.url)
        follow(engine, Settings(repositories=(moved,), path=Path("harvester.toml")), clock.now(), lambda: 0.5)
        assert harvest(engine, Request("moving")).outcome == "complete"
        asked = new.requests("ListRecords")
        assert len(asked) == 6, "all of its pages, and with no token of the old place"
        assert "resumptionToken" not in asked[0].arguments
