"""harvester renormalise: derive entries again from the stored XML, without a request."""

from typing import TYPE_CHECKING, Annotated

import typer

from harvester.cli import options, output, typed
from harvester.cli.catalogue import opened
from harvester.cli.long_work import spare_the_collector, stoppable

if TYPE_CHECKING:
    from harvester.harvest.renormalise import Progress


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("renormalise")(renormalise)


def renormalise(
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="SOURCE", help="Only this repository: its name or base URL.", callback=typed.text
        ),
    ] = None,
    quiet: options.Quiet = False,
    json_: options.Report = False,
) -> None:
    """Derive all entries again from the stored metadata.

    No repository is asked. For a new version of harvester, a crosswalk that was added, or another order of formats in harvester.toml. Only entries that change are written. Cut anywhere, the same command goes on.
    """
    from harvester.cli.progress import counting
    from harvester.config import from_environment
    from harvester.harvest.renormalise import renormalise as run

    settings = from_environment()
    with (
        stoppable() as stop,
        counting("deriving entries", quiet=quiet) as heard,
        opened(settings) as engine,
    ):
        spare_the_collector()
        done = run(engine, settings, source, lambda at: heard(at.read, at.expected, at.changed), stop)
    if json_:
        output.document(as_json(done))
    else:
        _print(done)


def as_json(done: "Progress") -> dict[str, float]:
    """The documented JSON."""
    return {
        "read": done.read,
        "changed": done.changed,
        "unchanged": done.read - done.changed - done.kept,
        "kept": done.kept,
        "resumed": done.resumed,
        "seconds": round(done.seconds, 3),
    }


def _print(done: "Progress") -> None:
    output.eyes(
        f"{output.several(done.read, 'record')} read again in {done.seconds:,.1f} s: {done.changed:,} entries changed, "
        f"{done.read - done.changed - done.kept:,} stayed as they were"
    )
    if done.resumed:
        output.eyes(f"  {done.resumed:,} of them had been read before this command was cut")
    if done.kept:
        output.eyes(f"  {done.kept:,} could not be read any more; they keep the entry they had")
