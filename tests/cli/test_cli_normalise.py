"""`harvester normalise`: responses, loose records, bare documents; with no database and no network."""

import json
from pathlib import Path

import pytest
from contract import NORMALISED, check
from jsonschema import Draft202012Validator
from real_command import Inside

from harvester import resources

DC = (
    '<oai_dc:dc xmlns:oai_dc="http://www.openarchives.org/OAI/2.0/oai_dc/" xmlns:dc="http://purl.org/dc/elements/1.1/">'
    "<dc:title>{}</dc:title><dc:date>2019-05</dc:date><dc:creator>Curie, Marie</dc:creator></oai_dc:dc>"
)
RECORD = (
    "<record{}><header{}><identifier>oai:example.org:{}</identifier><datestamp>{}</datestamp>"
    "<setSpec>b</setSpec><setSpec>a</setSpec></header>{}</record>"
)
MARC = (
    "<record><leader>00500nam a2200100 a 4500</leader>"
    '<datafield tag="245" ind1="0" ind2="0"><subfield code="a">{}</subfield></datafield></record>'
)
MODS = "<mods><titleInfo><title>{}</title></titleInfo></mods>"
OAI = ' xmlns="http://www.openarchives.org/OAI/2.0/"'


def metadata(title: str) -> str:
    return f"<metadata>{DC.format(title)}</metadata>"


def response(*records: str, prefix: str = ' metadataPrefix="oai_dc"', verb: str = "ListRecords") -> bytes:
    listed = "".join(records)
    return (
        f"<OAI-PMH{OAI}><responseDate>2024-01-01T00:00:00Z</responseDate>"
        f'<request verb="{verb}"{prefix}>http://example.org/oai</request><{verb}>{listed}</{verb}></OAI-PMH>'
    ).encode()


WHOLE = response(
    RECORD.format("", "", 1, "2020-02-03T04:05:06Z", metadata("One & only".replace("&", "&amp;"))),
    RECORD.format("", ' status="deleted"', 2, "2020-02-03", ""),
    RECORD.format("", "", 3, "2020-02-03T04:05:06Z", metadata("Three")),
)


@pytest.fixture(scope="module")
def entries() -> Draft202012Validator:
    return Draft202012Validator(json.loads(resources.schema("entry.schema.json").read_text()))


def test_a_response_gives_a_line_for_each_record_tombstones_too(
    bare: Inside, tmp_path: Path, entries: Draft202012Validator
) -> None:
    file = tmp_path / "page.xml"
    file.write_bytes(WHOLE)
    done = bare("normalise", str(file))
    assert (done.code, done.err) == (0, "")
    one, two, three = done.lines
    for line in (one, two, three):
        check(line, NORMALISED)
        assert line["format"] == "oai_dc"
        assert line["sets"] == ["b", "a"]
        if line["entry"] is not None:
            entries.validate(line["entry"])
            assert line["problems"] == line["entry"]["problems"]
    assert (one["identifier"], one["datestamp"], one["deleted"]) == (
        "oai:example.org:1",
        "2020-02-03T04:05:06Z",
        False,
    )
    assert one["entry"]["title"] == "One & only"
    assert (one["entry"]["issued"], one["entry"]["year"]) == ("2019-05", 2019)
    assert one["crosswalk"] == "dc"
    assert (two["deleted"], two["entry"], two["crosswalk"], two["datestamp"]) == (
        True,
        None,
        None,
        "2020-02-03",
    )
    assert three["entry"]["title"] == "Three"


def test_stdin_is_read_once(bare: Inside) -> None:
    done = bare("normalise", "-", stdin=WHOLE)
    assert (done.code, len(done.lines)) == (0, 3)
    twice = bare("normalise", "-", "-", stdin=WHOLE)
    assert (twice.code, len(twice.lines)) == (1, 3)  # the second time there is nothing left


def test_a_bare_document_has_neither_header_nor_prefix(bare: Inside) -> None:
    done = bare("normalise", "-", stdin=DC.format("Bare").encode())
    (line,) = done.lines
    check(line, NORMALISED)
    nothing = ("repository", "identifier", "format", "datestamp")
    assert [line[name] for name in nothing] == [None] * 4
    assert (line["deleted"], line["sets"], line["crosswalk"]) == (False, [], "dc")
    assert line["entry"]["title"] == "Bare"


@pytest.mark.parametrize("namespace", ["", OAI])
def test_loose_records_are_read_alone_and_below_a_wrapper(namespace: str, bare: Inside) -> None:
    alone = RECORD.format(namespace, "", 7, "2020-01-01", metadata("Loose"))
    (line,) = bare("normalise", "-", stdin=alone.encode()).lines
    check(line, NORMALISED)
    assert (line["identifier"], line["format"], line["entry"]["title"]) == (
        "oai:example.org:7",
        None,
        "Loose",
    )
    several = f"<records>{alone}{alone}</records>"
    assert len(bare("normalise", "-", stdin=several.encode()).lines) == 2


@pytest.mark.parametrize(
    ("root", "member", "crosswalk"),
    [
        ('collection xmlns="http://www.loc.gov/MARC21/slim"', MARC, "marcxml"),
        ("collection", MARC, "marcxml"),
        ('collection xmlns="info:lc/xmlns/marcxchange-v1"', MARC, "marcxml"),
        ('modsCollection xmlns="http://www.loc.gov/mods/v3"', MODS, "mods"),
    ],
)
def test_a_collection_gives_a_line_for_each_of_its_records(
    root: str, member: str, crosswalk: str, bare: Inside
) -> None:
    for count in (1, 2, 300):
        inner = "".join(f"<!-- {at} -->\n{member.format(f'Work {at}')}" for at in range(count))
        done = bare("normalise", "-", stdin=f"<{root}>{inner}</{root.partition(' ')[0]}>".encode())
        assert (done.code, done.err) == (0, "")
        for line in done.lines:
            check(line, NORMALISED)
            assert (line["crosswalk"], line["problems"], line["unread"]) == (crosswalk, [], {})
        assert [line["entry"]["title"] for line in done.lines] == [f"Work {at}" for at in range(count)]


def test_a_response_without_a_prefix_has_format_null(bare: Inside) -> None:
    body = response(RECORD.format("", "", 1, "2020-01-01", metadata("x")), prefix=' resumptionToken="abc"')
    assert bare("normalise", "-", stdin=body).lines[0]["format"] is None
    single = response(RECORD.format("", "", 1, "2020-01-01", metadata("x")), verb="GetRecord")
    assert bare("normalise", "-", stdin=single).lines[0]["format"] == "oai_dc"


def test_one_broken_file_does_not_hold_back_the_others(bare: Inside, tmp_path: Path) -> None:
    files = {
        "good.xml": WHOLE,
        "cut.xml": WHOLE[: len(WHOLE) // 2],
        "page.html": b"<html><body>Down for maintenance</body>",
        "empty.xml": b"",
        "bomb.xml": b'<!DOCTYPE x [<!ENTITY a "aaaa">]><OAI-PMH>&a;</OAI-PMH>',
        "error.xml": f'<OAI-PMH{OAI}><error code="badArgument">no</error></OAI-PMH>'.encode(),
        "bare.xml": DC.format("Last").encode(),
    }
    for name, body in files.items():
        (tmp_path / name).write_bytes(body)
    names = [str(tmp_path / name) for name in files]
    done = bare("normalise", *names[:3], str(tmp_path / "missing.xml"), str(tmp_path), *names[3:])
    assert done.code == 1
    assert len(done.lines) == 4
    assert done.lines[-1]["entry"]["title"] == "Last"
    told = done.err.splitlines()
    broken = ["cut.xml", "page.html", "missing.xml", tmp_path.name, "empty.xml", "bomb.xml", "error.xml"]
    assert len(told) == len(broken)
    for sentence, name in zip(told, broken, strict=True):
        assert sentence.startswith(f"harvester: {tmp_path.parent}")
        assert name in sentence


def test_a_record_that_cannot_be_taken_is_a_line_with_its_problem(bare: Inside) -> None:
    body = response(
        RECORD.format("", "", 1, "2020-01-01", "<metadata/>"),
        "<record><header><datestamp>2020-01-01</datestamp></header>" + metadata("x") + "</record>",
        RECORD.format("", "", 3, "2020-01-01", metadata("Fine")),
    )
    done = bare("normalise", "-", stdin=body)
    assert done.code == 0
    assert len(done.lines) == 3
    for line in done.lines:
        check(line, NORMALISED)
    problems = {line["identifier"]: [each["code"] for each in line["problems"]] for line in done.lines}
    assert problems["oai:example.org:1"] == ["empty_metadata"]
    assert problems[None] == ["no_identifier"]
    assert problems["oai:example.org:3"] == []


def test_a_record_that_is_not_well_formed_is_a_line_with_its_problem_and_costs_the_file_no_other(
    bare: Inside,
) -> None:
    wrong = RECORD.format("", "", 2, "2020-01-01", metadata("Two</b>"))
    ends = (
        RECORD.format("", "", 1, "2020-01-01", metadata("One")),
        RECORD.format("", "", 3, "2020-01-01", metadata("3")),
    )
    done = bare("normalise", "-", stdin=response(ends[0], wrong, ends[1]))
    assert (done.code, done.err) == (0, "")
    for line in done.lines:
        check(line, NORMALISED)
    assert [line["identifier"] for line in done.lines] == [f"oai:example.org:{at}" for at in (1, 3, 2)]
    assert [line["entry"] is None for line in done.lines] == [False, False, True]
    (problem,) = done.lines[2]["problems"]
    assert problem == {"field": "record", "code": "malformed_record", "raw": "oai:example.org:2"}


def test_repaired_bytes_are_told(bare: Inside) -> None:
    done = bare("normalise", "-", stdin=WHOLE.replace(b"Three", b"Th\x01ree &nbsp;"))
    assert done.code == 0
    assert "bytes repaired" in done.err
    assert "{" not in done.err
    assert "\x01" not in done.lines[2]["entry"]["title"]


def test_a_missing_datestamp_is_null_not_the_time_of_day(bare: Inside) -> None:
    body = WHOLE.replace(b"<datestamp>2020-02-03</datestamp>", b"")
    assert bare("normalise", "-", stdin=body).lines[1]["datestamp"] is None


def test_no_crash_and_no_invented_database(bare: Inside) -> None:
    for body in (
        b"\x00" * 100,
        b"\xff\xfe" + "<a/>".encode("utf-16-le"),
        b"<" * 5000,
        b"<a>" * 5000,
        b"<a/>",
    ):
        assert bare("normalise", "-", stdin=body).code in (0, 1)
