"""harvester reconcile: what the repository no longer lists, confirmed one by one and guarded."""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harvester.cli import options, output, reports, typed
from harvester.cli.catalogue import opened
from harvester.cli.long_work import spare_the_collector, stoppable

if TYPE_CHECKING:
    from harvester.harvest.harvest import Request
    from harvester.harvest.reconcile import Report
    from harvester.harvest.reconcile_run import StreamReconciled


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("reconcile")(reconcile)


_SOURCE = typer.Argument(
    metavar="SOURCE", help="The name or base URL of a registered repository.", callback=typed.text
)
_FORMAT = typer.Option(
    "--format", metavar="PREFIX", help="Only this metadataPrefix; may be given again.", callback=typed.text
)
_APPROVE = typer.Option("--approve", help="Go on with what was held, after a look at its numbers.")
_REVERT = typer.Option("--revert", help="Bring back what the last reconciliation removed.")


def reconcile(
    source: Annotated[str, _SOURCE],
    sets: options.Sets = None,
    formats: Annotated[list[str] | None, _FORMAT] = None,
    approve: Annotated[bool, _APPROVE] = False,
    revert: Annotated[bool, _REVERT] = False,
    pace: options.Pace = None,
    wait: options.Wait = 600.0,
    quiet: options.Quiet = False,
    json_: options.Report = False,
) -> None:
    """Find what a repository has deleted without a word.

    All identifiers are listed; what is held and not listed is asked for, one by one, and becomes a tombstone where it is gone.
    When more than 5 % and more than 20 records of a stream would go, or more than 1,000, or the list is empty or not whole, it
    is held for a person, and nothing is changed.

    \b
    harvester reconcile zenodo
    harvester reconcile zenodo --approve
    harvester reconcile zenodo --revert

    The same command goes on where a reconciliation was cut. Without --set and --format: every stream of SOURCE.
    """
    from harvester.errors import ConfigError
    from harvester.harvest.harvest import Request

    if approve and revert:
        raise ConfigError("--approve goes on with a reconciliation, --revert undoes one: give one of the two")
    request = Request(source, sets or [], formats or [], pace=pace, wait=wait)
    report = _run(request, approve=approve, revert=revert, quiet=quiet)
    if json_:
        output.document(as_json(report))
    else:
        print_report(report)
    raise typer.Exit(reports.exit_code(report))


def _run(request: "Request", *, approve: bool, revert: bool, quiet: bool) -> "Report":
    from harvester.cli.progress import listening
    from harvester.config import from_environment
    from harvester.harvest import reconcile as harvest

    settings = from_environment()
    with (
        stoppable() as stop,
        listening(quiet=quiet) as listener,
        opened(settings, listener.tell) as engine,
    ):
        spare_the_collector()
        wanted = replace(request, settings=settings)
        if revert:
            return harvest.revert(engine, wanted, listener, stop)
        return harvest.reconcile(engine, wanted, listener, stop, approve=approve)


_NUMBERS = ("listed", "live", "absent", "removed", "left_set", "found", "missing", "revived")


def as_json(report: "Report") -> dict[str, Any]:
    """The documented JSON of a reconciliation."""
    return reports.as_json(report, _numbers)


def _numbers(each: "StreamReconciled") -> dict[str, Any]:
    counts = {"quarantined": each.counts.quarantined, "requests": each.counts.requests}
    return {name: getattr(each, name) for name in _NUMBERS} | counts


def print_report(report: "Report") -> None:
    """The report for a person."""
    reports.show(report, _lines)


def _lines(each: "StreamReconciled") -> Iterator[str]:
    yield (
        f"{each.live:,} live records held, {each.listed:,} listed, {each.absent:,} not listed: "
        f"{each.removed:,} removed, {each.left_set:,} left the set, {each.found:,} found all the same; "
        f"{output.several(each.counts.requests, 'request')}, {each.seconds:,.1f} s"
    )
