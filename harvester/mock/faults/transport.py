"""Faults of HTTP: another response in place of the page."""

# Every fault takes the same two arguments, needed or not.
# ruff: noqa: ARG001

import zlib
from collections.abc import Callable
from datetime import timedelta
from email.utils import format_datetime
from functools import lru_cache

from harvester.mock.exchange import Answer, Turn
from harvester.mock.faults.fault import EVERY_VERB, Armed, Fault, Stage
from harvester.mock.protocol import XML

HTML = ("Content-Type", "text/html; charset=utf-8")
GZIP = ("Content-Encoding", "gzip")
BOT_WALL = (
    b"<!DOCTYPE html><html><head><title>Just a moment...</title></head><body><noscript>Enable JavaScript and cookies "
    b'to continue</noscript><script src="/cdn-cgi/challenge-platform/h/b/orchestrate/chl_page/v1"></script></body></html>'
)
MAINTENANCE = (
    b"<!DOCTYPE html><html><head><title>Maintenance</title></head><body><h1>Back soon</h1></body></html>"
)


def _html(status: int, text: str, *headers: tuple[str, str]) -> Answer:
    body = f"<!DOCTYPE html><html><head><title>{status}</title></head><body><h1>{text}</h1></body></html>"
    return Answer(status, body.encode(), (HTML, *headers))


def _plain(status: int, text: str) -> Callable[[Turn, Armed], bool]:
    def apply(turn: Turn, armed: Armed) -> bool:
        turn.answer = _html(status, text)
        return True

    return apply


def _retry_after(turn: Turn, armed: Armed) -> bool:
    given = armed.options
    after = str(given["seconds"])
    if given["http_date"] or given["past"]:
        distance = timedelta(days=-1) if given["past"] else timedelta(seconds=float(given["seconds"]))
        after = format_datetime(turn.policy.now() + distance, usegmt=True)
    elif given["zero"]:
        after = "0"
    elif given["garbage"]:
        after = "soon, we hope"
    turn.answer = _html(503, "Service Unavailable", ("Retry-After", after))
    return True


def _too_many(turn: Turn, armed: Armed) -> bool:
    seconds = armed.options["seconds"]
    headers = () if seconds is None else (("Retry-After", str(seconds)),)
    turn.answer = _html(429, "Too Many Requests", *headers)
    return True


def _instead(body: bytes, *headers: tuple[str, str]) -> Callable[[Turn, Armed], bool]:
    def apply(turn: Turn, armed: Armed) -> bool:
        turn.answer = Answer(armed.options.get("status", 200), body, headers)
        return True

    return apply


def _redirect(turn: Turn, armed: Armed) -> bool:
    path, _, query = turn.request.raw.partition("?")
    if path.startswith("/oai/moved"):
        return False
    return _send_to(turn, armed, f"http://{turn.request.host}/oai/moved?{query}")


def _redirect_loop(turn: Turn, armed: Armed) -> bool:
    path, _, query = turn.request.raw.partition("?")
    hop = int(path.rpartition("/")[2]) + 1 if path.startswith("/oai/loop/") else 1
    return _send_to(turn, armed, f"http://{turn.request.host}/oai/loop/{hop}?{query}")


def _redirect_private(turn: Turn, armed: Armed) -> bool:
    return _send_to(turn, armed, "http://169.254.169.254/latest/meta-data/")


def _send_to(turn: Turn, armed: Armed, url: str) -> bool:
    turn.answer = _html(armed.options["status"], "Moved", ("Location", url))
    return True


def _gzip_bomb(turn: Turn, armed: Armed) -> bool:
    turn.answer = Answer(200, _bomb(armed.options["megabytes"]), (XML, GZIP))
    return True


@lru_cache(maxsize=2)
def _bomb(megabytes: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    opening = packer.compress(b'<?xml version="1.0"?><OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/">')
    zeros = b"0" * 1_000_000
    return b"".join([opening, *(packer.compress(zeros) for _ in range(megabytes)), packer.flush()])


def _post_refused(turn: Turn, armed: Armed) -> bool:
    if turn.request.method != "POST":
        return False
    turn.answer = _html(armed.options["status"], "Method Not Allowed", ("Allow", "GET"))
    return True


MOVED = {"status": 301}
FAULTS: dict[str, Fault] = {
    "503_retry_after": Fault(
        "503 with Retry-After: `seconds`, or one of `http_date` (so many seconds ahead), `past`, `zero`, `garbage`",
        Stage.ASKED,
        _retry_after,
        {"seconds": 1, "http_date": False, "past": False, "zero": False, "garbage": False},
    ),
    "503_bare": Fault("503 without Retry-After", Stage.ASKED, _plain(503, "Service Unavailable")),
    "429": Fault("429, with Retry-After when `seconds` is given", Stage.ASKED, _too_many, {"seconds": None}),
    "500": Fault("500 with an HTML page", Stage.ASKED, _plain(500, "Internal Server Error")),
    "502": Fault("502 with an HTML page", Stage.ASKED, _plain(502, "Bad Gateway")),
    "403": Fault("403 with an HTML page", Stage.ASKED, _plain(403, "Forbidden")),
    "404": Fault("404 with an HTML page", Stage.ASKED, _plain(404, "Not Found")),
    "html_200": Fault("a maintenance page in HTML under 200", Stage.ASKED, _instead(MAINTENANCE, HTML)),
    "bot_wall": Fault(
        "a challenge page: cf-mitigated header, `Just a moment` and its script, under `status`",
        Stage.ASKED,
        _instead(BOT_WALL, HTML, ("cf-mitigated", "challenge"), ("Server", "cloudflare")),
        {"status": 200},
    ),
    "empty_body": Fault("200 with no body", Stage.ASKED, _instead(b"", XML)),
    "redirect": Fault(
        "a permanent redirect (`status`) to a path that works", Stage.ASKED, _redirect, MOVED, EVERY_VERB
    ),
    "redirect_loop": Fault(
        "redirects (`status`) without end, each to a new path", Stage.ASKED, _redirect_loop, MOVED
    ),
    "redirect_private": Fault(
        "a redirect (`status`) to a link-local address", Stage.ASKED, _redirect_private, MOVED
    ),
    "post_refused": Fault(
        "an HTML page under `status` to any POST", Stage.ASKED, _post_refused, {"status": 405}, EVERY_VERB
    ),
    "gzip_bomb": Fault(
        "a small body that unpacks to so many `megabytes`", Stage.ASKED, _gzip_bomb, {"megabytes": 200}
    ),
}
