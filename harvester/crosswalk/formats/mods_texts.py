"""abstract, tableOfContents and note of MODS; and what some notes say of a thesis or of its funding."""

import re

from lxml import etree

from harvester.crosswalk.draft import Draft
from harvester.crosswalk.fields import funding
from harvester.crosswalk.fields import text as texts
from harvester.crosswalk.table import XML_LANG, whole_text
from harvester.crosswalk.tree import Branch, line
from harvester.entry import Description, Thesis

_COUNTS = ("creatorcount", "publicationstatus", "publicationchannel")  # SwePub's numbers about the record
MOST_NOTES = 200  # of one record that are searched for a degree
_WRAPPED = re.compile(r"[ \t]?\n[ \t]{4,}(?=\S)")
# `Thesis (Ph. D.)--Some University, Dept. of Mathematics, 2002.`
_DISSERTATION = re.compile(
    r"Thesis \(([^()]{1,80})\) ?(?:--|[-–—]) ?([^,]{2,200})(?:, ([^0-9]{2,200}))?, ?[0-9]{4}\.?"
)


def prose(draft: Draft, element: etree._Element, field: str) -> str:
    """Paragraphs; the lines that a pretty-printed document breaks and indents are one."""
    raw = whole_text(element) if len(element) else element.text
    return texts.plain(_WRAPPED.sub(" ", raw), draft.notes, field) if raw else ""


def described(kind: str) -> Branch:
    """A branch for a description of one kind."""
    return lambda draft, element: description(draft, element, kind)


def description(draft: Draft, element: etree._Element, kind: str) -> None:
    said = prose(draft, element, "descriptions")
    if said:
        language = draft.language(element.get("lang") or element.get(XML_LANG))
        draft.descriptions.append(Description(said, kind, language))


def abstract(draft: Draft, element: etree._Element) -> None:
    """Reviews and warnings of the content are no abstracts (MODS 3.6, abstract@type)."""
    other = (element.get("type") or "").strip().lower() in ("review", "content advice")
    description(draft, element, "other" if other else "abstract")


def note(draft: Draft, element: etree._Element) -> None:
    kind = "".join((element.get("type") or "").lower().split())
    if kind in _COUNTS:
        draft.leave(element)
    elif kind in ("funder", "funding", "sponsor"):
        _funder(draft, line(draft, element, "funding"))
    else:
        _note(draft, element, kind)


def _note(draft: Draft, element: etree._Element, kind: str) -> None:
    said = prose(draft, element, "descriptions")
    if not said:
        return
    if kind in ("degree", "degreename", "thesisdegree") and not (draft.thesis and draft.thesis.qualification):
        _put(draft, qualification=said)
        return
    label = (element.get("displayLabel") or "").strip().rstrip(":")
    language = draft.language(element.get("lang") or element.get(XML_LANG))
    text = f"{label}: {said}" if label and label.isprintable() else said
    draft.descriptions.append(
        Description(text, "technical" if kind == "systemdetails" else "other", language)
    )


def degree(field: str) -> Branch:
    """A branch for one term of ETD-MS's degree."""

    def branch(draft: Draft, element: etree._Element) -> None:
        said = line(draft, element, "thesis")
        have = getattr(draft.thesis, field) if draft.thesis else None
        if said and have is None:
            _put(draft, **{field: said})
        elif said and said != have:
            draft.note("thesis", "further_value", said)

    return branch


def dissertation(draft: Draft) -> None:
    """Take from a note on the thesis what nothing else says of the degree."""
    for description in draft.descriptions[:MOST_NOTES]:
        match = _DISSERTATION.fullmatch(description.text) if description.text.startswith("Thesis (") else None
        if match:
            have = draft.thesis or Thesis()
            _put(
                draft,
                qualification=have.qualification or match[1],
                grantor=have.grantor or match[2],
                department=have.department or match[3],
            )


def _put(draft: Draft, **said: str | None) -> None:
    have = draft.thesis or Thesis()
    draft.thesis = Thesis(
        said.get("qualification", have.qualification),
        said.get("level", have.level),
        said.get("grantor", have.grantor),
        said.get("department", have.department),
        have.advisors,
    )


def _funder(draft: Draft, said: str) -> None:
    """`Familjen Kamprads stiftelse [20132002]`, as DiVA has it: the funder and the number of the grant."""
    funder, bracket, award = said.rpartition(" [")
    if not bracket or not said.endswith("]"):
        funder, award = said, ""
    draft.add("funding", funding.reference(funder, award.removesuffix("]")))
