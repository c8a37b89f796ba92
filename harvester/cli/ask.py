"""harvester search, show and export: the query module, for eyes and for files."""

import csv
import io
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

import typer

from harvester.cli import output

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from harvester.catalogue.query import Item

_QUERY = 'Words, "phrases" and field:value, such as: curie year:1900..1910 type:Dataset set:portal_15'


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    for command in (search, show, export):
        app.command(command.__name__)(command)


@contextmanager
def _catalogue() -> Iterator["Engine"]:
    from harvester.catalogue.connection import open_catalogue
    from harvester.config import from_environment

    engine = open_catalogue(from_environment(), output.tell)
    try:
        yield engine
    finally:
        engine.dispose()


def search(
    query: str = typer.Argument(help=_QUERY),
    limit: int = typer.Option(20, "--limit", min=1, max=1000),
    json_: bool = typer.Option(False, "--json", help="As JSON on stdout: an array of export lines."),
) -> None:
    """Find records by title, creator, year and more; the best matches first."""
    from harvester.catalogue import query as catalogue

    with _catalogue() as engine:
        found = catalogue.search(engine, query, limit=limit)
        total = catalogue.count(engine, query) if len(found) == limit else len(found)
    if json_:
        output.document([item.export_line() for item in found])
        return
    rows = [
        (item.entry.title or "(no title)", _names(item), _year(item), item.identifier)
        for item in found
        if item.entry
    ]
    if rows:
        output.table(("title", "creators", "year", "identifier"), rows)
    typer.echo(f"{len(found):,} of {total:,} shown" if total > len(found) else f"{total:,} found")


def _names(item: "Item") -> str:
    names = [agent.name for agent in item.entry.creators] if item.entry else []
    return "; ".join(names[:3]) + (" …" if len(names) > 3 else "")


def _year(item: "Item") -> str:
    return str(item.entry.year) if item.entry and item.entry.year else ""


def show(
    identifier: str = typer.Argument(help="An OAI identifier, such as oai:figshare.com:article/145088."),
    repository: str = typer.Option(
        None, "--repository", help="Where several repositories know the identifier."
    ),
    xml: bool = typer.Option(False, "--xml", help="The metadata as it was harvested."),
    json_: bool = typer.Option(
        False, "--json", help="As JSON on stdout: an array of export lines, one per format."
    ),
) -> None:
    """Show one item in every format harvested."""
    from harvester.catalogue import query as catalogue
    from harvester.errors import HarvesterError

    with _catalogue() as engine:
        found = catalogue.get(engine, identifier, repository=repository)
        if not found:
            raise HarvesterError(
                f"no record has the identifier '{identifier}'; `harvester search` finds by title"
            )
        if xml:
            for item in found:
                kept = catalogue.metadata_xml(engine, item)
                if kept is not None:
                    sys.stdout.buffer.write(kept + b"\n")
            return
    if json_:
        output.document([item.export_line() for item in found])
        return
    for item in found:
        _show(item)


def _show(item: "Item") -> None:
    gone = "  DELETED" if item.deleted else ""
    typer.echo(output.plain(f"{item.identifier}  {item.repository}  {item.format}  {item.datestamp}{gone}"))
    if item.sets:
        typer.echo(f"  sets: {output.plain(', '.join(item.sets))}")
    if item.entry is not None:
        for field, value in item.entry.compact().items():
            typer.echo(
                f"  {field}: {output.plain(value if isinstance(value, str) else output.to_json(value))}"
            )


def export(
    query: str = typer.Argument("", help=_QUERY + "; without a query, everything."),
    as_: str = typer.Option(..., "--as", metavar="FORMAT", help="jsonl or csv."),
    path: Path = typer.Option(
        None, "-o", "--output", help="A file, written whole or not at all; else stdout."
    ),
    deleted: bool = typer.Option(False, "--deleted", help="Tombstones too."),
    all_formats: bool = typer.Option(False, "--all-formats", help="A line per record, not one per item."),
) -> None:
    """Write records as a stream: JSON lines, or CSV that is safe to open in a spreadsheet."""
    from harvester.catalogue import query as catalogue
    from harvester.errors import ConfigError

    if as_ not in _WRITERS:
        raise ConfigError(f"there is no export format '{as_}'; there are: {', '.join(_WRITERS)}")
    with _catalogue() as engine, _target(path) as target:
        scope = catalogue.Scope(deleted=deleted, all_formats=all_formats)
        _WRITERS[as_](catalogue.find(engine, query, scope=scope), target)


@contextmanager
def _target(path: Path | None) -> Iterator[IO[str]]:
    """stdout, or a file that appears under its name only when it is complete."""
    if path is None:
        stream = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8", newline="", write_through=False)
        try:
            yield stream
            stream.flush()
        finally:
            stream.detach()
        return
    from harvester.errors import HarvesterError

    partial = None
    try:
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", newline="", dir=path.absolute().parent, delete=False
        ) as file:
            partial = Path(file.name)
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.chmod(0o644)
        partial.replace(path)
        partial = None
    except OSError as error:
        raise HarvesterError(f"{path} cannot be written: {error.strerror}") from error
    finally:
        if partial is not None:
            partial.unlink(missing_ok=True)


def _jsonl(items: Iterator["Item"], target: IO[str]) -> None:
    for item in items:
        target.write(output.to_json(item.export_line()) + "\n")


_OF_ITEM = ("repository", "identifier", "format", "datestamp", "deleted")
_OF_ENTRY = ("title", "year", "issued", "type", "doi", "url", "publisher", "licence", "access", "abstract")
_LISTS = ("sets", "creators", "subjects", "languages")


def _csv(items: Iterator["Item"], target: IO[str]) -> None:
    writer = csv.writer(target)
    writer.writerow((*_OF_ITEM, *_OF_ENTRY, *_LISTS))
    for item in items:
        entry = None if item.deleted else item.entry
        row = [getattr(item, name) for name in _OF_ITEM]
        row += [getattr(entry, name, None) for name in _OF_ENTRY]
        creators = [agent.name for agent in entry.creators] if entry else []
        subjects = [subject.text for subject in entry.subjects] if entry else []
        languages = entry.languages if entry else ()
        row += [
            "; ".join(each or "" for each in values) for values in (item.sets, creators, subjects, languages)
        ]
        writer.writerow([_cell(value) for value in row])


def _cell(value: object) -> str:
    """A spreadsheet runs a cell that begins with = + - @ as a formula: such a cell gets an apostrophe."""
    text = "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    return "'" + text if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


_WRITERS: dict[str, Callable[[Iterator["Item"], IO[str]], None]] = {"jsonl": _jsonl, "csv": _csv}
