"""A repository that serves exactly the records it is given, in any format: for records that no generator makes up."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape

OAI = 'xmlns="http://www.openarchives.org/OAI/2.0/"'
DATE = "2024-05-01T00:00:00Z"
DC = 'xmlns:oai_dc="http://www.openarchives.org/OAI/2.0/oai_dc/" xmlns:dc="http://purl.org/dc/elements/1.1/"'

IDENTIFY = (
    "<Identify><repositoryName>Shelf</repositoryName><baseURL>{url}</baseURL><protocolVersion>2.0</protocolVersion>"
    "<adminEmail>a@example.org</adminEmail><earliestDatestamp>2000-01-01T00:00:00Z</earliestDatestamp>"
    "<deletedRecord>persistent</deletedRecord><granularity>YYYY-MM-DDThh:mm:ssZ</granularity></Identify>"
)


def dublin_core(title: str, *more: str) -> str:
    """An oai_dc document; `more` are whole elements."""
    return f"<oai_dc:dc {DC}><dc:title>{escape(title)}</dc:title>{''.join(more)}</oai_dc:dc>"


def record(
    identifier: str, metadata: str | None, *, date: str = "2024-01-01T00:00:00Z", sets: tuple[str, ...] = ()
) -> str:
    """A <record>; without metadata a deleted one."""
    status = ' status="deleted"' if metadata is None else ""
    specs = "".join(f"<setSpec>{escape(spec)}</setSpec>" for spec in sets)
    content = "" if metadata is None else f"<metadata>{metadata}</metadata>"
    header = f"<identifier>{escape(identifier)}</identifier><datestamp>{date}</datestamp>{specs}"
    return f"<record><header{status}>{header}</header>{content}</record>"


class Shelf:
    """Serves `formats[prefix]`, a list of records, in pages."""

    def __init__(self, page_size: int = 100, **formats: list[str]) -> None:
        self.page_size = page_size
        self.formats = formats
        shelf = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                query = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
                body = shelf.answer(query).encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/xml; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}/oai"

    def answer(self, query: dict[str, str]) -> str:
        verb = query["verb"]
        inner = IDENTIFY.format(url=self.url) if verb == "Identify" else self._list(verb, query)
        return (
            f"<OAI-PMH {OAI}><responseDate>{DATE}</responseDate><request verb='{verb}'>{self.url}</request>"
            f"{inner}</OAI-PMH>"
        )

    def _list(self, verb: str, query: dict[str, str]) -> str:
        prefix, _, begin = query.get("resumptionToken", query.get("metadataPrefix", "")).partition("|")
        records, start = self.formats.get(prefix), int(begin or 0)
        if records is None:
            return '<error code="cannotDisseminateFormat">not here</error>'
        page, following = records[start : start + self.page_size], start + self.page_size
        token = f"{prefix}|{following}" if following < len(records) else ""
        size = f"<resumptionToken completeListSize='{len(records)}'>{token}</resumptionToken>"
        return f"<{verb}>{''.join(page)}{size}</{verb}>"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
