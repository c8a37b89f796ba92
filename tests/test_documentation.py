"""README names every command and option that exists: what a user cannot find there does not exist for him."""

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from harvester.cli import app

README = Path(__file__).parents[1] / "README.md"


def commands(group: typer.Typer = app, before: str = "harvester") -> Iterator[tuple[str, Any]]:
    """(`harvester db dump`, its function) for every command."""
    for each in group.registered_commands:
        assert each.callback is not None
        yield f"{before} {each.name or each.callback.__name__}", each.callback
    for below in group.registered_groups:
        assert below.typer_instance is not None
        yield from commands(below.typer_instance, f"{before} {below.name}")


def options(function: Any) -> Iterator[str]:
    """The first name of each option: `--output` may be written as -o as well."""
    for parameter in inspect.signature(function).parameters.values():
        names = getattr(parameter.default, "param_decls", None) or ()
        yield from [name for name in names if name.startswith("--")][:1]


COMMANDS = dict(commands())


@pytest.mark.parametrize("command", COMMANDS)
def test_the_readme_names_every_command(command: str) -> None:
    assert re.search(rf"\b{re.escape(command)}\b", README.read_text("utf-8")), (
        f"README does not say `{command}`"
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_the_readme_names_every_option(command: str) -> None:
    text = README.read_text("utf-8")
    missing = [
        option
        for option in options(COMMANDS[command])
        if not re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", text)
    ]
    assert not missing, f"README does not say what {', '.join(missing)} of `{command}` means"


def test_the_readme_names_no_command_that_does_not_exist() -> None:
    known = {command.split()[1] for command in COMMANDS}
    named = re.findall(r"(?:^|[`$] ?|\n)harvester ([a-z][a-z-]+)", README.read_text("utf-8"))
    assert set(named) <= known
