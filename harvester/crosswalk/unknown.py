"""Any root element without a crosswalk: a best-effort reading by local name, so that nothing harvested is invisible.

Titles, identifiers and dates only, and the abstract: names of people are too differently nested to be read unknown.
"""

from lxml import etree

from harvester.crosswalk.draft import Draft
from harvester.crosswalk.fields import dates, text
from harvester.crosswalk.formats import oai_dc
from harvester.crosswalk.reading import Crosswalk
from harvester.crosswalk.table import whole_text
from harvester.entry import Date

MOST_ELEMENTS = 100_000  # of one document; more are counted as a problem, not read

# Local names in lower case, without hyphens
_TITLES = ("title", "maintitle", "titleproper", "name", "articletitle")
_IDENTIFIERS = ("identifier", "doi", "url", "uri", "handle", "urn", "ark", "articleid")
_DATES = {
    "date": None, "dateissued": "Issued", "issued": "Issued", "publicationdate": "Issued", "publicationyear": "Issued",
    "pubdate": "Issued", "datepublished": "Issued", "created": "Created", "datecreated": "Created", "updated": "Updated",
    "modified": "Updated", "datemodified": "Updated", "available": "Available", "dateavailable": "Available",
}  # fmt: skip
_ABSTRACTS = ("abstract", "description")


def read(metadata: etree._Element, draft: Draft) -> None:
    """Fill the draft with what local names give away; the problem `unknown_format` names the root element."""
    draft.note("entry", "unknown_format", str(metadata.tag))
    if oai_dc.has_dublin_core(metadata):
        oai_dc.read(metadata, draft)
        return
    draft.lone_date_is_issued = False  # it may be an event's, or the record's own
    depths: dict[str, int] = {}
    depth = elements = 0
    skipped: etree._Element | None = None
    for event, element in etree.iterwalk(metadata, events=("start", "end")):
        depth += 1 if event == "start" else -1
        if event == "end":
            skipped = None if element is skipped else skipped
            continue
        elements += 1
        if elements > MOST_ELEMENTS:
            draft.note("entry", "too_many_elements", str(MOST_ELEMENTS))
            break
        if skipped is not None or not isinstance(element.tag, str):
            continue
        if _take(draft, element, depth, depths):
            skipped = element
        elif element.text and not element.text.isspace():
            draft.pass_over(element.tag)


def _take(draft: Draft, element: etree._Element, depth: int, depths: dict[str, int]) -> bool:
    """Read the element if its name tells what it is; True where nothing below it is to be looked at.

    Only elements as deep as the first of their kind count: a title further down is that of a journal or a reference.
    """
    name = etree.QName(element).localname.lower().replace("-", "")
    kind = _kind(name)
    if kind is None:
        return False
    said = text.line(whole_text(element) if len(element) else element.text or "", draft.notes, kind)
    # a comment is a child to lxml
    nested = len(element) and any(isinstance(child.tag, str) for child in element)
    if not said or depths.setdefault(kind, depth) != depth or (kind != "titles" and nested):
        return False
    if kind == "titles":
        oai_dc.title(draft, said, element)
    elif kind == "identifiers":
        draft.identify(said)
    elif kind == "dates":
        found = dates.read(said, draft.notes, latest=draft.latest)
        draft.dates.append(Date(_DATES[name], found.value, found.start, found.end, found.raw))
    else:
        oai_dc.description(draft, said, element)
    return True


def _kind(name: str) -> str | None:
    if name in _TITLES:
        return "titles"
    if name in _IDENTIFIERS:
        return "identifiers"
    if name in _DATES:
        return "dates"
    return "descriptions" if name in _ABSTRACTS else None


CROSSWALK = Crosswalk("unknown", 2, read)
