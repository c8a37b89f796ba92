"""JPCOAR schema 1.0 to 2.1: the format of Japan's institutional repositories (https://schema.irdb.nii.ac.jp/en)."""

import re

from lxml import etree

from harvester.crosswalk.dcterms import REFINEMENTS
from harvester.crosswalk.draft import Draft
from harvester.crosswalk.formats import datacite_dates, datacite_places, datacite_texts, oai_dc
from harvester.crosswalk.formats import jpcoar_agents as agents
from harvester.crosswalk.formats import jpcoar_parts as parts
from harvester.crosswalk.reading import Crosswalk
from harvester.crosswalk.tree import Branches, descend, leaf, local_name

_ROOT = "{https://github.com/JPCOAR/schema/blob/master/%s/}jpcoar"
_VERSION = re.compile(r"/([0-9](?:\.[0-9]{1,2})?)/?\}")
_OWN = frozenset(("title", "creator", "identifier", "accessRights"))

BRANCHES: Branches = {
    "title": leaf(oai_dc.title),
    "alternative": leaf(REFINEMENTS["alternative"]),
    "volumeTitle": parts.volume_title,
    "creator": agents.creator,
    "contributor": agents.contributor,
    "rightsHolder": agents.rights_holder,
    "holdingAgent": agents.holding_agent,
    "accessRights": parts.rights,
    "rights": parts.rights,
    "subject": parts.subject,
    "description": datacite_texts.description,
    "publisher": parts.publisher,
    "date": datacite_dates.date,
    "dateGranted": parts.granted,
    "language": leaf(oai_dc.language),
    "type": parts.type_,
    "version": parts.version,
    "identifier": parts.identifier,
    "identifierRegistration": parts.registration,
    "dissertationNumber": parts.numbered("dissertationnumber"),
    "relation": parts.relation,
    "temporal": leaf(REFINEMENTS["temporal"]),
    "geoLocation": datacite_places.geo_location,
    "fundingReference": parts.funding_reference,
    "sourceIdentifier": parts.source_identifier,
    "sourceTitle": parts.source("title"),
    "volume": parts.source("volume"),
    "issue": parts.source("issue"),
    "pageStart": parts.source("first_page"),
    "pageEnd": parts.source("last_page"),
    "numPages": parts.pages,
    "edition": parts.source("edition"),
    "extent": leaf(REFINEMENTS["extent"]),
    "format": leaf(REFINEMENTS["medium"]),
    "degreeName": parts.degree_name,
    "degreeGrantor": parts.degree_grantor,
    "file": parts.file,
}


def read(metadata: etree._Element, draft: Draft) -> None:
    """Fill the draft from a <jpcoar:jpcoar>. What <catalog> holds is about the database, and left."""
    stated = _VERSION.search(str(metadata.tag)[:200])
    draft.schema = stated[1] if stated else None
    descend(draft, metadata, BRANCHES)
    parts.advisors(draft)


def is_jpcoar(metadata: etree._Element) -> bool:
    """Whether any child is an element that every JPCOAR document has."""
    return any(local_name(child) in _OWN for child in metadata)


CROSSWALK = Crosswalk(
    "jpcoar",
    1,
    read,
    roots=tuple(_ROOT % version for version in ("1.0", "2.0", "2.1")),
    local_names=("jpcoar",),
    fits=is_jpcoar,
)
