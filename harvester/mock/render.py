"""Writes OAI-PMH responses as text, so that every byte is ours to spoil. Knows no rules of the protocol."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from xml.sax.saxutils import escape, quoteattr

from harvester.mock.exchange import Page, Policy, Turn
from harvester.mock.metadata import XSI
from harvester.mock.metadata_formats import FORMATS
from harvester.mock.store import Granularity, Record

OAI = "http://www.openarchives.org/OAI/2.0/"
ROOT = f'<OAI-PMH xmlns="{OAI}" xmlns:xsi="{XSI}" xsi:schemaLocation="{OAI} http://www.openarchives.org/OAI/2.0/OAI-PMH.xsd">'
DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
GRANULARITIES: dict[Granularity, str] = {"seconds": "YYYY-MM-DDThh:mm:ssZ", "days": "YYYY-MM-DD"}
UNWRITABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def moment(at: datetime, granularity: Granularity = "seconds") -> str:
    """A UTCdatetime (specification 3.3)."""
    text = at.astimezone(UTC).isoformat()
    return text[:10] if granularity == "days" else f"{text[:19]}Z"


def document(turn: Turn, inside: str | bytes) -> bytes:
    """A whole response; the request is echoed without attributes for badVerb and badArgument (3.2)."""
    silent = turn.error in {"badVerb", "badArgument"}
    echoed = {} if silent else turn.arguments
    attributes = "".join(f" {name}={quoteattr(UNWRITABLE.sub('', value))}" for name, value in echoed.items())
    date = moment(turn.policy.now() + turn.skew)
    head = (
        f"{DECLARATION}{ROOT}\n<responseDate>{date}</responseDate>\n"
        f"<request{attributes}>{escape(turn.policy.base_url)}</request>\n"
    )
    body = inside.encode() if isinstance(inside, str) else inside
    return b"".join((head.encode(), body, b"\n</OAI-PMH>\n"))


def error(code: str, message: str) -> str:
    return f"<error code={quoteattr(code)}>{escape(UNWRITABLE.sub('', message))}</error>"


def header(record: Record, policy: Policy, skew: timedelta) -> str:
    stamp = moment(record.datestamp + skew if skew else record.datestamp, policy.granularity)
    sets = "".join(f"<setSpec>{escape(spec)}</setSpec>" for spec in record.sets) if policy.with_sets else ""
    status = ' status="deleted"' if record.deleted else ""
    identifier = escape(record.identifier)
    return (
        f"<header{status}><identifier>{identifier}</identifier><datestamp>{stamp}</datestamp>{sets}</header>"
    )


def record_element(record: Record, turn: Turn, prefix: str) -> bytes:
    """A record with its metadata in the format of this prefix."""
    metadata = record.metadata_as(prefix)
    head = header(record, turn.policy, turn.skew).encode()
    if metadata is None:
        return b"<record>%b</record>\n" % head
    return b"<record>%b<metadata>%b</metadata></record>\n" % (head, metadata)


def listing(turn: Turn, page: Page) -> bytes:
    """The ListRecords or ListIdentifiers element."""
    if turn.verb == "ListRecords":
        parts = [record_element(record, turn, turn.query.prefix) for record in page.records]
    else:
        parts = [f"{header(record, turn.policy, turn.skew)}\n".encode() for record in page.records]
    verb = turn.verb.encode()
    return b"".join((b"<", verb, b">\n", *parts, token(turn, page).encode(), b"</", verb, b">"))


def token(turn: Turn, page: Page) -> str:
    """The resumptionToken element, with the attributes that the repository gives (3.5.1)."""
    if page.token is None:
        return ""
    attributes = ""
    if page.token and page.expires is not None:
        expires = datetime.fromtimestamp(page.expires, UTC) + turn.skew
        attributes += f' expirationDate="{moment(expires)}"'
    if page.size is not None:
        attributes += f' completeListSize="{page.size}" cursor="{turn.place.sent if turn.place else 0}"'
    return f"<resumptionToken{attributes}>{escape(page.token)}</resumptionToken>\n"


def identify(turn: Turn) -> str:
    policy = turn.policy
    earliest = policy.earliest or moment(turn.store.earliest() + turn.skew, policy.granularity)
    return (
        "<Identify><repositoryName>The repository that misbehaves on request</repositoryName>"
        f"<baseURL>{escape(policy.base_url)}</baseURL><protocolVersion>2.0</protocolVersion>"
        "<adminEmail>admin@repository.example.org</adminEmail>"
        f"<earliestDatestamp>{escape(earliest)}</earliestDatestamp><deletedRecord>{policy.deleted_record}</deletedRecord>"
        f"<granularity>{GRANULARITIES[policy.granularity]}</granularity><compression>gzip</compression></Identify>"
    )


def formats() -> str:
    each = (
        f"<metadataFormat><metadataPrefix>{one.prefix}</metadataPrefix><schema>{escape(one.schema)}</schema>"
        f"<metadataNamespace>{escape(one.namespace)}</metadataNamespace></metadataFormat>"
        for one in FORMATS.values()
    )
    return f"<ListMetadataFormats>{''.join(each)}</ListMetadataFormats>"


def sets(specs: Iterable[str]) -> str:
    each = (
        f"<set><setSpec>{escape(spec)}</setSpec><setName>{escape(_name(spec))}</setName></set>"
        for spec in specs
    )
    return f"<ListSets>{''.join(each)}</ListSets>"


def _name(spec: str) -> str:
    return spec.replace("_", " ").replace(":", ", ").capitalize()
