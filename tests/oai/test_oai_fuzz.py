"""Bytes changed at random: a page or one of our errors, soon, and nothing else."""

import random
import time
from collections.abc import Callable

import pytest
from oai_pages import DECLARATION, NOW, answer, dc, error, header, page, record

from harvester.errors import RepositoryError
from harvester.oai.answers import read_answer
from harvester.oai.canonical import canonical
from harvester.oai.documents import read_document
from harvester.oai.page import read_page
from harvester.oai.records import Page

ROUNDS = 6000
SEEDS = [
    page(record("oai:x:1"), record("oai:x:2", dc("R&D &nbsp; \x01")), token="t|2"),
    page(
        record("oai:x:1", "<a>1</a><b>2</b>"), record("oai:x:2", ""), f"<record>{header()}</record>", token=""
    ),
    page(record("oai:x:1"), record("oai:x:2", "<a><b></a>"), record("oai:x:3"), token="t"),
    page(header("oai:x:1"), header("oai:x:2"), verb="ListIdentifiers", root=' xmlns:xsi="urn:x"'),
    answer(error("badArgument") + error("noRecordsMatch")),
    page(record("oai:x:1"), token="t").decode().replace("UTF-8", "UTF-16").encode("utf-16"),
    page(record(metadata="<x><![CDATA[<!DOCTYPE a>&]]><!-- & --><?php & ?></x>"), declared=False),
]
PIECES = [
    b"&", b"<", b">", b"\x00", b"\xff", b"&#0;", b"&#xD835;&#xDC00;", b"&nbsp;", b"]]>", b"<![CDATA[", b"<!--", b"-->", b"<?",
    b"<!DOCTYPE x [<!ENTITY a 'b'>]>", b"</OAI-PMH>", b"<OAI-PMH>", b"<record>", b"</record>", b"<resumptionToken>", b"<error/>",
    b" xmlns=''", b" xmlns:a='b'", b" a:b='c'", b"\xef\xbb\xbf", b"\xfe\xff", DECLARATION.encode(), b"encoding='zlib'", b"9" * 99,
]  # fmt: skip


def mutated(chance: random.Random, body: bytes) -> bytes:
    changed = bytearray(body)
    for _ in range(chance.choice((1, 1, 1, 2, 5))):
        at = chance.randrange(len(changed) + 1)
        match chance.randrange(5):
            case 0:
                changed[at:at] = chance.choice(PIECES)
            case 1:
                changed[at : at + 1] = bytes((chance.randrange(256),))
            case 2:
                del changed[at : at + chance.choice((1, 2, 30))]
            case 3:
                changed[at:at] = changed[at : at + chance.choice((5, 200))]
            case _:
                other = chance.choice(SEEDS)
                cut = chance.randrange(len(other))
                changed[at:at] = other[cut : cut + 60]
    return bytes(changed)


def use(page: Page) -> None:
    """What the rest of the harvester does with a page."""
    for each in page.records:
        each.header.identifier.encode()
        str(each.header.datestamp)
        if each.metadata is not None:
            canonical(each.metadata).decode()
    if page.token is not None:
        page.token.text.encode()
        assert page.token.expires_at is None or page.token.expires_at >= NOW
    assert (page.token is None) == (page.ending is not None)
    assert page.candidate_watermark.tzinfo is not None


def live(body: bytes, status: int) -> Page:
    parsed = read_answer(status, {}, body)
    verb = "ListIdentifiers" if b"ListIdentifiers" in body else "ListRecords"
    return read_page(parsed.root, verb, NOW, broken=parsed.broken)


def reason_of(read: Callable[[], object]) -> str | None:
    """None where it was read; any other exception than ours passes, and fails the test."""
    try:
        read()
    except RepositoryError as error:
        return error.reason
    return None


@pytest.mark.measures_time
@pytest.mark.parametrize("seed", range(4))
def test_changed_bytes_give_a_page_or_one_of_our_errors_within_a_second(seed: int) -> None:
    chance = random.Random(seed)
    pages = 0
    for turn in range(ROUNDS):
        body = mutated(chance, chance.choice(SEEDS))
        status = chance.choice((200, 200, 200, 403, 422, 503))
        began = time.process_time()
        pages += reason_of(lambda body=body, status=status: use(live(body, status))) is None
        reason_of(lambda body=body: read_document(body, NOW))
        assert time.process_time() - began < 1, (turn, body)
    assert pages > ROUNDS / 50  # else it is not pages that are changed
