"""The kinds of values, as pydantic takes them: how each is read, and how an editor is told of it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import time
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, GetCoreSchemaHandler, GetJsonSchemaHandler, WithJsonSchema
from pydantic_core import CoreSchema, core_schema

from harvester.config_file import secrets, times, values

_TEXT = WithJsonSchema({"type": "string", "minLength": 1})
DURATION: list[dict[str, Any]] = [
    {"type": "string", "pattern": times.DURATION},
    {"type": "number", "minimum": 0},
]
_TIME = WithJsonSchema({"anyOf": DURATION})
_SHARE: list[dict[str, Any]] = [
    {"type": "string", "pattern": "^[0-9.]+ ?%$"},
    {"type": "number", "minimum": 0, "maximum": 1},
]


def _pattern(text: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": text})


@dataclass(frozen=True, eq=False)  # a type that is annotated with it has to be hashed
class Short:
    """A table that may be written shorter: `how` makes the table of what is no table, `schemas` tell of it."""

    how: Callable[[Any], Any]
    schemas: tuple[dict[str, Any], ...]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        def whole(said: Any) -> Any:
            return said if isinstance(said, dict) else self.how(said)

        return core_schema.no_info_before_validator_function(whole, handler(source))

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"anyOf": [*self.schemas, handler(core)]}


Line = Annotated[str, BeforeValidator(values.line), _TEXT]
Name = Annotated[str, BeforeValidator(values.name), _pattern(values.NAME)]
Contact = Annotated[str, BeforeValidator(values.contact), _TEXT]
HostName = Annotated[str, BeforeValidator(values.host), _TEXT]
Server = Annotated[str, BeforeValidator(values.server), _TEXT]
Listening = Annotated[str, BeforeValidator(values.listening), _TEXT]
Url = Annotated[str, BeforeValidator(values.url), _pattern("^[Hh][Tt][Tt][Pp][Ss]?://")]
Hook = Annotated[str, BeforeValidator(values.address), _pattern("^https?://")]
Mailbox = Annotated[str, BeforeValidator(values.mailbox), _pattern("^[^@ ]+@[^@ ]+$")]
Zone = Annotated[str, BeforeValidator(values.zone), _TEXT]
Cron = Annotated[str, BeforeValidator(values.expression), _TEXT]
Crosswalks = Annotated[list[str], BeforeValidator(values.crosswalks)]
Share = Annotated[float, BeforeValidator(values.share), WithJsonSchema({"anyOf": _SHARE})]
Count = Annotated[int, Field(ge=0, le=1_000_000_000)]
Pace = Annotated[float, BeforeValidator(times.pace), _TIME]
History = Annotated[float, BeforeValidator(times.history), _TIME]
Between = Annotated[float, BeforeValidator(times.interval), _TIME]
Minutes = Annotated[float, BeforeValidator(times.moments), _TIME]
Grouped = Annotated[float, BeforeValidator(times.gathering), _TIME]
Seldom = Annotated[
    float, BeforeValidator(times.seldom), WithJsonSchema({"anyOf": [*DURATION, {"const": "never"}]})
]
Clock = Annotated[time, BeforeValidator(times.clock), _pattern(times.CLOCK)]
Reference = Annotated[str, BeforeValidator(secrets.reference), _pattern(secrets.REFERENCE)]
User = Annotated[str, BeforeValidator(secrets.user), _TEXT]
Headers = Annotated[
    dict[str, str],
    BeforeValidator(secrets.headers),
    WithJsonSchema({"type": "object", "additionalProperties": {"type": "string", "minLength": 1}}),
]
