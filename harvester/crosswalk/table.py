"""The machinery of flat crosswalks: a table says which rule reads which element.

    TABLE: Table = oai_dc.TABLE | {
        DCT + "abstract": into("descriptions", described, type="abstract"),
    }

A rule gets the draft, the element's text (never empty) and the element; what needs an `if` is a function in the
format's own module.
"""

from collections.abc import Callable, Mapping
from typing import Any

from lxml import etree

from harvester.crosswalk.draft import Draft

Rule = Callable[[Draft, str, etree._Element], None]
Table = Mapping[str, Rule]

XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
RDF_RESOURCE = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}resource"
DC = "{http://purl.org/dc/elements/1.1/}"
DCT = "{http://purl.org/dc/terms/}"

# Seen for Dublin Core in the wild: figshare binds dc to terms; without the slash in Dryad and Virginia Tech;
# OpenSKOS uses the dublincore.org one; several servers none at all.
DIALECTS = (
    "{http://purl.org/dc/elements/1.1/}", "{http://purl.org/dc/terms/}", "{http://purl.org/dc/elements/1.0/}",
    "{http://purl.org/dc/elements/1.1}", "{http://purl.org/dc/terms}", "{https://purl.org/dc/elements/1.1/}",
    "{https://purl.org/dc/terms/}", "{http://dublincore.org/documents/dcmi-namespace/}",
    "{http://www.openarchives.org/OAI/2.0/oai_dc/}", "{http://www.openarchives.org/OAI/2.0/}",
    "{http://oai.base-search.net/base_dc/}", "",
)  # fmt: skip


_RAISED = ("sub", "sup")
_BLOCKS = ("p", "br", "div", "li", "tr", "title", "sec")


def into(field: str, read: Callable[..., Any], /, **fixed: Any) -> Rule:
    """A rule that puts what `read(text, notes, **fixed)` returns into the draft's list `field`.

    The text is one clean line. `read` returns one part, or a list of parts; what it does not understand it keeps
    as text and notes.
    """

    def rule(draft: Draft, raw: str, _element: etree._Element) -> None:
        text = draft.line(raw, field)
        if text:
            draft.add(field, read(text, draft.notes, **fixed))

    return rule


def tolerant(rules: Mapping[str, Rule]) -> dict[str, Rule]:
    """Rules by local name, for every namespace that Dublin Core is written in."""
    return {namespace + name: rule for namespace in DIALECTS for name, rule in rules.items()}


def walk(metadata: etree._Element, table: Table, draft: Draft) -> None:
    """Give each child to its rule, in the order of the document; what no rule reads is left."""
    raw: str | None
    for child in metadata:
        rule = table.get(child.tag)
        if len(child):
            rule = rule and mixed(rule)
            raw = whole_text(child)
        else:
            raw = child.text or child.get(RDF_RESOURCE)  # an element may be nothing but a link
        if not raw or not (text := raw.strip()):
            continue
        if rule is None and (rule := _by_other_case(child, table)) is None:
            draft.leave(child)
        else:
            rule(draft, text, child)


def mixed(rule: Rule) -> Rule:
    """The same rule for the text of an element that holds others: marks of them are in it, so it is never clean."""

    def tidying(draft: Draft, text: str, element: etree._Element) -> None:
        clean, draft.clean = draft.clean, False
        rule(draft, text, element)
        draft.clean = clean

    return tidying


def language_of(element: etree._Element, draft: Draft) -> str | None:
    """xml:lang, the element's own (or `lang`, where servers lose its namespace) or the document's."""
    return draft.language(element.get(XML_LANG) or element.get("lang"))


def whole_text(element: etree._Element) -> str:
    """The text of an element and all within it: its child elements are markup, or the parts of a value."""
    mixed = any(said and not said.isspace() for said in (element.text, *(child.tail for child in element)))
    pieces: list[str] = []
    for event, node in etree.iterwalk(element, events=("start", "end", "comment", "pi")):
        inner = node is not element
        name = etree.QName(node).localname.lower() if isinstance(node.tag, str) else ""
        if event == "start":
            pieces.append(_opening(name, mixed=mixed) if inner else "")
            pieces.append(node.text or "")
        elif inner:
            pieces.append(f"</{name}>" if name in _RAISED else "")
            pieces.append(node.tail or "")
    return "".join(pieces)


def _opening(name: str, *, mixed: bool) -> str:
    if name in _RAISED:
        return f"<{name}>"
    return "\n" if name in _BLOCKS else "" if mixed else " "


def _by_other_case(element: etree._Element, table: Table) -> Rule | None:
    tag = element.tag
    return table.get(tag.lower()) if isinstance(tag, str) and tag.lower() != tag else None
