"""What the reports of harvests and of reconciliations have in common."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from harvester.cli import output

if TYPE_CHECKING:
    from harvester.harvest.harvest import Report as Harvested
    from harvester.harvest.reconcile import Report as Reconciled

_CODES = {"complete": 0, "complete_unverified": 0, "incomplete": 3, "held": 3, "interrupted": 130}


def exit_code(report: "Harvested | Reconciled") -> int:
    """0 done, 1 failed, 3 a person is needed, 130 interrupted (README, "Exit codes")."""
    code = _CODES.get(report.outcome, 1)
    quarantined = any(each.counts.quarantined for each in report.streams)
    return 3 if code == 0 and quarantined else code


def as_json(report: "Harvested | Reconciled", numbers: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
    """The documented JSON; `numbers` are what a stream's report has besides."""
    return {
        "outcome": report.outcome,
        "repository": report.repository,
        "base_url": report.base_url,
        "sentence": report.sentence,
        "evidence": report.evidence,
        "streams": [
            {
                "set": each.stream.set_spec or None,
                "format": each.stream.format,
                "outcome": each.outcome,
                "reason": each.reason,
                "sentence": each.sentence,
                **numbers(each),
                "seconds": round(each.seconds, 3),
                "evidence": each.evidence,
            }
            for each in report.streams
        ],
    }


def show(report: "Harvested | Reconciled", numbers: Callable[[Any], Iterable[str]]) -> None:
    """The report for a person; `numbers` are the lines of a stream's report besides."""
    if report.sentence:
        output.eyes(f"{report.outcome}: {output.plain(report.sentence)}")
    for each in report.streams:
        where = f"{report.repository} {each.stream.set_spec or '(all)'} {each.stream.format}"
        output.eyes(f"{output.plain(where)}: {each.outcome}")
        for sentence in ([each.sentence] if each.sentence else []) + [*numbers(each)]:
            output.eyes(f"  {output.plain(sentence)}")
        if each.counts.quarantined:
            output.eyes(f"  {each.counts.quarantined:,} could not be read; they are kept whole in quarantine")
