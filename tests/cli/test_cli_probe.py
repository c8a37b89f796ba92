"""`harvester probe` as a person reads it, as scripts rely on it, and as it passes on what it found."""

import json
import signal
import socket
import stat
from contextlib import closing
from pathlib import Path

from contract import FLAG, LIST, MAYBE_OBJECT, MAYBE_TEXT, NUMBER, OBJECT, TEXT, check, check_status
from real_command import Command, Inside

from harvester.mock import FakeRepository

NUMBERS, MAYBE_NUMBERS = (int, float), (int, float, type(None))
PROBE = {
    "outcome": TEXT,
    "sentence": MAYBE_TEXT,
    "evidence": MAYBE_OBJECT,
    "repository": MAYBE_TEXT,
    "base_url": TEXT,
    "probed_at": TEXT,
    "identify": MAYBE_OBJECT,
    "traits": OBJECT,
    "formats": LIST,
    "sets": OBJECT,
    "estimate": LIST,
    "advice": LIST,
    "requests": NUMBER,
    "seconds": NUMBERS,
}
TRAIT = {"value": (bool, int, float, str, type(None)), "how": TEXT}
ESTIMATE = {
    "prefix": TEXT,
    "records": MAYBE_NUMBERS,
    "page_size": MAYBE_NUMBERS,
    "seconds_per_page": NUMBERS,
    "requests": MAYBE_NUMBERS,
    "hours": MAYBE_NUMBERS,
    "in_windows": (bool, type(None)),
}
FORMAT = {
    "prefix": TEXT,
    "namespace": TEXT,
    "schema": TEXT,
    "known": FLAG,
    "crosswalks": LIST,
    "sampled": FLAG,
    "sentence": MAYBE_TEXT,
    "records": NUMBER,
    "live": NUMBER,
    "read": NUMBER,
    "broken": NUMBER,
    "repaired": NUMBER,
    "parse_rate": MAYBE_NUMBERS,
    "page_size": MAYBE_NUMBERS,
    "bytes_per_record": MAYBE_NUMBERS,
    "seconds": NUMBERS,
    "roots": LIST,
}


def test_a_probe_reports_as_documented_and_registers_nothing(command: Inside, fake: FakeRepository) -> None:
    done = command("probe", fake.url, "--json")
    assert (done.code, done.err) == (0, "")
    check(done.json, PROBE)
    assert done.json["outcome"] == "complete"
    for each in done.json["traits"].values():
        check(each, TRAIT)
    for each in done.json["estimate"]:
        check(each, ESTIMATE)
    for each in done.json["formats"]:
        check(each, FORMAT)
    check(done.json["sets"], {"listed": NUMBER, "whole": FLAG, "sample": LIST})
    assert (done.json["base_url"], done.json["repository"]) == (fake.url, None)
    assert done.json["requests"] == len(fake.log)
    assert command("status", "--json").json["repositories"] == []


def test_a_person_reads_traits_formats_advice_and_what_to_do_next(
    command: Inside, fake: FakeRepository
) -> None:
    fake.misbehave("ignores_from")
    done = command("probe", fake.url)
    assert done.code == 0
    assert "dates_honoured" in done.out
    assert "oai_datacite" in done.out
    assert "! from/until are not to be relied on" in done.out
    assert f"keep it: harvester harvest {fake.url} --format oai_datacite" in done.out
    assert "not observed: " in done.out


def test_the_traits_of_a_registered_repository_are_shown_by_status(
    command: Inside, fake: FakeRepository
) -> None:
    assert command("harvest", fake.url, "--name", "fake", "--quiet").code == 0
    done = command("probe", "fake", "--json", "--quiet")
    assert (done.code, done.json["repository"]) == (0, "fake")
    shown = command("status", "fake", "--json").json
    check_status(shown, named=True)
    kept = {each["name"]: each for each in shown["repositories"][0]["traits"]}
    assert kept["order"]["value"] == "none"
    assert kept["order"]["at"].endswith("Z")
    assert "What it was observed to do" in command("status", "fake").out


def test_the_traits_can_be_passed_on_as_a_file(command: Inside, fake: FakeRepository, tmp_path: Path) -> None:
    file = tmp_path / "traits.json"
    file.write_text("what was there before")
    assert command("probe", fake.url, "-o", str(file), "--quiet").code == 0
    said = json.loads(file.read_text("utf-8"))
    assert set(said) == {"base_url", "probed_at", "traits"}
    assert said["base_url"] == fake.url
    assert said["traits"]["page_size"]["value"] == 100
    assert all(each["value"] is not None for each in said["traits"].values())
    assert "retry_after" not in said["traits"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    assert [path.name for path in tmp_path.glob("*traits*")] == ["traits.json"]
    done = command("probe", fake.url, "-o", str(tmp_path / "no" / "such.json"), "--quiet")
    assert done.code == 1
    assert "such.json" in done.err


def test_every_answer_can_be_captured_once(command: Inside, fake: FakeRepository, tmp_path: Path) -> None:
    place = tmp_path / "answers"
    done = command("probe", fake.url, "--capture", str(place))
    assert done.code == 0
    assert str(place) in done.err
    assert len(list(place.glob("*.xml"))) == len(fake.log)
    sent = len(fake.log)
    again = command("probe", fake.url, "--capture", str(place))
    assert (again.code, len(fake.log)) == (2, sent)
    assert "not empty" in again.err


def test_nobody_there_is_an_error_in_a_sentence(command: Inside, tmp_path: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
    file = tmp_path / "traits.json"
    done = command("probe", f"http://127.0.0.1:{port}/oai", "-o", str(file))
    assert done.code == 1
    assert done.out.startswith("unreachable: ")
    assert not file.exists()
    told = command("probe", f"http://127.0.0.1:{port}/oai", "--json")
    assert (told.code, told.json["outcome"]) == (1, "unreachable")
    check(told.json, PROBE)


def test_a_web_page_is_an_error_in_a_sentence(command: Inside, fake: FakeRepository) -> None:
    fake.misbehave("html_200", verb=("Identify", "ListMetadataFormats"))
    done = command("probe", fake.url)
    assert done.code == 1
    assert "web page" in done.out


def test_a_call_that_cannot_be_meant_asks_nothing(command: Inside, fake: FakeRepository) -> None:
    for source in ("nobody", "ftp://example.org/oai", "http://me:secret@example.org/oai"):
        done = command("probe", source)
        assert done.code == 2, source
        assert "secret" not in done.err
    assert command("probe", fake.url, "--wait", "-1").code == 2
    assert fake.log == []


def test_ctrl_c_ends_a_probe_with_a_sentence(real: Command, command: Inside) -> None:
    with FakeRepository(records=100, page_size=10, latency=0.2) as repository:
        process = real.start("probe", repository.url)
        while len(repository.log) < 3:
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
        assert process.returncode == 130
        assert b"the probe is not finished" in err
        repository.latency = 0
        assert command("probe", repository.url, "--quiet").code == 0
