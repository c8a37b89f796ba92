"""The refinements of Dublin Core (dcterms): oai_dc has no room for them, and servers write them all the same.

Qualified Dublin Core is made of them.
"""

import re

from lxml import etree

from harvester.crosswalk.draft import Draft
from harvester.crosswalk.fields import containers, dates, identifiers, media, names, places, relations, text
from harvester.crosswalk.table import Rule, into, language_of
from harvester.entry import Date, Description, File, Geo, Problem, Relation, Title

XSI_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"
MOST_COMPARED = 100  # parts of one kind: of more, repetitions stay

_OF_A_PLACE = frozenset(("name", "east", "north", "northlimit", "southlimit", "eastlimit", "westlimit", ""))
_VERSION_NUMBER = re.compile(r"v?[0-9]{1,4}(?:\.[0-9]{1,4}){0,3}", re.IGNORECASE)


def scheme_of(element: etree._Element) -> str:
    """The encoding scheme an element states, as it is written but without prefix; "" where it states none.

    xsi:type="dcterms:DDC"; scheme="URN" at OpenEdition; type="ddc" where the namespace of xsi was lost on the way.
    """
    if not element.attrib:
        return ""
    stated = text.line(element.get(XSI_TYPE) or element.get("scheme") or element.get("type") or "", [], "")
    return stated if "/" in stated else stated.rpartition(":")[2]


def titled(kind: str) -> Rule:
    """A rule for a title of one kind."""

    def rule(draft: Draft, raw: str, element: etree._Element) -> None:
        said = draft.line(raw, "titles")
        if said:
            draft.titles.append(Title(said, kind, language_of(element, draft)))

    return rule


def described(kind: str) -> Rule:
    """A rule for a description of one kind."""

    def rule(draft: Draft, raw: str, element: etree._Element) -> None:
        said = draft.paragraphs(raw, "descriptions")
        if said:
            draft.descriptions.append(Description(said, kind, language_of(element, draft)))

    return rule


def dated(kind: str) -> Rule:
    """A rule for a date of one kind. DSpace writes date.available into several terms: the same date counts once."""

    def rule(draft: Draft, raw: str, element: etree._Element) -> None:
        said = draft.line(raw, "dates")
        if said:
            found = _date(draft, said, element, kind)
            if found not in draft.dates[:50]:
                draft.dates.append(found)

    return rule


def _date(draft: Draft, said: str, element: etree._Element, kind: str) -> Date:
    """EDTF knows years before Christ, W3CDTF does not: `-1992` is a slip there (oai.openedition.org)."""
    if said[0] == "-" and scheme_of(element).lower() == "w3cdtf":
        draft.note("dates", "date_not_understood", said)
        return Date(kind, None, None, None, said)
    return dates.read(said, draft.notes, type=kind, latest=draft.latest)


def related(kind: str) -> Rule:
    """A rule for a relation of one kind."""

    def rule(draft: Draft, raw: str, _element: etree._Element) -> None:
        said = draft.line(raw, "relations")
        for piece in identifiers.pieces(said) if "://" in said else (said,) if said else ():
            draft.relations.append(relations.read(piece, type=kind))

    return rule


def temporal(draft: Draft, raw: str, _element: etree._Element) -> None:
    said = draft.line(raw, "dates")
    if said:
        draft.dates.append(dates.read(said, draft.notes, type="Coverage"))


def spatial(draft: Draft, raw: str, _element: etree._Element) -> None:
    """A place, or DCMI's Point or Box; one that says more (elevation, units) keeps its words."""
    said = draft.line(raw, "geo")
    if not said:
        return
    found = places.read(said, draft.notes)
    if found.place != said and not all(_key(part) in _OF_A_PLACE for part in said.split(";")):
        found = Geo(said, found.point, found.box, found.polygon)
    draft.geo.append(found)


def _key(part: str) -> str:
    return part.partition("=")[0].strip().lower()


def has_part(draft: Draft, raw: str, _element: etree._Element) -> None:
    """figshare lists its files here."""
    said = draft.line(raw, "relations")
    for piece in identifiers.pieces(said) if said else ():
        if identifiers.is_url(piece) and media.is_file_url(piece):
            if all(file.url != piece for file in draft.files[:MOST_COMPARED]):
                draft.files.append(File(piece, media.file_name(piece)))
        else:
            draft.relations.append(relations.read(piece, type="HasPart"))


def has_version(draft: Draft, raw: str, _element: etree._Element) -> None:
    """A related version, or, as figshare has it, the number of this one."""
    said = draft.line(raw, "relations")
    if _VERSION_NUMBER.fullmatch(said):
        draft.version = draft.version or said
    elif said:
        draft.relations.append(relations.read(said, type="HasVersion"))


def citation(draft: Draft, raw: str, _element: etree._Element) -> None:
    """What the item was published in; Cyberleninka gives the journal's name and, in a second element, its ISSN."""
    said = draft.line(raw, "container")
    known = identifiers.identify(said)
    if known and known.scheme == "issn":
        draft.container = containers.with_issn(draft.container, known.value)
    elif said and (draft.container is None or draft.container.title is None):
        issns = draft.container.issn if draft.container else ()
        draft.container = containers.citation(said)
        for issn in issns:
            draft.container = containers.with_issn(draft.container, issn)
    elif said:
        draft.relations.append(Relation("IsPublishedIn", said, "other"))


def say_once(draft: Draft) -> None:
    """Drop descriptions that an abstract repeats word for word, as figshare and GeoNetwork write them."""
    typed = {each.text for each in draft.descriptions[:MOST_COMPARED] if each.type}
    if typed:
        draft.descriptions = [each for each in draft.descriptions if each.type or each.text not in typed]


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
    "educationLevel": described("other"),
    "mediator": described("other"),
    "instructionalMethod": described("other"),
    "accrualMethod": described("other"),
    "accrualPeriodicity": described("other"),
    "accrualPolicy": described("other"),
    "created": dated("Created"),
    "issued": dated("Issued"),
    "available": dated("Available"),
    "dateAccepted": dated("Accepted"),
    "dateSubmitted": dated("Submitted"),
    "dateCopyrighted": dated("Copyrighted"),
    "modified": dated("Updated"),
    "valid": dated("Valid"),
    "temporal": temporal,
    "spatial": spatial,
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
