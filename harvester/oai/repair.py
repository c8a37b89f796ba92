"""Byte repair, only after a strict parse has failed: exact to the XML 1.0 character production, counted, nothing guessed.

Never adds a tag: a cut page stays cut. Sanitisers elsewhere damage good text (tabs deleted, everything above U+FFFF
dropped); here tab, line feed, carriage return and the astral planes survive.
"""

import codecs
import re
from collections import Counter
from dataclasses import dataclass
from html.entities import html5

# XML 1.0, section 2.2: Char ::= #x9 | #xA | #xD | [#x20-#xD7FF] | [#xE000-#xFFFD] | [#x10000-#x10FFFF]
_NOT_CHAR = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_CDATA = re.compile(r"(<!\[CDATA\[.*?\]\]>)", re.DOTALL)
_SURROGATE_PAIR = re.compile(r"&#(x[0-9a-fA-F]{1,8}|\d{1,8});&#(x[0-9a-fA-F]{1,8}|\d{1,8});")
_REFERENCE = re.compile(r"&#(x[0-9a-fA-F]+|\d+);")
_AMPERSAND = re.compile(r"&(?!#(?:x[0-9a-fA-F]+|\d+);)([A-Za-z][A-Za-z0-9]{0,31};)?")
_XML_NAMES = frozenset({"amp;", "lt;", "gt;", "quot;", "apos;"})
_DECLARATION = re.compile(rb"\A\s*<\?xml[^>]*?encoding\s*=\s*[\"']([A-Za-z0-9._-]{1,40})[\"'][^>]*?\?>")
# Python's own codecs include quadratic (punycode) and code-like (unicode_escape) ones: only character sets of documents.
_CHARACTER_SET = re.compile(
    r"(?i)utf-?8|utf-?16(?:[bl]e)?|us-ascii|ascii|iso-?8859-\d{1,2}|latin-?\d|windows-125\d|cp125\d|koi8-[ru]|gb2312|gbk|gb18030"
    r"|big5|shift_jis|euc-(?:jp|kr)|iso-2022-jp|macintosh"
)
_ANY_DECLARATION = re.compile(r"\A\s*<\?xml[^>]*\?>")
_ROOT = re.compile(r"<(?:\?xml|(?:[A-Za-z_][\w.-]*:)?OAI-PMH)[\s>]")
_ROOT_END = re.compile(r"</(?:[A-Za-z_][\w.-]*:)?OAI-PMH\s*>")


@dataclass(frozen=True, slots=True)
class Repaired:
    """`body` is UTF-8 without an XML declaration; `changes` counts what was altered, by kind."""

    body: bytes
    changes: dict[str, int]


def repair(body: bytes) -> Repaired:
    """Decode by the ladder declared, UTF-8, windows-1252; cut what surrounds the root; mend characters and ampersands."""
    changes: Counter[str] = Counter()
    text = _root_only(_decode(body, changes), changes)
    text, removed = _NOT_CHAR.subn("", text)
    changes["illegal_character"] += removed
    parts = _CDATA.split(text)
    parts[::2] = [_references(part, changes) for part in parts[::2]]
    return Repaired("".join(parts).encode("utf-8"), {kind: count for kind, count in changes.items() if count})


def _decode(body: bytes, changes: Counter[str]) -> str:
    if body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return body.decode("utf-16", errors="replace")
    declared = _DECLARATION.match(body)
    named = declared[1].decode("ascii") if declared else ""
    for encoding in (named, "utf-8") if _CHARACTER_SET.fullmatch(named) else ("utf-8",):
        try:
            return body.decode(encoding)
        except UnicodeDecodeError:
            continue

    def windows_1252(error: UnicodeError) -> tuple[str, int]:
        if not isinstance(error, UnicodeDecodeError):
            raise error
        bad = error.object[error.start : error.end]
        changes["encoding_repaired"] += len(bad)
        return bad.decode("windows-1252", errors="replace"), error.end

    codecs.register_error("harvester.windows_1252", windows_1252)
    return body.decode("utf-8", errors="harvester.windows_1252")


def _root_only(text: str, changes: Counter[str]) -> str:
    start = _ROOT.search(text)
    if start is not None and text[: start.start()].strip("\ufeff \t\r\n"):
        changes["leading_junk"] += 1
    text = _ANY_DECLARATION.sub("", text[start.start() :] if start else text, count=1)
    end = None
    for end in _ROOT_END.finditer(text):  # noqa: B007 - the last one counts: metadata may nest a response
        pass
    if end is not None and text[end.end() :].strip():
        changes["trailing_garbage"] += 1
        text = text[: end.end()]
    return text


def _references(text: str, changes: Counter[str]) -> str:
    if "&" not in text:
        return text

    def number(digits: str) -> int:
        # Beyond Unicode's last code point in any case; int() of a huge run of digits would be quadratic.
        if len(digits) > 12:
            return 0x110000
        return int(digits[1:], 16) if digits[0] == "x" else int(digits)

    def pair(match: re.Match[str]) -> str:
        high, low = number(match[1]), number(match[2])
        if 0xD800 <= high <= 0xDBFF and 0xDC00 <= low <= 0xDFFF:
            changes["surrogate_pair_joined"] += 1
            return chr(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))
        return match[0]

    def reference(match: re.Match[str]) -> str:
        code = number(match[1])
        if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF or _NOT_CHAR.match(chr(code)):
            changes["illegal_reference"] += 1
            return ""
        return match[0]

    def ampersand(match: re.Match[str]) -> str:
        name = match[1]
        if name in _XML_NAMES:
            return match[0]
        if name is not None and name in html5:
            changes["html_entity"] += 1
            return html5[name].replace("&", "&amp;").replace("<", "&lt;")
        changes["bare_ampersand"] += 1
        return "&amp;" + (name or "")

    return _AMPERSAND.sub(ampersand, _REFERENCE.sub(reference, _SURROGATE_PAIR.sub(pair, text)))
