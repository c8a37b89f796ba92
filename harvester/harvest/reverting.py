"""Undoes what a reconciliation has removed: its tombstones live again, with the entries and the XML that they have kept."""

from sqlalchemy.exc import DBAPIError

from harvester import clock
from harvester.catalogue import census, hosts, ledger, page_marks, reconciliations, runs, vanished, writer
from harvester.catalogue.ledger import Stream
from harvester.catalogue.reconciliations import Reconciliation
from harvester.catalogue.runs import Counts, Tally, Verdict
from harvester.errors import HarvesterError, Retriable
from harvester.harvest import outcomes
from harvester.harvest.job import Job
from harvester.harvest.reconcile_run import StreamReconciled
from harvester.harvest.stream_run import ours

_BATCH = 500  # records of one transaction


def revert_stream(job: Job, stream: Stream) -> StreamReconciled:
    """Undo the stream's last reconciliation that has removed records; whatever happens ends in the report.

    The repository is asked for nothing. Cut anywhere, it is finished by the same call.
    """
    started = clock.monotonic()
    counts = Counts()
    try:
        verdict = _revert(job, stream, counts)
    except (HarvesterError, DBAPIError) as error:
        job.give_up()
        verdict = outcomes.of_error(ours(error), pages=0)
    return StreamReconciled(
        stream,
        verdict.outcome,
        verdict.reason,
        verdict.sentence,
        revived=counts.updated,
        counts=counts,
        seconds=clock.monotonic() - started,
    )


def _revert(job: Job, stream: Stream, counts: Counts) -> Verdict:
    connection = job.connection
    _hold_host(job)
    with connection.begin():
        standing = reconciliations.last_removing(connection, stream)
        if standing is None:
            return Verdict(
                "complete", "nothing_removed", "no reconciliation has removed anything of this stream"
            )
        plan = ledger.find_plan(connection, standing.plan_id)
        run_id = runs.start_run(connection, stream, plan, kind="reconcile")
    after = b""
    while keys := _revive_some(job, stream, standing, (run_id, after), counts):
        after = keys[-1]
        job.turn.check()
    sentence = f"{counts.updated:,} records live again that the reconciliation of {standing.begun_at:%Y-%m-%d} had removed"
    if standing.removed > counts.updated:
        sentence += f", of {standing.removed:,}: the others were changed since, or the repository itself marks them as deleted"
    if standing.left_set:
        sentence += "; memberships of the set that it ended come back with `harvester harvest --full`"
    verdict = Verdict("complete", "reverted", sentence)
    with connection.begin():
        reconciliations.move(connection, standing, "reverted", sentence=sentence)
        runs.finish_run(connection, run_id, verdict, 0, Tally())
    census.forget(connection, stream)
    return verdict


def _hold_host(job: Job) -> None:
    """A reconciliation that is still at work must not remove what is being brought back."""
    deadline = clock.monotonic() + job.turn.patience

    def keep_waiting() -> bool:
        job.turn.check()
        return clock.monotonic() < deadline

    if hosts.hold(job.connection, job.turn.host, keep_waiting) is None:
        raise Retriable(
            f"another harvester process is asking {job.turn.host}; it was waited for in vain (--wait waits longer)",
            reason="host_busy",
        )


def _revive_some(
    job: Job, stream: Stream, standing: Reconciliation, place: tuple[int, bytes], counts: Counts
) -> list[bytes]:
    """Bring some back, beyond `place`, which is (run, key); the keys that were looked at."""
    run_id, after = place
    connection = job.connection
    with connection.begin():
        keys = vanished.buried(connection, stream, standing.plan_id, after, _BATCH)
        if not keys:
            return keys
        page_id = page_marks.draw(connection)
        revived = vanished.revive(connection, stream, keys, page_id=page_id)
        writer.prefer(connection, stream.repository_id, revived.elsewhere, job.preference)
        made = Counts(updated=len(revived.keys))
        runs.add_counts(connection, run_id, made)
        page_marks.publish_loose(connection, page_id, run_id, (0, made.updated))
    counts.add(made)
    return keys
