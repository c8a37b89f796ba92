"""What a harvest tells while it runs, and when it has ended."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from harvester.catalogue.ledger import Stream
from harvester.catalogue.runs import Counts
from harvester.catalogue.windows import Window
from harvester.errors import Retriable


@dataclass(frozen=True, slots=True)
class PageEvent:
    """A page is in the catalogue. `page` holds its own counts, `run` those of the run so far; `seconds` since its start."""

    stream: Stream
    window: Window
    page: Counts
    run: Counts
    seconds: float

    @property
    def token_expires_at(self) -> datetime | None:
        """By our clock; None where the server does not say."""
        if self.window.token_received_at is None or self.window.token_life is None:
            return None
        return self.window.token_received_at + self.window.token_life


@dataclass(frozen=True, slots=True)
class Listener:
    """Who wants to know: `on_page` after each commit, `tell` with a sentence when something takes long or goes wrong.

    `on_retry` hears why a request is about to be tried again.
    """

    on_page: Callable[[PageEvent], None] = lambda _: None
    tell: Callable[[str], None] = lambda _: None
    on_retry: Callable[[Retriable], None] = lambda _: None


@dataclass(frozen=True, slots=True)
class StreamReport:
    """How one stream's run went; `unread` are elements with text that no rule read, `repairs` byte repairs by kind."""

    stream: Stream
    outcome: str
    reason: str | None
    sentence: str | None
    counts: Counts
    seconds: float
    unread: dict[str, int] = field(default_factory=dict)
    repairs: dict[str, int] = field(default_factory=dict)
    evidence: dict[str, Any] | None = None
