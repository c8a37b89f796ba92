"""One host, one asker, among all processes: a session advisory lock held for a slice of work, and a host row.

A killed process frees its lock at once, with its session. The row carries what all must respect: when the host may be
asked next, the pause that penalties have earned, and whether somebody waits.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from sqlalchemy import Connection, bindparam, case, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import OperationalError

from harvester.catalogue.tables import hosts

_WAIT_SLICE = "1s"  # how often somebody who waits looks up, to notice that he is asked to stop
# A host without a pace that answers 429 or 503: one request a second, halved from there.
_FIRST_PAUSE = timedelta(seconds=1)
_SLOWEST = timedelta(minutes=2)
_RECOVERY = timedelta(minutes=10)  # a clean ten minutes give back ten per cent of the rate


@dataclass(frozen=True, slots=True)
class Host:
    """The host row: `next_allowed_at` by the database's clock, `pause` in seconds; `failures` in a row, of all that is there."""

    name: str
    next_allowed_at: datetime | None
    pause: float
    now: datetime
    failures: int = 0
    closed_until: datetime | None = None

    @property
    def wait(self) -> float:
        """Seconds until the host may be asked."""
        return max(0.0, (self.next_allowed_at - self.now).total_seconds()) if self.next_allowed_at else 0.0


def hold(connection: Connection, name: str, keep_waiting: Callable[[], bool]) -> datetime | None:
    """Take the host's lock, waiting in turn as long as `keep_waiting` says; when it was asked for last, or None.

    The lock belongs to the session: it outlives transactions and ends with the connection.
    """
    since, got = connection.execute(
        select(func.clock_timestamp(), func.pg_try_advisory_lock(_key(name)))
    ).one()
    connection.commit()
    while not got:
        if not keep_waiting():
            return None
        # Said again each time: whoever takes the lock between two of our waits clears the sign.
        sign = upsert(hosts).values(name=name, waiting_at=func.clock_timestamp())
        connection.execute(
            sign.on_conflict_do_update(index_elements=["name"], set_={"waiting_at": sign.excluded.waiting_at})
        )
        connection.commit()
        try:
            connection.execute(text(f"SET LOCAL lock_timeout = '{_WAIT_SLICE}'"))
            # The time is taken before the wait: who let us in may wait again, and give its sign, before we know that we are in.
            since, got = connection.execute(
                select(func.clock_timestamp(), func.pg_advisory_lock(_key(name)).is_not(None))
            ).one()
            connection.commit()
        except OperationalError as error:
            connection.rollback()
            if getattr(error.orig, "sqlstate", None) != "55P03":  # lock_not_available
                raise
    return cast(datetime, since)


def let_go(connection: Connection, name: str, pace: float = 0.0) -> None:
    """Free the host's lock, and say that we have ended our work there; whoever comes next waits `pace` seconds.

    Our last request may have brought no page that would have told when the next is allowed.
    """
    later = func.clock_timestamp() + func.make_interval(0, 0, 0, 0, 0, 0, pace)
    allowed = func.greatest(hosts.c.next_allowed_at, later) if pace else hosts.c.next_allowed_at
    connection.execute(
        update(hosts)
        .where(hosts.c.name == name, hosts.c.in_hand)
        .values(in_hand=False, next_allowed_at=allowed)
    )
    connection.execute(select(func.pg_advisory_unlock(_key(name))))
    connection.commit()


def look(connection: Connection, name: str, since: datetime, pace: float = 0.0) -> Host:
    """The host's row, made where it is missing, for who asked for the lock at `since` and holds it.

    A sign that somebody waits is cleared where it is older: it was ours, or whoever gave it gives it again. Where the one
    before us died with the host in hand, it may have asked a moment ago: `pace` seconds are waited from now.
    """
    wait = func.make_interval(0, 0, 0, 0, 0, 0, func.greatest(hosts.c.pause, pace))
    connection.execute(upsert(hosts).values(name=name).on_conflict_do_nothing())
    row = connection.execute(
        update(hosts)
        .where(hosts.c.name == name)
        .values(
            waiting_at=case((hosts.c.waiting_at > since, hosts.c.waiting_at), else_=None),
            next_allowed_at=case(
                (hosts.c.in_hand, func.greatest(hosts.c.next_allowed_at, func.clock_timestamp() + wait)),
                else_=hosts.c.next_allowed_at,
            ),
            in_hand=True,
        )
        .returning(hosts.c.next_allowed_at, hosts.c.pause, func.clock_timestamp())
    ).one()
    connection.commit()
    return Host(name, row[0], row[1], row[2])


def read(connection: Connection, name: str) -> Host:
    """The host's row as it is; a host that was never asked has nothing in the way."""
    wanted = (
        hosts.c.next_allowed_at,
        hosts.c.pause,
        func.clock_timestamp(),
        hosts.c.failures,
        hosts.c.closed_until,
    )
    row = connection.execute(select(*wanted).where(hosts.c.name == name)).one_or_none()
    if row is None:
        return Host(name, None, 0.0, connection.execute(select(func.clock_timestamp())).scalar_one())
    return Host(name, *row)


def answers(connection: Connection, name: str) -> None:
    """The host has answered: nothing of it is broken. Written only where something was."""
    connection.execute(
        update(hosts)
        .where(hosts.c.name == name, or_(hosts.c.failures > 0, hosts.c.closed_until.is_not(None)))
        .values(failures=0, closed_until=None, updated_at=func.now())
    )


def fails(connection: Connection, name: str, closed_for: Callable[[int], float]) -> int:
    """The host could not be reached: how often now, in a row. It is left alone for as long as `closed_for` says of that."""
    failures = 1 + int(connection.scalar(select(hosts.c.failures).where(hosts.c.name == name)) or 0)
    until = func.clock_timestamp() + timedelta(seconds=closed_for(failures))
    row = upsert(hosts).values(name=name, failures=failures, closed_until=until)
    connection.execute(
        row.on_conflict_do_update(
            index_elements=["name"],
            set_={"failures": failures, "closed_until": until, "updated_at": func.now()},
        )
    )
    return failures


def asked(connection: Connection, name: str, pause: float) -> bool:
    """Note a request in the page's transaction: the next may follow after `pause` seconds, or the penalised pause where
    that is longer. Tells whether somebody waits.
    """
    row = connection.execute(_ASKED, {"host": name, "configured": pause}).one_or_none()
    return row is not None and row[0] is not None


_SOONEST = func.clock_timestamp() + func.make_interval(
    0, 0, 0, 0, 0, 0, func.greatest(hosts.c.pause, bindparam("configured", type_=hosts.c.pause.type))
)
# Made once: it runs for every page.
_ASKED = (
    update(hosts)
    .where(hosts.c.name == bindparam("host"))
    .values(
        next_allowed_at=func.greatest(hosts.c.next_allowed_at, _SOONEST),
        # +10 % of the rate per clean ten minutes, down to no added pause
        pause=case(
            (hosts.c.penalised_at.is_(None), hosts.c.pause),
            (func.clock_timestamp() - hosts.c.penalised_at < _RECOVERY, hosts.c.pause),
            (hosts.c.pause < _FIRST_PAUSE.total_seconds() / 2, 0.0),
            else_=hosts.c.pause / 1.1,
        ),
        penalised_at=case(
            (func.clock_timestamp() - hosts.c.penalised_at < _RECOVERY, hosts.c.penalised_at),
            (hosts.c.pause == 0, None),
            else_=func.clock_timestamp(),
        ),
    )
    .returning(hosts.c.waiting_at)
)


def postpone(connection: Connection, name: str, seconds: float) -> None:
    """The host asked for a pause (Retry-After): nobody asks before."""
    later = func.clock_timestamp() + timedelta(seconds=seconds)
    connection.execute(
        update(hosts)
        .where(hosts.c.name == name)
        .values(next_allowed_at=func.greatest(hosts.c.next_allowed_at, later), updated_at=func.now())
    )
    connection.commit()


def penalise(connection: Connection, name: str, configured: float) -> float:
    """429 or 503 without Retry-After, or a time-out: halve the rate, starting from one request a second.

    Returns the pause from now on, in seconds.
    """
    doubled = func.greatest(hosts.c.pause, configured, _FIRST_PAUSE.total_seconds() / 2) * 2
    pause: float | None = connection.scalar(
        update(hosts)
        .where(hosts.c.name == name)
        .values(
            pause=func.least(doubled, _SLOWEST.total_seconds()),
            penalised_at=func.clock_timestamp(),
            updated_at=func.now(),
        )
        .returning(hosts.c.pause)
    )
    connection.commit()
    return pause or 0.0


def _key(name: str) -> object:
    return func.hashtextextended("host " + name, 0)
