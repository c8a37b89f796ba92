"""DataCite's creators and contributors: each name with its own identifiers and affiliations, in the source's order."""

from collections.abc import Callable

from lxml import etree

from harvester.crosswalk.draft import Draft
from harvester.crosswalk.fields import check_digits, funding, names, relations
from harvester.crosswalk.fields.agents import Named
from harvester.crosswalk.formats.datacite_terms import contributor_type, is_unknown, listed, said, term
from harvester.crosswalk.tree import line, local_name
from harvester.entry import Agent, Funding

FUNDER = "Funder"  # a contributorType of kernels 2 and 3; kernel 4 has fundingReference instead
MOST_NAMES = 20  # quoted in a problem

_NAMES = frozenset(("creatorName", "contributorName"))
_ROR = "https://ror.org/"
_ORCID = "https://orcid.org/"

Part = Callable[[Draft, etree._Element, Named], None]


def creator(draft: Draft, element: etree._Element) -> None:
    """One creator; its place among the others is that in the document."""
    draft.creators.extend(_agents(draft, element, "creators", None))


def contributor(draft: Draft, element: etree._Element) -> None:
    """One contributor with its role; a funder of kernel 3 is funding."""
    role = contributor_type(said(draft, element, "contributorType", "contributors"))
    if role == FUNDER:
        _funder(draft, element)
    else:
        draft.contributors.extend(_agents(draft, element, "contributors", role))


def _agents(draft: Draft, element: etree._Element, field: str, role: str | None) -> list[Agent]:
    named = Named(field, role=role)
    earlier: list[Named] = []
    begun = False
    for child in element:
        tag = child.tag
        if tag.__class__ is not str:
            continue
        part = _PARTS.get(tag.rpartition("}")[2])
        if part is None:
            draft.leave(child)
            continue
        if part is _name:
            if begun:
                earlier.append(named)
                named = Named(field, role=role)
            begun = True
        part(draft, child, named)
    if earlier:
        return _sharing(draft, element, [*earlier, named])
    return _made(draft, named)


def _made(draft: Draft, named: Named) -> list[Agent]:
    if named.kind is None and not (named.given or named.family or named.orcid):
        if named.role in listed("organisations") or any(
            each.scheme in ("ror", "grid") for each in named.identifiers[:10]
        ):
            named.kind = "organisation"
        elif (joined := named.name.replace("；", ";")).count(";") > 1 and not (
            named.affiliations or named.identifiers
        ):
            parts = names.several(joined)
            return [names.read(part, draft.notes, field=named.field, role=named.role) for part in parts]
    agent = named.agent(draft.notes)
    return [agent] if agent else []


def _sharing(draft: Draft, element: etree._Element, group: list[Named]) -> list[Agent]:
    """Several names in one <creator>, as bolognese's fixture of 10.25670/oi2018-001on has them.

    What follows a name is that name's, where every name but the last is followed by something; else nobody can tell
    whose ORCID it is, and only the names are taken.
    """
    draft.note(group[0].field, "several_names", "; ".join(each.name for each in group[:MOST_NAMES]))
    first = next((name for child in element if (name := local_name(child))), "")
    apart = first in _NAMES and all(_has_details(each) for each in group[:-1])
    if not apart:
        group = [Named(each.field, name=each.name, kind=each.kind, role=each.role) for each in group]
        for child in element:
            if local_name(child) not in _NAMES and local_name(child):
                draft.leave(child)
    return [agent for each in group for agent in _made(draft, each)]


def _has_details(named: Named) -> bool:
    return bool(named.given or named.family or named.orcid or named.identifiers or named.affiliations)


def _name(draft: Draft, element: etree._Element, named: Named) -> None:
    text = line(draft, element, named.field)
    if text and is_unknown(text):
        draft.note(named.field, "value_unknown", text)
    elif text:
        named.name = text
    kind = element.get("nameType")
    if kind and (stated := term("names", kind)):
        named.kind = stated


def _given(draft: Draft, element: etree._Element, named: Named) -> None:
    named.given = named.given or line(draft, element, named.field)


def _family(draft: Draft, element: etree._Element, named: Named) -> None:
    named.family = named.family or line(draft, element, named.field)


def _identifier(draft: Draft, element: etree._Element, named: Named) -> None:
    value = line(draft, element, named.field)
    if not value:
        return
    scheme = ""
    if not value.startswith(_ORCID):
        scheme = said(draft, element, "nameIdentifierScheme", named.field)
        scheme = scheme or said(draft, element, "schemeURI", named.field)
    # Without a scheme sixteen digits may be an ISNI; with hyphens they are an ORCID
    if "orcid" in scheme.lower() or (not scheme and "-" in value):
        # Also "https://orcid.org/https://orcid.org/0009-0009-0223-2917", as in DataCite's own example of a project
        bare = check_digits.orcid(value.rstrip("/").rpartition("/")[2])
        if bare and named.orcid in (None, bare):
            named.orcid = bare
            return
    named.identify(value, scheme, draft.notes)


def _affiliation(draft: Draft, element: etree._Element, named: Named) -> None:
    name = line(draft, element, named.field)
    value = said(draft, element, "affiliationIdentifier", "affiliations")
    scheme = ""
    if value.startswith(_ROR):
        scheme = "ROR"
    elif value:
        scheme = said(draft, element, "affiliationIdentifierScheme", "affiliations")
        scheme = scheme or said(draft, element, "schemeURI", "affiliations")
    if name.startswith(_ROR) and value in ("", name) and check_digits.ror(name[len(_ROR) :]):
        name, value, scheme = "", name, "ROR"
    if name and (is_unknown(name) or funding.is_nothing(name)):  # Python's None, in 10.16904/7
        draft.note("affiliations", "value_unknown", name)
        name = ""
    if name or value:
        named.affiliate(name, value, scheme, draft.notes)


_PARTS: dict[str, Part] = {
    "creatorName": _name,
    "contributorName": _name,
    "givenName": _given,
    "familyName": _family,
    "nameIdentifier": _identifier,
    "affiliation": _affiliation,
}


def _funder(draft: Draft, element: etree._Element) -> None:
    """OpenAIRE's guidelines for data archives put the grant into the funder's nameIdentifier."""
    name, funder_id = "", ""
    grant: Funding | None = None
    for child in element:
        local = local_name(child)
        value = line(draft, child, "funding") if local in _NAMES or local == "nameIdentifier" else ""
        if not value:
            draft.leave(child) if local else None
        elif local in _NAMES and not name:
            name = value
        elif local == "nameIdentifier" and grant is None and (found := relations.grant(value)):
            grant = found
        elif local == "nameIdentifier" and not funder_id:
            funder_id = value
        else:
            draft.leave(child)
    grant = grant or Funding()
    draft.add(
        "funding",
        funding.reference(
            name or grant.funder or "",
            grant.award or "",
            funder_id=funder_id,
            title=grant.award_title or "",
            uri=grant.award_uri or "",
        ),
    )
