"""RIOXX 2 and 3: the application profile of UK repositories (https://www.rioxx.net/profiles/).

Dublin Core, and rioxxterms for people, grants and links. DSpace writes version 3 with its root in no namespace.
"""

from lxml import etree

from harvester.crosswalk.dcterms import REFINEMENTS, dated
from harvester.crosswalk.draft import Draft
from harvester.crosswalk.fields import dates, funding, identifiers, licences, media, relations, types
from harvester.crosswalk.fields.agents import Named
from harvester.crosswalk.formats import oai_dc
from harvester.crosswalk.reading import Crosswalk
from harvester.crosswalk.tree import Branch, Branches, attribute, descend, leaf, line, local_name
from harvester.entry import File, Problem

_TYPICAL = frozenset(("publication_date", "author", "creator", "version", "free_to_read", "license_ref"))


def agent(field: str) -> Branch:
    """A branch for a person: in version 3 name and ids are elements, in version 2 text and an attribute."""

    def branch(draft: Draft, element: etree._Element) -> None:
        named = Named(field)
        named.identify(attribute(draft, element, "id", field), "", draft.notes)
        if not len(element):
            named.name = line(draft, element, field)
        for child in element:
            name = local_name(child)
            if name == "name" and not named.name:
                named.name = line(draft, child, field)
            elif name == "id":
                named.identify(line(draft, child, field), "", draft.notes)
            elif name:
                draft.leave(child)
        draft.add(field, named.agent(draft.notes))

    return branch


def publisher(draft: Draft, element: etree._Element) -> None:
    """A name, or <name> and <id>; the Entry has no room for a publisher's identifier."""
    if not len(element):
        leaf(oai_dc.publisher)(draft, element)
    for child in element:
        if local_name(child) == "name":
            leaf(oai_dc.publisher)(draft, child)
        elif local_name(child):
            draft.leave(child)


def grant(draft: Draft, element: etree._Element) -> None:
    """A grant's number, and in attributes who gave it; `project` of version 2 is the same."""
    award = line(draft, element, "funding")
    funder = attribute(draft, element, "funder_name", "funding")
    funder_id = attribute(draft, element, "funder_id", "funding")
    if funder or funder_id or local_name(element) == "grant":
        draft.add("funding", funding.reference(funder, award, funder_id=funder_id))
    elif award:
        draft.relations.append(relations.read(award))


def relation(draft: Draft, element: etree._Element) -> None:
    """Version 3: `rel="item"` is a file of the resource, `cite-as` its own persistent identifier."""
    said = line(draft, element, "relations")
    rel = attribute(draft, element, "rel", "relations")
    if said and rel == "item" and identifiers.is_url(said):
        form = attribute(draft, element, "type", "formats")
        draft.files.append(File(said, media.file_name(said), form or None))
        _statement(draft, attribute(draft, element, "license_ref", "rights"))
        for name in ("access_rights", "access_rights_"):
            _statement(draft, attribute(draft, element, name, "rights"))
    elif said and rel == "cite-as":
        draft.identify(said)
    elif said:
        oai_dc.relation(draft, said, element)


def external(draft: Draft, element: etree._Element) -> None:
    """A link to something else; with a version (VoR, AM …) it is this work as it was published elsewhere."""
    said = line(draft, element, "relations")
    if not said:
        return
    version = attribute(draft, element, "coar_version", "relations")
    uri = attribute(draft, element, "coar_type", "relations")
    unheard: list[Problem] = []  # a kind of resource that is not known is no problem of this one
    weighed = types.read(uri, unheard) if uri else None
    kind = "IsVersionOf" if version else "Other"
    draft.relations.append(
        relations.typed(said, type=kind, resource_type=weighed.general if weighed else None)
    )


def version_of_record(draft: Draft, element: etree._Element) -> None:
    said = line(draft, element, "relations")
    if said:
        draft.relations.append(relations.typed(said, type="IsVersionOf"))


def version(draft: Draft, element: etree._Element) -> None:
    """`VoR`, `AM`: how far the work has come."""
    said = line(draft, element, "version")
    if draft.version is None:
        draft.version = said or None
    elif said and said != draft.version:
        draft.note("version", "further_value", said)


def source(draft: Draft, element: etree._Element) -> None:
    """The ISSN or ISBN of what the work appeared in."""
    said = line(draft, element, "container")
    known = identifiers.identify(said) if said else None
    if known and known.scheme == "isbn":
        draft.relations.append(relations.read(said, type="IsPublishedIn"))
    elif said:
        oai_dc.source(draft, said, element)


def licence(draft: Draft, element: etree._Element) -> None:
    """ali:license_ref; from its start_date on it applies."""
    _statement(draft, line(draft, element, "rights"))


def free_to_read(draft: Draft, element: etree._Element) -> None:
    """ali:free_to_read says something by being there; with a start_date, from then on."""
    begin = attribute(draft, element, "start_date", "dates")
    if not begin and not attribute(draft, element, "end_date", "dates"):
        draft.access = draft.access or "open"
    elif begin:
        found = dates.read(begin, draft.notes, type="Available")
        draft.embargo = draft.embargo or found.start
        draft.dates.append(found)


def _statement(draft: Draft, said: str) -> None:
    if said:
        statement = licences.read(said, draft.notes)
        draft.access = draft.access or statement.access
        if statement.rights not in draft.rights[:50]:
            draft.rights.append(statement.rights)


BRANCHES: Branches = {
    **{name: leaf(rule) for name, rule in {**oai_dc.ELEMENTS, **REFINEMENTS}.items()},
    "author": agent("creators"),
    "creator": agent("creators"),
    "contributor": agent("contributors"),
    "publisher": publisher,
    "project": grant,
    "grant": grant,
    "relation": relation,
    "ext_relation": external,
    "version_of_record": version_of_record,
    "version": version,
    "source": source,
    "license_ref": licence,
    "free_to_read": free_to_read,
    "publication_date": leaf(dated("Issued")),
    "record_public_release_date": leaf(dated("Other")),
}


def read(metadata: etree._Element, draft: Draft) -> None:
    """Fill the draft from a <rioxx> element."""
    descend(draft, metadata, BRANCHES)


def is_rioxx(metadata: etree._Element) -> bool:
    """Whether any child is an element of RIOXX's own."""
    return any(local_name(child) in _TYPICAL for child in metadata)


CROSSWALK = Crosswalk(
    "rioxx",
    1,
    read,
    roots=(
        "{http://www.rioxx.net/schema/v3.0/rioxx/}rioxx",
        "{http://www.rioxx.net/schema/v2.0/rioxx/}rioxx",
    ),
    local_names=("rioxx",),
    fits=is_rioxx,
)
