"""harvester run, harvester worker: the service, unattended."""

from dataclasses import replace
from typing import Annotated

import typer

_WORKERS = typer.Option(
    "--workers",
    min=1,
    max=256,
    metavar="N",
    help="Hosts that are worked on at once; as harvester.toml says, else 8.",
)
_PORT = typer.Option(
    "--port",
    min=0,
    max=65_535,
    metavar="P",
    help="Of /metrics and /health, instead of harvester.toml's; 0 for none.",
)


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command("run")(run)
    app.command("worker")(worker)


def run(workers: Annotated[int | None, _WORKERS] = None, port: Annotated[int | None, _PORT] = None) -> None:
    """Keep all repositories up to date, unattended.

    \b
    harvester run
    harvester run --workers 16

    What is harvested, and how often, stands in harvester.toml (`harvester config check`) or came by `harvester add`. SIGTERM and Ctrl-C
    finish the pages in hand and end with 0. Several may run: one has the clock, and another takes over when it dies.
    """
    _serve(workers, port, leads=True)


def worker(
    workers: Annotated[int | None, _WORKERS] = None, port: Annotated[int | None, _PORT] = None
) -> None:
    """Add hands on another machine.

    It needs the same HARVESTER_DATABASE_URL and the same harvester.toml as `harvester run`.
    """
    _serve(workers, port, leads=False)


def _serve(workers: int | None, port: int | None, *, leads: bool) -> None:
    from harvester import logs
    from harvester.config import from_environment
    from harvester.errors import ConfigError
    from harvester.schedule.service import serve

    settings = from_environment()
    if not leads and settings.database_url is None:
        raise ConfigError(
            "a worker needs HARVESTER_DATABASE_URL: the embedded Postgres of this machine has nothing for it to do; "
            "on one machine `harvester run` is all"
        )
    if port is not None:
        settings = replace(settings, service=replace(settings.service, port=port or None))
    logs.configure("json" if settings.service.log == "json" else "console")
    serve(settings, from_environment, leads=leads, workers=workers or settings.service.workers)
