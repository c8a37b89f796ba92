"""What a fault is, and how it is armed: by name, for some requests, for a number of times."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from enum import Enum
from typing import Any

from harvester.errors import ConfigError
from harvester.mock.exchange import LISTS, Turn

EVERY_VERB = LISTS | {"Identify", "ListMetadataFormats", "ListSets", "GetRecord"}


class Stage(Enum):
    """When a fault has its chance."""

    ASKED = "the request is understood, nothing has been looked up"
    FOUND = "the page is found, not yet written"
    WRITTEN = "the XML is written"
    SENT = "the HTTP response is ready"


@dataclass(frozen=True, slots=True)
class Fault:
    """A named misbehaviour.

    `apply` changes the turn and returns whether it did; a chance not taken is neither counted nor logged.
    `options` are the defaults of what `misbehave` takes. `on_page` is the page meant when none is given;
    with `onwards` all pages from there on.
    """

    description: str
    stage: Stage
    apply: "Callable[[Turn, Armed], bool]"
    options: Mapping[str, Any] = field(default_factory=dict)
    verbs: frozenset[str] = LISTS
    on_page: int | None = None
    onwards: bool = False


@dataclass(slots=True)
class Armed:
    """A fault at work. `memory` is its own, for faults that need to know what they did before."""

    name: str
    fault: Fault
    times: int | None
    on_page: int | None
    verbs: frozenset[str]
    options: dict[str, Any]
    memory: dict[Any, Any] = field(default_factory=dict)

    def meets(self, turn: Turn) -> bool:
        if self.times == 0 or turn.verb not in self.verbs:
            return False
        if self.on_page is None or turn.number == self.on_page:
            return True
        return self.fault.onwards and turn.number > self.on_page


class ArmedFaults:
    """The faults in force, asked in the order in which they were armed."""

    def __init__(self, known: Mapping[str, Fault]) -> None:
        self._known = known
        self._lock = threading.Lock()
        self._armed: list[Armed] = []
        self.called_off = threading.Event()

    def arm(
        self, name: str, *, times: int | None = None, on_page: int | None = None, options: Mapping[str, Any]
    ) -> None:
        """Put a fault in force. Raises ConfigError for a name or an option that does not exist."""
        fault = self._fault(name)
        options = dict(options)
        verbs = _verbs(options.pop("verb", fault.verbs))
        if unknown := sorted(set(options) - set(fault.options)):
            known = ", ".join(["verb", *fault.options])
            raise ConfigError(f"The fault {name} takes {known}; not {', '.join(unknown)}")
        on_page = fault.on_page if on_page is None else on_page
        with self._lock:
            self._armed.append(Armed(name, fault, times, on_page, verbs, {**fault.options, **options}))

    def disarm(self) -> None:
        """Call everything off; answers that hang are abandoned."""
        with self._lock:
            self._armed.clear()
            abandoned, self.called_off = self.called_off, threading.Event()
        abandoned.set()

    def asked(self, turn: Turn) -> None:
        self._run(Stage.ASKED, turn)

    def found(self, turn: Turn) -> None:
        self._run(Stage.FOUND, turn)

    def written(self, turn: Turn) -> None:
        self._run(Stage.WRITTEN, turn)

    def sent(self, turn: Turn) -> None:
        self._run(Stage.SENT, turn)

    def _run(self, stage: Stage, turn: Turn) -> None:
        with self._lock:
            for armed in self._armed:
                if armed.fault.stage is stage and armed.meets(turn) and armed.fault.apply(turn, armed):
                    turn.applied.append(armed.name)
                    armed.times = None if armed.times is None else armed.times - 1
                # One refusal, or one whole answer, leaves nothing for the next fault to change.
                if stage in {Stage.ASKED, Stage.FOUND} and (turn.refusal or turn.answer):
                    break
        if turn.refusal and turn.error is None:
            raise turn.refusal

    def _fault(self, name: str) -> Fault:
        if name not in self._known:
            near = get_close_matches(name, self._known)
            hint = f"; did you mean {', '.join(near)}?" if near else ""
            raise ConfigError(f"There is no fault called {name}{hint}")
        return self._known[name]


def _verbs(given: str | frozenset[str] | tuple[str, ...]) -> frozenset[str]:
    verbs = frozenset({given}) if isinstance(given, str) else frozenset(given)
    if strange := verbs - EVERY_VERB:
        raise ConfigError(f"Not a verb: {', '.join(sorted(strange))}")
    return verbs
