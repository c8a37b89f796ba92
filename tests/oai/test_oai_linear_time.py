"""Nobody makes us think for long: every reader of bytes takes time in proportion to their number."""

import contextlib
import time
from collections.abc import Callable

import pytest

from harvester.errors import HarvesterError
from harvester.oai.answers import read_answer
from harvester.oai.datestamps import parse as parse_datestamp
from harvester.oai.parsing import end_of_misc
from harvester.oai.repair import repair

UNITS = [
    b"&", b"&#", b"&#1", b"&#x", b"&#55349;", b"&#0;", b"&a", b"&amp", b"&nbsp;", b"&;", b"#", b"1", b"&#1;&",
    b"<![CDATA[", b"<![CDATA[]]>", b"<![CDATA[]]>&", b"]]>", b"<!--", b"<!---->", b"<!---->&", b"-->", b"<?", b"<??>",
    b"<?xml ", b"encoding=\"a\" ", b"encoding ", b" ", b"\n", b"<", b"</", b"<a", b"<a:", b"<OAI-PMH", b"</OAI-PMH",
    b"</OAI-PMH ", b"</OAI-PMH>", b"<OAI-PMH>", b"</a:OAI-PMH", b"a:", b"a", b"xsi:", b" xsi:a", b" xsi:a ", b"<!DOCTYPE",
    b"\x00", b"\xe9", b"\xc3", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\xff\xfe", b"<\x00", b"<title>", b"<title> ",
]  # fmt: skip
READERS: dict[str, Callable[[bytes], object]] = {
    "repair": repair,
    "repair of a response": lambda body: repair(b'<?xml version="1.0"?><OAI-PMH>' + body),
    "repair after a notice": lambda body: repair(b"<br/>" + body + b"<OAI-PMH></OAI-PMH>"),
    "repair behind the root": lambda body: repair(b"<OAI-PMH></OAI-PMH>" + body),
    "what comes before the root": end_of_misc,
    "an answer that is none": lambda body: read_answer(200, {}, body),
    "an answer under 503": lambda body: read_answer(503, {}, b"<html>" + body + b"<OAI-PMH>"),
}


def seconds(reader: Callable[[bytes], object], body: bytes) -> float:
    began = time.process_time()
    with contextlib.suppress(HarvesterError):
        reader(body)
    return time.process_time() - began


@pytest.mark.parametrize("name", READERS)
def test_ten_times_the_bytes_take_about_ten_times_the_time(name: str) -> None:
    reader = READERS[name]
    for unit in UNITS:
        small = unit * (10_000 // len(unit))
        shorter = min(seconds(reader, small) for _ in range(2))
        longer = seconds(reader, small * 10)
        assert longer < 20 * shorter + 0.05, unit  # slope 1.3; a quadratic reader needs 100 times as long


@pytest.mark.parametrize(
    "unit", [b"&", b"&#", b"&#1;", b"<![CDATA[", b"<![CDATA[]]>&", b"<!--", b"<!---->", b"<?", b"\xe9", b"</OAI-PMH>"]
)  # fmt: skip
def test_a_million_characters_of_it_are_repaired_within_seconds(unit: bytes) -> None:
    assert seconds(repair, unit * (1_000_000 // len(unit))) < 3


def test_a_datestamp_of_megabytes_is_none_and_is_not_kept_in_memory() -> None:
    for text in ("2024-05-31" + "0" * 1_000_000, "2024-05-31T10:00:00." + "1" * 1_000_000, "2024" * 250_000):
        began = time.process_time()
        assert parse_datestamp(text) is None
        assert time.process_time() - began < 0.1
