"""cerif: the outputs of research: Publication, Product and Patent.

A part of `cerif.py`.
"""

from lxml import etree

from harvester.crosswalk.draft import Draft
from harvester.crosswalk.fields import contributor_types, licences, media
from harvester.crosswalk.formats import oai_dc
from harvester.crosswalk.formats.cerif_funding import originates
from harvester.crosswalk.formats.cerif_host import PLACES, Place, host_of
from harvester.crosswalk.formats.cerif_links import equipment, event, related
from harvester.crosswalk.formats.cerif_parties import parties, spare
from harvester.crosswalk.formats.cerif_values import (
    alternative,
    chosen,
    date,
    dated,
    found,
    is_original,
    parts,
    period,
    qualifies_type,
    status,
    subtitle,
    title,
    validity,
)
from harvester.crosswalk.table import language_of
from harvester.crosswalk.tree import Branch, attribute, leaf, line, local_name, paragraphs
from harvester.entry import Description, File, Geo, Subject

_DATE_TYPES = frozenset((
    "Accepted", "Available", "Copyrighted", "Collected", "Coverage", "Created", "Issued", "Submitted", "Updated", "Valid",
    "Withdrawn",
))  # fmt: skip
_MOST_RIGHTS = 50  # of one record that are compared with each other


def read(metadata: etree._Element, draft: Draft) -> None:
    """Fill the draft from a Publication, Product or Patent."""
    place = Place()
    host = host_of(metadata) if local_name(metadata) == "Publication" else None
    for name, child in parts(draft, metadata):
        if child is host:
            place.published_in(draft, child, "IsPublishedIn" if name == "PublishedIn" else "IsPartOf")
        elif name in PLACES:
            place.located(draft, child, name)
        elif name == "ISSN":
            place.numbered(draft, child)
        elif name in BRANCHES:
            BRANCHES[name](draft, child)
        else:
            draft.leave(child)
    place.settle(draft)


def _each(inner: str, branch: Branch) -> Branch:
    """A branch for a list such as Authors: every child named `inner` goes to `branch`."""

    def read_list(draft: Draft, element: etree._Element) -> None:
        for name, child in parts(draft, element):
            if name == inner:
                branch(draft, child)
            else:
                draft.leave(child)

    return read_list


def _creator(draft: Draft, element: etree._Element) -> None:
    draft.creators.extend(parties(draft, element, "creators"))


def _contributor(role: str) -> Branch:
    return lambda draft, element: draft.contributors.extend(parties(draft, element, "contributors", role))


def _contributors(draft: Draft, element: etree._Element) -> None:
    """Contributors named by their roles, as the profile 1.0 had it: HostingInstitution."""
    for name, child in parts(draft, element):
        role = None if name == "Contributor" else contributor_types.contributor_type(name)
        draft.contributors.extend(parties(draft, child, "contributors", role))


def _publisher(draft: Draft, element: etree._Element) -> None:
    for agent in parties(draft, element, "publisher"):
        if draft.publisher is None:
            draft.publisher = agent.name
        elif agent.name != draft.publisher:
            draft.note("publisher", "further_value", agent.name)
        spare(draft, agent, "publisher", "publisher")


def _described(kind: str | None) -> Branch:
    def branch(draft: Draft, element: etree._Element) -> None:
        said = paragraphs(draft, element, "descriptions")
        if said:
            draft.descriptions.append(Description(said, kind, language_of(element, draft)))

    return branch


def subject(draft: Draft, element: etree._Element) -> None:
    """A class of a classification: its URI or its code, by the scheme that @scheme names."""
    scheme = attribute(draft, element, "scheme", "subjects")
    said = line(draft, element, "subjects")
    if said.startswith(("http://", "https://")) and " " not in said:
        draft.subjects.append(Subject(None, scheme or None, said))
    elif said and scheme:
        draft.subjects.append(Subject(said, scheme))
    else:
        keyword(draft, element)


def _access(draft: Draft, element: etree._Element) -> None:
    """COAR's access right; the end of an embargo is the endDate of "embargoed", or the startDate of "open"."""
    said = line(draft, element, "rights")
    if not said:
        return
    statement = licences.read(said, draft.notes)
    draft.rights.append(statement.rights)
    draft.access = draft.access or statement.access
    start, end = validity(draft, element)
    until = end if statement.access == "embargoed" else start if statement.access == "open" else ""
    if until:
        date(draft, until, "Available")
        if statement.access == "embargoed":
            draft.embargo = draft.dates[-1].start or draft.embargo


def _version(draft: Draft, element: etree._Element) -> None:
    said = line(draft, element, "version")
    if said and draft.version is None and is_original(element):
        draft.version = said
    elif said and said != draft.version:
        draft.note("version", "further_value", said)


def _country(draft: Draft, element: etree._Element) -> None:
    """Where a patent is in force."""
    said = line(draft, element, "geo")
    if said:
        draft.geo.append(Geo(said))


def _dates(draft: Draft, element: etree._Element) -> None:
    for name, child in parts(draft, element):
        start, end = validity(draft, child)
        said = line(draft, child, "dates") or (period(start, end) if end else start)
        if said:
            date(draft, said, name if name in _DATE_TYPES else "Other")
        if said and name not in _DATE_TYPES:
            draft.note("dates", "date_type_unknown", name)


def _files(draft: Draft, element: etree._Element) -> None:
    for name, child in parts(draft, element):
        if name == "Medium":
            _file(draft, child)
        else:
            draft.leave(child)


def _file(draft: Draft, element: etree._Element) -> None:
    titles: list[etree._Element] = []
    said: dict[str, str] = {}
    for name, child in parts(draft, element):
        if name == "Title":
            titles.append(child)
        elif name in ("URI", "MimeType", "Size") and name not in said:
            said[name] = line(draft, child, "files")
        elif name in ("License", "Access"):
            _rights_of_file(draft, child)
        else:
            draft.leave(child)
    url, size = said.get("URI") or None, said.get("Size", "")
    octets = media.size_in_bytes(size) if size else None
    if size and octets is None:
        draft.sizes.append(size)
    named = chosen(draft, titles, "files") or (media.file_name(url) if url else None)
    if url or named:
        draft.files.append(File(url, named, said.get("MimeType") or None, octets))
    elif said.get("MimeType"):
        draft.formats.append(said["MimeType"])


def _rights_of_file(draft: Draft, element: etree._Element) -> None:
    """A file's licence is the item's where that states none; who may read one file does not say who may read the item."""
    said = line(draft, element, "rights")
    if not said:
        return
    stated = licences.read(said, draft.notes)
    known = draft.rights[:_MOST_RIGHTS]
    if stated.rights in known:
        return
    if stated.access is None and not any(rights.spdx for rights in known):
        draft.rights.append(stated.rights)
    else:
        draft.note("files", "access" if stated.access else "licence", said)


def _on(kind: str) -> Branch:
    return lambda draft, element: dated(draft, element, kind)


keyword = leaf(oai_dc.subject)
abstract = _described("abstract")
description = _described(None)

BRANCHES: dict[str, Branch] = {
    "Type": leaf(oai_dc.type_), "Language": leaf(oai_dc.language), "Title": title, "Name": title, "Subtitle": subtitle,
    "NameAbbreviation": alternative, "VersionInfo": _version, "Status": status, "Classification": qualifies_type,
    "PublicationDate": _on("Issued"), "RegistrationDate": _on("Submitted"), "ApprovalDate": _on("Accepted"), "Dates": _dates,
    "CountryCode": _country, "Authors": _each("Author", _creator), "Creators": _each("Creator", _creator),
    "Inventors": _each("Inventor", _creator), "Editors": _each("Editor", _contributor("Editor")),
    "Holders": _each("Holder", _contributor("RightsHolder")), "Contributors": _contributors,
    "Publishers": _each("Publisher", _publisher), "Issuer": _publisher, "License": leaf(oai_dc.rights), "Access": _access,
    "Subject": subject, "Keyword": keyword, "Keywords": keyword, "Abstract": abstract, "Description": description,
    "PublishedIn": related("IsPublishedIn"), "PartOf": related("IsPartOf"), "IsPartOf": related("IsPartOf"),
    "Parts": _each("Part", related("HasPart")), "References": related("References"),
    "ReferencedBy": related("IsReferencedBy"), "Predecessor": related("Continues"), "OriginatesFrom": originates,
    "GeneratedBy": equipment("IsCollectedBy"), "PresentedAt": event, "OutputFrom": event, "Coverage": event,
    "FileLocations": _files,
} | dict.fromkeys(
    ("DOI", "Handle", "ARK", "URN", "URL", "PMCID", "PMID", "ISBN", "ISI-Number", "SCP-Number", "ZDB-ID", "PatentNumber",
     "Identifier"),
    found,
)  # fmt: skip
