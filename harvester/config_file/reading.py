"""Reads `harvester.toml`; whatever is wrong with it is a sentence that names file, line and key."""

import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from harvester.config import Settings
from harvester.config_file import values
from harvester.config_file.lines import Place, lines_of, nearest
from harvester.config_file.settings import settings_of
from harvester.config_file.table import Wrong
from harvester.config_file.whole import File
from harvester.errors import ConfigError

_LARGEST = 1024 * 1024  # bytes
_INTEGERS = range(-(2**63), 2**63)  # of TOML
_NATIVE = {
    "bool_type": "must be true or false",
    "int_type": "must be a whole number",
    "list_type": "must be a list",
    "too_short": "must name somebody",
    "literal_error": "must be {expected}",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
}


def read(path: Path, home: Path) -> Settings:
    """The settings of a file. Raises ConfigError."""
    text = _text(path)
    said = _toml(path, text)
    try:
        file = File.model_validate(said)
    except ValidationError as error:
        raise ConfigError(_sentence(path, text, error)) from None
    return settings_of(file, path, home)


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            body = file.read(_LARGEST + 1)
        if len(body) > _LARGEST:
            raise ConfigError(f"{path} is larger than {_LARGEST // 1024} KiB: that is no configuration")
        return body.decode("utf-8-sig")  # some editors begin every file with a byte order mark
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ConfigError(f"{path} is not TOML: {error}") from None


def _toml(path: Path, text: str) -> dict[str, Any]:
    try:
        said = tomllib.loads(text)
    except ValueError as error:  # of TOML, or of a number with thousands of digits
        raise ConfigError(f"{path} is not TOML: {error}") from None
    except RecursionError:
        raise ConfigError(f"{path} is not TOML: it is nested too deeply") from None
    waiting: list[object] = [said]
    while waiting:
        match waiting.pop():
            case dict() as table:
                waiting += table.values()
            case list() as values_:
                waiting += values_
            case int() as number if number not in _INTEGERS:
                raise ConfigError(f"{path} is not TOML: it has an integer of more than 64 bits")
    return said


def _sentence(path: Path, text: str, error: ValidationError) -> str:
    """What is wrong first, with the line where it stands."""
    lines = lines_of(text)
    found = [_told(each) for each in error.errors(include_url=False)]
    numbered = [(nearest(lines, place), sentence) for place, sentence in found]
    line, sentence = min(numbered, key=lambda each: each[0] or 0)
    where = f"{path}: " if line is None else f"{path}, line {line}: "
    return where + sentence


def _told(error: ErrorDetails) -> tuple[Place, str]:
    """The place of one error, and its sentence; pydantic's own words may repeat what nobody may see."""
    place = error["loc"]
    key = next((each for each in reversed(place) if isinstance(each, str)), "the file")
    given = error.get("ctx", {})
    said = given.get("error")
    if isinstance(said, Wrong):
        return (*place, *said.place), str(said)
    if isinstance(said, ValueError):
        return place, f"'{key}' {said}"
    must = _NATIVE.get(error["type"], "cannot be read").format_map(given)
    return place, f"'{key}' {must}, not {values.shown(error['input'])}"
