"""DataCite's dates, and publicationYear: which of them says when the resource was published.

publicationYear goes before Issued, Issued before Available and Created. A date of issue in the same year is finer and
stands for both; one in another year stays beside it.
"""

from lxml import etree

from harvester.crosswalk.draft import Draft
from harvester.crosswalk.fields import dates
from harvester.crosswalk.fields.dates import year_of
from harvester.crosswalk.formats.datacite_terms import LONGEST, is_unknown, listed, said, term
from harvester.crosswalk.tree import line, local_name

# Kernel 2 had no ranges but two types for their ends. Version 3.0 replaced them by "Collected" with an interval.
_START, _END, _RANGE = "StartDate", "EndDate", "Collected"
MOST_ISSUED = 50  # dates of issue that are compared with publicationYear


def publication_year(draft: Draft, element: etree._Element) -> None:
    """A date of issue, in its place among the dates; `settle` looks whether there is a finer one."""
    text = line(draft, element, "dates")
    if text and is_unknown(text):
        draft.note("dates", "value_unknown", text)
    elif text:
        found = dates.read(text, draft.notes, type="Issued", latest=draft.latest)
        draft.dates.append(found)
        draft.published = draft.published or (found if found.value else None)


def all_dates(draft: Draft, element: etree._Element) -> None:
    """The <dates>, in their order."""
    begun: str | None = None
    if element.text and not element.text.isspace():
        draft.pass_over(element.tag)
    for child in element:
        if local_name(child) != "date":
            if local_name(child):
                draft.leave(child)
            continue
        kind = (child.get("dateType") or "").strip()
        if kind not in (_START, _END):
            date(draft, child)
        elif text := line(draft, child, "dates"):
            if begun is not None and kind == _END:
                _append(draft, f"{begun}/{text}", _RANGE)
                begun = None
            elif kind == _END:
                _append(draft, f"../{text}", _RANGE)
            else:
                if begun is not None:
                    _append(draft, f"{begun}/..", _RANGE)
                begun = text
    if begun is not None:
        _append(draft, f"{begun}/..", _RANGE)


def date(draft: Draft, element: etree._Element) -> None:
    """One <date>."""
    text = line(draft, element, "dates")
    if not text:
        return
    kind = said(draft, element, "dateType", "dates")
    known = term("dates", kind) if kind else None
    if kind and known is None:
        draft.note("dates", "date_type_unknown", kind[:LONGEST])
    if element.get("dateInformation"):
        draft.pass_over("date/@dateInformation")  # has no place in the Entry
    if is_unknown(text):
        draft.note("dates", "value_unknown", text)
    else:
        _append(draft, text, known or ("Other" if kind else None))


def settle(draft: Draft) -> None:
    """Choose the date of publication; publicationYear goes where a finer date of issue says the same year."""
    own = draft.published
    if own is None:
        return
    year = year_of(own.value or "")
    finer = [
        each
        for each in draft.dates[:MOST_ISSUED]
        if each is not own
        and each.type == "Issued"
        and each.value
        and each.value[-1] not in "?~%"
        and "/" not in each.value
        and year_of(each.value) == year
    ]
    if finer:
        draft.published = max(finer, key=lambda each: len(each.value or ""))
        draft.dates = [each for each in draft.dates if each is not own]


def _append(draft: Draft, text: str, kind: str | None) -> None:
    latest = dates.FURTHEST_YEAR if kind in listed("open_ended") else draft.latest
    found = dates.read(text, draft.notes, type=kind, latest=latest)
    draft.dates.append(found)
    if kind == "Available" and found.start:
        # The day it becomes public ends an embargo (OpenAIRE's guidelines for data archives, "Date").
        moment = draft.context.received or draft.context.datestamp
        if moment and found.start > moment.date().isoformat():
            draft.embargo = found.start
