"""One question at a time, in our turn at the host: what is asked outside a list's walk."""

from collections.abc import Callable
from typing import TypeVar

from harvester.catalogue import hosts
from harvester.errors import RepositoryError, Retriable
from harvester.harvest.job import Job
from harvester.oai.repository import OF_A_RECORD

T = TypeVar("T")


def politely(job: Job, ask: Callable[[], T]) -> T:
    """Ask when the host may be asked, and obey a pause that it asks for as long as patience lasts.

    Raises what `ask` raises; at once where one record may be what fails.
    """
    turn = job.turn
    while True:
        turn.take()
        try:
            answer = ask()
        except Retriable as error:
            note(job)
            if error.reason in OF_A_RECORD:
                turn.failed(error)
                raise
            turn.postpone(error)
            continue
        except RepositoryError:
            note(job)
            raise
        turn.asked(waited=note(job))
        return answer


def note(job: Job) -> bool:
    """Write down for everybody that the host was asked; tells whether somebody waits for it."""
    with job.connection.begin():
        return hosts.asked(job.connection, job.turn.host, job.turn.pause)
