"""What the operator says: where the file is looked for, who wins, and that no slip of the pen is silently without effect."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from harvester.config import RepositorySettings, Settings, from_environment
from harvester.errors import ConfigError
from harvester.harvest.harvest import Report
from harvester.mock import FakeRepository

SAMPLE = """
contact = "mailto:ops@example.org"

[[host]]
name = "api.figshare.com"
pace = "1s"                      # at least this long between two requests

[[repository]]
name = "figshare"
url = "https://api.figshare.com/v2/oai"
every = "6h"                     # or cron = "0 3 * * *"
streams = [{format = "oai_datacite", set = "portal_15"}, {format = "qdc", set = "portal_15", every = "7d"}]
"""
HOST = '[[host]]\nname = "example.org"\npace = '
REPOSITORY = '[[repository]]\nname = "one"\n'


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder we are in; the home is beside it."""
    folder = tmp_path / "here"
    folder.mkdir()
    (tmp_path / "home").mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def read(here: Path) -> Callable[..., Settings]:
    """Settings of a harvester.toml with this text, and of an environment."""

    def settings(said: str | bytes, **environment: str) -> Settings:
        (here / "harvester.toml").write_bytes(said.encode() if isinstance(said, str) else said)
        return from_environment({"HARVESTER_HOME": str(here.parent / "home")} | environment)

    return settings


Read = Callable[..., Settings]


def test_the_sample_of_the_documentation_is_taken(read: Read) -> None:
    settings = read(SAMPLE)
    assert settings.contact == "mailto:ops@example.org"
    assert settings.paces == {"api.figshare.com": 1.0}
    assert settings.repositories == (RepositorySettings("figshare", "https://api.figshare.com/v2/oai"),)
    assert settings.preference_of("figshare", "https://api.figshare.com/v2/oai") == ()


def test_without_any_file_and_word_there_are_defaults(here: Path) -> None:
    settings = from_environment({"HARVESTER_HOME": str(here)})
    assert settings == Settings(home=here)
    assert (settings.contact, settings.database_url, settings.paces) == (None, None, {})


def test_the_file_is_the_one_named_else_the_one_here_else_the_one_at_home(here: Path, tmp_path: Path) -> None:
    named, home = tmp_path / "named.toml", tmp_path / "home"
    environment = {"HARVESTER_HOME": str(home)}
    for path, contact in (
        (home / "harvester.toml", "home@example.org"),
        (here / "harvester.toml", "here@example.org"),
        (named, "named@example.org"),
    ):
        path.write_text(f'contact = "{contact}"\n')
        if path == named:
            assert from_environment(environment).contact == "here@example.org"
            environment["HARVESTER_CONFIG"] = str(named)
        assert from_environment(environment).contact == contact
    assert from_environment(environment | {"HARVESTER_CONFIG": " "}).contact == "here@example.org"


def test_a_file_in_the_home_of_the_user_is_found_by_its_tilde(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(here.parent))
    (here.parent / "mine.toml").write_text('contact = "me@example.org"\n')
    assert from_environment({"HARVESTER_CONFIG": "~/mine.toml"}).contact == "me@example.org"
    for name in ("HARVESTER_CONFIG", "HARVESTER_HOME"):
        with pytest.raises(ConfigError, match=name):
            from_environment({name: "~nobody-is-called-so/x"})


def test_a_file_that_is_named_must_be_there_and_be_read(here: Path) -> None:
    for path, reason in (("nowhere.toml", "No such file"), (".", "Is a directory")):
        with pytest.raises(ConfigError) as refused:
            from_environment({"HARVESTER_CONFIG": path})
        assert str(refused.value).startswith(f"{path} cannot be read: {reason}")


def test_the_environment_wins_over_the_file(read: Read) -> None:
    assert read(SAMPLE, HARVESTER_CONTACT="mailto:me@example.org").contact == "mailto:me@example.org"
    assert read(SAMPLE, HARVESTER_CONTACT="  ").contact == "mailto:ops@example.org"
    assert read(SAMPLE, HARVESTER_DATABASE_URL="postgresql://db/x").database_url == "postgresql://db/x"


def test_the_home_is_the_one_named_else_that_of_xdg(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert from_environment({"HARVESTER_HOME": "data"}).home == here / "data"
    assert from_environment({"XDG_DATA_HOME": "/data"}).home == Path("/data/harvester")
    for relative in ({"XDG_DATA_HOME": "data"}, {}):
        assert from_environment(relative).home == Path("/home/me/.local/share/harvester")


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ('"1s"', 1.0), ('"200ms"', 0.2), ('"2 m"', 120.0), ('"0.25h"', 900.0), ('"1d"', 86_400.0),
        ('"3"', 3.0), ("2", 2.0), ("0.5", 0.5), ("0", 0.0),
    ],
)  # fmt: skip
def test_a_pace_is_a_time_in_the_unit_that_it_names(said: str, seconds: float, read: Read) -> None:
    assert read(HOST + said).paces == {"example.org": seconds}


@pytest.mark.parametrize(
    ("said", "seconds"), [('"365d"', 365 * 86_400.0), ('"24h"', 86_400.0), ("86400", 86_400.0)]
)
def test_history_is_kept_for_the_time_that_is_said_else_for_ever(
    said: str, seconds: float, read: Read
) -> None:
    assert read(f"history = {said}").history == seconds
    assert read("").history is None


def test_a_host_is_known_whatever_the_case_it_is_written_in(read: Read) -> None:
    assert read('[[host]]\nname = "API.Example.org:8080"\npace = 1').paces == {"api.example.org:8080": 1.0}


@pytest.mark.parametrize(
    ("said", "key"),
    [
        ("contact = 5", "contact"),
        ("contact = true", "contact"),
        ("history = 365", "history"),
        ('history = "0d"', "history"),
        ('history = "for ever"', "history"),
        ("history = true", "history"),
        ("history = -1", "history"),
        ('history = ["365d"]', "history"),
        ('contact = "mailto:jürgen@example.org"', "contact"),
        ('contact = ""', "contact"),
        ('contact = "a@example.org\\nFrom: b@example.org"', "contact"),
        (f"{HOST}true", "pace"),
        (f'{HOST}"soon"', "pace"),
        (f'{HOST}"1 week"', "pace"),
        (f'{HOST}"-1s"', "pace"),
        (f'{HOST}"25h"', "pace"),
        (f'{HOST}"٣s"', "pace"),
        (f"{HOST}-1", "pace"),
        (f"{HOST}inf", "pace"),
        (f"{HOST}nan", "pace"),
        (f"{HOST}1e9", "pace"),
        (f"{HOST}1979-05-27", "pace"),
        (f"{HOST}[1]", "pace"),
        ('[[host]]\nname = "example.org"', "pace"),
        ('[[host]]\npace = "1s"', "name"),
        ('[[host]]\nname = 5\npace = "1s"', "name"),
        ('[[host]]\nname = ""\npace = "1s"', "name"),
        ('[[host]]\nname = "https://example.org/oai"\npace = "1s"', "name"),
        ("host = 5", "host"),
        ('[host]\nname = "example.org"\npace = "1s"', "host"),
        ("host = [5]", "host"),
        ('[repository]\nname = "one"', "repository"),
        ("[[repository]]", "repository"),
        ('[[repository]]\nprefer = ["dc"]', "repository"),
        ("[[repository]]\nname = 5", "name"),
        ('[[repository]]\nname = "a\\u0000b"', "name"),
        ("[[repository]]\nurl = []", "url"),
        ('[[repository]]\nurl = "api.figshare.com/v2/oai"', "url"),
        (f'{REPOSITORY}prefer = "dc"', "prefer"),
        (f"{REPOSITORY}prefer = [5]", "prefer"),
        (f'{REPOSITORY}prefer = [""]', "prefer"),
        (f'{REPOSITORY}prefer = [["dc"]]', "prefer"),
        (f"{REPOSITORY}prefer = {{a = 1}}", "prefer"),
    ],
)
def test_a_wrong_value_is_refused_with_the_file_and_the_key(said: str, key: str, read: Read) -> None:
    with pytest.raises(ConfigError) as refused:
        read(said)
    sentence = str(refused.value)
    assert sentence.startswith("harvester.toml: ")
    assert f"'{key}'" in sentence or f"[[{key}]]" in sentence
    assert sentence.isprintable()
    assert len(sentence) < 250


@pytest.mark.parametrize(
    ("said", "key", "known"),
    [
        ('contakt = "x"', "contakt", "contact"),
        ('[[hosts]]\nname = "x"', "hosts", "host"),
        (f'{HOST}"1s"\nspeed = 5', "speed", "pace"),
        (f'{REPOSITORY}sets = ["x"]', "sets", "streams"),
        (f'{REPOSITORY}Prefer = ["dc"]', "Prefer", "prefer"),
    ],
)
def test_an_unknown_key_is_refused_with_those_there_are(said: str, key: str, known: str, read: Read) -> None:
    with pytest.raises(ConfigError) as refused:
        read(said)
    sentence = str(refused.value)
    assert sentence.startswith("harvester.toml: ")
    assert f"'{key}'" in sentence
    assert known in sentence.partition("known are")[2]


def test_a_contact_of_the_environment_that_is_none_is_refused_by_its_name(read: Read) -> None:
    with pytest.raises(ConfigError, match="HARVESTER_CONTACT"):
        read("", HARVESTER_CONTACT="a@example.org\nX-Mine: 1")


@pytest.mark.parametrize(
    "said",
    [
        b"contact = ",
        b"contact = 'a'\ncontact = 'b'",
        b"contact = 'caf\xe9'",
        b"\xff\xfec\x00",
        b"contact = 'a\x00b'",
        b"x = " + b"[" * 20_000,
        b"x = " + b"9" * 20_000,
        b"contact = 0x" + b"f" * 20_000,
    ],
    ids=["cut", "twice", "latin-1", "utf-16", "nul", "deep", "long number", "long hexadecimal"],
)
def test_what_is_no_toml_is_said_to_be_none(said: bytes, read: Read) -> None:
    with pytest.raises(ConfigError) as refused:
        read(said)
    assert str(refused.value).startswith("harvester.toml is not TOML: ")


def test_a_file_of_another_kind_is_not_read_to_its_end(here: Path) -> None:
    with pytest.raises(ConfigError, match="larger than 1024 KiB"):
        from_environment({"HARVESTER_CONFIG": "/dev/zero"})


def test_a_url_is_known_whatever_the_case_of_its_host(read: Read) -> None:
    settings = read('[[repository]]\nurl = "HTTPS://API.Example.org:8080/OAI?x=Y"\nprefer = ["dc"]\n')
    assert settings.preference_of("", "https://api.example.org:8080/OAI?x=Y") == ("dc",)


def test_the_first_order_written_for_a_name_or_a_url_is_taken(read: Read) -> None:
    url = "https://example.org/oai"
    settings = read(
        f'[[repository]]\nname = "one"\n[[repository]]\nurl = "{url}"\nprefer = ["dc"]\n'
        '[[repository]]\nname = "one"\nprefer = ["qdc", "datacite 4"]\n'
    )
    assert settings.preference_of("one", "https://example.org/other") == ("qdc", "datacite 4")
    assert settings.preference_of("another", url) == ("dc",)
    assert settings.preference_of("another", f"{url}/") == ()


def arrivals(fake: FakeRepository) -> list[float]:
    return [access.at for access in fake.log]


def test_the_pace_of_a_host_is_kept_between_any_two_requests(
    fake: FakeRepository, run: Callable[..., Report], read: Read
) -> None:
    host = fake.url.split("/")[2]
    settings = read(f'[[host]]\nname = "{host}"\npace = "0.2s"\n')
    for format_ in ("oai_dc", "qdc"):  # a second harvest keeps its distance from the first
        assert run(fake, settings=settings, formats=[format_]).outcome == "complete"
    gaps = [later - earlier for earlier, later in pairwise(arrivals(fake))]
    assert len(gaps) == 6, "Identify, and three pages twice"
    assert min(gaps) >= 0.2


def test_the_pace_of_another_host_is_not_ours_and_the_command_line_wins(
    fake: FakeRepository, run: Callable[..., Report], read: Read
) -> None:
    assert run(fake, settings=read(f'{HOST}"1h"')).outcome == "complete"
    host = fake.url.split("/")[2]
    settings = read(f'[[host]]\nname = "{host}"\npace = "1h"\n')
    assert run(fake, settings=settings, pace=0.0, formats=["qdc"]).outcome == "complete"
