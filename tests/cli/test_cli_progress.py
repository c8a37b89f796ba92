"""What a harvest shows while it runs, and how it is stopped: signals, terminals, pipes that close."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import time

import pytest
from contract import check_harvest
from real_command import COMMAND, Command

from harvester.mock import FakeRepository


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_harvest_says_so_and_goes_on_from_there(number: signal.Signals, real: Command) -> None:
    with FakeRepository(records=2000, page_size=50, latency=0.05) as repository:
        process = real.start("harvest", repository.url, "--json")
        assert process.stderr is not None
        while b'"page": 3' not in process.stderr.readline():
            assert process.poll() is None
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
        assert process.returncode == 130
        report = json.loads(out)
        check_harvest(report)
        assert report["outcome"] == "interrupted"
        assert b"Traceback" not in err
        repository.latency = 0
        rest = real("harvest", repository.url, "--json")
        assert rest.code == 0
        assert rest.json["streams"][0]["received"] + report["streams"][0]["received"] == 2000


def test_a_log_that_nobody_reads_any_more_does_not_end_the_harvest(
    real: Command, fake: FakeRepository
) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    process = real.start("harvest", fake.url, "--json", stderr=writer)
    os.close(writer)
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert json.loads(out)["streams"][0]["received"] == 250


def test_a_harvest_of_hours_is_announced(real: Command) -> None:
    with FakeRepository(
        records=30, page_size=10, latency=0.1, faults=["wrong_size:size=90000000"]
    ) as repository:
        done = real("harvest", repository.url, "--json")
    assert "90,000,000 records at this speed take about" in done.err
    assert done.err.count("take about") == 1


def on_a_terminal(real: Command, *arguments: str, **environment: str) -> tuple[int, str]:
    """Run with stderr on a terminal of 120 columns; the exit code, and all that was drawn there."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [COMMAND, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=follower,
        env=real.environment | {"TERM": "xterm-256color", "COLUMNS": "120"} | environment,
    )
    os.close(follower)
    drawn = b""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        if not select.select([leader], [], [], 0.2)[0]:
            continue
        try:
            piece = os.read(leader, 65536)
        except OSError:  # Linux: the other side is closed
            break
        if not piece:
            break
        drawn += piece
    os.close(leader)
    return process.wait(timeout=10), drawn.decode()


COLOUR = re.compile(r"\x1b\[[0-9;]*3[0-9][0-9;]*m")


def test_on_a_terminal_a_bar_shows_records_speed_and_the_token(real: Command) -> None:
    with FakeRepository(records=250, page_size=50, latency=0.1) as repository:
        code, drawn = on_a_terminal(real, "harvest", repository.url)
        assert code == 0
        assert "100/250" in drawn
        assert "250/250" in drawn
        assert "rec/s" in drawn
        assert re.search(r"token 59:[0-9]{2}", drawn)
        assert COLOUR.search(drawn)
        assert '"event"' not in drawn

        code, plain = on_a_terminal(real, "harvest", repository.url, "--full", NO_COLOR="1")
        assert code == 0
        assert "250/250" in plain
        assert not COLOUR.search(plain)

        code, silent = on_a_terminal(real, "harvest", repository.url, "--full", "--quiet")
        assert (code, silent) == (0, "")
