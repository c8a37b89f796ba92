"""Rights: licences as SPDX identifiers where that is certain, and access rights, which are no licence.

Pure. `CC BY` without a version names six licences: it stays text, with a problem.
"""

import re
from functools import lru_cache
from typing import NamedTuple

from harvester.crosswalk.fields.text import excerpt
from harvester.crosswalk.fields.vocabulary import folded, terms, vocabulary
from harvester.entry import Problem, Rights

LONGEST_LABEL = 200  # characters; statements are longer, and are searched for a licence's URI only


class Statement(NamedTuple):
    """What one dc:rights says; `access` is the Entry's, `doubt` a problem's code."""

    rights: Rights
    access: str | None = None
    doubt: str | None = None


_CC_URI = re.compile(
    r"(?:https?://)?(?:www\.)?creativecommons\.org/(?:licenses|publicdomain|licences)/"
    r"([a-z]{2,4}(?:-(?:nc|nd|sa)){0,2}|zero|mark|publicdomain)(?:/([0-9]\.[0-9]))?(?:/([a-z]{2,3}|igo)\b)?[^\s<>\"')\]]*",
    re.IGNORECASE,
)
_URI = re.compile(r"(?:https?://|info:)\S+", re.IGNORECASE)
_ENDING = re.compile(r"(?:\.(?:html?|txt|php|en|json)|-license(?:\.php)?)$")
_SPDX_LIKE = re.compile(r"(?=[^0-9]*[0-9])[A-Za-z][A-Za-z0-9.+-]{2,38}")
_CC_WORDS = {
    "creative": "", "commons": "", "cc": "", "license": "", "licence": "", "licensed": "", "the": "", "under": "", "a": "",
    "international": "", "unported": "", "generic": "", "version": "", "v": "", "works": "",
    "attribution": "by", "by": "by", "noncommercial": "nc", "nc": "nc", "sharealike": "sa", "sa": "sa",
    "noderivatives": "nd", "noderivs": "nd", "noderivative": "nd", "nd": "nd",
}  # fmt: skip
_JOINED = (("non commercial", "noncommercial"), ("share alike", "sharealike"), ("no deriv", "noderiv"))
_VERSION = re.compile(r"v?([0-9]\.[0-9])")


def read(text: str, notes: list[Problem]) -> Statement:
    """What a text (one line or paragraphs) says about rights."""
    statement = _label(text) if len(text) <= LONGEST_LABEL else _long(text)
    if statement.doubt:
        notes.append(Problem("licence", statement.doubt, excerpt(text)))
    return statement


def spdx_of_uri(uri: str) -> tuple[str | None, str | None]:
    """(SPDX identifier, doubt) for a licence's URI; (None, None) where it is not one we know."""
    if match := _CC_URI.match(uri):
        return _creative_commons(*match.groups())
    key = _bare(uri)
    if "spdx.org/licenses/" in key:
        return _validated(uri.rstrip("/").rsplit("/", 1)[1].removesuffix(".html")), None
    return terms("licences", "uris").get(folded(key)), None


@lru_cache(maxsize=1024)
def _label(text: str) -> Statement:
    if _URI.fullmatch(text):
        if access := terms("access", "uris").get(folded(_bare(text))):
            return Statement(Rights(None, text), access)
        spdx, doubt = spdx_of_uri(text)
        return Statement(Rights(None, text, spdx), None, doubt)
    key = folded(text).rstrip(".")
    if access := terms("access", "labels").get(key):
        return Statement(Rights(text), access)
    if uri := terms("licences", "statements").get(key):
        return Statement(Rights(text, uri))
    spdx = terms("licences", "labels").get(key) or terms("licences", "labels").get(_without_licence(key))
    if spdx:
        return Statement(Rights(text, None, spdx))
    if "://" in text or "creativecommons.org/" in text:
        return _long(text)
    if (doubtful := _cc_label(key)) != (None, None):
        return Statement(Rights(text, None, doubtful[0]), None, doubtful[1])
    return Statement(Rights(text, None, _validated(text) if _SPDX_LIKE.fullmatch(text) else None))


def _long(text: str) -> Statement:
    """A statement that holds one Creative Commons URI says which licence it is; two say nothing certain."""
    if "creativecommons.org/" not in text.lower():
        return Statement(Rights(text))
    found = {match.groups(): match[0] for match in _CC_URI.finditer(text)}
    if len(found) != 1:
        return Statement(Rights(text))
    groups, uri = next(iter(found.items()))
    spdx, doubt = _creative_commons(*groups)
    return Statement(Rights(text, uri.rstrip(".,;"), spdx), None, doubt)


def _creative_commons(elements: str, version: str | None, port: str | None) -> tuple[str | None, str | None]:
    elements = elements.lower()
    if elements == "zero":
        return "CC0-1.0", None
    if elements == "mark":
        return "CC-PDM-1.0", None
    if version is None:
        return None, "licence_version_unknown"
    # by-nd-nc of version 1.0 is SPDX's BY-NC-ND
    order = [part for part in ("by", "nc", "nd", "sa") if part in elements.split("-")]
    if "-".join(sorted(order)) != "-".join(sorted(elements.split("-"))) or order[:1] != ["by"]:
        return None, "licence_unknown"
    name = f"CC-{'-'.join(order).upper()}-{version}"
    if port is None and version in vocabulary("licences")["creative_commons_versions"]:
        return name, None
    ported = _validated(f"{name}-{port.upper()}" if port else name)
    return ported, None if ported else "licence_port_unknown"


def _cc_label(key: str) -> tuple[str | None, str | None]:
    """A Creative Commons licence spelt out; certain only where every word is understood."""
    for apart, together in _JOINED:
        key = key.replace(apart, together)
    elements: list[str] = []
    version: str | None = None
    port: str | None = None
    for word in re.split(r"[\s,()/]+", key):
        if match := _VERSION.fullmatch(word):
            if version not in (None, match[1]):
                return None, None
            version = match[1]
        elif word in _CC_WORDS:
            elements.append(_CC_WORDS[word])
        elif version and port is None and (len(word) == 2 or word == "igo"):
            port = word  # CC BY 3.0 IGO, CC BY-SA 3.0 DE
        elif word:
            return None, None
    said = {element for element in elements if element}
    if "by" not in said or ("cc" not in key and "commons" not in key and version is None):
        return None, None
    return _creative_commons("-".join(sorted(said)), version, port)


def _without_licence(key: str) -> str:
    return " ".join(word for word in key.split() if word not in ("licence", "license", "the"))


def _bare(uri: str) -> str:
    key = uri.lower().split("?")[0].split("#")[0].rstrip("/")
    key = key.removeprefix("https://").removeprefix("http://").removeprefix("www.")
    return _ENDING.sub("", _ENDING.sub("", key))


def _validated(name: str) -> str | None:
    """The identifier as SPDX writes it, if it is one."""
    from license_expression import get_spdx_licensing  # noqa: PLC0415 - needed by few licences

    checked = get_spdx_licensing().validate(name)
    return None if checked.errors or not checked.normalized_expression else str(checked.normalized_expression)
