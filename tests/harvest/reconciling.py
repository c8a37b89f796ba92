"""Reconciles a fake repository with a catalogue that other tests share, and checks what must hold after it."""

from collections.abc import Callable
from typing import Any

from asking import QUICK, Asker

from harvester.harvest import reconcile
from harvester.harvest.harvest import Request
from harvester.harvest.progress import Listener
from harvester.harvest.reconcile import Report
from harvester.harvest.reconcile_run import StreamReconciled
from harvester.mock import FakeRepository

_RECOUNT = """
    SELECT records.format, set_id, count(*) FILTER (WHERE NOT deleted), count(*) FILTER (WHERE deleted)
    FROM records JOIN repositories ON repositories.id = records.repository_id, unnest(0 || proven_sets) AS set_id
    WHERE repositories.name = :name GROUP BY 1, 2 ORDER BY 1, 2
"""
_TALLIED = """
    SELECT format, set_id, live, deleted
    FROM tallies JOIN repositories ON repositories.id = tallies.repository_id
    WHERE repositories.name = :name AND live + deleted > 0 ORDER BY 1, 2
"""
# A page of the change feed holds what it says that it has changed, unless a later page has changed it again.
_OVERFULL = """
    SELECT pages.id FROM pages JOIN runs ON runs.id = pages.run_id JOIN records ON records.page_id = pages.id
    JOIN repositories ON repositories.id = records.repository_id
    WHERE repositories.name = :name GROUP BY pages.id, pages.changed HAVING count(*) > pages.changed
"""


def options(ask: Asker, **more: Any) -> Request:
    """A request as `Asker` makes it."""
    settled = {"limits": QUICK, "jitter": lambda: -0.5, "wait": 0.0} | more
    return Request(ask.name, **settled)


def run(
    ask: Asker,
    *,
    approve: bool = False,
    listener: Listener | None = None,
    stop: Callable[[], bool] = lambda: False,
    **more: Any,
) -> Report:
    """Reconcile once."""
    return reconcile.reconcile(ask.engine, options(ask, **more), listener, stop, approve=approve)


def only(report: Report) -> StreamReconciled:
    """The report of the one stream."""
    (stream,) = report.streams
    return stream


def check(ask: Asker) -> None:
    """The roll-ups are what a recount gives, no feed page holds more than it says, nothing of a census is left behind."""
    assert ask.rows(_TALLIED) == ask.rows(_RECOUNT)
    assert ask.rows(_OVERFULL) == []
    over = "SELECT count(*) FROM census JOIN reconciliations USING (plan_id) WHERE state IN ('done', 'abandoned', 'reverted')"
    assert ask.one(over) == 0


def reasons(ask: Asker) -> dict[str, int]:
    """How many tombstones there are by their reason."""
    found = ask.rows(
        "SELECT deleted_reason, count(*) FROM records JOIN repositories ON repositories.id = repository_id"
        " WHERE repositories.name = :name AND deleted GROUP BY 1"
    )
    return {str(each[0]): int(each[1]) for each in found}


def live(fake: FakeRepository) -> list[str]:
    """Identifiers of the store's live records."""
    return [each.identifier for each in fake.store.records if not each.deleted]


def state(ask: Asker) -> str:
    """That of the repository's last reconciliation."""
    found = ask.one(
        "SELECT reconciliations.state FROM reconciliations JOIN streams ON streams.id = stream_id"
        " JOIN repositories ON repositories.id = repository_id WHERE repositories.name = :name"
        " ORDER BY reconciliations.id DESC LIMIT 1"
    )
    return str(found)
