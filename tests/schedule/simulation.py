"""The service in virtual time: a clock, workers, hosts and their lists. What is done next is decided by the production planner.

Modelled after the service are the catalogue's view of a host, the slice, the queue and the clock's tick. A run of pages of one
list is one step of arithmetic: half a milliard of records takes seconds. What happened goes into a log, for tests to judge.
"""

import math
from array import array
from bisect import bisect_right
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush, nsmallest
from itertools import count, islice
from random import Random
from typing import NamedTuple

from harvester.schedule import planner

TICK, SLICE = 15.0, 60.0  # seconds between two looks of the clock; of a slice
MINUTE, HOUR, DAY = 60.0, 3_600.0, 86_400.0
NEVER = float("inf")
_SHOWN = 20  # of each kind, as harvester.catalogue.tasks shows them to the planner
BATCH = 50  # records that are added at a time
_PAGE = 100


@dataclass(slots=True)
class Stream:
    """A list that is to be kept up to date: `pages` of its first load, then what was changed since its last.

    `changes`: how often in a second records are added, BATCH at a time.
    """

    number: int
    pages: int
    rhythm: planner.Rhythm
    changes: float = 0.0
    due_at: float = 0.0
    late_at: float = 0.0
    begun: bool = False
    length: int = 0  # of the list in hand, and what is left of it, in pages
    left: int = 0
    received_at: float | None = None  # its token
    failures: int = 0
    failed: bool = False  # since its last page
    done_at: float | None = None

    def begin(self, now: float) -> None:
        if not self.left:
            changed = 0.0 if self.done_at is None else self.changes * (now - self.done_at)
            self.left = self.length = self.pages if self.done_at is None else 1 + int(changed * BATCH / _PAGE)


@dataclass(slots=True)
class Host:
    """A host with its streams, numbered from 0.

    `seconds`: from a request to the next, by its pace or by its slowness; `told`: what the service believes, None: the truth.
    `life`: of its tokens, None: for ever; whether it `states` it. `away`: moments at which it goes and comes by turns.
    `stumbles`: the probability that a visit fails at once; `breaks`: one page in so many fails; `costs`: seconds, of a failure.
    """

    number: int
    seconds: float
    life: float | None
    streams: Sequence[Stream]
    told: float | None = None
    states: bool = True
    away: Sequence[float] = ()
    stumbles: float = 0.0
    breaks: float = NEVER
    costs: float = 30.0
    allowed_at: float = 0.0
    closed_until: float = 0.0
    failures: int = 0
    sound: float = NEVER  # pages until the next that fails
    asleep: list[tuple[float, int]] = field(default_factory=list)  # heaps: (due, number), (late, number)
    new: list[tuple[float, int]] = field(default_factory=list)
    lists: dict[int, Stream] = field(default_factory=dict)  # begun and due, the oldest token first
    resting: int = 0  # begun, but to be tried again later

    def is_away(self, now: float) -> bool:
        return bool(self.away) and bisect_right(self.away, now) % 2 == 1

    def begun(self) -> int:
        return len(self.lists) + self.resting

    def put_to_sleep(self, stream: Stream) -> None:
        self.resting += stream.begun
        heappush(self.asleep, (stream.due_at, stream.number))

    def waiting(self, now: float) -> list[planner.Waiting]:
        """What is due, as the catalogue shows it to the planner: of each kind the first."""
        while self.asleep and self.asleep[0][0] <= now:
            stream = self.streams[heappop(self.asleep)[1]]
            if stream.begun:
                self.resting -= 1
                self.lists[stream.number] = stream
            else:
                heappush(self.new, (stream.late_at, stream.number))
        if not self.lists and not self.new:
            return []
        found = [self._waiting(each) for each in islice(self.lists.values(), _SHOWN)]
        first = self.new if len(self.new) <= _SHOWN else nsmallest(_SHOWN, self.new)
        return found + [self._waiting(self.streams[number]) for _, number in first]

    def _waiting(self, each: Stream) -> planner.Waiting:
        life = self.life if self.states else None
        if not each.begun or each.received_at is None:
            return planner.Waiting(each.number, each.late_at, each.begun, None, None, life)
        return planner.Waiting(each.number, each.late_at, True, *self.deadlines(each.received_at), life)

    def deadlines(self, received_at: float) -> planner.Deadlines:
        return planner.deadlines(received_at, self.life if self.states else None)

    def next_deadline(self, *, besides: Stream | None = None, alive_at: float = 0.0) -> float:
        """By when a token is to be spent: of those that live then the oldest, for all of a host live equally long."""
        for each in self.lists.values():
            if each is not besides and each.received_at is not None:
                token = self.deadlines(each.received_at)
                if token.dies_at > alive_at:
                    return token.spend_by
        return NEVER


class Completion(NamedTuple):
    """A stream was brought up to date; `interval` is what it has from then on."""

    host: int
    stream: int
    at: float
    interval: float


@dataclass(slots=True)
class Log:
    """What happened. Requests and completions stand in columns: there are a million of them."""

    lost: Counter[str] = field(default_factory=Counter)  # tokens, by cause: queued, failed, stopped
    failures: list[tuple[int, float]] = field(default_factory=list)  # host, when
    slices: int = 0
    kept: int = 0  # of them: short ones for a token's sake
    busy: float = 0.0  # seconds of workers
    most_lists: int = 0  # open at once at one host
    longest_wait: float = 0.0  # of a host for its slice
    _asked: "tuple[array[int], array[float], array[int]]" = field(
        default_factory=lambda: (array("l"), array("d"), array("l"))
    )
    _done: "tuple[array[int], array[int], array[float], array[float]]" = field(
        default_factory=lambda: (array("l"), array("l"), array("d"), array("d"))
    )

    def ask(self, host: int, at: float, times: int) -> None:
        hosts, moments, counts = self._asked
        hosts.append(host)
        moments.append(at)
        counts.append(times)

    def complete(self, done: Completion) -> None:
        hosts, streams, moments, intervals = self._done
        hosts.append(done.host)
        streams.append(done.stream)
        moments.append(done.at)
        intervals.append(done.interval)

    def requests(self) -> Iterator[tuple[int, float, int]]:
        """Host, when the first of them began, how many one after another."""
        return zip(*self._asked, strict=True)

    def completions(self) -> Iterator[Completion]:
        return map(Completion, *self._done)


class Service:
    """The clock, the queue and the workers; nothing of it runs from when to when it is `stopped`.

    Hosts have their slices in turn. Only one that waits, and has a token that presses, is given a short one before.
    """

    def __init__(
        self,
        hosts: Sequence[Host],
        workers: int,
        *,
        seed: int = 1,
        stopped: tuple[float, float] = (NEVER, NEVER),
    ) -> None:
        self.hosts = hosts
        self.now = 0.0
        self.log = Log()
        self._stopped = stopped
        self._random = Random(seed).random
        self._idle = workers
        self._events: list[tuple[float, float, int, int, Callable[[int], None]]] = []
        self._order = count()
        self._queue: deque[int] = deque()  # hosts that wait for a slice, and since when
        self._since: dict[int, float] = {}
        self._pressing: deque[int] = deque()  # those of them that have a token which cannot wait so long
        self._working: set[int] = set()
        self._blocked: set[int] = set()  # their slice has come while they were worked on
        for host in hosts:
            host.sound = self._pages_until_it_breaks(host)
            for stream in host.streams:
                host.put_to_sleep(stream)
            self._look_when_due(host)

    def run(self, until: float) -> Log:
        """Let time pass until a moment."""
        while self._events and self._events[0][0] <= until:
            self.now, _, _, number, happens = heappop(self._events)
            happens(number)
            self._give_work()
        self.now = until
        return self.log

    def waiting_for(self) -> float:
        """Seconds that a host waits for its slice at this moment, at most."""
        return max(map(self._waited, self._since.values()), default=0.0)

    def _waited(self, since: float) -> float:
        back = self._stopped[1]
        return self.now - (back if since < back <= self.now else since)

    def _at(self, moment: float, number: int, happens: Callable[[int], None], *, due: float = 0.0) -> None:
        heappush(self._events, (moment, due, next(self._order), number, happens))

    def _tick(self, moment: float) -> float:
        """The clock's first look from then on."""
        start, end = self._stopped
        moment = end if start <= moment < end else moment
        return math.ceil(moment / TICK) * TICK

    def _look_when_due(self, host: Host) -> None:
        if host.new or host.lists:
            due = math.nextafter(self.now, NEVER)
        else:
            due = host.asleep[0][0]
        due = max(due, host.closed_until)
        self._at(self._tick(due), host.number, self._look, due=due)

    def _look(self, number: int) -> None:
        if number not in self._since and number not in self._working:
            self._enqueue(number)

    def _enqueue(self, number: int) -> None:
        self._queue.append(number)
        self._since[number] = self.now
        self._watch(number)

    def _watch(self, number: int) -> None:
        """Look again when a token of a host that waits will be pressing."""
        spend_by = self.hosts[number].next_deadline(alive_at=self.now)
        if spend_by < NEVER:
            self._at(self._tick(max(spend_by - planner.AHEAD, self.now)), number, self._press)

    def _press(self, number: int) -> None:
        if number in self._since and number not in self._working and number not in self._pressing:
            host = self.hosts[number]
            if planner.pressing(host.waiting(self.now), self.now) is not None:
                self._pressing.append(number)

    def _give_work(self) -> None:
        """Free workers take the pressing first, then who has waited longest; no host has two of them."""
        while self._idle and (self._pressing or self._queue) and not self._stands_still():
            if self._pressing:
                number = self._pressing.popleft()
                if number in self._working:
                    continue
                ends, then = self._keep(self.hosts[number]), self._kept
            else:
                number = self._queue.popleft()
                if number in self._working:
                    self._blocked.add(number)
                    continue
                self.log.longest_wait = max(self.log.longest_wait, self._waited(self._since.pop(number)))
                ends, more = self._slice(self.hosts[number])
                then = self._more if more else self._ended
            self._idle -= 1
            self._working.add(number)
            self.log.slices += 1
            self.log.busy += ends - self.now
            self._at(ends, number, then)

    def _stands_still(self) -> bool:
        return self._stopped[0] <= self.now < self._stopped[1]

    def _free(self, number: int) -> None:
        self._idle += 1
        self._working.discard(number)

    def _more(self, number: int) -> None:
        self._free(number)
        self._enqueue(number)

    def _ended(self, number: int) -> None:
        self._free(number)
        self._look_when_due(self.hosts[number])

    def _kept(self, number: int) -> None:
        self._free(number)
        self.log.kept += 1
        if number in self._blocked:
            self._blocked.discard(number)
            self._queue.appendleft(number)
        self._watch(number)

    def _keep(self, host: Host) -> float:
        """A short slice: the pressing tokens are spent, a page each; when it ends."""
        now, ends = self._span(host)
        while now < ends:
            choice = planner.pressing(host.waiting(now), now)
            if choice is None:
                break
            now, answers = self._turn(host, choice, now, ends)
            if not answers:
                break
        return now

    def _slice(self, host: Host) -> tuple[float, bool]:
        """When it ends, and whether there is more to do at once."""
        now, ends = self._span(host)
        seconds = host.told or host.seconds
        if host.closed_until > now:
            return now, False
        while True:
            waiting = host.waiting(now)
            if now >= ends or not waiting:
                return now, bool(waiting)
            choice = planner.choose(waiting, now, begun=host.begun(), seconds_per_request=seconds)
            if choice is None:
                return now, False
            now, answers = self._turn(host, choice, now, ends)
            if not answers:
                return now, False

    def _span(self, host: Host) -> tuple[float, float]:
        now = max(self.now, host.allowed_at)
        stops = self._stopped[0]
        return now, max(now, min(now + SLICE, stops)) if stops > self.now else now + SLICE

    def _turn(self, host: Host, choice: planner.Choice, now: float, ends: float) -> tuple[float, bool]:
        """One task, until its list ends, the slice, or another token must be spent; then, and whether the host answers."""
        stream = host.streams[choice.id]
        stumbles = not stream.begun and self._random() < host.stumbles
        if not stream.begun:
            first = heappop(host.new)[1]
            assert first == stream.number, "of what is new the planner takes what is late longest"
            stream.begun, host.lists[stream.number] = True, stream
            stream.begin(now)
            self.log.most_lists = max(self.log.most_lists, host.begun())
        if stumbles or host.is_away(now):
            return self._fail(host, stream, now)
        if stream.received_at is not None and host.life is not None and now > stream.received_at + host.life:
            self._lose(stream, now)
            now = self._ask(host, now, 1)
        until = min(ends, host.next_deadline(besides=stream))
        pages = 1 if choice.one_page else min(stream.left, max(1, math.ceil((until - now) / host.seconds)))
        breaks = host.sound < pages
        pages = int(min(pages, host.sound))
        host.sound -= pages
        if pages:
            now = self._ask(host, now, pages)
            stream.left -= pages
            # The stamp is of its request: a token is never thought to live longer than it does.
            stream.received_at, stream.failed = now - host.seconds, False
            host.lists[stream.number] = host.lists.pop(stream.number)
            host.failures = 0
        if breaks:
            host.sound = self._pages_until_it_breaks(host)
            stream.failures = 0 if pages else stream.failures
            return self._fail(host, stream, now)
        if stream.left:
            stream.failures = 0
        else:
            self._complete(host, stream, now)
        return now, True

    def _ask(self, host: Host, now: float, times: int) -> float:
        self.log.ask(host.number, now, times)
        host.allowed_at = now + times * host.seconds
        return host.allowed_at

    def _complete(self, host: Host, stream: Stream, now: float) -> None:
        first = stream.done_at is None
        expected = 0.0 if stream.done_at is None else stream.changes * (now - stream.done_at)
        changed = first or self._random() < 1 - math.exp(-expected)
        jitter = self._random()
        again = planner.after_success(stream.rhythm, stream.due_at, now, changed=changed, jitter=jitter)
        self.log.complete(Completion(host.number, stream.number, now, again.interval))
        stream.received_at, stream.done_at, stream.failures, stream.failed = None, now, 0, False
        self._appoint(host, stream, again, begun=False)

    def _fail(self, host: Host, stream: Stream, now: float) -> tuple[float, bool]:
        self._ask(host, now, 1)
        self.log.failures.append((host.number, now))
        now += host.costs
        host.allowed_at = max(host.allowed_at, now)
        host.failures += 1
        host.closed_until = now + planner.closed_for(host.failures, jitter=self._random())
        stream.failures, stream.failed = stream.failures + 1, True
        token = None if stream.received_at is None else host.deadlines(stream.received_at)
        alive = token is not None and token.dies_at > now
        again = planner.after_failure(
            stream.rhythm,
            stream.failures,
            now,
            jitter=self._random(),
            spend_by=token.spend_by if token is not None and alive else None,
        )
        self._appoint(host, stream, again, begun=alive)
        return now, False

    def _appoint(self, host: Host, stream: Stream, again: planner.Next, *, begun: bool) -> None:
        del host.lists[stream.number]
        stream.begun = begun
        stream.due_at, stream.late_at = again.due_at, again.late_at
        if again.interval != stream.rhythm.interval:
            of = stream.rhythm
            stream.rhythm = planner.Rhythm(again.interval, of.least, of.most, of.fires)
        host.put_to_sleep(stream)

    def _lose(self, stream: Stream, now: float) -> None:
        start, end = self._stopped
        since = stream.received_at or 0.0
        stopped = since < end and now > start
        self.log.lost["failed" if stream.failed else "stopped" if stopped else "queued"] += 1
        stream.received_at, stream.left = None, stream.length

    def _pages_until_it_breaks(self, host: Host) -> float:
        return NEVER if host.breaks == NEVER else float(int(-math.log(1 - self._random()) * host.breaks))
