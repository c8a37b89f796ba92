"""DataCite's titles, descriptions, subjects, types and grants."""

from lxml import etree

from harvester.crosswalk.draft import Draft
from harvester.crosswalk.fields import funding, relations, subjects, types
from harvester.crosswalk.fields.vocabulary import folded, terms
from harvester.crosswalk.formats.datacite_terms import LONGEST, is_unknown, said, term
from harvester.crosswalk.table import language_of
from harvester.crosswalk.tree import line, local_name, paragraphs
from harvester.entry import Description, Problem, Subject, Title

_FUNDER_REGISTRY = "https://doi.org/10.13039/"


def title(draft: Draft, element: etree._Element) -> None:
    """One <title>; the first without a titleType is the main one."""
    text = line(draft, element, "titles")
    if not text:
        return
    if is_unknown(text):
        draft.note("titles", "value_unknown", text)
        return
    stated = said(draft, element, "titleType", "titles")
    kind: str | None = "main"
    if stated:
        kind = _stated(draft, "titles", stated)
    elif any(each.type == "main" for each in draft.titles[:10]):
        kind = None
    draft.titles.append(Title(text, kind, language_of(element, draft)))


def description(draft: Draft, element: etree._Element) -> None:
    """One <description>: text with <br/>, or with HTML that is escaped."""
    text = paragraphs(draft, element, "descriptions")
    if not text:
        return
    if is_unknown(text):
        draft.note("descriptions", "value_unknown", text)
        return
    stated = said(draft, element, "descriptionType", "descriptions")
    kind = _stated(draft, "descriptions", stated) if stated else None
    draft.descriptions.append(Description(text, kind, language_of(element, draft)))


def subject(draft: Draft, element: etree._Element) -> None:
    """One <subject>: keywords joined by semicolons are several, a heading of a scheme is one."""
    text = line(draft, element, "subjects")
    scheme = said(draft, element, "subjectScheme", "subjects")
    uri = said(draft, element, "valueURI", "subjects")
    code = said(draft, element, "classificationCode", "subjects")
    if not (text or uri or code):
        return
    if not (scheme or uri or code):
        scheme = said(draft, element, "schemeURI", "subjects")
    if not (scheme or uri or code):
        text = text.replace("；", ";")
        draft.add("subjects", subjects.read(text) if ";" in text or ":" in text else Subject(text))
        return
    if scheme and len(scheme) <= LONGEST:
        scheme = terms("subject-schemes", "prefixes").get(folded(scheme), scheme)
    if scheme == "DDC" and not code:
        code = _notation(text)
    draft.subjects.append(Subject(text or None, scheme or None, uri or None, code or None))


def type_(draft: Draft, element: etree._Element) -> None:
    """resourceTypeGeneral, and the word beside it where the general one says no more than Text or Other."""
    stated = said(draft, element, "resourceTypeGeneral", "type")
    text = line(draft, element, "type")
    general = types.general(stated, draft.notes) if stated else None
    draft.weigh(general)
    if not text or folded(text).replace(" ", "") == stated.lower():
        return
    unheard: list[Problem] = []
    own = types.read(text, unheard)
    if own is None:
        draft.notes.extend(unheard)  # the Entry has no place for it but the problems
    elif general and own.general != general.general and general.weight < own.weight:
        draft.note("type", "type_differs", text)
    else:
        draft.weigh(own)


def funding_reference(draft: Draft, element: etree._Element) -> None:
    """One <fundingReference>."""
    said_: dict[str, str] = {}
    uri = ""
    if element.text and not element.text.isspace():
        draft.pass_over(element.tag)
    for child in element:
        name = local_name(child)
        if name not in _FUNDING or name in said_:
            if name:
                draft.leave(child)
            continue
        said_[name] = line(draft, child, "funding")
        if name == "awardNumber":
            uri = said(draft, child, "awardURI", "funding")
        elif name == "funderIdentifier":
            said_[name] = _funder_id(said_[name], said(draft, child, "funderIdentifierType", "funding"))
    award, award_title = said_.get("awardNumber", ""), said_.get("awardTitle", "")
    if grant := relations.grant(award):
        award, uri, award_title = grant.award or "", uri or award, award_title or grant.award_title or ""
    draft.add(
        "funding",
        funding.reference(
            said_.get("funderName", ""),
            award,
            funder_id=said_.get("funderIdentifier", ""),
            title=award_title,
            uri=uri,
        ),
    )


_FUNDING = frozenset(("funderName", "funderIdentifier", "awardNumber", "awardTitle"))


def _funder_id(value: str, kind: str) -> str:
    """A Crossref Funder ID is a DOI; bare, its number would not say of which registry it is."""
    if kind.lower().startswith("crossref") and value.isdecimal() and value.isascii() and len(value) >= 9:
        return _FUNDER_REGISTRY + value
    return value


def _stated(draft: Draft, table: str, word: str) -> str:
    """The kind that a titleType or descriptionType stands for; "other" for one that is not in DataCite's list."""
    kind = term(table, word)
    if kind is None:
        draft.note(table, "type_unknown", word)
    return kind or "other"


def _notation(text: str) -> str:
    """Dewey's number at the beginning of "551 Geology, hydrology, meteorology"."""
    number = text.partition(" ")[0]
    whole, _, rest = number.partition(".")
    digits = whole + rest
    return number if len(whole) == 3 and digits.isascii() and digits.isdecimal() and len(digits) < 20 else ""
