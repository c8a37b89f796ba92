"""harvester normalise: files to normalised entries, one JSON line each, with no database."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from harvester.cli import output

if TYPE_CHECKING:
    from harvester.oai.documents import Document
    from harvester.oai.records import Record

_LARGEST = 256 * 1024 * 1024  # bytes of one file


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("normalise")(normalise)


def normalise(files: list[str] = typer.Argument(help="Files; - is stdin.", metavar="FILE")) -> None:
    """Turn files into normalised entries, without a database.

    Files hold OAI-PMH responses, loose records, bare metadata documents or a collection of MARC or MODS; each record becomes one JSON line. A file that cannot be read is told on stderr, the others are read all the same, and the exit code is 1.
    """
    from harvester import clock
    from harvester.crosswalk.registry import registry
    from harvester.errors import HarvesterError
    from harvester.oai.documents import read_document

    registry()  # a crosswalk of somebody else's that cannot be loaded is told before any file is read, not for each
    failed = False
    for name in files:
        try:
            document = read_document(_bytes(name), clock.now())
        except (HarvesterError, OSError) as error:
            failed = True
            cause = error.strerror or str(error) if isinstance(error, OSError) else str(error)
            output.tell(f"{name}: {cause}")
            continue
        for line in lines_of(document):
            output.line(output.to_json(line))
        if document.repairs:
            output.tell(f"{name}: bytes repaired: {output.counted(document.repairs)}")
    raise typer.Exit(1 if failed else 0)


def _bytes(name: str) -> bytes:
    from harvester.errors import HarvesterError

    if name == "-":
        body = sys.stdin.buffer.read(_LARGEST + 1) if sys.stdin is not None else b""
    else:
        with Path(name).open("rb") as file:
            body = file.read(_LARGEST + 1)
    if len(body) > _LARGEST:
        raise HarvesterError(f"the file is larger than {_LARGEST // 1024 // 1024} MiB")
    return body


def lines_of(document: "Document") -> Iterator[dict[str, Any]]:
    """The lines of a file: one for each record or bare document, made as they are asked for."""
    from harvester.crosswalk import Context
    from harvester.oai.records import Broken

    for bare in document.bare:
        yield _line({}, bare, document, Context(received=document.date))
    for record in document.records:
        if isinstance(record, Broken):
            problem = {"field": "record", "code": record.reason, "raw": record.identifier}
            yield _header_of(None) | {
                "identifier": record.identifier,
                "format": document.format,
                "problems": [problem],
            }
            continue
        header = record.header
        context = Context(
            header.set_specs, None if header.datestamp.guessed else header.datestamp.value, document.date
        )
        yield _line(_header_of(record), record.metadata, document, context)


def _header_of(record: "Record | None") -> dict[str, Any]:
    header = record.header if record is not None else None
    return {
        "schema": "1",
        "repository": None,
        "identifier": header.identifier if header else None,
        "format": None,
        "datestamp": str(header.datestamp) if header and not header.datestamp.guessed else None,
        "deleted": header.deleted if header else False,
        "sets": list(header.set_specs) if header else [],
        "entry": None,
        "crosswalk": None,
        "problems": [],
        "unread": {},
    }


def _line(shared: dict[str, Any], metadata: Any, document: "Document", context: Any) -> dict[str, Any]:
    from harvester.crosswalk import normalise as read
    from harvester.errors import Rejected

    line = _header_of(None) | shared | {"format": document.format}
    if metadata is None:
        return line
    try:
        reading = read(metadata, context)
    except Rejected as error:
        return line | {"problems": [{"field": "record", "code": error.reason, "raw": str(error)}]}
    entry = reading.entry.as_json()
    return line | {
        "entry": entry,
        "crosswalk": reading.crosswalk,
        "problems": entry["problems"],
        "unread": dict(reading.unread),
    }
