"""Makes oai_dc documents for tests."""

from collections.abc import Sequence

from lxml import etree

from harvester.crosswalk import Context, normalise
from harvester.entry import Entry

OAI_DC = "http://www.openarchives.org/OAI/2.0/oai_dc/"
DC = "http://purl.org/dc/elements/1.1/"

Elements = Sequence[tuple[str, str]]


def document(elements: Elements, *, prefix: str = "dc", namespace: str = DC) -> etree._Element:
    """An oai_dc document with these (name, text) elements."""
    root = etree.Element(f"{{{OAI_DC}}}dc", nsmap={"oai_dc": OAI_DC, prefix: namespace})
    for name, text in elements:
        etree.SubElement(root, f"{{{namespace}}}{name}").text = text
    return root


def entry_of(*elements: tuple[str, str], context: Context | None = None) -> Entry:
    """The entry that an oai_dc document with these elements becomes."""
    return normalise(document(elements), context or Context()).entry
