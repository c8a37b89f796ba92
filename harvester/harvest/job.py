"""What one call of `harvest` holds, and how it outlives the loss of its connection to Postgres."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from sqlalchemy import Connection, select
from sqlalchemy.exc import DBAPIError, OperationalError

from harvester import clock
from harvester.crosswalk.preference import PREFERENCE
from harvester.harvest.cutting import LONGEST
from harvester.harvest.plans import Wish
from harvester.harvest.progress import Listener
from harvester.harvest.turn import Turn
from harvester.oai import repository as oai

T = TypeVar("T")

_AWAY = 30.0  # seconds: a restart or a failover is over by then
_GLANCE = 0.5  # seconds between two looks at whether Postgres is back
# In a row without a page: what ends a backend each time is not to be asked for again and again.
_MOST_LOSSES = 5
# PostgreSQL, appendix A: connection exceptions, shutdown and start-up, too many connections.
_AWAY_STATES = ("08", "57P01", "57P02", "57P03", "53300")
# Serialization failure, deadlock: our transaction was the one that gave way.
_TRY_AGAIN_STATES = ("40001", "40P01")


@dataclass(slots=True)
class Job:
    """The connection that holds the host's lock, the turn at the host, the repository, and who listens."""

    connection: Connection
    url: str
    wish: Wish
    turn: Turn
    listener: Listener
    repository: oai.Repository
    longest_list: float = LONGEST  # seconds: a list that takes longer is cut into windows
    preference: tuple[str, ...] = field(default=PREFERENCE, init=False)  # the repository's order of formats
    losses: int = field(default=0, init=False)  # in a row; a committed page sets it to 0

    def lasting(self, step: Callable[[], T]) -> T:
        """Do a step; where Postgres went away meanwhile, wait for it and do the step again from its beginning.

        Raises the step's own errors, and sqlalchemy's DBAPIError where Postgres stays away.
        """
        while True:
            try:
                return step()
            except DBAPIError as error:
                self._reconnect(error)

    def give_up(self) -> None:
        """Let go of whatever transaction is open, after an error that ends the stream's run."""
        try:
            self.connection.rollback()
        except DBAPIError:
            self._discard()

    def _reconnect(self, error: DBAPIError) -> None:
        if not _passes(error) or self.losses >= _MOST_LOSSES:
            raise error
        self.losses += 1
        self.listener.tell("the connection to the catalogue's Postgres is lost; waiting for it to come back")
        self._discard()
        deadline = clock.monotonic() + _AWAY
        while True:
            try:
                self.connection.execute(select(1))
                self.connection.commit()
                return
            except DBAPIError as still:
                self._discard()
                if not _passes(still) or clock.monotonic() > deadline:
                    raise
            self.turn.nap(_GLANCE)

    def _discard(self) -> None:
        """The session is gone, and its locks with it; the next statement opens another."""
        self.turn.lost()
        self.connection.invalidate()
        self.connection.rollback()


def _passes(error: DBAPIError) -> bool:
    """Whether it is the connection that failed, or a rival, and not the statement."""
    code = getattr(error.orig, "sqlstate", None)
    if code is None:
        return error.connection_invalidated or isinstance(error, OperationalError)
    return error.connection_invalidated or code.startswith(_AWAY_STATES + _TRY_AGAIN_STATES)
