"""harvester add, remove, pause, resume and list: what is kept up to date."""

import random
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harvester.cli import options, output, typed
from harvester.cli.catalogue import connected, opened
from harvester.errors import ConfigError

if TYPE_CHECKING:
    from harvester.catalogue.schedule_view import Overview
    from harvester.cli.url_list import UrlList
    from harvester.schedule.adding import Added, Wanted

_SHOWN = 20  # broken lines that are told; --json has them all


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    for command in (add, remove, pause, resume):
        app.command(command.__name__)(command)
    app.command("list")(list_)


_NAME = typer.Argument(metavar="NAME", help="The name of a repository.", callback=typed.text)
_NEW_NAME = typer.Argument(metavar="NAME", help="What it is to be called.", callback=typed.text)
_URL = typer.Argument(metavar="URL", help="Its base URL.", callback=typed.text)
_SETS = typer.Option("--set", metavar="SPEC", help="This set; may be given again.", callback=typed.text)
_FORMATS = typer.Option(
    "--format", metavar="PREFIX", help="metadataPrefix; may be given again.", callback=typed.text
)
_EVERY = typer.Option("--every", metavar="TIME", help="How often, such as 6h or 7d.", callback=typed.text)
_CRON = typer.Option(
    "--cron", metavar="FIELDS", help="Instead of --every, such as '0 3 * * *'.", callback=typed.text
)
_ZONE = typer.Option(
    "--timezone", metavar="ZONE", help="Of --cron, such as Europe/Berlin; else UTC.", callback=typed.text
)
_FROM = typer.Option(
    "--from", metavar="FILE", help="CSV or bare base URLs, a line for each; - is stdin.", allow_dash=True
)


def add(
    name: Annotated[str | None, _NEW_NAME] = None,
    url: Annotated[str | None, _URL] = None,
    sets: Annotated[list[str] | None, _SETS] = None,
    formats: Annotated[list[str] | None, _FORMATS] = None,
    every: Annotated[str | None, _EVERY] = None,
    cron: Annotated[str | None, _CRON] = None,
    timezone: Annotated[str | None, _ZONE] = None,
    from_: Annotated[Path | None, _FROM] = None,
    json_: options.Json = False,
) -> None:
    """Put repositories under the schedule.

    \b
    harvester add figshare https://api.figshare.com/v2/oai --set portal_15 --format oai_datacite --every 6h
    harvester add library https://library.example.org/oai --cron "0 3 * * *" --timezone Europe/Berlin
    harvester add --from repositories.csv

    None of them is asked yet. Columns of a list: url[,name,set,format,every]; a first line may name them. Lines that cannot be taken are told with their numbers,
    the others are taken. `harvester run` harvests what is due; what harvester.toml names is changed there.
    """
    from harvester.cli.rhythm import every_of
    from harvester.schedule.adding import Wanted

    rhythm = every_of(every, cron, timezone)
    if from_ is not None:
        if name or url or sets or formats or rhythm:
            raise ConfigError("--from takes everything from the list: leave the rest out")
        _add_list(from_, json_=json_)
        return
    if name is not None and url is None and "://" in name:
        name, url = None, name
    if url is None:
        raise ConfigError("say what to add: harvester add NAME URL, or --from FILE")
    _add_one(Wanted(url, name, tuple(sets or ()), tuple(formats or ()), rhythm), json_=json_)


def _add_one(wanted: "Wanted", *, json_: bool) -> None:
    (done,) = _add([wanted])
    if done.mistake is not None:
        raise ConfigError(done.mistake)
    if json_:
        output.document({"added": [_as_json(done)], "duplicates": [], "broken": []})
        return
    what = "is registered" if done.new else "was registered already, and is under the schedule with this"
    output.eyes(output.plain(f"'{done.name}' ({done.base_url}) {what}"))
    output.eyes(f"`harvester run` keeps it up to date; `harvester harvest {done.name}` begins at once")


def _add(wanted: "list[Wanted]") -> "list[Added]":
    from harvester import clock
    from harvester.config import from_environment
    from harvester.schedule.adding import add as put

    settings = from_environment()
    with opened(settings) as engine:
        return put(engine, settings, wanted, clock.now(), random.random)


def _add_list(path: Path, *, json_: bool) -> None:
    from harvester.cli.url_list import Broken, read

    found = read(path)
    done = _add([each.wanted for each in found.lines]) if found.lines else []
    lines = [(line.number, one) for line, one in zip(found.lines, done, strict=True)]
    found.broken += [Broken(number, one.wanted.url, one.mistake) for number, one in lines if one.mistake]
    found.broken.sort(key=lambda each: each.number)
    taken = [(number, one) for number, one in lines if one.mistake is None]
    if json_:
        output.document(
            {
                "added": [_as_json(one, number) for number, one in taken],
                "duplicates": [
                    {"line": each.number, "url": each.url, "first": each.first} for each in found.duplicates
                ],
                "broken": [
                    {"line": each.number, "text": each.text, "sentence": each.sentence}
                    for each in found.broken
                ],
            }
        )
    else:
        _tell_list(found, [one for _, one in taken])
    if not taken:
        raise typer.Exit(2)


def _tell_list(found: "UrlList", taken: "list[Added]") -> None:
    for each in found.broken[:_SHOWN]:
        output.tell(f"line {each.number:,} is left out: {each.sentence}: {each.text}")
    if len(found.broken) > _SHOWN:
        output.tell(f"and {len(found.broken) - _SHOWN:,} more lines are left out; --json tells them all")
    for again in found.duplicates[:_SHOWN]:
        output.tell(f"line {again.number:,} says the same as line {again.first:,}: {again.url}")
    if len(found.duplicates) > _SHOWN:
        output.tell(f"and {len(found.duplicates) - _SHOWN:,} more lines say again what others said")
    names = {one.name for one in taken}
    new = len({one.name for one in taken if one.new})
    output.eyes(
        f"{new:,} registered, {len(names) - new:,} known already; {len(found.duplicates):,} lines said twice, "
        f"{len(found.broken):,} left out"
    )


def _as_json(done: "Added", line: int | None = None) -> dict[str, Any]:
    return {
        "line": line,
        "name": done.name,
        "base_url": done.base_url,
        "new": done.new,
        "sets": list(done.wanted.sets),
        "formats": list(done.wanted.formats),
    }


def remove(
    name: Annotated[str, _NAME],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask whether it is meant.")] = False,
    json_: options.Json = False,
) -> None:
    """Take a repository out of the schedule; records stay.

    \b
    harvester remove library --yes

    Its records, their history, what is in quarantine, its streams and where they stand are all kept, and found as before; only nothing
    is harvested by itself any more. `harvester add` with the same name and URL takes it up where it was.
    """
    from harvester import clock
    from harvester.config import from_environment
    from harvester.schedule.registering import remove as take_out

    settings = from_environment()
    with opened(settings) as engine:
        if not yes:
            _confirm(name)
        said = take_out(engine, name, settings, now=clock.now())
    _said(name, said, json_=json_)


def _confirm(name: str) -> None:
    if not sys.stdin.isatty():
        raise ConfigError("say --yes where nobody can be asked")
    question = f"Take {output.plain(name)} out of the schedule? What was harvested stays. [y/N] "
    typer.echo(question, err=True, nl=False)  # not by typer.confirm: it writes a blank to stdout
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        output.tell("nothing was changed")
        raise typer.Exit(1)


def pause(name: Annotated[str, _NAME], json_: options.Json = False) -> None:
    """Leave a repository alone until it is resumed.

    What is asked just now is finished, and a list that was begun keeps its place; streams that are found meanwhile are paused, too. `harvester harvest NAME` asks all the same.
    """
    from harvester import clock
    from harvester.config import from_environment
    from harvester.schedule.registering import pause as leave

    settings = from_environment()
    with opened(settings) as engine:
        said = leave(engine, name, settings, now=clock.now())
    _said(name, said, json_=json_)


def resume(name: Annotated[str, _NAME], json_: options.Json = False) -> None:
    """Take up again what was paused, held or failing.

    What had failed or was held is due at once, and its host may be asked again; a pause that the host itself has asked for is kept.
    """
    from harvester import clock
    from harvester.schedule.registering import resume as go_on

    with opened() as engine:
        said = go_on(engine, name, now=clock.now())
    _said(name, said, json_=json_)


def _said(name: str, sentence: str, *, json_: bool) -> None:
    if json_:
        output.document({"repository": name, "sentence": sentence})
    else:
        output.eyes(output.plain(sentence))


def list_(json_: options.Json = False) -> None:
    """List repositories: how often harvested, and when next."""
    from harvester.catalogue.schedule_view import overview

    with connected() as connection:
        found = overview(connection)
    if json_:
        output.document({"repositories": [_overview_as_json(each) for each in found]})
    elif not found:
        output.eyes("Nothing is registered. Begin with: harvester add NAME URL")
    else:
        _print_list(found)


def _overview_as_json(each: "Overview") -> dict[str, Any]:
    return {
        "name": each.name,
        "base_url": each.base_url,
        "source": _source(each),
        "scheduled": each.streams > 0,
        "streams": each.streams,
        "paused": each.paused,
        "held": each.held,
        "failing": each.failing,
        "every": _often(each),
        "next_due_at": each.next_due_at,
    }


def _source(each: "Overview") -> str:
    return "harvester.toml" if each.configured else "removed" if each.removed else "added"


def _often(each: "Overview") -> list[str]:
    from harvester.config import Every
    from harvester.schedule import phrases

    return sorted({phrases.often(Every(*one)) for one in each.rhythms})


def _print_list(found: "list[Overview]") -> None:
    rows = []
    for each in found:
        marks = ["paused"] * each.paused + [f"{each.held} held"] * (each.held > 0)
        marks += [f"{each.failing} failing"] * (each.failing > 0)
        state = ", ".join(marks) or ("" if each.streams else "not scheduled")
        often = "; ".join(_often(each))
        rows.append(
            (
                each.name,
                each.base_url,
                _source(each),
                each.streams,
                often,
                output.moment(each.next_due_at),
                state,
            )
        )
    output.table(("repository", "base URL", "from", "streams", "harvested", "next due", "state"), rows)
