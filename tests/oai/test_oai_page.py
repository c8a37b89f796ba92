"""A tree to a page: errors, endings, tokens, and what is kept although it is broken."""

from datetime import UTC, datetime, timedelta

import pytest
from oai_pages import NOW, OAI_NS, answer, dc, error, header, page, record

from harvester.errors import Refused, RepositoryError, Retriable, TokenExpired
from harvester.oai.page import LONGEST_LIFE, read_page
from harvester.oai.parsing import strict
from harvester.oai.records import Page

DATE = datetime(2024, 5, 31, 12, 0, 0, tzinfo=UTC)


def read(body: bytes, verb: str = "ListRecords", **more: datetime) -> Page:
    return read_page(strict(body), verb, more.pop("received", NOW), **more)


def with_token(attributes: str, text: str = "t", **more: str) -> Page:
    element = f"<resumptionToken {attributes}>{text}</resumptionToken>"
    return read(answer(f"<ListRecords>{record()}{element}</ListRecords>", **more))


@pytest.mark.parametrize(
    ("code", "kind", "reason"),
    [
        ("badArgument", Refused, "badArgument"),
        ("badVerb", Refused, "badVerb"),
        ("cannotDisseminateFormat", Refused, "cannotDisseminateFormat"),
        ("idDoesNotExist", Refused, "idDoesNotExist"),
        ("noMetadataFormats", Refused, "noMetadataFormats"),
        ("noSetHierarchy", Refused, "noSetHierarchy"),
        ("badResumptionToken", TokenExpired, "badResumptionToken"),
        ("badresumptiontoken", TokenExpired, "badResumptionToken"),
        (" badResumptionToken ", TokenExpired, "badResumptionToken"),
        ("InternalException", Retriable, "oai_error"),
        ("", Retriable, "oai_error"),
    ],
)
def test_each_error_code_is_of_the_class_that_says_what_to_do(
    code: str, kind: type[RepositoryError], reason: str
) -> None:
    with pytest.raises(kind) as caught:
        read(answer(error(code, "Read   timed\nout")))
    assert type(caught.value) is kind
    assert caught.value.reason == reason
    assert '"Read timed out"' in str(caught.value)


def test_an_error_without_a_code_or_a_message_is_retried() -> None:
    with pytest.raises(Retriable, match="no code"):
        read(answer("<error/>"))


@pytest.mark.parametrize(
    ("codes", "kind"),
    [
        (["noRecordsMatch", "badArgument"], Refused),
        (["badResumptionToken", "badArgument"], Refused),
        (["InternalException", "badResumptionToken"], TokenExpired),
        (["noRecordsMatch", "InternalException"], Retriable),
    ],
)
def test_of_several_errors_the_most_severe_counts(codes: list[str], kind: type[RepositoryError]) -> None:
    for order in (codes, codes[::-1]):
        with pytest.raises(kind):
            read(answer("".join(map(error, order))))


@pytest.mark.parametrize("code", ["noRecordsMatch", "NoRecordsMatch"])
def test_no_records_match_is_an_empty_page_that_ended(code: str) -> None:
    empty = read(answer(error(code)))
    assert (empty.records, empty.token, empty.ending) == ((), None, "no_records_match")
    assert empty.response_date == DATE


def test_an_error_inside_the_list_is_not_the_end_of_it() -> None:
    body = answer(f"<ListRecords>{record()}{error('InternalException')}</ListRecords>")
    with pytest.raises(Retriable) as caught:
        read(body)
    assert caught.value.reason == "oai_error"


@pytest.mark.parametrize("inside", ["", "<ListIdentifiers/>", "<Identify/>", "<listRecords/>"])
def test_an_answer_without_the_list_is_not_an_empty_list(inside: str) -> None:
    with pytest.raises(Retriable) as caught:
        read(answer(inside))
    assert caught.value.reason == "no_list"


@pytest.mark.parametrize(
    ("body", "ending"),
    [
        (page(record()), "no_token"),
        (page(), "no_token"),
        (page(record(), token=""), "empty_token"),
        (page(record(), token=" \n\t "), "empty_token"),
        (page(record(), token="\u00a0"), "empty_token"),
        (page(record(), token="<!-- end -->"), "empty_token"),
        (page(record()).replace(b"</ListRecords>", b"<resumptionToken/></ListRecords>"), "empty_token"),
    ],
)
def test_how_a_list_ended_is_kept(body: bytes, ending: str) -> None:
    last = read(body)
    assert last.token is None
    assert last.ending == ending


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("a", "a"),
        ("\n   a b  c\n  ", "a b  c"),
        ("a+b/c=&amp;%2B&quot;", 'a+b/c=&%2B"'),
        ("<![CDATA[a&b<c>]]>", "a&b<c>"),
        ("a<!-- not of it -->b", "ab"),
        ("\u00a0x\u2003", "\u00a0x\u2003"),
        ("\U0001d400", "\U0001d400"),
    ],
)
def test_a_token_is_taken_as_it_stands(written: str, text: str) -> None:
    going_on = read(page(record(), token=written))
    assert going_on.token is not None
    assert going_on.token.text == text
    assert going_on.ending is None


def test_a_token_beside_the_list_or_behind_an_empty_one_still_leads_on() -> None:
    beside = page(record()).replace(b"</OAI-PMH>", b"<resumptionToken>t</resumptionToken></OAI-PMH>")
    second = page(record(), token="").replace(
        b"</ListRecords>", b"<resumptionToken>t</resumptionToken></ListRecords>"
    )
    for body in (beside, second):
        token = read(body).token
        assert token is not None
        assert token.text == "t"


@pytest.mark.parametrize(
    ("attributes", "life"),
    [
        ("", None),
        ('expirationDate=""', None),
        ('expirationDate="soon"', None),
        ('expirationDate="2024-05-31T13:00:00Z"', timedelta(hours=1)),
        ('expirationDate="2024-05-31T12:02:00.5Z"', timedelta(minutes=2)),
        ('expirationDate="2024-05-31T15:00:00+02:00"', timedelta(hours=1)),
        ('expirationDate="2024-06-01"', timedelta(hours=12)),
        ('expirationDate="2024-05-31T12:00:02Z"', timedelta(seconds=2)),
        ('expirationDate="2024-05-31T12:00:01Z"', None),
        ('expirationDate="2024-05-31T11:00:00Z"', None),
        ('expirationDate="0001-01-01T00:00:00Z"', None),
        ('expirationDate="9999-12-31T23:59:59Z"', LONGEST_LIFE),
    ],
)
def test_the_life_of_a_token_is_the_difference_of_the_servers_two_stamps(
    attributes: str, life: timedelta | None
) -> None:
    token = with_token(attributes).token
    assert token is not None
    assert token.life == life
    assert token.expires_at == (None if life is None else NOW + life)
    assert token.spend_by == (None if life is None else NOW + 0.75 * life)


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("0", 0),
        (" 250 ", 250),
        ("-1", None),
        ("", None),
        ("many", None),
        ("1e9", None),
        ("1.5", None),
        ("9" * 15, 10**15 - 1),
        ("9" * 16, None),
        ("9" * 5000, None),
        ("\u0663", None),
        ("0x10", None),
    ],
)
def test_sizes_and_cursors_that_are_no_numbers_are_none(written: str, number: int | None) -> None:
    going_on = with_token(f'completeListSize="{written}" cursor="{written}"')
    assert going_on.token is not None
    assert going_on.token.complete_list_size == going_on.complete_list_size == number
    assert going_on.token.cursor == number


def test_the_size_comes_with_the_empty_token_of_the_last_page_too() -> None:
    assert with_token('completeListSize="42"', text="").complete_list_size == 42


@pytest.mark.parametrize(
    ("written", "server", "expected"),
    [
        ("2024-05-31T12:00:00Z", None, DATE),
        ("2024-05-31T12:00:00Z", DATE + timedelta(hours=5), DATE),
        ("Z", DATE + timedelta(minutes=3), DATE + timedelta(minutes=3)),
        ("2024-05-31T12:00:00+40:00", None, NOW),
        ("0001-01-01T00:00:00Z", None, NOW),
        ("1969-12-31T23:59:59Z", DATE, DATE),
        ("", None, NOW),
    ],
)
def test_a_response_date_that_is_none_is_replaced(
    written: str, server: datetime | None, expected: datetime
) -> None:
    assert read_page(strict(page(date=written)), "ListRecords", NOW, server).response_date == expected


@pytest.mark.parametrize(("hours", "earlier"), [(0.5, 0.5), (2, 0), (-0.5, -0.5), (-2, -2), (14, 0)])
def test_with_a_wrong_clock_somewhere_the_earlier_of_the_two_is_the_watermark(
    hours: float, earlier: float
) -> None:
    date = (NOW + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert read(page(date=date)).candidate_watermark == NOW + timedelta(hours=earlier)


def test_headers_are_read_whether_or_not_they_are_wrapped_in_records() -> None:
    inside = (
        header("oai:x:1")
        + f"<record>{header('oai:x:2')}</record>"
        + header("oai:x:3").replace("header", "Header")
    )
    listed = read(page(inside, verb="ListIdentifiers"), "ListIdentifiers")
    assert [each.header.identifier for each in listed.records] == ["oai:x:1", "oai:x:2", "oai:x:3"]
    assert listed.broken == ()


def test_get_record_is_read_like_a_list_of_one() -> None:
    only = read(page(record(), verb="GetRecord"), "GetRecord")
    assert [each.header.identifier for each in only.records] == ["oai:x:1"]


def test_a_response_inside_the_metadata_contributes_no_records_no_token_and_no_error() -> None:
    inner = page(record("oai:inner:1"), record("oai:inner:2"), token="inner", declared=False).decode()
    failed = answer(error("badArgument"), declared=False).decode()
    outer = read(page(record("oai:x:1", inner), record("oai:x:2", failed)))
    assert [each.header.identifier for each in outer.records] == ["oai:x:1", "oai:x:2"]
    assert outer.ending == "no_token"


def test_a_list_in_another_namespace_is_found_by_its_local_names() -> None:
    body = answer(f'<ListRecords xmlns="">{record()}<resumptionToken>t</resumptionToken></ListRecords>')
    foreign = read(body)
    assert [each.header.identifier for each in foreign.records] == ["oai:x:1"]
    assert foreign.token is not None


def test_one_broken_record_leaves_its_page_whole() -> None:
    body = page(
        record("oai:x:1"), f"<record><metadata>{dc()}</metadata></record>", record("oai:x:3"), token="t"
    )
    mixed = read(body)
    assert len(mixed.records) == 2
    assert [each.reason for each in mixed.broken] == ["no_header"]
    assert f'xmlns="{OAI_NS}"'.encode() in mixed.broken[0].raw
    assert mixed.token is not None
