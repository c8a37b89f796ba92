"""The real command line in a process of its own, against a given catalogue."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]


def start(database_url: str, *arguments: str, stderr: int = subprocess.PIPE) -> "subprocess.Popen[str]":
    """Begin `harvester …`; the caller ends it."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HARVESTER_")}
    environment |= {"HARVESTER_DATABASE_URL": database_url, "PYTHONPATH": str(CHECKOUT)}
    return subprocess.Popen(
        [sys.executable, "-c", "from harvester.cli import main; main()", *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
    )


def wait_until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait for a condition, not for luck."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.005)
