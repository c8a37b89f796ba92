"""The audit: what no rule read is counted when it comes, shown by name, made anew, and never without bound."""

import threading
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from shelf import Shelf, dublin_core, record
from sqlalchemy import Engine, text

from harvester.catalogue import audit, ledger
from harvester.catalogue.status import status
from harvester.cli.harvest import as_json, print_report
from harvester.cli.status import _print as print_status
from harvester.config import Settings
from harvester.harvest.harvest import Report
from harvester.harvest.plans import Wish
from harvester.harvest.renormalise import renormalise

Harvest = Callable[..., Report]
MODS = '<mods xmlns="http://www.loc.gov/mods/v3"><titleInfo><title>M</title></titleInfo><odd>x</odd></mods>'

LATER = datetime(2999, 1, 1, tzinfo=UTC)


def strange(*names: str) -> str:
    return dublin_core("Title", *(f"<s:{name} xmlns:s='urn:s'>text</s:{name}>" for name in names))


def counted(engine: Engine) -> dict[tuple[int, str, str], int]:
    with engine.connect() as connection:
        found = connection.execute(text("SELECT repository_id, format, element, seen FROM unread_elements"))
        return {tuple(row[:3]): row.seen for row in found}


def shown(engine: Engine, name: str) -> dict[str, Any]:
    with engine.connect() as connection:
        return status(connection, name)


def two_repositories(run: Harvest) -> None:
    listed = [record("oai:a:1", strange("odd", "odd", "rare")), record("oai:a:2", strange("odd"))]
    with Shelf(oai_dc=listed, mods=[record("oai:a:1", MODS)]) as shelf:
        run(shelf.url, formats=["oai_dc", "mods"], name="one")
    with Shelf(oai_dc=[record("oai:b:1", strange("odd"))]) as shelf:
        run(shelf.url, name="two")


FOUND = {
    (1, "mods", "{http://www.loc.gov/mods/v3}odd"): 1,
    (1, "oai_dc", "{urn:s}odd"): 3,
    (1, "oai_dc", "{urn:s}rare"): 1,
    (2, "oai_dc", "{urn:s}odd"): 1,
}


def test_what_a_harvest_leaves_unread_is_counted_by_repository_and_format(
    engine: Engine, run: Harvest
) -> None:
    two_repositories(run)
    assert counted(engine) == FOUND


def test_status_of_a_repository_shows_what_is_unread_in_it(
    engine: Engine, run: Harvest, capsys: pytest.CaptureFixture[str]
) -> None:
    two_repositories(run)
    found = shown(engine, "one")
    (repository,) = found["repositories"]
    told = [(each["format"], each["element"], each["seen"]) for each in repository["unread"]]
    assert told == [(*key[1:], seen) for key, seen in FOUND.items() if key[0] == 1]
    assert all(each["first_seen"] <= each["last_seen"] for each in repository["unread"])
    print_status(found, details=True)
    printed = capsys.readouterr().out
    assert "no rule read" in printed
    assert "{urn:s}rare" in printed
    assert "{urn:s}odd" in printed


def test_the_report_of_a_harvest_names_what_is_unread(
    run: Harvest, capsys: pytest.CaptureFixture[str]
) -> None:
    with Shelf(oai_dc=[record("oai:a:1", strange("odd", "odd"))]) as shelf:
        report = run(shelf.url)
    assert report.streams[0].unread == {"{urn:s}odd": 2}
    assert as_json(report)["streams"][0]["unread"] == {"{urn:s}odd": 2}
    print_report(report)
    assert "elements that no rule read: {urn:s}odd × 2" in capsys.readouterr().out


def test_counts_grow_with_what_comes_and_not_with_what_is_known(engine: Engine, run: Harvest) -> None:
    with Shelf(oai_dc=[record("oai:a:1", strange("odd"))]) as shelf:
        for expected in (1, 1):
            run(shelf.url, wish=Wish(full=True))
            assert counted(engine) == {(1, "oai_dc", "{urn:s}odd"): expected}
        shelf.formats["oai_dc"].append(record("oai:a:2", strange("odd", "new")))
        run(shelf.url, wish=Wish(full=True))
    assert counted(engine) == {(1, "oai_dc", "{urn:s}odd"): 2, (1, "oai_dc", "{urn:s}new"): 1}


def test_renormalise_counts_anew_and_what_is_read_now_disappears(engine: Engine, run: Harvest) -> None:
    two_repositories(run)
    with engine.begin() as connection:
        connection.execute(text("UPDATE unread_elements SET seen = 77, first_seen = '2020-01-01'"))
        connection.execute(
            text(
                "INSERT INTO unread_elements (repository_id, format, element, seen) VALUES (1, 'oai_dc', 'gone', 9)"
            )
        )
    renormalise(engine, Settings(Path()), "one")
    assert counted(engine) == FOUND | {(2, "oai_dc", "{urn:s}odd"): 77}
    since = shown(engine, "one")["repositories"][0]["unread"][0]["first_seen"]
    assert since.year == 2020, "since when it is seen is not forgotten"
    renormalise(engine, Settings(Path()), None)
    assert counted(engine) == FOUND


def test_counts_of_a_renormalisation_that_was_cut_are_whole(engine: Engine, run: Harvest) -> None:
    with Shelf(oai_dc=[record(f"oai:a:{n}", strange("odd")) for n in range(100)]) as shelf:
        run(shelf.url)
    calls = iter([False] * 12 + [True] * 100)
    with pytest.raises(Exception, match="stopped as asked"):
        renormalise(engine, Settings(Path()), None, stopped=calls.__next__)
    done = renormalise(engine, Settings(Path()), None)
    assert 0 < done.resumed < 100
    assert counted(engine) == {(1, "oai_dc", "{urn:s}odd"): 100}


def test_whoever_makes_up_names_fills_neither_catalogue_nor_report(engine: Engine, run: Harvest) -> None:
    """Every record brings names that nobody has seen: over a harvest they would be millions."""
    listed = [record(f"oai:a:{n}", strange(*(f"n{n}-{i}" for i in range(50)))) for n in range(40)]
    with Shelf(page_size=5, oai_dc=listed) as shelf:
        report = run(shelf.url, name="hostile")
    found = counted(engine)
    assert len(found) == audit.MOST + 1
    assert sum(found.values()) == 2000, "what is not named is counted together"
    assert found[1, "oai_dc", audit.REST] == 1500
    assert len(report.streams[0].unread) == audit.MOST + 1
    assert sum(report.streams[0].unread.values()) == 2000
    assert len(shown(engine, "hostile")["repositories"][0]["unread"]) == audit.SHOWN
    renormalise(engine, Settings(Path()), None)
    again = counted(engine)
    assert len(again) == audit.MOST + 1
    assert sum(again.values()) == 2000


def test_known_names_are_counted_however_many_new_ones_come_with_them(engine: Engine, run: Harvest) -> None:
    listed = [record("oai:a:1", strange("odd"))]
    with Shelf(oai_dc=listed) as shelf:
        run(shelf.url)
        listed += [record(f"oai:a:x{n}", strange(*(f"n{n}-{i}" for i in range(300)))) for n in range(3)]
        run(shelf.url, wish=Wish(full=True))
        listed.append(record("oai:a:2", strange("odd", *(f"z-{i}" for i in range(400)))))
        run(shelf.url, wish=Wish(full=True))
    assert counted(engine)[1, "oai_dc", "{urn:s}odd"] == 2
    assert len(counted(engine)) == audit.MOST + 1


def test_a_name_too_long_for_an_index_does_not_end_a_harvest(engine: Engine, run: Harvest) -> None:
    long = "n" + "".join(f"{n:06}" for n in range(5000))
    with Shelf(oai_dc=[record("oai:a:1", strange(long))]) as shelf:
        assert run(shelf.url).outcome == "complete"
    assert counted(engine) == {(1, "oai_dc", audit.REST): 1}


def test_markup_in_a_name_does_nothing_on_a_terminal(
    engine: Engine, run: Harvest, capsys: pytest.CaptureFixture[str]
) -> None:
    with Shelf(oai_dc=[record("oai:a:1", strange("odd"))]) as shelf:
        run(shelf.url, name="odd")
    with engine.begin() as connection:
        # libxml2 lets no such namespace in; crosswalks of others may give any name
        audit.count(connection, 1, "oai_dc", {"[red]\u202e": 1})
    print_status(shown(engine, "odd"), details=True)
    printed = capsys.readouterr().out
    assert "[red]" in printed
    assert "\u202e" not in printed


def test_harvests_and_the_audit_do_not_lock_each_other_out(engine: Engine, database_url: str) -> None:
    with engine.begin() as connection:
        repository = ledger.add_repository(connection, "a", "https://a.example/oai")
    names = [f"n{n:03}" for n in range(200)]
    failures: list[BaseException] = []

    def work(step: Callable[[Any], None]) -> None:
        try:
            for _ in range(30):
                with engine.begin() as connection:
                    step(connection)
        except BaseException as error:  # noqa: BLE001 - told to the test
            failures.append(error)

    def bring(connection: Any) -> None:
        audit.count(connection, repository.id, "oai_dc", dict.fromkeys(names, 1))

    def make_anew(connection: Any) -> None:
        audit.replace(connection, None, {(repository.id, "oai_dc"): Counter(names[::-2])}, since=LATER)

    threads = [threading.Thread(target=work, args=(step,)) for step in (bring, bring, make_anew)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
