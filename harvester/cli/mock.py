"""harvester mock and demo: a repository that misbehaves on request, and a harvest of it in a minute."""

import signal
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from harvester.cli import output

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from harvester.harvest.progress import Listener


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command("mock")(mock)
    app.command("demo")(demo)


def mock(
    port: int = typer.Option(8765, "--port", metavar="P", min=0, max=65535, help="0 chooses a free one."),
    records: int = typer.Option(1000, "--records", metavar="N", min=0, max=10_000_000),
    page_size: int = typer.Option(100, "--page-size", metavar="K", min=1, max=1_000_000),
    fault: list[str] = typer.Option(
        [], "--fault", metavar="NAME", help="May be given again; `--fault list` tells which."
    ),
    seed: int = typer.Option(0, "--seed", metavar="N", help="Other seeds, other records."),
) -> None:
    """Serve an invented repository here, with faults by name."""
    from harvester.errors import ConfigError
    from harvester.mock import FAULTS, FakeRepository

    if "list" in fault:
        output.table(("fault", "what it does"), sorted(FAULTS.items()))
        return
    unknown = [name for name in fault if name.partition(":")[0] not in FAULTS]
    if unknown:
        raise ConfigError(f"there is no fault '{unknown[0]}'; `harvester mock --fault list` shows them all")
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    try:
        served = FakeRepository(records=records, page_size=page_size, port=port, seed=seed, faults=fault)
        with served as repository:
            output.eyes(f"serving {records:,} records at {repository.url} (Ctrl-C ends)")
            while not stopped.wait(0.5):
                pass
    except OSError as error:
        raise ConfigError(
            f"port {port} cannot be used ({error.strerror}); choose another with --port"
        ) from error


def demo(records: int = typer.Option(1000, "--records", metavar="N", min=1, max=1_000_000)) -> None:
    """Harvest an invented repository and look; nothing is kept."""
    from harvester.catalogue import embedded
    from harvester.catalogue.connection import open_catalogue
    from harvester.cli.progress import listening
    from harvester.config import Settings

    with tempfile.TemporaryDirectory(prefix="harvester-demo-") as folder, listening(quiet=False) as listener:
        home = Path(folder) / "home"
        engine = open_catalogue(Settings(home), listener.tell)
        try:
            code = _harvest_twice(engine, records, listener)
            _look(engine)
        finally:
            engine.dispose()
            embedded.stop(home, wait=10)
    raise typer.Exit(code)


def _harvest_twice(engine: "Engine", records: int, listener: "Listener") -> int:
    from harvester.cli.harvest import print_report
    from harvester.cli.reports import exit_code
    from harvester.harvest.harvest import Request, harvest
    from harvester.mock import FakeRepository

    with FakeRepository(records=records, page_size=100) as repository:
        request = Request(repository.url, name="demo")
        output.eyes(f"harvesting {records:,} invented records from {repository.url}")
        first = harvest(engine, request, listener)
        print_report(first)
        *revised, deleted = [each.identifier for each in repository.store.records if not each.deleted][:3]
        for identifier in revised:
            repository.store.revise(identifier)
        repository.store.delete(deleted)
        output.eyes(f"{len(revised)} records are revised and one is deleted there; harvesting again")
        second = harvest(engine, request, listener)
        print_report(second)
        return max(exit_code(first), exit_code(second))


def _look(engine: "Engine") -> None:
    from harvester.catalogue import query as catalogue

    found = list(catalogue.find(engine, limit=5))
    rows = [((item.entry.title if item.entry else "") or "", item.identifier) for item in found]
    output.table(("title", "identifier"), rows)
    output.eyes(f"{catalogue.count(engine):,} records in the catalogue; nothing of this demo is kept")
