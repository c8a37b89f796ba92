"""What a run has just put into quarantine is asked for once more, record by record, before the run ends.

What is broken in a list may be whole by itself: lists and records are often written by different code, or from another store.
"""

from harvester import clock
from harvester.catalogue import retries, runs
from harvester.catalogue.ledger import Stream
from harvester.catalogue.runs import Counts
from harvester.errors import RepositoryError, Retriable
from harvester.harvest.asking import note
from harvester.harvest.job import Job
from harvester.harvest.one_by_one import get_record
from harvester.harvest.pages import Committer
from harvester.oai.records import Page, Record
from harvester.oai.repository import OF_A_RECORD

# Broken bytes; an empty <metadata/> or a header without identifier would only come again.
REASONS = ("malformed_record", "record_too_large", "another_record", *sorted(OF_A_RECORD))
MOST = 20
_MOST_IN_VAIN = 2  # requests in a row: a harvest does not wait for a GetRecord that does not work


def heal(job: Job, stream: Stream, run_id: int) -> Counts:
    """Ask once for each record that this run has put into quarantine, MOST at most; by how much the run's counts change.

    What comes whole is committed and released, so that the run has quarantined less. What does not, waits for
    `harvester quarantine retry`. Raises Interrupted, and sqlalchemy's DBAPIError.
    """
    connection = job.connection
    with connection.begin():
        named = retries.named_of_run(connection, stream, run_id, reasons=REASONS, limit=MOST)
    changed = Counts()
    if not named:
        return changed
    committer = Committer.open(connection, stream, run_id, job.turn.host, preference=job.preference)
    once, job.repository.bisecting = job.repository.bisecting, True
    try:
        _ask(job, committer, named, changed)
    finally:
        job.repository.bisecting = once
    with connection.begin():
        waits = len(retries.numbers_of_run(connection, stream, run_id))
        less = Counts(quarantined=min(0, waits - runs.counts_of(connection, run_id).quarantined))
        runs.add_counts(connection, run_id, less)
    changed.add(less)
    return changed


def _ask(job: Job, committer: Committer, named: list[str], changed: Counts) -> None:
    came = vain = 0
    for identifier in named:
        job.turn.take()
        before = job.repository.requests
        try:
            got = get_record(job.repository, identifier, committer.stream.format)
        except RepositoryError as error:
            note(job)
            if isinstance(error, Retriable):
                job.turn.failed(error)
            job.listener.tell(f"{error}; what came broken is asked for again another time")
            break
        job.turn.asked(waited=note(job))
        if isinstance(got, Record):
            made = committer.keep(alone(got), job.repository.requests - before)
            changed.add(made.counts)
            came += not made.broken
        vain = (
            vain + 1 if got is not None and not isinstance(got, Record) and got.reason in OF_A_RECORD else 0
        )
        if vain >= _MOST_IN_VAIN:
            break
    if came:
        job.listener.tell(
            f"{came:,} of {len(named):,} records that came broken came whole when asked for one by one"
        )


def alone(record: Record) -> Page:
    """A record that came by itself, as a page."""
    now = clock.now()
    return Page((record,), (), None, now, None, now)
