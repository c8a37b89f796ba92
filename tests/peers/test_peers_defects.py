"""What pyoai 2.5.0 gets wrong, alone or together with oai-repo 0.5.2, each shown by a raw request.

The code that is to blame is named; numbers in brackets are sections of the specification. No client of ours stands between
(`PeerProcess.ask`), except where a harvest is run. oai-repo's own are in test_peers_oai_repo_defects.py.
"""

from collections.abc import Callable

import pytest
from held import OAI, Held, dublin_core, invented, now
from lxml import etree
from oai_repo_repository import OaiRepoRepository, ServeOaiRepo
from peer_process import PeerProcess
from pyoai_repository import PyoaiRepository, Serve
from sqlalchemy import Engine
from truth import Go, catalogue

from harvester.harvest.plans import Wish
from harvester.harvest.progress import PageEvent

Start = Callable[[], PeerProcess]
DC = {"metadataPrefix": "oai_dc"}
DAYS = "YYYY-MM-DD"
DAY = "2011-06-06"


@pytest.fixture(params=["pyoai", "oai-repo"])
def either(
    request: pytest.FixtureRequest, pyoai: PyoaiRepository, oai_repo: OaiRepoRepository
) -> PeerProcess:
    """What both get wrong."""
    return pyoai if request.param == "pyoai" else oai_repo


@pytest.fixture(params=["pyoai", "oai-repo"])
def start(request: pytest.FixtureRequest, serve: Serve, serve_oai_repo: ServeOaiRepo) -> Start:
    """Start either, for a test that changes it."""
    if request.param == "pyoai":
        return lambda: serve(batch=4)
    return lambda: serve_oai_repo(limit=4, deletions="dropped")


# Both


def test_both_say_that_nothing_matches_where_from_is_later_than_until(either: PeerProcess) -> None:
    # badArgument is asked for (2.7.1)
    answer = either.ask("ListRecords", **DC, from_="2012-01-01", until="2011-01-01")
    assert answer.error == "noRecordsMatch"


def test_both_take_dates_of_no_legal_form(either: PeerProcess) -> None:
    # strptime, and int() of what stands between the hyphens
    answer = either.ask("ListRecords", **DC, from_="2011-6-6", until="2011-6-7")
    assert (answer.error, len(answer.identifiers)) == (None, 1)


def test_both_take_a_token_of_one_verb_with_another(either: PeerProcess) -> None:
    token = either.ask("ListIdentifiers", **DC).token
    assert either.ask("ListRecords", resumptionToken=str(token)).error is None


def test_both_fail_over_a_control_character_in_an_argument(either: PeerProcess) -> None:
    # it is written back into <request>, which lxml refuses; badArgument is asked for (3.6)
    assert either.ask("ListRecords", **DC, set="a\x01b").status == 500


@pytest.mark.parametrize("peer", [PyoaiRepository, OaiRepoRepository])
def test_both_put_metadata_of_no_namespace_into_that_of_the_protocol(peer: type[PeerProcess]) -> None:
    # lxml writes no xmlns="" for an element without a namespace below a default one
    with peer([Held("oai:x:1", "2020-01-01T00:00:00Z", (), "<thing><part/></thing>")]) as repository:
        metadata = next(repository.ask("ListRecords", **DC).root.iter(f"{OAI}metadata"))
    assert [etree.QName(each).namespace for each in metadata.iter(etree.Element)] == [OAI[1:-1]] * 3


def test_both_skip_a_record_where_one_before_it_went_away(start: Start, go: Go, engine: Engine) -> None:
    """A cursor counts records: one moves across it unseen, and since another is new, the number of them tells nothing."""
    repository = start()
    new = Held("oai:x:new", now(), (), dublin_core("<dc:title>New</dc:title>"))

    def shift(event: PageEvent) -> None:
        if event.run.pages == 1:
            repository.remove("oai:x:1")
            repository.put(new)

    go(repository, hear=shift)
    assert {each.identifier for each in repository.shown} - catalogue(engine).keys() == {"oai:x:4"}
    go(repository)  # what is new does not bring back what was skipped
    assert "oai:x:4" not in catalogue(engine)
    go(repository, wish=Wish(full=True))
    assert catalogue(engine).keys() >= {each.identifier for each in repository.shown}


# pyoai


def test_pyoai_of_days_takes_seconds_and_writes_seconds() -> None:
    # badArgument is asked for (2.7.1), and datestamps of the granularity that Identify tells
    with PyoaiRepository(invented(), granularity=DAYS) as repository:
        answer = repository.ask("ListRecords", **DC, from_="2013-01-01T00:00:00Z")
        assert answer.error is None
        assert answer.texts("datestamp")[0].endswith("T23:59:12Z")


def test_pyoai_repeats_other_dates_than_it_was_asked(pyoai: PyoaiRepository) -> None:
    request = pyoai.ask("ListRecords", **DC, from_=DAY, until=DAY).request
    assert (request["from"], request["until"]) == (f"{DAY}T00:00:00Z", f"{DAY}T23:59:59Z")


def test_pyoai_goes_on_beyond_the_end_of_a_list_that_became_shorter() -> None:
    # an empty <ListRecords/>, which the schema forbids; badResumptionToken is asked for (3.5)
    with PyoaiRepository(invented()) as repository:
        token = str(repository.ask("ListRecords", **DC).token)
        repository.remove(*list(repository.holds)[3:])
        answer = repository.ask("ListRecords", resumptionToken=token)
        assert (answer.error, answer.identifiers, answer.token) == (None, [], None)


def test_pyoai_says_of_sets_that_no_record_matches() -> None:
    # ListSets has noSetHierarchy for it (4.6)
    with PyoaiRepository([Held("oai:x:1", "2020-01-01T00:00:00Z", (), dublin_core())]) as repository:
        assert repository.ask("ListSets").error == "noRecordsMatch"


def test_pyoai_fails_over_a_verb_of_its_own_and_over_half_a_token(pyoai: PyoaiRepository) -> None:
    assert pyoai.ask("GetMetadata", **DC, identifier="oai:x:1").status == 500  # badVerb is asked for (3.6)
    assert pyoai.ask("ListRecords", resumptionToken="cursor%3D3").status == 500


def test_pyoai_pairs_a_schema_with_the_wrong_namespace(pyoai: PyoaiRepository) -> None:
    # oai_dc_writer: the schema of oai_dc stands beside the namespace of Dublin Core's elements
    element = next(pyoai.ask("ListRecords", metadataPrefix="pyoai_dc").root.iter(f"{OAI}metadata"))[0]
    location = element.get("{http://www.w3.org/2001/XMLSchema-instance}schemaLocation")
    assert location == "http://purl.org/dc/elements/1.1/ http://www.openarchives.org/OAI/2.0/oai_dc.xsd"


def test_pyoai_ends_a_list_of_several_pages_without_a_token(pyoai: PyoaiRepository) -> None:
    # an empty one is asked for (3.5), and no page tells how many there are
    answer = pyoai.ask("ListRecords", **DC)
    while answer.token:
        assert not next(answer.root.iter(f"{OAI}resumptionToken")).attrib
        answer = pyoai.ask("ListRecords", resumptionToken=answer.token)
    assert answer.token is None
