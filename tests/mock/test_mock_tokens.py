"""resumptionTokens of the fake repository: their attributes, their life, reading one twice."""

from datetime import datetime, timedelta

import pytest

OAI = "{http://www.openarchives.org/OAI/2.0/}"


def test_a_list_in_one_page_has_no_token_element(serve):
    _, reader = serve(records=10, page_size=10)
    assert reader.ask().token is None


def test_the_last_of_several_pages_has_an_empty_token(serve):
    _, reader = serve(records=20, page_size=10)
    assert [page.token == "" for page in reader.pages()] == [False, True]


def test_cursor_and_size_count_records(serve):
    _, reader = serve()
    attributes = [page.token_attributes for page in reader.pages()]
    assert [one["cursor"] for one in attributes] == ["0", "10", "20"]
    assert {one["completeListSize"] for one in attributes} == {"25"}
    assert "expirationDate" not in attributes[-1]


def test_size_can_be_left_out(serve):
    _, reader = serve(complete_list_size=False)
    assert set(reader.ask().token_attributes) == {"expirationDate"}


def test_a_token_dies_at_its_expiration_date_and_not_before(serve, clock):
    _, reader = serve(now=clock, token_life=120)
    page = reader.ask()
    expires = datetime.fromisoformat(page.token_attributes["expirationDate"])
    assert expires - datetime.fromisoformat(page.root.findtext(f"{OAI}responseDate")) == timedelta(
        seconds=120
    )
    clock.at = expires - timedelta(seconds=1)
    following = reader.ask(resumptionToken=page.token)
    assert following.error is None
    clock.at = expires
    assert reader.ask(resumptionToken=page.token).error == "badResumptionToken"
    # The page it brought renewed the life.
    assert reader.ask(resumptionToken=following.token).error is None


def test_a_token_without_expiration_date_lives_for_ever(serve, clock):
    _, reader = serve(now=clock, token_life=None)
    page = reader.ask()
    assert "expirationDate" not in page.token_attributes
    clock.at += timedelta(days=4_000)
    assert reader.ask(resumptionToken=page.token).error is None


def test_an_offset_token_brings_the_same_page_again_and_a_scroll_the_next(serve):
    _, offset = serve(token_style="offset")
    token = offset.ask().token
    once, again = (offset.ask(resumptionToken=token).identifiers for _ in range(2))
    assert once == again

    repository, scroll = serve(token_style="scroll")
    token = scroll.ask().token
    pages = [scroll.ask(resumptionToken=token) for _ in range(2)]
    assert [page.identifiers for page in pages] == [
        [record.identifier for record in repository.store.records[start : start + 10]] for start in (10, 20)
    ]
    assert scroll.ask(resumptionToken=token).error == "noRecordsMatch"


def test_two_scrolls_do_not_move_each_other(serve):
    _, reader = serve(token_style="scroll")
    first, second = reader.ask(), reader.ask()
    assert (
        reader.ask(resumptionToken=first.token).identifiers
        == reader.ask(resumptionToken=second.token).identifiers
    )


@pytest.mark.parametrize(
    "spoil", [str.lower, lambda token: token[:-2], lambda token: token + "A", lambda token: token * 2]
)
def test_a_token_that_was_tampered_with_is_refused(serve, spoil):
    _, reader = serve()
    assert reader.ask(resumptionToken=spoil(reader.ask().token)).error == "badResumptionToken"


def test_a_token_belongs_to_its_verb(serve):
    _, reader = serve()
    assert reader.ask("ListIdentifiers", resumptionToken=reader.ask().token).error == "badResumptionToken"


def test_the_selection_travels_with_the_token(serve):
    repository, reader = serve(records=200)
    spec = "item_type_1"
    got = reader.identifiers(set=spec, from_="2016-01-01", until="2020-12-31")
    expected = [
        record.identifier
        for record in repository.store.records
        if spec in record.sets and 2016 <= record.datestamp.year <= 2020
    ]
    assert len(expected) > 10
    assert got == expected
