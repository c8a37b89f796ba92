"""figshare's RDF and others': nobody bears another's name or ORCID, and a small document cannot be made a large one."""

import json
import time

import pytest
from lxml import etree

from harvester.crosswalk import Context, Reading, normalise
from harvester.crosswalk.registry import crosswalk_for

NAMESPACES = (
    'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:rdfs="http://www.w3.org/2000/01/rdf-schema#"'
    ' xmlns:bibo="http://purl.org/ontology/bibo/" xmlns:vivo="http://vivoweb.org/ontology/core#"'
    ' xmlns:vcard="http://www.w3.org/2006/vcard/ns#" xmlns:foaf="http://xmlns.com/foaf/0.1/"'
    ' xmlns:obo="http://purl.obolibrary.org/obo/" xmlns:dc="http://purl.org/dc/terms/"'
)
ARTICLE = "https://figshare.com/articles/A/1234567"
WORK = f'<vivo:Dataset rdf:about="{ARTICLE}"><bibo:doi>10.6084/m9.figshare.1234567</bibo:doi><rdfs:label>A</rdfs:label></vivo:Dataset>'
ORCID = "0000-0002-1825-0097"


def rdf(inner: str) -> Reading:
    return normalise(etree.fromstring(f"<rdf:RDF {NAMESPACES}>{inner}</rdf:RDF>"))


def authorship(number: int, *, card: str = "", rank: str = "") -> str:
    author = f"https://figshare.com/authors/X/{number}"
    return (
        f'<vivo:Authorship rdf:about="{ARTICLE}-authorship-{number}"><vivo:relates><vcard:Individual rdf:about="{author}-vcard">'
        f'<vcard:hasName rdf:resource="{author}-name"/>{card}</vcard:Individual></vivo:relates>'
        f'<vivo:relates rdf:resource="{ARTICLE}"/>{rank and f"<vivo:rank>{rank}</vivo:rank>"}</vivo:Authorship>'
    )


def name(number: int, given: str, family: str) -> str:
    return (
        f'<vcard:Name rdf:about="https://figshare.com/authors/X/{number}-name"><vcard:givenName>{given}</vcard:givenName>'
        f"<vcard:familyName>{family}</vcard:familyName></vcard:Name>"
    )


def seconds(document: etree._Element) -> tuple[float, Reading]:
    begun = time.perf_counter()
    reading = normalise(document)
    return time.perf_counter() - begun, reading


def test_names_in_another_order_than_the_authorships_stay_with_their_owners() -> None:
    numbers = list(range(10001, 10031))
    names = "".join(name(number, f"Given{number}", f"Family{number}") for number in reversed(numbers))
    cards = "".join(authorship(number, rank=str(20000 - number)) for number in numbers)
    creators = rdf(names + WORK + cards).entry.creators
    assert [creator.family for creator in creators] == [f"Family{number}" for number in reversed(numbers)]
    assert all(creator.identifiers[0].value == (creator.given or "")[5:] for creator in creators)


def test_an_orcid_is_only_given_to_the_person_it_is_linked_from() -> None:
    person = f'<obo:ARG_2000029><foaf:Person><vivo:orcidId rdf:resource="http://orcid.org/{ORCID}"/></foaf:Person></obo:ARG_2000029>'
    inner = (
        authorship(10001, rank="1") + authorship(10002, card=person, rank="2") + authorship(10003, rank="3")
    )
    names = "".join(name(number, "Same", "Name") for number in (10001, 10002, 10003))
    assert [creator.orcid for creator in rdf(WORK + inner + names).entry.creators] == [None, ORCID, None]


def test_a_loose_person_with_an_orcid_is_nobodys() -> None:
    loose = f'<foaf:Person rdf:about="https://figshare.com/authors/X/10009"><vivo:orcidId rdf:resource="http://orcid.org/{ORCID}"/><rdfs:label>Loose</rdfs:label></foaf:Person>'
    reading = rdf(WORK + authorship(10001) + name(10001, "A", "B") + loose)
    assert [(creator.family, creator.orcid) for creator in reading.entry.creators] == [("B", None)]
    assert sum(reading.unread.values()) == 1  # the label


def test_given_and_family_name_are_never_taken_from_two_nodes() -> None:
    half = '<vcard:Name rdf:about="https://figshare.com/authors/X/10001-name"><vcard:{0}>{1}</vcard:{0}></vcard:Name>'
    reading = rdf(
        WORK + authorship(10001) + half.format("givenName", "Ann") + half.format("familyName", "Other")
    )
    assert reading.entry.creators == ()
    assert [problem.raw for problem in reading.entry.problems] == ["Ann", "Other", "10001"]


def test_a_person_described_in_two_places_is_one() -> None:
    person = "https://vivo.example.org/n7"
    inner = (
        f'<vivo:Authorship><vivo:relates rdf:resource="{person}"/><vivo:relates rdf:resource="{ARTICLE}"/></vivo:Authorship>'
        f'<foaf:Person rdf:about="{person}"><rdfs:label>Kerr, Fiona</rdfs:label></foaf:Person>'
        f'<rdf:Description rdf:about="{person}"><vivo:orcidId rdf:resource="https://orcid.org/{ORCID}"/></rdf:Description>'
    )
    creator = rdf(WORK + inner).entry.creators[0]
    assert (creator.name, creator.orcid) == ("Kerr, Fiona", ORCID)


@pytest.mark.parametrize(
    "root",
    [
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:dc="http://purl.org/dc/elements/1.1/">{}</rdf:RDF>',
        '<r:RDF xmlns:r="http://www.openarchives.org/OAI/2.0/rdf/" xmlns:dc="http://purl.org/dc/terms/">{}</r:RDF>',
        '<RDF xmlns="http://www.openarchives.org/OAI/2.0/" xmlns:dc="http://purl.org/dc/elements/1.1/">{}</RDF>',
        '<RDF xmlns:dc="urn:x">{}</RDF>',
    ],
)
def test_the_root_is_known_in_any_namespace(root: str) -> None:
    document = etree.fromstring(
        root.format("<Publication><dc:title>T</dc:title><dc:creator>Doe, Jane</dc:creator></Publication>")
    )
    reading = normalise(document)
    assert (reading.crosswalk, reading.entry.title, reading.entry.creators[0].family) == (
        "rdf-vivo",
        "T",
        "Doe",
    )


@pytest.mark.parametrize(
    "inner",
    [
        "",
        "<!-- nothing -->",
        '<rdf:Description rdf:about="urn:x"/>',
        '<foaf:Person rdf:about="urn:x"><rdfs:label>Somebody</rdfs:label><dc:identifier>7</dc:identifier></foaf:Person>',
        '<rdf:Description rdf:about="urn:x"><dc:description>of nothing</dc:description></rdf:Description>',
        "text",
    ],
)
def test_a_graph_without_a_work_is_left_to_the_best_effort_reader(inner: str) -> None:
    assert crosswalk_for(etree.fromstring(f"<rdf:RDF {NAMESPACES}>{inner}</rdf:RDF>")).name == "unknown"


def test_the_portals_sets_tell_the_type_and_the_categories() -> None:
    document = etree.fromstring(f"<rdf:RDF {NAMESPACES}>{WORK}</rdf:RDF>")
    entry = normalise(document, Context(("portal_5", "category_4", "item_type_9"))).entry
    assert entry.type == "Software"
    assert [(subject.scheme, subject.code) for subject in entry.subjects] == [("figshare", "4")]


@pytest.mark.measures_time
def test_thousands_of_authors_are_all_kept_in_order() -> None:
    count = 5_000  # each of three nodes and ten elements in all
    root = etree.fromstring(f"<rdf:RDF {NAMESPACES}>{WORK}</rdf:RDF>")
    inner = "".join(
        authorship(100_000 + at, rank=str(count - at)) + name(100_000 + at, "G", f"F{at}")
        for at in range(count)
    )
    root.extend(etree.fromstring(f"<rdf:RDF {NAMESPACES}>{inner}</rdf:RDF>"))
    took, reading = seconds(root)
    assert took < 8
    assert [creator.family for creator in reading.entry.creators] == [
        f"F{at}" for at in reversed(range(count))
    ]


@pytest.mark.measures_time
def test_many_references_to_one_long_name_do_not_multiply_it() -> None:
    cards = "".join(
        '<vivo:Authorship><vivo:relates><vcard:Individual><vcard:hasName rdf:nodeID="n"/></vcard:Individual></vivo:relates></vivo:Authorship>'
        for _ in range(5_000)
    )
    long = (
        '<vcard:Name rdf:nodeID="n"><vcard:familyName>' + "x" * 5_000_000 + "</vcard:familyName></vcard:Name>"
    )
    root = etree.fromstring(f"<rdf:RDF {NAMESPACES}>{WORK}{cards}</rdf:RDF>")
    root.append(etree.fromstring(f"<rdf:RDF {NAMESPACES}>{long}</rdf:RDF>")[0])
    took, reading = seconds(root)
    assert took < 8
    assert len(json.dumps(reading.entry.compact())) < 50_000_000


@pytest.mark.measures_time
def test_many_references_to_one_large_node_end_in_time() -> None:
    properties = "".join(f"<foaf:nick>n{at}</foaf:nick>" for at in range(20_000))
    cards = '<vivo:Authorship><vivo:relates rdf:nodeID="p"/></vivo:Authorship>' * 5_000
    subjects = '<dc:subject rdf:nodeID="p"/>' * 5_000
    work = WORK.replace("<rdfs:label>", subjects + "<rdfs:label>")
    took, reading = seconds(
        etree.fromstring(
            f'<rdf:RDF {NAMESPACES}>{work}{cards}<foaf:Person rdf:nodeID="p">{properties}</foaf:Person></rdf:RDF>'
        )
    )
    assert took < 8
    assert reading.entry.title == "A"


@pytest.mark.measures_time
def test_many_nodes_of_one_name_end_in_time() -> None:
    people = '<foaf:Person rdf:about="urn:p"><foaf:name>P, Q</foaf:name></foaf:Person>' * 20_000
    creators = '<dc:creator rdf:resource="urn:p"/>' * 5_000
    took, reading = seconds(
        etree.fromstring(
            f"<rdf:RDF {NAMESPACES}>{WORK.replace('<rdfs:label>', creators + '<rdfs:label>')}{people}</rdf:RDF>"
        )
    )
    assert took < 8
    assert len(reading.entry.creators) == 5_000


def test_a_work_behind_all_its_authors_is_found() -> None:
    inner = "".join(authorship(at) + name(at, "G", f"F{at}") for at in range(10_000, 15_000))
    reading = rdf(inner + WORK)
    assert reading.entry.title == "A"
    assert len(reading.entry.creators) == 5_000


def test_deep_nesting_is_no_danger() -> None:
    depth = 120
    inner = "<dc:isPartOf><rdf:Description>" * depth + "</rdf:Description></dc:isPartOf>" * depth
    assert rdf(WORK.replace("<rdfs:label>", inner + "<rdfs:label>")).entry.title == "A"
