"""Names of people and organisations. `Family, Given` is split; anything else is kept whole, never guessed at.

Pure. Last-token rules fail on "de la", on Chinese names and on organisations.
"""

import re
from functools import cache

from harvester.crosswalk.fields import check_digits
from harvester.crosswalk.fields.vocabulary import words
from harvester.entry import Agent, AgentIdentifier, Problem

MOST_WORDS = 5  # of a personal name in the form Family, Given
MOST_NAMES = 1000  # of one element; what follows stays together in the last one
LONGEST = 200  # characters of a personal name

_FIGSHARE = re.compile(r"(.+?) \(([0-9]{1,12})\)")
_FAMILY_GIVEN = re.compile(r"([^\s,;:@/()0-9][^,;:@/()0-9]{0,99}?) ?, ?([^\s,;:@/()0-9][^,;:@/()0-9]{0,99})")
_LIFE = re.compile(r"(.+?),? \(?[0-9]{4} ?[-–] ?(?:[0-9]{4})?\)?\.?")
_ORCID = re.compile(
    r"[\s;,(\[]*(?:(?:https?://)?(?:www\.)?orcid(?:\.org/|:| )? ?)?([0-9]{4}-[0-9]{4}-[0-9]{4}-[0-9]{3}[0-9Xx])[)\]]?",
    re.IGNORECASE,
)


def read(text: str, notes: list[Problem], *, field: str, role: str | None = None) -> Agent:
    """An Agent from one name (one line)."""
    family, comma, given = text.partition(", ")
    # The commonest form without any pattern: letters and blanks around one comma
    if (
        comma
        and len(text) <= LONGEST
        and given
        and family[-1:] not in ("", " ")  # ", Jane" and "Liu , Wenshe"
        and (family + given).replace(" ", "").isalpha()
        and text.count(" ") < MOST_WORDS
    ):
        if is_organisation(text):
            return Agent(text, None, None, "organisation", role=role)
        return Agent(text, given, family, "person", role=role)
    return _read(text, notes, field, role)


def _read(text: str, notes: list[Problem], field: str, role: str | None) -> Agent:
    orcid = None
    if text.count("-") >= 3 and len(text) <= LONGEST and (match := _ORCID.search(text)):
        orcid = check_digits.orcid(match[1])
        if orcid is None:
            notes.append(Problem(field, "orcid_check_digit", match[1]))
        else:
            text = (text[: match.start()] + text[match.end() :]).strip(" ;,") or text
    given, family, kind = _parts(text)
    if orcid and kind is None:
        kind = "person"
    return Agent(text, given, family, kind, orcid, (), (), role)


def with_figshare_id(text: str) -> tuple[str, str] | None:
    """(name, number) of `Anthony W. Purcell (105036)`, as figshare writes its authors since 2016-10."""
    match = _FIGSHARE.fullmatch(text) if len(text) <= LONGEST else None
    return (match[1], match[2]) if match else None


def figshare_author(
    name: str, number: str, notes: list[Problem], *, field: str, role: str | None = None
) -> Agent:
    """An Agent with figshare's own number for its author."""
    agent = read(name, notes, field=field, role=role)
    identifiers = (AgentIdentifier(number, "figshare_author"),)
    return Agent(agent.name, agent.given, agent.family, agent.kind, agent.orcid, identifiers, (), role)


def several(text: str) -> list[str]:
    """`A; B; C` are three names; one semicolon may belong to a name."""
    if text.count(";") < 2:
        return [text]
    return [part for part in (part.strip() for part in text.split(";", MOST_NAMES)) if part]


def is_organisation(name: str) -> bool:
    """Whether a word of the name is one that only organisations bear."""
    if len(name) > LONGEST * 5:  # no name, and its words would fill the memory
        return False
    spoken = name.lower().replace(",", "").split()
    if _organisations().isdisjoint(spoken):
        return False
    return not _is_a_persons(name, _organisations().intersection(spoken))


def _is_a_persons(name: str, told: frozenset[str]) -> bool:
    """`Press, W. H.` and `Bank, Steffen`: the word is somebody's family name, and nothing else speaks of an organisation."""
    family, comma, given = name.partition(",")
    if not comma or told != {family.lower()}:
        return False
    parts = given.replace(".", ". ").replace("-", " ").split()
    if parts and all(len(part.rstrip(".")) == 1 and part[0].isupper() for part in parts):
        return True
    known = family.lower() in words("organisations", "family_names")
    return known and 0 < len(parts) <= 2 and all(part[0].isupper() for part in parts)


@cache
def _organisations() -> frozenset[str]:
    return words("organisations", "words")


def _parts(text: str) -> tuple[str | None, str | None, str | None]:
    """(given, family, kind)."""
    if len(text) > LONGEST:
        return None, None, None
    if is_organisation(text):
        return None, None, "organisation"
    match = _FAMILY_GIVEN.fullmatch(text)
    if match is None and text[-1:] in ")-.0123456789–" and (life := _LIFE.fullmatch(text)):
        match = _FAMILY_GIVEN.fullmatch(life[1].rstrip(" ,"))  # Griffin, John M., 1970-
    if match is None or match[1].count(" ") + match[2].count(" ") + 2 > MOST_WORDS:
        return None, None, None
    return match[2], match[1], "person"
