"""DataCite's identifiers, related identifiers and related items, and the container that these tell of."""

import re

from lxml import etree

from harvester.crosswalk.draft import Draft
from harvester.crosswalk.fields import check_digits, containers, relations
from harvester.crosswalk.fields.identifiers import Known
from harvester.crosswalk.formats.datacite_terms import general, identified, is_unknown, relation_type, said
from harvester.crosswalk.tree import line, local_name
from harvester.entry import Container, Relation

MOST_ISSNS = 20  # of one container; a journal has three or four
MOST_COMPARED = 50  # relations that a related item is compared with
LONGEST_SERIES = 300  # characters of a citation that is looked at

_HOSTS = ("IsPublishedIn", "IsPartOf")
# alternateIdentifierType of some journals (10.25577/…): no identifiers but where the article stands
_PLACES = {"volume": "volume", "issue": "issue", "pages": "pages"}
_PARTS = frozenset(
    ("relatedItemIdentifier", "titles", "volume", "issue", "number", "firstPage", "lastPage", "edition")
)

_TITLE = re.compile(r"([^,;]{3,200})[,;] ?(?=\S)")
_COUNT = r"([0-9]{1,6}[A-Za-z]?(?:[-/][0-9]{1,4})?|[IVXLCDM]{1,8})"
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}"
# What a citation is made of after the title, and the parts of the container that the groups are
_PIECES = tuple(
    (re.compile(pattern, re.IGNORECASE), names)
    for pattern, names in (
        (rf"(?:volume|vol|v|band|bd|jg)\b\.? ?{_COUNT}", ("volume",)),
        (rf"(?:issue|iss|number|no|nr|núm|heft|h)\b\.? ?{_COUNT}", ("issue",)),
        (rf"{_COUNT} ?\({_COUNT}\)", ("volume", "issue")),
        (
            r"(?:pages?|pp?)\b\.? ?([0-9A-Za-z]{1,10})(?: ?[-–] ?([0-9A-Za-z]{1,10}))?",
            ("first_page", "last_page"),
        ),
        (r"([0-9]{1,6}) ?[-–] ?([0-9]{1,6})", ("first_page", "last_page")),
        (rf"\(?(?:{_MONTH}\.? )?[0-9]{{4}}\)?", ()),
        (r"(?:doi: ?|https?://doi\.org/)(10\.[0-9]{4,9}/\S{1,100})", ("doi",)),
    )
)


def identifier(draft: Draft, element: etree._Element) -> None:
    """The <identifier>."""
    text = line(draft, element, "identifiers")
    if text and is_unknown(text):
        draft.note("identifiers", "value_unknown", text)
    elif text:
        kind = said(draft, element, "identifierType", "identifiers")
        draft.found.append((identified(draft, text, kind, "identifiers"), text))


def alternate_identifier(draft: Draft, element: etree._Element) -> None:
    """One <alternateIdentifier>: also figshare's landing page, the journal's ISSN, and volume, issue and pages."""
    text = line(draft, element, "identifiers")
    if not text:
        return
    kind = said(draft, element, "alternateIdentifierType", "identifiers")
    place = _PLACES.get(kind.lower())
    if place and draft.container != (filled := _with(draft.container, place, text)):
        draft.container = filled
        return
    known = identified(draft, text, kind, "identifiers")
    article = relations.figshare_article(text) if known.scheme == "url" else None
    if article:
        draft.landing = draft.landing or text
        draft.version = draft.version or article[1]
    elif known.scheme == "issn":
        _issn(draft, known.value)
    draft.found.append((known, text))


def related_identifier(draft: Draft, element: etree._Element) -> None:
    """One <relatedIdentifier>; the ISSN of what the resource is part of is its container's too."""
    text = line(draft, element, "relations")
    if not text:
        return
    kind = relation_type(draft, said(draft, element, "relationType", "relations"))
    known = identified(draft, text, said(draft, element, "relatedIdentifierType", "relations"), "relations")
    stated = element.get("resourceTypeGeneral")
    resource = general(draft, stated, "relations") if stated else None
    draft.relations.append(Relation(kind, known.value, known.scheme, resource))
    if known.scheme == "issn" and kind in _HOSTS:
        _issn(draft, known.value)
    if element.get("relationTypeInformation"):
        draft.pass_over("relatedIdentifier/@relationTypeInformation")


def related_item(draft: Draft, element: etree._Element) -> None:
    """One <relatedItem>: a relation, and, where the resource appeared in it, the container."""
    kind = relation_type(draft, said(draft, element, "relationType", "relations"))
    resource = general(draft, said(draft, element, "relatedItemType", "relations"), "relations")
    parts: dict[str, etree._Element] = {}
    for child in element:
        name = local_name(child)
        if name in _PARTS and name not in parts:
            parts[name] = child
        elif name:
            draft.leave(child)
    if element.get("relationTypeInformation"):
        draft.pass_over("relatedItem/@relationTypeInformation")
    named = _title_of(draft, parts.pop("titles", None))
    title = line(draft, named, "relations") if named is not None else ""
    known = _identifier_of(draft, parts.pop("relatedItemIdentifier", None))
    hosting = kind in _HOSTS and (draft.container is None or draft.container.title is None)
    if known is None and title:
        known = Known(title, "other")
    elif not hosting and named is not None:
        draft.leave(named)
    if known:
        _relate(draft, Relation(kind, known.value, known.scheme, resource))
    if hosting:
        _contain(draft, title, known, parts)
    else:
        for part in parts.values():
            draft.leave(part)


def settle(draft: Draft) -> None:
    """SeriesInformation tells the container where it can be read as a whole, and no related item has said it."""
    if draft.container is not None and draft.container.title is not None:
        return
    for description in draft.descriptions[:MOST_COMPARED]:
        if description.type == "series" and (found := series(description.text)):
            _merge(draft, found)
            return


def series(text: str) -> Container | None:
    """The container in "Geoscience Data Journal, Volume 3, Issue 2 November 2016  Pages 60–62"; None in doubt."""
    if len(text) > LONGEST_SERIES:
        return None
    by_ojs = containers.citation(text)
    if by_ojs.title != text:
        return by_ojs
    match = _TITLE.match(text)
    if match is None:
        return None
    parts: dict[str, str] = {}
    at = match.end()
    while at < len(text):
        found = next(
            ((piece, names) for pattern, names in _PIECES if (piece := pattern.match(text, at))), None
        )
        if found is None:
            return None
        for name, value in zip(found[1], found[0].groups(), strict=True):
            if value and parts.setdefault(name, value) != value:
                return None
        at = found[0].end()
        rest = text[at:].lstrip(" ,;:.")
        if rest and len(rest) == len(text) - at:
            return None  # "12abc": the pattern ended within a word
        at = len(text) - len(rest)
    if not parts:  # a title and a year may be anything
        return None
    first, last = parts.get("first_page"), parts.get("last_page")
    return Container(match[1].strip(), (), parts.get("volume"), parts.get("issue"), first, last)


def _relate(draft: Draft, relation: Relation) -> None:
    """Many say the same as relatedIdentifier and as relatedItem: it counts once, with the resource's type if either has it."""
    bare = Relation(relation.type, relation.identifier, relation.scheme)
    for at, had in enumerate(draft.relations[:MOST_COMPARED]):
        if had.identifier == bare.identifier and (had.type, had.scheme) == (bare.type, bare.scheme):
            if had == bare:
                draft.relations[at] = relation
            elif relation not in (had, bare):
                continue
            return
    draft.relations.append(relation)


def _title_of(draft: Draft, titles: etree._Element | None) -> etree._Element | None:
    """The first title without a titleType; the others are left."""
    found: etree._Element | None = None
    for child in titles if titles is not None else ():
        name = local_name(child)
        if name == "title" and found is None and not child.get("titleType"):
            found = child
        elif name:
            draft.leave(child)
    return found


def _identifier_of(draft: Draft, element: etree._Element | None) -> Known | None:
    text = line(draft, element, "relations") if element is not None else ""
    if element is None or not text:
        return None
    return identified(
        draft, text, said(draft, element, "relatedItemIdentifierType", "relations"), "relations"
    )


def _contain(draft: Draft, title: str, known: Known | None, parts: dict[str, etree._Element]) -> None:
    said_ = {name: line(draft, part, "container") for name, part in parts.items()}
    issn = (known.value,) if known and known.scheme == "issn" and check_digits.issn(known.value) else ()
    found = Container(
        title or None,
        issn,
        said_.get("volume") or None,
        said_.get("issue") or None,
        said_.get("firstPage") or None,
        said_.get("lastPage") or None,
        said_.get("edition") or None,
        said_.get("number") or None,
    )
    if found != Container():
        _merge(draft, found)


def _merge(draft: Draft, found: Container) -> None:
    """What is known of the container already, and what `found` adds to it."""
    had = draft.container or Container()
    draft.container = Container(
        had.title or found.title,
        tuple(dict.fromkeys((*had.issn, *found.issn))),
        had.volume or found.volume,
        had.issue or found.issue,
        had.first_page or found.first_page,
        had.last_page or found.last_page,
        had.edition or found.edition,
        had.number or found.number,
    )


def _with(container: Container | None, place: str, text: str) -> Container:
    had = container or Container()
    first, _, last = text.replace("–", "-").partition("-") if place == "pages" else ("", "", "")
    return Container(
        had.title,
        had.issn,
        had.volume or (text if place == "volume" else None),
        had.issue or (text if place == "issue" else None),
        had.first_page or first.strip() or None,
        had.last_page or last.strip() or None,
        had.edition,
        had.number,
    )


def _issn(draft: Draft, issn: str) -> None:
    if draft.container is None or len(draft.container.issn) < MOST_ISSNS:
        draft.container = containers.with_issn(draft.container, issn)
