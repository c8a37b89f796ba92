"""Validators: kept as they came, sent back as they came, and 304 taken for what it is."""

import pytest
from raw_server import PAGE, Talk, always, answer

from harvester.wire import Validators, validators_of

ASK = [("verb", "ListSets")]
TAG = Validators('W/"a, b"', "Tue, 05 Mar 2024 08:00:00 GMT")
UNCHANGED = b'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\n\r\n'


def test_validators_come_back_as_they_came_and_only_where_asked(server, client):
    repository = server(always(answer(ETag=TAG.etag, Last_Modified=TAG.last_modified)))
    asker = client(repository)
    first = asker.get(repository.url, ASK)
    assert validators_of(first.headers) == TAG
    asker.get(repository.url, ASK, validators_of(first.headers))
    asker.get(repository.url, ASK, Validators(etag='"only"'))
    asker.get(repository.url, ASK)
    sent = [(each.headers.get("if-none-match"), each.headers.get("if-modified-since")) for each in repository.requests]  # fmt: skip
    assert sent == [(None, None), (TAG.etag, TAG.last_modified), ('"only"', None), (None, None)]
    assert {each.target for each in repository.requests} == {"/oai?verb=ListSets"}


def test_304_is_an_answer_without_a_body_and_keeps_the_connection(server, client):
    repository = server(always(UNCHANGED, answer()))
    asker = client(repository)
    unchanged = asker.get(repository.url, ASK, TAG)
    assert (unchanged.status, unchanged.body, unchanged.requests) == (304, b"", 1)
    assert asker.get(repository.url, ASK).body == PAGE
    assert repository.connections == 1


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: 5000\r\n\r\n",  # of the answer that is not sent: allowed
        b"Transfer-Encoding: chunked\r\n\r\n",  # no chunk ever comes
        b"Content-Encoding: gzip\r\n\r\n",
        b"Content-Length: 9\r\n\r\nunchanged",  # a body all the same
    ],
)
def test_what_headers_say_of_the_body_of_a_304_does_no_harm(server, client, hasty, head):
    repository = server(always(b"HTTP/1.1 304 Not Modified\r\n" + head, answer()))
    asker = client(repository, limits=hasty)
    unchanged = asker.get(repository.url, ASK, TAG)
    assert (unchanged.status, unchanged.body) == (304, b"")
    assert asker.get(repository.url, ASK).body == PAGE


def test_a_redirect_is_followed_with_the_validators(server, client):
    def script(talk: Talk) -> None:
        while request := talk.request():
            moved = answer(b"", "302 Found", Location="/there")
            talk.send(UNCHANGED if request.target.startswith("/there") else moved)

    repository = server(script)
    found = client(repository).get(repository.url, ASK, TAG)
    assert (found.status, found.requests) == (304, 2)
    assert [each.headers["if-none-match"] for each in repository.requests] == [TAG.etag] * 2


def test_the_same_answer_asked_for_plain_after_a_bad_coding_is_conditional_too(server, client):
    broken = answer(b"\x1f\x8b\x08broken", Content_Encoding="gzip")
    repository = server(always(broken, UNCHANGED))
    assert client(repository).get(repository.url, ASK, TAG).status == 304
    assert [each.headers["if-none-match"] for each in repository.requests] == [TAG.etag] * 2


@pytest.mark.parametrize("etag", ["", '"\xe9"', '"a\x01b"', '"' + "a" * 5000 + '"'])
def test_a_tag_that_no_header_of_ours_should_hold_is_not_kept(etag):
    assert validators_of({"etag": etag}) is None
    assert validators_of({"etag": etag, "last-modified": "yesterday"}) == Validators(None, "yesterday")
