"""xoai: DSpace's own tree, schema/element/qualifier/language with fields in it; and the item's files.

Only the bundle ORIGINAL holds what was deposited. Of what DSpace derives from it (extracted text, thumbnails, previews)
and keeps beside it (licences, packages) the number of files is said in the problems. Who runs the repository, and when
the record was changed, is not the item: that is passed over on purpose.
"""

import re

from lxml import etree

from harvester.crosswalk.draft import Draft
from harvester.crosswalk.formats import dspace_fields, xoai_files
from harvester.crosswalk.formats.dspace_item import NO_LANGUAGE, Item, Value, text_of
from harvester.crosswalk.formats.dspace_people import is_trusted
from harvester.crosswalk.reading import Crosswalk
from harvester.crosswalk.tree import local_name

DEEPEST = 4  # schema, element, qualifier, language
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:[_-][A-Za-z]{2,4})?|[A-Z]{2}")
_ABOUT_THE_REPOSITORY = ("repository", "license")


def read(metadata: etree._Element, draft: Draft) -> None:
    """Fill the draft from <metadata> in xoai's namespace."""
    item = Item(draft, exact=True)
    for element in metadata:
        name = element.get("name") if local_name(element) == "element" else None
        if name is None:
            _leave(draft, element, ())
        elif name == "bundles":
            xoai_files.bundles(draft, element)
        elif name == "others":
            xoai_files.others(draft, element)
        elif name not in _ABOUT_THE_REPOSITORY:
            _walk(item, element, (name,))
    dspace_fields.settle(item)


def _walk(item: Item, element: etree._Element, names: tuple[str, ...]) -> None:
    """Read an element's own fields, and go down: at most DEEPEST levels."""
    if any(local_name(child) == "field" for child in element):
        _take(item, element, names)
        return
    xoai_files.leave_text(item.draft, element, ".".join(names))
    for child in element:
        name = child.get("name") if local_name(child) == "element" else None
        if name is None or len(names) == DEEPEST:
            _leave(item.draft, child, names)
        else:
            _walk(item, child, (*names, name))


def _take(item: Item, element: etree._Element, names: tuple[str, ...]) -> None:
    """The values of one element. What is said beside a value comes after it, but a language before it."""
    label, language = _named(names)
    value: Value | None = None
    authority, confidence = None, None
    xoai_files.leave_text(item.draft, element, ".".join(names))
    for child in element:
        kind = child.get("name", "") if local_name(child) == "field" else ""
        said = text_of(child, item.draft)
        if kind == "value":
            _give(item, value, authority, confidence)
            authority, confidence = None, None
            value = Value(label, said, child, _language(item.draft, language))
        elif kind == "authority":
            authority = said
        elif kind == "confidence":
            confidence = said
        elif kind in ("xml:lang", "lang", "language"):
            language = said
        elif local_name(child) == "element" and child.get("name") != "authority" and len(names) < DEEPEST:
            _walk(item, child, (*names, child.get("name") or ""))
        else:
            # DSpace-CRIS puts the whole record of the person or project behind a value into an element "authority"
            _leave(item.draft, child, (*names, child.get("name") or ""))
    _give(item, value, authority, confidence)


def _give(item: Item, value: Value | None, authority: str | None, confidence: str | None) -> None:
    if value is None or not value.text:
        return
    if authority and is_trusted(confidence):
        value = value._replace(authority=authority)
    dspace_fields.take(item, value)


def _named(names: tuple[str, ...]) -> tuple[str, str]:
    """(field, language) of a path: DSpace always writes the language last, other servers may leave it out."""
    last = names[-1]
    if len(names) == DEEPEST:
        return ".".join(names[:-1]), last
    if len(names) < DEEPEST - 1 or ".".join(names).lower() in dspace_fields.FIELDS:
        return ".".join(names), ""
    if last in NO_LANGUAGE or _LANGUAGE.fullmatch(last):
        return ".".join(names[:-1]), last
    return ".".join(names), ""


def _language(draft: Draft, name: str) -> str | None:
    return draft.language(None if name in NO_LANGUAGE else name)


def _leave(draft: Draft, element: etree._Element, names: tuple[str, ...]) -> None:
    if isinstance(element.tag, str):
        draft.leave(element, ".".join(names) if names else None)


def has_elements(metadata: etree._Element) -> bool:
    """Whether any child is an element that bears a name: a <metadata> may be anybody's."""
    return any(local_name(child) == "element" and child.get("name") for child in metadata)


CROSSWALK = Crosswalk(
    "xoai",
    1,
    read,
    roots=("{http://www.lyncode.com/xoai}metadata",),
    local_names=("metadata",),
    fits=has_elements,
)
