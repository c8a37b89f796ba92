"""The file as a whole."""

from typing import Annotated, Any, ClassVar, Self

from pydantic import BeforeValidator, Field, model_validator

from harvester.config_file import kinds
from harvester.config_file.harvesting import Defaults, Repository
from harvester.config_file.hosts import Host
from harvester.config_file.service import Notify, Service
from harvester.config_file.table import Table, once


class File(Table):
    """harvester.toml: what is harvested, how often, how politely, and who is told."""

    written: ClassVar[str] = "the file"
    contact: kinds.Contact | None = Field(
        default=None,
        description="A mail address or URL, sent to every repository in User-Agent and From: please set it.",
    )
    history: kinds.History | None = Field(
        default=None,
        description="How long earlier versions of records are kept, a day at least; without it for ever.",
    )
    defaults: Defaults | None = Field(
        default=None, description="What holds for every repository that does not say otherwise."
    )
    service: Service | None = Field(default=None, description="`harvester run` and `harvester worker`.")
    notify: Notify | None = Field(default=None, description="Who is told of what needs a person.")
    host: Annotated[list[Host], BeforeValidator(lambda said: _tables(said, "host"))] | None = Field(
        default=None, description="How one host is asked."
    )
    repository: (
        Annotated[list[Repository], BeforeValidator(lambda said: _tables(said, "repository"))] | None
    ) = Field(default=None, description="What is harvested.")

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        once(
            (each.name, f"the host '{each.name}'", ("host", number, "name"))
            for number, each in enumerate(self.host or ())
        )
        for key in ("name", "url"):
            once(
                (value, f"the repository's {key} '{value}'", ("repository", number, key))
                for number, each in enumerate(self.repository or ())
                if (value := getattr(each, key)) is not None
            )
        return self


def _tables(said: Any, name: str) -> Any:
    if not isinstance(said, list):
        raise ValueError(f"must be written as [[{name}]]")
    return said
