"""JATS journal-meta, and where in the journal an article stands."""

from lxml import etree

from harvester.crosswalk.draft import Draft
from harvester.crosswalk.fields import check_digits, containers
from harvester.crosswalk.formats.jats_text import line
from harvester.crosswalk.tree import Branch, descend, local_name
from harvester.entry import Container

_PARTS = {
    "volume": "volume", "issue": "issue", "fpage": "first_page", "lpage": "last_page", "elocation-id": "number",
    "edition": "edition",
}  # fmt: skip


def journal_meta(draft: Draft, element: etree._Element) -> None:
    """The journal; its abbreviated name only where it has no other."""
    short: list[etree._Element] = []
    for child in element:
        _journal(draft, child, short)
    for each in short:
        said = (
            line(draft, each, "container") if draft.container is None or draft.container.title is None else ""
        )
        if said:
            draft.container = containers.with_part(draft.container, "title", said)
        else:
            draft.leave(each)


def _journal(draft: Draft, element: etree._Element, short: list[etree._Element]) -> None:
    name = local_name(element)
    if name == "journal-title-group":
        for child in element:
            _journal(draft, child, short) if local_name(child) != name else draft.leave(child)
    elif name in ("journal-title", "journal-subtitle"):
        _title(draft, element, name)
    elif name == "abbrev-journal-title" or element.get("journal-id-type") in ("nlm-ta", "iso-abbrev"):
        short.append(element)
    elif name == "issn":
        _issn(draft, element)
    elif name == "publisher":
        descend(draft, element, {"publisher-name": _publisher})
    elif name:
        draft.leave(element)


def _title(draft: Draft, element: etree._Element, name: str) -> None:
    said = line(draft, element, "container")
    own = draft.container.title if draft.container else None
    if said and own and name == "journal-subtitle":
        held = draft.container or Container()
        draft.container = Container(f"{own}: {said}", held.issn)
    elif said and own is None:
        draft.container = containers.with_part(draft.container, "title", said)
    elif said:
        draft.leave(element)


def _issn(draft: Draft, element: etree._Element) -> None:
    said = line(draft, element, "container")
    issn = check_digits.issn(said)
    if issn:
        draft.container = containers.with_issn(draft.container, issn)
    elif said:
        draft.note("container", "issn_check_digit", said)


def _publisher(draft: Draft, element: etree._Element) -> None:
    said = line(draft, element, "publisher")
    if draft.publisher is None:
        draft.publisher = said or None
    elif said and said != draft.publisher:
        draft.note("publisher", "further_value", said)


def _part(draft: Draft, element: etree._Element) -> None:
    """volume, issue, fpage, lpage, elocation-id: the first of each is the container's."""
    field = _PARTS[local_name(element)]
    said = line(draft, element, "container")
    own = draft.container or Container()
    if said and getattr(own, field) is None:
        draft.container = containers.with_part(own, field, said)
    elif said:
        draft.leave(element)


def _page_range(draft: Draft, element: etree._Element) -> None:
    """Used where the pages are given in no other way."""
    first, dash, last = line(draft, element, "container").replace("–", "-").partition("-")
    if not dash or "," in last or (draft.container and draft.container.first_page):
        draft.leave(element)
    else:
        first_page = containers.with_part(draft.container, "first_page", first.strip())
        draft.container = containers.with_part(first_page, "last_page", last.strip())


PARTS: dict[str, Branch] = {**dict.fromkeys(_PARTS, _part), "page-range": _page_range}
