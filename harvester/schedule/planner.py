"""What to do next, and when again: arithmetic over values, the same for the service and for a simulation of years.

Moments are POSIX seconds, lengths are seconds. A token is kept alive only by spending it on the next page (OAI-PMH has no
refresh verb): so the nearest deadline goes first, and no more lists are opened than can be kept alive.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

# A list whose server does not tell its tokens' life: most live for a day, some for minutes.
ASSUMED_LIFE = 600.0
# Until the turn of a list comes, or of a host, another one's slice may have to end: tokens are looked after so long before.
AHEAD = 60.0
_MOST_CRASHES = 3
_FIRST_PAUSE, _LONGEST_PAUSE = 30.0, 86_400.0  # seconds
SPEND = 0.75  # of a token's life
_SHARE = 0.5  # of a token's life may pass while other lists of the host are served (simulated: beyond it lists expire)
_LATE = 0.5  # of its interval a task waits behind lists that were begun; then it goes before them
_CHANGED, _UNCHANGED = 0.7, 1.3  # what a visit does to the interval
_JITTER = 0.1  # of the interval, to either side
_FIRST_RETRY, _RETRY_FACTOR, _LAST_RETRY = 300.0, 4.0, 7 * 86_400.0
_SOONEST = 10.0  # before a list whose token lives is tried again
_TOLERATED = 2  # failures in a row of a host as a whole
_FIRST_CLOSING, _LAST_CLOSING = 300.0, 86_400.0


@dataclass(frozen=True, slots=True)
class Waiting:
    """A task of a host that may be worked on now: due, neither paused nor held.

    `spend_by` and `dies_at` are those of its list's token (`deadlines`), None where it has none; `life` is the shortest that
    its repository's tokens were seen to have.
    """

    id: int
    late_at: float
    begun: bool = False
    spend_by: float | None = None
    dies_at: float | None = None
    life: float | None = None


class Choice(NamedTuple):
    """Which task; with `one_page`, only as long as its token needs to be alive for another while."""

    id: int
    one_page: bool


class Deadlines(NamedTuple):
    """By when a token should be spent, and when it is no longer taken."""

    spend_by: float
    dies_at: float


def deadlines(received_at: float, life: float | None) -> Deadlines:
    """Those of a token that came at a moment.

    Where the server does not tell its life, as if it were ASSUMED_LIFE: lists without deadlines would not take turns, and a
    small one that a slice cut would wait for days behind a large one.
    """
    lasts = life or ASSUMED_LIFE
    return Deadlines(received_at + SPEND * lasts, received_at + lasts)


def most_lists(life: float | None, seconds_per_request: float) -> int:
    """How many lists a host may have open so that no token dies of waiting for the others."""
    return max(1, int(_SHARE * (life or ASSUMED_LIFE) / max(seconds_per_request, 0.001)))


def choose(
    waiting: Sequence[Waiting], now: float, *, begun: int, seconds_per_request: float
) -> Choice | None:
    """What a host is to be asked next: a token that is to be spent, what is late, what was begun, what is due.

    `begun` counts the lists that are open there, also those that `waiting` leaves out.
    """
    lists = [each for each in waiting if each.begun]
    dying = [each for each in lists if each.spend_by is not None and each.spend_by <= now]
    if dying:
        # Those that can still be kept before those that are likely gone: only the server's answer kills a token.
        first = min(dying, key=lambda each: (_deadline(each) <= now, _urgency(each)))
        return Choice(first.id, one_page=len(lists) > 1)
    new = [each for each in waiting if not each.begun and _admitted(each, begun, seconds_per_request)]
    late = [each for each in new if each.late_at <= now]
    if late:
        return Choice(min(late, key=_lateness).id, one_page=False)
    if lists:
        return Choice(min(lists, key=_urgency).id, one_page=False)
    return Choice(min(new, key=_lateness).id, one_page=False) if new else None


def pressing(waiting: Sequence[Waiting], now: float) -> Choice | None:
    """What a host is asked though it waits for its turn: a token that might die until then, for one page."""
    some = [
        each
        for each in waiting
        if each.begun and each.spend_by is not None and each.spend_by - AHEAD <= now < _deadline(each)
    ]
    return Choice(min(some, key=_urgency).id, one_page=True) if some else None


def _admitted(each: Waiting, begun: int, seconds_per_request: float) -> bool:
    return begun < most_lists(each.life, seconds_per_request)


def _deadline(each: Waiting) -> float:
    return float("inf") if each.dies_at is None else each.dies_at


def _lateness(each: Waiting) -> tuple[float, int]:
    return each.late_at, each.id


def _urgency(each: Waiting) -> tuple[float, float, int]:
    return _deadline(each), each.late_at, each.id


class Next(NamedTuple):
    """When a task is due again, when it counts as late, and its interval."""

    due_at: float
    late_at: float
    interval: float


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often: an interval learned between `least` and `most`; `fires` are the next two moments of a cron expression."""

    interval: float
    least: float
    most: float
    fires: tuple[float, float] | None = None


def after_success(rhythm: Rhythm, due_at: float, now: float, *, changed: bool, jitter: float) -> Next:
    """When to come again: sooner where something had changed, later where nothing had.

    What was missed while nobody was there is caught up once. `jitter` is 0.0 to 1.0.
    """
    interval = min(max(rhythm.interval * (_CHANGED if changed else _UNCHANGED), rhythm.least), rhythm.most)
    if rhythm.fires is not None:
        first, second = rhythm.fires
        return Next(first, first + _LATE * (second - first), interval)
    wait = interval * (1 + _JITTER * (2 * jitter - 1))
    due = min(due_at, now) + wait
    due = due if due > now else now + wait
    return Next(due, due + _LATE * interval, interval)


def after_failure(
    rhythm: Rhythm, failures: int, now: float, *, jitter: float, spend_by: float | None = None
) -> Next:
    """When to try again after so many failures in a row: minutes, hours, in the end a week. `jitter` is 0.0 to 1.0.

    `spend_by` is that of a token that lives still: its list is tried again before.
    """
    wait = min(_FIRST_RETRY * _RETRY_FACTOR ** (min(failures, 10) - 1), _LAST_RETRY)
    due = now + wait * (1 + _JITTER * (2 * jitter - 1))
    if spend_by is not None:
        soonest = _SOONEST * _RETRY_FACTOR ** (min(failures, 10) - 1)
        due = min(due, max(spend_by - AHEAD, now + soonest))
    return Next(due, due + _LATE * rhythm.interval, rhythm.interval)


def closed_for(failures: int, *, jitter: float) -> float:
    """For how long a host is left alone after so many failures in a row: nothing, then minutes, in the end a day."""
    if failures < _TOLERATED:
        return 0.0
    wait = min(_FIRST_CLOSING * _RETRY_FACTOR ** (min(failures, 10) - _TOLERATED), _LAST_CLOSING)
    return wait * (1 + _JITTER * (2 * jitter - 1))


def pause_after_crashes(crashes: int) -> float:
    """Seconds before what ended so many slices in a row without a word is tried again: machines are switched off in the middle of
    innocent work, and what kills its worker each time must not kill one after the other.
    """
    if crashes < _MOST_CRASHES:
        return 0.0
    return min(_FIRST_PAUSE * 2.0 ** min(crashes - _MOST_CRASHES, 12), _LONGEST_PAUSE)
