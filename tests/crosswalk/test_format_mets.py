"""METS: the right description stands for the item, and files are listed within bounds and counted beyond."""

import time

import pytest
from lxml import etree

from harvester.crosswalk import Reading, normalise
from harvester.crosswalk.formats.mets_files import MOST_FILES
from harvester.crosswalk.formats.mets_structure import MOST_PARTS

METS, MODS, XLINK = "http://www.loc.gov/METS/", "http://www.loc.gov/mods/v3", "http://www.w3.org/1999/xlink"


def document(inner: str) -> etree._Element:
    return etree.fromstring(f'<mets xmlns="{METS}" xmlns:xlink="{XLINK}" xmlns:mods="{MODS}">{inner}</mets>')


def read(inner: str) -> Reading:
    return normalise(document(inner))


def described(name: str, inner: str = "") -> str:
    """A dmdSec of that ID with a MODS title of the same name."""
    title = f"<mods:titleInfo><mods:title>{name}</mods:title></mods:titleInfo>"
    return f'<dmdSec ID="{name}"><mdWrap><xmlData><mods:mods>{title}{inner}</mods:mods></xmlData></mdWrap></dmdSec>'


def group(use: str, count: int) -> str:
    files = "".join(
        f'<file ID="{use}{at}"><FLocat xlink:href="https://example.org/{use}/{at}.x"/></file>'
        for at in range(count)
    )
    return f'<fileGrp USE="{use}">{files}</fileGrp>'


@pytest.mark.parametrize(
    ("structure", "title"),
    [
        ('<structMap TYPE="LOGICAL"><div DMDID="b"><div DMDID="a"/></div></structMap>', "b"),
        ('<structMap TYPE="LOGICAL"><div><div DMDID="c"/></div></structMap>', "c"),
        (
            '<structMap TYPE="PHYSICAL"><div DMDID="a"/></structMap><structMap TYPE="logical"><div DMDID="b"/></structMap>',
            "b",
        ),
        ('<structMap><div DMDID="nowhere c"/></structMap>', "c"),
        ('<structMap><div DMDID="nowhere"/></structMap>', "a"),
        ('<structMap><div LABEL="x"/></structMap>', "a"),
        ("", "a"),
    ],
)
def test_the_description_that_the_logical_structure_names_is_read(structure: str, title: str) -> None:
    sections = (
        described("a", "<mods:name><mods:namePart>A, A</mods:namePart></mods:name>")
        + described("b")
        + described("c")
    )
    reading = read(sections + structure)
    assert reading.entry.title == title
    assert [each.name for each in reading.entry.creators] == (["A, A"] if title == "a" else [])
    assert reading.unread[f"{{{METS}}}dmdSec"] == (2 if title == "a" else 3)


def test_labels_of_the_software_are_no_titles() -> None:
    tree = document(
        '<dmdSec ID="a"><mdWrap><xmlData><mods:mods><mods:note>n</mods:note></mods:mods></xmlData></mdWrap></dmdSec>'
    )
    tree.set("LABEL", "DSpace Item")
    assert normalise(tree).entry.title is None


def test_mets_within_mets_comes_to_an_end() -> None:
    inner = f'<mets xmlns="{METS}">' + described("a").replace("mods:", "") + "</mets>"
    reading = read(f'<dmdSec ID="x"><mdWrap><xmlData>{inner}</xmlData></mdWrap></dmdSec>')
    assert [problem.code for problem in reading.entry.problems] == ["unknown_format"]
    assert reading.entry.title is None


def test_the_pdf_is_the_file_and_pages_are_only_counted() -> None:
    section = f"<fileSec>{group('MAX', 400)}{group('DOWNLOAD', 1)}{group('THUMBS', 400)}</fileSec>"
    entry = read(described("a") + section).entry
    assert [file.url for file in entry.files] == ["https://example.org/DOWNLOAD/0.x"]
    assert entry.problems[0].raw == "THUMBS: 400, MAX: 400"


def test_without_a_pdf_the_best_images_are_the_files() -> None:
    section = f"<fileSec>{group('DEFAULT', 3)}{group('MAX', 3)}{group('MIN', 3)}</fileSec>"
    entry = read(described("a") + section).entry
    assert [file.url for file in entry.files] == [f"https://example.org/MAX/{at}.x" for at in range(3)]
    assert entry.problems[0].raw == "MIN: 3, DEFAULT: 3"


def test_files_are_listed_up_to_a_bound_and_counted_beyond() -> None:
    entry = read(described("a") + f"<fileSec>{group('ORIGINAL', MOST_FILES + 7)}</fileSec>").entry
    assert len(entry.files) == MOST_FILES
    assert entry.problems[0].raw == "ORIGINAL: 7"


def test_the_same_url_is_one_file() -> None:
    section = f"<fileSec>{group('ORIGINAL', 2)}{group('ORIGINAL', 2)}</fileSec>"
    assert len(read(described("a") + section).entry.files) == 2


def test_volumes_are_listed_up_to_a_bound_and_counted_beyond() -> None:
    volumes = "".join(
        f'<div><mptr xlink:href="https://example.org/{at}"/></div>' for at in range(MOST_PARTS + 2)
    )
    entry = read(
        described("a") + f'<structMap TYPE="LOGICAL"><div DMDID="a">{volumes}</div></structMap>'
    ).entry
    assert len(entry.relations) == MOST_PARTS
    assert entry.problems[0].code == "further_parts"


@pytest.mark.measures_time
@pytest.mark.parametrize(
    "piece",
    [
        group("ORIGINAL", 1), group("MAX", 1), group("THUMBS", 1), described("b"),
        "<amdSec><techMD><mdWrap><xmlData><a>b</a></xmlData></mdWrap></techMD></amdSec>",
        '<structMap TYPE="LOGICAL"><div><div DMDID="a"/></div></structMap>',
    ],
)  # fmt: skip
def test_large_documents_take_linear_time(piece: str) -> None:
    inside = piece.startswith("<fileGrp")
    read(described("a") + piece)
    took = []
    for size in (2_000, 20_000):
        many = f"<fileSec>{piece * size}</fileSec>" if inside else piece * size
        tree = document(described("a") + many)
        begun = time.perf_counter()
        assert normalise(tree).entry.title == "a"
        took.append(time.perf_counter() - begun)
    assert took[1] < 40 * took[0] + 0.2, took


def test_groups_within_each_other_are_no_danger() -> None:
    deep = '<fileGrp USE="ORIGINAL">' + "<fileGrp>" * 200 + group("", 1) + "</fileGrp>" * 201
    assert len(read(described("a") + f"<fileSec>{deep}</fileSec>").entry.files) == 1
    divisions = (
        "<div>" * 200 + '<div DMDID="a"><mptr xlink:href="https://example.org/"/></div>' + "</div>" * 200
    )
    assert read(described("a") + f'<structMap TYPE="LOGICAL">{divisions}</structMap>').entry.title == "a"


def test_a_root_called_mets_without_a_description_is_unknown() -> None:
    tree = etree.Element("mets")
    etree.SubElement(tree, "player").text = "Seaver"
    assert normalise(tree).crosswalk == "unknown"
