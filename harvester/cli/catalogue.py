"""The catalogue that a command works on, closed when it is done."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from harvester.cli import output

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

    from harvester.config import Settings


@contextmanager
def opened(
    settings: "Settings | None" = None, tell: Callable[[str], None] = output.tell
) -> Iterator["Engine"]:
    """The catalogue of these settings, or of the environment's."""
    from harvester.catalogue.connection import open_catalogue
    from harvester.config import from_environment

    engine = open_catalogue(settings or from_environment(), tell)
    try:
        yield engine
    finally:
        engine.dispose()


@contextmanager
def connected() -> Iterator["Connection"]:
    """One connection to the catalogue; what Postgres says is a sentence."""
    from harvester.catalogue.connection import translated

    with opened() as engine, translated(), engine.connect() as connection:
        yield connection
