"""What an uketd_dc record says in elements that are only understood together: who owns an identifier, which grant is
whose, whether there is a degree at all."""

import re
from dataclasses import dataclass
from dataclasses import field as made
from typing import TypeVar

from lxml import etree

from harvester.crosswalk import dcterms
from harvester.crosswalk.draft import Draft
from harvester.crosswalk.fields import agents, check_digits, identifiers, media, names, types
from harvester.crosswalk.fields.identifiers import Known
from harvester.crosswalk.formats import uketd_grants
from harvester.entry import Agent, AgentIdentifier, Checksum, File, Relation, Thesis

BY_AUTHOR, BY_ADVISOR = "author", "advisor"
MOST_FILES = 100  # of one record that are put together here; further ones are known by their URLs

_Part = TypeVar("_Part")
_VERSION = re.compile(r"\.v[0-9]{1,4}$")
# ORCID's share of the numbers of ISNI (https://support.orcid.org: structure of the ORCID identifier)
_ORCIDS = (("0000000150000007", "0000000350000001"), ("0009000000000000", "0009001000000000"))


@dataclass(slots=True)
class Given:
    """A file, and what was written behind its URL."""

    url: str
    format: str | None = None
    checksum: Checksum | None = None


@dataclass(frozen=True, slots=True)
class Sum:
    """A checksum, and the file it was written behind."""

    element: etree._Element
    alg: str | None
    value: str
    file: Given | None


@dataclass(frozen=True, slots=True)
class Owned:
    """An identifier of a person; `owner` is BY_AUTHOR, BY_ADVISOR or "" where it may be either's."""

    value: str
    scheme: str
    owner: str


@dataclass(frozen=True, slots=True)
class Reference:
    """What isReferencedBy says, and how many identifiers and relations came before it."""

    said: str
    identifiers: int
    relations: int


@dataclass(slots=True)
class Gathered:
    """`advisors` are places in the draft's contributors, `grants` ("sponsor" or "grant", text) in their order.

    `named` is the degree that the type names.
    """

    degree: dict[str, list[str]] = made(
        default_factory=lambda: {"qualification": [], "level": [], "grantor": [], "department": []}
    )
    advisors: list[int] = made(default_factory=list)
    owned: list[Owned] = made(default_factory=list)
    grants: list[tuple[str, str]] = made(default_factory=list)
    referenced_by: list[Reference] = made(default_factory=list)
    files: list[Given] = made(default_factory=list)
    checksums: list[Sum] = made(default_factory=list)
    access: set[str] = made(default_factory=set)
    file: Given | None = None
    named: str | None = None

    def begin_file(self, url: str) -> None:
        """What follows is said of this file."""
        self.file = Given(url)
        self.files.append(self.file)


def settle(gathered: Gathered, draft: Draft) -> None:
    """Put into the draft what the whole record says."""
    _refer(gathered, draft)
    _own(gathered, draft)
    draft.funding.extend(uketd_grants.funding_of(gathered.grants, draft.notes))
    _file(gathered, draft)
    _open(gathered, draft)
    _graduate(gathered, draft)
    dcterms.say_once(draft)


def with_role(agent: Agent, role: str) -> Agent:
    """The same person or organisation in a role."""
    return Agent(
        agent.name,
        agent.given,
        agent.family,
        agent.kind,
        agent.orcid,
        agent.identifiers,
        agent.affiliations,
        role,
    )


def _refer(gathered: Gathered, draft: Draft) -> None:
    """isReferencedBy is the page about the item, or its DOI; beside another DOI it is what its name says."""
    own = {_VERSION.sub("", known.value) for known, _ in draft.found if known.scheme == "doi"}
    found: list[tuple[int, tuple[Known, str]]] = []
    related: list[tuple[int, Relation]] = []
    for reference in gathered.referenced_by:
        for piece in identifiers.pieces(reference.said):
            known = identifiers.identify(piece)
            if known is None:
                related.append((reference.relations, Relation("IsReferencedBy", piece, "other")))
            elif known.scheme == "doi" and own and _VERSION.sub("", known.value) not in own:
                related.append((reference.relations, Relation("IsReferencedBy", *known)))
            else:
                found.append((reference.identifiers, (known, piece)))
                if known.scheme == "url" and not media.is_file_url(piece):
                    draft.landing = draft.landing or piece
    draft.found = _merged(draft.found, found)
    draft.relations = _merged(draft.relations, related)


def _merged(have: list[_Part], late: list[tuple[int, _Part]]) -> list[_Part]:
    """`late` put in where it stood in the document."""
    merged: list[_Part] = []
    done = 0
    for at, part in late:
        merged += have[done:at]
        merged.append(part)
        done = at
    return merged + have[done:]


def _own(gathered: Gathered, draft: Draft) -> None:
    """An identifier belongs to the only one who can be meant, else to nobody."""
    author = 0 if len(draft.creators) == 1 else None
    advisor = gathered.advisors[0] if len(gathered.advisors) == 1 else None
    _assign([each for each in gathered.owned if each.owner == BY_AUTHOR], draft, "creators", author)
    _assign([each for each in gathered.owned if each.owner == BY_ADVISOR], draft, "contributors", advisor)
    for each in gathered.owned:
        if not each.owner:
            draft.note("creators", "identifier_unassigned", each.value)


def _assign(owned: list[Owned], draft: Draft, field: str, at: int | None) -> None:
    people: list[Agent] = getattr(draft, field)
    known = [_identifier(each) for each in owned]
    values: dict[str | None, set[str]] = {}
    for each in known:
        values.setdefault(each.scheme, set()).add(each.value)
    if at is None or people[at].kind == "organisation":
        clear: list[AgentIdentifier] = []
    else:
        clear = [each for each in known if len(values[each.scheme]) == 1]
    if at is not None and clear:
        people[at] = _identified(people[at], clear, draft, field)
    for each, raw in zip(known, owned, strict=True):
        if not clear or len(values[each.scheme]) > 1:
            draft.note(field, "identifier_unassigned", raw.value)


def _identifier(owned: Owned) -> AgentIdentifier:
    """EThOS wants ORCIDs without hyphens, so that only their numbers tell them from other ISNIs."""
    bare = owned.value.replace("-", "").replace(" ", "").upper()
    orcid = check_digits.orcid(bare) if owned.scheme.lower() in ("", "orcid") else None
    if orcid and (owned.scheme or any(first <= bare <= last for first, last in _ORCIDS)):
        return AgentIdentifier(orcid, "orcid")
    return agents.identifier(owned.value, owned.scheme) or AgentIdentifier(owned.value, owned.scheme or None)


def _identified(agent: Agent, known: list[AgentIdentifier], draft: Draft, field: str) -> Agent:
    named = agents.Named(field, orcid=agent.orcid, identifiers=list(agent.identifiers))
    for each in known:
        named.identify(each.value, each.scheme or "", draft.notes)
    kind = agent.kind or ("person" if named.orcid else None)
    return Agent(
        agent.name,
        agent.given,
        agent.family,
        kind,
        named.orcid,
        tuple(named.identifiers),
        agent.affiliations,
        agent.role,
    )


def _file(gathered: Gathered, draft: Draft) -> None:
    """Files of which more is known than their URL; `roles` makes the others of their identifiers."""
    lone = gathered.files[0] if len(gathered.files) == 1 and len(gathered.checksums) == 1 else None
    for each in gathered.checksums:
        file = each.file or lone
        if file is None or file.checksum:
            draft.leave(each.element)
        else:
            file.checksum = Checksum(each.alg, each.value)
    if any(file.format or file.checksum for file in gathered.files):
        for file in gathered.files[:MOST_FILES]:
            draft.files.append(File(file.url, media.file_name(file.url), file.format, None, file.checksum))


def _open(gathered: Gathered, draft: Draft) -> None:
    if draft.access is None and len(gathered.access) == 1:
        draft.access = next(iter(gathered.access))
    elif draft.access is None and gathered.access:
        draft.note("access", "access_differs", ", ".join(sorted(gathered.access)))
    if draft.access == "restricted" and draft.embargo:
        draft.access = None  # closed until the embargo ends, if that lies ahead
        moment = draft.context.received or draft.context.datestamp
        if moment and draft.embargo <= moment.date().isoformat():
            draft.access = "restricted"


def _graduate(gathered: Gathered, draft: Draft) -> None:
    """The degree, or, where a dataset or an article is in hand, the institution that published it."""
    said = gathered.degree
    if gathered.named and not said["qualification"]:
        said["qualification"].append(gathered.named)
    if draft.publisher is None and said["grantor"]:
        draft.publisher = said["grantor"][0]
    if said["qualification"] or said["level"]:
        draft.weigh(types.Weighed(types.WORD, "Dissertation"))
    if not _is_thesis(gathered, draft):
        for name, role in [(each, "institution") for each in said["grantor"]] + [
            (each, "department") for each in said["department"]
        ]:
            if name != draft.publisher:
                draft.contributors.append(names.read(name, draft.notes, field="contributors", role=role))
        return
    for values in said.values():
        for further in dict.fromkeys(values[1:]):
            if further != values[0]:
                draft.note("thesis", "further_value", further)
    first = {name: values[0] if values else None for name, values in said.items()}
    advisors = tuple(draft.contributors[at].name for at in gathered.advisors)
    if advisors or any(first.values()):
        draft.thesis = Thesis(
            first["qualification"], first["level"], first["grantor"], first["department"], advisors
        )


def _is_thesis(gathered: Gathered, draft: Draft) -> bool:
    if gathered.degree["qualification"] or gathered.degree["level"] or gathered.advisors:
        return True
    for spec in draft.context.set_specs:
        if spec.startswith("item_type_"):
            draft.weigh(types.of_set(spec))
    general = draft.type.general if draft.type else None
    return general == "Dissertation" or (not draft.is_figshare and general in (None, "Text", "Other"))
