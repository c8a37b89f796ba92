"""DataCite, wrapped and bare: what golden pairs do not show."""

import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree
from test_crosswalk_golden import OAI
from test_crosswalk_hostile import check

from harvester.crosswalk import Reading, normalise
from harvester.crosswalk.formats import datacite
from harvester.crosswalk.formats.datacite_relations import series
from harvester.crosswalk.registry import crosswalk_for

KERNEL = "http://datacite.org/schema/kernel-"
OPENAIRE = "http://namespace.openaire.eu/schema/oaire/"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
FOLDER = Path(__file__).parent
MANY = 100_000


def resource(inner: str, namespace: str = KERNEL + "4", attributes: str = "") -> etree._Element:
    said = f' xmlns="{namespace}"' if namespace else ""
    return etree.fromstring(f'<resource{said} xmlns:xsi="{XSI}" {attributes}>{inner}</resource>')


def read(inner: str, namespace: str = KERNEL + "4") -> Reading:
    return normalise(resource(inner, namespace))


TITLED = "<titles><title>T</title></titles>"


@pytest.mark.parametrize(
    ("namespace", "attributes", "inner", "schema"),
    [
        (KERNEL + "2.1", "", TITLED, "2"),
        (KERNEL + "2.2", "", TITLED, "2"),
        (KERNEL + "3", "", TITLED, "3"),
        (KERNEL + "3.1", "", TITLED, "3"),
        (KERNEL + "4", "", TITLED, "4"),
        (KERNEL + "4.7", "", TITLED, "4"),
        (KERNEL + "4.12", "", TITLED, "4"),
        ("https://datacite.org/schema/kernel-3", "", TITLED, "3"),
        ("", f'xsi:schemaLocation="{KERNEL}3 http://schema.datacite.org/meta/kernel-3/metadata.xsd"', TITLED, "3"),
        ("http://www.openarchives.org/OAI/2.0/", "", TITLED, "4"),
        ("", "", TITLED + "<rights>free</rights>", "2"),
        ("", "", TITLED + '<dates><date dateType="EndDate">2010</date></dates>', "2"),
        ("", "", TITLED + "<geoLocations><geoLocation><geoLocationPoint>1 2</geoLocationPoint></geoLocation></geoLocations>", "3"),
        ("", "", TITLED + "<rightsList><rights>free</rights></rightsList>", "4"),
        ("", "", TITLED + '<creators><creator><creatorName nameType="Personal">A, B</creatorName></creator></creators>', "4"),
    ],
)  # fmt: skip
def test_every_root_is_recognised_and_its_kernel_told(
    namespace: str, attributes: str, inner: str, schema: str
) -> None:
    reading = normalise(resource(inner, namespace, attributes))
    assert (reading.crosswalk, reading.schema, reading.entry.title) == ("datacite", schema, "T")


@pytest.mark.parametrize(
    "document",
    [
        f'<resource xmlns="{OPENAIRE}"><titles/></resource>',
        f'<resource xmlns:o="{OPENAIRE}"><titles/><o:file>x</o:file></resource>',
        "<resource><titles/><licenseCondition/></resource>",
        "<resource><name>a web page</name></resource>",
        "<resource/>",
        '<Resource xmlns="http://www.ivoa.net/xml/RegistryInterface/v1.0"><title>T</title></Resource>',
    ],
)
def test_other_formats_with_a_root_of_that_name_are_left_to_their_own_readers(document: str) -> None:
    assert crosswalk_for(etree.fromstring(document)).name not in ("datacite", "oai_datacite")


@pytest.mark.parametrize("namespace", ["http://schema.datacite.org/oai/oai-1.0/", "http://schema.datacite.org/oai/oai-1.1/", "urn:x", ""])  # fmt: skip
@pytest.mark.parametrize("version", ["2.2", "3", "4"])
def test_a_wrapper_is_read_as_what_it_wraps(namespace: str, version: str) -> None:
    said = f'xmlns="{namespace}"' if namespace else ""
    inner = resource(
        TITLED + "<creators><creator><creatorName>Doe, Jane</creatorName></creator></creators>",
        KERNEL + version,
    )
    wrapper = etree.fromstring(
        f"<oai_datacite {said}><schemaVersion>1</schemaVersion><payload/></oai_datacite>"
    )
    wrapper[1].append(inner)
    wrapped = normalise(wrapper)
    bare = normalise(resource("".join(etree.tostring(child).decode() for child in inner), KERNEL + version))
    assert (wrapped.crosswalk, wrapped.schema) == ("oai_datacite", version[0])
    assert wrapped.entry == bare.entry


@pytest.mark.parametrize(
    ("year", "dates", "issued"),
    [
        ("2017", [("Issued", "2017-04-01")], "2017-04-01"),
        ("2017", [("Issued", "2017-04"), ("Issued", "2017-04-01")], "2017-04-01"),
        ("2017", [("Issued", "2017~")], "2017"),
        ("2017", [("Issued", "2016/2018")], "2017"),
        ("2017", [("Issued", "2016-12-31")], "2017"),
        ("2017", [("Issued", "2016"), ("Available", "2017-01-01")], "2017"),
        ("2017", [("Available", "2017-04-01"), ("Created", "2015")], "2017"),
        ("last year", [("Available", "2017-04-01"), ("Created", "2015")], "2017-04-01"),
        ("", [("Issued", "2016-12-31"), ("Created", "2015")], "2016-12-31"),
        ("", [("Created", "2015-01-01"), ("Valid", "2014")], "2015-01-01"),
        ("", [("Updated", "2015-01-01")], None),
    ],
)
def test_publication_year_decides_the_year_and_a_finer_date_of_issue_the_day(
    year: str, dates: list[tuple[str, str]], issued: str | None
) -> None:
    listed = "".join(f'<date dateType="{kind}">{said}</date>' for kind, said in dates)
    for inner in (
        f"<publicationYear>{year}</publicationYear><dates>{listed}</dates>",
        f"<dates>{listed}</dates><publicationYear>{year}</publicationYear>",
    ):
        entry = read(inner).entry
        assert entry.issued == issued
        assert entry.year == (int(issued[:4]) if issued else None)
        assert [date.raw for date in entry.dates if date.raw != year] == [said for _, said in dates]


@pytest.mark.parametrize(
    ("text", "container"),
    [
        ("Journal of Tides, 12(3), 45-67", ("Journal of Tides", "12", "3", "45", "67")),
        ("Journal of Tides; Vol. 3 No. 2 (2010); 12-20", ("Journal of Tides", "3", "2", "12", "20")),
        ("Tides, Volume XXII, No. 1, June 2018", ("Tides", "XXII", "1", None, None)),
        ("J of Tides, 2009, Iss. 08, p. 15-19", ("J of Tides", None, "08", "15", "19")),
        ("Journal of Tides, (2017). doi:10.5072/1468", ("Journal of Tides", None, None, None, None)),
        ("Tides, 2016", None),
        ("Tides, Kiel", None),
        ("Tides, Vol. Springtide, No. 2", None),
        ("Tides, Vol. 3, Vol. 4", None),
        ("Tides of the bay", None),
        ("Tides, Vol. 3abc", None),
    ],
)
def test_series_information_is_a_container_only_where_every_word_is_understood(
    text: str, container: tuple[str | None, ...] | None
) -> None:
    found = series(text)
    parts = found and (found.title, found.volume, found.issue, found.first_page, found.last_page)
    assert parts == container


@pytest.mark.measures_time
def test_everyone_keeps_their_place_their_orcid_and_their_affiliation() -> None:
    # 0000-0002-1825-0097 is the ORCID of every third, who alone has one
    people = "".join(
        f"<creator><creatorName>Family{at}, Given</creatorName>"
        + ('<nameIdentifier nameIdentifierScheme="ORCID">0000-0002-1825-0097</nameIdentifier>' if at % 3 == 0 else "")
        + (f"<affiliation>Place {at}</affiliation>" if at % 2 else "")
        + "</creator>"
        for at in range(MANY)
    )  # fmt: skip
    tree = resource(f"<creators>{people}</creators>")
    begun = time.perf_counter()
    creators = normalise(tree).entry.creators
    assert time.perf_counter() - begun < 5
    assert [each.name for each in creators] == [f"Family{at}, Given" for at in range(MANY)]
    assert {at % 3 for at, each in enumerate(creators) if each.orcid} == {0}
    assert all(
        [place.name for place in each.affiliations] == ([f"Place {at}"] if at % 2 else [])
        for at, each in enumerate(creators)
    )


def issn(number: int) -> str:
    digits = f"{number:07}"
    rest = -sum(int(digit) * weight for digit, weight in zip(digits, range(8, 1, -1), strict=True)) % 11
    return f"{digits[:4]}-{digits[4:]}{'X' if rest == 10 else rest}"


HOSTILE = {
    "names in one creator": lambda n: "<creator>" + "<creatorName>A, B</creatorName><affiliation>x</affiliation>" * n + "</creator>",
    "identifiers of one creator": lambda n: "<creator><creatorName>A, B</creatorName>" + "".join(f'<nameIdentifier nameIdentifierScheme="X">{at}</nameIdentifier>' for at in range(n)) + "</creator>",
    "affiliations of one creator": lambda n: "<creator><creatorName>A, B</creatorName>" + "".join(f"<affiliation>{at}</affiliation>" for at in range(n)) + "</creator>",
    "words of types": lambda n: "".join(f'<relatedIdentifier relationType="T{at}" relatedIdentifierType="X{at}">10.5072/{at}</relatedIdentifier>' for at in range(n)),
    "journals": lambda n: "".join(f'<relatedIdentifier relationType="IsPartOf" relatedIdentifierType="ISSN">{issn(at)}</relatedIdentifier>' for at in range(n)),
    "related items": lambda n: "".join(f'<relatedItem relationType="IsPublishedIn"><titles><title>t{at}</title></titles><volume>{at}</volume></relatedItem>' for at in range(n)),
    "dates of issue": lambda n: "<publicationYear>2001</publicationYear>" + '<date dateType="Issued">2001-01-01</date>' * n,
    "years": lambda n: "<publicationYear>2001</publicationYear>" * n,
    "rights": lambda n: "".join(f'<rights rightsURI="http://a.example/{at}" rightsIdentifier="R-{at}">r-{at}</rights>' for at in range(n)),
    "series": lambda n: '<description descriptionType="SeriesInformation">Tides, Vol. 1, Kiel</description>' * n,
    "points": lambda n: "<geoLocation><geoLocationPolygon>" + "<polygonPoint><pointLatitude>1</pointLatitude><pointLongitude>2</pointLongitude></polygonPoint>" * n + "</geoLocationPolygon></geoLocation>",
    "numbers of a box": lambda n: "<geoLocation><geoLocationBox>" + "1 " * n + "</geoLocationBox></geoLocation>",
    "commas of a name": lambda n: "<creator><creatorName>" + "a, " * n + "</creatorName></creator>",
    "a long attribute": lambda n: '<title titleType="' + "x" * n + '">t</title>',
}  # fmt: skip


@pytest.mark.measures_time
@pytest.mark.parametrize("name", HOSTILE)
def test_time_grows_with_the_size_of_a_document_and_no_faster(name: str) -> None:
    def seconds(count: int) -> float:
        tree = resource(HOSTILE[name](count))
        begun = time.perf_counter()
        check_size(normalise(tree))
        return time.perf_counter() - begun

    seconds(10)
    small, large = min(seconds(2_000) for _ in range(3)), seconds(40_000)
    # Twenty times the size: what is quadratic takes 400 times as long. Times of some milliseconds are noise.
    assert large < 0.05 or large < 120 * small, f"{small:.4f} s, then {large:.4f} s"


def check_size(reading: Reading) -> None:
    assert reading.entry.container is None or len(reading.entry.container.issn) < 100


def test_deep_nesting_is_no_danger() -> None:
    deep = "<creators>" * 120 + "<titles><title>" * 60 + "x" + "</title></titles>" * 60 + "</creators>" * 120
    assert sum(read(deep).unread.values()) == 1
    assert read("<titles><title>" + "<i>x" * 200 + "</i>" * 200 + "</title></titles>").entry.title


@pytest.mark.parametrize("path", sorted([*FOLDER.glob("datacite/*.xml"), *FOLDER.glob("oai_datacite/*.xml")]), ids=lambda path: path.stem)  # fmt: skip
def test_a_document_known_to_be_clean_is_read_the_same(path: Path) -> None:
    """The harvest looks once at the whole text; what it then spares must make no difference."""
    root = etree.parse(path, etree.XMLParser(remove_blank_text=True)).getroot()
    metadata = root.find(OAI + "metadata")[0] if root.tag == OAI + "record" else root
    alone = etree.fromstring(etree.tostring(metadata, with_tail=False))
    assert normalise(alone, canonical=etree.tostring(alone, method="c14n", with_comments=False)) == normalise(
        alone
    )


NAMES = sorted({*datacite.BRANCHES, *(
    "creatorName", "contributorName", "givenName", "familyName", "nameIdentifier", "affiliation", "geoLocationPoint",
    "geoLocationBox", "geoLocationPolygon", "polygonPoint", "pointLatitude", "pointLongitude", "westBoundLongitude",
    "eastBoundLongitude", "southBoundLatitude", "northBoundLatitude", "geoLocationPlace", "funderName", "awardNumber",
    "funderIdentifier", "awardTitle", "relatedItemIdentifier", "volume", "firstPage", "br", "surprise",
)})  # fmt: skip
ATTRIBUTES = [
    "nameType", "nameIdentifierScheme", "schemeURI", "affiliationIdentifier", "titleType", "resourceTypeGeneral", "contributorType",
    "dateType", "identifierType", "alternateIdentifierType", "relatedIdentifierType", "relationType", "rightsURI", "rightsIdentifier",
    "descriptionType", "awardURI", "funderIdentifierType", "relatedItemType", "subjectScheme", "classificationCode", "valueURI",
    "{http://www.w3.org/XML/1998/namespace}lang",
]  # fmt: skip
TEXT = st.sampled_from([
    "", " ", "x", "Doe, Jane", "A; B; C", "10.5072/A.v2", "https://orcid.org/0000-0002-1825-0097", "0000-0002-1825-0097", "(:unav)",
    "https://ror.org/05gq02987", "2020", "2020-13-45", "0000", "2019/2020", "91 181", "1 2 3 4", "-95", "1e400", "nan", "en", "CC BY",
    "https://creativecommons.org/licenses/by/4.0/", "info:eu-repo/grantAgreement/EC/FP7/1", "0168-8510", "123456789/4", "<b>x</b>",
    "Tides, Vol. 1, No. 2", "https://figshare.com/articles/x/1/2", "Funder", "IsPartOf", "IsPublishedIn", "DOI", "ISSN", "URL", "Handle",
    "Issued", "Available", "StartDate", "EndDate", "Dataset", "SPDX", "Volume", "Pages", "Abstract", "SeriesInformation", "\x85", "Ã©",
])  # fmt: skip
TREES = st.recursive(
    st.builds(lambda *said: (*said, []), st.sampled_from(NAMES), TEXT, st.dictionaries(st.sampled_from(ATTRIBUTES), TEXT, max_size=4)),
    lambda inner: st.builds(lambda *said: said, st.sampled_from(NAMES), TEXT, st.dictionaries(st.sampled_from(ATTRIBUTES), TEXT, max_size=3), st.lists(inner, max_size=5)),
    max_leaves=20,
)  # fmt: skip


def grown(shape: tuple[str, str, dict[str, str], list[tuple]], parent: etree._Element) -> None:  # type: ignore[type-arg]
    name, text, attributes, inner = shape
    element = etree.SubElement(parent, f"{{{KERNEL}4}}{name}", attributes)
    element.text = text
    for each in inner:
        grown(each, element)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(TREES, max_size=6))
def test_any_resource_becomes_a_valid_entry(shapes: list[tuple]) -> None:  # type: ignore[type-arg]
    root = etree.Element(f"{{{KERNEL}4}}resource")
    for shape in shapes:
        grown(shape, root)
    check(normalise(root))
