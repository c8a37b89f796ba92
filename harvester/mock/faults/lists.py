"""Faults of the protocol: tokens, lists, dates, sets, deletions.

The token faults that bring a page again need tokens of the "offset" style.
"""

# Every fault takes the same two arguments, needed or not.
# ruff: noqa: ARG001

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from harvester.mock import render
from harvester.mock.exchange import LISTS, Answer, Error, Page, Turn
from harvester.mock.faults.fault import EVERY_VERB, Armed, Fault, Stage
from harvester.mock.protocol import follow, xml_answer
from harvester.mock.tokens import Query

BEHIND_THE_END = 2**62
SAME_TEXT = "next"
AWKWARD = "a+b/c=d&e%f g\"h'i%2Bj;k?l#m "

Apply = Callable[[Turn, Armed], bool]


def _on_page(change: Callable[[Turn, Armed, Page], bool]) -> Apply:
    """A fault that changes the page that was found."""
    return lambda turn, armed: change(turn, armed, turn.page) if turn.page else False


def _token(turn: Turn) -> str | None:
    return turn.arguments.get("resumptionToken")


def _refuse(turn: Turn, code: str, message: str) -> bool:
    turn.refusal = Error(code, message)
    return True


def _token_refused(turn: Turn, armed: Armed) -> bool:
    return _token(turn) is not None and _refuse(
        turn, "badResumptionToken", "The resumptionToken is not valid"
    )


def _token_refused_422(turn: Turn, armed: Armed) -> bool:
    if _token(turn) is None:
        return False
    turn.error = "badResumptionToken"
    body = render.document(turn, render.error(turn.error, "The resumptionToken has expired"))
    turn.answer = replace(xml_answer(turn, body), status=422)
    return True


def _token_expires(turn: Turn, armed: Armed, page: Page) -> bool:
    if page.following is None:
        return False
    follow(turn, page, page.following, life=0)
    return True


def _token_used_once(turn: Turn, armed: Armed) -> bool:
    token = _token(turn)
    if token is None:
        return False
    if token in armed.memory:
        return _refuse(turn, "badResumptionToken", "The resumptionToken has been used")
    armed.memory[token] = True
    return False


def _token_repeats(turn: Turn, armed: Armed, page: Page) -> bool:
    token = _token(turn)
    if token is None:
        return False
    page.token = token
    return True


def _token_cycle(turn: Turn, armed: Armed, page: Page) -> bool:
    if turn.number == 1:
        armed.memory[turn.query] = _token(turn)
    if turn.number < armed.options["period"] or turn.query not in armed.memory:
        return False
    page.token = armed.memory[turn.query]
    return True


def _respelled(turn: Turn, page: Page, text: str) -> bool:
    if not page.token:
        return False
    turn.tokens.aliases[text] = page.token
    page.token = text
    return True


def _same_token_text(turn: Turn, armed: Armed, page: Page) -> bool:
    return _respelled(turn, page, SAME_TEXT)


def _awkward_token(turn: Turn, armed: Armed, page: Page) -> bool:
    return _respelled(turn, page, f"{AWKWARD}{page.token}")


def _empty_page(turn: Turn, armed: Armed, page: Page) -> bool:
    page.records = []
    follow(turn, page, turn.following)
    return True


def _silent_truncation(turn: Turn, armed: Armed, page: Page) -> bool:
    if page.following is None:
        return False
    page.token, page.following = "", None
    return True


def _wrong_size(turn: Turn, armed: Armed, page: Page) -> bool:
    if page.token is None:
        return False
    size = armed.options["size"]
    page.size = size if size is not None else (page.size or 0) * 2 + 7
    return True


def _no_records_match_422(turn: Turn, armed: Armed) -> bool:
    if turn.error != "noRecordsMatch" or turn.answer is None:
        return False
    turn.answer = replace(turn.answer, status=armed.options["status"])
    return True


def _no_records_match_as_empty_list(turn: Turn, armed: Armed) -> bool:
    if turn.error != "noRecordsMatch":
        return False
    turn.body = render.document(turn, f"<{turn.verb}></{turn.verb}>")
    return True


def _token_to_no_records_match(turn: Turn, armed: Armed, page: Page) -> bool:
    if page.following and armed.on_page is None:
        return False
    follow(
        turn,
        page,
        replace(turn.following, position=BEHIND_THE_END, sent=turn.following.sent + len(page.records)),
    )
    return True


def _no_token_on_last_page(turn: Turn, armed: Armed, page: Page) -> bool:
    if page.token != "":
        return False
    page.token = None
    return True


def _duplicates(turn: Turn, armed: Armed, page: Page) -> bool:
    page.records = [*page.records, *page.records[: armed.options["count"]]]
    return True


def _granularity_liar(turn: Turn, armed: Armed) -> bool:
    fine = any(bound and "T" in bound for bound in (turn.query.from_, turn.query.until))
    return fine and _refuse(turn, "badArgument", "Dates are YYYY-MM-DD")


def _ignores(forget: Callable[[Query], Query], *, first: int = 0) -> Apply:
    """A fault that forgets part of what was asked, from page `first` on."""

    def apply(turn: Turn, armed: Armed) -> bool:
        place = turn.place
        if place is None or place.number < first or forget(place.query) == place.query:
            return False
        turn.place = replace(place, query=forget(place.query))
        return True

    return apply


def _without_set(query: Query) -> Query:
    return replace(query, spec=None)


def _without_dates(query: Query) -> Query:
    return replace(query, from_=None, until=None)


def _deletes_silently(turn: Turn, armed: Armed) -> bool:
    turn.hides_deleted = True
    return True


def _drifting_pages(turn: Turn, armed: Armed) -> bool:
    turn.drifts = True
    return True


def _poison(turn: Turn, armed: Armed, page: Page) -> bool:
    if armed.options["identifier"] is None:
        records = turn.store.records
        armed.options["identifier"] = records[len(records) // 2].identifier
    poison = armed.options["identifier"]
    if all(record.identifier != poison for record in page.records):
        return False
    turn.answer = Answer(500, b"java.lang.NullPointerException", (("Content-Type", "text/plain"),))
    return True


def _clock_skew(turn: Turn, armed: Armed) -> bool:
    turn.skew = timedelta(hours=armed.options["hours"])
    return True


def _error_without_code(turn: Turn, armed: Armed) -> bool:
    return _refuse(turn, "", "Read timed out")


def _asked(description: str, apply: Apply, verbs: frozenset[str] = LISTS) -> Fault:
    return Fault(description, Stage.ASKED, apply, verbs=verbs)


def _found(description: str, change: Callable[[Turn, Armed, Page], bool], **options: object) -> Fault:
    return Fault(description, Stage.FOUND, _on_page(change), options)


def _empty(description: str, *, onwards: bool) -> Fault:
    return Fault(description, Stage.FOUND, _on_page(_empty_page), on_page=1, onwards=onwards)


FAULTS: dict[str, Fault] = {
    "token_refused": _asked("badResumptionToken to any token", _token_refused),
    "token_refused_422": _asked("badResumptionToken under HTTP 422, as Zenodo sends it", _token_refused_422),
    "token_expires": _found("tokens expire the moment they are given", _token_expires),
    "token_used_once": _asked("badResumptionToken to a token that was used before", _token_used_once),
    "token_repeats": _found("a page carries the token that brought it, for ever", _token_repeats),
    "token_cycle": _found("tokens run in a circle of `period` pages: A, B, A", _token_cycle, period=2),
    "same_token_text": _found("one text for every token, while the list advances", _same_token_text),
    "awkward_token": _found("tokens with + / = & % quotes and spaces inside", _awkward_token),
    "empty_middle_page": _empty("one page without records, with a token", onwards=False),
    "endless_empty_pages": _empty("from one page on no records, always another token", onwards=True),
    "silent_truncation": _found("the list ends early, its size says more", _silent_truncation),
    "wrong_size": _found("completeListSize is `size`, or twice the truth and seven", _wrong_size, size=None),
    "no_records_match_422": Fault(
        "noRecordsMatch under HTTP `status`", Stage.SENT, _no_records_match_422, {"status": 422}
    ),
    "no_records_match_as_empty_list": Fault(
        "an empty list in place of noRecordsMatch", Stage.WRITTEN, _no_records_match_as_empty_list
    ),
    "token_to_no_records_match": _found(
        "the last page has a token, which brings noRecordsMatch; with on_page that page is the last",
        _token_to_no_records_match,
    ),
    "no_token_on_last_page": _found("the last of several pages has no token element", _no_token_on_last_page),
    "duplicates": _found("the first `count` records of a page come twice", _duplicates, count=1),
    "granularity_liar": _asked("badArgument to dates with seconds", _granularity_liar),
    "ignores_from": _asked("from has no effect", _ignores(lambda query: replace(query, from_=None))),
    "ignores_until": _asked("until has no effect", _ignores(lambda query: replace(query, until=None))),
    "ignores_set": _asked("set has no effect", _ignores(_without_set)),
    "loses_set_on_later_pages": _asked(
        "from the second page on the set is forgotten", _ignores(_without_set, first=1)
    ),
    "loses_dates_on_later_pages": _asked(
        "from the second page on the dates are forgotten", _ignores(_without_dates, first=1)
    ),
    "deletes_silently": _asked(
        "deleted records are gone, whatever Identify promises", _deletes_silently, EVERY_VERB
    ),
    "drifting_pages": _asked("newest first, counted by offset: changes shift the pages", _drifting_pages),
    "poison": _found(
        "500 for any list page that holds `identifier` (default: the middle one)", _poison, identifier=None
    ),
    "clock_skew": Fault(
        "the server's clock is so many `hours` off", Stage.ASKED, _clock_skew, {"hours": 14.0}, EVERY_VERB
    ),
    "error_without_code": _asked('an error with code="" in place of a page', _error_without_code),
}
