"""Makes the Entry of a draft: derives the quick fields, in one place for all formats."""

from harvester.crosswalk.draft import Draft
from harvester.crosswalk.fields import dates, subjects, types
from harvester.crosswalk.fields.identifiers import Known
from harvester.crosswalk.roles import roles
from harvester.entry import Date, Entry


def finish(draft: Draft) -> Entry:
    """The Entry: figshare's sets read, roles given to identifiers, quick fields derived."""
    _settle(draft)
    known = roles(draft)
    issued = dates.publication(draft.dates, latest=_datestamp_year(draft))
    return Entry(
        title=_main_title(draft),
        doi=known.doi,
        url=known.url,
        abstract=_abstract(draft),
        issued=issued.value if issued else None,
        year=dates.year_of(issued.value or "") if issued else None,
        type=_general_type(draft),
        languages=tuple(dict.fromkeys(draft.languages) if len(draft.languages) > 1 else draft.languages),
        publisher=draft.publisher,
        licence=_licence(draft),
        access=draft.access or _access_by_embargo(draft),
        titles=tuple(draft.titles),
        creators=tuple(draft.creators),
        contributors=tuple(draft.contributors),
        subjects=tuple(draft.subjects),
        descriptions=tuple(draft.descriptions),
        dates=tuple(draft.dates),
        identifiers=known.identifiers,
        relations=tuple(draft.relations),
        rights=tuple(draft.rights),
        files=tuple(draft.files),
        funding=tuple(draft.funding),
        geo=tuple(draft.geo),
        formats=tuple(draft.formats),
        sizes=tuple(draft.sizes),
        version=draft.version or known.version,
        container=draft.container,
        thesis=draft.thesis,
        problems=tuple(draft.notes),
    )


def _settle(draft: Draft) -> None:
    if draft.context.set_specs:
        _read_sets(draft)
    if draft.lone_date_is_issued:
        _type_lone_date(draft)
    if draft.relations:
        _find_landing(draft)


def _read_sets(draft: Draft) -> None:
    """figshare says in its sets what its oai_dc does not: the item's type and the coded categories."""
    draft.weigh(types.of_sets(draft.context.set_specs))
    for spec in draft.context.set_specs:
        if spec.startswith("category_") and draft.is_figshare:
            draft.add("subjects", subjects.of_set(spec))


def _type_lone_date(draft: Draft) -> None:
    """A date without a type is the date of issue where it is the only one."""
    plain = -1
    for at, date in enumerate(draft.dates):
        if date.type == "Issued" or (date.type is None and plain >= 0):
            return
        if date.type is None:
            plain = at
    if plain >= 0:
        date = draft.dates[plain]
        draft.dates[plain] = Date("Issued", date.value, date.start, date.end, date.raw)


def _find_landing(draft: Draft) -> None:
    """EPrints: dc:identifier is the file, dc:relation the page above it (http://cogprints.org/9727/)."""
    if draft.landing or not any(known.scheme == "url" for known, _ in draft.found):
        return
    for at, relation in enumerate(draft.relations[:20]):
        page = relation.identifier or ""
        if (
            relation.scheme == "url"
            and page.count("/") > 3
            and any(_is_below(known, page) for known, _ in draft.found)
        ):
            draft.landing = page
            draft.found.append((Known(page, "url"), page))
            del draft.relations[at]
            return


def _is_below(known: Known, page: str) -> bool:
    return known.scheme == "url" and known.value != page and known.value.startswith(page.rstrip("/") + "/")


def _main_title(draft: Draft) -> str | None:
    for title in draft.titles:
        if title.type == "main" or title.type is None:
            return title.text
    return draft.titles[0].text if draft.titles else None


def _abstract(draft: Draft) -> str | None:
    """The description that says it is the abstract, else the first that is no mere note beside the longest."""
    if len(draft.descriptions) == 1 and draft.descriptions[0].type in (None, "abstract"):
        return draft.descriptions[0].text
    for description in draft.descriptions:
        if description.type == "abstract":
            return description.text
    plain = [description.text for description in draft.descriptions if description.type is None]
    if len(plain) < 2:
        return plain[0] if plain else None
    enough = max(map(len, plain)) / 2
    return next(text for text in plain if len(text) >= enough)


def _general_type(draft: Draft) -> str | None:
    if draft.type is None:
        return None
    if draft.container and draft.type.weight == types.ITEM_TYPE and "item_type_6" in draft.context.set_specs:
        return "JournalArticle"  # figshare's journal contribution, where a journal is known
    return draft.type.general


def _licence(draft: Draft) -> str | None:
    if len(draft.rights) == 1:
        return draft.rights[0].spdx
    named = {rights.spdx for rights in draft.rights if rights.spdx}
    if len(named) > 1:
        draft.note("licence", "licences_differ", ", ".join(sorted(named)))
        return None
    return named.pop() if named else None


def _access_by_embargo(draft: Draft) -> str | None:
    """An embargo that had not ended when the record was received, where nobody says more."""
    moment = draft.context.received or draft.context.datestamp
    if draft.embargo is None or (moment and draft.embargo <= moment.date().isoformat()):
        return None
    return "embargoed"


def _datestamp_year(draft: Draft) -> int:
    return draft.context.datestamp.year if draft.context.datestamp else draft.latest
