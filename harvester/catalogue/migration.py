"""Brings a catalogue to the shape this code needs, under a lock; refuses one that a newer harvester has made."""

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

from harvester import resources
from harvester.catalogue.connection import revision
from harvester.errors import CatalogueError

# Any constant; "harvest" in ASCII.
_LOCK = 0x68617276657374


def config(connection: Connection | None = None) -> Config:
    """Alembic's configuration without an ini file; scripts are found in the package or in the checkout."""
    made = Config()
    made.set_main_option("script_location", str(resources.folder("alembic")).replace("%", "%%"))
    made.attributes["connection"] = connection
    return made


def upgrade(engine: Engine) -> None:
    """Run the missing migrations, each in its own transaction.

    Two processes may call this at once: the second waits and finds nothing to do. Raises CatalogueError for a newer
    catalogue.
    """
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _LOCK})
        connection.commit()
        try:
            # After the lock, which may be waited for: a migration must not queue behind a long query.
            connection.execute(text("SET lock_timeout = '10s'"))
            connection.execute(text("SET statement_timeout = 0"))
            connection.commit()
            _refuse_newer(connection)
            command.upgrade(config(connection), "head")
            connection.commit()
        finally:
            # The lock and the settings end with the session.
            connection.invalidate()


def _refuse_newer(connection: Connection) -> None:
    found = revision(connection)
    connection.commit()
    known = {script.revision for script in ScriptDirectory.from_config(config()).walk_revisions()}
    if found is not None and found not in known:
        raise CatalogueError(
            f"the catalogue has revision {found}, made by a newer harvester than this one: upgrade harvester "
            "(pip install --upgrade oai-harvester); the catalogue was not touched"
        )
