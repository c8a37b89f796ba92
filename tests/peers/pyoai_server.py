"""A repository run by pyoai's server: a process of its own that tests fill and change over its standard input.

Nothing of harvester is imported here. Usage: pyoai_server.py BATCH_SIZE GRANULARITY batching|slicing; the commands are those
of loopback.py.
"""

import sys
import types
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

import loopback
from lxml import etree

# pyoai 2.5.0 imports two modules that may be missing; the same stand-ins are used on every Python. cgi.parse_qs left the
# library with 3.8 and cgi itself with 3.13; pkg_resources comes with setuptools, which nobody promises us.
sys.modules["cgi"] = types.ModuleType("cgi")
sys.modules["cgi"].parse_qs = parse_qs  # type: ignore[attr-defined]
sys.modules["pkg_resources"] = types.ModuleType("pkg_resources")

from oaipmh import common, error, metadata, server  # noqa: E402 - only after the stand-ins
from oaipmh.datestamp import datestamp_to_datetime  # noqa: E402

OAI_DC = "http://www.openarchives.org/OAI/2.0/oai_dc/"
FORMATS = ("oai_dc", "pyoai_dc")


@dataclass(frozen=True)
class Kept:
    """What pyoai calls a metadata object: here simply the element as text."""

    xml: str | None

    def getMap(self) -> dict[str, list[str]]:  # noqa: N802 - pyoai's name; its own writer asks for it
        # not by pyoai's own reader: it calls XPathEvaluator.evaluate, which lxml 6 has not
        fields: dict[str, list[str]] = {}
        for element in etree.fromstring(self.xml or "").iterchildren(etree.Element):
            fields.setdefault(etree.QName(element).localname, []).append(
                "".join(map(str, element.itertext(etree.Element)))
            )
        return fields


class Shelf:
    """pyoai's IOAI and IBatchingOAI at once: records in the order in which they first came."""

    def __init__(self, granularity: str) -> None:
        self.base_url = ""
        self.granularity = granularity
        self.records: dict[str, tuple[common.Header, Kept, None]] = {}

    def put(self, records: Iterable[dict[str, Any]]) -> None:
        for each in records:
            stamp = datestamp_to_datetime(each["datestamp"])
            header = common.Header(None, each["identifier"], stamp, each["sets"], each["deleted"])
            self.records[each["identifier"]] = (header, Kept(each["metadata"]), None)

    def remove(self, identifiers: Iterable[str]) -> None:
        for each in identifiers:
            del self.records[each]

    def identify(self) -> common.Identify:
        # without pkg_resources there is no <toolkit> description
        return common.Identify(
            "A pyoai repository", self.base_url, "2.0", ["admin@repository.example.org"],
            min(each[0].datestamp() for each in self.records.values()), "persistent", self.granularity, ["identity"],
            toolkit_description=False,
        )  # fmt: skip

    def listSets(self, cursor: int = 0, batch_size: int | None = None) -> list[tuple[str, str, None]]:  # noqa: N802 - pyoai's names
        used = sorted({spec for header, *_ in self.records.values() for spec in header.setSpec()})
        return [(spec, f"Set {spec}", None) for spec in _slice(used, cursor, batch_size)]

    def listMetadataFormats(self, identifier: str | None = None) -> list[tuple[str, str, str]]:  # noqa: N802 - pyoai's names
        return [(prefix, "http://www.openarchives.org/OAI/2.0/oai_dc.xsd", OAI_DC) for prefix in FORMATS]

    def getRecord(self, metadataPrefix: str, identifier: str) -> tuple[common.Header, Kept, None]:  # noqa: N802, N803 - pyoai's names
        if identifier not in self.records:
            raise error.IdDoesNotExistError(identifier)
        return self.records[identifier]

    def listRecords(  # noqa: N802 - pyoai's names
        self, metadataPrefix: str, cursor: int = 0, batch_size: int | None = None, **selection: Any  # noqa: N803 - pyoai's names
    ) -> list[tuple[common.Header, Kept, None]]:  # fmt: skip
        if metadataPrefix not in FORMATS:
            raise error.CannotDisseminateFormatError(metadataPrefix)
        return _slice(list(self._selected(**selection)), cursor, batch_size)

    def listIdentifiers(self, **arguments: Any) -> list[common.Header]:  # noqa: N802 - pyoai's names
        return [header for header, *_ in self.listRecords(**arguments)]

    def _selected(self, **asked: Any) -> Iterator[tuple[common.Header, Kept, None]]:
        spec, from_, until = asked.get("set"), asked.get("from_"), asked.get("until")
        for record in list(self.records.values()):
            header = record[0]
            stamp, own = header.datestamp(), header.setSpec()
            if spec is not None and not any(each == spec or each.startswith(f"{spec}:") for each in own):
                continue
            if (from_ is None or stamp >= from_) and (until is None or stamp <= until):
                yield record


def _slice(found: list[Any], cursor: int, size: int | None) -> list[Any]:
    # pyoai's batching server wants one more than a batch, to see whether a token is due
    return found if size is None else found[cursor : cursor + size]


def _as_it_is(parent: etree._Element, kept: Kept) -> None:
    parent.append(etree.fromstring(kept.xml or ""))


def main(batch: str, granularity: str, kind: str) -> None:
    shelf = Shelf(granularity)
    registry = metadata.MetadataRegistry()
    registry.registerWriter("oai_dc", _as_it_is)
    registry.registerWriter("pyoai_dc", server.oai_dc_writer)
    make = {"batching": server.BatchingServer, "slicing": server.Server}[kind]
    loopback.run(shelf, make(shelf, registry, resumption_batch_size=int(batch)).handleRequest)


if __name__ == "__main__":
    main(*sys.argv[1:])
