"""Two XML elements that differ only in what a pretty printer may change are the same."""

from lxml import etree


def plain(xml: bytes | str) -> bytes:
    """Exclusive canonical XML without comments, and without the white space between elements.

    pyoai pretty-prints every answer (`ServerBase.handleVerb`), and so indents metadata that was given without line breaks.
    Namespaces in scope of the envelope are no part of the record, hence exclusive.
    """
    parser = etree.XMLParser(remove_comments=True, remove_pis=True, resolve_entities=False, no_network=True)
    root = etree.fromstring(xml, parser)
    for element in root.iter(etree.Element):
        between = [element.text, *(child.tail for child in element)]
        if len(element) and not any((text or "").strip() for text in between):
            element.text = None
            for child in element:
                child.tail = None
    root.tail = None
    return etree.tostring(root, method="c14n", exclusive=True)
