"""Calls that cannot be meant: exit code 2, one sentence on stderr, nothing on stdout; never a traceback."""

from contextlib import chdir
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from real_command import Command, Inside

MISTAKES = {
    "an option that does not exist": ["harvest", "http://127.0.0.1/oai", "--no-such"],
    "no source": ["harvest"],
    "a name nobody registered": ["harvest", "nobody"],
    "an address that is none": ["harvest", "http:///oai"],
    "another scheme": ["harvest", "file:///etc/passwd"],
    "no date": ["harvest", "http://127.0.0.1/oai", "--from", "yesterday"],
    "a day that does not exist": ["harvest", "http://127.0.0.1/oai", "--until", "2023-02-29"],
    "from after until": ["harvest", "http://127.0.0.1/oai", "--from", "2024-01-02", "--until", "2024-01-01"],
    "full and a range": ["harvest", "http://127.0.0.1/oai", "--full", "--from", "2024-01-02"],
    "a pace that is none": ["harvest", "http://127.0.0.1/oai", "--pace", "nan"],
    "a wait without end": ["harvest", "http://127.0.0.1/oai", "--wait", "inf"],
    "a negative wait": ["harvest", "http://127.0.0.1/oai", "--wait", "-1"],
    "a command that does not exist": ["harvets"],
    "no command": [],
    "a repository nobody registered": ["status", "nobody"],
    "an export format that does not exist": ["export", "--as", "docx"],
    "an export without a format": ["export"],
    "a field that does not exist": ["search", "colour:red"],
    "a year that is none": ["export", "year:soon", "--as", "csv"],
    "a limit that is none": ["search", "a", "--limit", "0"],
    "a fault that does not exist": ["mock", "--fault", "gremlins"],
    "a port that does not exist": ["mock", "--port", "65536"],
    "no file": ["normalise"],
}


@pytest.mark.parametrize("arguments", MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_in_the_call_ends_with_2_and_a_sentence(arguments: list[str], ask: Inside) -> None:
    done = ask(*arguments)
    assert done.code == 2
    assert done.out == ""
    assert done.err.startswith(("harvester: ", "Usage: "))


def test_a_password_in_the_address_is_refused_and_not_repeated(ask: Inside) -> None:
    done = ask("harvest", "http://someone:hunter2@127.0.0.1/oai")
    assert done.code == 2
    assert "hunter2" not in done.err


def test_a_database_that_does_not_answer_is_said_without_its_password(bare: Inside) -> None:
    url = "postgresql://someone:hunter2@127.0.0.1:1/none"
    done = bare("status", HARVESTER_DATABASE_URL=url)
    assert done.code == 1
    assert "Postgres cannot be reached" in done.err
    assert "hunter2" not in done.err


@pytest.mark.parametrize("url", ["mysql://a/b", "nonsense", "postgresql:/"])
def test_a_database_url_that_is_none_is_a_mistake_of_configuration(url: str, bare: Inside) -> None:
    assert bare("status", HARVESTER_DATABASE_URL=url).code == 2


WORDS = st.one_of(
    st.sampled_from(
        [
            "harvest",
            "status",
            "search",
            "show",
            "export",
            "normalise",
            "db",
            "url",
            "--as",
            "csv",
            "--json",
            "--set",
        ]
    ),
    st.sampled_from(
        ["--limit", "--from", "--until", "--pace", "--name", "-o", "-", "--", "--help", "--xml", "-qh"]
    ),
    st.text(alphabet=st.characters(exclude_characters="\0"), max_size=30),
    st.sampled_from(
        ["\udcff\udc80", "\x1b[31mred", "a\nb", "\u202etxt", "9" * 5000, "é" * 3000, "'; DROP TABLE x --"]
    ),
)


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(WORDS, max_size=6))
def test_whatever_is_typed_gets_a_documented_exit_code_and_no_traceback(
    ask: Inside, tmp_path_factory: pytest.TempPathFactory, arguments: list[str]
) -> None:
    # Only what waits for something else is left out: a server, a demonstration, a host that may exist.
    assume(not {"mock", "demo"} & set(arguments))
    assume(not any("://" in each for each in arguments))
    with chdir(tmp_path_factory.getbasetemp()):
        done = ask(*arguments)
    assert done.code in (0, 1, 2, 3)
    assert done.code == 0 or done.err.strip()


@pytest.mark.parametrize("garbage", [b"\xff\xfe", b"\x1b]0;title\x07", "\U0001f4da" * 25_000, b"=" * 100_000])
def test_garbage_from_the_shell_is_answered_in_a_readable_line(filled: Command, garbage: str | bytes) -> None:
    done = filled("export", "--as", garbage)
    assert done.code == 2
    assert done.out == ""
    assert len(done.err) < 3000
    assert all(each.isprintable() for each in done.err.splitlines())


@pytest.mark.parametrize(
    "garbage", ["\udcff\udcfe", "\x1b]0;title\x07", "\U0001f4da" * 25_000, "=" * 100_000]
)
def test_garbage_anywhere_is_answered_in_a_readable_line(ask: Inside, garbage: str) -> None:
    for arguments in (
        ["harvest", garbage],
        ["harvest", "http://127.0.0.1/oai", "--from", garbage],
        ["harvest", "http://127.0.0.1/oai", "--pace", garbage],
        ["harvest", f"--{garbage}"],
        ["status", garbage],
        ["show", garbage],
        ["search", f"no:{garbage}"],
        ["normalise", garbage],
        [garbage],
    ):
        done = ask(*arguments)
        assert done.code in (1, 2)
        assert done.out == ""
        assert len(done.err) < 3000
        assert all(each.isprintable() for each in done.err.splitlines())


def test_nul_in_an_argument_is_no_text(ask: Inside) -> None:
    for arguments in (
        ["search", "a\0b"],
        ["show", "a\0b"],
        ["status", "\0"],
        ["harvest", "a\0", "--set", "\0"],
    ):
        done = ask(*arguments)
        assert done.code == 2
        assert "no text in UTF-8" in done.err


def test_the_message_of_a_failed_query_does_not_show_sql(ask: Inside) -> None:
    done = ask("search", "nofield:x")
    assert "SELECT" not in done.err
    assert "there are: access, creator, doi" in done.err


def test_what_nobody_foresaw_is_one_sentence_and_the_traceback_only_on_demand(
    ask: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last door, tried with a defect put in on purpose."""
    monkeypatch.setattr("harvester.catalogue.status.status", lambda *_: 1 / 0)
    with pytest.raises(AssertionError, match="a mistake in harvester itself"):
        ask("status")
    with pytest.raises(ZeroDivisionError):
        ask("status", HARVESTER_DEBUG="1")


def test_a_full_disk_behind_stdout_is_said(filled: Command) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full, which Linux has")
    for arguments in (["export", "--as", "jsonl"], ["status", "--json"], ["search", "glacier"]):
        with Path("/dev/full").open("wb") as full:
            process = filled.start(*arguments, stdout=full)
            _, err = process.communicate(timeout=30)
        assert process.returncode == 1
        assert err == b"harvester: No space left on device\n"
