"""What a repository says of itself, asked again: Identify, its formats and its sets; what is new, gone or otherwise is told.

An answer that the server can tell to be unchanged (ETag, Last-Modified) costs one request and changes nothing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from harvester import clock
from harvester.catalogue import listings
from harvester.catalogue.ledger import Repository
from harvester.errors import (
    ConfigError,
    HarvesterError,
    Interrupted,
    RepositoryError,
    Retriable,
    TokenExpired,
)
from harvester.harvest import outcomes, sources
from harvester.harvest.harvest import Request, opened
from harvester.harvest.identify_events import Change, essentials, events, sentence
from harvester.harvest.progress import Listener
from harvester.harvest.questions import Questions
from harvester.harvest.set_lists import BOUNDS, SETS, Bounds, SetList, walk
from harvester.harvest.stream_run import ours
from harvester.oai.answers import BOT_WALL
from harvester.oai.description import read_formats, read_identify
from harvester.oai.traits import Traits

_IDENTIFY, _FORMATS = "Identify", "ListMetadataFormats"
_SHUT_OUT = frozenset({"http_401", "http_403", BOT_WALL})
_NAMED = 5  # in a sentence


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What is new or gone since the last time; with `first` nothing was known before, so all that is listed is new.

    `outcome` is one of the closed list: `complete`; `complete_unverified` where a list has no end or is refused, so that asking
    again would not help; `incomplete` where something failed that is to be asked again; the others as ever. Whatever it is,
    what is told here is in the catalogue, and will not be told again.
    """

    outcome: str
    reason: str | None
    sentences: tuple[str, ...]
    requests: int
    first: bool
    new_sets: tuple[str, ...] = ()
    gone_sets: tuple[str, ...] = ()
    new_formats: tuple[str, ...] = ()
    gone_formats: tuple[str, ...] = ()
    changed: tuple[Change, ...] = ()
    evidence: dict[str, Any] | None = None


def refresh(
    engine: Engine,
    request: Request,
    listener: Listener | None = None,
    stop: Callable[[], bool] = lambda: False,
    *,
    bounds: Bounds = BOUNDS,
) -> Refreshed:
    """Ask a registered repository again what it is and lists, in the host's turn; streams are left to the caller.

    `stop` is asked between requests; sets that were listed until then are kept. Raises ConfigError for a source that is not
    registered or a secret that is not there, CatalogueError where Postgres fails before anything began.
    """
    with opened(engine, request, listener or Listener(), stop) as (job, found):
        if found is None:
            raise sources.not_registered(request.source)
        observed = Traits.of(found.traits).idempotent_tokens
        if observed is not None:
            job.repository.idempotent_tokens = observed
        with job.connection.begin():
            kept = listings.read(job.connection, found.id)
        return _Refreshing(Questions(job, kept), found, bounds).go()


@dataclass(slots=True)
class _Refreshing:
    """`told` becomes what `Refreshed` says; `verified` ends where it cannot be told what is gone."""

    questions: Questions
    repository: Repository
    bounds: Bounds
    sentences: list[str] = field(default_factory=list)
    told: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    failures: list[HarvesterError] = field(default_factory=list)
    answered: int = 0
    verified: bool = True

    def go(self) -> Refreshed:
        job = self.questions.job
        try:
            self._ask_all()
            if self.answered and all(_lasting(each) for each in self.failures):
                with job.connection.begin():
                    listings.note_refreshed(job.connection, self.repository.id)
        except ConfigError:
            raise
        except (HarvesterError, DBAPIError) as error:
            job.give_up()
            self.failures.append(ours(error))
            self.sentences.append(_sentence(str(self.failures[-1])))
        if job.repository.moved_to:
            self.sentences.append(
                f"The repository has moved for good to {job.repository.moved_to}: the redirect was followed; "
                "register the new address when its managers confirm it."
            )
        return self._report()

    def _ask_all(self) -> None:
        """Raises Interrupted and DBAPIError; one question that fails does not keep the others from being asked."""
        for verb, ask in ((_IDENTIFY, self._identify), (_FORMATS, self._formats), (SETS, self._sets)):
            try:
                ask()
                self.answered += 1
            except RepositoryError as error:
                self.failures.append(error)
                self.sentences.append(f"{verb} brought no answer: {_sentence(str(error))}")
                if _ends_all(error):
                    return

    def _report(self) -> Refreshed:
        verdicts = [outcomes.of_error(each, pages=self.answered) for each in self.failures]
        found = ["complete" if self.verified else "complete_unverified"]
        for error, verdict in zip(self.failures, verdicts, strict=True):
            found.append("complete_unverified" if self.answered and _lasting(error) else verdict.outcome)
        why = verdicts[found[1:].index(outcomes.worst(found[1:]))] if verdicts else None
        kept = self.questions.kept
        return Refreshed(
            outcome=outcomes.worst(found),
            reason=why.reason if why else None,
            evidence=why.evidence if why else None,
            sentences=tuple(self.sentences),
            requests=self.questions.job.repository.requests,
            first=kept.formats is None and kept.at(SETS) is None,
            **self.told,
        )

    def _identify(self) -> None:
        connection, kept = self.questions.job.connection, self.questions.kept
        stored = essentials(self.repository.identify)
        # Harvests ask Identify too, and keep it: of changes is told what was known here.
        before = kept.told.get(_IDENTIFY, {}).get("said") or stored
        heard = self.questions.ask(_IDENTIFY, read_identify, known=stored is not None and stored == before)
        if heard is None:
            return
        said, response = heard
        with connection.begin():
            self.repository = sources.note(connection, self.repository, said, clock.now())
            now = essentials(self.repository.identify) or {}
            told = self.questions.validity(response) | {"said": now}
            listings.note(connection, self.repository.id, _IDENTIFY, told)
        self.told["changed"] = tuple(events(before or now, now, response.received_at))
        self.sentences += [sentence(each) for each in self.told["changed"]]

    def _formats(self) -> None:
        connection, stored = self.questions.job.connection, self.questions.kept.formats
        heard = self.questions.ask(_FORMATS, read_formats, known=stored is not None)
        if heard is None:
            return
        formats, response = heard
        if not formats:
            # Every repository has oai_dc (section 3.4): a fault, which says nothing of the formats that it had.
            self.verified = False
            self.sentences.append("ListMetadataFormats names no format, which is not believed.")
            return
        now = {each.prefix: each.namespace for each in formats}
        was = {each["prefix"]: each["namespace"] for each in stored or ()}
        with connection.begin():
            rows = [
                {"prefix": each.prefix, "namespace": each.namespace, "schema": each.schema}
                for each in formats
            ]
            listings.note_formats(connection, self.repository.id, rows)
            listings.note(connection, self.repository.id, _FORMATS, self.questions.validity(response))
        self._tell("new_formats", "format", [each for each in now if each not in was], stored is None)
        self._tell("gone_formats", "format", [each for each in was if each not in now])
        moved = [Change(each, was[each], now[each]) for each in now if was.get(each, now[each]) != now[each]]
        self.told["changed"] = (*self.told.get("changed", ()), *moved)
        for name, before, after in moved:
            self.sentences.append(
                f"The namespace of {name} is now {after or 'none'}, and was {before or 'none'}."
            )

    def _sets(self) -> None:
        since = self.questions.kept.at(SETS)
        found, failure = SetList(), None
        try:
            walk(found, self.questions, self.bounds, known=since is not None)
            if found.whole and not found.sets and self._any_stand(since):
                # An index that is being rebuilt names nothing, for a moment: asked again before it is believed.
                found = SetList()
                walk(found, self.questions, self.bounds, known=False)
        except (RepositoryError, Interrupted) as error:
            failure = error
        if not found.stands:
            self._keep_sets(found, since)
        if failure is not None:
            raise failure

    def _any_stand(self, since: datetime | None) -> bool:
        connection = self.questions.job.connection
        with connection.begin():
            return listings.any_stand(connection, self.repository.id, since)

    def _keep_sets(self, found: SetList, since: datetime | None) -> None:
        connection = self.questions.job.connection
        with connection.begin():
            if found.whole:
                # What stands for a whole list must be the answer to one question: a first page says nothing of the others.
                told = self.questions.validity(found.response if found.pages == 1 else None)
                listings.note(connection, self.repository.id, SETS, told)
            changes = listings.note_sets(
                connection, self.repository.id, found.sets, since=since, whole=found.whole
            )
        self._tell("new_sets", "set", changes.new, since is None)
        self._tell("gone_sets", "set", changes.gone)
        if changes.again:
            self.sentences.append(f"{_counted('set', changes.again)} listed again.")
        if found.left_out:
            self.sentences.append(
                f"{found.left_out:,} names of sets are too long or not printable, and are left out."
            )
        for each in found.doubts:
            self.verified = False
            self.sentences.append(f"The list of sets cannot show which of them are gone: {each}.")

    def _tell(self, name: str, noun: str, found: Sequence[str], first: bool = False) -> None:
        self.told[name] = tuple(found)
        if found:
            what = "gone" if name.startswith("gone") else "listed" if first else "new"
            self.sentences.append(f"{_counted(noun, found)} {what}: {_some(found)}.")


def _ends_all(error: RepositoryError) -> bool:
    """Whether to ask on would be hammering: nobody answers, we are not let in, or are to wait."""
    answered = error.evidence is not None and error.evidence.status is not None
    waits = isinstance(error, Retriable) and error.after is not None
    return not answered or waits or error.reason in _SHUT_OUT


def _lasting(error: HarvesterError) -> bool:
    """Whether a question will bring no answer next time either: a verb that is not known, an address that is not there."""
    passing = isinstance(error, Retriable | TokenExpired)
    return isinstance(error, RepositoryError) and not passing and not _ends_all(error)


def _counted(noun: str, found: Sequence[str]) -> str:
    return f"{len(found):,} {noun} is" if len(found) == 1 else f"{len(found):,} {noun}s are"


def _some(found: Sequence[str]) -> str:
    more = len(found) - _NAMED
    return ", ".join(found[:_NAMED]) + (f" and {more:,} more" if more > 0 else "")


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(". ") + "."
