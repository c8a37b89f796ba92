"""Where the records of an ill-formed list begin and end, told by their tags alone: linear in time, and no tree.

A record begins with `<record` and `<header` (OAI-PMH 2.0, section 2.5); `<record` alone is MARCXML's element too.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

# Real pages hold up to some thousand records; every one is parsed by itself.
MOST_RECORDS = 100_000
_NAME = rb"(?:[A-Za-z_][\w.-]*:)?"
_ATTRIBUTES = rb"(?:\s(?:[^<>\"']|\"[^\"<]*\"|'[^'<]*')*+)?"
_ROOT = re.compile(rb"<%bOAI-PMH[\s/>]" % _NAME)
_ROOT_END = re.compile(rb"</%bOAI-PMH\s*>" % _NAME)
_LIST = re.compile(rb"<(%b(?:ListRecords|ListIdentifiers|GetRecord))%b(?<!/)>" % (_NAME, _ATTRIBUTES))
_LIST_END = re.compile(rb"</(%b(?:ListRecords|ListIdentifiers|GetRecord))\s*>" % _NAME)
_RECORD = re.compile(rb"<%brecord%b(?<!/)>\s*<%bheader[\s/>]" % (_NAME, _ATTRIBUTES, _NAME))
_HEADER = re.compile(rb"<%bheader[\s/>]" % _NAME)
_TOKEN = re.compile(rb"<%bresumptionToken[\s/>]" % _NAME)
_TAG = re.compile(rb"<!--|<!\[CDATA\[|<\?|<(/?)(%b(?:record|header))%b>" % (_NAME, _ATTRIBUTES))
_CLOSING = {b"<!--": b"-->", b"<![CDATA[": b"]]>", b"<?": b"?>"}


@dataclass(frozen=True, slots=True)
class Layout:
    """A list's parts: its name, where its start tag begins and ends, where records begin, and where what follows them does."""

    name: bytes
    tag: int
    first: int
    openings: tuple[int, ...]
    last: int
    has_token: bool

    def segments(self) -> Iterator[tuple[int, int]]:
        """From each record's beginning to the next one's."""
        return zip(self.openings, (*self.openings[1:], self.last), strict=True)


def layout(text: bytes) -> Layout | None:
    """The parts of a response that begins at once with its root; None where it was cut, or what is what cannot be told.

    A second list, root or token may belong to a response inside a record's metadata: then nothing can be told.
    """
    ends, roots = _few(_ROOT_END, text), _few(_ROOT, text)
    if len(ends) != 1 or len(roots) != 1 or roots[0].start() > 0:
        return None
    lists, closings = _few(_LIST, text), _few(_LIST_END, text)
    if len(lists) != 1 or len(closings) != 1 or lists[0][1] != closings[0][1]:
        return None
    if not lists[0].end() <= closings[0].start() < ends[0].start():
        return None
    tokens = _few(_TOKEN, text, lists[0].end())
    last = min(each.start() for each in (*tokens, closings[0]))
    begins = openings(text, lists[0].end(), listed=lists[0][1])
    if len(tokens) > 1 or not begins or len(begins) > MOST_RECORDS or begins[-1] > last:
        return None
    return Layout(lists[0][1], lists[0].start(), lists[0].end(), begins, last, bool(tokens))


def openings(text: bytes, at: int, *, listed: bytes) -> tuple[int, ...]:
    """Where records begin from `at` on, at most one more than MOST_RECORDS; in ListIdentifiers, where headers do."""
    found = tuple(each.start() for each in islice(_RECORD.finditer(text, at), MOST_RECORDS + 1))
    if found or not listed.endswith(b"ListIdentifiers"):
        return found
    return tuple(each.start() for each in islice(_HEADER.finditer(text, at), MOST_RECORDS + 1))


def list_tag(text: bytes) -> int | None:
    """Where the list's start tag begins."""
    found = _LIST.search(text)
    return None if found is None else found.start()


def extent(text: bytes, start: int, end: int) -> tuple[int | None, bool]:
    """Where the element that begins at `start` ends, None where not before `end`; and whether a comment, CDATA section or
    processing instruction is begun before `end` that does not end there.
    """
    own: int | None = None
    name: bytes | None = None
    depth = 0
    unclosed: set[bytes] = set()
    at = start
    while found := _TAG.search(text, at, end):
        at = found.end()
        tag: bytes | None = found[2]
        if tag is None:
            kind = found[0]
            if kind not in unclosed and (closed := text.find(_CLOSING[kind], at, end)) >= 0:
                at = closed + len(_CLOSING[kind])
            else:
                unclosed.add(kind)  # nor will a later one be closed: looking again would be quadratic
            continue
        name = name or tag
        if own is None and tag == name:
            if not found[0].endswith(b"/>"):
                depth += -1 if found[1] else 1
            if depth <= 0:
                own = at
    return own, bool(unclosed)


def _few(pattern: re.Pattern[bytes], text: bytes, at: int = 0) -> list[re.Match[bytes]]:
    return [*islice(pattern.finditer(text, at), 2)]
