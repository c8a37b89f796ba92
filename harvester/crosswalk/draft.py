"""An Entry in the making: the lists that a format's rules fill. `quick.py` makes the Entry of it."""

from typing import Any

from lxml import etree

from harvester.crosswalk.fields import containers, dates, identifiers, languages, types
from harvester.crosswalk.fields import text as texts
from harvester.crosswalk.fields.identifiers import Known
from harvester.crosswalk.reading import Context
from harvester.entry import (
    Agent,
    Container,
    Date,
    Description,
    File,
    Funding,
    Geo,
    Problem,
    Relation,
    Rights,
    Subject,
    Thesis,
    Title,
)  # fmt: skip

MOST_UNREAD = 500  # different names of one document; the rest are counted together
LONGEST_NAME = 300

XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"


class Draft:
    """Mutable on purpose: one record is read by one thread, rule by rule."""

    __slots__ = (
        "_figshare", "_language", "access", "clean", "container", "context", "contributors", "creators", "dates",
        "descriptions", "embargo", "files", "formats", "found", "funding", "geo", "landing", "languages", "latest",
        "lone_date_is_issued", "metadata", "notes", "published", "publisher", "relations", "rights", "schema", "sizes", "subjects", "thesis", "titles",
        "type", "unread", "version",
    )  # fmt: skip

    def __init__(self, metadata: etree._Element, context: Context) -> None:
        self.metadata = metadata
        self.context = context
        self.notes: list[Problem] = []
        self.clean = False  # whether no text of the document needs more than its ends stripped
        self.titles: list[Title] = []
        self.creators: list[Agent] = []
        self.contributors: list[Agent] = []
        self.subjects: list[Subject] = []
        self.descriptions: list[Description] = []
        self.dates: list[Date] = []
        self.found: list[tuple[Known, str]] = []  # identifiers, and as what they were written
        self.relations: list[Relation] = []
        self.rights: list[Rights] = []
        self.files: list[File] = []
        self.funding: list[Funding] = []
        self.geo: list[Geo] = []
        self.formats: list[str] = []
        self.sizes: list[str] = []
        self.languages: list[str] = []
        self.publisher: str | None = None
        self.access: str | None = None
        self.version: str | None = None
        self.schema: str | None = None  # version of the format
        self.unread: dict[str, int] = {}
        self.container: Container | None = None
        self.thesis: Thesis | None = None
        self.landing: str | None = None
        self.embargo: str | None = None
        self.lone_date_is_issued = True
        self.published: Date | None = None  # where the format says itself which date that is
        self.type: types.Weighed | None = None
        # A datestamp is no bound: a repository may leave it alone for years.
        self.latest = context.received.year + 2 if context.received else dates.FURTHEST_YEAR
        own = metadata.get(XML_LANG)
        self._language = languages.tag(own) if own and len(own) <= languages.LONGEST else None
        self._figshare: bool | None = None

    def note(self, field: str, code: str, raw: str | None) -> None:
        """Keep what could not be normalised."""
        shown = texts.excerpt if not raw or raw.isprintable() else texts.quoted
        self.notes.append(Problem(field, code, shown(raw) if raw else None))

    def line(self, raw: str, field: str) -> str:
        """One clean line of a rule's text."""
        return raw if self.clean else texts.line(raw, self.notes, field)

    def paragraphs(self, raw: str, field: str) -> str:
        """Clean paragraphs of a rule's text."""
        return raw if self.clean else texts.plain(raw, self.notes, field)

    def add(self, field: str, part: Any) -> None:
        """Put one part, or a list of parts, into one of the lists; None is nothing."""
        if isinstance(part, list):
            getattr(self, field).extend(part)
        elif part is not None:
            getattr(self, field).append(part)

    def leave(self, element: etree._Element, name: str | None = None) -> None:
        """Count an element and all within it that have text as unread: by their tags, or all under `name`."""
        for each in element.iter(etree.Element):
            if (each.text and not each.text.isspace()) or (len(each) and _speaks_after_an_aside(each)):
                self.pass_over(name or each.tag)

    def pass_over(self, name: str) -> None:
        """Count one unread element under a name; comments and instructions are no elements."""
        if name not in self.unread and (len(self.unread) >= MOST_UNREAD or len(name) > LONGEST_NAME):
            name = "…"
        self.unread[name] = self.unread.get(name, 0) + 1

    def language(self, own: str | None) -> str | None:
        """The tag for an element's xml:lang, else the document's."""
        if not own:
            return self._language
        return languages.tag(own.strip()) if len(own) <= languages.LONGEST else None

    def identify(self, text: str) -> None:
        """Take one identifier as the source writes it."""
        known = identifiers.identify(text)
        if known is None:
            known = identifiers.leading_doi(text)
            if known or identifiers.claims(text):
                self.note("identifiers", "identifier_cut" if known else "identifier_invalid", text)
            known = known or Known(text, "other")
        elif known.scheme == "issn":
            self.container = containers.with_issn(self.container, known.value)
        self.found.append((known, text))

    def weigh(self, weighed: types.Weighed | None) -> None:
        """Of several types the one from the strongest vocabulary stays, the first among equals."""
        if weighed is None:
            return
        if self.type is None or weighed.weight < self.type.weight:
            self.type = weighed
        elif (
            weighed.weight == self.type.weight
            and weighed.general != self.type.general
            and weighed.weight != types.VAGUE
        ):
            self.note("type", "further_value", weighed.general)

    @property
    def is_figshare(self) -> bool:
        """Whether the record is figshare's: by its sets, its landing page or its DOI."""
        if self._figshare is None:
            self._figshare = any(
                spec.startswith(("portal_", "item_type_")) for spec in self.context.set_specs
            ) or any("figshare." in _said(child) for child in self.metadata if _points(child))
            self._figshare = self._figshare or "figshare.com/articles/" in (self.landing or "")
        return self._figshare


def _speaks_after_an_aside(element: etree._Element) -> bool:
    """Whether text follows a comment or an instruction, which are children to lxml."""
    return any(child.tail and not child.tail.isspace() for child in element if not isinstance(child.tag, str))


def _said(element: etree._Element) -> str:
    if not len(element):
        return element.text or ""
    return etree.tostring(
        element, method="text", encoding="unicode", with_tail=False
    )  # comments are passed over


def _points(element: etree._Element) -> bool:
    return isinstance(element.tag, str) and element.tag.endswith(("identifier", "relation"))
