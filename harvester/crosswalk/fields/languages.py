"""Languages: BCP 47 tags from codes and names. Never a default; what is no language is said, not guessed.

Pure. Tags are few and texts repeat, so a small bounded cache pays here.
"""

import re
from functools import lru_cache

from harvester.crosswalk.fields.text import excerpt
from harvester.crosswalk.fields.vocabulary import folded, terms, words
from harvester.entry import Problem

LONGEST = 100  # characters: no name of a language is longer

_TAG = re.compile(r"[A-Za-z]{2,8}(?:[-_][A-Za-z0-9]{1,8}){0,4}")
_EXTENDED = re.compile(r"[a-z]{2,3}-[a-z]{3}\b")  # eng-fre; those that are registered have a tag of their own
_SEPARATOR = re.compile(r"[;,/|]")
_CODES = re.compile(r"[a-z]{2,3}(?:[ -][a-z]{2,3}){1,9}", re.IGNORECASE)
_JOINED = re.compile(r" (?:and|et|und|y|&|\+) ", re.IGNORECASE)
_YEARS = re.compile(r" ?\([^()0-9]*[0-9][^()]*\)")  # Greek, Ancient (to 1453)
_FIRST_NAME = 4  # letters: the shortest names are codes, or chance ("the" is a language of Nepal)


def read(text: str, notes: list[Problem]) -> tuple[str, ...]:
    """The languages a text (one line) names: `eng; fre` names two. What is not understood is a problem."""
    found = tag(text) if len(text) <= LONGEST else None
    if found:
        return (found,)
    parts = _parts(text) if len(text) <= LONGEST * 10 else []
    tags = [tag(part) if len(part) <= LONGEST else None for part in parts]
    known = tuple(dict.fromkeys(each for each in tags if each))
    if not known or tags.count(None) * 2 > len(tags):  # a sentence may hold a word that is a code
        notes.append(Problem("languages", "language_unknown", excerpt(text)))
        return ()
    for part, each in zip(parts, tags, strict=True):
        if each is None:
            notes.append(Problem("languages", "language_unknown", excerpt(part)))
    return known


@lru_cache(maxsize=1024)
def tag(text: str) -> str | None:
    """The BCP 47 tag for a code (`ger`, `en_US`), its URI or a name (`German`, `français`); None where it is none.

    `text` is at most LONGEST characters long.
    """
    text = _without_uri(text).strip(" .")
    key = folded(text)
    # "na" is the code of Nauruan, "NA" and the like are none
    if not key or not text.isprintable() or (key in words("languages", "junk") and text != "na"):
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
        if standard and langcodes.tag_is_valid(standard) and not _EXTENDED.match(standard):
            return standard
    return _named(text)


def _parts(text: str) -> list[str]:
    parts = [part.strip() for part in _SEPARATOR.split(text) if part.strip()]
    if len(parts) == 1 and _CODES.fullmatch(parts[0]):
        return parts[0].replace("-", " ").split()
    return [piece.strip() for part in parts for piece in _JOINED.split(part)]


def _without_uri(text: str) -> str:
    """The code at the end of http://id.loc.gov/vocabulary/iso639-2/eng and its like."""
    head, _, code = text.rpartition("/")
    head = folded(head).removeprefix("http://").removeprefix("https://").removeprefix("www.")
    return code if head and head in words("languages", "code_uris") else text


def _named(text: str) -> str | None:
    """The language of that name in any language: `Old English`, and `English, Old (ca. 450-1100)` as ISO 639-2 has it."""
    import langcodes  # noqa: PLC0415 - as above

    name = _YEARS.sub("", text).removesuffix(" language").strip()
    head, comma, tail = name.partition(",")
    if comma:
        name = f"{tail} {head}".strip() if "," not in tail else name
    if (len(name) < _FIRST_NAME and name.isascii()) or not _is_name(name):
        return None
    try:
        return str(langcodes.standardize_tag(str(langcodes.find(name))))
    except LookupError:
        return None


def _is_name(text: str) -> bool:
    """Whether the whole text is a name: langcodes.find is content with a beginning (`English, French` is `en` to it)."""
    from language_data import names  # type: ignore[import-untyped]  # noqa: PLC0415 - as above

    table = "und/name_to_language"
    if table not in names.TRIES:
        names.name_to_code("language", "English")  # reads the table
    return names.normalize_name(text) in names.TRIES[table]
