"""What all commands print alike: one JSON document on stdout, tables for eyes, moments as OAI-PMH writes them."""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import typer

_LONGEST_SENTENCE = 1000  # characters; an argument repeated in it may be longer than anybody reads
_LONGEST_CELL = 300  # characters; hostile titles have megabytes
_UNFOLDED = 100_000  # columns: a table that goes to a file or a pipe is not folded


def moment(value: datetime | None) -> str | None:
    """UTC with a Z, or null."""
    return None if value is None else value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _default(value: object) -> object:
    if isinstance(value, datetime):
        return moment(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def to_json(value: Any, *, indent: int | None = None) -> str:
    """JSON as every command writes it: keys in our order."""
    return json.dumps(value, ensure_ascii=False, default=_default, indent=indent)


def document(value: Any) -> None:
    """The one JSON document of a command with --json."""
    line(to_json(value, indent=2))


def line(text: str) -> None:
    """A line on stdout that a program reads: UTF-8 whatever the terminal's encoding."""
    typer.echo(text.encode())


def eyes(text: str) -> None:
    """A line on stdout that a person reads; what the terminal's encoding lacks is shown as a question mark."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    typer.echo(text.encode(encoding, "replace"))


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A plain table on stdout; numbers to the right."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for index, name in enumerate(columns):
        numeric = bool(rows) and all(isinstance(row[index], int) for row in rows)
        shown.add_column(name, justify="right" if numeric else "left", overflow="fold", no_wrap=numeric)
    for row in rows:
        shown.add_row(*(f"{value:,}" if isinstance(value, int) else _cell(value) for value in row))
    width = None if sys.stdout.isatty() else _UNFOLDED
    console = Console(highlight=False, markup=False, emoji=False, width=width)
    with console.capture() as drawn:
        console.print(shown)
    eyes("\n".join(each.rstrip() for each in drawn.get().splitlines()))


def _cell(value: object) -> str:
    text = plain(value)
    return text if len(text) <= _LONGEST_CELL else f"{text[:_LONGEST_CELL]} …"


def plain(value: object) -> str:
    """Text for a terminal: control and bidirectional characters of hostile records do nothing there."""
    text = "" if value is None else str(value)
    return "".join(character if character.isprintable() else " " for character in text)


def counted(counts: Mapping[str, int]) -> str:
    """Counts by name, for a sentence."""
    return ", ".join(f"{name} × {count:,}" for name, count in sorted(counts.items()))


def tell(sentence: str) -> None:
    """A sentence for the person, on stderr."""
    text = plain(sentence)
    if len(text) > _LONGEST_SENTENCE:
        half = _LONGEST_SENTENCE // 2
        text = f"{text[:half]} … {text[-half:]}"
    log(f"harvester: {text}")


def log(text: str) -> None:
    """A line on stderr; where it is gone there is nobody to tell, and what is being done goes on."""
    try:
        typer.echo(text, err=True)
    except OSError:
        forget(2)


def forget(descriptor: int) -> None:
    """What stdout or stderr still holds cannot be written: Python must not try it once more at the end, and complain."""
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - a name of the system's, no path of ours
        os.dup2(nowhere.fileno(), descriptor)


def several(number: int, noun: str) -> str:
    """`1 page`, `2 pages`."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
