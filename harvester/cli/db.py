"""harvester db: the catalogue's Postgres itself."""

from pathlib import Path

import typer

from harvester.cli import output

group = typer.Typer(help="The catalogue's Postgres: upgrade, url, dump, restore.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Register the command group."""
    app.add_typer(group, name="db")


@group.command()
def upgrade() -> None:
    """Bring the catalogue's tables to this release's shape; any other command does it as well."""
    from harvester.catalogue.connection import open_catalogue
    from harvester.catalogue.tables import REVISION
    from harvester.config import from_environment

    open_catalogue(from_environment(), output.tell).dispose()
    typer.echo(f"the catalogue has revision {REVISION}")


@group.command()
def url() -> None:
    """Print a connection string for psql and other clients; the embedded server runs while a harvester does."""
    from harvester.catalogue.connection import database_url
    from harvester.catalogue.tools import client_url
    from harvester.config import from_environment

    typer.echo(client_url(database_url(from_environment(), output.tell)))


@group.command()
def dump(path: Path = typer.Argument(help="The file to write.")) -> None:
    """Write the whole catalogue to a file, for `harvester db restore` into any Postgres."""
    from harvester.catalogue.tools import dump as write
    from harvester.config import from_environment

    write(from_environment(), path, output.tell)
    typer.echo(f"wrote {path} ({path.stat().st_size:,} bytes)")


@group.command()
def restore(path: Path = typer.Argument(help="A file that `harvester db dump` has written.")) -> None:
    """Fill an empty catalogue from a dump; refuses one that already holds repositories."""
    from harvester.catalogue.tools import restore as read
    from harvester.config import from_environment

    read(from_environment(), path, output.tell)
    typer.echo("restored")
