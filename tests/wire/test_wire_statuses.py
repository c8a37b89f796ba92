"""Zenodo answers its OAI errors under HTTP 422: the body decides what is to be done (zenodo/zenodo-rdm#640)."""

import pytest
from raw_server import always, answer

from harvester.errors import Refused, TokenExpired
from harvester.oai.repository import Repository
from harvester.wire import Patience

BODY = (
    '<?xml version="1.0"?><OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/">'
    '<responseDate>2026-03-01T12:00:00Z</responseDate><request>x</request><error code="{}">no</error></OAI-PMH>'
)


@pytest.fixture
def unprocessable(server, client):
    """A repository that answers one error code under 422, and what was asked of it."""

    def make(code: str):
        raw = server(always(answer(BODY.format(code).encode(), "422 Unprocessable Entity")))
        patience = Patience(sleep=lambda seconds: pytest.fail("nothing is to be waited for"))
        return Repository(raw.url, client(raw, patience=patience), patience), raw

    return make


def test_an_empty_result_under_422_is_an_empty_list(unprocessable):
    repository, _ = unprocessable("noRecordsMatch")
    (page,) = repository.pages(metadataPrefix="oai_dc")
    assert (page.records, page.ending) == ((), "no_records_match")


def test_a_dead_token_under_422_is_a_dead_token_and_asked_once(unprocessable):
    repository, raw = unprocessable("badResumptionToken")
    with pytest.raises(TokenExpired):
        next(repository.pages(token="t"))
    assert len(raw.requests) == 1


def test_a_bad_argument_under_422_is_refused_and_asked_once(unprocessable):
    repository, raw = unprocessable("badArgument")
    with pytest.raises(Refused) as caught:
        next(repository.pages(metadataPrefix="oai_dc"))
    assert caught.value.reason == "badArgument"
    assert len(raw.requests) == 1
