"""The fake repository keeps the rules of OAI-PMH 2.0 when nothing is wrong."""

import gzip
from datetime import timedelta

import pytest
from lxml import etree

from harvester.mock.metadata import DC, OAI_DC
from harvester.mock.render import moment

OAI = "{http://www.openarchives.org/OAI/2.0/}"


def stamp(record, **shift):
    return moment(record.datestamp + timedelta(**shift))


def held(repository, keep=lambda record: True):
    return [record.identifier for record in repository.store.records if keep(record)]


@pytest.mark.parametrize("style", ["offset", "scroll"])
@pytest.mark.parametrize("records", [1, 9, 10, 11, 100])
def test_a_full_walk_brings_every_record_once_with_its_bytes(serve, style, records):
    repository, reader = serve(records=records, token_style=style)
    got = {}
    for page in reader.pages():
        for element in page.root.iter(f"{OAI}record"):
            header = element.find(f"{OAI}header")
            metadata = element.find(f"{OAI}metadata")
            sets = tuple(spec.text for spec in header.iter(f"{OAI}setSpec"))
            stated = (header.findtext(f"{OAI}datestamp"), sets, header.get("status") == "deleted")
            canonical = (
                None if metadata is None else etree.tostring(metadata[0], method="c14n", exclusive=True)
            )
            got[header.findtext(f"{OAI}identifier")] = (*stated, canonical)
    expected = {}
    for record in repository.store.records:
        canonical = record.metadata and etree.tostring(
            etree.fromstring(record.metadata), method="c14n", exclusive=True
        )
        expected[record.identifier] = (moment(record.datestamp), record.sets, record.deleted, canonical)
    assert got == expected
    assert sum(access.records for access in repository.log) == records


def test_the_store_is_the_same_for_the_same_seed_and_differs_for_another(serve):
    one, other, third = (serve(records=60, seed=seed)[0].store.records for seed in (7, 7, 8))
    assert one == other
    assert [record.metadata for record in one] == [record.metadata for record in other]
    assert not {record.metadata for record in one if record.metadata} & {record.metadata for record in third}


def test_records_look_like_real_ones(serve):
    repository, _ = serve(records=400)
    records = repository.store.records
    bodies = [record.metadata for record in records if record.metadata]
    assert len(set(bodies)) == len(bodies)
    assert 2_000 < sum(map(len, bodies)) / len(bodies) < 3_000
    assert 0.01 < sum(record.deleted for record in records) / len(records) < 0.06
    assert len({record.datestamp.year for record in records}) > 8
    assert any(b"&amp;" in body for body in bodies)
    assert any(b"&lt;" in body for body in bodies)


def test_every_page_is_shaped_as_the_schema_says(serve):
    _, reader = serve(records=40)
    for verb in ("ListRecords", "ListIdentifiers"):
        for page in reader.pages(verb):
            assert [child.tag for child in page.root] == [
                f"{OAI}responseDate",
                f"{OAI}request",
                f"{OAI}{verb}",
            ]
            for element in page.root.iter(f"{OAI}record"):
                deleted = element[0].get("status") == "deleted"
                assert [child.tag for child in element] == [f"{OAI}header"] + [f"{OAI}metadata"] * (
                    not deleted
                )
                for value in element.iterfind(f"{OAI}metadata/{{{OAI_DC}}}dc/*"):
                    assert etree.QName(value).namespace == DC
            for header in page.headers_of_records:
                assert [etree.QName(child).localname for child in header][:2] == ["identifier", "datestamp"]


def test_list_identifiers_lists_the_same_headers(serve):
    repository, reader = serve()
    assert reader.identifiers(verb="ListIdentifiers") == held(repository)


def test_a_set_brings_its_own_records_and_those_of_the_sets_beneath_it(serve):
    repository, reader = serve(records=150)
    specs = repository.store.sets()
    assert any(":" in spec for spec in specs)
    for spec in specs:
        got = reader.identifiers(set=spec)
        assert got == held(repository, lambda record, spec=spec: record.belongs(spec))
        assert got
    listed = [element.text for element in reader.ask("ListSets").root.iter(f"{OAI}setSpec")]
    assert listed == specs


def test_both_bounds_are_inclusive_to_the_second(serve):
    repository, reader = serve(records=60)
    for record in repository.store.records[:20]:
        at = stamp(record)
        assert record.identifier in reader.identifiers(from_=at, until=at)
        assert record.identifier in reader.identifiers(from_=at)
        assert record.identifier in reader.identifiers(until=at)
        assert record.identifier not in reader.identifiers(from_=stamp(record, seconds=1))
        assert record.identifier not in reader.identifiers(until=stamp(record, seconds=-1))


def test_a_day_takes_in_its_last_second(serve, clock):
    repository, reader = serve(records=0, now=clock)
    clock.at = clock.at.replace(hour=23, minute=59, second=59)
    repository.store.add(3)
    assert len(reader.identifiers(from_="2025-05-05", until="2025-05-05")) == 3
    assert reader.ask(from_="2025-05-06").error == "noRecordsMatch"


def test_a_repository_by_day_stamps_by_day_and_refuses_seconds(serve):
    repository, reader = serve(granularity="days")
    assert reader.ask("Identify").root.findtext(f".//{OAI}granularity") == "YYYY-MM-DD"
    first = repository.store.records[0]
    day = first.datestamp.date().isoformat()
    assert f"<datestamp>{day}</datestamp>".encode() in reader.ask(from_=day, until=day).body
    assert reader.ask(from_=stamp(first)).error == "badArgument"


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("", "badVerb"),
        ("verb=", "badVerb"),
        ("verb=Nonsense", "badVerb"),
        ("verb=Identify&verb=Identify", "badVerb"),
        ("verb=Identify&set=a", "badArgument"),
        ("verb=ListRecords", "badArgument"),
        ("verb=ListRecords&metadataPrefix=oai_dc&metadataPrefix=oai_dc", "badArgument"),
        ("verb=ListRecords&metadataPrefix=oai_dc&junk=1", "badArgument"),
        ("verb=ListRecords&metadataPrefix=oai_dc&set=", "badArgument"),
        ("verb=ListRecords&metadataPrefix=oai_dc&from=2020-01-01&until=2020-01-01T00:00:00Z", "badArgument"),
        ("verb=ListRecords&metadataPrefix=oai_dc&from=2020-01-02&until=2020-01-01", "badArgument"),
        ("verb=ListRecords&metadataPrefix=oai_dc&from=2020-13-01", "badArgument"),
        ("verb=ListRecords&metadataPrefix=oai_dc&from=2020-01-01T00:00:00.5Z", "badArgument"),
        ("verb=ListRecords&metadataPrefix=oai_dc&from=yesterday", "badArgument"),
        ("verb=ListRecords&metadataPrefix=%22%3C%00", "badArgument"),
        ("verb=ListRecords&metadataPrefix=oai_dc&set=a%20b", "badArgument"),
        ("verb=ListRecords&metadataPrefix=marc", "cannotDisseminateFormat"),
        ("verb=ListRecords&metadataPrefix=oai_dc&set=none", "noRecordsMatch"),
        ("verb=ListRecords&metadataPrefix=oai_dc&from=2199-01-01", "noRecordsMatch"),
        ("verb=ListRecords&metadataPrefix=oai_dc&until=1999-01-01", "noRecordsMatch"),
        ("verb=ListRecords&resumptionToken=junk", "badResumptionToken"),
        ("verb=ListRecords&resumptionToken=%C3%A9%00", "badResumptionToken"),
        ("verb=ListRecords&resumptionToken=", "badResumptionToken"),
        ("verb=ListRecords&resumptionToken=junk&metadataPrefix=oai_dc", "badArgument"),
        ("verb=ListSets&resumptionToken=junk", "badResumptionToken"),
        ("verb=GetRecord&metadataPrefix=oai_dc", "badArgument"),
        ("verb=GetRecord&metadataPrefix=oai_dc&identifier=%22%01", "idDoesNotExist"),
        ("verb=ListMetadataFormats&identifier=nothing", "idDoesNotExist"),
    ],
)
def test_a_wrong_request_gets_the_code_of_the_specification(serve, query, code):
    _, reader = serve()
    for reply in (reader.get(f"/oai?{query}"), reader.post(query)):
        assert (reply.status, reply.error) == (200, code)
        echoed = reply.root.find(f"{OAI}request").attrib
        assert bool(echoed) == (code not in {"badVerb", "badArgument"})


def test_a_repository_without_sets_says_so(serve):
    _, reader = serve(with_sets=False)
    assert reader.ask("ListSets").error == "noSetHierarchy"
    assert reader.ask(set="portal_1").error == "noSetHierarchy"
    assert not list(reader.ask().root.iter(f"{OAI}setSpec"))


def test_get_record_and_the_formats_of_an_item(serve):
    repository, reader = serve()
    record = repository.store.records[0]
    reply = reader.ask("GetRecord", identifier=record.identifier, metadataPrefix="oai_dc")
    assert reply.identifiers == [record.identifier]
    assert record.metadata in reply.body
    assert (
        reader.ask("GetRecord", identifier=record.identifier, metadataPrefix="x").error
        == "cannotDisseminateFormat"
    )
    formats = reader.ask("ListMetadataFormats", identifier=record.identifier).root
    assert formats.findtext(f".//{OAI}metadataNamespace") == OAI_DC


def test_post_brings_the_same_list_as_get(serve):
    _, reader = serve()
    assert reader.post("verb=ListRecords&metadataPrefix=oai_dc").identifiers == reader.ask().identifiers


def test_gzip_comes_when_it_is_asked_for(serve, clock):
    _, reader = serve(now=clock)
    plain = reader.ask()
    packed = reader.ask(headers={"Accept-Encoding": "gzip, deflate"})
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body


def test_a_change_moves_the_datestamp_to_now_and_shows_in_the_list(serve, clock):
    repository, reader = serve(now=clock)
    live = [record for record in repository.store.records if not record.deleted]
    clock.at += timedelta(hours=1)
    revised = repository.store.revise(live[0].identifier)
    deleted = repository.store.delete(live[1].identifier)
    moved = repository.store.move(live[2].identifier, ["portal_99"])
    (added,) = repository.store.add()
    page = reader.ask(from_=moment(clock.at))
    assert page.identifiers == [revised.identifier, deleted.identifier, moved.identifier, added]
    assert revised.metadata in page.body
    assert revised.metadata != live[0].metadata
    assert [header.get("status") for header in page.headers_of_records] == [None, "deleted", None, None]
    assert reader.identifiers(set="portal_99") == [moved.identifier]
    clock.at += timedelta(hours=1)
    assert repository.store.undelete(live[1].identifier).metadata == live[1].metadata
    assert reader.identifiers(from_=moment(clock.at)) == [live[1].identifier]


def test_a_set_with_a_strange_name_can_be_asked_for_when_it_is_in_use(serve):
    repository, reader = serve()
    first = repository.store.move(repository.store.records[0].identifier, ["a b/ü&c"])
    assert reader.identifiers(set="a b/ü&c") == [first.identifier]


def test_a_quiet_move_leaves_the_datestamp_and_a_vanished_record_leaves_nothing(serve, clock):
    repository, reader = serve(now=clock)
    first, second = repository.store.records[:2]
    assert repository.store.move(first.identifier, ["x"], quietly=True).datestamp == first.datestamp
    repository.store.vanish(second.identifier)
    assert second.identifier not in reader.identifiers()
    reply = reader.ask("GetRecord", identifier=second.identifier, metadataPrefix="oai_dc")
    assert reply.error == "idDoesNotExist"
    with pytest.raises(KeyError):
        repository.store.delete(second.identifier)


def test_restamping_puts_all_records_into_one_granule(serve, clock):
    repository, reader = serve(now=clock)
    repository.store.restamp()
    at = moment(clock.at)
    assert reader.identifiers(from_=at, until=at) == held(repository)


@pytest.mark.parametrize(("policy", "told"), [("persistent", True), ("transient", True), ("no", False)])
def test_deletions_are_told_as_identify_promises(serve, clock, policy, told):
    repository, reader = serve(deleted_record=policy, now=clock)
    gone = next(record for record in repository.store.records if not record.deleted).identifier
    repository.store.delete(gone)
    assert reader.ask("Identify").root.findtext(f".//{OAI}deletedRecord") == policy
    assert (gone in reader.identifiers()) is told
    clock.at += timedelta(days=32)
    assert (gone in reader.identifiers()) is (policy == "persistent")
    reply = reader.ask("GetRecord", identifier=gone, metadataPrefix="oai_dc")
    assert reply.error == (None if policy == "persistent" else "idDoesNotExist")


def test_changes_while_a_list_is_walked_neither_skip_nor_repeat_a_neighbour(serve, clock):
    repository, reader = serve(records=50, now=clock)
    until = moment(clock.at)
    clock.at += timedelta(seconds=10)
    got, before = [], held(repository)
    for number, page in enumerate(reader.pages(until=until)):
        got += page.identifiers
        if number == 1:
            # Leaves the list, because its datestamp is later than the bound now.
            repository.store.revise(next(one for one in before if not repository.store[one].deleted))
            repository.store.vanish(before[15])
            repository.store.add()
    assert got == before
