"""The fake repository as a server: many at once, a log that can be trusted, an end that always comes."""

import http.client
import socket
import threading
import time
from urllib.parse import urlsplit

import pytest

from harvester.errors import ConfigError
from harvester.mock import FakeRepository


def wait_for(condition):
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def raw_connection(repository):
    parts = urlsplit(repository.url)
    return socket.create_connection((parts.hostname, parts.port), timeout=5)


REQUEST = b"GET /oai?verb=ListRecords&metadataPrefix=oai_dc HTTP/1.1\r\nHost: x\r\n\r\n"


def test_forty_walks_at_once_each_bring_every_record(serve):
    repository, reader = serve(records=60)
    results, lock = [], threading.Lock()

    def walk():
        own = type(reader)(repository.url)
        got = own.identifiers()
        own.close()
        with lock:
            results.append(got)

    threads = [threading.Thread(target=walk) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 40
    assert {tuple(got) for got in results} == {
        tuple(record.identifier for record in repository.store.records)
    }
    assert len(repository.log) == 40 * 6


def test_one_request_after_the_other_never_counts_as_overlapping(serve):
    repository, reader = serve(records=300, page_size=1)
    other = type(reader)(repository.url)
    for number, _ in enumerate(reader.pages()):
        if number % 3 == 0:
            other.ask("Identify")
    other.close()
    assert len(repository.log) == 400
    assert not any(access.overlapping for access in repository.log)


def test_two_requests_at_once_are_seen(serve):
    repository, reader = serve()
    repository.misbehave("hang", times=1)
    with raw_connection(repository) as hanging:
        hanging.sendall(REQUEST)
        wait_for(lambda: repository.log)
        reader.ask("Identify")
    assert [access.overlapping for access in repository.log] == [False, True]


def test_a_client_that_gave_up_and_asks_again_does_not_overlap_with_itself(serve):
    repository, reader = serve()
    repository.misbehave("hang", times=1)
    with raw_connection(repository) as hanging:
        hanging.sendall(REQUEST)
        wait_for(lambda: repository.log)
    reader.ask()
    assert [access.overlapping for access in repository.log] == [False, False]


def test_the_log_tells_what_was_asked_and_what_was_sent(serve):
    repository, reader = serve()
    repository.misbehave("503_bare", times=1, on_page=1)
    token = reader.ask(set="portal_1").token or reader.ask().token
    repository.log.clear()
    reader.ask(resumptionToken=token)
    reader.ask(resumptionToken=token)
    reader.ask("Identify")
    refused, page, identify = repository.log
    assert (refused.status, refused.fault, refused.records, refused.page) == (503, "503_bare", 0, 1)
    assert (page.status, page.fault, page.records, page.page) == (200, None, 10, 1)
    assert page.arguments == {"resumptionToken": token}
    assert page.raw == f"/oai?verb=ListRecords&resumptionToken={token}"
    assert (identify.verb, identify.page) == ("Identify", None)
    assert refused.at < page.at < identify.at
    assert len(repository.requests("ListRecords")) == 2
    assert repository.pages_sent == 1


def test_closing_ends_idle_hanging_and_trickling_connections_at_once():
    with FakeRepository(records=20, page_size=10) as repository:
        repository.misbehave("hang", times=2)
        repository.misbehave("trickle", seconds=60)
        repository.misbehave("slow", seconds=60, verb="Identify")
        connections = [raw_connection(repository) for _ in range(5)]
        for connection in connections[:3]:
            connection.sendall(REQUEST)
        connections[3].sendall(b"GET /oai?verb=Identify HTTP/1.1\r\nHost: x\r\n\r\n")
        wait_for(lambda: len(repository.log) == 4)
        url, began = repository.url, time.monotonic()
    assert time.monotonic() - began < 2
    for connection in connections:
        connection.close()
    with pytest.raises(ConnectionRefusedError):
        http.client.HTTPConnection(urlsplit(url).netloc, timeout=5).connect()


def test_the_port_is_free_again_after_closing():
    with FakeRepository(records=1) as repository:
        port = urlsplit(repository.url).port
    with FakeRepository(records=1, port=port) as repository:
        assert urlsplit(repository.url).port == port


def test_behaving_again_lets_go_of_answers_that_hang(serve):
    repository, reader = serve()
    repository.misbehave("hang")
    with raw_connection(repository) as hanging:
        hanging.sendall(REQUEST)
        wait_for(lambda: repository.log)
        repository.behave()
        assert hanging.recv(1) == b""
    assert len(reader.identifiers()) == 25


def test_latency_delays_every_answer(serve):
    _, reader = serve(latency=0.05)
    began = time.monotonic()
    reader.ask("Identify")
    reader.ask("Identify")
    assert time.monotonic() - began >= 0.1


def test_another_path_is_not_found_and_logged(serve):
    repository, reader = serve()
    assert reader.get("/elsewhere?verb=Identify").status == 404
    assert repository.log[0].status == 404


def test_http_1_0_and_connection_close_are_obeyed(serve):
    repository, _ = serve()
    for line, extra in ((b"HTTP/1.0", b""), (b"HTTP/1.1", b"Connection: close\r\n")):
        with raw_connection(repository) as connection:
            connection.sendall(b"GET /oai?verb=Identify %b\r\nHost: x\r\n%b\r\n" % (line, extra))
            received = b""
            while chunk := connection.recv(65_536):
                received += chunk
        assert received.endswith(b"</OAI-PMH>\n")


def test_the_server_is_fast_enough_for_a_long_soak(serve):
    _, reader = serve(records=6_000, page_size=100)
    began = time.monotonic()
    assert len(reader.identifiers()) == 6_000
    assert 6_000 / (time.monotonic() - began) > 3_000


@pytest.mark.parametrize("text", ["", "no_such_fault", "resett", "reset:afterwards=3", "reset:verb=Nonsense"])
def test_a_fault_that_does_not_exist_is_named_in_the_error(text):
    with pytest.raises(ConfigError):
        FakeRepository(records=0, faults=[text])


def test_faults_are_armed_from_their_names(serve):
    _, reader = serve(faults=["503_retry_after:seconds=7,times=1,on_page=0", "bom"])
    refused = reader.ask()
    assert (refused.status, refused.headers["retry-after"]) == (503, "7")
    assert reader.ask().body.startswith(b"\xef\xbb\xbf")


def test_there_is_no_address_before_the_start():
    with pytest.raises(ConfigError):
        _ = FakeRepository(records=0).url
