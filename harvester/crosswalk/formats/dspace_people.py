"""People in DSpace's fields: names, roles, and the authorities that may say who they are.

An authority is an ORCID, some system's own key, or `virtual::47`, which ties a value to those of a related entity.
"""

import re
from collections.abc import Callable

from harvester.crosswalk.fields import agents, contributor_types, names
from harvester.crosswalk.fields.agents import Named
from harvester.crosswalk.formats.dspace_item import Item, Value
from harvester.entry import Agent

Rule = Callable[[Item, Value], None]

VIRTUAL = "virtual::"
PLACEHOLDER = "#PLACEHOLDER_PARENT_METADATA_VALUE#"
AFFILIATION = "oairecerif.author.affiliation"
MOST_COMPARED = 100  # names that an ORCID's own text is compared with
# "will be referenced::ORCID::0000-0002-1825-0097": a DSpace-CRIS authority whose entity is not there yet
_ANNOUNCED = re.compile(r"will be (?:referenced|generated)::([^:]{1,40})::(.{1,200})", re.IGNORECASE)
_ORCID = re.compile(
    r"(?:https?://)?(?:www\.)?(?:orcid(?:\.org/|:| )? ?)?([0-9]{4}-[0-9]{4}-[0-9]{4}-[0-9]{3}[0-9Xx])",
    re.IGNORECASE,
)
_ORGANISATIONS = frozenset((
    "department", "institution", "school", "faculty", "college", "organization", "organisation", "corporate",
    "corporatename", "sponsor", "funder", "publisher", "researchgroup", "unit",
))  # fmt: skip
_PERSON = {
    "person.identifier.orcid": "orcid",
    "person.givenname": "given",
    "person.familyname": "family",
    "person.affiliation.name": "affiliation",
    "organization.legalname": "organisation",
}


def is_trusted(confidence: str | None) -> bool:
    """Whether an authority is more than a failed lookup: DSpace's Choices.CF_REJECTED to CF_AMBIGUOUS, 100 to 400."""
    said = (confidence or "").strip()
    return not (said.isdecimal() and len(said) == 3 and 100 <= int(said) <= 400)


def author(item: Item, value: Value) -> None:
    creators = item.draft.creators
    item.authors.append(len(creators))
    _take(item, value, creators, role=None, field="creators")
    item.names.update(agent.name for agent in creators[item.authors[-1] :])


def creator(item: Item, value: Value) -> None:
    """`dc.creator`, where harvested records have their authors; some repositories copy contributor.author into it."""
    if item.line(value, "creators") not in item.names:
        _take(item, value, item.draft.creators, role=None, field="creators")


def plain_contributor(item: Item, value: Value) -> None:
    _take(item, value, item.draft.contributors, role=None, field="contributors")


def contributor(item: Item, value: Value, qualifier: str) -> None:
    """`dc.contributor.<role>`: the role is DataCite's where it has one, else DSpace's word."""
    role = contributor_types.contributor_type(qualifier)
    if role == contributor_types.CREATOR:
        _take(item, value, item.draft.creators, role=None, field="creators")
    elif qualifier.lower() in _ORGANISATIONS:
        said = item.line(value, "contributors")
        if said:
            item.draft.contributors.append(Agent(said, None, None, "organisation", None, (), (), role))
    else:
        _take(item, value, item.draft.contributors, role=role, field="contributors")


def rights_holder(item: Item, value: Value) -> None:
    _take(item, value, item.draft.contributors, role="RightsHolder", field="contributors")


def advisor(item: Item, value: Value) -> None:
    before = len(item.draft.contributors)
    _take(item, value, item.draft.contributors, role="Supervisor", field="contributors")
    item.advisors.extend(agent.name for agent in item.draft.contributors[before:])


def orcid(item: Item, value: Value) -> None:
    """An ORCID in a field of its own: whose it is shows when all names are known."""
    if not _keep_virtual(item, value):
        item.keep(item.orcids, value)


def of_entity(item: Item, value: Value) -> None:
    """A value of a related person or organisation: read where `virtual::` ties it to a name."""
    if not _keep_virtual(item, value):
        item.leave(value)


def affiliation(item: Item, value: Value) -> None:
    """DSpace-CRIS nests affiliations: the n-th one is the n-th author's, a placeholder stands for none."""
    item.keep(item.affiliations, value)


def settle(item: Item) -> None:
    """Give the names what stands elsewhere and is theirs for certain."""
    for authority, bearers in item.bearers.items():
        found = {bearer[at].name for bearer, at in bearers}
        theirs = item.virtual.pop(authority, [])
        if item.exact or len(found) == 1:
            for bearer, at in bearers:
                bearer[at] = _known_by(item, bearer[at], authority, theirs)
        else:
            item.draft.note("creators", "authority_shared", authority)
            item.virtual[authority] = theirs
    for values in item.virtual.values():
        for value in values:
            item.leave(value)
    for value in item.orcids:
        _give_orcid(item, value)
    if item.affiliations:
        _give_affiliations(item)


def _take(item: Item, value: Value, agents_: list[Agent], *, role: str | None, field: str) -> None:
    said = item.line(value, field)
    parts = names.several(said) if ";" in said else [said] if said else []
    if value.authority and len(parts) == 1:
        item.bearers.setdefault(value.authority, []).append((agents_, len(agents_)))
    agents_.extend(names.read(name, item.draft.notes, field=field, role=role) for name in parts)


def _keep_virtual(item: Item, value: Value) -> bool:
    if not value.authority or not value.authority.startswith(VIRTUAL):
        return False
    item.keep(item.virtual.setdefault(value.authority, []), value)
    return True


def _known_by(item: Item, agent: Agent, authority: str, theirs: list[Value]) -> Agent:
    named = _opened(agent)
    said: dict[str, str] = {}
    for value in theirs:
        kind = _PERSON.get(value.label.lower(), "")
        text = item.line(value, "creators")
        if kind == "orcid":
            named.identify(text, "orcid", item.draft.notes)
        elif kind == "affiliation":
            named.affiliate(text, "", "", item.draft.notes)
        elif kind and kind not in said:
            said[kind] = text
        else:
            item.leave(value)
    if not authority.startswith(VIRTUAL):
        _identify(named, authority, item)
    if said.get("given") and said.get("family"):
        named.given, named.family = said["given"], said["family"]
    if "organisation" in said:
        named.kind = "organisation"
    return named.agent(item.draft.notes) or agent


def _identify(named: Named, authority: str, item: Item) -> None:
    """Take an authority that is an identifier; keys of DSpace's own (UUIDs, rp00001) identify nobody elsewhere."""
    announced = _ANNOUNCED.fullmatch(authority)
    scheme, key = (announced[1], announced[2]) if announced else ("", authority)
    found = agents.identifier(key, scheme)
    if found and found.scheme:
        named.identify(key, scheme, item.draft.notes)


def _give_orcid(item: Item, value: Value) -> None:
    """To the one whose name stands beside it, else to the only author if it is the only ORCID."""
    said = item.line(value, "creators")
    match = _ORCID.search(said) if len(said) <= names.LONGEST else None
    if match is None:
        item.leave(value)
        return
    creators, contributors = item.draft.creators, item.draft.contributors
    beside = (said[: match.start()] + said[match.end() :]).strip(" :;,|()[]").casefold()
    theirs = [
        (people, at)
        for people in (creators, contributors)
        for at, agent in enumerate(people[:MOST_COMPARED])
        if agent.name.casefold() == beside
    ]
    of_author = not (value.label.lower().startswith("dc.contributor") and contributors)
    if not beside and of_author and len(item.orcids) == len(creators) == 1:
        theirs = [(creators, 0)]
    if len(theirs) == 1:
        people, at = theirs[0]
        named = _opened(people[at])
        named.identify(match[1], "orcid", item.draft.notes)
        people[at] = named.agent(item.draft.notes) or people[at]
    else:
        item.leave(value)


def _give_affiliations(item: Item) -> None:
    creators = item.draft.creators
    if not len(item.affiliations) == len(item.authors) == len(creators):
        for value in item.affiliations:
            item.leave(value)
        return
    for at, value in zip(item.authors, item.affiliations, strict=True):
        said = item.line(value, "affiliations")
        if said and said != PLACEHOLDER:
            named = _opened(creators[at])
            named.affiliate(said, "", "", item.draft.notes)
            creators[at] = named.agent(item.draft.notes) or creators[at]


def _opened(agent: Agent) -> Named:
    """An Agent to be completed."""
    return Named(
        "contributors" if agent.role else "creators",
        agent.name,
        agent.given or "",
        agent.family or "",
        agent.kind,
        agent.role,
        agent.orcid,
        list(agent.identifiers),
        list(agent.affiliations),
    )
