"""A campaign: processes are killed, Postgres is restarted, and the repository misbehaves, all at once and at random.

Two lanes work on one catalogue, in a Postgres of their own. One kills real processes while they harvest, and restarts
Postgres under them; its repository fails in ways that must cost nothing. The other harvests without being killed from
repositories that do whatever the fake one can do, against the model of `model`; it is this file, as a program.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import zstandard
from asking import Asker
from command_line import CHECKOUT, start, wait_until
from model import ARMS, MUTATIONS, Follower, arm, mutate
from oracle import Held, differences, held, stored
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError

from harvester import clock
from harvester.catalogue import embedded, postmaster
from harvester.catalogue.connection import connect
from harvester.catalogue.migration import upgrade
from harvester.errors import CatalogueError
from harvester.harvest import harvest as harvesting
from harvester.harvest.cutting import LONGEST
from harvester.harvest.harvest import Request, harvest
from harvester.harvest.plans import Wish
from harvester.harvest.progress import Listener, PageEvent
from harvester.mock import FAULTS, FakeRepository
from harvester.wire import Client

T = TypeVar("T")

PAGE = 10
KILLS_A_LIST = 8
PAGES_A_KILL = 6  # about what a process manages before it is killed
_MOST_OF_ONE = 5  # times that a fault is counted within a harvest
_LONGEST = 0.25  # seconds between a process's first request and its end
_AT_START = 0.15  # of all kills come while the process is starting
# What fails only for a moment, and leaves the text of records as it is: whatever comes between, nothing may be missing.
_PLAIN = (
    "500 502 504 404 403 429 503_bare bot_wall html_200 empty_body cut_body cut_page short_length drops_connection"
    " no_length gzip_unannounced gzip_announced_but_plain redirect bom leading_junk trailing_garbage nul doctype"
    " control_characters root_namespaces token_refused token_refused_422 token_expires empty_middle_page duplicates"
    " wrong_root error_without_code silent_truncation no_token_on_last_page poison"
)
PASSING: dict[str, dict[str, Any]] = {name: {} for name in _PLAIN.split()} | {
    "chunked": {"share": 0.5},
    "hang": {"after": 200},
    "reset": {"after": 700},
    "slow": {"seconds": 0.05},
    "503_retry_after": {"seconds": 3600},
}
PASSING = {name: options for name, options in PASSING.items() if name in FAULTS}
# A page is applied when its window moves by one, behind the fence. `token` is what it was asked for with.
_WITNESS = (
    "CREATE TABLE applied (window_id bigint, way text, restarts int, number int, token text)",
    """CREATE FUNCTION witness() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO applied VALUES (NEW.id, NEW.way, NEW.restarts, NEW.pages,
            CASE WHEN NEW.restarts = OLD.restarts THEN OLD.token END);
        RETURN NULL; END $$""",
    """CREATE TRIGGER witness AFTER UPDATE ON windows FOR EACH ROW WHEN (NEW.way = OLD.way AND (
        (NEW.restarts = OLD.restarts AND NEW.pages = OLD.pages + 1)
        OR (NEW.restarts = OLD.restarts + 1 AND NEW.pages = 1))) EXECUTE FUNCTION witness()""",
)
_TWICE = "SELECT count(*) FROM (SELECT FROM applied GROUP BY window_id, way, restarts, number HAVING count(*) > 1) t"
_TOKEN_TWICE = (
    "SELECT count(*) FROM (SELECT FROM applied a JOIN windows w ON w.id = a.window_id JOIN plans p ON p.id = w.plan_id"
    " JOIN streams s ON s.id = p.stream_id JOIN repositories r ON r.id = s.repository_id"
    " WHERE r.name LIKE 'killed-offset-%' AND a.token IS NOT NULL"
    " GROUP BY a.window_id, a.way, a.restarts, a.token HAVING count(*) > 1) t"
)
_FORGIVE = "UPDATE hosts SET pause = 0, penalised_at = NULL, next_allowed_at = NULL"
_QUARANTINED = (
    "SELECT q.identifier, q.reason, q.raw FROM quarantine q JOIN repositories r ON r.id = q.repository_id"
    " WHERE r.name = :name AND q.resolved_at IS NULL"
)


@dataclass(frozen=True, slots=True)
class Size:
    """How much is to happen; `faults` are counted when they took part in an answer."""

    kills: int
    restarts: int
    faults: int


@dataclass(slots=True)
class Result:
    """What happened. `problems`: each a sentence; there should be none."""

    seed: int
    kills: int = 0
    restarts: int = 0
    faults: int = 0
    pages: int = 0
    harvests: int = 0
    quarantined: int = 0
    problems: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"kills={self.kills} restarts={self.restarts} faults={self.faults} pages={self.pages}"
            f" harvests={self.harvests} differences={len(self.problems)} quarantined={self.quarantined} seed={self.seed}"
        )


class Server:
    """The embedded Postgres of a home of our own, durable as an operator has it; a context manager."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self.restarts = 0

    def __enter__(self) -> "Server":
        self.up()
        engine = connect(self.url)
        upgrade(engine)
        with engine.begin() as connection:
            for statement in _WITNESS:
                connection.execute(text(statement))
        engine.dispose()
        return self

    def __exit__(self, *_: object) -> None:
        embedded.stop(self._home, wait=30)

    def up(self) -> None:
        """Wait until it takes connections. Its supervisor gives up after some deaths within a minute: then another does."""
        server = embedded.start(self._home)
        self.url, self._data = server.url, server.data

    @property
    def pid(self) -> int:
        """Of the postmaster."""
        return postmaster.status(self._data)[0]

    def restart(self) -> None:
        """Immediate: no checkpoint, no good-bye, recovery from the log at the next start."""
        pid = self.pid
        os.kill(pid, signal.SIGQUIT)
        wait_until(lambda: not postmaster.alive(pid, self._data))
        self.restarts += 1


def campaign(home: Path, size: Size, seed: int) -> Result:
    """Run both lanes to their ends. The same seed draws the same changes, faults and delays; where a kill hits depends on the machine."""
    result = Result(seed)
    with Server(home) as server:
        other = _begin_faults(server.url, seed, size.faults)
        try:
            Killing(server, random.Random(seed), size, result).run()
            told, err = other.communicate(timeout=3600)
        finally:
            other.kill()
            other.communicate()
        assert other.returncode == 0, err[-5000:]
        lane = json.loads(told.splitlines()[-1])
        result.problems += lane["problems"]
        result.faults += lane["faults"]
        result.harvests += lane["harvests"]
        result.restarts = server.restarts
        _count(server, result)
    return result


def _begin_faults(url: str, seed: int, faults: int) -> "subprocess.Popen[str]":
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HARVESTER_")}
    return subprocess.Popen(
        [sys.executable, __file__, url, str(seed), str(faults)],
        env=environment | {"PYTHONPATH": str(CHECKOUT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _count(server: Server, result: Result) -> None:
    server.up()
    engine = connect(server.url)
    with engine.connect() as connection:
        if twice := connection.scalar(text(_TWICE)):
            result.problems.append(f"{twice} pages were applied twice")
        if twice := connection.scalar(text(_TOKEN_TWICE)):
            result.problems.append(f"{twice} tokens were spent twice")
        result.pages = connection.scalar(text("SELECT count(*) FROM applied")) or 0
        published = connection.scalar(text("SELECT count(*) FROM pages WHERE window_id IS NOT NULL"))
        if published != result.pages:
            result.problems.append(f"{published} pages in the change feed, {result.pages} applied")
        waiting = text("SELECT count(*) FROM quarantine WHERE resolved_at IS NULL")
        result.quarantined = connection.scalar(waiting) or 0
    engine.dispose()


@dataclass(slots=True)
class Killing:
    """The lane of kills: one repository after another, each harvested by processes of which almost none comes to its end."""

    server: Server
    chance: random.Random
    size: Size
    result: Result

    def run(self) -> None:
        """Until enough have been killed."""
        number = 0
        while self.result.kills < self.size.kills:
            style = self.chance.choice(("offset", "scroll"))
            name = f"killed-{style}-{number}"
            lists = 1 + self.chance.randrange(3)
            with FakeRepository(
                records=KILLS_A_LIST * PAGES_A_KILL * PAGE,
                page_size=PAGE,
                latency=0.01,
                seed=number,
                token_style=style,  # type: ignore[arg-type]
                token_life=self.chance.choice((None, 3600.0)),
            ) as fake:
                for _ in range(lists):
                    try:
                        self._one_list(fake, name)
                    except AssertionError as error:
                        self.result.problems.append(f"{name}: {str(error)[:600]}")
                        break
                    fake.store.restamp()
            number += 1

    def _one_list(self, fake: FakeRepository, name: str) -> None:
        """Kill the processes that harvest a long list, let the last one finish, and compare."""
        for _ in range(min(KILLS_A_LIST, self.size.kills - self.result.kills)):
            for fault in self.chance.sample(sorted(PASSING), self.chance.randrange(4)):
                fake.misbehave(fault, times=1 + self.chance.randrange(2), **PASSING[fault])
            for _ in range(self.chance.randrange(4)):
                self._change(fake)
            self._kill(fake, name)
            self._counted(fake)
        fake.behave()
        engine = connect(self.server.url)
        try:
            self._finish(engine, fake, name)
        finally:
            engine.dispose()
            self._counted(fake)

    def _change(self, fake: FakeRepository) -> None:
        # A bulk change would make every list as long as the first; quiet ones are found by no list of changes.
        kinds = [kind for kind in MUTATIONS if kind != "restamp" and "quietly" not in kind]
        mutate(fake, self.chance.choice(kinds), self.chance.randrange(10_000))

    def _kill(self, fake: FakeRepository, name: str) -> None:
        """Start a process and kill it; now and then Postgres is restarted under it, which it may live to see."""
        before = len(fake.log)
        early = self.chance.random() < _AT_START
        delay = self.chance.uniform(0, 0.5 if early else _LONGEST)
        left = max(1, self.size.kills - self.result.kills)
        restart = self.chance.random() < (self.size.restarts - self.server.restarts) / left
        survives = self.chance.random() < 0.5
        arguments = ("harvest", fake.url, "--quiet", "--name", name, "--wait", "5")
        process = start(self.server.url, *arguments, stderr=subprocess.DEVNULL)
        try:
            if not early:
                wait_until(lambda: len(fake.log) > before or process.poll() is not None)
            time.sleep(delay)  # the moment is what is drawn by lot
            if restart:
                self.server.restart()
                if survives:
                    self.server.up()
                time.sleep(delay)
        finally:
            process.kill()
            process.communicate()
        self.result.kills += process.returncode == -signal.SIGKILL
        self.result.harvests += 1
        self.server.up()
        engine = connect(self.server.url)
        with engine.begin() as connection:
            connection.execute(text(_FORGIVE))
        engine.dispose()

    def _counted(self, fake: FakeRepository) -> None:
        self.result.faults += _applied(fake)
        fake.log.clear()

    def _finish(self, engine: Engine, fake: FakeRepository, name: str) -> None:
        """The repository is quiet: what was begun ends, what changed meanwhile comes, and nothing is missing."""
        for wish in (Wish(), Wish()):
            report = harvest(engine, Request(fake.url, name=name, wish=wish))
            assert report.outcome in ("complete", "complete_unverified"), report
        wrong = differences(stored(fake), held(engine, name))
        unnamed = {each: pair for each, pair in wrong.items() if not _is_named(engine, name, pair)}
        assert not unnamed, f"{len(unnamed)} records differ, the first: {next(iter(unnamed.items()))}"
        if wrong:
            harvest(engine, Request(fake.url, name=name, wish=Wish(full=True)))
            assert differences(stored(fake), held(engine, name)) == {}


def _is_named(engine: Engine, name: str, pair: tuple[Held | None, Held | None]) -> bool:
    """Whether quarantine tells of a record that differs: by its identifier, or by the dates of what could not be had."""
    wanted = pair[0] or pair[1]
    assert wanted is not None
    with engine.connect() as connection:
        rows = connection.execute(text(_QUARANTINED), {"name": name}).all()
    for identifier, reason, raw in rows:
        if identifier == wanted.identifier:
            return True
        if reason == "unreadable_window":
            place = json.loads(zstandard.decompress(raw))
            from_, until = (place[key] and datetime.fromisoformat(place[key]) for key in ("from", "until"))
            moment = datetime.fromisoformat(wanted.datestamp).astimezone(UTC)
            if (from_ is None or from_ <= moment) and (until is None or moment <= until):
                return True
    return False


def _applied(fake: FakeRepository) -> int:
    """Faults that took part in answers; one that lasts counts a few times only."""
    seen = Counter(name for each in fake.log if each.fault for name in each.fault.split(","))
    return sum(min(number, _MOST_OF_ONE) for number in seen.values())


class Stubborn(Asker):
    """Asks again where Postgres is away; the harvest itself waits for it."""

    def __call__(self, **options: Any) -> Any:
        return _insist(partial(self._reported, **options))

    def _reported(self, **options: Any) -> Any:
        report = super().__call__(**options)
        if any(each.reason == "catalogue" for each in report.streams):
            raise CatalogueError("Postgres was away for longer than a harvest waits for it")
        return report

    def held(self) -> dict[str, Held]:
        return _insist(super().held)

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        return _insist(partial(super().rows, statement))

    def one(self, statement: str) -> Any:
        return _insist(partial(super().one, statement))

    def forgive(self) -> None:
        _insist(super().forgive)


def _insist(step: Callable[[], T]) -> T:
    deadline = time.monotonic() + 60
    while True:
        try:
            return step()
        except (OperationalError, CatalogueError):
            if time.monotonic() > deadline:
                raise
        time.sleep(0.1)


@dataclass(slots=True)
class Days:
    """The repository's clock and ours, which agree; waits are ten times shorter, for Postgres is waited for in earnest."""

    moment: datetime = datetime(2024, 6, 1, tzinfo=UTC)
    skipped: float = 0.0

    def now(self) -> datetime:
        return self.moment

    def monotonic(self) -> float:
        return time.monotonic() + self.skipped

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds / 10)
        self.skipped += seconds * 0.9


def misbehave(url: str, seed: int, faults: int) -> Result:
    """The lane of faults: harvests of repositories that do everything that the fake one can."""
    days, result = Days(), Result(seed)
    clock.now, clock.monotonic, clock.sleep = days.now, days.monotonic, days.sleep
    harvesting.Client = partial(Client, now=days.now)  # type: ignore[assignment,misc]
    engine = connect(url)
    number = 0
    while result.faults < faults:
        number += 1
        chance = random.Random(f"{seed} {number}")  # its own, so that it is the same whatever the others met
        policy: dict[str, Any] = {
            "records": chance.choice((8, 30, 60)),
            "page_size": chance.choice((3, 5, 10)),
            "granularity": chance.choice(("seconds", "days")),
            "token_style": chance.choice(("offset", "scroll")),
            "token_life": chance.choice((None, 3600.0)),
            "complete_list_size": chance.random() < 0.7,
        }
        with FakeRepository(**policy, now=days.now) as fake:
            session = Session(
                Follower(Stubborn(engine, fake)), chance, random.Random(f"{seed} {number}"), days
            )
            try:
                session.run(result)
            except AssertionError as error:
                steps = "\n  ".join(session.steps)
                result.problems.append(f"repository {number} {policy}:\n  {steps}\n  {str(error)[:600]}")
    engine.dispose()
    return result


@dataclass(slots=True)
class Session:
    """One repository of the lane of faults. `meanwhile` draws what happens while a list is walked."""

    follower: Follower
    chance: random.Random
    meanwhile: random.Random
    days: Days
    steps: list[str] = field(default_factory=list)

    def run(self, result: Result) -> None:
        """Some harvests with faults, then a quiet one. Raises AssertionError where the model is not followed."""
        fake, chance = self.follower.ask.fake, self.chance
        for _ in range(2 + chance.randrange(4)):
            for _ in range(chance.randrange(4)):
                self._change(chance, (0, 1, 30))
            for name in chance.sample(ARMS, chance.randrange(1, 5)):
                times, page = chance.choice((1, 2, 3, 3, None)), chance.choice((None, None, 0, 1, 2))
                arm(fake, name, times, page)
                self.steps.append(f"{name} times={times} on_page={page}")
            self._harvest()
            result.harvests += 1
            result.faults += _applied(fake)
            if chance.random() < 0.7:
                fake.behave()
                self.steps.append("behaves")
        fake.behave()
        self._later(1)
        self.follower.settle(self.days.moment)

    def _harvest(self) -> None:
        chance = self.chance
        wish = Wish(full=chance.random() < 0.3)
        spec = chance.choice(("", "", "", "blue", "red"))
        longest = chance.choice((LONGEST, LONGEST, 0.05))
        self.steps.append(f"harvest of {spec or 'all'}, full={wish.full}, longest={longest}")
        self._later(0)

        def heard(_: PageEvent) -> None:
            if self.meanwhile.random() < 0.1:
                self._change(self.meanwhile, (0.4, 2))

        listener = Listener(on_page=heard)
        report = self.follower.harvest(spec, wish, self.days.moment, listener=listener, longest_list=longest)
        self.steps[-1] += f": {report.outcome} {[each.reason for each in report.streams]}"

    def _change(self, chance: random.Random, hours: tuple[float, ...]) -> None:
        self._later(chance.choice(hours))
        kind = chance.choice(MUTATIONS)
        self.follower.change(kind, chance.randrange(1000))
        self.steps.append(kind)

    def _later(self, hours: float) -> None:
        self.days.moment += timedelta(seconds=1, hours=hours)


if __name__ == "__main__":
    print(json.dumps(asdict(misbehave(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))))
