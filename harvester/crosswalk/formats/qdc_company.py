"""What stands between the Dublin Core of a record and is not Dublin Core: Europeana's links, OGC's boxes."""

from lxml import etree

from harvester.crosswalk.dcterms import MOST_COMPARED
from harvester.crosswalk.draft import Draft
from harvester.crosswalk.fields import identifiers, media, names, places, relations, text
from harvester.crosswalk.formats import oai_dc
from harvester.crosswalk.table import Rule
from harvester.entry import File, Geo

_EDM = "{http://www.europeana.eu/schemas/edm/}"
_OWS = (
    "{http://www.opengis.net/ows}",
    "{http://www.opengis.net/ows/1.1}",
    "{http://www.opengis.net/ows/2.0}",
)
_GEONETWORK = "{http://purl.org/dc/elements/1.1/}"


def shown_at(draft: Draft, raw: str, _element: etree._Element) -> None:
    """Europeana's and DPLA's link to the item's page."""
    said = draft.line(raw, "identifiers")
    if said:
        draft.identify(said)
        draft.landing = draft.landing or (said if identifiers.is_url(said) else None)


def data_provider(draft: Draft, raw: str, _element: etree._Element) -> None:
    said = draft.line(raw, "contributors")
    if said:
        draft.contributors.append(names.read(said, draft.notes, field="contributors", role="dataProvider"))


def linked(draft: Draft, raw: str, element: etree._Element) -> None:
    """GeoNetwork's dc:URI: a download, a page or a service about the data, or the picture of a preview."""
    said, protocol = draft.line(raw, "relations"), element.get("protocol") or ""
    is_file = "DOWNLOAD" in protocol or (media.is_file_url(said) and not protocol.startswith("image/"))
    if is_file and identifiers.is_url(said):
        name = text.line(element.get("name") or "", draft.notes, "files")
        draft.files.append(File(said, name or media.file_name(said)))
    elif said and (relation := relations.read(said)) not in draft.relations[:MOST_COMPARED]:
        draft.relations.append(relation)  # one service is named for each of its layers


def bounding_box(draft: Draft, _raw: str, element: etree._Element) -> None:
    """ows:WGS84BoundingBox: two corners, longitude before latitude (OGC 06-121r9, 10.2.2).

    ows:BoundingBox is left: its axes depend on its CRS, and GeoNetwork turns its corners round.
    """
    corners = [str(corner.text or "").split() for corner in element.iter("{*}LowerCorner", "{*}UpperCorner")]
    said = "; ".join(" ".join(corner) for corner in corners)
    try:
        (west, south), (east, north) = ((float(x), float(y)) for x, y in corners)
    except ValueError:
        draft.leave(element)
        return
    sides = {"west": west, "south": south, "east": east, "north": north}
    box = places.box(sides, draft.notes, said)
    draft.geo.append(Geo(None if box else said, None, box))


TABLE: dict[str, Rule] = {
    _EDM + "isShownAt": shown_at,
    _EDM + "dataProvider": data_provider,
    _EDM + "rights": oai_dc.rights,
    _GEONETWORK + "URI": linked,
} | {namespace + "WGS84BoundingBox": bounding_box for namespace in _OWS}
