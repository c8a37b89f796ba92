"""Every way a network can fail ends in a named error that says what to do, in bounded time."""

import socket
import threading
import time

import pytest
from raw_server import PAGE, Talk, always, answer, chunked, once

from harvester.errors import Interrupted, RepositoryError, Retriable
from harvester.wire import Limits

ARGUMENTS = [("verb", "ListRecords")]


def failure(asker, url) -> RepositoryError:
    with pytest.raises(RepositoryError) as caught:
        asker.get(url, ARGUMENTS)
    error = caught.value
    assert error.evidence is not None
    assert error.evidence.url.startswith("http")
    assert str(error).endswith(".")
    return error


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def test_a_name_that_is_not_in_the_dns(client):
    def nxdomain(host, port):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    error = failure(client(resolve=nxdomain), "https://repository.example/oai")
    assert isinstance(error, Retriable)
    assert error.reason == "dns"
    assert "repository.example" in str(error)


def test_a_name_without_addresses_and_one_that_cannot_be_a_name(client):
    assert failure(client(resolve=lambda host, port: ()), "https://repository.example/oai").reason == "dns"
    assert failure(client(), f"https://{'a' * 70}.example/oai").reason == "dns"


def test_a_dns_that_never_answers(client, hasty):
    over = threading.Event()

    def silent(host, port):
        over.wait(10)
        return ()

    began = time.monotonic()
    error = failure(client(resolve=silent, limits=hasty), "https://repository.example/oai")
    over.set()
    assert error.reason == "dns"
    assert "in time" in str(error)
    assert time.monotonic() - began < 5


def test_no_server_is_listening(client):
    port = free_port()
    asker = client(typed=[f"127.0.0.1:{port}"])
    assert failure(asker, f"http://127.0.0.1:{port}/oai").reason == "connection_refused"


def test_a_black_hole_costs_the_connect_limit_only(client, hasty):
    with socket.socket() as hole:
        hole.bind(("127.0.0.1", 0))
        hole.listen(0)
        port = hole.getsockname()[1]
        fillers = [socket.socket() for _ in range(4)]  # more than the backlog: further SYNs are dropped
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        began = time.monotonic()
        try:
            error = failure(client(typed=[f"127.0.0.1:{port}"], limits=hasty), f"http://127.0.0.1:{port}/oai")
        finally:
            for filler in fillers:
                filler.close()
    assert error.reason == "connect_timeout"
    assert 0.3 < time.monotonic() - began < 3


def test_when_one_address_is_dead_the_next_is_tried(server, client):
    repository = server(always(answer()))
    asked = []

    def resolve(host, port):
        asked.append(host)
        return ("::1", "127.0.0.1")  # nothing listens on ::1: IPv6 broken, IPv4 fine

    asker = client(typed=[f"two.example:{repository.port}"], resolve=resolve)
    for _ in range(3):
        asker.get(f"http://two.example:{repository.port}/oai", ARGUMENTS)
    assert (repository.connections, asked) == (1, ["two.example"])
    assert repository.requests[0].headers["host"] == f"two.example:{repository.port}"


def test_the_family_that_worked_is_tried_first_afterwards(server, client):
    repository = server(once(answer()))
    asker = client(typed=[f"two.example:{repository.port}"], resolve=lambda host, port: ("::1", "127.0.0.1"))
    asker.get(f"http://two.example:{repository.port}/oai", ARGUMENTS)
    assert asker._dialler._addresses("two.example", repository.port) == ["127.0.0.1", "::1"]


def test_a_silent_server_ends_in_read_timeout(server, client, hasty):
    def script(talk: Talk) -> None:
        talk.request()
        talk.wait()

    repository = server(script)
    began = time.monotonic()
    assert failure(client(repository, limits=hasty), repository.url).reason == "read_timeout"
    assert time.monotonic() - began < 3


def test_an_answer_that_nobody_waits_for_any_more_is_given_up_and_its_connection_closed(server, client):
    asked, gone = threading.Event(), threading.Event()

    def script(talk: Talk) -> None:
        talk.request()
        asked.set()
        talk.request()  # returns when the other end is closed
        gone.set()

    repository = server(script)
    began = time.monotonic()
    with pytest.raises(Interrupted):
        client(repository, abandoned=asked.is_set).get(repository.url, ARGUMENTS)
    assert time.monotonic() - began < 5
    assert gone.wait(5)


def trickle(head: bytes, rest: bytes):
    """Send one byte every 20 ms, which no timeout per read would notice."""

    def script(talk: Talk) -> None:
        if talk.request():
            talk.send(head)
            for byte in rest:
                if not talk.send(bytes([byte])) or talk.wait(0.02):
                    return

    return script


@pytest.mark.parametrize(
    ("head", "rest"),
    [
        (b"", answer()),
        (answer()[:120], PAGE),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n" * 500),
    ],
    ids=["in the headers", "in the body", "in the chunks"],
)
def test_a_slow_loris_cannot_pass_the_deadline(server, client, hasty, head, rest):
    repository = server(trickle(head, rest))
    began = time.monotonic()
    assert failure(client(repository, limits=hasty), repository.url).reason == "timeout"
    assert time.monotonic() - began < 3


def test_a_body_below_the_minimum_rate_is_given_up(server, client):
    repository = server(trickle(answer()[:120], PAGE))
    limits = Limits(rate_window=0.3, min_rate=1000)
    error = failure(client(repository, limits=limits), repository.url)
    assert (error.reason, error.evidence.status) == ("too_slow", 200)


def test_a_server_that_thinks_between_headers_and_body_is_not_too_slow(server, client):
    def script(talk: Talk) -> None:
        talk.request()
        talk.send(answer()[: HEAD + 20])
        talk.wait(0.5)
        talk.send(answer()[HEAD + 20 :])

    repository = server(script)
    limits = Limits(rate_window=0.2, min_rate=1000)
    assert client(repository, limits=limits).get(repository.url, ARGUMENTS).body == PAGE


WHOLE = answer()
HEAD = WHOLE.index(b"\r\n\r\n") + 4


@pytest.mark.parametrize("sent", [*range(0, HEAD, 7), HEAD, HEAD + 1, HEAD + 1000, len(WHOLE) - 1])
def test_an_answer_cut_by_a_close_is_never_taken_for_a_page(server, client, sent):
    repository = server(once(WHOLE[:sent]))
    error = failure(client(repository), repository.url)
    assert isinstance(error, Retriable)
    assert error.reason == ("truncated" if sent else "connection_reset")


@pytest.mark.parametrize("sent", [0, 5, HEAD - 1, HEAD, HEAD + 1, HEAD + 1500, len(WHOLE) - 1])
def test_an_answer_cut_by_a_reset_is_never_taken_for_a_page(server, client, sent):
    def script(talk: Talk) -> None:
        talk.request()
        talk.send(WHOLE[:sent])
        talk.wait(0.05)  # let the bytes be read: a reset discards what is under way
        talk.reset()

    repository = server(script)
    error = failure(client(repository), repository.url)
    assert isinstance(error, Retriable)
    assert error.reason == "connection_reset"


CHUNKED = chunked(PAGE[:1000], PAGE[1000:])
BODY_AT = CHUNKED.index(b"\r\n\r\n") + 4
COMPLETE_AT = CHUNKED.index(b"</OAI-PMH>\n") + 11


@pytest.mark.parametrize("sent", [*range(BODY_AT, COMPLETE_AT, 53), COMPLETE_AT - 1])
def test_chunks_that_end_early_are_truncated(server, client, sent):
    repository = server(once(CHUNKED[:sent]))
    assert failure(client(repository), repository.url).reason == "truncated"


@pytest.mark.parametrize("sent", range(COMPLETE_AT, len(CHUNKED) + 1))
def test_a_whole_document_is_taken_though_the_last_chunk_never_comes(server, client, sent):
    repository = server(once(CHUNKED[:sent]))
    assert client(repository).get(repository.url, ARGUMENTS).body == PAGE


@pytest.mark.parametrize("end", [b"zz\r\n", b"\r\n\r\n", b"5\r\n  "])
def test_broken_chunk_sizes_do_not_cost_a_whole_document(server, client, end):
    repository = server(once(chunked(PAGE, end=end)))
    page = client(repository).get(repository.url, ARGUMENTS)
    assert page.body.startswith(PAGE)


@pytest.mark.parametrize("end", [b"zz\r\n", b"-5\r\n", b"-1\r\nabc", b"", b"5\r\nab"])
def test_broken_chunk_sizes_are_truncated_when_the_document_is_not_whole(server, client, end):
    repository = server(once(chunked(PAGE[:-5], end=end)))
    assert failure(client(repository), repository.url).reason == "truncated"


def test_a_body_that_ends_with_the_connection_is_handed_on(server, client):
    repository = server(once(b"HTTP/1.0 200 OK\r\nContent-Type: text/xml\r\n\r\n" + PAGE))
    assert client(repository).get(repository.url, ARGUMENTS).body == PAGE


def test_a_content_length_below_the_body_cuts_it_for_the_reader_to_see(server, client):
    repository = server(always(answer(PAGE, Content_Length="100")))
    asker = client(repository)
    assert asker.get(repository.url, ARGUMENTS).body == PAGE[:100]
    # What was left over must not become the head of the next answer.
    assert asker.get(repository.url, ARGUMENTS).body == PAGE[:100]


@pytest.mark.parametrize("said", [b"", b"SSH-2.0-OpenSSH_9\r\n", b"HTTP/1.1 abc\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n"])  # fmt: skip
def test_what_is_no_http_is_said_to_be_so(server, client, said):
    repository = server(once(said))
    assert failure(client(repository), repository.url).reason in {"bad_http", "connection_reset"}


def test_headers_without_an_end_are_not_read_for_ever(server, client):
    def script(talk: Talk) -> None:
        talk.request()
        talk.send(b"HTTP/1.1 200 OK\r\nX: ")
        while talk.send(b"y" * 65536):
            pass

    repository = server(script)
    assert failure(client(repository), repository.url).reason == "bad_http"


def test_endless_interim_answers_are_not_read_for_ever(server, client):
    def script(talk: Talk) -> None:
        talk.request()
        while talk.send(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000):
            pass

    repository = server(script)
    limits = Limits(max_bytes=2**20)
    assert failure(client(repository, limits=limits), repository.url).reason == "too_large"
