"""Hosts as keys, and queries that reach the server as they were meant."""

from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from raw_server import RawServer, always, answer

from harvester.errors import ConfigError
from harvester.wire import Client, Patience, host_of, merge_query, public_url
from harvester.wire.urls import follow, without_arguments


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://API.Figshare.com/v2/oai", "api.figshare.com"),
        ("https://api.figshare.com:443/v2/oai", "api.figshare.com"),
        ("http://example.org:443/oai", "example.org:443"),
        ("http://example.org:8080", "example.org:8080"),
        ("http://user:pw@example.org.:80/oai?x", "example.org"),
        ("http://bücher.example/oai", "xn--bcher-kva.example"),
        ("http://[2001:DB8::1]:8080/oai", "[2001:db8::1]:8080"),
    ],
)
def test_one_host_has_one_key(url, host):
    assert host_of(url) == host


@pytest.mark.parametrize(
    "url", ["http://a\\@b/", "http://a b/", "http://[::1", "//host/oai", "http://h:99999/"]
)
def test_an_ambiguous_address_has_no_host(url):
    with pytest.raises(ConfigError):
        host_of(url)


@pytest.mark.parametrize(
    ("url", "params", "merged"),
    [
        ("http://h/oai", [("verb", "Identify")], "http://h/oai?verb=Identify"),
        ("http://h/oai?", [("set", "a b"), ("verb", "L")], "http://h/oai?verb=L&set=a%20b"),
        ("http://h/i.php?page=oai", [("verb", "L"), ("set", "x")], "http://h/i.php?verb=L&page=oai&set=x"),
        ("http://h/oai?verb=Identify&k=%2F", [("verb", "L")], "http://h/oai?verb=L&k=%2F"),
        ("http://h/oai#top", [("verb", "L"), ("from", ""), ("until", "2024")], "http://h/oai?verb=L&until=2024"),
        ("http://h/index.php?/oai", [("verb", "L")], "http://h/index.php?/oai&verb=L"),
        ("http://h/oai", [("verb", "L"), ("resumptionToken", "a+b/c=?&%41")], "http://h/oai?verb=L&resumptionToken=a%2Bb%2Fc%3D%3F%26%2541"),
    ],
)  # fmt: skip
def test_arguments_are_merged_verb_first_and_encoded_once(url, params, merged):
    assert merge_query(url, params) == merged


@pytest.mark.parametrize(
    ("location", "onward"),
    [
        ("https://new/oai", "https://new/oai?verb=L&resumptionToken=a%2Bb%2F"),
        ("/moved/oai", "http://h/moved/oai?verb=L&resumptionToken=a%2Bb%2F"),
        (
            "https://new/oai?verb=L&resumptionToken=a%2Bb%2F",
            "https://new/oai?verb=L&resumptionToken=a%2Bb%2F",
        ),
        ("https://new/oai?verb=L&resumptionToken=a%2Bb/", "https://new/oai?verb=L&resumptionToken=a%2Bb/"),
        ("https://new/oai?verb=L&resumptionToken=a+b/", "https://new/oai?verb=L&resumptionToken=a%2Bb%2F"),
        (
            "https://new/oai?verb=L&resumptionToken=a%252Bb%252F",
            "https://new/oai?verb=L&resumptionToken=a%2Bb%2F",
        ),
        ("https://new/oai?site=2", "https://new/oai?verb=L&site=2&resumptionToken=a%2Bb%2F"),
        (
            "?verb=L&resumptionToken=a%2Bb%2F&lang=en#x",
            "http://h/oai?verb=L&resumptionToken=a%2Bb%2F&lang=en",
        ),
        ("/\u00c3\u00bc", "http://h/ü?verb=L&resumptionToken=a%2Bb%2F"),
    ],
)
def test_a_redirect_does_not_lose_or_damage_the_token(location, onward):
    assert follow("http://h/oai?verb=L&resumptionToken=a%2Bb%2F", location, [("verb", "L"), ("resumptionToken", "a+b/")]) == onward  # fmt: skip


def test_a_proposed_base_url_is_free_of_this_requests_arguments():
    params = [("verb", "L"), ("set", "x")]
    assert without_arguments("https://h/oai?verb=L&site=2&set=x", params) == "https://h/oai?site=2"


def test_no_message_shows_a_password():
    assert public_url("https://me:canary@h:8/oai?verb=x") == "https://h:8/oai?verb=x"
    assert "canary" not in public_url("https://me:canary@[::1/oai")


@pytest.mark.parametrize(
    "url",
    ["http:/me:canary@h/oai", "http:me:canary@h/oai", "http:///me:canary@h/oai", "//me:canary@h/", "http://me:canary@/oai",
     "https://me:can ary@h/oai", "http://me:canary@h\\x/", "http://me:canary@%20h/", "http://me:canary@h%00/", "me:canary@h"],
)  # fmt: skip
def test_no_slip_in_an_address_shows_its_password(url):
    with pytest.raises(ConfigError) as caught:
        host_of(url)
    assert "canary" not in str(caught.value)


TOKENS = st.text(min_size=1, max_size=80)
AWKWARD = st.text(
    alphabet="%+&=#?/ ;:~'\"<>|\\^`{}[]\u00e4\u20ac\U0001f600\t\n\x00\x7f2f4B", min_size=1, max_size=60
)


@given(token=TOKENS | AWKWARD)
def test_the_query_holds_the_token_once_encoded(token):
    query = urlsplit(merge_query("http://h/oai", [("verb", "L"), ("resumptionToken", token)])).query
    assert dict(parse_qsl(query, keep_blank_values=True))["resumptionToken"] == token
    assert query.isascii()


@pytest.fixture(scope="module")
def listening():
    repository = RawServer(always(answer(b"<a/>")))
    client = Client(contact=None, patience=Patience(), typed=[repository.host])
    yield repository, client
    client.close()
    repository.close()


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(token=TOKENS | AWKWARD)
def test_the_server_sees_exactly_the_token_that_was_sent(listening, token):
    repository, client = listening
    client.get(repository.url, [("verb", "ListRecords"), ("resumptionToken", token)])
    seen = repository.requests[-1].target.removeprefix("/oai?verb=ListRecords&resumptionToken=")
    assert unquote(seen) == token
    assert "+" not in seen
