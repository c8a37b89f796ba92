"""Identifiers get their scheme and one canonical form; what only looks like one stays text."""

from pathlib import Path

import pytest
from dublin_core import document, entry_of
from lxml import etree

from harvester.crosswalk import Context, normalise
from harvester.crosswalk.draft import Draft
from harvester.crosswalk.fields import check_digits, identifiers, relations
from harvester.crosswalk.fields.identifiers import Known
from harvester.crosswalk.roles import roles
from harvester.entry import Funding, Problem, Relation


@pytest.mark.parametrize(
    ("text", "value", "scheme"),
    [
        ("10.1371/journal.pone.0008619", "10.1371/journal.pone.0008619", "doi"),
        ("doi:10.5555/ABC", "10.5555/abc", "doi"),
        ("DOI 10.5555/ABC", "10.5555/abc", "doi"),
        ("https://doi.org/10.5555/ABC.", "10.5555/abc", "doi"),
        ("http://dx.doi.org/10.5555%2Fabc", "10.5555/abc", "doi"),
        ("doi:https://doi.org/10.5555/x", "10.5555/x", "doi"),
        ("info:doi/10.5555/x", "10.5555/x", "doi"),
        ("doi.org/10.5555/x", "10.5555/x", "doi"),
        ("10.1000.10/123", "10.1000.10/123", "doi"),
        ("10.5555/a%3Ab", "10.5555/a:b", "doi"),
        ("10.5555/x.,;)", "10.5555/x", "doi"),
        ("10.6084/m9.figshare.145088.v2", "10.6084/m9.figshare.145088.v2", "doi"),
        ("info:hdl/1912/4843", "1912/4843", "handle"),
        ("hdl.handle.net/1912/4843", "1912/4843", "handle"),
        ("https://orcid.org/0000-0002-1825-0097", "0000-0002-1825-0097", "orcid"),
        ("https://orcid.org/0000-0002-1825-0098", "https://orcid.org/0000-0002-1825-0098", "url"),
        ("https://ror.org/05dxps055", "https://ror.org/05dxps055", "ror"),
        ("ror:05dxps055", "https://ror.org/05dxps055", "ror"),
        ("https://ror.org/05dxps056", "https://ror.org/05dxps056", "url"),
        ("info:eu-repo/semantics/altIdentifier/pmid/123", "123", "pmid"),
        ("info:arxiv/0704.0001", "0704.0001", "arxiv"),
        ("PMC1234567", "PMC1234567", "pmcid"),
        ("ARK:/13030/kt0", "ark:/13030/kt0", "ark"),
        ("URN:NBN:fi-fe2010", "urn:nbn:fi-fe2010", "urn"),
        ("ISBN 0-8044-2957-X", "9780804429573", "isbn"),
        ("ISSN 2049-3630", "2049-3630", "issn"),
        ("ftp://example.org/a", "ftp://example.org/a", "url"),
        ("10.1016/S0140-6736(05)67890-1", "10.1016/s0140-6736(05)67890-1", "doi"),
        ("10.5555/x)", "10.5555/x", "doi"),
        (
            "10.1002/(SICI)1099-0844(199912)17:4<290::AID-CBF849>3.0.CO;2-P",
            "10.1002/(sici)1099-0844(199912)17:4<290::aid-cbf849>3.0.co;2-p",
            "doi",
        ),
        ("http://hdl.handle.net/1765/1154", "1765/1154", "handle"),
        ("hdl:1912/4843", "1912/4843", "handle"),
        ("https://hdl.handle.net/10.5555/x", "10.5555/x", "doi"),
        ("http://hdl.handle.net/123456789/12", "http://hdl.handle.net/123456789/12", "url"),
        ("arXiv:0704.0001v2", "0704.0001v2", "arxiv"),
        ("http://arxiv.org/abs/hep-th/9901001", "hep-th/9901001", "arxiv"),
        ("1501.00001", "1501.00001", "arxiv"),
        ("urn:urn:nbn:de:0183-ip2", "urn:nbn:de:0183-ip2", "urn"),
        ("https://nbn-resolving.org/urn:nbn:de:0183-ip2", "urn:nbn:de:0183-ip2", "urn"),
        ("urn:ISBN:978-0-306-40615-7", "9780306406157", "isbn"),
        ("ISBN: 0-306-40615-2", "9780306406157", "isbn"),
        ("9781Â­4799Â­8626Â­2".replace("Â", ""), "9781479986262", "isbn"),
        ("1932-6203", "1932-6203", "issn"),
        ("ISSN: 0022-5193", "0022-5193", "issn"),
        ("pmid:1234567", "1234567", "pmid"),
        ("PMID: PMC1234567", "PMC1234567", "pmcid"),
        ("https://pubmed.ncbi.nlm.nih.gov/1234567/", "1234567", "pmid"),
        ("ark:/13030/kt0", "ark:/13030/kt0", "ark"),
        ("http://ark.example.org/ark:/13030/kt0", "ark:/13030/kt0", "ark"),
        ("swh:1:cnt:94a9ed024d3859793618152ea559a168bbcbb5e2", "swh:1:cnt:94a9ed024d3859793618152ea559a168bbcbb5e2", "swhid"),
        ("oai:example.org:1", "oai:example.org:1", "oai"),
        ("2010PhRvD..82l4028K", "2010PhRvD..82l4028K", "ads"),
        ("info:eu-repo/semantics/altIdentifier/doi/10.5555/x", "10.5555/x", "doi"),
        ("URL: https://example.org/1", "https://example.org/1", "url"),
        ("HTTPS://Example.org/1", "HTTPS://Example.org/1", "url"),
    ],
)  # fmt: skip
def test_an_identifier_is_recognised(text: str, value: str, scheme: str) -> None:
    assert identifiers.identify(text) == (value, scheme)


@pytest.mark.parametrize(
    "text",
    [
        "1912/4843", "1234567", "1234567890", "Box 82, item 145", "Smith (2010) On doubt. doi:10.5555/x", "10.5555",
        "1932-6204", "ISBN: 0-306-40615-3", "http://example.org/a b.pdf", "http://", "branin.1", "", ".", "10.5555/",
        "P12345", "hdl:123456789/12", "123456789/12", "20.500.12345/1", "12345678", "9780306406158", "ISSN 1932-6204", "doi:", "arXiv:1", "x" * 5000, "urn:", "info:", "info:info/info/",
    ],
)  # fmt: skip
def test_what_only_looks_like_an_identifier_stays_text(text: str) -> None:
    assert identifiers.identify(text) is None


@pytest.mark.parametrize(
    ("text", "scheme", "known"),
    [
        ("10.5555/X", "DOI", ("10.5555/x", "doi")),
        ("https://doi.org/10.5555/X", "DOI", ("10.5555/x", "doi")),
        ("https://doi.org/10.5555/X", "URL", ("10.5555/x", "doi")),
        ("1912/4843", "Handle", ("1912/4843", "handle")),
        ("PMC1234567", "PMID", ("PMC1234567", "pmcid")),
        ("1234567", "PMID", ("1234567", "pmid")),
        ("1234567", "pmc", ("PMC1234567", "pmcid")),
        ("0306406152", "ISBN", ("9780306406157", "isbn")),
        ("2049-3630", "EISSN", ("2049-3630", "issn")),
        ("0704.0001", "arXiv", ("0704.0001", "arxiv")),
        ("2010PhRvD..82l4028K", "bibcode", ("2010PhRvD..82l4028K", "ads")),
        ("05dxps055", "ROR", ("https://ror.org/05dxps055", "ror")),
        ("12345/x", "ARK", ("ark:12345/x", "ark")),
        ("nbn:de:1", "URN", ("urn:nbn:de:1", "urn")),
        ("IECUR0097", "IGSN", ("IECUR0097", "igsn")),
    ],
)
def test_a_stated_scheme_is_a_hint_that_the_text_must_bear_out(
    text: str, scheme: str, known: tuple[str, str]
) -> None:
    assert identifiers.typed(text, scheme) == known


@pytest.mark.parametrize(
    ("text", "doi"),
    [
        ("doi:10.5555/x (accessed 2010)", "10.5555/x"),
        ("10.5555/x<br>", "10.5555/x"),
        ('https://doi.org/10.5555/x" target="_blank"', "10.5555/x"),
        ("10.5555/x, 10.5555/y", "10.5555/x"),
        ("see 10.5555/x", None),
    ],
)
def test_a_doi_is_cut_where_the_text_goes_on(text: str, doi: str | None) -> None:
    known = identifiers.leading_doi(text)
    assert (known and known.value) == doi


@pytest.mark.parametrize(
    ("text", "value", "scheme", "code"),
    [
        ("doi:10.5555/x (accessed 2010)", "10.5555/x", "doi", "identifier_cut"),
        ("ISSN: 1932-6204", "ISSN: 1932-6204", "other", "identifier_invalid"),
        ("ISBN 0-306-40615-3", "ISBN 0-306-40615-3", "other", "identifier_invalid"),
        ("doi:forthcoming", "doi:forthcoming", "other", "identifier_invalid"),
        ("Box 82", "Box 82", "other", None),
    ],
)
def test_an_identifier_that_is_not_what_it_says_is_kept_and_told(
    text: str, value: str, scheme: str, code: str | None
) -> None:
    entry = entry_of(("identifier", text))
    assert [(one.value, one.scheme) for one in entry.identifiers] == [(value, scheme)]
    assert entry.problems == ((Problem("identifiers", code, text),) if code else ())


def test_what_is_called_a_doi_and_is_none_never_becomes_the_entrys() -> None:
    draft = Draft(document([]), Context())
    draft.found = [(identifiers.typed("(:tba)", "DOI"), "(:tba)"), (Known("10.x", "doi"), "10.x")]
    found = roles(draft)
    assert (found.doi, found.url) == (None, None)
    assert [(one.scheme, one.role) for one in found.identifiers] == [("other", "alternate")] * 2
    assert [note.code for note in draft.notes] == ["identifier_invalid"] * 2
    assert relations.typed("(:tba)", type="Cites", scheme="DOI") == Relation("Cites", "(:tba)", "other")


def test_figshares_version_is_taken_off_its_doi() -> None:
    entry = entry_of(("identifier", "10.6084/m9.figshare.145088.v2"))
    assert [(one.value, one.role) for one in entry.identifiers] == [
        ("10.6084/m9.figshare.145088.v2", "version"),
        ("10.6084/m9.figshare.145088", "concept"),
    ]
    assert entry.version == "2"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("isPartOf", "IsPartOf"), ("hasPart", "HasPart"), ("references", "References"), ("isReferencedBy", "IsReferencedBy"),
        ("isVersionOf", "IsVersionOf"), ("requires", "Requires"), ("replaces", "Obsoletes"), ("isReplacedBy", "IsObsoletedBy"),
        ("hasFormat", "IsVariantFormOf"), ("isFormatOf", "IsVariantFormOf"), ("source", "IsDerivedFrom"), ("conformsTo", "Other"),
        ("ISCITEDBY", "IsCitedBy"), ("is supplement to", "IsSupplementTo"), ("is-part-of", "IsPartOf"), ("friend", None),
    ],
)  # fmt: skip
def test_a_relation_is_named_as_datacite_names_it(name: str, kind: str | None) -> None:
    assert relations.relation_type(name) == kind


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("http://a.org/1http://b.org/2", ["http://a.org/1", "http://b.org/2"]),
        ("http://a.org/1;http://b.org/2", ["http://a.org/1", "http://b.org/2"]),
        ("http://a.org/1 http://b.org/2", ["http://a.org/1", "http://b.org/2"]),
        ("http://web.example.org/2010/http://b.org/2", ["http://web.example.org/2010/http://b.org/2"]),
        ("http://a.org/?u=http://b.org/2", ["http://a.org/?u=http://b.org/2"]),
        ("see http://a.org/1", ["see http://a.org/1"]),
    ],
)
def test_glued_urls_come_apart(text: str, parts: list[str]) -> None:
    assert identifiers.pieces(text) == parts


def test_check_digits_tell_an_identifier_from_a_slip() -> None:
    assert check_digits.orcid("0000000218250097") == "0000-0002-1825-0097"
    assert check_digits.orcid("0000-0002-1694-233x") == "0000-0002-1694-233X"
    assert check_digits.orcid("0000-0002-1825-0098") is None
    assert check_digits.issn("2049-3630") == "2049-3630"
    assert check_digits.issn("2434-561x") == "2434-561X"
    assert check_digits.issn("2049-3631") is None
    assert check_digits.isbn13("0-8044-2957-X") == "9780804429573"
    assert check_digits.isbn13("9780306406158") is None
    assert check_digits.ror("05dxps055") == "05dxps055"
    assert check_digits.ror("05dxps056") is None


@pytest.mark.parametrize(
    ("text", "relation"),
    [
        ("10.5555/x", Relation("Other", "10.5555/x", "doi")),
        ("see the other box", Relation("Other", "see the other box", "other")),
        ("IsPartOf: 10.5555/x", Relation("IsPartOf", "10.5555/x", "doi")),
        (
            "is supplement to:https://example.org/1",
            Relation("IsSupplementTo", "https://example.org/1", "url"),
        ),
        ("replaces: 10.5555/x", Relation("Obsoletes", "10.5555/x", "doi")),
        (
            "info:eu-repo/semantics/dataset/doi/10.5555/x",
            Relation("References", "10.5555/x", "doi", "Dataset"),
        ),
        ("info:eu-repo/semantics/reference/doi/10.5555/x", Relation("References", "10.5555/x", "doi")),
        ("Title: a story", Relation("Other", "Title: a story", "other")),
    ],
)
def test_a_relation_keeps_its_target_whatever_it_is(text: str, relation: Relation) -> None:
    assert relations.read(text) == relation


def test_a_grant_is_taken_from_its_uri() -> None:
    uri = "info:eu-repo/grantAgreement/EC/FP7/246686/EU/Open%20Ears/EARS"
    assert relations.grant(uri) == Funding("EC", None, "246686", "Open Ears EARS", uri)
    short = "info:eu-repo/grantAgreement/EC/H2020/1"
    assert relations.grant(short) == Funding("EC", None, "1", None, short)
    assert relations.grant("info:eu-repo/grantAgreement/EC") is None


@pytest.mark.parametrize(
    ("url", "article"),
    [
        ("https://figshare.com/articles/Some_title/145088", ("145088", None)),
        ("https://figshare.com/articles/dataset/Some_title/145088/2", ("145088", "2")),
        ("https://monash.figshare.com/articles/thesis/T/9", ("9", None)),
        ("https://figshare.com/articles/145088?x=1", ("145088", None)),
        ("https://figshare.com/authors/A/1", None),
        ("https://notfigshare.example.org/articles/x/1", None),
    ],
)
def test_figshares_landing_page_is_known_by_its_path(
    url: str, article: tuple[str, str | None] | None
) -> None:
    assert relations.figshare_article(url) == article


def test_a_title_that_slipped_behind_a_doi_makes_no_doi() -> None:
    golden = Path(__file__).parent / "rdf-vivo" / "figshare_paper_is_no_conference_paper.xml"
    graph = next(etree.parse(golden).iter("{*}RDF"))
    doi = next(graph.iter("{*}doi"))
    said, doi.text = doi.text, f"{doi.text}A Paper"
    entry = normalise(graph).entry
    assert entry.doi == f"{said}a"
    assert "identifier_cut" in {each.code for each in entry.problems}
