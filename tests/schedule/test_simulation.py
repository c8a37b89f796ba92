"""A month of ten thousand hosts and other long times, by the production planner: what an operator and a repository would see."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, islice, pairwise
from random import Random
from statistics import NormalDist, mean, median

import pytest
from simulation import BATCH, DAY, HOUR, MINUTE, Host, Log, Service, Stream

from harvester.schedule import planner
from harvester.schedule.planner import Choice, Rhythm, Waiting, most_lists

# What 23,026 endpoints said of their sizes in 2025: quantiles in records, and the ten largest hosts in millions.
QUANTILES = ((0.5, 1_059), (0.9, 9_414), (0.99, 139_526), (0.999, 3_700_000), (0.9999, 7_000_000))
LARGEST = (112.7, 98.3, 50.0, 23.0, 17.0, 14.0, 12.0, 10.5, 9.0, 8.5)
# Lives of tokens, and how many in a hundred hosts have them; None: not told.
LIVES = ((DAY, 60), (None, 20), (HOUR, 12), (30 * MINUTE, 5), (5 * MINUTE, 2), (2 * MINUTE, 1))
CHANGES = 0.003 / DAY / BATCH  # three in a thousand records a day
STUMBLES = 0.067
FARM = 152  # repositories on one host


def learning(interval: float = DAY) -> Rhythm:
    return Rhythm(interval, HOUR, 7 * DAY)


def fixed(interval: float) -> Rhythm:
    return Rhythm(interval, interval, interval)


def records(share: float) -> int:
    """The size below which that share of hosts stays: log-normal between the quantiles."""
    points = [(NormalDist().inv_cdf(at), math.log(size)) for at, size in QUANTILES]
    z = NormalDist().inv_cdf(share)
    (left, low), (right, high) = next(
        (pair for pair in pairwise(points) if z <= pair[1][0]), (points[-2], points[-1])
    )
    return max(1, int(math.exp(low + (high - low) / (right - left) * (z - left))))


def spells(random: Random, until: float) -> tuple[float, ...]:
    """Away and back by turns, ten days each on average."""
    first = 0.0 if random.random() < 0.5 else random.expovariate(0.1 / DAY)
    lengths = iter(lambda: random.expovariate(0.1 / DAY), None)
    return tuple(islice(accumulate(lengths, initial=first), int(until / DAY)))


def population(number: int, *, seed: int = 1, healthy: bool = False) -> list[Host]:
    """Hosts as they are: three hold half of everything, and of a hundred attempts 44 fail.

    35 in a hundred are gone for good, ten come and go, the others stumble now and then.
    """
    random = Random(seed)
    rest = number - len(LARGEST)
    sizes = [int(millions * number * 100) for millions in LARGEST]
    sizes += [records((index + 0.5) / rest) for index in range(rest)]
    return [
        _host(index, size, random, healthy=healthy or index < len(LARGEST))
        for index, size in enumerate(sizes)
    ]


def _host(index: int, size: int, random: Random, *, healthy: bool) -> Host:
    fate = 1.0 if healthy else random.random()
    away = (0.0,) if fate < 0.35 else spells(random, 30 * DAY) if fate < 0.45 else ()
    life = DAY if index < len(LARGEST) else random.choices(*zip(*LIVES, strict=True))[0]
    many = FARM if index == 5_000 else 1 if random.random() < 0.85 else random.randint(2, 5)
    each = size / many
    streams = [
        Stream(each_, math.ceil(each / 100), learning(), each * CHANGES, late_at=DAY / 2)
        for each_ in range(many)
    ]
    return Host(
        index,
        seconds=2.0,  # 50 records a second, a hundred on a page
        life=life,
        streams=streams,
        told=1.0,
        states=life is not None,
        away=away,
        stumbles=STUMBLES,
        breaks=5_000,
        costs=random.choice((2.0, 90.0)),  # refused, or three times no answer
    )


def too_fast(log: Log, hosts: Sequence[Host]) -> list[tuple[int, float]]:
    """Requests that came before their host might be asked again."""
    free: dict[int, float] = defaultdict(float)
    found = []
    for host, at, times in log.requests():
        if at < free[host] - 1e-6:
            found.append((host, at))
        free[host] = at + times * hosts[host].seconds
    return found


def gaps(log: Log, until: float) -> Iterator[tuple[int, int, float, float, float]]:
    """Host, stream, from when to when it had no visit, and the interval that it had: after each visit, also after the last."""
    last: dict[tuple[int, int], tuple[float, float]] = {}
    for host, stream, at, interval in log.completions():
        if (host, stream) in last:
            since, wanted = last[host, stream]
            yield host, stream, since, at, wanted
        last[host, stream] = (at, interval)
    for (host, stream), (since, wanted) in last.items():
        yield host, stream, since, until, wanted


def stale(log: Log, until: float) -> list[tuple[int, int, int]]:
    """Streams that were longer without a visit than twice their interval: host, stream, how often the host failed in that time."""
    failures: dict[int, list[float]] = defaultdict(list)
    for host, at in log.failures:
        failures[host].append(at)
    return [
        (host, stream, sum(since <= each <= at for each in failures[host]))
        for host, stream, since, at, interval in gaps(log, until)
        if at - since > 2 * interval
    ]


def first_loads(log: Log) -> dict[tuple[int, int], float]:
    found: dict[tuple[int, int], float] = {}
    for host, stream, at, _ in log.completions():
        found.setdefault((host, stream), at)
    return found


Month = tuple[list[Host], Log]


@pytest.fixture(scope="module")
def month() -> Month:
    """Thirty days of 10,000 hosts with 64 workers, from the first load of them all."""
    hosts = population(10_000)
    return hosts, Service(hosts, workers=64).run(30 * DAY)


def healthy(hosts: Iterable[Host]) -> list[Host]:
    return [each for each in hosts if not each.away]


def test_the_hosts_are_as_unequal_and_as_unreliable_as_the_real_ones() -> None:
    hosts = population(10_000)
    sizes = sorted(100 * sum(stream.pages for stream in each.streams) for each in hosts)
    assert median(sizes) == pytest.approx(1_059, rel=0.1)
    assert sizes[9_000] == pytest.approx(9_414, rel=0.1)
    assert sizes[9_900] == pytest.approx(139_526, rel=0.2)
    assert sum(sizes) == pytest.approx(522e6, rel=0.05)
    assert sum(sizes[-3:]) / sum(sizes) == pytest.approx(0.5, abs=0.03)
    assert sum(sizes[-10:]) / sum(sizes) == pytest.approx(0.68, abs=0.03)
    moments = [day * DAY for day in range(30)]
    away = mean(each.is_away(at) for each in hosts for at in moments)
    assert away + (1 - away) * STUMBLES == pytest.approx(0.44, abs=0.015)


def test_no_token_dies_in_our_own_queue_in_a_month_of_ten_thousand_hosts(month: Month) -> None:
    _, log = month
    assert log.lost["queued"] == 0
    assert log.lost.total() < 30, "and few of failures"
    assert log.kept > 1_000, "tokens had to be spent while their hosts waited"
    assert len(log.failures) > 50_000


def test_no_host_is_asked_faster_than_it_may_be(month: Month) -> None:
    hosts, log = month
    assert sum(times for _, _, times in log.requests()) > 4e6
    assert not too_fast(log, hosts)


def test_every_healthy_stream_is_loaded_and_then_fresh_within_twice_its_interval(month: Month) -> None:
    hosts, log = month
    loaded = first_loads(log)
    well = healthy(hosts)
    assert not [
        (each.number, stream.number)
        for each in well
        for stream in each.streams
        if (each.number, stream.number) not in loaded
    ]
    late = [each for each in stale(log, 30 * DAY) if not hosts[each[0]].away]
    assert not [each for each in late if each[2] < 3], "but where a host failed three times and more"
    assert len(late) < 1e-3 * sum(1 for _ in log.completions())


def test_ninety_nine_hosts_in_a_hundred_are_loaded_within_a_day(month: Month) -> None:
    hosts, log = month
    loaded = first_loads(log)
    well = healthy(hosts)
    in_time = [
        each for each in well if all(loaded[each.number, stream.number] < DAY for stream in each.streams)
    ]
    assert len(in_time) > 0.985 * len(well)


def test_intervals_are_learned_and_stay_within_their_bounds(month: Month) -> None:
    _, log = month
    intervals = [each.interval for each in log.completions()]
    assert min(intervals) == HOUR
    assert max(intervals) == 7 * DAY


def test_a_dead_host_costs_seconds_a_day(month: Month) -> None:
    hosts, log = month
    spent: Counter[tuple[int, int]] = Counter()
    for host, at in log.failures:
        if hosts[host].away == (0.0,):
            spent[int(at / DAY), host] += int(hosts[host].costs)
    dead = [each.number for each in hosts if each.away == (0.0,)]
    settled = [sum(spent[day, host] for day in range(2, 30)) / 28 for host in dead]
    assert mean(settled) < 15
    assert max(settled) < 100, "a farm of repositories is one host: one attempt a day"
    on_the_worst_day = max(sum(spent[day, host] for host in dead) for day in range(30))
    assert on_the_worst_day < 0.2 * 64 * DAY, "all of them at once, and still they do not hold up the others"
    later = max(sum(spent[day, host] for host in dead) for day in range(2, 30))
    assert later < 0.03 * 64 * DAY


def test_a_host_that_comes_back_is_asked_again_within_eight_days(month: Month) -> None:
    hosts, log = month
    asked: dict[int, list[float]] = defaultdict(list)
    for host, at, _ in log.requests():
        asked[host].append(at)
    returns = [
        (host.number, back)
        for host in hosts
        for back, away in zip(host.away[1::2], host.away[2::2], strict=False)
        if back + 8 * DAY < min(away, 30 * DAY)
    ]
    assert len(returns) > 200
    assert not [
        each for each in returns if not any(each[1] < at < each[1] + 8 * DAY for at in asked[each[0]])
    ]


def lists(number: int, *, seed: int = 3) -> list[int]:
    """Lengths in pages, log-normal: a few hold most."""
    random = Random(seed)
    return [math.ceil(20 * math.exp(random.gauss(0, 1.3))) for _ in range(number)]


@pytest.mark.parametrize("overdue", [False, True], ids=["new", "overdue"])
@pytest.mark.parametrize(
    ("streams", "pace", "life"),
    [
        pytest.param(600, 1.0, 60 * MINUTE, id="figshare"),
        pytest.param(600, 1.0, 5 * MINUTE, id="figshare, five minutes"),
        pytest.param(600, 1.0, 2 * MINUTE, id="figshare, two minutes"),
        pytest.param(200, 2.0, 2 * MINUTE, id="Zenodo"),
    ],
)
def test_a_host_of_many_lists_finishes_in_the_ideal_time_and_no_token_expires(
    streams: int, pace: float, life: float, overdue: bool
) -> None:
    pages = lists(streams)
    late_at = 0.0 if overdue else DAY / 2
    host = Host(
        0, pace, life, [Stream(index, each, fixed(DAY), late_at=late_at) for index, each in enumerate(pages)]
    )
    log = Service([host], workers=4).run(DAY / 2)
    assert len(first_loads(log)) == streams
    assert max(first_loads(log).values()) < 1.02 * sum(pages) * pace + MINUTE
    assert not log.lost
    assert log.most_lists <= (most_lists(life, pace) if overdue else 1), "what is begun is finished first"
    assert not too_fast(log, [host])


@pytest.mark.parametrize("life", [5 * MINUTE, 2 * MINUTE])
def test_a_page_that_fails_now_and_then_seldom_costs_the_list(life: float) -> None:
    pages = lists(200)
    streams = [Stream(index, each, fixed(DAY), late_at=DAY / 2) for index, each in enumerate(pages)]
    host = Host(0, 2.0, life, streams, breaks=200, costs=6.0)
    log = Service([host], workers=4).run(DAY / 2)
    assert len(first_loads(log)) == 200
    assert len(log.failures) > 30
    assert log.lost.total() < 0.1 * len(log.failures)
    assert not log.lost["queued"]


@pytest.mark.parametrize(
    ("life", "update"),
    [
        pytest.param(HOUR, 1, id="an hour"),
        pytest.param(DAY, 31, id="a day, and more than a slice of changes"),
        pytest.param(2 * MINUTE, 31, id="two minutes, and more than a slice of changes"),
        pytest.param(None, 31, id="not told, and more than a slice of changes"),
    ],
)
def test_small_streams_stay_fresh_beside_a_first_load_of_nine_days(life: float | None, update: int) -> None:
    large = Stream(0, int(9 * DAY / 2), fixed(DAY), late_at=DAY / 2)
    small = [
        Stream(number, 51, fixed(DAY), changes=(update - 1) * 100 / BATCH / DAY, late_at=DAY / 2)
        for number in range(1, 151)
    ]
    host = Host(0, 2.0, life, [large, *small], states=life is not None)
    log = Service([host], workers=2).run(11 * DAY)
    loaded = first_loads(log)
    assert len(loaded) == 151
    assert max(at for (_, stream), at in loaded.items() if stream) < DAY
    work = 9 * DAY + 150 * 51 * 2.0 + 11 * 150 * update * 2.0
    assert loaded[0, 0] < 1.02 * work, "and the large one has all the rest of the time"
    assert not stale(log, 11 * DAY)
    assert not log.lost
    assert not too_fast(log, [host])


def test_after_two_days_without_the_service_all_is_caught_up_once_and_within_an_hour() -> None:
    stop, back = 8 * DAY, 10 * DAY
    hosts = population(1_000, healthy=True)
    log = Service(hosts, workers=16, stopped=(stop, back)).run(back + DAY / 2)
    before = {(each.host, each.stream): each for each in log.completions() if each.at < back}
    visits = Counter(
        (each.host, each.stream) for each in log.completions() if back <= each.at < back + 50 * MINUTE
    )
    missed = {of for of, each in before.items() if each.at + 1.1 * each.interval < back}
    failed = {host for host, at in log.failures if back <= at < back + HOUR}
    assert len(missed) > 1_000
    assert {of for of in missed - visits.keys() if of[0] not in failed} == set()
    often = {of for of in missed if 2.2 * before[of].interval < back - stop}
    assert len(often) > 100
    assert {visits[of] for of in often if of[0] not in failed} == {1}, (
        "once, not for every visit that was missed"
    )
    assert log.lost["queued"] == 0
    assert not too_fast(log, hosts)


@pytest.mark.parametrize(
    "lives", [(DAY,), (DAY, DAY, DAY, DAY, 2 * MINUTE), (2 * MINUTE,)], ids=["days", "mixed", "minutes"]
)
def test_every_host_has_its_turn_though_four_workers_serve_forty_first_loads(
    lives: tuple[float, ...],
) -> None:
    hosts = crowd(lives)
    service = Service(hosts, workers=4)
    log = service.run(DAY)
    assert max(log.longest_wait, service.waiting_for()) < 15 * MINUTE, (
        "forty slices by four workers are ten minutes"
    )
    served: Counter[int] = Counter()
    for host, _, times in log.requests():
        served[host] += times
    large = [served[host] for host in range(40)]
    assert min(large) > 0.7 * max(large)
    assert len(first_loads(log)) == 60
    assert not stale(log, DAY)
    assert not log.lost
    assert not too_fast(log, hosts)


def crowd(lives: Sequence[float]) -> list[Host]:
    """Forty hosts with a long first load, and sixty small ones that are to be visited every hour."""
    large = [
        Host(number, 2.0, lives[number % len(lives)], [Stream(0, 10**6, fixed(DAY), late_at=DAY / 2)])
        for number in range(40)
    ]
    small = [
        Host(
            number, 2.0, DAY, [Stream(0, 1, fixed(HOUR), due_at=(number - 40) * MINUTE, late_at=90 * MINUTE)]
        )
        for number in range(40, 100)
    ]
    return large + small


def test_tokens_would_die_if_those_of_hosts_that_wait_were_not_looked_after(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(planner, "pressing", lambda waiting, now: None)
    log = Service(crowd([DAY, 2 * MINUTE]), workers=4).run(DAY / 2)
    assert log.lost["queued"] > 100


def test_many_lists_would_never_end_if_they_took_turns_without_regard_to_tokens(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    turn = iter(range(10**9))

    def in_turn(waiting: Sequence[Waiting], now: float, *, begun: int, seconds_per_request: float) -> Choice:
        first = next((each for each in waiting if not each.begun), None)
        some = [each for each in waiting if each.begun or each is first]
        return Choice(some[next(turn) % len(some)].id, one_page=True)

    monkeypatch.setattr(planner, "choose", in_turn)
    streams = [Stream(index, each, fixed(DAY)) for index, each in enumerate(lists(600))]
    log = Service([Host(0, 1.0, 2 * MINUTE, streams)], workers=1).run(DAY / 2)
    assert log.lost["queued"] > 1_000
    assert len(first_loads(log)) < 600
