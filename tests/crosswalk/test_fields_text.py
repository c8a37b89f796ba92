"""Text survives: only markup, control characters and broken encodings go."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harvester.crosswalk.fields import text
from harvester.entry import Problem

ANYTHING = st.text(st.characters(exclude_categories=()), max_size=200)


@pytest.mark.parametrize(
    ("raw", "line", "plain"),
    [
        ("p < 0.05 and q > 3", "p < 0.05 and q > 3", "p < 0.05 and q > 3"),
        ("<LOD", "<LOD", "<LOD"),
        ("a <b and c> d", "a <b and c> d", "a <b and c> d"),
        ("x<y>z", "x<y>z", "x<y>z"),
        ("H<sub>2</sub>O", "H₂O", "H₂O"),
        ("10<sup>-3</sup>", "10⁻³", "10⁻³"),
        ("note<sup>a, b</sup>", "notea, b", "notea, b"),
        ("<p>One</p><p>Two</p>", "One Two", "One\n\nTwo"),
        ("<ul><li>a</li><li>b</li></ul>", "a b", "- a\n- b"),
        ('<a href="https://x.example.org">link</a>', "link", "link"),
        ("&lt;em&gt;x&lt;/em&gt;", "x", "x"),
        ("AT&T &copy=1", "AT&T &copy=1", "AT&T &copy=1"),
        ("a&nbsp;b &#8212; c &#x41;", "a b — c A", "a b — c A"),
        ("&amp;lt;", "&lt;", "&lt;"),
        ("one\n  two\r\n\r\n\r\nthree", "one two three", "one\ntwo\n\nthree"),
        ("e\u0301", "é", "é"),
        ("a\x00b\x07c\ud800d\ufffe", "abcd", "abcd"),
        ("a\x0cb\x85c", "a b c", "a b c"),
        ("donâ€™t", "don’t", "don’t"),
        ("isnâ\x80\x99t", "isn’t", "isn’t"),
        ("SÃO PAULO, LÃO, Â, â", "SÃO PAULO, LÃO, Â, â", "SÃO PAULO, LÃO, Â, â"),
        ("<script>alert(1)</script>x", "x", "x"),
        ("a<!-- b > c -->d <!-- e", "ad <!-- e", "ad <!-- e"),
        ("  ", "", ""),
    ],
)
def test_text_reads_as_its_author_meant(raw: str, line: str, plain: str) -> None:
    assert (text.line(raw, [], "titles"), text.plain(raw, [], "titles")) == (line, plain)


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ("donâ€™t", "mojibake_repaired"),
        ("a\x07", "control_characters"),
        ("Ã©" * 20_000, "mojibake_suspected"),
    ],
)
def test_a_repair_is_said(raw: str, code: str) -> None:
    notes: list[Problem] = []
    text.line(raw, notes, "titles")
    assert [(note.field, note.code) for note in notes] == [("titles", code)]


NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@given(ANYTHING)
def test_no_control_character_and_no_surrogate_is_left(raw: str) -> None:
    within_xml = NOT_IN_XML.sub("", raw)  # paragraphs come from elements only
    for clean in (text.line(raw, [], "titles"), text.plain(within_xml, [], "titles")):
        clean.encode("utf-8")
        assert not any(ord(sign) < 32 and sign not in "\n" for sign in clean)
        assert not {"\x7f", "\x85", "\ufffe", "\uffff"} & set(clean)
        assert clean == clean.strip()


@given(ANYTHING)
def test_a_line_is_one_line(raw: str) -> None:
    clean = text.line(raw, [], "titles")
    assert " ".join(clean.split()) == clean


@given(ANYTHING.map(lambda raw: raw.replace("&", "").replace("<", "")))
def test_cleaning_clean_text_changes_nothing(raw: str) -> None:
    # Entities are read once and tags cut once, by rule; all else is settled at the first pass.
    for clean in (text.line, text.plain):
        once = clean(raw, [], "titles")
        assert clean(once, [], "titles") == once


@given(st.text(st.characters(codec="ascii"), max_size=80))
def test_the_short_way_for_plain_ascii_gives_what_the_long_way_gives(raw: str) -> None:
    longer = raw + " é"  # not ASCII: takes the long way
    assert text.line(longer, [], "titles").removesuffix("é").strip() == text.line(raw, [], "titles")


@settings(max_examples=30, deadline=None)
@given(st.text(st.sampled_from("ab \n\t\r\xa0\u2003\x0b"), max_size=60))
def test_a_very_long_text_is_tidied_like_a_short_one(raw: str) -> None:
    short = (text.line(raw, [], "titles"), text.plain(raw, [], "descriptions"))
    filler = "x" * text.LONG
    long = (text.line(raw + filler, [], "titles"), text.plain(raw + filler, [], "descriptions"))
    assert tuple(each.removesuffix(filler).strip() for each in long) == short


def test_markup_in_a_very_long_text_is_left_and_told() -> None:
    notes: list[Problem] = []
    said = "<b>x</b> " + "y" * text.LONG
    assert text.line(said, notes, "titles") == said
    assert [note.code for note in notes] == ["too_long_for_markup"]


def test_every_blank_of_unicode_is_known() -> None:
    blanks = {chr(code) for code in range(0x110000) if chr(code).isspace()}
    assert set(text._BLANKS) == blanks - {" ", "\n"}
