"""What no failure tells of: lists that shrink, streams that fall silent, tokens that are lost, records that cannot be read."""

from datetime import timedelta
from itertools import pairwise
from statistics import median
from typing import Any

from harvester.catalogue.alerts import Finding
from harvester.catalogue.vitals import Day, Past
from harvester.schedule.phrases import lasting
from harvester.schedule.wording import at, name, quoted, subject_of

DROP, SILENT, TOKENS, QUARANTINE = "count_drop", "silent", "token_losses", "quarantine"

# DPLA looks at a hub that loses 15 % of its records, and stops at 30 %; small sets move by some tens with nothing wrong.
DROP_SHARE, DROP_RECORDS = 0.15, 50
# Five times the usual gap is no accident, but weekends and holidays are: from the Thursday before Easter to the Tuesday after.
SILENT_GAPS, SILENT_AT_LEAST = 5.0, timedelta(days=5)
SILENT_PAST_RECORD = 1.5  # and so many times the longest gap that was seen
LEARNED_FROM = 6  # changes; from fewer nobody can say what is usual
# A list that begins again now and then is routine; every fifth is a repository, or a schedule, that loses its tokens.
TOKEN_SHARE, TOKEN_LOSSES = 0.2, 5
# One record of a hundred is more than the odd broken one; a hundred in a day are more than a person reads one by one.
QUARANTINE_SHARE, QUARANTINE_RECORDS = 0.01, 100


def of_past(past: Past) -> list[Finding]:
    """What is odd about a stream's recent past."""
    return [each for each in (_drop(past), _silence(past)) if each is not None]


def of_day(day: Day) -> list[Finding]:
    """What is odd about a repository's last day."""
    return [each for each in (_token_losses(day), _quarantine(day)) if each is not None]


def _drop(past: Past) -> Finding | None:
    if past.listed is None:
        return None
    missing = past.live - past.listed
    if missing < DROP_RECORDS or missing < DROP_SHARE * past.live:
        return None
    says = "has brought" if past.list_ended else "announces"
    said = (
        f"lists far fewer records than before: its last full list {says} {past.listed:,}, and {past.live:,} are held. "
        "Nothing was removed. Ask its operators whether an index is being rebuilt; where the records are gone for good, "
        f"`harvester reconcile {quoted(past.repository)}` shows them and removes them."
    )
    return _of_stream(past, DROP, said, {"listed": past.listed, "live": past.live})


def _silence(past: Past) -> Finding | None:
    if len(past.changes) < LEARNED_FROM or not past.visits:
        return None
    gaps = [later - earlier for later, earlier in pairwise(past.changes)]
    usual = timedelta(seconds=median(each.total_seconds() for each in gaps))
    # Up to the last visit: what nobody has asked for was not silent.
    quiet = past.visits[0] - past.changes[0]
    if quiet < max(SILENT_GAPS * usual, SILENT_AT_LEAST, SILENT_PAST_RECORD * max(gaps)):
        return None
    said = (
        f"has had nothing new since {at(past.changes[0])}, though it usually has every {lasting(usual.total_seconds())}. Its "
        "answers look healthy: compare them with its own pages, and where those show newer records, "
        f"`harvester harvest {quoted(past.repository)} --full` asks for all of them."
    )
    evidence = {"last_change": past.changes[0].isoformat(), "usual_gap": round(usual.total_seconds())}
    return _of_stream(past, SILENT, said, evidence)


def _of_stream(past: Past, kind: str, said: str, more: dict[str, Any]) -> Finding:
    subject = subject_of(past.repository, past.set_spec, past.format)
    evidence = {"task": past.task_id, "host": past.host} | more
    return Finding(subject, kind, f"{subject} {said}", evidence, past.repository_id)


def _token_losses(day: Day) -> Finding | None:
    if day.restarts < TOKEN_LOSSES or day.restarts < TOKEN_SHARE * day.windows:
        return None
    subject = name(day.repository)
    sentence = (
        f"{subject} has stopped taking its own resumptionTokens {day.restarts:,} times within a day, in {day.windows:,} lists; "
        f"each began again. `harvester probe {quoted(day.repository)}` measures how long they live; fewer streams at once, or "
        "a shorter pace for its host, keep them alive."
    )
    evidence = {"restarts": day.restarts, "windows": day.windows}
    return Finding(subject, TOKENS, sentence, evidence, day.repository_id)


def _quarantine(day: Day) -> Finding | None:
    if day.put_aside < QUARANTINE_RECORDS or day.put_aside < QUARANTINE_SHARE * day.received:
        return None
    subject = name(day.repository)
    sentence = (
        f"{day.put_aside:,} records of {subject} could not be read within a day, of {day.received:,} that came. They are kept "
        f"whole: `harvester quarantine list {quoted(day.repository)}` shows what is wrong, for its operators to mend."
    )
    evidence = {"put_aside": day.put_aside, "received": day.received}
    return Finding(subject, QUARANTINE, sentence, evidence, day.repository_id)
