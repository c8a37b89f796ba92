"""DataCite's controlled lists, and the small readers that every part of the DataCite crosswalk uses."""

from functools import lru_cache

from lxml import etree

from harvester.crosswalk.draft import Draft
from harvester.crosswalk.fields import contributor_types, identifiers, relations, types
from harvester.crosswalk.fields import text as texts
from harvester.crosswalk.fields.identifiers import Known
from harvester.crosswalk.fields.vocabulary import folded, terms, vocabulary, words
from harvester.entry import Problem

VOCABULARY = "datacite-kernel"
LONGEST = 100  # characters of a word from a list

# Schemes whose identifiers have a form that can be checked; the others are whatever the source says.
_CHECKED = frozenset(
    ("doi", "handle", "url", "issn", "isbn", "arxiv", "ark", "urn", "pmid", "pmcid", "swhid", "ads")
)


def said(draft: Draft, element: etree._Element, name: str, field: str) -> str:
    """An attribute as one clean line, "" where there is none. DataCite's attributes are in no namespace."""
    raw = element.get(name)
    if not raw:
        return ""
    return raw.strip() if draft.clean else texts.line(raw, draft.notes, field)


def term(table: str, word: str) -> str | None:
    """What a word of one of DataCite's lists is to the Entry, whatever its case; None for one that is not in it."""
    return _term(table, word) if len(word) <= LONGEST else None


def listed(key: str) -> frozenset[str]:
    """The members of a list, as DataCite writes them."""
    return _listed(key)


def is_unknown(text: str) -> bool:
    """`(:unav)`, `:tba`: DataCite's values for what nobody knows."""
    return text[:1] in ("(", ":") and text.strip("(:)").lower() in words(VOCABULARY, "unknown")


def general(draft: Draft, word: str, field: str) -> str | None:
    """A resourceTypeGeneral of another resource; a word that is none is said in the problems."""
    found = _general(word) if 0 < len(word) <= LONGEST else None
    if word and found is None:
        draft.note(field, "type_unknown", word)
    return found


def relation_type(draft: Draft, word: str) -> str | None:
    """A relationType; "Other" for a word that is none, which the problems keep."""
    if not word:
        return None
    found = _relation_type(word) if len(word) <= LONGEST else None
    if found is None:
        draft.note("relations", "relation_type_unknown", word)
    return found or "Other"


def contributor_type(word: str) -> str | None:
    """The role that a contributorType stands for; a word that is in no list stays."""
    if not word:
        return None
    found = contributor_types.contributor_type(word) if len(word) <= LONGEST else word[:LONGEST]
    return word if found == contributor_types.CREATOR else found


def identified(draft: Draft, text: str, kind: str, field: str) -> Known:
    """An identifier whose scheme the source states. What is not what it is said to be is `other`, and a problem."""
    scheme = term("identifiers", kind) if kind else None
    found = identifiers.identify(text)
    if found and (found.scheme == scheme or not kind or (found.scheme, scheme) == ("url", "urn")):
        return found
    if not kind or len(kind) > LONGEST:
        return Known(text, "other")
    found = identifiers.typed(text, kind)
    if (
        found.scheme in _CHECKED
        and found.value == text
        and identifiers.identify(f"{found.scheme}:{text}") is None
    ):
        draft.note(field, "identifier_invalid", f"{kind} {text}")
        return Known(text, "other")
    return found


@lru_cache(maxsize=512)
def _term(table: str, word: str) -> str | None:
    return _terms(table).get(folded(word).replace(" ", ""))


@lru_cache(maxsize=16)
def _terms(table: str) -> dict[str, str]:
    return {key.replace(" ", ""): value for key, value in terms(VOCABULARY, table).items()}


@lru_cache(maxsize=8)
def _listed(key: str) -> frozenset[str]:
    return frozenset(vocabulary(VOCABULARY)[key])


@lru_cache(maxsize=256)
def _general(word: str) -> str | None:
    unheard: list[Problem] = []
    found = types.general(word, unheard)
    return found.general if found else None


@lru_cache(maxsize=256)
def _relation_type(word: str) -> str | None:
    return relations.relation_type(word)
