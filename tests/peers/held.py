"""What peers are filled with, and so the truth that harvests are compared with: invented records, and real ones of the corpus."""

import csv
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from lxml import etree

from harvester import clock

OAI = "{http://www.openarchives.org/OAI/2.0/}"
_PER_FILE = 12  # of the corpus: variety, not volume
_LEGAL = re.compile(r"\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}:\d{2}Z)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Held:
    """A record as it is given to the server; `datestamp` with seconds and Z, `metadata` the element as text."""

    identifier: str
    datestamp: str
    sets: tuple[str, ...]
    metadata: str | None

    @property
    def deleted(self) -> bool:
        return self.metadata is None

    def in_days(self) -> "Held":
        """With the datestamp that a repository of days writes."""
        return replace(self, datestamp=self.datestamp[:10])

    def belongs(self, spec: str) -> bool:
        return any(own == spec or own.startswith(f"{spec}:") for own in self.sets)


def now() -> str:
    """A datestamp of this second."""
    return clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")


def dublin_core(*fields: str) -> str:
    """A whole oai_dc element around these fields."""
    return (
        '<oai_dc:dc xmlns:oai_dc="http://www.openarchives.org/OAI/2.0/oai_dc/" '
        f'xmlns:dc="http://purl.org/dc/elements/1.1/">{"".join(fields)}</oai_dc:dc>'
    )


_BODIES = (
    dublin_core("<dc:title>Plain &amp; simple</dc:title>", "<dc:creator>Ngũgĩ, A.</dc:creator>"),
    dublin_core("\n  <dc:title xml:lang='el'>Ἀθῆναι 𐀀 &lt;b&gt;</dc:title>\n  ", "<dc:date>1999</dc:date>\n"),
    dublin_core(
        "<dc:title><![CDATA[a < b && <!DOCTYPE x>]]></dc:title>", "<dc:rights>  two  spaces </dc:rights>"
    ),
    dublin_core(
        "<dc:title>No<!-- a comment --> break</dc:title>", "<dc:subject/>", "<dc:type>Dataset</dc:type>"
    ),
    (
        '<dc xmlns="http://www.openarchives.org/OAI/2.0/oai_dc/" xmlns:d="http://purl.org/dc/elements/1.1/">'
        "<d:title>Other prefixes</d:title><d:description>line one\nline two&#13;</d:description></dc>"
    ),
    (
        '<oai_dc:dc xmlns:oai_dc="http://www.openarchives.org/OAI/2.0/oai_dc/" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><dc:title>Typed</dc:title>'
        '<dc:identifier xsi:type="dcterms:URI">https://example.org/7</dc:identifier></oai_dc:dc>'
    ),
)
_SETS = (("physics",), ("physics:optics", "open access"), ("a&b=c+d/é:%41",), ())


def invented(count: int = 15) -> list[Held]:
    """Records whose markup, identifiers and sets are legal and awkward; every seventh is deleted."""
    return [
        Held(
            identifier=f"oai:repository.example.org:{number}/Größe?x=1&y=+%2B"
            if number % 5 == 0
            else f"oai:x:{number}",
            datestamp=f"20{10 + number // 4:02}-{number % 12 + 1:02}-{number % 27 + 1:02}T23:59:{number % 60:02}Z",
            sets=_SETS[number % len(_SETS)],
            metadata=None if number % 7 == 6 else _BODIES[number % len(_BODIES)],
        )
        for number in range(count)
    ]


@cache
def real(corpus: Path) -> tuple[Held, ...]:
    """oai_dc records of captured answers: distinct identifiers, legal datestamps, at most twelve of a file."""
    found: dict[str, Held] = {}
    with (corpus / "INDEX.tsv").open(encoding="utf-8", newline="") as index:
        rows = list(csv.DictReader(index, delimiter="\t", quoting=csv.QUOTE_NONE))
    for row in rows:
        fits = row["verb"] in ("ListRecords", "GetRecord") and row["wellformed"] == "True"
        if fits and "oai_dc" in row["metadataPrefix"]:
            taken: Counter[str] = Counter()
            for held in _records(corpus / row["path"]):
                if held.identifier not in found and taken[row["path"]] < _PER_FILE:
                    found[held.identifier] = held
                    taken[row["path"]] += 1
    return tuple(found.values())


def _records(path: Path) -> Iterator[Held]:
    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    for record in etree.parse(path, parser).iter(f"{OAI}record"):
        header, metadata = record.find(f"{OAI}header"), record.find(f"{OAI}metadata")
        if header is None:
            continue
        identifier = (header.findtext(f"{OAI}identifier") or "").strip()
        stamp = (header.findtext(f"{OAI}datestamp") or "").strip()
        sets = tuple(dict.fromkeys((each.text or "").strip() for each in header.findall(f"{OAI}setSpec")))
        # pyoai holds datestamps as datetime objects and reads text without a Z as an error: those stay outside
        legal = identifier and all(sets) and _LEGAL.fullmatch(stamp)
        elements = [] if metadata is None else list(metadata.iterchildren(etree.Element))
        deleted = header.get("status") == "deleted"
        if legal and (deleted or len(elements) == 1):
            text = None if deleted else etree.tostring(elements[0], encoding="unicode", with_tail=False)
            yield Held(identifier, stamp if "T" in stamp else f"{stamp}T00:00:00Z", sets, text)
