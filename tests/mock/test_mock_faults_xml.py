"""Faults of XML and of text show on the wire."""

import random
import re
from itertools import product

import pytest
from lxml import etree

from harvester.mock.faults import text
from harvester.mock.metadata_formats import FORMATS

OAI = "{http://www.openarchives.org/OAI/2.0/}"

SYMPTOMS = {}


def symptom(*names):
    """Register what must be seen on the wire when the fault of this name is armed."""

    def register(check):
        SYMPTOMS.update(dict.fromkeys(names, check))
        return check

    return register


CASES = sorted({*product(text.FAULTS, FORMATS)} - {("figshare_dialect", "oai_datacite")})


@pytest.mark.parametrize(("name", "prefix"), CASES)
def test_the_fault_shows_on_the_wire_and_in_the_log_and_ends(check_fault, name, prefix):
    check_fault(name, SYMPTOMS[name], prefix)


def test_a_dialect_of_dublin_core_leaves_other_metadata_alone_and_the_log_does_not_name_it(serve, clock):
    repository, reader = serve(now=clock)
    plain = reader.ask(metadataPrefix="oai_datacite").body
    repository.misbehave("figshare_dialect")
    assert reader.ask(metadataPrefix="oai_datacite").body == plain
    assert [access.fault for access in repository.log] == [None, None]


def broken(body):
    with pytest.raises(etree.XMLSyntaxError):
        etree.fromstring(body, etree.XMLParser(resolve_entities=False))
    return True


@symptom("cut_page")
def _(repository, reader, name):
    repository.misbehave(name)
    reply = reader.ask()
    assert int(reply.headers["content-length"]) == len(reply.body)
    assert broken(reply.body)


@symptom(
    "control_characters",
    "nul",
    "lone_surrogate_reference",
    "invalid_utf8",
    "bare_ampersand",
    "stray_html_entity",
)
def _(repository, reader, name):
    marks = {
        "control_characters": b"\x1a\x03\x0b",
        "nul": b"\x00",
        "lone_surrogate_reference": b"&#55349;",
        "invalid_utf8": b"caf\xe9",
        "bare_ampersand": b" R&D & more",
        "stray_html_entity": b" caf&eacute;&nbsp;2",
    }
    repository.misbehave(name, record=2)
    reply = reader.ask()
    assert broken(reply.body)
    records = re.findall(rb"<record>.*?</record>", reply.body, re.DOTALL)
    spoiled = [number for number, record in enumerate(records) if marks[name] in record]
    assert len(spoiled) == 1
    assert spoiled[0] >= 2


@symptom("broken_record", "huge_record", "deep_record")
def _(repository, reader, name):
    huge = random.Random(0).randbytes(5_500_000).hex().encode()
    marks = {"broken_record": b"<b><i></b></i>", "huge_record": huge, "deep_record": b"<x>" * 300}
    plain = records_of(reader.ask())
    repository.misbehave(name, record=2, times=1)
    reply = reader.ask()
    assert broken(reply.body)
    assert spoiled_by(marks[name], reply) == [next(at for at in range(2, 10) if b"<metadata>" in plain[at])]
    others = [record for record in records_of(reply) if marks[name] not in record]
    assert len(set(others) & set(plain)) == 9
    identifier = next(one.identifier for one in repository.store.records[5:] if one.metadata is not None)
    repository.misbehave(name, identifier=identifier)
    reply = reader.ask()
    (at,) = spoiled_by(marks[name], reply)
    assert identifier.encode() in records_of(reply)[at]
    asked = {"identifier": identifier, "metadataPrefix": reader.prefix}
    assert spoiled_by(marks[name], reader.ask("GetRecord", **asked)) == [0]


def test_a_fault_of_a_named_record_waits_for_the_page_that_holds_it(serve):
    repository, reader = serve(records=25)
    identifier = next(one.identifier for one in repository.store.records[12:] if one.metadata is not None)
    repository.misbehave("broken_record", identifier=identifier)
    assert len(reader.ask().identifiers) == 10
    token = reader.ask().token
    assert broken(reader.ask(resumptionToken=token).body)
    assert [access.fault for access in repository.log] == [None, None, "broken_record"]


def records_of(reply):
    return re.findall(rb"<record>.*?</record>", reply.body, re.DOTALL)


def spoiled_by(mark, reply):
    return [number for number, record in enumerate(records_of(reply)) if mark in record]


@symptom("bom")
def _(repository, reader, name):
    repository.misbehave(name)
    assert reader.ask().body.startswith(b"\xef\xbb\xbf<?xml")


@symptom("leading_junk", "trailing_garbage")
def _(repository, reader, name):
    repository.misbehave(name)
    body = reader.ask().body
    assert broken(body)
    start, end = body.index(b"<?xml"), body.index(b"</OAI-PMH>") + len("</OAI-PMH>")
    assert len(etree.fromstring(body[start:end]).findall(f".//{OAI}record")) == 10


@symptom("doctype")
def _(repository, reader, name):
    repository.misbehave(name)
    body = reader.ask().body
    assert b'<!DOCTYPE OAI-PMH [<!ENTITY x SYSTEM "file:///' in body
    assert len(reader.ask().identifiers) == 10


@symptom("entity_bomb")
def _(repository, reader, name):
    repository.misbehave(name)
    body = reader.ask().body
    assert body.count(b"<!ENTITY lol") == 10
    with pytest.raises(etree.XMLSyntaxError):
        etree.fromstring(body, etree.XMLParser(resolve_entities=True, no_network=True, huge_tree=False))


@symptom("root_namespaces")
def _(repository, reader, name):
    plain = [etree.tostring(one, method="c14n") for one in reader.ask().root.iter(f"{OAI}metadata")]
    prefixes = set(re.findall(rb"xmlns:\w+=", b"".join(plain)))
    repository.misbehave(name)
    reply = reader.ask()
    for declared in prefixes:
        assert reply.body.count(declared) == 1
        assert reply.body.index(declared) < reply.body.index(b"<responseDate>")
    tags = [[child.tag for child in one.iter()] for one in reply.root.iter(f"{OAI}metadata")]
    assert tags == [[child.tag for child in etree.fromstring(one).iter()] for one in plain]


@symptom("empty_metadata")
def _(repository, reader, name):
    repository.misbehave(name)
    root = reader.ask().root
    empty = [one for one in root.iter(f"{OAI}metadata") if len(one) == 0]
    assert len(empty) == 1
    assert empty[0].getparent()[0].get("status") is None


@symptom("missing_datestamp", "no_identifier")
def _(repository, reader, name):
    repository.misbehave(name)
    missing = "datestamp" if name == "missing_datestamp" else "identifier"
    headers = reader.ask().headers_of_records
    assert [header.find(f"{OAI}{missing}") is None for header in headers] == [True] + [False] * 9


@symptom("fractional_datestamps")
def _(repository, reader, name):
    repository.misbehave(name)
    stamps = [header.findtext(f"{OAI}datestamp") for header in reader.ask().headers_of_records]
    assert all(re.fullmatch(r".{19}\.067Z", stamp) for stamp in stamps)


@symptom("figshare_dialect")
def _(repository, reader, name):
    repository.misbehave(name)
    root = reader.ask().root
    terms = "{http://purl.org/dc/terms/}"
    creators = [one.text for one in root.iter(f"{terms}creator")]
    assert creators
    assert all(re.fullmatch(r".+ \(\d{6}\)", creator) for creator in creators)
    assert all(one.text.startswith("<div><p>") for one in root.iter(f"{terms}description"))


@symptom("wrong_root")
def _(repository, reader, name):
    repository.misbehave(name)
    assert reader.ask().root.tag == "response"
