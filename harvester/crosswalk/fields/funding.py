"""Funding: funders, their identifiers, and awards.

Pure. Repositories fill required fields with words for nothing; those are no award and no funder.
"""

from harvester.crosswalk.fields import check_digits
from harvester.entry import Funding

# figshare writes `0` for a grant number that nobody gave
_NOTHING = frozenset(
    ("", "0", "-", "--", "na", "n/a", "n.a.", "none", "null", "nil", "not applicable", "unknown", "no")
)


def is_nothing(text: str) -> bool:
    """Whether a text (one line) is a word for no value."""
    return text.strip().lower() in _NOTHING


def reference(
    funder: str, award: str = "", *, funder_id: str = "", title: str = "", uri: str = ""
) -> Funding | None:
    """A Funding from clean lines, "" for what is absent; None where nothing is left of them.

    A bare ROR is written as its URL; every other identifier of a funder stays as the source has it.
    """
    said = [None if is_nothing(text) else text for text in (funder, funder_id, award, title, uri)]
    if not any(said):
        return None
    if said[1] and check_digits.ror(said[1]):
        said[1] = f"https://ror.org/{said[1].lower()}"
    return Funding(*said)
