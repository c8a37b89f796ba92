"""JPCOAR's people and institutions: one name in several languages and scripts, of which the Entry has room for one.

The first name written is the name; the others are kept in the problems, as `further_name`.
"""

from dataclasses import dataclass, field

from lxml import etree

from harvester.crosswalk.draft import Draft
from harvester.crosswalk.fields.agents import Named
from harvester.crosswalk.fields.contributor_types import CREATOR, contributor_type
from harvester.crosswalk.formats.datacite_terms import said
from harvester.crosswalk.table import XML_LANG
from harvester.crosswalk.tree import line, local_name
from harvester.entry import Agent

_NAMES = ("creatorName", "contributorName", "rightsHolderName", "holdingAgentName")
_IDENTIFIERS = ("nameIdentifier", "holdingAgentNameIdentifier")
_KINDS = {"personal": "person", "organizational": "organisation"}


@dataclass(slots=True)
class _Written:
    """Names as (language, name), in the source's order."""

    names: list[tuple[str, str]] = field(default_factory=list)
    families: list[tuple[str, str]] = field(default_factory=list)
    givens: list[tuple[str, str]] = field(default_factory=list)


def creator(draft: Draft, element: etree._Element) -> None:
    draft.add("creators", _agent(draft, element, "creators", None))


def contributor(draft: Draft, element: etree._Element) -> None:
    role = said(draft, element, "contributorType", "contributors")
    role = contributor_type(role) if role else ""
    draft.add("contributors", _agent(draft, element, "contributors", None if role in ("", CREATOR) else role))


def rights_holder(draft: Draft, element: etree._Element) -> None:
    draft.add("contributors", _agent(draft, element, "contributors", "RightsHolder"))


def holding_agent(draft: Draft, element: etree._Element) -> None:
    """Who keeps the original; DataCite has no word for it."""
    draft.add("contributors", _agent(draft, element, "contributors", "holdingAgent"))


def first_name(draft: Draft, element: etree._Element, name: str, field: str) -> str:
    """The first child of that name; the same in other languages is noted, other children are left."""
    first = ""
    for child in element:
        own = local_name(child)
        if own != name:
            draft.leave(child) if own else None
            continue
        text = line(draft, child, field)
        if not first:
            first = text
        elif text and text != first:
            draft.note(field, "further_name", text)
    return first


def _agent(draft: Draft, element: etree._Element, field: str, role: str | None) -> Agent | None:
    named = Named(field, role=role)
    written = _Written()
    for child in element:
        name = local_name(child)
        if name in _NAMES:
            named.kind = named.kind or _KINDS.get(said(draft, child, "nameType", field).lower())
            _write(draft, child, written.names, field)
        elif name == "familyName":
            _write(draft, child, written.families, field)
        elif name == "givenName":
            _write(draft, child, written.givens, field)
        elif name in ("creatorAlternative", "contributorAlternative"):
            draft.note(field, "further_name", line(draft, child, field))
        elif name in _IDENTIFIERS:
            _identify(draft, child, named)
        elif name == "affiliation":
            _affiliate(draft, child, named)
        elif name:
            draft.leave(child)
    _name(draft, named, written)
    return named.agent(draft.notes)


def _name(draft: Draft, named: Named, written: _Written) -> None:
    """Choose the first name, and the family and given name in its language."""
    first = next(iter(written.names or written.families or written.givens), None)
    if first is None:
        return
    language = first[0]
    named.name = first[1] if written.names else ""
    named.family = next((name for own, name in written.families if own == language), "")
    named.given = next((name for own, name in written.givens if own == language), "")
    if not (named.family and named.given) and written.names:
        named.family = named.given = ""  # one half alone would hide the other, which stands in the name
    chosen = {named.name, named.family, named.given}
    whole = " ".join(name for _, name in written.names[:1])
    for _, name in (*written.names, *written.families, *written.givens):
        if name not in chosen and name not in whole:
            chosen.add(name)
            draft.note(named.field, "further_name", name)


def _write(draft: Draft, element: etree._Element, names: list[tuple[str, str]], field: str) -> None:
    text = line(draft, element, field)
    if text:
        names.append((element.get(XML_LANG, ""), text))


def _identify(draft: Draft, element: etree._Element, named: Named) -> None:
    scheme = said(draft, element, "nameIdentifierScheme", named.field)
    value = line(draft, element, named.field) or said(draft, element, "nameIdentifierURI", named.field)
    named.identify(value, scheme, draft.notes)


def _affiliate(draft: Draft, element: etree._Element, named: Named) -> None:
    """One affiliation: its first name, and its ROR; identifiers of other schemes are said in the problems."""
    name, found = "", [("", "")]
    for child in element:
        own = local_name(child)
        if own == "affiliationName":
            text = line(draft, child, "affiliations")
            if not name:
                name = text
            elif text and text != name:
                draft.note("affiliations", "further_name", text)
        elif own == "nameIdentifier":
            scheme = said(draft, child, "nameIdentifierScheme", "affiliations")
            value = line(draft, child, "affiliations") or said(
                draft, child, "nameIdentifierURI", "affiliations"
            )
            found.append((value, scheme))
        elif own:
            draft.leave(child)
    known = next((each for each in found if each[1].lower() == "ror"), found[-1])
    for value, scheme in found:
        if value and (value, scheme) != known:
            draft.note("affiliations", "affiliation_identifier", value)
    named.affiliate(name, *known, draft.notes)
