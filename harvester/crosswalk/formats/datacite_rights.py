"""DataCite's rights: URI, identifier and words of one statement say the same thing, and are read together."""

from functools import lru_cache
from typing import NamedTuple

from lxml import etree

from harvester.crosswalk.draft import Draft
from harvester.crosswalk.fields import licences
from harvester.crosswalk.fields.licences import Statement
from harvester.crosswalk.formats.datacite_terms import said
from harvester.crosswalk.tree import paragraphs
from harvester.entry import Problem, Rights

LONGEST = 400  # characters of a statement that is worth keeping in the cache

_COAR = "http://purl.org/coar/access_right/"


class Read(NamedTuple):
    """A statement, the Entry's `access`, what is doubtful, and whether rightsIdentifier has a place in the Entry."""

    rights: Rights
    access: str | None
    problems: tuple[Problem, ...]
    placed: bool


def rights(draft: Draft, element: etree._Element) -> None:
    """One <rights>; in kernel 2 the only one, without a list around it."""
    text = paragraphs(draft, element, "rights")
    uri = said(draft, element, "rightsURI", "rights")
    identifier = said(draft, element, "rightsIdentifier", "rights")
    if not (text or uri or identifier):
        return
    scheme = said(draft, element, "rightsIdentifierScheme", "rights") if identifier else ""
    short = len(text) + len(uri) + len(identifier) + len(scheme) <= LONGEST
    found = (_cached if short else _read)(text, uri, identifier, scheme)
    draft.rights.append(found.rights)
    draft.access = draft.access or found.access
    draft.notes.extend(found.problems)
    if not found.placed:
        draft.pass_over("rights/@rightsIdentifier")


def _read(text: str, uri: str, identifier: str, scheme: str) -> Read:
    unheard: list[Problem] = []  # a label's doubt does not matter where the URI leaves none
    if identifier.startswith("c_") and "coar" in scheme.lower():
        uri = uri or _COAR + identifier
    by_uri, by_identifier, by_text = (
        licences.read(each, unheard) if each else None for each in (uri, identifier, text)
    )
    found: list[Statement] = [each for each in (by_uri, by_identifier, by_text) if each is not None]
    named = {each.rights.spdx: None for each in found if each.rights.spdx}
    access = next((each.access for each in found if each.access), None)
    problems: tuple[Problem, ...] = ()
    if len(named) > 1:
        problems = (Problem("licence", "licences_differ", ", ".join(sorted(map(str, named)))),)
    elif not named:
        problems = tuple(unheard[:1])
    words: str | None = text or None
    if by_text and not uri and by_text.rights.uri:  # the words are the URI, or hold it
        uri, words = by_text.rights.uri, by_text.rights.text
    elif uri == text:
        words = None
    understood = by_identifier and (by_identifier.rights.spdx or by_identifier.access)
    placed = bool(not identifier or understood or uri.endswith(identifier))
    if not (words or uri):
        words, placed = identifier, True
    return Read(
        Rights(words, uri or None, next(iter(named)) if len(named) == 1 else None), access, problems, placed
    )


_cached = lru_cache(maxsize=1024)(_read)
