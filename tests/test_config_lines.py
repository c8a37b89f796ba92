"""tomllib tells no positions: ours are right for whatever TOML can be written like."""

import re
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from harvester.config_file.lines import lines_of, nearest

# A file in which every number is that of its own line.
NAMES = st.sampled_from(["a", "b", "c-d", '"e f"', "'g'", '"h\\"]#"'])
NUMBER = st.just("@")
STRANGE = st.sampled_from(
    ['"[[a]] # = { \\" @@"', "'''\n[a]\nb = @@\n'''", '"""\n ""@@" \\"""\n\\\\"""', "'\\'", '""', '"""x"""""', "1979-05-27 07:32:00"]
)  # fmt: skip
GAP = st.sampled_from(["", " ", "\n", " # ] } @@\n", "\n\n\t"])


def arrays(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(st.tuples(GAP, inner, GAP), max_size=3).map(
        lambda parts: "[" + ",".join("".join(part) for part in parts) + "]"
    )


def inline(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pairs = st.lists(
        st.tuples(NAMES, inner),
        max_size=3,
        unique_by=lambda pair: tomllib.loads(f"{pair[0]} = 1").popitem()[0],
    )
    return pairs.map(lambda each: "{" + ", ".join(f"{name} = {value}" for name, value in each) + "}")


ANYTHING = st.recursive(
    st.one_of(NUMBER, STRANGE), lambda inner: st.one_of(arrays(inner), inline(inner)), max_leaves=8
)
LINE = st.one_of(
    st.tuples(st.lists(NAMES, min_size=1, max_size=2).map(" . ".join), ANYTHING).map(" = ".join),
    st.lists(NAMES, min_size=1, max_size=3).map(lambda each: f"[{'.'.join(each)}]"),
    st.lists(NAMES, min_size=1, max_size=3).map(lambda each: f"  [[ {' . '.join(each)} ]] # [x]"),
    GAP,
)


def leaves(found: Any, place: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    if isinstance(found, dict | list):
        for key, value in found.items() if isinstance(found, dict) else enumerate(found):
            yield from leaves(value, (*place, key))
    else:
        yield place, found


def numbered(text: str) -> str:
    """Every lone @ replaced by its line; @@ is text that is none."""
    lines = text.split("\n")
    return "\n".join(re.sub("(?<!@)@(?!@)", str(number), line) for number, line in enumerate(lines, start=1))


@settings(max_examples=600, deadline=None)
@given(said=st.lists(LINE, max_size=9), ending=st.sampled_from(["\n", "\r\n"]))
@example(said=["a = @", "[[b]]", "[b.a]", "c-d = [@,", "@, {a = @}]", "[[b]]", "a.b = @"], ending="\r\n")
def test_the_line_of_every_value_is_found(said: list[str], ending: str) -> None:
    kept: list[str] = []
    for each in said:  # a key that is said twice, or is a table elsewhere, is left out
        try:
            tomllib.loads("\n".join([*kept, numbered(each)]))
        except tomllib.TOMLDecodeError:
            continue
        kept.append(each)
    text = numbered("\n".join(kept))
    lines = lines_of(text.replace("\n", ending))
    for place, value in leaves(tomllib.loads(text)):
        if isinstance(value, int):
            assert nearest(lines, place) == value, (text, place)
        else:
            assert place in lines


def test_what_is_not_there_has_the_line_of_its_table() -> None:
    lines = lines_of('\n[[host]]\nname = "x"\n\n[[host]]\n[host.auth]\n')
    assert nearest(lines, ("host", 1, "auth", "token")) == 6
    assert nearest(lines, ("host", 0, "pace")) == 2
    assert nearest(lines, ("host", 7)) == 2
    assert nearest(lines, ("service", "port")) is None


@pytest.mark.parametrize(
    "said",
    ["a = [", "a = [}]", "[[", "a", "= =", '"', "a = {", "a = {b = 1", "]", 'a = """', "a = " + "[" * 5000],
)
def test_what_is_no_toml_has_the_lines_that_were_met(said: str) -> None:
    assert nearest(lines_of(f"x = 1\n{said}"), ("x",)) == 1
