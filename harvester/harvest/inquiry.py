"""GetRecord as evidence: whether the repository still has a record, asked at the polite pace."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from harvester.errors import RepositoryError, Retriable
from harvester.harvest.job import Job
from harvester.harvest.recovery import MOST_IN_VAIN
from harvester.oai.records import Broken, Page, Record
from harvester.oai.repository import OF_A_RECORD

# What says that a record is no more, or no more in this format (section 3.6).
_GONE = frozenset({"idDoesNotExist", "cannotDisseminateFormat"})
# What says nothing of the record, and need not hold for the next: some know no answer to one identifier alone.
_OF_ONE = OF_A_RECORD | {"badArgument", "noMetadataFormats", "http_404", "http_410"}


class Answer(NamedTuple):
    """`came`: with its record, or what of it could not be read; `gone`; `unclear`: nothing can be told."""

    kind: Literal["came", "gone", "unclear"]
    page: Page | None = None
    record: Record | None = None
    broken: Broken | None = None


@dataclass(slots=True)
class Inquiry:
    """Asks for one record after another, in the stream's format. `requests` since they were last taken."""

    job: Job
    prefix: str
    _failures: int = 0
    _counted: int = -1

    def ask(self, identifier: str) -> Answer:
        """Ask until there is an answer. Raises Interrupted, and RepositoryError where it is not this record that fails."""
        if self._counted < 0:
            self._counted = self.job.repository.requests
        while True:
            self.job.turn.take()
            try:
                page = self.job.repository.record(identifier, self.prefix)
            except RepositoryError as error:
                answer = self._failed(error)
            else:
                answer = _read(page, identifier)
            self.job.turn.asked(waited=False)
            if answer is not None:
                self._failures = self._failures + 1 if answer.kind == "unclear" else 0
                return answer

    def requests(self) -> int:
        """How many were made since this was last asked."""
        before, self._counted = self._counted, self.job.repository.requests
        return self._counted - before if before >= 0 else 0

    def _failed(self, error: RepositoryError) -> Answer | None:
        """What a failure says; None: ask again, after the pause that the host wants."""
        if error.reason in _GONE:
            return Answer("gone")
        if error.reason in _OF_ONE:
            if self._failures >= MOST_IN_VAIN:
                raise error  # in a row: the repository is at fault, and not a record of it
            return Answer("unclear")
        if not isinstance(error, Retriable):
            raise error
        self.job.turn.postpone(error)
        return None


def _read(page: Page, identifier: str) -> Answer:
    # Some answer with several records (findsorguk#1177): the one that was asked for.
    for each in page.records:
        if each.header.identifier == identifier:
            return Answer("came", page, each)
    if page.broken:
        first = page.broken[0]
        named = Broken(first.reason, first.raw, identifier, first.position)
        return Answer("came", page, broken=named)
    return Answer("unclear")
