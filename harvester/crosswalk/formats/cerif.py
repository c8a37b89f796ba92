"""cerif: the OpenAIRE profile of CERIF for research information systems, 1.1 and 1.2.

Publications, products and patents are works; persons, organisations, projects, funding, events, equipment and services
are entries of their own kind. A document that lists several entities is none of them: its entry only says what it has.
"""

import re
from types import MappingProxyType

from lxml import etree

from harvester.crosswalk.draft import Draft
from harvester.crosswalk.fields.agents import Named
from harvester.crosswalk.fields.identifiers import Known
from harvester.crosswalk.formats import cerif_entities, cerif_host, cerif_outputs
from harvester.crosswalk.formats.cerif_links import Target, ancestor, relate, work
from harvester.crosswalk.formats.cerif_parties import person_name
from harvester.crosswalk.formats.cerif_values import INTERNAL, internal, parts
from harvester.crosswalk.reading import Crosswalk
from harvester.crosswalk.tree import local_name
from harvester.entry import Relation

_PROFILES = ("https://www.openaire.eu/cerif-profile/1.1/", "https://www.openaire.eu/cerif-profile/1.2/")
_VERSION = re.compile(r"cerif-profile/([0-9]\.[0-9])/?")
_OUTPUTS = ("Publication", "Product", "Patent")

# Names of elements by which an entity is known where its root has lost the namespace
_KNOWN = MappingProxyType(
    {name: frozenset((*cerif_outputs.BRANCHES, *cerif_host.PLACES, "ISSN")) for name in _OUTPUTS}
    | {name: frozenset(branches) for name, branches in cerif_entities.BRANCHES.items()}
)
# Lists of entities, each with the entity it holds
_LISTS = MappingProxyType({f"{name}s": name for name in _KNOWN})


def read(metadata: etree._Element, draft: Draft) -> None:
    """Fill the draft from one entity, or from a list of them."""
    draft.lone_date_is_issued = False  # CERIF says of every date what it is
    listed = _LISTS.get(local_name(metadata))
    if listed is None:
        _entity(metadata, draft)
        return
    entities = [child for child in metadata if local_name(child) == listed]
    others = [child for child in metadata if local_name(child) != listed]
    for child in others:
        draft.leave(child)
    if len(entities) == 1:
        _entity(entities[0], draft)
    else:
        _list(entities, draft)


def _entity(element: etree._Element, draft: Draft) -> None:
    version = _VERSION.search(str(element.tag))
    draft.schema = version[1] if version else None
    reader = cerif_outputs if local_name(element) in _OUTPUTS else cerif_entities
    reader.read(element, draft)
    if own := internal(draft, element):
        draft.found.append((Known(own, INTERNAL), own))


def _list(entities: list[etree._Element], draft: Draft) -> None:
    """What several entities say is true of each alone: the document has them as parts, and no title of its own."""
    draft.note("entry", "several_entities", f"{local_name(draft.metadata)}: {len(entities)}")
    for each in entities:
        if local_name(each) == "Person":
            _listed_person(draft, each)
            continue
        target = _listed(draft, each)
        for publisher in target.publishers:
            draft.leave(publisher)
        relate(draft, "HasPart", target)


def _listed(draft: Draft, entity: etree._Element) -> Target:
    if local_name(entity) in _OUTPUTS:
        return work(draft, entity)
    target, part_of = ancestor(draft, entity)
    if part_of is not None:
        draft.leave(part_of)
    return target


def _listed_person(draft: Draft, entity: etree._Element) -> None:
    who = Named("relations")
    for name, child in parts(draft, entity):
        if name == "PersonName" and not who.family and not who.given:
            person_name(draft, child, who)
        else:
            draft.leave(child)
    agent = who.agent(draft.notes)
    if agent:
        draft.relations.append(Relation("HasPart", agent.name, "other"))


def fits(metadata: etree._Element) -> bool:
    """Whether most of the children are elements that CERIF knows in an entity of that name."""
    name = local_name(metadata)
    if name in _LISTS:
        return any(local_name(child) == _LISTS[name] and fits(child) for child in metadata)
    names = [local_name(child) for child in metadata if isinstance(child.tag, str)]
    return bool(names) and sum(each in _KNOWN[name] for each in names) * 2 > len(names)


CROSSWALK = Crosswalk(
    "cerif",
    1,
    read,
    roots=tuple(f"{{{profile}}}{name}" for profile in _PROFILES for name in _KNOWN),
    local_names=(*_KNOWN, *_LISTS),
    fits=fits,
)
