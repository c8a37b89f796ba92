"""The shapes of the documents that scripts read (README, "Command line"): every key with its types."""

from types import NoneType
from typing import Any

TEXT, NUMBER, FLAG, LIST, OBJECT = (str,), (int,), (bool,), (list,), (dict,)
MAYBE_TEXT, MAYBE_NUMBER, MAYBE_OBJECT = (str, NoneType), (int, NoneType), (dict, NoneType)

COUNTS = (
    "pages",
    "requests",
    "received",
    "created",
    "updated",
    "unchanged",
    "deleted",
    "quarantined",
    "restarts",
)

HARVEST = {
    "outcome": TEXT,
    "streams": LIST,
    "repository": MAYBE_TEXT,
    "base_url": TEXT,
    "sentence": MAYBE_TEXT,
    "evidence": MAYBE_OBJECT,
}
HARVEST_STREAM = {
    "set": MAYBE_TEXT,
    "format": TEXT,
    "outcome": TEXT,
    **dict.fromkeys(COUNTS, NUMBER),
    "seconds": (float, int),
    "reason": MAYBE_TEXT,
    "sentence": MAYBE_TEXT,
    "unread": OBJECT,
    "repairs": OBJECT,
    "evidence": MAYBE_OBJECT,
}
OUTCOMES = {
    "complete",
    "complete_unverified",
    "incomplete",
    "held",
    "refused",
    "unreachable",
    "failed",
    "interrupted",
}

STATUS = {"repositories": LIST, "totals": OBJECT}
STATUS_TOTALS = {"records": NUMBER, "deleted": NUMBER, "quarantined": NUMBER}
STATUS_REPOSITORY = {"name": TEXT, "base_url": TEXT, "streams": LIST}
STATUS_NAMED = STATUS_REPOSITORY | {"unread": LIST, "traits": LIST}  # `status NAME` shows more
STATUS_TRAIT = {"name": TEXT, "value": (bool, int, float, str), "how": TEXT, "at": TEXT}
STATUS_UNREAD = {"format": TEXT, "element": TEXT, "seen": NUMBER, "first_seen": TEXT, "last_seen": TEXT}
STATUS_STREAM = {
    "set": MAYBE_TEXT,
    "format": TEXT,
    "state": TEXT,
    "held": MAYBE_TEXT,
    "records": NUMBER,
    "deleted": NUMBER,
    "quarantined": NUMBER,
    "watermark": MAYBE_TEXT,
    "token_expires_at": MAYBE_TEXT,
    "next_due_at": MAYBE_TEXT,
    "last_run": MAYBE_OBJECT,
}
STATUS_RUN = {
    "outcome": MAYBE_TEXT,
    "started_at": TEXT,
    "finished_at": MAYBE_TEXT,
    "sentence": MAYBE_TEXT,
    "unread": OBJECT,
}
STATES = {"new", "current", "due", "harvesting", "paused", "held", "failing", "refused"}

EXPORT = {
    "schema": TEXT,
    "repository": TEXT,
    "identifier": TEXT,
    "format": TEXT,
    "datestamp": TEXT,
    "deleted": FLAG,
    "sets": LIST,
    "entry": MAYBE_OBJECT,
}
NORMALISED = EXPORT | {
    "repository": (NoneType,),
    "identifier": MAYBE_TEXT,
    "format": MAYBE_TEXT,
    "datestamp": MAYBE_TEXT,
    "crosswalk": MAYBE_TEXT,
    "problems": LIST,
    "unread": OBJECT,
}
PAGE = {
    "event": TEXT,
    "set": MAYBE_TEXT,
    "format": TEXT,
    "page": NUMBER,
    "received": NUMBER,
    "total": MAYBE_NUMBER,
    **dict.fromkeys(("created", "updated", "unchanged", "deleted", "quarantined"), NUMBER),
    "token_expires_at": MAYBE_TEXT,
    "seconds": (float, int),
}


def check(value: dict[str, Any], shape: dict[str, tuple[type, ...]]) -> None:
    """The keys are these and no others, in this catalogue of types; True is no number."""
    assert set(value) == set(shape)
    wrong = {key: value[key] for key, kinds in shape.items() if type(value[key]) not in kinds}
    assert not wrong


def check_harvest(report: dict[str, Any]) -> None:
    check(report, HARVEST)
    assert report["outcome"] in OUTCOMES
    for stream in report["streams"]:
        check(stream, HARVEST_STREAM)
        assert stream["outcome"] in OUTCOMES


def check_status(found: dict[str, Any], *, named: bool = False) -> None:
    check(found, STATUS)
    check(found["totals"], STATUS_TOTALS)
    for repository in found["repositories"]:
        check(repository, STATUS_NAMED if named else STATUS_REPOSITORY)
        for each in repository.get("unread", ()):
            check(each, STATUS_UNREAD)
        for each in repository.get("traits", ()):
            check(each, STATUS_TRAIT)
        for stream in repository["streams"]:
            check(stream, STATUS_STREAM)
            assert stream["state"] in STATES
            if stream["last_run"] is not None:
                check(stream["last_run"], STATUS_RUN)
