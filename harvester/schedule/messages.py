"""What people are told: many alerts and recoveries in one message, as JSON and as text."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from harvester.catalogue.alerts import Alert
from harvester.schedule import anomalies
from harvester.schedule.alerting import CATALOGUE, DISK, FAILING, HELD, HOST, LATE, REFUSED
from harvester.schedule.wording import at, plain

_MOST = 500  # alerts that a message tells one by one, and recoveries; of the rest it tells the number
_TEXTS = 40  # paragraphs that a person reads
_TOGETHER = 3  # of one kind on one host are told one by one

_KINDS = {
    FAILING: "failing",
    LATE: "late",
    HELD: "waiting for a person",
    REFUSED: "refused",
    HOST: "out of reach",
    anomalies.DROP: "listing far fewer records than before",
    anomalies.SILENT: "silent",
    anomalies.TOKENS: "losing resumptionTokens",
    anomalies.QUARANTINE: "sending records that cannot be read",
    DISK: "short of room",
    CATALOGUE: "without its catalogue",
}
_AGAIN = {
    FAILING: "works again",
    LATE: "is up to date again",
    HELD: "no longer waits for a person",
    REFUSED: "is no longer refused",
    HOST: "answers again",
    anomalies.DROP: "lists its records again",
    anomalies.SILENT: "has something new again",
    anomalies.TOKENS: "keeps its resumptionTokens again",
    anomalies.QUARANTINE: "sends records that can be read again",
    DISK: "has room on the disk of its catalogue again",
    CATALOGUE: "has its catalogue again",
}


@dataclass(frozen=True, slots=True)
class Message:
    """What one channel is told at once, `now`."""

    alerts: Sequence[Alert]
    recoveries: Sequence[Alert]
    now: datetime

    @property
    def id(self) -> str:
        """The same for the same alerts: who gets a message twice can tell."""
        said = json.dumps([[each.id for each in some] for some in (self.alerts, self.recoveries)])
        moments = "".join(str(each.since) for each in (*self.alerts, *self.recoveries))
        return hashlib.sha256((said + moments).encode()).hexdigest()[:32]


def headline(message: Message) -> str:
    """The message in a line."""
    alerts, recoveries = message.alerts, message.recoveries
    if len(alerts) == 1 and not recoveries:
        return f"harvester: {plain(alerts[0].subject, 200)} is {_kind(alerts[0].kind)}"
    if len(recoveries) == 1 and not alerts:
        return f"harvester: {plain(recoveries[0].subject, 200)} {_again(recoveries[0].kind)}"
    parts = [f"{len(alerts):,} need attention"] if alerts else []
    parts += [f"{len(recoveries):,} right again"] if recoveries else []
    return "harvester: " + ", ".join(parts)


def document(message: Message) -> bytes:
    """The message as JSON, in ASCII."""
    alerts, recoveries = message.alerts[:_MOST], message.recoveries[:_MOST]
    said = {
        "schema": "1",
        "id": message.id,
        "sent_at": _moment(message.now),
        "summary": headline(message),
        "text": text(message),
        "alerts": [_shown(each) | {"sentence": each.sentence} for each in alerts],
        "recoveries": [
            _shown(each)
            | {"sentence": recovery(each), "resolved_at": _moment(each.resolved_at or message.now)}
            for each in recoveries
        ],
        "more": {
            "alerts": len(message.alerts) - len(alerts),
            "recoveries": len(message.recoveries) - len(recoveries),
        },
    }
    return json.dumps(said, separators=(",", ":"), default=str).encode("ascii")


def text(message: Message) -> str:
    """The message for people; what many streams of one host share is told once."""
    paragraphs = [*_grouped(message.alerts), *_grouped(message.recoveries)]
    shown = [_paragraph(each, number) for each, number in paragraphs[:_TEXTS]]
    if len(paragraphs) > len(shown):
        shown.append(
            f"… and {len(paragraphs) - len(shown):,} more of this sort: `harvester status` shows all."
        )
    return "\n\n".join(shown)


def recovery(alert: Alert) -> str:
    """That something is right again."""
    return (
        f"{plain(alert.subject)} {_again(alert.kind)} since {at(alert.resolved_at)}; it was {_kind(alert.kind)} since "
        f"{at(alert.since)}."
    )


def _grouped(alerts: Sequence[Alert]) -> Iterator[tuple[Alert, int]]:
    """Those that get a paragraph of their own, and how many of their kind on their host each stands for."""
    groups = Counter((each.kind, each.evidence.get("host")) for each in alerts)
    seen = set()
    for each in alerts:
        group = (each.kind, each.evidence.get("host"))
        if group[1] is None or groups[group] <= _TOGETHER:
            yield each, 1
        elif group not in seen:
            seen.add(group)
            yield each, groups[group]


def _paragraph(alert: Alert, number: int) -> str:
    recovered = alert.resolved_at is not None
    sentence = recovery(alert) if recovered else plain(alert.sentence, 2_000)
    if number == 1:
        return sentence
    what = f"no longer {_kind(alert.kind)}" if recovered else _kind(alert.kind)
    return f"{number:,} on {plain(str(alert.evidence.get('host')))} are {what}. One of them: {sentence}"


def _shown(alert: Alert) -> dict[str, Any]:
    return {
        "id": alert.id,
        "kind": alert.kind,
        "subject": alert.subject,
        "repository": alert.repository,
        "since": _moment(alert.since),
        "evidence": alert.evidence,
    }


def _kind(kind: str) -> str:
    return _KINDS.get(kind, kind)


def _again(kind: str) -> str:
    return _AGAIN.get(kind, "is right again")


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
