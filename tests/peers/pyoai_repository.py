"""The pyoai process as a test sees it, and the truth it was filled with: invented records, and real ones of the corpus."""

import csv
import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from lxml import etree

from harvester import clock

OAI = "{http://www.openarchives.org/OAI/2.0/}"
_SCRIPT = Path(__file__).with_name("pyoai_server.py")
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

    def belongs(self, spec: str) -> bool:
        return any(own == spec or own.startswith(f"{spec}:") for own in self.sets)


@dataclass
class PyoaiRepository:
    """A pyoai server process on loopback; a context manager. `holds` is what it holds, by identifier."""

    records: Iterable[Held]
    batch: int = 4
    granularity: str = "YYYY-MM-DDThh:mm:ssZ"
    kind: str = "batching"
    holds: dict[str, Held] = field(init=False, default_factory=dict)

    def __enter__(self) -> Self:
        command = [sys.executable, "-W", "ignore", str(_SCRIPT), str(self.batch), self.granularity, self.kind]
        # -W: pyoai calls datetime.utcnow, deprecated since 3.12. stderr is the run's own: pyoai's traceback then stands beside the failure it caused
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
        )
        try:
            self.url = f"http://127.0.0.1:{self._answer()['port']}/oai"
            self.put(*self.records)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._end()

    def put(self, *records: Held) -> None:
        """Add records, or replace those with the same identifier."""
        values = [asdict(each) | {"deleted": each.deleted} for each in records]
        self._tell({"do": "put", "records": values})
        self.holds |= {each.identifier: each for each in records}

    def remove(self, *identifiers: str) -> None:
        """Take records away without a trace."""
        self._tell({"do": "remove", "identifiers": identifiers})
        for each in identifiers:
            del self.holds[each]

    def revise(self, identifier: str, metadata: str | None, **more: Any) -> Held:
        """New metadata (None: deleted) stamped now."""
        revised = replace(self.holds[identifier], datestamp=now(), metadata=metadata, **more)
        self.put(revised)
        return revised

    def log(self, verb: str | None = None) -> list[dict[str, Any]]:
        """Each request: `asked` (arguments), `status`, and the resumptionToken `issued` in its answer."""
        log: list[dict[str, Any]] = self._tell({"do": "log"})
        return [entry for entry in log if verb is None or entry["asked"].get("verb") == verb]

    def _tell(self, command: dict[str, Any]) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        return self._answer()["done"]

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"the pyoai server has ended (code {self._process.wait(5)})"
        return json.loads(line)

    def _end(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()


Serve = Callable[..., PyoaiRepository]  # of the fixture `serve`


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


def real(corpus: Path) -> list[Held]:
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
    return list(found.values())


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
