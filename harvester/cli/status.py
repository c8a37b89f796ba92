"""harvester status: where every repository stands."""

from typing import Any

import typer

from harvester.cli import output, typed
from harvester.cli.catalogue import connected


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("status")(status)


def status(
    name: str = typer.Argument(None, metavar="NAME", help="Only this repository.", callback=typed.text),
    json_: bool = typer.Option(False, "--json", help="As JSON on stdout."),
) -> None:
    """Show repositories, streams, counts and how last runs ended."""
    from harvester.catalogue.status import status as read
    from harvester.errors import ConfigError

    with connected() as connection:
        found = read(connection, name)
    if name is not None and not found["repositories"]:
        raise ConfigError(f"no repository is registered as '{name}'; `harvester status` shows them all")
    if json_:
        output.document(found)
        return
    if not found["repositories"]:
        output.eyes("The catalogue is empty. Begin with: harvester harvest URL")
        return
    _print(found, details=name is not None)


def _print(found: dict[str, Any], *, details: bool) -> None:
    columns = ("repository", "set", "format", "state", "records", "deleted", "quarantined", "last run")
    rows = []
    for repository in found["repositories"]:
        for stream in repository["streams"]:
            run = stream["last_run"] or {}
            ended = (
                f"{run.get('outcome') or 'cut'} {output.moment(run.get('started_at'))}" if run else "never"
            )
            counts = (stream["records"], stream["deleted"], stream["quarantined"])
            rows.append(
                (
                    repository["name"],
                    stream["set"] or "(all)",
                    stream["format"],
                    stream["state"],
                    *counts,
                    ended,
                )
            )
    output.table(columns, rows)
    totals = found["totals"]
    output.eyes(
        f"{totals['records']:,} live records, {totals['deleted']:,} deleted, {totals['quarantined']:,} in quarantine"
    )
    if details:
        _print_unread(found["repositories"][0]["unread"])
        _print_traits(found["repositories"][0]["traits"])
        for stream in (each for repository in found["repositories"] for each in repository["streams"]):
            _details(stream)


def _details(stream: dict[str, Any]) -> None:
    run = stream["last_run"] or {}
    label = output.plain(f"{stream['set'] or '(all)'} {stream['format']}")
    for sentence in dict.fromkeys((run.get("sentence"), stream["held"])):
        if sentence:
            output.eyes(f"{label}: {output.plain(sentence)}")
    if stream["watermark"]:
        output.eyes(
            f"{label}: changes are asked for from {output.moment(stream['watermark'])} on, less an overlap"
        )
    if stream["next_due_at"]:
        output.eyes(
            f"{label}: due by itself at {output.moment(stream['next_due_at'])}; `harvester why` tells more"
        )


def _print_unread(unread: list[dict[str, Any]]) -> None:
    if unread:
        output.eyes("Elements with text that no rule read (they are in the stored XML):")
        columns = ("format", "element", "seen", "first seen", "last seen")
        rows = [
            (
                each["format"],
                each["element"],
                each["seen"],
                *(output.moment(each[when]) for when in ("first_seen", "last_seen")),
            )
            for each in unread
        ]
        output.table(columns, rows)


def _print_traits(traits: list[dict[str, Any]]) -> None:
    if traits:
        output.eyes("What it was observed to do:")
        rows = [
            (each["name"], _value(each["value"]), each["how"], output.moment(each["at"])) for each in traits
        ]
        output.table(("trait", "value", "how", "when"), rows)


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else str(value)
