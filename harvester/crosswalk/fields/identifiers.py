"""Identifiers: which scheme a text is in, and its canonical form. Citations and local numbers stay text.

Pure. The order of trials matters: a DOI may be written as a URL, a URN may hold an ISBN, a URL is what is left.
"""

import re
from typing import NamedTuple
from urllib.parse import unquote

from harvester.crosswalk.fields import check_digits

LONGEST = 2048  # characters: no identifier is longer; such a text is kept as `other`

MOST_PIECES = 100  # of one element; what follows stays together in the last one


class Known(NamedTuple):
    """`value` is canonical (DOI in lower case, ISBN of 13 digits, URL as it came)."""

    value: str
    scheme: str


_INVISIBLE = re.compile("[\u00ad\u200b-\u200d\u2060\ufeff]")  # soft hyphens and the like, from typesetting
_DOI = re.compile(r'10\.[0-9]{4,9}(?:\.[0-9]+)*/[^\s"<>]+')
_SICI = re.compile(r"10\.[0-9]{4,9}/\(sici\)\S+")  # Wiley's DOIs of 1996-2002 hold < and >
_URL = re.compile(r"(?:https?|ftp)://[^\s<>\"/?#]+[^\s<>\"]*", re.IGNORECASE)
_ROR = "https://ror.org/"
_BARE_HOSTS = ("doi.org/10.", "dx.doi.org/10.", "www.doi.org/10.", "hdl.handle.net/")  # without http://
_DOI_HOST = re.compile(r"https?://(?:www\.|dx\.)?doi\.org/(?:doi:)?(?=10\.)", re.IGNORECASE)
_HANDLE_HOST = re.compile(r"https?://hdl\.handle\.net/(?:hdl:)?", re.IGNORECASE)
_HANDLE = re.compile(r"[0-9][0-9A-Za-z.]*/[^\s\"<>]+")
_ARXIV_URL = re.compile(r"https?://(?:[a-z]{2}\.)?arxiv\.org/abs/(\S+)", re.IGNORECASE)
_ARXIV = re.compile(
    r"(?:[0-9][0-9](?:0[1-9]|1[0-2])\.[0-9]{4,5}|(?:acc-phys|adap-org|alg-geom|ao-sci|astro-ph|atom-ph|bayes-an|chao-dyn"
    r"|chem-ph|cmp-lg|comp-gas|cond-mat|cs|dg-ga|econ|eess|funct-an|gr-qc|hep-ex|hep-lat|hep-ph|hep-th|math|math-ph"
    r"|mtrl-th|nlin|nucl-ex|nucl-th|patt-sol|physics|plasm-ph|q-alg|q-bio|q-fin|quant-ph|solv-int|stat|supr-con)"
    r"(?:\.[A-Za-z-]{2,10})?/[0-9]{7})(?:v[0-9]{1,3})?"
)
_ARK = re.compile(r"ark:/?[0-9]{5,9}/[^\s\"<>]+", re.IGNORECASE)
_URN = re.compile(r"urn:[a-z0-9][a-z0-9-]{1,31}:[^\s\"<>]+", re.IGNORECASE)
_SWHID = re.compile(r"swh:1:(?:cnt|dir|rel|rev|snp):[0-9a-f]{40}(?:;\S+)?")
_PUBMED_URL = re.compile(
    r"https?://(?:pubmed\.ncbi\.nlm\.nih\.gov|www\.ncbi\.nlm\.nih\.gov/pubmed)/([0-9]{1,9})/?"
)
_PMC_URL = re.compile(
    r"https?://(?:www\.ncbi\.nlm\.nih\.gov/pmc|pmc\.ncbi\.nlm\.nih\.gov)/articles/(PMC[0-9]{1,9})/?"
)
_PMCID = re.compile(r"PMC[0-9]{1,9}", re.IGNORECASE)
_DIGITS = re.compile(r"[0-9]{1,9}")
_OAI = re.compile(r"oai:[a-zA-Z][a-zA-Z0-9.-]*:\S+")
# Only what idutils can tell for certain is asked of it: most local numbers look like something to it.
_FOR_IDUTILS = re.compile(
    r"[0-9]{4}[A-Za-z&.]{5}[\w&.]{10}|(?:hal|tel|inria|halshs)-[0-9]|RRID:|ascl:|GSE[0-9]|PRJ[DEN]|SAM[DEN]|E-[A-Z]{4}-|CSTR:",
    re.IGNORECASE,
)
_CERTAIN = ("ads", "hal", "rrid", "ascl", "geo", "bioproject", "biosample", "arrayexpress_experiment", "cstr")
# Names of schemes as formats state them; what is not named here keeps its name, in lower case
_STATED = {
    "hdl": "handle", "uri": "url", "lissn": "issn", "issnl": "issn", "eissn": "issn", "pissn": "issn", "eisbn": "isbn",
    "isbn10": "isbn", "isbn13": "isbn", "pubmed": "pmid", "pubmedid": "pmid", "pmc": "pmcid", "bibcode": "ads",
    "ean13": "ean",
}  # fmt: skip
# Schemes that are written before the number with a blank: `ISSN 2049-3630`
_SPOKEN = frozenset((
    "doi", "hdl", "handle", "arxiv", "issn", "eissn", "e-issn", "pissn", "p-issn", "issn-l", "isbn", "isbn10", "isbn13",
    "isbn-10", "isbn-13", "pmid", "pmcid",
))  # fmt: skip
_LEADING = re.compile(
    r'(?:doi: ?|DOI:? ?|info:doi/|https?://(?:www\.|dx\.)?doi\.org/)?(10\.[0-9]{4,9}[.0-9]*/[^\s"<>]+)'
)
_CLAIM = re.compile(r"(?:urn:)?(?:[ep]-?)?(?:issn|isbn|doi|orcid|ror|pmid)(?:-l|-?1[03])?[: ]", re.IGNORECASE)
_PLACEHOLDER = "123456789/"  # DSpace's handle prefix before one is configured: never global


def identify(text: str) -> Known | None:
    """The identifier that a text (one line) is as a whole, or None: a citation, a local number, several at once."""
    if len(text) > LONGEST:
        return None
    text = _trimmed(text if text.isascii() else _INVISIBLE.sub("", text))
    if not text:
        return None
    if text.startswith("10."):
        return doi(text)
    if text.startswith("https://doi.org/10.") and (known := doi(text[16:])):
        return known
    if text[:4].lower() in ("http", "ftp:"):
        return _from_url(text)
    head, colon, rest = text.partition(":")
    if colon and len(head) <= 12:
        known = _prefixed(head.strip().lower(), rest.strip(), text)
        if known:
            return known
    if " " in text:
        head, _, rest = text.partition(" ")
        return _prefixed(head.lower(), rest.strip(), text) if head.lower() in _SPOKEN else None
    return _bare(text)


def leading_doi(text: str) -> Known | None:
    """The DOI that a text begins with, cut at a blank or one of `"<>`: `doi:10.5555/x (accessed 2010)`."""
    match = _LEADING.match(text[:LONGEST])
    return doi(_trimmed(match[1])) if match else None


def claims(text: str) -> bool:
    """Whether a text names a scheme: `ISSN 1234-5678` claims to be one, whatever its check digit says."""
    return _CLAIM.match(text) is not None


def typed(text: str, scheme: str) -> Known:
    """An identifier (one line) of which the source states the scheme, as DataCite's identifierType or MODS's type.

    What is not what it is said to be is what it can be seen to be; else the text stays, under the scheme stated.
    """
    stated = "".join(scheme.lower().replace("-", "").replace("_", "").split())
    stated = _STATED.get(stated, stated)
    known = identify(text)
    if known is None or known.scheme != stated:
        bare = text.partition(":")[2].strip() if text.lower().startswith(stated + ":") else text
        again = _prefixed(stated, bare, f"{stated}:{bare}") if len(text) <= LONGEST else None
        known = (
            again
            if again and (known is None or known.scheme in (again.scheme, "url", "issn", "arxiv"))
            else known
        )
    return known or Known(text, stated if stated.isprintable() and stated else "other")


def doi(text: str) -> Known | None:
    """A DOI without its prefix; in lower case, since DOIs are compared so (DOI Handbook 2.4)."""
    if "%" in text:
        decoded = unquote(text)
        text = decoded if decoded.isprintable() else text
    text = text.lower()
    match = (_SICI if "(sici)" in text else _DOI).fullmatch(text)
    return Known(text, "doi") if match else None


def handle(text: str) -> Known | None:
    """A handle, where a prefix or the context says that it is one: `1912/4843` alone may be anything."""
    if text.startswith("10.") and (known := doi(text)):
        return known
    match = _HANDLE.fullmatch(text)
    return Known(text, "handle") if match and not text.startswith(_PLACEHOLDER) else None


def pieces(text: str) -> list[str]:
    """The identifiers glued together in one element, as in `http://a.org/1http://b.org/2`; mostly the text itself."""
    if text.count("://") > 1 and " " not in text:
        parts = re.split(r"(?<![/=:?&%;,|])(?=https?://)|[;,|](?=https?://)", text, maxsplit=MOST_PIECES)
        return [part for part in parts if part]
    if " " in text and "://" in text:
        parts = [part.strip(";,|") for part in text.split(maxsplit=MOST_PIECES)]
        if all(_URL.fullmatch(part) for part in parts if part):
            return [part for part in parts if part]
    return [text]


def is_url(text: str) -> bool:
    """An http(s) or ftp URL without blanks."""
    # The common case without the pattern: no blank but " " is printable, and "/x" follows the scheme.
    if text.startswith(("https://", "http://")) and text.isascii() and text.isprintable():
        start = text[8:9] if text[4] == "s" else text[7:8]
        return start.isalnum() and " " not in text and "<" not in text and ">" not in text and '"' not in text
    return _URL.fullmatch(text) is not None


def _trimmed(text: str) -> str:
    text = text.strip().rstrip(".,;")
    # A bracket belongs to the identifier where it was opened in it: 10.1016/0031-9422(83)85001-8 and (doi:10.1/x)
    if text.endswith(")") and text.count("(") < text.count(")"):
        text = text[:-1].rstrip(".,;")
    return text


def _from_url(text: str) -> Known | None:
    if not is_url(text):
        host = _DOI_HOST.match(text)
        return doi(text[host.end() :]) if host else None
    if "doi.org/" in text and (host := _DOI_HOST.match(text)):
        return doi(text[host.end() :]) or Known(text, "url")
    if "handle.net/" in text and (host := _HANDLE_HOST.match(text)):
        return handle(text[host.end() :]) or Known(text, "url")
    if "orcid.org/" in text and (value := check_digits.orcid(text.rstrip("/").rpartition("/")[2])):
        return Known(value, "orcid")
    if "ror.org/" in text and (value := check_digits.ror(text.rstrip("/").rpartition("/")[2])):
        return Known(_ROR + value, "ror")
    if "arxiv.org/" in text and (match := _ARXIV_URL.match(text)) and _ARXIV.fullmatch(match[1]):
        return Known(match[1], "arxiv")
    if "ark:" in text and (match := _ARK.search(text)):
        return Known(match[0], "ark")
    if "urn:nbn:" in text and (match := _URN.search(text)):
        return Known(match[0], "urn")
    if "nlm.nih.gov/" in text:
        if match := _PUBMED_URL.fullmatch(text):
            return Known(match[1], "pmid")
        if match := _PMC_URL.fullmatch(text):
            return Known(match[1], "pmcid")
    return Known(text, "url")


def _prefixed(head: str, rest: str, text: str) -> Known | None:
    """`doi:…`, `hdl:…`, `info:doi/…`, `urn:isbn:…`: the prefix says what the rest is, the rest must bear it out."""
    match head:
        case "doi":
            return doi(rest.removeprefix("//").removeprefix("doi.org/")) or (
                _from_url(rest) if "doi.org/" in rest else None
            )
        case "hdl" | "handle":
            return handle(rest)
        case "info":
            scheme, slash, value = rest.partition("/")
            if scheme == "eu-repo":
                scheme, slash, value = rest.removeprefix("eu-repo/semantics/altIdentifier/").partition("/")
            return (
                _prefixed(scheme.lower(), value, f"{scheme}:{value}") if slash and scheme != "info" else None
            )
        case "urn":
            return _urn(text if not rest.lower().startswith("urn:") else rest)
        case "uri" | "url" | "link" | "purl":
            return identify(rest) if rest[:4].lower() == "http" else None
        case "arxiv":
            return Known(rest, "arxiv") if _ARXIV.fullmatch(rest) else None
        case "ark":
            return Known("ark" + text[3:], "ark") if _ARK.fullmatch(text) else None
        case "swh":
            return Known(text, "swhid") if _SWHID.fullmatch(text) else None
        case "oai":
            return Known(text, "oai") if _OAI.fullmatch(text) else None
    return _numbered(head, rest) or _by_idutils(text)


def _numbered(head: str, rest: str) -> Known | None:
    value: str | None = None
    match head:
        case "issn" | "eissn" | "e-issn" | "pissn" | "issn-l":
            value, head = check_digits.issn(rest), "issn"
        case "isbn" | "isbn10" | "isbn13" | "isbn-10" | "isbn-13" | "eisbn":
            value, head = check_digits.isbn13(rest), "isbn"
        case "pmid" | "pubmed":
            # OpenAIRE's own sample types PMC numbers as PMID
            if _PMCID.fullmatch(rest):
                return Known(rest.upper(), "pmcid")
            value, head = (rest if _DIGITS.fullmatch(rest) else None), "pmid"
        case "pmcid" | "pmc":
            digits = rest.upper().removeprefix("PMC")
            value, head = (f"PMC{digits}" if _DIGITS.fullmatch(digits) else None), "pmcid"
        case "orcid":
            value = check_digits.orcid(rest)
        case "ror":
            value = check_digits.ror(rest)
            value = _ROR + value if value else None
    return Known(value, head) if value else None


def _urn(text: str) -> Known | None:
    if not _URN.fullmatch(text):
        return None
    kind, _, rest = text[4:].partition(":")
    if kind.lower() in ("isbn", "issn", "doi") and (known := _prefixed(kind.lower(), rest, rest)):
        return known
    return Known(f"urn:{kind.lower()}:{rest}", "urn")  # RFC 8141, 3.1: their case means nothing


def _bare(text: str) -> Known | None:
    if "/" in text and text.lower().startswith(_BARE_HOSTS):
        return _from_url("https://" + text)
    if text[0].isdigit():
        if "-" in text and (value := check_digits.issn(text)):
            return Known(value, "issn")
        # Ten digits in a row are too often a local number; hyphens or the prefix 978/979 make an ISBN of them.
        if ("-" in text or text.startswith(("978", "979"))) and (value := check_digits.isbn13(text)):
            return Known(value, "isbn")
    if _ARXIV.fullmatch(text):
        return Known(text, "arxiv")
    if _PMCID.fullmatch(text):
        return Known(text.upper(), "pmcid")
    return _by_idutils(text)


def _by_idutils(text: str) -> Known | None:
    if len(text) > 100 or not _FOR_IDUTILS.match(text):
        return None
    import idutils  # noqa: PLC0415 - a quarter of a second to import, needed by few records

    found = idutils.detect_identifier_schemes(text)
    scheme = next((scheme for scheme in _CERTAIN if scheme in found), None)
    return Known(idutils.normalize_pid(text, scheme) or text, scheme) if scheme else None
