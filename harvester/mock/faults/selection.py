"""Faults of what may be asked for: bounds that mean something else, lists of sets that are not to be trusted."""

# Every fault takes the same two arguments, needed or not.
# ruff: noqa: ARG001

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from harvester.mock import render
from harvester.mock.exchange import Error, Turn
from harvester.mock.faults.fault import Armed, Fault, Stage
from harvester.mock.protocol import xml_answer

SETS = frozenset({"ListSets"})
MIDNIGHT = "T00:00:00Z"


def _exclusive_until(turn: Turn, armed: Armed) -> bool:
    place = turn.place
    if place is None or place.number or place.query.until is None:
        return False  # a token carries the bound that was changed on the first page
    from_, until = place.query.from_, _before(place.query.until)
    turn.place = replace(place, query=replace(place.query, until=until))
    if from_ is not None and from_ > until:
        turn.refusal = Error("noRecordsMatch", "No record matches")
    return True


def _before(until: str) -> str:
    if "T" in until:
        return render.moment(datetime.fromisoformat(until) - timedelta(seconds=1))
    return (date.fromisoformat(until) - timedelta(days=1)).isoformat()


def _until_means_midnight(turn: Turn, armed: Armed) -> bool:
    place = turn.place
    if place is None or place.query.until is None or "T" in place.query.until:
        return False
    query = replace(place.query, until=place.query.until + MIDNIGHT)
    if query.from_ is not None:
        query = replace(query, from_=query.from_ + MIDNIGHT)
    turn.place = replace(place, query=query)
    return True


def _refuses_dates(turn: Turn, armed: Armed) -> bool:
    if turn.query.from_ is None and turn.query.until is None:
        return False
    turn.refusal = Error("badArgument", "from and until are not supported")
    return True


def _nothing_without_from(turn: Turn, armed: Armed) -> bool:
    if turn.query.from_ is not None:
        return False
    turn.refusal = Error("noRecordsMatch", "No record matches")
    return True


def _list_sets(turn: Turn, specs: Sequence[str], token: str) -> bool:
    said = render.sets(specs)
    if token:
        said = said.replace("</ListSets>", f"<resumptionToken>{token}</resumptionToken></ListSets>")
    turn.answer = xml_answer(turn, render.document(turn, said))
    return True


def _sets_in_pages(turn: Turn, armed: Armed) -> bool:
    start = int(turn.arguments.get("resumptionToken", "sets/0").rpartition("/")[2])
    end = start + armed.options["size"]
    specs = turn.store.sets()
    return _list_sets(turn, specs[start:end], f"sets/{end}" if end < len(specs) else "")


def _endless_sets(turn: Turn, armed: Armed) -> bool:
    number = int(turn.arguments.get("resumptionToken", "page/0").rpartition("/")[2])
    specs = turn.store.sets()
    if armed.options["fresh"]:
        specs = [f"{spec}:{number}" for spec in specs]
    return _list_sets(turn, specs, f"page/{number + 1}")


def _sets_missing(turn: Turn, armed: Armed) -> bool:
    return _list_sets(turn, turn.store.sets()[: armed.options["count"]], "")


def _sets_refused(turn: Turn, armed: Armed) -> bool:
    turn.refusal = Error("badVerb", "The verb for this is ListAllAuth")
    return True


FAULTS: dict[str, Fault] = {
    "exclusive_until": Fault("until leaves out what is stamped exactly so", Stage.ASKED, _exclusive_until),
    "until_means_midnight": Fault(
        "a day as until ends when it begins, in a repository that stamps by the second",
        Stage.ASKED,
        _until_means_midnight,
    ),
    "refuses_dates": Fault("badArgument to any from or until", Stage.ASKED, _refuses_dates),
    "nothing_without_from": Fault(
        "noRecordsMatch to a list without from", Stage.ASKED, _nothing_without_from
    ),
    "sets_in_pages": Fault(
        "ListSets comes in pages of `size`, with tokens", Stage.ASKED, _sets_in_pages, {"size": 10}, SETS
    ),
    "endless_sets": Fault(
        "every page of ListSets has a token, and brings the same sets or, where `fresh`, always others",
        Stage.ASKED,
        _endless_sets,
        {"fresh": False},
        SETS,
    ),
    "sets_missing": Fault(
        "ListSets tells only the first `count` sets, headers name the others too",
        Stage.ASKED,
        _sets_missing,
        {"count": 3},
        SETS,
    ),
    "sets_refused": Fault(
        "badVerb to ListSets: the sets are behind a verb of its own", Stage.ASKED, _sets_refused, verbs=SETS
    ),
}
