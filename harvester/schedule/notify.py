"""Once a minute: what is wrong is judged, noted, and told together, with the news that it is right again.

Nothing is lost: what a webhook or a mail server does not take is told again at the next tick, to it alone. A message may arrive
twice (we may die between its delivery and the note of it); its id is the same then.
"""

import hashlib
import shutil
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection, Engine, text

from harvester import logs
from harvester.catalogue import alerts, vitals
from harvester.catalogue.alerts import ALERT, RECOVERY, Alert, Finding
from harvester.catalogue.connection import translated
from harvester.config import Settings
from harvester.errors import CatalogueError
from harvester.schedule import alerting, mailing, webhooks
from harvester.schedule.messages import Message
from harvester.schedule.quiet import quiet_hosts

_LIMIT = "30s"  # of one statement: the rules look at little, and there is a next minute

_log = logs.logger(__name__)


@dataclass(frozen=True, slots=True)
class Channel:
    """Somebody who is to be told. `key` tells it from others without showing its address; `send` says why it failed."""

    key: str
    name: str
    send: Callable[[Message], str | None]


@dataclass(slots=True)
class Outage:
    """What a process remembers of a catalogue that it cannot write to, for nothing else could hold it."""

    since: datetime | None = None
    heard: set[str] = field(default_factory=set)

    def begins(self, settings: Settings, sentence: str, now: datetime) -> None:
        """The catalogue cannot be used: tell so once it has lasted as long as alerts are gathered."""
        self.since = self.since or now
        if now - self.since < timedelta(seconds=settings.notify.group):
            return
        alert = Alert(
            id=0,
            subject=alerting.SERVICE,
            kind=alerting.CATALOGUE,
            sentence=_of_outage(sentence),
            evidence={},
            repository_id=None,
            repository=None,
            base_url=None,
            since=self.since,
            told_at=None,
            resolved_at=None,
            deliveries={},
        )
        for channel in channels(settings):
            if channel.key not in self.heard and _sent(channel, Message([alert], [], now)):
                self.heard.add(channel.key)

    def ends(self, connection: Connection, now: datetime) -> None:
        """It can be used: those who were told are told so, with the other recoveries."""
        if self.since is None:
            return
        finding = Finding(alerting.SERVICE, alerting.CATALOGUE, _of_outage("it could not be used"))
        if self.heard:
            with connection.begin():
                alerts.note_ended(connection, finding, since=self.since, now=now, told=self.heard)
        self.since = None
        self.heard.clear()


def _of_outage(sentence: str) -> str:
    return f"All harvests pause: {sentence.rstrip('.')}. They go on by themselves when the catalogue can be used again."


def tick(engine: Engine, settings: Settings, now: datetime, outage: Outage | None = None) -> None:
    """Judge, raise and resolve, and tell. Where another process is about it, nothing is done.

    With an `outage` a catalogue that cannot be used is told of; without one it raises CatalogueError.
    """
    try:
        with translated(), alerts.turn(engine) as connection:
            if connection is None:
                return
            judge(connection, settings, now)
            tell(connection, settings, now)
            if outage is not None:  # a catalogue that can be read and not written is out of use as well
                outage.ends(connection, now)
    except CatalogueError as error:
        if outage is None:
            raise
        _log.error("the catalogue cannot be used", error=str(error))
        outage.begins(settings, str(error), now)


def judge(connection: Connection, settings: Settings, now: datetime) -> None:
    """Bring the alerts into line with what is wrong."""
    with connection.begin():
        connection.execute(text(f"SET LOCAL statement_timeout = '{_LIMIT}'"))
        known_alerts = alerts.unresolved(connection)
        known = _look(connection, settings, known_alerts, now)
        findings = alerting.judge(known, now)
        said = {each.key: (each.sentence, each.evidence) for each in known_alerts}
        moved = [each for each in findings if said.get(each.key) != (each.sentence, each.evidence)]
        alerts.raise_alerts(connection, moved, now)
        over = alerting.over(known_alerts, known, findings)
        if over.recovered:
            alerts.resolve(connection, over.recovered, now)
        if over.dropped:
            alerts.resolve(connection, over.dropped, now, quietly=True)


def _look(
    connection: Connection, settings: Settings, known_alerts: Sequence[Alert], now: datetime
) -> alerting.Known:
    held = vitals.held_passes(connection)
    spoken_of = {number for each in known_alerts if (number := each.evidence.get("task")) is not None}
    tasks = vitals.conspicuous(
        connection,
        now,
        failures=alerting.FAILURES_AT_LEAST,
        intervals=alerting.INTERVALS,
        also=spoken_of | held.keys(),
    )
    # All streams in turn, a share each minute: what is looked for in their past takes days to happen.
    shares = max(1, -(-vitals.count_streams(connection) // vitals.STREAMS_AT_ONCE))
    share = int(now.timestamp() // 60) % shares
    return alerting.Known(
        tasks,
        held,
        vitals.closed_hosts(connection, failures=alerting.FAILURES_AT_LEAST),
        vitals.pasts(connection, share, shares),
        vitals.last_day(connection, now),
        _free(settings),
        quiet_hosts(settings, now),
    )


def _free(settings: Settings) -> int | None:
    """Bytes left on the disk of the embedded server; of a Postgres elsewhere nothing is known."""
    if settings.database_url is not None or not settings.home.is_dir():
        return None
    return shutil.disk_usage(settings.home).free


def tell(connection: Connection, settings: Settings, now: datetime) -> None:
    """Tell each channel what it has not heard yet, once the oldest of it has waited for others long enough."""
    everybody = channels(settings)
    if not everybody:
        return
    with connection.begin():
        muted = _muted(connection, settings)
        waiting = [
            each
            for each in alerts.untold(connection, list(muted))
            if not _all_muted(each, set(muted.values()))
        ]
    for channel in everybody:
        message = _message(channel, waiting, settings.notify.group, now)
        if message is None or not _sent(channel, message):
            continue
        with connection.begin():
            for what, some in ((ALERT, message.alerts), (RECOVERY, message.recoveries)):
                alerts.told(connection, [each.id for each in some], what, channel.key, now)
        for each in (*message.alerts, *message.recoveries):
            what = ALERT if each.resolved_at is None else RECOVERY
            each.deliveries.setdefault(channel.key, {})[what] = now.isoformat()
    done = [each for each in waiting if not any(each.awaited_by(channel.key) for channel in everybody)]
    with connection.begin():
        told_ids = [each.id for each in done if each.resolved_at is None]
        alerts.settle(connection, told_ids, [each.id for each in done if each.resolved_at is not None], now)


def channels(settings: Settings) -> list[Channel]:
    """Everybody who is to be told, as configured."""
    found = [
        Channel(
            _key("webhook", each.url),
            f"the webhook at {webhooks.place(each)}",
            partial(webhooks.send, each, settings),
        )
        for each in settings.notify.webhooks
    ]
    if (mail := settings.notify.mail) is not None:
        name = f"{len(mail.to)} mailboxes by {mail.server}"
        found.append(Channel(_key("mail", *mail.to), name, partial(mailing.send, mail)))
    return found


def _key(kind: str, *address: str) -> str:
    return f"{kind} {hashlib.sha256(chr(0).join(address).encode()).hexdigest()[:16]}"


def _message(channel: Channel, waiting: Sequence[Alert], group: float, now: datetime) -> Message | None:
    """What the channel is to be told now; None where that is nothing, or may still become more."""
    fresh = [each for each in waiting if each.awaited_by(channel.key) == ALERT and _ripe_at(each) <= now]
    ended = [each for each in waiting if each.awaited_by(channel.key) == RECOVERY]
    since = min(
        [_ripe_at(each) for each in fresh] + [each.resolved_at or now for each in ended], default=None
    )
    if since is None or now - since < timedelta(seconds=group):
        return None
    return Message(fresh, ended, now)


def _ripe_at(alert: Alert) -> datetime:
    return alert.since + timedelta(seconds=alerting.PATIENCE.get(alert.kind, 0.0))


def _sent(channel: Channel, message: Message) -> bool:
    try:
        why = channel.send(message)
    except Exception:  # noqa: BLE001 - a mistake of ours with one channel must not keep the others from being told
        _log.exception("a message was not delivered by a mistake in harvester itself", to=channel.name)
        return False
    if why is not None:
        _log.warning("a message was not delivered; it is tried again", to=channel.name, reason=why)
        return False
    count = {"alerts": len(message.alerts), "recoveries": len(message.recoveries)}
    _log.info("a message was delivered", to=channel.name, id=message.id, **count)
    return True


def _muted(connection: Connection, settings: Settings) -> dict[int, str]:
    """Repositories that the operator wants to hear nothing of: their names by number."""
    quiet = [each for each in settings.repositories if not each.notify]
    if not quiet:
        return {}
    names = [each.name for each in quiet if each.name]
    found = alerts.registered(connection, names, [each.url for each in quiet if each.url])
    return {number: name for number, name, url in found if not settings.of(name, url).notify}


def _all_muted(alert: Alert, muted: Collection[str]) -> bool:
    """Whether an alert about a host is about muted repositories alone."""
    harvested = alert.evidence.get("repositories") or ()
    return bool(harvested) and set(harvested) <= set(muted)
