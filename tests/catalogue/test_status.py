"""What `harvester status` tells of a stream, in each state it can be in."""

from typing import Any

import pytest
from sqlalchemy import Engine, text

from harvester.catalogue import ledger
from harvester.catalogue.status import names, status
from harvester.clock import now
from harvester.harvest.harvest import Request, harvest
from harvester.harvest.plans import Wish
from harvester.harvest.progress import Listener, PageEvent
from harvester.mock import FakeRepository


def shown(engine: Engine, name: str | None = None) -> dict[str, Any]:
    with engine.connect() as connection:
        return status(connection, name)


def stream(engine: Engine) -> dict[str, Any]:
    """The only stream there is."""
    ((found,),) = [each["streams"] for each in shown(engine)["repositories"]]
    return dict(found)


def go(engine: Engine, fake: FakeRepository, listener: Listener | None = None, **options: Any) -> None:
    harvest(engine, Request(fake.url, name="fake", jitter=lambda: -0.5, wait=0.0, **options), listener)


def test_an_empty_catalogue_has_nothing_to_show(engine: Engine) -> None:
    assert shown(engine) == {"repositories": [], "totals": {"records": 0, "deleted": 0, "quarantined": 0}}


def test_a_stream_that_was_never_harvested_is_new(engine: Engine) -> None:
    with engine.begin() as connection:
        repository = ledger.add_repository(connection, "a", "https://a.example/oai")
        ledger.add_stream(connection, repository, "portal_15", "oai_dc")
        assert names(connection) == {"a"}
    found = stream(engine)
    assert (found["set"], found["format"], found["state"], found["records"]) == (
        "portal_15",
        "oai_dc",
        "new",
        0,
    )
    assert (found["watermark"], found["token_expires_at"], found["last_run"]) == (None, None, None)


def test_a_stream_that_was_harvested_is_current_and_counted(engine: Engine, fake: FakeRepository) -> None:
    go(engine, fake)
    found = stream(engine)
    deleted = sum(record.deleted for record in fake.store.records)
    assert (found["state"], found["records"], found["deleted"]) == ("current", 250 - deleted, deleted)
    assert found["last_run"]["outcome"] == "complete"
    assert found["last_run"]["started_at"] <= found["last_run"]["finished_at"]
    assert found["watermark"] is not None
    assert found["token_expires_at"] is None
    assert shown(engine)["totals"] == {"records": 250 - deleted, "deleted": deleted, "quarantined": 0}


def test_each_set_is_counted_by_itself_and_no_record_twice(engine: Engine, fake: FakeRepository) -> None:
    go(engine, fake, sets=["", "item_type_2"])
    everything, one_set = shown(engine)["repositories"][0]["streams"]
    live = [record for record in fake.store.records if not record.deleted]
    assert everything["records"] == len(live) == shown(engine)["totals"]["records"]
    assert one_set["records"] == sum(record.belongs("item_type_2") for record in live)


def test_a_stream_under_way_is_harvesting_and_its_token_has_a_deadline(
    engine: Engine, fake: FakeRepository
) -> None:
    seen: list[dict[str, Any]] = []
    go(engine, fake, Listener(on_page=lambda _: seen.append(stream(engine))))
    assert [each["state"] for each in seen] == ["harvesting"] * 3
    assert [each["last_run"]["outcome"] for each in seen] == [None] * 3
    left = (seen[0]["token_expires_at"] - now()).total_seconds()
    assert 3500 < left <= 3600
    assert seen[2]["token_expires_at"] is None


def test_a_stream_that_was_stopped_is_due_and_its_token_still_has_a_deadline(
    engine: Engine, fake: FakeRepository
) -> None:
    seen: list[PageEvent] = []
    report = harvest(engine, Request(fake.url), Listener(on_page=seen.append), lambda: bool(seen))
    assert report.outcome == "interrupted"
    found = stream(engine)
    assert (found["state"], found["last_run"]["outcome"]) == ("due", "interrupted")
    assert found["token_expires_at"] is not None
    assert found["watermark"] is None


def test_a_stream_whose_process_was_killed_is_due(engine: Engine, fake: FakeRepository) -> None:
    class Killed(BaseException):
        pass

    def die(_: PageEvent) -> None:
        raise Killed

    with pytest.raises(Killed):
        go(engine, fake, Listener(on_page=die))
    found = stream(engine)
    assert (found["state"], found["last_run"]["outcome"]) == ("due", None)


@pytest.mark.parametrize(("fault", "state"), [("500", "failing"), ("403", "refused")])
def test_a_stream_that_the_repository_does_not_serve_says_why(
    fault: str, state: str, engine: Engine, fake: FakeRepository
) -> None:
    fake.misbehave(fault)
    go(engine, fake)
    found = stream(engine)
    assert found["state"] == state
    assert fault in found["last_run"]["sentence"]
    fake.behave()
    go(engine, fake)
    assert stream(engine)["state"] == "current"


def test_what_waits_in_quarantine_is_counted_until_it_comes_whole(
    engine: Engine, fake: FakeRepository
) -> None:
    fake.misbehave("empty_metadata")
    go(engine, fake)
    assert stream(engine)["quarantined"] == shown(engine)["totals"]["quarantined"] == 3
    fake.behave()
    go(engine, fake, wish=Wish(full=True))
    assert stream(engine)["quarantined"] == shown(engine)["totals"]["quarantined"] == 0


def test_one_repository_can_be_chosen_and_an_unknown_one_is_none(
    engine: Engine, fake: FakeRepository
) -> None:
    go(engine, fake)
    with engine.begin() as connection:
        ledger.add_repository(connection, "another", "https://another.example/oai")
    assert [each["name"] for each in shown(engine)["repositories"]] == ["another", "fake"]
    assert [each["name"] for each in shown(engine, "another")["repositories"]] == ["another"]
    assert shown(engine, "another")["totals"]["records"] == 0
    assert shown(engine, "nobody")["repositories"] == []


def test_the_roll_ups_agree_with_the_records_after_everything_that_can_happen(
    engine: Engine, fake: FakeRepository
) -> None:
    live = [record.identifier for record in fake.store.records if not record.deleted]
    gone = [record.identifier for record in fake.store.records if record.deleted]
    go(engine, fake, sets=["", "item_type_1"])
    fake.store.delete(live[0])
    fake.store.undelete(gone[0])
    fake.store.move(live[9], ["item_type_1"])
    fake.store.add(3, sets=["item_type_1"])
    go(engine, fake)
    with engine.connect() as connection:
        counted = connection.execute(
            text(
                "SELECT t.set_id, t.live, t.deleted, count(*) FILTER (WHERE NOT r.deleted),"
                " count(*) FILTER (WHERE r.deleted) FROM tallies t LEFT JOIN records r"
                " ON t.set_id = 0 OR t.set_id = ANY (r.proven_sets) GROUP BY 1, 2, 3 ORDER BY 1"
            )
        ).all()
    assert [row[1:3] for row in counted] == [row[3:5] for row in counted]
