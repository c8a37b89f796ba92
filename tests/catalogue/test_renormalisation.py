"""Entries derived again from what is stored: as a harvest wrote them, for every kind of record and reader."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import zstandard
from shelf import Shelf, dublin_core, record
from sqlalchemy import Engine, text

from harvester.catalogue import writer
from harvester.catalogue.query import changed_since
from harvester.config import RepositorySettings, Settings
from harvester.errors import ConfigError
from harvester.harvest import rereading
from harvester.harvest.harvest import Report
from harvester.harvest.plans import Wish
from harvester.harvest.renormalise import Progress, renormalise

Harvest = Callable[..., Report]

CASES = sorted((Path(__file__).parents[1] / "crosswalk").glob("*/*.xml"))
ENTRY = ", ".join(writer.EntryColumns._fields)
SPOIL = (
    "UPDATE records SET title = 'x', creators = NULL, doi = '10.1/x', year = 1, type = 'x', entry = '{\"url\": \"x\"}',"
    " crosswalk = 'x', crosswalk_version = 0, crosswalk_schema = 'x' WHERE xml IS NOT NULL"
)


def rows(engine: Engine, statement: str) -> list[Any]:
    with engine.connect() as connection:
        return list(connection.execute(text(statement)).all())


def change(engine: Engine, statement: str) -> None:
    with engine.begin() as connection:
        connection.execute(text(statement))


def places(engine: Engine) -> list[Any]:
    """Where each row lies and who wrote it: another after any write."""
    return rows(engine, "SELECT ctid::text, xmin::text, page_id, identifier FROM records ORDER BY 1")


def entries(engine: Engine) -> dict[tuple[str, str], Any]:
    found = rows(engine, f"SELECT identifier, format, {ENTRY}, preferred FROM records")
    return {row[:2]: row[2:] for row in found}


def again(engine: Engine, *chosen: RepositorySettings) -> Progress:
    return renormalise(engine, Settings(Path(), None, repositories=chosen), None)


def nothing_is_written(engine: Engine) -> None:
    before, feed = places(engine), rows(engine, "SELECT max(seq) FROM pages")
    done = again(engine)
    assert done.changed == done.kept == 0
    assert places(engine) == before
    assert rows(engine, "SELECT max(seq) FROM pages") == feed


def all_is_restored(engine: Engine) -> None:
    before = entries(engine)
    assert before
    change(engine, SPOIL)
    assert entries(engine) != before
    done = again(engine)
    assert (done.changed, done.kept) == (done.read, 0)
    assert entries(engine) == before


def documents() -> Iterator[str]:
    """The documents of all crosswalks' cases, each as a <record>."""
    for path in CASES:
        body = re.sub(r"\A\s*<\?xml.*?\?>", "", path.read_text("utf-8"))
        if re.match(r"\s*(?:<!--.*?-->\s*)*<record", body, re.DOTALL):
            yield body
        else:
            yield record(f"oai:case:{path.parent.name}/{path.stem}", body)


@pytest.fixture
def every_format() -> Iterator[Shelf]:
    with Shelf(oai_dc=list(documents())) as shelf:
        yield shelf


def test_entries_of_every_format_stay_as_the_harvest_wrote_them(
    every_format: Shelf, engine: Engine, run: Harvest
) -> None:
    run(every_format.url)
    assert len(rows(engine, "SELECT DISTINCT crosswalk, crosswalk_schema FROM records")) > 15
    nothing_is_written(engine)


def test_spoilt_entries_of_every_format_become_what_the_harvest_wrote(
    every_format: Shelf, engine: Engine, run: Harvest
) -> None:
    run(every_format.url)
    assert len(entries(engine)) > 150
    all_is_restored(engine)


FIGSHARE = dublin_core("Figshare", "<dc:identifier>10.6084/m9.figshare.1</dc:identifier>")
TWO = dublin_core(
    "Two",
    "<dc:description>Note.</dc:description>",
    "<dc:description>What it is about, at some length.</dc:description>",
)


def test_what_sets_say_is_in_the_entry_again(engine: Engine, run: Harvest) -> None:
    """figshare's item type and category are in the header's sets, or only known by the stream they came with."""
    listed = [
        record("oai:a:1", FIGSHARE, sets=("item_type_3", "category_4", "portal_5")),
        record("oai:a:2", FIGSHARE),
    ]
    with Shelf(oai_dc=listed) as shelf:
        run(shelf.url, sets=["item_type_3"])
    assert rows(engine, "SELECT DISTINCT type FROM records") == [("Dataset",)]
    nothing_is_written(engine)
    all_is_restored(engine)


def test_a_record_without_a_datestamp_keeps_its_entry(engine: Engine, run: Harvest) -> None:
    with Shelf(
        oai_dc=[record("oai:a:1", dublin_core("No date", "<dc:date>2050</dc:date>"), date="")]
    ) as shelf:
        run(shelf.url)
        nothing_is_written(engine)
        assert run(shelf.url, wish=Wish(full=True)).streams[0].counts.unchanged == 1
    nothing_is_written(engine)
    all_is_restored(engine)


EMBARGO = (
    '<dim:dim xmlns:dim="http://www.dspace.org/xmlns/dspace/dim"><dim:field mdschema="dc" element="title">Sealed</dim:field>'
    '<dim:field mdschema="dc" element="date" qualifier="embargo">{}</dim:field></dim:dim>'
)


def test_an_embargo_is_judged_by_the_day_the_record_came(engine: Engine, run: Harvest) -> None:
    """By ours, an item that was open to nobody when it was harvested would be open, and changed with every day."""
    listed = [record(f"oai:a:{day}", EMBARGO.format(day)) for day in ("2024-04-30", "2024-05-02")]
    with Shelf(dim=listed) as shelf:
        run(shelf.url, formats=["dim"])
    found = {key[0]: row[ENTRY.split(", ").index("entry")] for key, row in entries(engine).items()}
    assert found["oai:a:2024-05-02"]["access"] == "embargoed"
    assert "access" not in found["oai:a:2024-04-30"]
    nothing_is_written(engine)
    all_is_restored(engine)


def test_a_tombstone_keeps_the_entry_it_had_while_it_lived(engine: Engine, run: Harvest) -> None:
    """The header of a deletion names other sets and another date: an entry read with them would lose its type."""
    with Shelf(oai_dc=[record("oai:a:1", FIGSHARE, sets=("item_type_3",)), record("oai:a:2", None)]) as shelf:
        run(shelf.url)
        shelf.formats["oai_dc"][0] = record("oai:a:1", None, date="2024-04-01T00:00:00Z")
        run(shelf.url, wish=Wish(full=True))
    before = entries(engine)
    assert before["oai:a:1", "oai_dc"][ENTRY.split(", ").index("type")] == "Dataset"
    nothing_is_written(engine)
    change(engine, "UPDATE records SET crosswalk_version = 0, title = 'x' WHERE identifier = 'oai:a:1'")
    assert again(engine).changed == 1
    assert rows(engine, "SELECT title FROM records WHERE identifier = 'oai:a:1'") == [("Figshare",)]
    assert entries(engine)["oai:a:2", "oai_dc"] == before["oai:a:2", "oai_dc"]


def test_an_abstract_that_is_not_the_first_description_stays(engine: Engine, run: Harvest) -> None:
    with Shelf(oai_dc=[record("oai:a:1", TWO)]) as shelf:
        run(shelf.url)
    assert rows(engine, "SELECT entry->>'abstract' FROM records") == [("What it is about, at some length.",)]
    nothing_is_written(engine)
    all_is_restored(engine)


def test_documents_that_do_not_fit_into_one_parse_are_read_each_for_itself(
    engine: Engine, run: Harvest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As deep as the parser allows, and more bytes than one batch may have."""
    deep = "<x>" * 250 + "deep" + "</x>" * 250
    listed = [
        record(f"oai:a:{n}", dublin_core(f"Number {n}", "<dc:description>d</dc:description>"))
        for n in range(9)
    ]
    listed.append(record("oai:a:deep", f"<a xmlns='urn:a'>{deep}</a>"))
    with Shelf(oai_dc=listed) as shelf:
        run(shelf.url)
    assert len(rows(engine, "SELECT 1 FROM records")) == 10
    nothing_is_written(engine)
    monkeypatch.setattr(rereading, "_BYTES", 700)
    nothing_is_written(engine)
    all_is_restored(engine)


def test_a_record_whose_xml_is_lost_keeps_its_entry_and_holds_nobody_back(
    engine: Engine, run: Harvest
) -> None:
    with Shelf(oai_dc=[record(f"oai:a:{n}", dublin_core(f"Number {n}")) for n in range(5)]) as shelf:
        run(shelf.url)
    before = entries(engine)
    cut = zstandard.compress(b"<a>never closed")
    with engine.begin() as connection:
        spoil = "UPDATE records SET xml = :xml, title = 'kept' WHERE identifier = :identifier"
        for identifier, xml in (("oai:a:1", b"no zstd"), ("oai:a:2", cut)):
            connection.execute(text(spoil), {"xml": xml, "identifier": identifier})
        connection.execute(text("UPDATE records SET title = 'x' WHERE identifier = 'oai:a:3'"))
    done = again(engine)
    assert (done.read, done.changed, done.kept) == (5, 1, 2)
    titles = dict(rows(engine, "SELECT identifier, title FROM records"))
    assert titles == {f"oai:a:{n}": "kept" if n in (1, 2) else f"Number {n}" for n in range(5)}
    assert entries(engine)["oai:a:3", "oai_dc"] == before["oai:a:3", "oai_dc"]


def test_the_feed_tells_of_the_entries_that_changed_and_of_no_others(engine: Engine, run: Harvest) -> None:
    with Shelf(oai_dc=[record(f"oai:a:{n}", dublin_core(f"Number {n}")) for n in range(60)]) as shelf:
        run(shelf.url)
    seen = changed_since(engine)[-1][0]
    before = {row[3]: row[:2] for row in places(engine)}
    change(engine, "UPDATE records SET entry = entry - 'titles' WHERE title LIKE '%7'")
    spoilt = {f"oai:a:{n}" for n in range(60) if n % 10 == 7}
    assert again(engine).changed == len(spoilt)
    told = changed_since(engine, seen)
    assert {item.identifier for _, item in told} == spoilt
    assert all(item.entry is not None and item.entry.titles for _, item in told)
    after = {row[3]: row[:2] for row in places(engine)}
    assert {each for each in after if after[each] != before[each]} == spoilt
    assert sum(row[0] for row in rows(engine, "SELECT changed FROM pages WHERE run_id IS NULL")) == len(
        spoilt
    )
    nothing_is_written(engine)


def two_formats(engine: Engine, run: Harvest) -> str:
    def listed(titles: str) -> list[str]:
        return [record(f"oai:a:{n}", dublin_core(f"{titles} {n}")) for n in range(30)]

    mods = '<mods xmlns="http://www.loc.gov/mods/v3"><titleInfo><title>Mods {}</title></titleInfo></mods>'
    with Shelf(
        oai_dc=listed("Dublin"), mods=[record(f"oai:a:{n}", mods.format(n)) for n in range(30)]
    ) as shelf:
        run(shelf.url, formats=["oai_dc", "mods"], name="both")
        return shelf.url


def standing(engine: Engine) -> dict[str, int]:
    return dict(rows(engine, "SELECT format, count(*) FROM records WHERE preferred GROUP BY 1"))


def test_another_order_of_formats_chooses_anew_which_one_stands_for_an_item(
    engine: Engine, run: Harvest
) -> None:
    two_formats(engine, run)
    assert standing(engine) == {"mods": 30}
    done = again(engine, RepositorySettings(name="both", prefer=("dc",)))
    assert done.changed == 0
    assert standing(engine) == {"oai_dc": 30}
    again(engine)
    assert standing(engine) == {"mods": 30}


def test_an_order_chosen_while_it_was_cut_holds_for_all_items(engine: Engine, run: Harvest) -> None:
    """Going on where it was cut would leave the first half as the earlier order had it."""
    two_formats(engine, run)
    with pytest.raises(Exception, match="stopped as asked"):
        renormalise(engine, Settings(Path()), None, stopped=iter([False] * 20 + [True] * 200).__next__)
    assert rows(engine, "SELECT sum(read) FROM renormalisations")[0][0] in range(1, 60)
    chosen = RepositorySettings(name="both", prefer=("dc",))
    assert again(engine, chosen).resumed == 0
    assert standing(engine) == {"oai_dc": 30}


def test_the_order_of_another_repository_is_still_to_be_followed(engine: Engine, run: Harvest) -> None:
    url = two_formats(engine, run)
    with Shelf(oai_dc=[record("oai:b:1", dublin_core("Other"))]) as shelf:
        run(shelf.url, name="other")
    chosen = Settings(Path(), repositories=(RepositorySettings(name="both", prefer=("dc",)),))
    renormalise(engine, chosen, "other")
    ((said,),) = rows(engine, f"SELECT preference[1] FROM repositories WHERE base_url = '{url}'")
    assert said != "dc", "the next harvest would believe that its items were chosen by the new order"
    renormalise(engine, chosen, "both")
    assert standing(engine) == {"oai_dc": 31}


def test_a_misspelt_order_is_told_and_not_passed_over(engine: Engine, run: Harvest) -> None:
    two_formats(engine, run)
    with pytest.raises(ConfigError, match="'dublin', which no crosswalk is called"):
        again(engine, RepositorySettings(name="both", prefer=("dublin",)))


def test_a_format_that_nobody_knows_is_read_as_the_harvest_read_it(engine: Engine, run: Harvest) -> None:
    with Shelf(
        strange=[record("oai:a:1", "<w:thing xmlns:w='urn:w'><w:title>Thing</w:title></w:thing>")]
    ) as shelf:
        run(shelf.url, formats=["strange"])
    assert rows(engine, "SELECT crosswalk, title FROM records")[0][1] == "Thing"
    nothing_is_written(engine)
    all_is_restored(engine)
