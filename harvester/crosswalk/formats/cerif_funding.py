"""cerif: funding: the project or the grant that an output originates from, and who pays for it.

A part of `cerif.py`. A project's Funded pairs a funder (By) with a funding (As); each pair is one Funding of the entry.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

from lxml import etree

from harvester.crosswalk.draft import Draft
from harvester.crosswalk.fields import funding
from harvester.crosswalk.fields.identifiers import Known
from harvester.crosswalk.formats.cerif_parties import parties, spare, spoken, unit
from harvester.crosswalk.formats.cerif_values import INTERNAL, chosen, ends, identifier, parts, stated_scheme
from harvester.crosswalk.tree import line
from harvester.entry import Agent

# The number by which a funder knows its grant; FinanceID is the grantee's own
_AWARD_NUMBERS = frozenset(
    ("awardnumber", "grantnumber", "grantagreementnumber", "projectreference", "contractnumber")
)
_NO_AWARD_NUMBERS = frozenset(("financeid",))
_FUNDER_SCHEMES = ("fundref", "ror", "grid", "isni")  # best first; after them any other

Elements = list[etree._Element]


class _Project(NamedTuple):
    """What a project says for each of its fundings; "" for nothing."""

    title: str = ""
    award: str = ""
    page: str = ""


@dataclass(slots=True)
class _Grant:
    """A project or a funding as elements: what is not chosen in the end is counted as unread."""

    titles: Elements = field(default_factory=list)
    acronyms: Elements = field(default_factory=list)
    numbers: Elements = field(default_factory=list)
    funders: Elements = field(default_factory=list)
    funded: Elements = field(default_factory=list)


def originates(draft: Draft, link: etree._Element) -> None:
    """OriginatesFrom: a Project with its funding, or a Funding itself."""
    display, inner, holder = ends(draft, link, "funding")
    met = False
    for name, child in inner:
        if name == "Project":
            met = True
            _of_project(draft, child)
        elif name == "Funding":
            met = True
            _add(draft, [], _grant(draft, child), _Project())
        else:
            draft.leave(child)
    if display and not met:
        draft.add("funding", funding.reference("", title=display))
    elif display and holder is not None:
        draft.pass_over(holder.tag)


def funded(draft: Draft, element: etree._Element) -> None:
    """A project's own Funded."""
    _funded(draft, element, _Project())


def funder(draft: Draft, link: etree._Element) -> None:
    """A funding's own Funder."""
    name, number = _funder(draft, link)
    draft.add("funding", funding.reference(name, funder_id=number))


def _of_project(draft: Draft, element: etree._Element) -> None:
    grant = _grant(draft, element)
    award, page = _numbers(draft, grant.numbers)
    project = _Project(_title(draft, grant), award, page)
    if not grant.funded:
        _add(draft, grant.funders, None, project)
        return
    for each in grant.funders:  # a grant's, never a project's
        draft.leave(each)
    for each in grant.funded:
        _funded(draft, each, project)


def _funded(draft: Draft, element: etree._Element, project: _Project) -> None:
    payers: Elements = []
    grant: _Grant | None = None
    for name, child in parts(draft, element):
        if name == "By":
            payers.append(child)
        elif name == "As":
            for kind, inner in parts(draft, child):
                if kind == "Funding" and grant is None:
                    grant = _grant(draft, inner)
                else:
                    draft.leave(inner)
        else:
            draft.leave(child)
    _add(draft, payers, grant, project)


def _grant(draft: Draft, element: etree._Element) -> _Grant:
    grant = _Grant()
    for name, child in parts(draft, element):
        if name in ("Title", "Name"):
            grant.titles.append(child)
        elif name == "Acronym":
            grant.acronyms.append(child)
        elif name in ("Identifier", "GrantDOI"):
            grant.numbers.append(child)
        elif name == "Funder":
            grant.funders.append(child)
        elif name == "Funded":
            grant.funded.append(child)
        elif name == "PartOf":
            _programme(draft, child)
        else:
            draft.leave(child)
    return grant


def _programme(draft: Draft, link: etree._Element) -> None:
    """The call and the programmes a grant is part of, up to the top: an Entry has no field for them."""
    following: etree._Element | None = link
    while following is not None:
        display, inner, _ = ends(draft, following, "funding")
        following = None
        candidates: Elements = []
        met = False
        for kind, child in inner:
            if met or kind not in ("Funding", "Project"):
                draft.leave(child)
                continue
            met = True
            candidates, numbers, following = unit(draft, child)
            for number, _ in numbers:
                draft.leave(number)
        said = spoken(draft, display, candidates, "funding")
        if said:
            draft.note("funding", "funding_programme", said)


def _add(draft: Draft, payers: Elements, grant: _Grant | None, project: _Project) -> None:
    """One Funding: the grant's number and page before the project's, the project's title before the grant's."""
    title, award, page = project.title, project.award, project.page
    if grant:
        payers = payers + grant.funders
        own_award, own_page = _numbers(draft, grant.numbers)
        for own, other in ((own_award, award), (own_page, page)):
            if own and other and own != other:
                draft.note("funding", "further_value", other)
        award, page = own_award or award, own_page or page
        for each in grant.funded:  # a project's, never a grant's
            draft.leave(each)
        if title:
            for each in (*grant.titles, *grant.acronyms):
                draft.leave(each)
        else:
            title = _title(draft, grant)
    name, number = _funder(draft, payers[0]) if payers else ("", "")
    for other_payer in payers[1:]:
        draft.leave(other_payer)
    draft.add("funding", funding.reference(name, award, funder_id=number, title=title, uri=page))


def _title(draft: Draft, grant: _Grant) -> str:
    """`Title (Acronym)`."""
    title = chosen(draft, grant.titles, "funding")
    acronym = chosen(draft, grant.acronyms, "funding")
    return f"{title} ({acronym})" if title and acronym else title or acronym


def _numbers(draft: Draft, elements: Elements) -> tuple[str, str]:
    """(award number, page about the award) among the identifiers; the others are counted as unread."""
    award, page = "", ""
    read = [
        (element, identifier(draft, element, "funding"), stated_scheme(draft, element))
        for element in elements
    ]
    best = [element for element, _, scheme in read if scheme in _AWARD_NUMBERS]
    best += [element for element, known, scheme in read if known and _is_number(known, scheme)]
    for element, known, _ in read:
        if known is None:
            continue
        if best and element is best[0]:
            award = line(draft, element, "funding")
        elif known.scheme in ("doi", "url") and not page:
            page = known.value if known.scheme == "url" else f"https://doi.org/{known.value}"
        else:
            draft.leave(element)
    return award, page


def _is_number(known: Known, scheme: str) -> bool:
    return known.scheme not in ("doi", "url", "handle") and scheme not in _NO_AWARD_NUMBERS


def _funder(draft: Draft, link: etree._Element) -> tuple[str, str]:
    """(name, identifier) of a funder; its other identifiers are said in the problems."""
    found = parties(draft, link, "funding")
    if not found:
        return "", ""
    first = found[0]
    named = [each for each in first.identifiers if each.scheme != INTERNAL]
    named.sort(key=lambda each: _FUNDER_SCHEMES.index(each.scheme) if each.scheme in _FUNDER_SCHEMES else 9)
    rest = Agent(
        first.name, first.given, first.family, None, first.orcid, tuple(named[1:]), first.affiliations
    )
    spare(draft, rest, "funding", "funder")
    for other in found[1:]:
        spare(draft, other, "funding", "funder")
        draft.note("funding", "further_value", other.name)
    return first.name, named[0].value if named else ""
