"""Addresses out of a list, which perhaps nobody has read, and those that a person has written."""

from sqlalchemy import Engine

from harvester import clock
from harvester.config import HostSettings, RepositorySettings, Settings
from harvester.harvest.harvest import Request, harvest
from harvester.harvest.probing import ProbeRequest, probe
from harvester.mock import FakeRepository
from harvester.schedule.adding import Wanted, add
from harvester.schedule.registering import follow
from harvester.wire import host_of


def put(engine: Engine, fake: FakeRepository, *, imported: bool) -> None:
    (done,) = add(
        engine, Settings(), [Wanted(fake.url, "inside", imported=imported)], clock.now(), lambda: 0.5
    )
    assert done.mistake is None


def is_refused(engine: Engine, source: str = "inside", settings: Settings | None = None) -> bool:
    report = harvest(engine, Request(source, settings=settings or Settings()))
    if report.outcome.startswith("complete"):
        return False
    assert report.outcome == "refused"
    said = [report.sentence, *(each.sentence for each in report.streams)]
    assert any("inside a private network" in each for each in said if each)
    return True


def test_an_address_out_of_a_list_that_leads_into_the_private_network_is_never_asked(engine: Engine) -> None:
    with FakeRepository(records=5) as fake:
        put(engine, fake, imported=True)
        assert is_refused(engine)
        assert "inside a private network" in (probe(engine, ProbeRequest("inside")).sentence or "")
        assert not fake.requests()


def test_the_operator_may_name_it_on_the_command_line_all_the_same(engine: Engine) -> None:
    with FakeRepository(records=5) as fake:
        put(engine, fake, imported=True)
        assert not is_refused(engine, fake.url)
        assert is_refused(engine), "the service was not told that it is meant"
        put(engine, fake, imported=False)
        assert not is_refused(engine)


def test_the_operator_may_name_it_in_the_file(engine: Engine) -> None:
    with FakeRepository(records=5) as fake:
        put(engine, fake, imported=True)
        host = host_of(fake.url)
        assert not is_refused(engine, settings=Settings(hosts={host: HostSettings(host)}))
        assert is_refused(engine)
        follow(engine, Settings(repositories=(RepositorySettings(name="inside", url=fake.url),)), clock.now())
        assert not is_refused(engine)


def test_a_list_does_not_take_back_what_a_person_has_said(engine: Engine) -> None:
    with FakeRepository(records=5) as fake:
        put(engine, fake, imported=False)
        put(engine, fake, imported=True)
        assert not is_refused(engine)
