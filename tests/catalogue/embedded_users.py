"""Processes that use an embedded Postgres, for tests that kill them."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import psycopg
import pytest

from harvester.catalogue import embedded, postmaster

CHECKOUT = Path(embedded.__file__).parents[2]
IMPORTS = os.pathsep.join([str(CHECKOUT), *(path for path in sys.path if path.endswith("site-packages"))])
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="uses a Linux mechanism")
ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root meets this")

# A harvester process: says where its server is, and uses it until its input ends.
USER = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored by inheritance where the tests run in the background
from pathlib import Path
from harvester.catalogue import embedded
try:
    server = embedded.start(Path(sys.argv[1]), durable=sys.argv[2] == "durable")
except embedded.CatalogueError as error:
    sys.exit(str(error))
print(server.socket_folder, flush=True)
sys.stdin.read()
"""


def wait_until(condition: Callable[[], object], seconds: float = 20) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it never happened"
        time.sleep(0.02)


def processes(home: Path) -> dict[str, list[int]]:
    """Pids of the supervisors and postmasters of this home."""
    folder = home / "postgres"
    found: dict[str, list[int]] = {"supervisor": [], "postgres": [], "initdb": []}
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if str(folder) in words and "-c" in words:
            found["supervisor"].append(process.pid)
        elif str(folder / "data") in words and "-k" in words:
            found["postgres"].append(process.pid)
        elif any(word.startswith(str(folder / "data.new-")) for word in words):
            found["initdb"].append(process.pid)
    return found


def gone(home: Path) -> bool:
    return not any(processes(home).values())


def connect(home: Path) -> psycopg.Connection:
    socket = postmaster.running(home / "postgres")
    assert socket is not None
    return psycopg.connect(host=str(socket), port=5432, dbname="harvester", user="harvester", autocommit=True)


def value(home: Path, query: str) -> object:
    with connect(home) as connection:
        row = connection.execute(query).fetchone()
    return row and row[0]


def keep_an_answer(home: Path) -> None:
    with connect(home) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")


def end(home: Path) -> None:
    """Give up this process's use of the home and have its server stop now."""
    embedded.stop(home)
    for pid in processes(home)["supervisor"]:
        with contextlib.suppress(psutil.NoSuchProcess):  # it may be on its way out
            psutil.Process(pid).terminate()
    wait_until(lambda: gone(home))


class Users:
    """Other processes that use a home; ended, whatever happens, with the test."""

    def __init__(self) -> None:
        self.started: list[subprocess.Popen[str]] = []

    def spawn(
        self,
        home: Path,
        mode: str = "fast",
        program: str = USER,
        python: str = sys.executable,
        **options: object,
    ) -> subprocess.Popen[str]:
        options.setdefault("env", {**os.environ, "PYTHONPATH": IMPORTS})
        process = subprocess.Popen(
            [python, "-c", program, str(home), mode],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,  # type: ignore[call-overload]
        )
        self.started.append(process)
        return process

    def attached(self, home: Path, mode: str = "fast", **options: object) -> subprocess.Popen[str]:
        process = self.spawn(home, mode, **options)  # type: ignore[arg-type]
        assert process.stdout is not None
        if not process.stdout.readline():
            pytest.fail(process.communicate()[1])
        return process

    def refused(self, home: Path, **options: object) -> str:
        """The sentence with which a process could not start a server."""
        process = self.spawn(home, **options)  # type: ignore[arg-type]
        output, sentence = process.communicate(timeout=60)
        assert process.returncode == 1, output
        return sentence.strip()

    def end(self) -> None:
        for process in self.started:
            process.kill()
            process.communicate()
