"""oai_dc: the elements of Dublin Core, in every namespace they are found in; figshare's dialect included.

Elements say little about what they hold, so each rule looks at the value: dc:relation may be figshare's landing page,
a grant, or a relation.
"""

from lxml import etree

from harvester.crosswalk.dcterms import REFINEMENTS
from harvester.crosswalk.draft import Draft
from harvester.crosswalk.fields import (
    containers,
    dates,
    identifiers,
    languages,
    licences,
    media,
    names,
    places,
    relations,
    subjects,
    types,
)  # fmt: skip
from harvester.crosswalk.fields.identifiers import Known
from harvester.crosswalk.reading import Crosswalk
from harvester.crosswalk.table import Rule, Table, language_of, tolerant, walk
from harvester.entry import Agent, Date, Description, File, Relation, Subject, Title

_EMBARGO_END = "info:eu-repo/date/embargoEnd/"
_ALTERNATIVE = "info:eu-repo/semantics/altIdentifier/"


def title(draft: Draft, raw: str, element: etree._Element) -> None:
    said = draft.line(raw, "titles")
    if said:
        further = draft.titles and any(title.type == "main" for title in draft.titles)
        draft.titles.append(Title(said, None if further else "main", language_of(element, draft)))


def creator(draft: Draft, raw: str, _element: etree._Element) -> None:
    _agents(draft.creators, draft, raw, field="creators")


def contributor(draft: Draft, raw: str, _element: etree._Element) -> None:
    _agents(draft.contributors, draft, raw, field="contributors")


def subject(draft: Draft, raw: str, _element: etree._Element) -> None:
    said = draft.line(raw, "subjects").replace("；", ";")
    if ";" in said or ":" in said:
        draft.add("subjects", subjects.read(said))
    elif said:
        draft.subjects.append(Subject(said))


def description(draft: Draft, raw: str, element: etree._Element) -> None:
    said = draft.paragraphs(raw, "descriptions")
    if said:
        draft.descriptions.append(Description(said, None, language_of(element, draft)))


def publisher(draft: Draft, raw: str, _element: etree._Element) -> None:
    said = draft.line(raw, "publisher")
    if draft.publisher is None:
        draft.publisher = said or None
    elif said and said != draft.publisher:
        draft.note("publisher", "further_value", said)


def date(draft: Draft, raw: str, _element: etree._Element) -> None:
    said = draft.line(raw, "dates")
    if said.startswith(_EMBARGO_END):
        end = dates.read(said[len(_EMBARGO_END) :], draft.notes, type="Available")
        draft.embargo = end.start or draft.embargo
        draft.dates.append(Date(end.type, end.value, end.start, end.end, said))
    elif said:
        draft.dates.append(dates.read(said, draft.notes, latest=draft.latest))


def type_(draft: Draft, raw: str, _element: etree._Element) -> None:
    said = draft.line(raw, "type")
    if "/" in said and media.is_media_type(said):
        draft.formats.append(said)
    elif said:
        draft.weigh(types.read(said, draft.notes))


def format_(draft: Draft, raw: str, _element: etree._Element) -> None:
    said = draft.line(raw, "formats")
    if media.is_size(said):
        draft.sizes.append(said)
    elif " http" in said and (typed := media.with_url(said)):
        draft.formats.append(typed[0])
        draft.files.append(File(typed[1], None, typed[0]))
    elif said:
        draft.formats.append(said)


def identifier(draft: Draft, raw: str, _element: etree._Element) -> None:
    said = draft.line(raw, "identifiers")
    if "://" in said:
        for piece in identifiers.pieces(said):
            draft.identify(piece)
    elif said:
        draft.identify(said)


def source(draft: Draft, raw: str, _element: etree._Element) -> None:
    """What a work is derived from, or, as OJS and others have it, the journal it appeared in."""
    said = draft.line(raw, "container")
    known = identifiers.identify(said)
    if known and known.scheme == "issn":
        draft.container = containers.with_issn(draft.container, known.value)
    elif known:
        draft.relations.append(Relation("IsDerivedFrom", known.value, known.scheme))
    elif said and (draft.container is None or draft.container.title is None):
        issns = draft.container.issn if draft.container else ()
        draft.container = containers.citation(said)
        for issn in issns:
            draft.container = containers.with_issn(draft.container, issn)
    elif said and draft.container and said != draft.container.title:
        draft.relations.append(Relation("IsDerivedFrom", said, "other"))


def language(draft: Draft, raw: str, _element: etree._Element) -> None:
    said = draft.line(raw, "languages")
    if said:
        draft.languages.extend(languages.read(said, draft.notes))


def relation(draft: Draft, raw: str, _element: etree._Element) -> None:
    said = draft.line(raw, "relations")
    article = relations.figshare_article(said)
    if article:
        draft.found.append((Known(said, "url"), said))
        draft.landing = draft.landing or said
        draft.version = draft.version or article[1]
    elif grant := relations.grant(said):
        draft.funding.append(grant)
    elif said.startswith(_ALTERNATIVE):
        draft.identify(said)
    elif said:
        for piece in identifiers.pieces(said) if "://" in said else (said,):
            draft.relations.append(relations.read(piece))


def coverage(draft: Draft, raw: str, _element: etree._Element) -> None:
    said = draft.line(raw, "geo")
    temporal = dates.edtf(said) if said[:1].isdigit() or said.startswith(("start=", "-")) else None
    if temporal:
        draft.dates.append(Date("Coverage", temporal.value, temporal.start, temporal.end, said))
    elif said:
        draft.geo.append(places.read(said, draft.notes))


def rights(draft: Draft, raw: str, _element: etree._Element) -> None:
    said = draft.paragraphs(raw, "rights")
    if said:
        statement = licences.read(said, draft.notes)
        draft.rights.append(statement.rights)
        draft.access = draft.access or statement.access


def _agents(agents: list[Agent], draft: Draft, raw: str, *, field: str) -> None:
    said = draft.line(raw, field).replace("；", ";")
    if ";" in said:
        agents.extend(names.read(name, draft.notes, field=field) for name in names.several(said))
    elif (
        said.endswith(")") and (parts := names.with_figshare_id(said)) and _is_author_number(draft, parts[1])
    ):
        agents.append(names.figshare_author(*parts, draft.notes, field=field))
    elif said:
        agents.append(names.read(said, draft.notes, field=field))


def _is_author_number(draft: Draft, number: str) -> bool:
    """Elsewhere four digits in brackets are a year; figshare's numbers are longer as a rule."""
    return len(number) > 4 or draft.is_figshare


ELEMENTS: dict[str, Rule] = {
    "title": title, "creator": creator, "subject": subject, "description": description, "publisher": publisher,
    "contributor": contributor, "date": date, "type": type_, "format": format_, "identifier": identifier,
    "source": source, "language": language, "relation": relation, "coverage": coverage, "rights": rights,
    "license": rights, "accessRights": rights,
}  # fmt: skip

TABLE: Table = tolerant(ELEMENTS | REFINEMENTS)


def read(metadata: etree._Element, draft: Draft) -> None:
    """Fill the draft from an oai_dc document, or any element whose children are Dublin Core."""
    walk(metadata, TABLE, draft)


def has_dublin_core(metadata: etree._Element) -> bool:
    """Whether any child is an element of Dublin Core."""
    return any(child.tag in TABLE for child in metadata)


CROSSWALK = Crosswalk(
    "dc",
    2,
    read,
    roots=("{http://www.openarchives.org/OAI/2.0/oai_dc/}dc", "{http://oai.base-search.net/base_dc/}dc"),
    local_names=("dc",),
    fits=has_dublin_core,
)
