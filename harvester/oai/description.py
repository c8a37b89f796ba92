"""What a repository says of itself: Identify, its formats and its sets (sections 4.2, 4.4 and 4.6 of the specification)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from lxml.etree import _Element as Element

from harvester.errors import Retriable
from harvester.oai.datestamps import Granularity
from harvester.oai.page import local_name, raise_errors
from harvester.oai.records import Identify

_MOST_FORMATS = 100
_MOST_SETS = 50_000  # of one answer
_LONGEST = 512  # characters of a prefix, namespace or schema
_LONGEST_NAME = 1024
_BLANK = " \t\r\n"  # XML's white space only: a token is opaque, other spaces belong to it
_NUMBER = re.compile(r"\d{1,15}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Format:
    """A metadata format as ListMetadataFormats tells it (section 4.4); "" where it tells nothing."""

    prefix: str
    namespace: str = ""
    schema: str = ""


@dataclass(frozen=True, slots=True)
class ListedSet:
    """A set as ListSets tells it (section 4.6); `name` is None where it tells none."""

    spec: str
    name: str | None = None


@dataclass(frozen=True, slots=True)
class SetsPage:
    """One answer to ListSets; `token` is None at the end of the list, `size` its completeListSize where that is told."""

    sets: tuple[ListedSet, ...]
    token: str | None = None
    size: int | None = None


def read_identify(root: Element) -> Identify:
    """Raises Retriable (`no_list`) where the answer holds no Identify, and what it says instead."""
    element = _container(root, "Identify")

    def text(name: str) -> str | None:
        return _line(element, name)[:2048] or None

    def texts(name: str) -> tuple[str, ...]:
        found = ((each.text or "").strip()[:512] for each in islice(_named(element, name), 100))
        return tuple(text for text in found if text)

    return Identify(
        name=text("repositoryName"),
        base_url=text("baseURL"),
        protocol_version=text("protocolVersion"),
        earliest_datestamp=text("earliestDatestamp"),
        deleted_record=text("deletedRecord"),
        granularity=Granularity.declared(text("granularity")),
        admin_emails=texts("adminEmail"),
        compression=texts("compression"),
    )


def read_formats(root: Element) -> tuple[Format, ...]:
    """The formats, each prefix once, at most a hundred. Raises as `read_identify`."""
    container = _container(root, "ListMetadataFormats")
    found: dict[str, Format] = {}
    for each in islice(_named(container, "metadataFormat"), _MOST_FORMATS):
        names = ("metadataPrefix", "metadataNamespace", "schema")
        prefix, namespace, schema = (_line(each, name)[:_LONGEST] for name in names)
        if prefix:
            found.setdefault(prefix, Format(prefix, namespace, schema))
    return tuple(found.values())


def read_sets(root: Element) -> SetsPage:
    """The sets in their order, without those that have no setSpec. Raises as `read_identify`, and TokenExpired."""
    container = _container(root, "ListSets")
    sets = []
    for each in islice(_named(container, "set"), _MOST_SETS):
        if spec := (_text(each, "setSpec")).strip():
            sets.append(ListedSet(spec, _line(each, "setName")[:_LONGEST_NAME] or None))
    tokens = [each for parent in (container, root) for each in _named(parent, "resumptionToken")]
    # The first that has text, beside the list where it is not in it: to overlook it would end the list.
    token = next((text for each in tokens if (text := (each.text or "").strip(_BLANK)).strip()), None)
    sizes = (each.get("completeListSize", "").strip() for each in tokens)
    return SetsPage(tuple(sets), token, next((int(size) for size in sizes if _NUMBER.fullmatch(size)), None))


def _container(root: Element, verb: str) -> Element:
    raise_errors(root)
    container = next(_named(root, verb), None)
    if container is None:
        raise Retriable(f"the answer holds neither {verb} nor an error", reason="no_list")
    raise_errors(container)  # an error in the midst of the list: it may not be whole
    return container


def _named(parent: Element, name: str) -> Iterator[Element]:
    return (child for child in parent if local_name(child) == name)


def _text(element: Element, name: str) -> str:
    return next((each.text or "" for each in _named(element, name)), "")


def _line(element: Element, name: str) -> str:
    return " ".join(_text(element, name).split())
