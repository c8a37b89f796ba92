"""Authors as people submit them to arXiv, in one string: `A. Author (1), B. Author (2) ((1) Here, (2) There)`.

Names are separated, never taken apart. An affiliation is given to the name right before it and to no other. Where the
brackets do not close nothing is separated.
"""

import re
from dataclasses import dataclass, field

from lxml import etree

from harvester.crosswalk.draft import Draft
from harvester.crosswalk.fields import names
from harvester.crosswalk.tree import line
from harvester.entry import Affiliation, Agent

_SIGNS = re.compile(r"[(){},;:]| and | & ")
_SUFFIX = re.compile(r"(?:Jr|Sr)\.?|II|III|IV")
_KEYS = re.compile(r"[0-9a-z]{1,2}(?:(?:, ?|; ?| and | & | )[0-9a-z]{1,2}){0,30}")
_KEY = re.compile(r"\b[0-9a-z]{1,2}\b")
_FOR = re.compile(r"^(?:for|on behalf of) (?:the )?", re.IGNORECASE)
_LISTED = re.compile(r"\(([0-9a-z]{1,2})\) ?")
_COLLABORATION = ("collaboration", "collaborations", "consortium")


@dataclass(slots=True)
class _Piece:
    words: list[str] = field(default_factory=list)
    name: str = ""
    brackets: list[str] = field(default_factory=list)


def agent(name: str, affiliations: tuple[Affiliation, ...] = ()) -> Agent:
    """An Agent from one name in one piece (one line). Whoever speaks for a collaboration is a person all the same."""
    name = _FOR.sub("", name) or name
    speaks = is_collaboration(name) and (" for " in name or " on behalf of " in name)
    organisation = not speaks and (is_collaboration(name) or names.is_organisation(name))
    return Agent(name, None, None, "organisation" if organisation else None, None, (), affiliations)


def is_collaboration(name: str) -> bool:
    """Whether a name ends as those of collaborations do."""
    return name[-20:].lower().endswith(_COLLABORATION)  # a name may be of any length


def creators(draft: Draft, element: etree._Element) -> None:
    """The branch for <authors> of arXivRaw and arXivOld."""
    said = line(draft, element, "creators")
    pieces = _pieces(said)
    listed = _listed(pieces)
    if any(not piece.name or len(piece.name) > names.LONGEST for piece in pieces):
        pieces = []
    if said and not pieces:
        draft.note("creators", "authors_not_separated", said)
        draft.creators.append(Agent(said))
    for piece in pieces:
        if piece.name.rstrip(".").lower() == "et al":
            draft.note("creators", "further_authors", piece.name)
        else:
            draft.creators.append(agent(piece.name, _affiliations(piece.brackets, listed, draft)))


def _pieces(text: str) -> list[_Piece]:
    """Names with the brackets behind each; none where the brackets do not close."""
    pieces, piece = [], _Piece()
    depth = braces = end = opened = 0
    for match in _SIGNS.finditer(text):
        sign = match[0]
        if sign in "{}":
            braces += 1 if sign == "{" else -1
        elif sign == "(":
            if depth == 0:
                piece.words.append(text[end : match.start()])
                opened = match.end()
            depth += 1
        elif sign == ")":
            depth -= 1
            if depth < 0:
                return []
            if depth == 0:
                piece.brackets.append(text[opened : match.start()].strip())
                end = match.end()
        elif depth == 0 and braces == 0:
            piece.words.append(text[end : match.start()])
            end = match.end()
            pieces.append(piece)
            piece = _Piece()
    piece.words.append(text[end:])
    pieces.append(piece)
    return _joined(pieces) if depth == 0 and braces == 0 else []


def _joined(pieces: list[_Piece]) -> list[_Piece]:
    """Empty pieces taken out; `Jr.` put back to the name it belongs to."""
    joined: list[_Piece] = []
    for piece in pieces:
        piece.name = " ".join(" ".join(piece.words).split()).removeprefix("and ")
        if joined and _SUFFIX.fullmatch(piece.name) and len(joined[-1].name) <= names.LONGEST:
            joined[-1].name += f", {piece.name}"
            joined[-1].brackets += piece.brackets
        elif piece.name or piece.brackets:
            joined.append(piece)
    return joined


def _listed(pieces: list[_Piece]) -> dict[str, str]:
    """The affiliations that keys stand for, `((1) Here, (2) There)` at the end, taken out of the pieces."""
    if not pieces or not pieces[-1].brackets:
        return {}
    last = pieces[-1].brackets[-1]
    parts = _LISTED.split(last)
    if len(parts) < 3 or parts[0].strip():
        return {}
    pieces[-1].brackets.pop()
    if not pieces[-1].name and not pieces[-1].brackets:
        pieces.pop()
    return {key: said.strip(" ,;.") for key, said in zip(parts[1::2], parts[2::2], strict=True)}


def _affiliations(brackets: list[str], listed: dict[str, str], draft: Draft) -> tuple[Affiliation, ...]:
    found: list[Affiliation] = []
    for said in brackets:
        keys = _KEY.findall(said) if _KEYS.fullmatch(said) else ()
        if said and not keys:
            found.append(Affiliation(said))
        for key in keys:
            if listed.get(key):
                found.append(Affiliation(listed[key]))
            else:
                draft.note("affiliations", "affiliation_missing", key)
    return tuple(found)
