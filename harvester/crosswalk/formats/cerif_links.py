"""cerif: other entities that a record leads to: works, events, equipment, and what a project or funding is part of.

A part of `cerif.py`. A relation holds an identifier of its target, else its name, else the CRIS's own identifier; what
else the linked entity says of itself stands in its own record and is counted as unread here.
"""

from dataclasses import dataclass, field

from lxml import etree

from harvester.crosswalk.draft import Draft
from harvester.crosswalk.fields import types
from harvester.crosswalk.fields.identifiers import Known
from harvester.crosswalk.formats.cerif_parties import own_identifier, parties, unit
from harvester.crosswalk.formats.cerif_values import (
    INTERNAL,
    NAMED,
    chosen,
    ends,
    identifier,
    internal,
    parts,
    period,
)
from harvester.crosswalk.tree import Branch, line
from harvester.entry import Problem, Relation

_INSTRUMENT = "Instrument"


@dataclass(slots=True)
class Target:
    """A linked entity: what can stand for it in a relation. `names` and `publishers` are elements not read yet.

    `kind` is the element that gave the resource type: where no relation tells that type, it is counted as unread.
    """

    resource_type: str | None = None
    kind: etree._Element | None = None
    names: list[etree._Element] = field(default_factory=list)
    found: list[Known] = field(default_factory=list)
    publishers: list[etree._Element] = field(default_factory=list)
    own: str = ""


def work(draft: Draft, element: etree._Element) -> Target:
    """A linked Publication, Product or Patent."""
    target = Target(own=internal(draft, element))
    for name, child in parts(draft, element):
        if name in ("Title", "Name"):
            target.names.append(child)
        elif name == "Type" and target.resource_type is None:
            target.resource_type = _general_type(draft, child)
            target.kind = child if target.resource_type else None
        elif name in NAMED or name == "Identifier":
            known = identifier(draft, child, "relations")
            if known and known.scheme != "other":
                target.found.append(known)
            else:
                draft.leave(child)  # a title says more than a number that nobody else knows
        elif name == "Publishers":
            target.publishers.append(child)
        else:
            draft.leave(child)
    return target


def _general_type(draft: Draft, element: etree._Element) -> str | None:
    said = line(draft, element, "relations")
    theirs: list[Problem] = []  # a type that is not known is no problem of the item itself
    weighed = types.read(said, theirs) if said else None
    if weighed is None:
        draft.leave(element)
    return weighed.general if weighed else None


def related(kind: str) -> Branch:
    """A branch for a link to works: References, PartOf, Predecessor and the like."""

    def branch(draft: Draft, link: etree._Element) -> None:
        display, inner, holder = ends(draft, link, "relations")
        reached = False
        for name, child in inner:
            if name not in ("Publication", "Product", "Patent"):
                draft.leave(child)
                continue
            target = work(draft, child)
            for each in target.publishers:
                draft.leave(each)
            relate(draft, kind, target, "" if reached else display, holder)
            reached = True
        if not reached and display:
            draft.relations.append(Relation(kind, display, "other"))

    return branch


def relate(
    draft: Draft, kind: str, target: Target, display: str = "", holder: etree._Element | None = None
) -> None:
    """Add a relation for each identifier of the target, else one for its name."""
    if target.found:
        for known in target.found:
            draft.relations.append(Relation(kind, known.value, known.scheme, target.resource_type))
        _leave(draft, target.names)
        if display and holder is not None:
            draft.pass_over(holder.tag)
        return
    if display:
        _leave(draft, target.names)
    said = display or chosen(draft, target.names, "relations")
    if said:
        draft.relations.append(Relation(kind, said, "other", target.resource_type))
    elif target.own:
        draft.relations.append(Relation(kind, target.own, INTERNAL, target.resource_type))
    elif target.kind is not None:
        draft.leave(target.kind)


def _leave(draft: Draft, elements: list[etree._Element]) -> None:
    for each in elements:
        draft.leave(each)


def equipment(kind: str) -> Branch:
    """A branch for a link to the equipment that made a dataset, or that a project uses."""

    def branch(draft: Draft, link: etree._Element) -> None:
        display, inner, holder = ends(draft, link, "relations")
        for name, child in inner:
            if name != "Equipment":
                draft.leave(child)
                continue
            target = Target(_INSTRUMENT, own=internal(draft, child))
            names, numbers, parent = unit(draft, child)
            target.names = names
            for number, _ in numbers:
                known = identifier(draft, number, "relations")
                if known and known.scheme in ("doi", "handle", "ark", "urn", "url"):
                    target.found.append(known)
                elif known:
                    draft.leave(number)  # an inventory number means nothing outside of its institution
            if parent is not None:
                draft.leave(parent)
            relate(draft, kind, target, display, holder)
            display = ""
        if display:
            draft.relations.append(Relation(kind, display, "other", _INSTRUMENT))

    return branch


def event(draft: Draft, link: etree._Element) -> None:
    """Where a work was presented, which event it comes from or covers: DataCite has no relation of that kind."""
    display, inner, holder = ends(draft, link, "relations")
    for name, child in inner:
        if name != "Event":
            draft.leave(child)
            continue
        own = internal(draft, child)
        said = _heading(draft, child, display, holder)
        if said or own:
            draft.relations.append(Relation("Other", said or own, "other" if said else INTERNAL, "Event"))
        display = ""
    if display:
        draft.relations.append(Relation("Other", display, "other", "Event"))


def _heading(draft: Draft, element: etree._Element, display: str, holder: etree._Element | None) -> str:
    """`Name (Acronym), Place, Country, 2019-10-01/2019-10-04`: all that tells one conference from the next."""
    names: list[etree._Element] = []
    said: dict[str, str] = {}
    for name, child in parts(draft, element):
        if name == "Name":
            names.append(child)
        elif name in ("Acronym", "Place", "Country", "StartDate", "EndDate") and name not in said:
            said[name] = line(draft, child, "relations")
        else:
            draft.leave(child)
    full, acronym = chosen(draft, names, "relations"), said.get("Acronym", "")
    if display and full:
        draft.pass_over(holder.tag if holder is not None else element.tag)
    full = full or display
    head = f"{full} ({acronym})" if full and acronym else full or acronym
    when = period(said.get("StartDate", ""), said.get("EndDate", ""))
    return ", ".join(each for each in (head, said.get("Place", ""), said.get("Country", ""), when) if each)


def ancestors(draft: Draft, link: etree._Element) -> None:
    """What an organisation or a funding is part of, up to the top: a programme's call is part of the programme too."""
    following: etree._Element | None = link
    while following is not None:
        display, inner, holder = ends(draft, following, "relations")
        following = None
        target = Target()
        met = False
        for name, child in inner:
            if met or name not in ("OrgUnit", "Funding", "Project", "Equipment"):
                draft.leave(child)
                continue
            met = True
            target, following = ancestor(draft, child)
        relate(draft, "IsPartOf", target, display, holder)


def ancestor(draft: Draft, element: etree._Element) -> tuple[Target, etree._Element | None]:
    target = Target(own=internal(draft, element))
    acronyms: list[etree._Element] = []
    following: etree._Element | None = None
    for name, child in parts(draft, element):
        if name in ("Name", "Title"):
            target.names.append(child)
        elif name == "Acronym":
            acronyms.append(child)
        elif name in ("RORID", "GrantDOI"):
            read = own_identifier if name == "RORID" else identifier
            target.found += filter(None, (read(draft, child, "relations"),))
        elif name == "PartOf" and following is None:
            following = child
        else:
            draft.leave(child)
    target.names += acronyms
    return target, following


def contributors(draft: Draft, link: etree._Element, role: str) -> None:
    """Who took part in a project or an event, or owns equipment: no one of them made a work."""
    draft.contributors.extend(parties(draft, link, "contributors", role))
