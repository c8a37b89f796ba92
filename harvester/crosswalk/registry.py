"""Which crosswalk reads which root element: by its qualified name, else by its local name and its children.

Never by metadataPrefix: the same prefix means different formats on different servers.
"""

from collections.abc import Callable

from lxml import etree

from harvester.crosswalk import oai_dc, unknown
from harvester.crosswalk.draft import Draft
from harvester.crosswalk.quick import finish
from harvester.crosswalk.reading import Context, Crosswalk, Reading
from harvester.errors import Rejected

MOST_CHILDREN = 250_000  # of one metadata element; no record that says something has more

NOTHING_KNOWN = Context()


def _has_dublin_core(metadata: etree._Element) -> bool:
    return any(child.tag in oai_dc.TABLE for child in metadata)


BY_ROOT: dict[str, Crosswalk] = {
    "{http://www.openarchives.org/OAI/2.0/oai_dc/}dc": oai_dc.CROSSWALK,
    "{http://oai.base-search.net/base_dc/}dc": oai_dc.CROSSWALK,
}

# Second key: some servers leave the root in OAI's namespace, in none, or in one of their own.
BY_LOCAL_NAME: dict[str, tuple[tuple[Callable[[etree._Element], bool], Crosswalk], ...]] = {
    "dc": ((_has_dublin_core, oai_dc.CROSSWALK),),
}


def crosswalk_for(metadata: etree._Element) -> Crosswalk:
    """The crosswalk for a root element; the best-effort one where there is none."""
    known = BY_ROOT.get(metadata.tag)
    if known is not None:
        return known
    if isinstance(metadata.tag, str):
        for fits, crosswalk in BY_LOCAL_NAME.get(etree.QName(metadata).localname, ()):
            if fits(metadata):
                return crosswalk
    return unknown.CROSSWALK


def normalise(metadata: etree._Element, context: Context = NOTHING_KNOWN) -> Reading:
    """Read `metadata`, the child of <metadata>, into an Entry.

    Every element tree gives an Entry, if need be one with problems. Raises Rejected for a tree beyond any sense
    (more than MOST_CHILDREN elements on one level).
    """
    if len(metadata) > MOST_CHILDREN:
        raise Rejected(f"the metadata holds more than {MOST_CHILDREN} elements", reason="too_many_elements")
    crosswalk = crosswalk_for(metadata)
    draft = Draft(metadata, context)
    unread = crosswalk.read(metadata, draft)
    return Reading(finish(draft), crosswalk.name, crosswalk.version, unread)
