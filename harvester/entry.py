"""The Entry: a record once normalised, and its JSON form. The contract is `schemas/entry.schema.json`.

Absent is None or the empty tuple, never ""; every list keeps the source's order. A part always says something:
one whose fields are all empty is not made. What a field means stands in the schema.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, dataclass, fields
from functools import partial
from typing import Any, cast


@dataclass(frozen=True, slots=True)
class Title:
    text: str
    type: str | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True)
class AgentIdentifier:
    value: str
    scheme: str | None = None


@dataclass(frozen=True, slots=True)
class Affiliation:
    name: str | None = None
    ror: str | None = None


@dataclass(frozen=True, slots=True)
class Agent:
    """A creator or contributor; `kind` is person or organisation where known, `orcid` is bare."""

    name: str
    given: str | None = None
    family: str | None = None
    kind: str | None = None
    orcid: str | None = None
    identifiers: tuple[AgentIdentifier, ...] = ()
    affiliations: tuple[Affiliation, ...] = ()
    role: str | None = None


@dataclass(frozen=True, slots=True)
class Subject:
    text: str | None = None
    scheme: str | None = None
    uri: str | None = None
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Description:
    text: str
    type: str | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Date:
    """`type` is a DataCite dateType, `value` EDTF level 1, `start` and `end` its bounds (YYYY-MM-DD)."""

    type: str | None = None
    value: str | None = None
    start: str | None = None
    end: str | None = None
    raw: str | None = None


@dataclass(frozen=True, slots=True)
class Identifier:
    value: str
    scheme: str | None = None
    role: str | None = None


@dataclass(frozen=True, slots=True)
class Relation:
    type: str | None = None
    identifier: str | None = None
    scheme: str | None = None
    resource_type: str | None = None


@dataclass(frozen=True, slots=True)
class Rights:
    text: str | None = None
    uri: str | None = None
    spdx: str | None = None


@dataclass(frozen=True, slots=True)
class Checksum:
    alg: str | None = None
    value: str | None = None


@dataclass(frozen=True, slots=True)
class File:
    url: str | None = None
    name: str | None = None
    format: str | None = None
    size: int | None = None
    checksum: Checksum | None = None


@dataclass(frozen=True, slots=True)
class Funding:
    funder: str | None = None
    funder_id: str | None = None
    award: str | None = None
    award_title: str | None = None
    award_uri: str | None = None


@dataclass(frozen=True, slots=True)
class Point:
    lat: float
    lon: float


@dataclass(frozen=True, slots=True)
class Box:
    west: float
    south: float
    east: float
    north: float


@dataclass(frozen=True, slots=True)
class Geo:
    place: str | None = None
    point: Point | None = None
    box: Box | None = None
    polygon: tuple[tuple[Point, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Container:
    title: str | None = None
    issn: tuple[str, ...] = ()
    volume: str | None = None
    issue: str | None = None
    first_page: str | None = None
    last_page: str | None = None
    edition: str | None = None
    number: str | None = None


@dataclass(frozen=True, slots=True)
class Thesis:
    qualification: str | None = None
    level: str | None = None
    grantor: str | None = None
    department: str | None = None
    advisors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Problem:
    """What could not be normalised: `field` of the Entry, a stable `code`, and the text as it came."""

    field: str
    code: str
    raw: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
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
        return _FULL[Entry](self)

    def compact(self) -> dict[str, object]:
        """`as_json` without null, [] and {} at every level; what the catalogue stores."""
        return _COMPACT[Entry](self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Entry":
        """The Entry that `as_json` or `compact` wrote; a newer version's keys are passed over. Raises TypeError."""
        return cast("Entry", _read(cls, value))


# __init__, as_json() and compact() run for every record, so they are written out field by field, as `dataclass`
# writes its methods: its own frozen __init__ takes twice as long, a loop over the fields four times (measured).
def _compiled(name: str, signature: str, lines: Iterable[str], scope: dict[str, Any]) -> Callable[..., Any]:
    exec(f"def {name}({signature}):\n " + "\n ".join(lines), scope)  # noqa: S102 - names of the fields above only
    return cast(Callable[..., Any], scope[name])


def _initialiser(kind: type) -> Callable[..., None]:
    given = [f.name if f.default is MISSING else f"{f.name}={f.default!r}" for f in fields(kind)]
    setters = {f"set_{name}": getattr(kind, name).__set__ for name in _names(kind)}
    return _compiled(
        "__init__", ", ".join(["self", *given]), [f"set_{n}(self, {n})" for n in _names(kind)], setters
    )


def _writers(*, compact: bool) -> dict[type, Callable[[Any], dict[str, object]]]:
    writers: dict[type, Callable[[Any], dict[str, object]]] = {}

    def written(value: Any) -> object:
        write = writers.get(value.__class__)
        return (
            write(value)
            if write
            else [written(item) for item in value]
            if value.__class__ is tuple
            else value
        )

    for kind in _PARTS:
        lines = ["out = {}"]
        for field in fields(kind):
            many = field.default == ()
            value = f"[written(item) for item in part.{field.name}]" if many else f"part.{field.name}"
            value = f"written({value})" if field.name in _NESTED and not many else value
            test = f"if part.{field.name}{'' if many else ' is not None'}: " if compact else ""
            lines.append(f"{test}out[{field.name!r}] = {value}")
        writers[kind] = _compiled("write", "part", [*lines, "return out"], {"written": written})
    return writers


def _read(kind: type, value: Mapping[str, Any]) -> Any:
    if not isinstance(value, Mapping):
        raise TypeError(f"an object was expected, not {value!r:.60}")
    said = {name: given for name, given in value.items() if name in _READERS[kind] and given not in _ABSENT}
    return kind(**{name: _READERS[kind][name](given) for name, given in said.items()})


def _many(kind: type) -> Callable[[Any], Any]:
    return lambda given: tuple(_read(kind, item) for item in given)


def _rings(given: Iterable[Iterable[Any]]) -> tuple[tuple[Point, ...], ...]:
    return tuple(tuple(_read(Point, point) for point in ring) for ring in given)


_ABSENT: tuple[object, ...] = (None, "", [], {})
_NESTED: dict[str, Callable[[Any], Any]] = {
    "languages": tuple, "formats": tuple, "sizes": tuple, "issn": tuple, "advisors": tuple,
    "titles": _many(Title), "creators": _many(Agent), "contributors": _many(Agent), "subjects": _many(Subject),
    "descriptions": _many(Description), "dates": _many(Date), "relations": _many(Relation),
    "rights": _many(Rights), "files": _many(File), "funding": _many(Funding), "geo": _many(Geo),
    "affiliations": _many(Affiliation), "problems": _many(Problem), "checksum": partial(_read, Checksum),
    "point": partial(_read, Point), "box": partial(_read, Box), "polygon": _rings, "container": partial(_read, Container), "thesis": partial(_read, Thesis),
}  # fmt: skip

_PARTS: tuple[type, ...] = (
    Title, AgentIdentifier, Affiliation, Agent, Subject, Description, Date, Identifier, Relation, Rights, Checksum,
    File, Funding, Point, Box, Geo, Container, Thesis, Problem, Entry,
)  # fmt: skip


def _names(kind: type) -> list[str]:
    return [field.name for field in fields(kind)]


_READERS: dict[Any, dict[str, Callable[[Any], Any]]] = {
    kind: {name: _NESTED.get(name, lambda given: given) for name in _names(kind)} for kind in _PARTS
}
_READERS[Entry]["identifiers"] = _many(Identifier)
_READERS[Agent]["identifiers"] = _many(AgentIdentifier)
_FULL, _COMPACT = _writers(compact=False), _writers(compact=True)
for _kind in _PARTS:
    setattr(_kind, "__init__", _initialiser(_kind))  # noqa: B010 - mypy lets no method be assigned
