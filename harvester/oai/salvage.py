"""The ladder from bytes to a tree: strict; repaired and strict; record by record, those that are broken cut out.

A page is believed whole, or with every record that was cut out told as `Broken`. What comes after the records, the
resumption token above all, is read strictly or not at all: a token that is guessed ends a list, or begins another.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from html.entities import html5
from xml.sax.saxutils import quoteattr

from lxml.etree import _Element as Element

from harvester.errors import Retriable
from harvester.oai.page import LONGEST_IDENTIFIER, local_name
from harvester.oai.parsing import Malformed, end_of_misc, strict
from harvester.oai.records import Broken
from harvester.oai.repair import Repaired, repair, utf16_of
from harvester.oai.slices import Layout, extent, layout, list_tag, openings

# libxml2 refuses text nodes over 10 MB, and every page that holds one.
LARGEST_RECORD = 5_000_000  # bytes
MOST_BROKEN = 5_000
# Namespace declarations are repeated around every record that is tried; a hostile root may hold a million.
_MOST_DECLARED = 20_000_000  # bytes
_HEAD = 8192  # bytes of a record in which its header is looked for
# What holds one of these is not cut out: a list's end, or the repository's own error, would be lost with it.
_TELLING = re.compile(rb"(?i:resumptiontoken)|<(?:[A-Za-z_][\w.-]*:)?error[\s/>]")
_HEADER = re.compile(rb"<(?:[A-Za-z_][\w.-]*:)?header(?:\s[^<>]*)?>")
_HEADER_END = re.compile(rb"</(?:[A-Za-z_][\w.-]*:)?header\s*>|<(?:[A-Za-z_][\w.-]*:)?metadata[\s/>]")
_IDENTIFIER = re.compile(rb"<((?:[A-Za-z_][\w.-]*:)?identifier)(?:\s[^<>]*)?>([^<]*)</\1\s*>")
_ITEM = re.compile(rb"</?(?:[A-Za-z_][\w.-]*:)?(?:record|header)[\s/>]")
_SECTION_END = re.compile(rb"-->|\]\]>|\?>")
# What a repair removes first, and what it may have changed then.
_CONTROLS = bytes({*range(0x20)} - {*b"\t\n\r"})
_REPAIRABLE = re.compile(rb"&#(?:x[0-9a-fA-F]+|[0-9]+);|&([A-Za-z][A-Za-z0-9]{0,31};)?|[^\x20-\x7e]+")

Piece = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Parsed:
    """`repaired` where bytes had to be mended; `broken` are the records that were cut out, in their order."""

    root: Element
    repaired: Repaired | None = None
    broken: tuple[Broken, ...] = ()


def parse(body: bytes) -> Parsed:
    """Strict parse; only where that fails, byte repair and strict again; only where that fails, record by record.

    Raises Retriable (`malformed`) when all fail: a cut page is an error, never an end of list. Raises Refused (`doctype`).
    """
    try:
        return Parsed(strict(body))
    except Malformed as first:
        mended = repair(body)
        try:
            return Parsed(strict(mended.body), mended)
        except Malformed:
            try:
                return _salvage(body, mended)
            except Malformed:
                raise Retriable(
                    f"the answer is not well-formed XML ({first}); it may have been cut", reason="malformed"
                ) from None


def _salvage(body: bytes, mended: Repaired) -> Parsed:
    """Raises Malformed where more than records is broken, or where it cannot be told what is."""
    text = mended.body
    found = layout(text)
    if found is None:
        raise Malformed("no list that begins once and ends once")
    pieces = _broken_pieces(text, found, _around(text, found))
    if any(_TELLING.search(text, *piece) for piece in pieces):
        raise Malformed("what is broken may hold the end of the list")
    ends = (0, *(end for _, end in pieces))
    starts = (*(start for start, _ in pieces), len(text))
    root = strict(b"".join(text[end:start] for end, start in zip(ends, starts, strict=True)))
    cut = len({start for start, _ in pieces}.intersection(found.openings))
    if _count(_list_of(root)) + cut != len(found.openings):
        raise Malformed("records that begin and records that were found differ in number")
    places = _originals(body, text, found, pieces)
    broken = tuple(_broken(text, piece, *place) for piece, place in zip(pieces, places, strict=True))
    return Parsed(root, mended, broken)


def _around(text: bytes, found: Layout) -> tuple[bytes, bytes]:
    """What to put around a record that is tried by itself: two elements, as deep as in its list, with the namespaces of
    the list. Raises Malformed where the response without its records, but with its token, is not well-formed.
    """
    root = strict(text[: found.first] + text[found.last :])
    listed = _list_of(root)
    if found.has_token and all(local_name(each) != "resumptionToken" for each in (*listed, *root)):
        raise Malformed("the token is in a comment")
    declared = "".join(
        f" xmlns{':' + prefix if prefix else ''}={quoteattr(uri)}" for prefix, uri in listed.nsmap.items()
    ).encode()
    if len(declared) * len(found.openings) > _MOST_DECLARED:
        raise Malformed("too many namespaces for so many records")
    return b"<a%b><b>" % declared, b"</b></a>"


def _list_of(root: Element) -> Element:
    verbs = ("ListRecords", "ListIdentifiers", "GetRecord")
    listed = next((child for child in root if local_name(child) in verbs), None)
    if listed is None:
        raise Malformed("the list is not straight below the root")
    return listed


def _count(listed: Element) -> int:
    return sum(local_name(each).lower() in ("record", "header") for each in listed)


def _broken_pieces(text: bytes, found: Layout, around: tuple[bytes, bytes]) -> list[Piece]:
    """What is to be cut out: records that are not well-formed, and what stands between records and is not either.

    Raises Malformed where a record that looks whole may lie inside another, or in a comment: something is left open, and
    after a later record something is closed. Also where no token follows and the list does not end with a record's own end:
    there may have been a token.
    """
    pieces: list[Piece] = []
    left_open = not _harmless(text, found.first, found.openings[0], around)
    if left_open:
        pieces.append((found.first, found.openings[0]))
    for start, end in found.segments():
        if _stands(text, start, end, around):
            continue
        own, unclosed = extent(text, start, end)
        junk = own is not None and not _harmless(text, own, end, around, closing=left_open)
        ends_list = end == found.last and not found.has_token
        if (junk and left_open) or (ends_list and (own is None or not _blank(text, own, end))):
            raise Malformed("it cannot be told where records end")
        if own is None or not _stands(text, start, own, around):
            pieces.append((start, end if own is None or junk else own))
        elif junk:
            pieces.append((own, end))
        left_open = left_open or own is None or unclosed or (junk and _inside(text, own, end, around) is None)
        if len(pieces) > MOST_BROKEN:
            raise Malformed("too many broken records")
    if (left_open and _SECTION_END.search(text, found.last)) or (
        not found.has_token and _TELLING.search(text, found.last)
    ):
        raise Malformed("the end of the list may be in a comment, or is damaged")
    return pieces


def _inside(text: bytes, start: int, end: int, around: tuple[bytes, bytes]) -> Element | None:
    """What is here as content of an element; None where it is not well-formed."""
    if end - start > LARGEST_RECORD:
        return None
    try:
        return strict(around[0] + text[start:end] + around[1])[0]
    except Malformed:
        return None


def _stands(text: bytes, start: int, end: int, around: tuple[bytes, bytes]) -> bool:
    """Whether this is one well-formed element and nothing else."""
    inner = _inside(text, start, end, around)
    return (
        inner is not None
        and len(inner) == 1
        and not (inner.text or "").strip()
        and not (inner[0].tail or "").strip()
    )


def _blank(text: bytes, start: int, end: int) -> bool:
    """Whether only space, comments and processing instructions are here."""
    return end_of_misc(text[start:end]) == end - start


def _harmless(
    text: bytes, start: int, end: int, around: tuple[bytes, bytes], *, closing: bool = False
) -> bool:
    """Whether only what any list may hold is here: space, comments, a notice in well-formed HTML; no part of a record.

    With `closing` nothing that could end a comment may be here.
    """
    if closing and _SECTION_END.search(text, start, end):
        return False
    if _blank(text, start, end):
        return True
    return not _ITEM.search(text, start, end) and _inside(text, start, end, around) is not None


def _broken(text: bytes, piece: Piece, raw: bytes, position: int | None) -> Broken:
    start, end = piece
    reason = "record_too_large" if end - start > LARGEST_RECORD else "malformed_record"
    return Broken(reason, raw, _identifier(text[start : min(end, start + _HEAD)]), position)


def _identifier(head: bytes) -> str | None:
    """What the header names, None where that is not beyond doubt: metadata has identifiers too."""
    header = _HEADER.search(head)
    until = _HEADER_END.search(head, header.end()) if header else None
    named = _IDENTIFIER.search(head, header.end(), until.start()) if header and until else None
    if named is None:
        return None
    try:
        text = (strict(b"<i>%b</i>" % named[2]).text or "").strip()
    except Malformed:
        return None
    return text if 0 < len(text) <= LONGEST_IDENTIFIER else None


def _originals(
    body: bytes, text: bytes, found: Layout, pieces: list[Piece]
) -> Iterator[tuple[bytes, int | None]]:
    """The bytes of each piece as they were received, and where; where repair has made that uncertain, the repaired ones
    and None.
    """
    wide = utf16_of(body)
    view = body.decode(wide, errors="replace").encode() if wide else body
    shift = view.find(text)
    anchors = () if shift >= 0 else _anchors(view, found)
    before = at = 0  # the same place in `view` and in `body`
    for start, end in pieces:
        place = (
            (start + shift, end + shift) if shift >= 0 else _place(view, anchors, text, found, (start, end))
        )
        if place is None:
            yield text[start:end], None
        elif wide is None:
            yield body[place[0] : place[1]], place[0]
        else:
            # A replaced surrogate is as long as what it replaces.
            at += len(view[before : place[0]].decode().encode(wide))
            length = len(view[place[0] : place[1]].decode().encode(wide))
            before, at = place[1], at + length
            yield body[at - length : at], at - length


def _anchors(view: bytes, found: Layout) -> tuple[int, ...]:
    """Where the list and its records begin in the bytes before repair; none where those are not the same records."""
    tag = list_tag(view)
    if tag is None:
        return ()
    anchors = (tag, *openings(view, tag, listed=found.name))
    return anchors if len(anchors) == len(found.openings) + 1 else ()


def _place(view: bytes, anchors: tuple[int, ...], text: bytes, found: Layout, piece: Piece) -> Piece | None:
    """Where a piece was before repair, told by the number of its tags: a repair changes what is between them."""
    if not anchors:
        return None
    record = bisect_right(found.openings, piece[0])
    anchor = found.openings[record - 1] if record else found.tag
    start, end = (_same_tag(view, anchors[record], text, anchor, at) for at in piece)
    same = _lasting(view[start:end]) == _lasting(text[slice(*piece)])
    return (start, end) if same else None


def _lasting(raw: bytes) -> bytes:
    """What is the same before and after a repair: ASCII, without ampersands, with HTML's names of ASCII spelled out."""

    def spelled(match: re.Match[bytes]) -> bytes:
        name = match[1].decode() if match[1] else ""
        return html5.get(name, name).replace("&", "").encode("ascii", "ignore")

    return _REPAIRABLE.sub(spelled, raw.translate(None, _CONTROLS))


def _same_tag(view: bytes, anchor: int, text: bytes, counted: int, at: int) -> int:
    """Where in `view` the tag is that begins at, or ends before, `at` in `text`; both are counted from an anchor."""
    begins = text.startswith(b"<", at)
    place = anchor
    for _ in range(text.count(b"<", counted + 1, at + begins)):
        place = view.find(b"<", place + 1)
        if place < 0:
            return len(view)
    return place if begins else view.find(b">", place) + 1
