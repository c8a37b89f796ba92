"""Languages: BCP 47 tags from codes and names. Never a default; what is no language is said, not guessed.

Pure. Tags are few and texts repeat, so small bounded caches pay here.
"""

import re
from functools import lru_cache

from harvester.crosswalk.fields.text import excerpt
from harvester.crosswalk.fields.vocabulary import folded, terms, words
from harvester.entry import Problem

_TAG = re.compile(r"[A-Za-z]{2,8}(?:[-_][A-Za-z0-9]{1,8}){0,4}")
_SEPARATOR = re.compile(r"[;,/|]")
_CODES = re.compile(r"[a-z]{2,3}(?: [a-z]{2,3}){1,9}", re.IGNORECASE)
LONGEST = 100  # characters: no name of a language is longer


def read(text: str, notes: list[Problem]) -> tuple[str, ...]:
    """The languages a text (one line) names: `eng; fre` names two."""
    found = tag(text) if len(text) <= LONGEST else None
    if found:
        return (found,)
    parts = _SEPARATOR.split(text) if len(text) <= LONGEST * 10 else []
    parts = [part.strip() for part in parts if part.strip()]
    if len(parts) == 1 and _CODES.fullmatch(text):
        parts = text.split()
    tags = [tag(part) if len(part) <= LONGEST else None for part in parts]
    if len(tags) > 1 and all(tags):
        return tuple(known for known in tags if known)
    notes.append(Problem("languages", "language_unknown", excerpt(text)))
    return ()


@lru_cache(maxsize=1024)
def tag(text: str) -> str | None:
    """The BCP 47 tag for a code (`ger`, `en_US`) or a name (`German`, `français`); None where it is neither."""
    key = folded(text)
    if not key or not text.isprintable() or key in words("languages", "junk"):
        return None
    if known := terms("languages", "names").get(key):
        return known
    import langcodes  # noqa: PLC0415 - texts repeat: after the first few the cache answers
    from langcodes.tag_parser import LanguageTagError  # noqa: PLC0415 - as above

    if _TAG.fullmatch(text):
        try:
            standard = langcodes.standardize_tag(text.replace("_", "-"))
        except LanguageTagError:
            standard = ""  # five letters and more may be a name
        if standard and langcodes.tag_is_valid(standard):
            return standard
    try:
        return str(langcodes.find(text))
    except LookupError:
        return None
