"""arXivOld: arXivRaw without versions, and so without any date (http://arxiv.org/OAI/arXivOld.xsd)."""

from lxml import etree

from harvester.crosswalk.draft import Draft
from harvester.crosswalk.formats import arxiv_authors, arxiv_fields
from harvester.crosswalk.reading import Crosswalk
from harvester.crosswalk.tree import Branches, descend

BRANCHES: Branches = {**arxiv_fields.BRANCHES, "authors": arxiv_authors.creators}


def read(metadata: etree._Element, draft: Draft) -> None:
    """Fill the draft from an <arXivOld> element."""
    arxiv_fields.begin(draft)
    descend(draft, metadata, BRANCHES)


CROSSWALK = Crosswalk(
    "arXivOld",
    1,
    read,
    roots=("{http://arxiv.org/OAI/arXivOld/}arXivOld",),
    local_names=("arXivOld",),
    fits=arxiv_fields.is_arxiv,
)
