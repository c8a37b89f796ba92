"""Progress of a harvest on stderr: a bar on a terminal, else one JSON line per page."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from harvester import clock
from harvester.cli import output
from harvester.harvest.progress import Listener, PageEvent

if TYPE_CHECKING:
    from rich.progress import Progress

_LONG = 3600.0  # seconds; a harvest that will take longer is announced
_WIDEST_NAME = 40  # columns; a setSpec may have thousands of characters


@contextmanager
def listening(*, quiet: bool) -> Iterator[Listener]:
    """A listener that shows progress in the way that fits where stderr goes."""
    if quiet:
        yield Listener(tell=lambda _: None, on_page=lambda _: None)
    elif sys.stderr is None or not sys.stderr.isatty():
        yield _lines()
    else:
        with _bar() as listener:
            yield listener


@contextmanager
def counting(label: str, *, quiet: bool) -> Iterator[Callable[[int, int, int], None]]:
    """A function to be told (read, expected, changed): a bar on a terminal, else a JSON line a second."""
    if quiet:
        yield lambda _read, _expected, _changed: None
    elif sys.stderr is None or not sys.stderr.isatty():
        yield _every_second()
    else:
        with _progress() as bar:
            task = bar.add_task(label, total=None, told="")

            def show(read: int, expected: int, changed: int) -> None:
                told = f"{read:,}/{expected:,}  {changed:,} changed"
                bar.update(task, total=expected, completed=read, told=told)

            yield show


def _every_second() -> Callable[[int, int, int], None]:
    last = float("-inf")

    def log(read: int, expected: int, changed: int) -> None:
        nonlocal last
        now = clock.monotonic()
        if now - last >= 1 or read >= expected:
            last = now
            line = {"event": "renormalise", "read": read, "expected": expected, "changed": changed}
            output.log(output.to_json(line))

    return log


def _lines() -> Listener:
    estimate = _Estimate(output.tell)

    def log(event: PageEvent) -> None:
        estimate.hear(event)
        output.log(output.to_json(_line(event)))

    return Listener(on_page=log, tell=output.tell)


@contextmanager
def _bar() -> Iterator[Listener]:
    with _progress() as bar:

        def tell(sentence: str) -> None:
            bar.console.print(f"harvester: {output.plain(sentence)}")

        yield Listener(on_page=_shown(bar, _Estimate(tell)), tell=tell)


@contextmanager
def _progress() -> Iterator["Progress"]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

    console = Console(stderr=True, highlight=False, markup=False, emoji=False)
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[told]}", markup=False),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    with Progress(*columns, console=console) as bar:
        yield bar


def _shown(bar: "Progress", estimate: "_Estimate") -> Callable[[PageEvent], None]:
    """One bar for each stream, moved by its pages."""
    tasks: dict[int, int] = {}

    def show(event: PageEvent) -> None:
        estimate.hear(event)
        stream = event.stream
        if stream.id not in tasks:
            name = f"{output.plain(stream.set_spec) or '(all)'} {output.plain(stream.format)}"
            tasks[stream.id] = bar.add_task(name[:_WIDEST_NAME], total=None, told="")
        bar.update(
            tasks[stream.id],  # type: ignore[arg-type]  # rich's TaskID is an int
            total=event.window.complete_list_size,
            completed=event.window.received,
            told=_told(event),
        )

    return show


def _told(event: PageEvent) -> str:
    size = event.window.complete_list_size
    total = f"{size:,}" if size is not None else "total unknown"
    parts = [
        f"{event.window.received:,}/{total}",
        f"{event.run.received / max(event.seconds, 0.001):,.1f} rec/s",
    ]
    expires = event.token_expires_at
    if expires is not None:
        left = max(0, int((expires - clock.now()).total_seconds()))
        parts.append(f"token {left // 60}:{left % 60:02}")
    if event.run.quarantined:
        parts.append(f"quarantined {event.run.quarantined:,}")
    return "  ".join(parts)


def _line(event: PageEvent) -> dict[str, object]:
    page = event.page
    return {
        "event": "page",
        "set": event.stream.set_spec or None,
        "format": event.stream.format,
        "page": event.window.pages,
        "received": event.window.received,
        "total": event.window.complete_list_size,
        "created": page.created,
        "updated": page.updated,
        "unchanged": page.unchanged,
        "deleted": page.deleted,
        "quarantined": page.quarantined,
        "token_expires_at": output.moment(event.token_expires_at),
        "seconds": round(event.seconds, 3),
    }


class _Estimate:
    """Says once, after a few pages, that a harvest will take over an hour."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._told: set[int] = set()

    def hear(self, event: PageEvent) -> None:
        size = event.window.complete_list_size
        if size is None or event.stream.id in self._told or event.run.received == 0:
            return
        left = (size - event.window.received) * event.seconds / event.run.received
        if left > _LONG and event.run.pages >= 2:
            self._told.add(event.stream.id)
            self._tell(
                f"{size:,} records at this speed take about {left / 3600:,.1f} hours; "
                "stop whenever you like (Ctrl-C), the same command goes on from there"
            )
