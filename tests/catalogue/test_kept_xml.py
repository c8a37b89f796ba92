"""The kept XML: every byte comes back, with one dictionary per repository and format, whatever was rolled back."""

import hashlib
from collections.abc import Callable

import pytest
from shelf import Shelf, dublin_core, record
from sqlalchemy import Engine, text

from harvester.catalogue import kept_xml
from harvester.catalogue.kept_xml import Compressor, unpack
from harvester.catalogue.query import Scope, find, metadata_xml
from harvester.harvest.harvest import Report, Request, harvest
from harvester.mock import FakeRepository

Harvest = Callable[..., Report]


def sample(number: int) -> bytes:
    words = " ".join(hashlib.sha256(f"{number} {part}".encode()).hexdigest() for part in range(4))
    return f"<dc><title>Record {number}</title><description>A shared sentence. {words}</description></dc>".encode()


@pytest.fixture
def repository_id(engine: Engine) -> int:
    with engine.begin() as connection:
        made = text("INSERT INTO repositories (name, base_url) VALUES ('r', 'http://r') RETURNING id")
        return int(connection.scalar(made))


def dictionaries(engine: Engine) -> list[tuple[str, str]]:
    with engine.connect() as connection:
        rows = connection.execute(
            text("SELECT name, format FROM dictionaries JOIN repositories ON repositories.id = repository_id")
        )
        return sorted((row[0], row[1]) for row in rows)


def test_every_record_comes_back_byte_for_byte_before_and_after_the_dictionary(
    engine: Engine, run: Harvest
) -> None:
    with FakeRepository(records=1500, page_size=250) as repository:
        run(repository, name="fake")
        expected = {each.identifier: each.metadata for each in repository.store.records}
    with engine.connect() as connection:
        rows = connection.execute(
            text("SELECT dictionary_id IS NULL, count(*), avg(length(xml)), bool_and(hash IS NOT NULL) FROM records"
                 " WHERE NOT deleted GROUP BY 1 ORDER BY 1")
        ).all()  # fmt: skip
    (with_one, later, small, _), (without, earlier, large, _) = rows
    assert (with_one, without) == (False, True)
    assert earlier >= 900
    assert later >= 200
    assert float(small) < 0.7 * float(large)
    assert dictionaries(engine) == [("fake", "oai_dc")]
    for item in list(find(engine))[::29]:
        xml = metadata_xml(engine, item)
        sent = expected[item.identifier]
        assert xml is not None
        assert sent is not None
        # Canonical form keeps the namespaces of the response in scope; what is inside is as it was sent.
        assert xml[xml.index(b"<dc:title>") :].decode() == sent[sent.index(b"<dc:title>") :].decode()
    with engine.connect() as connection:
        stored = connection.execute(
            text("SELECT xml, dictionary_id, hash FROM records WHERE NOT deleted")
        ).all()
        whole = unpack(connection, [(row.xml, row.dictionary_id) for row in stored])
    assert [hashlib.sha256(xml).digest() for xml in whole] == [bytes(row.hash) for row in stored]


def test_a_later_harvest_uses_the_same_dictionary(engine: Engine, run: Harvest) -> None:
    with FakeRepository(records=1300, page_size=250) as repository:
        run(repository, name="fake")
        repository.store.add(3)
        run(repository)
    assert dictionaries(engine) == [("fake", "oai_dc")]
    with engine.connect() as connection:
        newest = connection.execute(
            text("SELECT dictionary_id FROM records ORDER BY page_id DESC LIMIT 3")
        ).scalars()
        assert None not in list(newest)


def test_each_format_has_a_dictionary_of_its_own(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_xml, "_SAMPLES", 50)
    monkeypatch.setattr(kept_xml, "_DICTIONARY_BYTES", 2048)
    dc = [record(f"oai:s:{n}", dublin_core(sample(n).decode())) for n in range(200)]
    other = [record(f"oai:s:{n}", "<o>" + sample(n + 999).decode() + "</o>") for n in range(200)]
    with Shelf(page_size=60, oai_dc=dc, other=other) as shelf:
        harvest(engine, Request(shelf.url, formats=["oai_dc", "other"], name="shelf"))
    assert dictionaries(engine) == [("shelf", "oai_dc"), ("shelf", "other")]
    for item in find(engine, scope=Scope(all_formats=True)):
        xml = metadata_xml(engine, item)
        assert xml is not None
        assert (
            f"Record {int(item.identifier[6:]) + (999 if item.format == 'other' else 0)}<"
            in xml.decode().replace("&lt;", "<")
        )


def test_a_rolled_back_page_takes_its_dictionary_with_it_and_nothing_else(
    engine: Engine, repository_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_xml, "_SAMPLES", 60)
    monkeypatch.setattr(kept_xml, "_DICTIONARY_BYTES", 2048)
    compressor = Compressor(repository_id, "oai_dc")
    kept: list[tuple[bytes, int | None]] = []
    sent: list[bytes] = []

    def page(first: int, *, commit: bool) -> bool:
        """Write 30 records; whether they use a dictionary."""
        with engine.connect() as connection:
            compressor.prepare(connection)
            packed = [compressor.compress(sample(number)) for number in range(first, first + 30)]
            if commit:
                connection.commit()
                kept.extend(packed)
                sent.extend(sample(number) for number in range(first, first + 30))
            else:
                connection.rollback()
                compressor.forget()
        return packed[0][1] is not None

    assert [page(0, commit=True), page(30, commit=True)] == [False, False]
    assert page(60, commit=False)  # trained here, and gone with the page
    assert dictionaries(engine) == []
    used = [page(first, commit=True) for first in range(90, 390, 30)]
    assert used[-1]
    assert dictionaries(engine) == [("r", "oai_dc")]
    with engine.connect() as connection:
        assert unpack(connection, kept) == sent


def test_two_harvests_that_train_at_once_end_with_one_dictionary(
    engine: Engine, repository_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both have looked, and found none, before either has seen enough: the second takes the first one's."""
    monkeypatch.setattr(kept_xml, "_SAMPLES", 60)
    monkeypatch.setattr(kept_xml, "_DICTIONARY_BYTES", 2048)
    both = [Compressor(repository_id, "oai_dc"), Compressor(repository_id, "oai_dc")]
    kept: list[tuple[bytes, int | None]] = []
    for first in range(0, 180, 30):
        for compressor in both:
            with engine.begin() as connection:
                compressor.prepare(connection)
                kept.extend(compressor.compress(sample(number)) for number in range(first, first + 30))
    assert dictionaries(engine) == [("r", "oai_dc")]
    expected = [
        sample(number) for first in range(0, 180, 30) for _ in both for number in range(first, first + 30)
    ]
    with engine.connect() as connection:
        assert unpack(connection, kept) == expected
    assert len({number for _, number in kept}) == 2  # none at first, then the one


def test_records_that_are_all_alike_need_no_dictionary(engine: Engine, repository_id: int) -> None:
    compressor = Compressor(repository_id, "oai_dc")
    kept = []
    for _ in range(13):
        with engine.begin() as connection:
            compressor.prepare(connection)
            kept.extend(compressor.compress(b"<dc/>") for _ in range(100))
    with engine.connect() as connection:
        assert set(unpack(connection, kept)) == {b"<dc/>"}


def test_a_failed_page_in_mid_harvest_leaves_every_record_readable(
    engine: Engine, run: Harvest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_xml, "_SAMPLES", 150)
    with FakeRepository(records=600, page_size=50) as repository:
        with engine.begin() as connection:
            connection.exec_driver_sql(
                "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'on purpose'; END $$;"
                "CREATE TRIGGER fail BEFORE INSERT ON pages FOR EACH ROW WHEN (NEW.number = 5) EXECUTE FUNCTION fail()"
            )
        cut = run(repository, name="fake")
        assert cut.outcome == "failed"
        with engine.begin() as connection:
            connection.exec_driver_sql("DROP TRIGGER fail ON pages")
        assert run(repository).outcome == "complete"
        live = sum(not each.deleted for each in repository.store.records)
    items = list(find(engine))
    assert len(items) == live
    assert all((metadata_xml(engine, item) or b"").endswith(b"</oai_dc:dc>") for item in items[::7])
    assert dictionaries(engine) == [("fake", "oai_dc")]
