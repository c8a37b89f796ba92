"""Kills a real harvest at random moments, again and again, and asks the oracle whether a trace of it can be found."""

import random
import signal
import subprocess
import time
from dataclasses import dataclass

from command_line import start, wait_until
from oracle import assert_same
from sqlalchemy import text

from harvester.catalogue.connection import connect
from harvester.mock import FakeRepository

PAGE = 10
PAGES_PER_KILL = 6  # about what a process manages before it is killed
_LONGEST = 0.16  # seconds between a process's first request and its end
_AT_START = 0.15  # of all kills come while the process is starting


@dataclass(frozen=True, slots=True)
class Result:
    """What a campaign did."""

    kills: int
    pages: int
    requests: int


def campaign(database_url: str, *, kills: int, seed: int) -> Result:
    """Kill `kills` processes, let the last one finish; raises AssertionError where it left a trace.

    The same seed kills after the same delays; where that hits depends on the machine.
    """
    chance = random.Random(seed)
    records = kills * PAGES_PER_KILL * PAGE
    with FakeRepository(records=records, page_size=PAGE, latency=0.01, seed=seed) as fake:
        done = sum(_kill_one(database_url, fake, chance) for _ in range(kills))
        final = start(
            database_url, "harvest", fake.url, "--quiet", "--name", "killed", stderr=subprocess.DEVNULL
        )
        printed, _ = final.communicate(timeout=120 + kills)
        assert final.returncode == 0, printed
        result = Result(done, records // PAGE, len(fake.requests("ListRecords")))
        _check(database_url, fake, result)
    return result


def _kill_one(database_url: str, fake: FakeRepository, chance: random.Random) -> bool:
    """True when the process was killed before it had finished."""
    before = len(fake.log)
    early = chance.random() < _AT_START
    delay = chance.uniform(0, 0.5 if early else _LONGEST)
    process = start(
        database_url, "harvest", fake.url, "--quiet", "--name", "killed", stderr=subprocess.DEVNULL
    )
    try:
        if not early:
            wait_until(lambda: len(fake.log) > before or process.poll() is not None)
        time.sleep(delay)  # the moment of death is what is drawn by lot
    finally:
        process.kill()
        process.communicate()
    return process.returncode == -signal.SIGKILL


def _check(database_url: str, fake: FakeRepository, result: Result) -> None:
    engine = connect(database_url)
    try:
        assert_same(engine, fake, "killed")
        with engine.connect() as connection:
            twice = connection.execute(
                text("SELECT window_id, number FROM pages GROUP BY 1, 2 HAVING count(*) > 1")
            ).all()
            assert twice == []
            numbers = connection.scalars(
                text("SELECT number FROM pages WHERE window_id = 1 ORDER BY 1")
            ).all()
            windows = connection.execute(text("SELECT * FROM windows ORDER BY id")).mappings().all()
            assert numbers == list(range(1, result.pages + 1)), windows
            assert connection.scalar(text("SELECT sum(received) FROM runs")) >= len(fake.store)
    finally:
        engine.dispose()
    assert result.requests <= result.pages + result.kills + 1, result
