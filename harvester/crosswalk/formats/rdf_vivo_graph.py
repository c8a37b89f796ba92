"""The graph in an RDF/XML document: its nodes, what they are called, and what refers to what.

Plain joins by rdf:about, rdf:ID and rdf:nodeID. It knows nothing of what a record holds.
"""

from itertools import islice
from urllib.parse import urljoin

from lxml import etree

from harvester.crosswalk.draft import Draft
from harvester.crosswalk.table import whole_text
from harvester.crosswalk.tree import local_name

RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
XML_BASE = "{http://www.w3.org/XML/1998/namespace}base"
BLANK = "_:"  # begins the name of a node that has no URI

MOST_NODES = 20  # elements that describe one resource
MOST_PROPERTIES = 500  # of a node other than the work itself
MOST_VISITS = 20  # to each element on average: a work's own nodes are visited two or three times
MOST_REPEATED = 1_000_000  # characters of one text by which several references are answered

# What a resource is called, best first
_LABELS = ("prefLabel", "title", "name", "label", "fn", "value", "geographicName", "notation", "identifier", "altLabel")  # fmt: skip
# DSpace binds rdf to one of OAI's namespaces
RDF_TYPE = (RDF + "type", "{http://www.openarchives.org/OAI/2.0/rdf/}type", "type")
_QUALIFIED = {name: RDF + name for name in ("about", "ID", "nodeID", "resource", "parseType")}
_CONTAINERS = ("Seq", "Bag", "Alt")


class Graph:
    """Answers references; remembers which elements were read, so that the rest can be counted.

    References are followed and texts repeated as often as sense allows: a document of one long text and a hundred
    thousand references to it is small, and what it stands for is not.
    """

    __slots__ = ("_base", "_described", "_kinds", "_names", "_read", "_root", "_spent", "_visits")

    def __init__(self, root: etree._Element) -> None:
        self._root = root
        self._visits = 1000
        self._base = root.get(XML_BASE) or ""
        self._described: dict[str, list[etree._Element]] = {}
        self._kinds: dict[etree._Element, tuple[str, ...]] = {}
        self._names: dict[etree._Element, str | None] = {}
        self._read: set[etree._Element] = set()
        self._spent: dict[etree._Element, tuple[int, int]] = {}  # how often, and how long it is
        self._index()

    def _index(self) -> None:
        """Nodes and properties take turns: the root's children are nodes, theirs are properties (RDF/XML 2.1)."""
        nodes = [child for child in self._root if isinstance(child.tag, str)]
        while nodes:
            below: list[etree._Element] = []
            for node in nodes:
                if name := self.name(node):
                    self._described.setdefault(name, []).append(node)
                self._visits += MOST_VISITS * (len(node) + 1)
                for property_ in node:
                    if len(property_):
                        below.extend(nested(property_))
            nodes = below

    def name(self, node: etree._Element) -> str | None:
        """The node's URI, or its local name behind BLANK; None where it has neither."""
        if node not in self._names:
            self._names[node] = self._name(node)
        return self._names[node]

    def kinds(self, node: etree._Element) -> tuple[str, ...]:
        """The local names of a node's classes."""
        if node not in self._kinds:
            self._kinds[node] = kinds(node)
        return self._kinds[node]

    def is_a(self, node: etree._Element, names: frozenset[str]) -> bool:
        """Whether a node is of one of these classes."""
        return not names.isdisjoint(self.kinds(node))

    def _name(self, node: etree._Element) -> str | None:
        if about := reference(node, "about"):
            return self.resolved(about)
        if own := reference(node, "ID"):
            return self.resolved("#" + own)
        return BLANK + own if (own := reference(node, "nodeID")) else None

    def target(self, property_: etree._Element) -> str | None:
        """The name of the one that a property refers to, by reference or by the node within it."""
        if uri := reference(property_, "resource"):
            return self.resolved(uri)
        if own := reference(property_, "nodeID"):
            return BLANK + own
        if uri := reference(property_, "about"):  # so written by invenio-rdm-records
            return self.resolved(uri)
        return next((name for node in nested(property_)[:1] if (name := self.name(node))), None)

    def resolved(self, uri: str) -> str:
        """The absolute URI, where the document names its base."""
        uri = uri.strip()
        if not self._base or ":" in uri[:20]:
            return uri
        try:
            return urljoin(self._base, uri)
        except ValueError:  # a base or reference with a broken host
            return uri

    def nodes(self, property_: etree._Element) -> list[etree._Element]:
        """The elements that describe the (first) resource that a property refers to: the one within it first."""
        if within := nested(property_)[:1]:
            return self._beside(within[0])
        name = self.target(property_)
        return self.described(name) if name else []

    def resources(self, property_: etree._Element) -> list[list[etree._Element]]:
        """The same for each resource that a property refers to: a collection holds several."""
        within = nested(property_)
        if len(within) < 2:
            found = self.nodes(property_)
            return [found] if found else []
        return [self._beside(node) for node in within]

    def _beside(self, node: etree._Element) -> list[etree._Element]:
        name = self.name(node)
        return [node, *(each for each in self.described(name) if each is not node)] if name else [node]

    def described(self, name: str) -> list[etree._Element]:
        """The elements that describe one resource."""
        return self._described.get(name, [])[:MOST_NODES]

    def properties(self, node: etree._Element) -> list[etree._Element]:
        """The properties of a node other than the work; none where references led to others beyond all sense."""
        self._visits -= len(node) + 1
        return list(islice(node, MOST_PROPERTIES)) if self._visits > 0 else []

    def literal(self, element: etree._Element) -> str:
        """The text of a property, "" where it has none; it counts as read."""
        uses, size = self._spent.get(element, (0, 0))
        if uses and uses * size > MOST_REPEATED:
            return ""
        text = whole_text(element) if len(element) else element.text or ""
        self._spent[element] = (uses + 1, len(text))
        self._read.update(element.iter(etree.Element) if len(element) else (element,))
        return "" if text.isspace() else text

    def label(self, nodes: list[etree._Element]) -> tuple[str, etree._Element] | None:
        """(text, its element) by which the resource is called, the best of its names."""
        called = self._called(nodes)
        text = self.literal(called) if called is not None else ""
        return (text, called) if called is not None and text else None

    def peek(self, property_: etree._Element) -> str:
        """The text of a property, which does not count as read by that."""
        called = self._called(self.nodes(property_)) if refers(property_) else property_
        return (called.text or "") if called is not None else ""

    def _called(self, nodes: list[etree._Element]) -> etree._Element | None:
        for node in nodes:
            named: dict[str, etree._Element] = {}
            for property_ in self.properties(node):
                if _says(property_.text) and not len(property_):
                    named.setdefault(local_name(property_), property_)
            if best := next((name for name in _LABELS if name in named), None):
                return named[best]
        return None

    def text(self, property_: etree._Element) -> tuple[str, etree._Element]:
        """(text, its element) of a property: its literal, the label of what it refers to, or at least that one's URI."""
        if refers(property_):
            found = self.label(self.nodes(property_))
            return found or (self.link(property_), property_)  # the URI, where nothing is said of it
        return self.literal(property_), property_

    def link(self, property_: etree._Element) -> str:
        """What a property points at: a URI, else the text for it; "" where there is neither."""
        name = self.target(property_)
        if name and not name.startswith(BLANK):
            return name
        if refers(property_):
            found = self.label(self.nodes(property_))
            return found[0] if found else ""
        return self.literal(property_)

    def leave(self, draft: Draft) -> None:
        """Count every element with text that was not read."""
        for each in self._root.iter(etree.Element):
            if each.text and each not in self._read and not each.text.isspace():
                draft.pass_over(each.tag)


def reference(element: etree._Element, name: str) -> str | None:
    """An attribute of RDF, whatever its namespace: DSpace binds rdf to one of OAI's."""
    value = element.get(_QUALIFIED[name])
    if value is None:
        for key in element.keys():  # noqa: SIM118 - of an element, not of a mapping
            if str(key).rpartition("}")[2] == name:
                return element.get(key) or None
    return value or None


def nested(property_: etree._Element) -> list[etree._Element]:
    """The nodes within a property; itself, where its children are said to be properties."""
    if not len(property_):
        return []
    kind = reference(property_, "parseType")
    if kind == "Resource":
        return [property_]
    return [child for child in property_ if isinstance(child.tag, str)] if kind != "Literal" else []


def spread(property_: etree._Element) -> list[etree._Element]:
    """The property, or the members of the rdf:Seq, rdf:Bag or rdf:Alt that it holds: each stands for it once."""
    if len(property_) == 1 and local_name(property_[0]) in _CONTAINERS:
        return [member for member in property_[0] if isinstance(member.tag, str)]
    return [property_]


def refers(property_: etree._Element) -> bool:
    """Whether a property points at a resource. A node has no text of its own: where there is, it is a literal's markup."""
    if not len(property_):
        return bool(property_.keys()) and _points(property_) and not _says(property_.text)
    if reference(property_, "parseType") == "Resource":
        return True
    if _says(property_.text):
        return False
    within = [child for child in islice(property_, MOST_NODES) if isinstance(child.tag, str)]
    literal = any(_says(child.text) or _says(child.tail) for child in within)
    return _points(property_) or (bool(within) and not literal)


def _points(property_: etree._Element) -> bool:
    return any(reference(property_, name) for name in ("resource", "nodeID", "about"))


def _says(text: str | None) -> bool:
    return bool(text) and not str(text).isspace()


def kinds(node: etree._Element) -> tuple[str, ...]:
    """The local names of a node's classes: that of its element, and those in rdf:type."""
    stated = [
        uri
        for property_ in islice(node, MOST_PROPERTIES)
        if property_.tag in RDF_TYPE and (uri := reference(property_, "resource"))
    ]
    own = str(node.tag).rpartition("}")[2]
    return (own, *(class_name(uri) for uri in stated)) if stated else (own,)


def class_name(name: str) -> str:
    """The local name in a class's URI."""
    return name.rpartition("#")[2].rstrip("/").rpartition("/")[2]
