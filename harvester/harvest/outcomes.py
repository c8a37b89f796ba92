"""The closed list of outcomes, from best to worst, and what a list's ending proves."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from harvester.catalogue.ledger import Plan
from harvester.catalogue.runs import Verdict
from harvester.catalogue.windows import Window
from harvester.errors import (
    CatalogueError,
    Fenced,
    HarvesterError,
    Interrupted,
    Refused,
    RepositoryError,
    Retriable,
    TokenExpired,
)
from harvester.oai.traits import Traits

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
_UNCOUNTED = ("no_token", "empty_token")  # legal ends of lists that announced no number
_AGAIN = "; the next harvest asks for all of it again"
TOLERANCE = 0.01  # completeListSize drifts while a list is walked (DOAJ/doaj#235)


def worst(outcomes: list[str]) -> str:
    """The worst of several; `complete` for none."""
    return max(outcomes, key=OUTCOMES.index, default="complete")


@dataclass(frozen=True, slots=True)
class Ending:
    """How a window's list ended: its verdict, and whether the watermark may move."""

    verdict: Verdict
    legal: bool


def is_short(window: Window) -> bool:
    """Whether clearly fewer records came than the list had announced."""
    size = window.complete_list_size
    return size is not None and window.received < size * (1 - TOLERANCE)


def judge_plan(plan: Plan, done: Sequence[Window], traits: Traits, held: int | None = None) -> Ending | None:
    """What the windows that have ended prove together; None for no window: another process has closed the plan.

    `held` is how many records of the stream the catalogue has, tombstones and quarantine included.
    """
    if not done:
        return None
    endings = [judge(each, each.ending or "", traits) for each in done]
    legal = all(each.legal for each in endings)
    by_outcome = {each.verdict.outcome: each.verdict for each in endings}
    verdict = by_outcome[worst(list(by_outcome))]
    received, outside = sum(each.received for each in done), sum(each.outside for each in done)
    # An index that is being rebuilt says that nothing matches: a first harvest that found nothing is asked again.
    if plan.kind == "full" and not received:
        if verdict.outcome == "complete":
            verdict = replace(verdict, outcome="complete_unverified", sentence=NOTHING_AT_ALL)
        return Ending(verdict, legal=False)
    if outside and (traits.set_honoured is False or traits.set_on_later_pages is False):
        sentence = (
            f"the repository does not keep to the set: {outside:,} of {received:,} records are in others by their headers; "
            "they are kept, and not taken for members of this one"
        )
        return Ending(Verdict("complete_unverified", "set_not_honoured", sentence), legal)
    if held is not None and plan.kind == "full" and held < received and len(done) == 1:
        sentence = f"{received:,} records received, but only {held:,} different ones: some came twice, and as many may have slipped past"
        return Ending(Verdict("complete_unverified", "repeated", sentence), legal)
    cut = len(done) > 1 or (plan.size is not None and received < plan.size)
    if cut and legal and (verdict.outcome == "complete" or _adds_up(plan, endings, received)):
        # Windows share their bounds, so that some records count twice; after a whole harvest, what is held counts each once.
        distinct = received if held is None or plan.kind != "full" else min(held, received)
        return _sum(plan, len(done), distinct, traits)
    if len(done) > 1 and verdict.reason == "size_differs":
        announced = plan.size or sum(each.complete_list_size or each.received for each in done)
        sentence = f"{received:,} of {announced:,} records announced came, in {len(done):,} windows"
        return Ending(replace(verdict, sentence=sentence + ("" if legal else _AGAIN)), legal)
    if len(done) > 1:
        told = f"{received:,} records received in {len(done):,} windows; of one of them: {verdict.sentence}"
        return Ending(replace(verdict, sentence=told), legal)
    return Ending(verdict, legal)


def _adds_up(plan: Plan, endings: Sequence[Ending], received: int) -> bool:
    """Whether windows that told no number add up to what the whole list had announced."""
    uncounted = all(
        each.verdict.outcome == "complete" or each.verdict.reason in _UNCOUNTED for each in endings
    )
    return uncounted and plan.size is not None and received >= plan.size


def _sum(plan: Plan, number: int, received: int, traits: Traits) -> Ending:
    """The windows against the whole list, where that has said how long it is."""
    windows = f"all {number:,} windows have ended" if number > 1 else "the list has ended"
    each = f"{windows}, with {received:,} records in all"
    if plan.size is None:
        return Ending(Verdict("complete", "windows_agree", each), legal=True)
    if received >= plan.size * (1 - TOLERANCE):
        outcome = "complete" if received >= plan.size else "complete_unverified"
        return Ending(
            Verdict(outcome, "windows_agree", f"{each}; the list announced {plan.size:,}"), legal=True
        )
    sentence = (
        f"{each}, but the list as a whole announced {plan.size:,}: some may have no date to be found by"
    )
    lies = traits.size_truthful is False
    return Ending(
        Verdict("complete_unverified", "windows_short", sentence + ("" if lies else _AGAIN)), legal=lies
    )


def judge(window: Window, ending: str, traits: Traits) -> Ending:
    """What the ending proves. `window` as it stands after its last page; `traits` tell the repository's full page."""
    received, size = window.received, window.complete_list_size
    if ending == "unreadable":
        sentence = (
            "what the repository holds between two dates could be had in no way; `harvester quarantine list` tells which dates, "
            "and `harvester quarantine retry` asks again"
        )
        return Ending(Verdict("complete_unverified", ending, sentence), legal=True)
    if window.skipped:
        sentence = (
            f"{window.skipped:,} of {received:,} records were not asked for one by one, since their headers are those held: "
            "an edit that moved no datestamp is found by --full or --rolling"
        )
        return Ending(Verdict("complete_unverified", "held_as_listed", sentence), legal=not is_short(window))
    if ending == "no_records_match" and window.pages == 1:
        return Ending(Verdict("complete", ending, "nothing matches: no record is new or changed"), legal=True)
    if size is not None and size == received and window.moved and window.pages > 1:
        sentence = f"all {size:,} records announced were received, but the list changed while it was read: one may have slipped past"
        return Ending(Verdict("complete_unverified", "list_moved", sentence), legal=True)
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
    return _of_counts(window, ending, traits)


def _of_counts(window: Window, ending: str, traits: Traits) -> Ending:
    """What the numbers say of a list that has ended, and did not bring just what it announced."""
    received, size, page_size = window.received, window.complete_list_size, traits.page_size
    if is_short(window) and traits.size_truthful is not False:
        sentence = f"the list ended after {received:,} of {size:,} records announced{_AGAIN}"
        return Ending(Verdict("complete_unverified", "size_differs", sentence), legal=False)
    if size is not None:
        sentence = f"{received:,} records received, {size:,} announced"
        return Ending(Verdict("complete_unverified", "size_differs", sentence), legal=True)
    if window.pages == 1 and page_size is not None and received < page_size:
        sentence = f"one page of {received:,} records, shorter than the repository's {page_size:,}"
        return Ending(Verdict("complete", "short_page", sentence), legal=True)
    if ending == "empty_pages" or (ending == "no_records_match" and window.pages > 1):
        # Some end every list so; a list that breaks off looks the same until it has ended at the same place twice.
        again = traits.empty_ending == received
        sentence = (
            f"after {received:,} records nothing but "
            + (
                "empty pages came, each with a token for another"
                if ending == "empty_pages"
                else "noRecordsMatch came for a token"
            )
            + ("; the list ended there before" if again else _AGAIN)
        )
        return Ending(Verdict("complete_unverified", ending, sentence), legal=again)
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
    if isinstance(error, TokenExpired):
        return "incomplete"  # it has answered, and as OAI-PMH wants it
    # A host that wants a pause, or is busy with another of our processes, has been reached.
    waits = isinstance(error, Retriable) and (error.after is not None or error.reason == "host_busy")
    return "incomplete" if pages or waits else "unreachable"


def _with_advice(error: HarvesterError, outcome: str) -> str:
    return f"{str(error).rstrip('. ')}. {_ADVICE[outcome]}"
