"""Properties of a work in RDF that hold a text or point somewhere: what Dublin Core's rules read, and VIVO's dates."""

import re

from lxml import etree

from harvester.crosswalk.draft import Draft
from harvester.crosswalk.fields import containers, dates, identifiers, media
from harvester.crosswalk.fields import text as texts
from harvester.crosswalk.formats import oai_dc
from harvester.crosswalk.formats.rdf_vivo_graph import Graph, class_name, refers
from harvester.crosswalk.formats.rdf_vivo_parts import Property
from harvester.crosswalk.table import Rule
from harvester.crosswalk.tree import children

_DATE_URI = re.compile(r"/date(-?[0-9][0-9TtZz:.+-]{3,40})/?$")


def text(rule: Rule) -> Property:
    """A property that says something: the rule of Dublin Core is given the literal, or the label of the resource."""

    def branch(draft: Draft, graph: Graph, property_: etree._Element) -> None:
        raw, element = graph.text(property_)
        if raw:
            rule(draft, raw, element)

    return branch


def link(rule: Rule) -> Property:
    """A property that points somewhere: the rule of Dublin Core is given the URI, or the literal."""

    def branch(draft: Draft, graph: Graph, property_: etree._Element) -> None:
        if raw := graph.link(property_):
            rule(draft, raw, property_)

    return branch


def title(draft: Draft, raw: str, element: etree._Element) -> None:
    """rdfs:label may repeat the title."""
    said = texts.line(raw, draft.notes, "titles")
    if all(said != held.text for held in draft.titles[:20]):
        oai_dc.title(draft, raw, element)


def dated(kind: str) -> Property:
    """vivo:datePublished and the like: the date is the end of a URI, http://openvivo.org/a/date2010-01-08."""

    def branch(draft: Draft, graph: Graph, property_: etree._Element) -> None:
        said = texts.line(graph.link(property_), draft.notes, "dates")
        nodes = graph.nodes(property_) if refers(property_) else []
        for stated in (each for node in nodes for each in children(node, "dateTime")):
            said = texts.line(graph.literal(stated), draft.notes, "dates") or said
        if match := _DATE_URI.search(said):
            said = match[1]
        if said:
            found = dates.read(said, draft.notes, type=kind, latest=draft.latest)
            if found not in draft.dates[:50]:
                draft.dates.append(found)

    return branch


def language(draft: Draft, graph: Graph, property_: etree._Element) -> None:
    raw, element = graph.text(property_)
    if raw.startswith(("http://", "https://")):
        raw = class_name(raw)  # http://publications.europa.eu/resource/authority/language/DAN
    if raw:
        oai_dc.language(draft, raw, element)


def page(draft: Draft, graph: Graph, property_: etree._Element) -> None:
    """The page of the work, which its own URI need not be."""
    said = texts.line(graph.link(property_), draft.notes, "identifiers")
    known = identifiers.identify(said)
    if known:
        draft.found.append((known, said))
    elif said:
        draft.identify(said)
    if known and known.scheme == "url" and not media.is_file_url(said):
        draft.landing = said


def version(draft: Draft, raw: str, _element: etree._Element) -> None:
    said = texts.line(raw, draft.notes, "version")
    if said and draft.version not in (None, said):
        draft.note("version", "further_value", said)
    draft.version = draft.version or said or None


def contained(part: str) -> Rule:
    """A rule for one of the container's texts."""

    def rule(draft: Draft, raw: str, _element: etree._Element) -> None:
        if said := texts.line(raw, draft.notes, "container"):
            draft.container = containers.with_part(draft.container, part, said)
            if getattr(draft.container, part) != said:
                draft.note("container", "further_value", said)

    return rule


def numbered(scheme: str) -> Rule:
    def rule(draft: Draft, raw: str, _element: etree._Element) -> None:
        if said := texts.line(raw, draft.notes, "identifiers"):
            known = identifiers.typed(said, scheme)
            if known.scheme == "issn":
                draft.identify(f"issn:{known.value}")
            else:
                draft.found.append((known, said))

    return rule
