"""Text of JATS elements: mixed content without footnote marks, identifiers and the second form of a formula.

Marks (labels, xref numbers) and second forms say nothing; footnotes and other matter that stands in a text are left.
"""

import re
from itertools import islice

from lxml import etree

from harvester.crosswalk.draft import Draft
from harvester.crosswalk.fields import text as texts
from harvester.crosswalk.tree import local_name

# Not part of the text they stand in
MARKS = frozenset(("label", "annotation", "annotation-xml"))
_ASIDE = frozenset((
    "fn", "fn-group", "graphic", "inline-graphic", "media", "index-term", "object-id", "private-char", "target",
    "inline-supplementary-material", "email",
))  # fmt: skip
_READ_ELSEWHERE = frozenset(("contrib-group", "contrib-id", "aff", "aff-alternatives", "institution-id"))
_BLOCKS = frozenset((
    "p", "title", "sec", "list", "list-item", "disp-quote", "disp-formula", "break", "def-item", "tr", "caption",
    "verse-line", "boxed-text",
))  # fmt: skip
_RAISED = frozenset(("sub", "sup"))
_SCRIPTS = {"msub": ("", "sub"), "msup": ("", "sup"), "msubsup": ("", "sub", "sup")}
_OF_NOTES = frozenset(("aff", "corresp", "fn", "author-notes", "table-fn", "contrib"))
_BEGIN, _END = r"\begin{document}", r"\end{document}"
_EMPTY = re.compile(r" ?[\[(][\s,;–-]{0,40}[\])]|<su[pb]>[\s,;–-]{0,40}</su[pb]>")


def line(draft: Draft, element: etree._Element, field: str) -> str:
    """The text of an element as one clean line."""
    raw = _running(draft, element) if len(element) else element.text
    return texts.line(raw, draft.notes, field) if raw else ""


def paragraphs(draft: Draft, element: etree._Element, field: str) -> str:
    """The text of an element as plain paragraphs."""
    return texts.plain(_running(draft, element), draft.notes, field)


def _running(draft: Draft, element: etree._Element) -> str:
    """The text of an element and all within it; each block begins a line, line breaks of the XML are blanks."""
    pieces: list[str] = []
    skipped: etree._Element | None = None
    for event, node in etree.iterwalk(element, events=("start", "end", "comment", "pi")):
        if skipped is not None:
            if event == "end" and node is skipped:
                skipped = None
                pieces.append(_blank(node.tail))
            continue
        name = local_name(node)
        if event == "start":
            if node is not element and (is_mark(node, name) or name in _ASIDE or name in _READ_ELSEWHERE):
                skipped = node
                if name in _ASIDE:
                    draft.leave(node)
                continue
            script = _script(node, name)
            pieces.append(_opening(script) if node is not element else "")
            pieces.append(_blank(_formula(node.text) if name == "tex-math" else node.text))
        elif node is not element:
            pieces.append(_closing(_script(node, name)) if event == "end" else "")
            pieces.append(_blank(node.tail))
    text = "".join(pieces)
    return _EMPTY.sub("", text) if "[" in text or "(" in text or "<su" in text else text


def is_mark(element: etree._Element, name: str) -> bool:
    """A reference's number, a footnote's sign, TeX beside MathML; `Smith et al. (2010)` is part of the sentence."""
    if name in MARKS:
        return True
    if name == "xref":
        said = "".join(map(str, element.itertext()))[:200]
        return element.get("ref-type") in _OF_NOTES or sum(map(str.isalpha, said)) < 2
    if name in ("tex-math", "textual-form"):
        parent = element.getparent()
        return parent is not None and any(local_name(other) == "math" for other in islice(parent, 20))
    return False


def _script(element: etree._Element, name: str) -> str:
    """What stands in MathML where HTML has sub and sup; else the name itself."""
    above = element.getparent()
    if above is None or (held := _SCRIPTS.get(local_name(above))) is None:
        return name
    at = above.index(element)
    return held[at] if at < len(held) else name


def _opening(name: str) -> str:
    return "\n" if name in _BLOCKS else f"<{name}>" if name in _RAISED else ""


def _closing(name: str) -> str:
    return "\n" if name in _BLOCKS else f"</{name}>" if name in _RAISED else ""


def _formula(text: str | None) -> str | None:
    """PMC wraps each formula into a whole TeX document."""
    if not text or (start := text.find(_BEGIN)) < 0:
        return text
    end = text.find(_END, start)
    return text[start + len(_BEGIN) : end if end >= 0 else None].strip(" \n$")


def _blank(text: str | None) -> str:
    return text.replace("\n", " ") if text else ""
