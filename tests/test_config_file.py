"""harvester.toml: what is taken, what is refused in which words, and that no secret is in any of them."""

import json
import re
import subprocess
import sys
import tomllib
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from harvester import resources
from harvester.config import (
    Auth,
    Defaults,
    Every,
    Holds,
    HostSettings,
    Mail,
    Notify,
    Quiet,
    RepositorySettings,
    Secret,
    Service,
    Settings,
    StreamSettings,
    Webhook,
)
from harvester.config_file import json_schema, read
from harvester.config_file import values as kinds
from harvester.config_file.harvesting import Stated
from harvester.config_file.table import Table
from harvester.config_file.whole import File
from harvester.errors import ConfigError
from harvester.harvest.sources import check_url

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "deploy" / "harvester.example.toml"
HOST = '[[host]]\nname = "example.org"\n'
REPOSITORY = '[[repository]]\nname = "one"\n'
HOUR, DAY = 3600.0, 86_400.0

Read = Callable[[str], Settings]


@pytest.fixture(scope="module")
def parse(tmp_path_factory: pytest.TempPathFactory) -> Read:
    """The settings of a file with this text."""
    path = tmp_path_factory.mktemp("file") / "harvester.toml"

    def go(said: str) -> Settings:
        path.write_text(said, "utf-8")
        return read(path, Path("/home"))

    return go


def folder(said: Settings) -> Path:
    assert said.path is not None
    return said.path.parent


def refusal(parse: Read, said: str) -> str:
    """What is told of it, without the folder."""
    with pytest.raises(ConfigError) as refused:
        parse(said)
    return re.sub(r"^.*/(?=harvester\.toml)", "", str(refused.value))


def test_an_empty_file_says_nothing(parse: Read) -> None:
    said = parse("")
    assert said == Settings(home=Path("/home"), path=said.path)


@pytest.mark.parametrize(
    ("said", "every"),
    [
        ('every = "6h"', Every(6 * HOUR, 6 * HOUR)),
        ("every = 21600", Every(6 * HOUR, 6 * HOUR)),
        ('every = {least = "30m", most = "14d"}', Every(HOUR / 2, 14 * DAY)),
        ('[repository.every]\nleast = "1h"\nmost = "1h"', Every(HOUR, HOUR)),
        ('every = "5s"', Every(5.0, 5.0)),
        ('every.least = "1s"\nevery.most = "3660d"', Every(1.0, 3660 * DAY)),
        ('cron = "0 3 * * *"', Every(cron="0 3 * * *")),
        ('cron = "  */15  0-6/2,23 1,15 JAN-jun *"', Every(cron="*/15 0-6/2,23 1,15 1,2,3,4,5,6 *")),
        ('cron = "0 3 * * 1-5"\ntimezone = "Europe/Berlin"',
         Every(cron="0 3 * * mon,tue,wed,thu,fri", zone="Europe/Berlin")),
        ('cron = "0 3 * * 0"', Every(cron="0 3 * * sun")),
        ('cron = "0 3 * * 7"', Every(cron="0 3 * * sun")),
        ('cron = "0 3 * * sat-sun"', Every(cron="0 3 * * sat,sun")),
        ('cron = "0 3 * * sun-sun"', Every(cron="0 3 * * sun")),
        ('cron = "0 3 * * */2"', Every(cron="0 3 * * tue,thu,sat,sun")),
        ('cron = "0 3 * * 0-6"', Every(cron="0 3 * * *")),
        ('cron = "0 3 29 2 *"', Every(cron="0 3 29 2 *")),
        ('cron = "0 3 31 1-2 *"', Every(cron="0 3 31 1,2 *")),
    ],
)  # fmt: skip
def test_how_often_is_an_interval_or_cron(said: str, every: Every, parse: Read) -> None:
    (repository,) = parse(REPOSITORY + said).repositories
    assert repository.every == every


def test_a_zone_comes_from_the_stream_else_the_repository_else_the_defaults(parse: Read) -> None:
    said = parse(
        '[defaults]\ncron = "0 1 * * *"\ntimezone = "Asia/Tokyo"\n'
        f'{HOST}quiet = "21:00 - 5:00"\n'
        '[[host]]\nname = "b.example"\nquiet = {from = 22:00:00, until = "05:30", timezone = "America/New_York"}\n'
        '[[repository]]\nname = "a"\ncron = "0 2 * * *"\ntimezone = "Europe/Berlin"\n'
        'streams = [{format = "x", cron = "0 3 * * *"}, {format = "y", cron = "0 4 * * *", timezone = "UTC"}]\n'
        '[[repository]]\nname = "b"\nstreams = [{format = "x", cron = "0 5 * * *"}, {format = "y"}]\n'
    )
    assert said.defaults.every == Every(cron="0 1 * * *", zone="Asia/Tokyo")
    assert [each.quiet for each in said.hosts.values()] == [
        Quiet(time(21), time(5), "Asia/Tokyo"),
        Quiet(time(22), time(5, 30), "America/New_York"),
    ]
    zones = [each.every and each.every.zone for of in said.repositories for each in of.streams]
    assert zones == ["Europe/Berlin", "UTC", "Asia/Tokyo", None]


def test_all_that_can_be_said_is_heard(parse: Read) -> None:
    said = parse(
        f"""
        [defaults]
        every = "1d"
        reconcile = "never"
        rolling = 0
        windows = 900
        new_sets = "harvest"
        holds = {{share = "2.5 %", most = 10}}
        [service]
        workers = 3
        port = 9464
        address = "::1"
        log = "json"
        slice = "90s"
        [notify]
        group = 0
        mail.server = "mail.example.org:587"
        mail.sender = "a@example.org"
        mail.to = ["b@example.org"]
        mail.user = "me"
        mail.password = "file:/run/secrets/x"
        mail.tls = "tls"
        [[notify.webhook]]
        url = "https://example.org/hook"
        secret = "env:HOOK"
        [[notify.webhook]]
        url = "http://example.org/other"
        {HOST}
        pace = "2s"
        headers = {{X-Project = "ours", "X-API-Key" = "env:KEY"}}
        auth = {{token = "file:token"}}
        ca = "certificates/ours.pem"
        [[host]]
        name = "Bücher.example.:8080"
        auth = {{user = "me", password = "env:PASSWORD"}}
        [[repository]]
        url = "HTTP://Example.ORG:80/oai?site=1"
        reconcile = "90d"
        rolling = "7d"
        windows = "1s"
        holds = {{records = 5}}
        new_sets = "offer"
        notify = false
        """
    )
    here = folder(said)
    assert said.defaults == Defaults(Every(DAY, DAY), 0.0, 0.0, 900.0, Holds(share=0.025, most=10), "harvest")
    assert said.service == Service(3, 9464, "::1", "json", 90.0)
    password = Secret("file:/run/secrets/x")
    mail = Mail("mail.example.org:587", "a@example.org", ("b@example.org",), "me", password, "tls")
    webhooks = (Webhook("https://example.org/hook", Secret("env:HOOK")), Webhook("http://example.org/other"))
    assert said.notify == Notify(webhooks, mail, 0.0)
    assert said.hosts == {
        "example.org": HostSettings(
            "example.org",
            2.0,
            headers={"X-Project": "ours", "X-API-Key": Secret("env:KEY")},
            auth=Auth(token=Secret(f"file:{here}/token")),
            ca=here / "certificates" / "ours.pem",
        ),
        "xn--bcher-kva.example:8080": HostSettings(
            "xn--bcher-kva.example:8080", auth=Auth("me", Secret("env:PASSWORD"))
        ),
    }
    assert said.paces == {"example.org": 2.0}
    assert said.repositories == (
        RepositorySettings(
            url="http://example.org/oai?site=1",
            reconcile=90 * DAY,
            rolling=7 * DAY,
            windows=1.0,
            holds=Holds(records=5),
            new_sets="offer",
            notify=False,
        ),
    )


SENTENCES = [
    ('evry = 1', 1, "'evry' is not known in the file; known are contact, defaults, history, host, notify, repository, service"),
    (f'{REPOSITORY}every = "6h"\nevry = 1', 4, "'evry' is not known in [[repository]]; known are cron, every, holds,"),
    (f'{REPOSITORY}streams = [\n {{format = "a"}},\n {{format = "b", st = "x"}},\n]', 5, "'st' is not known in `streams = ["),
    ('[defaults]\nholds = {shre = 1}', 2, "'shre' is not known in `holds = {"),
    ('[notify.mail]\nfrom = "x"', 2, "'from' is not known in [notify.mail]; known are password, sender, server,"),
    ('[[repository]]\nprefer = ["dc"]', 1, "a [[repository]] needs 'name' or 'url'"),
    (f'{REPOSITORY}[repository.every]\nleast = "1h"', 3, "'most' is missing in `every = {least"),
    (f'{REPOSITORY}every = {{least = "8d", most = "7d"}}', 3, "'least' is longer than 'most'"),
    (f'{REPOSITORY}every = 6', 3, "'every' needs a unit, such as \"6h\": 6 alone is seconds"),
    (f'{REPOSITORY}every = "no time"', 3, "'every' must be a time such as \"6h\""),
    (f'{REPOSITORY}every = "6"', 3, "'every' needs a unit, such as \"6h\": '6' alone is seconds"),
    (f'{REPOSITORY}every = "0h"', 3, "'every' must be a time such as \"6h\", from a second to ten years, not '0h'"),
    (f'{REPOSITORY}every = "6h"\ncron = "0 3 * * *"', 4, "'every' and 'cron' are two answers to one question"),
    (f'{REPOSITORY}timezone = "UTC"', 3, "'timezone' is that of 'cron', which is missing here"),
    (f'{REPOSITORY}cron = "0 3 * *"', 3, "'cron' must have five fields (minute, hour, day of the month, month, day of the week)"),
    (f'{REPOSITORY}cron = "@daily"', 3, "'cron' must have five fields"),
    (f'{REPOSITORY}cron = "0 24 * * *"', 3, "'cron' has '24' for the hour, which is from 0 to 23"),
    (f'{REPOSITORY}cron = "0 3 0 * *"', 3, "'cron' has '0' for the day of the month, which is from 1 to 31"),
    (f'{REPOSITORY}cron = "0 3 31 feb,apr *"', 3, "'cron' names a date that no year has"),
    (f'{REPOSITORY}cron = "0 3 1 * mon"', 3, "'cron' names days of the month and days of the week"),
    (f'{REPOSITORY}cron = "0 5-3 * * *"', 3, "'cron' has a range for the hour that runs backwards: '5-3'"),
    (f'{REPOSITORY}cron = "*/0 3 * * *"', 3, "'cron' has a step for the minute that leads nowhere: '*/0'"),
    (f'{REPOSITORY}cron = "0 3 * * mondays"', 3, "'cron' has 'mondays' for the day of the week: write"),
    (f'{REPOSITORY}cron = "0 3 * x *"', 3, "'cron' has 'x' for the month: write"),
    (f'{REPOSITORY}cron = "0 3 * mon *"', 3, "'cron' has 'mon' for the month, which is from 1 to 12"),
    (f'{REPOSITORY}cron = "0 3 L * *"', 3, "'cron' has 'l' for the day of the month: write"),
    ('[defaults]\ntimezone = "Berlin"', 2, "'timezone' must be a time zone such as \"Europe/Berlin\", not 'Berlin'"),
    ('[defaults]\ntimezone = "localtime"', 2, "'timezone' must be a time zone"),
    ('[defaults]\ntimezone = "Europe"', 2, "'timezone' must be a time zone"),
    ('[defaults]\ntimezone = "../etc/passwd"', 2, "'timezone' must be a time zone"),
    ('[defaults]\nreconcile = 30', 2, "'reconcile' needs a unit, such as \"30h\""),
    ('[defaults]\nreconcile = false', 2, "'reconcile' must be a time such as"),
    ('[defaults]\nholds = {share = 5}', 2, "'share' must be a share such as \"5%\" or 0.05, not 5"),
    ('[defaults]\nholds = {share = true}', 2, "'share' must be a share"),
    ('[defaults]\nholds = {records = 1.5}', 2, "'records' must be a whole number, not 1.5"),
    ('[defaults]\nholds = {records = -1}', 2, "'records' must be at least 0, not -1"),
    ('[defaults]\nnew_sets = "ask"', 2, "'new_sets' must be 'offer' or 'harvest', not 'ask'"),
    ('[[defaults]]\nevery = "6h"', 1, "'defaults' must be written as [defaults]"),
    ('[service]\nworkers = 0', 2, "'workers' must be at least 1, not 0"),
    ('[service]\nworkers = "8"', 2, "'workers' must be a whole number, not '8'"),
    ('[service]\nport = 70000', 2, "'port' must be at most 65535, not 70000"),
    ('[service]\naddress = "example.org"', 2, "'address' must be an address such as \"127.0.0.1\""),
    ('[service]\nlog = "yaml"', 2, "'log' must be 'console' or 'json', not 'yaml'"),
    ('[service]\nslice = "25h"', 2, "'slice' must be a time such as \"10m\""),
    (f'{HOST}quiet = "21-5"', 3, "'quiet' must be hours such as \"21:00-05:00\", not '21-5'"),
    (f'{HOST}quiet = 5', 3, "'quiet' must be hours such as"),
    (f'{HOST}quiet = {{from = "21:00", until = "24:00"}}', 3, "'until' must be a time of day such as"),
    (f'{HOST}quiet = "21:00-21:00"', 3, "'from' and 'until' of 'quiet' are the same"),
    (f'{HOST}pace = "1s"\nauth = {{}}', 4, "'auth' needs 'user' and 'password', or 'token' alone"),
    (f'{HOST}auth.token = "env:A"\nauth.user = "b"', 3, "'auth' needs 'user' and 'password', or 'token' alone"),
    (f'{HOST}auth.user = "a:b"\nauth.password = "env:A"', 3, "'user' must be one printable line without ':'"),
    (f'{HOST}headers = {{Host = "x"}}', 3, "'headers' has 'Host', which harvester itself sets"),
    (f'{HOST}headers = {{"a b" = "x"}}', 3, "'headers' has 'a b', which is no name of a header"),
    (f'{HOST}headers = {{A = "x", a = "y"}}', 3, "'headers' names a header twice"),
    (f'{HOST}headers = {{A = "ü"}}', 3, "'headers' must have one line of printable ASCII for 'A'"),
    (f'{HOST}headers = {{Authorization = "env:A"}}\nauth = {{token = "env:B"}}', 4, "'auth' and the header Authorization are"),
    (f'{HOST}ca = 5', 3, "'ca' must be one printable line, not 5"),
    (f'{HOST}', 1, "[[host]] needs more than its name"),
    ('[[host]]\nname = "example.org:443"\npace = 1', 2, "'name' must be written without :443"),
    ('[[host]]\nname = "example.org:99999"\npace = 1', 2, "'name' must be a host such as"),
    ('[[host]]\nname = "[::z]"\npace = 1', 2, "'name' must be a host such as"),
    ('[[host]]\nname = "a..b"\npace = 1', 2, "'name' must be a host such as"),
    (f'{HOST}pace = 1\n[[host]]\npace = 1\nname = "EXAMPLE.org."', 6, "the host 'example.org' stands here for the second time"),
    (f'{REPOSITORY}{REPOSITORY}', 4, "the repository's name 'one' stands here for the second time"),
    ('[[repository]]\nurl = "http://a.example/"\n[[repository]]\nname = "x"\nurl = "HTTP://A.example:80/"', 5,
     "the repository's url 'http://a.example/' stands here for the second time"),
    (f'{REPOSITORY}streams = [\n{{format = "a"}},\n{{format = "a", set = "s"}},\n{{set = "s", format = "a"}}]', 6,
     "the stream of the format 'a' and the set 's' stands here for the second time"),
    (f'{REPOSITORY}streams = [{{set = "s"}}]', 3, "'format' is missing in `streams"),
    (f'{REPOSITORY}streams = ["oai_dc"]', 3, "'streams' must be written as `streams = [{"),
    (f'{REPOSITORY}streams = {{format = "a"}}', 3, "'streams' must be a list, not a table"),
    (f'{REPOSITORY}notify = "no"', 3, "'notify' must be true or false, not 'no'"),
    (f'{REPOSITORY}url = "https://a.example/oai?verb=Identify"', 3, "'url' must be a base URL alone"),
    (f'{REPOSITORY}url = "https://a.example/oai#x"', 3, "'url' must be a base URL alone"),
    (f'{REPOSITORY}url = "https://a.example:0/oai"', 3, "'url' must be a base URL such as"),
    ('[[repository]]\nname = "two words"', 2, "'name' must be letters, digits,"),
    ('[notify]\nwebhook = {url = "https://a.example"}', 2, "'webhook' must be a list, not a table"),
    ('[[notify.webhook]]\nurl = "https://a.example"\n[[notify.webhook]]\nurl = "https://a.example"', 4,
     "the same 'url' stands here for the second time"),
    ('[notify.mail]\nserver = "m.example"\nsender = "a@b"\nto = []', 4, "'to' must name somebody, not a list"),
    ('[notify.mail]\nserver = "m.example"\nsender = "a@b"\nto = ["a@b", "a"]', 4, "'to' must be a mail address such as"),
    ('[notify.mail]\nserver = "m.example"\nsender = "a@b"\nto = ["a@b", "a@b"]', 4, "'a@b' stands here for the second time"),
    ('[notify.mail]\nserver = "m.example"\nsender = "a@b"\nto = ["a@b"]\nuser = "a"', 2, "[notify.mail] needs 'user' and 'password', or neither"),
    ('[notify.mail]\nserver = "m.example"\nsender = "a@b"\nto = ["a@b"]\ntls = "none"', 5, "'tls' can be \"none\" only for a mail server on this"),
    ('[notify.mail]\nserver = "m.example:x"\nsender = "a@b"\nto = ["a@b"]', 2, "'server' must be a server such as"),
]  # fmt: skip


@pytest.mark.parametrize(("said", "line", "sentence"), SENTENCES, ids=[each[2][:50] for each in SENTENCES])
def test_a_mistake_is_told_with_its_line_and_in_words(
    said: str, line: int, sentence: str, parse: Read
) -> None:
    told = refusal(parse, said)
    assert told.startswith(f"harvester.toml, line {line}: {sentence}")
    assert told.isprintable()
    assert len(told) < 300


@pytest.mark.parametrize("server", ["localhost", "127.0.0.1:25", "[::1]:25", "[::1]"])
def test_mail_goes_without_tls_only_within_this_machine(server: str, parse: Read) -> None:
    mail = f'[notify.mail]\nserver = "{server}"\nsender = "a@b"\nto = ["a@b"]\ntls = "none"'
    assert parse(mail).notify.mail is not None


def test_of_several_mistakes_the_first_of_the_file_is_told(parse: Read) -> None:
    told = refusal(parse, f'{REPOSITORY}\nnotify = 5\n[service]\nworkers = 0\n[[host]]\nname = "/"')
    assert told.startswith("harvester.toml, line 4: 'notify'")


CANARY = "hunter2-k4n4ry"
PLACES = {
    "token": f'{HOST}auth = {{token = "{CANARY}"}}',
    "password": f'{HOST}auth = {{user = "me", password = "{CANARY}"}}',
    "password as number": f'{HOST}auth = {{user = "me", password = ["{CANARY}"]}}',
    "auth": f'{HOST}auth = "{CANARY}"',
    "auth list": f'{HOST}auth = ["{CANARY}"]',
    "user": f'{HOST}auth = {{user = "me:{CANARY}", password = "env:X"}}',
    "an unknown key": f'{HOST}auth = {{pasword = "{CANARY}"}}',
    "quiet": f'{HOST}quiet = {{password = "{CANARY}"}}',
    "headers": f'{HOST}headers = "X-API-Key: {CANARY}"',
    "Authorization": f'{HOST}headers = {{Authorization = "Bearer {CANARY}"}}',
    "cookie": f'{HOST}headers = {{cookie = "{CANARY}"}}',
    "X-API-Key": f'{HOST}headers = {{X-API-Key = "{CANARY}"}}',
    "X-Auth-Token": f'{HOST}headers = {{X-Auth-Token = "{CANARY}"}}',
    "any header": f'{HOST}headers = {{X-Mine = "{CANARY}\\n"}}',
    "env": f'{HOST}auth = {{token = "env:my {CANARY}"}}',
    "file": f'{HOST}auth = {{token = "file:\\n{CANARY}"}}',
    "case": f'{HOST}auth = {{token = "ENV:{CANARY}"}}',
    "url": f'{REPOSITORY}url = "https://me:{CANARY}@example.org/oai"',
    "a key in a url": f'{REPOSITORY}url = "ftp://example.org/oai?key={CANARY}"',
    "no url": f'{REPOSITORY}url = "http:/me:{CANARY}@example.org/oai"',
    "unreadable url": f'{REPOSITORY}url = "http://me:{CANARY}@[::1"',
    "host": f'[[host]]\nname = "me:{CANARY}@example.org"\npace = 1',
    "webhook": f'[[notify.webhook]]\nurl = "https://example.org/{CANARY}\\n"',
    "webhook twice": f'[[notify.webhook]]\nurl = "https://example.org/{CANARY}"\n' * 2,
    "webhook secret": f'[[notify.webhook]]\nurl = "https://example.org/"\nsecret = "{CANARY}"',
    "webhooks": f'[notify]\nwebhook = ["{CANARY}"]',
    "mail": f'[notify.mail]\nserver = "m"\nsender = "a@b"\nto = ["a@b"]\nuser = "a"\npassword = "{CANARY}"',
    "mail server": f'[notify.mail]\nserver = "me:{CANARY}@m"\nsender = "a@b"\nto = ["a@b"]',
    "no TOML": f"{HOST}auth = {{token = {CANARY}}}",
    "cut": f'{HOST}auth = {{token = "{CANARY}',
}  # fmt: skip


@pytest.mark.parametrize("said", PLACES.values(), ids=PLACES)
def test_a_secret_in_plain_text_is_refused_and_not_repeated(
    said: str, parse: Read, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    with pytest.raises(ConfigError) as refused:
        parse(said)
    told = "".join(traceback.format_exception(refused.value)) + caplog.text
    assert "k4n4ry" not in told
    assert "\nharvester.errors.ConfigError: " in told


@pytest.mark.parametrize(
    "name", ["Authorization", "Cookie", "X-API-Key", "Api_Key", "X-Secret", "Session-Id"]
)
def test_a_header_that_lets_in_is_a_secret(name: str, parse: Read) -> None:
    told = refusal(parse, f'{HOST}headers = {{{name} = "plain"}}')
    assert f'"env:NAME" or "file:PATH" for \'{name}\'' in told
    (host,) = parse(f'{HOST}headers = {{{name} = "env:KEY"}}').hosts.values()
    assert host.headers == {name: Secret("env:KEY")}


NIGHT = datetime(2026, 3, 29, 1, tzinfo=UTC)  # when clocks are changed in Europe

# What a file can hold, right and wrong.
SCALARS = st.one_of(
    st.integers(-(2**63), 2**63 - 1).map(str),
    st.sampled_from(["true", "false", "inf", "nan", "1e400", "1979-05-27", "07:32:00", "[]", "{}", "[[[]]]", '""']),
    st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=20).map(json.dumps),
    st.sampled_from(
        ["6h", "7d", "never", "5%", "0 3 * * *", "* * 31 2 *", "UTC", "21:00-05:00", "env:A", "file:a", "a@b.example",
         "https://a.example/x", "a.example", "oai_dc", "console", "json", "offer", "tls", "none"]
    ).map(json.dumps),
)  # fmt: skip


def subclasses(of: type[Table]) -> Iterator[type[Table]]:
    for each in of.__subclasses__():
        yield each
        yield from subclasses(each)


def keys() -> list[str]:
    """All keys of all tables."""
    return sorted(
        {field.alias or name for table in subclasses(Table) for name, field in table.model_fields.items()}
    )


PAIRS = st.lists(
    st.tuples(st.sampled_from([*keys(), '"x y"']), SCALARS), max_size=6, unique_by=lambda pair: pair[0]
)
INLINE = PAIRS.map(lambda pairs: "{" + ", ".join(f"{key} = {value}" for key, value in pairs) + "}")
VALUES = st.one_of(
    SCALARS, INLINE, st.lists(INLINE, max_size=3).map(lambda each: "[" + ",\n".join(each) + "]")
)
SECRET_KEYS = st.sampled_from(["token", "password", "secret", "headers", "auth", "X-API-Key"])
BODIES = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(keys()), VALUES),
        st.tuples(
            SECRET_KEYS, st.sampled_from([f'"{CANARY}"', f'{{password = "{CANARY}"}}', f'["{CANARY}"]'])
        ),
    ),
    max_size=5,
    unique_by=lambda pair: pair[0],
).map(lambda pairs: "\n".join(f"{key} = {value}" for key, value in pairs))
HEADS = st.sampled_from(
    ["[defaults]", "[service]", "[notify]", "[notify.mail]", "[[notify.webhook]]", "[[host]]", "[[repository]]",
     HOST, REPOSITORY, "[host.auth]", "[[repository.streams]]", "[strange]"]
)  # fmt: skip
FILES = st.tuples(BODIES, st.lists(st.tuples(HEADS, BODIES), max_size=4)).map(
    lambda parts: "\n".join([parts[0], *(f"{head}\n{body}" for head, body in parts[1])])
)


@settings(max_examples=400, deadline=None)
@given(said=FILES)
@example(said="[[host]]\nname = '" + "x" * 5000 + "'")
@example(said="contact = 99999999999999999999")
@example(said='"\\n" = 1')
@example(said="[service]\nport = 0x7fffffffffffffff")
def test_whatever_a_file_says_it_is_read_or_refused_in_words_without_a_secret(said: str, parse: Read) -> None:
    found = tried(lambda: parse(said))
    if isinstance(found, ConfigError):
        told = re.sub(r"^.*/(?=harvester\.toml)", "", str(found))
        assert told.isprintable() or "is not TOML" in told
        assert len(told) < 500
        assert "k4n4ry" not in "".join(traceback.format_exception(found))
        return
    assert "k4n4ry" not in repr([found.hosts, found.notify.mail])
    for each in found.hosts.values():
        end = each.quiet and each.quiet.until(NIGHT)
        assert not end or NIGHT < end < NIGHT + timedelta(days=2)
    for of in found.repositories:
        assert found.of(of.name or "", of.url or "").every is not None


def tried(how: Callable[[], Settings]) -> Settings | ConfigError:
    try:
        return how()
    except ConfigError as error:
        return error


@settings(max_examples=200, deadline=None)
@given(body=st.one_of(st.binary(max_size=60), FILES.map(lambda text: text.encode()[:-3])))
def test_whatever_bytes_a_file_holds_there_is_no_traceback(
    body: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "bytes.toml"
    path.write_bytes(body)
    assert "k4n4ry" not in str(tried(lambda: read(path, Path("/home"))))


def test_a_large_file_of_mistakes_is_refused_at_once(parse: Read) -> None:
    told = refusal(parse, "".join(f'[[host]]\nname = "h{number}"\nspeed = 1\n' for number in range(20_000)))
    assert told.startswith("harvester.toml, line 3: 'speed'")


URLS = st.builds(
    "{}://{}{}{}{}".format,
    st.sampled_from(["http", "HTTPS", "ftp"]),
    st.sampled_from(["example.org", "EXAMPLE.org", "[::1]", "bücher.example", "me@x", "a b", "", "a\\b"]),
    st.sampled_from(["", ":80", ":443", ":8080", ":0", ":x"]),
    st.sampled_from(["", "/", "/oai", "/oai/request;x"]),
    st.sampled_from(["", "?", "?a=b", "?a=b&", "?/oai", "?verb=Identify", "?set=x&a=b", "#x", "?=x&c"]),
)


@settings(max_examples=300, deadline=None)
@given(url=URLS)
def test_a_url_is_written_as_the_catalogue_has_it(url: str) -> None:
    """Else what is configured for a repository would be silently without effect."""
    try:
        said = kinds.url(url)
    except ValueError:
        return
    assert said == check_url(url) == kinds.url(said)


# The example, and the schema.
def leaves(found: Any, place: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    if isinstance(found, dict | list):
        for key, value in found.items() if isinstance(found, dict) else enumerate(found):
            yield from leaves(value, (*place, key))
    else:
        yield place, found


def uncommented(*, second: bool) -> str:
    """The example with every key that it has behind a #: of two that exclude each other the first, or the second."""
    lines = EXAMPLE.read_text("utf-8").splitlines()
    dropped = ("every = {", "#auth = {user") if second else ("#cron", "#auth = {token")
    kept = [line for line in lines if not line.startswith(dropped)]
    return "\n".join(re.sub(r"^#(?=[a-z\[])", "", line) for line in kept)


def test_the_example_is_read_and_has_the_defaults_that_it_says(parse: Read) -> None:
    said = read(EXAMPLE, Path("/home"))
    assert (said.defaults, said.service, said.notify) == (Defaults(), Service(), Notify())
    assert said.path == EXAMPLE
    assert [each.name for each in said.repositories] == ["figshare", "example"]
    assert said.repositories[0].streams[2] == StreamSettings(
        "mets", "portal_15", Every(cron="30 2 * * sun", zone="Europe/Berlin")
    )
    for second in (False, True):
        whole = parse(uncommented(second=second))
        assert whole.notify.webhooks
        assert whole.history == 365 * DAY


def test_the_example_has_every_key_and_a_word_for_each() -> None:
    texts = [uncommented(second=second) for second in (False, True)]
    found = [tomllib.loads(text) for text in texts]
    said = {
        (*(step for step in place if isinstance(step, str)),) for each in found for place, _ in leaves(each)
    }
    written = {
        "harvesting.Bounds": "every",
        "harvesting.Holds": "holds",
        "hosts.Quiet": "quiet",
        "hosts.Auth": "auth",
    }
    for table in subclasses(Table):
        if "written" not in vars(table) or table is File:
            continue
        head = re.sub(r"[\[\]]", "", table.written)
        last = written.get(f"{table.__module__.rpartition('.')[2]}.{table.__name__}", head.rpartition(".")[2])
        last = "streams" if table.__name__ == "Stream" else last
        for name, field in table.model_fields.items():
            key = field.alias or name
            assert any(key in place[1:] and last in place[: place.index(key)] for place in said), (
                f"the example does not say '{key}' of {table.written}"
            )


def test_every_default_in_words_is_the_one_that_holds() -> None:
    for name, (written, seconds) in {
        "reconcile": ("30d", 30 * DAY),
        "rolling": ("1d", DAY),
        "windows": ("10m", 600.0),
    }.items():
        assert f"{written} without it" in str(Stated.model_fields[name].description)
        assert getattr(Defaults(), name) == seconds


SCHEMA = resources.schema("config.schema.json")


def test_the_schema_for_editors_is_that_of_the_tables() -> None:
    made = json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"
    assert SCHEMA.read_text("utf-8") == made, (
        "write it anew: harvester.config_file.json_schema() as JSON, indented by two"
    )
    jsonschema.Draft202012Validator.check_schema(json_schema())


def test_the_schema_takes_the_example_and_describes_every_key() -> None:
    valid = jsonschema.Draft202012Validator(json_schema())
    for second in (False, True):
        valid.validate(tomllib.loads(uncommented(second=second)))
    for table in [json_schema(), *json_schema()["$defs"].values()]:
        for key, about in table.get("properties", {}).items():
            assert about.get("description"), key
            assert "null" not in json.dumps(about)


@pytest.mark.parametrize(
    "said",
    ["evry = 1", f"{REPOSITORY}evry = 1", "[[repository]]\nprefer = []", '[[host]]\npace = "1 week"', "[service]\nport = 0",
     f'{HOST}auth = {{token = "plain"}}', f'{REPOSITORY}streams = [{{set = "x"}}]', '[defaults]\nnew_sets = "ask"'],
)  # fmt: skip
def test_an_editor_is_told_of_mistakes_too(said: str) -> None:
    valid = jsonschema.Draft202012Validator(json_schema())
    assert list(valid.iter_errors(tomllib.loads(said)))


def test_the_readme_shows_files_that_are_read(parse: Read) -> None:
    blocks = re.findall(
        r"^```toml\n(.*?)^```", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    ours = [block for block in blocks if not block.startswith("[project")]
    assert ours
    for block in ours:
        parse(block)


def test_without_a_file_nobody_waits_for_pydantic(tmp_path: Path) -> None:
    script = "import sys; from harvester.config import from_environment; from_environment(); print('pydantic' in sys.modules)"
    environment = {"HARVESTER_HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}

    def imported() -> str:
        done = subprocess.run(
            [sys.executable, "-c", script],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    assert imported() == "False"
    (tmp_path / "harvester.toml").touch()
    assert imported() == "True"


def test_a_file_that_begins_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    path = tmp_path / "harvester.toml"
    path.write_bytes(b'\xef\xbb\xbfcontact = "ops@example.org"\n')
    assert read(path, tmp_path).contact == "ops@example.org"
