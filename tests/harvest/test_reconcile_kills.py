"""Reconciliations that are cut, that fail, and that meet a harvest: nothing is lost, nothing is done twice."""

import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from asking import Asker
from command_line import start, wait_until
from oracle import tallies
from reconciling import check, live, only, reasons, run, state
from sqlalchemy import Engine, event

from harvester.catalogue.connection import connect
from harvester.harvest import confirming
from harvester.harvest.progress import Listener
from harvester.mock import FakeRepository
from harvester.mock.exchange import Answer


class Denying(FakeRepository):
    """A repository whose GetRecord answers some identifiers in a way of its own."""

    answers: dict[str, Answer]

    def exchange(self, request: Any, flight: Any) -> Answer:
        own = dict(request.pairs)
        if own.get("verb") == "GetRecord" and own.get("identifier") in self.answers:
            return self.answers[own["identifier"]]
        return super().exchange(request, flight)


def error(code: str) -> Answer:
    body = (
        '<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/"><responseDate>2024-05-01T00:00:00Z</responseDate>'
        f'<request>http://x</request><error code="{code}">no</error></OAI-PMH>'
    )
    return Answer(200, body.encode(), (("Content-Type", "text/xml"),))


@pytest.fixture
def denying() -> Iterator[Denying]:
    with Denying(records=40, page_size=20) as fake:
        fake.answers = {}
        yield fake


@pytest.fixture
def slow() -> Iterator[FakeRepository]:
    """A repository of 12 pages of identifiers that takes a moment to answer."""
    with FakeRepository(records=120, page_size=10, latency=0.02) as fake:
        yield fake


@pytest.mark.parametrize(("verb", "after"), [("ListIdentifiers", 4), ("GetRecord", 1), ("GetRecord", 6)])
def test_a_killed_reconciliation_goes_on_where_it_was(
    database_url: str, engine: Engine, slow: FakeRepository, verb: str, after: int
) -> None:
    ask = Asker(engine, slow)
    ask()
    gone = live(slow)[:9]
    for each in gone:
        slow.store.vanish(each)
    process = start(database_url, "reconcile", ask.name, "--json")
    try:
        wait_until(lambda: len(slow.requests(verb)) >= after or process.poll() is not None)
        process.send_signal(signal.SIGKILL)
    finally:
        process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert state(ask) == ("listing" if verb == "ListIdentifiers" else "confirming")
    found = only(run(ask, wait=10.0))
    assert (found.outcome, found.removed, found.found) == ("complete", 9, 0)
    assert len(slow.requests("ListIdentifiers")) <= 12 + 1
    assert reasons(ask)["vanished"] == 9
    assert tallies(engine, ask.name) == (len(live(slow)), len(slow.store) - len(live(slow)) + 9)
    check(ask)


class Death(BaseException):
    """The process ends here."""


def test_death_before_any_commit_leaves_nothing_lost_and_nothing_twice(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(confirming, "_SLICE", 0.0)  # a commit after each answer
    with FakeRepository(records=60, page_size=20) as fake:
        for each in live(fake)[:20]:
            fake.store.move(each, ["theses"], quietly=True)
        ask = Asker(engine, fake)
        ask(sets=["theses", ""])
        gone, left = live(fake)[:4], live(fake)[4:7]
        for each in left:
            fake.store.move(each, ["elsewhere"], quietly=True)
        for each in gone:
            fake.store.vanish(each)
        deaths = _die_and_go_on(ask)
        check(ask)
        assert deaths > 20
        assert reasons(ask)["vanished"] == 4
        assert ask.rows("SELECT sum(removed), sum(left_set), sum(found) FROM reconciliations") == [(4, 3, 0)]
        twice = "SELECT item_key FROM history WHERE deleted = false GROUP BY 1 HAVING count(*) > 1"
        assert ask.rows(twice) == []
        expected = {each.identifier: frozenset(each.sets) for each in fake.store.records if not each.deleted}
        assert {each: now.sets for each, now in ask.held().items() if not now.deleted} == expected


def _die_and_go_on(ask: Asker) -> int:
    """Die before the first commit, then before the second of what is left, and so on, until it ends by itself."""
    number = deaths = 0
    while True:
        number += 1
        left = number

        def die(_: object) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                raise Death

        event.listen(ask.engine, "commit", die)
        try:
            report = run(ask, wait=10.0)
        except Death:
            deaths += 1
            ask.engine.dispose()
            continue
        finally:
            event.remove(ask.engine, "commit", die)
        assert report.outcome == "complete", report
        return deaths


def test_a_signal_in_confirming_ends_with_130_and_the_next_call_goes_on(
    database_url: str, engine: Engine, slow: FakeRepository
) -> None:
    ask = Asker(engine, slow)
    ask()
    for each in live(slow)[:12]:
        slow.store.vanish(each)
    process = start(database_url, "reconcile", ask.name, "--json")
    wait_until(lambda: len(slow.requests("GetRecord")) >= 3)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=15)
    assert process.returncode == 130, (out, err)
    assert "Traceback" not in err
    found = only(run(ask, wait=10.0))
    assert (found.outcome, found.removed) == ("complete", 12)
    check(ask)


def test_a_record_that_cannot_be_asked_for_waits_and_the_others_go(
    shared_engine: Engine, denying: Denying
) -> None:
    ask = Asker(shared_engine, denying)
    ask()
    first, second, third = live(denying)[:3]
    for each in (first, second, third):
        denying.store.vanish(each)
    denying.answers = {first: Answer(500, b"java.lang.NullPointerException"), second: error("badArgument")}
    found = only(run(ask))
    assert (found.outcome, found.reason, found.removed, state(ask)) == (
        "incomplete",
        "unconfirmed",
        1,
        "confirming",
    )
    assert "2 could not be asked for" in (found.sentence or "")
    denying.answers = {}
    pages = len(denying.requests("ListIdentifiers"))
    found = only(run(ask))
    assert (found.outcome, found.removed, state(ask)) == ("complete", 3, "done")
    assert len(denying.requests("ListIdentifiers")) == pages
    check(ask)


def test_a_record_that_is_not_in_this_format_any_more_is_gone_in_it(
    shared_engine: Engine, denying: Denying
) -> None:
    ask = Asker(shared_engine, denying)
    ask()
    gone = live(denying)[0]
    denying.answers = {gone: error("cannotDisseminateFormat")}
    denying.store.vanish(gone)
    assert only(run(ask)).removed == 1
    assert reasons(ask)["vanished"] == 1
    check(ask)


def test_a_record_that_comes_unreadable_is_there_and_goes_to_quarantine(
    shared_engine: Engine, denying: Denying
) -> None:
    ask = Asker(shared_engine, denying)
    ask()
    kept = live(denying)[0]
    body = (
        '<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/"><responseDate>2024-05-01T00:00:00Z</responseDate>'
        f"<request>http://x</request><GetRecord><record><header><identifier>{kept}</identifier>"
        "<datestamp>2020-01-01T00:00:00Z</datestamp></header></record></GetRecord></OAI-PMH>"
    )
    denying.answers = {kept: Answer(200, body.encode(), (("Content-Type", "text/xml"),))}
    denying.store.vanish(kept)
    found = only(run(ask))
    assert (found.found, found.removed, found.counts.quarantined) == (1, 0, 1)
    assert not ask.held()[kept].deleted
    check(ask)


def test_a_getrecord_that_denies_what_is_listed_is_not_believed(
    shared_engine: Engine, denying: Denying
) -> None:
    ask = Asker(shared_engine, denying)
    ask()
    everything = live(denying)
    for each in everything[:2]:
        denying.store.vanish(each)
    denying.answers = dict.fromkeys(everything, error("idDoesNotExist"))
    found = only(run(ask))
    assert (found.outcome, found.reason, found.removed) == ("incomplete", "get_record", 0)
    assert "denies by GetRecord even what its list names" in (found.sentence or "")
    assert "vanished" not in reasons(ask)
    denying.answers = {}
    assert only(run(ask)).removed == 2
    check(ask)


def test_a_getrecord_that_fails_for_all_is_given_up_soon(shared_engine: Engine, denying: Denying) -> None:
    ask = Asker(shared_engine, denying)
    ask()
    everything = live(denying)
    for each in everything[:15]:
        denying.store.vanish(each)
    denying.misbehave("500", verb="GetRecord")
    found = only(run(ask))
    assert (found.outcome, found.removed) == ("incomplete", 0)
    assert len(denying.requests("GetRecord")) < 25
    denying.behave()
    ask.forgive()
    assert only(run(ask)).removed == 15
    check(ask)


def test_a_pause_that_the_host_asks_for_is_kept_and_confirming_goes_on(
    shared_engine: Engine, denying: Denying
) -> None:
    ask = Asker(shared_engine, denying)
    ask()
    for each in live(denying)[:2]:
        denying.store.vanish(each)
    denying.misbehave("503_retry_after", verb="GetRecord", times=1, seconds=1)
    found = only(run(ask, wait=20.0))
    assert (found.outcome, found.removed) == ("complete", 2)
    check(ask)


def test_what_a_harvest_brings_in_the_midst_of_a_pass_is_no_candidate(
    shared_engine: Engine, small: FakeRepository
) -> None:
    ask = Asker(shared_engine, small)
    ask()
    stop = Listener(on_page=lambda event: pages.append(event.window.pages))
    pages: list[int] = []
    assert run(ask, listener=stop, stop=lambda: bool(pages)).outcome == "interrupted"
    new = small.store.add(2)
    for each in new:  # their dates tell nothing: the index had been late
        before = small.store[each].datestamp - timedelta(minutes=5)
        small.store._put(replace(small.store[each], datestamp=before), restamp=False)
    ask()
    for each in new:
        small.store.vanish(each)  # so that the list does not name them, though the harvest has brought them
    found = only(run(ask))
    assert (found.absent, found.removed) == (0, 0)
    assert only(run(ask)).removed == 2, "the next pass begins after them"
    check(ask)


def _together(*tasks: Callable[[], object]) -> list[object]:
    found: list[object] = [None] * len(tasks)

    def work(place: int) -> None:
        try:
            found[place] = tasks[place]()
        except BaseException as error:  # noqa: BLE001 - told to the test
            found[place] = error

    threads = [threading.Thread(target=work, args=(place,)) for place in range(len(tasks))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


@pytest.mark.parametrize("others", ["harvest", "reconcile"])
def test_others_on_the_same_stream_take_turns_with_it(
    database_url: str, engine: Engine, slow: FakeRepository, others: str
) -> None:
    ask = Asker(engine, slow)
    ask()
    for each in live(slow)[:4]:
        slow.store.vanish(each)
    fresh = slow.store.add(30)
    for each in live(slow)[-50:-40]:
        slow.store.revise(each)
    other = Asker(connect(database_url), slow)
    other.name, other.url = ask.name, ask.url
    second = (lambda: other(wait=30.0)) if others == "harvest" else (lambda: run(other, wait=30.0))
    reports: list[Any] = _together(lambda: run(ask, wait=30.0), second)
    other.engine.dispose()
    outcomes = [getattr(each, "outcome", each) for each in reports]
    # Whoever comes first finds new records listed that are not held: then nobody can say that none was missed.
    assert set(outcomes) <= {"complete", "complete_unverified"}, reports
    assert not any(access.overlapping for access in slow.log)
    run(ask, wait=10.0)
    assert reasons(ask)["vanished"] == 4
    ask()
    assert {each for each in fresh if each in ask.held()} == {*fresh}
    check(ask)


def test_what_is_reverted_while_it_is_confirmed_stays_so(
    shared_engine: Engine, small: FakeRepository
) -> None:
    ask = Asker(shared_engine, small)
    ask()
    for each in live(small)[:2]:
        small.store.vanish(each)
    small.misbehave("500", verb="GetRecord")
    assert run(ask).outcome == "incomplete"
    small.behave()
    ask.forgive()
    with ask.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE reconciliations SET state = 'reverted' WHERE state = 'confirming'")
    found = only(run(ask))
    assert (found.outcome, found.removed) == ("complete", 2), "another pass has begun"
    check(ask)
