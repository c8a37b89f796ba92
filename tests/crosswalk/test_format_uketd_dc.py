"""What would hurt users of theses: somebody else's ORCID, a degree for a dataset, a grant with the wrong funder."""

import itertools
from datetime import UTC, datetime

import pytest
from lxml import etree
from timing import grows

from harvester.crosswalk import Context, normalise
from harvester.entry import Entry, Funding, Thesis

DC = "http://purl.org/dc/elements/1.1/"
DCT = "http://purl.org/dc/terms/"
TERMS = "http://naca.central.cranfield.ac.uk/ethos-oai/terms/"
ROOT = "{http://naca.central.cranfield.ac.uk/ethos-oai/2.0/}uketddc"
OURS = {
    "advisor", "institution", "department", "sponsor", "grantnumber", "authoridentifier", "embargodate", "embargotype",
    "qualificationname", "qualificationlevel", "checksum",
}  # fmt: skip
JANE, JOHN = "0000-0002-1825-0097", "0000-0001-5109-3700"


def entry_of(*elements: tuple[str, str], context: Context | None = None, root: str = ROOT) -> Entry:
    tree = etree.Element(root)
    for name, said in elements:
        namespace = (
            TERMS if name in OURS else DCT if name in ("isReferencedBy", "accessRights", "issued") else DC
        )
        etree.SubElement(tree, f"{{{namespace}}}{name}").text = said
    reading = normalise(tree, context or Context())
    assert reading.crosswalk == "uketd_dc"
    return reading.entry


@pytest.mark.parametrize("creators", [["Doe, Jane", "Roe, John"], [], ["University of Somewhere"]])
def test_an_orcid_is_nobodys_where_more_than_one_or_nobody_may_bear_it(creators: list[str]) -> None:
    entry = entry_of(*(("creator", name) for name in creators), ("authoridentifier", JANE))
    assert all(one.orcid is None and not one.identifiers for one in entry.creators)
    assert [(one.code, one.raw) for one in entry.problems] == [("identifier_unassigned", JANE)]


def test_no_order_of_elements_gives_the_author_an_orcid_behind_the_advisors() -> None:
    """EPrints writes the advisors' ORCIDs in the same element as the author's."""
    elements = [("creator", "Doe, Jane"), ("advisor", "Roe, John"), ("authoridentifier", JOHN)]
    for order in itertools.permutations(elements):
        entry = entry_of(*order)
        behind = order.index(("advisor", "Roe, John")) < order.index(("authoridentifier", JOHN))
        assert entry.creators[0].orcid == (None if behind else JOHN)
        assert entry.contributors[0].orcid is None


def test_figshares_advisors_have_no_orcids_so_the_authors_stays() -> None:
    elements = [("creator", "Jane Doe (12345)"), ("advisor", "John Roe"), ("authoridentifier", JANE)]
    entry = entry_of(*elements, context=Context(("portal_15", "item_type_8")))
    assert (entry.creators[0].orcid, entry.contributors[0].orcid) == (JANE, None)


def test_an_orcid_that_contradicts_the_creators_own_is_not_attached() -> None:
    entry = entry_of(("creator", f"Doe, Jane {JANE}"), ("authoridentifier", JOHN))
    assert entry.creators[0].orcid == JANE
    assert "orcid_differs" in [one.code for one in entry.problems]


@pytest.mark.parametrize("said", ["000000021825009", "0000-0002-1825-0098", "Jane"])
def test_a_broken_orcid_is_none(said: str) -> None:
    assert entry_of(("creator", "Doe, Jane"), ("authoridentifier", said)).creators[0].orcid is None


def test_an_isni_without_hyphens_is_not_taken_for_an_orcid() -> None:
    creator = entry_of(("creator", "Doe, Jane"), ("authoridentifier", "0000000121032683")).creators[0]
    assert (creator.orcid, creator.identifiers[0].scheme) == (None, "isni")


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("Sa S b G1 G2", [("a", "1"), ("b", "2")]),
        ("Sa G1 Sb G2", [("a", "1"), ("b", "2")]),
        ("G1 Sa G2 Sb", [("a", "1"), ("b", "2")]),
        ("Sa G1 G2", [("a", "1"), ("a", "2")]),
        ("Sa Sb G1", [("a", None), ("b", None), (None, "1")]),
        ("Sa G1 Sb", [("a", "1"), ("b", None)]),
        ("Sa Sb", [("a", None), ("b", None)]),
        ("G1 G2", [(None, "1"), (None, "2")]),
        ("Sa G0 Sb G2", [("a", None), ("b", "2")]),
        ("S0 G0", []),
    ],
)
def test_grants_go_to_their_sponsors_or_to_nobody(order: str, expected: list[tuple[str, str]]) -> None:
    steps = order.replace("S b", "Sb").split()
    entry = entry_of(*(("sponsor" if step[0] == "S" else "grantnumber", step[1:]) for step in steps))
    assert entry.funding == tuple(Funding(funder, None, award) for funder, award in expected)


@pytest.mark.parametrize("nothing", ["0", "na", "N/A", "none", "Null", ""])
def test_words_for_nothing_are_no_grant(nothing: str) -> None:
    assert entry_of(("sponsor", nothing), ("grantnumber", nothing)).funding == ()
    assert entry_of(("sponsor", "Wellcome Trust"), ("grantnumber", nothing)).funding == (
        Funding("Wellcome Trust"),
    )


def test_a_number_in_the_sponsors_place_is_moved_only_where_the_numbers_place_is_empty() -> None:
    assert entry_of(("sponsor", "NE/X000001/1"), ("grantnumber", "0")).funding == (
        Funding(None, None, "NE/X000001/1"),
    )
    assert entry_of(("sponsor", "NE/X000001/1")).funding == (Funding("NE/X000001/1"),)
    assert entry_of(("sponsor", "H2020"), ("grantnumber", "0")).funding == (Funding("H2020"),)


@pytest.mark.parametrize("kind", ["Dataset", "Software", "Journal contribution", "Poster"])
def test_what_is_no_thesis_has_no_degree(kind: str) -> None:
    entry = entry_of(
        ("type", kind),
        ("type", kind),
        ("institution", "University of Ponds"),
        ("department", "School of Water"),
    )
    assert entry.thesis is None
    assert entry.publisher == "University of Ponds"
    assert [(one.name, one.role) for one in entry.contributors] == [("School of Water", "department")]


def test_a_dataset_by_its_set_has_no_degree_either() -> None:
    context = Context(("portal_15", "item_type_3"))
    entry = entry_of(("institution", "University of Ponds"), context=context)
    assert (entry.thesis, entry.type) == (None, "Dataset")


def test_nothing_said_of_a_degree_makes_no_thesis_block() -> None:
    assert entry_of(("title", "T"), ("type", "Thesis")).thesis is None
    assert entry_of(("title", "T"), ("type", "Thesis"), ("advisor", "N/A")).thesis is None


def test_the_institution_does_not_displace_the_publisher() -> None:
    entry = entry_of(("institution", "University of Ponds"), ("publisher", "Pond Press"), ("type", "Thesis"))
    assert (entry.publisher, entry.thesis) == ("Pond Press", Thesis(grantor="University of Ponds"))


@pytest.mark.parametrize(("received", "access"), [("2016-01-01", "embargoed"), ("2018-01-01", None)])
def test_an_embargo_holds_until_its_end(received: str, access: str | None) -> None:
    context = Context(received=datetime.fromisoformat(received).replace(tzinfo=UTC))
    entry = entry_of(("issued", "2015"), ("embargodate", "2017"), context=context)
    assert (entry.access, entry.year) == (access, 2015)


@pytest.mark.parametrize(("received", "access"), [("2016-01-01", "embargoed"), ("2018-01-01", "restricted")])
def test_files_closed_to_all_but_staff_stay_closed_after_the_embargo(received: str, access: str) -> None:
    context = Context(received=datetime.fromisoformat(received).replace(tzinfo=UTC))
    entry = entry_of(("accessRights", "staffonly"), ("embargodate", "2017-05-01"), context=context)
    assert entry.access == access


def test_a_checksum_belongs_to_the_file_before_it_or_to_the_only_one() -> None:
    one, two = ("identifier", "https://a.example.org/1.pdf"), ("identifier", "https://a.example.org/2.pdf")
    behind = entry_of(one, two, ("checksum", "abc"))
    assert [file.checksum.value if file.checksum else None for file in behind.files] == [None, "abc"]
    lone = entry_of(one, ("title", "T"), ("checksum", "abc"))
    assert [file.checksum.value if file.checksum else None for file in lone.files] == ["abc"]
    unclear = entry_of(one, two, ("title", "T"), ("checksum", "abc"))
    assert [file.checksum for file in unclear.files] == [None, None]


def test_files_are_named_once_however_many_they_are() -> None:
    urls = [f"https://a.example.org/{at}.pdf" for at in range(150)]
    elements = itertools.chain.from_iterable(
        (("identifier", url), ("format", "application/pdf")) for url in urls
    )
    files = entry_of(*elements).files
    assert len(files) == len({file.url for file in files}) == 150


def test_the_only_doi_of_isreferencedby_is_the_items() -> None:
    assert entry_of(("isReferencedBy", "https://doi.org/10.5555/A")).doi == "10.5555/a"
    other = entry_of(("isReferencedBy", "10.5555/paper"), ("identifier", "10.5555/a"))
    assert (other.doi, other.relations[0].identifier) == ("10.5555/a", "10.5555/paper")


@pytest.mark.parametrize(
    "root", ["uketddc", "{http://www.openarchives.org/OAI/2.0/}uketddc", "{urn:x}uketd_dc"]
)
def test_a_root_that_lost_its_namespace_is_known(root: str) -> None:
    assert entry_of(("qualificationname", "PhD"), root=root).thesis == Thesis("PhD")


@pytest.mark.measures_time
@pytest.mark.parametrize(
    "name", sorted(OURS | {"creator", "identifier", "isReferencedBy", "accessRights", "format"})
)
def test_many_elements_take_time_in_proportion(name: str) -> None:
    def build(count: int) -> etree._Element:
        tree = etree.Element(ROOT)
        etree.SubElement(tree, f"{{{DC}}}creator").text = "Doe, Jane"
        for at in range(count // 2):
            said = "2020-01-01" if name == "embargodate" else f"https://a.example.org/{at}.pdf"
            etree.SubElement(tree, f"{{{TERMS}}}{name}", type=f"s{at}").text = said
            etree.SubElement(tree, f"{{{TERMS}}}{('sponsor', 'identifier')[at % 2]}").text = str(at)
        return tree

    assert grows(build) < 30
