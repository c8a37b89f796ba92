"""Small OAI-PMH answers, written by hand so that a test can break them where it likes."""

from datetime import UTC, datetime

OAI_NS = "http://www.openarchives.org/OAI/2.0/"
DC_NS = "http://purl.org/dc/elements/1.1/"
OAI_DC_NS = "http://www.openarchives.org/OAI/2.0/oai_dc/"
NOW = datetime(2024, 5, 31, 12, 0, 0, tzinfo=UTC)
DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'


def header(identifier: str = "oai:x:1", stamp: str = "2024-05-01T10:00:00Z", more: str = "") -> str:
    return (
        f"<header><identifier>{identifier}</identifier><datestamp>{stamp}</datestamp>"
        f"<setSpec>a:b</setSpec>{more}</header>"
    )


def dc(title: str = "Ärger & Söhne".replace("&", "&amp;")) -> str:
    return (
        f'<oai_dc:dc xmlns:oai_dc="{OAI_DC_NS}" xmlns:dc="{DC_NS}"><dc:title>{title}</dc:title></oai_dc:dc>'
    )


def record(identifier: str = "oai:x:1", metadata: str | None = None, **more: str) -> str:
    return f"<record>{header(identifier, **more)}<metadata>{dc() if metadata is None else metadata}</metadata></record>"


def answer(
    inside: str, *, date: str = "2024-05-31T12:00:00Z", root: str = "", declared: bool = True
) -> bytes:
    """A whole response around what stands beside `request`."""
    text = (
        f'<OAI-PMH xmlns="{OAI_NS}"{root}><responseDate>{date}</responseDate>'
        f'<request verb="ListRecords" metadataPrefix="oai_dc">http://127.0.0.1/oai</request>{inside}</OAI-PMH>'
    )
    return ((DECLARATION if declared else "") + text).encode()


def page(*records: str, token: str | None = None, verb: str = "ListRecords", **more: str) -> bytes:
    """A list; `token` is the whole element's content, None for no element."""
    element = "" if token is None else f"<resumptionToken>{token}</resumptionToken>"
    return answer(f"<{verb}>{''.join(records)}{element}</{verb}>", **more)


def error(code: str, message: str = "no") -> str:
    return f'<error code="{code}">{message}</error>'
