"""mods: the Library of Congress's Metadata Object Description Schema 3, alone or as it stands in METS and DIDL.

Titles, names and related items are read together, where the first of them stands: which name is a creator, and which
title the main one, is only known once all have been seen.
"""

import re

from lxml import etree

from harvester.crosswalk.draft import Draft
from harvester.crosswalk.fields import containers, dates, identifiers, languages, media
from harvester.crosswalk.fields.identifiers import Known
from harvester.crosswalk.formats import (
    mods_access,
    mods_names,
    mods_origin,
    mods_related,
    mods_subjects,
    mods_texts,
    mods_titles,
    mods_types,
)  # fmt: skip
from harvester.crosswalk.reading import Crosswalk
from harvester.crosswalk.tree import Branch, Branches, children, descend, line, local_name
from harvester.entry import Container

NAMESPACE = "{http://www.loc.gov/mods/v3}"
_QUALIFIED = re.compile(r"([0-9][0-9Xx -]{7,20}) ?(\(.{1,100}\)|:.{0,50})")


def _language(draft: Draft, element: etree._Element) -> None:
    """Of the item; the language of a summary or a defence is only that of a part."""
    if element.get("objectPart"):
        draft.leave(element)
    elif not any(local_name(child) for child in element):
        draft.languages.extend(_tags(draft, element))
    else:
        stated = children(element, "languageTerm")
        for term in sorted(stated, key=lambda each: each.get("type") == "text"):  # codes leave less doubt
            draft.languages.extend(_tags(draft, term))
        for child in element:
            if local_name(child) not in ("", "languageTerm"):
                draft.leave(child)  # the script


def _tags(draft: Draft, element: etree._Element) -> tuple[str, ...]:
    said = line(draft, element, "languages")
    return languages.read(said, draft.notes) if said else ()


def _form(draft: Draft, element: etree._Element) -> None:
    said = line(draft, element, "formats")
    if said and said not in draft.formats[:50]:
        draft.formats.append(said)


def _extent(draft: Draft, element: etree._Element) -> None:
    said = line(draft, element, "sizes").rstrip(" :;,+")
    unit = (element.get("unit") or "").strip()
    if said:
        draft.sizes.append(f"{said} {unit}" if unit and said.isdecimal() else said)


def _identifier(draft: Draft, element: etree._Element) -> None:
    said = line(draft, element, "identifiers")
    stated = (element.get("type") or "").strip()
    if not said:
        return
    if element.get("invalid") == "yes":
        draft.leave(element)  # cancelled, or of something else
    elif stated.lower() == "articleid" and not (draft.container and draft.container.number):
        draft.container = _numbered(draft.container or Container(), said)
    elif stated:
        _typed(draft, said, stated)
    else:
        draft.found.append((identifiers.identify(said) or Known(said, "other"), said))


def _numbered(held: Container, number: str) -> Container:
    return Container(
        held.title, held.issn, held.volume, held.issue, held.first_page, held.last_page, held.edition, number
    )


def _typed(draft: Draft, said: str, stated: str) -> None:
    """`978-91-7873-255-5 (pbk.)` is an ISBN and a remark."""
    if stated.lower() in ("isbn", "issn") and (match := _QUALIFIED.fullmatch(said)):
        draft.note("identifiers", "identifier_qualifier", match[2])
        known = identifiers.typed(match[1].strip(), stated)
    else:
        known = identifiers.typed(said, stated)
    draft.found.append((known, said))


def _extension_date(kind: str) -> Branch:
    def branch(draft: Draft, element: etree._Element) -> None:
        if said := line(draft, element, "dates"):
            found = dates.read(said, draft.notes, type=kind, latest=draft.latest)
            if found not in draft.dates[:50]:
                draft.dates.append(found)

    return branch


# DSpace writes two of its own dates into extension, others the degree of ETD-MS
_DEGREE: Branches = {
    "name": mods_texts.degree("qualification"),
    "level": mods_texts.degree("level"),
    "grantor": mods_texts.degree("grantor"),
    "discipline": mods_texts.degree("department"),
}
_EXTENSION: Branches = {
    "dateAvailable": _extension_date("Available"),
    "dateAccessioned": _extension_date("Other"),
    "degree": lambda draft, element: descend(draft, element, _DEGREE),
}
_PHYSICAL: Branches = {
    "form": _form,
    "internetMediaType": _form,
    "extent": _extent,
    "note": lambda draft, element: mods_texts.description(draft, element, "other"),
}


def _record(draft: Draft, element: etree._Element) -> None:
    """recordInfo tells of the record, not of the item."""
    for child in element:
        if local_name(child) not in PASSED_OVER and local_name(child):
            draft.leave(child)


PASSED_OVER = frozenset((
    "recordContentSource", "recordCreationDate", "recordChangeDate", "recordIdentifier", "recordOrigin",
    "recordInfoNote", "descriptionStandard",
))  # fmt: skip

# By name in lower case, as zefys writes some of them
BRANCHES: Branches = {
    "typeofresource": mods_types.resource,
    "genre": mods_types.genre,
    "language": _language,
    "physicaldescription": lambda draft, element: descend(draft, element, _PHYSICAL),
    "abstract": mods_texts.abstract,
    "tableofcontents": mods_texts.described("toc"),
    "targetaudience": mods_texts.described("other"),
    "note": mods_texts.note,
    "subject": mods_subjects.read,
    "classification": mods_subjects.classification,
    "location": mods_access.location,
    "accesscondition": mods_access.access_condition,
    "identifier": _identifier,
    "recordidentifier": _identifier,
    "extension": lambda draft, element: descend(draft, element, _EXTENSION),
    "recordinfo": _record,
}


def read(metadata: etree._Element, draft: Draft) -> None:
    """Fill the draft from a mods element, from any other whose children are MODS, or from the first in a collection."""
    if local_name(metadata) == "modsCollection":
        metadata = _first(draft, metadata)
    if metadata.text and not metadata.text.isspace():
        draft.pass_over(metadata.tag)
    groups: dict[str, list[etree._Element]] = {}
    for element in metadata:
        groups.setdefault(local_name(element).lower(), []).append(element)
    dates_of_parts: list[etree._Element] = []
    for element in metadata:
        match local_name(element).lower():
            case "titleinfo":
                mods_titles.read(draft, groups.pop("titleinfo", []))
            case "name":
                mods_names.read(draft, groups.pop("name", []))
            case "origininfo":
                mods_origin.read(draft, element, alone=len(groups["origininfo"]) == 1)
            case "relateditem" | "part" as name if name in groups:
                related, parts = groups.pop("relateditem", []), groups.pop("part", [])
                dates_of_parts = mods_related.read(draft, related, parts)
            case "relateditem" | "part" | "":
                pass
            case name:
                BRANCHES.get(name, Draft.leave)(draft, element)
    mods_related.date_parts(draft, dates_of_parts)
    _settle(draft)


def _first(draft: Draft, collection: etree._Element) -> etree._Element:
    """The record that is read; the others are told and left."""
    held = children(collection, "mods")
    first = held[0] if held else collection
    if len(held) > 1:
        draft.note("entry", "further_records", str(len(held) - 1))
    for element in collection:
        if element is not first and local_name(element):
            draft.leave(element)
    return first


def _settle(draft: Draft) -> None:
    """An ISSN of the item is that of what it appeared in; its own page is not taken for a related item's."""
    mods_texts.dissertation(draft)
    held = draft.container
    serial = draft.type is not None and draft.type.general == "Journal"
    if not serial and not (held and held.issn):
        for known, _ in draft.found[:50]:
            if known.scheme == "issn" and identifiers.identify(known.value) == known:
                draft.container = containers.with_issn(draft.container, known.value)
    if draft.landing is None:
        pages = (known.value for known, _ in draft.found if known.scheme == "url")
        draft.landing = next((page for page in pages if not media.is_file_url(page)), None)


def has_mods(metadata: etree._Element) -> bool:
    """Whether the children are elements of MODS, or one that holds them."""
    names = {local_name(child) for child in metadata}
    return bool(names & {"titleInfo", "originInfo", "relatedItem", "typeOfResource", "recordInfo", "mods"})


CROSSWALK = Crosswalk(
    "mods",
    1,
    read,
    roots=(NAMESPACE + "mods", NAMESPACE + "modsCollection"),
    local_names=("mods", "modsCollection"),
    fits=has_mods,
    passed_over=PASSED_OVER,
    most_elements=250_000,
)
