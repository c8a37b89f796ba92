"""harvester quarantine: what could not be read, kept whole; shown, and tried again."""

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harvester.cli import options, output, quarantined, typed
from harvester.cli.catalogue import connected, opened
from harvester.cli.long_work import stoppable

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from harvester.catalogue.retries import Quarantined
    from harvester.harvest.retrying import RetryReport, StreamRetry

_CODES = {"complete": 0, "incomplete": 3, "interrupted": 130}

group = typer.Typer(help="What could not be read: list, show, retry.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Register the command group."""
    app.add_typer(group, name="quarantine")


_SOURCE = typer.Argument(
    metavar="SOURCE", help="Only of this repository: its name or base URL.", callback=typed.text
)
_LIMIT = typer.Option("--limit", min=1, metavar="N", help="At most this many.")
_MOST_ASKED = typer.Option("--limit", min=1, metavar="N", help="Ask for at most this many.")


@group.command("list")
def list_(
    source: Annotated[str | None, _SOURCE] = None,
    all_: Annotated[bool, typer.Option("--all", help="Also what has left quarantine.")] = False,
    limit: Annotated[int, _LIMIT] = 1000,
    json_: options.Json = False,
) -> None:
    """Show what waits in quarantine, why, and when it is asked for again."""
    from harvester.catalogue import retries

    with connected() as connection:
        owner = None if source is None else _repository(connection, source)
        found = retries.find(connection, owner, resolved=all_, limit=limit)
        total = retries.count(connection, owner, resolved=all_)
    if json_:
        output.document({"quarantine": [row_as_json(each) for each in found], "total": total})
    elif not found:
        output.eyes("Nothing waits in quarantine." if not all_ else "Nothing was ever put into quarantine.")
    else:
        quarantined.print_list(found, total, resolved=all_)


@group.command()
def show(
    number: Annotated[int, typer.Argument(metavar="NUMBER", help="As `quarantine list` shows it.")],
    raw: Annotated[
        bool, typer.Option("--raw", help="Nothing but the bytes as they came, to stdout.")
    ] = False,
    json_: options.Json = False,
) -> None:
    """Show one row of the quarantine with its bytes."""
    from harvester.catalogue import retries
    from harvester.errors import ConfigError, HarvesterError

    if raw and json_:
        raise ConfigError("--raw writes bytes, --json a document: leave one of them out")
    with connected() as connection:
        found = retries.read(connection, number) if 0 < number < 2**63 else None
    if found is None:
        raise HarvesterError(
            f"nothing in quarantine has the number {number}; `harvester quarantine list` shows what waits"
        )
    row, kept = found
    if raw:
        sys.stdout.buffer.write(kept)
        sys.stdout.buffer.flush()
    elif json_:
        more = {"run": row.run_id, "evidence": row.evidence, "bytes": len(kept)}
        output.document(row_as_json(row) | more | {"raw": kept.decode("utf-8", "replace")})
    else:
        quarantined.print_row(row, kept)


@group.command()
def retry(
    source: Annotated[str | None, _SOURCE] = None,
    now: Annotated[bool, typer.Option("--now", help="Also what is not due yet.")] = False,
    limit: Annotated[int | None, _MOST_ASKED] = None,
    pace: options.Pace = None,
    wait: options.Wait = 600.0,
    json_: options.Json = False,
) -> None:
    """Try again what waits: read its bytes with this release, then ask for it, record by record.

    \b
    harvester quarantine retry
    harvester quarantine retry figshare --now --limit 100

    A record is asked for a day after it came broken, then after 2, 4, 8, 16 and 30 days. What has no identifier cannot be asked for: it stays, with its bytes, until they can be read.
    """
    from harvester.config import from_environment
    from harvester.harvest.retrying import RetryRequest
    from harvester.harvest.retrying import retry as run

    settings = from_environment()
    with stoppable() as stop, opened(settings) as engine:
        request = RetryRequest(source, now, limit, pace, wait, settings)
        report = run(engine, request, output.tell, stop)
    if json_:
        output.document(as_json(report))
    else:
        print_report(report)
    raise typer.Exit(exit_code(report))


def exit_code(report: "RetryReport") -> int:
    """As of a harvest: 3 where this run put something into quarantine, and not where something only stayed there."""
    code = _CODES.get(report.outcome, 1)
    return 3 if code == 0 and any(each.came.quarantined for each in report.streams) else code


def _repository(connection: "Connection", source: str) -> int:
    from harvester.harvest.retrying import registered

    return registered(connection, source).id


def row_as_json(each: "Quarantined") -> dict[str, Any]:
    """The documented JSON of a row; `retry_at` is null for what is not asked for any more, or never can be."""
    waits = each.resolved_at is None and each.askable
    return {
        "number": each.id,
        "repository": each.repository,
        "set": each.set_spec or None,
        "format": each.format,
        "identifier": each.identifier,
        "reason": each.reason,
        "position": each.position,
        "tries": each.tries,
        "retry_at": each.retry_at if waits else None,
        "first_seen": each.first_seen,
        "last_seen": each.last_seen,
        "resolved_at": each.resolved_at,
        "resolution": each.resolution,
    }


def as_json(report: "RetryReport") -> dict[str, Any]:
    """The documented JSON of a retry."""
    return {"outcome": report.outcome, "streams": [_stream_json(each) for each in report.streams]}


def _stream_json(each: "StreamRetry") -> dict[str, Any]:
    counts = asdict(each.counts)
    return {
        "repository": each.repository,
        "set": each.stream.set_spec or None,
        "format": each.stream.format,
        "outcome": each.verdict.outcome,
        "reason": each.verdict.reason,
        "sentence": each.verdict.sentence,
        **asdict(each.came),
        **{name: counts[name] for name in ("requests", "created", "updated", "unchanged", "deleted")},
        "waiting": each.waiting.number,
        "unaskable": each.waiting.unaskable,
        "due": each.waiting.due,
        "next_retry_at": each.waiting.next_at,
        "seconds": round(each.seconds, 3),
        "evidence": each.verdict.evidence,
    }


def print_report(report: "RetryReport") -> None:
    """The report for a person."""
    if not report.streams:
        output.eyes("Nothing waits in quarantine.")
    for each in report.streams:
        where = f"{each.repository} {each.stream.set_spec or '(all)'} {each.stream.format}"
        output.eyes(f"{output.plain(where)}: {each.verdict.outcome}")
        if each.verdict.sentence:
            output.eyes(f"  {output.plain(each.verdict.sentence)}")
        came = each.came
        output.eyes(
            f"  {came.asked:,} asked for, {output.several(each.counts.requests, 'request')}, {each.seconds:,.1f} s: "
            f"{came.came_whole:,} came whole, {came.gone:,} gone, {came.in_vain:,} in vain"
        )
        if came.replayed:
            output.eyes(f"  {came.replayed:,} read from their bytes, without asking for them")
        if came.quarantined:
            output.eyes(f"  {came.quarantined:,} came broken for the first time; they are kept whole")
        _print_waiting(each)


def _print_waiting(each: "StreamRetry") -> None:
    waiting = each.waiting
    if not waiting.number:
        output.eyes("  nothing of it waits any more")
        return
    parts = [f"{waiting.number:,} still in quarantine"]
    if waiting.due:
        parts.append(f"{waiting.due:,} due now")
    if waiting.next_at is not None:
        parts.append(f"the next is due {output.moment(waiting.next_at)} (--now asks before)")
    if waiting.unaskable:
        parts.append(f"{waiting.unaskable:,} without an identifier to ask for")
    output.eyes(f"  {', '.join(parts)}")
