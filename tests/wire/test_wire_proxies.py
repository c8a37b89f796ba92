"""Outbound proxies and captive portals: what they say is not taken for what the repository says."""

import traceback

import pytest
from raw_server import PAGE, Talk, always, answer

from harvester.errors import ConfigError, Refused, RepositoryError, Retriable
from harvester.oai.answers import read_answer
from harvester.wire import host_of

ARGUMENTS = [("verb", "Identify")]
PASSWORD = "".join(("can", "ary"))  # a traceback shows lines of this file
PORTAL = b"<!DOCTYPE html><html><head><title>Guest network: log in</title></head><body><form/></body></html>"
REPOSITORIES = ["http://one.example/oai", "http://two.example/request", "http://three.example:8080/oai2d"]


def test_a_proxy_that_wants_a_login_is_named_and_no_repository_is_blamed(server, client, monkeypatch):
    asks = server(always(answer(b"<html/>", "407 Proxy Authentication Required", Proxy_Authenticate="Basic")))
    monkeypatch.setenv("HTTP_PROXY", f"http://me:{PASSWORD}@{asks.host}")
    with pytest.raises(Refused, match="outbound proxy wants a user name") as caught:
        client().get("http://repository.example/oai", ARGUMENTS)
    assert caught.value.reason == "proxy"
    assert len(asks.requests) == 1
    assert "proxy-authorization" in asks.requests[0].headers
    assert PASSWORD not in "".join(traceback.format_exception(caught.value))


def test_a_repository_that_answers_407_itself_is_an_answer(server, client):
    repository = server(always(answer(b"<OAI-PMH/>", "407 Whatever")))
    assert client(repository).get(repository.url, ARGUMENTS).status == 407


@pytest.mark.parametrize(
    "address",
    ["http://me:{}@:1", "http://me:{}@[::1", "me:{}@127.0.0.1:99999", "foo://me:{}@h:1", "http://me:{}@h:port"],
)  # fmt: skip
def test_a_proxys_address_that_is_none_is_a_mistake_of_configuration(client, monkeypatch, address):
    monkeypatch.setenv("HTTP_PROXY", address.format(PASSWORD))
    with pytest.raises(ConfigError, match="write it as http://host:port") as caught:
        client().get("http://repository.example/oai", ARGUMENTS)
    assert PASSWORD not in "".join(traceback.format_exception(caught.value))


def test_a_captive_portal_is_a_page_of_no_repository(server, client, monkeypatch):
    """The network of a train or a hotel answers for every host with the same page."""
    portal = server(always(answer(PORTAL)))
    monkeypatch.setenv("HTTP_PROXY", f"http://{portal.host}")
    asker = client()
    for url in REPOSITORIES:
        page = asker.get(url, ARGUMENTS)
        with pytest.raises(Retriable) as caught:
            read_answer(page.status, page.headers, page.body)
        assert caught.value.reason == "html"
    assert {request.headers["host"] for request in portal.requests} == {host_of(url) for url in REPOSITORIES}


@pytest.mark.parametrize(
    "login", ["http://192.168.0.1/login", "http://10.0.0.1:8080/", "http://localhost/login"]
)
def test_a_captive_portal_that_leads_to_its_login_is_not_followed_inside(server, client, monkeypatch, login):
    portal = server(always(answer(b"", "302 Found", Location=login)))
    monkeypatch.setenv("HTTP_PROXY", f"http://{portal.host}")
    for url in REPOSITORIES:
        with pytest.raises(RepositoryError) as caught:
            client().get(url, ARGUMENTS)
        assert caught.value.reason == "private_address"
    assert len(portal.requests) == len(REPOSITORIES)


def test_a_page_cut_behind_a_proxy_is_truncated_as_ever(server, client, monkeypatch):
    def script(talk: Talk) -> None:
        talk.request()
        talk.send(answer()[:-20])

    proxy = server(script)
    monkeypatch.setenv("HTTP_PROXY", f"http://{proxy.host}")
    with pytest.raises(Retriable) as caught:
        client().get("http://repository.example/oai", ARGUMENTS)
    assert caught.value.reason == "truncated"
    assert PAGE[:50].decode() in caught.value.evidence.excerpt
