"""[service] and [notify]: the process that runs, and who is told."""

import ipaddress
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from harvester.config_file import kinds
from harvester.config_file.table import Table, Wrong, once


class Service(Table):
    """The process that runs."""

    written: ClassVar[str] = "[service]"
    workers: Annotated[int, Field(ge=1, le=256)] | None = Field(
        default=None, description="Hosts that are asked at the same time by this process. 8 without it."
    )
    port: Annotated[int, Field(ge=1, le=65_535)] | None = Field(
        default=None, description="Serves /metrics and /health; not served without it."
    )
    address: kinds.Listening | None = Field(
        default=None, description="Where it is served. 127.0.0.1 without it: for this machine only."
    )
    log: Literal["console", "json"] | None = Field(
        default=None, description='For eyes ("console", without it) or for programs ("json").'
    )
    slice: kinds.Minutes | None = Field(
        default=None, description="Of work on one host before the next has its turn. 60s without it."
    )


class Webhook(Table):
    """An address that alerts are posted to."""

    written: ClassVar[str] = "[[notify.webhook]]"
    url: kinds.Hook = Field(description="Where alerts are posted to.")
    secret: kinds.Reference | None = Field(
        default=None, description="env:NAME or file:PATH. It signs the body (HMAC-SHA256)."
    )


class Mail(Table):
    """Alerts by mail."""

    written: ClassVar[str] = "[notify.mail]"
    server: kinds.Server = Field(description="Host, or host:port.")
    sender: kinds.Mailbox = Field(description="Whom the mail comes from.")
    to: Annotated[list[kinds.Mailbox], Field(min_length=1)] = Field(description="Whom it goes to.")
    user: kinds.User | None = Field(
        default=None, description="With `password`, where the server wants a login."
    )
    password: kinds.Reference | None = Field(default=None, description="env:NAME or file:PATH.")
    tls: Literal["starttls", "tls", "none"] | None = Field(
        default=None,
        description='"starttls" (without it), "tls" from the first byte, or "none" on this machine.',
    )

    @model_validator(mode="after")
    def _safe(self) -> Self:
        if (self.user is None) != (self.password is None):
            raise Wrong("[notify.mail] needs 'user' and 'password', or neither", "server")
        if self.tls == "none" and not _is_here(self.server):
            raise Wrong(
                "'tls' can be \"none\" only for a mail server on this machine, such as 127.0.0.1:25", "tls"
            )
        once((each, f"'{each}'", ("to", number)) for number, each in enumerate(self.to))
        return self


class Notify(Table):
    """Who is told of what needs a person."""

    written: ClassVar[str] = "[notify]"
    group: kinds.Grouped | None = Field(
        default=None, description="Alerts are gathered for so long and told together. 5m without it."
    )
    webhook: list[Webhook] | None = Field(default=None, description="Addresses that alerts are posted to.")
    mail: Mail | None = Field(default=None, description="Alerts by mail.")

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        # The address may be as good as a password, so it is not repeated.
        once(
            (each.url, "the same 'url'", ("webhook", number, "url"))
            for number, each in enumerate(self.webhook or ())
        )
        return self


def _is_here(server: str) -> bool:
    host = server.rpartition(":")[0] if server.count(":") == 1 else server.partition("]")[0].removeprefix("[")
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
