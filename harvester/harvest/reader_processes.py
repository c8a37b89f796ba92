"""Processes that read slices of the catalogue's records again. They end with us, however we end: their pipe is closed then."""

import multiprocessing
import signal
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection as Pipe
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess

from harvester.catalogue import renormalisation
from harvester.catalogue.connection import connect, translated
from harvester.catalogue.renormalisation import Slice
from harvester.errors import CatalogueError, HarvesterError
from harvester.harvest.rereading import Done, Reader

_GLANCE = 0.5  # seconds between two looks at whether to stop
# What a process may still take for its last batch once nobody listens; killed in a transaction, it has written nothing.
_LAST_BATCH = 5.0
_SIGNALS = (signal.SIGINT, signal.SIGTERM)

Orders = Mapping[int, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Ears:
    """Who hears of each batch, and who is asked whether to stop."""

    hear: Callable[[Done], None]
    stopped: Callable[[], bool]


@dataclass(frozen=True, slots=True)
class _Failed:
    """What a process could not go on with; `trace` where nobody foresaw it."""

    sentence: str
    trace: str | None = None


def read(url: str, shares: Sequence[list[Slice]], orders: Orders, ears: Ears) -> None:
    """Read each share of the slices in a process of its own; hear all out. The first that fails stops the others.

    Raises CatalogueError where Postgres fails, or where a process is gone.
    """
    with _processes(url, shares, orders) as pipes:
        waiting = list(pipes)
        told = False
        while waiting:
            for pipe in wait(waiting, timeout=_GLANCE):
                assert isinstance(pipe, Pipe)  # noqa: S101 - `wait` is typed for whatever can be waited for
                said = _heard(pipe)
                if said is None:
                    waiting.remove(pipe)
                else:
                    ears.hear(said)
            if ears.stopped() and not told:
                told = True
                for pipe in waiting:
                    with suppress(
                        OSError
                    ):  # it may have ended in this moment; what it said last is heard next
                        pipe.send(None)


def _heard(pipe: Pipe) -> Done | None:
    """What a process says: a batch, or None when it has done its share."""
    try:
        said = pipe.recv()
    except (EOFError, OSError):
        raise CatalogueError(
            "a process that derives entries ended by itself (killed, or out of memory?); nothing is lost: "
            "run the same command again"
        ) from None
    if isinstance(said, _Failed):
        if said.trace is None:
            raise CatalogueError(said.sentence)
        mistake = RuntimeError(said.sentence)
        mistake.add_note(said.trace)
        raise mistake
    return said if isinstance(said, Done) else None


@contextmanager
def _processes(url: str, shares: Sequence[list[Slice]], orders: Orders) -> Iterator[list[Pipe]]:
    context = multiprocessing.get_context("spawn")
    pipes: list[Pipe] = []
    processes: list[SpawnProcess] = []
    try:
        with _deaf():
            for share in shares:
                ours, theirs = context.Pipe()
                pipes.append(ours)
                process = context.Process(target=_work, args=(url, share, dict(orders), theirs), daemon=True)
                process.start()
                processes.append(process)
                theirs.close()
        yield pipes
    finally:
        for pipe in pipes:
            pipe.close()
        for process in processes:
            process.join(_LAST_BATCH)
            if process.is_alive():
                process.kill()
                process.join()


@contextmanager
def _deaf() -> Iterator[None]:
    """What starts here hears neither Ctrl-C nor SIGTERM, which terminals and systemd send to all: we tell it to stop."""
    resource_tracker.ensure_running()  # starting it lets the signals through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _work(url: str, share: list[Slice], orders: Orders, pipe: Pipe) -> None:
    """What runs in a process of its own."""
    engine = connect(url)
    said: _Failed | None = None
    try:
        with translated(), engine.connect() as connection:
            renormalisation.take_part(connection)
            reader = Reader(connection, orders)
            for each in share:
                for done in reader.read(each, pipe.poll):
                    pipe.send(done)
    except HarvesterError as error:
        said = _Failed(str(error))
    except ConnectionError:
        return  # nobody listens any more: every batch so far is committed
    except Exception as error:  # noqa: BLE001 - told by the process that a person looks at
        said = _Failed(f"{type(error).__name__}: {error}", traceback.format_exc())
    finally:
        engine.dispose()
    with suppress(ConnectionError):
        pipe.send(said)
