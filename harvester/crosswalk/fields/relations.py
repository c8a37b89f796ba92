"""Relations: what dc:relation points at, the grants that OpenAIRE hides in it, figshare's landing page.

Pure. A relation whose kind nobody states is Other; its text is kept whatever it is.
"""

import re
from functools import lru_cache
from urllib.parse import unquote

from harvester.crosswalk.fields import identifiers
from harvester.crosswalk.fields.vocabulary import folded, terms, vocabulary
from harvester.entry import Funding, Relation

_FIGSHARE = re.compile(
    r"https?://[\w.-]{0,100}figshare\.com/articles/(?:[^?#\s]{1,1000}?/)??([0-9]{1,12})(?:/([0-9]{1,4}))?/?(?:[?#]\S*)?",
    re.IGNORECASE,
)
_SCHEMES = ("https", "http", "doi", "info", "urn")  # what stands before most colons, and is no relation
_GRANT = "info:eu-repo/grantAgreement/"
_SEMANTICS = "info:eu-repo/semantics/"


def figshare_article(url: str) -> tuple[str, str | None] | None:
    """(article, version) of figshare's landing page, `https://figshare.com/articles/<title>/<id>[/<version>]`."""
    if "figshare.com/articles/" not in url or len(url) > identifiers.LONGEST:
        return None
    match = _FIGSHARE.fullmatch(url)
    return (match[1], match[2]) if match else None


def grant(text: str) -> Funding | None:
    """`info:eu-repo/grantAgreement/funder/programme/id[/jurisdiction/name/acronym]` (OpenAIRE guidelines 3)."""
    if not text.startswith(_GRANT):
        return None
    parts = [unquote(part).strip() for part in text[len(_GRANT) :].split("/")]
    parts = [part if part.isprintable() else "" for part in parts]
    funder, award = parts[0], parts[2] if len(parts) > 2 else ""
    title = " ".join(part for part in parts[4:6] if part)
    if not funder or not award:
        return None
    return Funding(funder, None, award, title or None, text)


def read(text: str, *, type: str = "Other") -> Relation:  # noqa: A002 - the contract's name
    """A Relation from a text (one line). `IsPartOf: 10.1/x` says its own kind."""
    head, colon, rest = text.partition(":")
    if (
        colon
        and len(head) <= 24
        and head not in _SCHEMES
        and (stated := relation_type(head))
        and rest.strip()
    ):
        type, text = stated, rest.strip()  # noqa: A001 - as above
    elif text.startswith(_SEMANTICS):
        kind, _, rest = text[len(_SEMANTICS) :].partition("/")
        general = terms("resource-types", "info_eu_repo").get(kind.lower())
        scheme, slash, value = rest.partition("/")
        if slash and value and (general or kind == "reference"):
            found = identifiers.identify(f"{scheme}:{value}") or identifiers.identify(value)
            return Relation(
                "References", found.value if found else value, found.scheme if found else scheme, general
            )
    known = identifiers.identify(text)
    if known:
        return Relation(type, known.value, known.scheme)
    return Relation(type, text, "other")


def typed(text: str, *, type: str, scheme: str = "", resource_type: str | None = None) -> Relation:  # noqa: A002 - the contract's name
    """A Relation from an identifier (one line) whose kind and, mostly, scheme the source states.

    `type` is a DataCite relationType, in any case; one that is not known stays as it is written.
    """
    known = identifiers.typed(text, scheme) if scheme else identifiers.identify(text)
    if known and known.scheme == "doi" and identifiers.doi(known.value) is None:
        known = None  # a source may call anything a DOI
    kind = relation_type(type) or type
    return Relation(kind, known.value if known else text, known.scheme if known else "other", resource_type)


def relation_type(name: str) -> str | None:
    """The DataCite relationType a name stands for, whatever its case."""
    key = folded(name).replace(" ", "")
    return _types().get(key) or terms("relation-types", "synonyms").get(key)


@lru_cache(maxsize=1)
def _types() -> dict[str, str]:
    return {name.lower(): name for name in vocabulary("relation-types")["types"]}
