"""What oai-repo 0.5.2 gets wrong, each shown by a raw request, and what a harvest makes of it.

The code that is to blame is named; numbers in brackets are sections of the specification. No client of ours stands between
(`PeerProcess.ask`), except where a harvest is run. What it shares with pyoai is in test_peers_defects.py.
"""

import base64
from urllib.parse import parse_qs

import pytest
from held import OAI, invented
from oai_repo_repository import OaiRepoRepository, ServeOaiRepo
from sqlalchemy import Engine
from truth import Go, assert_same, catalogue

DC = {"metadataPrefix": "oai_dc"}
DAYS = "YYYY-MM-DD"
DAY = "2011-06-06"  # oai:repository.example.org:5/… and no other is of this day
LATIN = "a&b=c+d/é:%41"


def test_oai_repo_lists_a_deleted_record_as_a_live_one(oai_repo: OaiRepoRepository) -> None:
    # add_header writes no status at all (2.5.1), whatever RecordHeader.status says
    answer = oai_repo.ask("ListIdentifiers", **DC, set=LATIN)
    assert "oai:x:6" in answer.identifiers
    assert oai_repo.holds["oai:x:6"].deleted
    assert {each.get("status") for each in answer.headers} == {None}
    assert oai_repo.ask("Identify").texts("deletedRecord") == ["persistent"]


def test_oai_repo_leaves_deleted_records_out_of_the_list_and_counts_them(oai_repo: OaiRepoRepository) -> None:
    # add_records skips what has no metadata
    answers = [oai_repo.ask("ListRecords", **DC)]
    while answers[-1].token:
        answers.append(oai_repo.ask("ListRecords", resumptionToken=answers[-1].token))
    came = [identifier for answer in answers for identifier in answer.identifiers]
    assert came == [each.identifier for each in oai_repo.shown]
    sizes = {
        each.get("completeListSize")
        for answer in answers
        for each in answer.root.iter(f"{OAI}resumptionToken")
    }
    assert (len(came), sizes) == (13, {"15"})


def test_oai_repo_sends_pages_of_no_record_at_all_with_a_token() -> None:
    with OaiRepoRepository(invented()[6:8], limit=1) as repository:
        answer = repository.ask("ListRecords", **DC)
        assert (answer.error, answer.identifiers) == (None, [])
        assert answer.token
        assert repository.ask("ListRecords", resumptionToken=answer.token).identifiers == ["oai:x:7"]


def test_oai_repo_answers_for_a_deleted_record_with_nothing(oai_repo: OaiRepoRepository) -> None:
    # the schema wants one record, or idDoesNotExist
    answer = oai_repo.ask("GetRecord", **DC, identifier="oai:x:6")
    found = answer.root.find(f"{OAI}GetRecord")
    assert answer.error is None
    assert found is not None
    assert len(found) == 0


def test_oai_repo_refuses_its_own_token_where_the_set_is_not_ascii(
    serve_oai_repo: ServeOaiRepo, go: Go, engine: Engine
) -> None:
    # ResumptionToken.parse gives bytes to parse_qs, which has only lately (python/cpython#74668) more than ASCII to return
    try:
        code = None if parse_qs(b"set=%C3%A9") else "nothing parsed"
    except UnicodeError:
        code = "badResumptionToken"
    repository = serve_oai_repo(limit=2, deletions="dropped")
    first = repository.ask("ListRecords", **DC, set=LATIN)
    assert (len(first.identifiers), bool(first.token)) == (2, True)
    assert repository.ask("ListRecords", resumptionToken=str(first.token)).error == code

    report = go(repository, sets=[LATIN])
    kept = catalogue(engine).keys()
    assert kept >= set(first.identifiers), "what came is kept"
    members = {each.identifier for each in repository.shown if each.belongs(LATIN)}
    assert (report.outcome == "incomplete") == (kept != members), "the report says what the catalogue lacks"


def test_oai_repo_takes_until_for_the_first_second_of_its_day(oai_repo: OaiRepoRepository) -> None:
    # OAIRepository.valid_date; the day's end is not yet part of what the data interface is asked for (2.7.1: inclusive)
    assert oai_repo.ask("ListRecords", **DC, from_=DAY, until=DAY).error == "noRecordsMatch"
    whole = oai_repo.ask("ListRecords", **DC, from_=f"{DAY}T00:00:00Z", until=f"{DAY}T23:59:59Z")
    assert len(whole.identifiers) == 1


def test_oai_repo_of_days_does_not_find_a_record_by_its_own_datestamp() -> None:
    with OaiRepoRepository(invented(), granularity=DAYS) as repository:
        assert DAY in repository.ask("ListIdentifiers", **DC, from_=DAY).texts("datestamp")
        assert repository.ask("ListRecords", **DC, from_=DAY, until=DAY).error == "noRecordsMatch"
        assert len(repository.ask("ListRecords", **DC, from_=DAY, until="2011-06-07").identifiers) == 1


def test_oai_repo_takes_bounds_of_two_granularities(oai_repo: OaiRepoRepository) -> None:
    # badArgument is asked for (2.7.1)
    answer = oai_repo.ask("ListRecords", **DC, from_="2011-01-01", until="2012-01-01T00:00:00Z")
    assert (answer.error, len(answer.identifiers)) == (None, 3)


def test_oai_repo_does_not_repeat_the_verb_of_the_request(oai_repo: OaiRepoRepository) -> None:
    # create_request pops it; all arguments are asked for (3.2)
    assert oai_repo.ask("ListRecords", **DC, set="physics").request == DC | {"set": "physics"}
    assert oai_repo.ask("Identify").request == {}


def test_oai_repo_begins_again_for_a_token_without_a_cursor(oai_repo: OaiRepoRepository) -> None:
    token = base64.b64encode(b"metadataPrefix=oai_dc").decode()
    first = oai_repo.ask("ListRecords", **DC)
    assert oai_repo.ask("ListRecords", resumptionToken=token).identifiers == first.identifiers


def test_oai_repo_blames_the_format_for_a_token_that_is_not_its_own(oai_repo: OaiRepoRepository) -> None:
    token = base64.b64encode(b"metadataPrefix=marc&c=4").decode()
    assert oai_repo.ask("ListRecords", resumptionToken=token).error == "cannotDisseminateFormat"


def test_oai_repo_kills_tokens_when_the_list_becomes_shorter() -> None:
    with OaiRepoRepository(invented()) as repository:
        token = str(repository.ask("ListRecords", **DC).token)
        repository.remove("oai:x:14")
        assert repository.ask("ListRecords", resumptionToken=token).error == "badResumptionToken"


def test_oai_repo_lists_no_more_sets_than_fit_on_a_page() -> None:
    # the limit holds for ListSets too (DataInterface), but ListSetsResponse neither issues a token nor reads one
    with OaiRepoRepository(invented(), limit=3) as repository:
        used = {spec for each in repository.holds.values() for spec in each.sets}
        answer = repository.ask("ListSets")
        assert (len(used), len(answer.texts("setSpec")), answer.token) == (4, 3, None)
        assert repository.ask("ListSets", resumptionToken="junk").texts("setSpec") == answer.texts("setSpec")


@pytest.mark.parametrize(
    ("options", "verb", "arguments"),
    [
        (
            {"sized": False},
            "ListRecords",
            DC,
        ),  # `new_size > limit` with the None that the documentation allows
        ({"sized": False}, "ListIdentifiers", DC),
        ({"described": False}, "ListSets", {}),  # Set.description is None unless something is given
        ({"typed": True}, "Identify", {}),  # the check asks for the type of `granularity` instead
    ],
)
def test_oai_repo_fails_over_what_its_own_documentation_allows(
    options: dict[str, bool], verb: str, arguments: dict[str, str]
) -> None:
    with OaiRepoRepository(invented(), **options) as repository:
        assert repository.ask(verb, **arguments).status == 500


def test_a_deletion_that_oai_repo_does_not_tell_leaves_the_record_as_it_was(
    serve_oai_repo: ServeOaiRepo, go: Go, engine: Engine
) -> None:
    repository = serve_oai_repo(limit=4, deletions="told")
    go(repository)
    before = list(repository.shown)
    repository.revise("oai:x:1", None)
    assert go(repository).streams[0].counts.deleted == 0
    assert_same(engine, before)
