"""The service as an operator starts it: real processes, one Postgres, repositories that change."""

import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import psutil
import pytest
from campaign import Server
from chaos import campaign
from command_line import CHECKOUT, wait_until
from oracle import assert_same
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError

from harvester.catalogue.connection import connect
from harvester.mock import FakeRepository

SECONDS = 15.0


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@contextmanager
def running(
    command: str, folder: Path, configuration: str, **environment: str
) -> Iterator["subprocess.Popen[str]"]:
    """`harvester run` or `worker`, killed at the end where the test has not ended it."""
    file = folder / f"{command}.toml"
    file.write_text(configuration)
    outer = {name: value for name, value in os.environ.items() if not name.startswith("HARVESTER_")}
    process = subprocess.Popen(
        [sys.executable, "-c", "from harvester.cli import main; main()", command],
        env=outer | {"PYTHONPATH": str(CHECKOUT), "HARVESTER_CONFIG": str(file)} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def ended(process: "subprocess.Popen[str]") -> tuple[int, str, float]:
    """SIGTERM: exit code, what it said, seconds."""
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    said = process.communicate(timeout=20)[0]
    return process.returncode, said, time.monotonic() - began


def repository(fake: FakeRepository, more: str = "") -> str:
    return f'[[repository]]\nname = "fake"\nurl = "{fake.url}"\nevery = "1d"\n{more}\n'


def _count(engine: Engine, statement: str) -> int:
    with engine.connect() as connection:
        return int(connection.scalar(text(statement)) or 0)


DONE = "SELECT count(*) FROM tasks WHERE kind = 'harvest' AND done_at IS NOT NULL"


def test_what_the_file_names_is_harvested_unattended_and_sigterm_ends_with_0(
    database_url: str, engine: Engine, fake: FakeRepository, tmp_path: Path
) -> None:
    port = free_port()
    said = f'[service]\nport = {port}\nslice = "4s"\n' + repository(fake)
    with running("run", tmp_path, said, HARVESTER_DATABASE_URL=database_url) as process:
        wait_until(lambda: process.poll() is not None or _count(engine, DONE) == 1, 60)
        with urlopen(f"http://127.0.0.1:{port}/ready", timeout=10) as answer:
            assert answer.status == 200
        with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            assert b"harvester_" in answer.read()
        code, log, seconds = ended(process)
    assert (code, seconds < 10) == (0, True), log
    assert "Traceback" not in log
    assert_same(engine, fake, "fake")
    with pytest.raises(URLError):
        urlopen(f"http://127.0.0.1:{port}/live", timeout=2)


def test_the_embedded_server_is_all_that_one_machine_needs(fake: FakeRepository, tmp_path: Path) -> None:
    home = tmp_path / "home"
    said = '[service]\nslice = "4s"\n' + repository(fake)
    with running("run", tmp_path, said, HARVESTER_HOME=str(home)) as process:
        wait_until(lambda: process.poll() is not None or fake.pages_sent == 3, 60)
        code, log, _ = ended(process)
    assert (code, fake.pages_sent) == (0, 3), log


def test_sigterm_while_a_repository_hangs_ends_in_time_and_loses_nothing(
    database_url: str, engine: Engine, fake: FakeRepository, tmp_path: Path
) -> None:
    fake.misbehave("hang", on_page=1)
    said = '[service]\nslice = "4s"\n' + repository(fake)
    with running("run", tmp_path, said, HARVESTER_DATABASE_URL=database_url) as process:
        wait_until(lambda: any(access.fault == "hang" for access in fake.log), 60)
        code, log, seconds = ended(process)
        assert (code, seconds < 10) == (0, True), log
    fake.behave()
    with running("run", tmp_path, said, HARVESTER_DATABASE_URL=database_url) as process:
        wait_until(lambda: _count(engine, DONE) == 1, 60)
        ended(process)
    assert_same(engine, fake, "fake")


def test_a_port_that_is_taken_is_told_before_anything_begins(database_url: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = f"[service]\nport = {port}\n"
        with running("run", tmp_path, said, HARVESTER_DATABASE_URL=database_url) as process:
            output = process.communicate(timeout=60)[0]
    assert process.returncode == 2
    assert str(port) in output
    assert "Traceback" not in output


def test_a_worker_without_a_common_postgres_is_told_so(tmp_path: Path) -> None:
    with running("worker", tmp_path, "", HARVESTER_HOME=str(tmp_path / "home")) as process:
        output = process.communicate(timeout=60)[0]
    assert process.returncode == 2
    assert "HARVESTER_DATABASE_URL" in output


def test_the_file_may_be_changed_while_the_service_runs_and_a_slip_of_the_pen_stops_nothing(
    database_url: str, engine: Engine, fake: FakeRepository, tmp_path: Path
) -> None:
    said = '[service]\nslice = "4s"\n'
    with running("run", tmp_path, said, HARVESTER_DATABASE_URL=database_url) as process:
        wait_until(
            lambda: _count(engine, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") > 0, 60
        )
        file = tmp_path / "run.toml"
        file.write_text(said + repository(fake, "evry = 1"))
        # Every other look at the file finds it changed, whatever the file system's clock shows.
        threading.Event().wait(3)
        file.write_text(said + repository(fake) + "# mended\n")
        wait_until(lambda: process.poll() is not None or _count(engine, DONE) == 1, 60)
        code, log, _ = ended(process)
    assert code == 0, log
    assert "evry" in log
    assert_same(engine, fake, "fake")


def test_postgres_is_restarted_under_load_and_all_goes_on_by_itself(tmp_path: Path) -> None:
    with (
        Server(tmp_path / "postgres") as server,
        FakeRepository(records=200, page_size=5, latency=0.1) as fake,
    ):
        engine = connect(server.url)
        said = '[service]\nslice = "4s"\n' + repository(fake)
        with running("run", tmp_path, said, HARVESTER_DATABASE_URL=server.url) as process:
            for pages in (3, 15):
                wait_until(lambda pages=pages: process.poll() is not None or fake.pages_sent >= pages, 90)
                server.restart()
                server.up()
            wait_until(lambda: process.poll() is not None or _harvested(engine), 120)
            code, log, _ = ended(process)
        assert code == 0, log
        assert_same(engine, fake, "fake")
        assert not any(access.overlapping for access in fake.log)
        engine.dispose()


def test_a_repository_that_hangs_while_postgres_is_restarted_keeps_no_hand(tmp_path: Path) -> None:
    with (
        Server(tmp_path / "postgres") as server,
        FakeRepository(records=20, page_size=5) as hanging,
        FakeRepository(records=20, page_size=5) as healthy,
    ):
        hanging.misbehave("hang", on_page=1)
        engine = connect(server.url)
        said = '[service]\nslice = "4s"\nworkers = 1\n' + repository(hanging)
        with running("run", tmp_path, said, HARVESTER_DATABASE_URL=server.url) as process:
            wait_until(lambda: any(access.fault == "hang" for access in hanging.log), 60)
            hanging.behave()
            other = f'[[repository]]\nname = "healthy"\nurl = "{healthy.url}"\nevery = "1d"\n'
            (tmp_path / "run.toml").write_text(said + other)
            server.restart()
            server.up()
            wait_until(lambda: process.poll() is not None or _harvested(engine, 2), 90)
            code, log, _ = ended(process)
        assert code == 0, log
        assert "what is being asked just now is given up" in log
        assert_same(engine, healthy, "healthy")
        assert_same(engine, hanging, "fake")
        engine.dispose()


def test_sigterm_ends_the_service_in_time_though_postgres_has_frozen(tmp_path: Path) -> None:
    with (
        Server(tmp_path / "postgres") as server,
        FakeRepository(records=200, page_size=5, latency=0.2) as fake,
    ):
        said = '[service]\nslice = "4s"\n' + repository(fake)
        with running("run", tmp_path, said, HARVESTER_DATABASE_URL=server.url) as process:
            wait_until(lambda: process.poll() is not None or fake.pages_sent >= 3, 60)
            postgres = psutil.Process(server.pid)
            frozen = [postgres, *postgres.children()]
            for each in frozen:
                each.suspend()
            try:
                code, log, seconds = ended(process)
            finally:
                for each in frozen:
                    each.resume()
        assert (code, seconds < 10) == (0, True), log


def _harvested(engine: Engine, number: int = 1) -> bool:
    try:
        return _count(engine, DONE) == number
    except OperationalError:
        return False  # it is just being restarted


@pytest.mark.parametrize("length", ["12s", pytest.param("60s", marks=pytest.mark.campaign)])
def test_the_host_of_a_worker_that_is_killed_is_served_again(
    length: str, database_url: str, engine: Engine, tmp_path: Path
) -> None:
    with FakeRepository(records=200, page_size=5, latency=0.1) as fake:
        said = f'[service]\nslice = "{length}"\n' + repository(fake)
        with running("run", tmp_path, said, HARVESTER_DATABASE_URL=database_url) as first:
            wait_until(lambda: first.poll() is not None or fake.pages_sent >= 3, 60)
            first.kill()
            first.wait()
        at = len(fake.log)
        began = time.monotonic()
        with running("run", tmp_path, said, HARVESTER_DATABASE_URL=database_url) as second:
            wait_until(lambda: second.poll() is not None or len(fake.log) > at, 150)
            seconds = time.monotonic() - began
            wait_until(lambda: second.poll() is not None or _count(engine, DONE) == 1, 60)
            code, log, _ = ended(second)
        print(f"served again after {seconds:.1f} s")
        assert code == 0, log
        assert_same(engine, fake, "fake")


def test_a_service_that_has_nothing_to_do_costs_next_to_nothing(database_url: str, tmp_path: Path) -> None:
    with running("run", tmp_path, "", HARVESTER_DATABASE_URL=database_url) as process:
        watched = psutil.Process(process.pid)
        # Once it has started all its parts.
        wait_until(lambda: watched.num_threads() >= 8, 60)
        threading.Event().wait(3)
        before, began = watched.cpu_times(), time.monotonic()
        threading.Event().wait(10)
        after, seconds = watched.cpu_times(), time.monotonic() - began
        share = (after.user + after.system - before.user - before.system) / seconds
        ended(process)
    print(f"{share:.2%} of a processor")
    assert share < 0.02, "the measured value is under 1 %; twice that is a mistake, and not noise"


def test_leader_and_workers_are_killed_and_nothing_is_lost(
    database_url: str, engine: Engine, tmp_path: Path
) -> None:
    seed = int(os.environ.get("HARVESTER_SEED", "20240229"))
    result = campaign(database_url, engine, tmp_path, seconds=SECONDS, seed=seed)
    print(result)
    assert not result.problems, result.problems[:5]
    assert result.kills >= 5
    assert result.streams >= 40


@pytest.mark.campaign
def test_two_minutes_of_kills_lose_nothing(
    database_url: str, engine: Engine, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    if "campaign" not in (pytestconfig.getoption("-m") or ""):
        pytest.skip("takes minutes; make campaign runs it")
    seed = int(os.environ.get("HARVESTER_SEED", str(random.randrange(10**9))))
    print(f"HARVESTER_SEED={seed}")
    result = campaign(database_url, engine, tmp_path, seconds=120.0, seed=seed)
    print(result)
    assert not result.problems, result.problems[:5]
    assert result.kills >= 50
