"""Which of an item's formats stands for it: the richest that is live, else as the operator says, and in every query once."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest
from asking import Asker
from command_line import start
from sqlalchemy import Connection, Engine, text

from harvester.catalogue import preference, query, writer
from harvester.catalogue.keys import item_key
from harvester.catalogue.query import Scope
from harvester.catalogue.writer import EntryColumns, RecordColumns
from harvester.config import Settings, from_environment
from harvester.crosswalk import registry
from harvester.crosswalk.preference import FIGSHARE, PREFERENCE, preference_for
from harvester.errors import ConfigError
from harvester.harvest.harvest import Report
from harvester.harvest.plans import Wish
from harvester.harvest.progress import Listener
from harvester.harvest.renormalise import renormalise
from harvester.mock import FakeRepository, Record

ALL = ["oai_dc", "qdc", "oai_datacite"]
CHANGED = "has changed"
ROWS = (
    "SELECT identifier, format, r.xmin::text FROM records r JOIN repositories p ON p.id = repository_id"
    " WHERE p.name = :name ORDER BY 1, 2"
)


def live(fake: FakeRepository) -> list[Record]:
    return [record for record in fake.store.records if not record.deleted]


def standing(ask: Asker, *, deleted: bool = False) -> dict[str, str]:
    """identifier → the format that stands for it; each item once."""
    found = query.find(ask.engine, f"repository:{ask.name}", scope=Scope(deleted=deleted))
    pairs = [(item.identifier, item.format) for item in found]
    assert len(pairs) == len(dict(pairs)), "one format stands for an item, and only one"
    return dict(pairs)


def everywhere(fake: FakeRepository, format_: str) -> dict[str, str]:
    return {record.identifier: format_ for record in live(fake)}


@pytest.fixture
def configured(tmp_path: Path) -> Callable[[str], Settings]:
    """Settings from a harvester.toml with this text."""

    def write(said: str) -> Settings:
        file = tmp_path / "harvester.toml"
        file.write_text(said, "utf-8")
        return from_environment({"HARVESTER_CONFIG": str(file), "HARVESTER_HOME": str(tmp_path)})

    return write


@pytest.fixture
def prefer(ask: Asker, configured: Callable[[str], Settings]) -> Callable[..., Settings]:
    """Settings with an order of formats for the repository of this test."""

    def order(*names: str) -> Settings:
        return configured(f"[[repository]]\nurl = {json.dumps(ask.url)}\nprefer = {json.dumps(names)}\n")

    return order


@pytest.mark.parametrize("order", [ALL, ALL[::-1], [ALL[2], *ALL[:2]]])
def test_an_item_harvested_in_three_formats_counts_once_and_datacite_stands_for_it(
    order: list[str], ask: Asker, small: FakeRepository
) -> None:
    report = ask(formats=order)
    assert [(each.stream.format, each.outcome) for each in report.streams] == [
        (format_, "complete") for format_ in order
    ]
    assert standing(ask) == everywhere(small, "oai_datacite")
    mine = f"repository:{ask.name}"
    assert query.count(ask.engine, mine) == len(live(small))
    assert query.count(ask.engine, mine, scope=Scope(deleted=True)) == len(small.store)
    for record in live(small)[:5]:
        title = query.get(ask.engine, record.identifier, repository=ask.name)[0].entry.title  # type: ignore[union-attr]
        words = " ".join(f'"{word}"' for word in str(title).split())
        (found,) = query.search(ask.engine, f"{words} {mine}")
        assert (found.identifier, found.format, found.crosswalk) == (
            record.identifier,
            "oai_datacite",
            "oai_datacite",
        )
        assert found.entry
        assert found.entry.title == title
        assert found.entry.funding, "the entry is DataCite's own"


def test_a_search_shows_each_item_once(ask: Asker, small: FakeRepository) -> None:
    ask(formats=ALL)
    mine = f"repository:{ask.name}"
    found = query.search(ask.engine, mine, limit=1000)
    assert sorted(item.identifier for item in found) == sorted(everywhere(small, ""))
    assert {item.format for item in found} == {"oai_datacite"}


def test_all_formats_are_shown_to_whoever_asks_for_them(ask: Asker, small: FakeRepository) -> None:
    ask(formats=ALL)
    mine, every = f"repository:{ask.name}", Scope(all_formats=True)
    found = [(item.identifier, item.format) for item in query.find(ask.engine, mine, scope=every)]
    assert sorted(found) == sorted((record.identifier, each) for record in live(small) for each in ALL)
    assert query.count(ask.engine, mine, scope=every) == 3 * len(live(small))
    own = query.get(ask.engine, live(small)[0].identifier, repository=ask.name)
    assert [item.format for item in own] == ["oai_datacite", "oai_dc", "qdc"], (
        "what stands for it comes first"
    )


def exported(database_url: str, *arguments: str) -> list[tuple[str, str]]:
    process = start(database_url, "export", "--as", "jsonl", *arguments)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    lines = [json.loads(line) for line in out.splitlines()]
    return sorted((line["identifier"], line["format"]) for line in lines)


def test_an_export_has_a_line_for_each_item_and_with_all_formats_one_for_each_record(
    fake: FakeRepository, run: Callable[..., Report], engine: Engine, database_url: str
) -> None:
    assert run(fake, formats=ALL).outcome == "complete"
    items = sorted(record.identifier for record in live(fake))
    every = sorted(record.identifier for record in fake.store.records)
    assert exported(database_url) == [(each, "oai_datacite") for each in items]
    assert exported(database_url, "--deleted") == [(each, "oai_datacite") for each in every]
    assert exported(database_url, "--all-formats") == sorted((one, each) for one in items for each in ALL)
    assert query.count(engine) == len(items)


def test_a_deletion_told_in_one_format_only_leaves_the_item_to_the_next_live_one(
    ask: Asker, small: FakeRepository
) -> None:
    ask(formats=ALL)
    one = live(small)[3].identifier
    small.store.delete(one)
    before = standing(ask)
    for format_, heir in (("oai_datacite", "qdc"), ("qdc", "oai_dc")):
        ask(formats=[format_])
        assert standing(ask) == before | {one: heir}
    ask(formats=["oai_dc"])
    assert one not in standing(ask)
    assert standing(ask, deleted=True)[one] == "oai_datacite"
    assert query.count(ask.engine, f"repository:{ask.name}", scope=Scope(deleted=True)) == len(small.store)
    small.store.undelete(one)
    for format_ in ALL:
        ask(formats=[format_])
        assert standing(ask) == before | {one: format_}


def test_a_deletion_in_a_poorer_format_changes_nothing(ask: Asker, small: FakeRepository) -> None:
    ask(formats=ALL)
    before = standing(ask)
    small.store.delete(live(small)[3].identifier)
    ask(formats=["oai_dc", "qdc"])
    assert standing(ask) == before


def test_a_record_in_quarantine_leaves_the_item_to_the_next_format_until_it_comes_whole(
    ask: Asker, small: FakeRepository
) -> None:
    ask(formats=["oai_dc", "qdc"])
    small.misbehave("empty_metadata", on_page=0, record=4)
    assert ask(formats=["oai_datacite"]).streams[0].counts.quarantined == 1
    (one,) = [each for each, format_ in standing(ask).items() if format_ != "oai_datacite"]
    assert standing(ask) == everywhere(small, "oai_datacite") | {one: "qdc"}
    small.behave()
    assert ask(formats=["oai_datacite"], wish=Wish(full=True)).outcome == "complete"
    assert standing(ask) == everywhere(small, "oai_datacite")


def test_a_record_that_breaks_later_stands_as_it_last_came_whole(ask: Asker, small: FakeRepository) -> None:
    ask(formats=ALL)
    one = live(small)[0].identifier
    small.store.revise(one)
    small.misbehave("empty_metadata", verb="ListRecords", times=1)
    assert ask(formats=["oai_datacite"]).streams[0].counts.quarantined == 1
    assert standing(ask) == everywhere(small, "oai_datacite")


def test_an_item_that_the_better_format_never_brings_is_served_by_the_one_that_does(
    ask: Asker, small: FakeRepository
) -> None:
    ask(formats=["oai_dc"])
    small.store.vanish(live(small)[0].identifier)
    (lost,) = set(standing(ask)) - {record.identifier for record in small.store.records}
    ask(formats=["oai_datacite"])
    assert standing(ask) == everywhere(small, "oai_datacite") | {lost: "oai_dc"}


def test_the_operators_order_takes_effect_though_nothing_changed_at_the_source(
    ask: Asker, small: FakeRepository, prefer: Callable[..., Settings]
) -> None:
    ask(formats=ALL)
    said: list[str] = []
    report = ask(settings=prefer("dc"), listener=Listener(tell=said.append))
    assert sum(each.counts.updated + each.counts.created for each in report.streams) == 0
    assert standing(ask) == everywhere(small, "oai_dc")
    assert len([sentence for sentence in said if CHANGED in sentence and ask.name in sentence]) == 1
    assert standing(ask, deleted=True).keys() == {record.identifier for record in small.store.records}
    again: list[str] = []
    before = ask.rows(ROWS)
    ask(settings=prefer("dc"), listener=Listener(tell=again.append))
    assert not [sentence for sentence in again if CHANGED in sentence]
    assert ask.rows(ROWS) == before, "an order that holds already writes nothing"
    ask(listener=Listener(tell=again.append))
    assert standing(ask) == everywhere(small, "oai_datacite"), (
        "taken out of the file, the order is the old one"
    )
    assert len([sentence for sentence in again if CHANGED in sentence]) == 1


def test_an_order_written_for_the_name_holds_as_one_for_the_url(
    ask: Asker, small: FakeRepository, configured: Callable[[str], Settings]
) -> None:
    settings = configured(f'[[repository]]\nname = "{ask.name}"\nprefer = ["qdc"]\n')
    ask(formats=ALL, settings=settings)
    assert standing(ask) == everywhere(small, "qdc")


def test_an_order_for_another_repository_is_not_ours(
    ask: Asker, small: FakeRepository, configured: Callable[[str], Settings]
) -> None:
    said = '[[repository]]\nname = "another"\nurl = "https://example.org/oai"\nprefer = ["dc"]\n'
    ask(formats=ALL, settings=configured(said))
    assert standing(ask) == everywhere(small, "oai_datacite")


def test_the_order_of_the_operator_holds_for_the_pages_too(
    ask: Asker, small: FakeRepository, prefer: Callable[..., Settings]
) -> None:
    settings = prefer("dc")
    ask(formats=ALL, settings=settings)
    added = small.store.add(2)
    revised = live(small)[0].identifier
    small.store.revise(revised)
    for format_ in ALL:
        ask(formats=[format_], settings=settings)
        assert {standing(ask)[each] for each in (*added, revised)} == {"oai_dc"}
    assert standing(ask) == everywhere(small, "oai_dc")


def test_a_crosswalk_named_without_its_kernel_means_all_its_kernels(
    ask: Asker, small: FakeRepository, prefer: Callable[..., Settings]
) -> None:
    ask(formats=ALL, settings=prefer("oai_datacite", "dc"))
    assert standing(ask) == everywhere(small, "oai_datacite")


def test_every_item_of_many_batches_is_chosen_anew(
    ask: Asker, small: FakeRepository, prefer: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(formats=ALL)
    monkeypatch.setattr(preference, "_BATCH", 10)  # 30 items: the last full batch is followed by an empty one
    ask(settings=prefer("dc"))
    assert standing(ask) == everywhere(small, "oai_dc")
    monkeypatch.setattr(preference, "_BATCH", 7)
    ask(settings=prefer("qdc"))
    assert standing(ask) == everywhere(small, "qdc")


def test_a_choice_that_is_cut_is_made_by_the_next_harvest(
    ask: Asker, small: FakeRepository, prefer: Callable[..., Settings]
) -> None:
    class PulledOut(Exception):
        """Somebody pulled the plug."""

    def cut(sentence: str) -> None:
        if CHANGED in sentence:
            raise PulledOut

    ask(formats=ALL)
    with pytest.raises(PulledOut):
        ask(settings=prefer("dc"), listener=Listener(tell=cut))
    assert standing(ask) == everywhere(small, "oai_datacite")
    ask(settings=prefer("dc"))
    assert standing(ask) == everywhere(small, "oai_dc")


def test_a_catalogue_from_before_orders_were_noted_is_put_in_order(ask: Asker, small: FakeRepository) -> None:
    ask(formats=ALL)
    mine = text(
        "UPDATE records SET preferred = (format = 'oai_dc') FROM repositories p"
        " WHERE p.id = repository_id AND p.name = :name"
    )
    with ask.engine.begin() as connection:
        connection.execute(mine, {"name": ask.name})
        connection.execute(
            text("UPDATE repositories SET preference = NULL WHERE name = :name"), {"name": ask.name}
        )
    assert standing(ask) == everywhere(small, "oai_dc")
    ask()
    assert standing(ask) == everywhere(small, "oai_datacite")


def test_entries_derived_again_follow_the_order_of_their_own_repository_and_of_no_other(
    fake: FakeRepository, run: Callable[..., Report], engine: Engine, tmp_path: Path
) -> None:
    for name in ("one", "two"):
        run(f"{fake.url}/{name}", formats=["oai_dc", "oai_datacite"], name=name)
    file = tmp_path / "harvester.toml"
    names = ("one", "two")
    file.write_text("".join(f'[[repository]]\nname = "{each}"\nprefer = ["dc"]\n' for each in names))
    settings = from_environment({"HARVESTER_CONFIG": str(file), "HARVESTER_HOME": str(tmp_path)})

    def formats(name: str) -> set[str]:
        return {item.format for item in query.find(engine, f"repository:{name}")}

    renormalise(engine, settings, "one")
    assert (formats("one"), formats("two")) == ({"oai_dc"}, {"oai_datacite"})
    run("two", settings=settings)
    assert formats("two") == {"oai_dc"}, "the order has yet to take effect there"


def test_a_name_that_no_crosswalk_bears_is_refused_with_the_names_there_are(
    ask: Asker, small: FakeRepository, prefer: Callable[..., Settings]
) -> None:
    ask(formats=ALL)
    for wrong in ("oai_dc", "datasite", "DC"):
        with pytest.raises(ConfigError) as refused:
            ask(settings=prefer("dc", wrong))
        sentence = str(refused.value)
        assert f"'{wrong}'" in sentence
        assert ask.name in sentence
        assert all(name in sentence for name in registry.versions())
    assert standing(ask) == everywhere(small, "oai_datacite")


def test_a_name_that_no_crosswalk_bears_ends_the_command_with_2_before_a_record_is_asked_for(
    fake: FakeRepository, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "harvester"
    home.mkdir()
    (home / "harvester.toml").write_text(f'[[repository]]\nurl = "{fake.url}"\nprefer = ["oai_dc"]\n')
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    process = start(database_url, "harvest", fake.url)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (2, "")
    assert "'oai_dc'" in err
    assert "oai_datacite" in err
    assert "Traceback" not in err
    assert not fake.requests("ListRecords")


# From here on the choice itself, with rows of formats that the fake repository does not serve.

Shown = tuple[str, str | None, str | None, bool]  # prefix, crosswalk, its schema, deleted


@pytest.fixture
def chosen(engine: Engine) -> Callable[[Sequence[str], Sequence[Shown]], str]:
    """Write the rows of one item, and say which format is chosen among them by an order."""

    def choose(order: Sequence[str], rows: Sequence[Shown]) -> str:
        with engine.begin() as connection:
            connection.execute(text("TRUNCATE records"))
            key = item_key(1, "oai:x:1")
            with writer.inserting(connection) as send:
                for prefix, crosswalk, schema, deleted in rows:
                    send((row(key, prefix, deleted=deleted), EntryColumns(crosswalk, 1, schema)))
            writer.prefer(connection, 1, [key], order)
            return the_one(connection)

    return choose


def row(key: bytes, prefix: str, *, deleted: bool) -> RecordColumns:
    moment = datetime(2024, 1, 1, tzinfo=UTC)
    said = ("oai:x:1", moment, "2024-01-01", "{}", "{}", deleted, None, 1, moment)
    return RecordColumns(key, 1, prefix, *said, None, None, None, None)


def the_one(connection: Connection) -> str:
    (found,) = connection.scalars(text("SELECT format FROM records WHERE preferred"))
    return str(found)


def shown(name: str) -> Shown:
    """The row of a name of the order, under a prefix that sorts in no order of ours."""
    crosswalk, _, schema = name.partition(" ")
    return (name[::-1], crosswalk, schema or None, False)


Choose = Callable[[Sequence[str], Sequence[Shown]], str]


def test_kernel_4_goes_before_jats_and_jats_before_kernel_3(chosen: Choose) -> None:
    four, jats, three = (
        ("z", "datacite", "4", False),
        ("y", "jats", None, False),
        ("a", "datacite", "3", False),
    )
    wrapped = ("b", "oai_datacite", "3", False)
    assert chosen(PREFERENCE, [three, jats, four]) == "z"
    assert chosen(PREFERENCE, [wrapped, three, jats]) == "y"
    assert chosen(PREFERENCE, [("m", "mods", None, False), three]) == "m"
    assert chosen(PREFERENCE, [("r", "rdf-vivo", None, False), three]) == "a"
    assert chosen(PREFERENCE, [four, ("zz", "oai_datacite", "4", False)]) == "zz"


def test_the_whole_order_holds_between_every_two_neighbours(chosen: Choose) -> None:
    for better, worse in pairwise(PREFERENCE):
        assert chosen(PREFERENCE, [shown(worse), shown(better)]) == better[::-1], f"{better} before {worse}"


def test_every_crosswalk_of_ours_has_its_place_in_the_order() -> None:
    assert registry.versions().keys() - {name.partition(" ")[0] for name in PREFERENCE} == {"unknown"}


def test_a_kernel_that_the_order_does_not_name_is_taken_as_its_crosswalk(chosen: Choose) -> None:
    five, none = ("f", "datacite", "5", False), ("n", "datacite", None, False)
    for strange in (five, none):
        assert chosen(PREFERENCE, [strange, ("a", "rdf-vivo", None, False)]) == strange[0]
        assert chosen(PREFERENCE, [strange, ("z", "datacite", "2", False)]) == "z"


def test_a_live_record_stands_before_any_deleted_one_and_known_before_unknown(chosen: Choose) -> None:
    best, gone = ("z", "oai_datacite", "4", True), ("a", None, None, True)
    dublin_core, strange = ("m", "dc", None, False), ("b", "unknown", None, False)
    assert chosen(PREFERENCE, [best, dublin_core]) == "m"
    assert chosen(PREFERENCE, [gone, best]) == "z", "of tombstones the best that still has its entry"
    assert chosen(PREFERENCE, [strange, dublin_core]) == "m"
    assert chosen(PREFERENCE, [strange, best]) == "b"
    assert chosen(PREFERENCE, [("y", "dc", None, False), dublin_core]) == "m", "of equals the first by prefix"


def test_a_preferred_record_that_is_lost_is_followed_by_the_next(chosen: Choose, engine: Engine) -> None:
    rows = [("z", "oai_datacite", "4", False), ("q", "qdc", None, False), ("a", "dc", None, False)]
    assert chosen(PREFERENCE, rows) == "z"
    for left in ("q", "a"):
        with engine.begin() as connection:
            connection.execute(text("DELETE FROM records WHERE preferred"))
            writer.prefer(connection, 1, [item_key(1, "oai:x:1")], PREFERENCE)
            assert the_one(connection) == left


def test_the_same_item_of_another_repository_is_left_alone(chosen: Choose, engine: Engine) -> None:
    chosen(PREFERENCE, [shown("dc"), shown("jats")])
    with engine.begin() as connection:
        connection.execute(text("UPDATE records SET repository_id = 2 WHERE format = 'staj'"))
        connection.execute(text("UPDATE records SET preferred = true"))
        writer.prefer(connection, 1, [item_key(1, "oai:x:1")], PREFERENCE)
        assert connection.scalar(text("SELECT count(*) FROM records WHERE preferred")) == 2


@pytest.mark.parametrize(
    "url",
    ["https://api.figshare.com/v2/oai", "https://API.Figshare.com/v2/oai", "http://figshare.com:80/oai"],
)
def test_figshare_has_an_order_of_its_own_known_by_the_host(url: str, chosen: Choose) -> None:
    order = preference_for(url)
    for better, worse in pairwise(FIGSHARE):
        assert chosen(order, [shown(worse), shown(better)]) == better[::-1], f"{better} before {worse}"
    assert chosen(order, [shown("cerif"), shown("mets")]) == "stem"
    assert chosen(PREFERENCE, [shown("cerif"), shown("mets")]) == "firec"
    for kernel in ("4", "3"):
        datacite = ("z", "oai_datacite", kernel, False)
        assert chosen(order, [datacite, shown("mets"), shown("qdc"), shown("dc")]) == "z", f"kernel {kernel}"
    assert chosen(order, [("a", "oai_datacite", "3", False), ("z", "oai_datacite", "4", False)]) == "z"


@pytest.mark.parametrize(
    "url",
    [
        "https://figshare.com.example.org/oai",
        "https://notfigshare.com/oai",
        "https://example.org/figshare.com",
    ],
)
def test_a_host_that_only_looks_like_figshares_has_the_general_order(url: str) -> None:
    assert preference_for(url) == PREFERENCE


def test_the_operators_order_goes_before_figshares(chosen: Choose) -> None:
    order = preference_for("https://api.figshare.com/v2/oai", ["qdc", "oai_datacite 3"])
    assert chosen(order, [shown("oai_datacite 4"), shown("mets"), shown("qdc")]) == "cdq"
    assert chosen(order, [("z", "oai_datacite", "3", False), ("a", "oai_datacite", "4", False)]) == "z"
    assert chosen(order, [("z", "oai_datacite", "4", False), shown("mets")]) == "z", "then figshare's own"
