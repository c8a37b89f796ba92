"""Bytes to one element tree: strict, once, and never with `recover`, which turns a cut page into a last page.

Sources: libxml2 limits (a text node over 10 MB, depth over 256); XML 1.0, section 2.2.
"""

import codecs
import re

from lxml import etree
from lxml.etree import _Element as Element

from harvester.errors import Refused

OAI = "{http://www.openarchives.org/OAI/2.0/}"

_MISC = re.compile(rb"\s+|<\?.*?\?>|<!--.*?-->", re.DOTALL)


class Malformed(Exception):
    """The bytes are not well-formed XML; `str` is the parser's own sentence."""


def strict(body: bytes) -> Element:
    """Parse without recovery, entities, DTD or network.

    Raises Malformed, and Refused for a document type declaration: OAI-PMH never needs one, and entity bombs do.
    """
    # Only in the prolog: a CDATA section in metadata may legally hold "<!DOCTYPE".
    if body.startswith(b"<!DOCTYPE", end_of_misc(body)):
        raise _doctype()
    parser = etree.XMLParser(
        recover=False,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise Malformed(str(error)) from None
    # An encoding other than ASCII's kin (UTF-16) hides the declaration from the pattern above.
    if root.getroottree().docinfo.internalDTD is not None:
        raise _doctype()
    return root


def end_of_misc(body: bytes) -> int:
    """Where the byte order mark, the declaration, comments, processing instructions and space before the root end.

    A loop: one pattern for all of it would take exponential time over many comments, or remember every blank.
    """
    at = len(codecs.BOM_UTF8) if body.startswith(codecs.BOM_UTF8) else 0
    while found := _MISC.match(body, at):
        at = found.end()
    return at


def _doctype() -> Refused:
    return Refused(
        "the answer carries a document type declaration (<!DOCTYPE>), which OAI-PMH never needs and attacks use; "
        "it was not read",
        reason="doctype",
    )
