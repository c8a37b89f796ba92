"""Nobody makes us think for long: every reader of bytes takes time in proportion to their number."""

import contextlib
import time
from collections.abc import Callable

import pytest

from harvester.errors import HarvesterError, Retriable
from harvester.oai.answers import read_answer
from harvester.oai.datestamps import parse as parse_datestamp
from harvester.oai.parsing import end_of_misc
from harvester.oai.repair import repair
from harvester.oai.salvage import parse
from harvester.oai.slices import MOST_RECORDS

UNITS = [
    b"&", b"&#", b"&#1", b"&#x", b"&#55349;", b"&#0;", b"&a", b"&amp", b"&nbsp;", b"&;", b"#", b"1", b"&#1;&",
    b"<![CDATA[", b"<![CDATA[]]>", b"<![CDATA[]]>&", b"]]>", b"<!--", b"<!---->", b"<!---->&", b"-->", b"<?", b"<??>",
    b"<?xml ", b"encoding=\"a\" ", b"encoding ", b" ", b"\n", b"<", b"</", b"<a", b"<a:", b"<OAI-PMH", b"</OAI-PMH",
    b"</OAI-PMH ", b"</OAI-PMH>", b"<OAI-PMH>", b"</a:OAI-PMH", b"a:", b"a", b"xsi:", b" xsi:a", b" xsi:a ", b"<!DOCTYPE",
    b"<record", b"<record ", b"<record '", b"<record><header", b"<record><header>", b"<record/>", b"</record>", b"<header/>",
    b"<record><header/><b></record>", b"<resumptionToken>", b"<a xmlns:b='c'>", b"<identifier>", b"<error/>", b"'", b'"',
    b"\x00", b"\xe9", b"\xc3", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\xff\xfe", b"<\x00", b"<title>", b"<title> ",
]  # fmt: skip
LIST = b'<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/"><ListRecords>'
GOOD, BAD = b"<record><header/></record>", b"<record><header/><a></record>"
LIST_END = b"<resumptionToken>t</resumptionToken></ListRecords></OAI-PMH>"
READERS: dict[str, Callable[[bytes], object]] = {
    "repair": repair,
    "repair of a response": lambda body: repair(b'<?xml version="1.0"?><OAI-PMH>' + body),
    "repair after a notice": lambda body: repair(b"<br/>" + body + b"<OAI-PMH></OAI-PMH>"),
    "repair behind the root": lambda body: repair(b"<OAI-PMH></OAI-PMH>" + body),
    "a record that is broken": lambda body: parse(LIST + GOOD + BAD[:-9] + body + BAD[-9:] + GOOD + LIST_END),
    "a list with a broken record": lambda body: parse(LIST + BAD + body + GOOD + LIST_END),
    "the end of a list with a broken record": lambda body: parse(
        LIST + GOOD + BAD + LIST_END[:-24] + body + LIST_END[-24:]
    ),
    "what comes before the root": end_of_misc,
    "an answer that is none": lambda body: read_answer(200, {}, body),
    "an answer under 503": lambda body: read_answer(503, {}, b"<html>" + body + b"<OAI-PMH>"),
}


def seconds(reader: Callable[[bytes], object], body: bytes) -> float:
    began = time.process_time()
    with contextlib.suppress(HarvesterError):
        reader(body)
    return time.process_time() - began


@pytest.mark.measures_time
@pytest.mark.parametrize("name", READERS)
def test_ten_times_the_bytes_take_about_ten_times_the_time(name: str) -> None:
    reader = READERS[name]
    for unit in UNITS:
        small = unit * (10_000 // len(unit))
        shorter = min(seconds(reader, small) for _ in range(2))
        longer = seconds(reader, small * 10)
        if longer >= 20 * shorter + 0.05:  # once more: the machine may have been busy
            longer = seconds(reader, small * 10)
        assert longer < 20 * shorter + 0.05, unit  # slope 1.3; a quadratic reader needs 100 times as long


@pytest.mark.measures_time
@pytest.mark.parametrize(
    "unit", [b"&", b"&#", b"&#1;", b"<![CDATA[", b"<![CDATA[]]>&", b"<!--", b"<!---->", b"<?", b"\xe9", b"</OAI-PMH>"]
)  # fmt: skip
def test_a_million_characters_of_it_are_repaired_within_seconds(unit: bytes) -> None:
    assert seconds(repair, unit * (1_000_000 // len(unit))) < 3


@pytest.mark.measures_time
def test_a_datestamp_of_megabytes_is_none_and_is_not_kept_in_memory() -> None:
    for text in ("2024-05-31" + "0" * 1_000_000, "2024-05-31T10:00:00." + "1" * 1_000_000, "2024" * 250_000):
        began = time.process_time()
        assert parse_datestamp(text) is None
        assert time.process_time() - began < 0.1


@pytest.mark.measures_time
@pytest.mark.parametrize("unit", [b"<record><header>", b"<record><header/></record>"])
def test_eight_megabytes_of_records_are_refused_by_name_within_seconds(unit: bytes) -> None:
    body = LIST + BAD + unit * (8_000_000 // len(unit)) + LIST_END
    began = time.process_time()
    with pytest.raises(Retriable) as caught:
        parse(body)
    assert caught.value.reason == "malformed"
    assert time.process_time() - began < 4


@pytest.mark.measures_time
def test_a_list_as_long_as_it_may_be_is_taken_within_seconds() -> None:
    began = time.process_time()
    assert len(parse(LIST + BAD + GOOD * (MOST_RECORDS - 1) + LIST_END).broken) == 1
    assert time.process_time() - began < 8
