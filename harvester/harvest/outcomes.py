"""The closed list of outcomes, from best to worst, and what a list's ending proves."""

from dataclasses import dataclass

from harvester.catalogue.ledger import Window
from harvester.catalogue.runs import Verdict
from harvester.errors import (
    CatalogueError,
    Fenced,
    HarvesterError,
    Interrupted,
    Refused,
    RepositoryError,
    Retriable,
)

# Worst last; the outcome of several streams is the worst of them.
OUTCOMES = (
    "complete",
    "complete_unverified",
    "incomplete",
    "held",
    "refused",
    "unreachable",
    "failed",
    "interrupted",  # last, since a person who stops several streams wants to be told just that
)
NOTHING_AT_ALL = (
    "the repository says that nothing matches: it is empty, or the set is misspelt; "
    "its ListSets tells which sets there are. The next harvest asks for everything again"
)
# What to do, after a sentence that tells what happened.
_ADVICE = {
    "incomplete": "Everything received is saved; run the same command again later, it goes on from there",
    "unreachable": "Nothing new was received and nothing is lost; run the same command again later",
    "refused": "Nothing received before is lost; run the same command again when this is settled",
}
TOLERANCE = 0.01  # completeListSize drifts while a list is walked (DOAJ/doaj#235)


def worst(outcomes: list[str]) -> str:
    """The worst of several; `complete` for none."""
    return max(outcomes, key=OUTCOMES.index, default="complete")


@dataclass(frozen=True, slots=True)
class Ending:
    """How a window's list ended: its verdict, and whether the watermark may move."""

    verdict: Verdict
    legal: bool


def judge(window: Window, ending: str, *, page_size: int | None) -> Ending:
    """What the ending proves. `window` as it stands after its last page; `page_size` is the repository's full page."""
    received, size = window.received, window.complete_list_size
    if ending == "no_records_match" and window.pages == 1:
        return Ending(Verdict("complete", ending, "nothing matches: no record is new or changed"), legal=True)
    if size is not None and size == received:
        return Ending(
            Verdict("complete", "size_agrees", f"all {size:,} records announced were received"), legal=True
        )
    if ending == "token_loop":
        return Ending(
            Verdict(
                "incomplete",
                ending,
                f"the list turns in a circle after {received:,} records; it was left there. "
                "Its managers have to mend that; the next harvest asks for all of it again",
            ),
            legal=False,
        )
    if size is not None and received < size * (1 - TOLERANCE):
        sentence = f"the list ended after {received:,} of {size:,} records announced; the next harvest asks for all of it again"
        return Ending(Verdict("complete_unverified", "size_differs", sentence), legal=False)
    if size is not None:
        sentence = f"{received:,} records received, {size:,} announced"
        return Ending(Verdict("complete_unverified", "size_differs", sentence), legal=True)
    if window.pages == 1 and page_size is not None and received < page_size:
        sentence = f"one page of {received:,} records, shorter than the repository's {page_size:,}"
        return Ending(Verdict("complete", "short_page", sentence), legal=True)
    sentence = f"the list ended after {received:,} records; the repository announced no number to check it by"
    return Ending(Verdict("complete_unverified", ending, sentence), legal=True)


def of_error(error: HarvesterError, *, pages: int) -> Verdict:
    """The outcome of a run that an error has ended after `pages` committed pages."""
    if isinstance(error, RepositoryError):
        seen = error.evidence
        evidence = None if seen is None else {"url": seen.url, "status": seen.status, "excerpt": seen.excerpt}
        outcome = _outcome(error, pages)
        return Verdict(outcome, error.reason, _with_advice(error, outcome), evidence)
    if isinstance(error, Interrupted):
        return Verdict("interrupted", "signal", str(error))
    if isinstance(error, Fenced):
        return Verdict("incomplete", "fenced", _with_advice(error, "incomplete"))
    return Verdict("failed", "catalogue" if isinstance(error, CatalogueError) else "error", str(error))


def _outcome(error: RepositoryError, pages: int) -> str:
    if isinstance(error, Refused):
        return "refused"
    # A host that wants a pause, or is busy with another of our processes, has been reached.
    waits = isinstance(error, Retriable) and (error.after is not None or error.reason == "host_busy")
    return "incomplete" if pages or waits else "unreachable"


def _with_advice(error: HarvesterError, outcome: str) -> str:
    return f"{str(error).rstrip('. ')}. {_ADVICE[outcome]}"
