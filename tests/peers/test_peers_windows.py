"""Third parties' servers harvested in slices of time: each slice brings what lies in it, and together they bring all.

Both bounds of a request are inclusive (section 2.7.1 of the specification), and slices share their bounds here, as a store may
keep fractions of a second that no datestamp shows.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import date, timedelta
from itertools import count, pairwise
from pathlib import Path

import pytest
from held import Held, dublin_core, invented, real
from oai_repo_repository import ServeOaiRepo
from peer_process import PeerProcess
from pyoai_repository import Serve
from sqlalchemy import Engine
from truth import Go, assert_same, catalogue, moment

from harvester import clock
from harvester.harvest.harvest import Report
from harvester.harvest.plans import Wish
from harvester.harvest.progress import PageEvent

SECONDS, DAYS = "YYYY-MM-DDThh:mm:ssZ", "YYYY-MM-DD"
Start = Callable[..., PeerProcess]
Bounds = tuple[str | None, str | None]


@pytest.fixture(params=["pyoai", "oai-repo"])
def start(request: pytest.FixtureRequest, serve: Serve, serve_oai_repo: ServeOaiRepo) -> Start:
    """Start either library's server, with pages of `page` records."""

    def go(
        records: Iterable[Held] | None = None, *, page: int = 2, granularity: str = SECONDS
    ) -> PeerProcess:
        if request.param == "pyoai":
            return serve(records, batch=page, granularity=granularity)
        return serve_oai_repo(records, limit=page, granularity=granularity, deletions="dropped")

    return go


def slices(*marks: str) -> list[Bounds]:
    """Everything, cut at these moments; the first has no lower bound and the last no upper one."""
    return list(pairwise((None, *marks, None)))


def within(held: Iterable[Held], bounds: Bounds) -> list[Held]:
    lower, upper = bounds
    return [each for each in held if (lower or "") <= each.datestamp <= (upper or "9")]


def wish(bounds: Bounds) -> Wish:
    return Wish(from_=moment(bounds[0]), until=moment(bounds[1]))


# The first is nobody's datestamp; the others are some record's own, and the last two follow one upon the other.
MARKS = ["2010-06-01T00:00:00Z", "2011-06-06T23:59:05Z", "2012-09-09T23:59:08Z", "2012-10-10T23:59:09Z"]


def in_slices(
    go: Go, repository: PeerProcess, marks: Iterable[str], **more: object
) -> Iterator[tuple[Bounds, Report]]:
    """Harvest slice after slice into one catalogue."""
    for bounds in slices(*marks):
        yield bounds, go(repository, wish=wish(bounds), **more)


def test_slices_of_seconds_bring_each_its_own_and_together_everything(
    start: Start, go: Go, engine: Engine
) -> None:
    repository = start()
    so_far: dict[str, Held] = {}
    for bounds, report in in_slices(go, repository, MARKS):
        mine = within(repository.shown, bounds)
        assert report.streams[0].counts.received == len(mine) > 0, bounds
        so_far |= {each.identifier: each for each in mine}
        assert_same(engine, so_far.values())
    assert_same(engine, repository.shown)


@pytest.mark.parametrize("spec", ["physics", "open access"])
def test_slices_of_a_set_bring_that_set_and_nothing_else(
    spec: str, start: Start, go: Go, engine: Engine
) -> None:
    repository = start(page=1)
    members = [each for each in repository.shown if each.belongs(spec)]
    for bounds, report in in_slices(go, repository, MARKS[:3:2], sets=[spec]):
        assert report.streams[0].counts.received == len(within(members, bounds)), bounds
    assert_same(engine, members, {each.identifier: {spec} for each in members})
    asked = [
        each["asked"] for each in repository.log("ListRecords") if "resumptionToken" not in each["asked"]
    ]
    assert [each["set"] for each in asked] == [spec] * 3


def test_the_set_and_the_dates_stay_in_force_on_every_later_page(start: Start) -> None:
    """What the slices above rest on, seen without any client of ours."""
    repository = start(invented(60), page=1)
    bounds = ("2012-01-01T00:00:00Z", "2020-12-31T23:59:59Z")
    answer = repository.ask(
        "ListRecords", metadataPrefix="oai_dc", set="physics", from_=bounds[0], until=bounds[1]
    )
    came = list(answer.identifiers)
    while answer.token:
        answer = repository.ask("ListRecords", resumptionToken=answer.token)
        came += answer.identifiers
    wanted = [each.identifier for each in within(repository.shown, bounds) if each.belongs("physics")]
    assert came == wanted
    assert len(wanted) > 12


def test_one_second_is_a_slice_of_its_own(start: Start, go: Go, engine: Engine) -> None:
    stamp = "2020-02-29T12:00:00Z"
    near = ["2020-02-29T11:59:59Z", stamp, stamp, stamp, "2020-02-29T12:00:01Z"]
    records = [
        Held(f"oai:x:{number}", each, (), dublin_core(f"<dc:title>{number}</dc:title>"))
        for number, each in enumerate(near)
    ]
    repository = start(records)
    report = go(repository, wish=wish((stamp, stamp)))
    assert report.streams[0].counts.received == 3
    assert_same(engine, records[1:4])


def test_a_slice_without_records_is_no_failure(start: Start, go: Go, engine: Engine) -> None:
    report = go(start(), wish=wish(("2001-01-01T00:00:00Z", "2001-12-31T23:59:59Z")))
    assert (report.outcome, report.streams[0].reason) == ("complete", "no_records_match")
    assert catalogue(engine) == {}


def test_what_moves_from_a_slice_that_is_done_into_a_later_one_comes_with_it(
    start: Start, go: Go, engine: Engine
) -> None:
    repository = start()
    walk = in_slices(go, repository, MARKS)
    next(walk)
    next(walk)
    repository.revise("oai:x:1", dublin_core("<dc:title>Meanwhile</dc:title>"))
    repository.revise("oai:x:6", dublin_core("<dc:title>Back again</dc:title>"))
    stamp = repository.revise("oai:x:11", dublin_core("<dc:title>Ahead</dc:title>")).datestamp
    repository.put(Held("oai:x:new", stamp, ("physics",), dublin_core("<dc:title>New</dc:title>")))
    for _ in walk:
        pass
    assert_same(engine, repository.shown)


def test_a_deletion_between_two_slices_comes_with_the_last_where_it_is_told(
    serve: Serve, go: Go, engine: Engine
) -> None:
    repository = serve(batch=2)
    walk = in_slices(go, repository, MARKS)
    next(walk)
    repository.revise("oai:x:1", None)
    for _ in walk:
        pass
    assert_same(engine, repository.holds.values())
    assert catalogue(engine)["oai:x:1"].deleted


def test_days_are_whole_where_the_server_takes_them_so(serve: Serve, go: Go, engine: Engine) -> None:
    repository = serve(batch=2, granularity=DAYS)
    days = ["2010-02-02", "2011-06-06", "2011-07-07", "2012-09-09"]  # all are some record's own
    following = ["2010-02-03", "2011-06-07", "2011-07-08", "2012-09-10"]
    for lower, upper in zip([None, *following], [*days, None], strict=True):
        bounds = tuple(day and f"{day}T00:00:00Z" for day in (lower, upper))
        go(repository, wish=Wish(from_=moment(bounds[0]), until=moment(bounds[1])))
    assert_same(engine, repository.shown)
    firsts = [each["asked"] for each in repository.log("ListRecords") if "metadataPrefix" in each["asked"]]
    assert [(each.get("from"), each.get("until")) for each in firsts] == list(
        zip([None, *following], [*days, None], strict=True)
    )


def test_days_that_share_their_bounds_lose_nothing_even_where_until_is_the_first_second_of_its_day(
    serve_oai_repo: ServeOaiRepo, go: Go, engine: Engine
) -> None:
    repository = serve_oai_repo(limit=2, granularity=DAYS, deletions="dropped")
    marks = [f"{day}T00:00:00Z" for day in ("2010-02-02", "2011-06-06", "2012-09-09")]
    for _ in in_slices(go, repository, marks):
        pass
    assert_same(engine, repository.shown)


def daily(number: int) -> list[Held]:
    """One record at every noon, so that wherever days are cut a record lies on either side."""
    noons = [f"{date(2020, 1, 1) + timedelta(days)}T12:00:00Z" for days in range(number)]
    return [Held(f"oai:x:{noon}", noon, (), dublin_core(f"<dc:title>{noon}</dc:title>")) for noon in noons]


def firsts(repository: PeerProcess) -> list[Bounds]:
    """The bounds of the lists that were asked for."""
    asked = [entry["asked"] for entry in repository.log("ListRecords")]
    return [(each.get("from"), each.get("until")) for each in asked if "metadataPrefix" in each]


@pytest.mark.parametrize("granularity", [SECONDS, DAYS])
def test_a_list_that_would_take_long_is_cut_into_windows_and_is_whole(
    granularity: str, start: Start, go: Go, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = count()
    monkeypatch.setattr(
        clock, "monotonic", lambda: float(next(seconds))
    )  # whoever looks at the clock sees it move
    repository = start(daily(120), page=4, granularity=granularity)
    report = go(repository, longest_list=60.0)
    assert len(firsts(repository)) > 3
    assert report.outcome in ("complete", "complete_unverified")
    assert_same(engine, repository.shown)


@pytest.mark.parametrize("granularity", [SECONDS, DAYS])
def test_a_list_whose_tokens_always_die_is_halved_until_it_fits_and_is_whole(
    granularity: str, serve_oai_repo: ServeOaiRepo, go: Go, engine: Engine
) -> None:
    restless = Held("oai:x:restless", "2019-12-31T12:00:00Z", (), dublin_core())
    repository = serve_oai_repo([restless, *daily(120)], limit=20, granularity=granularity, watched=True)

    def change(_: PageEvent) -> None:
        repository.put(restless)

    report = go(repository, hear=change)
    assert len(firsts(repository)) > 6
    assert report.outcome in ("complete", "complete_unverified")
    assert_same(engine, repository.shown)


def test_real_records_in_slices_are_the_same_as_in_one_list(
    corpus: Path, start: Start, go: Go, engine: Engine
) -> None:
    repository = start(real(corpus), page=50)
    stamps = sorted(each.datestamp for each in repository.shown)
    marks = [stamps[len(stamps) * part // 6] for part in range(1, 6)]
    assert len(set(marks)) == 5
    for bounds, report in in_slices(go, repository, marks):
        assert report.streams[0].counts.received == len(within(repository.shown, bounds)), bounds
    assert_same(engine, repository.shown)


def test_real_records_of_a_set_in_slices_of_time(corpus: Path, start: Start, go: Go, engine: Engine) -> None:
    repository = start(real(corpus), page=3)
    shown = repository.shown
    sizes = {spec: sum(each.belongs(spec) for each in shown) for each in shown for spec in each.sets}
    spec = min(spec for spec, size in sizes.items() if 8 < size < 60 and spec.isascii())
    members = [each for each in shown if each.belongs(spec)]
    stamps = sorted(each.datestamp for each in members)
    for bounds, report in in_slices(go, repository, [stamps[len(stamps) // 2]], sets=[spec]):
        assert report.streams[0].counts.received == len(within(members, bounds)), bounds
    assert_same(engine, members, {each.identifier: {spec} for each in members})


def test_records_of_several_sets_are_kept_once_with_every_set_that_brought_them(
    start: Start, go: Go, engine: Engine
) -> None:
    repository = start(page=3)
    specs = ["open access", "physics", "physics:optics"]
    report = go(repository, sets=specs)
    assert len(report.streams) == 3
    members = [each for each in repository.shown if any(each.belongs(spec) for spec in specs)]
    proven = {each.identifier: {spec for spec in specs if each.belongs(spec)} for each in members}
    assert_same(engine, members, proven)
