"""Text: one line or plain paragraphs. NFC, no control characters, no markup, entities read once.

Pure. What was removed or repaired is said in `notes`; the order of the steps matters: entities may hide markup
and mojibake, and mojibake holds C1 controls that would be stripped.
"""

import re
import unicodedata
from html import unescape
from html.entities import html5

from harvester.entry import Problem

RAW_KEPT = 500  # characters of a text quoted in a problem
LONG = (
    1_000_000  # characters: beyond, blanks are collapsed without cutting the text into words, markup is left
)
MENDED_UP_TO = 20_000  # characters given to ftfy: it is thorough, not fast

_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});")
_BLANKS = "\t\x0b\x0c\r\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
_EMPTY_LINES = re.compile(r"\n{3,}")
_BLANK_CONTROL = re.compile(r"[\x0b\x0c\x85]")
# C0 and C1 but tab and newline, lone surrogates, the two non-characters that XML and Postgres tools refuse
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
# UTF-8 read as Latin-1 or cp1252: Ã, Â or â followed by what a continuation byte becomes
_MOJIBAKE = re.compile(
    r"[ÂÃ][\x80-\xbf]|â(?:[\x80-\xbf]{2}|[€‚„†‡ˆ‰‹Œ‘’“”•–—˜™›œž\xa0-\xbf][\x80-\xbf€‚„†‡ˆ‰‹Œ‘’“”•–—˜™›œž])"
)

# [^<>]* ends at the next bracket, so that no character is looked at more than a few times.
_TAG = re.compile(r"(</?[a-zA-Z][^<>]*>)")
_PARTS = re.compile(r"</?(?:[a-zA-Z]+:)?([a-zA-Z][a-zA-Z0-9-]*)(?:\s[^=]*=.*)?\s*/?>", re.DOTALL)

# Only elements that people write in titles and abstracts (HTML, JATS, MathML) are markup: "<LOD" and "a <b and c> d"
# are not.
_BLOCK = frozenset((
    "p", "br", "div", "ul", "ol", "h1", "h2", "h3", "h4", "h5", "h6", "table", "tr", "blockquote", "pre", "hr",
    "dl", "dt", "dd", "section", "article", "sec", "title", "list", "abstract", "center", "address", "header",
    "footer", "figure", "figcaption",
))  # fmt: skip
_ITEM = frozenset(("li", "list-item"))
_DROPPED = frozenset(("script", "style"))
_RAISED = frozenset(("sub", "sup"))
_INLINE = frozenset((
    "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "del", "dfn", "em", "font", "i", "img", "ins",
    "kbd", "label", "mark", "q", "s", "samp", "small", "span", "strike", "strong", "tt", "u", "var", "td", "th",
    "tbody", "thead", "wbr", "html", "body", "head", "meta", "link", "italic", "bold", "sc", "monospace",
    "underline", "roman", "inline-formula", "tex-math", "xref", "ext-link", "named-content", "alternatives", "math",
    "mi", "mn", "mo", "mrow", "msub", "msup", "msubsup", "mtext", "mstyle", "mfrac", "msqrt", "mover", "munder",
    "munderover", "mspace", "mfenced", "mtable", "mtr", "mtd", "mphantom", "mpadded", "semantics", "annotation",
    "prescripts", "scp",
))  # fmt: skip
_RAISABLE = re.compile(r"[0-9+\-−=()]{1,40}")
_RAISED_AS = {
    "sub": str.maketrans("0123456789+-−=()", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎"),
    "sup": str.maketrans("0123456789+-−=()", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾"),
}


def line(text: str, notes: list[Problem], field: str) -> str:
    """One line of text, "" where nothing is left."""
    # Most values need nothing; these five checks run in C and cost less than one pattern.
    if text.isascii() and text.isprintable() and "  " not in text and "&" not in text and "<" not in text:
        return text.strip()
    text = _readable(text, notes, field, block=" ")
    text = _tidy(text, notes, field)
    return " ".join(text.split()) if len(text) <= LONG else _collapsed(text.replace("\n", " "))


def plain(text: str, notes: list[Problem], field: str) -> str:
    """Paragraphs: newlines stay (at most one empty line in a row), blanks within a line are collapsed."""
    if text.isascii() and text.isprintable() and "  " not in text and "&" not in text and "<" not in text:
        return text.strip()
    text = _readable(text, notes, field, block="\n")
    text = _tidy(text, notes, field)
    if "\n" not in text and len(text) <= LONG:
        return " ".join(text.split())
    if len(text) > LONG:
        return _collapsed(text)
    lines = [" ".join(row.split()) for row in _EMPTY_LINES.sub("\n\n", text).split("\n")]
    return "\n".join(row for at, row in enumerate(lines) if row or (at and lines[at - 1])).strip()


def is_clean(xml: bytes) -> bool:
    """Whether no text of an XML document (canonical, so without CDATA) needs more than its ends stripped.

    One look at the whole is cheaper than one at each value. Entities come with "&"; of the controls, XML lets through
    only four (1.0, section 2.2), and canonical XML writes a carriage return as an entity.
    """
    return (
        xml.isascii()
        and b"&" not in xml
        and b"  " not in xml
        and b"\n" not in xml
        and b"\t" not in xml
        and b"\x7f" not in xml
    )


def may_have_controls(xml: bytes) -> bool:
    """Whether canonical XML may hold control characters in attributes: DEL, C1, or what it writes as `&#x9;`, `&#xA;`, `&#xD;`."""
    return b"\xc2" in xml or b"\x7f" in xml or (b"&" in xml and b"&#x" in xml)


def without_markup(text: str, *, block: str) -> str:
    """Real tags removed; `block` stands for a block element. "p < 0.05" survives."""
    pieces = _TAG.split(
        _without_comments(text) if "<!--" in text else text
    )  # words, tag, words, tag, …, words
    names: dict[str, str] = {}
    for at in range(1, len(pieces), 2):
        tag = pieces[at]
        name = names.get(tag)
        if name is None:
            name = names[tag] = _element(tag)
        if name in _BLOCK:
            pieces[at] = block
        elif name in _ITEM:
            pieces[at] = "\n- " if block == "\n" and not tag.startswith("</") else block.strip("\n")
        elif name in _RAISED and not tag.startswith("</"):
            pieces[at], pieces[at + 1] = "", _raised(pieces[at + 1], name)
        elif name in _DROPPED and not tag.startswith("</"):
            pieces[at] = pieces[at + 1] = ""
        elif name:
            pieces[at] = ""
    return "".join(pieces)


def _element(tag: str) -> str:
    """The name of a tag that is markup, "" for what only looks like one."""
    match = _PARTS.fullmatch(tag)
    name = match[1].lower() if match else ""
    return (
        name
        if name in _INLINE or name in _BLOCK or name in _RAISED or name in _ITEM or name in _DROPPED
        else ""
    )


def excerpt(text: str) -> str:
    """A text for a problem that points at it; of a long one its beginning, and how long it is: so no loss is silent."""
    return _begun(text, len(text))


def _begun(start: str, length: int) -> str:
    return start if length <= RAW_KEPT else f"{start[:RAW_KEPT]}… ({length:,} characters)"


def without_controls(text: str) -> str:
    """An attribute's value with blanks for tabs and newlines (XML 1.0, 3.3.3), and no control characters."""
    return _CONTROL.sub(
        "", _BLANK_CONTROL.sub(" ", text.replace("\n", " ").replace("\r", " ").replace("\t", " "))
    )


def quoted(text: str) -> str:
    """The same of a text that was not tidied: its control characters are shown, and tabs become blanks."""
    start = text[: RAW_KEPT + 1].replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ")
    return _begun(_CONTROL.sub("�", _BLANK_CONTROL.sub(" ", start)), len(text))


def _raised(text: str, name: str) -> str:
    """10<sup>6</sup> must not become 106."""
    return text.translate(_RAISED_AS[name]) if _RAISABLE.fullmatch(text) else text


def _without_comments(text: str) -> str:
    """`<!--[if gte mso 9]>` and what follows it, as word processors leave behind."""
    kept, end = [], 0
    while (start := text.find("<!--", end)) >= 0 and (close := text.find("-->", start)) >= 0:
        kept.append(text[end:start])
        end = close + 3
    return "".join([*kept, text[end:]])


def _character(match: re.Match[str]) -> str:
    return html5.get(match[0][1:]) or unescape(match[0])


def _readable(text: str, notes: list[Problem], field: str, *, block: str) -> str:
    if "&" in text:
        text = _ENTITY.sub(_character, text)
    if ("â" in text or "Ã" in text or "Â" in text) and _MOJIBAKE.search(text):
        text = _mended(text, notes, field)
    if "<" in text and len(text) <= LONG:
        return without_markup(text, block=block)
    if "<" in text:
        notes.append(Problem(field, "too_long_for_markup", str(len(text))))
    return text


def _collapsed(text: str) -> str:
    """What split and join do, for texts whose words would fill the memory."""
    for blank in _BLANKS:
        text = text.replace(blank, " ")
    for run, short in (("  ", " "), ("\n ", "\n"), (" \n", "\n"), ("\n\n\n", "\n\n")):
        while run in text:
            text = text.replace(run, short)
    return text.strip()


def _mended(text: str, notes: list[Problem], field: str) -> str:
    """UTF-8 that was read as cp1252, as in figshare's `â€™`, set right where ftfy agrees that it is."""
    if len(text) > MENDED_UP_TO:
        notes.append(Problem(field, "mojibake_suspected", quoted(text)))
        return text
    from ftfy import fix_encoding  # noqa: PLC0415 - needed for few texts

    mended: str = fix_encoding(text)
    if mended != text:
        notes.append(Problem(field, "mojibake_repaired", quoted(text)))
    return mended


def _tidy(text: str, notes: list[Problem], field: str) -> str:
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    # Printable text, newlines and tabs apart, holds no control character and no surrogate.
    if not text.replace("\n", "").replace("\t", "").isprintable():
        text, removed = _CONTROL.subn("", _BLANK_CONTROL.sub(" ", text))
        if removed:
            notes.append(Problem(field, "control_characters", str(removed)))
    if not text.isascii() and not unicodedata.is_normalized("NFC", text):
        text = unicodedata.normalize("NFC", text)
    return text
