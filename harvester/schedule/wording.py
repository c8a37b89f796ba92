"""How alerts name things: streams and moments, on one line that no terminal or mail programme obeys."""

import hashlib
import shlex
from datetime import datetime

_LONGEST_NAME, _LONGEST_REASON = 120, 400
_WORK = {
    "harvest": "",
    "rolling": "the rolling harvest of ",
    "reconcile": "the reconciliation of ",
    "retry": "asking again for what is in quarantine of ",
    "refresh": "the reading of sets and formats of ",
}


def subject_of(repository: str, set_spec: str | None, format_: str | None, *, work: str = "harvest") -> str:
    """A stream, or another work on one, as people call it; short enough for an index, though a setSpec may have any length."""
    parts = [_WORK.get(work, "") + name(repository)]
    parts += [f"set {name(set_spec)}"] if set_spec else []
    parts += [name(format_)] if format_ else []
    return ", ".join(parts)


def name(said: str) -> str:
    """A name for people; one that is cut keeps what tells it from others that begin alike."""
    if len(said) <= _LONGEST_NAME:
        return plain(said)
    digest = hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{plain(said, _LONGEST_NAME)} ({digest})"


def plain(said: str, longest: int = _LONGEST_REASON) -> str:
    """One line of printable text."""
    shown = "".join(each if each.isprintable() else " " for each in said[: longest + 1])
    return f"{shown[: longest - 1]}…" if len(shown) > longest else shown


def quoted(repository: str) -> str:
    """A repository's name as the command line takes it."""
    return shlex.quote(plain(repository))


def at(moment: datetime | None) -> str:
    """A moment, aware and in UTC."""
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else "an unknown day"
