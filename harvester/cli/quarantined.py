"""What waits in quarantine, for a person's eyes: what each reason means, and what to do."""

import re
from typing import TYPE_CHECKING

from harvester.cli import output

if TYPE_CHECKING:
    from harvester.catalogue.retries import Quarantined

_SHOWN = 2048  # bytes
_CUT = "the record is not well-formed XML, or too large; the rest of its page was taken without it"
_ASK_THEM = "its managers can mend it: `harvester quarantine show NUMBER` tells what to send them"
# What each reason means, and what to do.
_REASONS = {
    "malformed_record": (_CUT, _ASK_THEM),
    "record_too_large": (_CUT, _ASK_THEM),
    "no_header": ("the record has no header", f"nobody can tell which it is; {_ASK_THEM}"),
    "no_identifier": (
        "the record's header has no identifier",
        f"it cannot be asked for by itself and stays here; {_ASK_THEM}",
    ),
    "identifier_too_long": ("the identifier has more than 2,048 characters", _ASK_THEM),
    "empty_metadata": ("the record is not deleted, but has no metadata", _ASK_THEM),
    "too_many_elements": (
        "the metadata has more elements than make any sense",
        "a later release may read it: `harvester quarantine retry` tries without asking the repository",
    ),
    "another_record": ("the repository answered with another record than was asked for", _ASK_THEM),
    "idDoesNotExist": (
        "the list names it, and the repository does not know it when it is asked for",
        "most often its index is old: `harvester quarantine retry` asks again",
    ),
    "unreadable_window": (
        "between two dates the repository fails whatever is asked for, and not even identifiers can be had",
        "`harvester quarantine retry` asks again; if it lasts, tell its managers the dates",
    ),
}
_FAILS = (
    "the repository fails when it is asked for this record",
    "`harvester quarantine retry` asks again; if it lasts, tell its managers the identifier",
)


def meaning(reason: str) -> tuple[str, str]:
    """What a reason means, and what to do."""
    return _REASONS.get(reason, _FAILS)


def print_list(found: list["Quarantined"], total: int, *, resolved: bool) -> None:
    """Rows as a table, and what their reasons mean."""
    columns = ("number", "repository", "format", "set", "identifier", "reason", "first seen", "tries")
    rows = [
        (
            each.id,
            each.repository,
            each.format,
            each.set_spec or "(all)",
            each.identifier or "(none)",
            each.reason,
            output.moment(each.first_seen),
            each.tries,
            _next(each),
        )
        for each in found
    ]
    output.table((*columns, "next retry" if not resolved else "next retry, or how it left"), rows)
    for reason in sorted({each.reason for each in found}):
        output.eyes(f"{output.plain(reason)}: {'; '.join(meaning(reason))}")
    if total > len(found):
        output.eyes(f"{len(found):,} of {total:,} are shown; --limit shows more")


def _next(each: "Quarantined") -> str:
    if each.resolved_at is not None:
        return f"{(each.resolution or 'came_whole').replace('_', ' ')} {output.moment(each.resolved_at)}"
    return str(output.moment(each.retry_at)) if each.askable else "cannot be asked for"


def print_row(row: "Quarantined", raw: bytes) -> None:
    """All there is to say of one row, with the beginning of its bytes."""
    from harvester.harvest.replaying import complaint

    said = row.evidence or {}
    lines = {
        "number": row.id,
        "repository": row.repository,
        "format": row.format,
        "set": row.set_spec or "(all)",
        "identifier": row.identifier or "(none)",
        "reason": f"{row.reason}: {'; '.join(meaning(row.reason))}",
        "what the parser says": complaint(raw) if row.reason == "malformed_record" else None,
        "position": None if row.position is None else f"byte {row.position:,} of the answer",
        "answer": " ".join(
            str(said[key]) for key in ("reason", "status", "url") if said.get(key) is not None
        ),
        "answer began": said.get("excerpt"),
        "first seen": output.moment(row.first_seen),
        "last seen": output.moment(row.last_seen),
        "asked for in vain": output.several(row.tries, "time"),
        "next retry": _next(row),
        "bytes": f"{len(raw):,}" + (f", the first {_SHOWN:,}:" if len(raw) > _SHOWN else ":"),
    }
    for name, value in lines.items():
        if value not in (None, ""):
            output.eyes(f"{name}: {output.plain(value)}")
    for line in re.split(r"\r?\n", raw[:_SHOWN].decode("utf-8", "replace")):
        output.eyes(f"  {output.plain(line)}")
