"""`harvester --help` is quick: it imports nothing that a database, a parser or a table needs."""

import subprocess
import sys
import time

import pytest
from real_command import COMMAND

from harvester.cli import app

HEAVY = (
    "sqlalchemy",
    "psycopg",
    "alembic",
    "lxml",
    "requests",
    "urllib3",
    "sickle",
    "rich",
    "zstandard",
    "langcodes",
)
HEAVY_OURS = (
    "harvester.catalogue",
    "harvester.harvest",
    "harvester.oai",
    "harvester.wire",
    "harvester.crosswalk",
    "harvester.config_file",
)
COMMANDS = [
    command.name or command.callback.__name__ for command in app.registered_commands if command.callback
]
COMMANDS += [group.name for group in app.registered_groups if group.name]

IMPORTED = """
import sys
from harvester.cli import main
sys.argv = ["harvester", *sys.argv[1:], "--help"]
try:
    main()
except SystemExit as ended:
    assert not ended.code
print(*sys.modules, sep="\\n", file=sys.stderr)
"""


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_imports_nothing_heavy(command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED, *command.split()], capture_output=True, text=True, check=True
    )
    assert "Usage: " in done.stdout
    modules = set(done.stderr.split())
    assert not {name for name in modules if name.split(".")[0] in HEAVY}
    assert not {name for name in modules if name.startswith(HEAVY_OURS)}


def test_help_takes_less_than_four_tenths_of_a_second() -> None:
    """The best of several: a busy machine says nothing about us."""
    best = 9.0
    for _ in range(5):
        before = time.perf_counter()
        subprocess.run([COMMAND, "--help"], capture_output=True, check=True)
        best = min(best, time.perf_counter() - before)
    assert best < 0.4


def test_every_command_says_in_one_line_what_it_does() -> None:
    text = subprocess.run([COMMAND, "--help"], capture_output=True, text=True, check=True).stdout
    listed = text[text.index("Commands:") : text.index("Exit codes")]
    for command in COMMANDS:
        assert f"\n  {command} " in listed
    assert "..." not in listed  # nothing is cut at the edge of a terminal of 80 columns


def test_version_is_told() -> None:
    done = subprocess.run([COMMAND, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("harvester 0.")
