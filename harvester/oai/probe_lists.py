"""What the first pages of a list show: order, repetitions, sizes, and what becomes of a token that is asked twice.

Sections 2.5.1 and 3.5 of the specification.
"""

import itertools

from harvester.errors import RepositoryError, TokenExpired
from harvester.oai.probe_inquiry import Inquiry, Unclear, Walk, headers_of, page_of
from harvester.oai.records import Page, ResumptionToken
from harvester.oai.repository import Answer

MOST_PAGES = 5
# Refusals of a token outside OAI-PMH: Zenodo's 422, others' 400, 404 and 410.
_REFUSED = frozenset({"http_400", "http_404", "http_410", "http_422"})


def walk(inquiry: Inquiry) -> None:
    """Walk the first pages of the whole list; by ListRecords where ListIdentifiers fails."""
    prefix = inquiry.formats[0].prefix if inquiry.formats else "oai_dc"
    arguments = {"metadataPrefix": prefix}
    try:
        first = inquiry.page("ListIdentifiers", arguments)
        verb = "ListIdentifiers"
        inquiry.observe("list_identifiers", True, "its first page came")
    except RepositoryError as error:
        if inquiry.ended:
            raise
        inquiry.observe("list_identifiers", False, str(error))
        verb = "ListRecords"
        first = inquiry.page(verb, arguments)
    if not first.records and first.token is None:
        arguments, first = _with_from(inquiry, verb, arguments, first)
    else:
        inquiry.observe("needs_from", False, "a list without dates holds records")
    inquiry.walk = _further(inquiry, Walk(verb, arguments, [first], [], first.token is None))
    _look(inquiry, inquiry.walk)


def _with_from(
    inquiry: Inquiry, verb: str, arguments: dict[str, str], empty: Page
) -> tuple[dict[str, str], Page]:
    """Some give nothing unless a date is given (LearningRegistry#60)."""
    earliest = (inquiry.said and inquiry.said.earliest_datestamp) or "1970-01-01"
    dated = arguments | {"from": earliest[:10]}
    page = inquiry.page(verb, dated)
    if not page.records:
        inquiry.remark("it lists no record at all: it is empty, or its index is being rebuilt")
        return arguments, empty
    inquiry.observe("needs_from", True, f"without dates its list is empty, from {dated['from']} on it is not")
    inquiry.remark(
        "it lists nothing unless a date is given: harvest it with --from 1900-01-01 the first time"
    )
    return dated, page


def _further(inquiry: Inquiry, begun: Walk) -> Walk:
    pages, tokens = list(begun.pages), list(begun.tokens)
    while (token := pages[-1].token) is not None and len(pages) < MOST_PAGES:
        try:
            page = inquiry.page(begun.verb, {"resumptionToken": token.text})
        except (RepositoryError, Unclear) as error:
            inquiry.remark(f"page {len(pages) + 1} of its list could not be had: {error}")
            break
        tokens.append(token.text)
        if page.records and any(_same(page, earlier) for earlier in pages):
            inquiry.remark(
                f"page {len(pages) + 1} of its list brings the records of an earlier page again: the list turns in a circle, "
                "and its managers have to mend that"
            )
            break
        pages.append(page)
    return Walk(begun.verb, begun.arguments, pages, tokens, pages[-1].token is None)


def _same(one: Page, other: Page) -> bool:
    return [each.identifier for each in headers_of(one)] == [each.identifier for each in headers_of(other)]


def _look(inquiry: Inquiry, found: Walk) -> None:
    headers = found.headers
    if not headers:
        return
    seen = f"{len(headers):,} headers on {len(found.pages)} pages"
    _look_at_order(inquiry, found, seen)
    _look_at_size(inquiry, found)
    twice = len(headers) - len({each.identifier for each in headers})
    inquiry.observe("repeated", twice, f"identifiers that came again among {seen}")
    inquiry.observe("sets_in_headers", any(each.set_specs for each in headers), seen)
    gone = sum(each.deleted for each in headers)
    if gone:
        inquiry.observe("tombstones", True, f"{gone:,} of {seen} are deleted")
    lives = [page.token.life for page in found.pages if page.token and page.token.life]
    if lives:
        shortest = min(lives).total_seconds()
        inquiry.observe("token_life", shortest, f"expirationDate less responseDate, of {len(lives)} tokens")
    empty = sum(not page.records and page.token is not None for page in found.pages)
    if empty:
        inquiry.remark(f"{empty} of the first {len(found.pages)} pages hold no record, and have a token")


def _look_at_order(inquiry: Inquiry, found: Walk, seen: str) -> None:
    stamps = [each.datestamp.value for each in found.headers if not each.datestamp.guessed]
    if len(set(stamps)) < 2:
        return
    pairs = list(itertools.pairwise(stamps))
    if all(one <= other for one, other in pairs):
        order = "ascending"
    elif all(one >= other for one, other in pairs):
        order = "descending"
    else:
        order = "none"
    inquiry.observe("order", order, f"datestamps of {seen}")


def _look_at_size(inquiry: Inquiry, found: Walk) -> None:
    held = len({each.identifier for each in found.headers})
    tokens = [page.token for page in found.pages if page.token is not None]
    told = [size for page in found.pages if (size := size_of(page)) is not None]
    if tokens:
        how = f"completeListSize on {len(told)} of {len(found.pages)} pages of {found.verb}"
        inquiry.observe("sends_size", bool(told), how)
    if len(set(told)) > 1:
        inquiry.remark(
            f"completeListSize changes from page to page: {', '.join(f'{each:,}' for each in dict.fromkeys(told))}"
        )
    if found.ended:
        inquiry.observe("records", held, "the list was walked to its end")
        if told:
            agrees = all(each == held for each in told)
            inquiry.observe("size_truthful", agrees, f"told {told[0]:,}, came {held:,}")
            if not agrees:
                inquiry.remark(
                    f"completeListSize is not to be trusted: it told {told[0]:,}, and {held:,} came"
                )
    elif told:
        inquiry.observe("records", told[0], "completeListSize of a list without a set")
    _look_at_cursors(inquiry, found, tokens)


def size_of(page: Page) -> int | None:
    """completeListSize, from the token or from the empty one of a last page."""
    return page.complete_list_size if page.token is None else page.token.complete_list_size


def _look_at_cursors(inquiry: Inquiry, found: Walk, tokens: list[ResumptionToken]) -> None:
    before = list(itertools.accumulate((len(page.records) for page in found.pages), initial=0))
    cursors = [token.cursor for token in tokens]
    if any(each is not None for each in cursors) and cursors != before[: len(cursors)]:
        inquiry.remark("cursor does not count the records before a page; it is not used")


def twice(inquiry: Inquiry) -> None:
    """Ask the last token again: section 3.5.1 promises the same page, search-engine scrolls give the next one."""
    found = inquiry.walked()
    if not found.tokens or len(found.pages) < 2:
        raise Unclear("the list fits on one page, so there is no token to ask twice")
    token, first = found.tokens[-1], found.pages[-1]
    if len(found.tokens) != len(found.pages) - 1:
        raise Unclear("the list turns in a circle")

    def read(answer: Answer) -> Page:
        if answer.response.requests > inquiry.usual:
            raise Unclear("the request had to be sent again, so nobody knows which page it brought")
        return page_of(answer, found.verb)

    try:
        again = inquiry.ask(read, {"verb": found.verb, "resumptionToken": token}, once=True)
    except RepositoryError as error:
        if not isinstance(error, TokenExpired) and error.reason not in _REFUSED:
            raise
        inquiry.observe("single_use_tokens", True, f"asked twice, the second time: {error}")
        inquiry.observe("idempotent_tokens", False, "a token is refused the second time")
        return
    inquiry.observe("single_use_tokens", False, "a token was taken twice")
    _compare(inquiry, first, again)


def _compare(inquiry: Inquiry, first: Page, again: Page) -> None:
    one = {each.identifier for each in headers_of(first)}
    other = {each.identifier for each in headers_of(again)}
    if one == other:
        inquiry.observe(
            "idempotent_tokens", True, f"a token asked twice brought the same {len(one):,} records"
        )
    elif not one & other:
        how = f"a token asked twice brought {len(one):,} records, then {len(other):,} others"
        inquiry.observe("idempotent_tokens", False, how)
    else:
        raise Unclear(
            "a token asked twice brought two pages that overlap: the list may have changed in between"
        )
