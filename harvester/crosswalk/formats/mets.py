"""mets: the Library of Congress's Metadata Encoding and Transmission Standard, a wrapper around another format.

Of several dmdSec the one that describes the item is read, by the crosswalk of what it wraps: figshare's Dublin Core,
DSpace's MODS with or without its root, the MODS of digitised books and newspapers (DFG Viewer).
"""

from lxml import etree

from harvester.crosswalk.draft import Draft
from harvester.crosswalk.fields import identifiers
from harvester.crosswalk.fields.identifiers import Known
from harvester.crosswalk.formats import mets_files, mets_structure, mods, mods_access, oai_dc
from harvester.crosswalk.reading import Crosswalk
from harvester.crosswalk.tree import Branches, children, descend, line, local_name, paragraphs
from harvester.entry import Agent, Relation

NAMESPACE = "{http://www.loc.gov/METS/}"
_WRAPPERS = ("mets", "didl", "unknown")  # crosswalks that are never asked for what is wrapped
_LASTING = ("doi", "handle", "ark", "urn")


def read(metadata: etree._Element, draft: Draft) -> None:
    """Fill the draft from a METS document."""
    described = children(metadata, "dmdSec")
    division = mets_structure.item(metadata)
    chosen = _chosen(described, division)
    for element in metadata:
        match local_name(element):
            case "dmdSec" if element is chosen:
                _description(draft, element)
            case "dmdSec":
                draft.leave(element, element.tag)  # a chapter's, or the same in another format
            case "amdSec":
                descend(draft, element, _ADMINISTRATIVE)
            case "fileSec" | "":
                pass
            case _:
                draft.leave(element, element.tag)
    for section in children(metadata, "fileSec"):
        mets_files.read(draft, section)
    if division is not None and (chosen is None or chosen.get("ID") in (division.get("DMDID") or "").split()):
        mets_structure.read(draft, division)
    _name(draft, metadata.get("OBJID") or "")


def _chosen(described: list[etree._Element], division: etree._Element | None) -> etree._Element | None:
    """The first description of the item that holds something, else the first of all that does."""
    named = (division.get("DMDID") or "").split() if division is not None else []
    by_id = {each.get("ID"): each for each in described if _wrapped(each) is not None}
    own = next((by_id[name] for name in named if name in by_id), None)
    return own if own is not None else next(iter(by_id.values()), None)


def _wrapped(section: etree._Element) -> etree._Element | None:
    """The xmlData of a section, if it holds anything."""
    for wrapper in children(section, "mdWrap"):
        for data in children(wrapper, "xmlData"):
            if any(local_name(child) for child in data):
                return data
    return None


def _description(draft: Draft, section: etree._Element) -> None:
    from harvester.crosswalk.registry import crosswalk_for  # noqa: PLC0415 - it imports this module

    data = _wrapped(section)
    if data is None:
        return
    inner = [child for child in data if local_name(child)]
    crosswalk = crosswalk_for(inner[0])
    if crosswalk.name not in _WRAPPERS:
        draft.metadata = inner[0]
        crosswalk.read(inner[0], draft)
        for further in inner[1:]:
            draft.leave(further, further.tag)
    elif any(child.tag.startswith(mods.NAMESPACE) for child in inner) or mods.has_mods(data):
        mods.read(data, draft)  # as DSpace had it until 1.4
    elif oai_dc.has_dublin_core(data):
        draft.metadata = data
        oai_dc.read(data, draft)
    else:
        draft.note("entry", "unknown_format", str(inner[0].tag))
        draft.leave(data)


def _name(draft: Draft, name: str) -> None:
    """OBJID may be the item's handle; of a local number nobody knows whose it is."""
    known = identifiers.identify(name.strip())
    if known and known.scheme in _LASTING and all(known != other for other, _ in draft.found[:50]):
        draft.found.append((known, name.strip()))


def _rights(draft: Draft, element: etree._Element) -> None:
    """rightsMD: the DFG Viewer's rights, or METSRights."""
    data = _wrapped(element)
    for child in data if data is not None else ():
        match local_name(child):
            case "rights":
                descend(draft, child, _VIEWER_RIGHTS)
            case "RightsDeclarationMD":
                descend(draft, child, _DECLARATION)
            case name if name:
                draft.leave(child)
    if data is None:
        draft.leave(element, element.tag)


def _provenance(draft: Draft, element: etree._Element) -> None:
    """digiprovMD: the DFG Viewer's links; others tell of the making of the files."""
    data = _wrapped(element)
    links = children(data, "links") if data is not None else []
    for child in links:
        descend(draft, child, _VIEWER_LINKS)
    if not links:
        draft.leave(element, element.tag)


def _owner(draft: Draft, element: etree._Element) -> None:
    """The library whose copy was digitised, and which shows it."""
    if said := line(draft, element, "contributors"):
        draft.contributors.append(Agent(said, kind="organisation", role="HostingInstitution"))


def _sponsor(draft: Draft, element: etree._Element) -> None:
    if said := line(draft, element, "contributors"):
        draft.contributors.append(Agent(said, role="Sponsor"))


def _licence(draft: Draft, element: etree._Element) -> None:
    said = line(draft, element, "rights")
    link = said.startswith(("http://", "https://")) and " " not in said
    if any(rights.uri == said for rights in draft.rights[:50] if link):
        draft.leave(element)  # the description says it too
    else:
        mods_access.condition(draft, "" if link else said, said if link else "")


def _page(draft: Draft, element: etree._Element) -> None:
    said = line(draft, element, "identifiers")
    if identifiers.is_url(said):
        draft.found.append((Known(said, "url"), said))
        draft.landing = said
    else:
        draft.leave(element)


def _about(draft: Draft, element: etree._Element) -> None:
    """The catalogue's record, or a IIIF manifest."""
    said = line(draft, element, "relations")
    if identifiers.is_url(said):
        draft.relations.append(Relation("HasMetadata", said, "url"))
    else:
        draft.leave(element)


def _statement(draft: Draft, element: etree._Element) -> None:
    mods_access.condition(draft, paragraphs(draft, element, "rights"), "")


_VIEWER_RIGHTS: Branches = {"owner": _owner, "sponsor": _sponsor, "license": _licence}
_VIEWER_LINKS: Branches = {"presentation": _page, "reference": _about, "iiif": _about}
_DECLARATION: Branches = {"RightsDeclaration": _statement}
_ADMINISTRATIVE: Branches = {
    "rightsMD": _rights,
    "digiprovMD": _provenance,
    "techMD": lambda draft, element: draft.leave(element, element.tag),
    "sourceMD": lambda draft, element: draft.leave(element, element.tag),
}

CROSSWALK = Crosswalk(
    "mets",
    1,
    read,
    roots=(NAMESPACE + "mets",),
    local_names=("mets",),
    fits=lambda metadata: bool(children(metadata, "dmdSec")),
    passed_over=mods.PASSED_OVER,
)
