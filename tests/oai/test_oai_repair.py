"""Byte repair: what it mends, what it counts, and above all what it leaves alone."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from oai_pages import NOW, page, record

from harvester.errors import Refused, Retriable
from harvester.oai.canonical import canonical
from harvester.oai.page import read_page
from harvester.oai.parsing import Malformed, strict
from harvester.oai.repair import repair
from harvester.oai.salvage import parse

ANY = st.characters(codec=None, exclude_categories=())
ILL_FORMED = "<broken> & </broken>"  # a bare ampersand, so that repair is needed


def is_char(character: str) -> bool:
    """XML 1.0, section 2.2, written a second time."""
    code = ord(character)
    return code in {9, 10, 13} or 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or code >= 0x10000


def text_of(xml: str | bytes) -> tuple[str, dict[str, int]]:
    """The text of `<t>` after a repair, and what was changed."""
    mended = repair(xml.encode() if isinstance(xml, str) else xml)
    return strict(mended.body).xpath("string(//*[local-name()='t'])"), mended.changes


@settings(max_examples=150, deadline=None)
@given(st.text(st.characters(codec="utf-8", exclude_characters="<&>\r"), min_size=1))
def test_every_legal_character_survives_and_every_other_vanishes_counted(text: str) -> None:
    kept, changes = text_of(f"<t>{text}</t>")
    assert kept == "".join(character for character in text if is_char(character))
    assert changes.get("illegal_character", 0) == sum(not is_char(character) for character in text)


def test_all_code_points_one_after_another() -> None:
    for start in range(0, 0x110000, 0x1000):
        block = [chr(code) for code in range(start, start + 0x1000) if not 0xD800 <= code <= 0xDFFF]
        block = [character for character in block if character not in "<&>\r"]
        kept, _ = text_of(f"<t>{''.join(block)}</t>")
        assert kept == "".join(filter(is_char, block)), hex(start)


@pytest.mark.parametrize("form", ["&#{};", "&#x{:x};", "&#x{:X};", "&#x{:08x};", "&#0000000000000{};"])
def test_numeric_references_survive_exactly_where_their_character_is_legal(form: str) -> None:
    codes = [*range(0x100), *range(0xD7F0, 0xE010), *range(0xFFF0, 0x10010), 0x10FFFF, 0x110000, 10**7]
    for code in codes:
        kept, changes = text_of(f"<t>{form.format(code)}</t>")
        legal = code <= 0x10FFFF and is_char(chr(code))
        assert kept == (chr(code) if legal else ""), hex(code)
        assert changes == ({} if legal else {"illegal_reference": 1})


@pytest.mark.parametrize(
    ("written", "read", "counted"),
    [
        ("&#xD835;&#xDC00;", "\U0001d400", {"surrogate_pair_joined": 1}),
        ("&#55349;&#56320;", "\U0001d400", {"surrogate_pair_joined": 1}),
        ("&#55349;", "", {"illegal_reference": 1}),
        ("&#56320;&#55349;", "", {"illegal_reference": 2}),
        ("&#55349;&#55349;&#56320;", "\U0001d400", {"illegal_reference": 1, "surrogate_pair_joined": 1}),
        ("&#55349;&#56320;&#56320;", "\U0001d400", {"illegal_reference": 1, "surrogate_pair_joined": 1}),
        ("&#55349;&#65;", "A", {"illegal_reference": 1}),
        ("&#55349; &#56320;", " ", {"illegal_reference": 2}),
        ("&#0;", "", {"illegal_reference": 1}),
        ("&#" + "9" * 5000 + ";", "", {"illegal_reference": 1}),
        ("AT&T", "AT&T", {"bare_ampersand": 1}),
        ("a & b", "a & b", {"bare_ampersand": 1}),
        ("?a=1&b=2&amp;c=3", "?a=1&b=2&c=3", {"bare_ampersand": 1}),
        ("&;&#;&#x;&#65", "&;&#;&#x;&#65", {"bare_ampersand": 4}),
        ("&#X41;", "&#X41;", {"bare_ampersand": 1}),
        ("&#\u0661;", "&#\u0661;", {"bare_ampersand": 1}),  # int() reads Arabic digits, XML does not
        ("&&#0;amp;", "&amp;", {"bare_ampersand": 1, "illegal_reference": 1}),
        ("&#&#0;0;", "&#0;", {"bare_ampersand": 1, "illegal_reference": 1}),
        ("caf&eacute;&nbsp;&hellip;", "caf\u00e9\u00a0\u2026", {"html_entity": 3}),
        ("&AMP;&LT;b&GT;]]&GT;&QUOT;", '&<b>]]>"', {"html_entity": 5}),
        ("&unknown; &Eacut;", "&unknown; &Eacut;", {"bare_ampersand": 2}),
        ("&lt;p&gt;&amp;amp;&quot;&apos;", "<p>&amp;\"'", {}),
        ("<![CDATA[a & b &#0; &nbsp;]]> & c", "a & b &#0; &nbsp; & c", {"bare_ampersand": 1}),
        ("<![CDATA[<!--]]>&<![CDATA[-->&]]>", "<!--&-->&", {"bare_ampersand": 1}),
        ("<!-- a & b <![CDATA[ -->&<!-- ]]> -->", "&", {"bare_ampersand": 1}),
        ("<?php & <!-- ?>&", "&", {"bare_ampersand": 1}),
        ("\x00a\x0bb\x1f\ufffe\uffff\x85", "ab\x85", {"illegal_character": 5}),
    ],
)
def test_references_and_ampersands(written: str, read: str, counted: dict[str, int]) -> None:
    assert text_of(f"<t>{written}</t>") == (read, counted)


def test_a_quotation_mark_from_an_html_entity_does_not_end_an_attribute() -> None:
    body = b'<t a="&QUOT;x&QUOT; &nbsp;&LT;"/>'
    assert strict(repair(body).body).get("a") == '"x" \u00a0<'


@pytest.mark.parametrize(
    ("body", "title", "counted"),
    [
        ('<?xml version="1.0" encoding="ISO-8859-1"?><t>Ä & Ö</t>'.encode("latin-1"), "Ä & Ö", {}),
        ('<?xml version="1.0" encoding="ISO_8859-1"?><t>Ä & Ö</t>'.encode("latin-1"), "Ä & Ö", {}),
        ("<?xml version='1.0' encoding='koi8-r'?><t>Ж & Ш</t>".encode("koi8-r"), "Ж & Ш", {}),
        ('<?xml version="1.0" encoding="Shift_JIS"?><t>漢 & 字</t>'.encode("shift-jis"), "漢 & 字", {}),
        (b"PHP notice\n" + "<?xml version='1.0' encoding='koi8-r'?><t>Ж&</t>".encode("koi8-r"), "Ж&", {"leading_junk": 1}),
        ("<?xml version='1.0' encoding='UTF-8'?><t>\u201cÄx\u201d</t>".encode("cp1252"), "\u201cÄx\u201d", {"wrong_encoding": 1, "encoding_repaired": 3}),
        (b"<t>caf\xe9 \xc3\xa9 \x81</t>", "café é \ufffd", {"encoding_repaired": 2}),
        ('<?xml version="1.0" encoding="UTF-16"?><t>Ä & Ж</t>'.encode(), "Ä & Ж", {}),
        ('<?xml version="1.0" encoding="us-ascii"?><t>Ä & Ж</t>'.encode(), "Ä & Ж", {"wrong_encoding": 1}),
        ('<?xml version="1.0" encoding="UTF-16"?><t>Ä & Ж</t>'.encode("utf-16"), "Ä & Ж", {}),
        ('<?xml version="1.0" encoding="UTF-16"?><t>Ä & Ж\U0001d400</t>'.encode("utf-16-le"), "Ä & Ж\U0001d400", {}),
        ('<?xml version="1.0" encoding="UTF-16"?><t>Ä & Ж</t>'.encode("utf-16-be"), "Ä & Ж", {}),
        (b"\xef\xbb\xbf" + '<?xml version="1.0" encoding="ISO-8859-1"?><t>Ä &</t>'.encode(), "Ä &", {}),
        ("<t>\ud800&</t>".encode("utf-16", "surrogatepass"), "\ufffd&", {"encoding_repaired": 1}),
        (b"<t>\xed\xa0\xb5&</t>", "í\u00a0µ&", {"encoding_repaired": 3}),
        ("<t><![CDATA[<?xml version='1.0' encoding='koi8-r'?>]]>Ä & Ö</t>".encode(), "<?xml version='1.0' encoding='koi8-r'?>Ä & Ö", {}),
    ],
)  # fmt: skip
def test_encodings(body: bytes, title: str, counted: dict[str, int]) -> None:
    read, changes = text_of(body)
    changes.pop("bare_ampersand", None)
    assert (read, changes) == (title, counted)


@pytest.mark.parametrize(
    "name", ["iso-8859-12", "iso-8859-99", "latin-0", "windows-1259", "cp1259", "punycode", "idna", "zlib", "bz2",
     "base64", "rot13", "unicode_escape", "raw_unicode_escape", "undefined", "mbcs", "utf-7", "utf-32", "x" * 40],
)  # fmt: skip
def test_a_declared_encoding_that_is_none_or_does_something_else_is_not_used(name: str) -> None:
    body = f'<?xml version="1.0" encoding="{name}"?>'.encode() + page(record(), declared=False)
    parsed = parse(body.replace(b"</dc:title>", b" & \\u0041 +AEE- \xe9</dc:title>"))
    root, repaired = parsed.root, parsed.repaired
    assert repaired is not None
    title = root.xpath("string(//*[local-name()='title'])")
    assert title == "Ärger & Söhne & \\u0041 +AEE- é"


NOTICE = "<br />\n<b>Notice</b>: Undefined index: from in <b>/var/www/oai.php</b> on line <b>7</b><br />\n"


@pytest.mark.parametrize(
    ("before", "after", "kinds"),
    [
        ("\ufeff", "", set()),
        ("\n\n \t", "", set()),
        ("\n\ufeff\n", "", set()),
        (NOTICE, "", {"leading_junk"}),
        ("garbage > < & \x00", "", {"leading_junk", "illegal_character"}),
        ("<!-- <OAI-PMH> is coming -->", "", set()),
        ("", NOTICE, {"trailing_garbage"}),
        ("\x00", "\x00\x00", {"illegal_character"}),
        ("", "0", {"trailing_garbage"}),
        ("", "<!-- 12 ms -->\n", set()),
        (NOTICE, NOTICE, {"leading_junk", "trailing_garbage"}),
    ],
)
@pytest.mark.parametrize("declared", [True, False])
def test_what_surrounds_the_root_is_cut(before: str, after: str, kinds: set[str], declared: bool) -> None:
    clean = page(record("oai:x:1"), record("oai:x:2", "<x>&</x>"), token="t", declared=declared)
    mended = repair(before.encode() + clean + after.encode())
    assert mended.changes.keys() - {"bare_ampersand"} == kinds
    read = read_page(strict(mended.body), "ListRecords", NOW)
    assert [each.header.identifier for each in read.records] == ["oai:x:1", "oai:x:2"]
    assert read.token is not None


def test_a_notice_between_declaration_and_root_is_cut() -> None:
    body = page(record(), token="t").replace(b"?>\n<OAI", b"?>\n" + NOTICE.encode() + b"<OAI")
    parsed = parse(body)
    root, repaired = parsed.root, parsed.repaired
    assert repaired is not None
    assert repaired.changes == {"leading_junk": 1}
    assert len(read_page(root, "ListRecords", NOW).records) == 1


def test_a_whole_document_that_mentions_a_response_is_not_cut_down_to_it() -> None:
    body = f"<mods>{page(record(), declared=False).decode()}<x>{ILL_FORMED}</x></mods>".encode()
    assert strict(repair(body).body).tag == "mods"


def test_two_responses_in_one_body_are_an_error() -> None:
    with pytest.raises(Retriable):
        parse(page(record("oai:x:1")) + page(record("oai:x:2")))


def test_prefixes_that_were_lost_with_the_root_are_declared_again_where_they_have_one_meaning() -> None:
    body = b'<record xsi:schemaLocation="a b"><dc:title>xsi: &amp; x</dc:title></record>'
    parsed = parse(body)
    root, repaired = parsed.root, parsed.repaired
    assert repaired is not None
    assert repaired.changes == {"undeclared_prefix": 2}
    assert root[0].tag == "{http://purl.org/dc/elements/1.1/}title"
    assert root.keys() == ["{http://www.w3.org/2001/XMLSchema-instance}schemaLocation"]
    with pytest.raises(Retriable):
        parse(b"<record><qdc:title/></record>")


NAMES = st.sampled_from(["a", "b", "{urn:x}c", "{urn:y}d", "OAI-PMH", "header"])
LEGAL = st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters="\ufffe\uffff")
TEXT = st.text(st.one_of(LEGAL, st.sampled_from("&<>\"'\t\n\r;#]-")), max_size=12)


@st.composite
def elements(draw: st.DrawFn, depth: int = 3) -> etree._Element:
    element = etree.Element(draw(NAMES))
    for name in draw(st.lists(NAMES, max_size=2, unique=True)):
        element.set(name, draw(TEXT))
    text = draw(TEXT)
    element.text = etree.CDATA(text) if draw(st.booleans()) and "]]>" not in text else text
    for _ in range(draw(st.integers(0, 3 if depth else 0))):
        kind = draw(st.sampled_from(["element", "element", "comment", "instruction"]))
        inner = draw(TEXT).replace("-", "").replace("?", "")
        if kind == "comment":
            element.append(etree.Comment(inner))
        elif kind == "instruction":
            element.append(etree.ProcessingInstruction("php", inner))
        else:
            element.append(draw(elements(depth - 1)))
        element[-1].tail = draw(TEXT)
    return element


@settings(max_examples=250, deadline=None)
@given(elements(), st.sampled_from(["utf-8", "utf-16", "iso-8859-1", "us-ascii"]), st.booleans())
def test_repair_leaves_what_a_well_formed_document_says(
    tree: etree._Element, encoding: str, declared: bool
) -> None:
    if not declared:
        encoding = "utf-8"
    body = etree.tostring(tree, encoding=encoding, xml_declaration=declared)
    mended = repair(body)
    assert canonical(strict(mended.body)) == canonical(strict(body))
    assert mended.changes == {}


PIECES = st.sampled_from(
    ["&", "#", "x", ";", "0", "9", "amp", "nbsp", "\x00", "\ufffe", "<![CDATA[", "]]>", "<!--", "-->", "<?", "?>",
     "<t>", "</t>", "<", ">", "<OAI-PMH>", "</OAI-PMH>", "<!DOCTYPE", "\ufeff", " ",
     "&#55349;", "&#56320;", "é", "\U0001d400", "dc:t", ' xsi:a="', '"']
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(["", '<?xml encoding="latin1"?>', "\ufeff<?xml version='1.0'?>\n"]),
    st.lists(st.lists(PIECES, max_size=6).map("".join), min_size=3, max_size=3),
    st.sampled_from(["t", "OAI-PMH"]),
    st.sampled_from(["utf-8", "latin-1", "utf-16"]),
)
def test_what_was_mended_is_left_alone_the_next_time(
    declaration: str, parts: list[str], root: str, encoding: str
) -> None:
    before, inside, after = parts
    body = f"{declaration}{before}<{root}>{inside}</{root}>{after}".encode(encoding, "replace")
    once = repair(body)
    try:
        strict(once.body)
    except (Malformed, Refused):
        return
    again = repair(once.body)
    assert again.body == once.body
    assert again.changes == {}


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_repaired_to_text_without_illegal_characters(body: bytes) -> None:
    text = repair(body).body.decode("utf-8")
    assert all(is_char(character) for character in text)
