"""Text: one line or plain paragraphs. NFC, no control characters, no markup, entities read once.

Pure. What was removed or repaired is said in `notes`; the order of the steps matters: entities may hide markup
and mojibake, and mojibake holds C1 controls that would be stripped.
"""

import re
import unicodedata
from html import unescape

from harvester.entry import Problem

RAW_KEPT = 500  # characters of a text quoted in a problem, where the text itself is kept elsewhere
MENDED_UP_TO = 20_000  # characters given to ftfy: it is thorough, not fast

_ASCII_CONTROLS = bytes(range(0x20)) + b"\x7f"
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});")
_BLANK_CONTROL = re.compile(r"[\x0b\x0c\x85]")
# C0 and C1 but tab and newline, lone surrogates, the two non-characters that XML and Postgres tools refuse
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
# UTF-8 read as Latin-1 or cp1252: Ã, Â or â followed by what a continuation byte becomes
_MOJIBAKE = re.compile(
    r"[ÂÃ][\x80-\xbf]|â(?:[\x80-\xbf]{2}|[€‚„†‡ˆ‰‹Œ‘’“”•–—˜™›œž\xa0-\xbf][\x80-\xbf€‚„†‡ˆ‰‹Œ‘’“”•–—˜™›œž])"
)

# Only elements that people write in titles and abstracts are markup: "a <b and c> d" and "<LOD" are not.
# [^<>]* ends at the next bracket, so that no pattern here looks at a character more than a few times.
_ATTRIBUTES = r"(?:\s[^<>]*=[^<>]*)?\s*/?>"
_SCRIPT = re.compile(rf"<(script|style)\b{_ATTRIBUTES}[^<]*</\1\s*>", re.IGNORECASE)
_RAISED = re.compile(r"<((?:jats:)?su[bp])\s*>([^<>]{1,40})</\1\s*>", re.IGNORECASE)
_ITEM = re.compile(rf"<(?:jats:)?(?:li|list-item)\b{_ATTRIBUTES}", re.IGNORECASE)
_BLOCK = re.compile(
    r"</?(?:jats:)?(?:p|br|div|ul|ol|h[1-6]|table|tr|blockquote|pre|hr|dl|dt|dd|section|article|sec|title|list"
    rf"|abstract|center|address|header|footer|figure|figcaption)\b{_ATTRIBUTES}|</(?:jats:)?(?:li|list-item)\s*>",
    re.IGNORECASE,
)
_INLINE = re.compile(
    r"</?(?:jats:|mml:|m:)?(?:a|abbr|acronym|b|bdi|bdo|big|cite|code|del|dfn|em|font|i|img|ins|kbd|label|mark|q|s"
    r"|samp|small|span|strike|strong|sub|sup|tt|u|var|td|th|tbody|thead|wbr|html|body|head|meta|link|script|style"
    r"|italic|bold|sc|monospace|underline|roman|inline-formula|tex-math|xref|ext-link|named-content|alternatives"
    r"|math|mi|mn|mo|mrow|msub|msup|msubsup|mtext|mstyle|mfrac|msqrt|mover|munder|munderover|mspace|mfenced"
    rf"|mtable|mtr|mtd|mphantom|mpadded|semantics|annotation|none|prescripts|mmultiscripts|inf|scp)\b{_ATTRIBUTES}",
    re.IGNORECASE,
)
_RAISED_AS = {
    "sub": str.maketrans("0123456789+-−=()", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎"),
    "sup": str.maketrans("0123456789+-−=()ni", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ⁿⁱ"),
}


def line(text: str, notes: list[Problem], field: str) -> str:
    """One line of text, "" where nothing is left."""
    # Most values need nothing; these five checks run in C and cost less than one pattern.
    if text.isascii() and text.isprintable() and "  " not in text and "&" not in text and "<" not in text:
        return text.strip()
    text = _readable(text, notes, field)
    if "<" in text:
        text = without_markup(text, block=" ")
    return " ".join(_tidy(text, notes, field).split())


def plain(text: str, notes: list[Problem], field: str) -> str:
    """Paragraphs: newlines stay (at most one empty line in a row), blanks within a line are collapsed."""
    clean = text.isascii() and "&" not in text and "<" not in text and "  " not in text
    # On a long text three times as fast as isprintable() (measured)
    if clean and len(text.encode().translate(None, _ASCII_CONTROLS)) == len(text):
        return text.strip()
    text = _readable(text, notes, field)
    if "<" in text:
        text = without_markup(text, block="\n")
    text = _tidy(text, notes, field)
    if "\n" not in text:
        return " ".join(text.split())
    lines = [" ".join(row.split()) for row in text.split("\n")]
    return "\n".join(row for at, row in enumerate(lines) if row or (at and lines[at - 1])).strip()


def without_markup(text: str, *, block: str) -> str:
    """Real tags removed; `block` stands for a block element. "p < 0.05" survives."""
    text = _SCRIPT.sub(" ", text)
    text = _RAISED.sub(_raised, text)
    text = _BLOCK.sub(block, _ITEM.sub("\n- " if block == "\n" else " ", text))
    return _INLINE.sub("", text)


def excerpt(text: str) -> str:
    """The beginning of a text, for a problem that points at it."""
    return text if len(text) <= RAW_KEPT else text[:RAW_KEPT] + "…"


def _raised(match: re.Match[str]) -> str:
    """10<sup>6</sup> must not become 106."""
    written = match[2].translate(_RAISED_AS[match[1].lower()[-3:]])
    return written if all(not sign.isascii() for sign in written) else match[2]


def _readable(text: str, notes: list[Problem], field: str) -> str:
    if "&" in text:
        text = _ENTITY.sub(lambda match: unescape(match[0]), text)
    if ("â" in text or "Ã" in text or "Â" in text) and _MOJIBAKE.search(text):
        text = _mended(text, notes, field)
    return text


def _mended(text: str, notes: list[Problem], field: str) -> str:
    """UTF-8 that was read as cp1252, as in figshare's `â€™`, set right where ftfy agrees that it is."""
    if len(text) > MENDED_UP_TO:
        notes.append(Problem(field, "mojibake_suspected", excerpt(text)))
        return text
    from ftfy import fix_encoding  # noqa: PLC0415 - needed for few texts

    mended: str = fix_encoding(text)
    if mended != text:
        notes.append(Problem(field, "mojibake_repaired", excerpt(_CONTROL.sub("�", text))))
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
