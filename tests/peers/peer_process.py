"""A third party's server process as a test sees it."""

import http.client
import json
import subprocess
import sys
from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode, urlsplit

from held import OAI, Held, now
from lxml import etree


@dataclass(frozen=True, slots=True)
class Answer:
    """What came for one request that no client of ours has touched."""

    status: int
    body: bytes

    @property
    def root(self) -> etree._Element:
        return etree.fromstring(self.body)

    @property
    def error(self) -> str | None:
        """The code of its <error>."""
        found = self.root.find(f"{OAI}error")
        return None if found is None else found.get("code")

    @property
    def request(self) -> dict[str, str]:
        """The attributes of its <request>."""
        found = self.root.find(f"{OAI}request")
        assert found is not None
        return dict(found.attrib)

    @property
    def token(self) -> str | None:
        """None: no resumptionToken element; "": an empty one."""
        found = next(self.root.iter(f"{OAI}resumptionToken"), None)
        return None if found is None else found.text or ""

    @property
    def identifiers(self) -> list[str]:
        return [each.findtext(f"{OAI}identifier") or "" for each in self.headers]

    @property
    def headers(self) -> list[etree._Element]:
        return list(self.root.iter(f"{OAI}header"))

    def texts(self, name: str) -> list[str]:
        """The texts of these OAI elements, in document order."""
        return [each.text or "" for each in self.root.iter(f"{OAI}{name}")]


@dataclass
class PeerProcess:
    """A server process on loopback; a context manager. `holds` is what it holds, by identifier."""

    records: Iterable[Held]
    holds: dict[str, Held] = field(init=False, default_factory=dict)

    @property
    @abstractmethod
    def shown(self) -> list[Held]:
        """What a harvest of all of it ought to bring."""

    @abstractmethod
    def script(self) -> list[str]:
        """The script beside this module, and its arguments."""

    def __enter__(self) -> Self:
        script, *arguments = self.script()
        command = [sys.executable, "-W", "ignore", str(Path(__file__).with_name(script)), *arguments]
        # -W: pyoai calls datetime.utcnow, deprecated since 3.12. stderr is the run's own: a library's traceback then stands
        # beside the failure it caused
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

    def ask(self, verb: str, **arguments: str) -> Answer:
        """One request as it is, without any client of ours; `from_` is sent as from."""
        named = {name.removesuffix("_"): value for name, value in arguments.items()}
        place = urlsplit(self.url)
        connection = http.client.HTTPConnection(place.hostname or "", place.port or 0, timeout=30)
        try:
            connection.request("GET", f"{place.path}?{urlencode({'verb': verb} | named)}")
            came = connection.getresponse()
            return Answer(came.status, came.read())
        finally:
            connection.close()

    def _tell(self, command: dict[str, Any]) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        return self._answer()["done"]

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"the server has ended (code {self._process.wait(5)})"
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
