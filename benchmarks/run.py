"""make bench: our harvest beside its peers, in one run on one machine. Ratios count, not seconds.

HARVESTER_BENCH_RECORDS changes the number of records (100,000).
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import psycopg
from stages import LABELS as STAGES

from harvester.catalogue import embedded

HERE = Path(__file__).parent
RECORDS = int(os.environ.get("HARVESTER_BENCH_RECORDS", "100000"))
HARVESTER = str(Path(sys.executable).with_name("harvester"))


@dataclass(frozen=True)
class Measured:
    seconds: float
    megabytes: float
    output: str


@contextmanager
def server(records: int, latency: float = 0.0) -> Iterator[str]:
    command = [sys.executable, str(HERE / "server.py"), str(records), str(latency)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/oai"
    finally:
        process.stdin.close()
        process.wait()


def measure(command: list[str], **environment: str) -> Measured:
    """Wall time and peak memory of one process."""
    with tempfile.TemporaryFile("w+") as output:
        start = time.monotonic()
        process = subprocess.Popen(command, stdout=output, env={**os.environ, **environment})
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read()
    if process.returncode != 0:
        sys.exit(f"{command} ended with {process.returncode}: {text}")
    return Measured(seconds, usage.ru_maxrss / 1024, text)


def peer(name: str, url: str, records: int) -> Measured:
    seen = measure([sys.executable, "-W", "ignore", str(HERE / "peers.py"), name, url])
    if int(seen.output) != records:
        sys.exit(f"{name} saw {seen.output.strip()} of {records} records")
    return seen


def ours(url: str, home: Path, *options: str) -> Measured:
    done = measure([HARVESTER, "harvest", url, "--quiet", "--json", *options], HARVESTER_HOME=str(home))
    if json.loads(done.output)["outcome"] != "complete":
        sys.exit(done.output)
    return done


class Catalogue:
    """A connection to the bench's own embedded server, which keeps it running between the processes measured."""

    def __init__(self, home: Path) -> None:
        self.url = embedded.start(home).url.replace("postgresql+psycopg", "postgresql")
        self.home = home

    def value(self, query: str) -> float:
        with psycopg.connect(self.url, autocommit=True) as connection:
            return float(connection.execute(query).fetchone()[0] or 0)

    def empty(self) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            tables = "unread_elements, renormalisations, records, pages, tallies, quarantine, windows, plans, runs, streams, sets, dictionaries, repositories"
            if connection.execute("SELECT to_regclass('records')").fetchone()[0]:
                connection.execute(f"TRUNCATE {tables} CASCADE")
                connection.execute("CHECKPOINT")


def line(label: str, value: str, note: str = "") -> None:
    print(f"{label:<58}{value:>14}  {note}", flush=True)


def throughput(catalogue: Catalogue) -> None:
    rounds: dict[str, list[Measured]] = {"bare": [], "sickle": [], "scythe": [], "first": [], "second": []}
    with server(RECORDS) as url:
        for number in range(3):
            for name in ("bare", "sickle") if number else ("bare", "sickle", "scythe"):
                rounds[name].append(peer(name, url, RECORDS))
            catalogue.empty()
            rounds["first"].append(ours(url, catalogue.home))
            before = {name: catalogue.value(query) for name, query in PROOFS.items()}
            rounds["second"].append(ours(url, catalogue.home, "--full"))
    seconds = {name: median(each.seconds for each in found) for name, found in rounds.items()}
    line(f"{RECORDS:,} records, 100 per page, no latency", "seconds", "beside Sickle")
    for name, label in LABELS.items():
        line(f"  {label}", f"{seconds[name]:.1f}", f"{seconds[name] / seconds['sickle']:.2f} ×")
    line("  unchanged second pass, times as fast as the first", f"{seconds['first'] / seconds['second']:.1f}")
    for name, query in PROOFS.items():
        line(f"  second pass: {name}", f"{catalogue.value(query) - before[name]:,.0f}")
    line(
        "  peak memory of the harvesting process, MB",
        f"{max(each.megabytes for each in rounds['first']):.0f}",
    )


LABELS = {
    "bare": "bare requests loop (the floor: parses nothing)",
    "scythe": "oaipmh-scythe, iterating",
    "sickle": "Sickle, iterating and writing JSON lines",
    "first": "harvester: normalised, indexed, searchable rows",
    "second": "harvester, unchanged second full pass",
}
PROOFS = {
    "rows of records rewritten": "SELECT n_tup_upd + n_tup_ins FROM pg_stat_user_tables WHERE relname = 'records'",
    "bytes of WAL": "SELECT pg_current_wal_lsn() - '0/0'::pg_lsn",
}


def sizes(catalogue: Catalogue) -> None:
    line("in the catalogue, per record", "bytes")
    line(
        "  kept XML (2.4 KB as sent), zstd with a dictionary",
        f"{catalogue.value('SELECT avg(length(xml)) FROM records'):,.0f}",
    )
    line("  entry", f"{catalogue.value('SELECT avg(pg_column_size(entry)) FROM records'):,.0f}")
    for label, function in (("table", "pg_table_size"), ("indexes", "pg_indexes_size")):
        line(
            f"  {label}",
            f"{catalogue.value(f'''SELECT {function}('records') / count(*) FROM records'''):,.0f}",
        )


def memory(catalogue: Catalogue) -> None:
    catalogue.empty()
    with server(RECORDS // 10) as url:
        line(f"  the same with {RECORDS // 10:,} records, MB", f"{ours(url, catalogue.home).megabytes:.0f}")


def latency(catalogue: Catalogue) -> None:
    catalogue.empty()
    with server(10_000, 0.3) as url:
        floor, mine = peer("bare", url, 10_000), ours(url, catalogue.home)
    line("100 pages at 300 ms each", "seconds", "beside the bare loop")
    line("  bare requests loop", f"{floor.seconds:.1f}")
    line("  harvester", f"{mine.seconds:.1f}", f"{mine.seconds / floor.seconds:.2f} ×")


def renormalised(catalogue: Catalogue) -> None:
    """Everything read again: where nothing changed, and where every entry must be written."""
    catalogue.empty()
    with server(RECORDS) as url:
        first = ours(url, catalogue.home).seconds
    same = measure([HARVESTER, "renormalise", "--quiet", "--json"], HARVESTER_HOME=str(catalogue.home))
    with psycopg.connect(catalogue.url, autocommit=True) as connection:
        connection.execute("UPDATE records SET crosswalk_version = 0, entry = entry - 'year'")
        connection.execute("VACUUM ANALYZE records")
    all_ = measure([HARVESTER, "renormalise", "--quiet", "--json"], HARVESTER_HOME=str(catalogue.home))
    changed = [json.loads(each.output)["changed"] for each in (same, all_)]
    if changed != [0, RECORDS]:
        sys.exit(f"{changed} entries changed, not [0, {RECORDS}]")
    line(f"harvester renormalise, {RECORDS:,} records", "seconds", "beside their harvest")
    line("  no entry changed", f"{same.seconds:.1f}", f"{same.seconds / first:.2f} ×")
    line("  every entry changed", f"{all_.seconds:.1f}", f"{all_.seconds / first:.2f} ×")


def crosswalks(name: str, spent: dict[str, float]) -> None:
    """Where the processor's time goes for one format."""
    line(f"{name}, one core", "µs/record", "beside the bare parse")
    for stage, microseconds in spent.items():
        line(f"  {STAGES[stage]}", f"{microseconds:.1f}", f"{microseconds / spent['bare']:.1f} ×")
    line(f"  {name}, records per second", f"{1e6 / spent['whole']:,.0f}")


def main() -> None:
    from stages import FORMATS, stages

    with tempfile.TemporaryDirectory(prefix="harvester-bench-") as folder:
        catalogue = Catalogue(Path(folder) / "home")
        throughput(catalogue)
        sizes(catalogue)
        memory(catalogue)
        latency(catalogue)
        renormalised(catalogue)
        embedded.stop(catalogue.home, wait=20)
    for name in FORMATS:
        crosswalks(name, stages(name))
    times = sorted(measure([HARVESTER, "--help"]).seconds for _ in range(5))
    line("harvester --help, seconds", f"{times[2]:.2f}")


if __name__ == "__main__":
    main()
