"""Options that several commands have."""

from typing import Annotated

import typer

from harvester.cli import typed

Sets = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="SPEC", help="Only this set; may be given again.", callback=typed.text),
]
Pace = Annotated[
    float | None,
    typer.Option("--pace", min=0, max=86_400, metavar="SECONDS", help="At least this long between requests."),
]
Wait = Annotated[
    float,
    typer.Option(
        "--wait", min=0, max=604_800, metavar="SECONDS", help="How long to wait for a busy host in all."
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")]
Json = Annotated[bool, typer.Option("--json", help="As JSON on stdout.")]
Report = Annotated[bool, typer.Option("--json", help="The report as JSON on stdout.")]
