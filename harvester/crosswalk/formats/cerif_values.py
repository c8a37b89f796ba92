"""cerif: what all its entities are made of: names in several languages, identifiers, dates, links to each other.

A part of `cerif.py`. Knows nothing of what the elements of an entity mean.
"""

import re
from collections.abc import Iterator

from lxml import etree

from harvester.crosswalk.draft import Draft
from harvester.crosswalk.fields import dates, identifiers
from harvester.crosswalk.fields import text as texts
from harvester.crosswalk.fields.identifiers import Known
from harvester.crosswalk.table import language_of
from harvester.crosswalk.tree import attribute, line, local_name
from harvester.entry import Date, Title

INTERNAL = (
    "cerif"  # the scheme of a CRIS's own identifiers (attribute id): they join the records of one repository
)

_LONGEST_SCHEME = 200
_MOST_TITLES = 50  # that are looked through for a main one

# Elements named for a scheme that has a form, and the prefix by which that scheme is known
_FORMAL = {
    "DOI": "doi:", "GrantDOI": "doi:", "Handle": "hdl:", "ARK": "ark:/", "URN": "", "URL": "", "WebsiteURL": "",
    "OAIPMHBaseURL": "", "PMCID": "pmcid:", "PMID": "pmid:", "ISSN": "issn:", "ISBN": "isbn:",
}  # fmt: skip
_NUMBERS = {"ISI-Number": "wos", "SCP-Number": "scopus", "ZDB-ID": "zdb", "PatentNumber": "patent"}
NAMED = frozenset((*_FORMAL, *_NUMBERS))
# What is seen for certain whatever @type says: its form tells it
_CERTAIN = frozenset(("doi", "handle", "ark", "urn", "url", "swhid"))
_TYPES = {
    "fundrefid": "fundref", "rorid": "ror", "scopusauthorid": "scopus", "ark": "ark", "url": "url", "isi-number": "wos",
    "scp-number": "scopus", "zdb-id": "zdb",
}  # fmt: skip
# xs:date and its kin may end in a time zone (OpenAIRE guidelines for CRIS managers, PublicationDate)
_ZONED = re.compile(r"([0-9]{4}(?:-[0-9]{2}){0,2})(?:Z|[+-][0-9]{2}:[0-9]{2})")


def parts(draft: Draft, element: etree._Element) -> Iterator[tuple[str, etree._Element]]:
    """(local name, child) of every child element, in order; text between them is counted as unread."""
    if element.text and not element.text.isspace():
        draft.pass_over(element.tag)
    for child in element:
        tag = child.tag
        if isinstance(tag, str):
            yield tag.rpartition("}")[2], child


def ends(
    draft: Draft, link: etree._Element, field: str
) -> tuple[str, list[tuple[str, etree._Element]], etree._Element | None]:
    """(DisplayName, entities, the element it stands in) of a link; some servers write bare text into it."""
    display, holder = "", None
    if link.text and not link.text.isspace():
        display, holder = texts.line(link.text, draft.notes, field), link
    inner: list[tuple[str, etree._Element]] = []
    for child in link:
        tag = child.tag
        if not isinstance(tag, str):
            continue
        name = tag.rpartition("}")[2]
        if name != "DisplayName":
            inner.append((name, child))
        elif display:
            draft.leave(child)
        else:
            display, holder = line(draft, child, field), child
    return display, inner, holder


def chosen(draft: Draft, candidates: list[etree._Element], field: str) -> str:
    """The first text in the original language, else the first; the other candidates are counted as unread.

    @trans is h or m for a translation by a human or a machine, o by default (CERIF's multilingual strings).
    """
    best, said = None, ""
    for candidate in candidates:
        if best is not None and (is_original(best) or not is_original(candidate)):
            continue
        if found := line(draft, candidate, field):
            best, said = candidate, found
    for candidate in candidates:
        if candidate is not best:
            draft.leave(candidate)
    return said


def is_original(element: etree._Element) -> bool:
    return element.get("trans") not in ("h", "m")


def title(draft: Draft, element: etree._Element) -> None:
    said = line(draft, element, "titles")
    if said:
        kind: str | None = "translated"
        if is_original(element):
            kind = None if any(each.type == "main" for each in draft.titles[:_MOST_TITLES]) else "main"
        draft.titles.append(Title(said, kind, language_of(element, draft)))


def alternative(draft: Draft, element: etree._Element) -> None:
    """Acronyms and abbreviations."""
    _titled(draft, element, "alternative")


def subtitle(draft: Draft, element: etree._Element) -> None:
    _titled(draft, element, "subtitle")


def _titled(draft: Draft, element: etree._Element, kind: str) -> None:
    said = line(draft, element, "titles")
    if said:
        draft.titles.append(Title(said, kind, language_of(element, draft)))


def identifier(draft: Draft, element: etree._Element, field: str = "identifiers") -> Known | None:
    """What an element that names a scheme, or an Identifier with its @type, holds; None where it is empty.

    A text that is not what its element says is what it can be seen to be (DSpace writes handles' URLs into URN), else
    `other`, with a problem.
    """
    said = line(draft, element, field)
    if not said:
        return None
    name = local_name(element)
    if name in _NUMBERS:
        return Known(said, _NUMBERS[name])
    if name in _FORMAL:
        known = _formal(said, _FORMAL[name])
        if known is None:
            draft.note(field, "identifier_malformed", said)
        return known or Known(said, "other")
    seen = identifiers.identify(said)
    if seen and seen.scheme in _CERTAIN:
        return seen
    scheme = stated_scheme(draft, element)
    formal = _formal(said, scheme + ":") if scheme in ("pmcid", "pmid", "issn", "isbn") else None
    return formal or Known(said, scheme if scheme and scheme not in _CERTAIN else "other")


def _formal(said: str, prefix: str) -> Known | None:
    return (identifiers.identify(prefix + said) if prefix else None) or identifiers.identify(said)


def stated_scheme(draft: Draft, element: etree._Element) -> str:
    """The scheme that @type names: `https://w3id.org/cerif/vocab/IdentifierTypes#ProjectReference` is projectreference."""
    stated = attribute(draft, element, "type", "identifiers").rpartition("#")[2][:_LONGEST_SCHEME].strip()
    return _TYPES.get(stated.lower(), stated if "/" in stated or " " in stated else stated.lower())


def found(draft: Draft, element: etree._Element) -> None:
    """An identifier of the entity itself."""
    known = identifier(draft, element)
    if known:
        draft.found.append((known, line(draft, element, "identifiers")))


def internal(draft: Draft, element: etree._Element) -> str:
    """The CRIS's own identifier of an entity, "" where it has none."""
    own = element.get("id")
    return texts.line(own, draft.notes, "identifiers") if own else ""


def date(draft: Draft, said: str, kind: str) -> None:
    """One date, or an interval `a/b`; each side may have a time zone, which says nothing at a day's precision."""
    sides = [_ZONED.sub(r"\1", side) if _ZONED.fullmatch(side) else side for side in said.split("/", 2)]
    if ".." in sides and not all(side == ".." or dates.edtf(side) for side in sides):
        draft.note("dates", "date_not_understood", said)
        draft.dates.append(Date(kind, None, None, None, said))
        return
    read = dates.read("/".join(sides), draft.notes, type=kind, latest=draft.latest)
    draft.dates.append(Date(read.type, read.value, read.start, read.end, said))


def dated(draft: Draft, element: etree._Element, kind: str) -> None:
    """A date that stands as text."""
    said = line(draft, element, "dates")
    if said:
        date(draft, said, kind)


def period(start: str, end: str) -> str:
    """An EDTF interval, open where a side is unknown; "" for none."""
    return f"{start or '..'}/{end or '..'}" if start or end else ""


def validity(draft: Draft, element: etree._Element) -> tuple[str, str]:
    """(startDate, endDate) of an element, "" for what is absent."""
    return attribute(draft, element, "startDate", "dates"), attribute(draft, element, "endDate", "dates")


def qualifies_type(draft: Draft, element: etree._Element) -> None:
    """A class that an entity's kind is refined by: a conference, a grant, a research institute."""
    said = line(draft, element, "type")
    if said:
        draft.note("type", "type_qualifier", said)


def status(draft: Draft, element: etree._Element) -> None:
    """Published, in press, ongoing: an Entry has no field for it."""
    said = line(draft, element, "entry")
    if said:
        draft.note("entry", "status", said)
