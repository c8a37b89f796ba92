"""`harvester config`: what was read is shown, what is wrong is a sentence with its line, and no secret is ever seen."""

import json
from pathlib import Path

import jsonschema
import pytest
from real_command import Command, Ended, Inside

CANARY = "k4n4ry"
CONFIG = """
contact = "mailto:ops@example.org"

[service]
port = 9464

[[host]]
name = "api.figshare.com"
pace = "1.5s"
quiet = "21:00-05:00"
headers = {X-Project = "ours", X-API-Key = "env:FIGSHARE_KEY"}

[[host]]
name = "example.org:8080"
auth = {user = "me", password = "file:password"}

[[host]]
name = "b.example"
auth = {token = "env:B_TOKEN"}

[[notify.webhook]]
url = "https://example.org/hooks/T0/as-good-as-a-password"
secret = "env:HOOK"

[notify.mail]
server = "mail.example.org"
sender = "harvester@example.org"
to = ["ops@example.org"]
user = "me"
password = "env:MAIL"

[[repository]]
name = "figshare"
url = "https://api.figshare.com/v2/oai"
every = "6h"
streams = [{format = "oai_datacite", set = "portal_15"}, {format = "qdc", cron = "0 3 * * 1"}]

[[repository]]
url = "https://b.example/oai"
"""
SECRETS = {name: f"{CANARY}-{name}" for name in ("FIGSHARE_KEY", "B_TOKEN", "HOOK", "MAIL")}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    folder = tmp_path / "etc"
    folder.mkdir()
    (folder / "password").write_text(f"{CANARY}-password\n")
    path = folder / "mine.toml"
    path.write_text(CONFIG)
    return path


def silent(ended: Ended) -> Ended:
    """Nothing that it says is a secret."""
    assert CANARY not in ended.out + ended.err
    assert "as-good-as" not in ended.out + ended.err
    return ended


def test_what_was_read_is_shown_to_a_person(bare: Inside, file: Path) -> None:
    done = silent(bare("config", "check", str(file), **SECRETS))
    assert (done.code, done.err) == (0, "")
    said = [" ".join(line.split()) for line in done.out.splitlines()]
    assert said[0] == f"{file} can be read. Contact: mailto:ops@example.org"
    for line in (
        "api.figshare.com 1.5s 21:00-05:00 UTC X-Project, X-API-Key",
        "example.org:8080 basic",
        "b.example bearer",
        "figshare portal_15 oai_datacite every 6 hours",
        "figshare (all) qdc by cron '0 3 * * mon' (UTC)",
        "https://b.example/oai as in the catalogue every 1 hour to 7 days, as it changes",
        "env:FIGSHARE_KEY header X-API-Key of api.figshare.com present",
        f"file:{file.parent}/password password of example.org:8080 present",
        "env:B_TOKEN token of b.example present",
        "env:HOOK secret of webhook 1 present",
        "env:MAIL password of mail.example.org present",
    ):
        assert line in said


def test_what_was_read_is_told_to_a_script(bare: Inside, file: Path) -> None:
    said = silent(bare("config", "check", str(file), "--json", **SECRETS)).json
    assert list(said) == [
        *("path", "contact", "history", "defaults", "hosts", "repositories", "service", "notify", "secrets")
    ]
    assert said["hosts"][0] == {
        "name": "api.figshare.com",
        "pace": 1.5,
        "quiet": "21:00-05:00 UTC",
        "headers": ["X-Project", "X-API-Key"],
        "auth": None,
        "ca": None,
    }
    figshare = said["repositories"][0]
    assert (figshare["name"], figshare["reconcile"], figshare["holds"]["most"]) == (
        "figshare",
        2_592_000.0,
        1000,
    )
    assert figshare["every"] == {"least": 21600.0, "most": 21600.0, "cron": None, "zone": "UTC"}
    assert [(each["set"], each["format"], each["every"]["cron"]) for each in figshare["streams"]] == [
        ("portal_15", "oai_datacite", None),
        (None, "qdc", "0 3 * * mon"),
    ]
    assert said["notify"] == {"group": 300.0, "webhooks": 1, "mail": ["ops@example.org"]}
    assert said["service"]["port"] == 9464
    assert said["secrets"][0] == {
        "source": "env:FIGSHARE_KEY",
        "for": "header X-API-Key of api.figshare.com",
        "present": True,
        "problem": None,
    }


def test_a_secret_that_is_missing_is_a_mistake_and_all_are_told(bare: Inside, file: Path) -> None:
    (file.parent / "password").unlink()
    some = {name: value for name, value in SECRETS.items() if name != "HOOK"}
    done = silent(bare("config", "check", str(file), "--json", **some))
    assert done.code == 2
    assert [each["present"] for each in done.json["secrets"]] == [True, False, True, False, True]
    assert f"the secret file:{file.parent}/password cannot be read: No such file" in done.err
    assert (
        "(password of example.org:8080); the secret env:HOOK is not set, or empty (secret of webhook 1)"
        in done.err
    )
    done = silent(bare("config", "check", str(file), **some))
    assert done.code == 2
    assert sum(line.rstrip().endswith(" missing") for line in done.out.splitlines()) == 2


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ('[[repository]]\nname = "a"\nevry = "6h"', "mine.toml, line 3: 'evry' is not known in [[repository]]; known are"),
        ('[[repository]]\nname = "a"\nprefer = ["dublin"]', "'prefer' of a names 'dublin', which no crosswalk is called"),
        ('[[host]]\nname = "a"\nca = "none.pem"', "none.pem cannot be read as certificates (PEM): mend 'ca'"),
        ("contact =", "mine.toml is not TOML: "),
    ],
)  # fmt: skip
def test_a_mistake_is_told_and_the_command_ends_with_2(
    bare: Inside, tmp_path: Path, said: str, sentence: str
) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(said)
    done = bare("config", "check", str(path))
    assert done.code == 2
    assert sentence in done.err
    assert done.err.startswith("harvester: ")


def test_the_file_is_the_one_that_harvester_would_read(
    bare: Inside, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = bare("config", "check")
    assert (done.code, done.out) == (0, "There is no harvester.toml here: everything has its default.\n")
    assert bare("config", "check", "--json").json["path"] is None
    (tmp_path / "harvester.toml").write_text('contact = "here"')
    (tmp_path / "other.toml").write_text('contact = "other"')
    assert bare("config", "check", "--json").json["contact"] == "here"
    named = {"HARVESTER_CONFIG": str(tmp_path / "other.toml")}
    assert bare("config", "check", "--json", **named).json["contact"] == "other"
    assert bare("config", "check", "harvester.toml", "--json", **named).json["contact"] == "here"
    done = bare("config", "check", "nowhere.toml")
    assert (done.code, done.err) == (2, "harvester: nowhere.toml cannot be read: No such file or directory\n")


def test_the_schema_is_printed_and_takes_no_unknown_key(bare: Inside) -> None:
    done = bare("config", "schema")
    assert done.code == 0
    valid = jsonschema.Draft202012Validator(json.loads(done.out))
    assert valid.is_valid({"contact": "a@example.org"})
    assert not valid.is_valid({"contakt": "a@example.org"})


def test_it_is_a_process_like_any_other(tmp_path: Path, file: Path) -> None:
    """Nothing but the file is needed: no home, no database."""
    command = Command(tmp_path / "none", "postgresql://nobody@127.0.0.1:1/none")
    done = silent(command("config", "check", str(file), **SECRETS))
    assert (done.code, done.err) == (0, "")
    assert not (tmp_path / "none").exists()
    example = Path(__file__).parents[2] / "deploy" / "harvester.example.toml"
    assert command("config", "check", str(example)).code == 0
