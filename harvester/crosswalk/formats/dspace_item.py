"""DSpace's metadata values, however they are wrapped, and what is gathered of them until all have been seen."""

from dataclasses import dataclass, field
from typing import NamedTuple

from lxml import etree

from harvester.crosswalk.draft import Draft
from harvester.crosswalk.table import whole_text
from harvester.entry import Agent, Thesis

NO_LANGUAGE = ("none", "*", "")  # DSpace's words for a value without a language, or in any
MOST_OF_A_KIND = 1000  # values that are kept back until all have been seen; further ones are left


class Value(NamedTuple):
    """One value of the field `label` (`dc.contributor.author`): its text, stripped, and what stands beside it."""

    label: str
    text: str
    element: etree._Element
    language: str | None = None
    authority: str | None = None


@dataclass(slots=True)
class Item:
    """A draft, and what only makes sense once all values are known.

    `exact` says that an authority stands at its own value: DSpace's dim.xsl gives every value of a field the first
    value's authority, so there one that several people bear is nobody's.
    """

    draft: Draft
    exact: bool
    bearers: dict[str, list[tuple[list[Agent], int]]] = field(default_factory=dict)
    virtual: dict[str, list[Value]] = field(default_factory=dict)
    orcids: list[Value] = field(default_factory=list)
    affiliations: list[Value] = field(default_factory=list)
    # Where the values of contributor.author are among the creators, and their names
    authors: list[int] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    # What was read: (field, language, text)
    read: set[tuple[str, str | None, str]] = field(default_factory=set)
    source: dict[str, str] = field(default_factory=dict)
    # Texts that may name the container, and where they are among the relations, or among the identifiers
    parents: list[tuple[str, int]] = field(default_factory=list)
    series: list[tuple[str, int]] = field(default_factory=list)
    citations: list[tuple[str, int]] = field(default_factory=list)
    thesis: dict[str, str] = field(default_factory=dict)
    disciplines: list[Value] = field(default_factory=list)
    advisors: list[str] = field(default_factory=list)
    awards: dict[str, dict[str, str]] = field(default_factory=dict)

    def keep(self, values: list[Value], value: Value) -> None:
        """Keep a value back, within bounds."""
        if len(values) < MOST_OF_A_KIND:
            values.append(value)
        else:
            self.leave(value)

    def leave(self, value: Value) -> None:
        """Count a value as unread, under the name of its field."""
        self.draft.leave(value.element, value.label)

    def line(self, value: Value, field: str) -> str:
        """The value as one clean line."""
        return self.draft.line(value.text, field)

    def further(self, field: str, said: str) -> None:
        """Note a value for which the entry has only one place, and that is taken."""
        self.draft.note(field, "further_value", said)


def text_of(element: etree._Element, draft: Draft) -> str:
    """The text of a field, stripped; where it holds elements, marks of them need tidying."""
    if len(element):
        draft.clean = False
        return whole_text(element).strip()
    return (element.text or "").strip()


def thesis_of(item: Item) -> Thesis | None:
    """The Thesis, where anything was said of one."""
    said = item.thesis
    if not said and not item.advisors:
        return None
    return Thesis(
        said.get("qualification"),
        said.get("level"),
        said.get("grantor"),
        said.get("department"),
        tuple(item.advisors),
    )
