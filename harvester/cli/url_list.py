"""A list of base URLs, as CSV or bare, line by line: what can be taken, and what is wrong with the rest."""

import csv
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from harvester.errors import ConfigError

if TYPE_CHECKING:
    from harvester.schedule.adding import Wanted

_LARGEST = 10 * 1024 * 1024  # bytes
_LONGEST = 20_000  # lines
_SHOWN = 200  # characters of a line that is told
_CREDENTIALS = re.compile(r"(?<![^\s@])[^\s@]*+@")  # begins nowhere but at a word: a line may have megabytes
_COLUMNS = ("url", "name", "set", "format", "every")
_ALSO = {
    "base_url": "url",
    "baseurl": "url",
    "base url": "url",
    "oai_url": "url",
    "setspec": "set",
    "prefix": "format",
}


@dataclass(frozen=True, slots=True)
class Line:
    """A line that can be tried."""

    number: int
    wanted: "Wanted"


@dataclass(frozen=True, slots=True)
class Broken:
    """A line that cannot: its beginning, and why."""

    number: int
    text: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A line that says again what an earlier one said."""

    number: int
    url: str
    first: int


@dataclass(slots=True)
class UrlList:
    """What a file holds."""

    lines: list[Line] = field(default_factory=list)
    duplicates: list[Duplicate] = field(default_factory=list)
    broken: list[Broken] = field(default_factory=list)


def read(path: Path) -> UrlList:
    """Columns url[,name,set,format,every], with or without a first line that names them; `-` is stdin.

    Raises ConfigError for a file that cannot be read as a whole.
    """
    found = UrlList()
    seen: dict[tuple[str, ...], int] = {}
    for number, text, cells in _rows(_text(path)):
        if cells is None:
            found.broken.append(Broken(number, _shown(text), "its quotation marks do not match"))
            continue
        try:
            wanted = _wanted(cells)
        except ConfigError as error:
            found.broken.append(Broken(number, _shown(text), str(error)))
            continue
        key = (wanted.url, *wanted.sets, "", *wanted.formats)
        if key in seen:
            found.duplicates.append(Duplicate(number, wanted.url, seen[key]))
            continue
        seen[key] = number
        found.lines.append(Line(number, wanted))
    return found


def _shown(text: str) -> str:
    """Its beginning, without what may be a password."""
    return _CREDENTIALS.sub("…@", text)[:_SHOWN]


def _text(path: Path) -> str:
    if str(path) == "-":
        body = sys.stdin.buffer.read(_LARGEST + 1)
    else:
        with path.open("rb") as file:
            body = file.read(_LARGEST + 1)
    if len(body) > _LARGEST:
        raise ConfigError(f"the list is larger than {_LARGEST // 1024**2} MiB: cut it into several")
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"the list is not UTF-8 (byte {error.start + 1:,}): save it as CSV UTF-8") from None


def _rows(text: str) -> Iterator[tuple[int, str, Mapping[str, str] | None]]:
    """Number, text and cells by column of each line that says something."""
    lines = [
        (number, line)
        for number, line in enumerate(text.splitlines(), start=1)
        if line.strip() and not line.startswith("#")
    ]
    if len(lines) > _LONGEST:
        raise ConfigError(
            f"the list has {len(lines):,} lines, at most {_LONGEST:,} are taken at once: cut it into several"
        )
    if lines and lines[0][1].startswith("sep="):  # for spreadsheets, which write and hide it
        del lines[0]
    delimiter = next((each for each in "\t;" if lines and each in lines[0][1]), ",")
    columns: tuple[str, ...] = _COLUMNS
    for position, (number, line) in enumerate(lines):
        cells = _cells(line, delimiter)
        if position == 0 and cells is not None and (named := _header(cells)):
            columns = named
            continue
        yield number, line, None if cells is None else dict(zip(columns, cells, strict=False))


def _cells(line: str, delimiter: str) -> list[str] | None:
    try:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter, strict=True))]
    except (csv.Error, StopIteration):
        return None


def _header(cells: list[str]) -> tuple[str, ...] | None:
    """The columns that the first line names; None where it is data already. Others than ours are passed over."""
    names = tuple(_ALSO.get(cell.lower(), cell.lower()) for cell in cells)
    if any("://" in name for name in names) or not set(names) & set(_COLUMNS):
        return None
    if "url" not in names:
        raise ConfigError("the first line names columns, but none of them is 'url'")
    return names


def _wanted(cells: Mapping[str, str]) -> "Wanted":
    """Raises ConfigError."""
    from harvester.cli.rhythm import every_of
    from harvester.harvest.sources import check_url
    from harvester.schedule.adding import Wanted

    said = {name: cells.get(name, "") for name in _COLUMNS}
    if not said["url"]:
        raise ConfigError("it has no url")
    return Wanted(
        check_url(said["url"]),
        said["name"] or None,
        (said["set"],) if said["set"] else (),
        (said["format"],) if said["format"] else (),
        every_of(said["every"] or None),
        imported=True,
    )
