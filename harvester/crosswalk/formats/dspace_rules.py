"""The rules for DSpace's fields: Dublin Core's where the value decides, else what the qualifier says."""

import re
from collections.abc import Callable

from harvester.crosswalk import dcterms
from harvester.crosswalk.fields import (
    check_digits,
    containers,
    dates,
    identifiers,
    places,
    relations,
    subjects,
)
from harvester.crosswalk.fields.vocabulary import terms
from harvester.crosswalk.formats.dspace_item import Item, Value
from harvester.crosswalk.table import Rule as Plain
from harvester.entry import Date, Description, Subject, Title

Rule = Callable[[Item, Value], None]

# Notations of classifications: no blank, and at least one digit
_CODE = re.compile(r"(?=[^0-9]{0,20}[0-9])[A-Z0-9][A-Za-z0-9.:/()-]{0,19}")
_CODED = frozenset(("DDC", "LCC", "UDC", "MSC", "JEL", "ACM", "PACS"))


def plain(rule: Plain) -> Rule:
    """A rule of Dublin Core's."""

    def read(item: Item, value: Value) -> None:
        rule(item.draft, value.text, value.element)

    return read


def titled(kind: str | None) -> Rule:
    def read(item: Item, value: Value) -> None:
        said = item.line(value, "titles")
        if said:
            main = kind is None and not any(title.type == "main" for title in item.draft.titles[:50])
            item.draft.titles.append(Title(said, "main" if main else kind, value.language))

    return read


def described(kind: str | None) -> Rule:
    def read(item: Item, value: Value) -> None:
        said = item.draft.paragraphs(value.text, "descriptions")
        if said:
            item.draft.descriptions.append(Description(said, kind, value.language))

    return read


def dated(kind: str) -> Rule:
    """A rule for a date of one kind; the same date in several fields of one kind counts once."""
    return plain(dcterms.dated(kind))


def embargo(item: Item, value: Value) -> None:
    """Until when the files are closed; as a date, when they become available."""
    said = item.line(value, "dates")
    if said:
        found = dates.read(said, item.draft.notes, type="Available")
        item.draft.embargo = item.draft.embargo or found.start
        if found not in item.draft.dates[:50]:
            item.draft.dates.append(Date(found.type, found.value, found.start, found.end, said))


def identified(scheme: str) -> Rule:
    """A rule for an identifier whose scheme the field states."""

    def read(item: Item, value: Value) -> None:
        said = item.line(value, "identifiers")
        if said:
            known = identifiers.typed(said, scheme)
            if known.scheme == "issn" and check_digits.issn(known.value):
                item.draft.container = containers.with_issn(item.draft.container, known.value)
            item.draft.found.append((known, said))

    return read


def other_identifier(item: Item, value: Value, qualifier: str) -> None:
    identified(qualifier)(item, value)


def classified(item: Item, value: Value, qualifier: str) -> None:
    """`dc.subject.<scheme>`; an authority that is a URI is the concept's."""
    said = item.line(value, "subjects")
    if not said:
        return
    scheme = terms("subject-schemes", "prefixes").get(qualifier.lower(), qualifier)
    code = said if scheme in _CODED and _CODE.fullmatch(said) else None
    item.draft.subjects.append(Subject(said, scheme, _uri(value.authority), code))


def keyword(item: Item, value: Value) -> None:
    said = item.line(value, "subjects")
    uri = _uri(value.authority)
    if said and uri:
        item.draft.subjects.append(Subject(said, None, uri))
    elif said:
        item.draft.add("subjects", subjects.read(said))


def related(item: Item, value: Value, qualifier: str) -> None:
    """`dc.relation.<kind>`: DataCite's relation where the word is one, else Other."""
    said = item.line(value, "relations")
    kind = relations.relation_type(qualifier) or "Other"
    for piece in identifiers.pieces(said) if said else ():
        item.draft.relations.append(relations.typed(piece, type=kind))


def relation(kind: str) -> Rule:
    return lambda item, value: related(item, value, kind)


def extent(item: Item, value: Value) -> None:
    item.draft.sizes.extend(said for said in [item.line(value, "sizes")] if said)


def medium(item: Item, value: Value) -> None:
    item.draft.formats.extend(said for said in [item.line(value, "formats")] if said)


def spatial(item: Item, value: Value) -> None:
    said = item.line(value, "geo")
    if said:
        item.draft.geo.append(places.read(said, item.draft.notes))


def version(item: Item, value: Value) -> None:
    said = item.line(value, "version")
    if item.draft.version is None:
        item.draft.version = said or None
    elif said and said != item.draft.version:
        item.further("version", said)


def _uri(authority: str | None) -> str | None:
    return authority if authority and identifiers.is_url(authority) else None
