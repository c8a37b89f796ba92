"""The JSON Schema of the file, for editors: made from the same tables that read it."""

from typing import Any

from harvester.config_file import kinds
from harvester.config_file.whole import File

_DURATION = 'Such as "90s", "10m", "6h" or "7d"; a number alone is one of seconds.'
_NONE = {"type": "null"}  # TOML has no null: a key is there, or it is not


def json_schema() -> dict[str, Any]:
    """JSON Schema 2020-12, as `schemas/config.schema.json` holds it."""
    made: dict[str, Any] = _slim(File.model_json_schema())
    kinds_ = {"duration": {"description": _DURATION, "anyOf": kinds.DURATION}, **made.pop("$defs")}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "harvester.toml",
        **made,
        "$defs": kinds_,
    }


def _slim(part: Any) -> Any:
    """Without nulls and without titles that only repeat the key."""
    if isinstance(part, list):
        return [_slim(each) for each in part]
    if not isinstance(part, dict):
        return part
    kept = {
        key: _fields(value) if key in ("properties", "$defs") else _slim(value)
        for key, value in part.items()
        if not (key == "title" or (key == "default" and value is None))
    }
    among = kept.get("anyOf")
    if isinstance(among, list) and _NONE in among:
        rest = [each for each in among if each != _NONE]
        del kept["anyOf"]
        kept |= rest[0] if len(rest) == 1 else {"anyOf": rest}
    return _by_name(kept)


def _by_name(part: dict[str, Any]) -> dict[str, Any]:
    """With what is said of durations in one place."""
    among = part.get("anyOf", [])
    if among[:2] != kinds.DURATION:
        return part
    rest = {key: value for key, value in part.items() if key != "anyOf"}
    named = {"$ref": "#/$defs/duration"}
    return rest | (named if len(among) == 2 else {"anyOf": [named, *among[2:]]})


def _fields(part: dict[str, Any]) -> dict[str, Any]:
    return {name: _slim(value) for name, value in part.items()}
