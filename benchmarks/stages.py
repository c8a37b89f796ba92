"""Where the time of a page goes: each stage alone, over the same pages, in microseconds of one core per record."""

import gc
import hashlib
import time
from collections.abc import Callable
from datetime import UTC, datetime

import zstandard
from formats import bodies
from lxml import etree

from harvester.catalogue.stored_entry import pack
from harvester.crosswalk import Context, Reading, normalise
from harvester.oai.canonical import canonical
from harvester.oai.page import read_page
from harvester.oai.parsing import strict
from harvester.oai.records import Page, Record

FORMATS = ("oai_dc", "oai_datacite", "qdc")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
ROUNDS = 9


def read(page: Page, record: Record) -> tuple[bytes, Reading]:
    """What a harvest does with a record: hash, and entry."""
    xml = canonical(record.metadata)
    context = Context(record.header.set_specs, record.header.datestamp.value, page.response_date)
    reading = normalise(record.metadata, context, canonical=xml)
    return hashlib.sha256(xml).digest(), reading


class Stages:
    """The stages of one format's pages; every round of a comparison measures all of them, one after another."""

    def __init__(self, name: str, records: int = 2000) -> None:
        self.records = records
        self.bodies = bodies(name, records)
        self.pages = [read_page(strict(body), "ListRecords", NOW) for body in self.bodies]
        self.kept = [(page, record) for page in self.pages for record in page.records]
        self.xml = [canonical(record.metadata) for _, record in self.kept]
        self.readings = [read(page, record)[1] for page, record in self.kept]
        dictionary = zstandard.train_dictionary(32_768, self.xml[:1000])
        self.compressor = zstandard.ZstdCompressor(level=3, dict_data=dictionary)

    def bare(self) -> None:
        for body in self.bodies:
            etree.fromstring(body)

    def whole(self) -> None:
        """From the bytes of a page to hashes and entries."""
        for body in self.bodies:
            page = read_page(strict(body), "ListRecords", NOW)
            for record in page.records:
                read(page, record)

    def parse(self) -> None:
        for body in self.bodies:
            strict(body)

    def headers(self) -> None:
        for body in self.bodies:
            read_page(strict(body), "ListRecords", NOW)

    def canonical(self) -> None:
        for _, record in self.kept:
            canonical(record.metadata)

    def hash(self) -> None:
        for xml in self.xml:
            hashlib.sha256(xml).digest()

    def normalise(self) -> None:
        for (page, record), xml in zip(self.kept, self.xml, strict=True):
            context = Context(record.header.set_specs, record.header.datestamp.value, page.response_date)
            normalise(record.metadata, context, canonical=xml)

    def encode(self) -> None:
        for reading in self.readings:
            pack(reading.entry)

    def compress(self) -> None:
        for xml in self.xml:
            self.compressor.compress(xml)


LABELS = {
    "bare": "bare lxml.etree.fromstring",
    "whole": "parse, read headers, canonical XML, hash, normalise",
    "parse": "  parse",
    "headers": "  read headers and tokens",
    "canonical": "  canonical XML",
    "hash": "  hash",
    "normalise": "  normalise",
    "encode": "encode the entry",
    "compress": "compress the XML",
}


def stages(name: str) -> dict[str, float]:
    """Stage → microseconds of processor time per record, the best of the rounds."""
    timed = Stages(name)
    # As in a harvest: what stays for ever is nothing for the collector.
    gc.collect()
    gc.freeze()
    found = dict.fromkeys(LABELS, float("inf"))
    for _ in range(ROUNDS):
        for stage in LABELS:
            found[stage] = min(found[stage], _seconds(getattr(timed, stage)) / timed.records * 1e6)
    gc.unfreeze()
    found["headers"] -= found["parse"]
    return found


def _seconds(action: Callable[[], None]) -> float:
    start = time.process_time()
    action()
    return time.process_time() - start
