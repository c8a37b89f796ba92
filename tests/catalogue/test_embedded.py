"""Real servers, real processes, real kills: what a user of the embedded Postgres must never notice."""

import os
import shutil
import signal
import stat
import threading
import time
from pathlib import Path

import psutil
import psycopg
import pytest
from embedded_users import (
    IMPORTS,
    LINUX,
    USER,
    Users,
    connect,
    gone,
    keep_an_answer,
    processes,
    value,
    wait_until,
)

from harvester.catalogue import embedded, postmaster


def test_a_first_start_is_safe_and_private(tmp_path: Path, home: Path) -> None:
    tmp_path.chmod(0o750)
    said: list[str] = []
    assert embedded.url(home) is None
    server = embedded.start(home, tell=said.append)
    assert embedded.url(home) == server.url
    assert said == ["Creating the catalogue's Postgres (first use)"]
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o750
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert stat.S_IMODE(server.socket_folder.stat().st_mode) == 0o700
    assert server.data.is_relative_to(home)
    with connect(home) as connection:
        settings = dict(connection.execute("SELECT name, setting FROM pg_settings").fetchall())
        text = connection.execute("SELECT lower('ÉΣЖ'), 'Z' < 'a', 'z' < 'é'").fetchone()
    assert {
        settings[name] for name in ("fsync", "full_page_writes", "synchronous_commit", "data_checksums")
    } == {"on"}
    assert settings["listen_addresses"] == ""
    assert settings["TimeZone"] == "UTC"
    assert settings["server_encoding"] == "UTF8"
    assert text == ("éσж", True, True)
    assert psutil.Process().children() == []
    embedded.stop(home, wait=20)
    assert gone(home)
    assert not server.socket_folder.exists()


@pytest.mark.measures_time
def test_threads_of_a_process_share_one_start(home: Path) -> None:
    servers: list[embedded.Server] = []
    threads = [
        threading.Thread(target=lambda: servers.append(embedded.start(home, durable=False))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(servers)) == 1
    assert len(servers) == 4
    began = time.perf_counter()
    embedded.start(home, durable=False)
    assert time.perf_counter() - began < 0.05


def test_the_server_outlives_each_user_but_the_last_even_after_kill_9(home: Path, users: Users) -> None:
    first, second = users.attached(home), users.attached(home)
    assert len(processes(home)["postgres"]) == 1
    keep_an_answer(home)
    first.kill()
    (supervisor,) = processes(home)["supervisor"]
    looks = psutil.Process(supervisor).num_ctx_switches().voluntary
    wait_until(lambda: psutil.Process(supervisor).num_ctx_switches().voluntary >= looks + 2)
    assert len(processes(home)["postgres"]) == 1
    second.kill()
    wait_until(lambda: gone(home), seconds=5)
    users.attached(home)
    assert value(home, "SELECT answer FROM kept") == 42


def test_four_first_starts_at_the_same_moment_make_one_server(home: Path, users: Users) -> None:
    started = [users.spawn(home) for _ in range(4)]
    sockets = {process.stdout.readline() for process in started if process.stdout}
    assert len(sockets) == 1
    assert "" not in sockets
    wait_until(lambda: len(processes(home)["supervisor"]) == 1)
    assert len(processes(home)["postgres"]) == 1
    assert (home / "postgres" / "server.log").read_text().count("first use") == 1


def test_a_killed_postmaster_is_started_again_and_lost_nothing(home: Path, users: Users) -> None:
    users.attached(home, "durable")
    url = embedded.url(home)
    keep_an_answer(home)
    (victim,) = processes(home)["postgres"]
    os.kill(victim, signal.SIGKILL)
    wait_until(lambda: victim not in processes(home)["postgres"])
    assert embedded.start(home).url == url
    assert value(home, "SELECT answer FROM kept") == 42
    assert victim not in processes(home)["postgres"]


@LINUX
def test_an_endless_statement_does_not_keep_a_killed_postmaster_from_recovering(home: Path) -> None:
    embedded.start(home, durable=False)
    with connect(home) as connection, connect(home) as other:
        endless = threading.Thread(
            target=_ignoring_the_end, args=(connection, "DO 'BEGIN LOOP END LOOP; END'")
        )
        endless.start()
        wait_until(lambda: other.execute("SELECT 1 FROM pg_stat_activity WHERE query LIKE 'DO %'").fetchone())
        (victim,) = processes(home)["postgres"]
        os.kill(victim, signal.SIGKILL)
        wait_until(lambda: victim not in processes(home)["postgres"])
        embedded.start(home, durable=False)
        endless.join(10)
        assert not endless.is_alive()
    assert value(home, "SELECT 1") == 1


def _ignoring_the_end(connection: psycopg.Connection, statement: str) -> None:
    with pytest.raises(psycopg.OperationalError):
        connection.execute(statement)


@LINUX
def test_a_killed_supervisor_takes_postgres_along_and_the_next_start_is_whole(
    home: Path, users: Users
) -> None:
    users.attached(home, "durable")
    keep_an_answer(home)
    (supervisor,) = processes(home)["supervisor"]
    (victim,) = processes(home)["postgres"]
    os.kill(supervisor, signal.SIGKILL)
    wait_until(lambda: not processes(home)["supervisor"])
    embedded.start(home)
    assert value(home, "SELECT answer FROM kept") == 42
    assert victim not in processes(home)["postgres"]
    assert len(processes(home)["postgres"]) == 1


@LINUX
def test_a_killed_supervisor_alone_ends_its_postgres(home: Path, users: Users) -> None:
    users.attached(home)
    socket = postmaster.running(home / "postgres")
    assert socket is not None
    (supervisor,) = processes(home)["supervisor"]
    os.kill(supervisor, signal.SIGKILL)
    wait_until(lambda: gone(home), seconds=5)
    socket.rmdir()  # empty: the next start would have used it again
    assert "database system is shut down" in (home / "postgres" / "server.log").read_text()


def test_ctrl_c_in_a_terminal_does_not_reach_the_server(home: Path, users: Users) -> None:
    embedded.start(home, durable=False)
    other = users.attached(home, start_new_session=True)
    (supervisor,) = processes(home)["supervisor"]
    assert os.getsid(supervisor) not in (os.getsid(0), os.getsid(other.pid))
    os.killpg(other.pid, signal.SIGINT)
    os.kill(supervisor, signal.SIGINT)
    other.wait(10)
    assert value(home, "SELECT 1") == 1
    assert processes(home)["supervisor"] == [supervisor]


def test_a_start_killed_while_it_created_the_data_is_begun_anew(home: Path, users: Users) -> None:
    first = users.spawn(home)
    wait_until(lambda: any((home / "postgres").glob("data.new-*/PG_VERSION")))
    for pid in processes(home)["supervisor"]:
        os.kill(pid, signal.SIGKILL)
    first.kill()
    assert not (home / "postgres" / "data").exists()
    embedded.start(home, durable=False)
    assert value(home, "SELECT 1") == 1
    wait_until(lambda: not any((home / "postgres").glob("data.new-*")))


def test_a_pid_that_is_somebody_elses_by_now_is_not_taken_for_postgres(home: Path, users: Users) -> None:
    server = embedded.start(home, durable=False)
    stale = (server.data / "postmaster.pid").read_text().splitlines()
    embedded.stop(home, wait=20)
    (server.data / "postmaster.pid").write_text("\n".join([str(os.getpid()), *stale[1:]]) + "\n")
    (home / "postgres" / "supervisor.lock").write_text(str(os.getpid()))
    assert embedded.url(home) is None
    embedded.start(home, durable=False)
    assert value(home, "SELECT 1") == 1


def test_a_cleaner_of_temporary_folders_does_not_cut_the_catalogue_off(home: Path) -> None:
    server = embedded.start(home, durable=False)
    shutil.rmtree(server.socket_folder)
    wait_until(lambda: embedded.url(home) == server.url)
    assert value(home, "SELECT 1") == 1


def test_the_log_of_a_long_run_stays_small(home: Path) -> None:
    embedded.start(home, durable=False)
    log = home / "postgres" / "server.log"
    with log.open("ab") as file:
        file.write(b"x" * (9 << 20))
    wait_until(lambda: log.stat().st_size < 1 << 20)
    value(home, "SELECT 1")
    assert log.with_name("server.log.1").stat().st_size > 9 << 20


def test_a_removed_home_leaves_no_server_behind(home: Path) -> None:
    server = embedded.start(home, durable=False)
    shutil.rmtree(home, ignore_errors=True)
    shutil.rmtree(home, ignore_errors=True)
    wait_until(lambda: gone(home))
    assert not server.socket_folder.exists()


def test_neither_path_nor_pg_variables_of_the_user_matter(home: Path, users: Users, tmp_path: Path) -> None:
    fakes = tmp_path / "fakes"
    fakes.mkdir()
    for name in ("postgres", "initdb", "pg_ctl"):
        (fakes / name).write_text("#!/bin/sh\nexit 99\n")
        (fakes / name).chmod(0o755)
    mischief = {
        "PGDATA": "/nowhere",
        "PGPORT": "1",
        "PGOPTIONS": "-c nonsense=1",
        "PGTZ": "Mars",
        "LC_ALL": "xx_YY",
    }
    environment = {"PATH": str(fakes), "PYTHONPATH": IMPORTS, "TZ": "Asia/Tokyo", **mischief}
    program = (
        USER
        + "import os; os.environ.pop('PGTZ'); os.environ.pop('PGOPTIONS')\n"
        + "import psycopg; psycopg.connect(server.url.replace('+psycopg', '')).close(); print('ok')"
    )
    process = users.spawn(home, program=program, env=environment)
    output, errors = process.communicate(timeout=60)
    assert output.endswith("ok\n"), errors
