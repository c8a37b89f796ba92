"""name of MODS: people, corporate bodies and conferences, each with the roles that are its own.

A name with an author's role is a creator; one without any role is where it is marked as primary, or where nobody else
is. Who has several roles is named once for each, and as a creator without one (MODS User Guidelines, name).
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from lxml import etree

from harvester.crosswalk.draft import Draft
from harvester.crosswalk.fields import funding, text
from harvester.crosswalk.fields.agents import Named
from harvester.crosswalk.fields.contributor_types import CREATOR, LONGEST, contributor_type
from harvester.crosswalk.fields.vocabulary import folded, terms, vocabulary, words
from harvester.crosswalk.formats.marc_punctuation import trimmed
from harvester.crosswalk.tree import attribute, line, local_name
from harvester.entry import Agent, Thesis

_KINDS = {"personal": "person", "corporate": "organisation", "conference": "organisation"}
_GENERIC = ("contributor", "ctb")  # says no more than the list does
_GRANTOR = ("dgg", "degree grantor", "degree granting institution")
_SUFFIXES = frozenset((
    "jr", "sr", "junior", "senior", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii", "xiii", "xiv",
    "the elder", "the younger", "père", "fils", "filho", "neto", "d.ä", "d.y", "der ältere", "der jüngere",
))  # fmt: skip
_URI = ("http://", "https://")


class _Borne(NamedTuple):
    agent: Agent
    roles: list[str]
    primary: bool


def read(draft: Draft, elements: list[etree._Element]) -> None:
    """Creators and contributors, in the order of the document."""
    borne = list(_distinct([found for element in elements if (found := _name(draft, element))]))
    stated = any(CREATOR in name.roles for name in borne)
    marked = any(name.primary for name in borne)
    advisors: list[str] = []
    for agent, roles, primary in borne:
        by_mark = primary and (not roles or not stated)
        if CREATOR in roles or by_mark or not (roles or stated or marked):
            draft.creators.append(agent)
        elif not roles:
            draft.contributors.append(agent)
        for role in roles:
            if role != CREATOR:
                draft.contributors.append(_bearing(agent, agent.name, role or None))
            if role == "Supervisor":
                advisors.append(agent.name)
            elif role == "Funder":
                draft.add("funding", funding.reference(agent.name))
            elif folded(role).rstrip(".") in _GRANTOR:
                draft.thesis = _thesis(draft, grantor=agent.name)
    if advisors:
        draft.thesis = _thesis(draft, advisors=tuple(advisors))


def _distinct(names: list[_Borne]) -> Iterator[_Borne]:
    """Who stands there twice, as in a second script, is one where an identifier says so; namesakes are not."""
    seen: set[tuple[Agent, tuple[str, ...]]] = set()
    for name in names:
        key = (name.agent, tuple(name.roles))
        if key not in seen or not (name.agent.orcid or name.agent.identifiers):
            seen.add(key)
            yield name


def heading(draft: Draft, element: etree._Element, field: str) -> str:
    """A name as subject headings have it: with its title and dates, corporate bodies from the whole to the part."""
    parts: dict[str, list[str]] = {}
    for child in element:
        name = local_name(child).lower()
        if name == "namepart" and (said := line(draft, child, field).rstrip(" ,")):
            parts.setdefault((child.get("type") or "").lower(), []).append(said)
        elif name == "displayform" and not parts and (said := line(draft, child, field)):
            parts["display"] = [said]
        elif name:
            draft.leave(child)
    if len(parts) > 1:
        parts.pop("display", None)
    sign = ". " if element.get("type") == "corporate" else ", "
    personal = ("family", "given")
    first = [" ".join(parts.pop(kind)) for kind in personal if kind in parts]
    plain = [sign.join(parts.pop("", []))]
    return ", ".join(filter(None, [*plain, *first, *(said for kind in parts.values() for said in kind)]))


def _name(draft: Draft, element: etree._Element) -> _Borne | None:
    inner = [(local_name(child).lower(), child) for child in element]
    roles = list(
        dict.fromkeys(role for name, child in inner if name == "role" for role in _roles(draft, child))
    )
    pieces: dict[str, list[str]] = {"": [], "given": [], "family": [], "termsofaddress": []}
    field = "contributors" if roles and CREATOR not in roles else "creators"
    named = Named(field, kind=_KINDS.get((element.get("type") or "").strip().lower()))
    display: list[etree._Element] = []
    for name, child in inner:
        match name:
            case "namepart":
                _piece(draft, child, pieces)
            case "affiliation":
                _affiliate(draft, child, named)
            case "nameidentifier" if child.get("invalid") != "yes":
                _identify(named, line(draft, child, named.field), child.get("type") or "", draft)
            case "description":
                _describe(draft, child, named)
            case "displayform":
                display.append(child)
            case "" | "role":
                pass
            case _:
                draft.leave(child)
    if element.attrib:
        _link(draft, element, named)
    named.name = _whole(pieces[""], named.kind)
    named.given, named.family = " ".join(pieces["given"]), " ".join(pieces["family"])
    _display(draft, display, named)
    agent = named.agent(draft.notes)
    if agent is None:
        for name, child in inner:
            if name in ("role", "affiliation", "nameidentifier", "namepart"):
                draft.leave(child)
        return None
    agent = _addressed(draft, agent, pieces["termsofaddress"], apart=bool(named.given or named.family))
    return _Borne(agent, roles, element.get("usage") == "primary")


def _link(draft: Draft, element: etree._Element, named: Named) -> None:
    """valueURI, or the number in the authority's own file that DiVA writes as a link."""
    authority = attribute(draft, element, "authority", named.field)
    for name in ("valueURI", "href"):
        link = attribute(draft, element, name, named.field)
        _identify(named, link, "" if link.startswith(_URI) and not authority else authority, draft)


def _piece(draft: Draft, child: etree._Element, pieces: dict[str, list[str]]) -> None:
    kind = (child.get("type") or "").strip().lower()
    if kind in pieces:
        said = line(draft, child, "creators")
        if said := said.rstrip(" ,") if kind else trimmed(said):
            pieces[kind].append(said)
    else:
        draft.leave(child)  # a date tells namesakes apart, but the model has no room for it


def _whole(parts: list[str], kind: str | None) -> str:
    """Corporate bodies come from the whole to the part, as in `KTH. School of Electrical Engineering`."""
    if len(parts) < 2:
        return parts[0] if parts else ""
    if kind == "person":
        return ", ".join(parts)
    return ". ".join([*(part.rstrip(".") for part in parts[:-1]), parts[-1]])


def _display(draft: Draft, display: list[etree._Element], named: Named) -> None:
    """displayForm is the name where there is no other; else it says the same in another order."""
    for element in display:
        if named.name or named.given or named.family:
            draft.leave(element)
        else:
            named.name = line(draft, element, named.field)


def _addressed(draft: Draft, agent: Agent, address: list[str], *, apart: bool) -> Agent:
    """`Joan` is of Arc, Saint: a name in one piece is not whole without; beside given and family only Jr. and II are."""
    kept = [term for term in address if not apart or folded(term).rstrip(".") in _SUFFIXES]
    for _ in range(len(address) - len(kept)):
        draft.pass_over("namePart[@type='termsOfAddress']")
    return _bearing(agent, ", ".join([agent.name, *kept]), None) if kept else agent


def _bearing(agent: Agent, name: str, role: str | None) -> Agent:
    return Agent(
        name, agent.given, agent.family, agent.kind, agent.orcid, agent.identifiers, agent.affiliations, role
    )


def _roles(draft: Draft, element: etree._Element) -> list[str]:
    """The role that one element states, by code, by word or by both: what DataCite has a name for, else the word."""
    said: list[tuple[str, etree._Element]] = []
    silent: list[tuple[str, etree._Element]] = []  # by their URI alone
    for child in element:
        name = local_name(child).lower()
        if name == "roleterm" and (term := line(draft, child, "contributors").rstrip(" .,:")):
            said.append((term, child))
        elif name == "roleterm" and child.get("valueURI"):
            silent.append((child.get("valueURI") or "", child))
        elif name:
            draft.leave(child)
    if element.text and not element.text.isspace():
        said.append((text.line(element.text, draft.notes, "contributors"), element))
    said = said or silent
    if not said:
        return []
    read = [(_relator(term), term, child) for term, child in said]
    best = min(read, key=_telling)
    for _, _, child in read:
        if child is not best[2]:
            draft.pass_over(child.tag)  # the same in other words
    return [best[0]]


@lru_cache(maxsize=1024)
def _relator(said: str) -> str:
    """The role that a relator's term, code or URI names, "" for a contributor without more.

    RDA's creators (appendix I.2.1), such as composers and photographers, are creators.
    """
    code = said.rstrip("/").rpartition("/")[2] if "id.loc.gov/vocabulary/relators/" in said else said
    key = folded(code) if len(code) <= LONGEST else code
    term = terms("marc-relators", "terms").get(key, code)
    if key in _GENERIC or folded(term) in words("marc-relators", "creators"):
        return "" if key in _GENERIC else CREATOR
    known = contributor_type(code)
    return known if known != code else contributor_type(term)


def _telling(read: tuple[str, str, etree._Element]) -> int:
    """How much one of several words for a role says: DataCite's types, a relator's term for its code, the word itself."""
    role, term, element = read
    if _is_known(role) and role != "Other":
        return 0
    if role == "Other":
        return 3
    return 1 if role != term else 2 if element.get("type") != "code" else 4


def _is_known(role: str) -> bool:
    return role in ("", CREATOR) or role in vocabulary("contributor-types")["types"]


def _identify(named: Named, value: str, scheme: str, draft: Draft) -> None:
    if value:
        named.identify(value, scheme, draft.notes)


def _affiliate(draft: Draft, element: etree._Element, named: Named) -> None:
    link = attribute(draft, element, "valueURI", "affiliations")
    said = line(draft, element, "affiliations")
    if said or link:
        named.affiliate(said, link if link.startswith(_URI) else "", "", draft.notes)


def _describe(draft: Draft, element: etree._Element, named: Named) -> None:
    """DiVA wrote identifiers here before nameIdentifier existed: `orcid.org=0000-0002-1825-0097`."""
    head, sign, value = line(draft, element, named.field).partition("=")
    if sign and "." in head and " " not in head and value.strip():
        named.identify(value, head, draft.notes)
    else:
        draft.leave(element)


def _thesis(draft: Draft, *, grantor: str | None = None, advisors: tuple[str, ...] = ()) -> Thesis:
    known = draft.thesis or Thesis()
    return Thesis(
        known.qualification,
        known.level,
        known.grantor or grantor,
        known.department,
        (*known.advisors, *advisors),
    )
