"""What Prometheus is told: counters of this process's work, and gauges that are read from the catalogue at a scrape.

Labels are bounded: repositories by name up to a number, reasons by a list, never a URL or anything that a repository sent.
"""

import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from harvester import clock
from harvester.catalogue import gauges
from harvester.catalogue.gauges import Gauges
from harvester.catalogue.tasks import Task
from harvester.harvest.progress import PageEvent
from harvester.schedule.glimpse import Glimpse
from harvester.schedule.standing import Done

OTHER = "other"
_MOST_REPOSITORIES = 200
_KEPT = 10.0  # seconds that gauges are shown again before Postgres is asked anew
_SLICE_SECONDS = (0.1, 0.5, 1, 2, 5, 10, 20, 30, 60, 90, 120, 300, 600)
_CHANGES = ("created", "updated", "unchanged", "deleted", "quarantined")
_FAILED = ("incomplete", "refused", "unreachable", "failed", "held")

# Ours, and the specification's (section 3.6): a repository may call its errors what it likes.
_REASONS = frozenset(
    (
        *("dns", "connect_timeout", "connection_refused", "connection_reset", "no_route", "proxy", "tls"),
        *("timeout", "read_timeout", "too_slow", "too_large", "truncated", "bad_http", "bad_compression"),
        *("nested_compression", "private_address", "bad_redirect", "https_to_http", "too_many_redirects"),
        *("empty_body", "html", "not_oai", "malformed", "doctype", "unsupported_version", "oai_error"),
        *(
            "wait",
            "host_busy",
            "fenced",
            "catalogue",
            "mistake",
            "error",
            "format_gone",
            "no_list",
            "get_record",
        ),
        *("too_many", "incomplete_list", "empty_list", "nothing_in_common", "size_differs"),
        *("badArgument", "badResumptionToken", "badVerb", "cannotDisseminateFormat", "idDoesNotExist"),
        *("noRecordsMatch", "noMetadataFormats", "noSetHierarchy"),
    )
)
_STATUS = re.compile(r"http_[1-5][0-9]{2}")


class Metrics:
    """The metrics of one process; nothing of the library's global registry is touched.

    `queue_length` says how many slices wait for a worker. Methods may be called by any thread.
    """

    def __init__(
        self,
        engine: Engine,
        queue_length: Callable[[], int],
        *,
        now: Callable[[], datetime] = clock.now,
        monotonic: Callable[[], float] = clock.monotonic,
    ) -> None:
        self.registry = CollectorRegistry(auto_describe=False)
        self._names: set[str] = set()
        self._lock = threading.Lock()
        self._leads = False
        by_repository = ("repository",)
        self._pages = self._counter("pages", "Pages committed.", by_repository)
        self._requests = self._counter("requests", "HTTP requests behind committed pages.", by_repository)
        self._records = self._counter(
            "records", "Records received, by what became of them.", ("repository", "change")
        )
        self._losses = self._counter(
            "token_losses", "Lists begun again since a token had died.", by_repository
        )
        self._tasks = self._counter("tasks", "Goes at a task that have ended.", ("kind", "outcome"))
        self._failures = self._counter(
            "failures", "Goes at a task that have failed.", ("repository", "reason")
        )
        self._slices = self._counter("slices", "Slices of work on a host that have ended.", ())
        self._seconds = Histogram(
            "harvester_slice_seconds",
            "How long slices took.",
            buckets=_SLICE_SECONDS,
            registry=self.registry,
        )
        self._seen = Glimpse(
            "the state of the schedule",
            lambda: _read(engine, queue_length, now()),
            _KEPT,
            monotonic=monotonic,
        )
        self.registry.register(_FromCatalogue(self._seen, lambda: self._leads))

    def page(self, task: Task, event: PageEvent) -> None:
        """A page was committed."""
        name = self._name(task.repository)
        self._pages.labels(name).inc(event.page.pages)
        self._requests.labels(name).inc(event.page.requests)
        for change in _CHANGES:
            if number := getattr(event.page, change):
                self._records.labels(name, change).inc(max(number, 0))
        if event.page.restarts:
            self._losses.labels(name).inc(event.page.restarts)

    def task(self, task: Task, done: Done, _seconds: float) -> None:
        """A go at a task has ended."""
        self._tasks.labels(task.kind, done.outcome).inc()
        if done.outcome in _FAILED:
            self._failures.labels(self._name(task.repository), _reason(done.reason)).inc()

    def slice(self, _host: str, seconds: float) -> None:
        """A slice has ended."""
        self._slices.inc()
        self._seconds.observe(seconds)

    def leads(self, leads: bool) -> None:
        """Whether this process leads the schedule from now on."""
        self._leads = leads

    def text(self) -> bytes:
        """All of it, as Prometheus reads it (text format 0.0.4)."""
        return generate_latest(self.registry)

    def close(self) -> None:
        """Ask the catalogue no more."""
        self._seen.close()

    def _counter(self, name: str, about: str, labels: Iterable[str]) -> Counter:
        return Counter(f"harvester_{name}", about, tuple(labels), registry=self.registry)

    def _name(self, repository: str) -> str:
        """The first that come have a name of their own: a label's every value is kept until the process ends."""
        with self._lock:
            if repository not in self._names:
                if len(self._names) >= _MOST_REPOSITORIES:
                    return OTHER
                self._names.add(repository)
            return repository


def _reason(reason: str | None) -> str:
    return reason if reason and (reason in _REASONS or _STATUS.fullmatch(reason)) else OTHER


def _read(engine: Engine, queue_length: Callable[[], int], now: datetime) -> tuple[Gauges, int | None]:
    with engine.connect() as connection, connection.begin():
        found = gauges.read(connection, now)
    try:
        return found, queue_length()
    except DBAPIError:
        return found, None  # the queue is made by the first service that starts


class _FromCatalogue(Collector):
    """Gauges of the whole catalogue: every process shows the same, but for who leads."""

    def __init__(self, seen: Glimpse[tuple[Gauges, int | None]], leads: Callable[[], bool]) -> None:
        self._seen = seen
        self._leads = leads

    def describe(self) -> Iterator[Metric]:
        """Nothing: registering must not ask Postgres."""
        yield from ()

    def collect(self) -> Iterator[Metric]:
        """What is known; without a catalogue, that there is none."""
        found = self._seen.look()
        yield _gauge("catalogue_up", "Whether the catalogue could be read.", found is not None)
        yield _gauge("leader", "Whether this process leads the schedule.", self._leads())
        if found is None:
            return
        now, queued = found
        yield _by("streams", "Streams by state.", "state", now.streams)
        yield _by("alerts", "What is wrong now, by kind.", "kind", now.alerts)
        yield _gauge("tasks_due", "Tasks that are due.", now.due)
        yield _gauge("tasks_late", "Tasks that are late.", now.late)
        yield _gauge("lateness_seconds", "By how much the latest task is late.", now.lateness)
        yield _gauge("lists_open", "Lists that were begun and have not ended.", now.open_lists)
        yield _gauge("tokens_ending", "Tokens in the last quarter of their life.", now.tokens_ending)
        yield _gauge("hosts_closed", "Hosts that the circuit breaker has closed.", now.hosts_closed)
        yield _gauge("quarantine_records", "Records that wait in quarantine.", now.quarantine)
        if queued is not None:
            yield _gauge("queue_length", "Slices that wait for a worker.", queued)


def _gauge(name: str, about: str, value: float) -> Metric:
    return GaugeMetricFamily(f"harvester_{name}", about, value=value)


def _by(name: str, about: str, label: str, values: Mapping[str, int]) -> Metric:
    family = GaugeMetricFamily(f"harvester_{name}", about, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family
