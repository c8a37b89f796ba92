"""The list of faults names, for each, the tests that show what harvester does, and every one of them is there."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROW = re.compile(r"\| (\d+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|")
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
ROWS = {"Faults": 70, "Deviations from the specification": 65}


def tables() -> dict[str, list[tuple[int, str]]]:
    """The rows of each table: number, and the cell that names the tests."""
    found: dict[str, list[tuple[int, str]]] = {}
    title = ""
    for line in (HERE / "FAULTS.md").read_text("utf-8").splitlines():
        if line.startswith("## "):
            title = line[3:]
        elif line.startswith("|") and not line.startswith(("| # |", "|---")):
            row = ROW.fullmatch(line)
            assert row is not None, f"this row cannot be read: {line}"
            found.setdefault(title, []).append((int(row[1]), row[4].strip()))
    return found


@cache
def named_in(path: str) -> frozenset[str]:
    """The names of the test functions in a file, those of classes too."""
    tree = ast.parse((HERE.parent / path).read_text("utf-8"))
    return frozenset(
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    )


def complaint(cell: str) -> str | None:
    """What is wrong with a cell; None where nothing is."""
    if "TODO" in cell:
        return "it is still to be done"
    named = NAMED.findall(cell)
    for path, name in named:
        if not (HERE.parent / path).is_file():
            return f"{path} does not exist"
        if name not in named_in(path):
            return f"{path} has no test {name}"
    words = NAMED.sub("", cell).strip(" ,;")
    if not named and len(words.split()) < 3:
        return "it names neither a test nor a reason"
    return None


@pytest.mark.parametrize("title", ROWS)
def test_every_fault_has_a_row(title: str) -> None:
    assert [number for number, _ in tables()[title]] == list(range(1, ROWS[title] + 1))


@pytest.mark.parametrize("title", ROWS)
def test_every_row_names_a_test_that_exists_or_a_reason(title: str) -> None:
    wrong = [f"{number}: {said}" for number, cell in tables()[title] if (said := complaint(cell))]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("`tests/test_faults.py::test_every_fault_has_a_row`", None),
        ("belongs to the scheduler, not built yet", None),
        ("`tests/test_faults.py::test_nothing_of_the_kind`", "has no test"),
        ("`tests/test_nowhere.py::test_x`", "does not exist"),
        ("`tests/test_faults.py::test_every_fault_has_a_row`, TODO", "still to be done"),
        ("", "neither"),
        ("later", "neither"),
        ("test_faults.py", "neither"),
    ],
)
def test_a_row_that_names_nothing_is_found_out(cell: str, said: str | None) -> None:
    found = complaint(cell)
    assert found is None if said is None else said in str(found)
