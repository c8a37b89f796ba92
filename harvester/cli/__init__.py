"""The command line: thin, one file per command group. Heavy imports wait inside the commands, so that --help is quick."""

import sys

import typer

from harvester import __version__
from harvester.cli import ask, db, harvest, mock, normalise, status
from harvester.errors import ConfigError, HarvesterError, Interrupted

app = typer.Typer(
    name="harvester",
    help="Keep a Postgres catalogue in step with OAI-PMH repositories.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for group in (harvest, status, ask, normalise, mock, db):
    group.add_to(app)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"harvester {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Show the version and end."
    ),
) -> None:
    pass


def main() -> None:
    """Run the command line; an error of ours is one sentence on stderr and an exit code, never a traceback."""
    try:
        app()
    except ConfigError as error:
        _leave(error, 2)
    except Interrupted as error:
        _leave(error, 130)
    except HarvesterError as error:
        _leave(error, 1)
    except KeyboardInterrupt:
        sys.exit(130)


def _leave(error: HarvesterError, code: int) -> None:
    typer.echo(f"harvester: {error}", err=True)
    sys.exit(code)
