"""The rows of the quarantine: kept once, with the best bytes that ever came, and never forgotten."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, text

from harvester.catalogue import ledger, quarantine, retries
from harvester.catalogue.ledger import Stream
from harvester.catalogue.quarantine import CAME_WHOLE, PutAside
from harvester.catalogue.retries import GONE, Quarantined

BYTES = PutAside(
    "malformed_record", b"<record><b></record>", "oai:x:1", 4711, {"url": "http://x/", "status": 200}
)
FAILED = PutAside("http_500", b"NullPointer", "oai:x:1", None, {"url": "http://x/", "status": 500})


@pytest.fixture(scope="module")
def shelf(postgres: str, template: str) -> Iterator[Engine]:
    """One catalogue for this module; every test rolls back what it did."""
    import os

    import psycopg
    from sqlalchemy import make_url

    from harvester.catalogue.connection import connect

    name = f"harvester_quarantine_{os.getpid()}"
    server = make_url(postgres).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE {template}")  # type: ignore[arg-type]
        engine = connect(make_url(postgres).set(database=name).render_as_string(hide_password=False))
        yield engine
        engine.dispose()
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")  # type: ignore[arg-type]


@pytest.fixture
def connection(shelf: Engine) -> Iterator[Connection]:
    with shelf.connect() as opened:
        yield opened
        opened.rollback()


@pytest.fixture
def stream(connection: Connection) -> Stream:
    repository = ledger.add_repository(connection, "one", "http://one.example/oai")
    return ledger.add_stream(connection, repository, "", "oai_dc")


def rows(connection: Connection) -> list[Quarantined]:
    return retries.find(connection, resolved=True)


def only(connection: Connection) -> tuple[Quarantined, bytes]:
    (row,) = rows(connection)
    found = retries.read(connection, row.id)
    assert found is not None
    return found


def days(connection: Connection, row: Quarantined) -> float:
    """Days until it is asked for again."""
    now: Any = connection.scalar(text("SELECT now()"))
    return (row.retry_at - now) / timedelta(days=1)


def set_back(connection: Connection, **days: int) -> None:
    for name, number in days.items():
        connection.execute(
            text(f"UPDATE quarantine SET {name} = {name} - make_interval(days => :days)"), {"days": number}
        )


def test_what_is_put_aside_keeps_everything_that_is_known_of_it(
    connection: Connection, stream: Stream
) -> None:
    quarantine.put_aside(connection, stream, 7, [BYTES])
    row, raw = only(connection)
    assert (row.identifier, row.reason, raw, row.position) == ("oai:x:1", "malformed_record", BYTES.raw, 4711)
    assert row.evidence == BYTES.evidence
    assert (row.run_id, row.tries, days(connection, row)) == (7, 0, 1.0)
    assert (row.repository, row.resolved_at, row.resolution) == ("one", None, None)


def test_the_same_again_is_kept_once_and_keeps_its_date(connection: Connection, stream: Stream) -> None:
    quarantine.put_aside(connection, stream, 1, [BYTES])
    retries.in_vain(connection, rows(connection)[0])
    set_back(connection, first_seen=3, last_seen=3, retry_at=1)
    newer = BYTES._replace(raw=b"<record><i></record>", position=1)
    quarantine.put_aside(connection, stream, 2, [newer])
    row, raw = only(connection)
    assert (raw, row.position, row.run_id) == (newer.raw, 1, 2)
    assert (row.tries, days(connection, row)) == (1, 1.0), "what was planned stands"
    assert row.last_seen - row.first_seen == timedelta(days=3)


def test_bytes_of_the_record_are_not_given_up_for_an_answer_without_any(
    connection: Connection, stream: Stream
) -> None:
    quarantine.put_aside(connection, stream, 1, [BYTES])
    for worse in (FAILED, PutAside("empty_metadata", b"<record><metadata/></record>", "oai:x:1")):
        quarantine.put_aside(connection, stream, 2, [worse])
        row, raw = only(connection)
        assert (row.reason, raw, row.position) == (BYTES.reason, BYTES.raw, BYTES.position)
    assert row.evidence == FAILED.evidence, "what was said last is known all the same"
    retries.in_vain(connection, row, FAILED)
    assert only(connection)[1] == BYTES.raw


def test_an_answer_without_bytes_gives_way_to_any_other(connection: Connection, stream: Stream) -> None:
    quarantine.put_aside(connection, stream, 1, [FAILED])
    other = FAILED._replace(reason="http_502", raw=b"Bad gateway")
    retries.in_vain(connection, rows(connection)[0], other)
    row, raw = only(connection)
    assert (row.reason, raw) == ("http_502", b"Bad gateway")
    retries.in_vain(connection, row, BYTES)
    row, raw = only(connection)
    assert (row.reason, raw, row.position, row.tries) == (BYTES.reason, BYTES.raw, BYTES.position, 2)


def test_each_try_in_vain_doubles_the_wait_up_to_thirty_days(connection: Connection, stream: Stream) -> None:
    quarantine.put_aside(connection, stream, 1, [BYTES])
    waits = [days(connection, rows(connection)[0])]
    for _ in range(40):
        retries.in_vain(connection, rows(connection)[0])
        waits.append(days(connection, rows(connection)[0]))
    assert waits[:8] == [1, 2, 4, 8, 16, 30, 30, 30]
    assert set(waits[8:]) == {30}


def test_what_came_whole_and_breaks_again_begins_anew(connection: Connection, stream: Stream) -> None:
    quarantine.put_aside(connection, stream, 1, [BYTES])
    retries.in_vain(connection, rows(connection)[0])
    quarantine.release(connection, stream, ["oai:x:1"])
    row, raw = only(connection)
    assert (row.resolution, raw) == (CAME_WHOLE, BYTES.raw), "the row and its bytes stay"
    assert not quarantine.has_quarantine(connection, stream)
    quarantine.put_aside(connection, stream, 2, [FAILED])
    row, raw = only(connection)
    assert (row.resolved_at, row.resolution, row.tries, days(connection, row)) == (None, None, 0, 1.0)
    assert raw == FAILED.raw, "the old bytes were of a record that is whole now"


def test_what_was_purged_does_not_come_back(connection: Connection, stream: Stream) -> None:
    quarantine.put_aside(connection, stream, 1, [BYTES])
    assert quarantine.purge(connection, stream.repository_id, "oai:x:1") == 1
    quarantine.put_aside(connection, stream, 2, [BYTES])
    row, raw = only(connection)
    assert (row.resolution, raw) == ("purged", b"")


def test_dates_that_cannot_be_read_are_one_row_for_each_set_whatever_is_said(
    connection: Connection, stream: Stream
) -> None:
    repository = ledger.find_repository(connection, "one")
    assert repository is not None
    other = ledger.add_stream(connection, repository, "a", "oai_dc")
    for said in ("500", "502"):
        raw = b'{"from": "2024-01-01T00:00:00+00:00", "until": "2024-01-01T00:00:00+00:00", "said": "%b"}'
        window = PutAside("unreadable_window", raw % said.encode(), None)
        quarantine.put_aside(connection, stream, 1, [window])
        quarantine.put_aside(connection, other, 1, [window])
    assert [(row.set_spec, row.askable) for row in rows(connection)] == [("", True), ("a", True)]
    assert {len(retries.due(connection, each, now=True)) for each in (stream, other)} == {1}


def test_only_what_can_be_asked_for_and_whose_day_has_come_is_due(
    connection: Connection, stream: Stream
) -> None:
    nameless = PutAside("no_identifier", b"<record/>", None)
    others = [BYTES._replace(identifier=f"oai:x:{number}") for number in (2, 3)]
    quarantine.put_aside(connection, stream, 1, [BYTES, nameless, *others])
    numbers = {row.identifier: row.id for row in rows(connection)}
    assert retries.due(connection, stream) == []
    set_back(connection, retry_at=1)
    retries.in_vain(connection, rows(connection)[0])
    retries.resolve(connection, numbers["oai:x:3"], GONE)
    assert retries.due(connection, stream) == [numbers["oai:x:2"]]
    assert retries.due(connection, stream, now=True) == [numbers["oai:x:2"], numbers["oai:x:1"]]
    waiting = retries.waiting(connection, stream)
    assert (waiting.number, waiting.unaskable, waiting.due) == (3, 1, 1)
    assert waiting.next_at == rows(connection)[0].retry_at
    assert retries.count(connection) == 3
    assert retries.count(connection, resolved=True) == 4
    assert [row.identifier for row in retries.find(connection, limit=2)] == ["oai:x:1", None]
    assert retries.streams_waiting(connection, stream.repository_id) == [("", "oai_dc")]
