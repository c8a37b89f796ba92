"""Every fault of the fake repository, with the outcome it must have: a named one, explained, and nothing lost."""

import re
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from asking import QUICK, Asker
from oracle import Held, stored
from sqlalchemy import Engine

from harvester.cli.reports import exit_code
from harvester.harvest.harvest import Report
from harvester.harvest.plans import Wish
from harvester.mock import FAULTS, FakeRepository

COMPLETE = ("complete", "size_agrees")
# What cannot be had as one list is had in windows so short that they need no second page.
HALVED = ("complete", "windows_agree")
NOTHING = ("complete", "no_records_match")
FULL = Wish(full=True)
SINCE = Wish(from_=datetime(2020, 1, 1, tzinfo=UTC))
BEFORE = Wish(until=datetime(2020, 1, 1, tzinfo=UTC))
ADVICE = re.compile(
    r"run the same command again|the next harvest asks for all of it again|check|ask its|Harvest a smaller|harvester quarantine retry"
)


@dataclass(frozen=True, slots=True)
class Row:
    """`wanted` is (outcome, reason) of a harvest under the fault.

    `mended`: which harvest after it, without the fault, must make the catalogue equal to the store; None where
    it must be equal at once. `later`: the fault begins on the second page. `before`: a clean harvest comes
    first, so that the fault meets an incremental one. `exit`: the exit code, where it is not the outcome's own.
    `quarantined` None is some: a second that two windows share is told of twice. `informs`: the sentence only tells, there is nothing to be done. `moot`: the fault cannot touch us. `keeps_sets`:
    set membership is right in the end. `also` is another fault at the same time.
    """

    fault: str
    wanted: tuple[str, str]
    mended: Wish | None = None
    options: dict[str, Any] = field(default_factory=dict)
    later: bool = False
    before: bool = False
    request: dict[str, Any] = field(default_factory=dict)
    exit: int | None = None
    quarantined: int | None = 0
    informs: bool = False
    moot: bool = False
    keeps_sets: bool = True
    also: tuple[str, dict[str, Any]] | None = None
    repository: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        given = "-".join(f"{name}={value}" for name, value in self.options.items())
        return "-".join(part for part in (self.fault, given, "later" if self.later else "") if part)


PLAIN = Wish()
FAILING = [
    # name, options, armed for every page, armed from the second page on
    ("403", {}, ("refused", "http_403"), ("refused", "http_403")),
    ("404", {}, ("unreachable", "http_404"), HALVED),
    ("429", {}, ("unreachable", "http_429"), ("incomplete", "http_429")),
    ("500", {}, ("unreachable", "http_500"), HALVED),
    ("502", {}, ("unreachable", "http_502"), HALVED),
    ("503_bare", {}, ("unreachable", "http_503"), ("incomplete", "http_503")),
    ("503_retry_after", {"seconds": 3600}, ("incomplete", "http_503"), ("incomplete", "http_503")),
    ("bot_wall", {}, ("refused", "bot_wall"), ("refused", "bot_wall")),
    ("bot_wall", {"status": 403}, ("refused", "bot_wall"), None),
    ("chunked", {"share": 0.5}, ("unreachable", "truncated"), HALVED),
    ("cut_body", {}, ("unreachable", "truncated"), HALVED),
    ("cut_page", {}, ("unreachable", "malformed"), HALVED),
    ("doctype", {}, ("refused", "doctype"), ("refused", "doctype")),
    ("empty_body", {}, ("unreachable", "empty_body"), HALVED),
    ("entity_bomb", {}, ("refused", "doctype"), ("refused", "doctype")),
    ("error_without_code", {}, ("unreachable", "oai_error"), ("incomplete", "oai_error")),
    ("gzip_bomb", {"megabytes": 30}, ("unreachable", "too_large"), ("incomplete", "too_large")),
    ("hang", {}, ("unreachable", "read_timeout"), None),
    ("html_200", {}, ("unreachable", "html"), ("incomplete", "html")),
    ("oversized", {"megabytes": 3}, ("unreachable", "too_large"), ("incomplete", "too_large")),
    ("redirect_loop", {}, ("refused", "too_many_redirects"), ("refused", "too_many_redirects")),
    ("redirect_private", {}, ("refused", "private_address"), ("refused", "private_address")),
    ("reset", {"after": 700}, ("unreachable", "connection_reset"), HALVED),
    ("short_length", {}, ("unreachable", "malformed"), HALVED),
    ("trickle", {"bytes": 40, "seconds": 0.1}, ("unreachable", "too_slow"), None),
    ("wrong_root", {}, ("unreachable", "not_oai"), ("incomplete", "not_oai")),
]
TABLE = [
    *(Row(name, first, PLAIN, options) for name, options, first, _ in FAILING),
    *(Row(name, later, PLAIN, options, later=True) for name, options, _, later in FAILING if later),
    # endings that are not ends
    Row("token_refused", HALVED),
    Row("token_refused_422", HALVED),
    Row("token_expires", HALVED),
    Row("token_repeats", HALVED),
    Row("token_cycle", HALVED, None, {"period": 1}),
    Row("token_cycle", HALVED, None, {"period": 2}),
    Row("poison", ("complete_unverified", "unreadable"), FULL, exit=3, quarantined=None),
    Row("poison", HALVED, None, {"verb": "ListRecords"}),
    Row("endless_empty_pages", HALVED),
    Row("silent_truncation", HALVED),
    Row("wrong_size", ("complete_unverified", "windows_short"), informs=True),
    Row("wrong_size", ("complete_unverified", "size_differs"), None, {"size": 3}, informs=True),
    # strange, and still everything
    Row("awkward_token", COMPLETE),
    Row("same_token_text", COMPLETE),
    Row(
        "token_used_once",
        COMPLETE,
        also=("cut_body", {"times": 1, "on_page": 1}),
        repository={"token_style": "scroll"},
    ),
    Row("empty_middle_page", COMPLETE),
    Row("token_to_no_records_match", COMPLETE),
    Row("no_token_on_last_page", COMPLETE),
    Row("duplicates", COMPLETE, None, {"count": 3}),
    Row("drifting_pages", COMPLETE),
    Row("deletes_silently", ("complete", "size_agrees"), PLAIN),
    Row("no_records_match_422", NOTHING, before=True),
    Row("no_records_match_as_empty_list", ("complete", "short_page"), before=True),
    Row("granularity_liar", NOTHING, before=True),
    Row("ignores_from", COMPLETE, None, request={"wish": SINCE}),
    Row("ignores_until", COMPLETE, None, request={"wish": BEFORE}),
    Row(
        "loses_dates_on_later_pages",
        ("complete_unverified", "no_token"),
        FULL,
        request={"wish": SINCE},
        repository={"page_size": 3},
        informs=True,
    ),
    Row("exclusive_until", COMPLETE, None, request={"wish": BEFORE}),
    Row("until_means_midnight", COMPLETE, None, request={"wish": BEFORE}, moot=True),  # we ask by the second
    Row("refuses_dates", ("refused", "badArgument"), PLAIN, before=True),
    Row("nothing_without_from", ("complete_unverified", "no_records_match"), PLAIN, informs=True),
    # a harvest does not ask ListSets, and never by POST
    *(Row(name, COMPLETE, moot=True) for name in ("sets_in_pages", "endless_sets", "sets_missing")),
    *(Row(name, COMPLETE, moot=True) for name in ("sets_refused", "post_refused")),
    # HTTP that is out of the ordinary, and fine
    Row("503_retry_after", COMPLETE, None, {"seconds": 1, "times": 1}, later=True),
    Row("chunked", COMPLETE),
    Row("drops_connection", COMPLETE),
    Row("gzip_announced_but_plain", COMPLETE),
    Row("gzip_unannounced", COMPLETE),
    Row("gzip_unasked", COMPLETE, moot=True),  # we always take gzip
    Row("no_length", COMPLETE),
    Row("redirect", COMPLETE),
    Row("slow", COMPLETE, None, {"seconds": 0.1}),
    Row("trickle", COMPLETE, None, {"bytes": 4000, "seconds": 0.01}),
    # one transient failure costs nothing
    Row("500", COMPLETE, None, {"times": 1}, later=True),
    Row("cut_body", COMPLETE, None, {"times": 1}, later=True),
    Row("html_200", COMPLETE, None, {"times": 1}, later=True),
    Row("reset", COMPLETE, None, {"times": 1}, later=True),
    # bytes and text: repaired, counted, never lost
    Row("bom", COMPLETE),
    Row("leading_junk", COMPLETE),
    Row("trailing_garbage", COMPLETE),
    Row("control_characters", COMPLETE),
    Row("nul", COMPLETE),
    Row("lone_surrogate_reference", COMPLETE),
    Row("root_namespaces", COMPLETE),
    Row("fractional_datestamps", COMPLETE),
    Row("bare_ampersand", COMPLETE, FULL),
    Row("invalid_utf8", COMPLETE, FULL),
    Row("figshare_dialect", COMPLETE, FULL),
    Row("missing_datestamp", COMPLETE, FULL),
    Row("clock_skew", COMPLETE, FULL),
    # records that cannot be read: a person is needed
    Row("empty_metadata", COMPLETE, FULL, exit=3, quarantined=3),
    Row("no_identifier", COMPLETE, FULL, exit=3, quarantined=3),
    # records that are not well-formed: put aside, the others of their page come, and GetRecord may bring them whole
    Row("broken_record", COMPLETE, FULL, exit=3, quarantined=3),
    Row("broken_record", COMPLETE, None, {"verb": "ListRecords"}),
    Row("deep_record", COMPLETE, FULL, exit=3, quarantined=3),
    Row(
        "huge_record",
        COMPLETE,
        None,
        {"times": 1},
        request={"limits": replace(QUICK, read=10.0, total=30.0, max_bytes=20_000_000)},
    ),
    Row("stray_html_entity", COMPLETE, FULL),
    # a filter that is ignored brings more than was asked for, and never less
    Row(
        "ignores_set",
        ("complete_unverified", "set_not_honoured"),
        FULL,
        request={"sets": ["item_type_2"]},
        informs=True,
    ),
    Row(
        "loses_set_on_later_pages",
        HALVED,
        FULL,
        request={"sets": ["item_type_2"]},
        repository={"page_size": 3},
        keeps_sets=False,
    ),
]
EXIT = {"complete": 0, "complete_unverified": 0, "refused": 1, "unreachable": 1, "incomplete": 3}


def test_every_fault_has_a_row_with_its_outcome() -> None:
    assert {row.fault for row in TABLE} == set(FAULTS)


@pytest.mark.parametrize("row", TABLE, ids=str)
def test_a_fault_ends_in_its_outcome_and_loses_nothing(row: Row, shared_engine: Engine) -> None:
    with FakeRepository(**{"records": 30, "page_size": 10} | row.repository) as fake:
        ask = Asker(shared_engine, fake)
        if row.before:
            assert ask().outcome == "complete"
        if row.fault == "deletes_silently":
            fake.store.delete(fake.store.records[3].identifier)
        earlier = ask.held()
        fake.misbehave(row.fault, on_page=1 if row.later else None, **row.options)
        if row.also:
            fake.misbehave(row.also[0], **row.also[1])
        report = ask(**row.request)
        _check_report(row, report)
        applied = {name for access in fake.log for name in (access.fault or "").split(",")}
        assert row.moot or row.fault in applied, "the fault never took part"
        between = ask.held()
        assert between.keys() >= earlier.keys()
        assert not row.later or len(between) >= 10, "a page that had been committed is gone"
        if row.mended is None and not row.request:
            ask.assert_same()
        fake.behave()
        ask.forgive()
        again = ask(wish=row.mended or Wish(), sets=[""])
        assert again.outcome == "complete", again
        if row.keeps_sets:
            ask.assert_same()
        else:
            assert _without_sets(ask.held()) == _without_sets(stored(fake))


def _check_report(row: Row, report: Report) -> None:
    (stream,) = report.streams
    assert (stream.outcome, stream.reason) == row.wanted, stream.sentence
    assert exit_code(report) == (EXIT[row.wanted[0]] if row.exit is None else row.exit)
    assert stream.sentence
    assert row.wanted[0] == "complete" or row.informs or ADVICE.search(stream.sentence), stream.sentence
    some = stream.counts.quarantined > 0
    assert some if row.quarantined is None else stream.counts.quarantined == row.quarantined


def _without_sets(found: dict[str, Held]) -> dict[str, Held]:
    return {identifier: replace(each, sets=frozenset()) for identifier, each in found.items()}
