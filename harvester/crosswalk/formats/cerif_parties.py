"""cerif: persons and organisations where they are linked: authors, editors, publishers, funders, owners.

A part of `cerif.py`. What stands beside a name belongs to that name alone: a link with several entities of different
kinds gives the first only.
"""

from lxml import etree

from harvester.crosswalk.draft import Draft
from harvester.crosswalk.fields import agents, check_digits, identifiers
from harvester.crosswalk.fields.agents import Named
from harvester.crosswalk.fields.identifiers import Known
from harvester.crosswalk.formats.cerif_values import INTERNAL, chosen, ends, internal, parts, stated_scheme
from harvester.crosswalk.tree import attribute, line, local_name
from harvester.entry import Agent, AgentIdentifier

_CERTAIN = {
    "ORCID": "orcid", "ResearcherID": "researcherid", "ScopusAuthorID": "scopus", "ISNI": "isni", "DAI": "dai",
    "RORID": "ror", "GRID": "grid", "FundRefID": "fundref",
}  # fmt: skip
# Alternative*: "in case the value is not certain, e.g. because there is a conflicting statement" (OpenAIRE guidelines
# for CRIS managers, Person): never the ORCID or the ROR of anybody
IDENTIFIERS = _CERTAIN | {f"Alternative{name}": f"alternative_{scheme}" for name, scheme in _CERTAIN.items()}

_ENTITIES = frozenset(("Person", "OrgUnit", "Project"))

Candidates = list[etree._Element]


def parties(draft: Draft, link: etree._Element, field: str, role: str | None = None) -> list[Agent]:
    """Who a link leads to: one as a rule; some servers put several persons into one link."""
    display, inner, holder = ends(draft, link, field)
    if len(inner) == 1 and inner[0][0] in _ENTITIES:  # by far the most
        agent = _agent(draft, *inner[0], Named(field, name=display, role=role), [])
        return [agent] if agent else []
    entities: list[tuple[str, etree._Element]] = []
    affiliations: Candidates = []
    loose: list[tuple[str, etree._Element]] = []
    for name, child in inner:
        if name in _ENTITIES:
            entities.append((name, child))
        elif name == "Affiliation":
            affiliations.append(child)
        else:
            loose.append((name, child))
    kind = entities[0][0] if entities else ""
    alike = [child for name, child in entities if name == kind]
    for name, child in entities:
        if name != kind:
            draft.leave(child)
    if len(alike) > 1:
        for child in (*affiliations, *([holder] if holder is not None else ()), *(each for _, each in loose)):
            draft.leave(child)
        read = [_agent(draft, kind, child, Named(field, role=role), []) for child in alike]
        return [agent for agent in read if agent]
    who = Named(field, name=display, role=role)
    _loose(draft, loose, who)
    agent = _agent(draft, kind, alike[0] if alike else None, who, affiliations)
    return [agent] if agent else []


def _loose(draft: Draft, loose: list[tuple[str, etree._Element]], who: Named) -> None:
    """Names that stand in the link itself, without the Person or OrgUnit around them (LA Referencia)."""
    for name, child in loose:
        if name == "PersonName" and not who.family and not who.given:
            person_name(draft, child, who)
        elif name == "Name" and not who.name:
            who.name = line(draft, child, who.field)
        elif name in IDENTIFIERS:
            _identify(draft, child, who, IDENTIFIERS[name])
        else:
            draft.leave(child)


def _agent(
    draft: Draft, kind: str, entity: etree._Element | None, who: Named, affiliations: Candidates
) -> Agent | None:
    general: Candidates = []
    if entity is not None and kind == "Person":
        _person(draft, entity, who, general)
    elif entity is not None:
        _organisation(draft, entity, who)
    for link in affiliations:
        _affiliate(draft, link, who)
    stated = bool(who.affiliations)
    for link in general:
        _affiliate_generally(draft, link, who, stated=stated)
    agent = who.agent(draft.notes)
    if agent is None:
        _nameless(draft, who)
    return agent


def _nameless(draft: Draft, who: Named) -> None:
    """Nobody without a name is an agent; `Named.agent` has said the first of the identifiers, here are the others."""
    for each in who.identifiers if who.orcid else who.identifiers[1:]:
        draft.note(who.field, "name_missing", each.value)
    for affiliation in who.affiliations:
        draft.note(who.field, "name_missing", affiliation.name or affiliation.ror)


def _person(draft: Draft, element: etree._Element, who: Named, general: Candidates) -> None:
    who.kind = "person"
    _internal(draft, element, who)
    for name, child in parts(draft, element):
        if name == "PersonName" and not who.family and not who.given:
            person_name(draft, child, who)
        elif name in IDENTIFIERS:
            _identify(draft, child, who, IDENTIFIERS[name])
        elif name == "Identifier":
            _identify(draft, child, who, stated_scheme(draft, child))
        elif name == "Affiliation":
            general.append(child)
        elif name == "DisplayName" and not who.name:
            who.name = line(draft, child, who.field)
        else:
            draft.leave(child)
    # DSpace-CRIS writes <Person displayName="…"/> where it knows no more
    who.name = who.name or attribute(draft, element, "displayName", who.field)


def person_name(draft: Draft, element: etree._Element, who: Named) -> None:
    """FamilyNames and FirstNames of a PersonName."""
    for name, child in parts(draft, element):
        if name == "FamilyNames" and not who.family:
            who.family = line(draft, child, who.field)
        elif name == "FirstNames" and not who.given:
            who.given = line(draft, child, who.field)
        else:
            draft.leave(child)


def _organisation(draft: Draft, element: etree._Element, who: Named) -> None:
    who.kind = "organisation"
    _internal(draft, element, who)
    names, numbers, parent = unit(draft, element)
    for child, scheme in numbers:
        _identify(draft, child, who, scheme)
    if parent is not None:
        draft.leave(parent)
    who.name = spoken(draft, who.name, names, who.field)


def _internal(draft: Draft, element: etree._Element, who: Named) -> None:
    if own := internal(draft, element):
        who.identifiers.append(AgentIdentifier(own, INTERNAL))


def _identify(draft: Draft, element: etree._Element, who: Named, scheme: str) -> None:
    said = line(draft, element, who.field)
    if scheme.startswith("alternative_") and said:
        who.identifiers.append(AgentIdentifier(said, scheme))
    elif said:
        who.identify(said, scheme, draft.notes)
        if scheme == "ror" and not check_digits.ror(said.rpartition("/")[2]):
            draft.note(who.field, "ror_check_digit", said)


def unit(
    draft: Draft, element: etree._Element
) -> tuple[Candidates, list[tuple[etree._Element, str]], etree._Element | None]:
    """(names, best first; identifiers with their schemes; the link to what it is part of) of an organisation or project."""
    names: Candidates = []
    acronyms: Candidates = []
    numbers: list[tuple[etree._Element, str]] = []
    parent: etree._Element | None = None
    for name, child in parts(draft, element):
        if name in ("Name", "Title"):
            names.append(child)
        elif name == "Acronym":
            acronyms.append(child)
        elif name in IDENTIFIERS:
            numbers.append((child, IDENTIFIERS[name]))
        elif name == "Identifier":
            numbers.append((child, stated_scheme(draft, child)))
        elif name == "PartOf" and parent is None:
            parent = child
        else:
            draft.leave(child)
    return names + acronyms, numbers, parent


def spoken(draft: Draft, display: str, names: Candidates, field: str) -> str:
    """The name as the document shows it (DisplayName), else the first of the entity's own; the others are unread."""
    if not display:
        return chosen(draft, names, field)
    for name in names:
        draft.leave(name)
    return display


def _affiliate_generally(draft: Draft, link: etree._Element, who: Named, *, stated: bool) -> None:
    """A person's own Affiliation is the CRIS's knowledge of today: it counts where the authorship states none, and lasts."""
    if stated:
        draft.leave(link)
        return
    end = attribute(draft, link, "endDate", "affiliations")
    if not end:
        _affiliate(draft, link, who)
        return
    past = Named(who.field)
    _affiliate(draft, link, past)
    for affiliation in past.affiliations:
        draft.note("affiliations", "affiliation_ended", f"{affiliation.name or affiliation.ror} ({end})")


def _affiliate(draft: Draft, link: etree._Element, who: Named) -> None:
    """An affiliation is named with what it is part of; the nearest ROR stands for it, as ROR has no departments."""
    names, ror = lineage(draft, link)
    who.affiliate(", ".join(names), ror, "ror" if ror else "", draft.notes)


def lineage(draft: Draft, link: etree._Element) -> tuple[list[str], str]:
    """(names, ROR) of the organisation a link leads to and of those it is part of, the nearest first."""
    names: list[str] = []
    ror = ""
    following: etree._Element | None = link
    while following is not None:
        display, inner, _ = ends(draft, following, "affiliations")
        following = None
        candidates: Candidates = []
        met = False
        for name, child in inner:
            if name != "OrgUnit" or met:
                draft.leave(child)
                continue
            met = True
            candidates, numbers, following = unit(draft, child)
            for number, scheme in numbers:
                value = line(draft, number, "affiliations")
                if scheme == "ror" and not ror:
                    ror = value
                elif value:
                    draft.note("affiliations", "affiliation_identifier", value)
        said = spoken(draft, display, candidates, "affiliations")
        if said:
            names.append(said)
    return names, ror


def spare(draft: Draft, agent: Agent, field: str, what: str) -> None:
    """Say what else was known of an agent of which the entry keeps the name only: `what` is a publisher or a funder."""
    own = ", ".join(part for part in (agent.family, agent.given) if part)
    if own and own != agent.name:
        draft.note(field, f"{what}_name", own)
    for each in agent.identifiers:
        if each.scheme != INTERNAL:
            draft.note(field, f"{what}_identifier", each.value)
    if agent.orcid:
        draft.note(field, f"{what}_identifier", agent.orcid)
    for affiliation in agent.affiliations:
        draft.note(field, f"{what}_affiliation", affiliation.name or affiliation.ror)


def own_identifier(draft: Draft, element: etree._Element, field: str = "identifiers") -> Known | None:
    """An identifier of a person or organisation that is itself the record, or what it is part of."""
    said = line(draft, element, field)
    scheme = IDENTIFIERS.get(local_name(element), "")
    read = agents.identifier(said, scheme) if said and not scheme.startswith("alternative_") else None
    if read is None:
        return Known(said, scheme) if said else None
    if read.scheme == "orcid":
        return _checked(draft, said, check_digits.orcid(read.value.upper()), "orcid", field)
    if read.scheme == "ror":
        ror = check_digits.ror(read.value.rpartition("/")[2])
        return _checked(draft, said, f"https://ror.org/{ror}" if ror else None, "ror", field)
    doi = identifiers.identify(said) if scheme == "fundref" else None  # a funder's number is a DOI
    return doi if doi and doi.scheme == "doi" else Known(read.value, read.scheme or "other")


def _checked(draft: Draft, said: str, value: str | None, scheme: str, field: str) -> Known:
    if value is None:
        draft.note(field, f"{scheme}_check_digit", said)
    return Known(value, scheme) if value else Known(said, "other")
