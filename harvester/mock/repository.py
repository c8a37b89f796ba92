"""The fake repository as tests and `harvester mock` use it: a store, a server, armed faults, a log."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from email.utils import format_datetime
from types import TracebackType
from typing import Any, Self

from harvester import clock
from harvester.errors import ConfigError
from harvester.mock.exchange import LISTS, Access, Answer, Policy, Request, Turn
from harvester.mock.faults import KNOWN, ArmedFaults
from harvester.mock.protocol import respond
from harvester.mock.server import Flight, Server
from harvester.mock.store import DeletedRecord, Granularity, Store
from harvester.mock.tokens import Style, Tokens


@dataclass(kw_only=True, eq=False)
class FakeRepository:
    """An OAI-PMH repository on loopback that misbehaves on request; a context manager.

    `token_life` in seconds, None for tokens without expirationDate that live for ever; `latency` in seconds
    per request; `port` 0 takes a free one; `earliest` is what Identify says instead of the truth; `now` gives aware UTC. `faults` are armed from the beginning,
    each a name with options if need be: "reset", "503_retry_after:seconds=5,times=3,on_page=1".
    Raises ConfigError for a fault that does not exist, OSError when the port is taken.
    """

    records: int = 100
    page_size: int = 100
    port: int = 0
    seed: int = 0
    granularity: Granularity = "seconds"
    deleted_record: DeletedRecord = "persistent"
    token_life: float | None = 3600.0
    token_style: Style = "offset"  # noqa: S105 - a style, not a secret
    complete_list_size: bool = True
    with_sets: bool = True
    token_needs_prefix: bool = False
    earliest: str | None = None
    latency: float = 0.0
    now: Callable[[], datetime] = clock.now
    path: str = "/oai"
    faults: Iterable[str] = ()
    store: Store = field(init=False)
    log: list[Access] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self.store = Store(seed=self.seed, granularity=self.granularity, now=self.now)
        self.store.fill(self.records)
        self._tokens = Tokens(self.token_style)
        self._armed = ArmedFaults(KNOWN)
        self._server: Server | None = None
        self._policy: Policy | None = None
        for text in self.faults:
            name, options = _parse(text)
            self.misbehave(name, **options)

    @property
    def url(self) -> str:
        """The base URL. Raises ConfigError before the server has started."""
        return self._settled().base_url

    def start(self) -> Self:
        """Begin to serve; `close` ends it."""
        self._server = Server(self.port, self.exchange)
        self.move_to(self._server.server_port)
        self._server.start()
        return self

    def move_to(self, port: int) -> None:
        """Say of itself that it is at this port, whoever serves it there."""
        self._policy = Policy(
            base_url=f"http://127.0.0.1:{port}{self.path}",
            page_size=self.page_size,
            granularity=self.granularity,
            deleted_record=self.deleted_record,
            token_life=self.token_life,
            complete_list_size=self.complete_list_size,
            with_sets=self.with_sets,
            token_needs_prefix=self.token_needs_prefix,
            earliest=self.earliest,
            now=self.now,
        )

    def close(self) -> None:
        """End every connection and thread. Raises what went wrong inside the server, if anything did."""
        server, self._server = self._server, None
        if server is None:
            return
        self._armed.disarm()
        server.close()
        if server.failures:
            raise ExceptionGroup("the fake repository itself failed", server.failures)

    def misbehave(
        self, name: str, *, times: int | None = None, on_page: int | None = None, **options: Any
    ) -> None:
        """Arm a fault: for ever or `times` times, on every page or on page `on_page` of each list, from 0.

        `verb` (one, or several) replaces the requests it concerns; the other options are the fault's own,
        see `FAULTS`. Raises ConfigError.
        """
        self._armed.arm(name, times=times, on_page=on_page, options=options)

    def behave(self) -> None:
        """Disarm all faults; answers that hang end with their connection."""
        self._armed.disarm()

    def requests(self, verb: str | None = None) -> list[Access]:
        """The log, or the part of it with this verb."""
        return [access for access in self.log if verb is None or access.verb == verb]

    @property
    def pages_sent(self) -> int:
        """List pages answered with 200, records or not."""
        return sum(access.verb in LISTS and access.status == 200 for access in self.log)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self.close()

    def exchange(self, request: Request, flight: Flight) -> Answer:
        """Answer a request, and write it into the log."""
        at = clock.monotonic()
        if self.latency:
            flight.pause(self.latency)
        flight.called_off = self._armed.called_off
        turn = Turn(request=request, policy=self._settled(), store=self.store, tokens=self._tokens)
        path = request.raw.partition("?")[0]
        ours = path == self.path or path.startswith(f"{self.path}/")
        answer = respond(turn, self._armed) if ours else Answer(404)
        date = format_datetime(self.now() + turn.skew, usegmt=True)
        access = Access(
            at=at,
            method=request.method,
            verb=turn.verb,
            arguments={name: value for name, value in request.pairs if name != "verb"},
            raw=request.raw,
            status=answer.status,
            fault=",".join(turn.applied) or None,
            records=answer.records,
            page=turn.number if turn.place else None,
            overlapping=flight.began_beside_another,
        )
        self.log.append(access)
        return replace(answer, headers=(("Date", date), *answer.headers))

    def _settled(self) -> Policy:
        if self._policy is None:
            raise ConfigError("The fake repository has no address before it is started")
        return self._policy


def _parse(text: str) -> tuple[str, dict[str, Any]]:
    """ "reset:after=10,on_page=1" is the fault "reset" with {"after": 10, "on_page": 1}."""
    name, _, listed = text.partition(":")
    pairs = (pair.partition("=") for pair in listed.split(",") if pair)
    return name, {key.strip(): _value(value.strip()) for key, _, value in pairs}


def _value(text: str) -> Any:
    for read in (int, float):
        try:
            return read(text)
        except ValueError:
            continue
    return {"true": True, "false": False}.get(text, text)
