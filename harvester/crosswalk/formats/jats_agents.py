"""JATS contributors: names, identifiers, roles, and the affiliations that xref/@rid gives to each of them.

An affiliation belongs to those who refer to it or hold it; one that stands alone in a contrib-group in which nobody
refers to any belongs to all of the group (JATS 1.3, aff). Nobody else gets one.
"""

from collections.abc import Callable
from dataclasses import dataclass

from lxml import etree

from harvester.crosswalk.draft import Draft
from harvester.crosswalk.fields.agents import Named
from harvester.crosswalk.fields.contributor_types import CREATOR, contributor_type
from harvester.crosswalk.fields.vocabulary import folded
from harvester.crosswalk.formats.jats_affiliations import NAMES, Affiliations, affiliation
from harvester.crosswalk.formats.jats_text import line
from harvester.crosswalk.tree import attribute, children, local_name
from harvester.entry import Affiliation, Agent

MOST_REFERENCES = 50  # affiliations of one contributor
MOST_NESTED = 5  # members of collaborations within collaborations
_NAMED = frozenset(("name", "string-name", "collab", "name-alternatives", "collab-alternatives", "anonymous"))
_NOT_IN_BYLINE = ("author non byline", "non byline", "collaborators", "collab list")


@dataclass(slots=True)
class Group:
    """One contrib-group: what its contributors share."""

    draft: Draft
    affiliations: Affiliations
    kind: str
    depth: int
    shared: Affiliation | None = None


def contrib_group(draft: Draft, affiliations: Affiliations, element: etree._Element, depth: int = 0) -> None:
    """The contributors in their order."""
    group = Group(draft, affiliations, str(element.get("content-type", "")), depth)
    held = [child for child in element if local_name(child) in NAMES]
    if len(held) == 1 and not any(_refers(contrib) for contrib in children(element, "contrib")):
        group.shared = affiliation(draft, held[0])
    else:
        for each in held:
            affiliations.keep(each)
    for child in element:
        name = local_name(child)
        if name == "contrib":
            _contrib(group, child)
        elif name == "on-behalf-of":
            _behalf(draft, child)
        elif name and name not in NAMES:
            draft.leave(child)


def _refers(contrib: etree._Element) -> bool:
    return any(local_name(child) in NAMES or child.get("ref-type") == "aff" for child in contrib)


def _contrib(group: Group, element: etree._Element) -> None:
    draft, role = group.draft, _role(group, element)
    named = Named("creators" if role == CREATOR else "contributors")
    named.role = None if role == CREATOR else role
    inner: list[etree._Element] = []
    for child in element:
        name = local_name(child)
        if name == "collab":
            for reference in children(child, "xref") + children(child, "aff"):
                _PARTS[local_name(reference)](group, named, reference)
        if name in _NAMED and not (named.name or named.family or named.given):
            inner.extend(_name(draft, named, child))
        elif part := _PARTS.get(name):
            part(group, named, child)
        elif name:
            draft.leave(child)
    only = group.affiliations.only
    if not named.affiliations and (group.shared or only is not None):
        shared = group.shared or (affiliation(draft, only) if only is not None else None)
        named.affiliations.extend([shared] if shared else [])
    agent = named.agent(draft.notes)
    if agent is not None:
        (draft.creators if role == CREATOR else draft.contributors).append(agent)
    for members in inner:
        if group.depth < MOST_NESTED:
            contrib_group(draft, group.affiliations, members, group.depth + 1)
        else:
            draft.leave(members)


def _role(group: Group, element: etree._Element) -> str | None:
    """CREATOR for authors, whom JATS takes for granted; the members of a collaboration are no authors by themselves."""
    stated = str(element.get("contrib-type") or group.kind)
    key = folded(stated)
    if group.depth or folded(group.kind) in _NOT_IN_BYLINE:
        return None if key in ("", "author", "authors", *_NOT_IN_BYLINE) else contributor_type(stated)
    if not key or key.endswith("author") or key in ("authors", "corresp", "person", "contributor", "byline"):
        return CREATOR
    found = contributor_type(stated)
    return found if found != stated else contributor_type(stated.removesuffix("s"))


def _name(draft: Draft, named: Named, element: etree._Element) -> list[etree._Element]:
    """Fill in the name; the contrib-groups within a collaboration are handed back."""
    kind = local_name(element)
    if kind in ("name-alternatives", "collab-alternatives"):
        held = [child for child in element if local_name(child) in _NAMED]
        for other in held[1:]:  # the same name in another script
            draft.leave(other)
        return _name(draft, named, held[0]) if held and local_name(held[0]) != kind else []
    if kind == "anonymous":
        draft.note(named.field, "name_missing", "anonymous")
    elif kind == "collab":
        named.kind = "organisation"
        named.name = line(draft, element, named.field)
        return children(element, "contrib-group")
    else:
        _personal(draft, named, element)
    return []


def _personal(draft: Draft, named: Named, element: etree._Element) -> None:
    """Family and given names where they are told apart; `string-name` keeps its own order and signs."""
    suffix = ""
    for child in element:
        name = local_name(child)
        if name == "surname":
            named.family = line(draft, child, named.field)
        elif name == "given-names":
            named.given = line(draft, child, named.field)
        elif name == "suffix":
            suffix = line(draft, child, named.field)
        elif name and local_name(element) == "name":
            draft.leave(child)
    if local_name(element) == "string-name":
        named.name = line(draft, element, named.field)
        named.kind = "person" if named.family or named.given else None
    elif suffix:
        named.name = ", ".join(part for part in (named.family, named.given, suffix) if part)


def _identifier(group: Group, named: Named, element: etree._Element) -> None:
    value = line(group.draft, element, named.field)
    named.identify(value, str(element.get("contrib-id-type", "")), group.draft.notes)


def _link(group: Group, named: Named, element: etree._Element) -> None:
    """uri, ext-link: before contrib-id there was, the ORCID's."""
    target = attribute(group.draft, element, "href", named.field) or line(group.draft, element, named.field)
    if "orcid.org/" in target:
        named.identify(target, "orcid", group.draft.notes)
    if "orcid.org/" not in (element.text or ""):
        group.draft.leave(element)


def _reference(group: Group, named: Named, element: etree._Element) -> None:
    if element.get("ref-type") != "aff":
        return  # a mark: corresponding author, footnote
    for rid in str(element.get("rid", "")).split()[:MOST_REFERENCES]:
        _affiliate(named, group.affiliations.of(rid))


def _inner(group: Group, named: Named, element: etree._Element) -> None:
    """aff within contrib; some wrap the xref in it."""
    references = children(element, "xref")
    if references and not any(str(said).strip() for said in element.itertext()):
        for each in references:
            _reference(group, named, each)
    else:
        _affiliate(named, affiliation(group.draft, element))


def _affiliate(named: Named, found: Affiliation | None) -> None:
    if found and found not in named.affiliations[:MOST_REFERENCES]:
        named.affiliations.append(found)


def _behalf(draft: Draft, element: etree._Element) -> None:
    """The organisation for which the contributors acted: named, and given no role that is not stated."""
    name = line(draft, element, "contributors")
    if name:
        draft.contributors.append(Agent(name, kind="organisation"))


def _behalf_of(group: Group, _named: Named, element: etree._Element) -> None:
    _behalf(group.draft, element)


_PARTS: dict[str, Callable[[Group, Named, etree._Element], None]] = {
    "contrib-id": _identifier, "uri": _link, "ext-link": _link, "xref": _reference, "aff": _inner,
    "aff-alternatives": _inner, "on-behalf-of": _behalf_of,
}  # fmt: skip
