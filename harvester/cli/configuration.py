"""harvester config: whether the configuration is in order, what was read of it, and its schema for editors."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harvester.cli import options, output

if TYPE_CHECKING:
    from harvester.config import HostSettings, RepositorySettings, Secret, Settings

group = typer.Typer(help="The configuration: check it, or print its schema.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Register the command group."""
    app.add_typer(group, name="config")


_FILE = typer.Argument(metavar="[FILE]", help="The file; without it the one that harvester would read here.")


@group.command()
def check(file: Annotated[Path | None, _FILE] = None, json_: options.Json = False) -> None:
    """Read the configuration, and show what it says.

    Nothing is asked and nothing is changed. A secret that is not there is a mistake; its value is never shown.
    """
    from harvester.config import from_environment
    from harvester.errors import ConfigError

    chosen = {} if file is None else {"HARVESTER_CONFIG": str(file)}
    settings = from_environment({**os.environ, **chosen})
    secrets = [_looked_at(secret, of) for secret, of in _secrets(settings)]
    if json_:
        output.document(_as_json(settings) | {"secrets": secrets})
    else:
        _print(settings, secrets)
    if problems := [f"{each['problem']} ({each['for']})" for each in secrets if each["problem"]]:
        raise ConfigError("; ".join(problems))
    _try_out(settings)


@group.command()
def schema() -> None:
    """Print the JSON Schema of the file, for editors."""
    from harvester import resources

    output.line(resources.schema("config.schema.json").read_text("utf-8").rstrip("\n"))


def _secrets(settings: "Settings") -> Iterator[tuple["Secret", str]]:
    """Every secret that is referred to, and what it is for."""
    from harvester.config import Secret

    for host in settings.hosts.values():
        for name, value in host.headers.items():
            if isinstance(value, Secret):
                yield value, f"header {name} of {host.name}"
        if host.auth is not None:
            for secret, what in ((host.auth.password, "password"), (host.auth.token, "token")):
                if secret is not None:
                    yield secret, f"{what} of {host.name}"
    for number, webhook in enumerate(settings.notify.webhooks, start=1):
        if webhook.secret is not None:
            yield webhook.secret, f"secret of webhook {number}"
    mail = settings.notify.mail
    if mail is not None and mail.password is not None:
        yield mail.password, f"password of {mail.server}"


def _looked_at(secret: "Secret", of: str) -> dict[str, Any]:
    from harvester.errors import ConfigError

    problem = None
    try:
        secret.reveal()
    except ConfigError as error:
        problem = str(error)
    return {"source": secret.source, "for": of, "present": problem is None, "problem": problem}


def _try_out(settings: "Settings") -> None:
    """What only those can tell who use it: certificates, and names of crosswalks. Raises ConfigError."""
    from harvester.harvest.orders import known
    from harvester.wire import Client, Patience

    with Client(contact=settings.contact, patience=Patience(), hosts=settings.hosts) as client:
        for name, host in settings.hosts.items():
            if host.ca is not None:
                client.check(f"https://{name}/")
    for each in settings.repositories:
        known(each.prefer, each.name or each.url or "")


def _as_json(settings: "Settings") -> dict[str, Any]:
    """Everything but secrets; durations in seconds."""
    from dataclasses import asdict

    notify, defaults = settings.notify, settings.defaults
    return {
        "path": None if settings.path is None else str(settings.path),
        "contact": settings.contact,
        "history": settings.history,
        "defaults": asdict(defaults),
        "hosts": [_host(each) for each in settings.hosts.values()],
        "repositories": [_repository(settings, each) for each in settings.repositories],
        "service": asdict(settings.service),
        "notify": {
            "group": notify.group,
            "webhooks": len(notify.webhooks),  # an address may be as good as a password
            "mail": list(notify.mail.to) if notify.mail else [],
        },
    }


def _host(said: "HostSettings") -> dict[str, Any]:
    quiet = said.quiet
    auth = None if said.auth is None else ("bearer" if said.auth.token else "basic")
    return {
        "name": said.name,
        "pace": said.pace,
        "quiet": None if quiet is None else f"{quiet.begin:%H:%M}-{quiet.end:%H:%M} {quiet.zone}",
        "headers": list(said.headers),
        "auth": auth,
        "ca": None if said.ca is None else str(said.ca),
    }


def _repository(settings: "Settings", said: "RepositorySettings") -> dict[str, Any]:
    """What holds for it, [defaults] included."""
    from dataclasses import asdict

    whole = asdict(settings.of(said.name or "", said.url or ""))
    streams = [
        {
            "set": each.set,
            "format": each.format,
            "every": asdict(each.every) if each.every else whole["every"],
        }
        for each in said.streams
    ]
    return whole | {"name": said.name, "url": said.url, "prefer": list(said.prefer), "streams": streams}


def _print(settings: "Settings", secrets: list[dict[str, Any]]) -> None:
    if settings.path is None:
        output.eyes("There is no harvester.toml here: everything has its default.")
        return
    output.eyes(
        f"{output.plain(settings.path)} can be read. Contact: {settings.contact or 'none, please set one'}"
    )
    if settings.hosts:
        hosts = [_cells(_host(each)) for each in settings.hosts.values()]
        output.table(("host", "pace", "quiet", "headers", "auth", "ca"), hosts)
    if settings.repositories:
        streams = [row for each in settings.repositories for row in _streams(settings, each)]
        output.table(("repository", "set", "format", "harvested"), streams)
    if secrets:
        states = {True: "present", False: "missing"}
        shown = [(each["source"], each["for"], states[each["present"]]) for each in secrets]
        output.table(("secret", "for", ""), shown)


def _cells(host: dict[str, Any]) -> list[str]:
    pace = "" if host["pace"] is None else _span(host["pace"])
    return [
        host["name"],
        pace,
        host["quiet"] or "",
        ", ".join(host["headers"]),
        host["auth"] or "",
        host["ca"] or "",
    ]


def _streams(settings: "Settings", said: "RepositorySettings") -> Iterator[tuple[str, str, str, str]]:
    from harvester.schedule import phrases

    called = said.name or said.url or ""
    own = settings.of(said.name or "", said.url or "").every or settings.defaults.every
    if not said.streams:
        yield called, "", "as in the catalogue", phrases.often(own)
    for each in said.streams:
        yield called, each.set or "(all)", each.format, phrases.often(each.every or own)


def _span(seconds: float) -> str:
    """In the largest unit that divides it: `6h`."""
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds and seconds % size == 0:
            return f"{seconds / size:.0f}{unit}"
    return f"{seconds:g}s"
