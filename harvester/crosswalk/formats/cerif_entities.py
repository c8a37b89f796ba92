"""cerif: the entities that are no works: Person, OrgUnit, Project, Funding, Event, Equipment, Service.

A part of `cerif.py`. Each becomes a titled Entry with the problem `not_a_work`, so that it can be found and told apart;
nobody becomes the creator of anything.
"""

from lxml import etree

from harvester.crosswalk.draft import Draft
from harvester.crosswalk.fields import types
from harvester.crosswalk.formats.cerif_funding import funded, funder
from harvester.crosswalk.formats.cerif_links import ancestors, contributors, equipment
from harvester.crosswalk.formats.cerif_outputs import abstract, description, keyword, subject
from harvester.crosswalk.formats.cerif_parties import IDENTIFIERS, lineage, own_identifier
from harvester.crosswalk.formats.cerif_values import (
    alternative,
    date,
    found,
    parts,
    period,
    qualifies_type,
    status,
    title,
    validity,
)
from harvester.crosswalk.tree import Branch, Branches, attribute, descend, line, local_name
from harvester.entry import Description, Geo, Title

# DataCite has a general type for these; a call for proposals or a programme is no award
_GENERAL = {
    "Project": "Project",
    "Funding": "Award",
    "Event": "Event",
    "Equipment": "Instrument",
    "Service": "Service",
}
_NO_AWARDS = ("#FundingProgramme", "#Call", "#Tender")

# DataCite contributorType for those that it has one for; the others keep their CERIF name
_TEAM_ROLES = {
    "PrincipalInvestigator": "ProjectLeader",
    "Contact": "ContactPerson",
    "Member": "ProjectMember",
}


def read(metadata: etree._Element, draft: Draft) -> None:
    """Fill the draft from an entity that is no work."""
    name = local_name(metadata)
    draft.note("entry", "not_a_work", name)
    descend(draft, metadata, BRANCHES[name])
    _lasted(draft, metadata)
    if name in _GENERAL and not _is_no_award(metadata):
        draft.weigh(types.Weighed(types.GENERAL, _GENERAL[name]))
    if len(draft.titles) == 1 and draft.titles[0].type == "alternative":  # known by its acronym only
        draft.titles[0] = Title(draft.titles[0].text, "main", draft.titles[0].language)


def _is_no_award(metadata: etree._Element) -> bool:
    return local_name(metadata) == "Funding" and any(
        local_name(child) == "Type" and (child.text or "").strip().endswith(_NO_AWARDS) for child in metadata
    )


def _lasted(draft: Draft, metadata: etree._Element) -> None:
    """From StartDate to EndDate, or a funding's Duration: no date of publication, so DataCite's Other."""
    start = end = ""
    lasted = ("", "")
    for child in metadata:
        name = local_name(child)
        if name == "StartDate":
            start = start or line(draft, child, "dates")
        elif name == "EndDate":
            end = end or line(draft, child, "dates")
        elif name == "Duration" and not any(lasted):
            lasted = validity(draft, child)
    if said := period(start, end) or period(*lasted):
        date(draft, said, "Other")


def _bound(draft: Draft, element: etree._Element) -> None:
    """Read by `_lasted`, the first of its name; further ones are counted."""
    if not _is_first(element):
        draft.leave(element)


def _is_first(element: etree._Element) -> bool:
    """Of its name among its siblings; the nearest of that name ends the search."""
    return not any(local_name(each) == local_name(element) for each in element.itersiblings(preceding=True))


def _person_name(draft: Draft, element: etree._Element) -> None:
    """`Family, Given`; a second PersonName and OtherNames are other forms of the name."""
    family = given = ""
    others: list[str] = []
    for name, child in parts(draft, element):
        said = line(draft, child, "titles")
        if name == "FamilyNames" and not family:
            family = said
        elif name == "FirstNames" and not given:
            given = said
        elif name in ("FamilyNames", "FirstNames", "OtherNames") and said:
            others.append(said)
        else:
            draft.leave(child)
    whole = f"{family}, {given}" if family and given else family or given
    if whole:
        draft.titles.append(Title(whole, "alternative" if draft.titles else "main"))
    draft.titles.extend(Title(other, "alternative") for other in others)


def _own_identifier(draft: Draft, element: etree._Element) -> None:
    known = own_identifier(draft, element)
    if known:
        # A URL that does not bear out its identifier, or an uncertain one, is no page of this person
        sure = known.scheme != "other" and not known.scheme.startswith("alternative_")
        draft.found.append((known, line(draft, element, "identifiers") if sure else ""))


def _affiliation(draft: Draft, element: etree._Element) -> None:
    """`Company (Developer, 2017-01-01/2017-12-31)`: text, since a person's record has no agent to hang it on."""
    names, ror = lineage(draft, element)
    said = ", ".join(names) or ror
    start, end = validity(draft, element)
    aside = ", ".join(
        each for each in (attribute(draft, element, "role", "descriptions"), period(start, end)) if each
    )
    if said:
        if names and ror:
            said = f"{said}, {ror}"
        draft.descriptions.append(Description(f"{said} ({aside})" if aside else said, "other"))


def _electronic_address(draft: Draft, element: etree._Element) -> None:
    """A web page identifies; telephones and mail addresses are personal data and are left."""
    said = line(draft, element, "identifiers")
    if said.startswith(("http://", "https://")):
        found(draft, element)
    else:
        draft.leave(element)


def _place(draft: Draft, element: etree._Element) -> None:
    """An event's Place and Country are one place."""
    said = line(draft, element, "geo")
    if said and local_name(element) == "Country" and draft.geo and _is_first(element):
        draft.geo[-1] = Geo(f"{draft.geo[-1].place}, {said}")
    elif said:
        draft.geo.append(Geo(said))


def _roles(named: dict[str, str]) -> Branch:
    """A branch for a Consortium or a Team, whose children are named by their roles."""

    def branch(draft: Draft, element: etree._Element) -> None:
        for name, child in parts(draft, element):
            contributors(draft, child, named.get(name, name))

    return branch


def _role(role: str) -> Branch:
    return lambda draft, element: contributors(draft, element, role)


def _amount(draft: Draft, element: etree._Element) -> None:
    """`50500000000 EUR`."""
    said = line(draft, element, "descriptions")
    if said:
        currency = attribute(draft, element, "currency", "descriptions")
        draft.descriptions.append(Description(f"{said} {currency}".strip(), "other"))


_NAMED: Branches = {
    "Type": qualifies_type, "Acronym": alternative, "Name": title, "Title": title, "Identifier": found,
    "Description": description, "Abstract": abstract, "Keyword": keyword, "Subject": subject, "Status": status,
    "Classification": qualifies_type, "ElectronicAddress": _electronic_address,
}  # fmt: skip
_PARTY: Branches = dict.fromkeys(IDENTIFIERS, _own_identifier)
_LASTING: Branches = {"StartDate": _bound, "EndDate": _bound}
_EVENT_PARTIES = {name: _role(name) for name in ("Organizer", "Sponsor", "Partner")}

BRANCHES: dict[str, Branches] = {
    "Person": {**_NAMED, **_PARTY, "DisplayName": title, "PersonName": _person_name, "Affiliation": _affiliation},
    "OrgUnit": {**_NAMED, **_PARTY, "PartOf": ancestors},
    "Project": {
        **_NAMED, **_LASTING, "Consortium": _roles({}), "Team": _roles(_TEAM_ROLES), "Funded": funded,
        "Uses": equipment("Other"), "PartOf": ancestors,
    },
    "Funding": {**_NAMED, "GrantDOI": found, "Amount": _amount, "Funder": funder, "PartOf": ancestors},
    "Event": {**_NAMED, **_LASTING, **_EVENT_PARTIES, "Place": _place, "Country": _place},
    "Equipment": {**_NAMED, "Owner": _role("Owner"), "PartOf": ancestors},
    "Service": {**_NAMED, "WebsiteURL": found, "OAIPMHBaseURL": found, "Owner": _role("Owner")},
}  # fmt: skip
