"""The fake repository serves one made-up article in three metadata formats, which say the same of it."""

import hashlib
from itertools import zip_longest

import pytest
from lxml import etree

from harvester.crosswalk import normalise
from harvester.crosswalk.fields import check_digits
from harvester.mock import Record
from harvester.mock.metadata import oai_dc
from harvester.mock.metadata_formats import FORMATS

OAI = "{http://www.openarchives.org/OAI/2.0/}"
RICHER = ["oai_datacite", "qdc"]
# Of one seed's first records and their first revisions, as served since the fake repository exists.
OAI_DC = "261febb948641be8b2eb8c6c263a81b31a1730a80432a802670dc131f00eb9c4"


def entry(prefix, ordinal, revision=0):
    reading = normalise(etree.fromstring(FORMATS[prefix].write(7, ordinal, revision)))
    assert (dict(reading.unread), reading.entry.problems) == ({}, ())
    return reading.entry


def served(page):
    """identifier → the metadata element of a page, canonical."""
    return {
        element.findtext(f"{OAI}header/{OAI}identifier"): canonical(element.find(f"{OAI}metadata")[0])
        for element in page.root.iter(f"{OAI}record")
        if element.find(f"{OAI}metadata") is not None
    }


def canonical(element):
    return etree.tostring(element, method="c14n", exclusive=True)


def test_the_bytes_of_oai_dc_stay_what_they_are():
    digest = hashlib.sha256()
    for ordinal in range(200):
        for revision in range(3):
            digest.update(oai_dc(0, ordinal, revision))
    assert digest.hexdigest() == OAI_DC


@pytest.mark.parametrize("prefix", RICHER)
def test_a_record_says_the_same_in_every_format(prefix):
    for ordinal in range(300):
        plain, rich = (entry(each, ordinal, ordinal % 3) for each in ("oai_dc", prefix))
        assert plain.title
        for field in ("title", "year", "issued", "doi", "url", "type", "abstract", "publisher", "languages"):
            assert getattr(rich, field) == getattr(plain, field), field
        assert [(each.name, each.given, each.family) for each in rich.creators] == [
            (each.name, each.given, each.family) for each in plain.creators
        ]
        assert [each.text for each in rich.subjects] == [each.text for each in plain.subjects]
        assert rich.licence == plain.licence


def test_the_crosswalks_are_those_of_the_formats():
    readings = {prefix: normalise(etree.fromstring(each.write(0, 0, 0))) for prefix, each in FORMATS.items()}
    assert {prefix: (each.crosswalk, each.schema) for prefix, each in readings.items()} == {
        "oai_dc": ("dc", None),
        "oai_datacite": ("oai_datacite", "4"),
        "qdc": ("qdc", None),
    }


@pytest.mark.parametrize("prefix", FORMATS)
def test_the_same_record_is_the_same_bytes_and_another_seed_or_revision_others(prefix):
    write = FORMATS[prefix].write.__wrapped__  # not what it remembers, but what it writes
    assert write(1, 2, 0) == write(1, 2, 0)
    assert len({write(1, 2, 0), write(2, 2, 0), write(1, 3, 0), write(1, 2, 1)}) == 4


def test_datacite_has_about_the_size_of_a_real_record():
    sizes = [len(FORMATS["oai_datacite"].write(0, ordinal, 0)) for ordinal in range(200)]
    assert 4_000 < sum(sizes) / len(sizes) < 5_000


def test_some_creators_have_an_orcid_and_a_ror_that_pass_their_check_digits_and_keep_them():
    agents = [agent for ordinal in range(300) for agent in entry("oai_datacite", ordinal).creators]
    own = {(agent.name, agent.orcid) for agent in agents}
    assert len(own) == len({agent.name for agent in agents}), "one person has one ORCID, or none"
    known = [orcid for _, orcid in own if orcid]
    assert 0.4 < len(known) / len(own) < 0.9
    assert len(set(known)) == len(known)
    assert all(check_digits.orcid(orcid) == orcid for orcid in known)
    assert any(orcid.endswith("X") for orcid in known)
    homes = {(each.name, each.ror) for agent in agents for each in agent.affiliations}
    assert len(homes) == len({name for name, _ in homes})
    assert {ror is None for _, ror in homes} == {True, False}
    assert all(check_digits.ror(ror.rpartition("/")[2]) for _, ror in homes if ror)


def test_the_richer_formats_say_more():
    datacite, qdc = entry("oai_datacite", 0), entry("qdc", 0)
    assert datacite.funding
    assert datacite.geo
    assert {each.type for each in datacite.relations} == {"IsVersionOf", "IsIdenticalTo"}
    assert [each.type for each in datacite.dates] == ["Issued", "Available"]
    assert qdc.files
    assert [each.type for each in qdc.dates] == ["Available", "Issued"], "one day under three names is one"


def test_list_metadata_formats_tells_all_of_them_for_the_repository_and_for_an_item(serve):
    repository, reader = serve()
    own = repository.store.records[0].identifier
    for arguments in ({}, {"identifier": own}):
        formats = list(reader.ask("ListMetadataFormats", **arguments).root.iter(f"{OAI}metadataFormat"))
        told = [tuple(child.text for child in one) for one in formats]
        assert [prefix for prefix, _, _ in told] == ["oai_dc", "oai_datacite", "qdc"]
        for prefix, schema, namespace in told:
            element = etree.fromstring(repository.store[own].metadata_as(prefix))
            assert namespace in element.nsmap.values()
            assert f"{namespace} {schema}" in element.get(f"{{{element.nsmap['xsi']}}}schemaLocation")


@pytest.mark.parametrize("style", ["offset", "scroll"])
def test_lists_in_different_formats_are_walked_side_by_side_each_in_its_own(serve, style):
    repository, reader = serve(records=25, token_style=style)
    walks = {prefix: {} for prefix in FORMATS}
    for pages in zip_longest(*(reader.pages(metadataPrefix=prefix) for prefix in FORMATS)):
        for prefix, page in zip(FORMATS, pages, strict=True):
            walks[prefix] |= served(page)
    for prefix, got in walks.items():
        assert got == {
            record.identifier: canonical(etree.fromstring(record.metadata_as(prefix)))
            for record in repository.store.records
            if not record.deleted
        }


def test_a_record_comes_in_the_format_that_was_asked_for(serve):
    repository, reader = serve()
    record = next(one for one in repository.store.records if not one.deleted)
    for prefix in FORMATS:
        reply = reader.ask("GetRecord", identifier=record.identifier, metadataPrefix=prefix)
        assert record.metadata_as(prefix) in reply.body
        assert reader.identifiers(verb="ListIdentifiers", metadataPrefix=prefix) == [
            one.identifier for one in repository.store.records
        ]


def test_a_change_shows_in_every_format(serve, clock):
    repository, reader = serve(now=clock)
    one, two = [record.identifier for record in repository.store.records if not record.deleted][:2]
    before = {prefix: served(reader.ask(metadataPrefix=prefix)) for prefix in FORMATS}
    repository.store.revise(one)
    repository.store.delete(two)
    for prefix in FORMATS:
        after = served(reader.ask(metadataPrefix=prefix))
        assert after[one] != before[prefix][one]
        assert two not in after
        assert repository.store[two].metadata_as(prefix) is None


@pytest.mark.parametrize("prefix", ["oai_datacite4", "OAI_DC", "dc", "mets"])
def test_another_format_is_refused_by_every_verb_that_takes_one(serve, prefix):
    repository, reader = serve()
    identifier = repository.store.records[0].identifier
    for verb in ("ListRecords", "ListIdentifiers"):
        assert reader.ask(verb, metadataPrefix=prefix).error == "cannotDisseminateFormat"
    reply = reader.ask("GetRecord", identifier=identifier, metadataPrefix=prefix)
    assert reply.error == "cannotDisseminateFormat"
    assert b"oai_dc, oai_datacite, qdc" in reply.body


def test_a_record_in_a_format_that_is_not_served_is_a_mistake_even_where_it_is_deleted(serve):
    repository, _ = serve(records=1)
    record: Record = repository.store.delete(repository.store.records[0].identifier)
    assert record.metadata_as("qdc") is None
    with pytest.raises(KeyError):
        record.metadata_as("mets")
