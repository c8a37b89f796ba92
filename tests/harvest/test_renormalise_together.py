"""Deriving entries again beside harvests, beside itself, and in several processes that may be killed at any moment."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psutil
import pytest
from command_line import CHECKOUT, wait_until
from oracle import assert_same
from spoiling import CONTENTS, MULTIPLY, SETTINGS, SPOIL, change, one, rows, with_tombstones
from sqlalchemy import Engine, text

from harvester.catalogue import renormalisation
from harvester.catalogue.connection import connect
from harvester.errors import CatalogueError
from harvester.harvest import rereading
from harvester.harvest.harvest import Report
from harvester.harvest.plans import Wish
from harvester.harvest.renormalise import Progress, renormalise
from harvester.mock import FakeRepository

Harvest = Callable[..., Report]
WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted"
several = pytest.mark.skipif(
    len(psutil.Process().cpu_affinity()) < 2 if hasattr(psutil.Process, "cpu_affinity") else False,
    reason="one processor: there is only one process",
)


@pytest.fixture
def harvested(engine: Engine, fake: FakeRepository, run: Harvest) -> list[Any]:
    return with_tombstones(engine, fake, run)


def test_a_harvest_in_our_way_is_waited_for(engine: Engine, harvested: list[Any], database_url: str) -> None:
    change(engine, SPOIL)
    locked = one(
        engine, "SELECT identifier FROM records WHERE xml IS NOT NULL ORDER BY item_key DESC LIMIT 1"
    )
    done: list[Progress] = []
    other = connect(database_url)
    working = threading.Thread(target=lambda: done.append(renormalise(other, SETTINGS, None)))
    with engine.begin() as connection:
        touch = text("UPDATE records SET datestamp_raw = datestamp_raw WHERE identifier = :identifier")
        connection.execute(touch, {"identifier": locked})
        working.start()
        for _ in range(3):  # it gives way, and comes back
            wait_until(lambda: bool(one(engine, WAITING)))
            wait_until(lambda: not one(engine, WAITING))
    working.join()
    other.dispose()
    assert done[0].changed == done[0].read
    assert rows(engine, CONTENTS) == harvested


def test_a_row_that_stays_locked_is_told_and_not_waited_for_without_end(
    engine: Engine, harvested: list[Any], database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rereading, "_TRIES", 2)
    change(engine, SPOIL)
    other = connect(database_url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE records SET datestamp_raw = datestamp_raw"))
        with pytest.raises(CatalogueError, match="lock timeout"):
            renormalise(other, SETTINGS, None)
    assert renormalise(other, SETTINGS, None).changed > 0
    other.dispose()
    assert rows(engine, CONTENTS) == harvested


def test_of_a_harvest_and_us_who_wait_for_each_other_we_give_way(
    engine: Engine, harvested: list[Any], database_url: str
) -> None:
    """Postgres ends one of the two after a second: a harvest that has waited longer would lose its place at the host."""
    touch = text("UPDATE records SET datestamp_raw = datestamp_raw WHERE item_key = :key")
    other = connect(database_url)
    failures: list[BaseException] = []

    def harvests(connection: Any, key: bytes) -> None:
        try:
            connection.execute(touch, {"key": key})
        except BaseException as error:  # noqa: BLE001 - told to the test
            failures.append(error)

    with engine.connect() as ours, other.connect() as theirs:
        each = renormalisation.open_slices(ours, renormalisation.ALL, {})[0]
        one_row, two_row = ([(stored, stored.entry)] for stored in renormalisation.next_batch(ours, each, 2))
        theirs.execute(touch, {"key": two_row[0][0].item_key})
        renormalisation.rewrite(ours, one_row)
        waiting = threading.Thread(target=harvests, args=(theirs, one_row[0][0].item_key))
        waiting.start()
        wait_until(lambda: bool(one(engine, WAITING)))
        with pytest.raises(Exception, match="lock timeout") as raised:
            renormalisation.rewrite(ours, two_row)
        assert renormalisation.is_busy(raised.value)
        ours.rollback()
        waiting.join()
        theirs.commit()
    other.dispose()
    assert failures == []


def test_a_harvest_at_the_same_time_and_we_do_not_hold_each_other_up(
    engine: Engine, fake: FakeRepository, run: Harvest, database_url: str
) -> None:
    run(fake, name="fake")
    reports: list[Report] = []
    failures: list[BaseException] = []
    over = threading.Event()

    def harvests() -> None:
        try:
            for step in range(8):
                for record in [each for each in fake.store.records if not each.deleted][step::9]:
                    fake.store.revise(record.identifier)
                reports.append(run(fake, wish=Wish(full=True)))
        except BaseException as error:  # noqa: BLE001 - told to the test
            failures.append(error)
        over.set()

    thread = threading.Thread(target=harvests)
    thread.start()
    other = connect(database_url)
    rounds = 0
    while not over.is_set():
        rounds += 1
        renormalise(other, SETTINGS, None)
        change(other, f"{SPOIL} AND mod(get_byte(item_key, 0), 8) = {rounds % 8}")
    thread.join()
    other.dispose()
    assert failures == []
    assert rounds >= 2
    assert {each.outcome for each in reports} == {"complete"}
    assert [each.streams[0].counts.restarts for each in reports] == [0] * len(reports)
    renormalise(engine, SETTINGS, None)
    assert one(engine, "SELECT count(*) FROM records WHERE title = 'spoilt'") == 0
    assert_same(engine, fake, "fake")


def test_two_at_once_would_undo_each_others_marks_so_the_second_is_refused(
    engine: Engine, harvested: list[Any], database_url: str
) -> None:
    other = connect(database_url)
    told: list[str] = []

    def meanwhile(_: Progress) -> None:
        with pytest.raises(CatalogueError) as raised:
            renormalise(other, SETTINGS, None)
        told.append(str(raised.value))

    renormalise(engine, SETTINGS, None, meanwhile)
    assert told
    assert "another process derives entries again" in told[0]
    assert renormalise(other, SETTINGS, None).changed == 0, "the lock ends with the call"
    other.dispose()


def test_what_is_left_of_a_killed_call_is_waited_for(
    engine: Engine, harvested: list[Any], database_url: str
) -> None:
    """Its last batch could be marked after ours: the next call would go back behind what it has read."""
    done: list[Progress] = []
    with engine.connect() as connection:
        renormalisation.take_part(connection)
        other = connect(database_url)
        thread = threading.Thread(target=lambda: done.append(renormalise(other, SETTINGS, None)))
        thread.start()
        wait_until(lambda: bool(one(engine, WAITING)))
        assert done == []
        connection.invalidate()  # the process ends, and its session with it
    thread.join()
    other.dispose()
    assert done[0].read > 0


class Running:
    """`harvester renormalise` with its processes, as a terminal or systemd starts it: in a group of its own."""

    def __init__(self, database_url: str) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("HARVESTER_")}
        self.process = subprocess.Popen(
            [sys.executable, "-c", "from harvester.cli import main; main()", "renormalise"],
            env=kept | {"HARVESTER_DATABASE_URL": database_url, "PYTHONPATH": str(CHECKOUT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.family: dict[int, psutil.Process] = {}

    def readers(self) -> list[psutil.Process]:
        """The processes that read; all that ever belonged to the call are remembered."""
        try:
            found = psutil.Process(self.process.pid).children(recursive=True)
            self.family |= {each.pid: each for each in found}
            return [each for each in found if "spawn_main" in " ".join(each.cmdline())]
        except psutil.Error:
            return []  # one has ended while we looked

    def until(self, condition: Callable[[], object]) -> None:
        """Wait for a condition while the call runs."""
        wait_until(lambda: bool(condition()) or self.process.poll() is not None, 60)
        self.readers()
        assert self.process.poll() is None, f"it had ended already: {self.process.communicate()}"

    def end(self) -> tuple[int, str]:
        """Its exit code and what it said, once no process of it is left."""
        _, err = self.process.communicate(timeout=60)
        _, alive = psutil.wait_procs(list(self.family.values()), timeout=30)
        assert alive == []
        if self.process.returncode != -signal.SIGKILL:  # then Python itself may miss its parent
            assert "Traceback" not in err
        return self.process.returncode, err


@pytest.fixture
def many(engine: Engine, fake: FakeRepository, run: Harvest, database_url: str) -> list[Any]:
    """The contents of a catalogue of 6,250 records, before all entries were spoilt."""
    with_tombstones(engine, fake, run)
    change(engine, MULTIPLY.format(times=24))
    contents = rows(engine, CONTENTS)
    change(engine, SPOIL)
    return contents


@contextmanager
def held_back(engine: Engine) -> Iterator[None]:
    """No process gets beyond the first half of the slices: as if a harvest were writing a row in each of the others."""
    rest = range(renormalisation.SLICES // 2, renormalisation.SLICES)
    with engine.connect() as connection:
        for number in rest:
            begin = f"{number * 256 // renormalisation.SLICES:02x}"
            connection.execute(
                text(
                    f"SELECT 1 FROM records WHERE item_key > '\\x{begin}' AND xml IS NOT NULL"
                    " ORDER BY item_key LIMIT 1 FOR UPDATE"
                )
            )
        yield


def repaired(engine: Engine) -> int:
    return int(one(engine, "SELECT count(*) FROM records WHERE title <> 'spoilt'"))


def marked(engine: Engine) -> int:
    return int(one(engine, "SELECT coalesce(sum(read), 0) FROM renormalisations"))


def is_whole(engine: Engine, many: list[Any]) -> None:
    """What is marked is written and nothing else, and the next call does the rest and only that."""
    before = marked(engine)
    assert repaired(engine) == before
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("harvester.harvest.renormalise._FEW", len(many))  # one process suffices
        assert renormalise(engine, SETTINGS, None).resumed == before
    assert rows(engine, CONTENTS) == many
    assert one(engine, "SELECT sum(changed) FROM pages WHERE run_id IS NULL") == len(
        [each for each in many if each[-1]]
    )
    assert rows(engine, "SELECT 1 FROM renormalisations") == []


@several
def test_several_processes_restore_everything_once(
    engine: Engine, many: list[Any], database_url: str, fake: FakeRepository
) -> None:
    asked = len(fake.log)
    running = Running(database_url)
    running.until(lambda: len(running.readers()) > 1)
    code, err = running.end()
    assert code == 0, err
    assert rows(engine, CONTENTS) == many
    assert len(fake.log) == asked
    feed = rows(engine, "SELECT seq, changed FROM pages WHERE run_id IS NULL ORDER BY seq")
    assert sum(changed for _, changed in feed) == len([each for each in many if each[-1]])
    assert one(engine, "SELECT count(*) FROM records WHERE page_id NOT IN (SELECT id FROM pages)") == 0


@several
def test_killed_with_its_processes_at_work_it_leaves_none_and_goes_on(
    engine: Engine, many: list[Any], database_url: str
) -> None:
    with held_back(engine):
        running = Running(database_url)
        running.until(lambda: running.readers() and marked(engine))
        running.process.kill()
        code, _ = running.end()
    assert code == -signal.SIGKILL
    assert 0 < marked(engine) < len(many)
    is_whole(engine, many)


@several
def test_killed_while_its_processes_are_starting_it_leaves_none(
    engine: Engine, many: list[Any], database_url: str
) -> None:
    with held_back(engine):
        running = Running(database_url)
        running.until(running.readers)
        running.process.kill()
        code, _ = running.end()
    assert code == -signal.SIGKILL
    is_whole(engine, many)


@several
def test_a_process_that_is_killed_is_told_and_nothing_is_lost(
    engine: Engine, many: list[Any], database_url: str
) -> None:
    """As the kernel does where memory is short."""
    with held_back(engine):
        running = Running(database_url)
        running.until(lambda: running.readers() and marked(engine))
        running.readers()[0].kill()
        code, err = running.end()
    assert code == 1
    assert "ended by itself" in err
    assert "run the same command again" in err
    is_whole(engine, many)


@several
@pytest.mark.parametrize(
    ("number", "at_work"),
    [(signal.SIGTERM, True), (signal.SIGINT, False)],
    ids=["SIGTERM at work", "SIGINT while starting"],
)
def test_a_signal_to_all_its_processes_ends_with_130_and_all_saved(
    number: signal.Signals, at_work: bool, engine: Engine, many: list[Any], database_url: str
) -> None:
    """A terminal sends Ctrl-C to the whole group, systemd its SIGTERM to the whole unit."""
    with held_back(engine):
        running = Running(database_url)
        running.until(lambda: running.readers() and (marked(engine) or not at_work))
        os.killpg(running.process.pid, number)
    code, err = running.end()
    assert code == 130, err
    assert "goes on from here" in err
    assert marked(engine) < len(many)
    is_whole(engine, many)


@several
def test_a_mistake_in_a_process_is_told_by_the_call(
    engine: Engine, many: list[Any], database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Numbers of sets that nobody has: the catalogue was tampered with."""
    change(engine, "UPDATE records SET sets = '{999999}'")
    running = Running(database_url)
    code, err = running.end()
    assert code == 1
    assert "KeyError" in err
