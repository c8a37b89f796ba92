"""cerif: where a publication appeared: its journal, series or book, and its place in it.

A part of `cerif.py`.
"""

from dataclasses import dataclass, field

from lxml import etree

from harvester.crosswalk.draft import Draft
from harvester.crosswalk.formats.cerif_links import Target, relate, work
from harvester.crosswalk.formats.cerif_parties import parties, spare
from harvester.crosswalk.formats.cerif_values import chosen, ends, identifier, parts
from harvester.crosswalk.tree import line, local_name
from harvester.entry import Container

PLACES = ("Volume", "Issue", "StartPage", "EndPage", "Edition", "Number")


@dataclass(slots=True)
class Place:
    """Where a publication appeared, in the making: what it says of itself, and the journal or book it leads to."""

    issns: list[str] = field(default_factory=list)
    values: dict[str, str] = field(default_factory=dict)
    title: str = ""
    host_issns: list[str] = field(default_factory=list)
    publisher: str = ""

    def located(self, draft: Draft, element: etree._Element, name: str) -> None:
        """Take one of PLACES; the first of each counts."""
        said = line(draft, element, "container")
        if said and name in self.values:
            draft.note("container", "further_value", said)
        elif said:
            self.values[name] = said

    def numbered(self, draft: Draft, element: etree._Element) -> None:
        """Take an ISSN: an identifier, and an article's is its journal's."""
        known = identifier(draft, element)
        if known is None:
            return
        draft.found.append((known, line(draft, element, "identifiers")))
        if known.scheme == "issn":
            self.issns.append(known.value)

    def published_in(self, draft: Draft, link: etree._Element, kind: str) -> None:
        """Take the host; `kind` is the relation to it, where it has an identifier that a container has no room for."""
        display, inner, holder = ends(draft, link, "container")
        target, names = _target(draft, inner)
        own = chosen(draft, names, "container")
        self.title = own or display
        if own and display and holder is not None:
            draft.pass_over(holder.tag)
        self.host_issns = [known.value for known in target.found if known.scheme == "issn"]
        target.found = [known for known in target.found if known.scheme != "issn"]
        target.names = []
        if target.found or not (self.title or self.host_issns):
            relate(draft, kind, target)
        elif target.kind is not None:
            draft.leave(target.kind)
        self.publisher = next(filter(None, [_publisher(draft, each) for each in target.publishers]), "")

    def settle(self, draft: Draft) -> None:
        """Give the draft its container; a journal's own ISSN is no container of it."""
        is_serial = draft.type is not None and draft.type.general == "Journal"
        issns = self.host_issns + ([] if is_serial else self.issns)
        said = self.values
        if self.title or issns or said:
            draft.container = Container(
                self.title or None, tuple(dict.fromkeys(issns)), said.get("Volume"), said.get("Issue"),
                said.get("StartPage"), said.get("EndPage"), said.get("Edition"), said.get("Number"),
            )  # fmt: skip
        # Who publishes a journal or a book publishes what appears in it
        if draft.publisher is None:
            draft.publisher = self.publisher or None
        elif self.publisher and self.publisher != draft.publisher:
            draft.note("publisher", "further_value", self.publisher)


def host_of(metadata: etree._Element) -> etree._Element | None:
    """The link to the journal or series it was published in, else to the book it is part of; empty ones are passed over."""
    for wanted in (("PublishedIn",), ("PartOf", "IsPartOf")):
        for child in metadata:
            if local_name(child) in wanted and _leads_to_a_publication(child):
                return child
    return None


def _leads_to_a_publication(link: etree._Element) -> bool:
    if any(local_name(inner) in ("Product", "Patent") for inner in link):
        return False
    return any(each.text and not each.text.isspace() for each in link.iter(etree.Element))


def _target(draft: Draft, inner: list[tuple[str, etree._Element]]) -> tuple[Target, list[etree._Element]]:
    """The first Publication and its titles; titles may stand without one around them (LA Referencia)."""
    target: Target | None = None
    loose: list[etree._Element] = []
    for name, child in inner:
        if name == "Publication" and target is None:
            target = work(draft, child)
        elif name in ("Title", "Name"):
            loose.append(child)
        else:
            draft.leave(child)
    if target is None:
        return Target(), loose
    return target, target.names + loose


def _publisher(draft: Draft, element: etree._Element) -> str:
    named = ""
    for name, child in parts(draft, element):
        if name != "Publisher" or named:
            draft.leave(child)
            continue
        for agent in parties(draft, child, "publisher"):
            if named:
                draft.note("publisher", "further_value", agent.name)
            named = named or agent.name
            spare(draft, agent, "publisher", "publisher")
    return named
