"""From what cannot be taken to a row of quarantine, and back: after a fix of ours, without asking the repository again."""

import re
from typing import Any
from xml.sax.saxutils import escape

from harvester.catalogue.quarantine import PutAside
from harvester.catalogue.retries import Quarantined
from harvester.crosswalk import Context, normalise
from harvester.errors import Rejected, RepositoryError
from harvester.oai.page import read_page
from harvester.oai.parsing import Malformed, strict
from harvester.oai.records import Broken, Page, Record
from harvester.oai.salvage import parse

_OAI = "http://www.openarchives.org/OAI/2.0/"
# No other declaration: canonical XML would take it for the record's.
_ANSWER = b'<OAI-PMH xmlns="%b"><responseDate>%b</responseDate><GetRecord>%b</GetRecord></OAI-PMH>'


def aside(broken: Broken) -> PutAside:
    """A broken record, or what came in its place, for its row."""
    seen = broken.evidence
    evidence: dict[str, Any] | None = None
    if seen is not None:
        evidence = {
            "reason": broken.reason,
            "url": seen.url,
            "status": seen.status,
            "excerpt": seen.excerpt,
        }
    return PutAside(broken.reason, broken.raw, broken.identifier, broken.position, evidence)


def whole(record: Record, xml: bytes) -> bytes:
    """A record as an answer would hold it, around its metadata in canonical form: `read_again` gives the same metadata."""
    header = record.header
    said = f"<identifier>{escape(header.identifier)}</identifier><datestamp>{escape(header.datestamp.raw)}</datestamp>"
    said += "".join(f"<setSpec>{escape(spec)}</setSpec>" for spec in header.set_specs)
    # Metadata without a default namespace must not get the response's.
    bare = b"" if b" xmlns=" in xml[: xml.find(b">")] else b' xmlns=""'
    about = b"".join(b"<about>%b</about>" % each for each in record.about)
    return b'<record xmlns="%b"><header>%b</header><metadata%b>%b</metadata>%b</record>' % (
        _OAI.encode(),
        said.encode(),
        bare,
        xml,
        about,
    )


def read_again(row: Quarantined, raw: bytes) -> Page | None:
    """The record that these bytes are to the code of today, as the only one of a page; None where they cannot be read still.

    Prefixes that the answer's root had declared are not known any more, but for the usual ones.
    """
    try:
        raw.decode()
    except UnicodeDecodeError:
        return None  # nor is the encoding, where it was another
    date = row.last_seen.strftime("%Y-%m-%dT%H:%M:%SZ").encode()
    try:
        parsed = parse(_ANSWER % (_OAI.encode(), date, raw))
        page = read_page(parsed.root, "GetRecord", row.last_seen, broken=parsed.broken)
    except RepositoryError:
        return None
    if len(page.records) != 1 or page.broken:
        return None
    record = page.records[0]
    named = row.identifier in (None, record.header.identifier)
    return page if named and _is_read(record, page) else None


def complaint(raw: bytes) -> str | None:
    """What the parser says against the bytes of a record, with its place in them; None where it takes them."""
    before, after = _ANSWER.split(b"%b</GetRecord>")
    try:
        strict(before % (_OAI.encode(), b"") + b"\n" + raw + b"</GetRecord>" + after)
    except Malformed as error:
        # The answer around it is ours, and its first line.
        return re.sub(r"line (\d+)", lambda found: f"line {int(found[1]) - 1}", str(error))
    return None


def _is_read(record: Record, page: Page) -> bool:
    if record.metadata is None:
        return True
    header = record.header
    try:
        normalise(record.metadata, Context(header.set_specs, header.datestamp.value, page.response_date))
    except Rejected:
        return False
    return True
