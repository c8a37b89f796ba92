"""People and organisations in RDF: VIVO's authorships with their vcards, and the nodes of FOAF, DCAT and EDM.

What a person is called and what identifies them is taken from the nodes that are linked to that person, never from
those that merely stand next to them.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from lxml import etree

from harvester.crosswalk.draft import Draft
from harvester.crosswalk.fields import text as texts
from harvester.crosswalk.fields.agents import Named
from harvester.crosswalk.formats.rdf_vivo_graph import BLANK, Graph, refers
from harvester.crosswalk.tree import children, local_name
from harvester.entry import Agent

EDITORSHIP = frozenset(("Editorship",))
AUTHORSHIP = EDITORSHIP | {"Authorship"}
PEOPLE = frozenset(
    ("Person", "FacultyMember", "Student", "Librarian", "NonAcademic", "FacultyMemberEmeritus")
)
ORGANISATIONS = frozenset(
    ("Organization", "Organisation", "OrganizationalUnit", "FormalOrganization", "Group", "University", "Company",
     "College", "Department", "ResearchOrganization", "Institute", "Laboratory", "Funder", "FundingOrganization")
)  # fmt: skip
CARDS = frozenset(("Individual", "Kind", "VCard", "Name"))
AGENTS = PEOPLE | ORGANISATIONS | CARDS | frozenset(("Agent", "agent"))

MOST_LINKED = 12  # nodes that describe one person: person, vcard, name, and what is said of them elsewhere
_ALIKE = ("hasName", "ARG_2000028", "ARG_2000029", "n")  # a person's vcard, a vcard's person, a vcard's name
_GIVEN = ("givenName", "firstName", "given-name", "givenname", "firstname")
_FAMILY = ("familyName", "lastName", "family-name", "surname", "family_name")
_NAMES = ("label", "name", "prefLabel")
_WHOLE = (
    "fn",
    "formattedName",
    "formatted-name",
)  # a vcard's label is often "vCard for: …", these are its name
_IDENTIFIED = {
    "orcidId": "orcid", "orcid": "orcid", "researcherId": "researcherid", "scopusId": "scopus", "isni": "isni",
    "identifier": "", "sameAs": "", "exactMatch": "",
}  # fmt: skip
_AFFILIATIONS = ("memberOf", "affiliation", "affiliatedOrganization", "currentMemberOf", "worksFor")

# https://figshare.com/authors/<name>/<number>; with -vcard and -name for the parts of it
_FIGSHARE = re.compile(r"https?://[\w.-]{0,100}figshare\.com/authors/[^/]{0,300}/([0-9]{1,12})(?:-vcard|-name)?", re.IGNORECASE)  # fmt: skip


def authorships(graph: Graph, draft: Draft, works: list[etree._Element], root: etree._Element) -> None:
    """The authors in the order of vivo:rank; those without one come last, in the order of the document.

    An authorship of another work is left, and so counted.
    """
    name = graph.name(works[0])
    ranked: list[tuple[float, bool, Agent]] = []
    for node in _candidates(graph, works, root):
        people = _people_of(graph, node, name)
        if people is None:
            continue
        rank = _rank(graph, draft, node)
        edits = graph.is_a(node, EDITORSHIP)
        if not people:
            draft.note("contributors" if edits else "creators", "person_missing", graph.name(node))
        for nodes in people:
            named = Named("contributors", role="Editor") if edits else Named("creators")
            if agent := of_nodes(graph, draft, nodes, named):
                ranked.append((rank, edits, agent))
    for _, edits, agent in sorted(ranked, key=lambda each: each[0]):
        (draft.contributors if edits else draft.creators).append(agent)


def _candidates(graph: Graph, works: list[etree._Element], root: etree._Element) -> list[etree._Element]:
    """The authorships of the document, each once: those of the root, and those within the work or that it names."""
    found = [node for node in root if isinstance(node.tag, str) and graph.is_a(node, AUTHORSHIP)]
    known = set(found)
    for work in works:
        for property_ in children(work, "relatedBy"):
            for node in graph.nodes(property_):
                if node not in known and graph.is_a(node, AUTHORSHIP):
                    known.add(node)
                    found.append(node)
    return found


def _people_of(
    graph: Graph, authorship: etree._Element, work: str | None
) -> list[list[etree._Element]] | None:
    """The nodes of each person that an authorship relates; None where it is that of another work."""
    people: list[list[etree._Element]] = []
    ours = theirs = False
    for property_ in graph.properties(authorship):
        if local_name(property_) not in ("relates", "linkedAuthor", "linkedInformationResource"):
            continue
        target = graph.target(property_)
        resources = graph.resources(property_)
        persons = [nodes for nodes in resources if any(_is_agent(graph, node) for node in nodes)]
        if target and work and _same(target, work):
            ours = True
        elif persons:
            people += persons
        elif target and not _FIGSHARE.fullmatch(target):
            theirs = theirs or work is not None or bool(resources)
    return None if theirs and not ours else people


def _is_agent(graph: Graph, node: etree._Element) -> bool:
    if graph.is_a(node, AGENTS):
        return True
    return any(local_name(each) in (*_ALIKE, *_GIVEN, *_FAMILY) for each in graph.properties(node))


def _same(one: str, other: str) -> bool:
    """Whether two URIs differ in nothing but http and https."""
    return one == other or one.removeprefix("https").removeprefix("http") == other.removeprefix(
        "https"
    ).removeprefix("http")


def _rank(graph: Graph, draft: Draft, authorship: etree._Element) -> float:
    for property_ in graph.properties(authorship):
        if local_name(property_) in ("rank", "authorRank"):
            said = texts.line(graph.literal(property_), draft.notes, "creators")
            if said.isascii() and said.isdecimal() and len(said) < 10:
                return int(said)
            if said:
                draft.note("creators", "rank_not_understood", said)
    return float("inf")


def of_property(
    graph: Graph, draft: Draft, property_: etree._Element, named: Callable[[], Named]
) -> list[Agent]:
    """The agents that a property refers to; `named` begins each."""
    found: list[Agent] = []
    resources = graph.resources(property_)
    for nodes in resources:
        if agent := of_nodes(graph, draft, nodes, named()):
            found.append(agent)
    if not resources and (target := graph.target(property_)):
        nobody = named()
        _identify(target, nobody, draft)
        nobody.agent(draft.notes)  # a problem: who it is stands elsewhere
    return found


def of_nodes(graph: Graph, draft: Draft, nodes: list[etree._Element], named: Named) -> Agent | None:
    """The agent that these nodes, and those they say are the same one's, describe."""
    said = _Said()
    linked = nodes[:MOST_LINKED]
    for node in linked:  # it grows below
        own = graph.name(node)
        card = graph.is_a(node, CARDS)
        if own and not own.startswith(BLANK) and (not card or _FIGSHARE.fullmatch(own)):
            _identify(own, named, draft)
        for kind in graph.kinds(node):
            named.kind = named.kind or _kind(kind)
        parts = _Parts()
        for property_ in graph.properties(node):
            name = local_name(property_)
            if name in _ALIKE and refers(property_):
                further = [one for one in graph.nodes(property_) if one not in linked]
                linked += further[: max(0, MOST_LINKED - len(linked))]
            elif name in _AFFILIATIONS:
                _affiliate(graph, draft, property_, named)
            elif name in _IDENTIFIED:
                value = texts.line(graph.link(property_), draft.notes, named.field)
                named.identify(value, _IDENTIFIED[name], draft.notes)
            elif (name in _NAMES and not card) or name in _WHOLE or name in _GIVEN or name in _FAMILY:
                word = (
                    ""
                    if refers(property_)
                    else texts.line(graph.literal(property_), draft.notes, named.field)
                )
                parts.take(name, word)
        said.add(own, parts)
    said.give(named, draft)
    return named.agent(draft.notes)


def _kind(class_: str) -> str | None:
    if class_ in PEOPLE:
        return "person"
    return "organisation" if class_ in ORGANISATIONS else None


@dataclass(slots=True)
class _Parts:
    """What one node says of a name; the first of each kind."""

    given: str = ""
    family: str = ""
    labels: list[str] = field(default_factory=list)

    def take(self, name: str, said: str) -> None:
        if name in _GIVEN:
            self.given = self.given or said
        elif name in _FAMILY:
            self.family = self.family or said
        elif said and said not in self.labels[:MOST_LINKED]:
            self.labels.append(said)


class _Said:
    """What the nodes of one agent say of its name: given and family name are taken from one node, never mixed."""

    __slots__ = ("_labels", "_names")

    def __init__(self) -> None:
        self._names: list[tuple[str | None, str, str]] = []
        self._labels: list[str] = []

    def add(self, own: str | None, parts: _Parts) -> None:
        """Take what another node says; `own` is what the node is called in the graph."""
        if parts.given or parts.family:
            self._names.append((own, parts.given, parts.family))
        self._labels += parts.labels

    def give(self, named: Named, draft: Draft) -> None:
        """Hand the name over. Where one resource bears two names nobody can say whose it is: a label is taken, if any."""
        first = self._names[0] if self._names else (None, "", "")
        others = [name for name in self._names[1:] if name[1:] != first[1:]]
        doubtful = any(other[0] == first[0] and other[0] is not None for other in others)
        if not doubtful:
            named.given, named.family = first[1:]
        for other in others if not doubtful else self._names:
            said = f"{other[1]} {other[2]}".strip()
            draft.note(named.field, "name_ambiguous" if doubtful else "name_differs", said)
        given_first, family_first = (
            f"{named.given} {named.family}".strip(),
            f"{named.family}, {named.given}".strip(" ,"),
        )
        for label in self._labels:
            if not named.name and label in ("" if given_first else label, family_first):
                named.name = label
            elif label not in (given_first, family_first, named.name):
                draft.note(named.field, "name_differs", label)


def _affiliate(graph: Graph, draft: Draft, property_: etree._Element, named: Named) -> None:
    word, element = graph.text(property_)
    target = graph.target(property_) or ""
    own = (
        texts.line(word, draft.notes, "affiliations")
        if element is not property_ or not refers(property_)
        else ""
    )
    named.affiliate(own, target if not target.startswith(BLANK) else "", "", draft.notes)


def _identify(uri: str, named: Named, draft: Draft) -> None:
    """A URI is an identifier, but for one that names a part of its document: `…record/1#agent_2`."""
    if match := _FIGSHARE.fullmatch(uri):
        named.identify(match[1], "figshare_author", draft.notes)
    elif uri.startswith(("http://", "https://", "urn:")) and "#" not in uri:
        named.identify(uri, "", draft.notes)
