"""harvester suppress and purge: what must not be shown, and what must not be kept."""

import os
import pwd
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harvester.cli import output, typed
from harvester.cli.catalogue import opened

if TYPE_CHECKING:
    from harvester.catalogue.purges import Purge
    from harvester.catalogue.takedowns import Takedown


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    for command in (suppress, purge):
        app.command(command.__name__)(command)


_IDENTIFIER = typer.Argument(metavar="ID", help="The OAI identifier of the item.", callback=typed.text)
_REASON = typer.Option(
    "--reason", metavar="TEXT", help="Why; it is kept in the audit.", callback=typed.text, show_default=False
)
_REPOSITORY = typer.Option(
    "--repository",
    metavar="NAME",
    help="Where several repositories know the identifier.",
    callback=typed.text,
)
_JSON = typer.Option("--json", help="As JSON on stdout.")


def suppress(
    identifier: Annotated[str | None, _IDENTIFIER] = None,
    reason: Annotated[str | None, _REASON] = None,
    repository: Annotated[str | None, _REPOSITORY] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Show the item again.")] = False,
    list_: Annotated[
        bool, typer.Option("--list", help="Show the audit: every takedown, purges too, the newest first.")
    ] = False,
    json_: Annotated[bool, _JSON] = False,
) -> None:
    """Hide an item from search and exports, until that is undone.

    \b
    harvester suppress oai:example.org:42 --reason "court order 7/2025"
    harvester suppress oai:example.org:42 --reason "order lifted" --undo
    harvester suppress --list

    Every format is hidden, also when it is harvested again or for the first time. Nothing is lost: harvests keep it up to date.
    """
    from harvester.catalogue import takedowns

    with opened() as engine:
        if list_:
            _list(takedowns.audit(engine, identifier, repository=repository), json_=json_)
            return
        said = _said(identifier, reason)
        act = takedowns.restore if undo else takedowns.suppress
        done = act(engine, said[0], reason=said[1], by=_account(), repository=repository)
    if json_:
        output.document(as_json(done))
    elif undo:
        _tell(done, f"is shown again, {output.several(done.records, 'record')}")
    elif done.records:
        _tell(done, f"is hidden now, {output.several(done.records, 'record')}")
    else:
        _tell(done, f"is hidden since {output.moment(done.done_at)}: {done.reason} ({done.done_by})")


def purge(
    identifier: Annotated[str, _IDENTIFIER],
    reason: Annotated[str | None, _REASON] = None,
    repository: Annotated[str | None, _REPOSITORY] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask whether it is meant.")] = False,
    json_: Annotated[bool, _JSON] = False,
) -> None:
    """Remove an item's content for good: it cannot be undone.

    \b
    harvester purge oai:example.org:42 --reason "request under the GDPR" --yes

    Entry, XML, earlier versions and quarantine are emptied in every format, also when it is harvested again. An empty tombstone stays. Backups, dumps and exports made before are not reached.
    """
    from harvester.catalogue import purges

    said = _said(identifier, reason)
    with opened() as engine:
        if not yes:
            _confirm(identifier)
        done = purges.purge(engine, said[0], reason=said[1], by=_account(), repository=repository)
    if json_:
        output.document(purge_as_json(done))
        return
    removed = f"{output.several(done.takedown.records, 'record')}, {output.several(done.versions, 'earlier version')}"
    _tell(done.takedown, f"is purged: {removed}, {done.quarantined:,} in quarantine")
    if not done.vacuumed:
        output.tell(
            "this role may not vacuum the tables: until Postgres does so by itself, the dead rows in its files hold the content"
        )


def _said(identifier: str | None, reason: str | None) -> tuple[str, str]:
    from harvester.errors import ConfigError

    if not identifier:
        raise ConfigError("name the item by its OAI identifier, such as oai:figshare.com:article/145088")
    if not reason or not reason.strip():
        raise ConfigError("say why with --reason: it is kept in the audit")
    return identifier, reason.strip()


def _confirm(identifier: str) -> None:
    from harvester.errors import ConfigError

    if not sys.stdin.isatty():
        raise ConfigError("a purge cannot be undone: say --yes where nobody can be asked")
    question = f"Remove the content of {output.plain(identifier)} for good, in every format? [y/N] "
    typer.echo(question, err=True, nl=False)  # not by typer.confirm: it writes a blank to stdout
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        output.tell("nothing was removed")
        raise typer.Exit(1)


def _account() -> str:
    """Whose doing it is: the account of this process, whatever the environment says."""
    number = os.getuid()
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:  # as in a container that was given a number only
        return f"uid {number}"


def as_json(done: "Takedown") -> dict[str, Any]:
    """The documented JSON of a takedown that was just done or undone."""
    return _row_as_json(done) | {"records": done.records}


def purge_as_json(done: "Purge") -> dict[str, Any]:
    """The documented JSON of a purge."""
    counts = {"versions": done.versions, "quarantined": done.quarantined, "vacuumed": done.vacuumed}
    return as_json(done.takedown) | counts


def _row_as_json(each: "Takedown") -> dict[str, Any]:
    return {
        "kind": each.kind,
        "identifier": each.identifier,
        "repository": each.repository,
        "reason": each.reason,
        "done_by": each.done_by,
        "done_at": each.done_at,
        "undone_at": each.undone_at,
        "undone_by": each.undone_by,
        "undone_reason": each.undone_reason,
    }


def _list(found: list["Takedown"], *, json_: bool) -> None:
    if json_:
        output.document([_row_as_json(each) for each in found])
        return
    if not found:
        output.eyes("Nothing was taken down.")
        return
    columns = ("done", "what", "identifier", "repository", "by", "reason", "undone")
    rows = [
        (
            output.moment(each.done_at),
            each.kind,
            each.identifier,
            each.repository,
            each.done_by,
            each.reason,
            _undone(each),
        )
        for each in found
    ]
    output.table(columns, rows)


def _undone(each: "Takedown") -> str:
    if each.undone_at is None:
        return ""
    return f"{output.moment(each.undone_at)} by {each.undone_by}: {each.undone_reason}"


def _tell(done: "Takedown", what: str) -> None:
    output.eyes(output.plain(f"{done.identifier} of {done.repository} {what}"))
