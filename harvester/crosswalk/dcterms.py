"""The refinements of Dublin Core (dcterms): oai_dc has no room for them, and servers write them all the same.

Qualified Dublin Core is made of them.
"""

import re

from lxml import etree

from harvester.crosswalk.draft import Draft
from harvester.crosswalk.fields import containers, dates, identifiers, media, names, places, relations, text
from harvester.crosswalk.table import Rule, into, language_of
from harvester.entry import Description, File, Problem, Relation, Title

_VERSION_NUMBER = re.compile(r"v?[0-9]{1,4}(?:\.[0-9]{1,4}){0,3}", re.IGNORECASE)


def titled(kind: str) -> Rule:
    """A rule for a title of one kind."""

    def rule(draft: Draft, raw: str, element: etree._Element) -> None:
        said = text.line(raw, draft.notes, "titles")
        if said:
            draft.titles.append(Title(said, kind, language_of(element, draft)))

    return rule


def described(kind: str) -> Rule:
    """A rule for a description of one kind."""

    def rule(draft: Draft, raw: str, element: etree._Element) -> None:
        said = text.plain(raw, draft.notes, "descriptions")
        if said:
            draft.descriptions.append(Description(said, kind, language_of(element, draft)))

    return rule


def dated(kind: str) -> Rule:
    """A rule for a date of one kind. DSpace writes date.available into several terms: the same date counts once."""

    def rule(draft: Draft, raw: str, _element: etree._Element) -> None:
        said = text.line(raw, draft.notes, "dates")
        if said:
            found = dates.read(said, draft.notes, type=kind, latest=draft.latest)
            if found not in draft.dates[:50]:
                draft.dates.append(found)

    return rule


def related(kind: str) -> Rule:
    """A rule for a relation of one kind."""

    def rule(draft: Draft, raw: str, _element: etree._Element) -> None:
        said = text.line(raw, draft.notes, "relations")
        for piece in identifiers.pieces(said) if "://" in said else (said,) if said else ():
            draft.relations.append(relations.read(piece, type=kind))

    return rule


def temporal(draft: Draft, raw: str, _element: etree._Element) -> None:
    said = text.line(raw, draft.notes, "dates")
    if said:
        draft.dates.append(dates.read(said, draft.notes, type="Coverage"))


def has_part(draft: Draft, raw: str, _element: etree._Element) -> None:
    """figshare lists its files here."""
    said = text.line(raw, draft.notes, "relations")
    for piece in identifiers.pieces(said) if said else ():
        if identifiers.is_url(piece) and media.is_file_url(piece):
            draft.files.append(File(piece, media.file_name(piece)))
        else:
            draft.relations.append(relations.read(piece, type="HasPart"))


def has_version(draft: Draft, raw: str, _element: etree._Element) -> None:
    """A related version, or, as figshare has it, the number of this one."""
    said = text.line(raw, draft.notes, "relations")
    if _VERSION_NUMBER.fullmatch(said):
        draft.version = draft.version or said
    elif said:
        draft.relations.append(relations.read(said, type="HasVersion"))


def citation(draft: Draft, raw: str, _element: etree._Element) -> None:
    said = text.line(raw, draft.notes, "container")
    if said and draft.container is None:
        draft.container = containers.citation(said)
    elif said:
        draft.relations.append(Relation("IsPublishedIn", said, "other"))


def as_it_is(said: str, _notes: list[Problem]) -> str:
    """The text itself."""
    return said


# `license` and `accessRights` are read by oai_dc's rule for rights
REFINEMENTS: dict[str, Rule] = {
    "alternative": titled("alternative"),
    "abstract": described("abstract"),
    "tableOfContents": described("toc"),
    "provenance": described("other"),
    "audience": described("other"),
    "created": dated("Created"),
    "issued": dated("Issued"),
    "available": dated("Available"),
    "dateAccepted": dated("Accepted"),
    "dateSubmitted": dated("Submitted"),
    "dateCopyrighted": dated("Copyrighted"),
    "modified": dated("Updated"),
    "valid": dated("Valid"),
    "temporal": temporal,
    "spatial": into("geo", places.read),
    "extent": into("sizes", as_it_is),
    "medium": into("formats", as_it_is),
    "rightsHolder": into("contributors", names.read, field="contributors", role="RightsHolder"),
    "bibliographicCitation": citation,
    "hasPart": has_part,
    "hasVersion": has_version,
    "isPartOf": related("IsPartOf"),
    "isVersionOf": related("IsVersionOf"),
    "replaces": related("Obsoletes"),
    "isReplacedBy": related("IsObsoletedBy"),
    "requires": related("Requires"),
    "isRequiredBy": related("IsRequiredBy"),
    "references": related("References"),
    "isReferencedBy": related("IsReferencedBy"),
    "isFormatOf": related("IsVariantFormOf"),
    "hasFormat": related("IsVariantFormOf"),
    "conformsTo": related("Other"),
}
