"""Which pass a reconciliation works on: the one that was cut, the one that was held and is approved, else a new one."""

from typing import NamedTuple

from harvester.catalogue import census, ledger, reconciliations, runs, windows
from harvester.catalogue.ledger import Plan, Repository, Stream
from harvester.catalogue.reconciliations import Reconciliation
from harvester.harvest import guarding, outcomes
from harvester.harvest.job import Job
from harvester.oai.datestamps import Granularity
from harvester.oai.traits import Traits


class Taken(NamedTuple):
    """The pass, and the run that works on it from now on."""

    standing: Reconciliation
    run_id: int


def take_up(job: Job, repository: Repository, stream: Stream, *, approve: bool) -> Taken | None:
    """Take up a pass, or begin one, in one transaction; None where nothing of the stream is held.

    A held pass goes on only where it is approved, and its list is whole; else another takes its place.
    """
    connection = job.connection
    with connection.begin():
        if not census.held(connection, stream):
            return None
        standing = reconciliations.current(connection, stream)
        if standing is not None and not _goes_on(job, repository, standing, approve=approve):
            standing = None
        if standing is None:
            plan = _new_plan(job, repository, stream)
            standing = reconciliations.begin(connection, stream, plan)
        else:
            plan = ledger.find_plan(connection, standing.plan_id)
        run_id = runs.start_run(connection, stream, plan, kind="reconcile")
        reconciliations.work(connection, standing, run_id)
        if standing.state == "held":
            reconciliations.approve(connection, standing)
    return Taken(standing, run_id)


def _goes_on(job: Job, repository: Repository, standing: Reconciliation, *, approve: bool) -> bool:
    if standing.stale:
        job.listener.tell(
            f"the reconciliation begun {standing.begun_at:%Y-%m-%d %H:%M} is too old; a new one begins"
        )
        return False
    if standing.state != "held":
        return True
    if not approve:
        return False
    plan = ledger.find_plan(job.connection, standing.plan_id)
    done = windows.ended(job.connection, plan)
    ending = outcomes.judge_plan(plan, done, Traits.of(repository.traits))
    if ending is not None and guarding.is_whole(ending, done):
        return True
    job.listener.tell("a list that is not whole cannot be approved; it is asked for anew")
    return False


def _new_plan(job: Job, repository: Repository, stream: Stream) -> Plan:
    known = Traits.of(repository.traits)
    granularity = Granularity.declared(known.granularity or repository.granularity)
    return ledger.new_plan(
        job.connection, stream, kind="reconcile", bounds=(None, None), granularity=granularity.value
    )
