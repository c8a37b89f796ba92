"""Every error harvester raises on purpose, grouped by what the caller does about it.

    HarvesterError
        ConfigError           mend the call or the configuration; nothing was harvested
        CatalogueError        Postgres cannot be used: the sentence says what to do
        RepositoryError       the repository answered (or failed to), but not with a page
            Retriable         ask again later: network, 429, 5xx, malformed XML, HTML
            TokenExpired      the server no longer takes the token: restart the window
            Refused           badArgument, cannotDisseminateFormat, 403, a bot wall: stop, tell a person
        Fenced                another worker holds the window: drop the page, leave quietly
        Rejected              one record cannot be read: quarantine it, go on
        Interrupted           SIGINT or SIGTERM: the state is saved, leave

noRecordsMatch is not here: it is an empty page.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a repository answered, kept beside an outcome (promise P7).

    `url` carries no credentials; `excerpt` is the first 2 kB of the body as text.
    """

    url: str
    status: int | None = None
    excerpt: str = ""

    EXCERPT_BYTES = 2048


class HarvesterError(Exception):
    """Base of all; `str(error)` is a sentence a librarian can read."""


class ConfigError(HarvesterError):
    """The call or the configuration is wrong."""


class CatalogueError(HarvesterError):
    """The catalogue's Postgres cannot be reached, started, or used as it is."""


class RepositoryError(HarvesterError):
    """The repository did not give a page.

    `reason` is a stable word (`dns`, `too_slow`, `http_503`, `html`, `badArgument`, ...).
    """

    def __init__(self, sentence: str, *, reason: str, evidence: Evidence | None = None) -> None:
        super().__init__(sentence)
        self.reason = reason
        self.evidence = evidence


class Retriable(RepositoryError):
    """Worth asking again; `after` is the seconds the server asked us to wait (`Retry-After`), if it did."""

    def __init__(
        self, sentence: str, *, reason: str, evidence: Evidence | None = None, after: float | None = None
    ) -> None:
        super().__init__(sentence, reason=reason, evidence=evidence)
        self.after = after


class TokenExpired(RepositoryError):
    """badResumptionToken, or its like: the window starts again from its own bounds."""


class Refused(RepositoryError):
    """The repository said no; a person must look."""


class Fenced(HarvesterError):
    """The window is held by another worker now: nothing was written."""


class Rejected(HarvesterError):
    """One record cannot be read; `reason` is a stable word."""

    def __init__(self, sentence: str, *, reason: str) -> None:
        super().__init__(sentence)
        self.reason = reason


class Interrupted(HarvesterError):
    """A person or the system asked us to stop."""
