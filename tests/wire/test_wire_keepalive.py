"""Connections are kept between pages, and one that died meanwhile costs nothing."""

import pytest
from raw_server import PAGE, Talk, always, answer, once

from harvester.errors import Retriable

ARGUMENTS = [("verb", "ListRecords")]


def closing_after_each(talk: Talk) -> None:
    if talk.request():
        talk.send(answer())


def test_a_kept_connection_that_the_server_closed_meanwhile_is_replaced(server, client):
    repository = server(closing_after_each)
    asker = client(repository)
    for number in range(1, 4):
        page = asker.get(repository.url, ARGUMENTS)
        assert (page.body, page.requests) == (PAGE, 1)
        repository.has_closed(number)
    assert repository.connections == 3


@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_kept_connection_that_dies_under_the_request_is_replaced_once(server, client, how):
    def script(talk: Talk) -> None:
        talk.request()
        talk.send(answer())
        if talk.number < 3 and talk.request() and how == "reset":
            talk.reset()

    repository = server(script)
    asker = client(repository)
    assert asker.get(repository.url, ARGUMENTS).requests == 1
    page = asker.get(repository.url, ARGUMENTS)
    assert (page.body, page.requests) == (PAGE, 2)
    assert [each.connection for each in repository.requests] == [1, 1, 2]


def test_a_connection_kept_for_minutes_is_not_trusted(server, client, fake_time):
    """A firewall may have forgotten it, and would let the request wait for the whole read limit."""
    repository = server(always(answer()))
    asker = client(repository, monotonic=fake_time.monotonic)
    asker.get(repository.url, ARGUMENTS)
    fake_time.sleep(119)
    asker.get(repository.url, ARGUMENTS)
    assert repository.connections == 1
    fake_time.sleep(121)
    asker.get(repository.url, ARGUMENTS)
    assert repository.connections == 2


def test_a_fresh_connection_that_dies_is_not_tried_again_here(server, client):
    repository = server(once(b""))
    with pytest.raises(Retriable) as caught:
        client(repository).get(repository.url, ARGUMENTS)
    assert caught.value.reason == "connection_reset"
    assert len(repository.requests) == 1


def test_an_interrupted_request_leaves_nothing_behind_for_the_next(server, client):
    repository = server(always(answer()))
    stop = [KeyboardInterrupt()]

    def now():
        if stop:
            raise stop.pop()
        return real_now()

    asker = client(repository)
    real_now, asker.now = asker.now, now
    with pytest.raises(KeyboardInterrupt):
        asker.get(repository.url, ARGUMENTS)
    assert asker.get(repository.url, ARGUMENTS).body == PAGE
    assert repository.connections == 2
