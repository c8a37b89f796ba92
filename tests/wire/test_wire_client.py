"""What a repository sees of us, and what a caller gets back."""

import base64
import logging
import threading
import traceback

import pytest
from raw_server import PAGE, Talk, always, answer

from harvester.errors import ConfigError, Refused
from harvester.wire import Client, Patience

ARGUMENTS = [("verb", "ListRecords"), ("metadataPrefix", "oai_dc")]


def test_a_page_comes_with_its_headers_and_what_it_cost(server, client):
    repository = server(always(answer(X_Served_By="one")))
    page = client(repository).get(repository.url, ARGUMENTS)
    assert (page.status, page.body, page.requests, page.moved_to) == (200, PAGE, 1, None)
    assert page.headers["x-served-by"] == "one"
    assert page.received_at.tzinfo is not None
    assert page.seconds > 0
    assert page.url == f"{repository.url}?verb=ListRecords&metadataPrefix=oai_dc"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 422, 429, 500, 501, 502, 503, 504])
def test_an_oai_answer_under_an_error_status_is_not_lost(server, client, status):
    repository = server(always(answer(b"<OAI-PMH/>", f"{status} Whatever", Retry_After="7")))
    page = client(repository).get(repository.url, ARGUMENTS)
    assert (page.status, page.body, page.headers["retry-after"]) == (status, b"<OAI-PMH/>", "7")


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified", "503 Busy"])
def test_a_status_without_a_body_is_an_answer_too(server, client, status):
    length = {"Content_Length": "0"}
    repository = server(always(answer(b"", status, **length)))
    asker = client(repository)
    assert asker.get(repository.url, ARGUMENTS).body == b""
    assert asker.get(repository.url, ARGUMENTS).status == int(status[:3])
    assert repository.connections == 1


@pytest.mark.parametrize(
    ("contact", "from_"),
    [
        ("mailto:ops@example.org", "ops@example.org"),
        ("ops@example.org", "ops@example.org"),
        ("https://example.org/bot", None),
        (None, None),
    ],
)
def test_the_repository_can_see_who_asks(server, client, contact, from_):
    repository = server(always(answer()))
    client(repository, contact=contact).get(repository.url, ARGUMENTS)
    seen = repository.requests[0].headers
    assert seen["user-agent"].startswith("oai-harvester/")
    assert (f"(+{contact})" in seen["user-agent"]) == (contact is not None)
    assert seen.get("from") == from_
    assert seen["accept-encoding"] == "gzip, deflate"


@pytest.mark.parametrize("contact", ["ops@example.org\r\nX-Evil: 1", "ö@example.org"])
def test_a_contact_that_no_header_can_hold_is_refused_at_once(contact):
    with pytest.raises(ConfigError, match="ASCII"):
        Client(contact=contact, patience=Patience())


def test_a_list_is_read_over_one_connection(server, client):
    repository = server(always(answer()))
    asker = client(repository)
    for _ in range(5):
        asker.get(repository.url, ARGUMENTS)
    assert repository.connections == 1


def test_the_password_in_a_url_goes_to_the_repository_and_nowhere_else(server, client):
    repository = server(always(answer()))
    url = f"http://us%40er:p%C3%A4ss@{repository.host}/oai"
    page = client(repository).get(url, ARGUMENTS)
    sent = repository.requests[0].headers["authorization"].removeprefix("Basic ")
    assert base64.b64decode(sent).decode() == "us@er:päss"
    assert "ss" not in repository.requests[0].target.replace("oai", "")
    for shown in (repr(page), page.url, page.evidence.url):
        assert "us%40er" not in shown
        assert "p%C3%A4ss" not in shown


def test_no_password_reaches_the_log(server, client, caplog, monkeypatch):
    caplog.set_level(logging.DEBUG)
    password = "".join(("can", "ary"))  # a traceback shows lines of this file
    repository = server(always(answer(b"", "302 Found", Location="http://127.0.0.1:1/")))
    with pytest.raises(Refused) as caught:
        client(repository).get(f"http://me:{password}@{repository.host}/oai?a=b", ARGUMENTS)
    monkeypatch.setenv("HTTP_PROXY", f"http://me:{password}@{repository.host}")
    with pytest.raises(Refused):
        client(repository).get(f"http://me:{password}@repository.example/oai", ARGUMENTS)
    assert "GET /oai" in caplog.text
    assert password not in caplog.text
    assert password not in "".join(traceback.format_exception(caught.value))


def test_no_netrc_is_read(server, client, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    repository = server(always(answer()))
    client(repository).get(repository.url, ARGUMENTS)
    assert "authorization" not in repository.requests[0].headers


def test_a_cookie_stays_with_the_host_that_set_it(server, client):
    first = server(always(answer(Set_Cookie="JSESSIONID=7; Path=/")))
    second = server(always(answer()))
    asker = client(first, second)
    for url in (first.url, first.url, second.url):
        asker.get(url, ARGUMENTS)
    assert first.requests[1].headers["cookie"] == "JSESSIONID=7"
    assert "cookie" not in second.requests[0].headers


def test_a_server_that_sets_ever_new_cookies_does_not_fill_the_memory(server, client):
    def script(talk: Talk) -> None:
        while talk.request():
            talk.send(answer(b"<a/>", Set_Cookie=f"c{len(repository.requests)}=1"))

    repository = server(script)
    asker = client(repository)
    for _ in range(120):
        asker.get(repository.url, ARGUMENTS)
    assert repository.requests[-1].headers["cookie"].count(";") <= 51


def test_two_threads_never_ask_one_host_at_the_same_time(server, client):
    under_way = []
    most = []

    def script(talk: Talk) -> None:
        while talk.request():
            under_way.append(talk)
            most.append(len(under_way))
            repository.stopping.wait(0.01)
            under_way.remove(talk)
            talk.send(answer())

    repository = server(script)
    asker = client(repository)
    threads = [
        threading.Thread(target=asker.get, args=(repository.url, ARGUMENTS), daemon=True) for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(most) == 6
    assert max(most) == 1


def test_the_excerpt_kept_as_evidence_can_be_stored_and_is_short(server, client):
    repository = server(always(answer(b"\x00\xff" + b"x" * 5000, "403 Forbidden")))
    evidence = client(repository).get(repository.url, ARGUMENTS).evidence
    assert evidence.status == 403
    assert evidence.excerpt.startswith("\ufffd\ufffdxxx")
    assert len(evidence.excerpt) == 2048


@pytest.mark.parametrize(
    "url",
    [
        "ftp://user:canary@h/oai",
        "file:///etc/passwd",
        "oai",
        "http://",
        "http:///oai",
        "http://user:canary@h:port/",
    ],
)
def test_an_address_that_is_none_is_a_sentence_without_its_password(client, url):
    with pytest.raises(ConfigError) as caught:
        client().get(url, ARGUMENTS)
    assert "canary" not in str(caught.value)
    assert "https://" in str(caught.value) or "http://" in str(caught.value)
