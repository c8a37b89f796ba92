"""Roles of contributors: DataCite contributorType, from the words and codes that formats use.

Pure. A role that DataCite has no name for stays the source's own word.
"""

from functools import lru_cache

from harvester.crosswalk.fields.vocabulary import folded, terms, vocabulary

LONGEST = 100  # characters: no role is longer
CREATOR = "creator"  # what the vocabulary calls the roles that make someone a creator


@lru_cache(maxsize=1024)
def contributor_type(text: str) -> str:
    """The DataCite contributorType for a role (one line): a word, a MARC relator code or its URI; else the text itself.

    `CREATOR` for an author, a creator and the like. Older kernels' "Funder" stays: kernel 4 has it no more.
    """
    if len(text) > LONGEST:
        return text[:LONGEST]
    key = folded(text).rstrip(".,;: ")
    key = key.removeprefix("http://id.loc.gov/vocabulary/relators/").removeprefix(
        "https://id.loc.gov/vocabulary/relators/"
    )
    return _types().get(key.replace(" ", "")) or terms("contributor-types", "roles").get(key) or text


@lru_cache(maxsize=1)
def _types() -> dict[str, str]:
    held = vocabulary("contributor-types")
    return {name.lower(): name for name in (*held["types"], *held["former"])}
