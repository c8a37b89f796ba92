"""Several fake repositories on one host and port, as farms of journals have them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from harvester.mock.exchange import Access, Answer, Request
from harvester.mock.repository import FakeRepository
from harvester.mock.server import Flight, Server


@dataclass(eq=False)
class FakeHost:
    """A context manager; the repositories, each with a path of its own, are not started by themselves.

    In their logs `overlapping` tells of requests to any of them. Raises ValueError where two have one path.
    """

    repositories: Sequence[FakeRepository]
    port: int = 0
    _server: Server | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        if len({each.path for each in self.repositories}) < len(self.repositories):
            raise ValueError("two repositories of a host need two paths")

    @property
    def log(self) -> list[Access]:
        """What all of them were asked, in the order of time."""
        return sorted(
            (access for each in self.repositories for access in each.log), key=lambda access: access.at
        )

    def __enter__(self) -> Self:
        server = self._server = Server(self.port, self._exchange)
        for each in self.repositories:
            each.move_to(server.server_port)
        server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        for each in self.repositories:
            each.behave()
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        if server.failures:
            raise ExceptionGroup("the fake host itself failed", server.failures)

    def _exchange(self, request: Request, flight: Flight) -> Answer:
        path = request.raw.partition("?")[0]
        for each in self.repositories:
            if path == each.path or path.startswith(f"{each.path}/"):
                return each.exchange(request, flight)
        return Answer(404)
