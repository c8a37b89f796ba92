"""Byte repair, only after a strict parse has failed: exact to the XML 1.0 character production, counted, nothing guessed.

Never adds or closes a tag: a cut page stays cut. Sanitisers elsewhere damage good text (tabs deleted, everything above
U+FFFF dropped); here tab, line feed, carriage return and the astral planes survive. Every step takes linear time.
"""

import codecs
import re
from collections import Counter
from dataclasses import dataclass
from html.entities import html5

# What UTF-16 begins with, little endian and big endian: a mark, or "<" and one more letter (XML 1.0, appendix F).
_UTF16 = re.compile(rb"(\xff\xfe|<\x00[^\x00]\x00)|\xfe\xff|\x00<\x00[^\x00]", re.DOTALL)
# XML 1.0, section 2.2: Char ::= #x9 | #xA | #xD | [#x20-#xD7FF] | [#xE000-#xFFFD] | [#x10000-#x10FFFF]
_NOT_CHAR = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_DECLARED = re.compile(rb"<\?xml[^>]{1,200}?encoding\s{0,9}=\s{0,9}[\"']([A-Za-z0-9._-]{1,40})[\"']")
_DECLARED_WITHIN = 4096  # bytes: PHP notices may stand before the declaration
# Python's own codecs include quadratic (punycode) and code-like (unicode_escape) ones: only character sets of documents.
# UTF-16 is not among them: a declaration that can be read byte by byte is not in UTF-16, though .NET often claims it.
_CHARACTER_SET = re.compile(
    r"(?i)utf-?8|us-ascii|ascii|iso[-_]?8859[-_]\d{1,2}|latin-?\d|windows-125\d|cp125\d|koi8-[ru]|gb2312|gbk|gb18030"
    r"|big5|shift_jis|euc-(?:jp|kr)|iso-2022-jp|macintosh"
)
_NOT_UTF8 = re.compile("[\udc80-\udcff]+")
_MISC = re.compile(r"[\ufeff\s]+|<\?.*?\?>|<!--.*?-->", re.DOTALL)
_ROOT = re.compile(r"<(?:[A-Za-z_][\w.-]*:)?OAI-PMH[\s>]")
_ROOT_END = re.compile(r"</(?:[A-Za-z_][\w.-]*:)?OAI-PMH\s*>")
_NAME = re.compile(r"<([A-Za-z_][\w.:-]*)")
_OPENING = re.compile(r"<!\[CDATA\[|<!--|<\?")
_CLOSING = {"<![CDATA[": "]]>", "<!--": "-->", "<?": "?>"}
# A numeric reference, with the number of the one that follows it at once; else an ampersand, with the name it begins.
_REFERENCE = re.compile(
    r"&#(x[0-9a-fA-F]+|[0-9]+);(?=(?:&#(x[0-9a-fA-F]+|[0-9]+);)?)|&([A-Za-z][A-Za-z0-9]{0,31};)?"
)
_XML_NAMES = frozenset({"amp;", "lt;", "gt;", "quot;", "apos;"})
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"})
# Lost when records are cut out of their response: seen in two projects' files. Only names with one meaning.
_PREFIXES = {
    "xsi": "http://www.w3.org/2001/XMLSchema-instance",
    "xlink": "http://www.w3.org/1999/xlink",
    "oai_dc": "http://www.openarchives.org/OAI/2.0/oai_dc/",
    "dc": "http://purl.org/dc/elements/1.1/",
    "dcterms": "http://purl.org/dc/terms/",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
}


@dataclass(frozen=True, slots=True)
class Repaired:
    """`body` is UTF-8 without an XML declaration; `changes` counts what was altered, by kind."""

    body: bytes
    changes: dict[str, int]


def repair(body: bytes) -> Repaired:
    """Decode by the ladder declared, UTF-8, windows-1252; cut what surrounds the root; mend characters and ampersands.

    Without effect on what a well-formed document says; so what it has mended, it leaves alone.
    """
    changes: Counter[str] = Counter()
    text, removed = _NOT_CHAR.subn("", _decode(body, changes))
    changes["illegal_character"] += removed
    text = _with_prefixes(_root_only(text, changes), changes)
    text = _outside_sections(text, changes)
    return Repaired(text.encode("utf-8"), {kind: count for kind, count in changes.items() if count})


def utf16_of(body: bytes) -> str | None:
    """The codec of a body in UTF-16, None for any other."""
    found = _UTF16.match(body)
    if found is None:
        return None
    return "utf-16-be" if found[1] is None else "utf-16-le"


def _decode(body: bytes, changes: Counter[str]) -> str:
    if wide := utf16_of(body):
        text = body.decode(wide, errors="replace")
        changes["encoding_repaired"] += text.count("\ufffd")
        return text
    named = _declared(body)
    if named and not body.startswith(codecs.BOM_UTF8):
        try:
            return body.decode(named)
        except (UnicodeDecodeError, LookupError):  # LookupError: ISO-8859-12 does not exist, and is declared
            changes["wrong_encoding"] += 1
    text = body.decode("utf-8", errors="surrogateescape")

    def windows_1252(match: re.Match[str]) -> str:
        bad = match[0].encode("utf-8", "surrogateescape")
        changes["encoding_repaired"] += len(bad)
        return bad.decode("windows-1252", errors="replace")

    return _NOT_UTF8.sub(windows_1252, text)


def _declared(body: bytes) -> str:
    head = body[:_DECLARED_WITHIN]
    found = _DECLARED.search(head)
    if found is None:
        return ""
    before = head[: found.start()]
    if any(mark in before for mark in (b"OAI-PMH", b"<![CDATA[", b"<!--")):
        return ""  # the declaration of a document inside this one
    name = found[1].decode("ascii")
    return name if _CHARACTER_SET.fullmatch(name) else ""


def _root_only(text: str, changes: Counter[str]) -> str:
    start = _end_of_misc(text, 0)
    if _ROOT.match(text, start) is None and not _is_whole(text, start):
        root = _ROOT.search(text, start)
        # A document type declaration stays: it is refused, not lost.
        if root is not None and text.find("<!DOCTYPE", start, root.start()) < 0:
            changes["leading_junk"] += 1
            start = root.start()
        elif root is None:
            start = _first_tag(text, start, changes)
    text = text[start:]
    if _ROOT.match(text) is None:
        return text
    end = 0
    for found in _ROOT_END.finditer(text):
        end = found.end()  # the last one counts: metadata may nest a response
    if end and _end_of_misc(text, end) < len(text):
        changes["trailing_garbage"] += 1
        text = text[:end]
    return text


def _first_tag(text: str, start: int, changes: Counter[str]) -> int:
    at = start
    while not text.startswith("<", at):
        following = text.find("<", at)
        if following < 0:
            return start
        changes["leading_junk"] = 1
        at = _end_of_misc(text, following)
    return at


def _is_whole(text: str, start: int) -> bool:
    """Whether an element begins here that ends where the text ends: an OAI-PMH root within it is not the root."""
    name = _NAME.match(text, start)
    return name is not None and text[-4096:].rstrip().endswith(f"</{name[1]}>")


def _end_of_misc(text: str, at: int) -> int:
    """Where space, comments, processing instructions and the declaration end."""
    while found := _MISC.match(text, at):
        at = found.end()
    return at


def _with_prefixes(text: str, changes: Counter[str]) -> str:
    """Declare well-known namespace prefixes that are used and nowhere declared on the root."""
    root = _NAME.match(text)
    if root is None:
        return text
    added = ""
    for prefix, uri in _PREFIXES.items():
        used = rf"<{prefix}:|\s{prefix}:[A-Za-z]+\s{{0,9}}=\s{{0,9}}[\"']"
        # What is sought by its letters first is sought ten times as fast: most pages have few of the prefixes.
        if f"{prefix}:" in text and f"xmlns:{prefix}" not in text and re.search(used, text):
            changes["undeclared_prefix"] += 1
            added += f' xmlns:{prefix}="{uri}"'
    return text[: root.end()] + added + text[root.end() :]


def _outside_sections(text: str, changes: Counter[str]) -> str:
    """Mend references, but not in CDATA sections, comments and processing instructions, where & is itself."""
    if "&" not in text:
        return text
    parts: list[str] = []
    done = 0
    unclosed: set[str] = set()
    for opening in _OPENING.finditer(text):
        kind = opening[0]
        if opening.start() < done or kind in unclosed:
            continue
        end = text.find(_CLOSING[kind], opening.end())
        if end < 0:
            unclosed.add(kind)  # nor will any later one be closed: looking again would be quadratic
            continue
        end += len(_CLOSING[kind])
        parts += (_references(text[done : opening.start()], changes), text[opening.start() : end])
        done = end
    return "".join([*parts, _references(text[done:], changes)])


def _references(text: str, changes: Counter[str]) -> str:
    """In one pass, so that what stands where something was removed is never taken for a reference."""
    joined = -1

    def mended(match: re.Match[str]) -> str:
        nonlocal joined
        digits, following, name = match.groups()
        if digits is not None:
            if match.start() == joined:
                return ""
            pair = _pair(_code(digits), _code(following)) if following is not None else None
            if pair is None:
                return _numeric(match[0], _code(digits), changes)
            joined = match.end()
            changes["surrogate_pair_joined"] += 1
            return pair
        if name in _XML_NAMES:
            return match[0]
        if name is not None and name in html5:
            changes["html_entity"] += 1
            return html5[name].translate(_ESCAPES)
        changes["bare_ampersand"] += 1
        return "&amp;" + (name or "")

    return _REFERENCE.sub(mended, text) if "&" in text else text


def _pair(high: int, low: int) -> str | None:
    if 0xD800 <= high <= 0xDBFF and 0xDC00 <= low <= 0xDFFF:
        return chr(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))
    return None


def _numeric(reference: str, code: int, changes: Counter[str]) -> str:
    if code <= 0x10FFFF and not _NOT_CHAR.match(chr(code)):
        return reference
    changes["illegal_reference"] += 1
    return ""


def _code(digits: str) -> int:
    significant = digits.lstrip("x").lstrip("0") or "0"
    if len(significant) > 8:  # beyond Unicode's end; int() of a huge run of digits would be quadratic
        return 0x110000
    return int(significant, 16 if digits[0] == "x" else 10)
