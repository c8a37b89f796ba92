"""Keeps what a probe was answered: a folder of numbered XML files, and an index of the requests that brought them."""

import json
import re
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from harvester.errors import ConfigError, RepositoryError
from harvester.wire import Client, Response, Validators, merge_query, public_url

MOST_BYTES = 100 * 1000 * 1000
# What tells of the answer, and nothing that could let somebody in (Set-Cookie, Authorization).
_HEADERS = (
    *("content-type", "content-encoding", "content-length", "date", "server", "retry-after"),
    *("last-modified", "etag", "cache-control", "via", "cf-mitigated"),
)
_SECRET = re.compile(r"key|secret|passw|auth|signature|credential|(?<!resumption)token", re.IGNORECASE)


@dataclass(slots=True)
class Capture:
    """A folder in the making, beside its final place; `close` moves it there whole.

    Raises ConfigError where the place is taken or cannot be written to.
    """

    place: Path
    _folder: Path = field(init=False)
    _index: list[dict[str, Any]] = field(default_factory=list, init=False)
    _bytes: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        try:
            if self.place.exists() and not (self.place.is_dir() and not any(self.place.iterdir())):
                raise ConfigError(
                    f"{self.place} exists and is not empty: choose another folder for --capture"
                )
            self._folder = Path(
                tempfile.mkdtemp(prefix=f".{self.place.name}-", dir=self.place.absolute().parent)
            )
            self._folder.chmod(0o755)
        except OSError as error:
            raise ConfigError(f"{self.place} cannot be written to: {error.strerror}") from error

    def keep(self, method: str, arguments: dict[str, str], response: Response) -> None:
        """An answer, whatever its status."""
        number = len(self._index) + 1
        said = {name: response.headers[name] for name in _HEADERS if name in response.headers}
        entry = self._entry(method, arguments, response.url) | {
            "status": response.status,
            "headers": said,
            "received_at": response.received_at.isoformat(timespec="seconds"),
            "seconds": round(response.seconds, 3),
            "requests": response.requests,
            "bytes": len(response.body),
        }
        if self._bytes + len(response.body) <= MOST_BYTES:
            self._bytes += len(response.body)
            entry["file"] = f"{number:03}-{arguments.get('verb', 'request')}.xml"
            (self._folder / entry["file"]).write_bytes(response.body)
        else:
            entry["left_out"] = f"a capture holds {MOST_BYTES // 1_000_000} MB at most"
        self._index.append(entry)

    def fail(self, method: str, arguments: dict[str, str], url: str, error: RepositoryError) -> None:
        """A request that brought no answer."""
        entry = self._entry(method, arguments, url) | {"reason": error.reason, "error": str(error)}
        self._index.append(entry)

    def close(self) -> int:
        """Write the index and move the folder to its place; how many requests it tells of."""
        text = json.dumps({"requests": self._index}, ensure_ascii=False, indent=1)
        (self._folder / "index.json").write_text(text + "\n", "utf-8")
        self._folder.rename(self.place)  # over an empty folder of that name, too
        return len(self._index)

    def discard(self) -> None:
        """Nothing was asked: leave nothing behind."""
        shutil.rmtree(self._folder)

    @property
    def empty(self) -> bool:
        """Whether nothing was asked."""
        return not self._index

    def _entry(self, method: str, arguments: dict[str, str], url: str) -> dict[str, Any]:
        number = len(self._index) + 1
        return {
            "number": number,
            "method": method,
            "url": redacted(url),
            "arguments": arguments,
            "file": None,
        }


def redacted(url: str) -> str:
    """The URL without userinfo, and without the values of arguments that sound like keys or passwords."""
    parts = urlsplit(public_url(url))
    secrets = [name for name, _ in parse_qsl(parts.query) if _SECRET.search(name)]
    if not secrets:
        return urlunsplit(parts)
    return merge_query(urlunsplit(parts), [(name, "REDACTED") for name in dict.fromkeys(secrets)])


@dataclass(slots=True, kw_only=True, eq=False)
class CapturingClient(Client):
    """A client whose every answer is kept."""

    capture: Capture

    def get(
        self, url: str, params: Sequence[tuple[str, str]], validators: Validators | None = None
    ) -> Response:
        """As Client.get."""
        # Not `super()`: a dataclass with slots is another class than the one its methods were written in.
        return self._kept("GET", lambda: Client.get(self, url, params, validators), (url, params))

    def post(self, url: str, params: Sequence[tuple[str, str]]) -> Response:
        """As Client.post."""
        return self._kept("POST", lambda: Client.post(self, url, params), (url, params))

    def _kept(
        self, method: str, ask: Callable[[], Response], asked: tuple[str, Sequence[tuple[str, str]]]
    ) -> Response:
        url, params = asked
        try:
            response = ask()
        except RepositoryError as error:
            self.capture.fail(method, dict(params), merge_query(url, params), error)
            raise
        self.capture.keep(method, dict(params), response)
        return response
