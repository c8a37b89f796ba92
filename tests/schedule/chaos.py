"""Real processes of the service under fire: leader and workers killed with -9 at random while repositories change."""

import itertools
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import command_line
from oracle import differences, held, stored
from sqlalchemy import Engine, text

from harvester.mock import FakeHost, FakeRepository
from harvester.wire import host_of

PACE = 0.05  # seconds between two requests to a host
_LATENCY = 0.01
_SLICE = 3.0


@dataclass
class Result:
    """What happened; `problems` are sentences, there should be none."""

    seed: int
    kills: int = 0
    changes: int = 0
    requests: int = 0
    streams: int = 0
    seconds: float = 0.0
    settled_after: float = 0.0
    problems: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"kills={self.kills} changes={self.changes} requests={self.requests} streams={self.streams} "
            f"seconds={self.seconds:.0f} settled_after={self.settled_after:.1f} problems={len(self.problems)} seed={self.seed}"
        )


@contextmanager
def hosts(number: int, repositories: int) -> Iterator[list[FakeHost]]:
    """So many repositories on so many hosts, of sizes that differ."""
    with ExitStack() as stack:
        made = []
        for host in range(number):
            here = range(host, repositories, number)
            fakes = [
                FakeRepository(
                    records=10 + 37 * each % 160,
                    page_size=10,
                    latency=_LATENCY,
                    path=f"/r{each}/oai",
                    seed=each,
                )
                for each in here
            ]
            made.append(stack.enter_context(FakeHost(fakes)))
        yield made


def configuration(hosts_: list[FakeHost]) -> str:
    """harvester.toml: every host at its pace, every repository with one stream or two."""
    lines = [f'[service]\nworkers = 4\nslice = "{_SLICE:.0f}s"\n']
    for host in hosts_:
        lines.append(
            f'[[host]]\nname = "{host_of(host.repositories[0].url)}"\npace = "{PACE * 1000:.0f}ms"\n'
        )
        for fake in host.repositories:
            sets = ', {format = "oai_dc", set = "portal_1"}' if fake.seed % 3 == 0 else ""
            lines.append(
                f'[[repository]]\nname = "r{fake.seed}"\nurl = "{fake.url}"\nevery = "1d"\n'
                f'rolling = "never"\nreconcile = "never"\nstreams = [{{format = "oai_dc"}}{sets}]\n'
            )
    return "\n".join(lines)


class Fleet:
    """The processes: one with the clock, the others hands alone; whichever dies is begun again."""

    def __init__(self, database_url: str, configuration_file: Path, workers: int) -> None:
        self._environment = {
            name: value for name, value in os.environ.items() if not name.startswith("HARVESTER_")
        } | {
            "HARVESTER_DATABASE_URL": database_url,
            "HARVESTER_CONFIG": str(configuration_file),
            "PYTHONPATH": str(command_line.CHECKOUT),
        }
        self._log = configuration_file.with_name("log").open("a")
        self.commands = [["run"], *([["worker"]] * workers)]
        self.processes = [self._start(each) for each in self.commands]

    def _start(self, command: list[str]) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [sys.executable, "-c", "from harvester.cli import main; main()", *command],
            env=self._environment,
            stdout=self._log,
            stderr=self._log,
        )

    def kill_one(self, chance: random.Random) -> None:
        """kill -9, and begin it again."""
        number = chance.randrange(len(self.processes))
        self.processes[number].send_signal(signal.SIGKILL)
        self.processes[number].wait()
        self.processes[number] = self._start(self.commands[number])

    def end(self) -> list[str]:
        """SIGTERM to all: what did not end with 0 within ten seconds."""
        began = time.monotonic()
        for each in self.processes:
            each.terminate()
        wrong = []
        for each, command in zip(self.processes, self.commands, strict=True):
            try:
                code = each.wait(15)
            except subprocess.TimeoutExpired:
                each.kill()
                each.wait()
                wrong.append(f"`harvester {command[0]}` did not end on SIGTERM")
                continue
            if code != 0 or time.monotonic() - began > 10:
                wrong.append(
                    f"`harvester {command[0]}` ended with {code} after {time.monotonic() - began:.1f} s"
                )
        self._log.close()
        return wrong


def campaign(
    database_url: str, engine: Engine, folder: Path, *, seconds: float, seed: int, repositories: int = 40
) -> Result:
    """So many seconds of kills and changes, then peace until everything is up to date, then the comparison."""
    result = Result(seed)
    chance = random.Random(seed)
    with hosts(12, repositories) as farms:
        fakes = [fake for host in farms for fake in host.repositories]
        file = folder / "harvester.toml"
        file.write_text(configuration(farms))
        fleet = Fleet(database_url, file, 2)
        try:
            _wait_for_tasks(engine)
            began = time.monotonic()
            while time.monotonic() - began < seconds:
                threading.Event().wait(chance.uniform(0.3, 1.0))
                _change(chance, fakes)
                _make_due(engine)
                result.changes += 1
                if chance.random() < 0.6:
                    fleet.kill_one(chance)
                    result.kills += 1
            result.seconds = time.monotonic() - began
            result.settled_after = _settle(engine, fakes, result)
        finally:
            result.problems += fleet.end()
        _look_at_logs(farms, result)
    with engine.connect() as connection:
        result.streams = int(connection.scalar(text("SELECT count(*) FROM streams")) or 0)
    return result


def _wait_for_tasks(engine: Engine) -> None:
    def there() -> bool:
        with engine.connect() as connection:
            return bool(connection.scalar(text("SELECT count(*) FROM tasks")))

    command_line.wait_until(there, 60)


def _change(chance: random.Random, fakes: list[FakeRepository]) -> None:
    store = chance.choice(fakes).store
    live = [each.identifier for each in store.records if not each.deleted]
    what = chance.choice(["add", "revise", "delete"]) if live else "add"
    if what == "add":
        store.add(chance.randrange(1, 15))
    elif what == "revise":
        store.revise(chance.choice(live))
    else:
        store.delete(chance.choice(live))


def _make_due(engine: Engine) -> None:
    """All of them, as if their day had passed."""
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE tasks SET next_due_at = now() WHERE kind = 'harvest' AND begun_at IS NULL")
        )


def _settle(engine: Engine, fakes: list[FakeRepository], result: Result) -> float:
    """Wait until every stream was harvested since; what still differs is a problem."""
    began = time.monotonic()
    with engine.connect() as connection:
        since = connection.scalar(text("SELECT clock_timestamp()"))
    # A list that was cut goes on where it was: what changed behind it comes with the next one, which must have begun since.
    fresh = "EXISTS (SELECT FROM plans p WHERE p.stream_id = t.stream_id AND p.state = 'done' AND p.created_at > :since)"
    stale = text(f"SELECT count(*) FROM tasks t WHERE kind = 'harvest' AND NOT {fresh}")
    due = text(f"UPDATE tasks t SET next_due_at = now() WHERE kind = 'harvest' AND NOT {fresh}")
    while time.monotonic() - began < 240:
        with engine.begin() as connection:
            # A failure of the last moments would be tried again in minutes, and a host that was cut off as well.
            connection.execute(due, {"since": since})
            connection.execute(text("UPDATE hosts SET closed_until = NULL"))
            left = connection.scalar(stale, {"since": since})
        if not left:
            break
        threading.Event().wait(0.5)
    else:
        result.problems.append(f"{left} streams were not brought up to date")
    for fake in fakes:
        proven = {"portal_1"} if fake.seed % 3 == 0 else set()
        wanted = stored(fake)
        if proven:
            wanted |= stored(fake, lambda record: record.belongs("portal_1"), proven)
        wrong = differences(wanted, held(engine, f"r{fake.seed}"))
        result.problems += [f"r{fake.seed}: {identifier} differs" for identifier in wrong]
    return time.monotonic() - began


def _look_at_logs(farms: list[FakeHost], result: Result) -> None:
    for host in farms:
        log = host.log
        result.requests += len(log)
        overlapping = sum(access.overlapping for access in log)
        if overlapping:
            result.problems.append(
                f"{overlapping} requests came while another was answered at {host.repositories[0].url}"
            )
        # A request is timed when it arrives; the thread that reads it may have waited for a processor.
        hasty = [
            after.at - before.at
            for before, after in itertools.pairwise(log)
            if after.at - before.at < 0.8 * PACE
        ]
        if hasty:
            result.problems.append(
                f"{len(hasty)} requests came sooner than the pace, after {min(hasty):.3f} s"
            )
