"""Logs of the service: one line per event, for eyes or for machines; no secret in it, nothing that a terminal would obey.

What is logged may come from hostile records and from libraries that know nothing of secrets: all of it passes here.
"""

import json
import logging
import math
import re
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, TextIO

import structlog
from structlog.typing import EventDict, FilteringBoundLogger

from harvester import clock

Form = Literal["console", "json"]

# Their INFO tells of every job and every connection; APScheduler's and Procrastinate's errors are about us and stay.
_LIBRARIES = ("alembic", "apscheduler", "procrastinate", "psycopg", "sqlalchemy", "urllib3")
_LONGEST = 2_000  # characters of a value
_LOOKED_AT = (
    65_536  # characters of a value that are looked through for secrets: what is shown is at their beginning
)
_MOST_ITEMS, _DEEPEST = 50, 4
_FRAMES, _CAUSES = 8, 3
_HIDDEN = "***"

_MASKS = tuple(
    (re.compile(pattern, re.IGNORECASE), replacement)
    for pattern, replacement in (
        # The userinfo of a URL. Its end is the last @ before the path.
        (r"""(?<=://)[^\s/?#"'<>]*@""", f"{_HIDDEN}@"),
        # A header's value, in whatever notation it was written: to the end of its line.
        (r"""\b((?:proxy-)?authorization|(?:set-)?cookie)(["']?\s*[:=]).*""", rf"\1\2 {_HIDDEN}"),
        (r"\b(bearer|basic) +(?=[^\s]{0,4096}[\d=])[\w+/=.~-]{8,}", rf"\1 {_HIDDEN}"),
        (
            r"""(password|passwd|secret|api_?key|access_token|\bpwd)(["']?\s{0,8}[=:]\s{0,8}["']?)[^\s"'&,;]+""",
            rf"\1\2{_HIDDEN}",
        ),
    )
)
_SECRET_KEY = re.compile(r"password|passwd|secret|authorization|cookie|api_?key|credential", re.IGNORECASE)
# Controls (a terminal obeys them), marks that turn the direction of writing, separators that end a line, half characters.
_UNSHOWABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)
# SQLAlchemy adds the statement and its parameters, which are whole records, and an advertisement.
_ADDED = re.compile(r"\n(?:\[SQL: |\(Background on this error at: )")
_BARE = re.compile(r"[^\s\"'=\\]+")


@dataclass(slots=True)
class _Sink:
    """Where lines go. Until a face has configured it: what is wrong, on stderr, as the standard library does."""

    form: Form = "console"
    stream: TextIO | None = None
    configured: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def write(self, line: str) -> None:
        """One line, whole; nobody's work ends because nobody listens any more."""
        stream = self.stream or sys.stderr
        encoding = getattr(stream, "encoding", None) or "utf-8"
        shown = line.encode(encoding, "backslashreplace").decode(encoding)
        with self.lock:
            try:
                stream.write(shown + "\n")
                stream.flush()
            except (OSError, ValueError):
                # The reader of the pipe has gone, its disk is full, or the stream is closed: there is nowhere to say so.
                return


_sink = _Sink()


def configure(form: Form = "console", stream: TextIO | None = None) -> None:
    """Log from now on to `stream` (None: stderr), also what libraries say at WARNING or above. May be called again."""
    _sink.form, _sink.stream, _sink.configured = form, stream, True
    root = logging.getLogger()
    for handler in [each for each in root.handlers if isinstance(each, _FromLibraries)]:
        root.removeHandler(handler)
    root.addHandler(_FromLibraries())
    for name in _LIBRARIES:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("harvester").setLevel(logging.INFO)


@contextmanager
def bound(**values: object) -> Iterator[None]:
    """Every event within tells these values too (repository, stream, window, run, host); each thread has its own."""
    with structlog.contextvars.bound_contextvars(**values):
        yield


def logger(name: str) -> FilteringBoundLogger:
    """A logger: `.info(event, key=value, …)`, `.warning`, `.error`, `.exception`; below info nothing is said."""
    made: FilteringBoundLogger = structlog.wrap_logger(
        _Lines(name),
        processors=(structlog.contextvars.merge_contextvars, _told),
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        context_class=dict,
    )
    return made


class _Lines:
    """What structlog hands rendered lines to, whatever their level."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __getattr__(self, _: str) -> Callable[[str], None]:
        return _sink.write


class _FromLibraries(logging.Handler):
    """Events of the standard library's loggers, as ours."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            said = record.getMessage()
        except (TypeError, ValueError, KeyError):  # a library's format and arguments that do not fit
            said = str(record.msg)
        event = {"logger": record.name, "event": said, "exc_info": record.exc_info}
        _sink.write(_line(record.levelname.lower(), structlog.contextvars.get_contextvars() | event))


def _told(lines: _Lines, level: str, event: EventDict) -> str:
    if not _sink.configured and level == "info":
        raise structlog.DropEvent
    return _line(level, {"logger": lines.name} | dict(event))


def _line(level: str, event: dict[str, Any]) -> str:
    error = _exception(event.pop("exc_info", None))
    said = str(event.pop("event", ""))
    at = clock.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
    fields = {str(_clean(key)): _value(key, value, 0) for key, value in event.items()}
    fields |= {key: _clean(value) for key, value in error.items()}
    if _sink.form == "json":
        whole = {"timestamp": at, "level": level, "event": _clean(said)} | {
            key if key not in ("timestamp", "level") else f"{key}_": value for key, value in fields.items()
        }
        return json.dumps(whole, ensure_ascii=False, separators=(",", ":"))
    pairs = "".join(f" {key}={_shown(value)}" for key, value in fields.items())
    return f"{at} {level:<8} {_clean(said)}{' ' * bool(pairs)}{pairs}"


def _exception(given: Any) -> dict[str, str]:
    """Errors and where they happened, on one line: type and message of each in the chain, and the last frames."""
    found = sys.exc_info()[1] if given is True else given[1] if isinstance(given, tuple) else given
    if not isinstance(found, BaseException):
        return {}
    said: list[str] = []
    cause: BaseException | None = found
    for _ in range(_CAUSES):
        if cause is None:
            break
        message = " ".join(_ADDED.split(str(cause), maxsplit=1)[0][:_LONGEST].split())
        if not any(message in each for each in said):  # SQLAlchemy repeats what the driver said
            said.append(f"{type(cause).__name__}: {message}")
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    frames = traceback.extract_tb(found.__traceback__)[-_FRAMES:]
    where = " > ".join(f"{each.filename.rpartition('/')[2]}:{each.lineno} {each.name}" for each in frames)
    return {"error": " < ".join(said)} | ({"where": where} if where else {})


def _value(key: str, value: Any, depth: int) -> Any:
    """As JSON can hold it: no secret, nothing endless."""
    if _SECRET_KEY.search(key):
        return _HIDDEN
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if depth < _DEEPEST and isinstance(value, Mapping):
        items = list(value.items())[:_MOST_ITEMS]
        return {str(_clean(name)): _value(str(name), each, depth + 1) for name, each in items}
    if depth < _DEEPEST and isinstance(value, list | tuple | set | frozenset):
        return [_value("", each, depth + 1) for each in list(value)[:_MOST_ITEMS]]
    return _clean(value)


def _clean(value: object) -> str:
    said = str(value)
    shown = said[:_LOOKED_AT]
    for pattern, replacement in _MASKS:
        shown = pattern.sub(replacement, shown)
    if len(shown) > _LONGEST:
        shown = f"{shown[:_LONGEST]}… ({len(said)} characters)"
    return _UNSHOWABLE.sub(lambda found: repr(found[0])[1:-1], shown)


def _shown(value: Any) -> str:
    if not isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    quoted = value.replace('"', '\\"')
    return value if _BARE.fullmatch(value) else f'"{quoted}"'
