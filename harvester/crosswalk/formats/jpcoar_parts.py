"""JPCOAR's other elements that hold more than a text: rights, subjects, relations, grants, journals, degrees, files."""

import re

from lxml import etree

from harvester.crosswalk.draft import Draft
from harvester.crosswalk.fields import (
    containers,
    dates,
    funding,
    identifiers,
    licences,
    media,
    types,
)
from harvester.crosswalk.fields.identifiers import Known
from harvester.crosswalk.fields.vocabulary import folded, terms
from harvester.crosswalk.formats import oai_dc
from harvester.crosswalk.formats.datacite_terms import relation_type, said
from harvester.crosswalk.formats.jpcoar_agents import first_name
from harvester.crosswalk.tree import Branch, attribute, line, local_name
from harvester.entry import Container, File, Problem, Relation, Rights, Subject, Thesis, Title

_CODE = re.compile(r"(?=[^0-9]{0,20}[0-9])[A-Za-z0-9.:/()-]{1,20}")
_UNCONTROLLED = ("", "other")
_KEPT_OUT = ("thumbnail",)  # made of the item, not the item


def rights(draft: Draft, element: etree._Element) -> None:
    """dc:rights and dcterms:accessRights: words, and in rdf:resource what they stand for."""
    text = line(draft, element, "rights")
    uri = attribute(draft, element, "resource", "rights")
    if not identifiers.is_url(uri):
        if uri:
            draft.note("rights", "uri_unusable", uri)
        uri = ""
    if not text and not uri:
        return
    unheard: list[Problem] = []
    by_text = licences.read(text, unheard) if text else None
    by_uri = licences.read(uri, draft.notes) if uri else None
    if by_text and by_uri is None:
        draft.notes.extend(unheard)
        draft.rights.append(by_text.rights)
    else:
        spdx = by_uri.rights.spdx if by_uri else None
        worded = by_text.rights.spdx if by_text else None
        if spdx and worded and spdx != worded:
            draft.note("licence", "licences_differ", f"{spdx}, {worded}")
            spdx = None
        draft.rights.append(Rights(text or None, uri, spdx))
    for statement in (by_uri, by_text):
        draft.access = draft.access or (statement.access if statement else None)


def type_(draft: Draft, element: etree._Element) -> None:
    """A COAR URI in rdf:resource, which is stronger, and a word for it."""
    for said_ in (attribute(draft, element, "resource", "type"), line(draft, element, "type")):
        if said_:
            draft.weigh(types.read(said_, draft.notes))


def subject(draft: Draft, element: etree._Element) -> None:
    text = line(draft, element, "subjects")
    scheme = said(draft, element, "subjectScheme", "subjects")
    uri = said(draft, element, "subjectURI", "subjects")
    if not text and not uri:
        return
    if scheme.lower() in _UNCONTROLLED:
        draft.subjects.append(Subject(text or None, None, uri or None))
        return
    scheme = terms("subject-schemes", "prefixes").get(folded(scheme), scheme) if len(scheme) < 100 else scheme
    code = text if _CODE.fullmatch(text) else None
    draft.subjects.append(Subject(text or None, scheme, uri or None, code))


def publisher(draft: Draft, element: etree._Element) -> None:
    """dc:publisher is a name; jpcoar:publisher holds one in publisherName."""
    if len(element):
        name = first_name(draft, element, "publisherName", "publisher")
    else:
        name = line(draft, element, "publisher")
    if name:
        oai_dc.publisher(draft, name, element)


def version(draft: Draft, element: etree._Element) -> None:
    """datacite:version comes before oaire:version, which says how far an article has come ("VoR")."""
    text = line(draft, element, "version")
    if draft.version is None:
        draft.version = text or None
    elif text and text != draft.version:
        draft.note("version", "further_value", text)


def identifier(draft: Draft, element: etree._Element) -> None:
    text = line(draft, element, "identifiers")
    if text:
        kind = said(draft, element, "identifierType", "identifiers")
        draft.found.append((identifiers.typed(text, kind) if kind else _known(text), text))


def registration(draft: Draft, element: etree._Element) -> None:
    """A DOI, and in identifierType the agency that registers it; PMID was allowed once."""
    text = line(draft, element, "identifiers")
    if text:
        kind = said(draft, element, "identifierType", "identifiers")
        draft.found.append((identifiers.typed(text, "pmid" if kind == "PMID" else "doi"), text))


def numbered(scheme: str) -> Branch:
    """A branch for a number of a kind that only this element has."""

    def branch(draft: Draft, element: etree._Element) -> None:
        text = line(draft, element, "identifiers")
        if text:
            draft.found.append((Known(text, scheme), text))

    return branch


def relation(draft: Draft, element: etree._Element) -> None:
    """The identifier where there is one, else the title. `inSeries` is part of a series."""
    stated = said(draft, element, "relationType", "relations")
    kind = "IsPartOf" if stated == "inSeries" else relation_type(draft, stated) or "Other"
    known: Known | None = None
    for child in element:
        if local_name(child) == "relatedIdentifier" and known is None:
            text = line(draft, child, "relations")
            scheme = said(draft, child, "identifierType", "relations")
            known = (identifiers.typed(text, scheme) if scheme else _known(text)) if text else None
        elif local_name(child) not in ("", "relatedTitle"):
            draft.leave(child)
    titles = [
        text
        for child in element
        if local_name(child) == "relatedTitle" and (text := line(draft, child, "relations"))
    ]
    if known:
        draft.relations.append(Relation(kind, known.value, known.scheme))
    elif titles:
        draft.relations.append(Relation(kind, titles.pop(0), "other"))
    for title in titles:
        draft.note("relations", "related_title", title)


def funding_reference(draft: Draft, element: etree._Element) -> None:
    said_: dict[str, str] = {}
    uri = ""
    for child in element:
        name = local_name(child)
        if name not in ("funderName", "funderIdentifier", "awardNumber", "awardTitle"):
            draft.leave(child) if name else None
            continue
        text = line(draft, child, "funding")
        if text and said_.setdefault(name, text) != text:
            draft.note("funding", "further_name", text)
        if name == "awardNumber":
            uri = uri or said(draft, child, "awardURI", "funding")
    grant = funding.reference(
        said_.get("funderName", ""),
        said_.get("awardNumber", ""),
        funder_id=said_.get("funderIdentifier", ""),
        title=said_.get("awardTitle", ""),
        uri=uri,
    )
    draft.add("funding", grant)


def source(part: str) -> Branch:
    """A branch for one part of the Container; the first stands, the same in other languages is noted."""

    def branch(draft: Draft, element: etree._Element) -> None:
        text = line(draft, element, "container")
        held = draft.container or Container()
        if text and getattr(held, part) is None:
            draft.container = _with(held, part, text)
        elif text and getattr(held, part) != text:
            draft.note("container", "further_name", text)

    return branch


def source_identifier(draft: Draft, element: etree._Element) -> None:
    """An ISSN is the journal's; any other number of the journal or book is what the item was published in."""
    text = line(draft, element, "container")
    if not text:
        return
    known = identifiers.typed(text, said(draft, element, "identifierType", "container"))
    certain = identifiers.identify(f"issn:{text}")
    if certain and certain.scheme == "issn":
        draft.container = containers.with_issn(draft.container, certain.value)
    elif known.scheme == "issn":
        draft.note("container", "identifier_invalid", text)
    else:
        draft.relations.append(Relation("IsPublishedIn", known.value, known.scheme))


def pages(draft: Draft, element: etree._Element) -> None:
    text = line(draft, element, "sizes")
    if text:
        draft.sizes.append(f"{text} pages" if text.isdecimal() else text)


def degree_name(draft: Draft, element: etree._Element) -> None:
    _degree(draft, line(draft, element, "thesis"), "qualification")


def degree_grantor(draft: Draft, element: etree._Element) -> None:
    _degree(draft, first_name(draft, element, "degreeGrantorName", "thesis"), "grantor")


def granted(draft: Draft, element: etree._Element) -> None:
    """The day of the degree is not that of publication."""
    text = line(draft, element, "dates")
    if text:
        found = dates.read(text, draft.notes, type="Other", latest=draft.latest)
        draft.dates.append(found)


def volume_title(draft: Draft, element: etree._Element) -> None:
    text = line(draft, element, "titles")
    if text:
        draft.titles.append(
            Title(text, "other", draft.language(element.get("{http://www.w3.org/XML/1998/namespace}lang")))
        )


def file(draft: Draft, element: etree._Element) -> None:
    """One file; its dates and version have no place in the Entry. A thumbnail is no file of the item."""
    link = next((child for child in element if local_name(child) == "URI"), None)
    if link is not None and link.get("objectType") in _KEPT_OUT:
        draft.leave(element)
        return
    url = name = form = ""
    size: int | None = None
    for child in element:
        own = local_name(child)
        text = line(draft, child, "files") if own in ("URI", "mimeType", "extent") else ""
        if child is link:
            url, name = text, said(draft, child, "label", "files")
        elif own == "mimeType" and not form:
            form = text
        elif own == "extent":
            size = size or media.size_in_bytes(text)
            if text and media.size_in_bytes(text) is None:
                draft.sizes.append(text)
        elif own:
            draft.leave(child)
    if url and not identifiers.is_url(url):
        draft.note("files", "url_unusable", url)
        url = ""
    found = File(url or None, name or (media.file_name(url) if url else None), form or None, size)
    if found != File():
        draft.files.append(found)


def advisors(draft: Draft) -> None:
    """Put the supervisors into the thesis, where there is one."""
    held = draft.thesis
    if held:
        names = tuple(agent.name for agent in draft.contributors if agent.role == "Supervisor")
        draft.thesis = Thesis(held.qualification, held.level, held.grantor, held.department, names)


def _with(held: Container, part: str, text: str) -> Container:
    return Container(
        text if part == "title" else held.title,
        held.issn,
        text if part == "volume" else held.volume,
        text if part == "issue" else held.issue,
        text if part == "first_page" else held.first_page,
        text if part == "last_page" else held.last_page,
        text if part == "edition" else held.edition,
        held.number,
    )


def _known(text: str) -> Known:
    return identifiers.identify(text) or Known(text, "other")


def _degree(draft: Draft, text: str, part: str) -> None:
    held = draft.thesis or Thesis()
    if text and getattr(held, part) is None:
        qualification = text if part == "qualification" else held.qualification
        grantor = text if part == "grantor" else held.grantor
        draft.thesis = Thesis(qualification, held.level, grantor, held.department, held.advisors)
    elif text and getattr(held, part) != text:
        draft.note("thesis", "further_name", text)
