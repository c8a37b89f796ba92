"""Reads `schemas/vocabularies/*.toml`: what a librarian reviews, each with its source and version."""

import tomllib
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from harvester import resources


@lru_cache(maxsize=64)  # the number of files is bounded; a file is read on first use, never at import
def vocabulary(name: str) -> Mapping[str, Any]:
    """The tables of `schemas/vocabularies/<name>.toml`. Raises FileNotFoundError, tomllib.TOMLDecodeError."""
    with resources.schema(f"vocabularies/{name}.toml").open("rb") as file:
        return tomllib.load(file)


@lru_cache(maxsize=64)
def terms(name: str, table: str) -> Mapping[str, str]:
    """One table of a vocabulary, its keys folded for comparison."""
    return {folded(key): value for key, value in vocabulary(name)[table].items()}


@lru_cache(maxsize=64)
def words(name: str, key: str) -> frozenset[str]:
    """One list of a vocabulary, folded for comparison."""
    return frozenset(folded(word) for word in vocabulary(name)[key])


def folded(text: str) -> str:
    """Case, runs of blanks and the hyphens between words make no difference."""
    return " ".join(text.casefold().replace("-", " ").replace("_", " ").split())
