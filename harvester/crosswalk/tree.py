"""The machinery of nested crosswalks: each child element goes to the branch that its local name names.

    BRANCHES: Branches = {
        "title": leaf(oai_dc.title),
        "creators": lambda draft, element: descend(draft, element, CREATORS),
    }

Namespaces and prefixes are not looked at: the root told the format. What has no branch is left, and so counted.
"""

from collections.abc import Callable, Mapping

from lxml import etree

from harvester.crosswalk.draft import Draft
from harvester.crosswalk.fields import text as texts
from harvester.crosswalk.table import Rule, mixed, whole_text

Branch = Callable[[Draft, etree._Element], None]
Branches = Mapping[str, Branch]


def local_name(element: etree._Element) -> str:
    """The name without its namespace; "" for comments and processing instructions."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def children(element: etree._Element, name: str) -> list[etree._Element]:
    """The child elements of that local name."""
    return [child for child in element if local_name(child) == name]


def descend(draft: Draft, element: etree._Element, branches: Branches) -> None:
    """Give each child to its branch, in the order of the document; leave those that have none, and text between them."""
    if element.text and not element.text.isspace():
        draft.pass_over(element.tag)
    for child in element:
        tag = child.tag
        if not isinstance(tag, str):
            continue
        branch = branches.get(tag.rpartition("}")[2])
        if branch is None:
            draft.leave(child)
        else:
            branch(draft, child)


def leaf(rule: Rule) -> Branch:
    """A branch for an element that holds nothing but text: the rule of a flat crosswalk, given that text."""

    def branch(draft: Draft, element: etree._Element) -> None:
        if len(element):
            raw = whole_text(element).strip()
            if raw:
                mixed(rule)(draft, raw, element)
        elif (text := element.text) and (text := text.strip()):
            rule(draft, text, element)

    return branch


def line(draft: Draft, element: etree._Element, field: str) -> str:
    """The text of an element and all within it as one clean line; "" where there is none."""
    if len(element):
        return texts.line(whole_text(element), draft.notes, field)
    raw = element.text
    if not raw:
        return ""
    return raw.strip() if draft.clean else texts.line(raw, draft.notes, field)


def paragraphs(draft: Draft, element: etree._Element, field: str) -> str:
    """The text of an element and all within it as plain paragraphs; "" where there is none."""
    if len(element):
        return texts.plain(whole_text(element), draft.notes, field)
    raw = element.text
    if not raw:
        return ""
    return raw.strip() if draft.clean else texts.plain(raw, draft.notes, field)


def attribute(draft: Draft, element: etree._Element, name: str, field: str) -> str:
    """An attribute as one clean line, whatever its namespace; "" where there is none."""
    raw = element.get(name)
    if raw is None and element.attrib:
        raw = next((str(value) for key, value in element.items() if str(key).endswith("}" + name)), None)
    return texts.line(raw, draft.notes, field) if raw else ""
