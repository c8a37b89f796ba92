"""Which sponsor of an uketd_dc record gave which grant: its elements say so only by their order.

Pure. What the order does not tell is not guessed: sponsors and numbers stay apart.
"""

from collections.abc import Sequence
from itertools import pairwise

from harvester.crosswalk.fields import funding
from harvester.crosswalk.fields.text import excerpt
from harvester.entry import Funding, Problem

Term = tuple[str, str]  # "sponsor" or "grant", and what it says

_LONGEST_NUMBER = 60  # characters of a grant number


def funding_of(grants: Sequence[Term], notes: list[Problem]) -> list[Funding]:
    """The Funding that sponsors and grant numbers make, by position; words for nothing are none."""
    made: list[Funding | None] = []
    for funder, award in _paired(grants, notes):
        if award and funding.is_nothing(award) and _is_number(funder):
            made.append(funding.reference("", funder))  # figshare: 0, and the number in the sponsor's place
        else:
            made.append(funding.reference(funder, award))
    return [each for each in made if each]


def _is_number(text: str) -> bool:
    """NE/X000001/1, R01GM123456, 098051; H2020 is none."""
    digits = sum(sign.isdigit() for sign in text[:_LONGEST_NUMBER])
    return " " not in text and len(text) <= _LONGEST_NUMBER and (digits > 4 or ("/" in text and digits > 0))


def _paired(grants: Sequence[Term], notes: list[Problem]) -> list[tuple[str, str]]:
    """(funder, award), by position; "" for what is missing."""
    sponsors = [said for kind, said in grants if kind == "sponsor"]
    numbers = [said for kind, said in grants if kind == "grant"]
    if len(sponsors) == len(numbers):
        return list(zip(sponsors, numbers, strict=True))
    if not numbers:
        return [(sponsor, "") for sponsor in sponsors]
    if len(sponsors) < 2:
        return [(sponsors[0] if sponsors else "", number) for number in numbers]
    turns = sum(before[0] == "grant" and after[0] == "sponsor" for before, after in pairwise(grants))
    if turns and grants[0][0] == "sponsor":
        return _behind(grants)
    for number in numbers:  # all of the one, then all of the other: some are missing, nobody knows which
        notes.append(Problem("funding", "funder_unknown", excerpt(number)))
    return [*((sponsor, "") for sponsor in sponsors), *(("", number) for number in numbers)]


def _behind(grants: Sequence[Term]) -> list[tuple[str, str]]:
    """Each number belongs to the sponsor before it."""
    pairs: list[tuple[str, str]] = []
    sponsor, waiting = "", False
    for kind, said in grants:
        if kind == "grant":
            pairs.append((sponsor, said))
            waiting = False
            continue
        if waiting:
            pairs.append((sponsor, ""))
        sponsor, waiting = said, True
    return [*pairs, (sponsor, "")] if waiting else pairs
