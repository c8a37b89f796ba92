"""relatedItem and part of MODS: what the item appeared in, and the resources it is related to.

Nothing of a related item becomes the item's own title, author or identifier. Its names, dates and notes are left.
"""

import re
from dataclasses import dataclass, field

from lxml import etree

from harvester.crosswalk.draft import Draft
from harvester.crosswalk.fields import dates, funding, identifiers, relations
from harvester.crosswalk.fields.identifiers import Known
from harvester.crosswalk.formats import mods_titles
from harvester.crosswalk.tree import attribute, children, line, local_name
from harvester.entry import Container, Relation

_TYPES = {
    "host": "IsPartOf", "series": "IsPartOf", "constituent": "HasPart", "preceding": "Continues",
    "succeeding": "IsContinuedBy", "original": "IsVariantFormOf", "otherformat": "IsVariantFormOf",
    "otherversion": "HasVersion", "isreferencedby": "IsReferencedBy", "references": "References", "reviewof": "Reviews",
}  # fmt: skip
_DETAILS = {
    "volume": "volume", "vol": "volume", "issue": "issue", "number": "issue", "no": "issue", "artno": "number",
    "article number": "number", "article": "number", "articleid": "number", "page": "first_page",
}  # fmt: skip
_ISSNS = frozenset(("issn", "eissn", "pissn", "issn-l", "essn"))
_ISSN = re.compile(r"\b[0-9]{4}-[0-9]{3}[0-9Xx]\b")
# Identifiers that lead to the resource from anywhere; of others a catalogue's number says too little without the title
_LEADING = frozenset(("doi", "handle", "url", "urn", "ark", "isbn", "arxiv", "pmid", "pmcid", "issn"))


@dataclass(slots=True)
class Other:
    """A related item as it stands; what nobody takes of it is left."""

    element: etree._Element
    kind: str
    title: str = ""
    titled: etree._Element | None = None
    number: str = ""
    known: list[Known] = field(default_factory=list)
    issns: list[str] = field(default_factory=list)
    parts: list[etree._Element] = field(default_factory=list)

    @property
    def rank(self) -> int:
        """How surely it is what the item appeared in: a journal or book before a collection, before a bare number."""
        return 0 if self.title and (self.issns or self.parts) else 1 if self.title or self.issns else 2


def read(draft: Draft, related: list[etree._Element], own: list[etree._Element]) -> list[etree._Element]:
    """Dates of the part the item is: of its publication, where nothing else is said to be that.

    `related` are the relatedItem elements, `own` the part elements of the item itself.
    """
    others = [found for element in related if (found := _other(draft, element))]
    hosts = [other for other in others if other.kind == "host"]
    within = min(hosts, key=lambda other: other.rank) if hosts else None
    if within is None:
        within = next((other for other in others if other.kind == "series" and other.title), None)
    parts: dict[str, str] = {}
    for element in own:
        _part(draft, element, parts)
    for other in others:
        if other is not within:
            _relate(draft, other)
            continue
        for element in other.parts:
            _part(draft, element, parts)
        if other.number:
            parts.setdefault("number", other.number)
        _identify(draft, other)
    _contain(draft, within, parts)
    of_parts = [*own, *(within.parts if within else ())]
    return [date for part in of_parts for date in children(part, "date")]


def date_parts(draft: Draft, elements: list[etree._Element]) -> None:
    """An issue's date is the article's, where the article has none of its own."""
    for element in elements:
        if any(date.type == "Issued" for date in draft.dates[:50]):
            draft.leave(element)
        elif said := line(draft, element, "dates"):
            draft.dates.append(dates.read(said, draft.notes, type="Issued", latest=draft.latest))


def _other(draft: Draft, element: etree._Element) -> Other | None:
    kind = (element.get("type") or "").strip().lower()
    if any((genre.text or "").strip() == "grantAgreement" for genre in children(element, "genre")):
        _grant(draft, element)  # SwePub
        return None
    other = Other(element, kind)
    if link := attribute(draft, element, "href", "relations"):
        other.known.append(identifiers.identify(link) or Known(link, "other"))
    for child in element:
        name = local_name(child).lower()
        match name:
            case "titleinfo" if other.titled is None:
                heading = mods_titles.heading(draft, child, "relations")
                other.title, other.titled = heading.whole, child if heading.whole else None
            case "identifier":
                _identifier(draft, child, other)
            case "location":
                _location(draft, child, other)
            case "recordinfo":
                _record(draft, child, other)
            case "part":
                other.parts.append(child)
            case _ if name:
                draft.leave(child)
    return other


def _identifier(draft: Draft, element: etree._Element, other: Other) -> None:
    said = line(draft, element, "relations")
    stated = (element.get("type") or "").strip().lower()
    if not said:
        return
    if element.get("invalid") == "yes":
        draft.leave(element)
    elif stated == "issue number" and not other.number:
        other.number = said
    else:
        known = (
            identifiers.typed(said, "issn" if stated in _ISSNS else stated)
            if stated
            else identifiers.identify(said)
        )
        if known is None or known.scheme != "issn":
            other.known.append(known or Known(said, "other"))
        elif identifiers.identify(known.value) == known:
            other.issns.append(known.value)
        else:
            # `0570-1864, 1432-0592 (eISSN)`, as some repositories join them
            found = [identifiers.identify(text) for text in _ISSN.findall(said[:100])]
            other.issns.extend(each.value for each in found if each)
            valid = found and all(found)
            draft.note("container", "issn_remark" if valid else "issn_check_digit", said)


def _location(draft: Draft, element: etree._Element, other: Other) -> None:
    for child in element:
        if local_name(child) == "url" and (said := line(draft, child, "relations")):
            other.known.append(identifiers.identify(said) or Known(said, "other"))
        elif local_name(child):
            draft.leave(child)


def _record(draft: Draft, element: etree._Element, other: Other) -> None:
    """The number of the other resource's record, by which volumes and the whole work find each other (DFG)."""
    for child in element:
        if local_name(child) == "recordIdentifier" and (said := line(draft, child, "relations")):
            source = child.get("source") or child.get("type") or ""
            other.known.append(identifiers.identify(said) or Known(said, source.strip().lower() or "other"))


def _relate(draft: Draft, other: Other) -> None:
    kind = _TYPES.get(other.kind) or relations.relation_type(other.element.get("otherType") or "") or "Other"
    known = [*other.known, *(Known(issn, "issn") for issn in other.issns)]
    words = f"{other.title} ; {other.number}" if other.title and other.number else other.title or other.number
    if words and (other.kind == "series" or not any(each.scheme in _LEADING for each in known)):
        draft.relations.append(Relation(kind, words, "other"))
    elif other.titled is not None:
        draft.leave(other.titled)
    draft.relations.extend(Relation(kind, each.value, each.scheme) for each in known)
    for element in other.parts:
        draft.leave(element)


def _identify(draft: Draft, other: Other) -> None:
    draft.relations.extend(Relation("IsPartOf", each.value, each.scheme) for each in other.known)


def _contain(draft: Draft, within: Other | None, parts: dict[str, str]) -> None:
    had = draft.container or Container()
    title = within.title or None if within else None
    issns = tuple(dict.fromkeys((*had.issn, *(within.issns if within else ()))))
    if title or issns or parts:
        draft.container = Container(
            had.title or title, issns, parts.get("volume"), parts.get("issue"), parts.get("first_page"),
            parts.get("last_page"), None, had.number or parts.get("number"),
        )  # fmt: skip


def _part(draft: Draft, element: etree._Element, parts: dict[str, str]) -> None:
    for child in element:
        match local_name(child).lower():
            case "detail":
                _detail(draft, child, parts)
            case "extent":
                _extent(draft, child, parts)
            case "date" | "":
                pass
            case _:
                draft.leave(child)


def _detail(draft: Draft, element: etree._Element, parts: dict[str, str]) -> None:
    key = _DETAILS.get((element.get("type") or "").strip().lower().rstrip("."))
    named = children(element, "number") or children(element, "title")
    said = line(draft, named[0], "container") if named else ""
    if not key or key in parts or not said:
        draft.leave(element)
        return
    parts[key] = said
    for child in element:
        if child is not named[0] and local_name(child):
            draft.leave(child)  # the caption, such as vol.


def _extent(draft: Draft, element: etree._Element, parts: dict[str, str]) -> None:
    unit = (element.get("unit") or "page").strip().lower()
    found: dict[str, etree._Element] = {}
    for child in element:
        name = local_name(child).lower()
        if name in ("start", "end", "list") and unit.startswith("p") and name not in found:
            found[name] = child
        elif name:
            draft.leave(child)
    said = {name: line(draft, child, "container") for name, child in found.items()}
    listed = said.pop("list", "")
    if listed and not said and "first_page" not in parts:
        first, _, last = (
            listed.removeprefix("pp.").removeprefix("p.").strip().replace("–", "-").partition("-")
        )
        said = {"start": first.strip(), "end": last.strip()}
    elif listed:
        draft.leave(found["list"])
    for name, key in (("start", "first_page"), ("end", "last_page")):
        if said.get(name) and key not in parts:
            parts[key] = said[name]
        elif name in found:
            draft.leave(found[name])


def _grant(draft: Draft, element: etree._Element) -> None:
    """SwePub writes a grant as a related item: funder, number and title."""
    said = {"funder": "", "award": "", "title": "", "uri": ""}
    for child in element:
        match local_name(child).lower():
            case "genre":
                pass
            case "name" if not said["funder"]:
                said["funder"] = ". ".join(
                    line(draft, part, "funding") for part in children(child, "namePart")
                )
                for part in child:
                    if local_name(part) not in ("", "namePart"):
                        draft.leave(part)
            case "identifier" if not said["award"]:
                said["award"] = line(draft, child, "funding")
            case "titleinfo" if not said["title"]:
                said["title"] = mods_titles.heading(draft, child, "funding").whole
            case "":
                pass
            case _:
                draft.leave(child)
    draft.add(
        "funding", funding.reference(said["funder"], said["award"], title=said["title"], uri=said["uri"])
    )
