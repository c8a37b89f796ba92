"""Bytes to one tree: what is refused, how soon, and that a cut page is never a page."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from oai_pages import NOW, answer, dc, page, record

from harvester.errors import Refused, RepositoryError, Retriable
from harvester.oai.answers import read_answer
from harvester.oai.page import read_page
from harvester.oai.parsing import Malformed, strict
from harvester.oai.salvage import parse

LOLS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
BILLION_LAUGHS = f'<!DOCTYPE OAI-PMH [<!ENTITY l0 "lol">{LOLS}]><OAI-PMH>&l9;</OAI-PMH>'
QUADRATIC = f'<!DOCTYPE OAI-PMH [<!ENTITY a "{"a" * 50_000}">]><OAI-PMH>{"&a;" * 50_000}</OAI-PMH>'
EXTERNAL = '<!DOCTYPE OAI-PMH [<!ENTITY x SYSTEM "{uri}">]><OAI-PMH>&x;</OAI-PMH>'
PARAMETER = '<!DOCTYPE OAI-PMH [<!ENTITY % x SYSTEM "{uri}">%x;]><OAI-PMH/>'
SUBSET = '<!DOCTYPE OAI-PMH SYSTEM "{uri}"><OAI-PMH/>'


@contextmanager
def quickly(milliseconds: float) -> Iterator[None]:
    """By the processor's time of this process, which neighbours on the machine do not change."""
    began = time.process_time()
    yield
    assert (time.process_time() - began) * 1000 < milliseconds


_watched: list[str] | None = None


def _audit(event: str, arguments: tuple[object, ...]) -> None:
    if _watched is not None and (event in {"open", "os.open"} or event.startswith(("socket.", "urllib."))):
        _watched.append(f"{event} {arguments[:1]}")


@pytest.fixture(scope="module")
def audited() -> None:
    """Audit hooks cannot be removed, so there is one, which `touching_nothing` switches."""
    sys.addaudithook(_audit)


@contextmanager
def touching_nothing() -> Iterator[None]:
    """Nothing is opened through Python; libxml2's own opening is seen by the files' access times and a listener."""
    global _watched  # noqa: PLW0603 - an audit hook sees nothing but globals
    _watched = seen = []
    try:
        yield
    finally:
        _watched = None
    assert seen == []


def _unread(path: Path) -> Path:
    path.write_text("<secret/>")
    os.utime(path, (0, path.stat().st_mtime))
    return path


@pytest.mark.measures_time
@pytest.mark.parametrize(
    "body",
    [
        b"<!DOCTYPE OAI-PMH><OAI-PMH/>",
        b"\xef\xbb\xbf<!DOCTYPE OAI-PMH><OAI-PMH/>",
        b'<?xml version="1.0"?>\n<!-- a > b --><!-- --><!DOCTYPE OAI-PMH><OAI-PMH/>',
        b"<?style a > b ?><!DOCTYPE OAI-PMH><OAI-PMH/>",
        b" \n\t<!DOCTYPE OAI-PMH><OAI-PMH/>",
        '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE OAI-PMH><OAI-PMH/>'.encode("utf-16"),
        '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE OAI-PMH><OAI-PMH/>'.encode("utf-16-be"),
        BILLION_LAUGHS.encode(),
        BILLION_LAUGHS.encode("utf-16"),
        QUADRATIC.encode(),
    ],
)
def test_a_document_type_declaration_is_refused_at_once_however_it_hides(body: bytes) -> None:
    with quickly(100), pytest.raises(Refused) as caught:
        parse(body)
    assert caught.value.reason == "doctype"


@pytest.mark.measures_time
def test_a_document_type_declaration_of_an_ill_formed_answer_is_refused_too_and_never_expanded() -> None:
    for text in (BILLION_LAUGHS, QUADRATIC):
        for encoding in ("utf-8", "utf-16"):
            body = text.replace("</OAI-PMH>", "& \x01</OAI-PMH>").encode(encoding)
            with quickly(200), pytest.raises(Refused):
                parse(body)
    behind_junk = b"<br/>notice " + BILLION_LAUGHS.encode()
    with quickly(100), pytest.raises(Retriable):
        parse(behind_junk)


def test_metadata_may_speak_of_document_types_in_a_cdata_section() -> None:
    root = strict(page(record(metadata="<x><![CDATA[<!DOCTYPE html><p>]]></x>")))
    assert root.findtext(".//{*}x") == "<!DOCTYPE html><p>"


@pytest.mark.parametrize("template", [EXTERNAL, PARAMETER, SUBSET])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.usefixtures("audited")
def test_external_entities_open_no_file_and_no_socket(template: str, encoding: str, tmp_path: Path) -> None:
    secret, control = _unread(tmp_path / "secret"), _unread(tmp_path / "control")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        for uri in (secret.as_uri(), f"http://127.0.0.1:{listener.getsockname()[1]}/secret"):
            with touching_nothing(), pytest.raises(Refused):
                parse(template.format(uri=uri).encode(encoding))
        with pytest.raises(BlockingIOError):
            listener.accept()
    control.read_text()
    if control.stat().st_atime:  # else this file system does not tell
        assert secret.stat().st_atime == 0


@pytest.mark.measures_time
@pytest.mark.usefixtures("audited")
def test_xinclude_and_stylesheets_are_ignored() -> None:
    include = (
        '<i:include xmlns:i="http://www.w3.org/2001/XInclude" href="file:///etc/hostname" parse="text"/>'
    )
    style = b'<?xml-stylesheet type="text/xsl" href="http://127.0.0.1:9/x.xsl"?>'
    body = page(record(metadata=include)).replace(b"<OAI-PMH", style + b"<OAI-PMH", 1)
    with quickly(100), touching_nothing():
        root = strict(body)
        read = read_page(root, "ListRecords", NOW).records[0]
    assert read.metadata is not None
    assert read.metadata.tag.endswith("include")


HUGE = {
    "a text node over 10 MB": "b'<a>' + b'x' * 11_000_000 + b'</a>'",
    "an attribute over 10 MB": "b'<a b=\"' + b'x' * 11_000_000 + b'\"/>'",
    "depth 10000": "b'<a>' * 10_000 + b'</a>' * 10_000",
    "100000 attributes, one twice": "b'<a ' + b' '.join(b'a%d=\"1\"' % i for i in range(100_000)) + b' a5=\"2\"/>'",
    "100000 attributes": "b'<a ' + b' '.join(b'a%d=\"1\"' % i for i in range(100_000)) + b'/>'",
    "2 MB of blanks": "b' ' * 2_000_000 + b'<a>'",
    "comments only": "b'<!---->' * 300_000",
}
MEASURE = """
import sys, time
from pathlib import Path
from harvester.errors import RepositoryError
from harvester.oai.salvage import parse
def peak():
    lines = Path('/proc/self/status').read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith('VmHWM')))
body = {body}
before, began = peak(), time.process_time()
try:
    parse(body)
    print('parsed', end=' ')
except RepositoryError as error:
    print(error.reason, end=' ')
print(time.process_time() - began, (peak() - before) // 1024)
"""


@pytest.mark.measures_time
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="peak memory is read from /proc")
@pytest.mark.parametrize("name", HUGE)
def test_huge_input_costs_less_than_a_second_and_100_mb(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", MEASURE.format(body=HUGE[name])], capture_output=True, text=True, check=True
    )
    reason, seconds, megabytes = done.stdout.split()
    assert reason == ("parsed" if name == "100000 attributes" else "malformed")
    assert float(seconds) < 1
    assert int(megabytes) < 100


def _whole_pages() -> dict[str, bytes]:
    nested = page(record("oai:inner:1"), token="", declared=False).decode()
    two = (record("oai:x:1"), record("oai:x:2"))
    return {
        "with a token": page(*two, token="t|2"),
        "the last": page(*two, token=""),
        "without a token element": page(*two),
        "another response inside": page(record(metadata=nested), record("oai:x:2"), token="t"),
        "another response in a cdata section": page(
            record(metadata=f"<x><![CDATA[{nested}]]></x>"), record("oai:x:2"), token="t"
        ),
        "in need of repair": page(record(metadata=dc("R&D \x01 &nbsp; caf\u00e9")), *two, token="t"),
        "utf-16": page(*two, token="t").decode().replace("UTF-8", "UTF-16").encode("utf-16"),
        "an error": answer('<error code="noRecordsMatch">none</error>'),
    }


@pytest.mark.parametrize("name", _whole_pages())
def test_a_page_cut_at_any_byte_is_an_error_and_never_the_end_of_a_list(name: str) -> None:
    body = _whole_pages()[name]
    assert read_page(read_answer(200, {}, body).root, "ListRecords", NOW).response_date
    ends = []
    for length in range(len(body)):
        try:
            root = read_answer(200, {}, body[:length]).root
            ends.append((length, read_page(root, "ListRecords", NOW)))
        except RepositoryError:
            continue
    assert ends == []


@pytest.mark.parametrize("tail", [b"<br />\n<b>Fatal error</b>: Out of memory", b"</OAI-PMH>", b"\x00" * 9])
def test_a_page_that_breaks_off_with_a_message_is_no_page_either(tail: bytes) -> None:
    body = page(record("oai:x:1"), record("oai:x:2"), token="t|2")
    whole = body.index(b"</ListRecords>") + len(b"</ListRecords>")
    for length in range(len(body) - len(b"</OAI-PMH>")):
        try:
            root = read_answer(200, {}, body[:length] + tail).root
            read = read_page(root, "ListRecords", NOW)
        except RepositoryError:
            continue
        assert length >= whole
        assert read.token is not None
        assert len(read.records) == 2


def test_the_sentence_says_where_the_answer_breaks_off() -> None:
    with pytest.raises(Malformed, match="line 2"):
        strict(page(record())[:-20])
    with pytest.raises(Retriable, match=r"may have been cut") as caught:
        parse(page(record())[:-20])
    assert caught.value.reason == "malformed"


@pytest.mark.parametrize(
    "body", [b"", b" ", b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"<", b"&", b"<?xml", b"<!--"]
)
def test_next_to_nothing_is_an_error(body: bytes) -> None:
    with pytest.raises(Retriable):
        parse(body)
