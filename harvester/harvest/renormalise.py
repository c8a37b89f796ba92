"""Derives all entries again from the stored XML, without a request: after crosswalks, or the order of formats, changed.

Cut anywhere, the next call goes on. The work is shared among processes, for all of it is the processor's.
"""

import os
import zlib
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, Engine

from harvester import __version__, clock
from harvester.catalogue import ledger, preference, renormalisation
from harvester.catalogue.connection import translated
from harvester.catalogue.ledger import Repository
from harvester.catalogue.renormalisation import Slice
from harvester.config import Settings
from harvester.crosswalk import registry
from harvester.crosswalk.preference import PREFERENCE
from harvester.errors import CatalogueError, ConfigError, Interrupted
from harvester.harvest import reader_processes, sources
from harvester.harvest.orders import order_of
from harvester.harvest.reader_processes import Ears, Orders
from harvester.harvest.rereading import Done, Reader

_FEW = 5000  # records: for fewer, starting a process takes longer than reading them
_MOST_PROCESSES = 8


@dataclass(slots=True)
class Progress:
    """How far it is: records read of about `expected`, entries that changed, records that could not be read and keep theirs."""

    expected: int
    read: int = 0
    changed: int = 0
    kept: int = 0
    seconds: float = 0.0
    resumed: int = 0  # records that an earlier call had read


def renormalise(
    engine: Engine,
    settings: Settings,
    source: str | None,
    heard: Callable[[Progress], None] = lambda _: None,
    stopped: Callable[[], bool] = lambda: False,
) -> Progress:
    """Read the records of a repository (a name or a base URL), or of all, again; write the entries that changed.

    `stopped` is asked between batches. Raises ConfigError for an unknown source or format, Interrupted when stopped,
    CatalogueError where Postgres fails or another process is at it.
    """
    started = clock.monotonic()
    with translated(), engine.connect() as connection:
        scope, found = _scope(connection, source)
        orders = {each.id: order_of(settings, each) for each in found}
        try:
            if not renormalisation.take(connection):
                raise CatalogueError("another process derives entries again at this moment: let it end")
            slices = renormalisation.open_slices(connection, scope, _versions(orders))
            progress = _so_far(connection, scope)

            def hear(done: Done) -> None:
                progress.read += done.read
                progress.changed += done.changed
                progress.kept += done.kept
                progress.seconds = clock.monotonic() - started
                heard(progress)

            left = progress.expected - progress.read
            _share(connection, slices, orders, left, Ears(hear, stopped))
            if stopped():
                raise Interrupted("stopped as asked; the same command goes on from here")
            renormalisation.finish(connection, scope)
            preference.keep(connection, orders)
        finally:
            connection.invalidate()  # the lock ends with the session
    progress.seconds = clock.monotonic() - started
    return progress


def _scope(connection: Connection, source: str | None) -> tuple[int, list[Repository]]:
    """The scope's number, and its repositories."""
    with connection.begin():
        if source is None:
            return renormalisation.ALL, ledger.repositories_of(connection)
        found = ledger.find_repository(
            connection, sources.check_url(source) if sources.is_url(source) else source
        )
    if found is None:
        raise ConfigError(f"no repository is registered as '{source}'; `harvester status` shows them all")
    return found.id, [found]


def _so_far(connection: Connection, scope: int) -> Progress:
    read, changed, kept = renormalisation.so_far(connection, scope)
    return Progress(renormalisation.expected(connection, scope), read, changed, kept, resumed=read)


def _versions(orders: Orders) -> dict[str, int]:
    """What a renormalisation that was cut must have in common with the call that goes on with it."""
    chosen = [(number, order) for number, order in sorted(orders.items()) if order != PREFERENCE]
    release = zlib.crc32(__version__.encode())
    return registry.versions() | {
        "harvester": release,
        "the order of formats": zlib.crc32(repr((PREFERENCE, chosen)).encode()),
    }


def _share(connection: Connection, slices: list[Slice], orders: Orders, left: int, ears: Ears) -> None:
    """Read the slices: here where `left` records are few, else in as many processes as there are processors for us."""
    many = min(_processors(), _MOST_PROCESSES, len(slices)) if left > _FEW else 1
    if many > 1:
        url = connection.engine.url.render_as_string(hide_password=False)
        reader_processes.read(url, [slices[at::many] for at in range(many)], orders, ears)
        return
    reader = Reader(connection, orders)
    for each in slices:
        for done in reader.read(each, ears.stopped):
            ears.hear(done)


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
