"""What a DSpace item appeared in, was written for and was paid by: said in several fields each, in any order."""

import re
from collections.abc import Callable

from harvester.crosswalk.fields import check_digits, containers, funding, identifiers, relations
from harvester.crosswalk.fields.identifiers import Known
from harvester.crosswalk.formats.dspace_item import MOST_OF_A_KIND, Item, Value, thesis_of
from harvester.entry import Container, Funding, Relation

Rule = Callable[[Item, Value], None]

LONGEST_FUNDER = 150  # characters: beyond, it is an acknowledgement and not a name
_NUMBER = re.compile(r"(?=\S*[0-9])\S{1,60}")  # an award's number has digits and no blanks


def source(part: str) -> Rule:
    """A rule for one part of the Container: `title`, `volume`, `first_page` …; the first value stands."""

    def rule(item: Item, value: Value) -> None:
        said = item.line(value, "container")
        if said and item.source.setdefault(part, said) != said:
            item.further("container", said)

    return rule


def journal_issn(item: Item, value: Value) -> None:
    issn = check_digits.issn(item.line(value, "container").rpartition(":")[2].strip())
    if issn:
        item.draft.container = containers.with_issn(item.draft.container, issn)
    else:
        item.leave(value)


def parent(item: Item, value: Value) -> None:
    """`ispartof`: a journal's name, or the identifier of what holds the item."""
    said = item.line(value, "relations")
    known = identifiers.identify(said) if said else None
    if known and known.scheme == "issn":
        journal_issn(item, value)
    elif known:
        item.draft.relations.append(Relation("IsPartOf", known.value, known.scheme))
    elif said:
        _part_of(item, item.parents, said)


def series(item: Item, value: Value) -> None:
    """`ispartofseries`: name and number, which DSpace joins, `Working Papers;12-3`."""
    said = item.line(value, "relations")
    if said:
        _part_of(item, item.series, said)


def citation(item: Item, value: Value) -> None:
    """The citation of the item's other form."""
    said = item.line(value, "identifiers")
    if said:
        if len(item.citations) < MOST_OF_A_KIND:
            item.citations.append((said, len(item.draft.found)))
        item.draft.found.append((Known(said, "other"), said))


def thesis(part: str) -> Rule:
    """A rule for one part of the Thesis; the first value stands."""

    def rule(item: Item, value: Value) -> None:
        said = item.line(value, "thesis")
        if funding.is_nothing(said):
            return
        if item.thesis.setdefault(part, said) != said:
            item.further("thesis", said)

    return rule


def discipline(item: Item, value: Value) -> None:
    """ETD-MS: "usually the name of a program or department"; it stands for that where none is named."""
    item.keep(item.disciplines, value)


def sponsor(item: Item, value: Value) -> None:
    said = item.line(value, "funding")
    grant = relations.grant(said) or funding.reference(said)
    if grant is None:
        return
    item.draft.funding.append(grant)
    if len(said) > LONGEST_FUNDER:
        item.draft.note("funding", "funder_in_prose", said)


def project(item: Item, value: Value) -> None:
    said = item.line(value, "funding")
    grant = relations.grant(said)
    if grant is None and said and not funding.is_nothing(said):
        is_number = _NUMBER.fullmatch(said) is not None
        grant = Funding(None, None, said) if is_number else Funding(None, None, None, said)
    item.draft.add("funding", grant)


def award(part: str) -> Rule:
    """A rule for one part of a grant; what belongs together has the same authority, or none."""

    def rule(item: Item, value: Value) -> None:
        said = item.line(value, "funding")
        parts = item.awards.setdefault(value.authority or "", {})
        if said and parts.setdefault(part, said) != said:
            item.leave(value)

    return rule


def settle(item: Item) -> None:
    """Make the container, the thesis and the grants of what was gathered."""
    _settle_container(item)
    _settle_thesis(item)
    for parts in item.awards.values():
        found = funding.reference(
            parts.get("funder", ""),
            parts.get("award", ""),
            funder_id=parts.get("funder_id", ""),
            title=parts.get("title", ""),
            uri=parts.get("uri", ""),
        )
        item.draft.add("funding", found)


def _part_of(item: Item, kept: list[tuple[str, int]], said: str) -> None:
    """A relation, unless it turns out to be the container's title."""
    if len(kept) < MOST_OF_A_KIND:
        kept.append((said, len(item.draft.relations)))
    item.draft.relations.append(Relation("IsPartOf", said, "other"))


def _settle_container(item: Item) -> None:
    """The first of what names it, best first: a field for that, `ispartof`, a series, a citation."""
    draft = item.draft
    base = draft.container
    title = item.source.get("title") or (base.title if base else None)
    number: str | None = None
    if title is None and item.parents:
        title = item.parents[0][0]
    taken = {at for said, at in item.parents if said == title}
    if title is None and item.series:
        said, at = item.series[0]
        name, _, number = said.partition(";")
        title, number = name.strip() or said, number.strip(" ;") or None
        taken = {at}
    if taken:
        draft.relations = [each for at, each in enumerate(draft.relations) if at not in taken]
    if title is None and not item.source and item.citations:
        said, at = item.citations[0]
        base = _cited(said, base)
        title = base.title
        del draft.found[at]
    _put_together(item, title, number, base)


def _cited(said: str, base: Container | None) -> Container:
    cited = containers.citation(said)
    for issn in base.issn if base else ():
        cited = containers.with_issn(cited, issn)
    return cited


def _put_together(item: Item, title: str | None, number: str | None, base: Container | None) -> None:
    said = item.source
    if not (title or said or base):
        return
    base = base or Container()
    item.draft.container = Container(
        title,
        base.issn,
        said.get("volume") or base.volume,
        said.get("issue") or base.issue,
        said.get("first_page") or base.first_page,
        said.get("last_page") or base.last_page,
        said.get("edition") or base.edition,
        said.get("number") or number or base.number,
    )


def _settle_thesis(item: Item) -> None:
    said = item.thesis
    is_thesis = item.draft.type is not None and item.draft.type.general == "Dissertation"
    if "department" not in said and (said or item.advisors or is_thesis):
        units = (
            agent.name for agent in item.draft.contributors[:MOST_OF_A_KIND] if agent.role == "department"
        )
        if unit := next(units, None):
            said["department"] = unit
    for value in item.disciplines:
        text = item.line(value, "thesis")
        if not funding.is_nothing(text) and said.setdefault("department", text) != text:
            item.leave(value)
    item.draft.thesis = thesis_of(item)
