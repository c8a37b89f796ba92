"""Reads a response's body under a cap, and unpacks it ourselves: urllib3 knows neither cap nor ratio.

Content-Encoding is often wrong, so the bytes have the last word (RFC 9110 section 8.4.1 for the codings).
"""

import io
import re
import zlib
from collections.abc import Iterable, Iterator
from http.client import IncompleteRead
from itertools import chain

import zstandard
from urllib3.exceptions import ProtocolError
from urllib3.response import BaseHTTPResponse

from harvester.wire.limits import Limits

_PIECE = 256 * 1024
_SLICE = 32 * 1024  # what is unpacked before the ratio is looked at
_START = 64 * 1024
_GZIP = b"\x1f\x8b\x08"
_GZIP_BITS = 16 + zlib.MAX_WBITS
_FOREIGN = {"br", "compress", "x-compress", "dcb", "dcz"}  # never asked for
_ZSTD_WINDOW = 8 * 2**20  # the most that HTTP allows, RFC 9659
_ZSTD_FEED = 256  # bytes at a time: four of them can become 128 kB, and the output has no other bound
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_FIRST_TAG = re.compile(rb"<([A-Za-z_][^\s/>]*)")


class TooLarge(Exception):
    """The body passed `max_bytes` or `max_ratio`."""


class Undecodable(Exception):
    """The bytes are not what Content-Encoding says, nor plain."""


class Nested(Exception):
    """gzip within gzip."""


class Truncated(Exception):
    """A chunked body broke off, and is no whole XML document."""


def read_body(raw: BaseHTTPResponse, limits: Limits, body: io.BytesIO) -> None:
    """Read and decode into `body`, which on an error holds what had come.

    Raises the four above, Stalled, or urllib3's errors (`failures.reading` names them). Holds `max_bytes` and
    one piece at most.
    """
    wire = _Wire(raw)
    try:
        for piece in _decoded(iter(wire), raw.headers.get("content-encoding", "")):
            body.write(piece)
            size = body.tell()
            packed = size > limits.ratio_from and size > limits.max_ratio * wire.count
            if packed or size > limits.max_bytes:
                raise TooLarge
    except Undecodable as error:
        if wire.broken is not None:
            raise Truncated from wire.broken
        raise error
    if wire.broken is not None and not _ends_with_its_root(body.getvalue()):
        raise Truncated from wire.broken


def read_start(raw: BaseHTTPResponse) -> bytes:
    """The first 64 kB of a body nobody needs, such as a redirect's; what is longer costs the connection."""
    try:
        start = raw.read(_START, decode_content=False)
        if len(start) == _START:
            raw.close()
    except ProtocolError:
        return b""  # it was cut; its headers had said all there was to know
    return start


class _Wire:
    """The bytes as they came, dechunked; `broken` is set when the chunking ended against the rules.

    Some servers never send the last chunk: whether the document is whole is then seen by its end tag.
    """

    def __init__(self, raw: BaseHTTPResponse) -> None:
        self._raw = raw
        self.count = 0
        self.broken: Exception | None = None

    def __iter__(self) -> Iterator[bytes]:
        while piece := self._piece():
            for start in range(0, len(piece), _SLICE):
                part = piece[start : start + _SLICE]
                self.count += len(part)
                yield part

    def _piece(self) -> bytes:
        if self.broken is not None:
            return b""
        try:
            return self._raw.read(_PIECE, decode_content=False)
        except ProtocolError as error:
            cause = error.args[-1]
            if not (self._raw.chunked and isinstance(cause, IncompleteRead)):
                raise
            self.broken = error
            return bytes(cause.partial)
        except ValueError as error:  # http.client on a chunk of negative size
            self.broken = error
            return b""


def _decoded(wire: Iterator[bytes], announced: str) -> Iterator[bytes]:
    first = next(wire, b"")
    codings = {name.strip().lower() for name in announced.split(",")}
    pieces = chain([first], wire)
    if first.startswith(_GZIP):
        return _single(_inflated(pieces, _GZIP_BITS))
    if "zstd" in codings and first.startswith(zstandard.FRAME_HEADER):
        return _single(_unzstd(pieces))
    plain = _looks_plain(first)
    # Raw deflate may begin with any byte, "<" too; what was announced as gzip is told by its own first bytes.
    if ("deflate" in codings and first) or (codings & {"gzip", "x-gzip"} and not plain):
        return _single(_deflated(first, wire))
    if codings & _FOREIGN and not plain:
        raise Undecodable
    return pieces


def _single(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """One layer only: a second is a mistake or a bomb."""
    first = next(pieces, b"")
    if first.startswith(_GZIP):
        raise Nested
    yield first
    yield from pieces


def _inflated(pieces: Iterable[bytes], bits: int) -> Iterator[bytes]:
    """At most one piece at a time, however much the input holds."""
    unpacker = zlib.decompressobj(bits)
    held = b""
    for piece in pieces:
        rest, held = held + piece, b""
        while rest:
            if unpacker.eof:
                if bits == _GZIP_BITS and len(rest) < len(_GZIP) and _GZIP.startswith(rest):
                    held = rest  # the next member may begin here, cut where this piece ends
                    break
                if bits != _GZIP_BITS or not rest.startswith(_GZIP):
                    break  # padding behind the end, harmless
                unpacker = zlib.decompressobj(bits)
            try:
                yield unpacker.decompress(rest, _PIECE)
            except zlib.error as error:
                raise Undecodable from error
            rest = unpacker.unconsumed_tail or unpacker.unused_data
    yield unpacker.flush()
    if not unpacker.eof:
        raise Undecodable


def _deflated(first: bytes, wire: Iterator[bytes]) -> Iterator[bytes]:
    """`deflate` means zlib (RFC 9110), was long sent as raw deflate, and is sometimes just announced."""
    for bits in (zlib.MAX_WBITS, -zlib.MAX_WBITS):
        try:
            zlib.decompressobj(bits).decompress(first, 64)
        except zlib.error:
            continue
        return _inflated(chain([first], wire), bits)
    if not _looks_plain(first):
        raise Undecodable
    return chain([first], wire)


def _unzstd(pieces: Iterator[bytes]) -> Iterator[bytes]:
    # Not stream_reader: it takes a cut frame for a whole one.
    unpacker = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW).decompressobj(
        read_across_frames=False
    )
    try:
        for piece in pieces:
            for start in range(0, len(piece), _ZSTD_FEED):
                if unpacker.eof:
                    return
                yield unpacker.decompress(piece[start : start + _ZSTD_FEED])
    except zstandard.ZstdError as error:
        raise Undecodable from error
    if not unpacker.eof:
        raise Undecodable


def _looks_plain(first: bytes) -> bool:
    return first.startswith(_UTF16) or first.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"<", b"")


def _ends_with_its_root(body: bytes) -> bool:
    root = _FIRST_TAG.search(body[:4096])
    return (
        root is not None and re.search(rb"</" + re.escape(root[1]) + rb"\s*>\s*\Z", body[-512:]) is not None
    )
