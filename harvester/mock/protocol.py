"""The rules of OAI-PMH 2.0: from arguments to an answer, with the exact error codes of section 3.6."""

import gzip
import re
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Protocol

from harvester.mock import render
from harvester.mock.exchange import LISTS, Answer, Error, Page, Turn
from harvester.mock.metadata_formats import FORMATS
from harvester.mock.store import Record, Selection
from harvester.mock.tokens import Place, Query

# verb → (required, optional); a resumptionToken stands alone (specification 4)
ARGUMENTS: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "Identify": (frozenset(), frozenset()),
    "ListMetadataFormats": (frozenset(), frozenset({"identifier"})),
    "ListSets": (frozenset(), frozenset()),
    "ListIdentifiers": (frozenset({"metadataPrefix"}), frozenset({"from", "until", "set"})),
    "ListRecords": (frozenset({"metadataPrefix"}), frozenset({"from", "until", "set"})),
    "GetRecord": (frozenset({"identifier", "metadataPrefix"}), frozenset()),
}
PAGED = LISTS | {"ListSets"}
WORD = re.compile(r"[A-Za-z0-9\-_.!~*'()]+")
DAY = re.compile(r"\d{4}-\d\d-\d\d")
SECOND = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
# A transient repository tells of a deletion for so long, then the item is gone.
TOMBSTONE_LIFE = timedelta(days=30)
XML = ("Content-Type", "text/xml; charset=utf-8")


class Faults(Protocol):
    """What the protocol asks of the armed faults: a chance at each stage."""

    def asked(self, turn: Turn) -> None: ...
    def found(self, turn: Turn) -> None: ...
    def written(self, turn: Turn) -> None: ...
    def sent(self, turn: Turn) -> None: ...


def respond(turn: Turn, faults: Faults) -> Answer:
    """Answer one request, faults included."""
    try:
        body = _body(turn, faults)
    except Error as refusal:
        turn.error = refusal.code
        body = render.document(turn, render.error(refusal.code, str(refusal)))
    if turn.answer is None:
        turn.body = body
        faults.written(turn)
        turn.answer = xml_answer(turn, turn.body)
        faults.sent(turn)
    return turn.answer


def xml_answer(turn: Turn, body: bytes) -> Answer:
    """The response that carries this body, compressed when the client takes gzip."""
    records = len(turn.page.records) if turn.page else 0
    if turn.request.takes_gzip:
        packed = gzip.compress(body, compresslevel=1, mtime=0)
        return Answer(200, packed, (XML, ("Content-Encoding", "gzip")), records)
    return Answer(200, body, (XML,), records)


def _body(turn: Turn, faults: Faults) -> bytes:
    _read_arguments(turn)
    if turn.verb in LISTS:
        turn.place = _place(turn)
    faults.asked(turn)
    if turn.answer:
        return b""
    return _list(turn, faults) if turn.verb in LISTS else render.document(turn, PLAIN[turn.verb](turn))


def _read_arguments(turn: Turn) -> None:
    given = turn.request.pairs
    verbs = [value for name, value in given if name == "verb"]
    if len(verbs) != 1 or verbs[0] not in ARGUMENTS:
        raise Error("badVerb", "The verb is missing, repeated or not one of the six")
    turn.verb = verbs[0]
    turn.arguments = dict(given)
    names = [name for name, _ in given if name != "verb"]
    if len(set(names)) != len(names):
        raise Error("badArgument", "An argument is repeated")
    if "resumptionToken" in names and turn.verb in PAGED:
        wanted = {"resumptionToken"} | (
            {"metadataPrefix"} if turn.policy.token_needs_prefix and turn.verb in LISTS else set()
        )
        if set(names) != wanted:
            raise Error(
                "badArgument", f"With a resumptionToken goes {', '.join(sorted(wanted))}, and nothing else"
            )
        return
    required, optional = ARGUMENTS[turn.verb]
    if missing := required - set(names):
        raise Error("badArgument", f"Missing: {', '.join(sorted(missing))}")
    if illegal := set(names) - required - optional:
        raise Error("badArgument", f"Not an argument of {turn.verb}: {', '.join(sorted(illegal))}")
    if empty := {name for name, value in given if not value}:
        raise Error("badArgument", f"Empty: {', '.join(sorted(empty))}")


def _place(turn: Turn) -> Place:
    text = turn.arguments.get("resumptionToken")
    if text is not None:
        place = turn.tokens.read(text)
        if place is None or place.query.verb != turn.verb:
            raise Error("badResumptionToken", "The resumptionToken is unknown")
        if place.expires is not None and turn.policy.now().timestamp() >= place.expires:
            raise Error("badResumptionToken", "The resumptionToken has expired")
        return place
    own = turn.arguments
    query = Query(turn.verb, own["metadataPrefix"], own.get("from"), own.get("until"), own.get("set"))
    _bounds(query, turn)
    _check_spelling(query, turn)
    _check_prefix(query.prefix)
    if query.spec and not turn.policy.with_sets:
        raise Error("noSetHierarchy", "This repository has no sets")
    return Place(query)


def _check_spelling(query: Query, turn: Turn) -> None:
    """Refuse what the schema does not let us echo; a strange set that is in use is taken all the same."""
    if not WORD.fullmatch(query.prefix):
        raise Error("badArgument", "metadataPrefix has characters that it may not have")
    if (
        query.spec
        and not all(map(WORD.fullmatch, query.spec.split(":")))
        and query.spec not in turn.store.sets()
    ):
        raise Error("badArgument", "set has characters that it may not have")


def _check_prefix(prefix: str) -> None:
    if prefix not in FORMATS:
        raise Error("cannotDisseminateFormat", f"Served here are {', '.join(FORMATS)}")


def _bounds(query: Query, turn: Turn) -> tuple[datetime | None, datetime | None]:
    """Both bounds as moments by our clock; a bound by day takes in the whole day."""
    given = [text for text in (query.from_, query.until) if text]
    if len({len(text) for text in given}) > 1:
        raise Error("badArgument", "from and until differ in granularity")
    from_ = _moment(query.from_, turn)
    until = _moment(query.until, turn)
    if until and query.until and DAY.fullmatch(query.until):
        until += timedelta(days=1, seconds=-1)
    if from_ and until and from_ > until:
        raise Error("badArgument", "from is later than until")
    return (from_ - turn.skew if from_ else None), (until - turn.skew if until else None)


def _moment(text: str | None, turn: Turn) -> datetime | None:
    if text is None:
        return None
    fine = SECOND.fullmatch(text)
    if fine and turn.policy.granularity == "days":
        raise Error("badArgument", "Finer than the granularity of this repository")
    if not fine and not DAY.fullmatch(text):
        raise Error("badArgument", "A date is YYYY-MM-DD or YYYY-MM-DDThh:mm:ssZ")
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError as wrong:
        raise Error("badArgument", f"Not a date: {wrong}") from wrong


def _list(turn: Turn, faults: Faults) -> bytes:
    turn.page = page = _page(turn)
    faults.found(turn)
    return b"" if turn.answer else render.document(turn, render.listing(turn, page))


def _page(turn: Turn) -> Page:
    place = turn.place
    if place is None:
        raise ValueError(f"{turn.verb} is not a list request")
    from_, until = _bounds(place.query, turn)
    selection = Selection(from_, until, place.query.spec, _tombstones_since(turn))
    positions, start = _order(turn, place, turn.store.matching(selection))
    end = start + turn.policy.page_size
    chosen, more = positions[start:end], positions[end : end + 1]
    if not chosen:
        turn.tokens.finish(place, place.position)
        raise Error("noRecordsMatch", "No record matches")
    size = len(positions) if turn.policy.complete_list_size else None
    # The last page of a list in several pages has an empty token; a list in one page has none (3.5.1).
    page = Page(turn.store.at(chosen), "" if place.number else None, None, size, None)
    if more:
        sent = place.sent + len(chosen)
        follow(turn, page, replace(place, position=more[0], sent=sent, number=place.number + 1))
    else:
        turn.tokens.finish(place, chosen[-1] + 1)
    return page


def follow(turn: Turn, page: Page, place: Place, *, life: float | None = None) -> None:
    """Give the page a token that leads to `place`; `life` in seconds replaces the repository's."""
    life = turn.policy.token_life if life is None else life
    page.expires = None if life is None else turn.policy.now().timestamp() + life
    page.following = replace(place, expires=page.expires)
    page.token = turn.tokens.issue(page.following)


def _order(turn: Turn, place: Place, matching: list[int]) -> tuple[list[int], int]:
    if not turn.drifts:
        # The place is one in the store, so records that come or go before it shift nothing.
        return matching, bisect_left(matching, place.position)
    stamps = zip((record.datestamp for record in turn.store.at(matching)), matching, strict=False)
    return [at for _, at in sorted(stamps, reverse=True)], place.sent


def _tombstones_since(turn: Turn) -> datetime | None:
    policy = turn.policy
    if policy.deleted_record == "no" or turn.hides_deleted:
        return datetime.max.replace(tzinfo=UTC)
    if policy.deleted_record == "transient":
        # Cut to the day, so that lists found are kept for a while.
        return (policy.now() - TOMBSTONE_LIFE).replace(hour=0, minute=0, second=0, microsecond=0)
    return None


def _known(turn: Turn) -> Record:
    selection = Selection(tombstones_since=_tombstones_since(turn))
    try:
        record = turn.store[turn.arguments["identifier"]]
    except KeyError as unknown:
        raise Error("idDoesNotExist", "No such item") from unknown
    if not selection.holds(record):
        raise Error("idDoesNotExist", "The item is gone")
    return record


def _get_record(turn: Turn) -> bytes:
    record = _known(turn)
    prefix = turn.arguments["metadataPrefix"]
    _check_prefix(prefix)
    return b"<GetRecord>%b</GetRecord>" % render.record_element(record, turn, prefix)


def _list_sets(turn: Turn) -> str:
    if "resumptionToken" in turn.arguments:
        raise Error("badResumptionToken", "The sets come in one page")
    if not turn.policy.with_sets:
        raise Error("noSetHierarchy", "This repository has no sets")
    return render.sets(turn.store.sets())


def _list_formats(turn: Turn) -> str:
    if "identifier" in turn.arguments:
        _known(turn)
    return render.formats()


PLAIN: dict[str, Callable[[Turn], str | bytes]] = {
    "Identify": render.identify,
    "ListMetadataFormats": _list_formats,
    "ListSets": _list_sets,
    "GetRecord": _get_record,
}
