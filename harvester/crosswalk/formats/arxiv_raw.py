"""arXivRaw: every version with its date and size, authors as submitted, in one string (http://arxiv.org/OAI/arXivRaw.xsd)."""

from lxml import etree

from harvester.crosswalk.draft import Draft
from harvester.crosswalk.fields import dates
from harvester.crosswalk.formats import arxiv_authors, arxiv_fields
from harvester.crosswalk.reading import Crosswalk
from harvester.crosswalk.tree import Branches, attribute, descend, line, local_name
from harvester.entry import Agent


def submitter(draft: Draft, element: etree._Element) -> None:
    said = line(draft, element, "contributors")
    if said:
        person = arxiv_authors.agent(said)
        draft.contributors.append(
            Agent(person.name, None, None, person.kind or "person", None, (), (), "submitter")
        )


def version(draft: Draft, element: etree._Element) -> None:
    """The first one is the item's creation, each further one an update; the last one is the item as it is.

    Only its size is that of the item.
    """
    kind = "Created" if draft.version is None else "Updated"
    draft.version = attribute(draft, element, "version", "version") or draft.version or ""
    is_last = next((False for later in element.itersiblings() if local_name(later) == "version"), True)
    for child in element:
        name = local_name(child)
        said = line(draft, child, name) if name in ("date", "size") else ""
        if name == "date" and said:
            draft.dates.append(dates.read(said, draft.notes, type=kind, latest=draft.latest))
        elif name == "size" and said and is_last:
            draft.sizes.append(said)
        elif name:
            draft.leave(child)


BRANCHES: Branches = {
    **arxiv_fields.BRANCHES,
    "authors": arxiv_authors.creators,
    "submitter": submitter,
    "version": version,
}


def read(metadata: etree._Element, draft: Draft) -> None:
    """Fill the draft from an <arXivRaw> element."""
    arxiv_fields.begin(draft)
    descend(draft, metadata, BRANCHES)
    draft.version = draft.version or None


CROSSWALK = Crosswalk(
    "arXivRaw",
    1,
    read,
    roots=("{http://arxiv.org/OAI/arXivRaw/}arXivRaw",),
    local_names=("arXivRaw",),
    fits=arxiv_fields.is_arxiv,
)
