"""location and accessCondition of MODS: where the item is, its files, and what one may do with it."""

from lxml import etree

from harvester.crosswalk.draft import Draft
from harvester.crosswalk.fields import identifiers, licences, media
from harvester.crosswalk.fields.identifiers import Known
from harvester.crosswalk.formats.mods_texts import prose
from harvester.crosswalk.tree import Branches, attribute, descend, line
from harvester.entry import File, Problem, Relation, Rights

_URI = ("http://", "https://")
# Words of a URL's displayLabel or note
_PREVIEW = ("preview", "thumbnail")
_FULL = ("fulltext", "full text", "attachment", "mediamaster")
_ABOUT = ("abstract", "program", "synopsis", "contents", "buy ", "info about", "cover")
MOST_FILES = 100  # of one record that are compared with each other


def location(draft: Draft, element: etree._Element) -> None:
    """A page marked as primary is the landing page, else one that shows the object in its context."""
    descend(draft, element, _LOCATION)


def access_condition(draft: Draft, element: etree._Element) -> None:
    """Words, a link to the licence, or both."""
    condition(draft, prose(draft, element, "rights"), attribute(draft, element, "href", "rights"))


def condition(draft: Draft, said: str, link: str) -> None:
    """Take one statement about rights: its words and the link beside them, "" for none. The same one counts once."""
    if link and not link.startswith(_URI):
        draft.note("rights", "uri_not_understood", link)
        link = ""
    if not said and not link:
        return
    doubts: tuple[list[Problem], list[Problem]] = ([], [])
    by_link = licences.read(link, doubts[0]) if link else None
    by_text = licences.read(said, doubts[1]) if said else None
    named = [each.rights.spdx for each in (by_link, by_text) if each and each.rights.spdx]
    spdx = named[0] if named else None
    if len(set(named)) > 1:
        draft.note("licence", "licences_differ", ", ".join(named))
        spdx = None
    elif spdx is None:
        draft.notes.extend(doubts[0] or doubts[1])
    text = by_text.rights.text if by_text else None
    uri = link or (by_text.rights.uri if by_text else None) or None
    rights = Rights(text, uri, spdx)
    if rights not in draft.rights[:50]:
        draft.rights.append(rights)
    for each in (by_link, by_text):
        draft.access = draft.access or (each.access if each else None)


def _url(draft: Draft, element: etree._Element) -> None:
    said = line(draft, element, "identifiers")
    if not said:
        return
    access, usage, label = _marks(element)
    known = identifiers.identify(said) or Known(said, "other")
    if access == "preview" or label.startswith(_PREVIEW):
        draft.leave(element)  # a thumbnail is neither the item nor a file of it
    elif "iiif" in label and "manifest" in label:
        draft.relations.append(Relation("HasMetadata", said, "url"))
    elif access == "raw object" or (known.scheme == "url" and _is_file(said, label)):
        _file(draft, said)
    elif usage.startswith("primary") or access == "object in context":
        draft.found.append((known, said))
        if usage.startswith("primary") or draft.landing is None:
            draft.landing = said if said.startswith(_URI) else draft.landing
    elif any(word in label for word in _ABOUT):
        draft.relations.append(Relation("Other", known.value, known.scheme))
    else:
        draft.found.append((known, said))


def _marks(element: etree._Element) -> tuple[str, str, str]:
    label = f"{element.get('displayLabel') or ''} {element.get('note') or ''}"
    access, usage = (element.get(name) or "" for name in ("access", "usage"))
    return access.strip().lower(), usage.strip().lower(), " ".join(label.lower().split())


def _is_file(url: str, label: str) -> bool:
    return any(word in label for word in _FULL) or (
        media.is_file_url(url) and not any(word in label for word in _ABOUT)
    )


def _file(draft: Draft, url: str) -> None:
    if all(file.url != url for file in draft.files[:MOST_FILES]):
        draft.files.append(File(url, media.file_name(url)))


def _shelfmark(draft: Draft, element: etree._Element) -> None:
    if said := line(draft, element, "identifiers"):
        draft.found.append((Known(said, "shelfmark"), said))


_HOLDING: Branches = {
    "shelfLocator": _shelfmark,
    "copyInformation": lambda draft, element: descend(draft, element, _HOLDING),
}
_LOCATION: Branches = {
    "url": _url,
    "shelfLocator": _shelfmark,
    "holdingSimple": lambda draft, element: descend(draft, element, _HOLDING),
}
