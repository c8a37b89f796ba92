"""harvester probe: what a repository says and what it really does, with an estimate and advice."""

import os
import tempfile
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harvester.cli import options, output, typed
from harvester.cli.catalogue import opened
from harvester.cli.long_work import stoppable

if TYPE_CHECKING:
    from harvester.harvest.probe_report import ProbeReport

_CODES = {"complete": 0, "incomplete": 3}


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("probe")(probe)


_SOURCE = typer.Argument(
    metavar="SOURCE", help="A base URL, or the name of a registered repository.", callback=typed.text
)
_CAPTURE = typer.Option("--capture", metavar="DIR", help="Keep every answer in this new folder.")
_OUTPUT = typer.Option("--output", "-o", metavar="FILE", help="The traits as a JSON file, to pass on.")


def probe(
    source: Annotated[str, _SOURCE],
    capture: Annotated[Path | None, _CAPTURE] = None,
    file: Annotated[Path | None, _OUTPUT] = None,
    pace: options.Pace = None,
    wait: options.Wait = 600.0,
    quiet: options.Quiet = False,
    json_: options.Report = False,
) -> None:
    """Find out what a repository says and really does.

    About thirty requests, politely; nothing is registered.

    Of a registered repository the traits are kept: later harvests choose their way by them.
    """
    from harvester.config import from_environment
    from harvester.errors import Interrupted
    from harvester.harvest.probing import ProbeRequest
    from harvester.harvest.probing import probe as run

    settings = from_environment()
    tell = (lambda _: None) if quiet else output.tell
    with stoppable() as stop, opened(settings, tell) as engine:
        try:
            report = run(engine, ProbeRequest(source, pace, wait, capture, settings), tell, stop)
        except Interrupted:
            raise Interrupted("stopped as asked; the probe is not finished, and no trait was kept") from None
    if file is not None and report.outcome in _CODES:
        _write(file, as_traits(report))
    if json_:
        output.document(as_json(report))
    else:
        print_report(report)
    raise typer.Exit(_CODES.get(report.outcome, 1))


def as_json(report: "ProbeReport") -> dict[str, Any]:
    """The documented JSON of a probe."""
    said = {each.name: getattr(report, each.name) for each in fields(report)}
    return said | {"estimate": [asdict(each) for each in report.estimate]}


def as_traits(report: "ProbeReport") -> dict[str, Any]:
    """What is passed on: the traits that were observed."""
    observed = {name: each for name, each in report.traits.items() if each["value"] is not None}
    return {"base_url": report.base_url, "probed_at": report.probed_at, "traits": observed}


def _write(file: Path, said: dict[str, Any]) -> None:
    """Whole or not at all."""
    place = file.absolute()
    descriptor, name = tempfile.mkstemp(prefix=f".{place.name}-", dir=place.parent)
    part = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(output.to_json(said, indent=2) + "\n")
        part.chmod(0o644)
        part.replace(place)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def print_report(report: "ProbeReport") -> None:
    """The report for a person."""
    if report.sentence:
        output.eyes(f"{report.outcome}: {output.plain(report.sentence)}")
    if report.outcome not in _CODES and not report.formats:
        return
    said = report.identify or {}
    protocol = f"OAI-PMH {said.get('protocol_version') or '(no version told)'}"
    policy = f"deletions: {said.get('deleted_record') or '(nothing told)'}"
    parts = (said.get("name") or report.base_url, protocol, policy, f"datestamps: {said.get('granularity')}")
    output.eyes(output.plain(" · ".join(str(each) for each in parts)))
    rows = [(name, _shown(each["value"]), each["how"]) for name, each in report.traits.items()]
    output.table(("trait", "value", "how"), rows)
    _print_formats(report)
    listed = report.sets["listed"]
    if listed:
        more = "" if report.sets["whole"] else " and more"
        some = ", ".join(report.sets["sample"][:5])
        output.eyes(f"{output.several(listed, 'set')}{more}, such as {output.plain(some)}")
    for sentence in report.advice:
        output.eyes(f"! {output.plain(sentence)}")
    output.eyes(f"{output.several(report.requests, 'request')}, {report.seconds:,.1f} s")
    output.eyes(
        f"keep it: harvester harvest {output.plain(report.repository or report.base_url)}{_option(report)}"
    )


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return "" if value is None else str(value)


def _print_formats(report: "ProbeReport") -> None:
    if not report.formats:
        return
    costs = {each.prefix: each for each in report.estimate}
    rows = []
    for each in report.formats:
        cost = costs.get(each["prefix"])
        read = f"{each['read']} of {each['live']}" if each["sampled"] else each["sentence"]
        requests = "" if cost is None or cost.requests is None else f"{cost.requests:,}"
        hours = "" if cost is None or cost.hours is None else _lasting(cost.hours)
        who = ", ".join(each["crosswalks"]) or ("yes, by its namespace" if each["known"] else "best effort")
        rows.append((each["prefix"], each["namespace"], who, read, requests, hours))
    output.table(("format", "namespace", "read by", "on its first page", "requests", "in all"), rows)


def _lasting(hours: float) -> str:
    if hours < 1 / 60:
        return f"{hours * 3600:,.0f} s"
    return f"{hours * 60:,.0f} min" if hours < 1 else f"{hours:,.1f} h"


def _option(report: "ProbeReport") -> str:
    """The format that says most of those which are read, as an option of `harvest`."""
    from harvester.crosswalk.preference import PREFERENCE

    order = {name.split()[0]: number for number, name in reversed(list(enumerate(PREFERENCE)))}
    readable = [each for each in report.formats if each["crosswalks"]]
    if not readable:
        return ""
    best = min(readable, key=lambda each: order.get(each["crosswalks"][0], len(order)))
    return f" --format {output.plain(best['prefix'])}"
