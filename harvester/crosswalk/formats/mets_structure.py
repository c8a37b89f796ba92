"""structMap of METS: which part of the document the record is about, what it belongs to and what belongs to it."""

from itertools import islice

from lxml import etree

from harvester.crosswalk.draft import Draft
from harvester.crosswalk.fields import relations, types
from harvester.crosswalk.fields.vocabulary import folded, terms
from harvester.crosswalk.tree import attribute, children, local_name
from harvester.entry import Container, Title

MOST_PARTS = 1000  # volumes or issues of one record
DEEPEST = 64  # divisions within each other that are looked at


def item(metadata: etree._Element) -> etree._Element | None:
    """The division that the record is about: the first of the logical structure that a dmdSec describes.

    A newspaper's issue stands within its newspaper, year, month and day, which mostly have no description here; where
    the volume has one too and holds one issue only, the record is that of the issue (docWORKS).
    """
    maps = children(metadata, "structMap")
    maps.sort(key=lambda each: (each.get("TYPE") or "").upper() != "LOGICAL")
    for structure in maps:
        for division in structure.iter("{*}div"):
            if division.get("DMDID"):
                return _issue(division)
    return None


def _issue(division: etree._Element) -> etree._Element:
    within = children(division, "div")
    only = within[0] if len(within) == 1 else None
    if only is not None and only.get("DMDID") and (only.get("TYPE") or "").lower() == "issue":
        return only
    return division


def read(draft: Draft, division: etree._Element) -> None:
    """Type, whole and parts; the label is the title where the description has none."""
    around = list(islice(division.iterancestors("{*}div"), DEEPEST))
    kind = _kind(division)
    if kind == "volume" and around:  # of a work in several, or of a periodical
        kind = _kind(around[-1])
    if general := terms("genres", "structure").get(kind):
        weak = general in ("Text", "Other")
        draft.weigh(types.Weighed(types.VAGUE if weak else types.WORD, general))
    label = attribute(draft, division, "LABEL", "titles")
    if label and not draft.titles:
        draft.titles.append(Title(label, "main"))
    if around:
        _whole(draft, division, around)
    _parts(draft, division)


def _kind(division: etree._Element) -> str:
    kind = division.get("TYPE") or ""
    return folded(kind) if len(kind) < types.LONGEST else ""


def _whole(draft: Draft, division: etree._Element, around: list[etree._Element]) -> None:
    """The outermost division around it: a newspaper, a work in several volumes."""
    whole = around[-1]
    title = attribute(draft, whole, "LABEL", "container")
    have = draft.container or Container()
    if title and have.title is None and title != division.get("LABEL"):
        draft.container = Container(
            title,
            have.issn,
            have.volume,
            have.issue,
            have.first_page,
            have.last_page,
            have.edition,
            have.number,
        )
    for each in around:
        for link in _pointers(draft, each):
            found = relations.read(link, type="IsPartOf")
            if all(found.identifier != known.identifier for known in draft.relations[:50]):
                draft.relations.append(found)


def _parts(draft: Draft, division: etree._Element) -> None:
    """Volumes and issues that have a METS document of their own."""
    count = 0
    for pointer in division.iter("{*}mptr"):
        if pointer.getparent() is division:
            continue  # the item's own document
        count += 1
        if count <= MOST_PARTS and (link := attribute(draft, pointer, "href", "relations")):
            draft.relations.append(relations.read(link, type="HasPart"))
    if count > MOST_PARTS:
        draft.note("relations", "further_parts", str(count - MOST_PARTS))


def _pointers(draft: Draft, division: etree._Element) -> list[str]:
    links = (
        attribute(draft, child, "href", "relations") for child in division if local_name(child) == "mptr"
    )
    return [link for link in links if link]
