"""Redirects are followed hop by hop, each one checked; nothing of the request is lost on the way."""

import pytest
from raw_server import PAGE, Talk, always, answer

from harvester.errors import Refused, RepositoryError
from harvester.wire import Limits, Patience

ARGUMENTS = [("verb", "ListRecords"), ("resumptionToken", "a+b/c=")]
QUERY = "verb=ListRecords&resumptionToken=a%2Bb%2Fc%3D"


def moves(status: int, location: str) -> bytes:
    return answer(b"<html>moved</html>", f"{status} Moved", Location=location)


def graph(**pages: bytes):
    """Answers by path: `/oai` is pages["oai"], and so on; a path that is not there is the page itself."""

    def script(talk: Talk) -> None:
        while request := talk.request():
            talk.send(pages.get(request.target.partition("?")[0].strip("/"), answer()))

    return script


def refusal(asker, url) -> RepositoryError:
    with pytest.raises(Refused) as caught:
        asker.get(url, ARGUMENTS)
    return caught.value


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_the_query_goes_along(server, client, status):
    repository = server(graph(oai=moves(status, "/oai2")))
    page = client(repository).get(repository.url, ARGUMENTS)
    assert (page.body, page.requests) == (PAGE, 2)
    assert [each.target for each in repository.requests] == [f"/oai?{QUERY}", f"/oai2?{QUERY}"]
    assert repository.connections == 1
    assert page.url.endswith(f"/oai2?{QUERY}")


def test_a_permanent_move_is_proposed_without_the_request(server, client):
    repository = server(graph(oai=moves(301, f"/b?site=1&{QUERY}"), b=moves(308, "/c?site=1")))
    page = client(repository).get(repository.url, ARGUMENTS)
    assert page.moved_to == f"http://{repository.host}/c?site=1"
    assert page.requests == 3


def test_a_move_with_a_temporary_hop_is_not_proposed(server, client):
    repository = server(graph(oai=moves(301, "/b"), b=moves(302, "/c")))
    assert client(repository).get(repository.url, ARGUMENTS).moved_to is None


def test_a_redirect_without_a_location_is_an_answer(server, client):
    repository = server(always(answer(b"<OAI-PMH/>", "302 Found")))
    assert client(repository).get(repository.url, ARGUMENTS).status == 302
    nowhere = server(always(answer(b"<OAI-PMH/>", "302 Found", Location="")))
    assert client(nowhere).get(nowhere.url, ARGUMENTS).body == b"<OAI-PMH/>"


def test_five_hops_are_followed_and_no_more(server, client):
    chain = {name: moves(302, f"/{after}") for name, after in zip("abcdef", "bcdefg", strict=True)}
    repository = server(graph(**chain))
    assert client(repository).get(f"http://{repository.host}/b", ARGUMENTS).requests == 6
    assert refusal(client(repository), f"http://{repository.host}/a").reason == "too_many_redirects"


def test_a_loop_ends(server, client):
    repository = server(graph(oai=moves(302, "/oai")))
    error = refusal(client(repository), repository.url)
    assert error.reason == "too_many_redirects"
    assert (error.evidence.status, error.evidence.excerpt) == (302, "<html>moved</html>")
    assert len(repository.requests) == 6


@pytest.mark.parametrize("location", ["ftp://h/", "file:///etc/passwd", "javascript:alert(1)", "http://[::1", "http://a\\@b/"])  # fmt: skip
def test_a_redirect_to_no_address_is_refused(server, client, location):
    repository = server(graph(oai=moves(301, location)))
    error = refusal(client(repository), repository.url)
    assert error.reason == "bad_redirect"
    assert error.evidence.status == 301


@pytest.mark.parametrize(
    "location",
    ["http://127.0.0.1:1/", "http://localhost:1/", "http://[::1]:1/", "http://169.254.169.254/latest/meta-data/",
     "http://2130706433:1/", "http://0x7f.1/", "http://[::ffff:10.0.0.1]/", "http://intern.example/"],
)  # fmt: skip
def test_a_redirect_into_a_private_network_is_refused(server, client, location):
    repository = server(graph(oai=moves(302, location)))

    def resolve(host, port):
        return ("93.184.216.34", "10.1.2.3") if host == "intern.example" else ("127.0.0.1",)

    error = refusal(client(repository, resolve=resolve), repository.url)
    assert error.reason == "private_address"
    assert "private network" in str(error)


def test_a_redirect_to_another_port_of_a_typed_host_is_refused(server, client):
    other = server(always(answer()))
    repository = server(graph(oai=moves(302, other.url)))
    assert refusal(client(repository), repository.url).reason == "private_address"
    assert other.connections == 0
    assert client(repository, other).get(repository.url, ARGUMENTS).body == PAGE


def test_a_password_goes_to_its_own_host_only(server, client):
    other = server(always(answer()))
    repository = server(graph(oai=moves(302, "/here"), here=moves(302, f"http://x:y@{other.host}/oai")))
    page = client(repository, other).get(f"http://me:canary@{repository.host}/oai", ARGUMENTS)
    assert ["authorization" in each.headers for each in repository.requests] == [True, True]
    assert "authorization" not in other.requests[0].headers
    assert page.url == f"http://{other.host}/oai?{QUERY}"


def test_the_body_of_a_redirect_is_not_read_to_its_end(server, client):
    sent = []

    def script(talk: Talk) -> None:
        while request := talk.request():
            if request.target.startswith("/oai2"):
                talk.send(answer())
                continue
            talk.send(b"HTTP/1.1 302 Found\r\nLocation: /oai2\r\n\r\n")
            while talk.send(b"x" * 65536):
                sent.append(65536)
            return

    repository = server(script)
    page = client(repository, limits=Limits(max_bytes=2**20)).get(repository.url, ARGUMENTS)
    assert page.body == PAGE
    assert sum(sent) < 20 * 2**20


def test_hops_keep_the_pace_of_the_host(server, client, fake_time):
    repository = server(graph(oai=moves(302, "/b"), b=moves(302, "/c")))
    naps = []

    def sleep(seconds):
        naps.append(seconds)
        fake_time.sleep(seconds)

    asker = client(repository, patience=Patience(pause=2, sleep=sleep), monotonic=fake_time.monotonic)
    page = asker.get(repository.url, ARGUMENTS)
    assert naps == pytest.approx([2, 2], abs=0.05)
    assert page.seconds == 0  # by the fake clock, which only pauses move: they are not counted
