"""What the operator says: where the file is looked for, who wins, and that no slip of the pen is silently without effect."""

import re
import traceback
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import settings as settings_of_hypothesis
from hypothesis import strategies as st
from sqlalchemy import Engine

from harvester.config import (
    Auth,
    Defaults,
    Every,
    Holds,
    Quiet,
    RepositorySettings,
    Secret,
    Settings,
    StreamSettings,
    Webhook,
    from_environment,
)
from harvester.errors import ConfigError
from harvester.harvest.harvest import Report, Request, opened
from harvester.harvest.progress import Listener
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
    week = Every(7 * 86_400.0, 7 * 86_400.0)
    streams = (StreamSettings("oai_datacite", "portal_15"), StreamSettings("qdc", "portal_15", week))
    assert settings.repositories == (
        RepositorySettings(
            "figshare", "https://api.figshare.com/v2/oai", every=Every(21_600.0, 21_600.0), streams=streams
        ),
    )
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
    assert re.match(r"harvester\.toml, line [1-9]: ", sentence)
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
    assert re.match(r"harvester\.toml, line [1-9]: ", sentence)
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
        f'[[repository]]\nurl = "https://example.org/other"\n[[repository]]\nurl = "{url}"\nprefer = ["dc"]\n'
        '[[repository]]\nname = "one"\nprefer = ["qdc", "datacite 4"]\n'
    )
    assert settings.preference_of("one", "https://example.org/other") == ("qdc", "datacite 4")
    assert settings.preference_of("one", url) == settings.preference_of("another", url) == ("dc",)
    assert settings.preference_of("another", f"{url}/") == ()


def test_a_repository_has_what_is_said_of_its_name_or_its_url_and_the_defaults_for_the_rest(
    read: Read,
) -> None:
    url = "https://example.org/oai"
    settings = read(
        '[defaults]\nevery = "1d"\nreconcile = "90d"\nnew_sets = "harvest"\nholds = {records = 1}\n'
        f'[[repository]]\nurl = "{url}"\nevery = "2d"\nreconcile = "never"\nprefer = ["dc"]\n'
        f'[[repository]]\nname = "one"\nevery = "3d"\nwindows = "1m"\nnotify = false\nstreams = [{{format = "a"}}]\n'
    )
    day = 86_400.0
    rest: dict[str, Any] = {"rolling": day, "holds": Holds(records=1), "new_sets": "harvest"}
    assert settings.of("other", f"{url}/") == RepositorySettings(
        "other", f"{url}/", every=Every(day, day), reconcile=90 * day, windows=600.0, **rest
    )
    by_url = RepositorySettings(
        "other", url, ("dc",), Every(2 * day, 2 * day), (), 0.0, windows=600.0, **rest
    )
    assert settings.of("other", url) == by_url
    streams = (StreamSettings("a"),)
    by_name = RepositorySettings(
        "one", "x", (), Every(3 * day, 3 * day), streams, 90 * day, windows=60.0, notify=False, **rest
    )
    assert settings.of("one", "x") == by_name
    assert settings.of("one", url) == replace(by_url, name="one", streams=streams, windows=60.0, notify=False)
    assert Settings().of("", "").every == Defaults().every == Every(3600.0, 7 * day)


def test_a_secret_is_read_when_it_is_used_and_shown_never(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "password"
    named, filed = Secret("env:MY_PASSWORD"), Secret(f"file:{kept}")
    for value in ("k4n4ry one", "k4n4ry:zwölf"):
        monkeypatch.setenv("MY_PASSWORD", value)
        kept.write_text(f"{value}\n", "utf-8")
        assert named.reveal() == filed.reveal() == value
    assert "k4n4ry" not in f"{named!r}{named}{filed!r}{filed}{Auth('me', named, filed)}{Webhook('x', named)}"
    assert (str(named), str(filed)) == ("env:MY_PASSWORD", f"file:{kept}")


@pytest.mark.parametrize(
    ("held", "said"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"", "is not set, or empty"),
        (b"\n", "is not set, or empty"),
        (b"k4n4ry\nsecond", "must be one printable line"),
        (b"k4n4ry\x00", "must be one printable line"),
        (b"k4n4ry\xff", "is not UTF-8"),
    ],
)
def test_a_secret_that_is_none_is_told_by_its_place_and_not_by_its_value(
    held: bytes | None, said: str, tmp_path: Path
) -> None:
    kept = tmp_path / "password"
    if held is not None:
        kept.write_bytes(held)
    with pytest.raises(ConfigError) as refused:
        Secret(f"file:{kept}").reveal()
    assert str(refused.value) == f"the secret file:{kept} {said}"
    assert "k4n4ry" not in "".join(traceback.format_exception(refused.value))


def test_a_secret_that_is_not_in_the_environment_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for value in (None, "", "a\nb"):
        monkeypatch.delenv("MY_PASSWORD", raising=False)
        if value is not None:
            monkeypatch.setenv("MY_PASSWORD", value)
        with pytest.raises(ConfigError, match="the secret env:MY_PASSWORD"):
            Secret("env:MY_PASSWORD").reveal()
    with pytest.raises(ConfigError) as refused:
        Secret("k4n4ry")
    assert "k4n4ry" not in str(refused.value)


BERLIN = ZoneInfo("Europe/Berlin")
NIGHT = Quiet(time(21), time(5), "Europe/Berlin")


@pytest.mark.parametrize(
    ("quiet", "now", "end"),
    [
        (NIGHT, "2026-01-10T19:59:59Z", None),
        (NIGHT, "2026-01-10T20:00:00Z", "2026-01-11T04:00:00Z"),
        (NIGHT, "2026-01-11T03:59:59Z", "2026-01-11T04:00:00Z"),
        (NIGHT, "2026-01-11T04:00:00Z", None),
        (NIGHT, "2026-01-11T12:00:00Z", None),
        # Clocks go from two to three on 29 March 2026, and back from three to two on 25 October.
        (NIGHT, "2026-03-28T23:00:00Z", "2026-03-29T03:00:00Z"),
        (NIGHT, "2026-03-29T03:00:00Z", None),
        (NIGHT, "2026-10-24T19:00:00Z", "2026-10-25T04:00:00Z"),
        (NIGHT, "2026-10-25T03:59:00Z", "2026-10-25T04:00:00Z"),
        (Quiet(time(2, 30), time(4), "Europe/Berlin"), "2026-03-29T01:00:00Z", "2026-03-29T02:00:00Z"),
        (Quiet(time(1), time(2, 30), "Europe/Berlin"), "2026-03-29T00:59:00Z", "2026-03-29T01:30:00Z"),
        (Quiet(time(2, 30), time(4), "Europe/Berlin"), "2026-10-25T00:30:00Z", "2026-10-25T03:00:00Z"),
        (Quiet(time(23), time(2, 30), "Europe/Berlin"), "2026-10-25T01:00:00Z", "2026-10-25T01:30:00Z"),
        (Quiet(time(8), time(18)), "2026-01-10T09:00:00Z", "2026-01-10T18:00:00Z"),
        (Quiet(time(8), time(18)), "2026-01-10T19:00:00Z", None),
        (Quiet(time(22), time(0)), "2026-01-10T23:59:00Z", "2026-01-11T00:00:00Z"),
        (Quiet(time(0), time(1), "Pacific/Kiritimati"), "2026-01-10T10:30:00Z", "2026-01-10T11:00:00Z"),
    ],
)  # fmt: skip
def test_quiet_hours_are_those_on_the_clocks_of_their_zone(quiet: Quiet, now: str, end: str | None) -> None:
    ends = None if end is None else datetime.fromisoformat(end)
    assert quiet.until(datetime.fromisoformat(now)) == ends
    assert quiet.until(datetime.fromisoformat(now).astimezone(BERLIN)) == ends


TIMES = st.times().map(lambda each: each.replace(microsecond=0, second=0))
ZONES = st.sampled_from(
    ["UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Kathmandu"]
)


@settings_of_hypothesis(max_examples=300, deadline=None)
@given(begin=TIMES, end=TIMES, zone=ZONES, now=st.datetimes(datetime(2020, 1, 1), datetime(2032, 1, 1)))  # noqa: DTZ001 - made aware below
def test_in_its_quiet_hours_a_host_is_never_asked(begin: time, end: time, zone: str, now: datetime) -> None:
    moment = now.replace(tzinfo=UTC)
    until = Quiet(begin, end, zone).until(moment)
    clock = moment.astimezone(ZoneInfo(zone)).time()
    if begin <= clock < end or (begin > end and not end <= clock < begin):
        assert until is not None
    if until is not None:
        assert moment < until <= moment + timedelta(days=1, hours=2)
        assert until.utcoffset() == timedelta(0)


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


def test_a_list_is_cut_after_the_time_that_its_repository_has(
    fake: FakeRepository, engine: Engine, read: Read
) -> None:
    settings = read(
        f'[defaults]\nwindows = "20m"\n[[repository]]\nname = "one"\nurl = "{fake.url}"\nwindows = "5m"\n'
    )

    def longest(url: str, **options: Any) -> float:
        request = Request(url, settings=settings, **options)
        with opened(engine, request, Listener(), lambda: False) as (job, _):
            return job.longest_list

    assert longest(fake.url) == 300.0
    assert longest(f"{fake.url}/other") == 1200.0
    assert longest(f"{fake.url}/other", name="one") == 300.0
    assert longest(fake.url, longest_list=7.0) == 7.0


def test_the_pace_of_another_host_is_not_ours_and_the_command_line_wins(
    fake: FakeRepository, run: Callable[..., Report], read: Read
) -> None:
    assert run(fake, settings=read(f'{HOST}"1h"')).outcome == "complete"
    host = fake.url.split("/")[2]
    settings = read(f'[[host]]\nname = "{host}"\npace = "1h"\n')
    assert run(fake, settings=settings, pace=0.0, formats=["qdc"]).outcome == "complete"
