"""oaire: OpenAIRE's guidelines for literature repositories 4, elements of DataCite, Dublin Core and its own side by side.

Which of them is the default namespace differs, and no local name means two things, so namespaces are not looked at.
"""

from itertools import islice

from lxml import etree

from harvester.crosswalk.dcterms import REFINEMENTS
from harvester.crosswalk.draft import Draft
from harvester.crosswalk.fields import containers, funding, identifiers, licences, media, relations, types
from harvester.crosswalk.formats import datacite, datacite_dates, datacite_relations, oai_dc
from harvester.crosswalk.formats.datacite import within
from harvester.crosswalk.formats.datacite_terms import said
from harvester.crosswalk.reading import Crosswalk
from harvester.crosswalk.table import Rule
from harvester.crosswalk.tree import Branch, Branches, children, descend, leaf, line, local_name, paragraphs
from harvester.entry import File, Problem, Rights

_FUNDER_REGISTRY = "https://doi.org/10.13039/"
_FUNDING = frozenset(("funderName", "funderIdentifier", "fundingStream", "awardNumber", "awardTitle"))
# Elements that no other format with a root of that name has
_OWN = frozenset(
    ("licenseCondition", "citationTitle", "citationVolume", "citationIssue", "citationStartPage", "file")
)

# resourceTypeGeneral is OpenAIRE's own; "publication" was its word for literature before 4.0
_GENERAL = {
    "literature": (types.VAGUE, "Text"), "publication": (types.VAGUE, "Text"), "dataset": (types.DCMI, "Dataset"),
    "software": (types.DCMI, "Software"), "other research product": (types.VAGUE, "Other"),
    "other": (types.VAGUE, "Other"),
}  # fmt: skip
# COAR Version Types and their labels of NISO's JAV, as the guidelines want them in the element's text
_VERSIONS = {
    "c_b1a7d7d4d402bcce": "AO", "c_71e4c1898caa6e32": "SMUR", "c_ab4af688f83e57aa": "AM", "c_fa2ee174bc00049f": "P",
    "c_970fb48d4fbd8a85": "VoR", "c_e19f295774971610": "CVoR", "c_dc82b40f9837b551": "EVoR",
}  # fmt: skip
_NOT_APPLICABLE = "c_be7fb7dd8ff6fe43"


def read(metadata: etree._Element, draft: Draft) -> None:
    """Fill the draft from a resource of OpenAIRE's literature schema."""
    descend(draft, metadata, BRANCHES)
    for element in children(metadata, "source"):  # after the citation, which says better what it appeared in
        leaf(oai_dc.source)(draft, element)
    datacite_dates.settle(draft)
    datacite_relations.settle(draft)


def _wait(_draft: Draft, _element: etree._Element) -> None:
    """Read when all else is."""


def identifier(draft: Draft, element: etree._Element) -> None:
    """The resource identifier; written as a URL it is the page of the item too, whatever is said elsewhere."""
    _IDENTIFIER(draft, element)
    text = (element.text or "").strip()
    if draft.landing is None and identifiers.is_url(text) and not media.is_file_url(text):
        draft.landing = text


def resource_type(draft: Draft, element: etree._Element) -> None:
    """COAR's concept in @uri, else its label, else the four words of resourceTypeGeneral."""
    uri = said(draft, element, "uri", "type")
    text = line(draft, element, "type")
    general = said(draft, element, "resourceTypeGeneral", "type")
    for word in (uri, text):
        if word:
            draft.weigh(types.read(word, draft.notes))
    if own := _GENERAL.get(general.lower()):
        draft.weigh(types.Weighed(*own))
    elif general:
        draft.weigh(types.general(general, draft.notes))


def rights(draft: Draft, element: etree._Element) -> None:
    """datacite:rights is the access right; licenseCondition the licence, from a day on."""
    uri = said(draft, element, "rightsURI", "rights") or said(draft, element, "uri", "rights")
    text = paragraphs(draft, element, "rights")
    unheard: list[Problem] = []  # a label's doubt does not matter where the URI leaves none
    read_ = [licences.read(each, unheard) for each in (uri, text) if each]
    if not read_:
        return
    spdx = next((each.rights.spdx for each in read_ if each.rights.spdx), None)
    if spdx is None:
        draft.notes.extend(unheard[:1])
    if not uri and read_[0].rights.uri:
        uri, text = read_[0].rights.uri, read_[0].rights.text or ""
    draft.rights.append(Rights(text or None, uri or None, spdx))
    draft.access = draft.access or next((each.access for each in read_ if each.access), None)
    if start := said(draft, element, "startDate", "rights"):
        draft.note("rights", "licence_start_date", start)  # has no place in the Entry


def file(draft: Draft, element: etree._Element) -> None:
    """A file; who may see it and what kind it is have no place in the Entry."""
    url = line(draft, element, "files")
    form = said(draft, element, "mimeType", "files")
    for name in ("accessRightsURI", "objectType"):
        if element.get(name):
            draft.pass_over(f"file/@{name}")
    if url and not identifiers.is_url(url):
        draft.note("files", "url_unusable", url)
    elif url:
        draft.files.append(File(url, media.file_name(url), form or None))


def version(draft: Draft, element: etree._Element) -> None:
    """A number, or the label of COAR's version type."""
    text = line(draft, element, "version")
    uri = said(draft, element, "uri", "version")
    concept = (uri or text).rstrip("/").rpartition("/")[2]
    if not text or identifiers.is_url(text):
        text = _VERSIONS.get(concept, text)
    if not text or (concept == _NOT_APPLICABLE and text == "NA"):
        return
    if draft.version not in (None, text):
        draft.note("version", "further_value", text)
    draft.version = draft.version or text


def funding_reference(draft: Draft, element: etree._Element) -> None:
    """One grant; its stream ("H2020") has no place in the Entry but the problems."""
    if element.text and not element.text.isspace():
        draft.pass_over(element.tag)
    held: dict[str, str] = {}
    for child in element:
        name = local_name(child)
        if name not in _FUNDING or name in held:
            draft.leave(child) if name else None
            continue
        held[name] = line(draft, child, "funding")
        if name == "awardNumber":
            held["uri"] = said(draft, child, "awardURI", "funding")
        elif name == "funderIdentifier":
            kind = said(draft, child, "funderIdentifierType", "funding").lower()
            if kind.startswith("crossref") and held[name].isdecimal():
                held[name] = (
                    _FUNDER_REGISTRY + held[name]
                )  # a bare number would not say of which registry it is
    award, title = held.get("awardNumber", ""), held.get("awardTitle", "")
    if grant := relations.grant(award):
        award, title = grant.award or "", title or grant.award_title or ""
        held["uri"] = held.get("uri") or held["awardNumber"]
    funder = held.get("funderName", "")
    draft.add(
        "funding",
        funding.reference(
            funder, award, funder_id=held.get("funderIdentifier", ""), title=title, uri=held.get("uri", "")
        ),
    )
    if stream := held.get("fundingStream"):
        draft.note("funding", "funding_stream", " / ".join(part for part in (funder, stream) if part))


def cited(part: str) -> Branch:
    """A branch for one part of what the item appeared in."""

    def branch(draft: Draft, element: etree._Element) -> None:
        if text := line(draft, element, "container"):
            draft.container = containers.with_part(draft.container, part, text)
            if getattr(draft.container, part) != text:
                draft.note("container", "further_value", text)

    return branch


def noted(code: str) -> Branch:
    """A branch for what has no place in the Entry but the problems."""

    def branch(draft: Draft, element: etree._Element) -> None:
        if text := line(draft, element, "container"):
            draft.note("container", code, text)

    return branch


def structured(branch: Branch, plain: Rule) -> Branch:
    """A branch for an element of DataCite's that is also one of Dublin Core's: with elements within, and with text."""
    text = leaf(plain)

    def either(draft: Draft, element: etree._Element) -> None:
        if not any(local_name(child) for child in element):
            text(draft, element)
            return
        if element.text and not element.text.isspace():
            draft.pass_over(element.tag)
        branch(draft, element)

    return either


def stated(attribute: str, branch: Branch, plain: Rule) -> Branch:
    """The same for an element that is DataCite's where it has the attribute."""
    text = leaf(plain)

    def either(draft: Draft, element: etree._Element) -> None:
        (branch if element.get(attribute) else text)(draft, element)

    return either


_DATACITE = datacite.BRANCHES
_IDENTIFIER = stated("identifierType", _DATACITE["identifier"], oai_dc.identifier)
creator = structured(_DATACITE["creator"], oai_dc.creator)
contributor = structured(_DATACITE["contributor"], oai_dc.contributor)

BRANCHES: Branches = {
    **{name: leaf(rule) for name, rule in (oai_dc.ELEMENTS | REFINEMENTS).items()},
    **_DATACITE,
    "creator": creator,
    "creators": within("creator", creator),
    "contributor": contributor,
    "contributors": within("contributor", contributor),
    "identifier": identifier,
    "date": stated("dateType", _DATACITE["date"], oai_dc.date),
    "format": leaf(oai_dc.format_),
    "source": _wait,
    "resourceType": resource_type,
    "rights": rights,
    "rightsList": within("rights", rights),
    "accessRights": rights,
    "licenseCondition": rights,
    "license": rights,
    "version": version,
    "file": file,
    "fundingReference": funding_reference,
    "fundingReferences": within("fundingReference", funding_reference),
    "citationTitle": cited("title"),
    "citationVolume": cited("volume"),
    "citationIssue": cited("issue"),
    "citationStartPage": cited("first_page"),
    "citationEndPage": cited("last_page"),
    "citationEdition": cited("edition"),
    "citationConferencePlace": noted("conference_place"),
    "citationConferenceDate": noted("conference_date"),
}


def is_oaire(metadata: etree._Element) -> bool:
    """A <resource> in another namespace, or in none, that has elements of OpenAIRE's."""
    return any(
        str(child.tag).startswith(datacite.OPENAIRE) or local_name(child) in _OWN
        for child in islice(metadata, 100)
    )


CROSSWALK = Crosswalk(
    "oaire",
    1,
    read,
    roots=(f"{datacite.OPENAIRE}resource",),
    local_names=("resource",),
    fits=is_oaire,
)
