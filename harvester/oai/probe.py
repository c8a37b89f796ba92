"""Asks a repository politely and observes what it does: what it says of itself is compared with how it answers.

About thirty requests, each a small question; one that fails is left open with a sentence, and the next is asked.
"""

from collections.abc import Callable
from dataclasses import fields
from urllib.parse import urlsplit

from harvester.errors import RepositoryError, Retriable
from harvester.oai import probe_dates, probe_formats, probe_lists, probe_sets
from harvester.oai.answers import read_answer
from harvester.oai.datestamps import parse
from harvester.oai.page import raise_errors
from harvester.oai.parsing import OAI
from harvester.oai.probe_inquiry import Inquiry, Unclear
from harvester.oai.records import CLOCK_SKEW, Identify
from harvester.oai.traits import Traits

Question = Callable[[Inquiry], None]

_DECLARATIONS = ("no", "transient", "persistent")


def identify(inquiry: Inquiry) -> None:
    """Ask Identify, and look for what contradicts itself."""
    said = inquiry.said = inquiry.call(inquiry.repository.identify)
    if said.protocol_version != "2.0":
        inquiry.remark(f"Identify says protocolVersion {said.protocol_version or 'nothing'}, not 2.0")
    if not said.admin_emails:
        inquiry.remark("Identify names no adminEmail: nobody can be told when something is wrong")
    if said.deleted_record not in _DECLARATIONS:
        told = said.deleted_record or "nothing"
        inquiry.remark(
            f"Identify says {told!r:.40} of deleted records; legal are no, transient and persistent"
        )
    if said.base_url and _address(said.base_url) != _address(inquiry.repository.endpoint):
        inquiry.remark(f"Identify gives another base URL: {said.base_url}")
    earliest = parse(said.earliest_datestamp or "")
    if earliest is not None and earliest.value.year <= 1970:
        inquiry.remark(f"earliestDatestamp is {earliest.raw}: the beginning of time, not of its records")


def post(inquiry: Inquiry) -> None:
    """Identify by POST, which every repository must take (section 3.1.1)."""
    repository = inquiry.repository

    def ask() -> None:
        response = repository.client.post(repository.endpoint, [("verb", "Identify")])
        repository.requests += response.requests
        root = read_answer(response.status, response.headers, response.body).root
        raise_errors(root)
        if root.find(f"{OAI}Identify") is None:
            raise Retriable("the answer holds no Identify", reason="no_list", evidence=response.evidence)

    try:
        inquiry.call(ask)
    except RepositoryError as error:
        if inquiry.ended or (error.evidence is not None and error.evidence.status is None):
            raise
        inquiry.observe("post", False, f"Identify by POST: {error}")
    else:
        inquiry.observe("post", True, "Identify came by POST")


def _address(url: str) -> tuple[str, str, str]:
    try:
        parts = urlsplit(url)
        return (parts.hostname or "").lower(), parts.path.rstrip("/"), parts.query
    except ValueError:
        return "", "", url


# What is asked, in words; the traits it decides; how.
QUESTIONS: tuple[tuple[str, tuple[str, ...], Question], ...] = (
    ("its formats", (), probe_formats.listed),
    ("its sets", ("sets_listed", "sets"), probe_sets.listed),
    (
        "the first pages of its list",
        (
            *(
                "list_identifiers",
                "needs_from",
                "order",
                "sends_size",
                "records",
                "size_truthful",
                "repeated",
            ),
            *("sets_in_headers", "tombstones", "token_life"),
        ),
        probe_lists.walk,
    ),
    ("a token twice", ("idempotent_tokens", "single_use_tokens"), probe_lists.twice),
    ("earliestDatestamp", ("earliest_truthful",), probe_dates.earliest),
    (
        "how fine dates may be",
        ("granularity", "from_equals_until", "until_inclusive", "until_whole_day"),
        probe_dates.granularity,
    ),
    ("a window of dates", ("dates_honoured",), probe_dates.window),
    ("a window that takes two pages", ("dates_on_later_pages",), probe_dates.later_pages),
    ("what is older than everything", ("before_earliest",), probe_dates.before_earliest),
    ("one set", ("set_honoured", "set_on_later_pages"), probe_sets.limited),
    ("sets that are not listed", (), probe_sets.unlisted),
    ("one record", ("get_record",), probe_formats.one_record),
    ("Identify by POST", ("post",), post),
    ("a page of each format", ("page_size", "headers_sized", "seconds_per_page"), probe_formats.sampled),
)
_LEFT_OPEN = {
    "token_life": "its tokens carry no expirationDate, or one that says nothing",
    "tombstones": "no deleted record was on the pages read; that proves nothing",
    "retry_after": "it never asked us to wait",
    "sends_size": "a list on one page need not tell its size",
    "needs_from": "its list is empty",
    "headers_sized": "ListRecords tells its size itself, or it fits on one page",
    "page_size": "no page had others behind it",
    "order": "too few datestamps were seen",
    "size_truthful": "the list was not walked to its end, or tells no size",
    "records": "the list was not walked to its end, and tells no size",
    "clock_skew": "no answer carried a responseDate that can be read",
    "gzip": "there was no answer",
}
_TELL_AFTER = 3.0  # seconds: a probe that is over by then needs no progress


def probe(inquiry: Inquiry) -> None:
    """Ask everything. Raises RepositoryError where nothing there answers in OAI-PMH."""
    try:
        identify(inquiry)
    except RepositoryError as error:
        if inquiry.ended is not None or error.evidence is None or error.evidence.status is None:
            raise  # not to be asked again, or not to be reached
        _lists_all_the_same(inquiry, error)
    for number, (what, names, question) in enumerate(QUESTIONS, 1):
        if inquiry.seconds > _TELL_AFTER:
            sent = inquiry.repository.requests
            inquiry.tell(f"question {number} of {len(QUESTIONS)}: {what} ({sent} requests so far)")
        inquiry.settle(names, question, _LEFT_OPEN)
    inquiry.conclude()
    for name in (each.name for each in fields(Traits)):
        if name not in inquiry.observed and name not in inquiry.left_open:
            inquiry.left_open[name] = _LEFT_OPEN.get(name, "a probe does not look for it; harvests may")
    _look_at_clock(inquiry)
    _look_at_deletions(inquiry, inquiry.said)


def _lists_all_the_same(inquiry: Inquiry, error: RepositoryError) -> None:
    """Some serve lists while Identify is broken; where ListMetadataFormats fails too, there is no repository."""
    try:
        probe_formats.listed(inquiry)
    except (RepositoryError, Unclear):
        raise error from None
    inquiry.remark(f"Identify fails, though it is there: {error}")


def _look_at_clock(inquiry: Inquiry) -> None:
    skew = inquiry.value("clock_skew")
    if isinstance(skew, float) and abs(skew) > CLOCK_SKEW.total_seconds():
        inquiry.remark(
            f"its clock is {abs(skew) / 3600:,.1f} hours {'ahead of' if skew > 0 else 'behind'} ours: one of them is wrong"
        )


def _look_at_deletions(inquiry: Inquiry, said: Identify | None) -> None:
    if said is not None and said.deleted_record == "no" and inquiry.value("tombstones"):
        inquiry.remark("it says that it tells of no deletions, and does")
    if inquiry.repository.moved_to:
        inquiry.remark(
            f"it has moved for good to {inquiry.repository.moved_to}: register the new address when its managers confirm it"
        )
