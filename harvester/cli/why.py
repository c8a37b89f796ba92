"""harvester why: in words, what a repository waits for and what happens next."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from harvester.cli import options, output, typed
from harvester.cli.catalogue import opened

if TYPE_CHECKING:
    from datetime import datetime

    from harvester.catalogue.schedule_view import Try
    from harvester.schedule.explaining import Reasons, StreamReasons


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("why")(why)


def why(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="The name of a repository.", callback=typed.text)
    ],
    json_: options.Json = False,
) -> None:
    """Tell in words what a repository waits for.

    \b
    harvester why library

    Stream by stream: when it was last complete and how the last tries ended, what it waits for, what happens next and when, and what a person could do.
    """
    from harvester import clock
    from harvester.config import from_environment
    from harvester.schedule.explaining import explain

    settings, now = from_environment(), clock.now()
    with opened(settings) as engine:
        found = explain(engine, settings, name, now)
    if json_:
        output.document(as_json(found))
    else:
        _print(found, now)


def as_json(found: "Reasons") -> dict[str, Any]:
    """The documented JSON."""
    return {
        "repository": found.repository,
        "base_url": found.base_url,
        "host": found.host,
        "service_running": found.service_running,
        "streams": [_stream_as_json(each) for each in found.streams],
        "also": list(found.also),
    }


def _stream_as_json(each: "StreamReasons") -> dict[str, Any]:
    return {
        "set": each.set_spec,
        "format": each.format,
        "state": each.state,
        "late": each.late,
        "every": each.often,
        "last_complete_at": each.last_complete_at,
        "because": list(each.because),
        "next": each.next,
        "next_at": each.next_at,
        "last_tries": [
            {
                "kind": one.kind,
                "outcome": one.outcome,
                "sentence": one.sentence,
                "started_at": one.started_at,
                "finished_at": one.finished_at,
            }
            for one in each.tries
        ],
        "you_can": list(each.you_can),
    }


def _print(found: "Reasons", now: "datetime") -> None:
    _line(f"{found.repository}: {found.base_url}")
    if not found.streams:
        _line("It has no streams: nothing of it is harvested.")
    for each in found.streams:
        _print_stream(each, now)
    if found.also:
        _line("Besides:")
    for sentence in found.also:
        _line(f"  {sentence}")


def _print_stream(each: "StreamReasons", now: "datetime") -> None:
    from harvester.schedule import phrases

    state = "LATE" if each.late else each.state
    if each.last_complete_at is None:
        complete = "never complete yet"
    else:
        complete = f"last complete {phrases.moment(each.last_complete_at, now)}"
    wanted = f", wanted {each.often}" if each.often else ""
    _line(f"\n{phrases.stream(each.set_spec or '', each.format)} is {state}: {complete}{wanted}")
    for sentence in each.because:
        _line(f"  because  {sentence}")
    _line(f"  next     {each.next}")
    for one in each.tries:
        _line(f"  before   {_try(one)}")
    for sentence in each.you_can:
        _line(f"  you can  {sentence}")


def _try(one: "Try") -> str:
    kind = "" if one.kind == "harvest" else f"{one.kind} "
    sentence = f": {one.sentence}" if one.sentence else ""
    return f"{output.moment(one.started_at)} {kind}{one.outcome or 'not ended'}{sentence}"


def _line(text: str) -> None:
    for each in text.split("\n"):
        output.eyes(output.plain(each).rstrip())
