"""Subjects: keywords, and classifications by their prefix or URI.

Pure. A comma may stand inside a heading ("History, Modern"), so only semicolons separate.
"""

from harvester.crosswalk.fields.vocabulary import terms
from harvester.entry import Subject

MOST_PIECES = 1000  # of one element; what follows stays together in the last one

_CLASSIFICATION = "info:eu-repo/classification/"


def read(text: str) -> Subject | list[Subject]:
    """A Subject from a text (one line), or several where it joins them by semicolons."""
    if text.count(";") > 1:
        parts = [part.strip() for part in text.split(";", MOST_PIECES)]
        return [_one(part) for part in parts if part]
    return _one(text)


def of_set(spec: str) -> Subject | None:
    """figshare's set `category_<n>` is a coded subject; its name is not in the record."""
    head, _, number = spec.rpartition("_")
    return (
        Subject(None, "figshare", None, number)
        if head == "category" and number.isascii() and number.isdecimal()
        else None
    )


def _one(text: str) -> Subject:
    if ":" not in text:
        return Subject(text)
    if text.startswith(("http://", "https://")) and " " not in text:
        return Subject(None, None, text)
    if text.startswith(_CLASSIFICATION):
        scheme, slash, code = text[len(_CLASSIFICATION) :].partition("/")
        if slash and code:
            return Subject(text, terms("subject-schemes", "prefixes").get(scheme.lower(), scheme), None, code)
    head, _, code = text.partition(":")
    scheme_of = terms("subject-schemes", "prefixes").get(head.lower()) if len(head) <= 10 else None
    code = code.strip()
    if scheme_of and code:
        return Subject(text, scheme_of, None, code if " " not in code else None)
    return Subject(text)
