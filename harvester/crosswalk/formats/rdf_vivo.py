"""rdf-vivo: figshare's RDF in the VIVO and BIBO ontologies; and whatever else is served as rdf:RDF about one work.

DSpace's ow:Publication, Zenodo's dcat:Dataset, Europeana's aggregations, Dublin Core inside rdf:Description. Namespaces
are not looked at: figshare has bound dc to terms and to elements/1.1, DSpace binds rdf to one of OAI's.
"""

from itertools import islice

from lxml import etree

from harvester.crosswalk.dcterms import REFINEMENTS
from harvester.crosswalk.draft import Draft
from harvester.crosswalk.fields import identifiers, media, relations, types
from harvester.crosswalk.fields import text as texts
from harvester.crosswalk.fields.agents import Named
from harvester.crosswalk.fields.contributor_types import CREATOR, contributor_type
from harvester.crosswalk.fields.identifiers import Known
from harvester.crosswalk.fields.vocabulary import terms
from harvester.crosswalk.formats import oai_dc
from harvester.crosswalk.formats import rdf_vivo_parts as parts
from harvester.crosswalk.formats import rdf_vivo_rules as rules
from harvester.crosswalk.formats.rdf_vivo_agents import AGENTS, AUTHORSHIP, authorships, of_property
from harvester.crosswalk.formats.rdf_vivo_graph import (
    BLANK,
    RDF_TYPE,
    Graph,
    kinds,
    reference,
    refers,
    spread,
)
from harvester.crosswalk.formats.rdf_vivo_parts import Property
from harvester.crosswalk.reading import Crosswalk
from harvester.crosswalk.tree import children, local_name
from harvester.entry import File

_RELATORS = "{http://id.loc.gov/vocabulary/relators/}"
_MOST_WORKS = 2000  # nodes that are looked at for the one that the document is about

_NOT_WORKS = AGENTS | AUTHORSHIP | frozenset((
    "Concept", "ConceptScheme", "Place", "Location", "Aggregation", "WebResource", "Catalog", "CatalogRecord",
    "Distribution", "TimeSpan", "PeriodOfTime", "DateTimeValue", "DateTimeInterval", "DataService",
))  # fmt: skip
_NOT_NODES = _NOT_WORKS | {""}  # comments and instructions have no name
_NAMED = frozenset(("title", "label", "doi", "identifier"))
_TELLING = _NAMED | frozenset((
    "handle", "abstract", "description", "creator", "author", "contributor", "publisher", "subject", "keyword",
    "freetextKeyword", "issued", "date", "datePublished", "dateModified", "dateCreated", "dateTimeValue", "language",
    "rights", "license", "distribution", "link", "format", "source", "relation",
))  # fmt: skip
# They say that something is a work, and not which kind
_VAGUE_CLASSES = frozenset(
    ("Description", "Work", "Resource", "ProvidedCHO", "Publication", "InformationResource", "channel", "item", "Entity", "Thing")
)  # fmt: skip


def main_subject(metadata: etree._Element) -> etree._Element | None:
    """The node that the document is about: of those that bear a title or an identifier the one of which most is said.

    A news feed is about its channel and not about one of the items.
    """
    best, most = None, 1
    for node in islice((each for each in metadata if local_name(each) not in _NOT_NODES), _MOST_WORKS):
        said = {local_name(property_) for property_ in islice(node, 200)}
        score = 1000 if local_name(node) == "channel" else len(said & _TELLING)
        if score > most and said & _NAMED and _NOT_WORKS.isdisjoint(kinds(node)):
            best, most = node, score
    return best


def read(metadata: etree._Element, draft: Draft) -> None:
    """Fill the draft from rdf:RDF: all that is said of its main subject, and of what that refers to."""
    main = main_subject(metadata)
    if main is None:
        draft.leave(metadata)
        return
    draft.clean = False  # literals are handed over as they stand, blanks at their ends and markup included
    graph = Graph(metadata)
    name = graph.name(main)
    nodes = graph.described(name) if name else [main]
    _page_of(draft, name)
    authorships(graph, draft, nodes, metadata)
    late: list[tuple[Property, etree._Element]] = []
    for node in nodes:
        for property_ in node:
            branch = _branch(property_)
            if branch in _LATE:
                late.append((branch, property_))
            elif branch is not None:
                for member in spread(property_):
                    branch(draft, graph, member)
    for branch, property_ in late:
        branch(draft, graph, property_)
    for node in islice(children(metadata, "Aggregation"), _MOST_WORKS):
        _aggregation(draft, graph, node, name)
    _class(draft, nodes)
    graph.leave(draft)


def _branch(property_: etree._Element) -> Property | None:
    tag = property_.tag
    if not isinstance(tag, str) or (tag in RDF_TYPE and reference(property_, "resource")):
        return None
    name = tag.rpartition("}")[2]
    return _contributor(name) if tag.startswith(_RELATORS) else BRANCHES.get(name)


def _page_of(draft: Draft, name: str | None) -> None:
    """The node's URI is an identifier of the work, and its page, where nothing else is said to be."""
    if name is None or name.startswith(BLANK) or ":" not in name:
        return
    known = identifiers.identify(name) or Known(name, "other")
    draft.found.append((known, name))
    if known.scheme == "url":
        draft.landing = name
        if article := relations.figshare_article(name):
            draft.version = article[1]


def _class(draft: Draft, nodes: list[etree._Element]) -> None:
    """The type by the node's classes. `Dataset` yields to dct:type: to DCAT articles are datasets too."""
    named = [name for node in nodes for name in kinds(node)]
    known = terms("rdf-classes", "classes")
    found = [known[name.casefold()] for name in named if name.casefold() in known]
    for general in found:
        if general != "Dataset" or draft.type is None:
            weight = types.VAGUE if general in ("Text", "Other") else types.INFO_EU_REPO
            draft.weigh(types.Weighed(weight, general))
    unknown = next((name for name in named if name not in _VAGUE_CLASSES), None)
    if not found and draft.type is None and unknown:
        draft.weigh(types.read(unknown, draft.notes))


def _creator(draft: Draft, graph: Graph, property_: etree._Element) -> None:
    if refers(property_):
        draft.creators += of_property(graph, draft, property_, lambda: Named("creators"))
    elif raw := graph.literal(property_):
        oai_dc.creator(draft, raw, property_)


def _contributor(word: str | None = None) -> Property:
    def branch(draft: Draft, graph: Graph, property_: etree._Element) -> None:
        role = contributor_type(word) if word else None
        agents, field = draft.contributors, "contributors"
        if role == CREATOR:
            agents, field, role = draft.creators, "creators", None
        if refers(property_):
            agents += of_property(graph, draft, property_, lambda: Named(field, role=role))
        elif said := texts.line(graph.literal(property_), draft.notes, field):
            agent = Named(field, said, role=role).agent(draft.notes)
            agents += [agent] if agent else []

    return branch


def _aggregation(draft: Draft, graph: Graph, node: etree._Element, work: str | None) -> None:
    """Europeana's ore:Aggregation: the page and the file of the cultural object, and its rights."""
    of = [graph.target(each) for each in children(node, "aggregatedCHO")]
    if of and work not in of:
        return
    for property_ in node:
        name = local_name(property_)
        if name == "isShownAt":
            rules.page(draft, graph, property_)
            draft.landing = texts.line(graph.link(property_), draft.notes, "identifiers") or draft.landing
        elif name == "isShownBy" and (url := texts.line(graph.link(property_), draft.notes, "files")):
            draft.files.append(File(url, media.file_name(url)))
        elif name == "rights":
            parts.rights(draft, graph, property_)


_POINTING = (
    "isPartOf", "isVersionOf", "replaces", "isReplacedBy", "requires", "isRequiredBy", "references", "isReferencedBy",
    "isFormatOf", "conformsTo", "hasPart", "hasVersion",
)  # fmt: skip

BRANCHES: dict[str, Property] = {
    **{name: rules.text(rule) for name, rule in (oai_dc.ELEMENTS | REFINEMENTS).items()},
    **{name: rules.link(REFINEMENTS[name]) for name in _POINTING},
    "title": rules.text(rules.title),
    "label": rules.text(rules.title),
    "creator": _creator,
    "author": _creator,
    "authorList": _creator,
    "contributor": _contributor(),
    "editor": _contributor("editor"),
    "translator": _contributor("translator"),
    "subject": parts.subject,
    "keyword": parts.subject,
    "freetextKeyword": parts.subject,
    "theme": parts.subject,
    "hasSubjectArea": parts.subject,
    "bookshelf": parts.subject,
    "type": rules.link(oai_dc.type_),
    "language": rules.language,
    "identifier": parts.identifier,
    "sameAs": parts.identifier,
    "doi": rules.text(rules.numbered("doi")),
    "handle": rules.text(rules.numbered("handle")),
    "pmid": rules.text(rules.numbered("pmid")),
    "pmcid": rules.text(rules.numbered("pmcid")),
    "isbn": rules.text(rules.numbered("isbn")),
    "isbn10": rules.text(rules.numbered("isbn")),
    "isbn13": rules.text(rules.numbered("isbn")),
    "issn": rules.text(rules.numbered("issn")),
    "eissn": rules.text(rules.numbered("issn")),
    "datePublished": rules.dated("Issued"),
    "dateIssued": rules.dated("Issued"),
    "dateTimeValue": rules.dated("Issued"),
    "dateModified": rules.dated("Updated"),
    "dateCreated": rules.dated("Created"),
    "source": rules.link(oai_dc.source),
    "relation": rules.link(oai_dc.relation),
    "covarage": rules.text(oai_dc.coverage),  # so written by DSpace's rdf.xsl
    "rights": parts.rights,
    "license": parts.rights,
    "licence": parts.rights,
    "accessRights": parts.rights,
    "page": rules.page,
    "landingPage": rules.page,
    "link": rules.page,
    "url": rules.page,
    "hasFormat": parts.has_format,
    "distribution": parts.distribution,
    "spatial": parts.spatial,
    "temporal": parts.temporal,
    "isFundedBy": parts.funded,
    "funder": parts.funder,
    "versionInfo": rules.text(rules.version),
    "version": rules.text(rules.version),
    "hasPublicationVenue": rules.text(rules.contained("title")),
    "volume": rules.text(rules.contained("volume")),
    "issue": rules.text(rules.contained("issue")),
    "pageStart": rules.text(rules.contained("first_page")),
    "pageEnd": rules.text(rules.contained("last_page")),
}
_LATE = (parts.distribution, parts.funder)  # they are measured against what is known of the work

CROSSWALK = Crosswalk(
    "rdf-vivo",
    1,
    read,
    local_names=("RDF",),
    fits=lambda metadata: main_subject(metadata) is not None,
    most_elements=100_000,
)
