"""Check digits: ORCID and ISNI, ISSN, ISBN, ROR. What fails its check is text, not an identifier."""

import re
from operator import mul

# The characters of an ORCID: hyphens may be lost, the last may be X (ISO 7064 mod 11-2).
_ORCID = re.compile(r"([0-9]{4})-?([0-9]{4})-?([0-9]{4})-?([0-9]{3}[0-9Xx])")
# ISO 7064 doubles the sum before each further digit: the first of the fifteen counts 2^15 times
_ORCID_WEIGHTS = tuple(2 ** (15 - at) for at in range(15))
_ISSN = re.compile(r"([0-9]{4})-?([0-9]{3}[0-9Xx])")
_ISBN = re.compile(r"[0-9][0-9 -]{7,15}[0-9Xx]")
_ROR = re.compile(r"0[a-hj-km-np-tv-z0-9]{6}[0-9]{2}")
_CROCKFORD = {sign: value for value, sign in enumerate("0123456789abcdefghjkmnpqrstvwxyz")}


def orcid(text: str) -> str | None:
    """`0000-0002-1825-0097`, bare and with hyphens; None where the form or the check digit is wrong."""
    match = _ORCID.fullmatch(text)
    if not match:
        return None
    bare = "".join(match.groups()).upper()
    total = sum(map(mul, bare[:15].encode(), _ORCID_WEIGHTS)) - ord("0") * sum(_ORCID_WEIGHTS)
    rest = (12 - total % 11) % 11
    return "-".join(match.groups()).upper() if bare[15] == ("X" if rest == 10 else str(rest)) else None


def issn(text: str) -> str | None:
    """`1234-567X`; None where the form or the check digit is wrong."""
    match = _ISSN.fullmatch(text)
    if not match:
        return None
    bare = (match[1] + match[2]).upper()
    total = sum(int(digit) * weight for digit, weight in zip(bare[:7], range(8, 1, -1), strict=True))
    rest = (11 - total % 11) % 11
    return f"{bare[:4]}-{bare[4:]}" if bare[7] == ("X" if rest == 10 else str(rest)) else None


def isbn13(text: str) -> str | None:
    """Thirteen digits from an ISBN-10 or ISBN-13; None where the form or the check digit is wrong."""
    if not _ISBN.fullmatch(text):
        return None
    bare = text.replace("-", "").replace(" ", "").upper()
    if len(bare) == 13 and bare.isdigit() and bare.startswith(("978", "979")):
        return bare if bare[12] == _ean_digit(bare[:12]) else None
    if len(bare) != 10 or not bare[:9].isdigit():
        return None
    total = sum(
        (10 if digit == "X" else int(digit)) * weight
        for digit, weight in zip(bare, range(10, 0, -1), strict=True)
    )
    return None if total % 11 else "978" + bare[:9] + _ean_digit("978" + bare[:9])


def ror(text: str) -> str | None:
    """The nine characters of a ROR id (ISO 7064 mod 97-10 over Crockford's base 32), lower case."""
    bare = text.lower()
    if not _ROR.fullmatch(bare):
        return None
    number = 0
    for sign in bare[:7]:
        number = number * 32 + _CROCKFORD[sign]
    return bare if int(bare[7:]) == 98 - (number * 100) % 97 else None


def _ean_digit(twelve: str) -> str:
    total = sum(int(digit) * (3 if at % 2 else 1) for at, digit in enumerate(twelve))
    return str(-total % 10)
