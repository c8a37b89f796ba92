"""harvester search, show and export: the query module, for eyes and for files."""

import csv
import io
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated

import typer

from harvester.cli import output, typed, versions
from harvester.cli.catalogue import opened

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from harvester.catalogue.query import Item

_QUERY = 'Words, "phrases" and field:value, such as: curie year:1900..1910 type:Dataset set:portal_15'


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    for command in (search, show, export):
        app.command(command.__name__)(command)


def search(
    query: str = typer.Argument(metavar="QUERY", help=_QUERY, callback=typed.text),
    limit: int = typer.Option(20, "--limit", metavar="N", min=1, max=1000, help="How many are shown."),
    json_: bool = typer.Option(False, "--json", help="As JSON on stdout: an array of export lines."),
) -> None:
    """Find records by title, creator, year and more, best first."""
    from harvester.catalogue import query as catalogue

    with opened() as engine:
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
    output.eyes(f"{len(found):,} of {total:,} shown" if total > len(found) else f"{total:,} found")


def _names(item: "Item") -> str:
    names = [agent.name for agent in item.entry.creators] if item.entry else []
    return "; ".join(names[:3]) + (" …" if len(names) > 3 else "")


def _year(item: "Item") -> str:
    return str(item.entry.year) if item.entry and item.entry.year else ""


_REPOSITORY = typer.Option(
    "--repository",
    metavar="NAME",
    help="Where several repositories know the identifier.",
    callback=typed.text,
)
_HISTORY = typer.Option("--history", help="What it was, version by version, and which run brought it.")
_ARRAY = typer.Option(
    "--json",
    help="As JSON on stdout: an array of export lines, one per format; with --history one of versions.",
)


def show(
    identifier: str = typer.Argument(
        metavar="IDENTIFIER",
        help="An OAI identifier, such as oai:figshare.com:article/145088.",
        callback=typed.text,
    ),
    repository: Annotated[str | None, _REPOSITORY] = None,
    xml: bool = typer.Option(False, "--xml", help="The metadata as it was harvested."),
    history: Annotated[bool, _HISTORY] = False,
    json_: Annotated[bool, _ARRAY] = False,
) -> None:
    """Show one item in every format harvested."""
    from harvester.catalogue import query as catalogue
    from harvester.errors import ConfigError

    if xml and history:
        raise ConfigError("--xml shows the metadata as it is now: leave --history out")
    with opened() as engine:
        if history:
            _show_history(engine, identifier, repository, json_=json_)
            return
        found = catalogue.get(engine, identifier, repository=repository)
        if not found:
            raise _unknown(identifier)
        if xml:
            for item in found:
                kept = catalogue.metadata_xml(engine, item)
                if kept is not None:
                    typer.echo(kept)
            return
    if json_:
        output.document([item.export_line() for item in found])
        return
    for item in found:
        _show(item)


def _show_history(engine: "Engine", identifier: str, repository: str | None, *, json_: bool) -> None:
    from harvester.catalogue.versions import versions as read

    found = read(engine, identifier, repository=repository)
    if not found:
        raise _unknown(identifier)
    if json_:
        output.document([versions.as_json(each) for each in found])
    else:
        versions.show(found)


def _unknown(identifier: str) -> Exception:
    from harvester.errors import HarvesterError

    return HarvesterError(f"no record has the identifier '{identifier}'; `harvester search` finds by title")


def _show(item: "Item") -> None:
    gone = "  DELETED" if item.deleted else ""
    output.eyes(output.plain(f"{item.identifier}  {item.repository}  {item.format}  {item.datestamp}{gone}"))
    if item.sets:
        output.eyes(f"  sets: {output.plain(', '.join(item.sets))}")
    if item.entry is not None:
        for field, value in item.entry.compact().items():
            output.eyes(
                f"  {field}: {output.plain(value if isinstance(value, str) else output.to_json(value))}"
            )


def export(
    query: str = typer.Argument(
        "", metavar="QUERY", help=_QUERY + "; without a query, everything.", callback=typed.text
    ),
    as_: str = typer.Option(..., "--as", metavar="FORMAT", help="jsonl or csv."),
    path: Path = typer.Option(
        "-", "-o", "--output", metavar="PATH", help="A file, written whole or not at all; - is stdout."
    ),
    deleted: bool = typer.Option(False, "--deleted", help="Tombstones too."),
    all_formats: bool = typer.Option(False, "--all-formats", help="A line per record, not one per item."),
) -> None:
    """Write records as a stream of JSON lines, or as CSV.

    \b
    harvester export --as jsonl > everything.jsonl
    harvester export "type:Dataset year:2020.." --as csv -o datasets.csv

    A line for each item, in its preferred format. The CSV is safe to open in a spreadsheet: no cell runs as a formula.
    """
    from harvester.catalogue import query as catalogue
    from harvester.errors import ConfigError

    if as_ not in _WRITERS:
        raise ConfigError(f"there is no export format '{as_}'; there are: {', '.join(_WRITERS)}")
    with opened() as engine, _target(path) as target:
        scope = catalogue.Scope(deleted=deleted, all_formats=all_formats)
        _WRITERS[as_](catalogue.find(engine, query, scope=scope), target)


@contextmanager
def _target(path: Path) -> Iterator[IO[str]]:
    """stdout, or a file that appears under its name only when it is complete."""
    from harvester.errors import HarvesterError

    if str(path) == "-":
        with _stdout() as stream:
            yield stream
        return
    try:
        with _in_place(path) if _is_special(path) else _appearing(path.resolve()) as stream:
            yield stream
    except OSError as error:
        raise HarvesterError(f"{path} cannot be written: {error.strerror}") from error


@contextmanager
def _stdout() -> Iterator[IO[str]]:
    from harvester.errors import HarvesterError

    if not isinstance(sys.stdout, io.TextIOWrapper):
        raise HarvesterError("there is no standard output to write to: name a file with -o")
    sys.stdout.reconfigure(encoding="utf-8", newline="", line_buffering=False)
    yield sys.stdout
    sys.stdout.flush()


def _is_special(path: Path) -> bool:
    """A device or a pipe, such as /dev/null: it must never be replaced by a file."""
    return path.exists() and not path.is_file() and not path.is_dir()


@contextmanager
def _in_place(path: Path) -> Iterator[IO[str]]:
    with path.open("w", encoding="utf-8", newline="") as stream:
        yield stream


@contextmanager
def _appearing(path: Path) -> Iterator[IO[str]]:
    mask = os.umask(0)
    os.umask(mask)
    partial = None
    try:
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", newline="", dir=path.parent, prefix=".harvester-", delete=False
        ) as file:
            partial = Path(file.name)
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.chmod(0o666 & ~mask)
        partial.replace(path)
        partial = None
    finally:
        if partial is not None:
            partial.unlink(missing_ok=True)


def _jsonl(items: Iterator["Item"], target: IO[str]) -> None:
    for item in items:
        target.write(output.to_json(item.export_line()) + "\n")


_OF_ITEM = ("repository", "identifier", "format", "datestamp", "deleted")
_OF_ENTRY = ("title", "year", "issued", "type", "doi", "url", "publisher", "licence", "access", "abstract")
_LISTS = ("sets", "creators", "subjects", "languages")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


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
    """A spreadsheet runs text that begins with = + - @ as a formula: it gets an apostrophe (OWASP, "CSV Injection")."""
    if isinstance(value, int):  # a year before the common era is a number, not a formula
        return str(value).lower()
    text = "" if value is None else str(value)
    return "'" + text if text.startswith(_FORMULA) else text


_WRITERS: dict[str, Callable[[Iterator["Item"], IO[str]], None]] = {"jsonl": _jsonl, "csv": _csv}
