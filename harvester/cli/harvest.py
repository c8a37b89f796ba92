"""harvester harvest: bring streams up to date, or go on where a harvest was cut."""

import gc
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harvester.cli import output, typed

if TYPE_CHECKING:
    from harvester.harvest.harvest import Report, Request
    from harvester.harvest.plans import Wish
    from harvester.harvest.progress import StreamReport

CODES = {"complete": 0, "complete_unverified": 0, "incomplete": 3, "held": 3, "interrupted": 130}
# In all under ten seconds from the signal to the end: the rest is for the catalogue.
_PAGE_IN_HAND = 8.0


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("harvest")(harvest)


_SOURCE = typer.Argument(
    metavar="SOURCE", help="A base URL, or the name of a registered repository.", callback=typed.text
)
_SET = typer.Option("--set", metavar="SPEC", help="Only this set; may be given again.", callback=typed.text)
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
_PACE = typer.Option(
    "--pace", min=0, max=86_400, metavar="SECONDS", help="At least this long between requests."
)
_WAIT = typer.Option(
    "--wait", min=0, max=604_800, metavar="SECONDS", help="How long to wait for a busy host in all."
)
_QUIET = typer.Option("--quiet", "-q", help="No progress.")
_JSON = typer.Option("--json", help="The report as JSON on stdout.")


def harvest(
    source: Annotated[str, _SOURCE],
    sets: Annotated[list[str] | None, _SET] = None,
    formats: Annotated[list[str] | None, _FORMAT] = None,
    from_: Annotated[str | None, _FROM] = None,
    until: Annotated[str | None, _UNTIL] = None,
    full: Annotated[bool, _FULL] = False,
    rolling: Annotated[bool, _ROLLING] = False,
    name: Annotated[str | None, _NAME] = None,
    pace: Annotated[float | None, _PACE] = None,
    wait: Annotated[float, _WAIT] = 600.0,
    quiet: Annotated[bool, _QUIET] = False,
    json_: Annotated[bool, _JSON] = False,
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
    raise typer.Exit(exit_code(report))


def _run(request: "Request", *, quiet: bool) -> "Report":
    from harvester.catalogue.connection import open_catalogue
    from harvester.cli.progress import listening
    from harvester.config import from_environment
    from harvester.harvest.harvest import harvest as run

    settings = from_environment()
    with stoppable() as stop, listening(quiet=quiet) as listener:
        engine = open_catalogue(settings, listener.tell)
        spare_the_collector()
        try:
            return run(engine, replace(request, settings=settings), listener, stop)
        finally:
            engine.dispose()


def spare_the_collector() -> None:
    """What is imported by now stays for ever: the garbage collector need not look at it for every few records."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


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


@contextmanager
def stoppable() -> Iterator[Any]:
    """SIGINT and SIGTERM finish the page in hand; a page that does not come is abandoned, and so on a second signal."""
    from harvester.errors import Interrupted

    asked = threading.Event()
    sentence = "stopped as asked; everything received is saved, the same command goes on from here"

    def give_up(*_: object) -> None:
        raise Interrupted(sentence)

    def stop(*_: object) -> None:
        if asked.is_set():
            raise Interrupted(sentence)
        asked.set()
        signal.setitimer(signal.ITIMER_REAL, _PAGE_IN_HAND)
        if sys.stderr is not None:
            # Not by `print` and its like: the signal may have come while stderr's buffer is being written.
            with suppress(OSError):
                os.write(2, b"harvester: stopping: what is in hand is finished and saved\n")

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    before[signal.SIGALRM] = signal.signal(signal.SIGALRM, give_up)
    try:
        yield asked.is_set
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)


def exit_code(report: "Report") -> int:
    """0 done, 1 failed, 3 a person is needed, 130 interrupted (README, "Exit codes")."""
    code = CODES.get(report.outcome, 1)
    quarantined = any(each.counts.quarantined for each in report.streams)
    return 3 if code == 0 and quarantined else code


def as_json(report: "Report") -> dict[str, Any]:
    """The documented JSON of a harvest."""
    return {
        "outcome": report.outcome,
        "repository": report.repository,
        "base_url": report.base_url,
        "sentence": report.sentence,
        "evidence": report.evidence,
        "streams": [_stream_json(each) for each in report.streams],
    }


def _stream_json(each: "StreamReport") -> dict[str, Any]:
    return {
        "set": each.stream.set_spec or None,
        "format": each.stream.format,
        "outcome": each.outcome,
        "reason": each.reason,
        "sentence": each.sentence,
        **asdict(each.counts),
        "seconds": round(each.seconds, 3),
        "unread": each.unread,
        "repairs": each.repairs,
        "evidence": each.evidence,
    }


def print_report(report: "Report") -> None:
    """The report for a person."""
    if report.sentence:
        output.eyes(f"{report.outcome}: {output.plain(report.sentence)}")
    for each in report.streams:
        counts = each.counts
        where = f"{report.repository} {each.stream.set_spec or '(all)'} {each.stream.format}"
        output.eyes(f"{output.plain(where)}: {each.outcome}")
        if each.sentence:
            output.eyes(f"  {output.plain(each.sentence)}")
        came = output.several(counts.received, "record") + " in " + output.several(counts.pages, "page")
        output.eyes(
            f"  {came}, {output.several(counts.requests, 'request')}, {each.seconds:,.1f} s: {counts.created:,} new, "
            f"{counts.updated:,} changed, {counts.unchanged:,} unchanged, {counts.deleted:,} deleted"
        )
        if counts.quarantined:
            output.eyes(f"  {counts.quarantined:,} could not be read; they are kept whole in quarantine")
        if each.repairs:
            output.eyes(f"  bytes repaired: {output.counted(each.repairs)}")
        if each.unread:
            output.eyes(f"  elements that no rule read: {output.plain(output.counted(each.unread))}")
