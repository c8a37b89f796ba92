"""didl: MPEG-21 items that wrap a description (oai_dc, qualified Dublin Core or MODS) and point at files.

Two dialects. DSpace's has one Item with everything in it. That of the Dutch repositories nests an Item for each part,
and says what each one is: descriptiveMetadata, objectFile or humanStartPage.
"""

from dataclasses import dataclass, field

from lxml import etree

from harvester.crosswalk.dcterms import REFINEMENTS
from harvester.crosswalk.draft import Draft
from harvester.crosswalk.fields import identifiers, licences, media
from harvester.crosswalk.fields.identifiers import Known
from harvester.crosswalk.formats import mods, oai_dc
from harvester.crosswalk.reading import Crosswalk
from harvester.crosswalk.tree import attribute, children, leaf, line, local_name
from harvester.entry import File, Rights

_SEMANTICS = "info:eu-repo/semantics/"
_METADATA, _FILE, _PAGE = "descriptiveMetadata", "objectFile", "humanStartPage"
_HOLDERS = {"Container": "Item", "DIDLInfo": "created"}  # and what they hold that is read, or passed over
_MODS = ("mods", "modsCollection")
_DATES = {name: leaf(REFINEMENTS[name]) for name in ("created", "issued", "modified")}


@dataclass(slots=True)
class _Parts:
    """What is gathered before it is read: the descriptions, and what is said of who may see the files."""

    descriptions: list[etree._Element] = field(default_factory=list)
    access: dict[str, None] = field(default_factory=dict)


def read(metadata: etree._Element, draft: Draft) -> None:
    """Fill the draft from a DIDL document.

    Of several descriptions the richest is read, MODS before Dublin Core; the others are left, and so counted.
    """
    parts = _Parts()
    _outside_items(draft, metadata)
    for item in metadata.iter("{*}Item"):
        kind = _kind(draft, item)
        _stray(draft, item)
        for child in item:
            name = local_name(child)
            if name == "Descriptor":
                _descriptor(draft, child, kind, parts)
            elif name == "Component":
                _component(draft, child, kind, parts)
            elif name and name != "Item":
                draft.leave(child)
    best = max(parts.descriptions, key=_richness, default=None)
    for description in parts.descriptions:
        if description is not best:
            draft.leave(description)
        elif local_name(description) in _MODS:
            mods.read(description, draft)
        else:
            oai_dc.read(description, draft)
    _access(draft, parts)
    _prefer_links(draft)


def _prefer_links(draft: Draft) -> None:
    """The same handle as `urn:hdl:…` and as a URL is one identifier, and the URL the page that the source names."""
    links = {known: raw for known, raw in reversed(draft.found) if raw.startswith(("http://", "https://"))}
    draft.found = [
        (known, links.get(known, raw) if raw.startswith("urn:") else raw) for known, raw in draft.found
    ]


def _richness(description: etree._Element) -> bool:
    return local_name(description) in _MODS  # of equals max() takes the first


def _outside_items(draft: Draft, metadata: etree._Element) -> None:
    """DIDLInfo tells of the document: in DSpace's answers dcterms:created is the moment of the response."""
    _stray(draft, metadata)
    for child in metadata:
        name = local_name(child)
        if name in _HOLDERS:
            _stray(draft, child)
            for inner in child:
                if local_name(inner) not in ("", _HOLDERS[name]):
                    draft.leave(inner)
        elif name not in ("", "Item"):
            draft.leave(child)


def _stray(draft: Draft, element: etree._Element) -> None:
    """Count text where only elements are expected."""
    if element.text and not element.text.isspace():
        draft.pass_over(element.tag)


def _statements(element: etree._Element) -> list[etree._Element]:
    """What the Statements of a Descriptor hold."""
    return [
        said
        for statement in children(element, "Statement")
        for said in statement
        if isinstance(said.tag, str)
    ]


def _kind(draft: Draft, item: etree._Element) -> str | None:
    """What an Item is in the Dutch dialect: rdf:type's resource, or the text of dip:ObjectType."""
    for descriptor in children(item, "Descriptor"):
        for said in _statements(descriptor):
            name = local_name(said)
            if name == "ObjectType" or (name == "type" and not (said.text or "").strip()):
                stated = line(draft, said, "files") or attribute(draft, said, "resource", "files")
                if stated.removeprefix(_SEMANTICS) in (_METADATA, _FILE, _PAGE):
                    return stated.removeprefix(_SEMANTICS)
                if stated:
                    draft.note("files", "object_type_unknown", stated)
    return None


def _descriptor(draft: Draft, element: etree._Element, kind: str | None, parts: _Parts) -> None:
    """What is said of the whole; of a part only who may see it, and what describes the work."""
    _stray(draft, element)
    for child in element:
        if local_name(child) not in ("Statement", ""):
            draft.leave(child)
    for statement in children(element, "Statement"):
        _stray(draft, statement)
    for said in _statements(element):
        name = local_name(said)
        if _describes(said):
            parts.descriptions.append(said)
        elif name == "accessRights" and (text := line(draft, said, "rights")):
            parts.access.setdefault(text)
        elif name == "ObjectType" or (name == "type" and not (said.text or "").strip()):
            continue
        elif kind is None and name == "Identifier":
            _identifier(draft, line(draft, said, "identifiers"))
        elif kind is None and name in _DATES:
            _DATES[name](draft, said)
        else:
            draft.leave(said)


def _identifier(draft: Draft, said: str) -> None:
    """dii:Identifier holds URIs; DSpace writes a handle as urn:hdl:10575/25."""
    known = (
        identifiers.identify(said.removeprefix("urn:")) if said.startswith(("urn:hdl:", "urn:doi:")) else None
    )
    if known:
        draft.found.append((known, said))
    elif said:
        draft.identify(said)


def _describes(element: etree._Element) -> bool:
    """Whether an element is a description that one of our crosswalks reads."""
    name = local_name(element)
    if name in _MODS:
        return True
    return name in ("dc", "qualifieddc", "oai_dc", "qdc") and oai_dc.has_dublin_core(element)


def _component(draft: Draft, element: etree._Element, kind: str | None, parts: _Parts) -> None:
    _stray(draft, element)
    for child in element:
        name = local_name(child)
        if name == "Descriptor":
            _descriptor(draft, child, kind or _FILE, parts)
        elif name == "Resource":
            _resource(draft, child, kind, parts)
        elif name:
            draft.leave(child)


def _resource(draft: Draft, element: etree._Element, kind: str | None, parts: _Parts) -> None:
    """A file, the page of the work, or the description itself."""
    url = attribute(draft, element, "ref", "files")
    _stray(draft, element)  # the content itself, in base 64
    for inner in element:
        if not isinstance(inner.tag, str):
            continue
        if _describes(inner):
            parts.descriptions.append(inner)
        else:
            draft.leave(inner)
    # The Dutch dialect names its own record: …?verb=GetRecord&metadataPrefix=didl&identifier=…
    if not url or kind == _METADATA or "verb=GetRecord" in url:
        return
    if kind == _PAGE:
        draft.landing = draft.landing or url
        draft.found.append((identifiers.identify(url) or Known(url, "other"), url))
    elif identifiers.is_url(url):
        draft.files.append(
            File(url, media.file_name(url), attribute(draft, element, "mimeType", "files") or None)
        )
    else:
        draft.note("files", "url_unusable", url)


def _access(draft: Draft, parts: _Parts) -> None:
    """Who may see the files: of the work, where all are alike."""
    read_ = [licences.read(text, draft.notes) for text in parts.access]
    draft.rights += [Rights(each.rights.text, each.rights.uri, each.rights.spdx) for each in read_]
    stated = {each.access for each in read_}
    if draft.access is None and len(stated) == 1:
        draft.access = stated.pop()


def _holds_items(metadata: etree._Element) -> bool:
    return any(local_name(child) in ("Item", "Container") for child in metadata)


CROSSWALK = Crosswalk(
    "didl",
    1,
    read,
    roots=("{urn:mpeg:mpeg21:2002:02-DIDL-NS}DIDL", "{urn:mpeg:mpeg21:2002:01-DIDL-NS}DIDL"),
    local_names=("DIDL", "didl"),
    fits=_holds_items,
    passed_over=frozenset(("created",)),
)
