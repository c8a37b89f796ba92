"""Faults of the way a response is sent: cut, slow, reset, wrongly measured or wrongly packed."""

# Every fault takes the same two arguments, needed or not.
# ruff: noqa: ARG001

import gzip
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from harvester.mock.exchange import Turn, Wire
from harvester.mock.faults.fault import Armed, Fault, Stage
from harvester.mock.faults.transport import GZIP
from harvester.mock.protocol import XML

Apply = Callable[[Turn, Armed], bool]
Deliver = Callable[[Wire, bytes, bytes], None]
LENGTH = re.compile(rb"Content-Length: (\d+)\r\n")


def _delivered(turn: Turn, deliver: Deliver, **changes: Any) -> bool:
    if turn.answer is None:
        return False
    turn.answer = replace(turn.answer, deliver=deliver, **changes)
    return True


def _written(write: Callable[[bytes, bytes, dict[str, Any]], bytes], **changes: Any) -> Apply:
    """A fault that sends other bytes than it should, then closes the connection."""

    def apply(turn: Turn, armed: Armed) -> bool:
        def deliver(wire: Wire, head: bytes, body: bytes) -> None:
            wire.send(write(head, body, armed.options), last=True)

        return _delivered(turn, deliver, **changes)

    return apply


def _cut(head: bytes, body: bytes, options: dict[str, Any]) -> bytes:
    return head + body[: int(len(body) * options["share"])]


def _unannounced(head: bytes, body: bytes, options: dict[str, Any]) -> bytes:
    return head.replace(b"Connection: close\r\n", b"") + body


def _short_length(head: bytes, body: bytes, options: dict[str, Any]) -> bytes:
    length = int(len(body) * options["share"])
    return LENGTH.sub(b"Content-Length: %d\r\n" % length, head) + body


def _chunked(head: bytes, body: bytes, options: dict[str, Any]) -> bytes:
    pieces = (body[start : start + 4096] for start in range(0, len(body), 4096))
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    sent = int(len(chunks) * options["share"])
    return head[:-2] + b"Transfer-Encoding: chunked\r\n\r\n" + chunks[:sent]


def _reset(turn: Turn, armed: Armed) -> bool:
    def deliver(wire: Wire, head: bytes, body: bytes) -> None:
        wire.send((head + body)[: armed.options["after"]], last=True)
        wire.reset()

    return _delivered(turn, deliver)


def _hang(turn: Turn, armed: Armed) -> bool:
    def deliver(wire: Wire, head: bytes, body: bytes) -> None:
        wire.send((head + body)[: armed.options["after"]])
        wire.pause(None)

    return _delivered(turn, deliver)


def _trickle(turn: Turn, armed: Armed) -> bool:
    def deliver(wire: Wire, head: bytes, body: bytes) -> None:
        data, step = head + body, armed.options["bytes"]
        for start in range(0, len(data), step):
            wire.send(data[start : start + step], last=start + step >= len(data))
            if not wire.pause(armed.options["seconds"]):
                return

    return _delivered(turn, deliver)


def _slow(turn: Turn, armed: Armed) -> bool:
    def deliver(wire: Wire, head: bytes, body: bytes) -> None:
        if wire.pause(armed.options["seconds"]):
            wire.send(head + body, last=True)

    return _delivered(turn, deliver)


def _gzip_unasked(turn: Turn, armed: Armed) -> bool:
    if turn.request.takes_gzip or turn.answer is None:
        return False
    turn.answer = replace(turn.answer, body=gzip.compress(turn.body, 1), headers=(XML, GZIP))
    return True


def _gzip_unannounced(turn: Turn, armed: Armed) -> bool:
    if turn.answer is None:
        return False
    turn.answer = replace(turn.answer, body=gzip.compress(turn.body, 1), headers=(XML,))
    return True


def _gzip_announced_but_plain(turn: Turn, armed: Armed) -> bool:
    if turn.answer is None:
        return False
    turn.answer = replace(turn.answer, body=turn.body, headers=(XML, GZIP))
    return True


def _oversized(turn: Turn, armed: Armed) -> bool:
    parts = re.fullmatch(rb"(.*?<List\w+>\n)(.+?)(<resumptionToken.*|</List.*)", turn.body, re.DOTALL)
    if parts is None:
        return False
    opening, records, closing = parts.groups()

    def deliver(wire: Wire, head: bytes, _body: bytes) -> None:
        wire.send(head + opening)
        for _ in range(armed.options["megabytes"] * 1_000_000 // len(records)):
            wire.send(records)
        wire.send(closing, last=True)

    return _delivered(turn, deliver, headers=(XML,), streamed=True)


FAULTS: dict[str, Fault] = {
    "cut_body": Fault(
        "Content-Length promises all, a `share` is sent, the connection closes",
        Stage.SENT,
        _written(_cut),
        {"share": 0.5},
    ),
    "short_length": Fault(
        "Content-Length counts a `share` of the body", Stage.SENT, _written(_short_length), {"share": 0.5}
    ),
    "no_length": Fault(
        "no Content-Length, the body ends with the connection",
        Stage.SENT,
        _written(_unannounced, streamed=True),
    ),
    "chunked": Fault(
        "the body in chunks, of which a `share` is sent",
        Stage.SENT,
        _written(_chunked, streamed=True),
        {"share": 1.0},
    ),
    "drops_connection": Fault(
        "a whole response, then the connection closes unannounced", Stage.SENT, _written(_unannounced)
    ),
    "reset": Fault("a RST after so many bytes of the response: `after`", Stage.SENT, _reset, {"after": 0}),
    "hang": Fault(
        "so many bytes (`after`), then nothing more until called off", Stage.SENT, _hang, {"after": 0}
    ),
    "trickle": Fault(
        "so many `bytes` at a time, with so many `seconds` between",
        Stage.SENT,
        _trickle,
        {"bytes": 1, "seconds": 0.05},
    ),
    "slow": Fault("the whole response, after so many `seconds`", Stage.SENT, _slow, {"seconds": 1.0}),
    "gzip_unasked": Fault("gzip for a client that does not take it", Stage.SENT, _gzip_unasked),
    "gzip_unannounced": Fault("gzip without Content-Encoding", Stage.SENT, _gzip_unannounced),
    "gzip_announced_but_plain": Fault(
        "Content-Encoding gzip, plain body", Stage.SENT, _gzip_announced_but_plain
    ),
    "oversized": Fault(
        "the records of the page again and again, so many `megabytes`, no length",
        Stage.SENT,
        _oversized,
        {"megabytes": 100},
    ),
}
