"""MPEG-21 items: which part is the description, which are files, and what is said only of the document."""

import time

import pytest
from lxml import etree

from harvester.crosswalk import Reading, normalise

NAMESPACE = "urn:mpeg:mpeg21:2002:02-DIDL-NS"
DC = '<dc xmlns="http://www.openarchives.org/OAI/2.0/oai_dc/" xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>{}</dc:title></dc>'
MODS = '<mods xmlns="http://www.loc.gov/mods/v3"><titleInfo><title>{}</title></titleInfo></mods>'


def didl(*items: str) -> Reading:
    return normalise(etree.fromstring(f'<d:DIDL xmlns:d="{NAMESPACE}">{"".join(items)}</d:DIDL>'))


def item(*statements: str, inner: str = "") -> str:
    said = "".join(f"<d:Descriptor><d:Statement>{each}</d:Statement></d:Descriptor>" for each in statements)
    return f"<d:Item>{said}{inner}</d:Item>"


@pytest.mark.parametrize("order", [(DC, MODS), (MODS, DC)])
def test_mods_is_preferred_to_dublin_core_whatever_comes_first(order: tuple[str, str]) -> None:
    first, second = order
    reading = didl(item(first.format("A"), second.format("B")))
    assert reading.entry.title == ("A" if first is MODS else "B")
    assert len(reading.entry.titles) == 1
    assert sum(reading.unread.values()) == 1


def test_of_two_descriptions_of_a_kind_the_first_is_read() -> None:
    assert didl(item(DC.format("A"), DC.format("B"))).entry.title == "A"


def test_the_moment_of_the_response_is_no_date_of_the_item() -> None:
    info = (
        '<d:DIDLInfo><created xmlns="http://purl.org/dc/terms/">2015-05-20T20:30:26Z</created></d:DIDLInfo>'
    )
    reading = didl(info, item(DC.format("A")))
    assert (reading.entry.dates, reading.entry.year, dict(reading.unread)) == ((), None, {})


def test_the_records_own_address_is_no_file() -> None:
    own = '<d:Component><d:Resource ref="http://a.org/oai?verb=GetRecord&amp;identifier=x" mimeType="application/xml"/></d:Component>'
    assert didl(item(DC.format("A"), inner=own)).entry.files == ()


@pytest.mark.parametrize(
    "namespace", ["urn:mpeg:mpeg21:2002:01-DIDL-NS", "http://www.openarchives.org/OAI/2.0/", ""]
)
def test_the_root_is_known_in_other_namespaces(namespace: str) -> None:
    reading = normalise(
        etree.fromstring(
            f'<DIDL xmlns="{namespace}"><Item><Descriptor><Statement>{DC.format("A")}</Statement></Descriptor></Item></DIDL>'
        )
    )
    assert (reading.crosswalk, reading.entry.title) == ("didl", "A")


def test_a_didl_without_an_item_is_left_to_the_best_effort_reader() -> None:
    assert normalise(etree.fromstring("<DIDL><x/></DIDL>")).crosswalk == "unknown"


@pytest.mark.measures_time
def test_a_hundred_thousand_files_are_all_kept() -> None:
    files = "".join(
        f'<d:Component><d:Resource ref="http://a.org/{at}.pdf"/></d:Component>' for at in range(100_000)
    )
    root = etree.fromstring(f'<d:DIDL xmlns:d="{NAMESPACE}">{item(DC.format("A"), inner=files)}</d:DIDL>')
    begun = time.perf_counter()
    entry = normalise(root).entry
    assert time.perf_counter() - begun < 8
    assert [file.name for file in entry.files] == [f"{at}.pdf" for at in range(100_000)]


def test_items_within_items_to_any_depth_are_no_danger() -> None:
    depth = 200
    inner = "<d:Item>" * depth + "</d:Item>" * depth
    assert didl(item(DC.format("A"), inner=inner)).entry.title == "A"
