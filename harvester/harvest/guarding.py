"""Whether a pass through a stream's identifiers may remove anything: pure rules, and the sentences that tell them."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from harvester.catalogue.census import Found
from harvester.catalogue.reconciliations import Reconciliation
from harvester.catalogue.runs import Verdict
from harvester.catalogue.windows import Window
from harvester.config import Holds
from harvester.harvest.outcomes import Ending

# A list that ends in any other way than the specification's (section 3.5) may have lost its rest.
_LEGAL = frozenset({"no_token", "empty_token", "no_records_match"})
_RENAMED = 0.3  # of the live records gone, and as many new ones: identifiers may have been renamed


@dataclass(frozen=True, slots=True)
class Told:
    """The repository's name, and which of its streams, as the command line takes it; and what goes without anybody's consent."""

    name: str
    options: str
    holds: Holds = field(default_factory=Holds)

    @property
    def command(self) -> str:
        """The command that reconciles this stream."""
        return f"harvester reconcile {self.name}{self.options}"


def is_whole(ending: Ending, done: Sequence[Window]) -> bool:
    """Whether the list has ended as it should, and with as many identifiers as it announced."""
    return ending.legal and all(each.ending in _LEGAL for each in done)


def too_many(live: int, absent: int, holds: Holds) -> bool:
    """Whether so many records would go that a person must look first."""
    return (absent > holds.share * live and absent > holds.records) or absent > holds.most


def hold(ending: Ending, done: Sequence[Window], live: int, stock: Found, told: Told) -> Verdict | None:
    """Why nothing may be removed; None where it may."""
    if not is_whole(ending, done):
        return Verdict("held", "incomplete_list", _not_whole(done, told))
    if live and not stock.listed:
        sentence = (
            f"the list of identifiers is empty, though {_records(live)} held; nothing is removed. An index that is "
            f"being rebuilt looks like this: {_approve(told, live)}"
        )
        return Verdict("held", "empty_list", sentence)
    if stock.absent and not stock.met:
        sentence = f"none of the {live:,} live records is listed, but {stock.listed:,} others are. {_renamed(told, stock)}"
        return Verdict("held", "nothing_in_common", sentence)
    if not too_many(live, stock.absent, told.holds):
        return None
    share = 100 * stock.absent / max(live, 1)
    sentence = f"{stock.absent:,} of {live:,} live records ({share:.1f} %) are not listed any more. "
    if min(stock.absent, stock.missing) > _RENAMED * live:
        return Verdict("held", "too_many", sentence + _renamed(told, stock))
    sentence += f"Nothing is removed before somebody has looked: {_approve(told, stock.absent)}"
    return Verdict("held", "too_many", sentence)


def elsewhere(standing: Reconciliation) -> Verdict:
    """What another process has made of the pass meanwhile."""
    if standing.state in ("held", "done"):
        outcome = "complete" if standing.state == "done" else "held"
        return Verdict(outcome, "elsewhere", standing.sentence)
    return Verdict(
        "incomplete", "fenced", "another process has taken this reconciliation over; it goes on there"
    )


def _not_whole(done: Sequence[Window], told: Told) -> str:
    received = sum(each.received for each in done)
    announced = sum(
        each.received if each.complete_list_size is None else each.complete_list_size for each in done
    )
    came = f"after {received:,} identifiers"
    if announced > received:
        came += f" of {announced:,} announced"
    return (
        f"the list of identifiers broke off {came}; a list that is not whole tells nothing of what is gone, so nothing is removed. "
        f"Run `{told.command}` again later: it asks for all of it anew"
    )


def _renamed(told: Told, stock: Found) -> str:
    return (
        f"{stock.missing:,} others are listed that are not held: the repository may have given its records other identifiers. "
        f"Nothing is removed before somebody has looked: {_approve(told, stock.absent)}"
    )


def _approve(told: Told, number: int) -> str:
    return f"`{told.command} --approve` (within a week) asks for each of the {number:,} by GetRecord, and removes what is gone"


def _records(number: int) -> str:
    return "1 live record is" if number == 1 else f"{number:,} live records are"


@dataclass(frozen=True, slots=True)
class Done:
    """What a reconciliation has done, and what it has found beside: `vanished` of `removed` without any deleted header."""

    listed: int
    removed: int = 0
    vanished: int = 0
    left_set: int = 0
    found: int = 0
    missing: int = 0
    revived: int = 0
    still_deleted: bool = False  # more records are listed again than were asked for
    unconfirmed: int = 0


def sentence_of(done: Done, told: Told, deleted_record: str | None) -> str:
    """What has come of it, in words, and when to reconcile next."""
    harvest = f"`harvester harvest {told.name}`"
    said = [
        (done.listed, "{} identifier is listed", "{} identifiers are listed"),
        (
            done.removed,
            "{} record is gone, and is a tombstone now",
            "{} records are gone, and are tombstones now",
        ),
        (done.left_set, "{} has left the set, and is kept", "{} have left the set, and are kept"),
        (
            done.found,
            "{} that the list leaves out is there all the same, and stays: the list cannot be relied upon",
            "{} that the list leaves out are there all the same, and stay: the list cannot be relied upon",
        ),
        (
            done.revived,
            "{} that had been deleted is listed again, and lives again",
            "{} that had been deleted are listed again, and live again",
        ),
        (done.still_deleted, f"more are listed again: {harvest[:-1]} --full` brings them", ""),
        (
            done.missing,
            f"{{}} is listed and not held: {harvest} brings what is new, with --full what was missed",
            f"{{}} are listed and not held: {harvest} brings what is new, with --full what was missed",
        ),
        (
            done.unconfirmed,
            f"{{}} could not be asked for, and stays as it is: `{told.command}` asks for it again",
            f"{{}} could not be asked for, and stay as they are: `{told.command}` asks for them again",
        ),
    ]
    parts = [(one if number == 1 else many).format(f"{number:,}") for number, one, many in said if number]
    if not (done.removed or done.left_set or done.unconfirmed):
        parts.append("nothing that is held is gone")
    if not done.unconfirmed:
        parts.append(advice(deleted_record, done.vanished))
    return "; ".join(parts)


def advice(deleted_record: str | None, vanished: int) -> str:
    """How often to reconcile, by what the repository promises (section 2.5.1) and what it was seen to do."""
    if deleted_record == "persistent":
        if vanished:
            return "the repository promises to tell of every deletion, and did not: reconcile monthly"
        return "the repository promises to tell of every deletion: reconcile quarterly, as an audit"
    if deleted_record == "transient":
        return "the repository tells of deletions for a while only: reconcile monthly"
    return "the repository tells of no deletion, a reconciliation is the only sign of one: reconcile monthly"
