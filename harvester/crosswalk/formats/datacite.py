"""DataCite's own format, kernels 2 to 4.7: `resource`, in DataCite's namespace, in OAI's or in none.

All versions of kernel 4 share one namespace, and what changed between the kernels can be seen element by element, so
one table reads them all.
"""

import re
from itertools import islice

from lxml import etree

from harvester.crosswalk.draft import Draft
from harvester.crosswalk.fields import languages
from harvester.crosswalk.formats import datacite_dates, datacite_relations
from harvester.crosswalk.formats.datacite_agents import contributor, creator
from harvester.crosswalk.formats.datacite_places import geo_location
from harvester.crosswalk.formats.datacite_rights import rights
from harvester.crosswalk.formats.datacite_terms import is_unknown
from harvester.crosswalk.formats.datacite_texts import description, funding_reference, subject, title, type_
from harvester.crosswalk.reading import Crosswalk
from harvester.crosswalk.tree import Branch, Branches, descend, line, local_name
from harvester.entry import Thesis

OPENAIRE = "{http://namespace.openaire.eu/schema/oaire/}"
_TAG = "{http://datacite.org/schema/kernel-"
# 3.0, 3.1 and 4.x are no namespaces of DataCite's, but written
VERSIONS = (
    "2.0", "2.1", "2.2", "3", "3.0", "3.1", "4", "4.0", "4.1", "4.2", "4.3", "4.4", "4.5", "4.6", "4.7"
)  # fmt: skip

_KERNEL = re.compile(r"datacite\.org/(?:schema|meta)/kernel-([234])")
_LOCATION = "{http://www.w3.org/2001/XMLSchema-instance}schemaLocation"
_OWN = frozenset(
    ("creators", "titles", "publicationYear", "relatedIdentifiers", "rightsList", "resourceType")
)
_OPENAIRES = frozenset(("licenseCondition", "citationTitle", "file"))
# Elements and attributes that only one kernel has
_ONLY_IN_4 = frozenset(("fundingReferences", "relatedItems"))
_NAMES_IN_4 = frozenset(("givenName", "familyName"))
_ATTRIBUTES_IN_4 = (
    "nameType",
    "affiliationIdentifier",
    "rightsIdentifier",
    "publisherIdentifier",
    "dateInformation",
)
_DATES_IN_2 = ("StartDate", "EndDate")
_MOST_SEARCHED = 2000  # elements that are looked at for the kernel's features


def read(metadata: etree._Element, draft: Draft) -> None:
    """Fill the draft from a <resource> of any kernel."""
    draft.lone_date_is_issued = False
    draft.schema = draft.schema or kernel(metadata)
    descend(draft, metadata, BRANCHES)
    datacite_dates.settle(draft)
    datacite_relations.settle(draft)
    if draft.type is not None and draft.type.general == "Dissertation":
        _advise(draft)


def _advise(draft: Draft) -> None:
    """The supervisors of a thesis are its advisors; DataCite has no other word about degrees."""
    advisors = tuple(each.name for each in draft.contributors if each.role == "Supervisor")
    if advisors:
        draft.thesis = Thesis(advisors=advisors)


def kernel(metadata: etree._Element) -> str:
    """The major version, "2", "3" or "4": as stated, else by what only one of them has."""
    return stated_kernel(metadata) or _by_features(metadata)


def stated_kernel(metadata: etree._Element) -> str | None:
    """The major version in the namespace or in schemaLocation."""
    tag = str(metadata.tag)
    if tag.startswith(_TAG):
        return tag[len(_TAG)]
    for said in (tag, metadata.get(_LOCATION) or "", *(str(child.tag) for child in islice(metadata, 1))):
        if match := _KERNEL.search(said):
            return match[1]
    return None


def _by_features(metadata: etree._Element) -> str:
    older = "4"  # a document that shows nothing is today's
    for count, element in enumerate(metadata.iter(etree.Element)):
        name = local_name(element)
        if (
            name in _ONLY_IN_4
            or name in _NAMES_IN_4
            or any(element.get(attribute) is not None for attribute in _ATTRIBUTES_IN_4)
        ):
            return "4"
        if (name == "rights" and element.getparent() is metadata) or element.get("dateType") in _DATES_IN_2:
            older = "2"
        elif name in ("geoLocationPoint", "geoLocationBox"):
            if len(element):
                return "4"
            older = "3"
        if count > _MOST_SEARCHED:
            break
    return older


def is_resource(metadata: etree._Element) -> bool:
    """A <resource> of DataCite's that a server left in another namespace; OpenAIRE's has children of its own."""
    if str(metadata.tag).startswith(OPENAIRE):
        return False
    names = [(local_name(child), str(child.tag)) for child in islice(metadata, 100)]
    foreign = any(name in _OPENAIRES or tag.startswith(OPENAIRE) for name, tag in names)
    return any(name in _OWN for name, _ in names) and not foreign


def within(name: str, branch: Branch) -> Branch:
    """A branch for a list whose members, all of one name, go to `branch`."""

    def each(draft: Draft, element: etree._Element) -> None:
        if element.text and not element.text.isspace():
            draft.pass_over(element.tag)
        for child in element:
            tag = child.tag
            if tag.__class__ is not str:
                continue
            if tag.rpartition("}")[2] == name:
                branch(draft, child)
            else:
                draft.leave(child)

    return each


def publisher(draft: Draft, element: etree._Element) -> None:
    """The <publisher>; its identifier has no place in the Entry."""
    text = line(draft, element, "publisher")
    if element.get("publisherIdentifier"):
        draft.pass_over("publisher/@publisherIdentifier")
    if text and is_unknown(text):
        draft.note("publisher", "value_unknown", text)
    elif draft.publisher is None:
        draft.publisher = text or None
    elif text and text != draft.publisher:
        draft.note("publisher", "further_value", text)


def language(draft: Draft, element: etree._Element) -> None:
    """The <language>."""
    text = line(draft, element, "languages")
    if text:
        draft.languages.extend(languages.read(text, draft.notes))


def size(draft: Draft, element: etree._Element) -> None:
    """One <size>."""
    text = line(draft, element, "sizes")
    if text:
        draft.sizes.append(text)


def format_(draft: Draft, element: etree._Element) -> None:
    """One <format>."""
    text = line(draft, element, "formats")
    if text:
        draft.formats.append(text)


def version(draft: Draft, element: etree._Element) -> None:
    """The <version>."""
    text = line(draft, element, "version")
    if text and draft.version not in (None, text):
        draft.note("version", "further_value", draft.version)
    draft.version = text or draft.version


_LISTS: dict[str, tuple[str, Branch]] = {
    "creators": ("creator", creator),
    "contributors": ("contributor", contributor),
    "titles": ("title", title),
    "subjects": ("subject", subject),
    "alternateIdentifiers": ("alternateIdentifier", datacite_relations.alternate_identifier),
    "relatedIdentifiers": ("relatedIdentifier", datacite_relations.related_identifier),
    "relatedItems": ("relatedItem", datacite_relations.related_item),
    "sizes": ("size", size),
    "formats": ("format", format_),
    "rightsList": ("rights", rights),
    "descriptions": ("description", description),
    "geoLocations": ("geoLocation", geo_location),
    "fundingReferences": ("fundingReference", funding_reference),
}

# The members of lists also stand alone: <rights> in kernel 2, <relatedIdentifier> in TUdatalib's answers of 2020.
BRANCHES: Branches = (
    dict(_LISTS.values())
    | {name: within(member, branch) for name, (member, branch) in _LISTS.items()}
    | {
        "identifier": datacite_relations.identifier,
        "publisher": publisher,
        "publicationYear": datacite_dates.publication_year,
        "resourceType": type_,
        "dates": datacite_dates.all_dates,
        "date": datacite_dates.date,
        "language": language,
        "version": version,
    }
)

CROSSWALK = Crosswalk(
    "datacite",
    1,
    read,
    roots=tuple(f"{_TAG}{version}}}resource" for version in VERSIONS),
    local_names=("resource",),
    fits=is_resource,
)
