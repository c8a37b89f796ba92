"""What each identifier of a record is to it: the primary one, a version, a concept, the landing page, a file."""

import re
from typing import NamedTuple
from urllib.parse import quote

from harvester.crosswalk.draft import Draft
from harvester.crosswalk.fields import identifiers, media, relations
from harvester.crosswalk.fields.identifiers import Known
from harvester.entry import File, Identifier

# The one that stands for the item, best first. ISSN and ISBN name what it appeared in; a URL is where it lies.
_RANK = {
    scheme: rank
    for rank, scheme in enumerate(
        ("doi", "handle", "ark", "urn", "arxiv", "swhid", "pmcid", "pmid", "ads", "hal")
    )
}
_UNRANKED = len(_RANK)

_VERSION = re.compile(r"(.+)\.v([0-9]{1,4})")
_SAFE = "/:;(),@!$'*+=~"  # RFC 3986, section 3.3
_RESOLVERS = {
    "doi": "https://doi.org/",
    "handle": "https://hdl.handle.net/",
    "arxiv": "https://arxiv.org/abs/",
}


class Identified(NamedTuple):
    """The identifiers with their roles, and the quick fields that follow from them."""

    identifiers: tuple[Identifier, ...]
    doi: str | None
    url: str | None
    version: str | None


def roles(draft: Draft) -> Identified:
    """Give every identifier of the draft its role; files found among them are added to the draft's."""
    found: dict[Known, str] = {}
    primary, rank, doubtful = None, _UNRANKED, False
    for known, raw in draft.found:
        own = _RANK.get(known[1], _UNRANKED)
        if (
            own == 0 and not _looks_like_a_doi(known[0]) and identifiers.doi(known[0]) is None
        ):  # a source may call anything a DOI
            known = _no_doi(known[0], draft)  # noqa: PLW2901 - it stands for what it is
            own = _RANK.get(known[1], _UNRANKED)
        found.setdefault(known, raw)
        if own < rank:
            primary, rank = known, own
        doubtful = doubtful or (known[1] == "other" and "/" in known[0])
    if doubtful:
        found = _handles_by_context(found)
        primary = primary or next((known for known in found if known.scheme == "handle"), None)
    landing, version, doi = draft.landing, None, None
    given: list[Identifier] = []
    for known in found:
        value, scheme = known
        role = "primary" if known == primary else "alternate"
        if scheme == "url":
            role, landing = _role_of_url(value, landing, draft)
        elif scheme == "doi":
            doi = doi or value
            concept = _concept(value, draft) if ".v" in value else None
            if concept:
                version = version or concept[1]
                given.append(Identifier(value, scheme, "version"))
                value, role = concept[0], "concept"
        given.append(Identifier(value, scheme, role))
    return Identified(tuple(given), doi, landing or _page(found, primary), version)


def _no_doi(value: str, draft: Draft) -> Known:
    cut = identifiers.leading_doi(value)
    draft.note("identifiers", "identifier_cut" if cut else "identifier_invalid", value)
    return cut or Known(value, "other")


def _looks_like_a_doi(value: str) -> bool:
    """What every DOI that was read as one looks like; the pattern itself is asked about the others."""
    known = value.startswith("10.") and value[3:7].isdecimal() and "/" in value and value.isascii()
    return known and " " not in value and value == value.lower()


def _concept(doi: str, draft: Draft) -> tuple[str, str] | None:
    """(concept DOI, version) of figshare's `10.6084/m9.figshare.145088.v2`; others' DOIs may end in .v2 by chance."""
    match = _VERSION.fullmatch(doi)
    return (match[1], match[2]) if match and ("figshare" in doi or draft.is_figshare) else None


def _role_of_url(url: str, landing: str | None, draft: Draft) -> tuple[str, str | None]:
    """(role, the record's landing page by now)."""
    if url == landing:
        return "landing", landing
    if media.is_file_url(url):
        if all(file.url != url for file in draft.files[:100]):
            draft.files.append(File(url, media.file_name(url)))
        return "file", landing
    if landing is None:
        article = relations.figshare_article(url)
        if article and article[1]:
            draft.version = draft.version or article[1]
        return "landing", url
    return "alternate", landing


def _handles_by_context(found: dict[Known, str]) -> dict[Known, str]:
    """A bare `1912/4843` is a handle where one of the record's URLs ends in it, or is that handle."""
    urls = [raw for raw in found.values() if "://" in raw][:100]
    read: dict[Known, str] = {}
    for known, raw in found.items():
        bare = known.scheme == "other" and any(url.endswith("/" + known.value) for url in urls)
        read.setdefault((identifiers.handle(known.value) if bare else None) or known, raw)
    return read


def _page(found: dict[Known, str], primary: Known | None) -> str | None:
    """Where no page was named: an identifier that the source wrote as a URL, else the resolver's URL for the best."""
    for known, raw in found.items():
        if known.scheme != "url" and raw.startswith(("http://", "https://")):
            return raw
    resolver = _RESOLVERS.get(primary.scheme) if primary else None
    # A "#" or "<" of a DOI would end the URL
    return resolver + quote(primary.value, safe=_SAFE) if resolver and primary else None
