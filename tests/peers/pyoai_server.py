"""A repository run by pyoai's server: a process of its own that tests fill and change over its standard input.

Nothing of harvester is imported here. Usage: pyoai_server.py BATCH_SIZE GRANULARITY batching|slicing. The first line on
standard output is {"port": ...}; then each line read is a JSON command and gets a JSON line: {"do": "put", "records": [...]},
{"do": "remove", "identifiers": [...]}, {"do": "log"}. The end of standard input ends the process.
"""

import json
import re
import socketserver
import sys
import threading
import types
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, parse_qsl
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

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
ISSUED = re.compile(rb"<resumptionToken>([^<]+)</resumptionToken>")


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


class _Server(WSGIServer):
    def server_bind(self) -> None:
        socketserver.TCPServer.server_bind(self)  # HTTPServer's would ask the resolver for our name
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]
        self.setup_environ()


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """Say nothing: what is asked goes to the log that tests can read."""


@dataclass
class Application:
    """WSGI around pyoai; `log` holds each request with the token that its answer issued."""

    oai: server.ServerBase
    log: list[dict[str, Any]]

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        asked = dict(parse_qsl(environ["QUERY_STRING"], keep_blank_values=True))
        entry: dict[str, Any] = {"asked": asked, "status": 500, "issued": None}
        self.log.append(entry)
        body = self.oai.handleRequest(dict(asked))
        issued = ISSUED.search(body)
        entry |= {"status": 200, "issued": issued[1].decode() if issued else None}
        start_response("200 OK", [("Content-Type", "text/xml"), ("Content-Length", str(len(body)))])
        return [body]


def main(batch: str, granularity: str, kind: str) -> None:
    shelf = Shelf(granularity)
    registry = metadata.MetadataRegistry()
    registry.registerWriter("oai_dc", _as_it_is)
    registry.registerWriter("pyoai_dc", server.oai_dc_writer)
    make = {"batching": server.BatchingServer, "slicing": server.Server}[kind]
    application = Application(make(shelf, registry, resumption_batch_size=int(batch)), [])
    with _Server(("127.0.0.1", 0), _Quiet) as http:
        http.set_app(application)
        shelf.base_url = f"http://127.0.0.1:{http.server_port}/oai"
        threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True).start()
        print(json.dumps({"port": http.server_port}), flush=True)
        for line in sys.stdin:
            command = json.loads(line)
            done: Any = None
            match command["do"]:
                case "put":
                    shelf.put(command["records"])
                case "remove":
                    shelf.remove(command["identifiers"])
                case "log":
                    done = application.log
            print(json.dumps({"done": done}), flush=True)
        http.shutdown()


if __name__ == "__main__":
    main(*sys.argv[1:])
