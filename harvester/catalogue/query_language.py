"""What a person types to `search` and `export`: words, "phrases", and field:value with a closed list of fields.

    curie radium                    both words, in title or creators
    "marie curie" year:1900..1910   a phrase, and a range of years
    10.6084/m9.figshare.1            a DOI, also as https://doi.org/…
    doi:10.6084/m9.figshare.1  type:Dataset  set:portal_15  repository:figshare  format:oai_dc

Values are bound, never formatted into SQL; a query is at most 2,000 characters and 50 terms.
"""

import json
import re
from collections.abc import Callable

from sqlalchemy import ARRAY, ColumnElement, Integer, and_, cast, func, select

from harvester.catalogue.tables import SEARCH, records, repositories, sets
from harvester.errors import ConfigError

LONGEST = 2000
_MOST_TERMS = 50
_TERM = re.compile(r'([a-z]+):("[^"]*"|\S+)|"([^"]*)"|(\S+)')
_A_DOI = re.compile(r"(?:https?://(?:dx\.)?doi\.org/)?10\.\d{4,9}/\S+", re.ASCII | re.I)
_YEARS = re.compile(r"(\d{1,4})(\.\.)?|(\d{1,4})?\.\.(\d{1,4})", re.ASCII)

Condition = ColumnElement[bool]


def conditions(query: str) -> list[Condition]:
    """What every record found must satisfy. Raises ConfigError with a sentence for what cannot be meant."""
    found: list[Condition] = []
    loose: list[str] = []
    terms = _terms(query)
    for field, value, phrase, word in terms:
        plain = word or f"{field}:{value}" if not phrase else ""
        if field in _FIELDS:
            found.append(_FIELDS[field](value.strip('"')))
        elif phrase:
            found.append(_matches(func.phraseto_tsquery("simple", phrase)))
        elif _A_DOI.fullmatch(plain):
            found.append(_doi(plain))
        elif field and "/" not in value:
            raise ConfigError(f"there is no field '{field}'; there are: {', '.join(sorted(_FIELDS))}")
        elif plain != ":":
            loose.append(plain)
    # A lone sign, as in "salt & pepper", says nothing where there is more.
    said = [word for word in loose if any(map(str.isalnum, word))]
    if said or (loose and not found):
        found.append(_matches(func.plainto_tsquery("simple", " ".join(said or loose))))
    return found


def words(query: str) -> str:
    """The words and phrases of a query without its fields, for ranking."""
    return " ".join(phrase or word for _, _, phrase, word in _terms(query)).strip()


def _terms(query: str) -> list[tuple[str, str, str, str]]:
    """(field, value, phrase, word) as they stand in the query. Raises ConfigError for too many."""
    if len(query) > LONGEST:
        raise ConfigError(f"a query has at most {LONGEST:,} characters")
    terms = _TERM.findall(query.replace("\0", " ").encode("utf-8", "replace").decode())
    if len(terms) > _MOST_TERMS:
        raise ConfigError(f"a query has at most {_MOST_TERMS} terms")
    return terms


def _matches(query: ColumnElement[str]) -> Condition:
    return SEARCH.op("@@")(query)


def _year(value: str) -> Condition:
    match = _YEARS.fullmatch(value)
    if match is None:
        raise ConfigError(
            f"year:{value} is no year: write year:2020, year:2015..2020, year:2015.. or year:..2020"
        )
    alone, onwards, first, last = match.groups()
    if alone and not onwards:
        return records.c.year == int(alone)
    lower = alone or first
    bounds = [records.c.year >= int(lower)] if lower else []
    bounds += [records.c.year <= int(last)] if last else []
    return and_(*bounds)


def _doi(value: str) -> Condition:
    bare = re.sub(r"\A(?:https?://(?:dx\.)?doi\.org/|doi:)", "", value.strip(), flags=re.I)
    return records.c.doi == bare.lower()


def _set(value: str) -> Condition:
    mine = select(func.array_agg(sets.c.id)).where(sets.c.spec == value).scalar_subquery()
    found: Condition = records.c.sets.overlap(cast(mine, ARRAY(Integer)))
    return found


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
    "language": lambda value: func.lower(records.c.entry["languages"].astext).contains(
        json.dumps(value.lower(), ensure_ascii=False), autoescape=True
    ),
}
