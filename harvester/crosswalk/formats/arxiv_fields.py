"""What arXiv's own formats share: everything but the authors and the dates.

TeX is kept; lines are broken at 80 characters for reading only, so blanks are collapsed.
"""

import re

from lxml import etree

from harvester.crosswalk.draft import Draft
from harvester.crosswalk.fields import containers, identifiers, licences, relations, types
from harvester.crosswalk.fields.identifiers import Known
from harvester.crosswalk.formats import oai_dc
from harvester.crosswalk.tree import Branches, leaf, line, local_name
from harvester.entry import Description, Subject

PUBLISHER = "arXiv"  # in all of arXiv's formats it is understood

# A DOI holds neither blanks nor, as a rule, what stands before the next one.
_DOIS = re.compile(r"[\s,;]+(?=(?:doi:|https?://(?:dx\.)?doi\.org/)?10\.[0-9])", re.IGNORECASE)
_REPORTS = re.compile(r"[,;] ")
_ACM = re.compile(r"[A-K]\.(?:[0-9]{1,2}|m)(?:\.(?:[0-9]{1,2}|m))?", re.IGNORECASE)
_MSC = re.compile(r"[0-9][0-9](?:[A-Z](?:[0-9][0-9]|[xX]{2})|-(?:[0-9][0-9]|[xX]{2})|[A-Z])")
_BETWEEN_CODES = re.compile(r"[\s,;.:()\[\]]+")
_MSC_WORDS = frozenset(("primary", "secondary", "msc", "pri", "sec", "ams", "and"))
_FIELDS = frozenset(("id", "title", "authors", "abstract", "categories"))


def identifier(draft: Draft, element: etree._Element) -> None:
    """arXiv's number, with or without `arXiv:` before it."""
    said = line(draft, element, "identifiers")
    if said:
        draft.found.append((identifiers.typed(said, "arxiv"), said))


def doi(draft: Draft, element: etree._Element) -> None:
    """Of the published version, not of the preprint: arXiv itself calls it so in what it gives to DataCite."""
    said = line(draft, element, "relations")
    for piece in _DOIS.split(said, identifiers.MOST_PIECES) if said else ():
        draft.relations.append(relations.typed(piece, type="IsVersionOf", scheme="doi"))


def journal(draft: Draft, element: etree._Element) -> None:
    said = line(draft, element, "container")
    if said:
        draft.container = containers.citation(said)


def report_numbers(draft: Draft, element: etree._Element) -> None:
    said = line(draft, element, "identifiers")
    for piece in _REPORTS.split(said, identifiers.MOST_PIECES) if said else ():
        if piece := piece.strip(" ,;"):
            draft.found.append((Known(piece, "reportnumber"), piece))


def categories(draft: Draft, element: etree._Element) -> None:
    """`hep-th math-ph`: the first is the primary one."""
    for category in line(draft, element, "subjects").split():
        draft.subjects.append(Subject(category, "arxiv", None, category))


def msc(draft: Draft, element: etree._Element) -> None:
    said = line(draft, element, "subjects")
    codes = _codes_of_msc(said)
    if codes:
        _classify(draft, "MSC", codes)
    elif said:
        draft.subjects.append(Subject(said, "MSC"))


def acm(draft: Draft, element: etree._Element) -> None:
    """ACM's classification of 1998, where it is that.

    arXiv's server writes msc-class into it (arXiv/oaipmh, templates/record_formats.xml).
    """
    said = line(draft, element, "subjects")
    words = [word for word in _BETWEEN_CODES_OF_ACM.split(said) if word]
    if words and all(_ACM.fullmatch(word) for word in words):
        _classify(draft, "ACM", words)
    elif codes := _codes_of_msc(said):
        _classify(draft, "MSC", codes)
    elif said:
        draft.leave(element)


def comments(draft: Draft, element: etree._Element) -> None:
    said = line(draft, element, "descriptions")
    if said:
        draft.descriptions.append(Description(said, "other"))


def abstract(draft: Draft, element: etree._Element) -> None:
    said = line(draft, element, "descriptions")
    if said:
        draft.descriptions.append(Description(said, "abstract"))


def licence(draft: Draft, element: etree._Element) -> None:
    said = line(draft, element, "rights")
    if said:
        draft.rights.append(licences.read(said, draft.notes).rights)


def begin(draft: Draft) -> None:
    """What is true of every record of arXiv; the language is not, so it is not assumed."""
    draft.publisher = PUBLISHER
    draft.weigh(types.Weighed(types.GENERAL, "Preprint"))


def is_arxiv(metadata: etree._Element) -> bool:
    """Whether a root that only has the right local name holds arXiv's elements."""
    return any(local_name(child) in _FIELDS for child in metadata)


_BETWEEN_CODES_OF_ACM = re.compile(r"[\s,;]+")

BRANCHES: Branches = {
    "id": identifier,
    "title": leaf(oai_dc.title),
    "categories": categories,
    "comments": comments,
    "report-no": report_numbers,
    "msc-class": msc,
    "acm-class": acm,
    "journal-ref": journal,
    "doi": doi,
    "license": licence,
    "abstract": abstract,
}


def _codes_of_msc(said: str) -> list[str]:
    """The codes of `11B37, 11A55 (Primary) 30B70 (Secondary)`; none where anything else is said."""
    words = [word for word in _BETWEEN_CODES.split(said) if word and word.lower() not in _MSC_WORDS]
    return words if all(_MSC.fullmatch(word) for word in words) else []


def _classify(draft: Draft, scheme: str, codes: list[str]) -> None:
    known = set(draft.subjects[:100])
    for code in codes:
        subject = Subject(code, scheme, None, code)
        if subject not in known:
            known.add(subject)
            draft.subjects.append(subject)
