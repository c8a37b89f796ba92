"""Faults of HTTP and of the connection show on the wire."""

import gzip
import http.client
import re
import time
import zlib
from urllib.parse import urlsplit

import pytest
from lxml import etree

from harvester.mock import FAULTS
from harvester.mock.faults import KNOWN, delivery, lists, selection, text, transport

SYMPTOMS = {}


def symptom(*names):
    """Register what must be seen on the wire when the fault of this name is armed."""

    def register(check):
        SYMPTOMS.update(dict.fromkeys(names, check))
        return check

    return register


@pytest.mark.parametrize("name", sorted(transport.FAULTS | delivery.FAULTS))
def test_the_fault_shows_on_the_wire_and_in_the_log_and_ends(check_fault, name):
    check_fault(name, SYMPTOMS[name])


def test_every_fault_is_in_one_table_and_says_what_it_does_and_takes():
    tables = [module.FAULTS for module in (transport, delivery, text, lists, selection)]
    assert set(FAULTS) == set(KNOWN)
    assert sum(map(len, tables)) == len(KNOWN)
    assert all(line and "\n" not in line and len(line) < 110 for line in FAULTS.values())
    for name, fault in KNOWN.items():
        assert all(f"`{option}`" in fault.description for option in fault.options), name


def identifiers(repository):
    return [record.identifier for record in repository.store.records]


def broken(body):
    with pytest.raises(etree.XMLSyntaxError):
        etree.fromstring(body, etree.XMLParser(resolve_entities=False))
    return True


@symptom("503_retry_after")
def _(repository, reader, name):
    for option, pattern in [
        ({"seconds": 5}, "5"),
        ({"zero": True}, "0"),
        ({"garbage": True}, "[a-z, ]+"),
        ({"http_date": True, "seconds": 90}, r"\w{3}, \d\d \w{3} \d{4} .* GMT"),
        ({"past": True}, r"\w{3}, \d\d \w{3} \d{4} .* GMT"),
    ]:
        repository.misbehave(name, times=1, **option)
        reply = reader.ask()
        assert reply.status == 503
        assert re.fullmatch(pattern, reply.headers["retry-after"])
    assert reader.ask().status == 200


@symptom("503_bare", "500", "502", "403", "404", "429")
def _(repository, reader, name):
    repository.misbehave(name, times=2, on_page=1)
    token = reader.ask().token
    for _ in range(2):
        reply = reader.ask(resumptionToken=token)
        assert reply.status == int(name[:3])
        assert reply.headers["content-type"].startswith("text/html")
        assert "retry-after" not in reply.headers
    assert reader.ask(resumptionToken=token).status == 200
    if name == "429":
        repository.misbehave(name, seconds=3)
        assert reader.ask().headers["retry-after"] == "3"


@symptom("html_200", "bot_wall")
def _(repository, reader, name):
    repository.misbehave(name)
    reply = reader.ask()
    assert reply.status == 200
    assert reply.headers["content-type"].startswith("text/html")
    assert (b"Just a moment" in reply.body and b"<script" in reply.body) is (name == "bot_wall")
    assert ("cf-mitigated" in reply.headers) is (name == "bot_wall")
    assert reader.ask("Identify").error is None
    repository.misbehave(name, verb="Identify")
    assert b"<html" in reader.ask("Identify").body


@symptom("empty_body")
def _(repository, reader, name):
    repository.misbehave(name)
    reply = reader.ask()
    assert (reply.status, reply.body) == (200, b"")


@symptom("cut_body")
def _(repository, reader, name):
    repository.misbehave(name)
    with pytest.raises(http.client.IncompleteRead) as cut:
        reader.ask()
    assert cut.value.expected > 0


@symptom("short_length")
def _(repository, reader, name):
    repository.misbehave(name)
    assert broken(reader.ask().body)


@symptom("no_length")
def _(repository, reader, name):
    repository.misbehave(name)
    reply = reader.ask()
    assert "content-length" not in reply.headers
    assert reply.identifiers == identifiers(repository)[:10]


@symptom("chunked")
def _(repository, reader, name):
    repository.misbehave(name, times=1)
    reply = reader.ask()
    assert reply.headers["transfer-encoding"] == "chunked"
    assert reply.identifiers == identifiers(repository)[:10]
    repository.misbehave(name, share=0.5)
    with pytest.raises(http.client.IncompleteRead):
        reader.ask()


@symptom("drops_connection")
def _(repository, reader, name):
    repository.misbehave(name)
    reply = reader.ask()
    assert "connection" not in reply.headers
    assert reply.identifiers == identifiers(repository)[:10]
    assert reader.connection.sock.recv(1) == b""


@symptom("reset")
def _(repository, reader, name):
    for after in (0, 10, 400):
        repository.behave()
        repository.misbehave(name, after=after)
        with pytest.raises(ConnectionResetError):
            reader.ask()
        reader.close()


@symptom("hang")
def _(repository, reader, name):
    repository.misbehave(name)
    reader.connection.timeout = 0.1
    with pytest.raises(TimeoutError):
        reader.ask()


@symptom("trickle")
def _(repository, reader, name):
    whole = len(reader.ask().body)
    repository.misbehave(name, bytes=4_000, seconds=0.01)
    began = time.monotonic()
    assert reader.ask().body.endswith(b"</OAI-PMH>\n")
    assert time.monotonic() - began > 0.01 * (whole // 4_000)


@symptom("slow")
def _(repository, reader, name):
    repository.misbehave(name, seconds=0.1)
    began = time.monotonic()
    assert reader.ask().error is None
    assert time.monotonic() - began > 0.1


@symptom("gzip_unasked")
def _(repository, reader, name):
    repository.misbehave(name)
    reply = reader.ask()
    assert reply.headers["content-encoding"] == "gzip"
    assert b"</OAI-PMH>" in gzip.decompress(reply.body)


@symptom("gzip_unannounced")
def _(repository, reader, name):
    repository.misbehave(name)
    reply = reader.ask()
    assert "content-encoding" not in reply.headers
    assert b"</OAI-PMH>" in gzip.decompress(reply.body)


@symptom("gzip_announced_but_plain")
def _(repository, reader, name):
    repository.misbehave(name)
    reply = reader.ask(headers={"Accept-Encoding": "gzip"})
    assert reply.headers["content-encoding"] == "gzip"
    assert b"</OAI-PMH>" in reply.body


@symptom("gzip_bomb")
def _(repository, reader, name):
    repository.misbehave(name, megabytes=20)
    reply = reader.ask()
    assert reply.headers["content-encoding"] == "gzip"
    assert len(reply.body) < 30_000
    assert len(zlib.decompress(reply.body, 31)) > 20_000_000


@symptom("redirect")
def _(repository, reader, name):
    repository.misbehave(name)
    reply = reader.ask()
    assert reply.status == 301
    target = urlsplit(reply.headers["location"])
    assert target.netloc == urlsplit(repository.url).netloc
    assert reader.get(f"{target.path}?{target.query}").identifiers == identifiers(repository)[:10]


@symptom("redirect_loop")
def _(repository, reader, name):
    repository.misbehave(name)
    reply, seen = reader.ask(), set()
    for _ in range(10):
        assert reply.status == 301
        target = urlsplit(reply.headers["location"])
        seen.add(target.path)
        reply = reader.get(f"{target.path}?{target.query}")
    assert len(seen) == 10


@symptom("redirect_private")
def _(repository, reader, name):
    repository.misbehave(name, status=302)
    reply = reader.ask()
    assert (reply.status, urlsplit(reply.headers["location"]).hostname) == (302, "169.254.169.254")


@symptom("oversized")
def _(repository, reader, name):
    for verb in ("ListRecords", "ListIdentifiers"):
        repository.misbehave(name, megabytes=3, times=1)
        reply = reader.ask(verb)
        assert "content-length" not in reply.headers
        assert 2_900_000 < len(reply.body) < 3_200_000
        assert len(reply.identifiers) > 1_000


@symptom("post_refused")
def _(repository, reader, name):
    assert reader.post("verb=Identify").status == 200
    repository.misbehave(name)
    assert reader.post("verb=Identify").status == 405
    assert reader.ask("Identify").status == 200
