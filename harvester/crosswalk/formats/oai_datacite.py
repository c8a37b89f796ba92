"""oai_datacite: DataCite's wrapper for its metadata in OAI-PMH, versions 1.0 and 1.1, around a resource of any kernel."""

from itertools import islice

from lxml import etree

from harvester.crosswalk.draft import Draft
from harvester.crosswalk.formats import datacite
from harvester.crosswalk.reading import Crosswalk
from harvester.crosswalk.tree import line, local_name

# About the document and who registered it: neither is said of the resource.
ADMINISTRATIVE = frozenset(("isReferenceQuality", "schemaVersion", "datacentreSymbol"))


def read(metadata: etree._Element, draft: Draft) -> None:
    """Fill the draft from the resource in payload, or beside it (TUdatalib's answers of 2020 have no payload)."""
    resource: etree._Element | None = None
    stated = ""
    if metadata.text and not metadata.text.isspace():
        draft.pass_over(metadata.tag)
    for child in metadata:
        name = local_name(child)
        for inner in child if name == "payload" else (child,):
            own = local_name(inner)
            if own == "resource" and resource is None:
                resource = inner
            elif own == "schemaVersion":
                stated = line(draft, inner, "entry")[:1]
            elif own and own not in ADMINISTRATIVE:
                draft.leave(inner)
        if name == "payload" and child.text and not child.text.isspace():
            draft.pass_over(child.tag)
    if resource is None:
        draft.note("entry", "payload_missing", None)
        return
    draft.metadata = resource
    draft.schema = datacite.stated_kernel(resource) or (stated if stated in ("2", "3", "4") else None)
    datacite.read(resource, draft)


def has_resource(metadata: etree._Element) -> bool:
    """Whether a resource lies in it, or a payload for one."""
    return any(local_name(child) in ("payload", "resource") for child in islice(metadata, 50))


CROSSWALK = Crosswalk(
    "oai_datacite",
    1,
    read,
    roots=tuple(
        f"{{http://schema.datacite.org/oai/oai-{version}}}oai_datacite"
        for version in ("1.0/", "1.1/", "1.0", "1.1")
    ),
    local_names=("oai_datacite",),
    fits=has_resource,
    passed_over=ADMINISTRATIVE,
)
