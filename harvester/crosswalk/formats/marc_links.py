"""MARC 440, 490, 760-787, 8XX, 856: series, the host of an article, related works, electronic locations."""

import re

from harvester.crosswalk.fields import check_digits, containers, identifiers, media, relations
from harvester.crosswalk.fields.identifiers import Known
from harvester.crosswalk.formats.marc_identifiers import issn, typed
from harvester.crosswalk.formats.marc_punctuation import heading, trimmed
from harvester.crosswalk.formats.marc_record import Field, Record, readers
from harvester.entry import Checksum, Container, Description, File, Relation

MOST_NUMBERS = 50  # of one field: ISSN, $g
LONGEST = 500  # characters of a $g that is looked at

# 773 $g in its many forms, one sign at a time: `Vol. 24, pt. B no. 9 (Sept. 1993), p. 235-48`, `volume:29`
_VOLUME = re.compile(
    r"\b(?:vol(?:ume|\.)?|bd\.?|band|jg\.?|jahrgang|tome?|t\.|roč\.?|årg\.?)[ :]{0,3}([0-9][0-9A-Za-z/-]{0,11})",
    re.IGNORECASE,
)
_ISSUE = re.compile(
    r"\b(?:no\.?|nr\.?|number|issue|iss\.?|heft|h\.|č\.|n[º°]|nro)[ :]{0,3}([0-9][0-9A-Za-z/-]{0,11})",
    re.IGNORECASE,
)
_PAGES = re.compile(
    r"\b(?:pages?|pp?\.?|s\.|seiten?|str\.)[ :]{0,3}([A-Za-z]?[0-9][0-9A-Za-z]{0,9})(?: ?[-–] ?([A-Za-z]?[0-9][0-9A-Za-z]{0,9}))?",
    re.IGNORECASE,
)
_RANGE = re.compile(r"([0-9A-Za-z.]{1,12})(?: ?[-–] ?([0-9A-Za-z.]{1,12}))?")
_ENUMERATION = re.compile(
    r"([0-9][0-9A-Za-z]{0,11})(?::([0-9A-Za-z/-]{1,12}))?(?:<([0-9A-Za-z]{1,12}))?"
)  # $q 24:9<235
_INVENIO = re.compile(r"/records?/([0-9]{1,12})/?$")
_CHECKSUM = re.compile(r"(md5|sha-?1|sha-?256|sha-?512):([0-9a-fA-F]{32,128})", re.IGNORECASE)

_KINDS = {
    "760": "IsPartOf", "762": "HasPart", "765": "IsTranslationOf", "767": "HasTranslation", "770": "IsSupplementedBy",
    "772": "IsSupplementTo", "774": "HasPart", "775": "IsVersionOf", "776": "IsVariantFormOf", "777": "Other",
    "780": "Continues", "785": "IsContinuedBy", "786": "IsDerivedFrom", "787": "Other",
}  # fmt: skip
# The second indicator: what came of the one before, what becomes of this one
_SUCCESSION = {
    ("780", "2"): "Obsoletes", ("780", "3"): "Obsoletes", ("785", "2"): "IsObsoletedBy", ("785", "3"): "IsObsoletedBy",
}  # fmt: skip


def _series(record: Record, field: Field) -> None:
    """440, 490: the series as it stands on the item, and its container where it has no other."""
    draft = record.draft
    names = field.every("anp")
    number, issns = trimmed(field.first("v")), field.every("x")
    name = heading(names)
    if not name:
        return
    draft.descriptions.append(Description(f"{name} ; {number}" if number else name, "series"))
    known = [valid for text in issns[:MOST_NUMBERS] if (valid := issn(text))]
    if len(known) < len(issns):
        field.untake("x")
    if "773" not in record.tags and (draft.container is None or draft.container.title is None):
        own = draft.container or Container()
        draft.container = Container(name, own.issn, number=number or None)
        for each in known:
            draft.container = containers.with_issn(draft.container, each)
    else:
        draft.relations.extend(Relation("IsPartOf", each, "issn") for each in known)


def _traced_series(record: Record, field: Field) -> None:
    """800-830: the series under its established name."""
    record.draft.relations.append(_target(field, "IsPartOf", "abcdfgklmnopqrst"))


def _related(record: Record, field: Field) -> None:
    """760-787: by number where there is one, else by name."""
    kind = _SUCCESSION.get((field.tag, field.ind2)) or _KINDS[field.tag]
    if field.tag == "786" and field.has("n") and not field.has("t"):  # OJS: dc:source
        _source(record, field)
        return
    if kind == "Other" and field.has("i"):
        kind = relations.relation_type(trimmed(field.peek("i"))) or kind
        if kind != "Other":
            field.first("i")
    if any(field.has(code) for code in "xzuotaskw"):
        record.draft.relations.append(_target(field, kind, "ast"))


def _source(record: Record, field: Field) -> None:
    for said in field.every("n"):
        if record.draft.container is None or record.draft.container.title is None:
            issns = record.draft.container.issn if record.draft.container else ()
            record.draft.container = containers.citation(said)
            for issn in issns:
                record.draft.container = containers.with_issn(record.draft.container, issn)
        else:
            record.draft.relations.append(Relation("IsDerivedFrom", said, "other"))


def _target(field: Field, kind: str, names: str) -> Relation:
    for code, scheme in (("x", "issn"), ("z", "isbn"), ("u", "url"), ("o", "doi")):
        said = field.peek(code)
        value = issn(said) if scheme == "issn" else check_digits.isbn13(said) if scheme == "isbn" else None
        known = (
            Known(value, scheme) if value else identifiers.identify(said) if said and code in "uo" else None
        )
        if known:
            field.first(code)
            return Relation(kind, known.value, known.scheme)
    text = heading(field.every(names))
    number = trimmed(field.first("v")) if text else ""
    if text:
        return Relation(kind, f"{text} ; {number}" if number else text, "other")
    return Relation(
        kind, field.first("w") or field.first("x") or field.first("z") or field.first("u") or None, "other"
    )


def _host(record: Record, field: Field) -> None:
    """773: the journal or book it appeared in; by Invenio also any related identifier, with its kind in $i."""
    draft = record.draft
    stated = relations.relation_type(trimmed(field.peek("i"))) if field.has("i") else None
    if stated and field.has("a") and not field.has("t"):
        field.first("i")
        said, scheme = field.first("a"), field.first("n")
        known = typed(record, said, scheme) if scheme else identifiers.identify(said) or Known(said, "other")
        draft.relations.append(Relation(stated, known.value, known.scheme))
        return
    title = trimmed(field.first("t") or field.first("p"))
    taken = draft.container is not None and draft.container.title is not None
    if not title and not any(field.has(code) for code in "xgqvc"):
        if field.has("u") or field.has("z") or field.has("w") or field.has("a"):
            draft.relations.append(_target(field, "IsPartOf", "a"))
    elif taken:
        draft.relations.append(
            Relation("IsPartOf", title, "other") if title else _target(field, "IsPartOf", "a")
        )
    else:
        draft.container = _container(record, field, title)
    if not field.has("u") or title:
        for said in field.every("z"):
            isbn = check_digits.isbn13(said)
            draft.relations.append(Relation("IsPublishedIn", isbn or said, "isbn" if isbn else "other"))


def _container(record: Record, field: Field, title: str) -> Container:
    found = record.draft.container or Container()
    numbers = [issn(said) for said in field.every("x")]
    for number in filter(None, numbers[:MOST_NUMBERS]):
        found = containers.with_issn(found, number)
    if not all(numbers):
        field.untake("x")
    volume, issue, first, last = _enumeration(field)
    return Container(
        title or None, found.issn, volume, issue, first, last, trimmed(field.first("b")) or None, None
    )


def _enumeration(field: Field) -> tuple[str | None, str | None, str | None, str | None]:
    """Volume, issue, first and last page, from Invenio's own subfields, from $g, or from $q."""
    volume, issue = field.first("v") or None, None
    first = last = None
    if field.has("v") or field.has("p"):
        issue = field.first("n") or None
    if match := _RANGE.fullmatch(field.peek("c")):
        field.first("c")
        first, last = match.groups()
    for at in [at for at, code in enumerate(field.codes) if code == "g"][:MOST_NUMBERS]:
        text, found = _parts(field.texts[at])
        volume, issue, first, last = (
            own or new for own, new in zip((volume, issue, first, last), found, strict=True)
        )
        field.left[at] = bool(text)  # the date, mostly
    if field.has("q") and (match := _ENUMERATION.fullmatch(field.peek("q"))):
        field.first("q")
        volume, issue, first = volume or match[1], issue or match[2], first or match[3]
    return volume, issue, first, last


def _parts(text: str) -> tuple[str, tuple[str | None, ...]]:
    """What is left of $g, and volume, issue, first and last page."""
    found: list[str | None] = []
    for pattern in (_VOLUME, _ISSUE, _PAGES):
        match = pattern.search(text) if len(text) <= LONGEST else None
        found.extend(match.groups() if match else [None] * pattern.groups)
        text = text[: match.start()] + text[match.end() :] if match else text
    return text.strip(" ,;:.()"), tuple(found)


def _location(record: Record, field: Field) -> None:
    """856: the second indicator says whether this is the resource (file or page), a version, or something related."""
    draft = record.draft
    uris = field.every("u")
    if field.ind2 in ("1", "2", "4"):
        kind = "Other" if field.ind2 == "2" else "IsVariantFormOf"
        draft.relations.extend(relations.read(uri, type=kind) for uri in uris)
        return
    for uri in uris:
        if (other := _INVENIO.search(uri)) and other[1] != record.control.get("001", other[1]):
            draft.relations.append(
                Relation("Other", uri, "url")
            )  # CDS: the communication that a paper came from
        elif identifiers.is_url(uri) and (media.is_file_url(uri) or _is_file(field)):
            draft.files.append(_file(field, uri))
        else:
            draft.identify(uri)


def _is_file(field: Field) -> bool:
    """A media type other than that of a page, a size or a checksum: this leads to bytes."""
    kind = field.peek("q")
    return (
        (bool(kind) and "html" not in kind.lower())
        or field.has("s")
        or _CHECKSUM.fullmatch(field.peek("z")) is not None
    )


def _file(field: Field, uri: str) -> File:
    size = media.size_in_bytes(field.peek("s"))
    if size is not None:
        field.first("s")
    match = _CHECKSUM.fullmatch(field.peek("z"))
    if match:
        field.first("z")
    checksum = Checksum(match[1].lower().replace("-", ""), match[2].lower()) if match else None
    return File(uri, field.first("f") or media.file_name(uri), field.first("q") or None, size, checksum)


READERS = (
    readers("container", {"440": _series, "490": _series, "773": _host})
    | readers(
        "relations",
        dict.fromkeys(_KINDS, _related) | dict.fromkeys(("800", "810", "811", "830"), _traced_series),
    )
    | readers("files", {"856": _location})
)
