"""harvester reconcile: what the repository no longer lists, confirmed one by one and guarded."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from harvester.cli import output, typed
from harvester.cli.harvest import CODES, spare_the_collector, stoppable

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
_SET = typer.Option("--set", metavar="SPEC", help="Only this set; may be given again.", callback=typed.text)
_FORMAT = typer.Option(
    "--format", metavar="PREFIX", help="Only this metadataPrefix; may be given again.", callback=typed.text
)
_APPROVE = typer.Option("--approve", help="Go on with what was held, after a look at its numbers.")
_REVERT = typer.Option("--revert", help="Bring back what the last reconciliation removed.")
_PACE = typer.Option(
    "--pace", min=0, max=86_400, metavar="SECONDS", help="At least this long between requests."
)
_WAIT = typer.Option(
    "--wait", min=0, max=604_800, metavar="SECONDS", help="How long to wait for a busy host in all."
)
_QUIET = typer.Option("--quiet", "-q", help="No progress.")
_JSON = typer.Option("--json", help="The report as JSON on stdout.")


def reconcile(
    source: Annotated[str, _SOURCE],
    sets: Annotated[list[str] | None, _SET] = None,
    formats: Annotated[list[str] | None, _FORMAT] = None,
    approve: Annotated[bool, _APPROVE] = False,
    revert: Annotated[bool, _REVERT] = False,
    pace: Annotated[float | None, _PACE] = None,
    wait: Annotated[float, _WAIT] = 600.0,
    quiet: Annotated[bool, _QUIET] = False,
    json_: Annotated[bool, _JSON] = False,
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
    raise typer.Exit(exit_code(report))


def _run(request: "Request", *, approve: bool, revert: bool, quiet: bool) -> "Report":
    from dataclasses import replace

    from harvester.catalogue.connection import open_catalogue
    from harvester.cli.progress import listening
    from harvester.config import from_environment
    from harvester.harvest import reconcile as harvest

    settings = from_environment()
    with stoppable() as stop, listening(quiet=quiet) as listener:
        engine = open_catalogue(settings, listener.tell)
        spare_the_collector()
        wanted = replace(request, settings=settings)
        try:
            if revert:
                return harvest.revert(engine, wanted, listener, stop)
            return harvest.reconcile(engine, wanted, listener, stop, approve=approve)
        finally:
            engine.dispose()


def exit_code(report: "Report") -> int:
    """0 done, 1 failed, 3 a person is needed, 130 interrupted (README, "Exit codes")."""
    code = CODES.get(report.outcome, 1)
    quarantined = any(each.counts.quarantined for each in report.streams)
    return 3 if code == 0 and quarantined else code


def as_json(report: "Report") -> dict[str, Any]:
    """The documented JSON of a reconciliation."""
    return {
        "outcome": report.outcome,
        "repository": report.repository,
        "base_url": report.base_url,
        "sentence": report.sentence,
        "evidence": report.evidence,
        "streams": [_stream_json(each) for each in report.streams],
    }


_NUMBERS = ("listed", "live", "absent", "removed", "left_set", "found", "missing", "revived")


def _stream_json(each: "StreamReconciled") -> dict[str, Any]:
    return {
        "set": each.stream.set_spec or None,
        "format": each.stream.format,
        "outcome": each.outcome,
        "reason": each.reason,
        "sentence": each.sentence,
        **{name: getattr(each, name) for name in _NUMBERS},
        "quarantined": each.counts.quarantined,
        "requests": each.counts.requests,
        "seconds": round(each.seconds, 3),
        "evidence": each.evidence,
    }


def print_report(report: "Report") -> None:
    """The report for a person."""
    if report.sentence:
        output.eyes(f"{report.outcome}: {output.plain(report.sentence)}")
    for each in report.streams:
        where = f"{report.repository} {each.stream.set_spec or '(all)'} {each.stream.format}"
        output.eyes(f"{output.plain(where)}: {each.outcome}")
        if each.sentence:
            output.eyes(f"  {output.plain(each.sentence)}")
        output.eyes(
            f"  {each.live:,} live records held, {each.listed:,} listed, {each.absent:,} not listed: "
            f"{each.removed:,} removed, {each.left_set:,} left the set, {each.found:,} found all the same; "
            f"{output.several(each.counts.requests, 'request')}, {each.seconds:,.1f} s"
        )
        if each.counts.quarantined:
            output.eyes(f"  {each.counts.quarantined:,} could not be read; they are kept whole in quarantine")
