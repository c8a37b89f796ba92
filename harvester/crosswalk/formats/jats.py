"""jats: the journal article of NISO JATS and of the NLM sets before it, as PubMed Central, OJS and SciELO serve it.

Read is `front`, the article's metadata. `body`, `back` and what else follows are the article itself, its references
included: neither read nor counted as unread.
"""

from lxml import etree

from harvester.crosswalk.draft import Draft
from harvester.crosswalk.fields import check_digits, dates, identifiers, languages, media, types
from harvester.crosswalk.fields.identifiers import Known
from harvester.crosswalk.fields.vocabulary import folded, terms
from harvester.crosswalk.formats import jats_parts
from harvester.crosswalk.formats.jats_affiliations import Affiliations
from harvester.crosswalk.formats.jats_agents import contrib_group
from harvester.crosswalk.formats.jats_container import PARTS, journal_meta
from harvester.crosswalk.formats.jats_text import line, paragraphs
from harvester.crosswalk.reading import Crosswalk
from harvester.crosswalk.table import XML_LANG, language_of
from harvester.crosswalk.tree import Branch, attribute, children, descend, local_name
from harvester.entry import Date, Description, File, Relation, Title

_THE_ARTICLE = frozenset(("body", "back", "floats-group", "floats-wrap", "sub-article", "response"))
_NAMESPACES = (
    *(f"https://jats.nlm.nih.gov/ns/archiving/1.{minor}/" for minor in range(5)),
    *(f"http://jats.nlm.nih.gov/ns/archiving/1.{minor}/" for minor in range(5)),
    "http://jats.nlm.nih.gov",
    "http://dtd.nlm.nih.gov/2.0/xsd/archivearticle",
)


def read(metadata: etree._Element, draft: Draft) -> None:
    """Fill the draft from an article."""
    draft.lone_date_is_issued = False
    draft.languages.extend(filter(None, [languages.tag(metadata.get(XML_LANG) or "")]))
    for child in metadata:
        name = local_name(child)
        if name == "front":
            descend(draft, child, _FRONT)
        elif name and name not in _THE_ARTICLE:
            draft.leave(child)
    _type(metadata, draft)
    draft.published = _published(draft)


def _published(draft: Draft) -> Date | None:
    """The year of the issue, and the day where that is known: `collection` 2021 and `epub` 2021-03-04."""
    issued = dates.publication(draft.dates, latest=draft.latest)
    if issued is None or issued.type != "Issued" or len(issued.value or "") != 4:
        return issued
    within = [
        date
        for date in draft.dates
        if date.type == "Issued" and date.start and (date.value or "").startswith(f"{issued.value}-")
    ]
    return min(within, key=lambda date: date.start or "", default=issued)


def _type(metadata: etree._Element, draft: Draft) -> None:
    stated = str(metadata.get("article-type") or "").strip()
    general = terms("jats", "article_types").get(folded(stated))
    if general:
        draft.weigh(types.Weighed(types.COAR, general))
    elif stated and folded(stated) != "other":
        draft.weigh(types.read(stated, draft.notes))
    if draft.type is None and draft.container and draft.container.title:
        draft.weigh(types.Weighed(types.VAGUE, "JournalArticle"))


def _article_id(draft: Draft, element: etree._Element) -> None:
    said = line(draft, element, "identifiers")
    if said:
        draft.found.append((_known(said, element), said))


def _known(said: str, element: etree._Element) -> Known:
    """A publisher's own number stays what it is, whatever it looks like."""
    stated = str(element.get("pub-id-type") or "").strip().lower()
    if stated in ("publisher-id", "manuscript", "publisher-manuscript", "art-access-id", "sici", "pii"):
        return Known(said, stated)
    return identifiers.typed(said, stated)


def _version_id(draft: Draft, element: etree._Element) -> None:
    """event/article-id: that of the preprint, or of what else the event brought forth."""
    said = line(draft, element, "relations")
    if said:
        known = _known(said, element)
        draft.relations.append(Relation("HasVersion", known.value, known.scheme))


def _titles(draft: Draft, element: etree._Element) -> None:
    """title-group."""
    for child in element:
        name = local_name(child)
        if name == "trans-title-group":
            inherited = child.get(XML_LANG)
            for inner in child:
                _title(draft, inner, "translated", inherited)
        elif name == "article-title":
            _title(draft, child, "main", None)
        elif name in ("subtitle", "trans-title", "trans-subtitle", "alt-title"):
            _title(
                draft,
                child,
                {"subtitle": "subtitle", "alt-title": "alternative"}.get(name, "translated"),
                None,
            )
        elif name:
            draft.leave(child)


def _title(draft: Draft, element: etree._Element, kind: str, language: str | None) -> None:
    said = line(draft, element, "titles") if local_name(element) else ""
    if said:
        own = element.get(XML_LANG) or language
        draft.titles.append(Title(said, kind, draft.language(own)))


def _self_uri(draft: Draft, element: etree._Element) -> None:
    """The article elsewhere: its page, or a file of it, mostly named without the place where it lies."""
    target = attribute(draft, element, "href", "identifiers") or line(draft, element, "identifiers")
    kind = str(element.get("content-type") or "")
    if not target:
        return
    format_ = {"pdf": "application/pdf", "html": "text/html", "xml": "application/xml"}.get(
        kind.lower(), kind or None
    )
    page = not kind or "html" in kind.lower()
    if identifiers.is_url(target) and page and not media.is_file_url(target):
        draft.identify(target)
    elif identifiers.is_url(target):
        draft.files.append(File(target, media.file_name(target), format_))
    else:
        draft.files.append(File(None, target, format_))
    if element.text and not element.text.isspace() and line(draft, element, "files") != target:
        draft.leave(element)


def _supplement(draft: Draft, element: etree._Element) -> None:
    """supplementary-material: a file, or an object with an identifier of its own."""
    target = attribute(draft, element, "href", "files")
    known = identifiers.identify(target) if target else None
    kind = "/".join(filter(None, (element.get("mimetype"), element.get("mime-subtype")))) or None
    if known and known.scheme != "url":
        draft.relations.append(Relation("IsSupplementedBy", known.value, known.scheme))
    elif target:
        url = target if identifiers.is_url(target) else None
        draft.files.append(File(url, media.file_name(target) if url else target, kind))
    draft.leave(element)


def _conference(draft: Draft, element: etree._Element) -> None:
    parts = [line(draft, child, "descriptions") for child in element if local_name(child)]
    said = ", ".join(part for part in parts if part)
    if said:
        draft.descriptions.append(Description(said, "other"))


def _counts(draft: Draft, element: etree._Element) -> None:
    for child in children(element, "page-count"):
        count = str(child.get("count") or "")
        if count.isdecimal():
            draft.sizes.append(f"{count} pages")


def _product(draft: Draft, element: etree._Element) -> None:
    """What a review is about."""
    said = line(draft, element, "relations")
    if said:
        draft.relations.append(Relation("Reviews", said, "other"))


def _version(draft: Draft, element: etree._Element) -> None:
    said = line(draft, element, "version") or str(element.get("article-version-type") or "")
    draft.version = draft.version or said or None


def _isbn(draft: Draft, element: etree._Element) -> None:
    said = line(draft, element, "identifiers")
    isbn = check_digits.isbn13(said)
    if said:
        draft.found.append((Known(isbn or said, "isbn" if isbn else "other"), said))


def _custom(draft: Draft, element: etree._Element) -> None:
    """custom-meta: data availability; the rest is the archive's own."""
    name = " ".join(line(draft, child, "descriptions") for child in children(element, "meta-name"))
    if "data availability" not in name.lower():
        draft.leave(element)
        return
    for child in children(element, "meta-value"):
        said = paragraphs(draft, child, "descriptions")
        if said:
            draft.descriptions.append(Description(said, "other", language_of(child, draft)))
    for child in children(element, "meta-name"):
        draft.leave(child)


def _article_meta(draft: Draft, element: etree._Element) -> None:
    affiliations = Affiliations(draft, element)
    own: dict[str, Branch] = {
        "contrib-group": lambda draft, child: contrib_group(draft, affiliations, child),
        "aff": lambda _draft, child: affiliations.keep(child),
        "aff-alternatives": lambda _draft, child: affiliations.keep(child),
    }
    descend(draft, element, _ARTICLE_META | own)
    affiliations.leave_loose()


_EVENT: dict[str, Branch] = {"date": jats_parts.date, "pub-date": jats_parts.date, "article-id": _version_id}
_HISTORY: dict[str, Branch] = _EVENT | {"event": lambda draft, element: descend(draft, element, _EVENT)}
_ARTICLE_META: dict[str, Branch] = {
    "article-id": _article_id, "article-version": _version, "article-categories": jats_parts.categories,
    "article-version-alternatives": lambda draft, element: descend(draft, element, {"article-version": _version}),
    "title-group": _titles, "pub-date": jats_parts.date, "history": lambda draft, element: descend(draft, element, _HISTORY),
    "pub-history": lambda draft, element: descend(draft, element, _HISTORY), "isbn": _isbn,
    "pub-date-not-available": lambda _draft, _element: None,
    "permissions": jats_parts.permissions, "self-uri": _self_uri, "related-article": jats_parts.related,
    "related-object": jats_parts.related, "abstract": jats_parts.abstract, "trans-abstract": jats_parts.abstract,
    "kwd-group": jats_parts.keywords, "funding-group": jats_parts.funding_group, "grant-num": jats_parts.grant,
    "grant-sponsor": jats_parts.grant, "contract-num": jats_parts.grant, "contract-sponsor": jats_parts.grant,
    "supplementary-material": _supplement, "conference": _conference, "counts": _counts, "product": _product,
    "custom-meta": _custom,
    "custom-meta-group": lambda draft, element: descend(draft, element, {"custom-meta": _custom}),
} | PARTS | jats_parts.OLD_RIGHTS  # fmt: skip
_FRONT: dict[str, Branch] = {
    "journal-meta": journal_meta,
    "article-meta": _article_meta,
}


def fits(metadata: etree._Element) -> bool:
    """Whether it has a front; `article` is also the name of other vocabularies' elements."""
    return any(local_name(child) == "front" for child in metadata)


CROSSWALK = Crosswalk(
    "jats",
    1,
    read,
    roots=tuple(f"{{{namespace}}}article" for namespace in _NAMESPACES),
    local_names=("article",),
    fits=fits,
    passed_over=frozenset(
        ("label", "xref", "sup", "tex-math", "textual-form", "annotation", "annotation-xml")
    ),
)
