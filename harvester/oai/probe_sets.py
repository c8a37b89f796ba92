"""Which sets there are, and whether asking for one limits a list (sections 2.6 and 4.6 of the specification)."""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import islice

from harvester.errors import Refused
from harvester.oai.page import local_name, raise_errors
from harvester.oai.parsing import OAI
from harvester.oai.probe_inquiry import Inquiry, Unclear, headers_of
from harvester.oai.probe_lists import size_of
from harvester.oai.records import Header, Page
from harvester.oai.repository import Answer

_MOST_PAGES = 3  # some lists of sets have no end, and some are larger than the list of records
_MOST_ON_A_PAGE = 20_000
_LONGEST = 512  # characters of a setSpec
_MOST_TRIES = 2  # a set that is listed may be empty


def listed(inquiry: Inquiry) -> None:
    """Read the first pages of ListSets."""
    try:
        _read_pages(inquiry)
    finally:
        _note(inquiry)


def _read_pages(inquiry: Inquiry) -> None:
    found = inquiry.sets
    arguments: dict[str, str] = {}
    for _ in range(_MOST_PAGES):
        try:
            specs, token = inquiry.ask(_read, {"verb": "ListSets", **arguments})
        except Refused as error:
            if not found.specs and not inquiry.ended:
                inquiry.observe("sets_listed", False, str(error))
            if error.reason != "noSetHierarchy":
                raise
            found.whole = True
            return
        known = set(found.specs)
        new = [each for each in dict.fromkeys(specs) if each not in known]
        found.specs += new
        if not token:
            found.whole = True
            return
        if not new:
            inquiry.remark("ListSets names the same sets again and again: it has no end")
            return
        arguments = {"resumptionToken": token}


def _note(inquiry: Inquiry) -> None:
    found = inquiry.sets
    number = len(found.specs)
    if number or (found.whole and "sets_listed" not in inquiry.observed):
        inquiry.observe("sets_listed", number > 0, f"ListSets names {number:,} on the pages read")
    if found.whole:
        inquiry.observe("sets", number, "ListSets, read to its end")
    elif number:
        inquiry.left_open["sets"] = f"ListSets goes on after the {number:,} on the pages read"


def _read(answer: Answer) -> tuple[list[str], str]:
    raise_errors(answer.root)
    container = answer.root.find(f"{OAI}ListSets")
    if container is None:
        raise Unclear("the answer to ListSets lists no sets")
    specs: list[str] = []
    token = ""
    for child in islice(container, _MOST_ON_A_PAGE):
        name = local_name(child)
        if name == "set":
            spec = (child.findtext(f"{OAI}setSpec") or "").strip()
            specs += [spec] if 0 < len(spec) <= _LONGEST else []
        elif name == "resumptionToken":
            token = (child.text or "").strip()
    return specs, token


def limited(inquiry: Inquiry) -> None:
    """Ask for a set that some of the records seen are in and others are not; on its second page too."""
    found = inquiry.walked()
    tried = _candidates(found.headers, inquiry.sets.specs, bool(inquiry.value("sets_in_headers")))
    if not tried:
        raise Unclear("no set is known that would leave some of the records out")
    for spec in tried[:_MOST_TRIES]:
        first = inquiry.list({"set": spec})
        if first.records:
            _judge(inquiry, spec, first)
            _second(inquiry, spec, first)
            return
    raise Unclear(f"the sets asked for hold nothing ({', '.join(tried[:_MOST_TRIES])})")


def _candidates(headers: list[Header], listed_: Sequence[str], named: bool) -> list[str]:
    counts = Counter(spec for header in headers for spec in header.set_specs)
    partial = [spec for spec, number in counts.most_common() if number < len(headers)]
    if partial or named:
        return partial
    return list(listed_)


def belongs(header: Header, spec: str) -> bool:
    """Whether the header says that its record is in the set, or in one beneath it."""
    return any(own == spec or own.startswith(f"{spec}:") for own in header.set_specs)


def _judge(inquiry: Inquiry, spec: str, page: Page) -> None:
    headers, walked = headers_of(page), inquiry.walked()
    foreign = _foreign(headers, spec)
    same = [each.identifier for each in headers] == [each.identifier for each in headers_of(walked.pages[0])]
    how = f"asked for set {spec}: {len(headers):,} came, {foreign:,} of them do not say that they are in it"
    size, whole = size_of(page), size_of(walked.pages[0])
    if foreign and same:
        honoured, how = False, f"{how}; it is the first page of the whole list"
    elif foreign and size is not None and whole is not None:
        honoured, how = size < whole, f"{how}; {size:,} records are told, {whole:,} without a set"
    elif foreign and inquiry.value("sets_in_headers"):
        honoured = False
    else:
        honoured = not same
    inquiry.observe("set_honoured", honoured, how)


def _second(inquiry: Inquiry, spec: str, first: Page) -> None:
    if inquiry.value("set_honoured") is False:
        inquiry.observe("set_on_later_pages", False, "the set does not limit the first page either")
        return
    if first.token is None:
        raise Unclear(f"the set {spec} fits on one page")
    if _foreign(headers_of(first), spec):
        raise Unclear("headers do not name the set, so what comes later cannot be told apart")
    headers = headers_of(inquiry.list({"resumptionToken": first.token.text}))
    if not headers:
        raise Unclear(f"the second page of the set {spec} came without records")
    foreign = _foreign(headers, spec)
    how = f"second page of set {spec}: {foreign:,} of {len(headers):,} are not in it"
    inquiry.observe("set_on_later_pages", not foreign, how)


def _foreign(headers: Iterable[Header], spec: str) -> int:
    return sum(not belongs(each, spec) for each in headers)


def unlisted(inquiry: Inquiry) -> None:
    """Compare the sets that headers name with those that ListSets does; no request."""
    found = inquiry.sets
    if not found.whole or inquiry.walk is None:
        return
    named = {spec for header in inquiry.walk.headers for spec in header.set_specs}
    missing = sorted(named - set(found.specs))
    if missing:
        inquiry.remark(
            f"{len(missing):,} sets that headers name are missing from ListSets, such as {missing[0]}"
        )
