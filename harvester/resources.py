"""Finds `schemas/` and `alembic/`, in the installed package or in a checkout; nobody else builds such paths."""

from pathlib import Path

_PACKAGE = Path(__file__).parent


def folder(name: str) -> Path:
    """The top-level folder `name` (`schemas` or `alembic`).

    Raises FileNotFoundError where the installation lacks it.
    """
    for candidate in (_PACKAGE / "_data" / name, _PACKAGE.parent / name):
        if candidate.is_dir():
            return candidate
    raise FileNotFoundError(f"harvester's own folder '{name}' is missing: install the package again")


def schema(name: str) -> Path:
    """The path of a file below `schemas/`, such as `entry.schema.json`."""
    return folder("schemas") / name
