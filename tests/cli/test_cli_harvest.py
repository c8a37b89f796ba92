"""`harvester harvest` and `status` as scripts rely on them: documents, exit codes, names."""

import socket
from contextlib import closing

from contract import PAGE, check, check_harvest, check_status
from real_command import Command, Inside

from harvester.mock import FakeRepository


def test_a_first_harvest_and_the_next_one_report_as_documented(
    real: Command, command: Inside, fake: FakeRepository
) -> None:
    first = real("harvest", fake.url, "--json")
    assert first.code == 0
    check_harvest(first.json)
    (stream,) = first.json["streams"]
    assert (stream["set"], stream["format"], stream["outcome"]) == (None, "oai_dc", "complete")
    assert (stream["pages"], stream["received"]) == (3, 250)
    assert stream["created"] + stream["deleted"] == 250
    assert len(first.pages) == 3
    for page in first.pages:
        check(page, PAGE)
    assert [page["received"] for page in first.pages] == [100, 200, 250]

    found = command("status", "--json").json
    check_status(found)
    (kept,) = found["repositories"][0]["streams"]
    live = sum(not record.deleted for record in fake.store.records)
    assert (kept["state"], kept["records"], kept["deleted"]) == ("current", live, 250 - live)
    assert kept["last_run"]["outcome"] == "complete"
    assert found["totals"] == {"records": live, "deleted": 250 - live, "quarantined": 0}

    second = command("harvest", fake.url, "--json")
    assert second.code == 0
    assert second.json["streams"][0]["received"] == 0


def test_without_json_a_person_reads_the_report(command: Inside, fake: FakeRepository) -> None:
    done = command("harvest", fake.url, "--quiet")
    assert done.code == 0
    assert "250 records in 3 pages" in done.out
    assert done.err == ""  # --quiet: nothing at all


def test_of_several_streams_the_worst_outcome_counts(command: Inside, fake: FakeRepository) -> None:
    done = command(
        "harvest", fake.url, "--set", "portal_1", "--format", "oai_dc", "--format", "no_such", "--json"
    )
    assert done.code == 1
    check_harvest(done.json)
    assert done.json["outcome"] == "refused"
    outcomes = {each["format"]: each["outcome"] for each in done.json["streams"]}
    assert outcomes["no_such"] == "refused"
    assert outcomes["oai_dc"].startswith("complete")
    assert "no_such" not in [each["format"] for each in done.pages]


def test_a_rerun_without_set_and_format_harvests_every_registered_stream(
    command: Inside, fake: FakeRepository
) -> None:
    sets = ("--set", "portal_3", "--set", "portal_4")
    assert command("harvest", fake.url, *sets, "--name", "fake").code == 0
    again = command("harvest", "fake", "--full", "--json")
    assert [each["set"] for each in again.json["streams"]] == ["portal_3", "portal_4"]
    assert again.json["repository"] == "fake"
    one = command("harvest", "fake", "--set", "portal_4", "--json")
    assert [each["set"] for each in one.json["streams"]] == ["portal_4"]


def test_a_repository_is_named_after_host_and_port_then_path(command: Inside, fake: FakeRepository) -> None:
    host = fake.url.split("/")[2].replace(":", "-")
    assert command("harvest", fake.url, "--json").json["repository"] == host
    assert command("harvest", f"{fake.url}/v2", "--json").json["repository"] == f"{host}/oai/v2"
    assert command("harvest", host, "--json").json["base_url"] == fake.url


def test_a_name_that_is_taken_or_is_none_is_refused_before_anything_is_kept(
    command: Inside, fake: FakeRepository
) -> None:
    assert command("harvest", fake.url, "--name", "mine").code == 0
    taken = command("harvest", f"{fake.url}/other", "--name", "mine")
    assert taken.code == 2
    assert "'mine' is taken" in taken.err
    none = command("harvest", f"{fake.url}/other", "--name", "-; DROP TABLE records")
    assert none.code == 2
    assert len(command("status", "--json").json["repositories"]) == 1


def test_a_record_put_aside_by_this_run_needs_a_person(command: Inside) -> None:
    with FakeRepository(records=20, faults=["no_identifier:record=3"]) as repository:
        done = command("harvest", repository.url, "--json")
        assert done.code == 3
        check_harvest(done.json)
        assert done.json["streams"][0]["quarantined"] == 1
        assert command("status", "--json").json["totals"]["quarantined"] == 1
        repository.behave()
        # It waits there still, but this run put nothing aside.
        assert command("harvest", repository.url, "--json").code == 0


def test_a_list_that_stops_coming_is_incomplete_and_resumed(command: Inside) -> None:
    with FakeRepository(records=300, page_size=100) as repository:
        repository.misbehave("403", on_page=2)
        cut = command("harvest", repository.url, "--json", "--wait", "0")
        check_harvest(cut.json)
        assert cut.code in (1, 3)
        assert cut.json["streams"][0]["received"] == 200
        repository.behave()
        whole = command("harvest", repository.url, "--json")
        assert whole.code == 0
        assert whole.json["streams"][0]["received"] == 100


def test_nobody_answers(command: Inside) -> None:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))  # bound, never listening: refused at once
        done = command("harvest", f"http://127.0.0.1:{taken.getsockname()[1]}/oai", "--json", "--wait", "0")
    assert done.code == 1
    check_harvest(done.json)
    assert done.json["outcome"] == "unreachable"
    assert done.json["streams"] == []
    assert command("status", "--json").json["repositories"] == []
