"""ISBD punctuation: MARC writes the signs that separate subfields at their ends. Pure.

Evidence for the final full stop: it ends the field, not the word, unless the word is short or known to be cut off;
"Bailey, J. Powell." and "Thackray, Richard I." (catalog.gpo.gov).
"""

_SIGNS = " ,/;:="
_ABBREVIATIONS = frozenset((
    "inc", "ltd", "corp", "dept", "etc", "bros", "assn", "univ", "illus", "govt", "prof", "print", "comp", "facsim",
    "facsims", "approx", "misc", "vols", "supp", "suppl", "min", "co", "jr", "sr", "dr", "st", "mt", "no", "nr", "pt",
    "cm", "mm", "ed", "nd", "rd", "th", "ca", "bd", "vs", "ms", "pp", "sd", "op", "sq",
))  # fmt: skip


def trimmed(text: str) -> str:
    """A value without the signs at its end."""
    text = text.rstrip(_SIGNS)
    if text.endswith(".") and not text.endswith(".."):
        word = text[-40:-1].rpartition(" ")[2]
        # `D.C.`, `Ph.D.`, initials and `PA` keep their stop
        whole = len(word) > 2 or (len(word) == 2 and word.islower()) or word.isdecimal()
        if whole and "." not in word and word.lower().lstrip("([\"'") not in _ABBREVIATIONS:
            text = text[:-1].rstrip(_SIGNS)
    return text


def unsigned(text: str) -> str:
    """A statement without the sign at its end; the stop of `24 cm.` is part of it."""
    return text.rstrip(_SIGNS)


def heading(parts: list[str]) -> str:
    """The subfields of a heading as one text, their punctuation kept between them: `Ellis, Job Bicknell, 1829-1905`."""
    return trimmed(" ".join(parts))


def unbracketed(text: str) -> str:
    """`[New York]` is New York: the cataloguer's brackets around the whole value."""
    if text[:1] == "[" and text[-1:] == "]" and text.count("[") == 1:
        return text[1:-1].strip()
    return text


def unsorted(text: str) -> str:
    """A title without the marks around an article that does not sort: `<<Der>> Titel`, `¬Der¬ Titel`."""
    for opening, closing in (("<<", ">>"), ("¬", "¬")):
        if text.startswith(opening) and (end := text.find(closing, len(opening), 14)) > 0:
            rest = text[end + len(closing) :].lstrip()
            return f"{text[len(opening) : end].rstrip()} {rest}"
    return text
