"""marcxml: what its golden pairs do not show. Hostile sizes, other roots, fixed fields, punctuation, coordinates."""

from pathlib import Path

import pytest
from lxml import etree
from test_crosswalk_audit import silent
from test_crosswalk_golden import OAI
from timing import timed

from harvester.crosswalk import normalise
from harvester.crosswalk.formats import marc_places
from harvester.crosswalk.formats.marc_punctuation import heading, trimmed, unsorted
from harvester.entry import Entry, Problem

SLIM = "http://www.loc.gov/MARC21/slim"
LEADER = "00500nam a2200100 a 4500"
GOLDEN = sorted((Path(__file__).parent / "marcxml").glob("*.xml"))


def record(
    *fields: tuple[str, str, str], leader: str = LEADER, fixed: str = "", namespace: str = SLIM
) -> etree._Element:
    """A record with these (tag, indicators, "$a text $b text") fields."""
    mark = f"{{{namespace}}}" if namespace else ""
    root = etree.Element(f"{mark}record", nsmap={None: namespace} if namespace else None)
    etree.SubElement(root, f"{mark}leader").text = leader
    if fixed:
        etree.SubElement(root, f"{mark}controlfield", tag="008").text = fixed
    for tag, indicators, text in fields:
        field = etree.SubElement(root, f"{mark}datafield", tag=tag, ind1=indicators[0], ind2=indicators[1])
        for part in text.split("$")[1:]:
            etree.SubElement(field, f"{mark}subfield", code=part[0]).text = part[1:].strip()
    return root


def entry(*fields: tuple[str, str, str], leader: str = LEADER, fixed: str = "") -> Entry:
    return normalise(record(*fields, leader=leader, fixed=fixed)).entry


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_every_element_of_our_own_records_is_read_or_counted(path: Path) -> None:
    root = etree.parse(path).getroot()
    metadata = root.find(OAI + "metadata")
    assert silent(root if metadata is None else metadata[0]) == []


@pytest.mark.parametrize(
    "namespace",
    [
        SLIM,
        "info:lc/xmlns/marcxchange-v1",
        "info:lc/xmlns/marcxchange-v2",
        "",
        "urn:a-namespace-of-their-own",
    ],
)
def test_a_record_is_known_in_whatever_namespace(namespace: str) -> None:
    reading = normalise(record(("245", "00", "$a Title"), namespace=namespace))
    assert (reading.crosswalk, reading.entry.title) == ("marcxml", "Title")


def test_of_several_works_in_one_record_the_first_is_read_and_the_others_are_told() -> None:
    collection = etree.Element(f"{{{SLIM}}}collection")
    collection.extend(record(("245", "00", f"$a {name}")) for name in ("One", "Two", "Three"))
    reading = normalise(collection)
    assert (reading.crosswalk, reading.entry.title) == ("marcxml", "One")
    assert reading.entry.problems == (Problem("entry", "further_records", "2"),)
    assert reading.unread == {f"{{{SLIM}}}leader": 2, f"{{{SLIM}}}subfield": 2}


def test_holdings_sent_along_are_no_further_records() -> None:
    collection = etree.Element(f"{{{SLIM}}}collection")
    holdings = record(("852", "  ", "$b Stacks"), leader="00500nx  a2200100 a 4500")
    collection.extend([holdings, record(("245", "00", "$a One"))])
    reading = normalise(collection)
    assert (reading.entry.title, reading.entry.problems) == ("One", ())


def test_the_record_element_of_oai_is_not_taken_for_marc() -> None:
    protocol = etree.fromstring(
        f"<record xmlns='{OAI[1:-1]}'><header><identifier>a</identifier></header></record>"
    )
    assert normalise(protocol).crosswalk != "marcxml"


@pytest.mark.measures_time
def test_a_hundred_thousand_authors_keep_their_order() -> None:
    found, seconds = timed(
        record(
            ("100", "1 ", "$a First, Anna"), *(("700", "1 ", f"$a Author, N{at}") for at in range(100_000))
        )
    )
    assert seconds < 5
    assert [found.entry.creators[at].given for at in (0, 1, 50_000, 100_000)] == [
        "Anna",
        "N0",
        "N49999",
        "N99999",
    ]


@pytest.mark.measures_time
@pytest.mark.parametrize(
    "tag",
    [
        "020",
        "022",
        "024",
        "245",
        "246",
        "264",
        "300",
        "490",
        "502",
        "505",
        "520",
        "650",
        "700",
        "773",
        "856",
        "880",
    ],
)
def test_one_field_of_a_hundred_thousand_subfields_costs_no_more_than_its_length(tag: str) -> None:
    found, seconds = timed(
        record((tag, "10", "".join(f"${'abcdgnpqtuvxz056'[at % 16]} word {at}" for at in range(100_000))))
    )
    assert seconds < 5
    assert found != timed(record())[0]  # the time is that of reading it, not of passing it over


@pytest.mark.measures_time
@pytest.mark.parametrize(
    "tag", ["034", "100", "255", "260", "440", "490", "506", "542", "650", "651", "730", "773", "780", "856"]
)
def test_twenty_thousand_fields_of_one_kind_cost_no_more_than_their_number(tag: str) -> None:
    text = "$a (c[<1999, c1998 $b s $c [1999] $d W1000000 $e E1000000 $f N10 $g S10 $t x $u http://example.org/1 $x 1234-5679"
    found, seconds = timed(record(*((tag, "42", f"{text} $v {at}") for at in range(20_000))))
    assert seconds < 5
    assert found != timed(record())[0]


def test_nobody_gets_the_orcid_or_the_affiliation_of_a_neighbour() -> None:
    found = entry(
        ("700", "1 ", "$a One, A. $0 (orcid)0000-0002-1825-0097 $u Bath"), ("700", "1 ", "$a Two, B."),
        ("700", "1 ", "$a Three, C. $u Oslo"),
    )  # fmt: skip
    assert [(each.orcid, [place.name for place in each.affiliations]) for each in found.creators] == [
        ("0000-0002-1825-0097", ["Bath"]), (None, []), (None, ["Oslo"]),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("dates", "expected"),
    [
        ("s1999    ", [("Issued", "1999")]),
        ("s19uu    ", [("Issued", "19XX")]),
        ("s197u    ", [("Issued", "197X")]),
        ("e19990415", [("Issued", "1999-04-15")]),
        ("e199904  ", [("Issued", "1999-04")]),
        ("t19991998", [("Issued", "1999"), ("Copyrighted", "1998")]),
        ("r19991850", [("Issued", "1999"), ("Other", "1850")]),
        ("p19991971", [("Issued", "1999"), ("Created", "1971")]),
        ("c19649999", [("Issued", "1964/..")]),
        ("d19641970", [("Issued", "1964/1970")]),
        ("u1964uuuu", [("Issued", "1964/..")]),
        ("m19981999", [("Issued", "1998/1999")]),
        ("m19989999", [("Issued", "1998/..")]),
        ("m1998    ", [("Issued", "1998")]),
        ("q19901999", [("Issued", "1990/1999")]),
        ("i18501900", [("Created", "1850/1900")]),
        ("b        ", []),
        ("nuuuuuuuu", []),
        ("|||||||||", []),
        ("s9999    ", []),
        ("s0000    ", []),
        ("s1999####", [("Issued", "1999")]),
    ],
)  # fmt: skip
def test_the_dates_of_008_mean_what_their_type_says(dates: str, expected: list[tuple[str, str]]) -> None:
    fixed = f"990101{dates}xx            000 0 eng d"
    assert len(fixed) == 40
    assert [(date.type, date.value) for date in entry(("245", "00", "$a T"), fixed=fixed).dates] == expected


def test_the_date_on_the_item_counts_more_than_008() -> None:
    fixed = "990101s1999    xx            000 0 eng d"
    assert entry(("260", "  ", "$c 1998."), fixed=fixed).issued == "1998"
    assert entry(("260", "  ", "$c [when frogs sing]"), fixed=fixed).issued == "1999"


@pytest.mark.parametrize(
    ("leader", "fixed", "general"),
    [
        ("00500nam a2200100 a 4500", "", "Book"), ("00500nab a2200100 a 4500", "", "JournalArticle"),
        ("00500naa a2200100 a 4500", "", "BookChapter"), ("00500cas a2200100 a 4500", "", "Journal"),
        ("00500cem a2200100 a 4500", "", "Image"), ("00500cjm a2200100 a 4500", "", "Sound"),
        ("00500cgm a2200100 a 4500", "", "Audiovisual"), ("00500crm a2200100 a 4500", "", "PhysicalObject"),
        ("00500cmm a2200100 a 4500", "a", "Dataset"), ("00500cmm a2200100 a 4500", "b", "Software"),
        ("00500cmm a2200100 a 4500", " ", None), ("00000coc  2200000uu 4500", "", None),
        ("00925njm 22002777a 4500", "", None), ("", "", None), ("short", "", None),
    ],
)  # fmt: skip
def test_the_leader_says_the_type_unless_a_template_wrote_it(
    leader: str, fixed: str, general: str | None
) -> None:
    padded = f"990101n        xx ||||||||{fixed}".ljust(35)[:35] + "eng d" if fixed else ""
    assert entry(("245", "00", "$a T"), leader=leader, fixed=padded).type == general


def test_words_for_the_type_win_over_the_leader() -> None:
    assert entry(("655", " 7", "$a Conference paper")).type == "ConferencePaper"
    assert entry(("502", "  ", "$b M.A.")).type == "Dissertation"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Title /", "Title"), ("Title :", "Title"), ("Bailey, J. Powell.", "Bailey, J. Powell"),
        ("Thackray, Richard I.", "Thackray, Richard I."), ("Washington, D.C. :", "Washington, D.C."),
        ("Pond Society, Inc.", "Pond Society, Inc."), ("Lakes, ponds, etc.", "Lakes, ponds, etc."),
        ("Wait...", "Wait..."), ("gong si.", "gong si"), ("v. 7.", "v. 7"), ("26 cm.", "26 cm."), (".", "."), ("", ""),
        ("/ : ;", ""),
    ],
)  # fmt: skip
def test_isbd_signs_go_and_abbreviations_stay(text: str, expected: str) -> None:
    assert trimmed(text) == expected


def test_articles_that_do_not_sort_stand_in_the_title_without_their_marks() -> None:
    assert unsorted("<<Der>> Teich") == "Der Teich"
    assert unsorted("¬Der¬ Teich") == "Der Teich"
    assert unsorted("<<Gänse>>") == "Gänse "
    assert entry(("245", "00", "$a \x98Der\x9c Teich")).problems == ()
    assert heading(["Ellis, Job,", "1829-1905."]) == "Ellis, Job, 1829-1905"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("W1484000", -148.666667), ("E0102030", 10.341667), ("N702000", 70.333333), ("S033.25", -33.25), ("-10.5", -10.5),
        ("+10.5", 10.5), ("E01030", 10.5), ("E01030.30", 10.505), ("E0103030.5", 10.508472), ("X1", None), ("", None),
        ("W148-40", None),
    ],
)  # fmt: skip
def test_coded_coordinates_become_decimal_degrees(text: str, expected: float | None) -> None:
    assert marc_places.degrees(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(W 148°40´--W 148°20´/N 70°20´--N 70°10´).", (-148.666667, -148.333333, 70.333333, 70.166667)),
        ("E 10°30'15\"/N 50°", (10.504167, 10.504167, 50.0, 50.0)),
        ("(E 10.5--E 11.25/S 5--S 6)", (10.5, 11.25, -5.0, -6.0)),
        ("N 50°/N 60°", None),
        ("Scale 1:50,000", None),
        ("E 10", None),
    ],
)  # fmt: skip
def test_written_coordinates_become_decimal_degrees(text: str, expected: tuple[float, ...] | None) -> None:
    assert marc_places.written(text) == expected


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("$g Vol. 24, pt. B no. 9 (Sept. 1993), p. 235-48", ("24", "9", "235", "48")),
        ("$g volume:29 $g number:2 $g year:2012 $g pages:5-12", ("29", "2", "5", "12")),
        ("$g Bd. 7, H. 3 (2001), S. 12-20", ("7", "3", "12", "20")),
        ("$g roč. 5, č. 1, s. 3-9", ("5", "1", "3", "9")),
        ("$g 24:9<235-248", (None, None, None, None)),
        ("$q 24:9<235", ("24", "9", "235", None)),
        ("$q odd", (None, None, None, None)),
        ("$p J. Ponds $v 489 $n 1-2 $c 93-101", ("489", "1-2", "93", "101")),
    ],
)  # fmt: skip
def test_the_place_of_an_article_in_its_journal(said: str, expected: tuple[str | None, ...]) -> None:
    found = entry(("773", "0 ", f"$t Ponds {said}")).container
    assert found is not None
    assert (found.volume, found.issue, found.first_page, found.last_page) == expected
