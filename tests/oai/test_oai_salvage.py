"""A page with records that are not well-formed: the others come, the broken ones are kept, and no list ends by it."""

import random
import re
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oai_pages import DC_NS, NOW, OAI_DC_NS, OAI_NS, dc, header, page, record
from scripted_server import ScriptedServer, in_turn

from harvester.errors import RepositoryError, Retriable
from harvester.oai.answers import read_answer
from harvester.oai.canonical import canonical
from harvester.oai.documents import read_document
from harvester.oai.page import LONGEST_IDENTIFIER, read_page
from harvester.oai.parsing import Malformed, strict
from harvester.oai.records import Broken, Page, Record
from harvester.oai.repair import repair
from harvester.oai.repository import Repository
from harvester.oai.salvage import LARGEST_RECORD, MOST_BROKEN, parse
from harvester.oai.slices import MOST_RECORDS

Ask = Callable[..., Repository]
Serve = Callable[..., ScriptedServer]
MARC = "http://www.loc.gov/MARC21/slim"
ONE, TWO, THREE = record("oai:x:1"), record("oai:x:2"), record("oai:x:3", dc("Drei"))
MISMATCH = record("oai:x:2", "<a><b></a>")


def read(body: bytes, verb: str = "ListRecords") -> Page:
    parsed = read_answer(200, {}, body)
    return read_page(parsed.root, verb, NOW, broken=parsed.broken)


def reason_of(body: bytes) -> str | None:
    try:
        read(body)
    except RepositoryError as error:
        return error.reason
    return None


def names(found: Page) -> tuple[list[str], list[str | None]]:
    return [each.header.identifier for each in found.records], [each.identifier for each in found.broken]


def assert_raw_is_where_it_says(found: Page, body: bytes) -> None:
    for each in found.broken:
        assert each.position is not None
        assert body[each.position : each.position + len(each.raw)] == each.raw


# What is wrong with the second of three records; the first and the third are well.
DAMAGES = {
    "tags that do not match": MISMATCH,
    "a tag that is not closed": record("oai:x:2", "<a><br>"),
    "an end tag too many": record("oai:x:2", "<a></b></a>"),
    "an unescaped less-than sign": record("oai:x:2", dc("p < 0.05")),
    "an attribute without quotes": record("oai:x:2", "<a b=c/>"),
    "an attribute that is cut": record("oai:x:2", "<a b='c/>"),
    "an attribute twice": record("oai:x:2", "<a b='1' b='2'/>"),
    "a prefix nobody declared": record("oai:x:2", "<what:ever/>"),
    "a namespace that is no URI": record("oai:x:2", "<a xmlns:b='http://w3.o rg/'/>"),
    "a comment without an end": record("oai:x:2", "<a><!-- b</a>"),
    "a comment with two hyphens": record("oai:x:2", "<a><!-- b -- c --></a>"),
    "a CDATA section without an end": record("oai:x:2", "<a><![CDATA[ b</a>"),
    "the end of a CDATA section in text": record("oai:x:2", "<a> ]]> </a>"),
    "an instruction without an end": record("oai:x:2", "<a><?php b</a>"),
    "a declaration in the metadata": record("oai:x:2", "<?xml version='1.0'?><a/>"),
    "a document type in the metadata": record("oai:x:2", "<!DOCTYPE html><a/>"),
    "no end of the record": TWO.removesuffix("</record>"),
    "no end of metadata and record": TWO.removesuffix("</metadata></record>"),
    "cut in its metadata": TWO[:-60],
    "cut in a tag": TWO[: TWO.index("<dc:title") + 6],
    "cut in its header": TWO[:30] + "</identifier>",
    "a MARC record without an end": record("oai:x:2", f'<record xmlns="{MARC}"><leader/>'),
    "a MARC record closed twice": record("oai:x:2", f'<record xmlns="{MARC}"><leader/></record></record>'),
    "a MARC record with a prefix and no end": record("oai:x:2", f'<marc:record xmlns:marc="{MARC}">'),
    "nested deeper than a parser goes": record("oai:x:2", "<a>" * 300 + "</a>" * 300),
    "a wrong end of its header": TWO.replace("</header>", "</haeder>"),
    "a wrong end of its identifier": TWO.replace("</identifier>", "</identifer>"),
    "a notice in it": TWO.replace("<metadata>", "<br>Notice: undefined index<metadata>"),
}
WITHOUT_A_NAME = {"cut in its header", "a wrong end of its identifier"}


@pytest.mark.parametrize("token", ["t|2", "", None])
@pytest.mark.parametrize("damage", DAMAGES)
def test_one_broken_record_costs_its_page_that_record_and_nothing_else(
    damage: str, token: str | None
) -> None:
    body = page(ONE, DAMAGES[damage], THREE, token=token)
    found = read(body)
    whole = read(page(ONE, THREE, token=token))
    assert names(found)[0] == ["oai:x:1", "oai:x:3"]
    assert (found.token, found.ending, found.response_date) == (
        whole.token,
        whole.ending,
        whole.response_date,
    )
    for each, true in zip(found.records, whole.records, strict=True):
        assert canonical(each.metadata) == canonical(true.metadata)  # type: ignore[arg-type]
    name = None if damage in WITHOUT_A_NAME else "oai:x:2"
    assert [(each.reason, each.raw.decode(), each.identifier) for each in found.broken] == [
        ("malformed_record", DAMAGES[damage], name)
    ]
    assert_raw_is_where_it_says(found, body)


# Between records, or around what used to be one: the whole records, and what is put aside.
BETWEEN = {
    "an end tag too many": (TWO + "</record>", ["oai:x:1", "oai:x:2", "oai:x:3"], "</record>"),
    "a notice that is no XML": (
        TWO + "<br>\nNotice: x<br>\n",
        ["oai:x:1", "oai:x:2", "oai:x:3"],
        "<br>\nNotice: x<br>\n",
    ),
    "a start tag that is damaged": (
        TWO.replace("<record>", "<recrd>"),
        ["oai:x:1", "oai:x:3"],
        TWO.replace("<record>", "<recrd>"),
    ),
    "a header that is damaged": (
        TWO.replace("<header>", "<haeder>"),
        ["oai:x:1", "oai:x:3"],
        TWO.replace("<header>", "<haeder>"),
    ),
    "half a record": (TWO[40:], ["oai:x:1", "oai:x:3"], TWO[40:]),
    "a comment without an end": (TWO + "<!-- x", ["oai:x:1", "oai:x:2", "oai:x:3"], "<!-- x"),
}


@pytest.mark.parametrize("token", ["t|2", "", None])
@pytest.mark.parametrize("damage", BETWEEN)
def test_what_stands_between_records_is_put_aside_and_the_record_before_it_stays(
    damage: str, token: str | None
) -> None:
    text, kept, aside = BETWEEN[damage]
    body = page(ONE, text, THREE, token=token)
    found = read(body)
    assert names(found)[0] == kept
    assert [each.raw.decode() for each in found.broken] == [aside]
    assert_raw_is_where_it_says(found, body)
    assert found.ending == read(page(ONE, THREE, token=token)).ending


@pytest.mark.parametrize("token", ["t|2", "", None])
@pytest.mark.parametrize("broken", [(0,), (1,), (2,), (0, 1), (1, 2), (0, 2), (0, 1, 2)])
def test_any_of_the_records_may_be_broken_and_all_of_them(broken: tuple[int, ...], token: str | None) -> None:
    items = [
        record(f"oai:x:{at}", f"<a>{at}</b>" if at in broken else f"<a>{at}</a>") + "\n  " for at in range(3)
    ]
    body = page(*items, token=token)
    found = read(body)
    assert names(found)[0] == [f"oai:x:{at}" for at in range(3) if at not in broken]
    assert names(found)[1] == [f"oai:x:{at}" for at in broken]
    assert [each.raw.decode() for each in found.broken] == [items[at].strip() for at in broken]
    assert_raw_is_where_it_says(found, body)
    assert found.ending == {"t|2": None, "": "empty_token", None: "no_token"}[token]
    assert (found.token.text if found.token else None) == (token or None)


# ---- what must stay malformed: the end of the list would be a guess
def _lost_ends() -> dict[str, bytes]:
    whole = page(ONE, MISMATCH, token="t|2")
    last = page(ONE, MISMATCH)
    return {
        "no end of the root": whole.removesuffix(b"</OAI-PMH>"),
        "no end of the list": whole.replace(b"</ListRecords>", b""),
        "two ends of the list": whole.replace(b"</ListRecords>", b"</ListRecords></ListRecords>"),
        "an end of another list": whole.replace(b"</ListRecords>", b"</ListIdentifiers>"),
        "the token's start tag": whole.replace(b"<resumptionToken>", b"<resumptionTken>"),
        "the token's start tag, cut": whole.replace(b"<resumptionToken>", b"<resump"),
        "the token's end tag": whole.replace(b"</resumptionToken>", b"</resumptionTken>"),
        "the token's start tag, and the last record is whole": page(ONE, MISMATCH, THREE, token="t").replace(
            b"<resumptionToken>", b"<resumptionTken>"
        ),
        "both tags of the token": whole.replace(b"<resumptionToken>", b"<esumptionToken>").replace(
            b"</resumptionToken>", b"</umptionToken>"
        ),
        "both tags of the token, which reads as text": page(
            ONE, MISMATCH, "&sumptionToken>t&gt;/resumptionToken>"
        ),
        "both tags of the token, after a whole record": page(
            ONE, MISMATCH, THREE, "&sumptionToken>t&gt;/resumptionToken>"
        ),
        "both tags of a token beside the list": page(ONE, MISMATCH).replace(
            b"</OAI-PMH>", b"&resumptionToken>t&gt;/resumptionToken></OAI-PMH>"
        ),
        "a notice at the end, and no token": page(ONE, MISMATCH, "<br/>Fatal error"),
        "the token in a comment": whole.replace(b"<resumptionToken>", b"<!-- <resumptionToken>").replace(
            b"</resumptionToken>", b"</resumptionToken> -->"
        ),
        "the token in the midst of a record": page(ONE, TWO[:60], token="t").replace(
            b"</ListRecords>", THREE.encode() + b"</ListRecords>"
        ),
        "two tokens": page(ONE, MISMATCH, "<resumptionToken>a</resumptionToken>", token="b"),
        "a token inside a record": page(
            ONE, record("oai:x:2", "<a><b><resumptionToken>u</resumptionToken></a>"), THREE, token=""
        ),
        "the last record cut, and no token": page(ONE, TWO[:-40]),
        "the last record's end, and no token": page(ONE, TWO.removesuffix("</record>")),
        "something after the last record, and no token": page(ONE, MISMATCH, THREE, "<br>Fatal error"),
        "the tail": whole.replace(b"</ListRecords>", b"</ListRecords><br>"),
        "the head": whole.replace(b"</responseDate>", b"</respDate>"),
        "no start of any record": last.replace(b"<record>", b"<rcord>"),
        "an error in a record": page(
            ONE, record("oai:x:2", '<a><b><error code="x">no</error></a>'), token="t"
        ),
        "a list that is wrapped": page(ONE, MISMATCH, token="t")
        .replace(b"<ListRecords>", b"<x><ListRecords>")
        .replace(b"</ListRecords>", b"</ListRecords></x>"),
        "another verb": page(ONE, MISMATCH, verb="ListSets"),
    }


@pytest.mark.parametrize("name", _lost_ends())
def test_nothing_is_salvaged_where_the_end_of_the_list_would_be_a_guess(name: str) -> None:
    with pytest.raises(Retriable) as caught:
        read(_lost_ends()[name])
    assert caught.value.reason == "malformed"


def test_a_salvaged_page_that_is_cut_at_any_byte_is_malformed() -> None:
    body = page(ONE, MISMATCH, THREE, token="t|2")
    assert read(body).token is not None
    for length in range(len(body)):
        assert reason_of(body[:length]) in ("malformed", "not_oai", "empty_body"), length
        assert reason_of(body[:length] + b"</OAI-PMH>") is not None or length >= body.index(b"</OAI-PMH>")


@pytest.mark.parametrize("place", [0, 1, 2])
def test_an_error_in_the_list_is_told_although_a_record_is_broken(place: int) -> None:
    items = [ONE, MISMATCH]
    items.insert(place, '<error code="InternalException">Read timed out</error>')
    assert reason_of(page(*items, token="t")) == "oai_error"
    assert reason_of(page(*items, THREE)) == "oai_error"
    assert reason_of(page(*items)) == ("oai_error" if place < 2 else "malformed")


@pytest.mark.parametrize("place", [0, 1, 2])
def test_notices_in_well_formed_html_are_passed_over_as_in_any_page(place: int) -> None:
    notice = "<br />\n<b>Notice</b>: Undefined index in <b>/var/www/Dc.php</b><br />\n"
    for broken in (MISMATCH, TWO[:-60]):
        items = [ONE, broken, THREE]
        items.insert(place, notice)
        assert names(read(page(*items, notice, token="t"))) == (["oai:x:1", "oai:x:3"], ["oai:x:2"])


# ---- records inside records
def _inner(*inside: str, token: str = "") -> str:
    return page(*inside, token=token, declared=False).decode()


MARC_RECORD = f'<record xmlns="{MARC}"><leader>0</leader><header>0</header></record>'
HARMLESS = {
    "MARC records": record("oai:x:1", f"<collection>{MARC_RECORD}{MARC_RECORD}</collection>"),
    "a MARC record with a prefix": record("oai:x:1", f'<m:record xmlns:m="{MARC}"><m:leader/></m:record>'),
    "an empty record": record("oai:x:1", f'<record xmlns="{MARC}"/>'),
    "a comment that ends a record": record("oai:x:1", "<a><!-- </record> --></a>"),
    "a section that ends a record": record("oai:x:1", "<a><![CDATA[</record> & <record>]]></a>"),
    "an attribute that ends a record": record("oai:x:1", '<a b="/> > &lt;record>"/>'),
}


@pytest.mark.parametrize("name", HARMLESS)
def test_what_only_looks_like_a_record_is_metadata(name: str) -> None:
    found = read(page(HARMLESS[name], MISMATCH, HARMLESS[name], token="t"))
    assert names(found) == (["oai:x:1", "oai:x:1"], ["oai:x:2"])
    (true,) = read(page(HARMLESS[name])).records
    assert {canonical(each.metadata) for each in found.records} == {canonical(true.metadata)}  # type: ignore[arg-type,type-var]


RECORD_IN_RECORD = "<x>" + record("oai:inner:1") + record("oai:inner:2") + record("oai:inner:3") + "</x>"
PHANTOMS = {
    "a response": record("oai:x:1", _inner(record("oai:inner:1"), record("oai:inner:2"), token="u")),
    "a response in a section": record(
        "oai:x:1", f"<a><![CDATA[{_inner(record('oai:inner:1'), record('oai:inner:2'))}]]></a>"
    ),
    "records": record("oai:x:1", RECORD_IN_RECORD),
    "records in a section": record("oai:x:1", f"<a><![CDATA[{RECORD_IN_RECORD}]]></a>"),
    "records in a comment": record("oai:x:1", f"<a><!-- {RECORD_IN_RECORD} --></a>"),
    "records commented out": f"{ONE}<!-- {record('oai:inner:1')}{record('oai:inner:2')} -->",
    "a record commented out": f"{ONE}<!-- {record('oai:inner:1')} -->",
    "a record in a wrapper": f"<y>{record('oai:inner:1')}</y>",
}


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("name", PHANTOMS)
def test_a_record_inside_another_or_in_a_comment_is_never_taken_for_one_of_the_list(
    name: str, place: int
) -> None:
    items = [MISMATCH, THREE]
    items.insert(place, PHANTOMS[name])
    for body in (page(*items, token="t"), page(*items)):
        if (reason := reason_of(body)) is None:
            assert not [each for each in names(read(body))[0] if "inner" in each]
        else:
            assert reason == "malformed"


# ---- verbs, prefixes, namespaces
@pytest.mark.parametrize("token", ["t", None])
def test_headers_are_salvaged_like_records(token: str | None) -> None:
    broken = header("oai:x:2").replace("</setSpec>", "")
    body = page(header("oai:x:1"), broken, header("oai:x:3"), token=token, verb="ListIdentifiers")
    found = read(body, "ListIdentifiers")
    assert names(found) == (["oai:x:1", "oai:x:3"], ["oai:x:2"])
    assert found.broken[0].raw.decode() == broken
    assert_raw_is_where_it_says(found, body)


def test_headers_that_are_wrapped_in_records_are_salvaged_too() -> None:
    items = [f"<record>{header(f'oai:x:{at}')}</record>" for at in range(3)]
    items[1] = items[1].replace("</datestamp>", "")
    found = read(page(*items, token="t", verb="ListIdentifiers"), "ListIdentifiers")
    assert names(found) == (["oai:x:0", "oai:x:2"], ["oai:x:1"])


def test_an_empty_header_is_an_item_too() -> None:
    body = page(
        "<header/>", header("oai:x:1") + "<", "<header status='deleted'/>", token="t", verb="ListIdentifiers"
    )
    found = read(body, "ListIdentifiers")
    assert [each.reason for each in found.broken] == ["malformed_record", "no_identifier", "no_identifier"]
    assert names(found)[0] == ["oai:x:1"]


def test_a_single_record_that_is_broken_is_a_page_without_records() -> None:
    found = read(page(MISMATCH, verb="GetRecord"), "GetRecord")
    assert names(found) == ([], ["oai:x:2"])


def test_prefixes_and_the_namespaces_of_root_and_list_are_in_force_in_every_record() -> None:
    one, two, three = (
        f"<o:record><o:header><o:identifier>oai:x:{at}</o:identifier></o:header><o:metadata>"
        f'<oai_dc:dc><dc:title>{at}</dc:title><x xmlns:q="urn:q" q:a="1"/>{wrong}</oai_dc:dc></o:metadata></o:record>'
        for at, wrong in ((1, ""), (2, "</dc:title>"), (3, ""))
    )
    text = (
        f'<o:OAI-PMH xmlns:o="{OAI_NS}" xmlns:dc="{DC_NS}" xmlns="urn:default"><o:responseDate/>'
        f'<o:ListRecords xmlns:oai_dc="{OAI_DC_NS}" xmlns:r="urn:&amp;r">{{}}</o:ListRecords></o:OAI-PMH>'
    )
    found = read(text.format(one + two + three).encode())
    assert names(found) == (["oai:x:1", "oai:x:3"], ["oai:x:2"])
    true = read(text.format(one + three).encode())
    assert [canonical(each.metadata) for each in found.records] == [  # type: ignore[arg-type]
        canonical(each.metadata)  # type: ignore[arg-type]
        for each in true.records
    ]


def test_broken_records_come_with_those_that_are_well_formed_and_cannot_be_taken() -> None:
    found = read(page(record("oai:x:1", ""), MISMATCH, THREE, token="t"))
    assert [(each.reason, each.identifier) for each in found.broken] == [
        ("malformed_record", "oai:x:2"),
        ("empty_metadata", "oai:x:1"),
    ]


# ---- sizes
def _huge() -> dict[str, tuple[str, str]]:
    return {
        "a text over 10 MB": (record("oai:x:2", f"<a>{'x' * 11_000_000}</a>"), "record_too_large"),
        "an attribute over 10 MB": (record("oai:x:2", f"<a b='{'x' * 11_000_000}'/>"), "record_too_large"),
        "depth 10000": (record("oai:x:2", "<a>" * 10_000 + "</a>" * 10_000), "malformed_record"),
        "100000 attributes, one twice": (
            record("oai:x:2", "<a " + " ".join(f"a{at}=''" for at in range(100_000)) + " a5=''/>"),
            "malformed_record",
        ),
        "many elements, not closed": (
            record("oai:x:2", "<a>x</a>" * (LARGEST_RECORD // 8) + "<a>"),
            "record_too_large",
        ),
    }


@pytest.mark.parametrize("name", _huge())
def test_a_record_that_no_parser_takes_is_put_aside_whole_and_its_neighbours_come(name: str) -> None:
    text, reason = _huge()[name]
    body = page(ONE, text, THREE, token="t")
    found = read(body)
    assert names(found) == (["oai:x:1", "oai:x:3"], ["oai:x:2"])
    assert found.broken[0].reason == reason
    assert found.broken[0].raw == text.encode()
    assert_raw_is_where_it_says(found, body)


def test_a_record_as_deep_as_a_page_may_be_is_none_the_worse_for_a_broken_neighbour() -> None:
    for depth in range(245, 258):
        deep = record("oai:x:1", "<a>" * depth + "</a>" * depth)
        alone = [
            each.header.identifier for each in (read(page(deep)).records if _well_formed(page(deep)) else ())
        ]
        assert names(read(page(deep, MISMATCH, token="t")))[0] == alone


def _well_formed(body: bytes) -> bool:
    try:
        strict(body)
    except Malformed:
        return False
    return True


def test_lists_of_more_records_than_any_page_has_are_refused_by_name() -> None:
    empty = "<record><header/></record>"
    assert reason_of(page(empty * MOST_RECORDS, MISMATCH, token="t")) == "malformed"
    assert reason_of(page(MISMATCH * (MOST_BROKEN + 1), token="t")) == "malformed"
    found = read(page(MISMATCH * MOST_BROKEN, ONE, token="t"))
    assert (len(found.records), len(found.broken)) == (1, MOST_BROKEN)


def test_a_root_with_a_million_namespaces_is_not_repeated_around_every_record() -> None:
    root = "".join(f' xmlns:n{at}="urn:n"' for at in range(2000))
    assert reason_of(page(ONE * 2000, MISMATCH, token="t", root=root)) == "malformed"
    assert names(read(page(ONE, MISMATCH, token="t", root=root)))[0] == ["oai:x:1"]


# ---- where it was
REPAIRED = {
    "a bare ampersand before it": (record("oai:x:1", dc("R&D")), "utf-8"),
    "entities before it": (record("oai:x:1", dc("&nbsp;&eacute;&copy;")), "utf-8"),
    "control characters before it": (record("oai:x:1", dc("\x01\x0b\x00")), "utf-8"),
    "a reference to no character before it": (record("oai:x:1", dc("&#0;&#xD835;&#xDC00;")), "utf-8"),
    "another character set": (record("oai:x:1", dc("\u00c4rger")), "iso-8859-1"),
    "utf-16": (record("oai:x:1", dc("\u00c4rger \U0001d400")), "utf-16"),
    "utf-16 without a mark, repaired": (record("oai:x:1", dc("R&D \U0001d400")), "utf-16-be"),
}


@pytest.mark.parametrize("before", ["", "\n<br>Notice: <x>\n"])
@pytest.mark.parametrize("name", REPAIRED)
def test_the_raw_bytes_and_their_place_are_those_that_came_whatever_was_repaired(
    name: str, before: str
) -> None:
    first, codec = REPAIRED[name]
    broken = record("oai:x:2", "<a>R&D &\x01amp; &nbsp;&lpar;&what; &#0;&lt; &amp;amp; \u00e9\x02</b>")
    text = (
        page(first, broken, THREE, MISMATCH, token="t")
        .decode()
        .replace("UTF-8", codec.rpartition("-be")[0] or codec)
    )
    if before and codec.startswith("utf-16"):
        return  # what it is told by must come first
    body = (before + text).encode(codec)
    found = read(body)
    assert names(found) == (["oai:x:1", "oai:x:3"], ["oai:x:2", "oai:x:2"])
    wide = "utf-16-le" if codec == "utf-16" else codec
    assert [each.raw.decode(wide) for each in found.broken] == [broken, MISMATCH]
    assert_raw_is_where_it_says(found, body)


def test_bytes_that_are_not_utf_8_are_kept_as_they_came() -> None:
    broken = record("oai:x:2", "<a>caf@</b>").encode().replace(b"@", b"\xe9")
    body = page("@", THREE, token="t").replace(b"@", broken)
    found = read(body)
    assert [each.raw for each in found.broken] == [broken]
    assert_raw_is_where_it_says(found, body)


def test_where_repair_has_made_a_record_of_what_was_none_no_place_is_told() -> None:
    body = page(ONE, MISMATCH.replace("<record>", "<rec\x01ord>"), THREE, token="t")
    found = read(body)
    assert names(found) == (["oai:x:1", "oai:x:3"], ["oai:x:2"])
    assert (found.broken[0].raw.decode(), found.broken[0].position) == (MISMATCH, None)


# ---- its name
@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("<identifier>oai:x:2</identifier>", "oai:x:2"),
        ("\n <identifier a='b'>\n oai:x:2 \n</identifier >", "oai:x:2"),
        ("<identifier>a&amp;b&lt;c&#x20;d&quot;</identifier>", 'a&b<c d"'),
        ("<identifier>a&b</identifier>", "a&b"),
        ("<datestamp>2024</datestamp><identifier>oai:x:2</identifier>", "oai:x:2"),
        ("<identifier></identifier>", None),
        ("<identifier> </identifier>", None),
        ("<identifier><b>oai:x:2</b></identifier>", None),
        ("<identifier>oai:x:2</dc:identifier>", None),
        (f"<identifier>{'x' * LONGEST_IDENTIFIER}</identifier>", "x" * LONGEST_IDENTIFIER),
        (f"<identifier>{'x' * (LONGEST_IDENTIFIER + 1)}</identifier>", None),
        (f"<identifier>{'x' * 10_000}</identifier>", None),
        ("<datestamp>2024</datestamp>", None),
    ],
)
def test_a_broken_record_is_named_by_its_header_and_by_nothing_else(
    written: str, expected: str | None
) -> None:
    inside = '<r xmlns="urn:r"><identifier>10.5072/x</identifier><b></r>'
    text = f"<record><header>{written}</header><metadata>{inside}</metadata></record>"
    assert names(read(page(ONE, text, token="t")))[1] == [expected]


# ---- who gets it
def test_a_file_with_a_broken_record_gives_the_others_and_tells_of_it() -> None:
    found = read_document(page(ONE, MISMATCH, THREE), NOW)
    assert [type(each) for each in found.records] == [Record, Record, Broken]
    assert (found.format, found.repairs) == ("oai_dc", {})
    found = read_document(page(record("oai:x:1", dc("R&D")), MISMATCH), NOW)
    assert found.repairs == {"bare_ampersand": 1}


def test_a_walk_goes_on_after_a_page_with_a_broken_record(ask: Ask, serve: Serve) -> None:
    server = serve(in_turn(page(record("oai:x:1", dc("R&D")), MISMATCH, token="t 1"), page(THREE)))
    first, second = ask(server.url).pages(metadataPrefix="oai_dc")
    assert names(first) == (["oai:x:1"], ["oai:x:2"])
    assert first.repairs == {"bare_ampersand": 1}
    assert names(second) == (["oai:x:3"], [])
    assert [target.partition("?")[2] for target in server.targets][1:] == [
        "verb=ListRecords&resumptionToken=t%201"
    ]


@pytest.mark.parametrize("status", [200, 422, 500])
def test_a_salvaged_answer_counts_under_any_status(status: int) -> None:
    assert len(read_answer(status, {}, page(ONE, MISMATCH, token="t")).broken) == 1


def test_a_page_that_is_well_formed_is_not_looked_at_record_by_record() -> None:
    parsed = parse(page(ONE, TWO))
    assert (parsed.repaired, parsed.broken) == (None, ())


# ---- anything at all
PIECES = [
    "<", ">", "&", "</a>", "<a>", "</record>", "<record>", "<header>", "</header>", "<metadata>", "</metadata>", "<!--", "-->",
    "<![CDATA[", "]]>", "<?", "?>", "\x01", "&nbsp;", "'", '"', "/", " ", "<error/>", "<dc:title>", " xmlns=''", "<br/>", "x" * 200,
]  # fmt: skip
TITLES = ["<![CDATA[a & b]]>", "<!-- c -->d", "e &amp; f", "&#x41;", "g <i>h</i>", "R&D"]


@st.composite
def spoiled(draw: st.DrawFn) -> tuple[list[str], str | None]:
    """Records, in most of which something was changed inside their own tags, and a token."""
    items = [
        record(f"oai:x:{at}", dc(draw(st.sampled_from(TITLES)))) for at in range(draw(st.integers(1, 5)))
    ]
    for _ in range(draw(st.integers(1, 4))):
        which = draw(st.integers(0, len(items) - 1))
        text = items[which]
        at = draw(
            st.integers(len("<record><header>"), max(len("<record><header>"), len(text) - len("</record>")))
        )
        gone = draw(st.sampled_from([0, 0, 1, 2, 40]))
        end = min(at + gone, max(at, len(text) - len("</record>")))
        items[which] = text[:at] + draw(st.sampled_from([*PIECES, ""])) + text[end:]
    return items, draw(st.sampled_from(["t|2", "", None]))


Reading = tuple[str, bytes | None]


def readings_of(found: Page) -> list[Reading | bytes]:
    """The records with what they say, then the raw bytes of the broken ones."""
    kept = [
        (each.header.identifier, None if each.metadata is None else canonical(each.metadata))
        for each in found.records
    ]
    return [*kept, *(each.raw for each in found.broken)]


def alone(item: str) -> Reading | bytes | None:
    """What a record says by itself, read as a page of its own, up to its end; None where it is not well-formed."""
    for end in re.finditer("</record>", item):
        try:
            root = strict(repair(page(item[: end.end()])).body)
            found = readings_of(read_page(root, "ListRecords", NOW))
        except (Malformed, RepositoryError):
            continue
        return found[0] if len(found) == 1 else None
    return None


@settings(max_examples=400, deadline=None)
@given(spoiled())
def test_each_record_is_as_it_reads_by_itself_or_put_aside_or_the_page_is_an_error(
    drawn: tuple[list[str], str | None],
) -> None:
    items, token = drawn
    body = page(*items, token=token)
    try:
        parsed = read_answer(200, {}, body)
        found = read_page(parsed.root, "ListRecords", NOW, broken=parsed.broken)
    except RepositoryError:
        return
    assert found.ending == {"t|2": None, "": "empty_token", None: "no_token"}[token]
    if not parsed.broken or any(len(re.findall(r"<record>\s*<header", item)) > 1 for item in items):
        return  # as strictly read, or repaired, as ever; or with more records than were written
    told, expected = readings_of(found), [alone(item) for item in items]
    rest = iter(expected)
    for each in told[: len(found.records)]:
        assert each in rest, "a record that reads otherwise than by itself, or out of its order"
    aside = b"".join(each.raw for each in found.broken).decode()
    for item, reading in zip(items, expected, strict=True):
        name = re.search("<identifier>[^<]*</identifier>", item)  # of a record that is put aside in two parts
        assert reading in told or item in aside or (name and name[0] in aside)
    assert len(told) >= len(items)


@pytest.mark.parametrize("seed", range(3))
def test_bytes_changed_anywhere_never_lose_a_token_and_never_a_record_in_silence(seed: int) -> None:
    chance = random.Random(seed)
    whole = page(ONE, MISMATCH, THREE, *(record(f"oai:x:{at}") for at in range(4, 8)), token="t|2")
    salvaged = 0
    for _ in range(1500):
        at = chance.randrange(whole.index(b"<responseDate"), whole.index(b"</OAI-PMH>"))
        gone = chance.choice((0, 1, 1, 3, 30))
        body = whole[:at] + chance.choice(PIECES).encode() * chance.choice((0, 1)) + whole[at + gone :]
        if re.search(rb"<resumptionToken>\s*</resumptionToken>", body):
            continue  # no reader could know that it was longer
        try:
            found = read(body)
        except RepositoryError:
            continue
        salvaged += 1
        assert found.ending is None, body
        heard = b"".join(each.raw for each in found.broken).decode(errors="replace")
        for identifier in re.findall("<identifier>(oai:x:[0-9])</identifier>", body.decode(errors="replace")):
            assert identifier in names(found)[0] or f"<identifier>{identifier}</identifier>" in heard, body
    assert salvaged > 500
