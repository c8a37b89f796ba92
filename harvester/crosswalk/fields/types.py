"""Resource types: DataCite's general types from the vocabularies that repositories use.

Pure. Several dc:type of one record are weighed by where the word comes from; "Text" and "Other" give way.
"""

from functools import lru_cache
from typing import NamedTuple

from harvester.crosswalk.fields.text import excerpt
from harvester.crosswalk.fields.vocabulary import folded, terms, vocabulary, words
from harvester.entry import Problem

LONGEST = 200  # characters: no type is longer


class Weighed(NamedTuple):
    """`weight`: the lower, the stronger."""

    weight: int
    general: str


ITEM_TYPE, GENERAL, COAR, INFO_EU_REPO, DCMI, WORD, VAGUE = range(7)
_COAR = "purl.org/coar/resource_type/"
_INFO = "info:eu-repo/semantics/"


def read(text: str, notes: list[Problem]) -> Weighed | None:
    """The general type that a text (one line) names; else None and a problem that keeps the text."""
    found = _known(text) if len(text) <= LONGEST else None
    if found is None and " / " in text[:LONGEST]:  # one word in two languages
        found = next(filter(None, (_known(part) for part in text[:LONGEST].split(" / "))), None)
    if found is None:
        known = len(text) <= LONGEST and folded(text) in words("resource-types", "qualifiers")
        notes.append(Problem("type", "type_qualifier" if known else "type_unknown", excerpt(text)))
    return found


def general(text: str, notes: list[Problem]) -> Weighed | None:
    """A DataCite resourceTypeGeneral (one line), in any case; what is none is read as any other word for a type."""
    found = _general().get(folded(text).replace(" ", "")) if len(text) <= LONGEST else None
    return _weighed(GENERAL, found) if found else read(text, notes)


def of_set(spec: str) -> Weighed | None:
    """figshare's set `item_type_<n>`: by number, since labels have changed and numbers have not."""
    head, _, number = spec.rpartition("_")
    general = vocabulary("resource-types")["figshare"].get(number) if head == "item_type" else None
    return Weighed(ITEM_TYPE, str(general)) if general else None


@lru_cache(maxsize=1024)
def _known(text: str) -> Weighed | None:
    key = folded(text)
    if _COAR in text:
        return _weighed(COAR, terms("resource-types", "coar").get(folded(text.rstrip("/").rsplit("/", 1)[1])))
    if text.lower().startswith(_INFO):
        return _weighed(INFO_EU_REPO, terms("resource-types", "info_eu_repo").get(folded(text[len(_INFO) :])))
    if general := _general().get(key.replace(" ", "")):
        return _weighed(DCMI, general)
    dcmi = key.removeprefix("http://purl.org/dc/dcmitype/").removeprefix("https://purl.org/dc/dcmitype/")
    if general := terms("resource-types", "dcmi").get(dcmi.replace(" ", "")):
        return _weighed(DCMI, general)
    return _weighed(WORD, terms("resource-types", "synonyms").get(key))


@lru_cache(maxsize=1)
def _general() -> dict[str, str]:
    return {folded(name): name for name in vocabulary("resource-types")["general"]}


def _weighed(weight: int, general: str | None) -> Weighed | None:
    if general is None:
        return None
    return Weighed(VAGUE if general in ("Text", "Other") else weight, general)
