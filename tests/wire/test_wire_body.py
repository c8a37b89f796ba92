"""Compression as it is met: announced or not, rightly or not, once or twice, honest or a bomb."""

import gzip
import random
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
import zstandard
from raw_server import PAGE, Talk, always, answer, chunked, once

from harvester.errors import RepositoryError, Retriable
from harvester.wire import Limits

ARGUMENTS = [("verb", "ListRecords")]
GZIP = gzip.compress(PAGE, mtime=0)  # what is drawn into the names of tests is the same in each process
ZLIB = zlib.compress(PAGE)
_raw = zlib.compressobj(wbits=-15)
RAW = _raw.compress(PAGE) + _raw.flush()
ZSTD = zstandard.compress(PAGE)
TWO_MEMBERS = gzip.compress(PAGE[:500], mtime=0) + gzip.compress(PAGE[500:], mtime=0)


@pytest.mark.parametrize(
    ("sent", "announced"),
    [
        (GZIP, "gzip"),
        (GZIP, "x-gzip"),
        (GZIP, "GZip"),
        (GZIP, ""),
        (GZIP, "identity"),
        (GZIP, "deflate"),
        (GZIP, "br"),
        (TWO_MEMBERS, "gzip"),
        (GZIP + b"\x00" * 10, "gzip"),
        (ZLIB, "deflate"),
        (ZLIB, "gzip"),
        (RAW, "deflate"),
        (ZSTD, "zstd"),
        (ZSTD + bytes(600), "zstd"),
        (PAGE, "gzip"),
        (PAGE, "x-gzip"),
        (PAGE, "deflate"),
        (PAGE, "zstd"),
        (PAGE, "br"),
        (PAGE, "utf-8"),
        (b"\xef\xbb\xbf\n" + PAGE, "gzip"),
        (PAGE.decode().encode("utf-16"), "gzip"),
        (b"", "gzip"),
        (b"", "deflate"),
    ],
)
def test_whatever_is_announced_the_page_is_read(server, client, sent, announced):
    repository = server(always(answer(sent, Content_Encoding=announced)))
    expected = PAGE if sent[:1] in (GZIP[:1], ZLIB[:1], RAW[:1], ZSTD[:1]) and sent != PAGE else sent
    page = client(repository).get(repository.url, ARGUMENTS)
    assert page.body == (PAGE if sent == RAW else expected)
    assert page.requests == 1


@pytest.mark.parametrize(
    ("sent", "announced"),
    [
        (GZIP[:-9], "gzip"),
        (GZIP[:-4] + b"abcd", "gzip"),
        (GZIP[:60] + b"\x00" * 20 + GZIP[80:], ""),
        (b"\x0b\x05\x80brotli, unasked", "br"),
        (b"\x99\x98\x97nonsense", "gzip"),
        (b"\x99\x98\x97nonsense", "deflate"),
        (ZSTD[:20] + b"\xff" * 20, "zstd"),
        (ZSTD[:4] + b"\xff" * 40, "zstd"),
    ],
)
def test_what_cannot_be_unpacked_is_asked_for_uncompressed_once(server, client, sent, announced):
    broken = answer(sent, Content_Encoding=announced)
    repository = server(always(broken, answer()))
    page = client(repository).get(repository.url, ARGUMENTS)
    assert (page.body, page.requests) == (PAGE, 2)
    assert [each.headers["accept-encoding"] for each in repository.requests] == ["gzip, deflate", "identity"]


def test_what_cannot_be_unpacked_twice_is_a_sentence(server, client):
    repository = server(always(answer(GZIP[:-9], Content_Encoding="gzip")))
    with pytest.raises(Retriable, match="cannot be unpacked") as caught:
        client(repository).get(repository.url, ARGUMENTS)
    assert caught.value.reason == "bad_compression"
    assert len(repository.requests) == 2


@pytest.mark.parametrize("offset", range(-4, 3))
def test_no_place_where_two_parts_of_a_gzip_meet_loses_the_second(server, client, offset):
    """Servers that compress in pieces send members one after another; we read 32 kB at a time."""
    filler = random.Random(0).randbytes(32 * 1024)
    first = next(
        packed
        for length in range(32_700, 32_780)
        if len(packed := gzip.compress(b"<!--" + filler[:length], mtime=0)) == 32 * 1024 + offset
    )
    second = gzip.compress(b"-->" + PAGE)
    repository = server(always(answer(first + second, Content_Encoding="gzip")))
    assert client(repository).get(repository.url, ARGUMENTS).body.endswith(b"-->" + PAGE)


def test_gzip_in_gzip_is_not_unpacked(server, client):
    repository = server(always(answer(gzip.compress(GZIP), Content_Encoding="gzip")))
    with pytest.raises(RepositoryError) as caught:
        client(repository).get(repository.url, ARGUMENTS)
    assert caught.value.reason == "nested_compression"
    assert not isinstance(caught.value, Retriable)


def test_a_cut_of_compressed_chunks_is_a_cut_not_bad_compression(server, client):
    cut = chunked(GZIP[:40], end=b"").replace(b"\r\n\r\n", b"\r\nContent-Encoding: gzip\r\n\r\n", 1)
    repository = server(once(cut))
    with pytest.raises(Retriable) as caught:
        client(repository).get(repository.url, ARGUMENTS)
    assert caught.value.reason == "truncated"
    assert len(repository.requests) == 1


def bomb(size: int, kind: str) -> bytes:
    """`size` bytes of zeros, packed without holding them."""
    packer = zstandard.ZstdCompressor().compressobj() if kind == "zstd" else zlib.compressobj(9, wbits=31)
    piece = bytes(2**20)
    return b"".join(packer.compress(piece) for _ in range(size // 2**20)) + packer.flush()


_MEASURE = """
import resource, sys
from harvester.errors import RepositoryError
from harvester.wire import Client, Patience
host = sys.argv[1]
with Client(contact=None, patience=Patience(), typed=[host]) as client:
    client.get(f"http://{host}/small", [])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        client.get(f"http://{host}/bomb", [])
    except RepositoryError as error:
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        print(error.reason, grown * (1 if sys.platform == "darwin" else 1024) // 2**20)
"""


@pytest.mark.parametrize("kind", ["gzip", "zstd"])
def test_a_bomb_of_200_mb_stops_under_50_mb_of_memory(server, kind):
    packed = answer(bomb(200 * 2**20, kind), Content_Encoding=kind)

    def script(talk: Talk) -> None:
        while request := talk.request():
            talk.send(packed if "bomb" in request.target else answer())

    repository = server(script)
    done = subprocess.run(
        [sys.executable, "-c", _MEASURE, repository.host],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    reason, megabytes = done.stdout.split()
    assert reason == "too_large"
    assert int(megabytes) < 50


def test_a_page_beyond_the_cap_is_left_unread(server, client):
    sent = []

    def script(talk: Talk) -> None:
        while talk.request():
            talk.send(b"HTTP/1.1 200 OK\r\n\r\n<OAI-PMH>")
            while talk.send(b"<record/>" * 10_000):
                sent.append(90_000)

    repository = server(script)
    asker = client(repository, limits=Limits(max_bytes=2**20))
    with pytest.raises(RepositoryError, match="smaller window") as caught:
        asker.get(repository.url, ARGUMENTS)
    assert caught.value.reason == "too_large"
    assert not isinstance(caught.value, Retriable)
    assert caught.value.evidence.excerpt.startswith("<OAI-PMH><record/>")
    assert sum(sent) < 20 * 2**20


def test_a_well_compressed_page_is_no_bomb(server, client):
    body = b"<OAI-PMH>" + b"".join(b"<header status='deleted'><identifier>oai:h:%d</identifier></header>" % n for n in range(40_000))  # fmt: skip
    repository = server(always(answer(gzip.compress(body), Content_Encoding="gzip")))
    assert client(repository).get(repository.url, ARGUMENTS).body == body


def test_a_page_of_exactly_the_cap_is_taken(server, client):
    body = b"x" * 2**20
    repository = server(always(answer(body)))
    limits = Limits(max_bytes=2**20)
    assert client(repository, limits=limits).get(repository.url, ARGUMENTS).body == body
