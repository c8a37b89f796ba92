"""A repository run by oai-repo's server: a process of its own that tests fill and change over its standard input.

Nothing of harvester is imported here. Usage: oai_repo_server.py OPTIONS, a JSON object with the names of Options; the commands
are those of loopback.py.
"""

import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import loopback
from lxml import etree
from oai_repo import DataInterface, Identify, MetadataFormat, OAIRepository, RecordHeader, Set

OAI_DC = "http://www.openarchives.org/OAI/2.0/oai_dc/"
PROVENANCE = "http://www.openarchives.org/OAI/2.0/provenance"


@dataclass(frozen=True)
class Options:
    """See OaiRepoRepository."""

    limit: int
    granularity: str
    deletions: str
    watched: bool
    sized: bool
    described: bool
    typed: bool


@dataclass(frozen=True)
class Kept:
    """A record as oai-repo is given it."""

    identifier: str
    stamp: datetime
    sets: list[str]
    xml: str | None


class Shelf(DataInterface):  # type: ignore[misc] - oai_repo has no types
    """oai-repo's data interface, written after its documentation: records in the order in which they first came."""

    def __init__(self, options: Options) -> None:
        self.base_url = ""
        self.limit = options.limit
        self.options = options
        self.records: dict[str, Kept] = {}
        self.changes = 0

    def put(self, records: Iterable[dict[str, Any]]) -> None:
        for each in records:
            stamp = datetime.fromisoformat(each["datestamp"]).astimezone(UTC)
            self.records[each["identifier"]] = Kept(each["identifier"], stamp, each["sets"], each["metadata"])
        self.changes += 1

    def remove(self, identifiers: Iterable[str]) -> None:
        for each in identifiers:
            del self.records[each]
        self.changes += 1

    def get_identify(self) -> Identify:
        seconds = self.options.granularity.endswith("Z")
        earliest = min((each.stamp for each in self._known()), default=datetime(2000, 1, 1, tzinfo=UTC))
        text = earliest.strftime("%Y-%m-%dT%H:%M:%SZ" if seconds else "%Y-%m-%d")
        return Identify(
            repository_name="An oai-repo repository",
            base_url=self.base_url,
            admin_email=["admin@repository.example.org"],
            earliest_datestamp=earliest if self.options.typed else text,
            deleted_record="persistent" if self.options.deletions == "told" else "no",
            granularity=self.options.granularity,
        )

    def is_valid_identifier(self, identifier: str) -> bool:
        return any(each.identifier == identifier for each in self._known())

    def get_metadata_formats(self, identifier: str | None = None) -> list[MetadataFormat]:
        return [MetadataFormat("oai_dc", "http://www.openarchives.org/OAI/2.0/oai_dc.xsd", OAI_DC)]

    def get_record_header(self, identifier: str) -> RecordHeader:
        kept = self.records[identifier]
        return RecordHeader(kept.identifier, kept.stamp, kept.sets, None if kept.xml else "deleted")

    def get_record_metadata(self, identifier: str, metadataprefix: str) -> etree._Element | None:
        xml = self.records[identifier].xml
        return None if xml is None else etree.fromstring(xml)

    def get_record_abouts(self, identifier: str) -> list[etree._Element]:
        about = etree.Element(f"{{{PROVENANCE}}}provenance", nsmap={None: PROVENANCE})
        about.append(etree.Element(f"{{{PROVENANCE}}}originDescription", harvestDate="2010-01-01T00:00:00Z"))
        return [about]

    def list_set_specs(self, identifier: str | None = None, cursor: int = 0) -> tuple[list[str], int, None]:
        used = sorted({spec for each in self._known() for spec in each.sets})
        return used[cursor : cursor + self.limit], len(used), None

    def get_set(self, setspec: str) -> Set:
        return (
            Set(setspec, f"Set {setspec}", []) if self.options.described else Set(setspec, f"Set {setspec}")
        )

    def list_identifiers(
        self,
        metadataprefix: str,
        filter_from: datetime | None = None,
        filter_until: datetime | None = None,
        filter_set: str | None = None,
        cursor: int = 0,
    ) -> tuple[list[str], int | None, int | None]:
        found = [
            each.identifier
            for each in self._known()
            if (filter_set is None or _belongs(each, filter_set))
            and (filter_from is None or each.stamp >= filter_from)
            and (filter_until is None or each.stamp <= filter_until)
        ]
        size = len(found) if self.options.sized else None
        return found[cursor : cursor + self.limit], size, self.changes if self.options.watched else None

    def _known(self) -> list[Kept]:
        told = self.options.deletions == "told"
        return [each for each in list(self.records.values()) if told or each.xml is not None]


def _belongs(kept: Kept, spec: str) -> bool:
    return any(each == spec or each.startswith(f"{spec}:") for each in kept.sets)


def main(options: str) -> None:
    shelf = Shelf(Options(**json.loads(options)))
    library = OAIRepository(shelf)
    loopback.run(shelf, lambda asked: bytes(library.process(asked)))


if __name__ == "__main__":
    main(*sys.argv[1:])
