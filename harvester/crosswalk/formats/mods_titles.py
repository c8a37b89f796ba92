"""titleInfo of MODS: article, title, subtitle and the designation of a part, put together as ISBD does."""

from typing import NamedTuple

from lxml import etree

from harvester.crosswalk.draft import Draft
from harvester.crosswalk.fields import text as texts
from harvester.crosswalk.table import XML_LANG
from harvester.crosswalk.tree import line, local_name
from harvester.entry import Title

_SIGNS = " ,/;:="  # ISBD's, left by MARC at the end of a title
_JOINING = ("'", "’", "ʼ", "-")  # L'art, al-Kitāb: no blank after such an article
_TYPES = {"alternative": "alternative", "abbreviated": "alternative", "translated": "translated"}


class Heading(NamedTuple):
    """`title` with its article and part; `subtitle` apart. "" for what is absent."""

    title: str
    subtitle: str

    @property
    def whole(self) -> str:
        """Title and subtitle as one text, separated as in ISBD."""
        return " : ".join(filter(None, self))


def read(draft: Draft, elements: list[etree._Element]) -> None:
    """The main title is the one marked as primary, else the first without a type; others keep what they are."""
    untyped = [element for element in elements if not element.get("type") and not element.get("otherType")]
    main = next((element for element in untyped if element.get("usage") == "primary"), None)
    marked = main is not None
    if main is None and untyped:
        main = untyped[0]
    for element in elements:
        found = heading(draft, element, "titles")
        language = draft.language(_language(element))
        if element is main:
            if found.title:
                draft.titles.append(Title(found.title, "main", language))
            if found.subtitle:
                draft.titles.append(Title(found.subtitle, "subtitle", language))
        elif found.whole:
            kind = _type(element) or ("other" if marked else None)
            draft.titles.append(Title(found.whole, kind, language))


def heading(draft: Draft, element: etree._Element, field: str) -> Heading:
    """The parts of a titleInfo; older DSpace writes its text without any."""
    said: dict[str, list[str]] = {"nonsort": [], "title": [], "subtitle": []}
    parts = ""
    for child in element:
        name = local_name(child).lower()
        if name in said:
            said[name].append(line(draft, child, field).rstrip(_SIGNS))
        elif name in ("partnumber", "partname"):
            text = line(draft, child, field).rstrip(_SIGNS)
            # ISBD: a name that follows a number is set off by a comma, every other part by a full stop
            parts = _joined(parts, text, ", " if name == "partname" else ". ")
        elif name:
            draft.leave(child)
    if element.text and not element.text.isspace():
        said["title"].append(texts.line(element.text, draft.notes, field).rstrip(_SIGNS))
    article = " ".join(filter(None, said["nonsort"]))
    title = " ".join(filter(None, said["title"]))
    if article and title:
        title = article + ("" if article.endswith(_JOINING) else " ") + title
    return Heading(_joined(title or article, parts, ". "), " ".join(filter(None, said["subtitle"])))


def _joined(left: str, right: str, sign: str) -> str:
    if not left or not right:
        return left or right
    return left + (sign.lstrip(".") if left.endswith((".", "?", "!")) else sign) + right


def _type(element: etree._Element) -> str | None:
    stated = (element.get("type") or element.get("otherType") or "").strip().lower()
    if not stated:
        # the same title in another script
        return "alternative" if element.get("altRepGroup") else None
    return _TYPES.get(stated, "other")


def _language(element: etree._Element) -> str | None:
    bearers = (each for each in (element, *element) if isinstance(each.tag, str))
    stated = (each.get("lang") or each.get(XML_LANG) for each in bearers)
    return next(filter(None, stated), None)
