"""Made-up Dublin Core: about 2.4 kB a record, the same bytes for the same seed, for ever."""

from functools import lru_cache
from xml.sax.saxutils import escape

from harvester.mock.articles import invent

OAI_DC = "http://www.openarchives.org/OAI/2.0/oai_dc/"
DC = "http://purl.org/dc/elements/1.1/"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
OAI_DC_XSD = "http://www.openarchives.org/OAI/2.0/oai_dc.xsd"

OPENING = (
    f'<oai_dc:dc xmlns:oai_dc="{OAI_DC}" xmlns:dc="{DC}" xmlns:xsi="{XSI}" '
    f'xsi:schemaLocation="{OAI_DC} {OAI_DC_XSD}">'
)
CLOSING = "</oai_dc:dc>"


@lru_cache(maxsize=20_000)
def oai_dc(seed: int, ordinal: int, revision: int) -> bytes:
    """The `<oai_dc:dc>` element of one record, UTF-8; about 48 MB are kept so that a page is made once."""
    article = invent(seed, ordinal, revision)
    fields = [("title", article.title)]
    fields += [("creator", f"{family}, {given}") for family, given in article.creators]
    fields += [("subject", subject) for subject in article.subjects]
    fields += [
        ("description", article.abstract),
        ("publisher", article.publisher),
        ("date", article.issued),
        ("type", article.kind),
        ("format", article.media_type),
        ("identifier", f"https://doi.org/{article.doi}"),
        ("relation", article.page),
        ("language", article.language),
        ("rights", article.rights),
    ]
    lines = "".join(f"<dc:{name}>{escape(value)}</dc:{name}>" for name, value in fields)
    return f"{OPENING}{lines}{CLOSING}".encode()
