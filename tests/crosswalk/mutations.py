"""Documents for property tests: those of the golden pairs, changed at random and written in other ways."""

import copy
import string
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from hypothesis import strategies as st
from lxml import etree

OAI = "{http://www.openarchives.org/OAI/2.0/}"
XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
MOST_ELEMENTS = 250  # of one seed: larger ones make the tests slow and show nothing more

# What lxml takes as text: any character that XML 1.0 allows.
XML_TEXT = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff")
    | st.sampled_from("\t\n\r\x85\x9f"),
    max_size=40,
)
VALUES = st.sampled_from([
    "10.5555/a.v2", "10.5555/%2f%41", "https://figshare.com/articles/x/1/2", "Doe, Jane (12345)", ", Jane", "Doe,", "a;b;;c", "(", "()", "[]",
    "http://a.org/1http://b.org/2.pdf", "[199-?]", "c1998-", "03/08/2015", "9999", "0000-00-00", "2010/", "-0001", "Y99999", "Spring 2010",
    "2010-01-01T00:00:00+99:99", "info:eu-repo/grantAgreement/EC/FP7/1/EU/%00/%ED", "info:eu-repo/date/embargoEnd/9999", "CC BY", "MIT",
    "https://creativecommons.org/licenses/by/4.0/", "info:eu-repo/semantics/openAccess", "&amp;lt;b&amp;gt;", "<p>a<sub>1</sub></p>",
    "name=x; east=999; north=999", "95.5 10.5", "nan inf", "1e999", "-91", "ISSN 1234-5679", "0306406152", "eng; fre", "zqx", "English zqx",
    "text/plain http://a/%00.txt", "doi:10.5555/İ", "https://doi.org/", "hdl:", "category_", "0000-0002-1825-0097", "0000-0002-1825-0098",
    "https://ror.org/05dxps055", "05dxps056", "&#0;&#x1;&#xD800;", "â\u0080\u0099", "12345678901234567890", "-1", "1.5", "٣", "²", "0", " ",
    "\u00ad", "\u200b", "n/a", "none", "true", "urn:x:", "arXiv:0704.0001v2", "http://purl.org/coar/resource_type/", "http://a b",
])  # fmt: skip
TEXTS = VALUES | XML_TEXT | st.tuples(VALUES, XML_TEXT).map("".join) | st.just("")


class Change(NamedTuple):
    """`at` and `to` choose elements (modulo their number)."""

    kind: str
    at: int
    to: int
    said: str


KINDS = (
    "text", "text", "text", "tail", "drop", "empty", "double", "move", "wrap", "rename", "attribute", "attribute", "bare", "language", "comment",
)  # fmt: skip
CHANGES = st.lists(
    st.builds(Change, st.sampled_from(KINDS), st.integers(0, 999), st.integers(0, 999), TEXTS), max_size=8
)


@lru_cache(maxsize=1)
def seeds() -> tuple[tuple[str, etree._Element], ...]:
    """(format/name, metadata element) of the golden pairs, in a fixed order."""
    found = []
    for path in sorted(Path(__file__).parent.glob("*/*.xml")):
        root = etree.parse(path).getroot()
        inner = root.find(OAI + "metadata") if root.tag == OAI + "record" else None
        metadata = root if inner is None else inner[0]
        if sum(1 for _ in metadata.iter()) <= MOST_ELEMENTS:
            found.append((f"{path.parent.name}/{path.stem}", metadata))
    return tuple(found)


@lru_cache(maxsize=1)
def attribute_names() -> tuple[str, ...]:
    """Every attribute of the golden pairs."""
    return tuple(
        sorted({name for _, seed in seeds() for each in seed.iter(etree.Element) for name in each.attrib})
    )


def changed(seed: etree._Element, changes: Sequence[Change]) -> etree._Element:
    """A copy of the document with these changes; the root stays."""
    root = copy.deepcopy(seed)
    root.tail = None
    for change in changes:
        _apply(root, change)
    return etree.fromstring(
        etree.tostring(root)
    )  # lxml's tree may differ from what it writes where a default namespace moved


def _apply(root: etree._Element, change: Change) -> None:  # noqa: PLR0912 - one branch for each kind
    elements = list(root.iter(etree.Element))
    one, other = elements[change.at % len(elements)], elements[change.to % len(elements)]
    parent = one.getparent()
    names = attribute_names()
    match change.kind:
        case "text":
            one.text = change.said
        case "attribute":
            held = list(one.attrib) or [names[change.to % len(names)]]
            one.set(
                held[change.to % len(held)] if change.to % 3 else names[change.to % len(names)], change.said
            )
        case "bare":
            one.attrib.clear()
        case "language":
            one.set(XML_LANG, change.said)
        case "comment":
            one.insert(0, etree.Comment(" aside "))
        case "empty":
            for child in list(one):
                one.remove(child)
        case "rename" if parent is not None:
            one.tag = other.tag
        case "tail" if parent is not None:
            one.tail = change.said
        case "drop" if parent is not None:
            parent.remove(one)
        case "double" if parent is not None:
            for _ in range(1 + change.to % 3):
                one.addnext(copy.deepcopy(one))
        case "move" if parent is not None and one not in (other, *other.iterancestors()):
            other.append(one)
        case "wrap" if parent is not None:
            outer = etree.Element(other.tag)
            parent.replace(one, outer)
            outer.append(one)


def written_otherwise(root: etree._Element) -> etree._Element:
    """The same document: other prefixes, attributes in reverse, other blanks between elements, comments, instructions."""
    uris = sorted(
        {etree.QName(name).namespace or "" for name in _names(root)} - {"", XML_LANG[1:].partition("}")[0]}
    )
    prefixes = dict(zip((f"{letter}{letter}" for letter in string.ascii_letters), uris, strict=False))
    twin = etree.Element(root.tag, nsmap=prefixes)
    _fill(twin, root, is_mixed=False)
    return etree.fromstring(etree.tostring(twin))


def _names(root: etree._Element) -> list[str]:
    return [name for each in root.iter(etree.Element) for name in (each.tag, *each.attrib)]


def _fill(twin: etree._Element, one: etree._Element, *, is_mixed: bool) -> None:
    for name, value in reversed(one.attrib.items()):
        twin.set(name, value)
    is_mixed = is_mixed or any(
        said and not said.isspace() for said in (one.text, *(each.tail for each in one))
    )
    is_structure = not is_mixed and (one.getparent() is None or all(len(child) for child in one))
    twin.text = _blanks(one.text, is_structure=is_structure and len(one) > 0)
    for child in one:
        if isinstance(child.tag, str):
            inner = etree.SubElement(twin, child.tag)
            _fill(inner, child, is_mixed=is_mixed)
        else:
            inner = etree.Comment("here was a comment")
            twin.append(inner)
        inner.tail = child.tail if is_mixed else _blanks(child.tail, is_structure=is_structure)
    if one.text and not one.text.isspace():
        _interrupt(twin, len(one.text) // 2)
    elif is_structure:
        twin.append(etree.ProcessingInstruction("do", "nothing"))


def _blanks(said: str | None, *, is_structure: bool) -> str | None:
    """Blanks between elements become others; within text they may be what separates its words."""
    if said and not said.isspace():
        return said
    return "\n\t " if said or is_structure else said


def _interrupt(twin: etree._Element, at: int) -> None:
    text = twin.text or ""
    aside = etree.Comment(" aside ")
    twin.text, aside.tail = text[:at] or None, text[at:]
    twin.insert(0, aside)
