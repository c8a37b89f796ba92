"""What all commands print alike: one JSON document on stdout, tables for eyes, moments as OAI-PMH writes them."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import typer


def moment(value: datetime | None) -> str | None:
    """UTC with a Z, or null."""
    return None if value is None else value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _default(value: object) -> object:
    if isinstance(value, datetime):
        return moment(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def to_json(value: Any, *, indent: int | None = None) -> str:
    """JSON as every command writes it: UTF-8, keys in our order."""
    return json.dumps(value, ensure_ascii=False, default=_default, indent=indent)


def document(value: Any) -> None:
    """The one JSON document of a command with --json."""
    typer.echo(to_json(value, indent=2))


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A plain table on stdout; numbers to the right."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for index, name in enumerate(columns):
        numeric = bool(rows) and all(isinstance(row[index], int) for row in rows)
        shown.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        shown.add_row(*(f"{value:,}" if isinstance(value, int) else plain(value) for value in row))
    Console(highlight=False, markup=False, soft_wrap=False).print(shown)


def plain(value: object) -> str:
    """Text for a terminal: control and bidirectional characters of hostile records do nothing there."""
    text = "" if value is None else str(value)
    return "".join(character if character.isprintable() else " " for character in text)


def tell(sentence: str) -> None:
    """A sentence for the person, on stderr."""
    typer.echo(f"harvester: {plain(sentence)}", err=True)
