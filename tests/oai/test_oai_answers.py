"""What a body is, before its HTTP status is believed."""

import pytest
from oai_pages import NOW, answer, error, page, record

from harvester.errors import Refused, RepositoryError, Retriable, TokenExpired
from harvester.oai.answers import is_bot_wall, read_answer
from harvester.oai.page import read_page

STATUSES = (200, 401, 403, 404, 410, 422, 429, 500, 503)
HTML = b"<!DOCTYPE html><html><head><title>Maintenance</title></head><body><p>Back soon</body></html>"
XHTML = (
    b'<?xml version="1.0"?>\n<!-- a --><!-- b -->\n<html xmlns="http://www.w3.org/1999/xhtml"><body/></html>'
)
MENTIONS = HTML.replace(b"<p>", b"<p>An <OAI-PMH > repository: ")
PLAIN = b"Service temporarily unavailable, ask again"
JSON = b'{"error": "too many requests"}'
OTHER_ROOT = b'<?xml version="1.0"?><response><status>ok</status></response>'
WRAPPED = b"<wrapper>" + page(record(), declared=False) + b"</wrapper>"
OLD = (
    b'<?xml version="1.0"?><ListRecords xmlns="http://www.openarchives.org/OAI/1.1/OAI_ListRecords" '
    b'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><responseDate>2002-06-01</responseDate></ListRecords>'
)
OLD_OAI_ROOT = page(record()).replace(b"/OAI/2.0/", b"/OAI/1.1/")
NO_NAMESPACE = page(record()).replace(b' xmlns="http://www.openarchives.org/OAI/2.0/"', b"")
CUT = page(record())[:-30]
DOCTYPE = page(record()).replace(b"<OAI-PMH", b"<!DOCTYPE OAI-PMH><OAI-PMH", 1)

CLOUDFLARE = (
    b"<!DOCTYPE html><html><head><title>Just a moment...</title></head><body>"
    b'<script src="/cdn-cgi/challenge-platform/h/b/orchestrate/chl_page/v1"></script></body></html>'
)
ANUBIS = (
    b"\n<!doctype html><html><head><title>Making sure you&#39;re not a bot!</title></head>"
    b'<body><script id="anubis_challenge" type="application/json">{}</script></body></html>'
)
AWS = (
    b"<html><head><script>window.awsWafCookieDomainList = [];</script>"
    b'<script src="https://a.b.token.awswaf.com/challenge.js"></script></head></html>'
)

BY_STATUS = {401: Refused, 403: Refused, 404: RepositoryError, 410: RepositoryError}


def failure(status: int, body: bytes, **headers: str) -> RepositoryError:
    with pytest.raises(RepositoryError) as caught:
        read_answer(status, {name.replace("_", "-"): value for name, value in headers.items()}, body)
    return caught.value


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize(
    ("body", "under_200"),
    [
        (HTML, (Retriable, "html")),
        (XHTML, (Retriable, "html")),
        (MENTIONS, (Retriable, "html")),
        (b"\xef\xbb\xbf \n" + HTML, (Retriable, "html")),
        (b"", (Retriable, "empty_body")),
        (b" \r\n", (Retriable, "empty_body")),
        (PLAIN, (Retriable, "not_oai")),
        (JSON, (Retriable, "not_oai")),
        (OTHER_ROOT, (Retriable, "not_oai")),
        (WRAPPED, (Retriable, "not_oai")),
        (OLD, (Refused, "unsupported_version")),
        (CUT, (Retriable, "malformed")),
        (DOCTYPE, (Refused, "doctype")),
        (b"\xff\xfe\x00", (Retriable, "malformed")),
    ],
)
def test_what_is_not_oai_pmh_is_told_by_its_body_under_200_and_by_its_status_otherwise(
    status: int, body: bytes, under_200: tuple[type[RepositoryError], str]
) -> None:
    found = failure(status, body)
    expected = under_200 if status == 200 else (BY_STATUS.get(status, Retriable), f"http_{status}")
    assert (type(found), found.reason) == expected
    assert str(found)


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("body", [OLD_OAI_ROOT, NO_NAMESPACE])
def test_another_version_of_the_protocol_is_refused_in_words(status: int, body: bytes) -> None:
    found = failure(status, body)
    assert isinstance(found, Refused)
    assert found.reason == "unsupported_version"
    assert "not OAI-PMH 2.0" in str(found)


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("body", [CLOUDFLARE, ANUBIS, AWS])
def test_a_bot_wall_is_known_by_its_marks_under_any_status(status: int, body: bytes) -> None:
    found = failure(status, body)
    assert isinstance(found, Retriable)  # once: the repository confirms it by asking again
    assert found.reason == "bot_wall"


@pytest.mark.parametrize(
    "headers",
    [{"cf_mitigated": "challenge"}, {"x_amzn_waf_action": "challenge"}, {"x_amzn_waf_action": "captcha"}],
)
@pytest.mark.parametrize("body", [HTML, b""])
def test_a_bot_wall_is_known_by_its_header(headers: dict[str, str], body: bytes) -> None:
    assert failure(403, body, **headers).reason == "bot_wall"


def test_metadata_that_speaks_of_bot_walls_is_no_wall() -> None:
    body = page(
        record(metadata='<x>awswaf.com: Making sure you&apos;re not a bot, id="anubis_challenge"</x>')
    )
    parsed = read_answer(200, {"cf-mitigated": "challenge"}, body)
    root, repaired = parsed.root, parsed.repaired
    assert repaired is None
    assert len(read_page(root, "ListRecords", NOW).records) == 1
    assert not is_bot_wall({}, body)


@pytest.mark.parametrize("status", STATUSES)
def test_an_oai_pmh_answer_is_read_under_any_status(status: int) -> None:
    root = read_answer(status, {}, page(record(), token="t")).root
    assert read_page(root, "ListRecords", NOW).token is not None
    root = read_answer(status, {}, answer(error("badResumptionToken", "expired"))).root
    with pytest.raises(TokenExpired):
        read_page(root, "ListRecords", NOW)
    root = read_answer(status, {}, answer(error("noRecordsMatch"))).root
    assert read_page(root, "ListRecords", NOW).ending == "no_records_match"


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_an_answer_in_another_unicode_form_is_read(codec: str) -> None:
    name = "UTF-8" if codec == "utf-8-sig" else "UTF-16"
    body = page(record()).decode().replace("UTF-8", name).encode(codec)
    parsed = read_answer(200, {}, body)
    root, repaired = parsed.root, parsed.repaired
    assert repaired is None
    assert len(read_page(root, "ListRecords", NOW).records) == 1


def test_a_prefixed_root_is_an_oai_pmh_root() -> None:
    body = b'<o:OAI-PMH xmlns:o="http://www.openarchives.org/OAI/2.0/"><o:error code="noRecordsMatch"/></o:OAI-PMH>'
    root = read_answer(200, {}, body).root
    assert read_page(root, "ListRecords", NOW).ending == "no_records_match"


def test_a_repaired_answer_says_so() -> None:
    repaired = read_answer(200, {}, page(record(metadata="<x>R&D</x>"))).repaired
    assert repaired is not None
    assert repaired.changes == {"bare_ampersand": 1}
