"""arXiv: the format of that name, with authors taken apart (http://arxiv.org/OAI/arXiv.xsd)."""

from lxml import etree

from harvester.crosswalk.dcterms import dated
from harvester.crosswalk.draft import Draft
from harvester.crosswalk.fields import names
from harvester.crosswalk.fields.agents import Named
from harvester.crosswalk.formats import arxiv_authors, arxiv_fields
from harvester.crosswalk.reading import Crosswalk
from harvester.crosswalk.tree import Branches, descend, leaf, line, local_name
from harvester.entry import Affiliation, Agent


def author(draft: Draft, element: etree._Element) -> None:
    parts: dict[str, str] = {}
    affiliations: list[Affiliation] = []
    for child in element:
        name = local_name(child)
        if name in ("keyname", "forenames", "suffix") and name not in parts:
            parts[name] = line(draft, child, "creators")
        elif name == "affiliation" and (said := line(draft, child, "affiliations")):
            affiliations.append(Affiliation(said))
        elif name:
            draft.leave(child)
    agent = _agent(parts, draft)
    if agent:
        draft.creators.append(
            Agent(agent.name, agent.given, agent.family, agent.kind, agent.orcid, (), tuple(affiliations))
        )
    else:  # the colon of "X Collaboration: A. Author" is an author of its own
        draft.leave(element)


def _agent(parts: dict[str, str], draft: Draft) -> Agent | None:
    family, given, suffix = (parts.get(name, "") for name in ("keyname", "forenames", "suffix"))
    whole = f"{given} {family}".strip()
    if not suffix and (not given or _is_group(family, given)):
        return arxiv_authors.agent(whole) if any(sign.isalnum() for sign in whole) else None
    name = ", ".join(part for part in (family, given, suffix) if part)
    return Named("creators", name, given, family).agent(draft.notes)


def _is_group(family: str, given: str) -> bool:
    """arXiv takes every name apart: "for the ALICE" are the forenames of "Collaboration", and worse."""
    if arxiv_authors.is_collaboration(family) or given.endswith((" for", " for the")):
        return True
    return given.lower().startswith(("the ", "for the ", "on behalf of ")) and names.is_organisation(family)


AUTHORS: Branches = {"author": author}

BRANCHES: Branches = {
    **arxiv_fields.BRANCHES,
    "authors": lambda draft, element: descend(draft, element, AUTHORS),
    "created": leaf(dated("Created")),
    "updated": leaf(dated("Updated")),
}


def read(metadata: etree._Element, draft: Draft) -> None:
    """Fill the draft from an <arXiv> element."""
    arxiv_fields.begin(draft)
    descend(draft, metadata, BRANCHES)


CROSSWALK = Crosswalk(
    "arXiv",
    1,
    read,
    roots=("{http://arxiv.org/OAI/arXiv/}arXiv",),
    local_names=("arXiv",),
    fits=arxiv_fields.is_arxiv,
)
