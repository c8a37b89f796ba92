"""The metadata formats that the fake repository serves, all of the same made-up articles.

oai_dc lives in `metadata`; here are DataCite's wrapper (about 4.5 kB a record) and the qualified Dublin Core of DSpace,
which tell more of an article than oai_dc can: what they add is drawn apart, so that oai_dc stays as it is.
"""

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from types import MappingProxyType
from xml.sax.saxutils import escape, quoteattr
from zlib import crc32

from harvester.mock.articles import PLACES, Article, invent
from harvester.mock.metadata import DC, OAI_DC, OAI_DC_XSD, XSI, oai_dc

OAI_DATACITE = "http://schema.datacite.org/oai/oai-1.1/"
OAI_DATACITE_XSD = "http://schema.datacite.org/oai/oai-1.1/oai.xsd"
KERNEL = "http://datacite.org/schema/kernel-4"
KERNEL_XSD = "http://schema.datacite.org/meta/kernel-4.7/metadata.xsd"
QUALIFIED = "http://dspace.org/qualifieddc/"
DCTERMS = "http://purl.org/dc/terms/"
DCTERMS_XSD = "http://dublincore.org/schemas/xmls/qdc/2006/01/06/dcterms.xsd"

# dc:type → resourceTypeGeneral of kernel 4.7
GENERAL = {
    "Figure": "Image", "Journal contribution": "JournalArticle", "Thesis": "Dissertation", "Media": "Audiovisual",
}  # fmt: skip
CREATIVE_COMMONS = "https://creativecommons.org"
# dc:rights → (text, rightsURI, SPDX identifier)
LICENCES = {
    "CC BY 4.0": ("Creative Commons Attribution 4.0", f"{CREATIVE_COMMONS}/licenses/by/4.0/", "CC-BY-4.0"),
    "CC0": ("Creative Commons Zero 1.0", f"{CREATIVE_COMMONS}/publicdomain/zero/1.0/", "CC0-1.0"),
    "CC BY-NC 4.0": ("CC BY-NC 4.0", f"{CREATIVE_COMMONS}/licenses/by-nc/4.0/", "CC-BY-NC-4.0"),
    "MIT": ("MIT License", "https://opensource.org/licenses/MIT", "MIT"),
    "https://creativecommons.org/licenses/by/4.0/": ("", f"{CREATIVE_COMMONS}/licenses/by/4.0/", "CC-BY-4.0"),
    "In Copyright": ("In Copyright", "http://rightsstatements.org/vocab/InC/1.0/", ""),
}
CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"
FUNDERS = ("Fonds for Invented Research", "Council of the Río de la Plata", "Åse & Óscar Foundation")


@dataclass(frozen=True, slots=True)
class MetadataFormat:
    """A format as ListMetadataFormats tells it; `write` gives the element of (seed, ordinal, revision), UTF-8."""

    prefix: str
    schema: str
    namespace: str
    write: Callable[[int, int, int], bytes]


@dataclass(frozen=True, slots=True)
class Details:
    """What oai_dc does not tell. `homes` are the places of the creators' universities, `size` is in bytes."""

    homes: tuple[str, ...]
    available: str
    size: int
    funder: str
    award: str


def details(article: Article) -> Details:
    """The details of an article, from draws of their own."""
    chance = random.Random(f"{article.seed}/{article.number}/{article.version}")
    homes = [article.place if chance.random() < 0.7 else chance.choice(PLACES) for _ in article.creators]
    available = date.fromisoformat(article.issued) + timedelta(days=chance.randint(0, 90))
    return Details(
        homes=tuple(homes),
        available=f"{available}T{chance.randint(0, 23):02}:{chance.randint(0, 59):02}:00Z",
        size=chance.randint(2_000, 900_000_000),
        funder=chance.choice(FUNDERS),
        award=f"{chance.choice('ABCDEF')}-{chance.randint(1_000, 99_999)}",
    )


def orcid(name: str) -> str | None:
    """The ORCID iD of an invented person, always the same, its check digit right; a third of them have none.

    ORCID gives out 0000-0001-5000-0007 and above (support.orcid.org, "Structure of the ORCID identifier"): these
    are below, so they are nobody's.
    """
    number = crc32(name.encode())
    if number % 3 == 0:
        return None
    bare = f"00000000{number % 10_000_000:07}"
    total = 0
    for digit in bare:
        total = (total + int(digit)) * 2
    rest = (12 - total % 11) % 11
    bare += "X" if rest == 10 else str(rest)
    return "-".join(bare[at : at + 4] for at in range(0, 16, 4))


def ror(place: str) -> str | None:
    """The ROR id of a place's invented university, its check digits right; a quarter of them have none."""
    number = crc32(place.encode())
    if number % 4 == 0:
        return None
    number %= 32**6
    bare = "".join(CROCKFORD[number >> shift & 31] for shift in range(30, -1, -5))
    return f"https://ror.org/{bare}{98 - number * 100 % 97:02}"


@lru_cache(maxsize=10_000)
def oai_datacite(seed: int, ordinal: int, revision: int) -> bytes:
    """The `<oai_datacite>` element of one record, version 1.1 around a resource of kernel 4; about 45 MB are kept."""
    article = invent(seed, ordinal, revision)
    more = details(article)
    inside = "".join((*_mandatory(article, more), *_optional(article, more)))
    return (
        f'<oai_datacite xmlns="{OAI_DATACITE}" xmlns:xsi="{XSI}" '
        f'xsi:schemaLocation="{OAI_DATACITE} {OAI_DATACITE_XSD}">'
        "<schemaVersion>4.7</schemaVersion><datacentreSymbol>MOCK.REPO</datacentreSymbol><payload>"
        f'<resource xmlns="{KERNEL}" xsi:schemaLocation="{KERNEL} {KERNEL_XSD}">{inside}</resource>'
        "</payload></oai_datacite>"
    ).encode()


def _mandatory(article: Article, more: Details) -> list[str]:
    creators = map(_creator, article.creators, more.homes)
    return [
        _one("identifier", article.doi, identifierType="DOI"),
        _list("creators", creators),
        _list("titles", [f'<title xml:lang="{article.language}">{escape(article.title)}</title>']),
        _one("publisher", article.publisher),
        _one("publicationYear", article.issued[:4]),
        _one("resourceType", article.kind, resourceTypeGeneral=GENERAL.get(article.kind, article.kind)),
    ]


def _optional(article: Article, more: Details) -> list[str]:
    dates = [
        _one("date", article.issued, dateType="Issued"),
        _one("date", more.available, dateType="Available"),
    ]
    related = [
        _related(article.concept_doi, "DOI", "IsVersionOf"),
        _related(article.page, "URL", "IsIdenticalTo"),
    ]
    abstract = _one("description", article.abstract, descriptionType="Abstract")
    methods = _one("description", f"See the files of {article.page}.", descriptionType="Methods")
    place = f"<geoLocation>{_one('geoLocationPlace', article.place)}</geoLocation>"
    funder = _one("funderName", more.funder) + _one("awardNumber", more.award)
    return [
        _list("subjects", (_one("subject", subject) for subject in article.subjects)),
        _list("dates", dates),
        _one("language", article.language),
        _list("relatedIdentifiers", related),
        _list("sizes", [_one("size", f"{more.size} Bytes")]),
        _list("formats", [_one("format", article.media_type)]),
        _one("version", str(article.version)),
        _list("rightsList", [_rights(article.rights)]),
        _list("descriptions", [abstract, methods]),
        _list("geoLocations", [place]),
        _list("fundingReferences", [_list("fundingReference", [funder])]),
    ]


def _creator(name: tuple[str, str], home: str) -> str:
    family, given = name
    full = f"{family}, {given}"
    parts = [_one("creatorName", full, nameType="Personal")]
    parts += [_one("givenName", given), _one("familyName", family)]
    if (own := orcid(full)) is not None:
        scheme = {"nameIdentifierScheme": "ORCID", "schemeURI": "https://orcid.org"}
        parts.append(_one("nameIdentifier", f"https://orcid.org/{own}", **scheme))
    parts.append(_one("affiliation", f"University of {home}", **_home(home)))
    return _list("creator", parts)


def _home(place: str) -> dict[str, str]:
    if (own := ror(place)) is None:
        return {}
    scheme = {"affiliationIdentifierScheme": "ROR", "schemeURI": "https://ror.org"}
    return {"affiliationIdentifier": own} | scheme


def _related(identifier: str, kind: str, relation: str) -> str:
    return _one("relatedIdentifier", identifier, relatedIdentifierType=kind, relationType=relation)


def _rights(said: str) -> str:
    text, uri, spdx = LICENCES[said]
    scheme = {"schemeURI": "https://spdx.org/licenses/", "rightsIdentifierScheme": "SPDX"}
    return _one("rights", text, rightsURI=uri, **(scheme | {"rightsIdentifier": spdx} if spdx else {}))


def _one(name: str, text: str, **attributes: str) -> str:
    said = "".join(f" {key}={quoteattr(value)}" for key, value in attributes.items())
    return f"<{name}{said}>{escape(text)}</{name}>"


def _list(name: str, members: Iterable[str]) -> str:
    return f"<{name}>{''.join(members)}</{name}>"


@lru_cache(maxsize=10_000)
def qdc(seed: int, ordinal: int, revision: int) -> bytes:
    """The `<qdc:qualifieddc>` element of one record, as DSpace's crosswalk writes it; about 30 MB are kept.

    DSpace writes the day an item came in under three names, which a reader must not take for three dates.
    """
    article = invent(seed, ordinal, revision)
    more = details(article)
    fields = [("dc:title", article.title)]
    fields += [("dc:creator", f"{family}, {given}") for family, given in article.creators]
    fields += [("dc:subject", subject) for subject in article.subjects]
    fields.append(("dcterms:abstract", article.abstract))
    fields += [(f"dcterms:{name}", more.available) for name in ("dateAccepted", "available", "created")]
    fields += [
        ("dcterms:issued", article.issued),
        ("dc:type", article.kind),
        ("dc:identifier", f"https://doi.org/{article.doi}"),
        ("dc:language", article.language),
        ("dc:relation", article.page),
        ("dcterms:isVersionOf", f"https://doi.org/{article.concept_doi}"),
        ("dcterms:hasPart", f"{article.page}/files/readings.csv"),
        ("dcterms:extent", f"{more.size} Bytes"),
        ("dcterms:medium", article.media_type),
        ("dcterms:spatial", article.place),
        ("dc:rights", article.rights),
        ("dc:publisher", article.publisher),
    ]
    return (
        f'<qdc:qualifieddc xmlns:qdc="{QUALIFIED}" xmlns:dc="{DC}" xmlns:dcterms="{DCTERMS}" xmlns:xsi="{XSI}" '
        f'xsi:schemaLocation="{DCTERMS} {DCTERMS_XSD}">'
        f"{''.join(_one(name, value) for name, value in fields)}</qdc:qualifieddc>"
    ).encode()


# The namespace of qdc is the one that DSpace tells, though its root element is in another.
FORMATS: Mapping[str, MetadataFormat] = MappingProxyType(
    {
        each.prefix: each
        for each in (
            MetadataFormat("oai_dc", OAI_DC_XSD, OAI_DC, oai_dc),
            MetadataFormat("oai_datacite", OAI_DATACITE_XSD, OAI_DATACITE, oai_datacite),
            MetadataFormat("qdc", DCTERMS_XSD, DCTERMS, qdc),
        )
    }
)
