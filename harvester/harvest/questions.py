"""Questions about a repository as a whole, politely, and conditional where an earlier answer may still stand."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from lxml.etree import _Element as Element

from harvester import clock
from harvester.catalogue.listings import Kept
from harvester.errors import RepositoryError
from harvester.harvest.asking import politely
from harvester.harvest.job import Job
from harvester.oai.repository import Doubt
from harvester.wire import Response, Validators, validators_of

T = TypeVar("T")

# A server that says "unchanged" whatever has changed is found out after so long.
_BELIEVED = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Questions:
    """Asks in the job's turn at the host; `kept` is what earlier answers told."""

    job: Job
    kept: Kept

    def ask(self, verb: str, read: Callable[[Element], T], *, known: bool) -> tuple[T, Response] | None:
        """What the answer to `verb` holds; None where it is `known`, and the server says that it still stands.

        Raises what `read` and the repository raise, and Interrupted.
        """
        validators = self._validators(verb) if known else None
        return self._politely(read, {"verb": verb}, validators, None)

    def further(
        self, verb: str, read: Callable[[Element], T], token: str, doubt: Doubt
    ) -> tuple[T, Response]:
        """The page of a token; `doubt` is told of failures that may have spent it. Raises alike, and TokenExpired."""
        heard = self._politely(read, {"verb": verb, "resumptionToken": token}, None, doubt)
        assert heard is not None  # noqa: S101 - only a conditional question has no answer
        return heard

    def validity(self, response: Response | None) -> dict[str, Any]:
        """What is kept of an answer, so that it can be asked for again under the condition that it has changed."""
        validators = validators_of(response.headers) if response is not None else None
        if validators is None:
            return {}
        said = {"etag": validators.etag, "last_modified": validators.last_modified}
        return {"url": self.job.url} | {name: value for name, value in said.items() if value}

    def _validators(self, verb: str) -> Validators | None:
        told, at = self.kept.told.get(verb, {}), self.kept.at(verb)
        if at is None or told.get("url") != self.job.url or clock.now() - at > _BELIEVED:
            return None
        validators = Validators(told.get("etag"), told.get("last_modified"))
        return validators if validators.headers else None

    def _politely(
        self,
        read: Callable[[Element], T],
        arguments: Mapping[str, str],
        validators: Validators | None,
        doubt: Doubt | None,
    ) -> tuple[T, Response] | None:
        repository = self.job.repository

        def attempt() -> tuple[T, Response] | None:
            if validators is None:
                answer = repository.harvest(**arguments)
            elif (newer := repository.newer(validators, **arguments)) is None:
                return None
            else:
                answer = newer
            try:
                return read(answer.root), answer.response
            except RepositoryError as error:
                error.evidence = answer.response.evidence
                raise

        return politely(self.job, lambda: repository.persist(attempt, doubt=doubt))
