"""What the tables say, as the values that harvester works with."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from harvester import config
from harvester.config import Secret
from harvester.config_file import harvesting, hosts, service
from harvester.config_file.whole import File


def settings_of(file: File, path: Path, home: Path) -> config.Settings:
    """The settings of a file; relative paths in it begin where it stands."""
    defaults = file.defaults or harvesting.Defaults()
    reader = _Reader(path.absolute().parent, defaults.timezone or "UTC")
    found = [reader.host(each) for each in file.host or ()]
    return config.Settings(
        home=home,
        contact=file.contact,
        history=file.history,
        hosts={each.name: each for each in found},
        paces={each.name: each.pace for each in found if each.pace is not None},
        repositories=tuple(reader.repository(each) for each in file.repository or ()),
        defaults=reader.defaults(defaults),
        service=config.Service(**_said(file.service)),
        notify=reader.notify(file.notify or service.Notify()),
        path=path,
    )


@dataclass(frozen=True, slots=True)
class _Reader:
    """`folder` is the file's, `zone` that of every cron and quiet that names none."""

    folder: Path
    zone: str

    def host(self, said: hosts.Host) -> config.HostSettings:
        quiet = said.quiet
        return config.HostSettings(
            said.name,
            said.pace,
            None if quiet is None else config.Quiet(quiet.from_, quiet.until, quiet.timezone or self.zone),
            {name: self._header(value) for name, value in (said.headers or {}).items()},
            None
            if said.auth is None
            else config.Auth(**self._secrets(_said(said.auth), "password", "token")),
            None if said.ca is None else self._path(said.ca),
        )

    def defaults(self, said: harvesting.Defaults) -> config.Defaults:
        return config.Defaults(**self._stated(said))

    def repository(self, said: harvesting.Repository) -> config.RepositorySettings:
        streams = [
            config.StreamSettings(each.format, each.set, _every(each, said.timezone or self.zone))
            for each in said.streams or ()
        ]
        own = _only(said, "name", "url", "notify")
        return config.RepositorySettings(
            prefer=tuple(said.prefer or ()), streams=tuple(streams), **self._stated(said), **own
        )

    def notify(self, said: service.Notify) -> config.Notify:
        webhooks = [config.Webhook(**self._secrets(_said(each), "secret")) for each in said.webhook or ()]
        mail = None
        if said.mail is not None:
            given = self._secrets(_said(said.mail), "password")
            mail = config.Mail(**given | {"to": tuple(said.mail.to)})
        return config.Notify(tuple(webhooks), mail, **_only(said, "group"))

    def _stated(self, said: harvesting.Stated) -> dict[str, Any]:
        found = _only(said, "reconcile", "rolling", "windows", "new_sets")
        if (every := _every(said, self.zone)) is not None:
            found["every"] = every
        if said.holds is not None:
            found["holds"] = config.Holds(**_said(said.holds))
        return found

    def _secrets(self, said: dict[str, Any], *names: str) -> dict[str, Any]:
        return {name: self._secret(value) if name in names else value for name, value in said.items()}

    def _header(self, value: str) -> str | Secret:
        return self._secret(value) if value.startswith(("env:", "file:")) else value

    def _secret(self, source: str) -> Secret:
        kind, _, place = source.partition(":")
        return Secret(f"file:{self._path(place)}" if kind == "file" else source)

    def _path(self, text: str) -> Path:
        try:
            return self.folder / Path(text).expanduser()
        except RuntimeError:  # of a user who is not known here; whoever opens it says that it is not there
            return self.folder / text


def _every(said: harvesting.Timed, zone: str) -> config.Every | None:
    if said.cron is not None:
        return config.Every(cron=said.cron, zone=said.timezone or zone)
    if said.every is not None:
        return config.Every(said.every.least, said.every.most)
    return None


def _said(table: BaseModel | None) -> dict[str, Any]:
    """The keys that are there; what is not has the default of our own values."""
    return {} if table is None else _only(table, *type(table).model_fields)


def _only(table: BaseModel, *names: str) -> dict[str, Any]:
    return {name: value for name in names if (value := getattr(table, name)) is not None}
