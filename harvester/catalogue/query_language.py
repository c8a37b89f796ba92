"""What a person types to `search` and `export`: words, "phrases", and field:value with a closed list of fields.

    curie radium                    both words, in title or creators
    "marie curie" year:1900..1910   a phrase, and a range of years
    doi:10.6084/m9.figshare.1  type:Dataset  set:portal_15  repository:figshare  format:oai_dc

Values are bound, never formatted into SQL; a query is at most 2,000 characters and 50 terms.
"""

import re
from collections.abc import Callable

from sqlalchemy import ARRAY, ColumnElement, Integer, and_, cast, func, select

from harvester.catalogue.tables import SEARCH, records, repositories, sets
from harvester.errors import ConfigError

LONGEST = 2000
_TERMS = 50
_TERM = re.compile(r'([a-z]+):("[^"]*"|\S+)|"([^"]*)"|(\S+)')
_YEARS = re.compile(r"(\d{1,4})?(\.\.)?(\d{1,4})?", re.ASCII)

Condition = ColumnElement[bool]


def conditions(query: str) -> list[Condition]:
    """What every record found must satisfy. Raises ConfigError with a sentence for what cannot be meant."""
    if len(query) > LONGEST:
        raise ConfigError(f"a query has at most {LONGEST} characters")
    cleaned = query.replace("\0", " ").encode("utf-8", "replace").decode()
    found: list[Condition] = []
    for field, value, phrase, word in _TERM.findall(cleaned):
        if field in _FIELDS:
            found.append(_FIELDS[field](value.strip('"')))
        elif field and "/" not in value:
            raise ConfigError(f"there is no field '{field}'; there are: {', '.join(sorted(_FIELDS))}")
        elif phrase:
            found.append(_matches(func.phraseto_tsquery("simple", phrase)))
        elif word or field:
            found.append(_matches(func.plainto_tsquery("simple", word or f"{field}:{value}")))
    if len(found) > _TERMS:
        raise ConfigError(f"a query has at most {_TERMS} terms")
    return found


def words(query: str) -> str:
    """The words and phrases of a query without its fields, for ranking."""
    return " ".join(phrase or word for _, _, phrase, word in _TERM.findall(query.replace("\0", " "))).strip()


def _matches(query: ColumnElement[str]) -> Condition:
    return SEARCH.op("@@")(query)


def _year(value: str) -> Condition:
    match = _YEARS.fullmatch(value)
    if match is None or not any(match.groups()) or value == "..":
        raise ConfigError(
            f"year:{value} is no year: write year:2020, year:2015..2020, year:2015.. or year:..2020"
        )
    first, dots, last = match.groups()
    if dots is None:
        return records.c.year == int(value)
    lower = records.c.year >= int(first) if first else None
    upper = records.c.year <= int(last) if last else None
    return and_(*(each for each in (lower, upper) if each is not None))


def _doi(value: str) -> Condition:
    bare = re.sub(r"\A(?:https?://(?:dx\.)?doi\.org/|doi:)", "", value.strip(), flags=re.I)
    return records.c.doi == bare.lower()


def _set(value: str) -> Condition:
    mine = select(func.array_agg(sets.c.id)).where(sets.c.spec == value).scalar_subquery()
    return records.c.sets.overlap(cast(mine, ARRAY(Integer)))


def _repository(value: str) -> Condition:
    return records.c.repository_id.in_(select(repositories.c.id).where(repositories.c.name == value))


def _in_entry(path: str) -> Callable[[str], Condition]:
    return lambda value: func.lower(records.c.entry[path].astext) == value.lower()


_FIELDS: dict[str, Callable[[str], Condition]] = {
    "title": lambda value: and_(
        _matches(func.plainto_tsquery("simple", value)), records.c.title.icontains(value, autoescape=True)
    ),
    "creator": lambda value: and_(
        _matches(func.plainto_tsquery("simple", value)), records.c.creators.icontains(value, autoescape=True)
    ),
    "year": _year,
    "doi": _doi,
    "type": lambda value: func.lower(records.c.type) == value.lower(),
    "set": _set,
    "repository": _repository,
    "format": lambda value: records.c.format == value,
    "publisher": _in_entry("publisher"),
    "licence": _in_entry("licence"),
    "access": _in_entry("access"),
    "language": lambda value: records.c.entry["languages"].contains([value]),
}
