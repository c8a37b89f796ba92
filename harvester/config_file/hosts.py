"""[[host]]: how one host is asked, and what it alone is sent."""

from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from harvester.config_file import kinds, times
from harvester.config_file.table import Table, Wrong


class Quiet(Table):
    """Hours of a day; `until` before `from` passes midnight."""

    written: ClassVar[str] = '`quiet = {from = "21:00", until = "05:00"}`'
    from_: kinds.Clock = Field(alias="from", description="Such as 21:00.")
    until: kinds.Clock = Field(description="Such as 05:00.")
    timezone: kinds.Zone | None = Field(default=None, description="As [defaults] has it without it.")

    @model_validator(mode="after")
    def _some(self) -> Self:
        if self.from_ == self.until:
            raise Wrong("'from' and 'until' of 'quiet' are the same: the host would never be asked", "until")
        return self


class Auth(Table):
    """Basic, or Bearer."""

    written: ClassVar[str] = '`auth = {user = "me", password = "env:NAME"}`'
    user: kinds.User | None = Field(default=None, description="Of Basic authentication, with `password`.")
    password: kinds.Reference | None = Field(default=None, description="env:NAME or file:PATH.")
    token: kinds.Reference | None = Field(default=None, description="Of a Bearer; env:NAME or file:PATH.")

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        basic = (self.user is not None, self.password is not None)
        if (self.token is not None and any(basic)) or (self.token is None and not all(basic)):
            raise Wrong("'auth' needs 'user' and 'password', or 'token' alone")
        return self


class Host(Table):
    """How one host is asked, whatever repositories it has."""

    written: ClassVar[str] = "[[host]]"
    name: kinds.HostName = Field(description="As in the base URLs; with a port that is not the scheme's own.")
    pace: kinds.Pace | None = Field(
        default=None, description='At least this long between two requests, such as "1s"; at most a day.'
    )
    quiet: Annotated[Quiet, kinds.Short(times.span, ({"type": "string", "pattern": times.SPAN},))] | None = (
        Field(default=None, description='Hours in which it is not asked, such as "21:00-05:00".')
    )
    headers: kinds.Headers | None = Field(
        default=None,
        description="Sent to this host only. What lets in (Authorization, Cookie, …-Key) as env:NAME or file:PATH.",
    )
    auth: Auth | None = Field(default=None, description="Sent to this host only.")
    ca: kinds.Line | None = Field(
        default=None,
        description="PEM file of an authority that this host may be certified by, besides those known to all.",
    )

    @model_validator(mode="after")
    def _something(self) -> Self:
        if len(self.model_fields_set) == 1:
            raise Wrong("[[host]] needs more than its name: 'pace', 'quiet', 'headers', 'auth' or 'ca'")
        if self.auth is not None and any(name.lower() == "authorization" for name in self.headers or ()):
            raise Wrong(
                "'auth' and the header Authorization are the same thing: leave one of them out", "auth"
            )
        return self
