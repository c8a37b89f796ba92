"""Rights: licences as SPDX identifiers where that is certain, and access rights, which are no licence.

Pure. `CC BY` without a version names six licences: it stays text, with a problem.
"""

import re
from functools import lru_cache
from typing import NamedTuple

from harvester.crosswalk.fields.text import excerpt
from harvester.crosswalk.fields.vocabulary import folded, terms, vocabulary, words
from harvester.entry import Problem, Rights

LONGEST_LABEL = 200  # characters; statements are longer, and are searched for a licence's URI only


class Statement(NamedTuple):
    """What one dc:rights says; `access` is the Entry's, `doubt` a problem's code."""

    rights: Rights
    access: str | None = None
    doubt: str | None = None


_CC_URI = re.compile(
    r"(?:https?://)?(?:www\.)?creativecommons\.org/(?:licenses|publicdomain|licences)/"
    r"([a-z+-]{2,14})(?![a-z+-])(?:/([0-9]\.[0-9]))?(?:/([a-z]{2,3}|igo)\b)?[^\s<>\"')\]]*",
    re.IGNORECASE,
)
_URI = re.compile(r"(?:https?://|info:)\S+", re.IGNORECASE)
_ENDING = re.compile(r"(?:\.(?:html?|txt|php|pdf|json|[a-z]{2})|-license(?:\.php)?)$")
_SPDX_LIKE = re.compile(r"(?=[^0-9]*[0-9])[A-Za-z][A-Za-z0-9.+-]{2,38}")
_ISSUED = re.compile(r"(?<=[0-9])-(?=[0-9])")  # opensource.org writes gpl-3-0 and opendatacommons.org 1-0
_VERSION = re.compile(r"v?([0-9])(?:\.([0-9]))?")


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
        return _validated(uri.rstrip("/").rsplit("/", 1)[1].removesuffix(".html").removesuffix(".json")), None
    if spdx := terms("licences", "uris").get(folded(key)):
        return spdx, None
    if folded(key) in words("licences", "unversioned"):
        return None, "licence_version_unknown"
    # opensource.org names licences as SPDX does, but for the point in the version
    name = _ISSUED.sub(".", key.rpartition("/")[2]) if key.startswith("opensource.org/licen") else ""
    return (_validated(name) if _SPDX_LIKE.fullmatch(name) else None), None


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
    british = key.replace("license", "licence")
    labels = terms("licences", "labels")
    if spdx := labels.get(key) or labels.get(british) or labels.get(_without_licence(key)):
        return Statement(Rights(text, None, spdx))
    if not {key, british, _without_licence(key)}.isdisjoint(words("licences", "unversioned")):
        return Statement(Rights(text), None, "licence_version_unknown")
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
    if elements in vocabulary("licences")["creative_commons_others"]:
        return vocabulary("licences")["creative_commons_others"][elements], None
    if not set(elements.split("-")) <= {"by", "nc", "nd", "sa"}:
        return None, "licence_unknown"
    if version is None:
        return None, "licence_version_unknown"
    # by-nd-nc of version 1.0 is SPDX's BY-NC-ND
    order = [part for part in ("by", "nc", "nd", "sa") if part in elements.split("-")]
    if "-".join(sorted(order)) != "-".join(sorted(elements.split("-"))) or order[:1] != ["by"]:
        return None, "licence_unknown"
    name = f"CC-{'-'.join(order).upper()}-{version}"
    if port is None:
        known = vocabulary("licences")
        # BY-ND-SA is no licence: who forbids derivatives cannot say how to share them.
        exists = "-".join(order) in known["creative_commons_licences"]
        listed = exists and version in known["creative_commons_versions"]
        return (name, None) if listed else (None, "licence_unknown")
    ported = _validated(f"{name}-{port.upper()}")
    return ported, None if ported else "licence_port_unknown"


def _cc_label(key: str) -> tuple[str | None, str | None]:
    """A Creative Commons licence spelt out; certain only where every word is understood."""
    for phrase, word in terms("licences", "creative_commons_phrases").items():
        key = key.replace(phrase, word)
    spelt = terms("licences", "creative_commons_words")
    elements: list[str] = []
    version: str | None = None
    port: str | None = None
    said_words = [word.rstrip(".") for word in re.split(r"[\s,()/:;]+", key) if word]
    named = "cc" in said_words or "commons" in said_words
    for word in said_words:
        if match := _VERSION.fullmatch(word):
            if match[2] is None and not named:
                return None, None
            said = f"{match[1]}.{match[2] or 0}"
            if version not in (None, said):
                return None, None
            version = said
        elif (element := spelt.get(word)) is not None:
            elements.extend(element.split())
        elif version and port is None and (len(word) == 2 or word == "igo"):
            port = word  # CC BY 3.0 IGO, CC BY-SA 3.0 DE
        else:
            return None, None
    stated = set(elements)
    if "by" not in stated or (version is None and not named):
        return None, None
    return _creative_commons("-".join(sorted(stated)), version, port)


def _without_licence(key: str) -> str:
    return " ".join(word for word in key.split() if word not in ("licence", "license", "the"))


def _bare(uri: str) -> str:
    key = uri.lower().split("?")[0].split("#")[0].rstrip("/")
    key = key.removeprefix("https://").removeprefix("http://").removeprefix("www.")
    return _ENDING.sub("", _ENDING.sub("", key))


def _validated(name: str) -> str | None:
    """The identifier as SPDX writes it, if it is one."""
    return _spdx().get(name.lower())


@lru_cache(maxsize=1)
def _spdx() -> dict[str, str]:
    """Every name that SPDX has or had for a licence, in lower case: the library's own check takes 40 ms for each."""
    from license_expression import get_spdx_licensing  # noqa: PLC0415 - needed by few licences

    known = [each for each in get_spdx_licensing().known_symbols.values() if not each.is_exception]
    names = {alias.lower(): str(each.key) for each in known for alias in each.aliases}
    return names | {each.key.lower(): str(each.key) for each in known}
