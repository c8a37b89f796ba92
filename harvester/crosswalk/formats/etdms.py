"""etdms: theses after NDLTD's ETD-MS 1.0 and 1.1. Dublin Core, what people did, and the degree.

Elements stand in the namespace of the root, of which there are several, so only their local names are looked at.
DSpace writes it for items that are no theses, too: those have no degree.
"""

from lxml import etree

from harvester.crosswalk import dcterms
from harvester.crosswalk.draft import Draft
from harvester.crosswalk.fields import agents, licences, names, types
from harvester.crosswalk.fields.contributor_types import CREATOR, contributor_type
from harvester.crosswalk.fields.vocabulary import words
from harvester.crosswalk.formats import oai_dc, qdc
from harvester.crosswalk.reading import Crosswalk
from harvester.crosswalk.table import language_of
from harvester.crosswalk.tree import Branch, Branches, attribute, descend, leaf, line, local_name, paragraphs
from harvester.entry import Description, Rights, Thesis

_NAMESPACES = (
    "{http://www.ndltd.org/standards/metadata/etdms/1.0/}",
    "{http://www.ndltd.org/standards/metadata/etdms/1.1/}",
    "{http://www.ndltd.org/standards/metadata/etdms/1-0/}",  # McGill, from the schema's address
    "{http://www.ndltd.org/standards/metadata/etdms/1-1/}",
)
_DESCRIPTIONS = {"abstract": "abstract", "note": "other", "release": "other"}


def creator(draft: Draft, element: etree._Element) -> None:
    _agents(draft, element, CREATOR)


def contributor(draft: Draft, element: etree._Element) -> None:
    """What the contributor did is said in words, in Montréal in two languages at once."""
    said = attribute(draft, element, "role", "contributors")
    roles = [contributor_type(part.strip()) for part in (said, *said.split("/", 5))]
    known = next(
        (role for role in roles if role == CREATOR or role.lower() in words("contributor-types", "types")),
        said,
    )
    _agents(draft, element, known)


def description(draft: Draft, element: etree._Element) -> None:
    """The abstract, unless its role says that it is a note."""
    said = paragraphs(draft, element, "descriptions")
    role = attribute(draft, element, "role", "descriptions").lower()
    if said:
        kind = _DESCRIPTIONS.get(role, "other") if role else None
        draft.descriptions.append(Description(said, kind, language_of(element, draft)))


def rights(draft: Draft, element: etree._Element) -> None:
    """A statement; `resource` may point at the licence."""
    uri = attribute(draft, element, "resource", "rights")
    said = paragraphs(draft, element, "rights")
    if not uri or not said:
        leaf(oai_dc.rights)(draft, element)
        return
    by_uri, by_text = licences.read(uri, draft.notes), licences.read(said, [])
    draft.rights.append(Rights(said, uri, by_uri.rights.spdx or by_text.rights.spdx))
    draft.access = draft.access or by_uri.access or by_text.access


def degree(field: str) -> Branch:
    """A term of the degree: the first is kept, others are in another language, or of another degree."""

    def branch(draft: Draft, element: etree._Element) -> None:
        said = line(draft, element, "thesis")
        have = draft.thesis or Thesis()
        if not said or getattr(have, field) == said:
            return
        if getattr(have, field) is not None:
            draft.note("thesis", "further_value", said)
            return
        known = {name: getattr(have, name) for name in _DEGREE.values()} | {field: said}
        draft.thesis = Thesis(known["qualification"], known["level"], known["grantor"], known["department"])

    return branch


# ETD-MS: the discipline is "usually the name of a program or department"
_DEGREE = {"name": "qualification", "level": "level", "grantor": "grantor", "discipline": "department"}
_TERMS: Branches = {name: degree(field) for name, field in _DEGREE.items()}

_BRANCHES: Branches = (
    {name: leaf(rule) for name, rule in qdc.ELEMENTS.items()}
    | {
        "creator": creator, "contributor": contributor, "description": description, "rights": rights,
        "alternativeTitle": leaf(dcterms.titled("alternative")),
        "subjectsss": leaf(qdc.subject),  # so at Trois-Rivières
        "degree": lambda draft, element: descend(draft, element, _TERMS),
    }
    | {f"thesis.degree.{name}": branch for name, branch in _TERMS.items()}
)  # fmt: skip


def read(metadata: etree._Element, draft: Draft) -> None:
    """Fill the draft from an ETD-MS document."""
    descend(draft, metadata, _BRANCHES)
    if draft.thesis and (draft.thesis.qualification or draft.thesis.level):
        draft.weigh(types.Weighed(types.WORD, "Dissertation"))
    advisors = tuple(each.name for each in draft.contributors if each.role == "Supervisor")
    if advisors:
        have = draft.thesis or Thesis()
        draft.thesis = Thesis(have.qualification, have.level, have.grantor, have.department, advisors)


def is_thesis(metadata: etree._Element) -> bool:
    """Whether a root called thesis has what ETD-MS demands: a title."""
    return any(local_name(child) == "title" for child in metadata)


def _agents(draft: Draft, element: etree._Element, role: str) -> None:
    """Names; `resource` is the URI of the one who bears the name."""
    field = "creators" if role == CREATOR else "contributors"
    people = draft.creators if role == CREATOR else draft.contributors
    uri = attribute(draft, element, "resource", field)
    said = line(draft, element, field)
    every = names.several(said) if said else []
    for name in every:
        named = agents.Named(field, name=name, role=None if role == CREATOR else role or None)
        if uri and len(every) == 1:
            named.identify(uri, "", draft.notes)
        if agent := named.agent(draft.notes):
            people.append(agent)
    if uri and len(every) != 1:
        draft.note(field, "identifier_unassigned", uri)


CROSSWALK = Crosswalk(
    "etdms",
    1,
    read,
    roots=tuple(namespace + name for namespace in _NAMESPACES for name in ("thesis", "thesisType")),
    local_names=("thesis",),
    fits=is_thesis,
)
