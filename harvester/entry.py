"""The Entry: a record once normalised, and its JSON form. The contract is `schemas/entry.schema.json`.

Absent is None or the empty tuple, never ""; every list keeps the source's order. A part always says something:
one whose fields are all empty is not made. What a field means stands in the schema.
"""

from collections.abc import Mapping
from typing import Any, cast

import msgspec


class Part(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What all parts have in common: a value that does not change, compared and hashed by what it holds.

    Thirty of them are made for every record: msgspec makes one in a tenth of the time of a frozen dataclass and writes
    JSON of it at once. They hold no cycles, so the garbage collector need not look at them.
    """


class Title(Part, frozen=True):
    text: str
    type: str | None = None
    language: str | None = None


class AgentIdentifier(Part, frozen=True):
    value: str
    scheme: str | None = None


class Affiliation(Part, frozen=True):
    name: str | None = None
    ror: str | None = None


class Agent(Part, frozen=True):
    """A creator or contributor; `kind` is person or organisation where known, `orcid` is bare."""

    name: str
    given: str | None = None
    family: str | None = None
    kind: str | None = None
    orcid: str | None = None
    identifiers: tuple[AgentIdentifier, ...] = ()
    affiliations: tuple[Affiliation, ...] = ()
    role: str | None = None


class Subject(Part, frozen=True):
    text: str | None = None
    scheme: str | None = None
    uri: str | None = None
    code: str | None = None


class Description(Part, frozen=True):
    text: str
    type: str | None = None
    language: str | None = None


class Date(Part, frozen=True):
    """`type` is a DataCite dateType, `value` EDTF level 1, `start` and `end` its bounds (YYYY-MM-DD)."""

    type: str | None = None
    value: str | None = None
    start: str | None = None
    end: str | None = None
    raw: str | None = None


class Identifier(Part, frozen=True):
    value: str
    scheme: str | None = None
    role: str | None = None


class Relation(Part, frozen=True):
    type: str | None = None
    identifier: str | None = None
    scheme: str | None = None
    resource_type: str | None = None


class Rights(Part, frozen=True):
    text: str | None = None
    uri: str | None = None
    spdx: str | None = None


class Checksum(Part, frozen=True):
    alg: str | None = None
    value: str | None = None


class File(Part, frozen=True):
    url: str | None = None
    name: str | None = None
    format: str | None = None
    size: int | None = None
    checksum: Checksum | None = None


class Funding(Part, frozen=True):
    funder: str | None = None
    funder_id: str | None = None
    award: str | None = None
    award_title: str | None = None
    award_uri: str | None = None


class Point(Part, frozen=True):
    lat: float
    lon: float


class Box(Part, frozen=True):
    west: float
    south: float
    east: float
    north: float


class Geo(Part, frozen=True):
    place: str | None = None
    point: Point | None = None
    box: Box | None = None
    polygon: tuple[tuple[Point, ...], ...] = ()


class Container(Part, frozen=True):
    title: str | None = None
    issn: tuple[str, ...] = ()
    volume: str | None = None
    issue: str | None = None
    first_page: str | None = None
    last_page: str | None = None
    edition: str | None = None
    number: str | None = None


class Thesis(Part, frozen=True):
    qualification: str | None = None
    level: str | None = None
    grantor: str | None = None
    department: str | None = None
    advisors: tuple[str, ...] = ()


class Problem(Part, frozen=True):
    """What could not be normalised: `field` of the Entry, a stable `code`, and the text as it came."""

    field: str
    code: str
    raw: str | None = None


class Entry(Part, frozen=True):
    """A record once normalised. The first block is for quick use; the lists below it hold everything."""

    title: str | None = None
    doi: str | None = None
    url: str | None = None
    abstract: str | None = None
    issued: str | None = None
    year: int | None = None
    type: str | None = None
    languages: tuple[str, ...] = ()
    publisher: str | None = None
    licence: str | None = None
    access: str | None = None
    titles: tuple[Title, ...] = ()
    creators: tuple[Agent, ...] = ()
    contributors: tuple[Agent, ...] = ()
    subjects: tuple[Subject, ...] = ()
    descriptions: tuple[Description, ...] = ()
    dates: tuple[Date, ...] = ()
    identifiers: tuple[Identifier, ...] = ()
    relations: tuple[Relation, ...] = ()
    rights: tuple[Rights, ...] = ()
    files: tuple[File, ...] = ()
    funding: tuple[Funding, ...] = ()
    geo: tuple[Geo, ...] = ()
    formats: tuple[str, ...] = ()
    sizes: tuple[str, ...] = ()
    version: str | None = None
    container: Container | None = None
    thesis: Thesis | None = None
    problems: tuple[Problem, ...] = ()

    def as_json(self) -> dict[str, object]:
        """The full contract form: every field, absent is null or []."""
        return _full(self)

    def compact(self) -> dict[str, object]:
        """`as_json` without null, [] and {} at every level."""
        return cast("dict[str, object]", msgspec.json.decode(msgspec.json.encode(self)))

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Entry":
        """The Entry that `as_json` or `compact` wrote; a newer version's keys are passed over. Raises TypeError."""
        try:
            return msgspec.convert(_present(value), cls)
        except msgspec.ValidationError as error:
            raise TypeError(f"this is no entry: {error}") from error


def check(entry: Entry) -> None:
    """Raises TypeError or ValueError for an entry that is not of the types above, or whose text Postgres cannot hold."""
    written = msgspec.json.encode(entry)  # a lone surrogate has no UTF-8
    if b"\\u0000" in written:
        raise ValueError("a text holds the character NUL")
    try:
        msgspec.json.decode(written, type=Entry)
    except msgspec.ValidationError as error:
        raise TypeError(str(error)) from error


def _full(part: Part) -> dict[str, object]:
    return {name: _written(getattr(part, name)) for name in part.__struct_fields__}


def _written(value: object) -> object:
    kind = value.__class__
    if kind is str or value is None:
        return value
    if kind is tuple:
        return [_written(item) for item in cast("tuple[object, ...]", value)]
    return _full(value) if isinstance(value, Part) else value


def _present(value: Any) -> Any:
    """The same JSON value without null, "", [] and {} in its objects: to us they are all absent."""
    if isinstance(value, dict):
        return {key: _present(item) for key, item in value.items() if item not in _ABSENT}
    return [_present(item) for item in value] if isinstance(value, list) else value


_ABSENT: tuple[object, ...] = (None, "", [], {})
