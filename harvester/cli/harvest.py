"""harvester harvest: bring streams up to date, or go on where a harvest was cut."""

from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harvester.cli import options, output, reports, typed
from harvester.cli.catalogue import opened
from harvester.cli.long_work import spare_the_collector, stoppable

if TYPE_CHECKING:
    from harvester.harvest.harvest import Report, Request
    from harvester.harvest.plans import Wish
    from harvester.harvest.progress import StreamReport


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("harvest")(harvest)


_SOURCE = typer.Argument(
    metavar="SOURCE", help="A base URL, or the name of a registered repository.", callback=typed.text
)
_FORMAT = typer.Option(
    "--format", metavar="PREFIX", help="metadataPrefix; may be given again.", callback=typed.text
)
_FROM = typer.Option("--from", metavar="DATE", help="Only records changed since then (UTC).")
_UNTIL = typer.Option("--until", metavar="DATE", help="Only records changed until then (UTC).")
_FULL = typer.Option("--full", help="From the beginning, not only what changed.")
_ROLLING = typer.Option(
    "--rolling",
    help="The slice that is due of a slow second harvest of everything, for edits that moved no date.",
)
_NAME = typer.Option("--name", metavar="NAME", help="The name for a new repository.", callback=typed.text)


def harvest(
    source: Annotated[str, _SOURCE],
    sets: options.Sets = None,
    formats: Annotated[list[str] | None, _FORMAT] = None,
    from_: Annotated[str | None, _FROM] = None,
    until: Annotated[str | None, _UNTIL] = None,
    full: Annotated[bool, _FULL] = False,
    rolling: Annotated[bool, _ROLLING] = False,
    name: Annotated[str | None, _NAME] = None,
    pace: options.Pace = None,
    wait: options.Wait = 600.0,
    quiet: options.Quiet = False,
    json_: options.Report = False,
) -> None:
    """Harvest a repository, or take what changed since last time.

    \b
    harvester harvest https://api.figshare.com/v2/oai --set portal_15
    harvester harvest https://zenodo.org/oai2d --format oai_datacite --name zenodo
    harvester harvest zenodo

    The same command goes on where a harvest was cut. Without --set and --format: every stream registered for SOURCE.
    """
    from harvester.harvest.harvest import Request

    wish = _wish(from_, until, full=full, rolling=rolling)
    report = _run(Request(source, sets or [], formats or [], wish, name, pace, wait), quiet=quiet)
    if json_:
        output.document(as_json(report))
    else:
        print_report(report)
    raise typer.Exit(reports.exit_code(report))


def _run(request: "Request", *, quiet: bool) -> "Report":
    from harvester.cli.progress import listening
    from harvester.config import from_environment
    from harvester.harvest.harvest import harvest as run

    settings = from_environment()
    with (
        stoppable() as stop,
        listening(quiet=quiet) as listener,
        opened(settings, listener.tell) as engine,
    ):
        spare_the_collector()
        return run(engine, replace(request, settings=settings), listener, stop)


def _wish(from_: str | None, until: str | None, *, full: bool, rolling: bool) -> "Wish":
    from harvester.errors import ConfigError
    from harvester.harvest.plans import Wish
    from harvester.oai.datestamps import Granularity, argument

    try:
        first = None if from_ is None else argument(from_)
        last = None if until is None else argument(until)
    except ValueError as error:
        raise ConfigError(str(error)) from None
    upto = None if last is None else last.value
    if last is not None and last.granularity is Granularity.DAYS:
        upto = last.value + (Granularity.DAYS.unit - Granularity.SECONDS.unit)  # the whole of that day
    if first is not None and upto is not None and first.value > upto:
        raise ConfigError("--from is later than --until")
    if full and (first is not None or upto is not None):
        raise ConfigError("--full is everything: leave --from and --until out")
    if rolling and (full or first is not None or upto is not None):
        raise ConfigError("--rolling chooses its own dates: leave --full, --from and --until out")
    return Wish(full, rolling, None if first is None else first.value, upto)


def as_json(report: "Report") -> dict[str, Any]:
    """The documented JSON of a harvest."""
    return reports.as_json(
        report, lambda each: asdict(each.counts) | {"unread": each.unread, "repairs": each.repairs}
    )


def print_report(report: "Report") -> None:
    """The report for a person."""
    reports.show(report, _lines)


def _lines(each: "StreamReport") -> Iterator[str]:
    counts = each.counts
    came = output.several(counts.received, "record") + " in " + output.several(counts.pages, "page")
    yield (
        f"{came}, {output.several(counts.requests, 'request')}, {each.seconds:,.1f} s: {counts.created:,} new, "
        f"{counts.updated:,} changed, {counts.unchanged:,} unchanged, {counts.deleted:,} deleted"
    )
    if each.repairs:
        yield f"bytes repaired: {output.counted(each.repairs)}"
    if each.unread:
        yield f"elements that no rule read: {output.counted(each.unread)}"
