"""qdc: qualified Dublin Core. Everything oai_dc reads, the dcterms refinements, and what encoding schemes say.

Seen under many roots: DSpace, CONTENTdm, OpenEdition, Omeka, Hyrax, Dataverse, and servers that lose all namespaces.
"""

import re

from lxml import etree

from harvester.crosswalk import dcterms
from harvester.crosswalk.dcterms import scheme_of
from harvester.crosswalk.draft import Draft
from harvester.crosswalk.fields import check_digits, containers, identifiers, relations, subjects
from harvester.crosswalk.fields.identifiers import Known
from harvester.crosswalk.fields.vocabulary import terms
from harvester.crosswalk.formats import oai_dc, qdc_company
from harvester.crosswalk.reading import Crosswalk
from harvester.crosswalk.table import Rule, Table, tolerant, walk
from harvester.entry import Relation, Subject

_DCTERMS = "{http://purl.org/dc/terms/}"
_DCMI_TERMS = "{http://dublincore.org/documents/dcmi-terms/}"
_CONTENTDM = "{http://worldcat.org/xmlschemas/qdc-1.0/}"
_CSW = (
    "{http://www.opengis.net/cat/csw/2.0.2}",
    "{http://www.opengis.net/cat/csw}",
    "{http://www.opengis.net/cat/csw/3.0}",
)

_QUALIFIED = (
    "{http://dspace.org/qualifieddc/}", "{http://epubs.cclrc.ac.uk/xmlns/qdc/}", "{http://www.bl.uk/namespaces/oai_dcq/}",
    "{http://oclc.org/appqualifieddc/}", _CONTENTDM,
)  # fmt: skip

_MOST_VALUES = 1000  # of one element; what follows stays together in the last one
_LONGEST_TITLE = 1000
_ENTITY = re.compile(r"&(?:#\w{1,8}|[A-Za-z]\w{1,31});")
_NOTATIONS = {
    "DDC": re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,20})?(?=$|[ /])"),
    "LCC": re.compile(r"[A-Z]{1,3} ?[0-9]{1,4}(?:\.[0-9]{1,5})?(?: ?\.? ?[A-Z][0-9]{1,6}){0,3}(?: [0-9]{4}[a-z]?)?$"),
    "UDC": re.compile(r"[0-9][^\s;]{0,100}$"),
}  # fmt: skip
_NO_SCHEME = frozenset(
    ("", "keywords", "keyword", "uri", "string", "literal", "free", "uncontrolled", "none")
)
_TYPED = frozenset(
    (
        "doi",
        "issn",
        "eissn",
        "pissn",
        "lissn",
        "isbn",
        "eisbn",
        "handle",
        "hdl",
        "ark",
        "pmid",
        "pmcid",
        "arxiv",
        "swhid",
        "isi",
        "scopus",
    )
)


def listed(rule: Rule) -> Rule:
    """The rule for each of the values that CONTENTdm joins by semicolons in one element (its own convention)."""

    def each(draft: Draft, raw: str, element: etree._Element) -> None:
        if ";" in raw and _is_contentdm(draft) and not _ENTITY.search(raw):
            for value in raw.split(";", _MOST_VALUES):
                if value := value.strip():
                    rule(draft, value, element)
        else:
            rule(draft, raw, element)

    return each


def source(draft: Draft, raw: str, element: etree._Element) -> None:
    """CONTENTdm names the archive here that holds the original, a catalogue service says how data came about."""
    if _is_contentdm(draft):
        said = draft.line(raw, "relations")
        draft.add("relations", relations.read(said, type="IsDerivedFrom") if said else None)
    elif str(draft.metadata.tag).startswith(_CSW) and " " in raw:
        dcterms.described("other")(draft, raw, element)
    else:
        oai_dc.source(draft, raw, element)


def subject(draft: Draft, raw: str, element: etree._Element) -> None:
    """A keyword, or a heading or notation of the scheme that the element states."""
    if not element.attrib:
        oai_dc.subject(draft, raw, element)
        return
    stated, uri = scheme_of(element), (element.get("href") or element.get("resource") or "").strip()
    said = draft.line(raw, "subjects")
    if stated.lower() in _NO_SCHEME and not uri:
        draft.add("subjects", subjects.read(said) if said else None)
        return
    scheme = None if stated.lower() in _NO_SCHEME else _scheme(stated)
    several = said.count(";") > 1
    for part in said.split(";", _MOST_VALUES) if several else (said,):
        if part := part.strip():
            draft.subjects.append(_typed(part, scheme, None if several else uri or None))


def identifier(draft: Draft, raw: str, element: etree._Element) -> None:
    """An identifier in the scheme that the element states, else in the one it shows."""
    kind = scheme_of(element).lower()
    said = draft.line(raw, "identifiers")
    if kind == "citation" and said:
        citation(draft, raw, element)
    elif kind == "metadatahandle" and said:  # NSDL: the handle of its record, beside that of the item
        draft.relations.append(relations.typed(said, type="HasMetadata"))
    elif kind not in _TYPED:
        oai_dc.identifier(draft, raw, element)
    elif said:
        known = identifiers.typed(said, kind)
        if known.scheme == "issn" and (issn := check_digits.issn(known.value)):
            draft.container = containers.with_issn(draft.container, issn)
        elif known.scheme == "doi" and not known.value.startswith("10."):
            known = Known(said, "other")
        draft.found.append((known, said))


def relation(draft: Draft, raw: str, element: etree._Element) -> None:
    """A relation, or the series that DSpace's ispartofseries names."""
    if scheme_of(element).lower() == "ispartofseries":
        dcterms.citation(draft, raw, element)
    else:
        oai_dc.relation(draft, raw, element)


def is_part_of(draft: Draft, raw: str, _element: etree._Element) -> None:
    """An ISSN is that of the container: `urn:eissn:1777-5345`."""
    said = draft.line(raw, "relations")
    for piece in identifiers.pieces(said) if "://" in said else (said,) if said else ():
        known = identifiers.identify(
            piece[4:] if piece[:4].lower() == "urn:" and "issn:" in piece.lower() else piece
        )
        if known and known.scheme == "issn":
            draft.container = containers.with_issn(draft.container, known.value)
            draft.relations.append(Relation("IsPartOf", *known))
        else:
            draft.relations.append(relations.read(piece, type="IsPartOf"))


def citation(draft: Draft, raw: str, element: etree._Element) -> None:
    """What the item appeared in; a citation that begins with authors and title is that of the item itself."""
    said = draft.line(raw, "container")
    own = draft.titles[0].text if draft.titles else ""
    if len(own) <= _LONGEST_TITLE and own.count(" ") > 1 and own.casefold() in said.casefold():
        draft.found.append((Known(said, "other"), said))
    elif said:
        dcterms.citation(draft, raw, element)


def _is_contentdm(draft: Draft) -> bool:
    return str(draft.metadata.tag).startswith(_CONTENTDM)


def _scheme(stated: str) -> str:
    return terms("subject-schemes", "prefixes").get(stated.lower(), stated)


def _typed(said: str, scheme: str | None, uri: str | None) -> Subject:
    if said.startswith(("http://", "https://")) and " " not in said:
        return Subject(None, scheme, said)
    pattern = _NOTATIONS.get(scheme or "")
    notation = pattern.match(said) if pattern else None
    return Subject(said, scheme, uri, notation[0] if notation else None)


# Of the elements and refinements those that CONTENTdm lists in one element
_LISTED = (
    "creator", "contributor", "subject", "publisher", "type", "language", "format", "medium", "coverage", "spatial",
    "temporal", "rightsHolder", "date", "created", "issued", "available",
)  # fmt: skip

_RULES: dict[str, Rule] = oai_dc.ELEMENTS | dcterms.REFINEMENTS | {
    "subject": subject, "identifier": identifier, "relation": relation, "isPartOf": is_part_of,
    "bibliographicCitation": citation,
}  # fmt: skip

# Misspelt by DSpace (its qdc.xsl has covarage) and by others
ELEMENTS: dict[str, Rule] = _RULES | {"covarage": _RULES["coverage"], "licence": _RULES["license"]}

_READ = ELEMENTS | {name: listed(_RULES[name]) for name in _LISTED} | {"source": source}

TABLE: Table = (
    qdc_company.TABLE
    | tolerant(_READ)
    | {namespace + name: rule for namespace in (_DCMI_TERMS, *_QUALIFIED) for name, rule in _READ.items()}
)


def read(metadata: etree._Element, draft: Draft) -> None:
    """Fill the draft from a document of qualified Dublin Core."""
    walk(metadata, TABLE, draft)
    _drop_copied_dates(draft)
    dcterms.say_once(draft)


def _drop_copied_dates(draft: Draft) -> None:
    """DSpace writes date.available into dateAccepted, available and created: to the second, so it is no coincidence."""
    if not 3 <= len(draft.dates) <= 100:
        return
    by_raw: dict[str | None, set[str | None]] = {}
    for date in draft.dates:
        by_raw.setdefault(date.raw, set()).add(date.type)
    copied = {
        raw
        for raw, kinds in by_raw.items()
        if raw and "T" in raw and {"Accepted", "Available", "Created"} <= kinds
    }
    draft.dates = [
        date for date in draft.dates if date.raw not in copied or date.type not in ("Accepted", "Created")
    ]


def has_elements(metadata: etree._Element) -> bool:
    """Whether any child is an element or refinement of Dublin Core, be its namespace lost."""
    return any(child.tag in TABLE for child in metadata)


CROSSWALK = Crosswalk(
    "qdc",
    1,
    read,
    roots=(
        *(namespace + "qualifieddc" for namespace in _QUALIFIED),
        *(
            namespace + name
            for namespace in (_DCTERMS, _DCMI_TERMS)
            for name in ("record", "dcterms", "metadata", "qualifieddc", "qdc")
        ),
        "{http://oclc.org/appqualifieddc/}qdc",
        "{http://oclc.org/appqualifieddc/}dcterms",
        "{http://www.openarchives.org/OAI/2.0/oai_dcterms/}dcterms",
        "{http://ns.nsdl.org/nsdl_dc_v1.02/}nsdl_dc",
        "{http://dplava.lib.virginia.edu}mdRecord",
        *(namespace + name for namespace in _CSW for name in ("Record", "SummaryRecord", "BriefRecord")),
    ),
    local_names=("qualifieddc", "qdc", "dcterms", "nsdl_dc"),
    fits=has_elements,
)
