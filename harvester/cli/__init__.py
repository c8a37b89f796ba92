"""The command line: thin, one file per command group. Heavy imports wait inside the commands, so that --help is quick."""

import os
import sys
from typing import NoReturn

import typer

from harvester import __version__
from harvester.cli import (
    ask,
    configuration,
    db,
    harvest,
    mock,
    normalise,
    output,
    probe,
    quarantine,
    reconcile,
    registry,
    renormalise,
    service,
    status,
    takedown,
    why,
)
from harvester.errors import ConfigError, HarvesterError, Interrupted

app = typer.Typer(
    name="harvester",
    help="Keep a Postgres catalogue in step with OAI-PMH repositories.",
    epilog="Exit codes: 0 done, 1 failed, 2 usage or configuration, 3 a person is needed, 130 interrupted.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    # rich would draw boxes around help and errors, and cost half of the time that --help takes.
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for group in (
    harvest,
    reconcile,
    probe,
    registry,
    service,
    status,
    why,
    ask,
    quarantine,
    takedown,
    normalise,
    renormalise,
    mock,
    db,
    configuration,
):
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


def main() -> NoReturn:
    """Run the command line; whatever fails is a sentence on stderr and an exit code, never a traceback.

    HARVESTER_DEBUG shows the traceback of what nobody foresaw.
    """
    sys.exit(_run())


def _run() -> int:
    try:
        return app(standalone_mode=False) or 0
    except typer.TyperException as error:
        return _usage(error)
    except ConfigError as error:
        return _told(str(error), 2)
    except Interrupted as error:
        return _told(str(error), 130)
    except HarvesterError as error:
        return _told(str(error), 1)
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        output.forget(1)
        where = f"{error.filename}: " if error.filename else ""
        return _told(f"{where}{error.strerror or error}", 1)
    except Exception as error:  # the last resort; HARVESTER_DEBUG shows it whole
        if os.environ.get("HARVESTER_DEBUG"):
            raise
        return _told(
            f"this is a mistake in harvester itself, not yours ({type(error).__name__}: {str(error)[:300]}); "
            "nothing committed is lost. With HARVESTER_DEBUG=1 the same command tells more, for a report",
            1,
        )


def _usage(error: typer.TyperException) -> int:
    """A call that cannot be meant: how it is written, and what is wrong. Without any argument that is the help itself."""
    context = getattr(error, "ctx", None)
    sentence = error.format_message()
    if context is not None and sentence == context.get_help():
        typer.echo(sentence, err=True)
    else:
        hint = f" (`{context.command_path} --help` tells more)" if context is not None else ""
        output.tell(sentence + hint)
    return error.exit_code


def _told(sentence: str, code: int) -> int:
    output.tell(sentence)
    return code
