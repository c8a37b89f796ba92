"""`harvester` as a person or a script runs it: as a process, or, for the many calls that end at once, within this one."""

import io
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from harvester import cli

COMMAND = str(Path(sys.executable).parent / "harvester")
NOWHERE = "postgresql://nobody@127.0.0.1:1/none"  # a command that needs no database must not notice


@dataclass(frozen=True)
class Ended:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON document on stdout, and nothing else there."""
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        """The JSON lines on stdout."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def pages(self) -> list[dict[str, Any]]:
        """The JSON lines on stderr: one for each page."""
        return [json.loads(line) for line in self.err.splitlines() if line.startswith("{")]

    def readable(self) -> "Ended":
        """Nothing that only a programmer could read."""
        assert "Traceback" not in self.err, self.err
        assert "a mistake in harvester itself" not in self.err, self.err
        return self


class Command:
    """Runs `harvester` as a process, with a home and a database of its own."""

    def __init__(self, home: Path, database_url: str) -> None:
        kept = {key: value for key, value in os.environ.items() if key in ("PATH", "LANG", "TMPDIR")}
        self.environment = {
            **kept,
            "HOME": str(home),
            "HARVESTER_HOME": str(home / "home"),
            "HARVESTER_DATABASE_URL": database_url,
        }

    def __call__(
        self, *arguments: str | bytes, stdin: bytes = b"", timeout: float = 60, **environment: str
    ) -> Ended:
        done = subprocess.run(
            [COMMAND, *arguments],
            input=stdin,
            capture_output=True,
            env=self.environment | environment,
            timeout=timeout,
            check=False,
        )
        return Ended(done.returncode, done.stdout.decode(), done.stderr.decode(errors="replace")).readable()

    def start(self, *arguments: str, **options: Any) -> "subprocess.Popen[bytes]":
        """A command that runs on; the test ends it."""
        streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen([COMMAND, *arguments], env=self.environment, **(streams | options))


class Inside:
    """The same door within this process: no time is spent on starting Python."""

    def __init__(
        self, command: Command, patch: pytest.MonkeyPatch, capture: pytest.CaptureFixture[str]
    ) -> None:
        self.process = command
        self._patch = patch
        self._capture = capture

    def __call__(self, *arguments: str, stdin: bytes = b"", **environment: str) -> Ended:
        with self._patch.context() as patch, io.TextIOWrapper(io.BytesIO(stdin)) as given:
            patch.setattr(sys, "argv", ["harvester", *arguments])
            patch.setattr(sys, "stdin", given)
            for name in [name for name in os.environ if name.startswith("HARVESTER_")]:
                patch.delenv(name)
            for name, value in (self.process.environment | environment).items():
                patch.setenv(name, value)
            with pytest.raises(SystemExit) as ended:
                cli.main()
        out, err = self._capture.readouterr()
        code = ended.value.code
        assert isinstance(code, int)
        return Ended(code, out, err).readable()
