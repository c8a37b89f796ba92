"""Faults of XML and of text. Those of one record take `record`: its place in the page, from 0."""

# Every fault takes the same two arguments, needed or not.
# ruff: noqa: ARG001

import random
import re
from collections.abc import Callable
from xml.sax.saxutils import escape

from harvester.mock.exchange import LISTS, Turn
from harvester.mock.faults.fault import Armed, Fault, Stage
from harvester.mock.metadata import DC

RECORD = re.compile(rb"<record>.*?</record>", re.DOTALL)
TITLE_END = re.compile(rb"</(?:dc:)?title>")
ROOT = re.compile(rb"<OAI-PMH[^>]*>")
METADATA = re.compile(rb"<metadata><[^>]*>")
DECLARED = re.compile(rb' xmlns:\w+="[^"]*"')
Change = Callable[[bytes], bytes]
Apply = Callable[[Turn, Armed], bool]
LOLS = "".join(f'<!ENTITY lol{n} "{f"&lol{n - 1};" * 10}">' for n in range(1, 10))
BOMB = f'<!DOCTYPE OAI-PMH [<!ENTITY lol0 "lol">{LOLS}]>\n'.encode()
EXTERNAL = b'<!DOCTYPE OAI-PMH [<!ENTITY x SYSTEM "file:///etc/hostname">]>\n'


def _whole(change: Change) -> Apply:
    """A fault of the whole response."""

    def apply(turn: Turn, armed: Armed) -> bool:
        changed = change(turn.body)
        applies, turn.body = changed != turn.body, changed
        return applies

    return apply


def _one(change: Change) -> Apply:
    """A fault of one record; its neighbours stay as they are."""

    def apply(turn: Turn, armed: Armed) -> bool:
        for place, found in enumerate(RECORD.finditer(turn.body)):
            if place >= armed.options["record"] and (changed := change(found[0])) != found[0]:
                turn.body = turn.body[: found.start()] + changed + turn.body[found.end() :]
                return True
        return False

    return apply


def _in_title(text: bytes) -> Apply:
    return _one(lambda record: TITLE_END.sub(lambda end: text + end[0], record, count=1))


def _before_root(text: bytes) -> Change:
    return lambda body: body.replace(b"<OAI-PMH", text + b"<OAI-PMH", 1)


def _named(change: Callable[[bytes, Armed], bytes]) -> Apply:
    """A fault of the record with `identifier`, where one is given; else of the one at `record`."""

    def apply(turn: Turn, armed: Armed) -> bool:
        identifier = armed.options["identifier"]
        if identifier is None:
            return _one(lambda record: change(record, armed))(turn, armed)
        name = b"<identifier>%b</identifier>" % escape(identifier).encode()
        return _one(lambda record: change(record, armed) if name in record else record)(turn, armed)

    return apply


def _in_metadata(text: Callable[[Armed], bytes]) -> Apply:
    return _named(lambda record, armed: METADATA.sub(lambda at: at[0] + text(armed), record, count=1))


# libxml2, and what is built on it, takes no text over 10 MB and no depth over 256.
def _deep(armed: Armed) -> bytes:
    depth = int(armed.options["depth"])
    return b"<x>" * depth + b"</x>" * depth


def _huge(armed: Armed) -> bytes:
    # Nothing that compression makes small: that would be a bomb, and is refused as one.
    digits = random.Random(0).randbytes(int(armed.options["megabytes"] * 500_000)).hex()
    return b"<x>%b</x>" % digits.encode()


def _without(element: bytes) -> Change:
    pattern = re.compile(rb"<%b>[^<]*</%b>" % (element, element))
    return lambda record: pattern.sub(b"", record, count=1)


def _empty_metadata(record: bytes) -> bytes:
    return re.sub(rb"<metadata>.*</metadata>", b"<metadata/>", record, flags=re.DOTALL)


def _root_namespaces(body: bytes) -> bytes:
    moved: dict[bytes, None] = {}  # in the order in which they are declared

    def bare(opening: re.Match[bytes]) -> bytes:
        moved.update(dict.fromkeys(DECLARED.findall(opening[0])))
        return DECLARED.sub(b"", opening[0])

    body = METADATA.sub(bare, body)
    root = ROOT.search(body)
    already = DECLARED.findall(root[0]) if root else []
    return body.replace(b"<OAI-PMH", b"<OAI-PMH" + b"".join(each for each in moved if each not in already), 1)


def _figshare(body: bytes) -> bytes:
    # As in figshare's own documentation: dc bound to dcterms, author numbers, markup escaped in the text.
    body = body.replace(f'xmlns:dc="{DC}"'.encode(), b'xmlns:dc="http://purl.org/dc/terms/"')
    body = re.sub(rb"<dc:creator>([^,<]*), ([^<]*)<", _numbered, body)
    opening, closing = b"<dc:description>&lt;div&gt;&lt;p&gt;", b"&lt;/p&gt;&lt;/div&gt;</dc:description>"
    return body.replace(b"<dc:description>", opening).replace(b"</dc:description>", closing)


def _numbered(found: re.Match[bytes]) -> bytes:
    number = 100_000 + sum(found[0]) % 90_000
    return b"<dc:creator>%b %b (%d)<" % (found[2], found[1], number)


def _cut_page(turn: Turn, armed: Armed) -> bool:
    turn.body = turn.body[: int(len(turn.body) * armed.options["share"])]
    return True


def _bomb(body: bytes) -> bytes:
    return _before_root(BOMB)(body).replace(b"</request>", b"&lol9;</request>", 1)


def _record_fault(description: str, apply: Apply) -> Fault:
    return Fault(f"{description} (`record`: its place in the page)", Stage.WRITTEN, apply, {"record": 0})


def _stored_fault(description: str, apply: Apply, **options: float) -> Fault:
    """A fault of how a record is kept, which GetRecord shows too."""
    given = {"record": 0, "identifier": None} | options
    described = f"{description} (`record`: its place in the page, or `identifier`)"
    return Fault(described, Stage.WRITTEN, apply, given, LISTS | {"GetRecord"})


def _page_fault(description: str, change: Change) -> Fault:
    return Fault(description, Stage.WRITTEN, _whole(change))


FRACTIONS = re.compile(rb"Z</datestamp>")
STATUS = b'<?xml version="1.0"?>\n<response><status>ok</status></response>\n'
PHP = b"\n<br />\n<b>Warning</b>: mysql_close(): no connection in <b>/var/www/oai2.php</b> on line <b>41</b><br />\n"

FAULTS: dict[str, Fault] = {
    "cut_page": Fault(
        "the XML stops after a `share` of it, the length is right", Stage.WRITTEN, _cut_page, {"share": 0.5}
    ),
    "control_characters": _record_fault("U+001A, U+0003 and U+000B in a title", _in_title(b"\x1a\x03\x0b")),
    "nul": _record_fault("U+0000 in a title", _in_title(b"\x00")),
    "lone_surrogate_reference": _record_fault("&#55349; in a title", _in_title(b"&#55349;")),
    "invalid_utf8": _record_fault("a title partly in ISO 8859-1", _in_title(b" caf\xe9 cr\xe8me")),
    "bare_ampersand": _record_fault("an unescaped & in a title", _in_title(b" R&D & more")),
    "stray_html_entity": _record_fault("&nbsp; and &eacute; in a title", _in_title(b" caf&eacute;&nbsp;2")),
    "broken_record": _stored_fault(
        "tags that do not match in one record", _in_metadata(lambda _: b"<b><i></b></i>")
    ),
    "huge_record": _stored_fault(
        "a text of so many `megabytes` in one record",
        _in_metadata(_huge),
        megabytes=11,
    ),
    "deep_record": _stored_fault(
        "elements nested to a `depth` in one record",
        _in_metadata(_deep),
        depth=300,
    ),
    "bom": _page_fault("a byte order mark before the declaration", lambda body: b"\xef\xbb\xbf" + body),
    "leading_junk": _page_fault("a blank line and a notice before the declaration", lambda body: PHP + body),
    "trailing_garbage": _page_fault("a PHP warning after the root element", lambda body: body + PHP),
    "doctype": _page_fault("a DOCTYPE with an external entity", _before_root(EXTERNAL)),
    "entity_bomb": _page_fault("entities that unfold to 3 GB, used in <request>", _bomb),
    "root_namespaces": _page_fault(
        "the prefixes of the metadata declared on the root element only", _root_namespaces
    ),
    "empty_metadata": _record_fault("one live record with empty <metadata/>", _one(_empty_metadata)),
    "missing_datestamp": _record_fault("one header without datestamp", _one(_without(b"datestamp"))),
    "no_identifier": _record_fault("one header without identifier", _one(_without(b"identifier"))),
    "fractional_datestamps": _page_fault(
        "datestamps with milliseconds", lambda body: FRACTIONS.sub(b".067Z</datestamp>", body)
    ),
    "figshare_dialect": _page_fault(
        "dc bound to http://purl.org/dc/terms/, creators as `Name (123)`, HTML escaped in descriptions",
        _figshare,
    ),
    "wrong_root": _page_fault("well-formed XML that is not OAI-PMH", lambda _: STATUS),
}
