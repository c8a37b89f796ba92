"""What a person typed, looked at before it goes anywhere: callbacks of options and arguments."""

import os

import typer


def text(value: str | list[str] | None) -> str | list[str] | None:
    """Text that Postgres and a URL can hold; UTF-8 is understood in a terminal that claims to speak ASCII, too."""
    if isinstance(value, list):
        return [_text(each) for each in value]
    return None if value is None else _text(value)


def _text(value: str) -> str:
    try:
        # Bytes that the terminal's encoding lacks come in as lone surrogates (PEP 383).
        said = value if _is_utf8(value) else os.fsencode(value).decode()
    except UnicodeError:
        said = "\0"
    if "\0" in said:
        raise typer.BadParameter("it holds bytes that are no text in UTF-8")
    return said


def _is_utf8(value: str) -> bool:
    return value.encode(errors="replace").decode() == value
