"""typeOfResource and genre of MODS: DataCite's general type, by the vocabulary that each authority has."""

from lxml import etree

from harvester.crosswalk.draft import Draft
from harvester.crosswalk.fields import types
from harvester.crosswalk.fields.vocabulary import folded, terms
from harvester.crosswalk.tree import line

_COAR = "purl.org/coar/resource_type/c_"
_CODED = ("svep", "diva", "kev", "kb.se")  # authorities whose genres are codes of their own


def resource(draft: Draft, element: etree._Element) -> None:
    """typeOfResource says the broad kind, so that a genre decides where one is understood."""
    said = line(draft, element, "type")
    if element.get("collection") == "yes":
        # of texts it may be a work in several volumes, too
        draft.weigh(types.Weighed(types.VAGUE if said == "text" else types.DCMI, "Collection"))
    general = terms("genres", "resource").get(folded(said)) if len(said) <= types.LONGEST else None
    if general:
        weak = general in ("Text", "Other", "InteractiveResource")
        draft.weigh(types.Weighed(types.VAGUE if weak else types.WORD, general))
    elif said:
        draft.weigh(types.read(said, draft.notes))


def genre(draft: Draft, element: etree._Element) -> None:
    """By COAR's URI, the authority's code, or the word."""
    said = line(draft, element, "type")
    link = element.get("valueURI") or ""
    if not said and _COAR not in link:
        return
    if "contenttype" in (element.get("type") or "").lower():
        draft.note("type", "type_qualifier", said)  # SwePub: refereed, popular science
    elif _COAR in link and (known := types.read(link, [])):
        draft.weigh(known)
        draft.leave(element)  # the same in words
    elif known := _genre(said, element.get("authority") or ""):
        draft.weigh(known)
    else:
        draft.weigh(types.read(said, draft.notes))


def _genre(said: str, authority: str) -> types.Weighed | None:
    """The general type for a code of the authority, or for a genre term of libraries."""
    if len(said) > types.LONGEST:
        return None
    key = folded(said).rstrip(".")
    general = (
        terms("genres", authority).get(key) if authority in _CODED else terms("genres", "genre").get(key)
    )
    if general is None and authority not in _CODED:
        table = "content" if authority == "rdacontent" else "genres"
        general = terms("marc-types", table).get(key)
    if general is None:
        return None
    return types.Weighed(types.VAGUE if general in ("Text", "Other") else types.DCMI, general)
