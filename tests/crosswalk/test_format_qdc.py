"""What would hurt users of qualified Dublin Core: a root that is not known, a list torn apart, a scheme misread."""

import pytest
from lxml import etree
from timing import grows

from harvester.crosswalk import Reading, normalise
from harvester.crosswalk.registry import crosswalk_for

DC = "http://purl.org/dc/elements/1.1/"
DCT = "http://purl.org/dc/terms/"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
CONTENTDM = "{http://worldcat.org/xmlschemas/qdc-1.0/}qualifieddc"
DSPACE = "{http://dspace.org/qualifieddc/}qualifieddc"
ROOTS = [
    DSPACE,
    CONTENTDM,
    "{http://epubs.cclrc.ac.uk/xmlns/qdc/}qualifieddc",
    "{http://www.bl.uk/namespaces/oai_dcq/}qualifieddc",
    "{http://oclc.org/appqualifieddc/}qualifieddc",
    "{http://oclc.org/appqualifieddc/}qdc",
    "{http://www.openarchives.org/OAI/2.0/oai_dcterms/}dcterms",
    "{http://dublincore.org/documents/dcmi-terms/}metadata",
    "{http://dublincore.org/documents/dcmi-terms/}dcterms",
    "{http://purl.org/dc/terms/}record",
    "{http://purl.org/dc/terms/}dcterms",
    "{http://www.openarchives.org/OAI/2.0/}qualifieddc",
    "{http://elsewhere.example.org/}qdc",
    "qualifieddc",
]


def document(
    *elements: tuple[str, str], root: str = DSPACE, namespace: str = DCT, **attributes: str
) -> etree._Element:
    tree = etree.Element(root)
    for name, said in elements:
        etree.SubElement(tree, f"{{{namespace}}}{name}", attributes).text = said
    return tree


def typed(name: str, said: str, scheme: str) -> Reading:
    tree = document()
    etree.SubElement(tree, f"{{{DC}}}{name}", {f"{{{XSI}}}type": scheme}).text = said
    return normalise(tree)


@pytest.mark.parametrize("root", ROOTS)
@pytest.mark.parametrize("namespace", [DC, DCT, "http://dublincore.org/documents/dcmi-terms/"])
def test_every_root_in_use_is_known_in_every_namespace_of_the_elements(root: str, namespace: str) -> None:
    reading = normalise(document(("title", "On reeds"), ("issued", "2012"), root=root, namespace=namespace))
    assert (reading.crosswalk, reading.entry.title, reading.entry.year) == ("qdc", "On reeds", 2012)
    assert reading.unread == {}


def test_elements_in_the_namespace_of_the_root_or_in_none_are_read() -> None:
    bare = "<qualifieddc{}><title>T</title><abstract>A</abstract></qualifieddc>"
    for declared in ("", ' xmlns="http://dspace.org/qualifieddc/"'):
        entry = normalise(etree.fromstring(bare.format(declared))).entry
        assert (entry.title, entry.abstract) == ("T", "A")


@pytest.mark.parametrize(
    "root", ["{http://www.lyncode.com/xoai}metadata", "metadata", "record", "{urn:x}Record"]
)
def test_a_common_name_alone_makes_no_root_ours(root: str) -> None:
    tree = etree.Element(root)
    etree.SubElement(tree, "element", name="dc")
    assert crosswalk_for(tree).name != "qdc"


def test_a_root_of_ours_without_dublin_core_is_not_claimed_by_its_local_name() -> None:
    tree = etree.Element("{urn:x}qdc")
    etree.SubElement(tree, "{urn:x}colour").text = "red"
    assert crosswalk_for(tree).name == "unknown"


def test_only_contentdm_lists_values_by_semicolons() -> None:
    creators = ("creator", "Berg, Anna; Holm, Carl")
    assert [one.name for one in normalise(document(creators, root=CONTENTDM)).entry.creators] == [
        "Berg, Anna",
        "Holm, Carl",
    ]
    assert [one.name for one in normalise(document(creators)).entry.creators] == ["Berg, Anna; Holm, Carl"]


def test_creators_keep_their_order_between_the_namespaces() -> None:
    tree = etree.Element(DSPACE)
    for at, family in enumerate("FABDEC"):
        etree.SubElement(tree, f"{{{(DC, DCT)[at % 2]}}}creator").text = f"{family}, Given"
    assert [one.family for one in normalise(tree).entry.creators] == list("FABDEC")


def test_a_title_that_a_journal_bears_too_does_not_swallow_the_journal() -> None:
    """A citation is the item's own only where it repeats a title of some length."""
    entry = normalise(
        document(("title", "Editorial"), ("bibliographicCitation", "Editorial Studies; Vol. 3 (2010)"))
    ).entry
    assert entry.container is not None
    assert (entry.container.title, entry.container.volume) == ("Editorial Studies", "3")


def test_the_citation_of_the_item_itself_is_no_journal() -> None:
    citation = "Okafor, N. (2012) On reeds and rushes. Annals 3."
    entry = normalise(document(("title", "On reeds and rushes"), ("bibliographicCitation", citation))).entry
    assert entry.container is None
    assert [(one.value, one.scheme) for one in entry.identifiers] == [(citation, "other")]


@pytest.mark.parametrize(
    ("said", "scheme", "code"),
    [
        ("510", "dcterms:DDC", "510"), ("510 Mathematics", "dct:ddc", "510"), ("5100", "dcterms:DDC", None),
        ("QA76.9.D3", "dcterms:LCC", "QA76.9.D3"), ("Mathematics", "dcterms:LCC", None),
        ("51", "dcterms:UDC", "51"), ("D000328", "dcterms:MESH", None), ("Rivers", "local", None),
    ],
)  # fmt: skip
def test_a_notation_is_a_code_only_in_the_form_of_its_scheme(
    said: str, scheme: str, code: str | None
) -> None:
    subject = typed("subject", said, scheme).entry.subjects[0]
    assert (subject.text, subject.code) == (said, code)
    assert subject.scheme == {"ddc": "DDC", "MESH": "MeSH"}.get(
        scheme.rpartition(":")[2], scheme.rpartition(":")[2]
    )


def test_what_is_no_doi_does_not_become_one_by_its_type() -> None:
    entry = typed("identifier", "in preparation", "dcterms:DOI").entry
    assert (entry.doi, entry.identifiers[0].scheme) == (None, "other")


def test_dates_that_agree_by_the_day_are_kept_apart() -> None:
    """DSpace's copies agree by the second; a thesis may well be accepted and made available on one day."""
    names = ("dateAccepted", "available", "created")
    by_day = normalise(document(*((name, "2012-05-01") for name in names))).entry
    by_second = normalise(document(*((name, "2012-05-01T10:00:00Z") for name in names))).entry
    assert [date.type for date in by_day.dates] == ["Accepted", "Available", "Created"]
    assert [date.type for date in by_second.dates] == ["Available"]


def test_a_file_named_as_part_and_as_identifier_is_one_file() -> None:
    url = "https://ndownloader.figshare.com/files/1"
    entry = normalise(document(("hasPart", url), ("identifier", url))).entry
    assert [file.url for file in entry.files] == [url]


@pytest.mark.measures_time
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("creator", "Family{}, Given"), ("subject", "a; b; {}"), ("hasPart", "https://a.example.org/bitstream/{}/a.pdf"),
        ("created", "2001-02-03T04:05:06.{}Z"), ("isPartOf", "urn:issn:2049-3630"), ("bibliographicCitation", "x{}"),
        ("identifier", "10.5555/{}"), ("relation", "y{}"), ("description", "z{}"),
    ],
)  # fmt: skip
def test_many_elements_take_time_in_proportion(name: str, said: str) -> None:
    def build(count: int) -> etree._Element:
        return document(*((name, said.format(at)) for at in range(count)), root=CONTENTDM, scheme="DDC")

    assert grows(build) < 30


@pytest.mark.measures_time
def test_a_list_of_many_semicolons_takes_time_in_proportion() -> None:
    def build(count: int) -> etree._Element:
        return document(("creator", "a;" * count * 50), ("subject", "&;" * count * 50), root=CONTENTDM)

    assert grows(build) < 30
