"""JATS article-meta: dates, permissions, funding, keywords and related articles."""

from itertools import islice

from lxml import etree

from harvester.crosswalk.draft import Draft
from harvester.crosswalk.fields import dates, funding, licences, names, relations, subjects, types
from harvester.crosswalk.fields.vocabulary import folded, terms
from harvester.crosswalk.formats.jats_text import line, paragraphs
from harvester.crosswalk.table import language_of
from harvester.crosswalk.tree import Branch, attribute, children, descend, local_name
from harvester.entry import Date, Description, Funding, Relation, Rights, Subject

MOST_LINKS = 10  # of one licence
MOST_AWARDS = 200  # of one award-group
MOST_GROUPS = 10  # subj-group within subj-group
_OPEN = ("open", "free", "cc by", "creative commons")


def date(draft: Draft, element: etree._Element) -> None:
    """pub-date, history/date and event/date: the parts, or the ISO form beside them, or words."""
    kind = str(element.get("date-type") or element.get("pub-type") or "")
    inner = {local_name(child): line(draft, child, "dates") for child in element if local_name(child)}
    words = inner.get("string-date", "")
    said = str(element.get("iso-8601-date") or "").strip()
    year, month, day, season = (inner.get(name, "") for name in ("year", "month", "day", "season"))
    written = _written(year, month, day) if month else f"{season} {year}".strip()
    text = said if dates.edtf(said) else written or words
    if not text:
        return
    if written and dates.edtf(text) is None and dates.edtf(year):
        found = dates.read(year, draft.notes, latest=draft.latest)  # Jan-Feb 2010: the year is certain
    else:
        found = dates.read(text, draft.notes, latest=draft.latest)
    meaning = terms("jats", "dates").get(folded(kind), "Other") if kind else "Issued"
    draft.dates.append(Date(meaning, found.value, found.start, found.end, written or words or said))
    for child in element:
        if local_name(child) in ("era", "string-date") and (written or said):
            draft.leave(child)


def _written(year: str, month: str, day: str) -> str:
    if month.isdecimal():
        return f"{year}-{month.zfill(2)}" + (f"-{day.zfill(2)}" if day else "")
    return f"{day} {month} {year}".strip()


def permissions(draft: Draft, element: etree._Element) -> None:
    descend(draft, element, OLD_RIGHTS)


def _statement(draft: Draft, element: etree._Element) -> None:
    said = paragraphs(draft, element, "rights")
    draft.add("rights", licences.read(said, draft.notes).rights if said else None)


def _year(draft: Draft, element: etree._Element) -> None:
    said = line(draft, element, "dates")
    draft.add(
        "dates", dates.read(said, draft.notes, type="Copyrighted", latest=draft.latest) if said else None
    )


def _holder(draft: Draft, element: etree._Element) -> None:
    said = line(draft, element, "contributors")
    if said:
        draft.contributors.append(names.read(said, draft.notes, field="contributors", role="RightsHolder"))


def _free(draft: Draft, _element: etree._Element) -> None:
    draft.access = draft.access or "open"


def _licence(draft: Draft, element: etree._Element) -> None:
    """One licence: its words, and its URI from @xlink:href, ali:license_ref or a link in the words."""
    stated, linked, words = [attribute(draft, element, "href", "rights")], [], []
    for child in element:
        if local_name(child) == "license_ref":
            stated.append(line(draft, child, "rights"))
        elif local_name(child) == "free_to_read":
            draft.access = draft.access or "open"
        elif said := paragraphs(draft, child, "rights"):
            words.append(said)
            links = islice(child.iter("{*}ext-link", "{*}uri"), MOST_LINKS)
            linked += [attribute(draft, link, "href", "rights") for link in links]
    if element.text and not element.text.isspace() and not words:
        words.append(line(draft, element, "rights"))
    stated = [uri for uri in dict.fromkeys(stated) if uri]
    known = [uri for uri in (*stated, *linked) if uri and licences.spdx_of_uri(uri) != (None, None)]
    uri = known[0] if known else stated[0] if stated else None
    _statement_of(draft, uri, known, "\n".join(words))
    further = (other for other in stated[:MOST_LINKS] if uri is None or _bare(other) != _bare(uri))
    draft.rights.extend(licences.read(other, draft.notes).rights for other in further)
    kind = folded(str(element.get("license-type", "")))
    if kind.startswith(_OPEN):
        draft.access = draft.access or "open"


def _statement_of(draft: Draft, uri: str | None, known: list[str], text: str) -> None:
    """Add the licence, with its SPDX identifier where the URIs agree on one."""
    if uri is None:
        draft.add("rights", licences.read(text, draft.notes).rights if text else None)
        return
    spdx, doubt = licences.spdx_of_uri(uri)
    spoken = licences.read(text, []).rights.spdx if text else None
    if any(licences.spdx_of_uri(other)[0] not in (None, spdx) for other in known) or spoken not in (
        None,
        spdx,
    ):
        draft.note("licence", "licences_differ", ", ".join(filter(None, dict.fromkeys((*known, spoken)))))
        spdx, doubt = None, None
    if doubt:
        draft.note("licence", doubt, uri)
    draft.rights.append(Rights(text or None, uri, spdx))


def _bare(uri: str) -> str:
    return uri.partition("://")[2].rstrip("/").lower() or uri


def abstract(draft: Draft, element: etree._Element) -> None:
    stated = str(element.get("abstract-type", ""))
    kind = terms("jats", "abstracts").get(folded(stated), "other") if stated else "abstract"
    text = paragraphs(draft, element, "descriptions")
    first, newline, rest = text.partition("\n")
    if (
        newline
        and folded(first.strip(" :.")) in _TITLES
        and any(local_name(child) == "title" for child in element)
    ):
        text = rest.lstrip("\n")
    if text:
        draft.descriptions.append(Description(text, kind, language_of(element, draft)))


_TITLES = frozenset((
    "abstract", "summary", "resumen", "résumé", "resume", "zusammenfassung", "resumo", "riassunto", "sommario",
    "аннотация", "резюме", "abstrakt", "摘要", "要旨", "초록", "özet", "öz", "streszczenie",
))  # fmt: skip


def keywords(draft: Draft, element: etree._Element) -> None:
    """kwd-group: single and compound keywords; those of a vocabulary bear its name."""
    kind = str(element.get("vocab") or element.get("kwd-group-type") or "")
    if folded(kind) == "abbreviations":
        draft.leave(element)
        return
    scheme = None if not kind or terms("jats", "no_schemes").get(folded(kind)) else kind
    for child in element:
        name = local_name(child)
        if name in ("kwd", "compound-kwd", "nested-kwd"):
            _keyword(draft, child, scheme)
        elif name == "unstructured-kwd-group":
            draft.add("subjects", subjects.read(line(draft, child, "subjects")))
        elif name:
            draft.leave(child)


def _keyword(draft: Draft, element: etree._Element, scheme: str | None) -> None:
    parts = [
        said
        for part in (children(element, "compound-kwd-part") or children(element, "kwd") or [element])
        if (said := line(draft, part, "subjects"))
    ]
    uri, code = attribute(draft, element, "vocab-term-identifier", "subjects"), None
    if uri and "://" not in uri:
        uri, code = "", uri
    if parts:
        draft.subjects.append(Subject(" -- ".join(parts), element.get("vocab") or scheme, uri or None, code))


def categories(draft: Draft, element: etree._Element) -> None:
    """article-categories: subjects, and the headings of a journal's sections, which tell the type where they can."""
    for child in element:
        name = local_name(child)
        if name == "subj-group":
            _subjects(draft, child, "", 0)
        elif name in ("series-title", "series-text"):
            said = line(draft, child, "descriptions")
            draft.add("descriptions", Description(said, "series") if said else None)
        elif name:
            draft.leave(child)


def _subjects(draft: Draft, element: etree._Element, above: str, depth: int) -> None:
    kind = str(element.get("vocab") or element.get("subj-group-type") or above)
    meaning = terms("jats", "no_schemes").get(folded(kind)) if kind else "subject"
    for child in element:
        name = local_name(child)
        if name in ("subject", "compound-subject"):
            parts = children(child, "compound-subject-part") or [child]
            said = " -- ".join(text for part in parts if (text := line(draft, part, "subjects")))
            found = types.read(said, []) if said and meaning == "type" else None
            subject = Subject(said or None, None if meaning else kind)
            if found:
                draft.weigh(found)
            elif said and subject not in draft.subjects[-50:]:
                draft.subjects.append(subject)
        elif name == "subj-group" and depth < MOST_GROUPS:
            _subjects(draft, child, kind, depth + 1)
        elif name:
            draft.leave(child)


def funding_group(draft: Draft, element: etree._Element) -> None:
    for child in element:
        name = local_name(child)
        if name == "award-group":
            _award_group(draft, child)
        elif name == "funding-statement":
            said = paragraphs(draft, child, "descriptions")
            draft.add("descriptions", Description(said, "other", language_of(child, draft)) if said else None)
        elif name:
            draft.leave(child)


def _award_group(draft: Draft, element: etree._Element) -> None:
    """One award: by one funder or several. Which of several awards is whose is said by nobody, and not guessed."""
    sources: list[tuple[str, str]] = []
    awards: list[tuple[str, str]] = []
    title = ""
    for child in element:
        name = local_name(child)
        if name in ("funding-source", "support-source"):
            sources.append(_source(draft, child))
        elif name in ("award-id", "support-id"):
            awards.append((line(draft, child, "funding"), attribute(draft, child, "href", "funding")))
        elif name in ("award-name", "award-title") and not title:
            title = line(draft, child, "funding")
        elif name:
            draft.leave(child)
    sources, awards = sources[:MOST_AWARDS] or [("", "")], awards[:MOST_AWARDS] or [("", "")]
    pairs = (
        [(source, award) for source in sources for award in awards]
        if min(len(sources), len(awards)) == 1
        else [(source, ("", "")) for source in sources] + [(("", ""), award) for award in awards]
    )
    for (funder, funder_id), (award, uri) in pairs:
        draft.add("funding", funding.reference(funder, award, funder_id=funder_id, title=title, uri=uri))


def _source(draft: Draft, element: etree._Element) -> tuple[str, str]:
    """(name, identifier): a ROR or the Funder Registry's DOI, beside the name or as its link."""
    known = [line(draft, each, "funding") for each in element.iter("{*}institution-id")]
    known.sort(key=lambda each: "ror.org" not in each)
    for other in known[1:]:
        draft.note("funding", "further_value", other)
    institutions = list(element.iter("{*}institution"))
    name = line(draft, institutions[0] if len(institutions) == 1 and known else element, "funding")
    return name, (known[0] if known else attribute(draft, element, "href", "funding"))


def grant(draft: Draft, element: etree._Element) -> None:
    """NLM 2: grant-num and grant-sponsor stand apart."""
    said = line(draft, element, "funding")
    sponsor = local_name(element).endswith("sponsor")
    draft.add("funding", Funding(funder=said) if said and sponsor else Funding(award=said) if said else None)


def related(draft: Draft, element: etree._Element) -> None:
    """related-article, related-object: what this article is to the other."""
    stated = element.get("related-article-type") or element.get("link-type") or ""
    kind = (
        terms("jats", "related").get(folded(str(stated))) or relations.relation_type(str(stated)) or "Other"
    )
    scheme = str(
        element.get("ext-link-type") or element.get("object-id-type") or element.get("document-id-type") or ""
    )
    target = (
        attribute(draft, element, "href", "relations")
        or attribute(draft, element, "object-id", "relations")
        or attribute(draft, element, "document-id", "relations")
        or attribute(draft, element, "source-id", "relations")
    )
    said = line(draft, element, "relations")
    if target:
        draft.relations.append(relations.typed(target, type=kind, scheme="" if scheme == "uri" else scheme))
        if said:
            draft.leave(element)
    elif said:
        draft.relations.append(Relation(kind, said, "other"))


# NLM 2 has them in article-meta itself
OLD_RIGHTS: dict[str, Branch] = {
    "copyright-statement": _statement, "copyright-year": _year, "copyright-holder": _holder, "license": _licence,
    "license_ref": _statement, "free_to_read": _free,
}  # fmt: skip
