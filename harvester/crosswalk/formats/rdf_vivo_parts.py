"""The parts of a work in RDF that are resources themselves: concepts, files, rights, funding, places, periods."""

import re
from collections.abc import Callable

from lxml import etree

from harvester.crosswalk.dcterms import REFINEMENTS
from harvester.crosswalk.draft import Draft
from harvester.crosswalk.fields import dates, funding, identifiers, licences, media, places
from harvester.crosswalk.fields import text as texts
from harvester.crosswalk.formats import oai_dc
from harvester.crosswalk.formats.rdf_vivo_graph import BLANK, Graph, class_name, refers
from harvester.crosswalk.tree import local_name
from harvester.entry import Box, Checksum, File, Geo, Point, Rights, Subject

Property = Callable[[Draft, Graph, etree._Element], None]
Node = list[etree._Element]

_CLASSIFICATIONS = ("DDC", "LCC", "UDC")  # their terms are notations
_IANA = re.compile(r"https?://(?:www\.)?iana\.org/assignments/media-types/", re.IGNORECASE)
_CONTENT = ("application/zip", "application/gzip", "application/x-tar", "application/x-gzip")
_NUMBER = r"(-?[0-9]{1,3}(?:\.[0-9]{1,20})?)"
_POINT = re.compile(rf"POINT ?\( ?{_NUMBER} {_NUMBER} ?\)", re.IGNORECASE)
_PAIR = re.compile(rf"{_NUMBER} {_NUMBER}")
MOST_POINTS = 1_000_000  # characters of a polygon


def _within(graph: Graph, nodes: Node, *names: str) -> Node:
    """The properties of these names, in the order of the document."""
    return [
        property_ for node in nodes for property_ in graph.properties(node) if local_name(property_) in names
    ]


def _line(draft: Draft, graph: Graph, properties: Node, field: str) -> str:
    """The first property's text as one clean line; "" where there is none."""
    for property_ in properties:
        if said := texts.line(graph.text(property_)[0], draft.notes, field):
            return said
    return ""


def _uri(graph: Graph, property_: etree._Element) -> str | None:
    target = graph.target(property_)
    return target if target and not target.startswith(BLANK) else None


def subject(draft: Draft, graph: Graph, property_: etree._Element) -> None:
    """A keyword, or a concept with its label, URI and scheme."""
    if not refers(property_):
        if raw := graph.literal(property_):
            oai_dc.subject(draft, raw, property_)
        return
    nodes, uri = graph.nodes(property_), _uri(graph, property_)
    found = graph.label(nodes)
    said = texts.line(found[0], draft.notes, "subjects") if found else ""
    scheme = None
    for member in _within(graph, nodes, "inScheme", "memberOf"):
        of = graph.label(graph.nodes(member))
        scheme = (
            scheme
            or (texts.line(of[0], draft.notes, "subjects") if of else None)
            or _named(_uri(graph, member))
        )
    if said or uri:
        draft.subjects.append(
            Subject(said or None, scheme, uri, said or None if scheme in _CLASSIFICATIONS else None)
        )


def _named(uri: str | None) -> str | None:
    """`LCSH` of http://purl.org/dc/terms/LCSH; others' URIs stay whole."""
    if uri and uri.startswith(("http://purl.org/dc/terms/", "http://www.gutenberg.org/2009/pgterms/")):
        return class_name(uri)
    return uri


def rights(draft: Draft, graph: Graph, property_: etree._Element) -> None:
    """A licence or a statement: its words, its URI, or both."""
    uri = _uri(graph, property_) if refers(property_) else None
    if uri is None:
        raw, element = graph.text(property_)
        if raw:
            oai_dc.rights(draft, raw, element)
        return
    found = graph.label(graph.nodes(property_))
    said = texts.plain(found[0], draft.notes, "rights") if found else ""
    statement = licences.read(uri, draft.notes)
    of_words = licences.read(said, draft.notes) if said and not statement.rights.spdx else None
    spdx = statement.rights.spdx or (of_words.rights.spdx if of_words else None)
    draft.rights.append(Rights(said or None, uri, spdx))
    draft.access = draft.access or statement.access or (of_words.access if of_words else None)


def distribution(draft: Draft, graph: Graph, property_: etree._Element) -> None:
    """dcat:distribution: a file; or, as Zenodo has it, what all files share (no link but the item's own)."""
    for nodes in graph.resources(property_):
        for stated in _within(graph, nodes, "license", "rights", "accessRights"):
            rights(draft, graph, stated)
        for extent in _within(graph, nodes, "extent"):
            if said := _line(draft, graph, [extent], "sizes"):
                draft.sizes.append(said)
        url = next(iter(_links(draft, graph, nodes, "downloadURL")), None)
        if url is None:
            own = {draft.landing, *(raw for _, raw in draft.found[:100])}
            url = next((link for link in _links(draft, graph, nodes, "accessURL") if link not in own), None)
        if url:
            _file(draft, graph, nodes, url, size="byteSize")
        elif (kind := _format(draft, graph, nodes)) and kind not in draft.formats[:50]:
            draft.formats.append(kind)


def _links(draft: Draft, graph: Graph, nodes: Node, name: str) -> list[str]:
    said = [texts.line(graph.link(each), draft.notes, "files") for each in _within(graph, nodes, name)]
    return [link for link in said if link and not link.startswith(BLANK)]


def has_format(draft: Draft, graph: Graph, property_: etree._Element) -> None:
    """Another format of the work: Gutenberg's are files, described on the spot."""
    nodes, uri = graph.nodes(property_), _uri(graph, property_)
    if uri and any(local_name(node).lower() == "file" for node in nodes):
        _file(draft, graph, nodes, uri, size="extent")
    elif raw := graph.link(property_):
        REFINEMENTS["hasFormat"](draft, raw, property_)


def _file(draft: Draft, graph: Graph, nodes: Node, url: str, *, size: str) -> None:
    octets = None
    for property_ in _within(graph, nodes, size):
        said = _line(draft, graph, [property_], "files")
        number, dot, rest = said.partition(".")
        octets = octets or media.size_in_bytes(number if dot and not rest.strip("0") else said)
        if octets is None and said:
            draft.sizes.append(said)
    name = _line(
        draft, graph, _within(graph, nodes, "title") or _within(graph, nodes, "label"), "files"
    ) or media.file_name(url)
    draft.files.append(File(url, name, _format(draft, graph, nodes), octets, _checksum(draft, graph, nodes)))


def _format(draft: Draft, graph: Graph, nodes: Node) -> str | None:
    """The media type. Gutenberg writes that of an archive and that of what is in it, in any order."""
    stated = _within(graph, nodes, "mediaType") or _within(graph, nodes, "format")
    if len(stated) > 1:
        packed = [each for each in stated[:10] if (of := graph.peek(each)) and of.strip() in _CONTENT]
        stated = packed or stated
    said = _line(draft, graph, stated, "files")
    return _IANA.sub("", said) or None


def _checksum(draft: Draft, graph: Graph, nodes: Node) -> Checksum | None:
    for property_ in _within(graph, nodes, "checksum"):
        inner = graph.nodes(property_)
        value = _line(draft, graph, _within(graph, inner, "checksumValue"), "files")
        algorithm = [_uri(graph, each) or graph.literal(each) for each in _within(graph, inner, "algorithm")][
            :1
        ]
        if value:
            kind = class_name(algorithm[0]).removeprefix("checksumAlgorithm_") if algorithm else ""
            return Checksum(texts.line(kind, draft.notes, "files") or None, value)
    return None


def funded(draft: Draft, graph: Graph, property_: etree._Element) -> None:
    """citedcat:isFundedBy: a project, and who pays for it."""
    for nodes in graph.resources(property_):
        funder, funder_id = "", ""
        for awarded in _within(graph, nodes, "isAwardedBy", "funder")[:1]:
            funder, funder_id = _funder(draft, graph, awarded)
        award = _line(draft, graph, _within(graph, nodes, "identifier"), "funding")
        title = _line(draft, graph, _within(graph, nodes, "title", "name"), "funding")
        uri = next((own for node in nodes if (own := graph.name(node)) and own.startswith("http")), "")
        draft.add("funding", funding.reference(funder, award, funder_id=funder_id, title=title, uri=uri))


def funder(draft: Draft, graph: Graph, property_: etree._Element) -> None:
    """citedcat:funder: Zenodo names again who pays for the projects."""
    name, own = _funder(draft, graph, property_)
    if all((name, own or each.funder_id) != (each.funder, each.funder_id) for each in draft.funding[:100]):
        draft.add("funding", funding.reference(name, funder_id=own))


def _funder(draft: Draft, graph: Graph, property_: etree._Element) -> tuple[str, str]:
    nodes = graph.nodes(property_)
    found = graph.label(nodes) if nodes else (graph.literal(property_), property_)
    own = _line(draft, graph, _within(graph, nodes, "identifier"), "funding") or _uri(graph, property_) or ""
    return texts.line(found[0], draft.notes, "funding") if found else "", own


def spatial(draft: Draft, graph: Graph, property_: etree._Element) -> None:
    """A place: its name, and its point or polygon in WKT (longitude first, CRS84) or as WGS 84's lat and long."""
    nodes = graph.nodes(property_) if refers(property_) else []
    if not nodes:
        raw = graph.text(property_)[0]
        if raw:
            REFINEMENTS["spatial"](draft, raw, property_)
        return
    found = graph.label(nodes)
    place = (texts.line(found[0], draft.notes, "geo") if found else "") or _uri(graph, property_)
    geo = Geo(place, _point(draft, graph, nodes), *_shapes(draft, graph, nodes))
    if geo != Geo():
        draft.geo.append(geo)


def _point(draft: Draft, graph: Graph, nodes: Node) -> Point | None:
    for shape in _within(graph, nodes, "centroid", "geometry", "asWKT"):
        said = (shape.text or "").strip()
        if match := _POINT.fullmatch(said[:200]):
            graph.literal(shape)
            return places.point(float(match[2]), float(match[1]), draft.notes, said)
    lat, lon = (
        _line(draft, graph, _within(graph, nodes, *names), "geo") for names in (("lat",), ("long", "lon"))
    )
    if _is_number(lat) and _is_number(lon):
        return places.point(float(lat), float(lon), draft.notes, f"{lat} {lon}")
    return None


def _shapes(draft: Draft, graph: Graph, nodes: Node) -> tuple[Box | None, tuple[tuple[Point, ...], ...]]:
    box: Box | None = None
    polygon: list[tuple[Point, ...]] = []
    for shape in _within(graph, nodes, "geometry", "asWKT", "bbox"):
        said = (shape.text or "").strip()
        if not said.startswith("POLYGON") or not said.endswith(")") or len(said) > MOST_POINTS:
            continue
        ring = _ring(draft, said)
        if not ring:
            continue
        graph.literal(shape)
        lats, lons = [point.lat for point in ring], [point.lon for point in ring]
        if local_name(shape) == "bbox":
            box = box or Box(min(lons), min(lats), max(lons), max(lats))
        elif ring not in polygon[:10]:
            polygon.append(ring)
    return box, tuple(polygon)


def _ring(draft: Draft, said: str) -> tuple[Point, ...]:
    ring = tuple(Point(float(lat), float(lon)) for lon, lat in _PAIR.findall(said))
    if any(abs(point.lat) > 90 or abs(point.lon) > 180 for point in ring):
        draft.note("geo", "coordinates_impossible", said)
        return ()
    return ring


def _is_number(said: str) -> bool:
    return re.fullmatch(_NUMBER, said) is not None


def temporal(draft: Draft, graph: Graph, property_: etree._Element) -> None:
    """A period: a text, or its two ends."""
    nodes = graph.nodes(property_) if refers(property_) else []
    ends = [
        _line(draft, graph, _within(graph, nodes, *names), "dates")
        for names in (("startDate", "begin", "hasBeginning"), ("endDate", "end", "hasEnd"))
    ]
    said = "/".join(end or ".." for end in ends) if any(ends) else graph.text(property_)[0]
    if said:
        draft.dates.append(dates.read(texts.line(said, draft.notes, "dates"), draft.notes, type="Coverage"))


def identifier(draft: Draft, graph: Graph, property_: etree._Element) -> None:
    """An identifier: a literal, a URI, or adms:Identifier with its scheme."""
    nodes = graph.nodes(property_) if refers(property_) else []
    if notation := _line(draft, graph, _within(graph, nodes, "notation"), "identifiers"):
        known = identifiers.identify(notation)
        if known is None:
            scheme = _line(draft, graph, _within(graph, nodes, "schemeAgency"), "identifiers")
            known = identifiers.typed(notation, scheme)
        draft.found.append((known, notation))
    elif raw := graph.link(property_):
        oai_dc.identifier(draft, raw, property_)
