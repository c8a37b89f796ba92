"""What would hurt users of arXiv's formats: authors torn apart, another's affiliation, the journal's DOI as the preprint's."""

import time

import pytest
from lxml import etree

from harvester.crosswalk import Reading, normalise

ROOTS = [
    ("arXiv", "http://arxiv.org/OAI/arXiv/"),
    ("arXivRaw", "http://arxiv.org/OAI/arXivRaw/"),
    ("arXivOld", "http://arxiv.org/OAI/arXivOld/"),
]


def read(name: str, inner: str, namespace: str | None = None) -> Reading:
    own = namespace or dict(ROOTS)[name]
    return normalise(
        etree.fromstring(f'<{name} xmlns="{own}"><id>2101.00001</id><title>T</title>{inner}</{name}>')
    )


def raw_authors(text: str) -> list[tuple[str, list[str | None]]]:
    entry = read("arXivRaw", f"<authors>{text}</authors>").entry
    return [(agent.name, [known.name for known in agent.affiliations]) for agent in entry.creators]


@pytest.mark.parametrize(("name", "own"), ROOTS)
@pytest.mark.parametrize("namespace", [None, "", "http://www.openarchives.org/OAI/2.0/"])
def test_the_root_is_known_wherever_its_namespace_went(name: str, own: str, namespace: str | None) -> None:
    declared = f' xmlns="{own if namespace is None else namespace}"' if namespace != "" else ""
    reading = normalise(etree.fromstring(f"<{name}{declared}><id>2101.00001</id><title>T</title></{name}>"))
    assert (reading.crosswalk, reading.entry.title) == (name, "T")


@pytest.mark.parametrize(("name", "_own"), ROOTS)
def test_the_doi_of_the_published_version_is_not_the_preprints(name: str, _own: str) -> None:
    entry = read(name, "<doi>10.5555/journal.1</doi>").entry
    assert entry.doi is None
    assert [(r.type, r.identifier, r.scheme) for r in entry.relations] == [
        ("IsVersionOf", "10.5555/journal.1", "doi")
    ]
    assert [(known.value, known.role) for known in entry.identifiers] == [("2101.00001", "primary")]
    assert (entry.type, entry.languages, entry.publisher) == ("Preprint", (), "arXiv")


@pytest.mark.parametrize(
    "number", ["2101.00001", "0704.0001", "hep-th/9901001", "math.GT/0309136", "arXiv:2101.00001v3"]
)
def test_every_form_of_arxivs_number_is_one(number: str) -> None:
    entry = normalise(etree.fromstring(f"<arXivRaw><id>{number}</id><title>T</title></arXivRaw>")).entry
    assert [(k.value, k.scheme) for k in entry.identifiers] == [(number.removeprefix("arXiv:"), "arxiv")]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("A. Adams", ["A. Adams"]),
        ("A. Adams and B. Baker", ["A. Adams", "B. Baker"]),
        ("A. Adams, B. Baker, and C. Curie", ["A. Adams", "B. Baker", "C. Curie"]),
        ("A. Adams &amp; B. Baker", ["A. Adams", "B. Baker"]),
        ("Martin King, Jr., B. Anderson III", ["Martin King, Jr.", "B. Anderson III"]),
        ("Alexander Band, Sandy Andrews", ["Alexander Band", "Sandy Andrews"]),
        ("ABC Collaboration: A. Adams", ["ABC Collaboration", "A. Adams"]),
        ("{\\L}ukasz K., {A, B} Club", ["{\\L}ukasz K.", "{A, B} Club"]),
        ("A. Adams)", ["A. Adams)"]),
        ("(Here)", ["(Here)"]),
    ],
)
def test_one_string_of_authors_is_separated_where_that_is_certain(text: str, names: list[str]) -> None:
    assert [name for name, _ in raw_authors(text)] == names


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A. Adams (MIT), B. Baker (Here, There)", [("A. Adams", ["MIT"]), ("B. Baker", ["Here, There"])]),
        ("A. Adams, B. Baker (MIT)", [("A. Adams", []), ("B. Baker", ["MIT"])]),
        ("A (1), B (1,2) ((1) Here, (2) There)", [("A", ["Here"]), ("B", ["Here", "There"])]),
        ("A (a), B (b) ((a) Here (old), (b) There)", [("A", ["Here (old)"]), ("B", ["There"])]),
        ("A (1), B (2)", [("A", []), ("B", [])]),
        ("A, B ((see below))", [("A", []), ("B", ["(see below)"])]),
    ],
)
def test_an_affiliation_goes_to_the_name_before_it(text: str, expected: list[tuple[str, list[str]]]) -> None:
    assert raw_authors(text) == expected


def test_versions_are_dates_and_the_last_one_is_the_items() -> None:
    entry = read(
        "arXivRaw",
        '<version version="v1"><date>Mon, 22 Oct 2018 22:41:50 GMT</date><size>1kb</size></version>'
        '<version version="v2"><date>Sun, 13 Jan 2019 11:17:09 GMT</date><size>2kb</size></version>',
    ).entry
    assert [(date.type, date.value) for date in entry.dates] == [
        ("Created", "2018-10-22"),
        ("Updated", "2019-01-13"),
    ]
    assert (entry.version, entry.sizes, entry.year) == ("v2", ("2kb",), 2018)


@pytest.mark.parametrize(
    ("said", "schemes"),
    [("F.2.2; I.2.7", ["ACM", "ACM"]), ("11B37", ["MSC"]), ("11B37; 11-XX (Primary)", ["MSC", "MSC"]), ("physics", []), ("F.2.2 and more", [])],
)  # fmt: skip
def test_acm_class_is_trusted_only_where_it_looks_like_acm(said: str, schemes: list[str]) -> None:
    reading = read("arXiv", f"<acm-class>{said}</acm-class>")
    assert [subject.scheme for subject in reading.entry.subjects] == schemes
    assert bool(reading.unread) is not bool(schemes)


@pytest.mark.measures_time
@pytest.mark.parametrize(
    "text",
    ["A. Adams (1), " * 50_000, "(" * 100_000, "()" * 100_000, "and " * 100_000, "{" * 100_000, "a (1 and 1) " * 30_000,
     "A. for the " * 50_000 + "Collaboration", "A, " + "Jr., " * 100_000, "a()" * 100_000, "x" * 1_000_000],
    ids=["authors", "open", "brackets", "and", "braces", "keys", "for", "suffixes", "bracketed", "one word"],
)  # fmt: skip
def test_time_grows_with_the_authors_and_no_faster(text: str) -> None:
    begun = time.perf_counter()
    raw_authors(text)
    read(
        "arXiv",
        f"<authors><author><keyname>{text}</keyname></author></authors><msc-class>{text}</msc-class><doi>{text}</doi>",
    )
    assert time.perf_counter() - begun < 20
