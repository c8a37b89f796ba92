"""harvester db: the catalogue's Postgres itself."""

from pathlib import Path

import typer

from harvester.cli import output
from harvester.cli.catalogue import opened

group = typer.Typer(help="The catalogue's Postgres: upgrade, url, dump, restore.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Register the command group."""
    app.add_typer(group, name="db")


@group.command()
def upgrade() -> None:
    """Bring the tables to this release's shape.

    Any other command does it as well.
    """
    from harvester.catalogue.tables import REVISION

    with opened():
        pass
    output.eyes(f"the catalogue has revision {REVISION}")


@group.command()
def url() -> None:
    """Print a connection string for psql and other clients.

    It holds the password, where there is one. The embedded server runs while a harvester does.
    """
    from harvester.catalogue.connection import database_url
    from harvester.catalogue.tools import client_url
    from harvester.config import from_environment

    output.line(client_url(database_url(from_environment(), output.tell)))


@group.command()
def dump(path: Path = typer.Argument(metavar="PATH", help="The file to write.")) -> None:
    """Write the whole catalogue to a file.

    `harvester db restore` reads it, into any Postgres.
    """
    from harvester.catalogue.tools import dump as write
    from harvester.config import from_environment

    write(from_environment(), path, output.tell)
    output.eyes(f"wrote {path} ({path.stat().st_size:,} bytes)")


@group.command()
def restore(
    path: Path = typer.Argument(metavar="PATH", help="A file that `harvester db dump` has written."),
) -> None:
    """Fill an empty catalogue from a dump.

    A catalogue that already holds repositories is left as it is.
    """
    from harvester.catalogue.tools import restore as read
    from harvester.config import from_environment

    read(from_environment(), path, output.tell)
    output.eyes("restored")
