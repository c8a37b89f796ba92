"""Where in a TOML file a value stands: tomllib reads it, and gives no positions.

Only for text that tomllib has taken: of any other, what was met before the mistake is known.
"""

import re
import tomllib
from bisect import bisect_right
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field

Place = tuple[str | int, ...]
"""Keys, and the numbers of elements: `("repository", 0, "streams", 1, "every")`."""

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_IDLE = re.compile(r"(?:[ \t\n]+|#[^\n]*)*")  # with what may stand between the elements of an array
_BLANK = re.compile(r"[ \t]*")
_SCALAR = re.compile(r"[^,\]}#\n]+")
# As in TOML 1.0, longest first: three quotation marks begin another kind of string than one.
_STRINGS = (
    re.compile(r'"""(?:[^\\]|\\.)*?"{3,5}(?!")', re.DOTALL),
    re.compile(r"'''.*?'{3,5}(?!')", re.DOTALL),
    re.compile(r'"(?:[^"\\\n]|\\.)*"'),
    re.compile(r"'[^'\n]*'"),
)


def lines_of(text: str) -> dict[Place, int]:
    """The line (from 1) where each value of the file begins."""
    scanner = _Scanner(text.replace("\r\n", "\n"))
    with suppress(ValueError, RecursionError):  # a line is a kindness, and not worth an error of its own
        scanner.scan()
    return scanner.found


def nearest(lines: Mapping[Place, int], place: Place) -> int | None:
    """The line of a value, else the one of the nearest table that holds it; None for the file itself."""
    for length in range(len(place), 0, -1):
        if (found := lines.get(place[:length])) is not None:
            return found
    return None


@dataclass(slots=True)
class _Scanner:
    """Goes through the text once; `found` are the places met, by the line of their key."""

    text: str
    at: int = 0
    found: dict[Place, int] = field(default_factory=dict)
    lengths: dict[Place, int] = field(default_factory=dict)
    starts: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self.starts = [0, *(match.end() for match in re.finditer("\n", self.text))]

    def scan(self) -> None:
        """Find every place of the file. Raises ValueError where it is not TOML."""
        table: Place = ()
        self._skip(_IDLE)
        while self.at < len(self.text):
            if self.text[self.at] == "[":
                table = self._header()
            else:
                self._pair(table)
            self._skip(_IDLE)

    def _header(self) -> Place:
        line, many = self._line(), self.text.startswith("[[", self.at)
        self.at += 2 if many else 1
        keys = self._keys()
        self.at += 2 if many else 1
        table: Place = ()
        for position, key in enumerate(keys, start=1):
            table = (*table, key)
            self.found.setdefault(table, line)
            if many and position == len(keys):
                self.lengths[table] = self.lengths.get(table, 0) + 1
            if table in self.lengths:
                table = (*table, self.lengths[table] - 1)
                self.found.setdefault(table, line)
        return table

    def _pair(self, table: Place) -> None:
        line = self._line()
        for key in self._keys():
            table = (*table, key)
            self.found.setdefault(table, line)
        self.at += 1  # the =
        self._skip(_BLANK)
        self._value(table)

    def _keys(self) -> list[str]:
        keys = [self._key()]
        while self.text.startswith(".", self.at):
            self.at += 1
            keys.append(self._key())
        return keys

    def _key(self) -> str:
        self._skip(_BLANK)
        begin = self.at
        if bare := _BARE.match(self.text, self.at):
            self.at = bare.end()
            key = bare[0]
        else:
            self._string()
            key = _unquoted(self.text[begin : self.at])
        self._skip(_BLANK)
        return key

    def _value(self, place: Place) -> None:
        first = self.text[self.at : self.at + 1]
        if first in ('"', "'"):
            self._string()
        elif first == "[":
            self._elements(place)
        elif first == "{":
            self.at += 1
            self._skip(_IDLE)
            while not self.text.startswith("}", self.at):
                self._pair(place)
                self._skip(_IDLE)
                self._comma()
            self.at += 1
        else:
            self._take(_SCALAR)

    def _elements(self, place: Place) -> None:
        self.at += 1
        self._skip(_IDLE)
        number = 0
        while not self.text.startswith("]", self.at):
            self.found[*place, number] = self._line()
            self._value((*place, number))
            self._skip(_IDLE)
            self._comma()
            number += 1
        self.at += 1

    def _comma(self) -> None:
        if self.text.startswith(",", self.at):
            self.at += 1
            self._skip(_IDLE)

    def _string(self) -> None:
        self._take(*_STRINGS)

    def _take(self, *kinds: re.Pattern[str]) -> None:
        for kind in kinds:
            if match := kind.match(self.text, self.at):
                self.at = match.end()
                return
        raise ValueError("this is not TOML")

    def _skip(self, what: re.Pattern[str]) -> None:
        match = what.match(self.text, self.at)
        self.at = match.end() if match else self.at

    def _line(self) -> int:
        return bisect_right(self.starts, self.at)


def _unquoted(text: str) -> str:
    return next(iter(tomllib.loads(f"{text} = 0")))
