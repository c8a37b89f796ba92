"""Makes the Entry of a draft: derives the quick fields, in one place for all formats."""

from harvester.crosswalk.draft import Draft
from harvester.crosswalk.fields import containers, dates, subjects, types
from harvester.crosswalk.fields.identifiers import Known
from harvester.crosswalk.roles import roles
from harvester.entry import Date, Entry


def finish(draft: Draft) -> Entry:
    """The Entry: figshare's sets read, roles given to identifiers, quick fields derived."""
    _settle(draft)
    known = roles(draft)
    issued = draft.published or dates.publication(_own_dates(draft), latest=_datestamp_year(draft))
    day = issued.value if issued else None
    languages = draft.languages
    return Entry(
        title=_main_title(draft),
        doi=known.doi,
        url=known.url,
        abstract=_abstract(draft),
        issued=day,
        year=dates.year_of(day) if day else None,
        type=_general_type(draft),
        languages=tuple(dict.fromkeys(languages) if len(languages) > 1 else languages),
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


def _own_dates(draft: Draft) -> list[Date]:
    """The dates of the item: the end of an embargo is not when it was published."""
    if draft.embargo is None:
        return draft.dates
    return [
        date
        for date in draft.dates
        if date.type != "Available" or draft.embargo not in (date.start, date.end)
    ]


def _settle(draft: Draft) -> None:
    for spec in draft.context.set_specs:
        _read_set(draft, spec)
    if draft.lone_date_is_issued:
        _type_lone_date(draft)
    if draft.relations and draft.landing is None:
        _find_landing(draft)
    if draft.container and draft.publisher and draft.container.title == draft.publisher:
        # MIT repeats the publisher in dc:source; the journal is elsewhere.
        draft.container = containers.without_title(draft.container)


def _read_set(draft: Draft, spec: str) -> None:
    """figshare says in its sets what its oai_dc does not: the item's type and the coded categories."""
    if spec.startswith("category_"):
        if draft.is_figshare:
            draft.add("subjects", subjects.of_set(spec))
    elif spec.startswith("item_type_"):
        draft.weigh(types.of_set(spec))


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
    urls = [known.value for known, _ in draft.found if known.scheme == "url"]
    if not urls:
        return
    for at, relation in enumerate(draft.relations[:20]):
        page = relation.identifier if relation.type == "Other" else None  # a kind that is stated stays
        if relation.scheme == "url" and page and page.count("/") > 3 and _is_above(page, urls):
            draft.landing = page
            draft.found.append((Known(page, "url"), page))
            del draft.relations[at]
            return


def _is_above(page: str, urls: list[str]) -> bool:
    above = page.rstrip("/") + "/"
    return any(url != page and url.startswith(above) for url in urls)


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
