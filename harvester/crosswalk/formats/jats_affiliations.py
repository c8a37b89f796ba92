"""JATS affiliations: `aff`, in whatever shape, as one line and its ROR; each is read once, however many refer to it."""

from lxml import etree

from harvester.crosswalk.draft import Draft
from harvester.crosswalk.fields import agents
from harvester.crosswalk.fields import text as texts
from harvester.crosswalk.formats.jats_text import is_mark
from harvester.crosswalk.tree import children, line, local_name
from harvester.entry import Affiliation

TAGS = ("{*}aff", "{*}aff-alternatives")
NAMES = frozenset(("aff", "aff-alternatives"))
_PARTS = frozenset((
    "institution", "institution-wrap", "addr-line", "city", "state", "country", "postal-code", "named-content", "p",
))  # fmt: skip
_NOT_THE_ADDRESS = frozenset(("email", "fax", "phone", "uri", "ext-link", "target", "bio", "fn"))


class Affiliations:
    """Those of one article, by their ids; what nobody refers to is left at the end."""

    __slots__ = ("_by_id", "_draft", "_loose", "_read", "only")

    def __init__(self, draft: Draft, article_meta: etree._Element) -> None:
        self._draft = draft
        self._by_id: dict[str, etree._Element] = {}
        self._read: dict[str, Affiliation | None] = {}
        self._loose: list[etree._Element] = []
        found = list(article_meta.iter(*TAGS))
        for element in found:
            self._by_id.setdefault(str(element.get("id", "")), element)
        # Old articles have one affiliation, without an id; it is the author's where there is one author only
        alone = len(found) == 1 and not found[0].get("id") and len(list(article_meta.iter("{*}contrib"))) == 1
        self.only = found[0] if alone else None

    def of(self, rid: str) -> Affiliation | None:
        """The affiliation that an xref/@rid points at; None where there is none of that id."""
        if rid not in self._read:
            element = self._by_id.get(rid) if rid else None
            self._read[rid] = affiliation(self._draft, element) if element is not None else None
            if element is None:
                self._draft.note("affiliations", "reference_dangling", rid)
        return self._read[rid]

    def keep(self, element: etree._Element) -> None:
        """An affiliation beside the contributors: somebody refers to it, or nobody."""
        self._loose.append(element)

    def leave_loose(self) -> None:
        for element in self._loose:
            if element is not self.only and element.get("id") not in self._read:
                self._draft.leave(element)


def affiliation(draft: Draft, element: etree._Element) -> Affiliation | None:
    """One `aff`; of `aff-alternatives` the first, the others (mostly other languages) are left."""
    if local_name(element) == "aff-alternatives":
        held = children(element, "aff")
        for other in held[1:]:
            draft.leave(other)
        if not held:
            return None
        element = held[0]
    name = texts.line(_address(draft, element), draft.notes, "affiliations").strip(" ,;")
    known = [
        (line(draft, each, "affiliations"), str(each.get("institution-id-type", "")))
        for each in element.iter("{*}institution-id")
    ]
    known.sort(key=lambda each: "ror" not in each[0].lower() + each[1].lower())  # stable: the ROR first
    for value, _ in known[1:]:
        if value:
            draft.note("affiliations", "affiliation_identifier", value)
    value, scheme = known[0] if known else ("", "")
    return agents.affiliation(name, value, scheme, draft.notes)


def _address(draft: Draft, element: etree._Element) -> str:
    """Its parts in their order, a comma between those that the source leaves to the layout."""
    pieces: list[str] = []
    skipped: etree._Element | None = None
    for event, node in etree.iterwalk(element, events=("start", "end")):
        if skipped is not None:
            if node is skipped:
                skipped = None
                pieces.append(" " + (node.tail or ""))
            continue
        name = local_name(node)
        if event == "start":
            mark = is_mark(node, name) or name == "institution-id" or (name == "sup" and _is_sign(node))
            if node is not element and (mark or name in _NOT_THE_ADDRESS):
                skipped = node
                if not mark:
                    draft.leave(node)
                continue
            if name in _PARTS and _is_open(pieces):
                pieces.append(", ")
            pieces.append(node.text or "")
        elif node is not element:
            pieces.append(node.tail or "")
    return " ".join("".join(pieces).split()).replace(" ,", ",")


def _is_open(pieces: list[str]) -> bool:
    """Whether a word stands before, with no sign between."""
    for piece in reversed(pieces[-20:]):
        if said := piece.rstrip():
            return said[-1] not in ",;:(-–/"
    return False


def _is_sign(element: etree._Element) -> bool:
    return len("".join(map(str, element.itertext())).strip()) < 4
